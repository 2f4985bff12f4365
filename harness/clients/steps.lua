-- steps.lua: the conversation, step by step. Each step says what it needs before it and returns a line of what it saw;
-- conversation.lua plays them in order, storm.lua starts anywhere and walks out.
local kdclient = require "kdclient"
local kdsocket = require "kdsocket"
local kdtarget = require "kdtarget"
local ntwalk = require "ntwalk"

local fail = kdclient.fail
local steps = {}

local QUIET_SECONDS = 0.1          -- a boot that announces nothing for so long may be interrupted
local WISH_SECONDS = 2             -- a break-in during a boot may meet a stop on its way and be dropped
local STRAY_STOPS_MAX = 8          -- break-ins that somebody before us wished for (5.7 rule 3)
local LOOP_STEPS_MAX = 300
local CALLERS_MAX, STACK_BYTES = 8, 512

local function expect(what, expected, seen)
    if expected ~= seen then
        local format = math.type(expected) == "integer" and math.type(seen) == "integer" and "%X" or "%s"
        fail(("%s " .. format):format(what, expected), format:format(seen))
    end
end

local function expect_that(condition, expected, seen)
    if not condition then fail(expected, tostring(seen)) end
end

-- ---- a session: one debugger's acquaintance with a target, over one connection after another

local Session = {}
Session.__index = Session

-- options: open (gives a new stream), quirks, patience, sync_wait, trace, expect_arch.
function steps.session(options)
    return setmetatable({ options = options, done = {}, totals = {} }, Session)
end

function Session:connect()
    self.stream = self.options.open()
    self.client = kdclient.new(self.stream, self.options)
    self.target = kdtarget.new(self.client)
    self.done = {}
end

-- No goodbye: KDCOM has none.
function Session:leave()
    if not self.stream then return end
    self.stream:close()
    for name, count in pairs(self.client.count) do self.totals[name] = (self.totals[name] or 0) + count end
    self.totals.prints = (self.totals.prints or 0) + #self.client.prints
    self.stream = nil
end

local function in_kernel(session, address)
    local base = session.version.kernel_base
    return address >= base and address < base + session.kernel_size
end

-- Runs to a stop at address. Break-ins and symbol notices on the way are let go; returns how many there were.
local function run_to(session, address)
    local target = session.target
    for strays = 0, STRAY_STOPS_MAX do
        target:go()
        local stop = target:wait_stop("a hit at " .. target:show(address))
        if stop.kind == "exception" and stop.pc == address then return stop, strays end
        if stop.kind == "exception" and not target:at_hard_break() then
            fail("a hit at " .. target:show(address), target:describe(stop))
        end
    end
    fail("a hit at " .. target:show(address), STRAY_STOPS_MAX .. " stops elsewhere")
end

local function interrupt_boot(session)
    session.client:break_in()
    return session.target:stop_within(WISH_SECONDS)
end

-- From symbol notices to a stop in running code. heard is told each notice.
local function let_boot(session, heard)
    local target, stop = session.target, session.target.stop
    local give_up_at = kdsocket.now() + session.client.patience
    while stop.kind ~= "exception" do
        if stop.kind == "symbols" and heard then heard(stop) end
        target:go()
        stop = target:stop_within(QUIET_SECONDS)
        while not stop do
            expect_that(kdsocket.now() < give_up_at, "a break-in while the target boots", "none")
            stop = interrupt_boot(session)
        end
    end
    return stop
end

-- ---- the steps

local function attach(session)
    session:connect()
    local first = session.target:attach()
    local notices = 0
    local target, stop = session.target, let_boot(session, function() notices = notices + 1 end)
    local behind = notices > 0 and (", behind %d symbol notices"):format(notices) or ""
    return ("%s%s%s"):format(target:describe(stop), first.synced and ", with a SYNC id" or "", behind)
end

