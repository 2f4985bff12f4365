-- Goal:   the machine is suspended at every moment of a transaction in turn: while an RPC is sent, held, answered, on
--         serial while a frame is half written or half read. The transaction ends once and with the right bytes.
-- Source: vmware-backdoor.md 3.3 rules 27 and 28, 3.4 M4; transport/guest/README.md 4 (equal bytes are a repeat)
vm { modules = 2, debugger = { ack_wait_ns = s(30), byte_wait_ns = s(30), reply_wait_ns = s(60) } }

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

local step = link ~= "serial" and us(11) or ms(0.7)
for moment = 1, link ~= "serial" and 24 or 12 do
    local text = ("moment %02d"):format(moment)
    later(step * moment, "suspend")
    later(step * moment + ms(5), "resume")
    check.equal(dbg.write(image.pool, text), #text)
    check.equal(dbg.read(image.pool, #text), text)
    after(ms(10))
end
dbg.go()
after(ms(50))
check.equal(dbg.state(), "RUNNING")
check.counters { stops = 1, boots = 1, duplicates = 0 }
if link ~= "serial" then
    check.counters { ["relay.repeated"] = at_least(1), ["relay.stale"] = 0, ["relay.epochs"] = 1 }
end
