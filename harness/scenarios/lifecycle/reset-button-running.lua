-- Goal:   the reset button strikes a running machine, without a word to anybody: the first frame of the new boot says
--         so with SYNC, and the debugger follows by itself: modules are listed again, and it can break in.
-- Source: kd-protocol.md 5.10 rule 3, 2.3 rule 1; vmware-backdoor.md (a reset closes the channels)
vm { modules = 4, prints = 2, ticks_per_print = 2 }

attach()
boot()
for again = 1, 3 do
    after(ms(50) + ms(3) * again)                  -- at another moment of a tick each time, prints under way or not
    dbg.break_in()
    dbg.wait_stop()
    dbg.write(image.pool, "before the reset")
    check.equal(dbg.breakpoint(image.routine), 1, "the table of breakpoints is empty")
    check.equal(dbg.remove_breakpoint(1), 0)
    dbg.go()

    local told = #dbg.loads()
    target.reset()
    wire [[
        ...
        *    > state_change64 load_symbols id=0+sync
        ...
    ]]
    wait_booted(1 + again)
    check.equal(#dbg.loads() - told, 4, "modules are listed again")
    check.equal(dbg.state(), "RUNNING")
end

dbg.break_in()
dbg.wait_stop()
check.that(dbg.read(image.pool, 16) ~= "before the reset", "memory is the image's again")
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { boots = 4, resets = 3, stops = 4, breaks_honoured = 4, duplicates = 0 }
