-- Goal:   a breakpoint is one byte CC under a handle; a second one at the same place is refused; one where no memory is gets
--         its handle all the same; 32 fill the table. It outlives the debugger, and a reboot clears it.
-- Source: kd-protocol.md 4.4 (3134, 3147, notes 5 and 6), 5.8 (old breakpoints stay), vectors S12, S13
vm { modules = 3 }

local UNSUCCESSFUL = 0xC0000001
attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

local at = image.routine
local original = dbg.read(at - 4, 12)
check.equal(dbg.breakpoint(at), 1)
check.equal(dbg.read(at - 4, 12), original:sub(1, 4) .. "\xCC" .. original:sub(6), "one byte, and a read shows it")
check.equal({ dbg.breakpoint(at) }, { nil, UNSUCCESSFUL }, "a second one there")
check.equal(dbg.breakpoint(at + 1), 2, "and right beside it")

-- What a client may do by hand: CC over CC, and the old byte when it is gone. (radare2 does.)
check.equal(dbg.write(at, "\xCC"), 1)
check.equal(dbg.remove_breakpoint(1), 0)
check.equal(dbg.write(at, original:sub(5, 5)), 1)
check.equal(dbg.remove_breakpoint(2), 0)
check.equal(dbg.read(at - 4, 12), original)

-- Where nothing is: deferred. x86 takes the low 32 bits, whatever stands above them.
local handle = dbg.breakpoint(image.hole)
check.equal(handle, 1)
check.equal(dbg.remove_breakpoint(handle), 0)
if arch == "x86" then
    check.equal(dbg.breakpoint(at & 0xFFFFFFFF), 1)
    check.equal({ dbg.breakpoint(at | 0x1234567800000000) }, { nil, UNSUCCESSFUL }, "it is the same address")
    check.equal(dbg.remove_breakpoint(1), 0)
end

-- The table has 32 places; a free one in the middle is found again.
for i = 1, 32 do check.equal(dbg.breakpoint(image.pool + 64 * i), i) end
check.equal({ dbg.breakpoint(image.pool) }, { nil, UNSUCCESSFUL }, "the 33rd")
check.equal(dbg.remove_breakpoint(17), 0)
check.equal(dbg.breakpoint(image.pool), 17)

-- By the dozen: refused, whole, and nothing of it done.
for _, api in ipairs { "write_breakpoint_ex", "restore_breakpoint_ex" } do
    local reply = dbg.request(api, { fields = string.pack("<I4I4", 2, 0x00010002), data = ("\0"):rep(80) })
    check.equal(reply.status, UNSUCCESSFUL, api)
    check.equal(#reply.data, 0)
end
check.equal(dbg.state(), "STOPPED")
for i = 1, 32 do check.equal(dbg.read(image.pool + 64 * (i == 17 and 0 or i), 1), "\xCC", "place " .. i) end

-- A new debugger finds them, and clears them away as it does at first.
detach()
attach()
dbg.resync()
dbg.settle()
for i = 1, 32 do check.equal(dbg.insist(dbg.remove_breakpoint, i), 0, "handle " .. i) end
check.equal(dbg.remove_breakpoint(1), UNSUCCESSFUL)

-- After a reboot there are none.
check.equal(dbg.breakpoint(at), 1)
dbg.reboot()
wait_booted(2)
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.remove_breakpoint(1), UNSUCCESSFUL)
check.equal(dbg.read(at - 4, 12), original)
