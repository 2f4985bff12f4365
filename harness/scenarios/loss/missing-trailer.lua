-- Goal:   a frame without its trailing byte swallows the first byte of the frame behind it, and both are lost: the first
--         is asked for again, the second comes when its sender's time is over.
-- Source: kd-protocol.md 2.5 R10, 2.8 ("trailing byte wrong or missing"), vectors E05, E06
vm {}

local get_version = string.pack("<I4", 0x3146) .. ("\0"):rep(52)
local good = frame.data("manipulate", 0x80800000, get_version)

attach()
boot()
after(ms(20)); dbg.break_in()
local before = counters().requests_delivered
wire([[
    *          > state_change64 exception id=0
    +0         < ack id=0
    +50us      < raw ]] .. hex(good:sub(1, -2)):gsub(" ", "") .. [[

    +0         < raw ]] .. hex(good):gsub(" ", "") .. [[

    +0..20ms   > resend                                     # for the first: what it read as 0xAA was a leader's 0x30
    +400ms     < raw ]] .. hex(good:sub(1, -2) .. "\xAB"):gsub(" ", "") .. [[

    +0..20ms   > resend                                     # a wrong one is as bad
    +0         < raw ]] .. hex(good):gsub(" ", "") .. [[

    +0..20ms   > ack id=0
    +0..20ms   > manipulate get_version id=1
    +0         < ack id=1
]])
check.counters { requests_delivered = before + 1, duplicates = 0 }

-- The other way: the 0xAA of a reply is lost, and nothing comes behind it.
fault { to = "debugger", kind = "drop", packet = "manipulate", byte = 16 + 56 + 8 }
check.equal(#dbg.read(image.pool, 8), 8)
check.counters { faults = 1, ["note.resend_sent"] = 1, requests_delivered = before + 2, duplicates = 0, stops = 1 }

-- The 0xAA of a print, whose next line follows at once.
dbg.go()
target.print("line", 2)
fault { to = "debugger", kind = "drop", packet = "debug_io", byte = 16 + 16 + #"line 1\n" }
dbg.wait_print("line 2")
check.equal(#dbg.prints(), 2)
check.counters { faults = 2, ["note.resend_sent"] = 2, duplicates = 0 }
