-- Goal:   a break-in byte sent to a stopped target. The relay drops it: nothing happens, then or later. On serial it does what
--         the protocol says: after a silence the state change comes again, under the next id, and once the target was let
--         go it stops once more.
-- Source: kd-protocol.md 5.7 rules 2 and 3, 2.5 R1 (status RESEND), 2.4
vm { steps_per_tick = 10 }

attach()
boot()
after(ms(20)); dbg.break_in()
local first = dbg.wait_stop()
dbg.break_in()
if link == "serial" then
    wire [[ +0.9s..1.2s  > state_change64 exception id=1 ]]
    dbg.settle()
    check.equal(dbg.wait_stop().raw, first.raw, "the same stop")
else
    after(s(3))
    check.counters { stops = 1 }
end
check.equal(dbg.version().kernel_base, image.kernel_base)
check.equal(dbg.write(image.pool, "as ever"), 7)
dbg.go()
if link == "serial" then
    local again = dbg.wait_stop(ms(100))
    check.equal(again.pc, image.break_instruction, "it was kept for the next poll")
    dbg.go()
end
after(s(1))
local stops = link == "serial" and 3 or 1
check.counters { stops = stops }

-- With a request right behind it: no silence, so no second state change; the wish is kept all the same.
dbg.break_in()
dbg.wait_stop()
for i = 1, 5 do
    dbg.break_in()
    check.equal(dbg.write(image.pool, ("request %d"):format(i)), 9)
    check.equal(dbg.read(image.pool, 9), ("request %d"):format(i))
end
check.counters { stops = stops + 1 }
dbg.go()
if link == "serial" then
    dbg.wait_stop(ms(100))                          -- five wishes, one flag
    dbg.go()
end
after(s(1))
check.counters { stops = stops + (link == "serial" and 2 or 1), duplicates = 0 }
