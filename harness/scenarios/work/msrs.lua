-- Goal:   model-specific registers that a kernel sets up are read and written, 64 bits each; another is no such device. Those
--         that KSPECIAL_REGISTERS shows too are the same there.
-- Source: kd-protocol.md 4.4 (3152, 3153: C000000E), 4.9 (Star, LStar, CStar, Mask, GsBase, GsSwap)
vm { steps_per_tick = 10 }

local NO_SUCH_DEVICE = 0xC000000E
local function read(msr)
    local reply = dbg.request("read_msr", { fields = string.pack("<I4", msr) })
    check.equal(#reply.data, 0)
    return string.unpack("<I8", reply.fields, 5), reply.status
end
local function write(msr, value)
    return dbg.request("write_msr", { fields = string.pack("<I4I8", msr, value) }).status
end

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

local own = arch == "x64" and { 0x1B, 0x174, 0xC0000080, 0xC0000100 } or { 0x1B, 0x174, 0x175, 0x176 }
for i, msr in ipairs(own) do
    local was, status = read(msr)
    check.equal(status, 0, ("MSR %X"):format(msr))
    local value = 0x0123456789ABCDE0 + i
    check.equal(write(msr, value), 0)
    check.equal({ read(msr) }, { value, 0 })
    check.equal(write(msr, was), 0)
    check.equal({ read(msr) }, { was, 0 })
end
for _, msr in ipairs { 0, 1, 0x1C, 0x177, 0xC0000085, 0xFFFFFFFF } do
    check.equal(select(2, read(msr)), NO_SUCH_DEVICE, ("MSR %X"):format(msr))
    check.equal(write(msr, 1), NO_SUCH_DEVICE)
end

-- Those of the special registers: one thing under two names.
local special = { [0xC0000081] = 0xB8, [0xC0000082] = 0xC0, [0xC0000083] = 0xC8, [0xC0000084] = 0xD0, [0xC0000101] = 0xA8, [0xC0000102] = 0xB0 }
for msr, offset in pairs(special) do
    if arch == "x86" then
        check.equal(select(2, read(msr)), NO_SUCH_DEVICE)
    else
        check.equal((read(msr)), (string.unpack("<I8", dbg.control_space(2, 0xE0), offset + 1)), ("MSR %X"):format(msr))
        check.equal(write(msr, 0x1000 + msr), 0)
        check.equal((string.unpack("<I8", dbg.control_space(2, 0xE0), offset + 1)), 0x1000 + msr)
    end
end

-- They stay over a run.
check.equal(write(0x174, 0x10), 0)
dbg.go()
after(ms(50)); dbg.break_in()
dbg.wait_stop()
check.equal({ read(0x174) }, { 0x10, 0 })
check.counters { duplicates = 0 }
