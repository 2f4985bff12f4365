-- Goal:   ports are read and written in their three sizes, old form and extended; what is misaligned, of another size, or on
--         another bus is refused. None of it disturbs the line that the debugger talks over.
-- Source: kd-protocol.md 4.4 (3139, 313A, 3144, 3145)
vm {}

local MISALIGNED, INVALID = 0x80000002, 0xC000000D
local function plain(api, port, size, value)
    local reply = dbg.request(api, { fields = string.pack("<I8I4I4", port, size, value or 0) })
    check.equal(#reply.data, 0)
    local done, read = string.unpack("<I4I4", reply.fields, 9)
    return reply.status, done, read
end
local function extended(api, port, size, interface, bus, space)
    local fields = string.pack("<I4I4I4I4I8I4", size, interface or 1, bus or 0, space or 1, port, 0)
    local reply = dbg.request(api, { fields = fields })
    local read = string.unpack("<I4", reply.fields, 25)
    return reply.status, (string.unpack("<I4", reply.fields)), read
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()

local ones = { [1] = 0xFF, [2] = 0xFFFF, [4] = 0xFFFFFFFF }
for _, port in ipairs { 0x60, 0x80, 0x3F8, 0x2F8, 0x5658, 0xCF8, 0xFFFC } do     -- the UARTs' and the backdoor's too
    for size, value in pairs(ones) do
        check.equal({ plain("read_io_space", port, size) }, { 0, size, value })
        check.equal({ extended("read_io_space_ex", port, size) }, { 0, size, value })
        check.equal((plain("write_io_space", port, size, 0x62626262)), 0)
        check.equal({ extended("write_io_space_ex", port, size) }, { 0, size, 0 })
    end
end
for _, row in ipairs { { 0x61, 2 }, { 0x61, 4 }, { 0x62, 4 } } do
    check.equal({ plain("read_io_space", row[1], row[2]) }, { MISALIGNED, 0, 0 })
    check.equal((plain("write_io_space", row[1], row[2])), MISALIGNED)
    check.equal((extended("read_io_space_ex", row[1], row[2])), MISALIGNED)
end
for _, size in ipairs { 0, 3, 5, 8, 0xFFFFFFFF } do
    check.equal({ plain("read_io_space", 0x60, size) }, { INVALID, 0, 0 })
    check.equal((extended("write_io_space_ex", 0x60, size)), INVALID)
end
for _, where in ipairs { { 0, 0, 1 }, { 5, 0, 1 }, { 1, 1, 1 }, { 1, 0, 0 } } do
    check.equal({ extended("read_io_space_ex", 0x60, 1, table.unpack(where)) }, { INVALID, 0, 0 })
end
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { stops = 1, duplicates = 0 }
