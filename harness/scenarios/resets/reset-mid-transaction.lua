-- Goal:   a RESET in the middle of a transaction, at every moment of it: what was outstanding is dropped by both sides,
--         ids start over, and the request, made again, is carried out and answered.
-- Source: kd-protocol.md 2.5 R6, 2.6 N4, 2.9 (step 1; the trap), 2.3 (row RESET)
vm { modules = 3 }

attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    *           > state_change64 exception id=1
    +0          < ack id=1
]]

-- The request was taken when the RESET goes out, and its answer is on its way. Nobody waits for that any more, but under
-- the initial id it comes once more, and has to be acknowledged.
wire [[
    +50us       < manipulate get_version id=1
    +0..20ms    > ack id=1
    +0          < reset
    ...
    *           > reset
    +0..30ms    > manipulate get_version id=0               # the orphan
    +0          < ack id=0
    +200ms      < reset
    +0..30ms    > reset
    +0..30ms    > state_change64 exception id=0
    +0          < ack id=0
]]
check.equal(dbg.version().kernel_base, image.kernel_base)

-- Each moment once. On serial request and reply take 17 ms.
local step = link == "serial" and us(1400) or us(11)
for moment = 0, 12 do
    vm {}
    attach()
    boot()
    after(ms(20)); dbg.break_in()
    wire([[
        *           > state_change64 exception id=0
        +0          < ack id=0
        +50us       < manipulate get_version id=0
        ...
        +]] .. moment * step // 1000 .. [[us < reset
    ]])
    after(ms(30))
    dbg.resync()
    dbg.settle()
    local text = "moment " .. moment
    check.equal(dbg.insist(dbg.write, image.pool, text), #text)
    check.equal(dbg.insist(dbg.read, image.pool, #text), text)
    check.counters { boots = 1, ["note.reset_seen"] = between(1, 3) }
end
