-- Goal:   the relay's process dies and another one starts. A running guest goes on meanwhile; a stopped one waits. The
--         debugger comes back to the new relay, which knows nothing: the guest says hello, and the stop is told again.
-- Source: transport/guest/README.md 4 (unknown token: stale, hello), 2.12 rule 6
vm { link = "backdoor", because = "on the serial line there is no relay", modules = 3, prints = 1, ticks_per_print = 3 }

attach()
boot()
after(ms(100))

-- While it runs.
relay.kill()
check.equal(dbg.state(), "DETACHED")
local ticks = counters().ticks
after(s(1))
check.between(counters().ticks - ticks, 60, 65, "the guest runs on without a relay")
expect_failure("nobody listens", attach)
relay.restart()
attach()
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.write(image.pool, "kept over the restart"), 21)

-- While it is stopped: the new debugger is told where.
relay.kill()
after(ms(500))
relay.restart()
attach()
local stop = dbg.wait_stop(ms(500))
check.equal(stop.pc, image.break_instruction)
check.equal(dbg.read(image.pool, 21), "kept over the restart")
dbg.go()
after(ms(100))
check.equal(dbg.state(), "RUNNING")
check.counters { boots = 1, stops = 2, breaks_honoured = 1, duplicates = 0, ["relay.stale"] = 1 }
