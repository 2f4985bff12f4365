-- Goal:   each reply of the host in turn is lost after the host acted: the module asks again with the same token, is
--         answered from the relay's cache, and nothing is lost or done twice.
-- Source: transport/guest/README.md (tokens), vmware-backdoor.md rule 31 (a channel that failed)
local lost = 0
for nth = 1, 200 do
    vm {
        links = { "backdoor", "doorbell" }, because = "only a VMM has RPCs to lose",
        prints = 2,
    }
    attach()
    fault { layer = "rpc", direction = "reply", kind = "lose", nth = nth }
    boot()
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "exactly once"), 12)
    check.equal(dbg.read(image.pool, 12), "exactly once")
    dbg.go()
    target.print("line", 3)
    dbg.wait_print("line 3")
    check.equal(#dbg.prints(), 5)
    check.counters { loads = 2, stops = 1, duplicates = 0 }
    if faults_struck() == 0 then break end
    lost = lost + 1
end
check.between(lost, 10, 199, "replies lost one by one")
print(lost .. " replies lost one by one")
