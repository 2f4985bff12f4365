-- Goal:   when an ACK is lost, the packet comes again, is acknowledged again and is not delivered again.
-- Source: kd-protocol.md 2.5 R12, 2.6 N8, 2.8 ("ACK lost"), 2.10 ("id ~= expect")
vm {}

attach()
boot()

-- The debugger's ACK of a state change is lost: the target repeats it, bit for bit, a second later.
after(ms(20)); dbg.break_in()
fault { to = "target", kind = "drop", packet = "ack" }
wire [[
    *              > state_change64 exception id=0
    +0.9s..1.2s    > state_change64 exception id=0
]]
local stop = dbg.wait_stop()
check.equal(stop.code, 0x80000003)
check.counters { dropped = 1, stops = 1, ["note.repeat"] = 1 }

-- The target's ACK of a request is lost: the debugger repeats the request, and it is not carried out twice.
local before = counters().requests_delivered
fault { to = "debugger", kind = "drop", packet = "ack" }
check.equal(dbg.write(image.pool, "once"), 4)
check.equal(dbg.read(image.pool, 4), "once")
check.counters { dropped = 2, requests_delivered = before + 2, duplicates = 0 }
