-- Goal:   an impatient user breaks in while the debugger reads megabytes of a stopped target. Every byte arrives. The relay
--         drops the wish; on serial it is kept, and stops the target once more after it was let go.
-- Source: kd-protocol.md 5.7 rule 2 (in KdSendPacket: flag set), 2.6 N5, 2.4 (then a complete leader)
local packets = link ~= "serial" and 60 or 6

vm { steps_per_tick = 10 }
attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

-- While the request goes out, while its reply is written, while the debugger thinks: one moment for each packet.
local len, expected = 3944, {}
for i = 0, packets - 1 do
    local bytes = string.pack("<I4", i):rep(len // 4)
    check.equal(dbg.write(image.pool + i * len, bytes), len)
    expected[i] = bytes
end
local moments = link ~= "serial" and us(3) or ms(61)      -- an RPC takes 75 us, a read 360 ms
for i = 0, packets - 1 do
    later(moments * i, "break_in")
    check.equal(dbg.read(image.pool + i * len, len), expected[i], "packet " .. i)
end
check.counters { stops = between(1, 2) }
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()
if link == "serial" then
    dbg.wait_stop(ms(200))
    dbg.go()
end
after(s(1))
target.print("on")
dbg.wait_print("on 1")
check.counters { duplicates = 0 }
