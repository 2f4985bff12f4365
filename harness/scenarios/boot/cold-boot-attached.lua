-- Goal:   a debugger that waits before power-on is told every module, in order and once, and the boot completes.
-- Source: kd-protocol.md 5.2 (boot with a debugger waiting), 4.1 (load symbols), 2.3 (the first frame carries SYNC)
vm { modules = 6, prints = 3 }

attach()
power_on()
wire [[
    *    > state_change64 load_symbols id=0+sync    # the guest restarted both of its counters
    ...
    *    > state_change64 load_symbols id=1         # no SYNC once it was acknowledged
    ...
]]
wait_booted()

local loads = dbg.loads()
check.equal(#loads, 6, "notifications")
for i, load in ipairs(loads) do
    local module = image.modules[math.min(i, #image.modules)]
    check.equal(load.path, module.path, "module " .. i)
    check.equal(load.base, module.base, "its base")
    check.equal(load.size, module.size, "its size")
    check.equal(load.checksum, module.checksum, "its checksum")
end
check.equal(#dbg.prints(), 3, "printed lines")
check.counters { delivered = 6 + 3, duplicates = 0, boots = 1 }
