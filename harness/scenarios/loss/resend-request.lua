-- Goal:   RESEND brings the same packet again, at once, as often as it is asked for and without using up a try; when
--         nothing is outstanding it repeats the state change to a debugger that holds the target, and a target that
--         runs does not hear it.
-- Source: kd-protocol.md 2.5 R3, 2.6 N3, 2.8 ("RESEND nobody needs"), 2.10 (WAIT_ACK), 5.1 rule 3
vm {}

attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    *           > state_change64 exception id=0
    +0          < resend                                    # outstanding: a state change
    +0..30ms    > state_change64 exception id=0
    +0          < resend
    +0..30ms    > state_change64 exception id=0
    +0          < ack id=0

    +50us       < manipulate get_version id=0
    +0..20ms    > ack id=0
    +0..20ms    > manipulate get_version id=1
    +0          < resend                                    # outstanding: a reply
    +0..20ms    > manipulate get_version id=1
    +0          < ack id=1

    +10ms       < resend                                    # outstanding: nothing, the kernel waits for a request:
    +0..40ms    > state_change64 exception id=0             # it says again why, under the next id
    +0          < ack id=0
]]
check.counters { duplicates = 0 }
dbg.go()

-- Thirty times a print, which is given up after twenty time-outs: a RESEND is none (no SYNC on the line behind it).
target.print("once more", 2)
local block = { "* > debug_io print id=1" }
for _ = 1, 30 do
    block[#block + 1] = "+0 < resend"
    block[#block + 1] = "+0..10ms > debug_io print id=1"
end
block[#block + 1] = "+0 < ack id=1"
block[#block + 1] = "* > debug_io print id=0"
block[#block + 1] = "+0 < ack id=0"
wire(table.concat(block, "\n"))
dbg.wait_print("once more 2")
check.equal(#dbg.prints(), 2)

-- The target runs: nothing answers, and nothing is broken by it.
dbg.raw(frame.control("resend"))
after(s(1))
check.equal(dbg.state(), "RUNNING")
check.counters { stops = 2, ["note.bad"] = 0 }
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { duplicates = 0 }
