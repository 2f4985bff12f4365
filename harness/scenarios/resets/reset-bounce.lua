-- Goal:   many RESETs that pile up while the target is away get one answer, and nobody answers an answer for ever.
-- Source: kd-protocol.md 2.9 "RESET bounce" (a real bug class on pipes; build (b) and (c)), 2.14 W10
local function resets_waiting(count, chunk)
    vm { chunk = chunk }
    attach()
    for _ = 1, count do dbg.raw(frame.control("reset")) end
    boot()
    after(s(3))                                     -- a bounce would go on all that time
    local seen = counters()["note.reset_seen"]
    check.between(seen, 1, 2, count .. " RESETs in pieces of " .. chunk .. " bytes: answers")
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.version().kernel_base, image.kernel_base)
    check.equal(counters()["note.reset_seen"], seen, "and no more of them later")
end

for _, chunk in ipairs { 0, 1, 16, 23 } do
    for _, count in ipairs { 1, 2, 5, 12 } do
        resets_waiting(count, chunk)
    end
end
