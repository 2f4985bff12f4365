-- Goal:   a running machine is snapshotted and reverted, at different moments of a tick. What it did since is undone, the
--         debugger is not; a new epoch begins and nothing of the old one is delivered.
-- Source: kd-protocol.md 5.10 rule 4, vmware-backdoor.md 3.3 rule 34, transport/guest/README.md 4
vm { modules = 3, prints = 2, ticks_per_print = 3 }

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
dbg.write(image.pool, "before")
dbg.go()
after(ms(30))
target.snapshot("clean")

-- What a person does whose serial target is not the one it was: nobody tells the debugger there.
local function breaks_in()
    dbg.break_in()
    if link == "serial" then after(ms(50)); dbg.resync() end
    dbg.settle()
end

for again = 1, 4 do
    after(ms(40) + ms(3.3) * again)
    breaks_in()
    check.equal(dbg.insist(dbg.read, image.pool, 6), "before", "as the snapshot has it")
    check.equal(dbg.insist(dbg.write, image.pool, "behind"), 6)
    dbg.insist(dbg.go)
    after(ms(40) + ms(4.1) * again)

    target.revert("clean")
    after(ms(100))
    check.equal(target.is_on(), true)
end
breaks_in()
check.equal(dbg.insist(dbg.read, image.pool, 6), "before")
dbg.insist(dbg.go)
after(ms(100))
check.counters { boots = 1, resets = 0 }
if link ~= "serial" then
    check.counters { ["relay.epochs"] = 1 + 4, ["relay.stale"] = 4, duplicates = 0, ["note.reset_sent"] = 0 }
end

expect_failure("there is no such thing", function() target.revert("never made") end)
