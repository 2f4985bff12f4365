-- Goal:   the whole first conversation of a real debugger: hundreds of small reads, many of them where nothing is. Each
--         is answered, at once and with the right count, and what the structures say agrees with itself.
-- Source: kd-protocol.md 5.4 (order), 4.4 to 4.11; nt-image.md (where a debugger looks)
vm { modules = 3, steps_per_tick = 10 }

local facts = {                                     -- what a debugger knows by heart
    x64 = {
        machine = 0x8664, data_block = 0x340, self = 0x18, prcb = 0x20, thread = 0x08, cr3 = 0x10,
        directories = 112, levels = { 39, 30, 21, 12 }, index_bits = 9, word = "<i8",
    },
    x86 = {
        machine = 0x014C, data_block = 0x290, self = 0x1C, prcb = 0x20, thread = 0x04, cr3 = 0x08,
        directories = 96, levels = { 22, 12 }, index_bits = 10, word = "<i4",
    },
}
local fact = facts[arch]
local UNSUCCESSFUL = 0xC0000001
local misses = 0

-- Nothing is there: not a byte, and the answer says so.
local function miss(address, len, read)
    local bytes, status = (read or dbg.read)(address, len)
    check.equal(#bytes, 0, ("bytes at %X"):format(address))
    check.equal(status, UNSUCCESSFUL)
    misses = misses + 1
end

attach()
boot()
after(ms(20)); dbg.break_in()
local stop = dbg.wait_stop()
local began, before = now(), counters()

-- Who are you? Answered even if no memory can be read.
local version = dbg.version()
check.equal(version.machine, fact.machine)
check.equal(version.protocol, 6)
check.equal(version.kernel_base, image.kernel_base)

-- The data block: the list of it first, its head, then all of it.
local block = dbg.pointer(version.debugger_data_list)
check.equal(block, image.debugger_data)
check.equal(dbg.read(block + 0x10, 4), "KDBG")
check.equal(dbg.u32(block + 0x14), fact.data_block)
check.equal(#dbg.read(block, dbg.u32(block + 0x14)), fact.data_block)
check.equal(dbg.pointer(block + 0x18), version.kernel_base)
check.equal(dbg.pointer(block + 0x48), version.module_list)
check.that(#dbg.read(dbg.pointer(block + 0x208), 64) == 64, "NtBuildLab")
check.equal(dbg.u16(dbg.pointer(block + 0x268)), arch == "x64" and 0x100 or 0x300, "the service pack")

-- The processor: where it keeps itself, and its special registers.
local processors = dbg.pointer(block + 0x218)
local prcb = dbg.pointer(processors)
local special
if arch == "x64" then
    check.equal(dbg.control_space(1, 8), string.pack("<i8", prcb), "KPRCB")
    check.equal(dbg.control_space(0, 8), string.pack("<i8", image.kpcr[1]), "KPCR")
    check.equal(dbg.control_space(3, 8), string.pack("<i8", stop.thread), "KTHREAD")
    special = dbg.control_space(2, 0xE0)
else
    special = dbg.control_space(0x2CC, 0x54)
end
check.equal(prcb, image.kprcb[1])
check.equal(dbg.pointer(image.kpcr[1] + fact.self), image.kpcr[1], "KPCR.Self")
check.equal(dbg.pointer(image.kpcr[1] + fact.prcb), prcb, "KPCR.CurrentPrcb")
check.equal(dbg.pointer(prcb + fact.thread), stop.thread, "KPRCB.CurrentThread")

-- The modules, their headers, and the record by which symbols are found.
for i, module in ipairs(dbg.modules()) do
    check.equal(module.base, image.modules[i].base, module.name)
    check.equal(dbg.read(module.base, 2), "MZ", module.name)
    local pe = module.base + dbg.u32(module.base + 0x3C)
    check.equal(dbg.read(pe, 4), "PE\0\0", module.name)
    check.equal(dbg.u16(pe + 4), fact.machine)
    check.equal(dbg.u32(pe + 8), image.modules[i].timestamp)
    check.equal(dbg.u32(pe + 24 + 56), module.size)
    check.equal(dbg.u32(pe + 24 + 64), image.modules[i].checksum)
    local debug = module.base + dbg.u32(pe + 24 + fact.directories + 6 * 8)
    check.equal(dbg.read(module.base + dbg.u32(debug + 20), 4), "RSDS", module.name)
    miss(module.base + module.size, 8)
end

-- The registers, whole and in pieces.
local registers = dbg.context()
check.equal(registers.pc, stop.pc)
check.equal(registers.sp & 3, 0)
for offset = 0, #registers.raw - 1, 512 do
    local count = math.min(512, #registers.raw - offset)
    local part = dbg.request("get_context_ex", { fields = string.pack("<I4I4", offset, count) })
    check.equal(part.data, registers.raw:sub(offset + 1, offset + count))
end

-- What an earlier debugger may have left behind is cleared away, blindly.
dbg.request("clear_internal_breakpoints")
for handle = 1, 32 do check.equal(dbg.remove_breakpoint(handle), UNSUCCESSFUL, "handle " .. handle) end

-- What kind of memory is this, and where is the data block? (An old version looks for it.)
local asked = dbg.request("query_memory", { fields = string.pack("<i8", stop.pc) })
check.equal(string.unpack("<I4", asked.fields, 17), 2, "kernel space")
local found = dbg.request("search_memory", {
    fields = string.pack("<i8I8I4", image.kernel_base, image.modules[1].size, 4), data = "KDBG",
})
check.equal(found.status, 0)
check.equal(string.unpack("<i8", found.fields), block + 0x10)

-- The stack, word by word up to its end; some of them lead back into the kernel.
local word = string.packsize(fact.word)
local callers, at = 0, registers.sp
local bytes = dbg.read(at, word)
while #bytes == word do
    local value = string.unpack(fact.word, bytes)
    if value > image.kernel_base and value < image.kernel_base + image.modules[1].size then callers = callers + 1 end
    at = at + word
    bytes = dbg.read(at, word)
end
check.between(callers, 3, 64, "return addresses")
miss(at, 256)

-- The code around the program counter; then back, page by page, to where its image begins, and on to where nothing is.
for back = 0, 64, 8 do check.equal(#dbg.read(stop.pc - back, 16), 16) end
local page = stop.pc & ~0xFFF
while dbg.read(page, 2) ~= "MZ" do page = page - 0x1000 end
check.equal(page, image.kernel_base)
for below = 1, 32 do miss(page - 0x1000 * below, 2) end

-- An address translated by hand, by physical reads.
local table_pa = string.unpack(fact.word, special, fact.cr3 + 1)
check.equal(table_pa, image.directory_table_pa)
local function translate(address)
    local at = table_pa
    for _, shift in ipairs(fact.levels) do
        local index = (address >> shift) & ((1 << fact.index_bits) - 1)
        local entry = string.unpack(fact.word, (dbg.read_physical(at + index * word, word)))
        if entry & 1 == 0 then return nil end
        at = entry & 0x000FFFFFFFFFF000
        local large = shift < 30 and entry & 0x80 ~= 0
        if shift == 12 or large then return (at & -(1 << shift)) + (address & (1 << shift) - 1) end
    end
end
check.equal(translate(image.pool + 0x1238), image.pool_pa + 0x1238)
check.equal(dbg.read_physical(translate(stop.pc), 16), dbg.read(stop.pc, 16))
check.equal(translate(image.hole), nil)

-- And without thinking: 4 to 256 bytes at and near 0, and what lies behind other people's pointers.
for address = 0, 8 do
    for _, len in ipairs { 4, 8, 256 } do miss(address, len) end
end
for i = 0, 15 do miss(image.hole + 8 * i, 8) end
miss(image.not_present, 4096)
miss(0x7FFFFFFFFFFFF000, 8)
miss(image.ram_bytes + 0x10000, 8, dbg.read_physical)

-- All that was one request and one answer each: on the backdoor five exits, on the doorbell one, whether something was there or not.
local requests = counters().requests_delivered - before.requests_delivered
check.between(requests, 300, 999, "requests")
check.counters { duplicates = 0, ["note.repeat"] = 0, ["note.resend_seen"] = 0 }
local each = ({ backdoor = 5, doorbell = 1 })[link]
if each then check.between(counters().exits - before.exits, each * requests, each * requests + 5) end
print(("%d requests, %d of them in vain, in %d ms"):format(requests, misses, (now() - began) // 1000000))

dbg.go()
target.print("and it runs on")
dbg.wait_print("and it runs on")
