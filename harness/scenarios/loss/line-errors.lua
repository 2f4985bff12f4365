-- Goal:   a character arrives with a framing error, or is overrun in the receiver, at each place of a request and of an
--         ACK in turn. The frame is asked for again or comes again by itself, and nothing is taken twice.
-- Source: devices.md 2.1 (LSR), 2.4 (an error byte is not read, and stays); kd-protocol.md 2.8; guest/README.md 9
vm {
    links = { "serial" }, because = "only a UART has a line status",
    polls = 1500, debugger = { ack_wait_ns = ms(60), ack_tries = 100, reply_wait_ns = s(60) },
}
attach()
boot()
dbg.break_in()
dbg.wait_stop()
local struck = 0
for _, kind in ipairs { "framing", "overrun" } do
    for byte = 0, 72, 3 do
        local text = ("%s at %02d"):format(kind, byte)
        fault { to = "target", kind = kind, packet = "manipulate", byte = byte }
        check.equal(dbg.insist(dbg.write, image.pool, text), #text)
        fault { to = "target", kind = kind, packet = "ack", byte = byte % 16 }
        check.equal(dbg.insist(dbg.read, image.pool, #text), text)
        struck = struck + 2
    end
end
check.counters { faults = struck, duplicates = 0, boots = 1 }

-- A break-in byte with a framing error costs one poll more; one that is overrun is lost.
vm { steps_per_tick = 0 }
attach()
boot()
after(ms(50))
fault { to = "target", kind = "framing", packet = "break_in" }
dbg.break_in()
dbg.wait_stop(ms(100))
dbg.go()
after(ms(50))
fault { to = "target", kind = "overrun", packet = "break_in" }
dbg.break_in()
after(ms(200))
check.equal(dbg.state(), "RUNNING")
dbg.break_in()
dbg.wait_stop(ms(100))
check.equal(dbg.version().kernel_base, image.kernel_base)
