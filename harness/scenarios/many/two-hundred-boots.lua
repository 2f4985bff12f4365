-- Goal:   two hundred boots, by .reboot and by the reset button in turn: each costs what the first one cost, and says what
--         the first one said. Nothing grows.
-- Source: kd-protocol.md 5.9 rule 1, 5.10 rule 3
local BOOTS = link ~= "serial" and 200 or 20            -- a serial boot costs a hundred times as much
vm { modules = 2 }

attach()
boot()
local first
for n = 1, BOOTS do
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    local before = counters()
    if n % 2 == 0 then
        dbg.reboot()
    else
        dbg.go()
        after(ms(1))
        target.reset()
    end
    wait_booted(1 + n)
    local cost = counters().exits - before.exits
    if n <= 2 then
        first = first or {}
        first[n % 2] = cost
    elseif link ~= "serial" then
        check.equal(cost, first[n % 2], "exits of boot " .. n)
    else
        check.between(cost, first[n % 2] * 8 // 10, first[n % 2] * 12 // 10, "exits of boot " .. n)
    end
end
check.counters { boots = 1 + BOOTS, loads = 2 * (1 + BOOTS), stops = BOOTS, resets = BOOTS, duplicates = 0 }
if link ~= "serial" then check.counters { ["relay.epochs"] = 1 + BOOTS, ["relay.stale"] = 0, ["relay.refused"] = 0 } end