local function version(session)
    local target = session.target
    local seen = target:version()
    local build = ntwalk.build(seen)
    session.version, session.build = seen, build
    if session.options.expect_arch then expect("architecture", session.options.expect_arch, target.arch.name) end
    expect("protocol", 6, seen.protocol)
    expect("secondary version", build.secondary, seen.secondary)
    expect("MaxManipulate", build.max_manipulate, seen.max_manipulate)
    expect("flags but MP", build.flags & ~1, seen.flags & ~1)
    local dos = target:read(seen.kernel_base, 0x40)
    session.kernel_size = ("<I4"):unpack(target:read(seen.kernel_base + ("<I4"):unpack(dos, 0x3D) + 80, 4))
    return ("build %d %s, kernel at %s"):format(seen.build, target.arch.name, target:show(seen.kernel_base))
end

local function clean(session)
    local left = 0
    session.target:clear_internal_breakpoints()
    for handle = 1, 32 do
        if session.target:clear_breakpoint(handle) then left = left + 1 end
    end
    return left .. " breakpoints left by others"
end

local function data_block(session)
    local target, seen = session.target, session.version
    local data = ntwalk.data_block(target, seen, session.build)
    expect("kernel base", seen.kernel_base, data.kernel_base)
    expect("PsLoadedModuleList", seen.module_list, data.module_list)
    expect("service pack", session.build.service_pack, (("<I4"):unpack(target:read(data.service_pack, 4))))
    if data.offset_peb then -- XP's block ends before them
        expect("offset of EPROCESS.Peb", session.build.process.peb, data.offset_peb)
        expect("offset of DirectoryTableBase", session.build.process.directory, data.offset_directory)
    end
    session.data = data
    return ("%X bytes at %s"):format(session.build.data_size, target:show(data.address))
end

