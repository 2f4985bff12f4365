-- Goal:   a real VMware, where nobody has claimed our command word: hello is answered "0", and the module looks no further
--         than the UART. Without one the boot goes on undebugged; a second look costs nothing, for there is none.
-- Source: transport/guest/README.md 5 (detection), 2 ("0 " and any text: the VMM has no relay)
vm {
    link = "backdoor", because = "with a UART this is boot/no-backdoor",
    relay = false, uart = "absent", modules = 3, prints = 2, ticks_per_print = 2,
}

expect_failure("nobody listens", attach)
boot()
check.exits { total = at_most(9 + 5 + 1 + 7), uart = 7 }
check.between(now(), 0, us(400))
local exits = counters().exits
after(s(10))
check.exits { total = exits }
check.counters { boots = 1, loads = 0, prints = 0, rpcs = at_most(2) }
