-- idle.lua
-- One operation: a second in which nothing happens: the target runs, a debugger is attached, nobody says anything.
-- Source: kd-protocol.md 2.7, 2.11 (poll interval).
vm {}
attach()
boot()
after(s(1))

local operations = param("operations", 2)
measure("idle", operations, 0, function() after(s(operations)) end)
