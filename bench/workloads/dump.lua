-- dump.lua
-- One operation: 64 KiB of physical memory, in reads as large as they get; 256 of them are the dump of 16 MiB.
-- Source: kd-protocol.md 2.1 (limits), 4.4 (ReadPhysicalMemory).
vm { ram_mib = 64 }
attach()
boot()
dbg.break_in()
dbg.wait_stop()

local operations, bytes = param("operations", 4), 65536
local from = image.ram_bytes - operations * bytes     -- the end of memory, where nobody has written
local empty = string.rep("\0", bytes)
measure("dump", operations, operations * bytes, function()
  for block = 0, operations - 1 do
    check.that(dbg.read_physical(from + block * bytes, bytes) == empty, "memory that nobody wrote is zero")
  end
end)
dbg.go()
