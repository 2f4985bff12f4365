-- Goal:   a driver hands the debugger a command: a stop of its own kind, with a name and a command; requests are served as
--         at any stop, and Continue lets the driver go on.
-- Source: kd-protocol.md 4.1 (0x3032: name NUL command NUL), 2.6 (not abandonable), 2.12 rule 1
vm { steps_per_tick = 10, polls = 6500 }            -- on serial a time-out of 0.2 s

attach()
boot()
after(ms(20))
for round, say in ipairs {
    { "driver", ".echo hello; g" },
    { "", "k" },
    { ("n"):rep(127), ("c"):rep(300) },
    { "only a name", "" },
} do
    target.command(say[1], say[2])
    local name, command = dbg.wait_command()
    check.equal(name, say[1])
    check.equal(command, say[2])
    check.equal(dbg.state(), "STOPPED")
    check.equal(dbg.version().kernel_base, image.kernel_base)
    check.equal(dbg.write(image.pool, say[1]), #say[1])
    check.equal(#dbg.context().raw, arch == "x64" and 0x4D0 or 0x2CC)
    dbg.continue()
    target.print("it went on", round)
    dbg.wait_print("it went on " .. round)
end

-- A RESET in the middle of it brings it again, and it is one stop.
target.command("driver", "again")
dbg.wait_command()
dbg.resync()
dbg.settle()
check.equal(dbg.wait_command(), "driver")
dbg.continue()
check.counters { stops = 0, duplicates = 0 }

-- With nobody there it is skipped at once, when the target knows; it has to find out on serial, by its first print.
detach()
target.print("anybody?")
after(s(6))
local before = counters()
target.command("driver", "nobody hears")
after(s(1))
check.equal(counters().bytes_to_debugger, before.bytes_to_debugger, "not a byte to nobody")
attach()
dbg.resync()
dbg.settle()
dbg.insist(dbg.version)
