-- Goal:   what is written is read back, byte for byte, in every length, at every alignment, over page ends, by virtual
--         and by physical address; its neighbours stay as they were.
-- Source: kd-protocol.md 4.4 (3130, 3131, 313D, 313E; at most 3944 bytes a packet), 2.4 (leaders inside a body)
vm {}

-- Bytes that a careless reader of frames would stumble over: leaders, break-ins, trailing bytes, zeros, and all others.
local awkward = "0000iiii\x62\xAA\0\xFF00iibb\xAA\xAA"
for i = 0, 255 do awkward = awkward .. string.char(i) end
local function pattern(len, shift)
    return awkward:rep(len // #awkward + 2):sub(1 + shift, len + shift)
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()

local guard = ("\x5A"):rep(16)
local base = image.pool + 0x3000
local function round_trip(offset, len)
    local at, data = base + offset, pattern(len, offset % 64)
    local what = len .. " bytes at " .. offset
    check.equal(dbg.write(at - 16, guard), 16)
    check.equal(dbg.write(at + len, guard), 16)
    check.equal(dbg.write(at, data), len, what)
    check.equal(dbg.read(at - 16, len + 32), guard .. data .. guard, what)
    check.equal(dbg.read_physical(image.pool_pa + 0x3000 + offset - 16, len + 32), guard .. data .. guard, what)
end

for offset = 0, 8, link ~= "serial" and 1 or 4 do
    for _, len in ipairs { 1, 2, 3, 4, 7, 8, 9, 16 } do round_trip(offset, len) end
end
for _, len in ipairs { 3943, 3944, 3945, 2 * 3944, link ~= "serial" and 100000 or 9000 } do round_trip(4093, len) end

-- Written by physical address, read by virtual. How memory is cached makes no difference to what is in it.
for cache = 0, 3 do
    local data = pattern(600, cache)
    check.equal(dbg.write_physical(image.pool_pa + 0xF00, data, cache), 600)
    check.equal(dbg.read(image.pool + 0xF00, 600), data)
    check.equal(dbg.read_physical(image.pool_pa + 0xF00, 600, cache), data)
end

-- The last one wins, and what nobody wrote is what the image had.
check.equal(dbg.write(image.pool, "first"), 5)
check.equal(dbg.write(image.pool, "second"), 6)
check.equal(dbg.write(image.pool + 2, "x"), 1)
check.equal(dbg.read(image.pool, 6), "sexond")
local function word(i) return string.pack("<i8", (i + 1) * 0x9E3779B97F4A7C15) end
check.equal(dbg.read(image.pool + 8, 16), word(1) .. word(2))

check.counters { duplicates = 0, ["note.bad"] = 0, ["note.repeat"] = 0, ["note.resend_seen"] = 0, stops = 1 }
