-- Goal:   the relay is killed at every event of a conversation in turn, boot included, and restarted a little later. The
--         guest never hangs: its boot completes, and the debugger that comes back can do its work.
-- Source: transport/guest/README.md 4 (a new epoch), 5 (no relay at boot), kd-protocol.md 2.12 rule 6

-- Returns the moments of the conversation, or plays it with a relay that dies at one of them.
local function conversation(killed_at)
    vm {
        link = "backdoor", because = "on the serial line there is no relay",
        modules = 2, prints = 1, uart = "absent",
    }
    attach()
    if killed_at then
        later(killed_at, "relay_kill")
        later(killed_at + ms(2), "relay_restart")
        later(killed_at + ms(3), "attach")
        boot()
        after(ms(100))
        -- A hello that met nobody leaves a kernel without KD until its next boot (3.3 rule 1).
        if counters().loads == 0 then
            target.reset()
            wait_booted(2)
        end
    else
        boot()
        after(ms(10))
    end
    if killed_at and dbg.state() == "RUNNING" then dbg.break_in() end
    if not killed_at then dbg.break_in() end
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "here"), 4)
    check.equal(dbg.insist(dbg.read, image.pool, 4), "here")
    dbg.insist(dbg.go)
    after(ms(50))
    check.equal(dbg.state(), "RUNNING")
    return moments()
end

local places = conversation()
check.that(#places > 40, "a conversation has many places")
for _, place in ipairs(places) do conversation(place) end
