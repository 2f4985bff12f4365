-- Goal:   the client's codec reads and writes what kd-protocol.md says, and only that.
-- Method: the vectors of that document, read from it: each whole, byte by byte, and, where valid, written again.
-- Usage:  lua5.4 test_kdwire.lua KD-PROTOCOL.MD
package.path = arg[0]:match("^(.-)[^/]*$") .. "../?.lua;" .. package.path
local wire = require "kdwire"

-- ---- the vectors: a line `NAME DIRECTION KIND LENGTH | text`, then hex until LENGTH bytes are there (6)

local function read_vectors(path)
    local vectors, open = {}, nil
    for line in assert(io.open(path)):lines() do
        local name, kind, length = line:match("^(%u%d%d) %S+ (%l+) (%d+) |")
        if name then
            open = { name = name, kind = kind, length = tonumber(length), bytes = "" }
            vectors[#vectors + 1], vectors[name] = open, open
        elseif open and #open.bytes < open.length then
            open.bytes = open.bytes .. line:gsub("%X", ""):gsub("%x%x", function(hex)
                return string.char(tonumber(hex, 16))
            end)
        end
    end
    return vectors
end

local vectors = read_vectors(assert(arg[1], "usage: test_kdwire.lua KD-PROTOCOL.MD"))

-- ---- helpers

local function describe(unit)
    if unit.kind == "data" then
        return ("data %d %08X %d"):format(unit.type, unit.id, #unit.body)
    elseif unit.kind == "control" then
        return ("control %d %08X"):format(unit.type, unit.id)
    end
    return unit.kind
end

local function describe_all(units)
    local texts = {}
    for i, unit in ipairs(units) do texts[i] = describe(unit) end
    return table.concat(texts, ", ")
end

local function read_split(bytes, piece_bytes)
    local reader, units = wire.reader(), {}
    for first = 1, #bytes, piece_bytes do
        table.move(reader:feed(bytes:sub(first, first + piece_bytes - 1)), 1, 1000, #units + 1, units)
    end
    if reader:give_up() then units[#units + 1] = { kind = "bad" } end
    return units
end

local function equal(seen, expected, what)
    if seen ~= expected then
        error(("%s\n  expected: %s\n  actual:   %s"):format(what, expected, seen), 2)
    end
end

-- ---- tests

local tests = {}

function tests.every_vector_is_whole()
    assert(#vectors > 50, "only " .. #vectors .. " vectors found")
    for _, vector in ipairs(vectors) do equal(#vector.bytes, vector.length, vector.name) end
end

function tests.a_valid_vector_is_one_frame_and_is_written_alike()
    for _, vector in ipairs(vectors) do
        if vector.kind == "valid" and vector.length > 1 then
            local units = read_split(vector.bytes, 9999)
            equal(#units, 1, vector.name)
            local unit = units[1]
            local again = unit.kind == "data" and wire.data(unit.type, unit.id, unit.body)
                or unit.kind == "control" and wire.control(unit.type, unit.id)
            equal(again, vector.bytes, vector.name)
        end
    end
end

function tests.any_split_gives_the_same()
    for _, vector in ipairs(vectors) do
        local whole = describe_all(read_split(vector.bytes, 9999))
        for piece_bytes = 1, 20 do
            equal(describe_all(read_split(vector.bytes, piece_bytes)), whole, vector.name)
        end
    end
end

function tests.bad_input_is_what_the_document_says()
    local expected = {
        C07 = "break",
        E01 = "bad", E02 = "", E03 = "bad", E04 = "bad", E05 = "bad", E06 = "bad",
        E07 = "data 2 80800000 56, data 2 80800000 56",
        E08 = "break, control 4 80800000",
        E09 = "bad",
        E10 = "break, control 6 00000000",
        E15 = "data 3 80800800 19",
        E16 = "data 2 12345678 56",
    }
    for name, text in pairs(expected) do
        equal(describe_all(read_split(vectors[name].bytes, 9999)), text, name)
    end
end

function tests.a_full_body_passes_and_one_byte_more_does_not()
    local full = string.rep("\xFF", 4000)
    equal(#wire.data(2, 0x80800001, full), 4017, "the longest frame")
    equal(("<I4"):unpack(wire.data(2, 0x80800001, full), 13), 0x000F9060, "G02's checksum")
    equal(describe_all(read_split(wire.data(2, 0x80800001, full), 9999)), "data 2 80800001 4000", "4000 bytes")
    equal(describe_all(read_split(wire.data(2, 0x80800001, full .. "x"), 9999)):match("^bad"), "bad", "4001 bytes")
end

function tests.a_header_is_told_before_its_body()
    local heard = {}
    local reader = wire.reader(function(type, id) heard[#heard + 1] = ("%d %08X"):format(type, id) end)
    local frame = wire.data(3, 0x80800001, "hello, kd")
    reader:feed(frame:sub(1, 15))
    equal(#heard, 0, "before the header's last byte")
    reader:feed(frame:sub(16, 16))
    equal(heard[1], "3 80800001", "with it")
    equal(#reader:feed(frame:sub(17)), 1, "and the frame comes as ever")
end

local names, failed = {}, 0
for name in pairs(tests) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
    local ok, problem = pcall(tests[name])
    print((ok and "ok      " or "FAILED  ") .. name .. (ok and "" or "\n" .. problem))
    failed = failed + (ok and 0 or 1)
end
os.exit(failed == 0)
