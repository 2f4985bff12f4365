-- steps.lua
-- One operation: a single step, from Continue2 with TraceFlag to the state change of the next instruction.
-- Source: kd-protocol.md 5.5.
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()
local context = dbg.context()
context.pc = image.loop                         -- out of the break helper, into running code
dbg.set_context(context)

local operations = param("operations", 10)
measure("steps", operations, 0, function()
  for _ = 1, operations do
    check.equal(dbg.step().code, 0x80000004, "exception of a step")
  end
end)
dbg.continue()
