-- Goal:   trace I/O is acknowledged and shown; nobody answers it, and the target runs on at once.
-- Source: kd-protocol.md 4.8, 1 (type 9), 2.6 (not abandonable)
vm { steps_per_tick = 10 }

attach()
boot()
after(ms(20))
for round, text in ipairs { "", "a trace", "0000iiii\x62\xAA\0\xFF", ("t"):rep(512) } do
    target.trace(text)
    local other = dbg.wait_other()
    check.equal(other.type, "trace_io")
    local api, level, cpu, len = string.unpack("<I4I2I2I4", other.body)
    check.equal({ api, level, cpu, len }, { 0x3330, 6, 0, #text })
    check.equal(other.body:sub(13, 64), ("\0"):rep(52), "the rest is reserved")
    check.equal(other.body:sub(65), text)
    check.equal(dbg.state(), "RUNNING")
    target.print("on", round)
    dbg.wait_print("on " .. round)
end

-- Lost, it comes again, once.
fault { to = "debugger", kind = "drop", packet = "data" }
fault { to = "target", kind = "drop", packet = "ack", nth = 2 }
target.trace("lost"); target.trace("and its neighbour")
check.equal(dbg.wait_other().body:sub(65), "lost")
check.equal(dbg.wait_other().body:sub(65), "and its neighbour")
after(s(3))
check.counters { stops = 0, duplicates = 0 }
