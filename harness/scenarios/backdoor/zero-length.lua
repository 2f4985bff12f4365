-- Goal:   nothing is a length too: a read and a write of no bytes, an empty answer to a prompt, and a reply of the host
--         that has no bytes at all, which counts as lost.
-- Source: vmware-backdoor.md 3.3 rules 13, 24 and 30, 3.4 M7; transport/guest/README.md 4 (lost replies)
for _, profile in ipairs { "vmware", "vmware-LB-only" } do
    vm {
        links = { "backdoor", "doorbell" }, because = "serial has no messages",
        backdoor = profile,
    }
    attach()
    boot()
    dbg.break_in()
    dbg.wait_stop()
    local nothing = string.pack("<i8I4I4", image.pool, 0, 0)
    for _, api in ipairs { "read_virtual", "write_virtual" } do
        local reply = dbg.request(api, { fields = nothing })
        check.equal(reply.status, 0, api)
        check.equal(#reply.data, 0, api)
    end
    for nth = 1, 3 do
        fault { layer = "rpc", direction = "reply", kind = "truncate", len = 0, nth = nth }
        check.equal(dbg.version().kernel_base, image.kernel_base)
    end
    dbg.go()
    target.prompt("Well?", 8)
    dbg.wait_prompt()
    dbg.answer("")
    target.print("it took that", 1)
    dbg.wait_print("it took that 1")
    check.counters { faults = at_least(2), stops = 1, duplicates = 0, ["relay.repeated"] = at_least(2) }
    check.counters { ["relay.epochs"] = 1, ["relay.refused"] = 0 }
end
