-- kdwire.lua: KDCOM frames as bytes, and bytes as frames. Knows no socket, no clock and no conversation.
-- Source: kd-protocol.md 2.1, 2.2, 2.4. Tests: tests/test_kdwire.lua, on the vectors of that document.
local wire = {}

wire.BODY_MAX = 4000
wire.INITIAL_ID = 0x80800000
wire.SYNC = 0x800
wire.BREAK_IN = "b"
wire.TYPE = {
    manipulate = 2, debug_io = 3, ack = 4, resend = 5, reset = 6, state_change = 7,
    trace_io = 9, control_request = 10, file_io = 11,
}
wire.TYPE_NAME = {}
for name, number in pairs(wire.TYPE) do wire.TYPE_NAME[number] = name end

local HEADER = "<I2I2I4I4"          -- behind the leader: type, byte count, id, checksum
local HEADER_BYTES = 12
local DATA_LEADER, CONTROL_LEADER, TRAILER = "0000", "iiii", "\xAA"

-- ---- writing

local function checksum(body)
    local sum = 0
    for first = 1, #body, 100 do
        for _, byte in ipairs({ body:byte(first, first + 99) }) do sum = sum + byte end
    end
    return sum
end

function wire.data(type, id, body)
    return DATA_LEADER .. HEADER:pack(type, #body, id, checksum(body)) .. body .. TRAILER
end

-- A receiver looks neither at the checksum nor at what the id of a RESET or RESEND is; odd clients use that.
function wire.control(type, id, odd_checksum)
    return CONTROL_LEADER .. HEADER:pack(type, 0, id, odd_checksum or 0)
end

-- ---- reading

local Reader = {}
Reader.__index = Reader

-- on_header(type, id), if given, hears of a data frame before its body has come.
function wire.reader(on_header)
    return setmetatable({ buffer = "", on_header = on_header }, Reader)
end

local function take(reader, count)
    local bytes = reader.buffer:sub(1, count)
    reader.buffer = reader.buffer:sub(count + 1)
    return bytes
end

-- Skips to the first run of four. What is skipped is noise, but a 0x62 in it is told to those who care. A run that has
-- begun at the end of the buffer stays there.
local function find_leader(reader, units)
    local data = reader.buffer:find(DATA_LEADER, 1, true) or math.huge
    local control = reader.buffer:find(CONTROL_LEADER, 1, true) or math.huge
    local at = math.min(data, control)
    if at == math.huge then
        local begun = reader.buffer:match("0+$") or reader.buffer:match("i+$") or ""
        at = #reader.buffer - #begun + 1
    else
        reader.leader = data < control and DATA_LEADER or CONTROL_LEADER
    end
    local _, breaks = take(reader, at - 1):gsub(wire.BREAK_IN, "")
    for _ = 1, breaks do units[#units + 1] = { kind = "break" } end
    if reader.leader then take(reader, #DATA_LEADER) end
    return reader.leader ~= nil
end

local function finish(reader, units, unit)
    reader.leader, reader.header = nil, nil
    units[#units + 1] = unit
    return true
end

-- A control frame has no body, whatever its ByteCount says (2.5 R7).
local function read_header(reader, units)
    if #reader.buffer < HEADER_BYTES then return false end
    local type, count, id, sum = HEADER:unpack(take(reader, HEADER_BYTES))
    if reader.leader == CONTROL_LEADER then
        return finish(reader, units, { kind = "control", type = type, id = id })
    elseif count > wire.BODY_MAX then
        return finish(reader, units, { kind = "bad", why = "a body of " .. count .. " bytes" })
    end
    reader.header = { type = type, count = count, id = id, sum = sum }
    if reader.on_header then reader.on_header(type, id) end
    return true
end

local function read_body(reader, units)
    local header = reader.header
    if #reader.buffer < header.count + 1 then return false end
    local body = take(reader, header.count)
    if take(reader, 1) ~= TRAILER then
        return finish(reader, units, { kind = "bad", why = "no trailing byte" })
    elseif checksum(body) ~= header.sum then
        return finish(reader, units, { kind = "bad", why = "a wrong checksum" })
    end
    return finish(reader, units, { kind = "data", type = header.type, id = header.id, body = body })
end

-- Any split of a stream gives the same units: { kind = "data", type, id, body }, { kind = "control", type, id },
-- { kind = "bad", why }, { kind = "break" }.
function Reader:feed(bytes)
    local units = {}
    self.buffer = self.buffer .. bytes
    repeat
        local step = self.header and read_body or self.leader and read_header or find_leader
    until not step(self, units)
    return units
end

-- The line has been silent in the middle of a frame. Returns true where a body was cut, which is worth a RESEND; a cut
-- header is dropped without a word (2.8).
function Reader:give_up()
    local body_cut = self.header ~= nil
    self.buffer, self.leader, self.header = "", nil, nil
    return body_cut
end

function Reader:inside_frame()
    return self.leader ~= nil
end

return wire
