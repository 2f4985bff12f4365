-- Goal:   a ByteCount over 4000, or under the header of what is wanted, is refused at once: nobody waits for so many
--         bytes, and those that come are noise. What is asked for then is taken.
-- Source: kd-protocol.md 2.5 R9, 2.8 ("ByteCount too large or too small"), vectors E04, E11, E13
vm {}

local get_version = string.pack("<I4", 0x3146) .. ("\0"):rep(52)
local good = {}
for id = 0, 1 do good[id] = frame.data("manipulate", 0x80800000 + id, get_version) end
local function with_count(bytes, count) return bytes:sub(1, 6) .. string.pack("<I2", count) .. bytes:sub(9) end

attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    *          > state_change64 exception id=0
    +0         < ack id=0
]]
local before = counters().requests_delivered
for try, count in ipairs { 4001, 0xFFFF, 0x8000, 55, 40, 0 } do
    local id = (try + 1) % 2
    wire([[
        +50us      < raw ]] .. hex(with_count(good[id], count)):gsub(" ", "") .. [[

        +0..20ms   > resend
        +30ms      < raw ]] .. hex(good[id]):gsub(" ", "") .. [[

        +0..20ms   > ack id=]] .. id .. [[

        +0..20ms   > manipulate get_version id=]] .. 1 - id .. [[

        +0         < ack id=]] .. 1 - id)
end
check.counters { requests_delivered = before + 6, duplicates = 0, stops = 1 }

-- 4000 is no such number: the largest write there is.
local most = ("4 KB"):rep(986)
check.equal(#most, 3944)
check.equal(dbg.write(image.pool, most), 3944)
check.equal(dbg.read(image.pool, 3944), most)
check.counters { ["note.bad"] = 0, ["note.resend_seen"] = 6 }

-- The other way: bit 15 of a reply's ByteCount is flipped.
fault { to = "debugger", kind = "flip", packet = "manipulate", bit = 7 * 8 + 7 }
check.equal(dbg.read(image.pool, 4), "4 KB")
check.counters { faults = 1, ["note.bad"] = 1, stops = 1, duplicates = 0 }
