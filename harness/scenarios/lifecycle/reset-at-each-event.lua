-- Goal:   the reset button strikes at every event of a conversation in turn. The new boot completes, and the debugger has
--         its target again: told its modules, stopped if it believed so, by itself on the backdoor.
-- Source: kd-protocol.md 5.10 rule 3, transport/guest/README.md 4

local function works()
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "here"), 4)
    check.equal(dbg.insist(dbg.read, image.pool, 4), "here")
    dbg.insist(dbg.go)
end

-- Returns the moments of the conversation, or plays it with a reset at one of them.
local function conversation(struck_at)
    -- On serial a reset may cut a frame in half: silence inside it must be shorter than the target's patience (2.11).
    vm { modules = 2, prints = 1, debugger = { byte_wait_ns = ms(500) } }
    attach()
    if struck_at then later(struck_at, "reset") end
    power_on()
    if struck_at then
        after(struck_at + s(2.5))
        if dbg.state() ~= "STOPPED" then dbg.break_in() end
    else
        wait_booted()
        dbg.break_in()
    end
    works()
    after(ms(50))
    if struck_at then check.counters { resets = 1 } end
    return moments()
end

local places = conversation()
for i, place in ipairs(places) do
    if link ~= "serial" or i % 8 == 0 then conversation(place) end
end
