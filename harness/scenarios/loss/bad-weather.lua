-- Goal:   every kind of fault there is, drawn from the seed, on the line and in each RPC and exit, while a person works;
--         whatever that comes to, nothing wrong is believed, and in the calm after it everything works again.
-- Source: kd-protocol.md 2.8; the oracle's rules 1 to 6; transport/guest/README.md 4, 6
for percent = 1, link ~= "serial" and 12 or 4 do
    vm { polls = 1500, debugger = { ack_wait_ns = ms(60), reply_wait_ns = s(2), sync_period_ns = ms(300) } }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    chaos { line = percent, rpc = percent, exit = percent, most = 30 }
    for try = 1, 10 do
        pcall(dbg.write, image.pool, "try number " .. try)
        pcall(dbg.read, image.pool, 12)
        if try % 5 == 0 then
            pcall(dbg.go)
            after(ms(100))
            if dbg.state() == "RUNNING" then pcall(target.print, "line", 2) end
            dbg.break_in()
            after(ms(200))
        end
    end
    faults_over()
    after(s(1))
    dbg.resync()
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "at the end"), 10)
    check.equal(dbg.insist(dbg.read, image.pool, 10), "at the end")
    check.counters { boots = 1 }
    print(faults_struck() .. " faults at " .. percent .. " percent")
end
