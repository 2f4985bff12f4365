-- Goal:   a data frame of a type that nobody wants is acknowledged and dropped; a control frame of an unknown type is
--         passed over, as if it had not been there. The conversation goes on under the right ids.
-- Source: kd-protocol.md 2.5 R7, R13, 2.8 ("wrong type", "unknown control type"), 2.15 (R13 toggles), vector E12
vm {}

attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    *          > state_change64 exception id=0
    +0         < ack id=0
]]
local before = counters().requests_delivered
local id = 0
for _, packet in ipairs { 3, 8, 12, 0x7777 } do
    wire([[
        +50us      < raw ]] .. hex(frame.data(packet, 0x80800000 + id, ("\0"):rep(56))):gsub(" ", "") .. [[

        +0..20ms   > ack id=]] .. id)
    id = 1 - id
end
for _, packet in ipairs { 0, 7, 12, 0xFFFF } do
    wire([[
        +10ms      < raw ]] .. hex(frame.control(packet, 0x80800000)):gsub(" ", ""))
end
wire [[
    +10ms      < manipulate get_version id=0
    +0..20ms   > ack id=0
    +0..20ms   > manipulate get_version id=1
    +0         < ack id=1
]]
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { requests_delivered = before + 2, duplicates = 0, stops = 1, ["note.resend_seen"] = 0 }
