-- ntwalk.lua: finds a kernel's modules, processes, threads and pages in target memory, as a debugger does that knows
-- the build. Source: nt-image.md, kd-protocol.md 4.11. Whatever is not as it says is a failure, with what was seen.
local kdclient = require "kdclient"

local fail = kdclient.fail
local ntwalk = {}

local LIST_MAX = 512               -- a list longer than this is none
local PRESENT, LARGE = 0x001, 0x080

-- ---- the two builds

local BUILDS = {
    [7601] = {
        data_size = 0x340, max_manipulate = 0x31, secondary = 2, flags = 0x07, service_pack = 0x100,
        process = { links = 0x188, pid = 0x180, peb = 0x338, name = 0x2E0, threads = 0x308, directory = 0x028,
                    bytes = 0x458 },
        peb = { image = 0x010, ldr = 0x018, parameters = 0x020 },
        parameters = { image_path = 0x060 },
        ldr = { in_memory_order = 0x020 },
        thread = { entry = 0x420, cid = 0x3B0, unique = 0x008 },
        module = { base = 0x30, entry_point = 0x38, size = 0x40, full_name = 0x48, base_name = 0x58, checksum = 0x78,
                   in_memory_order = 0x10, bytes = 0x80 },
        pcr = { self = 0x018, prcb = 0x020, to_prcb = 0x180 },
        prcb = { thread = 0x008, number = 0x024 },
        kthread = { process = 0x070 },
        pe = { magic = 0x20B, directories = 112 },
    },
    [2600] = {
        data_size = 0x290, max_manipulate = 0x2D, secondary = 0, flags = 0x02, service_pack = 0x300,
        process = { links = 0x088, pid = 0x084, peb = 0x1B0, name = 0x174, threads = 0x190, directory = 0x018,
                    bytes = 0x21C },
        peb = { image = 0x008, ldr = 0x00C, parameters = 0x010 },
        parameters = { image_path = 0x038 },
        ldr = { in_memory_order = 0x014 },
        thread = { entry = 0x22C, cid = 0x1EC, unique = 0x004 },
        module = { base = 0x18, entry_point = 0x1C, size = 0x20, full_name = 0x24, base_name = 0x2C, checksum = 0x40,
                   in_memory_order = 0x08, bytes = 0x50 },
        pcr = { self = 0x01C, prcb = 0x020, to_prcb = 0x120 },
        prcb = { thread = 0x004, number = 0x010 },
        kthread = { process = 0x044 },
        pe = { magic = 0x10B, directories = 96 },
    },
}

-- Levels from the top: shift, index bits, entry bytes, and whether an entry may map a page itself.
local PAGING = {
    four_level = { { 39, 9, 8 }, { 30, 9, 8, true }, { 21, 9, 8, true }, { 12, 9, 8 } },
    pae = { { 30, 2, 8 }, { 21, 9, 8, true }, { 12, 9, 8 } },
    two_level = { { 22, 10, 4, true }, { 12, 10, 4 } },
}

function ntwalk.build(version)
    return BUILDS[version.build] or fail("build 7601 or 2600", version.build)
end

-- ---- the data block (4.11)

-- Returns a table of what this client needs of it.
function ntwalk.data_block(target, version, build)
    local block = target:read_pointer(version.data_list)
    local next_entry = target:read_pointer(block)
    if next_entry ~= version.data_list then
        fail("the data block as the only entry of the list", "a next entry at " .. target:show(next_entry))
    end
    local bytes = target:read(block, build.data_size)
    local tag, size = bytes:sub(0x11, 0x14), ("<I4"):unpack(bytes, 0x15)
    if tag ~= "KDBG" then fail("the tag KDBG in the data block", tag) end
    if size ~= build.data_size then fail(("a data block of %X bytes"):format(build.data_size), ("%X"):format(size)) end
    local function slot(offset) return target:canonical(("<i8"):unpack(bytes, offset + 1)) end
    local function small(offset) return offset < #bytes and ("<I2"):unpack(bytes, offset + 1) or nil end
    return {
        address = block, kernel_base = slot(0x018), module_list = slot(0x048), process_list = slot(0x050),
        cid_table = slot(0x058), processor_block = slot(0x218), service_pack = slot(0x268),
        pae = small(0x036) & 1 == 1, offset_peb = small(0x2AA), offset_directory = small(0x2AE),
    }
end

-- ---- lists and strings

