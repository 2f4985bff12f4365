-- boot.lua
-- One operation: a boot with a debugger attached, from power-on to the first idle moment: 200 modules are loaded, and the
-- debugger is told of each and lets the kernel go on.
-- Source: kd-protocol.md 5.2, 4.1 (load symbols).
local modules = 200
vm { modules = modules }
attach()
measure("boot", 1, 0, function() boot(s(600)) end)
check.equal(#dbg.loads(), modules, "modules told of")