local function modules(session)
    local target = session.target
    local found = ntwalk.modules(target, session.build, session.data.module_list)
    expect_that(#found >= 4, "the kernel, the HAL, kdfast.dll and drivers", #found .. " modules")
    expect("base of the first module", session.version.kernel_base, found[1].base)
    for i, name in ipairs { "ntoskrnl.exe", "hal.dll", "kdfast.dll" } do expect("module", name, found[i].name) end
    local function read(address, count) return target:read(address, count) end
    local names = {}
    for i, module in ipairs(found) do
        expect_that(module.path:sub(-#module.name) == module.name, "a path that ends in " .. module.name, module.path)
        ntwalk.export_count(module.base, module.image, read)
        expect_that(ntwalk.pdb_name(module.base, module.image, read), "a pdb name", module.name)
        names[i] = module.name
    end
    session.modules = found
    return ("%d: %s"):format(#found, table.concat(names, " "))
end

local function processes(session)
    local target = session.target
    local found, texts, by_name = ntwalk.processes(target, session.build, session.data.process_list), {}, {}
    for i, process in ipairs(found) do
        by_name[process.name] = process
        expect_that(#process.threads >= 2, process.name .. " with two threads", #process.threads)
        local users = ""
        if process.peb ~= 0 then
            local user_modules, path = ntwalk.user_modules(target, session.build, process, session.data.pae)
            expect_that(#user_modules >= 3, process.name .. " with three user modules", #user_modules)
            expect_that(path:find(process.name, 1, true), "an image path with " .. process.name, path)
            users = ("+%d modules"):format(#user_modules)
        end
        texts[i] = ("%s(%d)%s"):format(process.name, process.pid, users)
    end
    for _, name in ipairs { "System", "smss.exe", "csrss.exe", "explorer.exe" } do
        expect_that(by_name[name], "a process " .. name, table.concat(texts, " "))
        expect_that((by_name[name].peb == 0) == (name == "System"), "a PEB for all but System", name)
    end
    expect("pid of System", 4, by_name.System.pid)
    return table.concat(texts, " ")
end

-- KPCR and KPRCB of the stopped processor: by index on x64, through KiProcessorBlock on x86 (4.9).
local function processor_addresses(session)
    local target, build = session.target, session.build
    if target.arch.name == "x64" then
        local function index(number) return target:pointer(target:control_space(number, 8)) end
        return index(0), index(1), index(3)
    end
    local prcb = target:read_pointer(session.data.processor_block + 4 * target.processor)
    return prcb - build.pcr.to_prcb, prcb, target:read_pointer(prcb + build.prcb.thread)
end

local function processor(session)
    local target, build = session.target, session.build
    local pcr, prcb, thread = processor_addresses(session)
    expect("KPCR's own address", pcr, target:read_pointer(pcr + build.pcr.self))
    expect("KPCR's KPRCB", prcb, target:read_pointer(pcr + build.pcr.prcb))
    expect("KPRCB behind KPCR", pcr + build.pcr.to_prcb, prcb)
    expect("processor number", target.processor, target:read(prcb + build.prcb.number, 1):byte())
    expect("current thread", thread, target:read_pointer(prcb + build.prcb.thread))
    expect("thread of the stop", thread, target.stop.thread)
    local process = target:read_pointer(thread + build.kthread.process)
    local cr3 = target:special("cr3")
    expect("CR3 of the thread's process", target:read_pointer(process + build.process.directory) & ~0xFFF, cr3 & ~0xFFF)
    session.cr3 = cr3
    local bad_msr = target:msr(0xDEADBEEF)
    expect("status of an MSR that is not there", 0xC000000E, bad_msr)
    target:msr(target.arch.name == "x64" and 0xC0000082 or 0x176)
    return ("cpu %d, KPCR %s, CR3 %X"):format(target.processor, target:show(pcr), cr3)
end

-- x86 links its frames; on x64, without unwinding, whatever on the stack points into the kernel must do.
local function count_linked_callers(session, frame)
    local target, count = session.target, 0
    local width = target.arch.pointer_bytes
    while count < CALLERS_MAX and frame ~= 0 do
        local both = target:read(frame, 2 * width)
        if not in_kernel(session, target:pointer(both, width)) then break end
        frame, count = target:pointer(both), count + 1
    end
    return count
end

local function count_callers(session, context)
    local target, count = session.target, 0
    if target.arch.frame then return count_linked_callers(session, target:register(context, "frame")) end
    local stack = target:try_read(target:register(context, "sp"), STACK_BYTES)
    for at = 0, #stack - 8, 8 do
        if in_kernel(session, target:pointer(stack, at)) then count = count + 1 end
    end
    return count
end

-- A stop told a second time may be older than the registers: whoever was here before may have moved over the int 3.
local function registers(session)
    local target = session.target
    local context = target:context()
    local pc = target:register(context, "pc")
    expect_that(pc == target.stop.pc or pc == target.stop.pc + 1, "PC " .. target:show(target.stop.pc), target:show(pc))
    expect_that(in_kernel(session, pc), "a PC in the kernel", target:show(pc))
    local callers = count_callers(session, context)
    expect_that(callers >= 2, "three frames: PC and two return addresses or more", callers)
    return ("PC %s, SP %s, %d return addresses"):format(target:show(pc), target:show(target:register(context, "sp")),
        callers)
end

local function pages(session)
    local target, data, base = session.target, session.data, session.version.kernel_base
    local CR4_PAE = 0x20
    expect("PAE of the data block", target:special("cr4") & CR4_PAE ~= 0, data.pae)
    local translate = ntwalk.translator(target, session.cr3, data.pae)
    local physical = translate(base)
    expect_that(physical, "a mapped kernel base", "none in the tables at CR3")
    expect_that(target:read_physical(physical, 256) == target:read(base, 256), "the same bytes physically",
        "others at " .. ("%X"):format(physical))
    expect("translation of address 0", nil, translate(0))
    expect_that(#target:try_read_physical(0xA0000, 16) == 0, "no RAM at physical A0000", "bytes")
    expect_that(#target:try_read_physical(0xFFFFFFF0000, 16) == 0, "no RAM at physical FFFFFFF0000", "bytes")
    return ("kernel at physical %X, by hand through the tables"):format(physical)
end

local function read(session)
    local target, base = session.target, session.version.kernel_base
    local whole, pieces = target:read(base, kdtarget.DATA_MAX), {}
    for at = 0, kdtarget.DATA_MAX - 1, 493 do
        pieces[#pieces + 1] = target:read(base + at, math.min(493, kdtarget.DATA_MAX - at))
    end
    expect_that(table.concat(pieces) == whole, "the same bytes in pieces", "others")
    expect("bytes at address 0", 0, #target:try_read(0, 256))
    expect("bytes of 32 at the kernel's end", 16, #target:try_read(base + session.kernel_size - 16, 32))
    return ("%d bytes, in one and in pieces; nothing at 0; 16 of 32 at the end"):format(#whole)
end

-- Below the stack pointer, where nothing lives, and put back.
local function write(session)
    local target = session.target
    local address = target:register(target:context(), "sp") - 0x100
    local before, other = target:read(address, 64), {}
    for i = 1, 64 do other[i] = string.char(before:byte(i) ~ (0x31 * i & 0xFF | 1)) end
    target:write(address, table.concat(other))
    expect_that(target:read(address, 64) == table.concat(other), "what was written", "something else")
    target:write(address, before)
    expect_that(target:read(address, 64) == before, "what had been there", "something else")
    return "64 bytes at " .. target:show(address) .. ", read back, put back"
end

local function refusals(session)
    local target, api = session.target, kdtarget.API
    local status, _, data = target:request(0x3199, "", nil, true)
    expect_that(status >= 0xC0000000 and #data == 0, "an error and no data for an unknown request",
        ("%X"):format(status))
    expect("bad handle cleared", false, target:clear_breakpoint(33))
    local union
    status, union = target:request(api.query_memory, ("<i8i8I4"):pack(session.version.kernel_base, 0, 0), nil, true)
    expect("status of QueryMemory", 0, status)
    expect("space of the kernel", 2, (("<I4"):unpack(union, 17)))
    local here = target.processor
    target.processor = 31
    status, _, data = target:request(api.get_context, "", nil, true)
    target.processor = here
    expect_that(status >= 0xC0000000 and #data == 0, "no context of processor 31", ("%X"):format(status))
    return "an unknown request, a bad handle, a bad processor are refused with a word"
end

-- Steps until an address comes again; what lies between is a loop that will come round once more.
local function find_loop(session)
    local target, path, seen = session.target, {}, {}
    for _ = 1, LOOP_STEPS_MAX do
        local stop = target:step()
        expect_that(stop.kind == "exception", "an exception after a step", target:describe(stop))
        if target:at_hard_break() then
            path, seen = {}, {}
        else
            expect("code of a step", kdtarget.STATUS_SINGLE_STEP, stop.code)
            expect("single-step bit of DR6", 0x4000, stop.dr6 & 0x4000)
            if seen[stop.pc] then return table.move(path, seen[stop.pc], #path, 1, {}) end
            path[#path + 1] = stop.pc
            seen[stop.pc] = #path
        end
    end
    fail("a loop", LOOP_STEPS_MAX .. " steps without an address seen twice")
end

local function expect_hit(session, stop)
    local target, at = session.target, session.breakpoint
    expect("code of a hit", kdtarget.STATUS_BREAKPOINT, stop.code)
    expect("first byte in the instruction stream", at.byte, stop.stream:sub(1, 1))
    expect("PC of a hit", at.address, target:register(target:context(), "pc"))
end

local function breakpoint(session)
    local target = session.target
    local loop = find_loop(session)
    expect_that(#loop >= 2, "a loop of two instructions or more", #loop)
    local address = loop[#loop // 2 + 1]
    local at = { address = address, byte = target:read(address, 1) }
    session.breakpoint = at
    at.handle = target:set_breakpoint(address)
    expect("byte at the breakpoint", "\xCC", target:read(address, 1))
    local stop, strays = run_to(session, address)
    expect_hit(session, stop)
    return ("handle %d hit at %s in a loop of %d instructions%s"):format(at.handle, target:show(address), #loop,
        strays > 0 and (", behind %d other stops"):format(strays) or "")
end

-- The target took the breakpoint away when it stopped there (4.1 note 2), so the step goes through.
local function step(session)
    local target, at = session.target, session.breakpoint
    target:clear_breakpoint(at.handle)
    expect("byte behind the breakpoint", at.byte, target:read(at.address, 1))
    local stop = target:step()
    while target:at_hard_break() do stop = target:step() end
    expect("code of a step", kdtarget.STATUS_SINGLE_STEP, stop.code)
    expect_that(stop.pc ~= at.address, "another PC", target:show(stop.pc))
    return ("from %s to %s"):format(target:show(at.address), target:show(stop.pc))
end

local function continue(session)
    local target, at = session.target, session.breakpoint
    at.handle = target:set_breakpoint(at.address)
    expect_hit(session, (run_to(session, at.address)))
    target:clear_breakpoint(at.handle)
    target:go()
    return "hit again, removed, running"
end

local function break_in(session)
    local target = session.target
    session.client:break_in()
    local stop = target:wait_stop("a stop after 0x62")
    expect_that(target:at_hard_break(), "a breakpoint exception on an int 3 of the kernel's", target:describe(stop))
    expect_that(in_kernel(session, stop.pc), "a PC in the kernel", target:show(stop.pc))
    return target:describe(stop)
end

local function reboot(session)
    local target, notices, by_base = session.target, 0, {}
    for _, module in ipairs(session.modules) do by_base[module.base] = module end
    target:reboot()
    local stop = target:wait_stop("the load-symbols of a new boot")
    expect("kind of the first stop", "symbols", stop.kind)
    expect_that(stop.synced, "a SYNC id on the first packet of a boot", "none")
    expect_that(stop.path:lower():match("ntoskrnl%.exe$"), "the kernel as the first module", stop.path)
    let_boot(session, function(notice)
        local module = by_base[notice.base]
        expect_that(module, "symbols of a module that is in the list", notice.path)
        expect("SizeOfImage of " .. module.name, module.size, notice.size)
        expect("CheckSum of " .. module.name, module.checksum, notice.checksum)
        notices = notices + 1
    end)
    version(session)
    return ("%d modules announced, stopped again"):format(notices)
end

-- Stopped, and with a breakpoint of ours still in the code.
local function detach(session)
    local at = session.breakpoint
    at.handle = session.target:set_breakpoint(at.address)
    session:leave()
    return ("without goodbye, stopped, breakpoint %d left in"):format(at.handle)
end

-- The breakpoint outlives its debugger (4.4 note 5). Then the target is left running, and is found again.
local function reattach(session)
    local build = session.version.build
    attach(session)
    version(session)
    expect("build", build, session.version.build)
    expect("the breakpoint left in", true, session.target:clear_breakpoint(session.breakpoint.handle))
    clean(session)
    session.target:go()
    session:leave()
    attach(session)
    version(session)
    session.target:go()
    return "found stopped with the breakpoint, left running, found running, left running"
end

-- In the order of the conversation. needs: what must have happened on this connection.
local LIST = {
    { name = "attach", run = attach },
    { name = "version", run = version, needs = { "attach" } },
    { name = "clean", run = clean, needs = { "version" } },
    { name = "data block", run = data_block, needs = { "version" } },
    { name = "modules", run = modules, needs = { "data block" } },
    { name = "processes", run = processes, needs = { "data block" } },
    { name = "processor", run = processor, needs = { "data block" } },
    { name = "registers", run = registers, needs = { "version" } },
    { name = "pages", run = pages, needs = { "processor" } },
    { name = "read", run = read, needs = { "clean" } },
    { name = "write", run = write, needs = { "version" } },
    { name = "refusals", run = refusals, needs = { "version" } },
    { name = "breakpoint", run = breakpoint, needs = { "clean" } },
    { name = "step", run = step, needs = { "breakpoint" } },
    { name = "continue", run = continue, needs = { "step" } },
    { name = "break-in", run = break_in, needs = { "continue" } },
    { name = "reboot", run = reboot, needs = { "clean", "modules" } },
    { name = "detach", run = detach, needs = { "breakpoint" } },
    { name = "reattach", run = reattach, needs = { "detach" } },
}
local BY_NAME = {}
for _, entry in ipairs(LIST) do BY_NAME[entry.name] = entry end
steps.LIST = LIST

-- Runs what a step needs and what has not been run on this connection.
function Session:prepare(name)
    for _, needed in ipairs(BY_NAME[name].needs or {}) do
        if not self.done[needed] then self:run(needed) end
    end
end

-- Runs a step, and before it what it needs. Returns its line.
function Session:run(name)
    self:prepare(name)
    self.now = name
    local line = BY_NAME[name].run(self)
    self.done[name] = true
    return line
end

return steps
