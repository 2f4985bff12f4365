-- Goal:   a driver prints as fast as it can: no line is lost, none comes twice or out of order, and each costs the guest
--         one round trip. The full flood: --set param.lines=100000
-- Source: kd-protocol.md 5.6 rule 1 (a print, its ACK, a poll), 2.10 (RUNNING: keep reading and acknowledging)
local lines = param("lines", link ~= "serial" and 5000 or 500)   -- serial: 5 ms and 350 exits a line

vm {}
attach()
boot()
after(ms(20))
local before, began = counters(), now()
target.print("line", lines)
dbg.wait_print("line " .. lines .. "\n", s(60) + lines * ms(15))
local took = now() - began
after(ms(10))

local prints = dbg.prints()
check.equal(#prints, lines)
for i, text in ipairs(prints) do check.equal(text, "line " .. i .. "\n") end
check.counters { delivered = before.packets_delivered + lines, duplicates = 0, ["note.repeat"] = 0 }
if link ~= "serial" then
    -- One RPC for the line; the poll behind it is none while nobody wishes anything. And the ticks before the flood.
    check.between(counters().rpcs - before.rpcs, lines, lines + 8)
end
print(("%d lines in %d ms"):format(lines, took // 1000000))

-- The debugger has kept up: it can break in at once.
dbg.break_in()
dbg.wait_stop(ms(200))
check.equal(dbg.version().kernel_base, image.kernel_base)
