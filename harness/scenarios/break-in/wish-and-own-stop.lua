-- Goal:   the wish to break in comes while modules are announced, and the target hits a breakpoint before its next tick:
--         the relay keeps the wish for a tick, so that one stop fulfils both. On serial a module's stop reads the byte,
--         and the target stops once more behind its breakpoint.
-- Source: kd-protocol.md 5.7 rules 2, 4; transport/relay/README.md, decision 3; found by the swarm (backdoor, seed 1359)

local function breaks_in_after(moment)
    vm { steps_per_tick = 24 }
    attach()
    boot()
    after(ms(20)); dbg.break_in(); dbg.wait_stop()
    local breakpoint = dbg.breakpoint(image.routine)
    work("load", 3)                                       -- at the next tick, before any instruction
    later(moment, "break_in")
    dbg.go()
    local stop = dbg.wait_stop()
    check.equal(stop.pc, image.routine)
    dbg.remove_breakpoint(breakpoint)
    dbg.go()
    if link ~= "serial" then
        after(ms(40))
        check.equal(dbg.state(), "RUNNING", "after " .. moment .. " ns")
        check.counters { stops = 2, loads = 2 + 3 }
    end
end

-- On the doorbell all that is over sooner, and a later wish finds a target that runs.
for moment = us(link == "doorbell" and 100 or 400), us(link == "doorbell" and 600 or 1200), us(40) do
    breaks_in_after(moment)
end
