-- Goal:   the largest packets there are, both ways, with high bandwidth and without: 3,944 bytes read, and as many
--         written. With high bandwidth each costs five exits like any other, on the doorbell one.
-- Source: kd-protocol.md 2.1 (PACKET_MAX_SIZE); transport/guest/README.md 2 (at most 4,000 bytes behind the header), 8
for _, profile in ipairs(link == "backdoor" and { "vmware", "vmware-LB-only" } or { "absent-ones" }) do
    vm {
        links = { "backdoor", "doorbell" }, because = "loss/oversized-length has the largest frames of serial",
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
        local each = ({ ["vmware"] = 5, ["absent-ones"] = 1 })[profile]
        if each then
            check.equal(written.exits, each)
            check.equal(read.exits, each)
        end
    end
    check.counters { stops = 1, duplicates = 0, ["relay.refused"] = 0, ["relay.repeated"] = 0, ["note.bad"] = 0 }
end
