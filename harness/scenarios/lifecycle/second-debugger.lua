-- Goal:   a second debugger is refused, in words, and the first is not disturbed: not its request, not its stop.
-- Source: kd-protocol.md 2.12 (one client), transport/relay/README.md ("a second one is closed at once")
vm { modules = 3 }

attach()
expect_failure("a debugger is attached already", attach)
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
expect_failure("a debugger is attached already", attach)
check.equal(dbg.write(image.pool, "undisturbed"), 11)
check.equal(dbg.read(image.pool, 11), "undisturbed")
dbg.go()
expect_failure("a debugger is attached already", attach)
after(ms(50))
check.equal(dbg.state(), "RUNNING")
check.counters { stops = 1, boots = 1, duplicates = 0, ["note.reset_sent"] = 0, ["note.attach"] = 1 }
