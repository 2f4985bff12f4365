-- Goal:   a frame whose leader is not four equal bytes is noise, all of it: nobody answers it, and it comes again when
--         its sender's time is over. Each bit of a leader is wrong once, in each direction.
-- Source: kd-protocol.md 2.4 (leader scan), 2.8 ("noise between frames", "frame lost")
vm { polls = 1500, debugger = { ack_wait_ns = ms(60), reply_wait_ns = s(5) } }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local before = counters().requests_delivered
local asked = 0
for bit = 0, 31, link ~= "serial" and 1 or 3 do
    for _, to in ipairs { "debugger", "target" } do
        fault { to = to, kind = "flip", packet = "manipulate", bit = bit }
        check.equal(dbg.version().kernel_base, image.kernel_base, "bit " .. bit)
        asked = asked + 1
        after(ms(20))
    end
end
check.counters { faults = asked, stops = 1, duplicates = 0 }
check.counters { requests_delivered = before + asked }

-- Three of one kind and one of the other are neither.
local get_version = string.pack("<I4", 0x3146) .. ("\0"):rep(52)
local good = frame.data("manipulate", 0x80800000, get_version)
for _, leader in ipairs { "0009", "i000", "00ii", "iii0", "0i0i" } do
    local delivered = counters().requests_delivered
    dbg.manual(true)
    dbg.raw(leader .. good:sub(5))
    after(s(1))
    dbg.manual(false)
    check.counters { requests_delivered = delivered }
    check.equal(dbg.version().kernel_base, image.kernel_base, leader)
end
