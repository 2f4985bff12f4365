-- Goal:   there is neither a doorbell nor a backdoor nor a UART. KdDebuggerInitialize0 fails cleanly, after as many exits as it takes to
--         look, and the boot goes on undebugged: no wait, no poll, nothing.
-- Source: transport/guest/README.md 5, kd-protocol.md 3.3 rule 1 (an error leaves KD off)
local strangers = { ["absent-ones"] = 2, ["absent-zero"] = 2, ["absent-echo"] = 2, ["qemu-vmport"] = 4 } -- the doorbell's look too

for backdoor, looks in pairs(strangers) do
    vm { doorbell = false, backdoor = backdoor, uart = "absent", modules = 3, prints = 2, ticks_per_print = 2 }
    attach()
    boot()
    check.exits { total = looks + 7, uart = 7 }
    check.between(now(), 0, us(200), "nobody is waited for")
    after(s(1))
    dbg.break_in()
    after(s(1))
    check.exits { total = looks + 7 }
    check.counters { boots = 1, loads = 0, prints = 0, stops = 0, bytes_to_debugger = 0 }
end
