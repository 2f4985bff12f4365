-- Goal:   what stands between frames is skipped by both sides, whatever it is, and costs no repeat; a 0x62 in it is a
--         wish to break in, which the target remembers until it runs again.
-- Source: kd-protocol.md 2.4 (noise; "build the kdcom-RE column"), 2.8, vectors E08, E10
vm { steps_per_tick = 0 }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
local before = counters()

-- Every byte that is neither a leader's nor a break-in, in front of a request and of its reply.
local garbage = {}
for value = 0, 255 do
    if value ~= 0x30 and value ~= 0x62 and value ~= 0x69 then garbage[#garbage + 1] = value end
end
for i = 1, #garbage, link ~= "serial" and 1 or 16 do
    for _, to in ipairs { "debugger", "target" } do
        fault { to = to, kind = "insert", packet = "manipulate", len = 3, value = garbage[i] }
    end
    check.equal(dbg.version().kernel_base, image.kernel_base, "byte " .. garbage[i])
end

-- Fewer leader bytes than four, with something behind them.
for _, bytes in ipairs { "0x", "00x", "000x", "ix", "iix", "iiix", "0i0i0ix", "\xFF\x00\x30\x30\x69\x55" } do
    dbg.manual(true)
    dbg.raw(bytes)
    dbg.manual(false)
    check.equal(dbg.version().kernel_base, image.kernel_base)
end
check.counters {
    stops = 1, duplicates = 0, ["note.bad"] = 0, ["note.resend_seen"] = 0, ["note.resend_sent"] = 0,
    ["note.repeat"] = 0,
}

-- E08 has one 0x62 among its noise: on serial it is kept for the moment at which the target runs. A relay drops what a
-- stopped target is told.
dbg.manual(true)
dbg.raw("\xFF\x00b\x30\x30\x69\x55")
dbg.manual(false)
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()
after(ms(100))
check.counters { stops = link == "serial" and 2 or 1 }
