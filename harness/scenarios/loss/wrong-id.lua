-- Goal:   a request under an id that is not expected is acknowledged and dropped; an ACK under another id than the
--         packet's is none, and the packet comes again when its time is over.
-- Source: kd-protocol.md 2.3 rule 2, 2.5 R5, R12, 2.8 ("ACK nobody waits for / wrong id"), vectors E14, E16
vm {}

local get_version = string.pack("<I4", 0x3146) .. ("\0"):rep(52)

attach()
boot()
after(ms(20)); dbg.break_in()
local before = counters().requests_delivered
wire([[
    *          > state_change64 exception id=0
    +0         < ack id=1                                   # the other one
    +0         < ack id=0+sync                              # no ACK keeps the bit
    +0         < raw 69696969040000007856341200000000       # 0x12345678
    +900ms..1200ms > state_change64 exception id=0
    +0         < ack id=0
    +0         < ack id=0                                   # nobody waits for this one
    +50us      < manipulate get_version id=1                # the request before
    +0..20ms   > ack id=1
    +50us      < raw ]] .. hex(frame.data("manipulate", 0x12345678, get_version)):gsub(" ", "") .. [[

    +0..20ms   > ack
    +200ms     < manipulate get_version id=0
    +0..20ms   > ack id=0
    +0..20ms   > manipulate get_version id=1
    +0         < ack id=1
]])
check.counters { requests_delivered = before + 1, stops = 1, duplicates = 0 }
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { requests_delivered = before + 2, duplicates = 0 }
