-- bulk-write.lua
-- One operation: a virtual write of 3,944 bytes, the most that one packet carries.
-- Source: kd-protocol.md 2.1 (limits), 4.4 (WriteVirtualMemory).
vm {}
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 4), 3944
local pattern = string.rep("fastkd! ", bytes // 8)
measure("bulk-write", operations, operations * bytes, function()
  for _ = 1, operations do
    check.equal(dbg.write(image.pool, pattern), bytes, "bytes written")
  end
end)
check.that(dbg.read(image.pool, bytes) == pattern, "what was written does not read back")
dbg.go()
