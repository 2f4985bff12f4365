-- Goal:   RESETs cross other frames, and each other, on a long line. Ids start over once for both sides, nobody answers
--         an answer, and no packet is lost or taken twice.
-- Source: kd-protocol.md 2.9 (steps 1 to 4; cures b and c), 2.3 (row RESET), 2.10 ("unsolicited RESET"), 2.14 W10
local function stopped_machine(latency)
    vm { modules = 3, cost = { stream_latency_ns = latency } }
    attach()
    boot()
    after(ms(100)); dbg.break_in()
end

-- A state change crosses the RESET. Its ACK, sent behind the RESET, is for a frame that the target has renumbered.
stopped_machine(ms(20))
wire [[
    *               > state_change64 exception id=1     # nobody acknowledges it: a second later it goes out again,
    +985ms          < reset                             # and is under way when this RESET goes out
    +0..50ms        > state_change64 exception id=1
    +0              < ack id=1                          # stale when it arrives
    +0..80ms        > reset
    +0..30ms        > state_change64 exception id=0
    +0              < ack id=0
]]
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { stops = 1, duplicates = 0 }

-- RESETs cross their answer. Until something else has come from the debugger, one answer is enough for all.
stopped_machine(ms(20))
wire [[
    *               > state_change64 exception id=1
    +0              < ack id=1
    +500ms          < reset
    +15ms           < reset
    +15ms           < reset
    +0..80ms        > reset
    +0..30ms        > state_change64 exception id=0
    +0              < ack id=0
]]
check.equal(dbg.version().kernel_base, image.kernel_base)
after(s(1))
check.counters { ["note.reset_seen"] = 1, stops = 2, duplicates = 0 }

-- Both begin at once: the answer comes twice, and the second one looks as if the target had asked. The debugger answers
-- that one. On the long line its RESET comes too late to pass for a piece of the first burst, and is answered again.
for _, latency in ipairs { us(25), ms(20), ms(60) } do
    stopped_machine(latency)
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "both at once"), 12)
    fault { to = "debugger", kind = "duplicate", packet = "reset" }
    dbg.resync()
    dbg.settle()
    check.equal(dbg.insist(dbg.read, image.pool, 12), "both at once")
    after(s(1))
    check.counters { ["note.reset_sent"] = 2, ["note.reset_seen"] = between(2, 3), duplicates = at_most(1) }
end
