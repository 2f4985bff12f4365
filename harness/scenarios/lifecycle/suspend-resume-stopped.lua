-- Goal:   the machine is suspended while the debugger holds it. It is resumed where it stood: the next request is answered
--         as if nothing had been, and one that is sent while it sleeps waits, or ends in a fresh start, by itself.
-- Source: kd-protocol.md 5.10 rule 2, 2.10 (WAIT_ACK, WAIT_REPLY, SYNC)
vm { modules = 3 }

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.write(image.pool, "written before"), 14)

-- Asleep with no request under way.
target.suspend()
after(s(60))
target.resume()
check.equal(dbg.read(image.pool, 14), "written before")
check.counters { stops = 1, ["note.reset_sent"] = 0, ["note.gave_up"] = 0 }

-- Asleep for less than the debugger's patience: the request is repeated, and answered once.
target.suspend()
later(s(2.5), "resume")
check.equal(dbg.read(image.pool, 14), "written before")
check.counters { ["note.sent"] = at_least(2), ["note.gave_up"] = 0 }

-- Asleep for longer than that: the debugger asks for a fresh start, and finds the target when it is back.
target.suspend()
dbg.resync()
after(s(20))
target.resume()
dbg.settle()
check.equal(dbg.insist(dbg.read, image.pool, 14), "written before")
dbg.insist(dbg.go)
after(s(1))
check.counters { boots = 1, stops = at_most(3) }       -- a RESET makes a stopped target say so again (2.9)
