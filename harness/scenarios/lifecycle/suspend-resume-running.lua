-- Goal:   a running machine is suspended and resumed, again and again and at different moments of a tick. Nothing is lost
--         or doubled, no epoch begins, and a break-in sent while it sleeps is honoured when it wakes.
-- Source: kd-protocol.md 5.10 rule 2; vmware-backdoor.md 3.4 M4 (checkpoints), transport/guest/README.md 3 rule 4
vm { modules = 3, prints = 2, ticks_per_print = 2 }

attach()
boot()
local epochs = counters()["relay.epochs"]
for again = 1, 6 do
    after(ms(40) + ms(2.7) * again)
    target.suspend()
    local before = #dbg.prints()
    after(s(30))
    check.equal(#dbg.prints(), before, "a machine that sleeps says nothing")
    target.resume()
    after(ms(100))
    check.that(#dbg.prints() > before, "it goes on")
    check.equal(dbg.state(), "RUNNING")
end

target.suspend()
dbg.break_in()
after(s(2))
check.counters { stops = 0 }
target.resume()
dbg.wait_stop(ms(100))
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()
after(ms(100))
check.equal(counters()["relay.epochs"], epochs, "the guest has not said hello again")
check.counters { boots = 1, stops = 1, breaks_honoured = 1, duplicates = 0, ["note.reset_sent"] = 0 }
