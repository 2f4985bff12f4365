-- Goal:   counter relay.epochs: a suspend in the middle of a reply costs an epoch, where the reply should be fetched again
-- Source: harness/scenarios/backdoor/checkpoint-at-each-call.lua, which found it
for nth = 1, 90 do
    vm { modules = 1, prints = 1, link = "backdoor", because = "found there" }
    attach()
    fault { layer = "exit", kind = "checkpoint", nth = nth }
    boot()
    target.exception(0xC0000094); dbg.wait_stop()
    dbg.write(image.pool, "exactly once"); dbg.step(); dbg.continue()
    target.print("line", 3); dbg.wait_print("line 3")
    check.counters { ["relay.epochs"] = 1 }
end
