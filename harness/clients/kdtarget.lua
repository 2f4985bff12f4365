-- kdtarget.lua: what a debugger asks of its target, for both architectures: requests, replies, stops, registers.
-- Source: kd-protocol.md 4. Works over a kdclient; addresses are canonical (x86: sign-extended) 64-bit integers.
local kdclient = require "kdclient"

local fail = kdclient.fail
local kdtarget = {}

local STATUS_SUCCESS = 0
local DBG_CONTINUE, STATUS_BREAKPOINT, STATUS_SINGLE_STEP = 0x00010002, 0x80000003, 0x80000004
local HEADER_BYTES, UNION_BYTES, DATA_MAX = 56, 40, 3944
kdtarget.DATA_MAX = DATA_MAX
kdtarget.STATUS_BREAKPOINT, kdtarget.STATUS_SINGLE_STEP = STATUS_BREAKPOINT, STATUS_SINGLE_STEP

local API = {
    read_virtual = 0x3130, write_virtual = 0x3131, get_context = 0x3132, set_context = 0x3133,
    write_breakpoint = 0x3134, restore_breakpoint = 0x3135, continue = 0x3136, read_control_space = 0x3137,
    reboot = 0x313B, continue2 = 0x313C, read_physical = 0x313D, get_version = 0x3146, read_msr = 0x3152,
    clear_internal = 0x315A, query_memory = 0x315C,
}
kdtarget.API = API

-- Where the architectures differ. Offsets into CONTEXT 4.10, KSPECIAL 4.9, the control report 4.1, the control set of
-- Continue2 4.4 note 3.
local ARCHITECTURES = {
    [0x8664] = {
        name = "x64", pointer = "<i8", pointer_bytes = 8,
        context_bytes = 0x4D0, context_flags = 0x30, control_group = 0x100001, pc = 0xF8, sp = 0x98,
        special_address = 2, special_bytes = 0xE0, cr0 = 0x00, cr3 = 0x10, cr4 = 0x18,
        dr6 = 193, dr7 = 201, stream_count = 213, stream = 217,
        control_set = "<I4I4i8i8i8",
    },
    [0x014C] = {
        name = "x86", pointer = "<i4", pointer_bytes = 4,
        context_bytes = 0x2CC, context_flags = 0x00, control_group = 0x10001, pc = 0xB8, sp = 0xC4, frame = 0xB4,
        special_address = 0x2CC, special_bytes = 0x54, cr0 = 0x00, cr3 = 0x08, cr4 = 0x0C,
        dr6 = 193, dr7 = 197, stream_count = 201, stream = 205,
        control_set = "<I4I4i4i4i4",
    },
}

local Target = {}
Target.__index = Target

function kdtarget.new(client)
    return setmetatable({ client = client, processor = 0 }, Target)
end

-- ---- one request

