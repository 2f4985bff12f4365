-- Goal:   a thousand single steps: each executes one instruction and is reported once, in order.
-- Source: kd-protocol.md 5.5 rule 2, 4.4 rule 3 (TraceFlag)
local steps = param("steps", link ~= "serial" and 1000 or 100)   -- serial: 30 ms and 1,500 exits a step

vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()
local context = dbg.context()
context.pc = image.loop
dbg.set_context(context)

local inside = 0
for i = 1, steps do
    local stop = dbg.step()
    check.equal(stop.code, 0x80000004, "step " .. i)
    check.equal(stop.dr6 & 0x4000, 0x4000, "the single-step bit of DR6")
    if stop.pc >= image.loop and stop.pc < image.loop + image.loop_bytes then inside = inside + 1 end
end
check.between(inside, steps // 4, steps, "stops inside the loop, the others in what it calls")
check.counters { stops = steps + 1, duplicates = 0 }
