-- fake_target.lua: a target small enough to be read in one sitting, for the client to be tested against before anything
-- real listens. It has a link of its own (kd-protocol.md 2.5 to 2.9), a stub that serves what the conversation asks
-- (4.4), and ways to misbehave: --fault for what a client must bear, --lie for what it must call by name.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local commandline = require "commandline"
local fake_image = require "fake_image"
local kdsocket = require "kdsocket"
local wire = require "kdwire"

local FAULTS = {
    resend = "asks for every fifth frame again",
    twice = "sends every third frame twice",
    chunks = "sends a byte at a time",
    noise = "sends some before each frame",
    prints = "prints a line on every tick",
    prompt = "asks something once a boot",
    file = "asks for a file once a boot",
}
local LIES = {
    build = "is one that nobody knows",
    list = "has a module whose link back is wrong",
    checksum = "has a module whose header says something else than its list entry",
    short = "sends a byte less than its reply says",
    deaf = "never reads what is sent",
    ["no-break"] = "does not break in",
    ["no-hit"] = "never hits a breakpoint",
    ["no-sync"] = "boots without the SYNC bit",
}
local USAGE = [[
usage: lua5.4 fake_target.lua unix:PATH|tcp:HOST:PORT [--arch x64|x86] [--link relay|serial] [--fault NAME]...
                              [--lie NAME]...
Faults:
]] .. commandline.describe(FAULTS) .. "\nLies:\n" .. commandline.describe(LIES)

local TYPE, SYNC, INITIAL = wire.TYPE, wire.SYNC, wire.INITIAL_ID
local TICK_SECONDS, REPEAT_SECONDS, ABSORB_SECONDS, STEPS_PER_TICK = 0.001, 0.5, 0.1, 7
local SUCCESS, UNSUCCESSFUL, NO_SUCH_DEVICE = 0, 0xC0000001, 0xC000000E
local BREAKPOINT, SINGLE_STEP = 0x80000003, 0x80000004

local CPU = {
    x64 = { context = 0x4D0, flags = 0x30, eflags = 0x44, pc = 0xF8, sp = 0x98, frame = 0xA0, pointer = "<i8",
            width = 8, special = 0xE0, cr3 = 0x10, cr4 = 0x18, trace = 4 },
    x86 = { context = 0x2CC, flags = 0x00, eflags = 0xC0, pc = 0xB8, sp = 0xC4, frame = 0xB4, pointer = "<i4",
            width = 4, special = 0x54, cr3 = 0x08, cr4 = 0x0C, trace = 4 },
}

local address, given = commandline.parse(USAGE, { arch = "text", link = "text", fault = "set", lie = "set" })
local arch = commandline.one_of(USAGE, "arch", given.arch or "x64", "x64", "x86")
local relay = commandline.one_of(USAGE, "link", given.link or "relay", "relay", "serial") == "relay"
local fault = commandline.known(USAGE, "fault", given.fault, FAULTS)
local lie = commandline.known(USAGE, "lie", given.lie, LIES)
local cpu = CPU[arch]

-- ---- the target's whole state; boot() makes it new

local target = {}

