-- Goal:   the machine is snapshotted at some events of a conversation, boot included, and reverted at every later one.
--         Whatever was said in between, the two ends find each other again, and work can be done.
-- Source: kd-protocol.md 5.10 rule 4, transport/guest/README.md 4 (a new epoch), vmware-backdoor.md 3.3 rules 31 and 34

local function conversation(taken_at, struck_at)
    vm { modules = 2, prints = 1, polls = 1500, debugger = { byte_wait_ns = ms(20) } }
    attach()
    if struck_at then
        later(taken_at, "snapshot")
        later(struck_at, "revert")
    end
    power_on()
    if struck_at then
        after(struck_at + ms(300))
        if dbg.state() ~= "STOPPED" then dbg.break_in() end
        if link == "serial" then dbg.resync() end          -- nobody tells a serial debugger that the guest is another
    else
        wait_booted()
        dbg.break_in()
    end
    dbg.settle()
    check.equal(dbg.insist(dbg.write, image.pool, "here"), 4)
    check.equal(dbg.insist(dbg.read, image.pool, 4), "here")
    dbg.insist(dbg.go)
    after(ms(50))
    return moments()
end

local places = conversation()
local taken, struck = 9, 1
if link == "serial" then taken, struck = 15, 13 end          -- a serial conversation costs a hundred times as much
for i = 1, #places, taken do
    for j = i + 1, #places, struck do conversation(places[i], places[j]) end
end
