-- Goal:   a debug register stops the target before the instruction it names, without a byte written into the code; it runs on
--         over it, is stopped again the next time around, on any processor, and no more when Dr7 says so.
-- Source: kd-protocol.md 4.4 note 3 (Dr7 of Continue2 goes to all cpus; trap 11: 0 wipes them), 4.9 (Dr0 .. Dr7)
vm { processors = 2, steps_per_tick = 20 }

local special, dr0 = arch == "x64" and 2 or 0x2CC, arch == "x64" and 0x20 or 0x10
local size = arch == "x64" and 0xE0 or 0x54
local address = string.pack("<i8", image.routine):sub(1, arch == "x64" and 8 or 4)
attach()
boot()
after(ms(20)); dbg.break_in()
local stop = dbg.wait_stop()
check.equal(stop.dr7, 0x400)
local code = dbg.read(image.routine, 16)

for cpu = 0, 1 do
    local block = dbg.control_space(special, size, cpu)
    local changed = block:sub(1, dr0) .. address .. block:sub(dr0 + #address + 1)
    local reply = dbg.request("write_control_space", { fields = string.pack("<i8I4", special, size), data = changed, cpu = cpu })
    check.equal(reply.status, 0)
    check.equal(dbg.control_space(special, size, cpu), changed)
end

-- Past the program's own int3 by hand, because the Dr7 to go on with is another.
local registers = dbg.context()
registers.pc = registers.pc + 1
dbg.set_context(registers)
dbg.continue(nil, 0x402)
local by = { [0] = 0, 0 }
for time = 1, 12 do
    stop = dbg.wait_stop()
    check.equal(stop.code, 0x80000004, "time " .. time)
    check.equal(stop.pc, image.routine)
    check.equal(stop.dr6 & 0xF, 1, "which register")
    check.equal(stop.dr7, 0x402)
    check.equal(stop.instructions, code)
    check.equal((dbg.read(image.routine, 16)), code, "nothing is written")
    by[stop.cpu] = by[stop.cpu] + 1
    dbg.continue()                                  -- with the Dr7 that it showed
end
check.between(by[0], 1, 11, "by the first processor")
check.equal(by[0] + by[1], 12)

stop = dbg.wait_stop()
dbg.continue(nil, 0x400)
after(s(1))
check.counters { stops = 14, duplicates = 0 }
