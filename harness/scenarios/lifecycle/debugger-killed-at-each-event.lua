-- Goal:   the debugger's process dies at every event of a conversation in turn, boot included. The target is never left
--         frozen beyond what a user would expect: the next debugger is told where it stands, lets it go, and can work.
-- Source: kd-protocol.md 5.8, 2.12 rule 6, 2.6 N9, 2.9 (a debugger that opens a line sends RESETs)

local function works()
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "here"), 4)
    check.equal(dbg.insist(dbg.read, image.pool, 4), "here")
    dbg.insist(dbg.go)
end

-- Returns the moments of the conversation, or plays it with a debugger that dies at one of them.
local function conversation(killed_at)
    vm { modules = 2, prints = 1, polls = 1500 }       -- short time-outs: a serial target waits for 20 of them
    attach()
    if killed_at then
        later(killed_at, "detach")
        later(killed_at + ms(40), "attach")
    end
    power_on()
    if killed_at then
        after(killed_at + ms(41))
        dbg.resync()
    else
        wait_booted()
        dbg.break_in()
    end
    works()
    wait_booted()
    after(ms(50))
    return moments()
end

local places = conversation()
for i, place in ipairs(places) do
    if link ~= "serial" or i % 3 == 0 then conversation(place) end
end
