-- Goal:   each request of the module in turn is lost before the host saw it, once, and twice in a row. The module
--         closes the channel, opens another and asks again, as often as it takes; the relay has seen nothing, so it
--         repeats nothing, and every packet arrives once.
-- Source: transport/guest/README.md 4 (lost replies: the module cannot tell), vmware-backdoor.md 3.3 rule 31

local function conversation(nth, count)
    vm {
        links = { "backdoor", "doorbell" }, because = "only a VMM has RPCs to lose",
        modules = 3, prints = 1,
    }
    attach()
    fault { layer = "rpc", direction = "request", kind = "lose", nth = nth, count = count }
    boot()
    target.exception(0xC0000094)
    check.equal(dbg.wait_stop().code, 0xC0000094)
    check.equal(dbg.write(image.pool, "exactly once"), 12)
    check.equal(dbg.read(image.pool, 12), "exactly once")
    dbg.step()
    dbg.continue()
    target.prompt("Ready?", 8)
    dbg.wait_prompt()
    dbg.answer("yes")
    target.print("line", 3)
    dbg.wait_print("line 3")
    check.counters {
        loads = 3, stops = 2, prints = 4, duplicates = 0,
        ["relay.epochs"] = 1, ["relay.repeated"] = 0, ["relay.stale"] = 0,
    }
end

-- One RPC is tried on two channels. A hello that fails on both means that nobody is there (5. Detection), so a pair of
-- losses begins behind it.
for count = 1, 2 do
    local lost = 0
    for nth = count, 200 do
        conversation(nth, count)
        if faults_struck() < count then break end
        lost = lost + 1
    end
    check.between(lost, 12, 199, "requests lost one by one") -- a poll that finds nothing to ask for is no request
    print(lost .. " requests, " .. (count == 1 and "lost once" or "lost twice in a row"))
end
