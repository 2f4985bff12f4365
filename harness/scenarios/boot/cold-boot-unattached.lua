-- Goal:   nobody is attached. On the backdoor the boot costs no time and a stated number of exits; on serial the
--         first packet is retried as often as the protocol says, once, and then there is silence.
-- Source: kd-protocol.md 2.6 N8, N9 (retries, abandonment), 2.11 (20 retries of about a second), 2.12 rule 1
vm { modules = 6, prints = 3 }

boot()
if link == "doorbell" then
    -- One exit opens the doorbell, one says hello, one learns that the first packet has no reader; the first poll is none.
    check.exits { total = 3, uart = 0 }
    check.counters { exits_doorbell = 3 }
    check.between(now(), 0, us(3 * 15 + 1), "and they take no more than their own time")
elseif link == "backdoor" then
    -- One exit finds no doorbell, 7 find the backdoor and say hello, 5 learn that the first packet has no reader; the first poll is 5 to meet the
    -- host's hint (OPEN, the empty message, "reset") and 5 to ask the relay all the same.
    check.exits { total = 1 + 7 + 5 + 5 + 5, uart = 0 }
    check.between(now(), 0, us(23 * 15 + 1), "and they take no more than their own time")
else
    check.between(now(), s(20), s(21), "20 time-outs of a second, once and not for each packet")
end

after(ms(100))                                      -- by then the hint is believed
local before = counters()
after(s(1))
local grew = counters().exits - before.exits
check.equal(grew, 64 * ({ doorbell = 0, backdoor = 2, serial = 4 })[link], "exits in an idle second: 64 polls")
check.equal(counters().bytes_to_debugger, before.bytes_to_debugger, "bytes sent to nobody")

-- A debugger that comes later finds a machine that runs, and stops it.
attach()
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { stops = 1, loads = 0, prints = 0 }
