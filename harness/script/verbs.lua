-- The verbs of a scenario that are made of smaller ones. What is written in C comes in as `core`.
-- Errors name the line of the scenario, not one in here: core.fail sees to that.
local core = ...

-- ---- time: every time in a scenario is a whole number of virtual nanoseconds

local function whole(number, unit)
    local ns = math.tointeger(number * unit // 1)
    return ns or core.bad_input("a time is a number")
end

function us(number) return whole(number, 1000) end
function ms(number) return whole(number, 1000000) end
function s(number) return whole(number, 1000000000) end

-- ---- saying what was expected

local function show(value)
    if type(value) == "string" then
        local text = value:gsub("[^\x20-\x7E]", function(c) return string.format("\\x%02X", c:byte()) end)
        return '"' .. (#text > 400 and text:sub(1, 400) .. "..." or text) .. '"'
    elseif math.type(value) == "integer" and (value > 9 or value < 0) then
        return string.format("%d (0x%X)", value, value)
    elseif type(value) == "table" then
        local parts = {}
        for k, v in pairs(value) do
            parts[#parts + 1] = (math.type(k) and "" or k .. " = ") .. show(v)
        end
        return "{" .. table.concat(parts, ", ") .. "}"
    end
    return tostring(value)
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for k in pairs(a) do if not same(a[k], b[k]) then return false end end
    for k in pairs(b) do if a[k] == nil then return false end end
    return true
end

local function differ(what, expected, actual)
    core.fail(what .. "\n  expected: " .. expected .. "\n  actual:   " .. actual)
end

check = {}

function check.equal(actual, expected, what)
    if not same(actual, expected) then differ(what or "not equal", show(expected), show(actual)) end
end

function check.that(condition, what)
    if not condition then core.fail(what or "this does not hold") end
end

function check.between(actual, low, high, what)
    if math.type(actual) == nil or actual < low or actual > high then
        differ(what or "out of range", show(low) .. " .. " .. show(high), show(actual))
    end
end

-- A value that a counter may have: check.counters { exits = at_most(9) }
local range = {}
range.__index = range
function at_most(high) return setmetatable({low = 0, high = high}, range) end
function at_least(low) return setmetatable({low = low, high = math.maxinteger}, range) end
function between(low, high) return setmetatable({low = low, high = high}, range) end

local function check_counter(name, expected, actual)
    if getmetatable(expected) ~= range then
        return check.equal(actual, expected, "counter " .. name)
    end
    check.between(actual, expected.low, expected.high, "counter " .. name)
end

-- Short names that read well in a story.
local counter_names = {
    dropped = "faults",
    delivered = "packets_delivered",
    sent = "packets_sent",
    total = "exits",
    backdoor = "exits_backdoor",
    string = "exits_string",
    uart = "exits_uart",
}

function check.counters(wanted)
    local actual = counters()
    for name, expected in pairs(wanted) do
        local value = actual[counter_names[name] or name]
        if value == nil then
            local known = {}
            for k in pairs(actual) do known[#known + 1] = k end
            core.bad_input("no counter is called '" .. name .. "': expected one of " .. table.concat(known, ", "))
        end
        check_counter(name, expected, value)
    end
end

check.exits = check.counters

-- Passes when fn fails with an error that contains text.
function expect_failure(text, fn)
    local failed = core.failed()
    local ok, message = pcall(fn)
    core.forgive(failed)
    if ok then core.fail("expected a failure, but it went well: " .. text) end
    if not tostring(message):find(text, 1, true) then
        differ("it failed for another reason", show(text), show(tostring(message)))
    end
end

-- --set param.NAME=VALUE, or the default; a number when the default is one.
function param(name, default)
    local value = core.param(name)
    if value == nil then return default end
    if math.type(default) then
        return math.tointeger(tonumber(value)) or core.bad_input("param." .. name .. " must be a whole number")
    end
    return value
end

-- ---- the debugger, in several requests

local function chunks(len)
    local at = 0
    return function()
        if at >= len then return nil end
        local first = at
        local count = math.min(len - at, core.data_bytes_max)
        at = at + count
        return first, count
    end
end

local function read_with(read_once, address, len, extra)
    local parts, status = {}, 0
    for at, count in chunks(len) do
        local bytes
        bytes, status = read_once(address + at, count, extra)
        parts[#parts + 1] = bytes
        if #bytes < count then break end
    end
    return table.concat(parts), status
end

local function write_with(write_once, address, bytes, extra)
    local done, status = 0, 0
    for at, count in chunks(#bytes) do
        local now_done
        now_done, status = write_once(address + at, bytes:sub(at + 1, at + count), extra)
        done = done + now_done
        if now_done < count then break end
    end
    return done, status
end

-- Each returns what was read (or how many bytes were written) and the last status.
function dbg.read(address, len, cpu) return read_with(core.read, address, len, cpu) end
function dbg.write(address, bytes, cpu) return write_with(core.write, address, bytes, cpu) end
function dbg.read_physical(address, len, cache) return read_with(core.read_physical, address, len, cache) end
function dbg.write_physical(address, bytes, cache) return write_with(core.write_physical, address, bytes, cache) end

-- dr7: what the debug registers shall be; left out, they stay as they are.
function dbg.continue(status, dr7) core.continue(false, status, dr7) end

-- What a person's "go" does: past an int3 that is the program's own, else it would stop there again at once.
-- (The target takes a debugger's breakpoints out of what it shows, so a CC at the stop is the program's.)
function dbg.go()
    local stops = dbg.stops()
    local stop = stops[#stops]
    if stop and stop.code == 0x80000003 and stop.instructions:byte(1) == 0xCC then
        local registers = dbg.context()
        if registers.pc == stop.pc then
            registers.pc = stop.pc + 1
            dbg.set_context(registers)
        end
    end
    dbg.continue()
end

-- What a person does whose command got lost when the conversation started over: waits until the debugger has hold
-- of the target again, and repeats it. Any other error is one.
function dbg.insist(fn, ...)
    for _ = 1, 20 do
        local result = table.pack(pcall(fn, ...))
        if result[1] then return table.unpack(result, 2, result.n) end
        if not tostring(result[2]):find("dbg: the request ", 1, true) then error(result[2], 0) end
        dbg.settle()
    end
    core.fail("dbg.insist: twenty times in vain")
end

-- One instruction; returns the stop.
function dbg.step()
    core.continue(true)
    return dbg.wait_stop()
end

-- Another processor takes the stop over; returns what it reports.
function dbg.switch_processor(cpu)
    dbg.request("switch_processor", { cpu = cpu })
    return dbg.wait_stop()
end

-- The next command string of the target: name, command. It is stopped, as at an exception.
function dbg.wait_command(limit)
    local other = dbg.wait_other(limit)
    if other.type ~= "state_change64" then core.fail("wait_command: this is a " .. other.type) end
    return string.unpack("<zz", other.body, 241)
end

-- The next print that contains text (any, when it is left out).
function dbg.wait_print(text, limit)
    while true do
        local line = core.next_print(limit)
        if text == nil or line:find(text, 1, true) then return line end
    end
end

-- ---- what a debugger reads of the kernel's structures (kd-protocol.md 4.11)

local nt = {
    x64 = { pointer = "<i8", string_buffer = 0x08, module = { base = 0x30, size = 0x40, path = 0x48, name = 0x58 } },
    x86 = { pointer = "<i4", string_buffer = 0x04, module = { base = 0x18, size = 0x20, path = 0x24, name = 0x2C } },
}

local function read_exactly(address, len)
    local bytes = dbg.read(address, len)
    if #bytes < len then core.fail(string.format("%d bytes at %X, not %d", #bytes, address, len)) end
    return bytes
end

-- A number of the target's memory.
function dbg.u16(address) return (string.unpack("<I2", read_exactly(address, 2))) end
function dbg.u32(address) return (string.unpack("<I4", read_exactly(address, 4))) end

-- An address: of the machine's width, sign-extended as the target tells addresses.
function dbg.pointer(address)
    local format = nt[arch].pointer
    return (string.unpack(format, read_exactly(address, string.packsize(format))))
end

-- A UNICODE_STRING, of which only ASCII is expected.
function dbg.unicode(address)
    local bytes = read_exactly(dbg.pointer(address + nt[arch].string_buffer), dbg.u16(address))
    return (bytes:gsub("(.)%z", "%1"))
end

-- The list of loaded modules, as the target's memory has it: what a debugger shows for lm.
function dbg.modules()
    local at, found = nt[arch].module, {}
    local head = dbg.version().module_list
    local entry = dbg.pointer(head)
    while entry ~= head do
        found[#found + 1] = {
            base = dbg.pointer(entry + at.base), size = dbg.u32(entry + at.size),
            path = dbg.unicode(entry + at.path), name = dbg.unicode(entry + at.name),
        }
        if #found > 1000 then core.fail("the list of modules has no end") end
        entry = dbg.pointer(entry)
    end
    return found
end

-- ---- measuring

-- The smallest of the sorted times that so many percent of them do not exceed.
local function percentile(times, percent)
    return times[(#times * percent + 99) // 100] or 0
end

local grows = { "exits", "exits_idle", "rpcs", "payload_bytes", "copied_bytes", "kernel_bytes", "ticks",
    "module_instructions" }

-- Runs fn and records, for whoever plays this scenario from C, what it took. bytes: of use, not on the wire. fn may return
-- a list of times: its median, 99th percentile and longest are recorded.
function measure(name, operations, bytes, fn)
    local before, from = counters(), now()
    local times = fn() or {}
    local measured = { name = name, operations = operations, bytes = bytes, sim_ns = now() - from }
    local after_it = counters()
    local function grew(counter) return after_it[counter] - before[counter] end
    for _, counter in ipairs(grows) do measured[counter] = grew(counter) end
    measured.wire_bytes = grew("bytes_to_debugger") + grew("bytes_to_target")
    table.sort(times)
    measured.p50_ns, measured.p99_ns, measured.max_ns = percentile(times, 50), percentile(times, 99), percentile(times, 100)
    core.measured(measured)
    return measured
end

-- "4D 5A 90": for messages and comparisons
function hex(bytes)
    return (bytes:gsub(".", function(c) return string.format("%02X ", c:byte()) end):sub(1, -2))
end
