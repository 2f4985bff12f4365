-- Goal:   what the debugger asks before it can know of a reset never runs in the new kernel, though its id is the one
--         that kernel expects first, and its arrival looks like an ACK.
-- Source: kd-protocol.md 2.6 N6, 2.15; transport/guest/README.md 4 (a new epoch)

local function write_after_reset(wait)
    vm { modules = 3 }
    attach()
    boot()
    after(ms(20)); dbg.break_in(); dbg.wait_stop()
    dbg.write(image.pool, "none")
    local write = string.pack("<I4I2I2I4I4I8I4", 0x3131, 6, 0, 0, 0, image.pool, 4) .. string.rep("\0", 28) .. "old!"
    after(ms(20))                                       -- its ACK is there: one that comes late is a hole
    target.reset()
    after(wait)
    dbg.raw(frame.data(2, 0x80800000, write))
    if link == "serial" then                            -- a relay makes a stop: the debugger waits at one that is gone
        wait_booted(2)
        after(ms(20)); dbg.break_in()
    end
    dbg.wait_stop()
    check.that(dbg.read(image.pool, 4) ~= "old!", "the write ran in the new kernel")
    check.counters { loads = 6, stops = 2, duplicates = 0 }
end

-- Until the new kernel's first packet is there: 130 us behind the reset, 45 us on the doorbell, and on a serial line 26 ms.
for wait = us(0), ({ doorbell = us(50), backdoor = us(140), serial = ms(18) })[link], link == "serial" and ms(3) or us(5) do
    write_after_reset(wait)
end
