-- Goal:   the relay speaks no version of the module's, and says so: the module takes the UART, and is debugged there.
-- Source: transport/guest/README.md 5 (no version in common: the hello, and a CLOSE; then the uart is probed)
for _, skew in ipairs { "relay-too-new", "relay-strange" } do
    vm {
        link = "serial", because = "a module that was refused can only be debugged on the serial line",
        backdoor = "vmware", skew = skew, modules = 3,
    }
    attach()
    boot()
    check.counters { exits_backdoor = between(5, 40), exits_uart = at_least(1000) }
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.version().kernel_base, image.kernel_base, skew)
    check.counters { loads = 3, duplicates = 0 }
end
