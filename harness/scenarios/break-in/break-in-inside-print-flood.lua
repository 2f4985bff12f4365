-- Goal:   a debugger breaks in while the target prints without a pause: it stops within a line or two, and when it is let go
--         the lines go on where they were. None is lost, none comes twice or out of order.
-- Source: kd-protocol.md 5.6 rule 1 (a print polls), 5.7 rule 1, 2.5 and 2.6 (0x62 between frames)
local lines = link ~= "serial" and 2000 or 200

vm { steps_per_tick = 10 }
attach()
boot()
after(ms(20))
target.print("line", lines)
local wishes = 0
for wait = 1, 8 do
    after(link ~= "serial" and us(7013) * wait or ms(17) * wait)      -- at no particular place in a frame
    if #dbg.prints() >= lines then break end
    local printed = #dbg.prints()
    dbg.break_in()
    wishes = wishes + 1
    local stop = dbg.wait_stop(ms(100))
    check.equal(stop.pc, image.break_instruction)
    check.between(#dbg.prints() - printed, 0, 5, "lines until it stopped")
    check.equal(dbg.read(image.kernel_base, 2), "MZ")
    printed = #dbg.prints()
    after(s(1))
    check.equal(#dbg.prints(), printed, "it stands")
    dbg.go()
end
check.between(wishes, 5, 8)
dbg.wait_print("line " .. lines .. "\n", s(60))
local prints = dbg.prints()
check.equal(#prints, lines)
for i, text in ipairs(prints) do check.equal(text, "line " .. i .. "\n") end
check.counters { stops = wishes, breaks_wished = wishes, breaks_honoured = wishes, duplicates = 0 }
