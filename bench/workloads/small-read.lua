-- small-read.lua
-- One operation: a virtual read of 64 bytes: what a debugger does all day.
-- Source: kd-protocol.md 4.4 (ReadVirtualMemory), 5.4.
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 4), param("bytes", 64)
local expected = dbg.read(image.pool, bytes)
measure("small-read", operations, operations * bytes, function()
  for _ = 1, operations do
    check.that(dbg.read(image.pool, bytes) == expected, "a read gave other bytes than the one before")
  end
end)
dbg.go()
