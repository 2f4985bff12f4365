-- Goal:   TraceFlag of Continue2 makes exactly one instruction run, from any stop and into whatever it leads to; without it
--         the target runs, whatever the context says; a refused exception ignores it.
-- Source: kd-protocol.md 4.4 note 3, 5.5 rules 2, 4 and 5, vectors F01, S21
vm { steps_per_tick = 10 }

local STEP, BREAK = 0x80000004, 0x80000003
attach()
boot()
after(ms(20)); dbg.break_in()
local stop = dbg.wait_stop()
local function step(code, pc, what)
    stop = dbg.step()
    check.equal(stop.code, code, what)
    check.equal(stop.pc, pc, what)
    check.equal(stop.dr6 & 0x4000, code == STEP and 0x4000 or 0, what .. ": Dr6")
end

-- The program's own int3 is an instruction like any other: to step is to hit it again.
step(BREAK, image.break_instruction, "into the int3")
step(BREAK, image.break_instruction, "and again")

-- Once around the loop: nop, inc, call, inc, nop, ret, inc, nop, jmp.
local registers = dbg.context()
local returns_to = registers.pc + 1
local inc = arch == "x64" and 3 or 1
local loop = image.loop
registers.pc = loop
dbg.set_context(registers)
for _, row in ipairs {
    { loop + 1, "nop" }, { loop + 1 + inc, "inc" }, { image.routine, "call" }, { image.routine + inc, "inc" },
    { image.routine + inc + 1, "nop" }, { loop + 1 + inc + 5, "ret" }, { loop + 6 + 2 * inc, "inc" },
    { loop + 7 + 2 * inc, "nop" }, { loop, "jmp" }, { loop + 1, "nop" },
} do
    step(STEP, row[1], row[2])
    check.equal(stop.address, row[1])
    check.equal(stop.eflags & 0x100, 0, "a step leaves no trace flag behind")
end

-- A trace flag that stands in the context is overruled by the control set.
registers = dbg.context()
registers.eflags = registers.eflags | 0x100
dbg.set_context(registers)
dbg.continue()
after(ms(200))
check.equal(dbg.state(), "RUNNING")

-- With Continue, which has no control set, it is not: one step.
dbg.break_in()
stop = dbg.wait_stop()
registers = dbg.context()
registers.pc = registers.pc + 1
registers.eflags = registers.eflags | 0x100
dbg.set_context(registers)
dbg.request("continue", { fields = string.pack("<I4", 0x00010002) })
stop = dbg.wait_stop()
check.equal(stop.code, STEP)
dbg.continue()

-- An exception that the debugger passes on: the control set is ignored, so its trace flag steps nothing.
target.exception(0xC0000094)
check.equal(dbg.wait_stop().first_chance, true)
local set = string.pack(arch == "x64" and "<I4I4I8I8I8" or "<I4I4I4I4I4", 0x80010001, 1, 0x400, 0, 0)
dbg.request("continue2", { fields = set })
stop = dbg.wait_stop()
check.equal(stop.code, 0xC0000094)
check.equal(stop.first_chance, false)
dbg.continue()
target.print("on")
dbg.wait_print("on 1")
check.counters { duplicates = 0 }
