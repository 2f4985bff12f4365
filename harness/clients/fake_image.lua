-- fake_image.lua: the least of a kernel's memory that the conversation can be held about: real page tables, modules,
-- processes, a stack and a loop of code, for both builds. Serves the client's own tests only.
-- Offsets are nt-image.md's and kd-protocol.md 4.11's, typed a second time: a slip in ntwalk.lua must not agree with
-- itself.
local fake_image = {}

local PAGE = 0x1000
local RAM_FIRST, RAM_END = 0x100000, 0x1000000
local PRESENT_WRITE, USER = 0x03, 0x04

local BUILDS = {
    x64 = {
        width = 8, pointer = "<i8", levels = { 39, 30, 21, 12 }, bits = 9, wide = "<I8",
        machine = 0x8664, build = 7601, secondary = 2, flags = 7, max_manipulate = 0x31, service_pack = 0x100,
        kernel = 0xFFFFF80002800000, pool = 0xFFFFFA8000C00000, stack = 0xFFFFF88002000000,
        system32 = "\\SystemRoot\\system32\\", pe_optional = 240, pe_magic = 0x20B, pe_directories = 112,
        data_bytes = 0x340,
        eprocess = { bytes = 0x4D0, directory = 0x28, pid = 0x180, links = 0x188, name = 0x2E0, threads = 0x308,
                     peb = 0x338 },
        ethread = { bytes = 0x498, process = 0x70, cid = 0x3B0, entry = 0x420 },
        ldr = { bytes = 0xE0, memory = 0x10, base = 0x30, size = 0x40, full = 0x48, name = 0x58, checksum = 0x78 },
        peb = { image = 0x10, ldr = 0x18, parameters = 0x20 }, ldr_data = 0x20, image_path = 0x60,
        pcr = { own = 0x18, prcb = 0x20, to_prcb = 0x180 }, prcb = { thread = 0x08, number = 0x24 },
    },
    x86 = {
        width = 4, pointer = "<i4", levels = { 22, 12 }, bits = 10, wide = "<I4",
        machine = 0x014C, build = 2600, secondary = 0, flags = 2, max_manipulate = 0x2D, service_pack = 0x300,
        kernel = -0x7FB29000, pool = -0x7F000000, stack = -0x7A000000,
        system32 = "\\WINDOWS\\system32\\", pe_optional = 224, pe_magic = 0x10B, pe_directories = 96,
        data_bytes = 0x290,
        eprocess = { bytes = 0x260, directory = 0x18, pid = 0x84, links = 0x88, name = 0x174, threads = 0x190,
                     peb = 0x1B0 },
        ethread = { bytes = 0x258, process = 0x44, cid = 0x1EC, entry = 0x22C },
        ldr = { bytes = 0x60, memory = 0x08, base = 0x18, size = 0x20, full = 0x24, name = 0x2C, checksum = 0x40 },
        peb = { image = 0x08, ldr = 0x0C, parameters = 0x10 }, ldr_data = 0x14, image_path = 0x38,
        pcr = { own = 0x1C, prcb = 0x20, to_prcb = 0x120 }, prcb = { thread = 0x04, number = 0x10 },
    },
}

local Image = {}
Image.__index = Image

-- ---- physical memory and page tables

