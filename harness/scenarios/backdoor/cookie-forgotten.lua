-- Goal:   the VMM loses the channel, right before each call of a conversation in turn. The module opens another one and
--         asks again with the same bytes: nothing is lost, nothing is done twice, and the epoch goes on.
-- Source: vmware-backdoor.md 3.3 rule 31, 3.4 M1, M6; transport/guest/README.md 4 (lost replies), 8 (what it costs)

local function conversation(profile, nth)
    vm {
        links = { "backdoor" }, because = "serial has no channels",
        backdoor = profile, modules = 1, prints = 1,
    }
    attach()
    fault { layer = "exit", kind = "forget", nth = nth }
    boot()
    target.exception(0xC0000094)
    check.equal(dbg.wait_stop().code, 0xC0000094)
    check.equal(dbg.write(image.pool, "exactly once"), 12)
    check.equal(dbg.read(image.pool, 12), "exactly once")
    dbg.step()
    dbg.continue()
    target.print("line", 3)
    dbg.wait_print("line 3")
    check.counters {
        loads = 1, stops = 2, prints = 4, duplicates = 0,
        ["relay.epochs"] = at_most(2), ["relay.stale"] = 0, ["relay.refused"] = 0,
    }
    return faults_struck() == 1
end

for profile, step in pairs { vmware = 1, ["vmware-LB-only"] = 7 } do
    local calls = 0
    for nth = 1, 2000, step do
        if not conversation(profile, nth) then break end
        calls = calls + 1
    end
    check.between(calls, 60, 1000, "calls")
    print(calls .. " calls of " .. profile .. ", before each of which the channel was lost")
end
