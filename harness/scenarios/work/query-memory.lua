-- Goal:   what kind of memory an address lies in: a process's or the kernel's, readable, writable, executable; another address
--         space than the virtual one is no parameter.
-- Source: kd-protocol.md 4.4 (315C), vectors F12, F13
vm {}

local function query(address, space)
    local reply = dbg.request("query_memory", { fields = string.pack("<i8I8I4I4", address, -1, space or 0, 0) })
    check.equal(#reply.data, 0)
    local reserved, kind, flags = string.unpack("<I8I4I4", reply.fields, 9)
    return reply.status, kind, flags, reserved
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local PROCESS, KERNEL, ALL = 0, 2, 7
for _, address in ipairs { image.kernel_base, image.pool, image.loop, image.kprcb[1], image.hole, -1 } do
    check.equal({ query(address) }, { 0, KERNEL, ALL, 0 }, ("%X"):format(address))
end
for _, address in ipairs { 0, 0x10000, 0x7FFEFFFF } do
    check.equal({ query(address) }, { 0, PROCESS, ALL, 0 }, ("%X"):format(address))
end
for _, space in ipairs { 1, 2, 0xFFFFFFFF } do
    check.equal((query(image.kernel_base, space)), 0xC000000D)
end
check.equal((dbg.request("query_memory", { fields = string.pack("<i8", image.kernel_base) }).fields:sub(17, 24)),
            string.pack("<I4I4", KERNEL, ALL), "F13")
check.counters { duplicates = 0 }
