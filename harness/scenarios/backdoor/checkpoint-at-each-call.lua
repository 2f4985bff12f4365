-- Goal:   the VM is suspended right before each register call of a conversation in turn, once, twice and four times in a
--         row. The module starts the transfer over, or after too many times takes another channel; nobody else notices.
-- Source: vmware-backdoor.md 3.3 rules 27 to 29 and 31, 3.4 M4; transport/guest/README.md 4, 6 (at most 3 checkpoints)

local function conversation(profile, nth, count)
    vm {
        links = { "backdoor" }, because = "only the backdoor has calls to be suspended in",
        backdoor = profile, modules = 1, prints = 1,
    }
    attach()
    fault { layer = "exit", kind = "checkpoint", nth = nth, count = count }
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
        ["relay.epochs"] = 1, ["relay.stale"] = 0, ["relay.refused"] = 0,
    }
    return faults_struck() == count
end

-- With high bandwidth every call in turn; with low, where a message takes many alike, every seventh.
for _, way in ipairs { { "vmware", 1, 1 }, { "vmware", 2, 1 }, { "vmware", 4, 1 }, { "vmware-LB-only", 1, 7 } } do
    local profile, count, step = way[1], way[2], way[3]
    local calls = 0
    for nth = 1, 2000, step do
        if not conversation(profile, nth, count) then break end
        calls = calls + 1
    end
    check.between(calls, 60, 1000, "calls")
    print(calls .. " calls of " .. profile .. ", suspended " .. count .. " in a row")
end
