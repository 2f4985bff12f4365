-- prints.lua
-- One operation: a debug print, from the kernel's call to the debugger's acknowledgement; payload is its text.
-- Source: kd-protocol.md 5.6.
vm {}
attach()
boot()

local operations = param("operations", 10)
local text = string.rep("x", 58)                -- the kernel appends a number and a newline
target.print("first", 1)                        -- so that the tick and the kernel's start are not measured
dbg.wait_print("first")
measure("prints", operations, operations * (#text + 4), function()
  target.print(text, operations)
  for _ = 1, operations do
    dbg.wait_print(text)
  end
end)
