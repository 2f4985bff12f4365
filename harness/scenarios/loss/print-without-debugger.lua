-- Goal:   nobody reads what the kernel prints. On serial the first line is tried twenty times, each a second long, and
--         not once less; from then on the debugger counts as not present, and a print costs nothing. A relay knows that
--         nobody is there: the first line is dropped at once.
-- Source: kd-protocol.md 2.6 N9, 2.11, 2.12 rules 1 and 2 (a relay that knows); 5.6 rule 1
vm { modules = 0 }

boot()
after(ms(50))
local before = counters()
local began = now()
target.print("into the void", 1)
if link == "serial" then
    after(s(19))
    check.equal(counters().ticks, before.ticks + 0, "it is still at its first line")
    after(s(2))
end
check.between(now() - began, 0, s(22))
after(ms(100))
local first = counters()
check.that(first.ticks > before.ticks, "it went on")

-- No present debugger, no print: a hundred of them take no time and no exit of their own.
target.print("unheard", 100)
after(s(1))
check.between(counters().exits - first.exits, 0, 70 * (link ~= "serial" and 5 or 4), "exits of one second's polls")

-- Somebody comes: the first stop makes him present, and prints reach him.
attach()
dbg.break_in()
dbg.wait_stop()
dbg.go()
target.print("heard", 2)
dbg.wait_print("heard 2")
check.equal(#dbg.prints(), 2)
check.counters { stops = 1, duplicates = 0 }
