-- Goal:   the host sleeps for an hour, machine and relay with it, while the debugger on another host does not. On return
--         there is no storm: time-outs that passed count once, and the RESETs that piled up get one answer.
-- Source: kd-protocol.md 2.9 (RESET bounce), 2.11; a relay's clock may have moved on
vm { modules = 2, prints = 1, ticks_per_print = 4 }

attach()
boot()

-- Running: nobody had anything to wait for.
after(ms(50))
host.pause(s(3600))
after(s(3600))
after(ms(200))
check.equal(dbg.state(), "RUNNING")
check.counters { duplicates = 0, ["note.gave_up"] = 0, ["note.reset_sent"] = 0 }

-- Held: for less than the debugger's patience, in the middle of a request.
dbg.break_in()
dbg.wait_stop()
host.pause(s(3))
check.equal(dbg.write(image.pool, "asleep"), 6)
check.counters { ["note.gave_up"] = 0 }

-- Held, and the debugger asks for its target all the while, once a second.
local sent = counters()["note.reset_sent"]
host.pause(s(1800))
dbg.resync()
after(s(1799))
check.between(counters()["note.reset_sent"] - sent, 800, 1800, "RESETs that piled up")
after(s(10))
dbg.settle()
-- On serial they need 2.5 s to come in, and the window in which they are absorbed is a tenth of a second.
check.between(counters()["note.reset_seen"], 1, link == "serial" and 30 or 4, "answers to them")
check.equal(dbg.insist(dbg.read, image.pool, 6), "asleep")
dbg.insist(dbg.go)
after(ms(200))
check.counters { boots = 1 }
