-- Goal:   the whole of a debugger's daily work in one short story: break in, read the most that one packet carries, go.
-- Source: kd-protocol.md 2.7, 4.4 (3130), 5.5; design: one round trip for one transaction
vm { modules = 1 }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local before = counters().exits
check.equal(#dbg.read(image.pool, 3944), 3944)
local spent = counters().exits - before
check.between(spent, 1, link ~= "serial" and 10 or 30000, "exits of a full read, of which the backdoor needs five")
dbg.go()
after(ms(20))
check.counters { stops = 1, breaks_wished = 1, breaks_honoured = 1, duplicates = 0 }
