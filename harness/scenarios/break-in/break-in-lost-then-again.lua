-- Goal:   a break-in byte that is lost, or becomes another byte, stops nobody and breaks nothing; the next one works.
-- Source: kd-protocol.md 5.7 rules 1 and 3 (one byte for each wish, no acknowledgement), 2.7 rule 2 (other bytes)
vm { steps_per_tick = 10, ticks_per_print = 8 }

attach()
boot()
for wish, kind in ipairs { "drop", "flip" } do
    after(ms(100))
    local printed = #dbg.prints()
    fault { to = "target", kind = kind, packet = "break_in", bit = 2 }     -- 0x62 becomes 0x66
    dbg.break_in()
    after(s(1))
    check.counters { stops = wish - 1, faults = wish }
    check.between(#dbg.prints() - printed, 6, 9, "it runs and prints on: lines in a second")

    dbg.break_in()                                  -- the user presses the key once more
    local stop = dbg.wait_stop(ms(100))
    check.equal(stop.pc, image.break_instruction)
    check.equal(dbg.version().kernel_base, image.kernel_base)
    dbg.go()
end
after(s(1))
check.counters { breaks_wished = 4, breaks_honoured = 2, stops = 2, duplicates = 0 }
