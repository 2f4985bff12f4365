-- Goal:   the largest packets there are, both ways, with high bandwidth and without: 3,944 bytes read, and as many
--         written. With high bandwidth each costs five exits like any other.
-- Source: kd-protocol.md 2.1 (PACKET_MAX_SIZE); transport/guest/README.md 2 (at most 4,000 bytes behind the header), 8
for _, profile in ipairs { "vmware", "vmware-LB-only" } do
    vm {
        links = { "backdoor" }, because = "loss/oversized-length has the largest frames of serial",
        backdoor = profile, steps_per_tick = 0,
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    for length = 3941, 3944 do
        local bytes = ("%04d"):format(length):rep(986):sub(1, length)
        local written = measure("write", 1, length, function() check.equal(dbg.write(image.pool, bytes), length) end)
        local read = measure("read", 1, length, function() check.equal(dbg.read(image.pool, length), bytes) end)
        if profile == "vmware" then
            check.equal(written.exits, 5)
            check.equal(read.exits, 5)
        end
    end
    check.counters { stops = 1, duplicates = 0, ["relay.refused"] = 0, ["relay.repeated"] = 0, ["note.bad"] = 0 }
end
