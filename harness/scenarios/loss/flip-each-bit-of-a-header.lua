-- Goal:   whichever bit of a frame's 128-bit header is flipped, on its way to either side, both recover by
--         themselves or with one resynchronisation, and no wrong bytes are taken for right ones.
-- Source: kd-protocol.md 2.1 (the checksum does not cover the header), 2.8; the oracle's table of holes

-- Whatever the flip did, the debugger gets hold of the target again, and then reads true memory. Where it believes
-- that the target runs (a flipped SYNC bit says "I restarted"), a person asks for a fresh start.
local function recovers(bit)
    pcall(dbg.version)
    if dbg.state() == "RUNNING" then dbg.resync() end
    dbg.settle()
    check.equal(dbg.insist(dbg.version).kernel_base, image.kernel_base, "after bit " .. bit)
    check.equal(dbg.insist(dbg.read, image.kernel_base, 2), "MZ", "after bit " .. bit)
end

for _, to in ipairs { "debugger", "target" } do
    vm {
        polls = 500,
        debugger = {
            ack_wait_ns = ms(25), reply_wait_ns = ms(60), byte_wait_ns = ms(20),
            sync_period_ns = ms(60), state_wait_ns = ms(80),
        },
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    for bit = 0, 127 do
        fault { to = to, kind = "flip", packet = "manipulate", bit = bit }
        recovers(bit)
        if link ~= "serial" then after(ms(50)) end    -- 128 faults in one second would look like a storm
    end
    check.counters { faults = 128 }
end
