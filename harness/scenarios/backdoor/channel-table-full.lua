-- Goal:   the VMM has no free channel. At boot the module asks with cookies and without, once each, and falls back to the
--         serial port. Later a packet that must arrive waits until there is a channel again, and a print is given up
--         after three tries.
-- Source: vmware-backdoor.md 3.3 rules 23 and 31; transport/guest/README.md 4 (lost replies), 5 (detection)

local function machine()
    vm {
        links = { "backdoor" }, because = "serial has no channels",
        modules = 1, polls = 50,
    }
    attach()
end

-- Full for cookies only: a channel without them does as well.
machine()
fault { layer = "exit", kind = "table_full" }
boot()
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { faults = 1, loads = 1, uart = 0, ["relay.epochs"] = 1 }

-- Full for good: GETVERSION and two OPENs, then the UART, which nobody is plugged into. The boot goes on.
machine()
fault { layer = "exit", kind = "table_full", count = 0 }
boot()
check.counters { faults = 2, backdoor = 3, string = 0, uart = at_least(1), boots = 1, loads = 0, ["relay.epochs"] = 0 }

-- Full for a while, and both channels were lost. Three calls find that out in a poll: the hint's SENDSIZE and CLOSE, and the
-- SENDSIZE of the poll that is an RPC for that. A stop is sent as often as it takes.
machine()
boot()
after(ms(100))
local before = counters().exits
fault { layer = "exit", kind = "forget", count = 3 }
fault { layer = "exit", kind = "table_full", count = 40 }
target.exception(0xC0000094)
check.equal(dbg.wait_stop().code, 0xC0000094)
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { faults = 43, stops = 1, duplicates = 0, ["relay.epochs"] = 1 }
check.between(counters().exits - before, 41, 41 * 5 + 100, "exits for 41 tries")
dbg.continue()

-- A print is not worth as much: it is lost, and with it the epoch. The next stop begins another.
after(ms(50))
fault { layer = "exit", kind = "forget", count = 3 }
fault { layer = "exit", kind = "table_full", count = 0 }
target.print("unheard", 1)
after(ms(100))
faults_over()
target.exception(0xC0000095)
check.equal(dbg.wait_stop().code, 0xC0000095)
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.continue()
target.print("heard", 1)
dbg.wait_print("heard 1")
check.counters { stops = 2, duplicates = 0 }
