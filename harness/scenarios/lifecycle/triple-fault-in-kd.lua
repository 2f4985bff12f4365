-- Goal:   the guest dies inside its KD code, and the VMM resets it: while it sends its state change, while it waits for a
--         request, while it answers one; again and again, before the next boot is complete. Nothing of a dead guest reaches
--         the debugger or the next guest, and the last one is debugged like the first.
-- Source: kd-protocol.md 5.10 rule 3, transport/guest/README.md 4
vm { modules = 3, debugger = { byte_wait_ns = ms(500) } }

local unit = link ~= "serial" and us(1) or us(150)     -- a serial conversation takes so much longer

attach()
boot()
local boots = 1
for again = 1, 12 do
    after(ms(20)); dbg.break_in()
    dbg.settle()
    dbg.insist(dbg.write, image.pool, "alive")
    -- Now it dies: at some moment of a request, then twice more in the boot that follows.
    later(unit * 17 * again, "reset")
    later(unit * 17 * again + unit * 150, "reset")
    later(unit * 17 * again + unit * 150 + unit * 23 * again, "reset")
    pcall(dbg.read, image.pool, 512)
    after(unit * 1000 + s(1.5))
    if dbg.state() == "STOPPED" then dbg.go() end
    after(s(2.5))
end
dbg.break_in()
dbg.settle()
check.that(dbg.insist(dbg.read, image.pool, 5) ~= "alive", "memory is the image's again")
dbg.insist(dbg.go)
after(ms(100))
check.equal(dbg.state(), "RUNNING")
check.counters { resets = 3 * 12 }
