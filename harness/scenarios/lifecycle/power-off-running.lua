-- Goal:   the plug is pulled while the machine runs, or the kernel shuts down in order. The debugger is told that its target
--         is gone, once, does not hang, and follows the next boot by itself.
-- Source: kd-protocol.md 2.12 rule 7, 5.9 rule 2 (vector S25), 5.2
vm { modules = 3 }

local function is_goodbye(load)
    return load.unload and load.base == -1 and load.path == ""
end

local function goodbyes()
    local count = 0
    for _, load in ipairs(dbg.loads()) do
        if is_goodbye(load) then count = count + 1 end
    end
    return count
end

attach()
boot()
after(ms(50))

-- The plug. On serial nobody is left who could say so.
target.power_off()
after(s(1.9))
check.equal(goodbyes(), 0, "it may have been a reset")
after(s(0.2))
check.equal(target.is_on(), false)
check.equal(goodbyes(), link ~= "serial" and 1 or 0)
check.equal(dbg.state(), "RUNNING", "it was told, and let go")
power_on()
wait_booted(2)
after(ms(50))
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()
after(ms(50))

-- In order: the kernel says it, and nobody repeats it.
local before = goodbyes()
target.shut_down()
after(s(3))
check.equal(target.is_on(), false)
check.equal(goodbyes() - before, 1)
check.equal(dbg.state(), "RUNNING")
after(s(60))
power_on()
wait_booted(3)
check.counters { boots = 3, stops = 1, duplicates = 0 }
