-- Goal:   there is neither a backdoor nor a UART. KdDebuggerInitialize0 fails cleanly, after as many exits as it takes to
--         look, and the boot goes on undebugged: no wait, no poll, nothing.
-- Source: transport/guest/README.md 5, kd-protocol.md 3.3 rule 1 (an error leaves KD off)
local strangers = { ["absent-ones"] = 1, ["absent-zero"] = 1, ["absent-echo"] = 1, ["qemu-vmport"] = 3 }

for backdoor, looks in pairs(strangers) do
    vm { backdoor = backdoor, uart = "absent", modules = 3, prints = 2, ticks_per_print = 2 }
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
