-- bulk-read.lua
-- One operation: a virtual read of 3,944 bytes, the most that one packet carries.
-- Source: kd-protocol.md 2.1 (limits), 4.4 (ReadVirtualMemory).
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 4), 3944
local expected = dbg.read(image.pool, bytes)
measure("bulk-read", operations, operations * bytes, function()
  for _ = 1, operations do
    check.that(dbg.read(image.pool, bytes) == expected, "a read gave other bytes than the one before")
  end
end)
dbg.go()
