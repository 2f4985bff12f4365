-- Goal:   the machine is reverted while it, or its snapshot, or both stand at a stop. The relay knows what its debugger
--         believes: it makes a guest that runs break in, and one that is stopped says so again. Nobody need do anything.
-- Source: kd-protocol.md 5.10 rule 4, transport/guest/README.md 4 (a new epoch), design: the guest is made to break in

local function machine()
    vm { modules = 3 }
    attach()
    boot()
    after(ms(20))
end

local function stops()
    dbg.break_in()
    return dbg.wait_stop()
end

-- On serial nobody knows; the person asks for a fresh start.
local function comes_back()
    if link == "serial" then after(ms(50)); dbg.break_in(); dbg.resync() end
    after(ms(100))
    dbg.settle()
    check.equal(dbg.insist(dbg.read, image.pool, 8), "snapshot")
end

local function ends()
    dbg.insist(dbg.go)
    after(ms(100))
    if dbg.state() == "STOPPED" then dbg.go() end            -- a spare break-in byte was one more stop (5.7)
    after(ms(100))
    check.counters { boots = 1 }
end

-- The snapshot runs, the debugger holds the machine: between requests, and in the middle of one.
for _, moment in ipairs { 0, us(40), us(90) } do
    machine()
    stops()
    dbg.write(image.pool, "snapshot")
    dbg.go()
    after(ms(50))
    target.snapshot()
    after(ms(10))
    stops()
    dbg.write(image.pool, "gone")
    if moment > 0 then
        wire(("+0 < manipulate read_virtual id=1 address=0x%X count=8"):format(image.pool))
        after(moment)
    end
    target.revert()
    comes_back()
    ends()
end

-- The snapshot stands at a stop, the debugger believes that the machine runs.
machine()
stops()
dbg.write(image.pool, "snapshot")
after(ms(5))
target.snapshot()
dbg.write(image.pool, "gone")
dbg.go()
after(ms(77))
target.revert()
comes_back()
ends()

-- Both stand: before and after other requests.
machine()
stops()
dbg.write(image.pool, "snapshot")
after(ms(5))
target.snapshot()
dbg.write(image.pool, "gone")
after(ms(5))
target.revert()
comes_back()
ends()
