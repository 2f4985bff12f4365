-- Goal:   what the debugger asks before it can know of a reset never runs in the new kernel, though its id is the one
--         that kernel expects first.
-- Source: kd-protocol.md 2.6 N6, 2.15; transport/guest/README.md 4 (a new epoch)

local function write_after_reset(wait)
    vm {
        modules = 3,
        links = { "backdoor" }, because = "a serial target takes such a request for an ACK (2.6 N6), and runs it",
    }
    attach()
    boot()
    after(ms(20)); dbg.break_in(); dbg.wait_stop()
    dbg.write(image.pool, "none")
    local write = string.pack("<I4I2I2I4I4I8I4", 0x3131, 6, 0, 0, 0, image.pool, 4) .. string.rep("\0", 28) .. "old!"
    target.reset()
    after(wait)
    dbg.raw(frame.data(2, 0x80800000, write))
    dbg.wait_stop()                                     -- the debugger waits at a stop that is gone: the relay makes one
    check.that(dbg.read(image.pool, 4) ~= "old!", "the write ran in the new kernel")
    check.counters { loads = 6, stops = 2, duplicates = 0 }
end

-- Until the new kernel's first packet, 115 us behind the reset, is there.
for wait = us(0), us(140), us(5) do
    write_after_reset(wait)
end
