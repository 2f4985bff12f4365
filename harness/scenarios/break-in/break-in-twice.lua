-- Goal:   two quick requests. The relay takes them for one wish and makes one stop. On serial the second byte is noise inside
--         the stop that the first one makes, is remembered, and stops the target once more right after Continue.
-- Source: kd-protocol.md 5.7 rule 4, 2.4 (kdcom-RE column), vector E08
vm { steps_per_tick = 10 }

attach()
boot()
local stops = 0
for gap = 0, 6 do
    after(ms(100))
    dbg.break_in()
    after(us(100) * gap)
    dbg.break_in()
    local stop = dbg.wait_stop()
    check.equal(stop.pc, image.break_instruction)
    after(ms(100))
    stops = stops + 1
    check.counters { stops = stops }
    check.equal(dbg.version().kernel_base, image.kernel_base)
    dbg.go()
    if link == "serial" then
        check.equal(dbg.wait_stop(ms(100)).pc, image.break_instruction, "the second one, " .. gap)
        stops = stops + 1
        dbg.go()
    end
    after(ms(300))
    check.counters { stops = stops }
end

-- Two wishes a second apart are two.
for _ = 1, 2 do
    dbg.break_in()
    dbg.wait_stop()
    dbg.go()
    after(s(1))
end
check.counters { stops = stops + 2, duplicates = 0 }
