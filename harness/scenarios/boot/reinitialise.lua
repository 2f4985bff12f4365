-- Goal:   KdDebuggerInitialize0 and 1 are called again, and the machine sleeps and wakes: D3, a UART without power, D0. Each
--         time the conversation goes on: a new epoch or fresh ids, told by SYNC, or nothing that anybody sees.
-- Source: kd-protocol.md 3.3 rules 1 to 3, 5.10 rule 1; transport/guest/README.md 4, 9
vm { modules = 3 }

-- A serial target that starts its ids over says so with its next packet, by SYNC.
local function works(text)
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, text), #text)
    check.equal(dbg.read(image.pool, #text), text)
    dbg.go()
    after(ms(50))
end

attach()
boot()
after(ms(50))
works("first")
for again = 1, 3 do
    target.initialize()
    after(ms(50))
    dbg.break_in()
    wire [[ +0..60ms    > state_change64 exception id=0+sync ]]
    dbg.wait_stop()
    dbg.go()
    after(ms(50))
    works("initialised " .. again)
end

for again = 1, 3 do
    target.sleep(64)
    after(ms(200))
    target.lose_uart()
    after(s(1))
    works("slept " .. again)
end
check.counters { boots = 1, loads = 3, stops = 1 + 3 * 2 + 3, duplicates = 0, ["note.reset_sent"] = 0 }
if link ~= "serial" then check.counters { ["relay.epochs"] = 1 + 3, ["relay.stale"] = 0 } end
