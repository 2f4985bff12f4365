-- Goal:   with four processors that run, a stop of one is a stop of all: each keeps its registers until it is let go, reports
--         itself when it is switched to, and can be stepped alone; Continue from any lets all of them go.
-- Source: kd-protocol.md 5.11, 4.4 (3150 and note 1: a state change is its answer), 4.1 note 4, vector F05
vm { processors = 4, steps_per_tick = 9 }

local WAKE, STEP = 0x80000007, 0x80000004
attach()
boot()
after(ms(100)); dbg.break_in()
local stop = dbg.wait_stop()
check.equal({ stop.cpu, stop.processors }, { 0, 4 })

local function contexts()
    local all = {}
    for cpu = 0, 3 do all[cpu] = dbg.context(cpu).raw end
    return all
end
local function count(cpu)                           -- how often it went round: the loop counts in a register
    local registers = dbg.context(cpu)
    return arch == "x64" and registers.rbx or registers.ebx
end

-- To each of the others, and back; asking does not need it.
local frozen = contexts()
for _, cpu in ipairs { 1, 2, 3, 1, 0, 3, 0 } do
    stop = dbg.switch_processor(cpu)
    check.equal(stop.cpu, cpu)
    check.equal(stop.code, WAKE)
    check.equal(stop.thread, image.thread[cpu + 1])
    check.equal(stop.pc, dbg.context(cpu).pc)
    check.equal(contexts(), frozen, "nobody moved")
end

-- To where it is already, and to none: the stop of the current one, again.
for _, cpu in ipairs { 0, 4, 32, 0xFFFF } do
    check.equal(dbg.switch_processor(cpu).cpu, 0, "switch to " .. cpu)
end

-- One of them steps; the others stand.
stop = dbg.switch_processor(2)
for i = 1, 5 do
    stop = dbg.step()
    check.equal({ stop.cpu, stop.code }, { 2, STEP }, "step " .. i)
end
local stepped = contexts()
for cpu = 0, 3 do check.equal(stepped[cpu] == frozen[cpu], cpu ~= 2, "processor " .. cpu .. " moved") end

-- From another one than stopped, past the first one's int3: all of them go.
dbg.switch_processor(3)
local registers = dbg.context(0)
registers.pc = image.break_instruction + 1
check.equal(dbg.set_context(registers, 0), 0)
local before = { [0] = count(0), count(1), count(2), count(3) }
dbg.continue()
after(ms(500))
dbg.break_in()
stop = dbg.wait_stop()
check.equal(stop.cpu, 0, "the clock's processor breaks")
for cpu = 0, 3 do check.between(count(cpu) - before[cpu], 28, 36, "rounds of processor " .. cpu) end

-- A breakpoint is hit by whoever comes along; the one who hit it reports it, and goes on alone while the others wait.
local hit = { [0] = 0, 0, 0, 0 }
check.equal(dbg.breakpoint(image.routine), 1)
dbg.go()
for time = 1, 16 do
    stop = dbg.wait_stop()
    check.equal({ stop.code, stop.pc }, { 0x80000003, image.routine })
    hit[stop.cpu] = hit[stop.cpu] + 1
    check.equal(dbg.step().cpu, stop.cpu)
    check.equal(dbg.breakpoint(image.routine), 1)
    dbg.continue()
end
for cpu = 0, 3 do check.between(hit[cpu], 3, 5, "by processor " .. cpu) end
check.counters { duplicates = 0 }
