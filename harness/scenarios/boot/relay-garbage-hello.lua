-- Goal:   what answers hello is no relay: bytes of any length and any content. The module believes none of them, takes the
--         UART within a bounded number of exits, and is debugged there.
-- Source: transport/guest/README.md 6 (what the module believes), 5
for again = 1, 16 do
    vm {
        link = "serial", because = "a module that was told nonsense can only be debugged on the serial line",
        backdoor = "vmware", skew = "relay-garbage", modules = 2, ram_mib = 31 + again,  -- another world each time
    }
    attach()
    boot()
    check.counters { exits_backdoor = between(5, 40), exits_uart = at_least(1000), loads = 2 }
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.version().kernel_base, image.kernel_base)
end
