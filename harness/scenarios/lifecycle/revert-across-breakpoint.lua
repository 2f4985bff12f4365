-- Goal:   breakpoints live in the guest's memory and in its table, and both go back together. One that was set after the
--         snapshot is not hit, one that was removed after it is hit again, and the debugger sees the right handle.
-- Source: kd-protocol.md 4.4 rule 5 (breakpoints), 5.10 rule 4
vm { modules = 2, steps_per_tick = 8 }

-- As in the other stories: on serial a person asks for a fresh start.
local function breaks_in()
    dbg.break_in()
    if link == "serial" then after(ms(50)); dbg.resync() end
    dbg.settle()
end

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
local original = dbg.read(image.routine, 1)
dbg.go()
after(ms(20))
target.snapshot("without")

-- Set after it: hit, until the machine is reverted.
breaks_in()
local handle = dbg.insist(dbg.breakpoint, image.routine)
check.equal(handle, 1)
dbg.insist(dbg.go)
check.equal(dbg.wait_stop(s(2)).pc, image.routine)
target.revert("without")
after(ms(20))
breaks_in()
check.equal(dbg.insist(dbg.read, image.routine, 1), original, "the byte is the program's again")
check.equal(dbg.insist(dbg.breakpoint, image.routine), 1, "and the table was empty")
target.snapshot("with")

-- Removed after the snapshot: it is back.
dbg.insist(dbg.remove_breakpoint, 1)
dbg.insist(dbg.go)
after(ms(200))
target.revert("with")
after(ms(20))
breaks_in()
local stops = #dbg.stops()
dbg.insist(dbg.go)
check.equal(dbg.wait_stop(s(2)).pc, image.routine, "hit again")
dbg.continue()                                       -- a stop takes the breakpoints that it shows out (4.1)
after(ms(100))
check.counters { boots = 1 }
