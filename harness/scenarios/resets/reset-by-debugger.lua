-- Goal:   one RESET gets one RESET back, ids start over without SYNC, and then comes what the target was in the middle
--         of: the state change it sends or waits behind, the reply it sends, the prompt it waits behind.
-- Source: kd-protocol.md 2.3 (row RESET), 2.5 R6, 2.6 N4, 2.9 (with its trap), 5.6 rule 2
vm { modules = 3 }

attach()
boot()

-- While it sends a state change.
after(ms(20)); dbg.break_in()
wire [[
    *           > state_change64 exception id=1     # three notices went before it
    +0          < reset
    +0..30ms    > reset
    +0..30ms    > state_change64 exception id=0     # the same, at once; RESETs count as no try
    +0          < ack id=0
]]

-- While it waits for a request, once with a count that has moved on.
wire [[
    +50us       < manipulate get_version id=0
    +0..20ms    > ack id=0
    +0..20ms    > manipulate get_version id=1
    +0          < ack id=1
    +200ms      < reset
    +0..30ms    > reset
    +0..30ms    > state_change64 exception id=0
    +0          < ack id=0
]]

-- While it sends a reply: that comes again, though the debugger has forgotten its request. It drops the orphan, and the
-- next RESET finds the kernel ready to tell its state.
wire [[
    +50us       < manipulate get_version id=0
    +0..20ms    > ack id=0
    +0..20ms    > manipulate get_version id=1
    +200ms      < reset
    +0..30ms    > reset
    +0..30ms    > manipulate get_version id=0
    +0          < ack id=0
    +200ms      < reset
    +0..30ms    > reset
    +0..30ms    > state_change64 exception id=0
    +0          < ack id=0
]]

-- The debugger by itself does all that for whoever asks it to.
dbg.resync()
wire [[
    +0..30ms    > reset
    +0..30ms    > state_change64 exception id=0
]]
dbg.settle()
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.go()

-- While it asks the user something, before the question was acknowledged and after: the question again.
target.prompt("Break or Ignore?", 2)
wire [[
    *           > debug_io prompt id=0
    +0          < reset
    +0..30ms    > reset
    +0..30ms    > debug_io prompt id=0 "Break or Ignore?"
    +0          < ack id=0
    +200ms      < reset
    +0..30ms    > reset
    +0..30ms    > debug_io prompt id=0 "Break or Ignore?"
    +0          < ack id=0
]]
dbg.wait_prompt()
dbg.answer("i")
target.print("it went on")
dbg.wait_print("it went on")

-- While it runs it hears no RESET: a debugger has break-ins between them. The stop that one makes is still counted as
-- before, so it takes another RESET until both count alike.
local before = counters()
dbg.resync()
dbg.settle()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters {
    ["note.reset_sent"] = before["note.reset_sent"] + 2, ["note.reset_seen"] = before["note.reset_seen"] + 1,
    stops = before.stops + 2, ["note.bad"] = 0,
}

-- A target that prints hears a RESET whenever it does, and answers it. That brings no stop, so the debugger sends its
-- break-in with the next one: a target that is never silent for long is stopped too. What it was printing when the
-- RESET came may come twice. A relay loses none of it; on serial polls may eat the RESET, then only the debugger counts
-- anew, and one line passes for a repeat.
vm { ticks_per_print = 3, debugger = { sync_period_ns = ms(200), state_wait_ns = ms(300) } }
attach()
boot()
for delay = 0, 44, 4 do
    after(ms(100) + ms(delay))                      -- at another moment between two lines each time
    dbg.resync()
    dbg.settle(s(2))
    check.equal(dbg.version().kernel_base, image.kernel_base)
    dbg.go()
end
after(s(1))
local number, gap = 0, link ~= "serial" and 1 or 2
for _, text in ipairs(dbg.prints()) do
    local this = tonumber(text:match("line (%d+)"))
    check.between(this, number, number + gap, text)
    number = this
end
