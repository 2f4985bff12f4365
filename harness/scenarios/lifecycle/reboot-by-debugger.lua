-- Goal:   after .reboot everything in the guest is forgotten; the first frame of the new boot says so with SYNC, and
--         the debugger follows by itself: modules are listed again, and it can break in.
-- Source: kd-protocol.md 5.9 rule 1, 2.3 rule 1, 5.2
vm { modules = 4 }

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.write(image.pool, "gone after the reboot"), 21)
local handle = dbg.breakpoint(image.routine)
check.equal(handle, 1)

dbg.reboot()
wire [[
    *    > state_change64 load_symbols id=0+sync
    ...
]]
wait_booted(2)
check.counters { loads = 8, boots = 2, stops = 1, duplicates = 0 }

after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.that(dbg.read(image.pool, 21) ~= "gone after the reboot", "memory is the image's again")
check.equal(dbg.breakpoint(image.routine), 1, "the table of breakpoints is empty again")
