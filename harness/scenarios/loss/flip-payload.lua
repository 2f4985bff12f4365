-- Goal:   whichever bit of a frame's body, checksum or trailing byte is flipped, on its way to either side: the frame is
--         asked for again, and neither side takes wrong bytes for right ones.
-- Source: kd-protocol.md 2.5 R10, R11, 2.8 ("checksum wrong", "trailing byte wrong"); the table of holes: one flip is none
vm { debugger = { ack_wait_ns = ms(200) } }

attach()
boot()
dbg.break_in()
dbg.wait_stop()

-- A write brings 16 bytes behind header and request; the read behind it takes as many home, behind header and reply.
local first, last = 12 * 8, (16 + 56 + 16 + 1) * 8 - 1
local flips = 0
for bit = first, last, link ~= "serial" and 1 or 7 do
    for _, to in ipairs { "debugger", "target" } do
        local text = ("bit %3d %8s"):format(bit, to)
        fault { to = to, kind = "flip", packet = "manipulate", nth = to == "debugger" and 2 or 1, bit = bit }
        check.equal(dbg.write(image.pool, text), 16)
        check.equal(dbg.read(image.pool, 16), text)
        flips = flips + 1
        check.equal(counters()["note.resend_sent"] + counters()["note.resend_seen"], flips, text)
        if link ~= "serial" then after(ms(20)) end        -- more than 64 repeats in a second would look like a storm
    end
end
check.counters { faults = flips, duplicates = 0, stops = 1 }
print(flips .. " bits flipped one by one")
