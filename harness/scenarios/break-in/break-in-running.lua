-- Goal:   a break-in sent to a running target stops it within one tick plus the time the line needs.
-- Source: kd-protocol.md 2.7 (poll), 5.7 rule 1, 2.11 (poll interval)
vm { steps_per_tick = 10 }

local tick = us(15625)
local line = link == "serial" and ms(30) or ms(1)    -- 257 bytes at 115200 bps take 22.3 ms

attach()
boot()
for try = 1, 8 do
    after(ms(16) + us(1953) * try)                   -- at eight different moments between two ticks
    local asked = now()
    dbg.break_in()
    local stop = dbg.wait_stop()
    check.equal(stop.code, 0x80000003, "breakpoint")
    check.equal(stop.pc, image.break_instruction)
    check.between(stop.time - asked, 0, tick + line, "try " .. try)
    dbg.go()
end
after(ms(100))
check.counters { stops = 8, breaks_wished = 8, breaks_honoured = 8, duplicates = 0 }
