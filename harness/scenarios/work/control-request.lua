-- Goal:   a control request is acknowledged and dropped: nothing is known of its answer, and the target waits for none.
-- Source: kd-protocol.md 4.8 (0x4300 request, 0x4301 release hardware breakpoint), 1 (type 10), 7 U7
vm { steps_per_tick = 10 }

attach()
boot()
after(ms(20))
for _, api in ipairs { 0x4300, 0x4301 } do
    for number = 0, 3 do
        target.control(api, number)
        local other = dbg.wait_other()
        check.equal(other.type, "control_request")
        check.equal(other.body, string.pack("<I4I4I4", api, number, 0))
        check.equal(dbg.state(), "RUNNING")
    end
end

-- Lost, it comes again, once; and a stop between two of them is a stop like any other.
fault { to = "debugger", kind = "drop", packet = "data" }
target.control(0x4300, 7)
check.equal(dbg.wait_other().body, string.pack("<I4I4I4", 0x4300, 7, 0))
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()
target.control(0x4301, 7)
dbg.wait_other()
target.print("on")
dbg.wait_print("on 1")
check.counters { stops = 1, duplicates = 0 }
