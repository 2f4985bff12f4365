-- Goal:   messages of every length between two multiples of four, both ways, with high bandwidth and without: the right
--         bytes arrive, all of them, and nothing of what pads the last word.
-- Source: vmware-backdoor.md 3.3 rules 24 and 25 (never beyond the buffer), 3.4 M3 (padding means nothing)
for _, profile in ipairs(link == "backdoor" and { "vmware", "vmware-LB-only" } or { "absent-ones" }) do
    vm {
        links = { "backdoor", "doorbell" }, because = "serial carries bytes, not words",
        backdoor = profile, steps_per_tick = 0,
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    local pattern = "the quick brown fox jumps"
    for length = 1, 17 do
        local red = ("\xEE"):rep(40)
        check.equal(dbg.write(image.pool, red), 40)
        check.equal(dbg.write(image.pool + 8, pattern:sub(1, length)), length)
        local after_it = red:sub(1, 8) .. pattern:sub(1, length) .. red:sub(9 + length)
        check.equal(dbg.read(image.pool, 40), after_it, length .. " bytes written")
        check.equal(dbg.read(image.pool + 8, length), pattern:sub(1, length), length .. " bytes read")
    end
    dbg.go()
    for length = 1, 9 do
        target.print(("x"):rep(length), 1)
        dbg.wait_print("x 1\n")
        check.equal(dbg.prints()[length], ("x"):rep(length) .. " 1\n")
    end
    check.counters { stops = 1, duplicates = 0, ["relay.refused"] = 0, ["relay.repeated"] = 0 }
end
