-- Goal:   a request whose checksum is wrong is asked for again and not carried out; the good copy with the same id is.
-- Source: kd-protocol.md 2.5 R11, 2.8 ("checksum wrong"), vector E01
vm {}

attach()
boot()
after(ms(20)); dbg.break_in()
local before = counters().requests_delivered
wire [[
    *          > state_change64 exception id=0
    +50us      < ack id=0
    +50us      < manipulate get_version id=0 bad_checksum
    +0..20ms   > resend
    +0         < manipulate get_version id=0
    +0..20ms   > ack id=0
    +0..20ms   > manipulate get_version id=1
    +0         < ack id=1
]]
check.counters { requests_delivered = before + 1, duplicates = 0 }

-- From here on the debugger speaks for itself again, with the ids that the block left behind.
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { requests_delivered = before + 2, duplicates = 0 }
