-- Goal:   a breakpoint in code that runs is hit each time around: step off it with the byte removed, put it back, go. One that
--         was removed, or not put back, is not hit.
-- Source: kd-protocol.md 5.5 rules 1 and 3, 4.1 note 2
vm { steps_per_tick = 20 }

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.breakpoint(image.routine), 1)
dbg.go()
local counted
for time = 1, 10 do
    local stop = dbg.wait_stop()
    check.equal(stop.code, 0x80000003, "time " .. time)
    check.equal(stop.pc, image.routine)
    check.equal(stop.address, image.routine)
    local registers = dbg.context()
    local count = arch == "x64" and registers.rcx or registers.ecx     -- the routine counts in it
    if counted then check.equal(count, counted + 1, "once around, not twice") end
    counted = count
    stop = dbg.step()
    check.equal(stop.code, 0x80000004)
    check.between(stop.pc - image.routine, 1, 3, "one instruction further")
    check.equal(dbg.breakpoint(image.routine), 1)
    dbg.continue()
end

-- Not put back: it runs through.
dbg.wait_stop()
dbg.continue()
after(s(1))
check.counters { stops = 22 }

-- Set and taken away before it ran.
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.breakpoint(image.routine), 1)
check.equal(dbg.remove_breakpoint(1), 0)
dbg.go()
after(s(1))
target.print("never stopped")
dbg.wait_print("never stopped 1")
check.counters { stops = 23, duplicates = 0 }
