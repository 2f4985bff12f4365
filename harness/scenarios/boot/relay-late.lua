-- Goal:   the relay starts after the boot. The running kernel has KD off and is left alone; when it crashes it looks once
--         more, as kernels do, and is joined then: the debugger sees the crash, and the next boot from its first module.
-- Source: kd-protocol.md 5.9 rule 3 (KD off but allowed: Initialize0 again), 3.3 rule 1; transport/guest/README.md 5
vm {
    link = "backdoor", because = "on the serial line there is no relay",
    relay = false, uart = "absent", modules = 3,
}

boot()
after(s(1))
relay.restart()
attach()
after(s(2))
check.counters { stops = 0, loads = 0, bytes_to_debugger = 0 }

local ACCESS_VIOLATION = 0xC0000005
target.exception(ACCESS_VIOLATION)
check.that(dbg.wait_print("Fatal System Error"):find("0x0000001E", 1, true), "the code of an exception nobody handled")
dbg.wait_stop()
dbg.go()
dbg.wait_stop()
dbg.go()
wait_booted(2)
check.counters { boots = 2, loads = 3, stops = 2, duplicates = 0 }
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
