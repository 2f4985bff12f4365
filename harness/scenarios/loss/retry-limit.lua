-- Goal:   the debugger is there and acknowledges nothing. A print is sent as often as the protocol says and then given
--         up, the machine goes on and sends no more of them; a stop is sent for ever. When the debugger returns, the
--         stop gets through and everything works again.
-- Source: kd-protocol.md 2.6 N8 to N10 (20 tries, what is abandonable), 2.11, 2.12 rule 2
vm { modules = 0, polls = 3000 }
local time_out = link == "serial" and ms(90) or s(1)    -- 3,000 polls, or the relay's own

attach()
boot()
after(ms(50))
dbg.manual(true)                                        -- it reads, and says nothing

local function frames_in(time)
    local before = counters().bytes_to_debugger
    after(time)
    return counters().bytes_to_debugger - before
end

target.print("one", 1)
local print_bytes = 16 + 16 + #"one 1\n" + 1
check.equal(frames_in(25 * time_out), 20 * print_bytes, "bytes of twenty tries")
check.equal(frames_in(5 * time_out), 0, "and then silence")
target.print("two", 5)
check.equal(frames_in(5 * time_out), 0, "not present: prints are not even sent")

-- The way back: a stop is sent for ever, until there is an ACK.
target.exception(0xC0000094)
check.between(frames_in(60 * time_out), 257 * 44, 257 * 61, "bytes of some fifty tries")
dbg.manual(false)
local stop = dbg.wait_stop(3 * time_out)
check.equal(stop.code, 0xC0000094)
check.equal(dbg.version().kernel_base, image.kernel_base)
dbg.continue()
target.print("three", 1)
dbg.wait_print("three 1")
check.counters { duplicates = 0, stops = 1 }
