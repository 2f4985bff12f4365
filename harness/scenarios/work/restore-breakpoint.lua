-- Goal:   RestoreBreakPoint puts back exactly the byte that was there, in whatever order; handles that are not in use are
--         refused; what is near a stop is taken out by the target itself, and its handle with it.
-- Source: kd-protocol.md 4.4 (3135, note 5), 4.1 note 2, vectors S14, S15
vm { steps_per_tick = 20 }

local UNSUCCESSFUL = 0xC0000001
attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

-- Five side by side, set and taken in different orders.
local base = image.pool + 0x800
local original = dbg.read(base, 5)
for _, order in ipairs { { 1, 2, 3, 4, 5 }, { 5, 4, 3, 2, 1 }, { 3, 1, 5, 2, 4 } } do
    for i = 1, 5 do check.equal(dbg.breakpoint(base + i - 1), i) end
    check.equal(dbg.read(base, 5), ("\xCC"):rep(5))
    for taken, handle in ipairs(order) do
        check.equal(dbg.remove_breakpoint(handle), 0)
        check.equal(dbg.remove_breakpoint(handle), UNSUCCESSFUL, "a second time")
        local there = dbg.read(base, 5)
        for place = 1, 5 do
            local gone = false
            for i = 1, taken do gone = gone or order[i] == place end
            check.equal(there:sub(place, place), gone and original:sub(place, place) or "\xCC")
        end
    end
end
for _, handle in ipairs { 0, 6, 32, 33, 0x7FFFFFFF, 0xFFFFFFFF } do
    check.equal(dbg.remove_breakpoint(handle), UNSUCCESSFUL, "handle " .. handle)
end

-- What was written under it stays under it: the kernel's byte comes back, not the debugger's.
check.equal(dbg.breakpoint(base), 1)
check.equal(dbg.write(base, "?"), 1)
check.equal(dbg.remove_breakpoint(1), 0)
check.equal(dbg.read(base, 1), original:sub(1, 1))

-- In the sixteen bytes that a state change shows there is none left, and none of their handles.
local at = image.routine
for i, place in ipairs { at, at + 15, at + 16 } do check.equal(dbg.breakpoint(place), i) end
dbg.go()
local stop = dbg.wait_stop()
check.equal(stop.pc, at)
check.equal(stop.instructions, (dbg.read(at, 16)), "the code as it is without them")
check.that(not stop.instructions:sub(1, 3):find("\xCC", 1, true), "none is left")
check.equal(dbg.remove_breakpoint(1), UNSUCCESSFUL)
check.equal(dbg.remove_breakpoint(2), UNSUCCESSFUL)
check.equal(dbg.remove_breakpoint(3), 0, "one byte further it stays")
dbg.continue()
target.print("on")
dbg.wait_print("on 1")
check.counters { stops = 2, duplicates = 0 }
