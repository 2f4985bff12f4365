-- Goal:   the plug is pulled while the debugger holds the machine, between two requests and in the middle of one. The relay
--         waits a little whether it comes back, then says that the target is gone, answers whatever is still asked, and
--         says it once more when the debugger lets go.
-- Source: kd-protocol.md 2.12 rule 7 (DbgEng hangs if its target vanishes while stopped), 5.10 rule 5
local because = "on a serial line nobody is left to speak: the debugger waits, as for any silent target"

local function stopped_machine()
    vm { link = "backdoor", because = because, modules = 3 }
    attach()
    boot()
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "alive"), 5)
    dbg.hold_loads(true)
end

local function is_goodbye(load)
    return load.unload and load.base == -1 and load.path == ""
end

local function told(times)
    local loads = dbg.loads()
    check.equal(#loads, 3 + times, "notices")
    check.that(is_goodbye(loads[#loads]), "the target is gone")
    check.equal(dbg.state(), "STOPPED", "a notice is a stop like any other")
end

local function lets_go()
    local bytes, status = dbg.read(image.pool, 5)
    check.equal(bytes, "", "nothing can be read of it")
    check.equal(status, 0xC0000001)
    local done
    done, status = dbg.write(image.pool, "dead")
    check.equal(done, 0)
    check.equal(status, 0xC0000001)
    dbg.continue()
    after(ms(100))
    told(2)
    dbg.continue()
    after(s(60))
    check.equal(dbg.state(), "RUNNING")
    check.equal(#dbg.loads(), 3 + 2, "and that is all")
end

stopped_machine()
after(ms(30))
target.power_off()
after(s(2.1))
told(1)
lets_go()

-- The next boot finds a debugger that waits for it.
dbg.hold_loads(false)
power_on()
wait_booted(2)
check.counters { boots = 2, stops = 1, duplicates = 0 }

-- In the middle of a request: on its way, being answered, the answer on its way.
for _, moment in ipairs { us(10), us(40), us(70), us(100), us(130) } do
    stopped_machine()
    later(moment, "power_off")
    local ok = pcall(dbg.read, image.pool, 5)
    after(s(2.1))
    check.that(not ok or moment > us(100), "an answer that did not leave does not come")
    told(1)
    lets_go()
end
