-- Goal:   the debugger's end reads nothing for a while, in the middle of prints and of a transaction. The target's send
--         waits, nothing is dropped from the middle of a frame, and all of it arrives in order when it reads again.
-- Source: kd-protocol.md 2.12 rule 8 (back-pressure), 2.6 N8
vm { debugger = { ack_wait_ns = s(3), reply_wait_ns = s(30) } }
attach()
boot()
after(ms(20))
for try, long in ipairs { ms(10), ms(400), s(4) } do
    fault { to = "debugger", kind = "stall", packet = "debug_io", nth = 3, delay = long }
    target.print("stall " .. try, 10)
    dbg.wait_print("stall " .. try .. " 10")
end
local prints = dbg.prints()
check.equal(#prints, 30)
for i, text in ipairs(prints) do
    check.equal(text, ("stall %d %d\n"):format((i - 1) // 10 + 1, (i - 1) % 10 + 1))
end
dbg.break_in()
dbg.wait_stop()
for _, to in ipairs { "debugger", "target" } do
    fault { to = to, kind = "stall", packet = "manipulate", delay = s(2) }
    check.equal(dbg.write(image.pool, "waits for " .. to), 10 + #to)
    check.equal(dbg.read(image.pool, 10 + #to), "waits for " .. to)
end
check.counters { faults = 5, stops = 1, duplicates = 0, ["note.bad"] = 0 }
