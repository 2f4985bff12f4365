-- relay-restart.lua
-- One operation: the relay dies while the target is stopped and another one starts; until the debugger, attached again, has
-- been told of the stop and has read 64 bytes.
-- Source: transport/guest/README.md 4 (unknown token: stale, hello), kd-protocol.md 2.12 rule 6.
vm { links = { "backdoor", "doorbell" }, because = "on the serial line there is no relay" }
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 2), 64
local expected = dbg.read(image.pool, bytes)
measure("relay-restart", operations, operations * bytes, function()
  for _ = 1, operations do
    relay.kill()
    relay.restart()
    attach()
    dbg.wait_stop()
    check.that(dbg.read(image.pool, bytes) == expected, "the read after the restart gave other bytes")
  end
end)
dbg.go()
