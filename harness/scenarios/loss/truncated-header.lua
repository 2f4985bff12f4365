-- Goal:   a frame that ends in its header, after each number of bytes, is forgotten when the byte timer ends. Nobody asks
--         for it; the rest, when it comes at last, is noise; the copy that its sender makes is taken, once.
-- Source: kd-protocol.md 2.5 R2, 2.8 ("header cut short"), 2.11, vector E02
vm { polls = 1500, debugger = { ack_wait_ns = ms(60), ack_tries = 50, reply_wait_ns = s(5), byte_wait_ns = ms(20) } }

-- Longer than whoever reads waits for a byte: 1,500 polls are 45 ms, the relay's timer is a second.
local pause = { debugger = ms(30), target = link == "serial" and ms(50) or ms(1100) }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local before, cut = counters().requests_delivered, 0
for _, to in ipairs { "debugger", "target" } do
    for length = 1, 15 do
        fault { to = to, kind = "split", packet = "manipulate", byte = length, delay = pause[to] }
        check.equal(dbg.version().kernel_base, image.kernel_base, "cut after " .. length)
        cut = cut + 1
    end
end
check.counters { faults = cut, stops = 1, requests_delivered = before + cut, duplicates = 0 }
check.counters { ["note.resend_sent"] = 0, ["note.resend_seen"] = 0 }
