-- lost-frame.lua
-- One operation: a read whose reply is lost once on the way to the debugger: most of it is the second after which KDCOM
-- sends again.
-- Source: kd-protocol.md 2.6 N8, 2.8 ("frame lost"), 2.10 (WAIT_ACK).
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 2), 64
local expected = dbg.read(image.pool, bytes)
measure("lost-frame", operations, operations * bytes, function()
  for _ = 1, operations do
    fault { to = "debugger", kind = "drop", packet = "manipulate" }
    check.that(dbg.read(image.pool, bytes) == expected, "the read after the loss gave other bytes")
  end
end)
check.equal(faults_struck(), operations, "frames lost")
dbg.go()
