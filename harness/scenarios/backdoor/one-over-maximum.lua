-- Goal:   one byte more than fits: a read of 3,945 bytes is cut to what a packet holds; a host that announces a reply of
--         one byte more than the module has room for is refused unread, and asked again.
-- Source: kd-protocol.md 2.1; vmware-backdoor.md 3.3 rule 25 (abort); transport/guest/README.md 2, 4, 6
for _, profile in ipairs(link == "backdoor" and { "vmware", "vmware-LB-only" } or { "absent-ones" }) do
    vm {
        links = { "backdoor", "doorbell" }, because = "loss/oversized-length plays it on serial",
        backdoor = profile,
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    local reply = dbg.request("read_virtual", { fields = string.pack("<i8I4I4", image.pool, 3945, 0) })
    check.equal(#reply.data, 3944)
    check.equal(dbg.read(image.pool, 3945), dbg.read(image.pool, 3944) .. dbg.read(image.pool + 3944, 1))

    local room = (link == "backdoor" and 2 or 0) + 4032 -- "1 " and the largest reply
    for _, length in ipairs { room + 1, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE } do
        local before = faults_struck()
        fault { layer = "exit", kind = "length", value = length }
        check.equal(dbg.version().kernel_base, image.kernel_base, "after a length of " .. length)
        check.equal(faults_struck(), before + 1)
    end
    after(ms(300))                                     -- the last one may be told of a call that is held yet
    check.counters { stops = 1, duplicates = 0, ["relay.repeated"] = 5, ["relay.epochs"] = 1, ["relay.refused"] = 0 }
end