local function message(target, api, union, data)
    return ("<I4I2I2I4I4"):pack(api, 0, target.processor, 0, 0)
        .. union .. string.rep("\0", UNION_BYTES - #union) .. (data or "")
end

-- Returns status, union, data.
function Target:request(api, union, data, harmless)
    local reply = self.client:request(message(self, api, union or "", data), harmless)
    return ("<I4"):unpack(reply, 9), reply:sub(17, HEADER_BYTES), reply:sub(HEADER_BYTES + 1)
end

local function succeed(status, what)
    if status ~= STATUS_SUCCESS then fail(what .. " with status 0", ("status %08X"):format(status)) end
end

-- As this architecture writes an address into a request; the target looks at the low half only, on x86 (4).
local function on_wire(target, address)
    if target.arch and target.arch.pointer_bytes == 4 and target.client.quirk["zero-extend"] then
        return address & 0xFFFFFFFF
    end
    return address
end

-- ---- version and architecture (4.5)

function Target:version()
    local status, union = self:request(API.get_version, nil, nil, true)
    succeed(status, "GetVersion")
    local version = {}
    version.major, version.build, version.protocol, version.secondary, version.flags, version.machine,
        version.max_packet, version.max_state, version.max_manipulate, version.simulation, version.unused,
        version.kernel_base, version.module_list, version.data_list = ("<I2I2BBI2I2BBBBI2i8i8i8"):unpack(union)
    self.arch = ARCHITECTURES[version.machine] or fail("machine 8664 or 014C", ("%04X"):format(version.machine))
    return version
end

function Target:pointer(bytes, offset)
    return (self.arch.pointer:unpack(bytes, (offset or 0) + 1))
end

-- x86 addresses may come in a u64 whose upper half is anything (4.11).
function Target:canonical(address)
    return self.arch.pointer_bytes == 8 and address or ("<i4"):unpack(("<I4"):pack(address & 0xFFFFFFFF))
end

-- ---- memory

local function read_once(target, api, address, count)
    local status, union, data = target:request(api, ("<i8I4"):pack(address, count), nil, true)
    local actual = ("<I4"):unpack(union, 13)
    if actual ~= #data then fail(("%d bytes, as the reply says"):format(actual), #data .. " bytes") end
    if actual > count then fail(("at most %d bytes"):format(count), actual .. " bytes") end
    if (status == STATUS_SUCCESS) ~= (actual == count) then
        fail("status 0 for a whole read and no other",
            ("status %08X with %d of %d bytes"):format(status, actual, count))
    end
    return data
end

local function read_all(target, api, address, count)
    local pieces, done = {}, 0
    local piece_max = target.client.quirk["2k-reads"] and 2048 or DATA_MAX
    repeat
        local wanted = math.min(count - done, piece_max)
        local piece = read_once(target, api, address + done, wanted)
        pieces[#pieces + 1] = piece
        done = done + #piece
    until done == count or #piece < wanted
    return table.concat(pieces)
end

-- As much as can be read, perhaps nothing.
function Target:try_read(address, count)
    return read_all(self, API.read_virtual, on_wire(self, address), count)
end

function Target:try_read_physical(address, count)
    return read_all(self, API.read_physical, address, count)
end

function Target:read(address, count)
    local bytes = self:try_read(address, count)
    if #bytes ~= count then fail(("%d bytes at %s"):format(count, self:show(address)), #bytes) end
    return bytes
end

function Target:read_physical(address, count)
    local bytes = self:try_read_physical(address, count)
    if #bytes ~= count then fail(("%d bytes at physical %X"):format(count, address), #bytes) end
    return bytes
end

function Target:read_pointer(address)
    return self:pointer(self:read(address, self.arch.pointer_bytes))
end

function Target:write(address, bytes)
    local status, union = self:request(API.write_virtual, ("<i8I4"):pack(on_wire(self, address), #bytes), bytes)
    succeed(status, "WriteVirtualMemory")
    local actual = ("<I4"):unpack(union, 13)
    if actual ~= #bytes then fail(("%d bytes written"):format(#bytes), actual) end
end

function Target:show(address)
    if not self.arch or self.arch.pointer_bytes == 8 then return ("%016X"):format(address) end
    return ("%08X"):format(address & 0xFFFFFFFF)
end

-- ---- registers

function Target:context()
    local status, _, context = self:request(API.get_context, nil, nil, true)
    succeed(status, "GetContext")
    if #context ~= self.arch.context_bytes then
        fail(("a CONTEXT of %X bytes"):format(self.arch.context_bytes), ("%X"):format(#context))
    end
    return context
end

function Target:register(context, name)
    return self:pointer(context, self.arch[name])
end

local function replace(bytes, offset, format, value)
    local piece = format:pack(value)
    return bytes:sub(1, offset) .. piece .. bytes:sub(offset + #piece + 1)
end

-- Only the groups that its flags name take effect (4.4 note 7).
function Target:set_pc(context, pc)
    local arch = self.arch
    local flags = ("<I4"):unpack(context, arch.context_flags + 1)
    context = replace(context, arch.context_flags, "<I4", flags | arch.control_group)
    context = replace(context, arch.pc, arch.pointer, pc)
    succeed(self:request(API.set_context, ("<I4"):pack(flags | arch.control_group), context), "SetContext")
end

function Target:control_space(address, count)
    local status, union, data = self:request(API.read_control_space, ("<i8I4"):pack(address, count), nil, true)
    succeed(status, ("ReadControlSpace %X"):format(address))
    if ("<I4"):unpack(union, 13) ~= #data or #data ~= count then fail(count .. " bytes of control space", #data) end
    return data
end

function Target:special(name)
    local special = self:control_space(self.arch.special_address, self.arch.special_bytes)
    local format = self.arch.pointer_bytes == 8 and "<i8" or "<I4"
    return (format:unpack(special, self.arch[name] + 1))
end

-- Returns status and value.
function Target:msr(number)
    local status, union = self:request(API.read_msr, ("<I4"):pack(number), nil, true)
    local low, high = ("<I4I4"):unpack(union, 5)
    return status, high << 32 | low
end

-- ---- stops (4.1)

local function text_of(bytes)
    return bytes:match("^[^\0]*")
end

local function control_report(target, stop, body)
    local arch = target.arch
    stop.dr6 = arch.pointer:unpack(body, arch.dr6)
    stop.dr7 = arch.pointer:unpack(body, arch.dr7)
    stop.stream = body:sub(arch.stream, arch.stream + ("<I2"):unpack(body, arch.stream_count) - 1)
end

local STOP_KINDS = { [0x3030] = "exception", [0x3031] = "symbols", [0x3032] = "command" }

-- A stop has kind, processor, thread, pc, synced and, for an exception, code, first_chance, dr6, dr7, stream; for
-- symbols, base, size, checksum, unload, path. The control report can be read once the architecture is known.
local function decode_stop(target, event)
    local body = event.body
    local new_state, _, processor, processors, thread, pc = ("<I4I2I2I4xxxxi8i8"):unpack(body)
    local stop = { kind = STOP_KINDS[new_state & 0xFFFF], processor = processor, processors = processors,
                   thread = thread, pc = pc, synced = event.synced, body = body }
    if stop.kind == "exception" then
        stop.code, stop.first_chance = ("<I4"):unpack(body, 33), ("<I4"):unpack(body, 185)
    elseif stop.kind == "symbols" then
        stop.base, stop.checksum, stop.size = ("<i8"):unpack(body, 41), ("<I4I4"):unpack(body, 57)
        stop.unload, stop.path = body:byte(65) ~= 0, text_of(body:sub(241))
    elseif not stop.kind then
        fail("a state change 3030, 3031 or 3032", ("%X"):format(new_state))
    end
    if target.arch then control_report(target, stop, body) end
    target.stop, target.processor = stop, processor
    return stop
end

function Target:describe(stop)
    if stop.kind == "exception" then return ("exception %08X at %s"):format(stop.code, self:show(stop.pc)) end
    if stop.kind == "symbols" then return ("symbols of %s"):format(stop.path) end
    return stop.kind
end

-- Attaches. The first stop is decoded again when the architecture is known.
function Target:attach()
    local stop = decode_stop(self, self.client:sync())
    self:version()
    control_report(self, stop, stop.body)
    return stop
end

function Target:wait_stop(what)
    local event = self.client:wait_stop(self.client.patience)
    if not event then fail(what, ("nothing within %g s"):format(self.client.patience)) end
    return decode_stop(self, event)
end

-- A stop that may come, or not.
function Target:stop_within(seconds)
    local event = self.client:wait_stop(seconds)
    return event and decode_stop(self, event)
end

-- On an int 3 that is part of the code: it would be hit again and again (5.5 rule 4). A stop told a second time shows
-- the registers of the first.
function Target:at_hard_break()
    local stop = self.stop
    return stop.kind == "exception" and stop.code == STATUS_BREAKPOINT and stop.stream:byte(1) == 0xCC
end

local function step_over_break(target)
    local context = target:context()
    if target:register(context, "pc") == target.stop.pc then target:set_pc(context, target.stop.pc + 1) end
end

local function resume(target, trace)
    if target:at_hard_break() then step_over_break(target) end
    local arch, client = target.arch, target.client
    if client.quirk["old-continue"] and trace == 0 then
        return client:order(message(target, API.continue, ("<I4"):pack(STATUS_SUCCESS)))
    end
    local control_set = arch.control_set:pack(DBG_CONTINUE, trace, target.stop.dr7, 0, 0)
    client:order(message(target, API.continue2, control_set))
end

function Target:go() resume(self, 0) end

-- One instruction. What stops it may also be a break-in that was wished before.
function Target:step()
    resume(self, 1)
    return self:wait_stop("a stop after a single step")
end

function Target:reboot()
    self.client:order(message(self, API.reboot, ""))
end

-- ---- breakpoints (4.4 notes 5 and 6)

function Target:set_breakpoint(address)
    local wire_address = on_wire(self, address)
    if self.client.quirk["zero-extend"] and self.arch.pointer_bytes == 4 then
        wire_address = wire_address | (self.client.count.requests & 0x7FFF) << 32
    end
    local status, union = self:request(API.write_breakpoint, ("<i8"):pack(wire_address))
    succeed(status, "WriteBreakPoint at " .. self:show(address))
    local handle = ("<I4"):unpack(union, 9)
    if handle < 1 or handle > 32 then fail("a handle 1..32", handle) end
    return handle
end

-- Returns true if there was one.
function Target:clear_breakpoint(handle)
    return self:request(API.restore_breakpoint, ("<I4"):pack(handle)) == STATUS_SUCCESS
end

function Target:clear_internal_breakpoints()
    self.client:order(message(self, API.clear_internal, ""))
end

return kdtarget
