-- Goal:   a line that loses everything for a while, in one direction or both, from each moment of a conversation on: when
--         it is good again, the conversation goes on by itself and is complete.
-- Source: kd-protocol.md 2.6 N8, 2.8, 2.10 (WAIT_ACK: after five tries SYNC)
vm { polls = 1000, debugger = { ack_wait_ns = ms(60), reply_wait_ns = s(2), sync_period_ns = ms(200) } }

attach()
boot()
dbg.break_in()
dbg.wait_stop()
for try = 1, 12 do
    local text = ("burst number %3d"):format(try)
    for _, to in ipairs(({ { "debugger" }, { "target" }, { "debugger", "target" } })[try % 3 + 1]) do
        fault { to = to, kind = "drop", count = 0, nth = try // 3 + 1 }
    end
    local during = pcall(dbg.write, image.pool, text)
    after(ms(500))
    faults_over()
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, text), #text)
    check.equal(dbg.insist(dbg.read, image.pool, #text), text)
end
dbg.insist(dbg.version)
check.counters { faults = at_least(24), boots = 1 }
