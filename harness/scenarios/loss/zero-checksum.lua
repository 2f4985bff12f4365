-- Goal:   a Checksum of zero is a wrong sum like any other, and no way around the check; but that of a control frame is
--         looked at by nobody, because such a frame has no body.
-- Source: kd-protocol.md 2.5 R7 (a client that sends 0x80C2 there), R11, 2.8 ("checksum wrong")
vm {}

local get_version = string.pack("<I4", 0x3146) .. ("\0"):rep(52)
local good = frame.data("manipulate", 0x80800000, get_version)
local function with_sum(bytes, sum) return bytes:sub(1, 12) .. string.pack("<I4", sum) .. bytes:sub(17) end

attach()
boot()
after(ms(20)); dbg.break_in()
local before = counters().requests_delivered
wire([[
    *          > state_change64 exception id=0
    +0         < raw ]] .. hex(with_sum(frame.control("ack", 0x80800000), 0x80C2)):gsub(" ", "") .. [[

    +50us      < raw ]] .. hex(with_sum(good, 0)):gsub(" ", "") .. [[

    +0..20ms   > resend
    +0         < raw ]] .. hex(good):gsub(" ", "") .. [[

    +0..20ms   > ack id=0
    +0..20ms   > manipulate get_version id=1
    +0         < ack id=1
]])
check.counters { requests_delivered = before + 1, stops = 1, duplicates = 0, ["note.repeat"] = 0 }

check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { requests_delivered = before + 2, duplicates = 0 }