local function splice(page, offset, bytes)
    return page:sub(1, offset) .. bytes .. page:sub(offset + #bytes + 1)
end

-- As much as is RAM.
function Image:read_physical(address, count)
    local pieces = {}
    while count > 0 and address >= RAM_FIRST and address < RAM_END do
        local offset = address & PAGE - 1
        local piece = math.min(count, PAGE - offset)
        pieces[#pieces + 1] = (self.ram[address >> 12] or string.rep("\0", PAGE)):sub(offset + 1, offset + piece)
        address, count = address + piece, count - piece
    end
    return table.concat(pieces)
end

local function write_physical(image, address, bytes)
    local page = image.ram[address >> 12] or string.rep("\0", PAGE)
    image.ram[address >> 12] = splice(page, address & PAGE - 1, bytes)
end

local function take_page(image)
    image.free = image.free + PAGE
    return image.free - PAGE
end

local function entry_of(image, cr3, address, make)
    local levels, wide = image.build.levels, image.build.wide
    local at = cr3
    for i, shift in ipairs(levels) do
        at = at + (address >> shift & (1 << image.build.bits) - 1) * image.build.width
        if i == #levels then return at end
        local value = wide:unpack(image:read_physical(at, image.build.width))
        if value == 0 then
            if not make then return nil end
            value = take_page(image) | PRESENT_WRITE | USER
            write_physical(image, at, wide:pack(value))
        end
        at = value & ~0xFFF
    end
end

function Image:translate(cr3, address)
    local at = entry_of(self, cr3, address, false)
    local value = at and self.build.wide:unpack(self:read_physical(at, self.build.width)) or 0
    return value & 1 ~= 0 and (value & ~0xFFF) + (address & 0xFFF) or nil
end

local function map(image, cr3, address, bytes)
    for page = 0, bytes - 1, PAGE do
        local value = take_page(image) | PRESENT_WRITE | (address >= 0 and USER or 0)
        write_physical(image, entry_of(image, cr3, address + page, true), image.build.wide:pack(value))
    end
end

-- As much as is mapped.
function Image:read(address, count, cr3)
    local pieces = {}
    while count > 0 do
        local physical = self:translate(cr3 or self.cr3, address)
        if not physical then break end
        local piece = math.min(count, PAGE - (address & PAGE - 1))
        pieces[#pieces + 1] = self:read_physical(physical, piece)
        address, count = address + piece, count - piece
    end
    return table.concat(pieces)
end

-- Returns how many bytes could be written.
function Image:write(address, bytes, cr3)
    local done = 0
    while done < #bytes do
        local at = address + done
        local physical = self:translate(cr3 or self.cr3, at)
        if not physical then break end
        local piece = bytes:sub(done + 1, done + PAGE - (at & PAGE - 1))
        write_physical(self, physical, piece)
        done = done + #piece
    end
    return done
end

-- ---- small stores: a place to put things, pointers, strings, lists

local function area(image, first, cr3)
    local place = { next = first, cr3 = cr3 }
    function place.take(bytes)
        place.next = place.next + (bytes + 15 & ~15)
        return place.next - (bytes + 15 & ~15)
    end
    function place.put(address, format, ...)
        image:write(address, format:pack(...), cr3)
    end
    function place.pointer(address, value) place.put(address, image.build.pointer, value) end
    function place.unicode(address, text)
        local buffer = place.take(2 * #text)
        image:write(buffer, (text:gsub(".", "%0\0")), cr3)
        place.put(address, "<I2I2", 2 * #text, 2 * #text)
        place.pointer(address + image.build.width, buffer)
    end
    function place.list(head, links)
        local ring = table.move(links, 1, #links, 2, { head })
        for i, at in ipairs(ring) do
            place.pointer(at, ring[i % #ring + 1])
            place.pointer(at + image.build.width, ring[(i - 2) % #ring + 1])
        end
    end
    return place
end

-- ---- images and modules

local HEADER_AT, EXPORTS_AT, DEBUG_AT, RECORD_AT = 0x80, 0x300, 0x400, 0x480
local EXPORTS = { "KdDebuggerInitialize0", "KdSendPacket", "KdReceivePacket" }

local function put_exports(place, base)
    local names = base + EXPORTS_AT + 40
    local text = names + 4 * #EXPORTS
    place.put(base + EXPORTS_AT + 24, "<I4I4I4", #EXPORTS, 0, names - base)
    for i, name in ipairs(EXPORTS) do
        place.put(names + 4 * (i - 1), "<I4", text - base)
        place.put(text, "z", name)
        text = text + #name + 1
    end
end

local function put_image(image, place, module)
    local build, base = image.build, module.base
    local optional = base + HEADER_AT + 24
    place.put(base, "c2", "MZ")
    place.put(base + 0x3C, "<I4", HEADER_AT)
    place.put(base + HEADER_AT, "<c4I2I2I4", "PE\0\0", build.machine, 1, 0x4CE7951A)
    place.put(optional, "<I2", build.pe_magic)
    place.put(optional + 56, "<I4I4I4", module.size, PAGE, module.checksum)
    place.put(optional + build.pe_directories, "<I4I4", EXPORTS_AT, 0x100)
    place.put(optional + build.pe_directories + 48, "<I4I4", DEBUG_AT, 28)
    put_exports(place, base)
    local record = ("<c4I8I8I4z"):pack("RSDS", 1, 2, 1, module.name:gsub("%.%a+$", "") .. ".pdb")
    place.put(base + DEBUG_AT, "<I4I4I4I4I4I4", 0, 0, 0, 2, #record, RECORD_AT)
    image:write(base + RECORD_AT, record, place.cr3)
end

local function put_module_entry(image, place, module)
    local layout = image.build.ldr
    local at = place.take(layout.bytes)
    place.pointer(at + layout.base, module.base)
    place.put(at + layout.size, "<I4", module.size)
    place.put(at + layout.checksum, "<I4", module.checksum)
    place.unicode(at + layout.full, module.path)
    place.unicode(at + layout.name, module.name)
    return at
end

local function put_modules(image, place)
    local links, base = {}, image.build.kernel
    for i, name in ipairs { "ntoskrnl.exe", "hal.dll", "kdfast.dll", "disk.sys" } do
        local module = { name = name, path = image.build.system32 .. name, base = base,
                         size = i == 1 and 0x4000 or 0x1000, checksum = 0x12345 + i }
        map(image, image.cr3, base, module.size)
        put_image(image, place, module)
        links[i] = put_module_entry(image, place, module)
        image.modules[i] = module
        base = base + 0x100000
    end
    place.list(image.module_list, links)
end

-- ---- code: what the break helper, a function and the loop that calls it look like

local HELPER, FUNCTION, LOOP = 0x1000, 0x1010, 0x1020

local function put_code(image)
    local base = image.build.kernel
    image.helper, image.loop = base + HELPER, base + LOOP
    image:write(image.helper, "\xCC\xC3")
    image:write(base + FUNCTION, "\x90\xC3")
    image:write(image.loop, "\x90\xE8" .. ("<i4"):pack(FUNCTION - (LOOP + 6)) .. "\x90\xEB\xF7")
end

-- Three frames: on x86 linked by the frame pointer, on x64 return addresses between other things.
local function put_stack(image)
    local build = image.build
    local width, top = build.width, build.stack + 0x3000
    map(image, image.cr3, build.stack, 0x4000)
    for i = 0, 2 do
        local frame = top + 0x40 * i
        image:write(frame, (build.pointer .. build.pointer:sub(2)):pack(i == 2 and 0 or frame + 0x40, image.loop + 6))
    end
    image.sp, image.frame = top - 4 * width, top
end

-- ---- processes

local USER_AREA, USER_IMAGE = 0x7FFD0000, 0x400000

local function put_user_modules(image, cr3, name)
    local build = image.build
    map(image, cr3, USER_AREA, 0x4000)
    local place = area(image, USER_AREA + 0x1000, cr3)
    local links = {}
    for i, module_name in ipairs { name, "ntdll.dll", "kernel32.dll" } do
        local module = { name = module_name, path = "C:\\Windows\\" .. module_name, base = USER_IMAGE * i,
                         size = 0x1000, checksum = i }
        map(image, cr3, module.base, 0x1000)
        put_image(image, place, module)
        links[i] = put_module_entry(image, place, module) + build.ldr.memory
    end
    local ldr, parameters = place.take(0x40), place.take(0x80)
    place.list(ldr + build.ldr_data, links)
    place.unicode(parameters + build.image_path, "C:\\Windows\\" .. name)
    place.pointer(USER_AREA + build.peb.image, USER_IMAGE)
    place.pointer(USER_AREA + build.peb.ldr, ldr)
    place.pointer(USER_AREA + build.peb.parameters, parameters)
end

local function put_threads(image, place, process, pid)
    local links = {}
    for i = 1, 2 do
        local thread = place.take(image.build.ethread.bytes)
        place.pointer(thread + image.build.ethread.process, process)
        place.pointer(thread + image.build.ethread.cid, pid)
        place.pointer(thread + image.build.ethread.cid + image.build.width, pid + 4 * i)
        links[i] = thread + image.build.ethread.entry
        image.thread = image.thread or thread
    end
    place.list(process + image.build.eprocess.threads, links)
end

-- A process's top-level table starts as a copy of the kernel's.
local function put_processes(image, place)
    local layout, links = image.build.eprocess, {}
    for i, name in ipairs { "System", "smss.exe", "csrss.exe", "explorer.exe" } do
        local process, pid = place.take(layout.bytes), i == 1 and 4 or 0x100 * i
        local cr3 = image.cr3
        if i > 1 then
            cr3 = take_page(image)
            write_physical(image, cr3, image:read_physical(image.cr3, PAGE))
            put_user_modules(image, cr3, name)
            place.pointer(process + layout.peb, USER_AREA)
        end
        place.pointer(process + layout.directory, cr3)
        place.pointer(process + layout.pid, pid)
        place.put(process + layout.name, "z", name)
        put_threads(image, place, process, pid)
        links[i] = process + layout.links
    end
    place.list(image.process_list, links)
end

local function put_processor(image, place)
    local build = image.build
    image.pcr = place.take(build.pcr.to_prcb + 0x100)
    image.prcb = image.pcr + build.pcr.to_prcb
    place.pointer(image.pcr + build.pcr.own, image.pcr)
    place.pointer(image.pcr + build.pcr.prcb, image.prcb)
    place.pointer(image.prcb + build.prcb.thread, image.thread)
    place.put(image.prcb + build.prcb.number, "B", 0)
    image.processor_block = place.take(build.width)
    place.pointer(image.processor_block, image.prcb)
end

-- ---- the data block

local function put_data_block(image, place)
    local build = image.build
    local block, service_pack = place.take(build.data_bytes), place.take(4)
    place.list(image.data_list, { block })
    place.put(service_pack, "<I4", build.service_pack)
    place.put(block + 0x10, "<c4I4", "KDBG", build.data_bytes)
    place.put(block + 0x36, "<I2", build.width == 8 and 1 or 0)
    for offset, address in pairs { [0x18] = build.kernel, [0x48] = image.module_list, [0x50] = image.process_list,
                                   [0x218] = image.processor_block, [0x268] = service_pack } do
        place.put(block + offset, "<I8", build.width == 8 and address or address & 0xFFFFFFFF)
    end
    if build.data_bytes > 0x2AE then
        place.put(block + 0x2AA, "<I2", build.eprocess.peb)
        place.put(block + 0x2AE, "<I2", build.eprocess.directory)
    end
end

function fake_image.build(arch)
    local build = assert(BUILDS[arch], "no architecture " .. tostring(arch))
    local image = setmetatable({ build = build, ram = {}, free = RAM_FIRST, modules = {} }, Image)
    image.cr3 = take_page(image)
    map(image, image.cr3, build.pool, 0x8000)
    local place = area(image, build.pool, image.cr3)
    image.module_list, image.process_list, image.data_list = place.take(16), place.take(16), place.take(16)
    put_modules(image, place)
    put_code(image)
    put_stack(image)
    put_processes(image, place)
    put_processor(image, place)
    put_data_block(image, place)
    return image
end

return fake_image
