-- Goal:   an ACK from before a RESET does not acknowledge the packet behind it, whatever it was for; nor does one that
--         kept the SYNC bit. The packet comes again until its own ACK is there.
-- Source: kd-protocol.md 2.5 R4, R5, 2.3 rule 2, 2.9; vector C08
vm { modules = 3 }

-- The first frame has SYNC. An ACK that echoes it, bit and all, is not its ACK.
dbg.hold_loads(true)
attach()
power_on()
wire [[
    *               > state_change64 load_symbols id=0+sync
    +0              < ack id=0+sync
    +0.9s..1.2s     > state_change64 load_symbols id=0+sync
    +0              < ack id=0
]]
dbg.hold_loads(false)
dbg.continue()
wait_booted()

-- The ACK is under way when the RESET goes out in front of it: both arrive, in that order.
after(ms(20)); dbg.break_in()
wire [[
    *               > state_change64 exception id=1
    +0              < reset
    +0              < ack id=1                              # of the frame above
    +0..30ms        > reset
    +0..30ms        > state_change64 exception id=0         # the RESET made it this one
    +0.9s..1.2s     > state_change64 exception id=0         # which nobody has acknowledged yet
    +0              < ack id=1                              # stale once more, however late
    +0.9s..1.2s     > state_change64 exception id=0
    +0              < ack id=0
]]

-- It was taken for one packet, and the conversation goes on.
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { stops = 1, loads = 3, duplicates = 0 }
