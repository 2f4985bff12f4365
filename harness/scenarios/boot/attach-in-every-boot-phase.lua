-- Goal:   the debugger arrives at each event of a boot in turn, and asks for its target as a debugger does that opens a
--         line. The boot completes, and it can work: no moment is a bad one.
-- Source: kd-protocol.md 5.2, 5.3, 2.9 (RESETs into a line nobody reads), 2.12 rule 6

local function boot_with(arrives_at)
    vm { modules = 3, prints = 2, polls = 1500 }       -- short time-outs: an unattended serial boot waits for 20 of them
    if not arrives_at then
        boot()
        return moments()
    end
    power_on()
    after(arrives_at)
    attach()
    dbg.resync()
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "here"), 4)
    check.equal(dbg.insist(dbg.read, image.pool, 4), "here")
    dbg.insist(dbg.go)
    wait_booted()
    after(ms(50))
    check.counters { boots = 1 }
end

-- Without a debugger little is seen to happen, so the moments between are tried too.
local places = boot_with()
for i = 1, #places - 1 do
    for part = 0, 3 do boot_with(places[i] + (places[i + 1] - places[i]) * part // 4) end
end
