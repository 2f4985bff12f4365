-- Goal:   a frame whose leader, header or body comes in two pieces, with a pause between them, is the same frame; so are
--         frames that come together in one piece. Nothing is repeated, and nobody sees a difference but in time.
-- Source: kd-protocol.md 2.4, 2.11 (one timer for each byte, no deadline for a frame)
vm { debugger = { ack_wait_ns = s(3) } }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local data = "cut and join"
check.equal(dbg.write(image.pool, data), #data)
for _, to in ipairs { "debugger", "target" } do
    for byte = 1, 20 do
        fault { to = to, kind = "split", packet = "manipulate", byte = byte, delay = ms(400) }
        fault { to = to, kind = "split", packet = "ack", byte = (byte - 1) % 15 + 1, delay = ms(100) }
        check.equal(dbg.read(image.pool, #data), data, "in two pieces after " .. byte)
    end
    fault { to = to, kind = "join", packet = "any", delay = ms(5), count = 10 }
    for _ = 1, 5 do check.equal(dbg.read(image.pool, #data), data, "in one piece") end
end
check.counters {
    stops = 1, duplicates = 0, ["note.repeat"] = 0, ["note.bad"] = 0, ["note.resend_sent"] = 0, ["note.resend_seen"] = 0,
}
check.counters { faults = at_least(90) }
