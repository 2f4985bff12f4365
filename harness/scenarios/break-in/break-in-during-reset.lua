-- Goal:   a break-in byte between, before and behind RESETs, to a running target and to a stopped one: the ids start over, the
--         wish is not lost, and afterwards everybody agrees.
-- Source: kd-protocol.md 2.4 (0x62, then a complete leader), 2.9 ("a 0x62 in between is kept"), 2.7 rules 3 and 5, vector E10
local reset, b = frame.control("reset"), "\x62"
local bursts = { b .. reset, reset .. b, reset .. b .. reset, b .. reset .. reset, reset .. reset .. b .. reset, b .. reset .. b }

local function usable(what)
    dbg.settle(s(30))
    check.equal(dbg.insist(dbg.write, image.pool, what), #what)
    check.equal(dbg.insist(dbg.read, image.pool, #what), what)
end

-- A running target: RESETs are eaten by its polls, the byte stops it, and then it listens.
for i, burst in ipairs(bursts) do
    vm { steps_per_tick = 10 }
    attach()
    boot()
    after(ms(100))
    dbg.raw(burst)
    local stop = dbg.wait_stop(s(2))
    check.equal(stop.pc, image.break_instruction, "burst " .. i)
    dbg.resync()                                    -- whoever sent RESETs counts anew
    usable("running " .. i)
end

-- A stopped one: it answers, shows its stop again, and on serial remembers the wish.
for i, burst in ipairs(bursts) do
    vm { steps_per_tick = 10 }
    attach()
    boot()
    after(ms(100)); dbg.break_in()
    dbg.wait_stop()
    dbg.raw(burst)
    after(s(2))
    usable("stopped " .. i)
    check.counters { ["note.reset_seen"] = between(1, 2) }
    dbg.go()
    after(ms(300))
    if dbg.state() == "STOPPED" then
        check.equal(link, "serial", "the relay keeps no wish of a stopped target's")
        dbg.go()
    end
    target.print("on")
    dbg.wait_print("on 1")
end
