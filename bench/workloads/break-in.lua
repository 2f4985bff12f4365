-- break-in.lua
-- One operation: a break-in of a running target, from the debugger's byte to the stop that it is told of. Most of it is
-- the wait for the guest's next clock tick, which is when a kernel looks: so the breaks come at every phase of the tick.
-- Source: kd-protocol.md 2.7, 5.5 rule 4, 5.7.
vm {}
attach()
boot()

local operations = param("operations", 5)
local tick_ns, phase_ns = 15625000, 0
measure("break-in", operations, 0, function()
  local times = {}
  for i = 1, operations do
    phase_ns = (phase_ns + 9656781) % tick_ns      -- 0.618 of a tick: never the same place twice
    after(ms(16) + phase_ns)
    local from = now()
    dbg.break_in()
    dbg.wait_stop()
    times[i] = now() - from
    dbg.go()
  end
  return times
end)
