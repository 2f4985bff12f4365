-- Goal:   the connection between relay (or UART) and debugger breaks in each frame of a conversation in turn, and is back
--         a little later. The debugger, which is a new one to the target, gets hold of it again and all is as it was.
-- Source: kd-protocol.md 2.12 rule 6, 5.3 (attach); 2.8 ("line closed")
-- A person whose debugger has come back: gets hold of the target, and asks again.
local function again(fn, ...)
    for _ = 1, 5 do
        if dbg.state() ~= "STOPPED" then dbg.resync() end
        dbg.settle()
        local result = table.pack(pcall(fn, ...))
        if result[1] then return table.unpack(result, 2, result.n) end
        after(ms(200))
    end
    check.that(false, "five times in vain")
end

local function conversation(to, nth)
    vm { modules = 1, polls = 1500, debugger = { sync_period_ns = ms(300), ack_wait_ns = ms(60), reply_wait_ns = ms(800) } }
    attach()
    boot()
    target.exception(0xC0000094)
    dbg.wait_stop()
    fault { to = to, kind = "disconnect", nth = nth, delay = ms(30) }
    for _, text in ipairs { "before", "and on" } do
        check.equal(again(dbg.write, image.pool, text), 6)
        check.equal(again(dbg.read, image.pool, 6), text)
    end
    check.counters { boots = 1, faults = at_most(1) }
    return faults_struck() == 1
end

local broken = 0
for _, to in ipairs { "debugger", "target" } do
    for nth = 1, 20 do
        if not conversation(to, nth) then break end
        broken = broken + 1
    end
end
check.between(broken, 6, 40, "frames in which it broke")
print("broken in each of " .. broken .. " frames")
