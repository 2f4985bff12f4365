-- Goal:   a frame that ends in its body is asked for again when the byte timer ends; the rest is noise when it comes at
--         last, and the copy is taken under the id that is still expected.
-- Source: kd-protocol.md 2.5 R10, 2.6 rule 1, 2.8 ("body cut short"), vector E03
vm { polls = 1500, debugger = { ack_wait_ns = s(3), reply_wait_ns = s(9), byte_wait_ns = ms(20) } }

-- Longer than whoever reads waits for a byte: 1,500 polls are 45 ms, the relay's timer is a second.
local pause = { debugger = ms(30), target = link == "serial" and ms(55) or ms(1100) }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.write(image.pool, "cut off"), 7)
local before, cut = counters().requests_delivered, 0
for _, to in ipairs { "debugger", "target" } do
    for _, length in ipairs { 16, 17, 40, 70, 71, 72 } do     -- a request to read has 73 bytes, the reply 80
        fault { to = to, kind = "split", packet = "manipulate", byte = length, delay = pause[to] }
        check.equal(dbg.read(image.pool, 7), "cut off", "after " .. length)
        cut = cut + 1
    end
end
check.counters { faults = cut, stops = 1, requests_delivered = before + cut, duplicates = 0 }
check.counters { ["note.resend_sent"] = cut // 2, ["note.resend_seen"] = cut // 2 }
