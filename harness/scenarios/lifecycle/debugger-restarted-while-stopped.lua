-- Goal:   the debugger that holds the target dies. Nothing happens to the target, which waits; the next debugger is told
--         the stop and can let it go.
-- Source: kd-protocol.md 5.8 (stopped, waiting for requests), 2.12 rule 6
vm { modules = 3 }

attach()
boot()
after(ms(20)); dbg.break_in()
local first = dbg.wait_stop()
check.equal(dbg.write(image.pool, "of the first"), 12)
after(ms(10))
detach()
after(s(5))
check.equal(target.is_on(), true)

attach()
dbg.resync()                                   -- what a debugger does that opens a line (2.9)
local again = dbg.wait_stop(s(3))
check.equal(again.pc, first.pc, "the same stop")
dbg.settle()
check.equal(dbg.insist(dbg.read, image.pool, 12), "of the first")
dbg.insist(dbg.go)
after(ms(200))
check.counters { boots = 1 }
