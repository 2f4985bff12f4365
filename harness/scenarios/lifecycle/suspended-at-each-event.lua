-- Goal:   the machine is suspended at every event of a conversation in turn, boot included, for a while shorter than
--         anybody's patience. The conversation goes on as if nothing had been: no RESET, no new epoch, nothing twice.
-- Source: kd-protocol.md 5.10 rule 2; vmware-backdoor.md 3.4 M4, 3.3 rules 27 to 29

local function conversation(struck_at)
    vm { modules = 2, prints = 1 }
    attach()
    if struck_at then
        later(struck_at, "suspend")
        later(struck_at + ms(200), "resume")
    end
    boot()
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "here"), 4)
    check.equal(dbg.read(image.pool, 4), "here")
    dbg.go()
    after(ms(250))
    check.equal(dbg.state(), "RUNNING")
    check.counters { loads = 2, prints = 1, stops = 1, boots = 1, duplicates = 0, ["note.reset_sent"] = 0 }
    if link ~= "serial" then check.counters { ["relay.epochs"] = 1, ["relay.stale"] = 0 } end
    return moments()
end

local places = conversation()
for i, place in ipairs(places) do
    if link ~= "serial" or i % 3 == 0 then conversation(place) end
end
