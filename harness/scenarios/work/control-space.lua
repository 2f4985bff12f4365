-- Goal:   control space shows each processor its own: on amd64 four items by number, on x86 bytes of KPROCESSOR_STATE; cut to
--         what was asked for and what there is; what may be written is read back; what is not there is refused.
-- Source: kd-protocol.md 4.9, vectors S10, S11, F04
vm { processors = 4 }

local UNSUCCESSFUL = 0xC0000001
local function read(index, count, cpu)
    local reply = dbg.request("read_control_space", { fields = string.pack("<i8I4", index, count), cpu = cpu })
    check.equal(string.unpack("<I4", reply.fields, 13), #reply.data, "the count says how much came")
    return reply.data, reply.status
end
local function write(index, data, cpu)
    local reply = dbg.request("write_control_space", { fields = string.pack("<i8I4", index, #data), data = data, cpu = cpu })
    return string.unpack("<I4", reply.fields, 13), reply.status
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()

local special, bytes = arch == "x64" and 2 or 0x2CC, arch == "x64" and 0xE0 or 0x54
for cpu = 0, 3 do
    if arch == "x64" then
        for index, address in pairs { [0] = image.kpcr[cpu + 1], image.kprcb[cpu + 1], [3] = image.thread[cpu + 1] } do
            check.equal({ read(index, 8, cpu) }, { string.pack("<i8", address), 0 })
            check.equal({ read(index, 4, cpu) }, { string.pack("<i8", address):sub(1, 4), 0 }, "cut")
            check.equal({ read(index, 100, cpu) }, { string.pack("<i8", address), 0 }, "no more than there is")
            check.equal({ write(index, "12345678", cpu) }, { 0, UNSUCCESSFUL }, "not to be written")
        end
    else
        check.equal((read(0, 0x2CC, cpu)), dbg.context(cpu).raw, "it begins with CONTEXT")
        check.equal(#read(0, 0x1000, cpu), 0x320, "all of it")
        check.equal({ read(0x31C, 16, cpu) }, { read(0x31C, 4, cpu), 0 }, "no more than there is")
    end
    local block, status = read(special, bytes, cpu)
    check.equal({ #block, status }, { bytes, 0 })
    check.equal(string.unpack(arch == "x64" and "<i8" or "<I4", block, arch == "x64" and 0x11 or 9), image.directory_table_pa, "Cr3")

    -- Written, and the others' are as they were.
    local dr3 = arch == "x64" and 0x38 or 0x1C
    local changed = block:sub(1, dr3) .. string.char(0x10 + cpu, 0x20, 0x30, 0x40) .. block:sub(dr3 + 5)
    check.equal({ write(special, changed, cpu) }, { bytes, 0 })
    for other = 0, 3 do
        check.equal(read(special, bytes, other):byte(dr3 + 1), other <= cpu and 0x10 + other or 0, "Dr3 of " .. other)
    end
    check.equal({ write(special, changed .. "excess", cpu) }, { bytes, 0 }, "no more than there is")
end

-- What is not there.
for _, index in ipairs { 0x320, 0x321, 0x1000, 0x7FFFFFFF, -1 } do
    if arch == "x86" or index > 3 or index < 0 then
        check.equal({ read(index, 8) }, { "", UNSUCCESSFUL })
        check.equal({ write(index, "12345678") }, { 0, UNSUCCESSFUL })
    end
end
for _, cpu in ipairs { 4, 32, 0xFFFF } do
    check.equal({ read(special, 8, cpu) }, { "", UNSUCCESSFUL })
    check.equal({ write(special, "12345678", cpu) }, { 0, UNSUCCESSFUL })
end
check.equal({ read(special, 0) }, { "", 0 }, "nothing asked for")

-- They last: a processor that ran has what was written.
dbg.go()
after(ms(50)); dbg.break_in()
dbg.wait_stop()
for cpu = 0, 3 do
    check.equal(read(special, bytes, cpu):byte((arch == "x64" and 0x38 or 0x1C) + 1), 0x10 + cpu)
end
check.counters { duplicates = 0 }
