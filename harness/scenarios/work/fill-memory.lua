-- Goal:   memory is filled with a pattern over and over, virtual or physical, as far as there is memory, and not a byte
--         beyond; the answer says how far that was.
-- Source: kd-protocol.md 4.4 (315B: flags 1 virtual, 2 physical)
vm {}

local UNSUCCESSFUL, INVALID = 0xC0000001, 0xC000000D
local function fill(address, length, flags, pattern, pattern_bytes)
    local reply = dbg.request("fill_memory", {
        fields = string.pack("<i8I4I2I2", address, length, flags, pattern_bytes or #pattern), data = pattern,
    })
    check.equal(#reply.data, 0)
    return (string.unpack("<I4", reply.fields, 9)), reply.status
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()

local base, pa = image.pool + 0x4000, image.pool_pa + 0x4000
for _, pattern in ipairs { "\0", "\xCC", "ab", "abc", "seven b", ("long"):rep(100) } do
    for _, length in ipairs { 1, 2, 16, 4095, 4097, 20000 } do
        for flags, address in ipairs { base + 7, pa + 7 } do
            dbg.write(base, "guard.." ); dbg.write(base + 7 + length, "..guard")
            check.equal({ fill(address, length, flags, pattern) }, { length, 0 })
            if link ~= "serial" or length < 100 then
                local expected = pattern:rep(length // #pattern + 1):sub(1, length)
                check.equal(dbg.read(base, length + 14), "guard.." .. expected .. "..guard", length .. " of " .. #pattern)
            end
        end
    end
end

check.equal({ fill(base, 0, 1, "x") }, { 0, 0 }, "nothing")
check.equal({ fill(image.hole - 10, 100, 1, "abc") }, { 10, UNSUCCESSFUL }, "into a hole")
check.equal(dbg.read(image.hole - 10, 10), "abcabcabca")
check.equal({ fill(image.hole, 100, 1, "abc") }, { 0, UNSUCCESSFUL }, "a hole")
check.equal({ fill(image.ram_bytes - 5, 100, 2, "abc") }, { 5, UNSUCCESSFUL }, "the end of RAM")
for _, flags in ipairs { 0, 3, 4, 0xFFFF } do check.equal({ fill(base, 10, flags, "abc") }, { 0, INVALID }) end
check.equal({ fill(base, 10, 1, "") }, { 0, INVALID }, "with nothing")
check.equal({ fill(base, 10, 1, "abc", 4) }, { 0, INVALID }, "with more than came")
check.counters { duplicates = 0 }
