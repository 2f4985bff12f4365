-- source-step.lua
-- One operation: what a debugger does when its user steps one line: a single step, the registers, the top of the stack,
-- and a dozen small reads for the variables on show.
-- Source: kd-protocol.md 5.5; the number of reads is an assumption.
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()
local context = dbg.context()
context.pc = image.loop                         -- out of the break helper, into running code
dbg.set_context(context)

local operations = param("operations", 4)
measure("source-step", operations, 0, function()
  for _ = 1, operations do
    check.equal(dbg.step().code, 0x80000004, "exception of a step")
    local sp = dbg.context().sp
    check.equal(#dbg.read(sp, 64), 64, "bytes of the stack")
    for variable = 0, 11 do
      check.equal(#dbg.read(image.pool + 256 * variable, 16), 16, "bytes of a variable")
    end
  end
end)
dbg.continue()
