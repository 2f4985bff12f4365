-- Goal:   for every frame of a short conversation, in both directions: when it is lost, the conversation still
--         completes, and nothing is delivered twice.
-- Source: kd-protocol.md 2.5, 2.6, 2.8 ("frame lost", "ACK lost"), 2.10
-- Method: a fresh machine for each lost frame, until the conversation has no more frames to lose.

-- The ACK of a Continue can be lost for good: a target that runs answers nothing (2.7 rule 3). The debugger then asks
-- for a fresh start, and the break-ins that belong to it stop the target, the spare ones once more (5.7 rule 3).
local function go()
    repeat
        dbg.insist(dbg.go)
        after(ms(50))
    until dbg.state() == "RUNNING"
end

local function conversation()
    attach()
    boot()
    target.exception(0xC0000094)
    dbg.wait_stop()
    check.equal(dbg.version().kernel_base, image.kernel_base)
    check.equal(dbg.write(image.pool, "eight by"), 8)
    check.equal(dbg.read(image.pool, 8), "eight by")
    go()
    target.print("still here")
    dbg.wait_print("still here")
end

-- How many frames of a kind there were to lose. Time-outs are short: on serial a second of waiting is 66,000 polls.
local function lose_each(to, packet)
    for nth = 1, 100 do
        vm { polls = 1500, debugger = { ack_wait_ns = ms(60), sync_period_ns = ms(100) } }
        fault { to = to, kind = "drop", packet = packet, nth = nth }
        conversation()
        if faults_struck() == 0 then return nth - 1 end
    end
end

for _, to in ipairs { "debugger", "target" } do
    for _, packet in ipairs { "data", "control" } do
        local lost = lose_each(to, packet)
        check.between(lost, 4, 99, packet .. " frames to the " .. to)
        print(lost .. " " .. packet .. " frames to the " .. to .. ", lost one by one")
    end
end
