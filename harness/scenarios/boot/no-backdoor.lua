-- Goal:   whatever a VMM without our backdoor answers, the module sees that nobody is there and takes the UART.
-- Source: vmware-backdoor.md 2 (detection), kd-protocol.md 3.3 rule 1; profiles of sim/device/README.md
local strangers = {
    { backdoor = "absent-ones" },             -- no device at the port
    { backdoor = "absent-zero" },             -- a VMM that ignores the exit
    { backdoor = "absent-echo" },             -- registers come back as they went
    { backdoor = "qemu-vmport" },             -- GETVERSION is answered, MESSAGE is not
    { backdoor = "vmware", relay = false },   -- a real VMware, where nobody knows the command word
}

for _, machine in ipairs(strangers) do
    vm {
        link = "serial", because = "without a backdoor the debugger can only sit on the serial line",
        backdoor = machine.backdoor, relay = machine.relay ~= false,
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.version().kernel_base, image.kernel_base, machine.backdoor)
    check.counters { loads = 2, duplicates = 0, exits_uart = at_least(1000) }
end
