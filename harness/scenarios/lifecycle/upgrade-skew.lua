-- Goal:   module and relay of different ages: they agree on the version that both speak, or the relay refuses in words and
--         the module takes the UART; with no UART the boot goes on undebugged. Nobody hangs, nothing is half done.
-- Source: transport/guest/README.md 5 (versions), 6 (what each side checks)

-- A newer module offers more than the relay knows: both speak version 1.
vm { link = "backdoor", because = "what is refused falls back to the UART: boot/relay-wrong-version",
     modules = 3, skew = "module-newer" }
attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { loads = 3, boots = 1, ["relay.refused"] = 0 }

-- No version in common, told by either end.
for _, skew in ipairs { "module-too-new", "relay-too-new", "relay-strange" } do
    vm { modules = 3, prints = 1, skew = skew, uart = "absent" }
    attach()
    boot()
    check.between(now(), 0, us(700), skew)
    local exits = counters().exits
    check.between(exits, 1, 45, skew)
    after(s(1))
    check.exits { total = exits }
    check.counters { loads = 0, prints = 0, boots = 1, bytes_to_debugger = 0 }
    if skew == "module-too-new" then check.counters { ["relay.refused"] = at_least(1), ["relay.epochs"] = 0 } end
end
