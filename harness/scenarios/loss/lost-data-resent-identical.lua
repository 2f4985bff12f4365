-- Goal:   a packet that is lost comes again when its time is over: under the same id, bit for bit the same, from either
--         side, as often as it is lost.
-- Source: kd-protocol.md 2.6 N1, N8, 2.8 ("frame lost"), 2.10 (WAIT_ACK), 2.14 W6
vm { modules = 3 }

attach()
boot()
after(ms(20)); dbg.break_in()

-- The first two copies of a state change are lost, the third and a fourth arrive.
fault { to = "debugger", kind = "drop", packet = "state_change64", count = 2 }
wire [[
    +2s..2.5s      > state_change64 exception id=1
    +0.9s..1.2s    > state_change64 exception id=1
    +0             < ack id=1
]]
local before = counters()
check.equal(#dbg.stops(), 1)

-- A reply, whose request must not be carried out again.
fault { to = "debugger", kind = "drop", packet = "manipulate", count = 2 }
wire [[
    +50us          < manipulate get_version id=1
    +0..20ms       > ack id=1
    +1.9s..2.5s    > manipulate get_version id=0
    +0.9s..1.2s    > manipulate get_version id=0
    +0             < ack id=0
]]
check.counters { requests_delivered = before.requests_delivered + 1, faults = 4 }

-- A request: the debugger repeats it.
fault { to = "target", kind = "drop", packet = "manipulate", count = 2 }
local tries = counters()["note.sent"]
check.equal(dbg.write(image.pool, "at the third try"), 16)
check.equal(counters()["note.sent"] - tries, 3)
check.equal(dbg.read(image.pool, 16), "at the third try")
check.counters { requests_delivered = before.requests_delivered + 3, faults = 6, duplicates = 0, stops = 1 }
