-- Goal:   nobody is attached. On the backdoor the boot costs no time and a stated number of exits; on serial the
--         first packet is retried as often as the protocol says, once, and then there is silence.
-- Source: kd-protocol.md 2.6 N8, N9 (retries, abandonment), 2.11 (20 retries of about a second), 2.12 rule 1
vm { modules = 6, prints = 3 }

boot()
if link == "backdoor" then
    check.between(now(), 0, ms(16), "the first tick ends the boot")
    check.exits { total = at_most(80), uart = 0 }
else
    check.between(now(), s(20), s(21), "20 time-outs of a second, and not 20 for each packet")
end

local silent = counters()
after(s(1))
local grew = counters().exits - silent.exits
check.equal(counters().bytes_to_debugger, silent.bytes_to_debugger, "bytes sent to nobody")
print("exits in an idle second: " .. grew)

-- A debugger that comes later finds a machine that runs, and stops it.
attach()
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { stops = 1, loads = 0, prints = 0 }