local function splice(bytes, offset, format, ...)
    local piece = format:pack(...)
    return bytes:sub(1, offset) .. piece .. bytes:sub(offset + #piece + 1)
end

local function register(name) return (cpu.pointer:unpack(target.context, cpu[name] + 1)) end

local function set_register(name, value)
    target.context = splice(target.context, cpu[name], cpu.pointer, value)
end

-- ---- link: frames out

local function put(bytes)
    local stream = target.stream
    if not stream then return end
    if fault.noise then stream:send("\x30\x69\x55") end
    for at = 1, #bytes, fault.chunks and 1 or #bytes do
        stream:send(fault.chunks and bytes:sub(at, at) or bytes)
    end
end

local function transmit()
    target.sent_at = kdsocket.now()
    target.frames = target.frames + 1
    local frame = wire.data(target.outgoing.type, target.next_id, target.outgoing.body)
    put(frame)
    if fault.twice and target.frames % 3 == 0 then put(frame) end
end

-- One unacknowledged frame at a time; what else there is to say waits.
local function pump()
    if target.outgoing or #target.outbox == 0 then return end
    target.outgoing = table.remove(target.outbox, 1)
    transmit()
end

local function say(type, body, on_acknowledged)
    target.outbox[#target.outbox + 1] = { type = type, body = body, on_acknowledged = on_acknowledged }
    pump()
end

local function acknowledged()
    local done = target.outgoing
    target.next_id = (target.next_id ~ 1) & ~SYNC
    target.outgoing = nil
    if done.on_acknowledged then done.on_acknowledged() end
    pump()
end

-- ---- stops

local function control_report()
    local pc = register("pc")
    local stream = target.image:read(pc, 16)
    local eflags = ("<I4"):unpack(target.context, cpu.eflags + 1)
    if arch == "x64" then
        return ("<I8I8I4I2I2"):pack(target.dr6, 0x400, eflags, #stream, 3) .. stream
    end
    return ("<I4I4I2I2"):pack(target.dr6, 0x400, #stream, 3) .. stream .. string.rep("\0", 24 - #stream)
        .. ("<I4"):pack(eflags)
end

-- The breakpoints in sight of the program counter are taken away first (4.1 note 2).
local function hide_breakpoints(pc)
    for handle, at in pairs(target.breakpoints) do
        if at.address >= pc and at.address < pc + 16 then
            target.image:write(at.address, at.byte)
            target.breakpoints[handle] = nil
        end
    end
end

local function stop(new_state, union, data)
    target.running, target.context_sent = false, false
    hide_breakpoints(register("pc"))
    local head = ("<I4I2I2I4I4i8i8"):pack(new_state, 6, 0, 1, 0, target.image.thread, register("pc"))
    target.state_change = head .. union .. string.rep("\0", 160 - #union)
    target.state_change = target.state_change .. control_report()
    target.state_change = target.state_change .. string.rep("\0", 240 - #target.state_change) .. (data or "")
    say(TYPE.state_change, target.state_change)
end

local function stop_exception(code, dr6)
    target.dr6 = dr6
    stop(0x3030, ("<I4I4i8i8I4I4"):pack(code, 0, 0, register("pc"), 0, 0) .. string.rep("\0", 120) .. ("<I4"):pack(1))
end

local function announce(module)
    stop(0x3031, ("<I4I4i8i8I4I4"):pack(#module.path + 1, 0, module.base, -1, module.checksum, module.size),
        module.path .. "\0")
end

-- ---- the processor: four instructions and the break helper

local function push(value)
    set_register("sp", register("sp") - cpu.width)
    target.image:write(register("sp"), cpu.pointer:pack(value))
end

local INSTRUCTIONS = {
    [0x90] = function(pc) return pc + 1 end,
    [0xEB] = function(pc) return pc + 2 + (("b"):unpack(target.image:read(pc + 1, 1))) end,
    [0xE8] = function(pc)
        push(pc + 5)
        return pc + 5 + (("<i4"):unpack(target.image:read(pc + 1, 4)))
    end,
    [0xC3] = function()
        local to = cpu.pointer:unpack(target.image:read(register("sp"), cpu.width))
        set_register("sp", register("sp") + cpu.width)
        return to
    end,
}

-- Returns true if it was an int 3, whose program counter stays.
local function execute()
    local pc = register("pc")
    local opcode = target.image:read(pc, 1):byte()
    if opcode == 0xCC then return true end
    set_register("pc", assert(INSTRUCTIONS[opcode], "an instruction that is not interpreted")(pc))
end

local function break_in()
    if lie["no-break"] then return end
    push(register("pc"))
    set_register("pc", target.image.helper)
    stop_exception(BREAKPOINT, 0)
end

local function single_step()
    if execute() then return stop_exception(BREAKPOINT, 0) end
    stop_exception(SINGLE_STEP, 0x4000)
end

local function print_line()
    local text = "tick\n"
    say(TYPE.debug_io, ("<I4I2I2I4I4"):pack(0x3230, 6, 0, #text, 0) .. text)
end

-- ---- boot

local ask_once

local function boot()
    local image = fake_image.build(arch)
    if lie.checksum then image:write(image.modules[2].base + 0x80 + 24 + 64, "?") end
    if lie.list then
        local first = cpu.pointer:unpack(image:read(image.module_list, cpu.width))
        local second = cpu.pointer:unpack(image:read(first, cpu.width))
        image:write(second + cpu.width, cpu.pointer:pack(second))
    end
    target.image, target.context, target.breakpoints = image, string.rep("\0", cpu.context), {}
    set_register("pc", image.loop)
    set_register("sp", image.sp)
    set_register("frame", image.frame)
    target.special = splice(string.rep("\0", cpu.special), cpu.cr3, cpu.pointer, image.cr3)
    target.special = splice(target.special, cpu.cr4, cpu.pointer, arch == "x64" and 0x20 or 0)
    target.next_id, target.expect_id = lie["no-sync"] and INITIAL or INITIAL | SYNC, INITIAL
    target.outgoing, target.outbox, target.absorb_resets = nil, {}, nil
    target.dr6, target.control_c, target.frames, target.asked = 0, false, 0, false
    target.to_announce = table.move(image.modules, 1, #image.modules, 1, {})
    target.running = true
end

-- Module by module while there is one; then the loop, a few instructions for each tick.
local function run()
    if #target.to_announce > 0 then return announce(table.remove(target.to_announce, 1)) end
    if ask_once() then return end
    if fault.prints and #target.outbox == 0 then print_line() end
    if target.control_c then
        target.control_c = false
        return break_in()
    end
    for _ = 1, STEPS_PER_TICK do
        if execute() then return stop_exception(BREAKPOINT, 0) end
    end
end

-- A prompt must be answered by type 3, a file request by type 11, before anything goes on.
ask_once = function()
    if target.asked then return target.awaiting ~= nil end
    target.asked = true
    if fault.prompt then
        target.awaiting = TYPE.debug_io
        say(TYPE.debug_io, ("<I4I2I2I4I4"):pack(0x3231, 6, 0, 4, 2) .. "(i)?")
    elseif fault.file then
        target.awaiting = TYPE.file_io
        say(TYPE.file_io, ("<I4"):pack(0x3430) .. string.rep("\0", 60) .. "x\0")
    end
    return target.awaiting ~= nil
end

-- ---- requests (4.4): each gets the union and the data, and returns status, union, data; or nothing, for no reply

local function memory_reply(union, bytes, asked)
    local status = #bytes == asked and SUCCESS or UNSUCCESSFUL
    return status, splice(union, 12, "<I4", #bytes), bytes
end

local function canonical(where)
    return cpu.width == 8 and where or (("<i4"):unpack(("<I4"):pack(where & 0xFFFFFFFF)))
end

local function read_virtual(union)
    local where, count = ("<i8I4"):unpack(union)
    local bytes = target.image:read(canonical(where), count)
    if lie.short and count > 16 then return SUCCESS, splice(union, 12, "<I4", count), bytes:sub(1, count - 1) end
    return memory_reply(union, bytes, count)
end

local function write_breakpoint(union)
    local where = canonical((("<i8"):unpack(union)))
    local free
    for handle = 32, 1, -1 do
        local at = target.breakpoints[handle]
        if at and at.address == where then return UNSUCCESSFUL, union end
        if not at then free = handle end
    end
    target.breakpoints[free] = { address = where, byte = target.image:read(where, 1) }
    target.image:write(where, "\xCC")
    return SUCCESS, splice(union, 8, "<I4", free)
end

local function restore_breakpoint(union)
    local handle = ("<I4"):unpack(union)
    local at = target.breakpoints[handle]
    if not at then return UNSUCCESSFUL, union end
    target.image:write(at.address, at.byte)
    target.breakpoints[handle] = nil
    return SUCCESS, union
end

local function read_control_space(union)
    local where, count = ("<i8I4"):unpack(union)
    local image, data = target.image, nil
    if arch == "x64" then
        local pointers = { [0] = image.pcr, [1] = image.prcb, [3] = image.thread }
        data = where == 2 and target.special or pointers[where] and cpu.pointer:pack(pointers[where]) or ""
    else
        data = (target.context .. target.special):sub(where + 1)
    end
    return memory_reply(union, data:sub(1, count), count)
end

local function resume(trace)
    if lie["no-hit"] then
        for handle in pairs(target.breakpoints) do restore_breakpoint(("<I4"):pack(handle)) end
    end
    if trace then return single_step() end
    target.running = true
end

local SERVE = {
    [0x3130] = read_virtual,
    [0x3131] = function(union, data)
        local where = canonical((("<i8"):unpack(union)))
        return memory_reply(union, string.rep("w", target.image:write(where, data)), #data)
    end,
    [0x3132] = function(union, _, processor)
        if processor > 0 then return UNSUCCESSFUL, union end
        target.context_sent = true
        return SUCCESS, union, target.context
    end,
    [0x3133] = function(union, data)
        if not target.context_sent then return UNSUCCESSFUL, union end
        target.context = data .. target.context:sub(#data + 1)
        return SUCCESS, union
    end,
    [0x3134] = write_breakpoint,
    [0x3135] = restore_breakpoint,
    [0x3136] = function() resume(false) end,
    [0x3137] = read_control_space,
    [0x313B] = boot,
    [0x313C] = function(union) resume(("<I4"):unpack(union, cpu.trace + 1) ~= 0) end,
    [0x313D] = function(union)
        local where, count = ("<i8I4"):unpack(union)
        return memory_reply(union, target.image:read_physical(where, count), count)
    end,
    [0x3146] = function()
        local build, image = target.image.build, target.image
        return SUCCESS, ("<I2I2BBI2I2BBBBI2i8i8i8"):pack(0x0F, lie.build and 7600 or build.build, 6, build.secondary,
            build.flags, build.machine, 12, 3, build.max_manipulate, 0, 0, build.kernel, image.module_list,
            image.data_list)
    end,
    [0x3152] = function(union) return ("<I4"):unpack(union) == 0xDEADBEEF and NO_SUCH_DEVICE or SUCCESS, union end,
    [0x315A] = function() end,
    [0x315C] = function(union) return SUCCESS, splice(union, 16, "<I4I4", 2, 7) end,
}

local function serve(body)
    local api, processor, union = ("<I4"):unpack(body), ("<I2"):unpack(body, 7), body:sub(17, 56)
    local handler = SERVE[api]
    local status, new_union, data = UNSUCCESSFUL, union, nil
    if handler then
        status, new_union, data = handler(union, body:sub(57), processor)
        if not status then return end
    end
    say(TYPE.manipulate, body:sub(1, 8) .. ("<I4I4"):pack(status, 0) .. new_union .. (data or ""))
end

-- ---- link: frames in

local function asleep() return target.running and not target.outgoing and not target.awaiting end

-- The breakpoint exception that a wish leads to begins at once, so that what follows on the line meets a target that
-- listens (E10). A stopped target's relay drops the byte, its serial line keeps it for later (5.7).
local function on_break()
    if asleep() then
        if #target.to_announce == 0 then break_in() else target.control_c = true end
    elseif target.running or not relay then
        target.control_c = true
    end
end

local function say_again()
    if target.outgoing then return transmit() end
    if not target.running then say(TYPE.state_change, target.state_change) end
end

local function on_reset()
    local now = kdsocket.now()
    if target.absorb_resets and now < target.absorb_resets then return end
    target.next_id, target.expect_id = INITIAL, INITIAL
    target.absorb_resets = now + ABSORB_SECONDS
    put(wire.control(TYPE.reset, 0))
    say_again()
end

local CONTROL = {
    [TYPE.reset] = on_reset,
    [TYPE.resend] = say_again,
    [TYPE.ack] = function(id)
        target.absorb_resets = nil
        if target.outgoing and id == target.next_id & ~SYNC then acknowledged() end
    end,
}

local function deliver(unit)
    if unit.type == target.awaiting then
        target.awaiting = nil
    elseif unit.type == TYPE.manipulate and not target.running then
        serve(unit.body)
    end
end

local function on_data(unit)
    target.absorb_resets, target.received = nil, (target.received or 0) + 1
    if fault.resend and target.received % 5 == 0 or unit.type == TYPE.manipulate and #unit.body < 56 then
        return put(wire.control(TYPE.resend, 0))
    end
    put(wire.control(TYPE.ack, unit.id))
    if unit.id & ~SYNC ~= target.expect_id then return end
    target.expect_id = target.expect_id ~ 1
    if target.outgoing then acknowledged() end
    deliver(unit)
end

local function on_unit(unit)
    if unit.kind == "break" then return on_break() end
    if asleep() then return end
    if unit.kind == "data" then return on_data(unit) end
    if unit.kind == "bad" then return put(wire.control(TYPE.resend, 0)) end
    local handler = CONTROL[unit.type]
    if handler then handler(unit.id) end
end

-- ---- clients come and go

local function welcome(stream)
    target.stream, target.absorb_resets = stream, nil
    if relay then target.reader = wire.reader() end
end

-- Without a client a stop waits, a print or a notice is given up (2.12). A reply that nobody waits for counts as
-- acknowledged, at a relay (2.12 rule 6).
local function farewell()
    target.stream:close()
    target.stream = nil
    local outgoing = target.outgoing
    if relay and outgoing and outgoing.type == TYPE.manipulate then acknowledged() end
end

local function give_up_alone()
    local outgoing = target.outgoing
    local notice = outgoing and outgoing.type == TYPE.state_change and outgoing.body:sub(1, 2) == "\x31\x30"
    if notice or outgoing and outgoing.type == TYPE.debug_io and not target.awaiting then
        target.outgoing, target.outbox = nil, {}
        target.next_id, target.expect_id, target.running = INITIAL | SYNC, INITIAL, true
    end
end

local function repeat_late_frame()
    if target.outgoing and kdsocket.now() - target.sent_at > REPEAT_SECONDS then transmit() end
end

local function listen_to_client()
    local bytes = target.stream:receive(TICK_SECONDS)
    if not bytes then
        local now = kdsocket.now()
        if target.heard_at and now - target.heard_at > 1 then target.reader:give_up() end
        return
    end
    target.heard_at = kdsocket.now()
    for _, unit in ipairs(target.reader:feed(bytes)) do on_unit(unit) end
end

local function turn(listener)
    if not target.stream then
        local stream = listener:accept(TICK_SECONDS)
        if stream then welcome(stream) else give_up_alone() end
    elseif lie.deaf then
        kdsocket.sleep(TICK_SECONDS)
    else
        listen_to_client()
    end
    if target.running and not target.outgoing then run() end
    repeat_late_frame()
end

-- The first boot is over before anybody can attach, so that an attach always finds the same.
target.reader = wire.reader()
boot()
repeat
    run()
    give_up_alone()
until #target.to_announce == 0
local listener, problem = kdsocket.listen(address)
if not listener then
    io.stderr:write(problem, "\n")
    os.exit(1)
end
while true do
    local ok, thrown = xpcall(turn, commandline.traceback, listener)
    if not ok and thrown ~= kdsocket.CLOSED then error(thrown, 0) end
    if not ok and target.stream then farewell() end
end