-- The links of a circular list, in order; each must point back to the one before it.
function ntwalk.list(target, head)
    local links, before = {}, head
    local at = target:read_pointer(head)
    while at ~= head do
        local both = target:read(at, 2 * target.arch.pointer_bytes)
        local back = target:pointer(both, target.arch.pointer_bytes)
        if back ~= before then
            fail(("a link back from %s to %s"):format(target:show(at), target:show(before)), target:show(back))
        end
        links[#links + 1] = at
        if #links > LIST_MAX then fail("a circular list", ("%d entries and no end"):format(LIST_MAX)) end
        before, at = at, target:pointer(both)
    end
    return links
end

local function from_utf16(bytes)
    local text = {}
    for at = 1, #bytes - 1, 2 do text[#text + 1] = utf8.char((("<I2"):unpack(bytes, at))) end
    return table.concat(text)
end

-- A UNICODE_STRING inside bytes already read; its characters come through read.
local function unicode_string(target, bytes, offset, read)
    local length, room = ("<I2I2"):unpack(bytes, offset + 1)
    local buffer = target:pointer(bytes, offset + target.arch.pointer_bytes)
    if length % 2 ~= 0 or length > room then
        fail("an even Length up to MaximumLength", ("%d of %d"):format(length, room))
    end
    return length == 0 and "" or from_utf16(read(buffer, length))
end

-- ---- images

local function directory_entry(bytes, optional, build, index)
    return ("<I4I4"):unpack(bytes, optional + build.pe.directories + 8 * index + 1)
end

local function check_equal(what, expected, seen)
    if expected ~= seen then fail(("%s %X"):format(what, expected), ("%X"):format(seen)) end
end

-- The PE header at base, as far as a debugger looks for symbols: read is how its memory is reached.
function ntwalk.image(target, build, base, read)
    local dos = read(base, 0x40)
    if dos:sub(1, 2) ~= "MZ" then fail("MZ at " .. target:show(base), ("%q"):format(dos:sub(1, 2))) end
    local header = read(base + ("<I4"):unpack(dos, 0x3D), 0x108)
    if header:sub(1, 4) ~= "PE\0\0" then fail("PE at " .. target:show(base), ("%q"):format(header:sub(1, 4))) end
    local machine, _, timestamp = ("<I2I2I4"):unpack(header, 5)
    local optional = 24
    check_equal("machine", target.arch.name == "x64" and 0x8664 or 0x014C, machine)
    check_equal("magic", build.pe.magic, (("<I2"):unpack(header, optional + 1)))
    return {
        timestamp = timestamp, size = ("<I4"):unpack(header, optional + 57),
        checksum = ("<I4"):unpack(header, optional + 65),
        exports = { directory_entry(header, optional, build, 0) },
        debug = { directory_entry(header, optional, build, 6) },
    }
end

local function string_at(read, address)
    return read(address, 16):match("^([^\0]+)") or ""
end

-- How many names an image exports; each must be there.
function ntwalk.export_count(base, image, read)
    if image.exports[2] == 0 then fail("an export directory", "none") end
    local directory = read(base + image.exports[1], 40)
    local count, names = ("<I4"):unpack(directory, 25), ("<I4"):unpack(directory, 33)
    if count > LIST_MAX then fail("a handful of exported names", count) end
    local table_bytes = read(base + names, 4 * count)
    for i = 0, count - 1 do
        if string_at(read, base + ("<I4"):unpack(table_bytes, 4 * i + 1)) == "" then fail("a name", "export " .. i) end
    end
    return count
end

-- The name of the symbol file, from the CodeView entry of the debug directory.
function ntwalk.pdb_name(base, image, read)
    local CODEVIEW = 2
    if image.debug[2] == 0 then fail("a debug directory", "none") end
    local entry = read(base + image.debug[1], 28)
    check_equal("debug entry type", CODEVIEW, (("<I4"):unpack(entry, 13)))
    local bytes, address = ("<I4I4"):unpack(entry, 17)
    local record = read(base + address, bytes)
    if record:sub(1, 4) ~= "RSDS" then fail("RSDS", ("%q"):format(record:sub(1, 4))) end
    return (record:match("^[^\0]+", 25))
end

-- ---- modules

local function module_of(target, build, links, offset, read)
    local layout = build.module
    local bytes = read(links - offset, layout.bytes)
    return {
        base = target:pointer(bytes, layout.base), size = ("<I4"):unpack(bytes, layout.size + 1),
        checksum = ("<I4"):unpack(bytes, layout.checksum + 1),
        path = unicode_string(target, bytes, layout.full_name, read),
        name = unicode_string(target, bytes, layout.base_name, read),
    }
end

-- The kernel's modules with what their image headers say. The two must agree (nt-image.md, modules).
function ntwalk.modules(target, build, head)
    local modules = {}
    local function read(address, count) return target:read(address, count) end
    for _, links in ipairs(ntwalk.list(target, head)) do
        local module = module_of(target, build, links, 0, read)
        local image = ntwalk.image(target, build, module.base, read)
        check_equal(module.name .. ": SizeOfImage", module.size, image.size)
        check_equal(module.name .. ": CheckSum", module.checksum, image.checksum)
        module.image = image
        modules[#modules + 1] = module
    end
    return modules
end

-- ---- pages

-- A translator of virtual addresses through the tables at cr3, by physical reads: address -> physical, or nil.
function ntwalk.translator(target, cr3, pae)
    local levels = target.arch.pointer_bytes == 8 and PAGING.four_level or pae and PAGING.pae or PAGING.two_level
    local top = cr3 & (levels == PAGING.pae and 0xFFFFFFE0 or 0x000FFFFFFFFFF000)
    local known = {}
    local function entry(address, bytes)
        if not known[address] then
            known[address] = ((bytes == 8) and "<i8" or "<I4"):unpack(target:read_physical(address, bytes))
        end
        return known[address]
    end
    return function(address)
        local table_at = top
        for i, level in ipairs(levels) do
            local shift, bits, bytes, may_be_large = table.unpack(level)
            local value = entry(table_at + (address >> shift & (1 << bits) - 1) * bytes, bytes)
            if value & PRESENT == 0 then return nil end
            local below = value & 0x000FFFFFFFFFF000
            if i == #levels or may_be_large and value & LARGE ~= 0 then
                local in_page = (1 << shift) - 1
                return below & ~in_page | address & in_page
            end
            table_at = below
        end
    end
end

-- A way to read the memory of one process, whoever runs: page by page through its own tables.
function ntwalk.reader(target, translate)
    return function(address, count)
        local pieces = {}
        while count > 0 do
            local physical = translate(address)
            if not physical then fail("a mapped page", target:show(address)) end
            local piece = math.min(count, 0x1000 - (address & 0xFFF))
            pieces[#pieces + 1] = target:read_physical(physical, piece)
            address, count = address + piece, count - piece
        end
        return table.concat(pieces)
    end
end

-- ---- processes

local function threads_of(target, build, process, pid)
    local threads = {}
    for _, links in ipairs(ntwalk.list(target, process + build.process.threads)) do
        local thread = links - build.thread.entry
        local cid = target:read(thread + build.thread.cid, 2 * target.arch.pointer_bytes)
        check_equal("process id in a thread", pid, target:pointer(cid))
        threads[#threads + 1] = { address = thread, id = target:pointer(cid, build.thread.unique) }
    end
    return threads
end

function ntwalk.processes(target, build, head)
    local layout, processes = build.process, {}
    for _, links in ipairs(ntwalk.list(target, head)) do
        local address = links - layout.links
        local bytes = target:read(address, layout.bytes)
        local pid = target:pointer(bytes, layout.pid)
        processes[#processes + 1] = {
            address = address, pid = pid, name = bytes:sub(layout.name + 1, layout.name + 16):match("^[^\0]*"),
            peb = target:pointer(bytes, layout.peb), cr3 = target:pointer(bytes, layout.directory),
            threads = threads_of(target, build, address, pid),
        }
    end
    return processes
end

-- The modules of a process with a PEB, and the path of its image, read through its own page tables.
function ntwalk.user_modules(target, build, process, pae)
    local read = ntwalk.reader(target, ntwalk.translator(target, process.cr3, pae))
    local width = target.arch.pointer_bytes
    local function pointer(address) return target:pointer(read(address, width)) end
    local parameters = pointer(process.peb + build.peb.parameters)
    local path = unicode_string(target, read(parameters + build.parameters.image_path, 2 * width), 0, read)
    local head = pointer(process.peb + build.peb.ldr) + build.ldr.in_memory_order
    local modules, at = {}, pointer(head)
    while at ~= head do
        local module = module_of(target, build, at, build.module.in_memory_order, read)
        ntwalk.image(target, build, module.base, read)
        modules[#modules + 1] = module
        if #modules > LIST_MAX then fail("a circular list of user modules", "no end") end
        at = pointer(at)
    end
    if #modules == 0 or modules[1].base ~= pointer(process.peb + build.peb.image) then
        fail("the process's own image as the first of its modules", #modules .. " modules")
    end
    return modules, path
end

return ntwalk
