-- Goal:   an exception that nobody handles becomes a bugcheck: the fatal text, a first break, a second one, and a reboot
--         that the debugger follows by itself. .crash has no text and one break.
-- Source: kd-protocol.md 5.9 rules 3 and 4, 4.4 note 2, 2.3 rule 1
vm { modules = 3 }

local ACCESS_VIOLATION, NOT_HANDLED = 0xC0000005, 0x80010001

attach()
boot()
after(ms(20))
target.exception(ACCESS_VIOLATION)
for chance = 1, 2 do
    local stop = dbg.wait_stop()
    check.equal(stop.code, ACCESS_VIOLATION, "chance " .. chance)
    dbg.continue(NOT_HANDLED)
end
dbg.wait_print("Fatal System Error")
local first = dbg.wait_stop()
check.equal(first.code, 0x80000003)
dbg.go()
dbg.wait_stop()
dbg.go()
wait_booted(2)
check.counters { loads = 6, stops = 4, boots = 2, duplicates = 0 }

after(ms(20)); dbg.break_in()
dbg.wait_stop()
local lines = #dbg.prints()
dbg.request("cause_bugcheck", { fields = string.pack("<I4", 0xE2) })
dbg.wait_stop()
check.equal(#dbg.prints(), lines, "a crash on demand says nothing first")
dbg.go()
wait_booted(3)
after(ms(20))
check.equal(dbg.state(), "RUNNING")
check.counters { loads = 9, stops = 6, boots = 3, duplicates = 0 }
