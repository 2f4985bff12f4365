-- break-in.lua
-- One operation: a break-in of a running target until its stop, then go: past the break instruction, and on. Most of it
-- is the wait for the guest's next clock tick, which is when a kernel looks.
-- Source: kd-protocol.md 2.7, 5.5 rule 4, 5.7.
vm {}
attach()
boot()

local operations = param("operations", 5)
measure("break-in", operations, 0, function()
  for _ = 1, operations do
    dbg.break_in()
    dbg.wait_stop()
    dbg.go()
  end
end)
