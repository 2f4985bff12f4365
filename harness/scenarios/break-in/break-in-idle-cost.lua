-- Goal:   a machine that nobody breaks into costs a stated number of exits a second: running, one poll a tick, which on the
--         backdoor is two exits and no RPC, and on the doorbell nothing; stopped on these, four held calls. (Stopped on serial it watches the line as
--         fast as it can: that is the protocol's.)
-- Source: kd-protocol.md 2.7, 2.11 (poll interval); transport/guest/README.md 5 (attention), 8 (held calls, 250 ms)
vm { steps_per_tick = 10, polls = 6500 }            -- on serial a time-out of 0.2 s

local ticks = 64                                    -- in a second
local poll = ({ doorbell = 0, backdoor = 2, serial = 4 })[link] -- a word of memory; "anything to tell?" on TCLO; two looks

local function idle(seconds, what, low, high)
    local before = counters()
    after(s(seconds))
    local now_counted = counters()
    check.between(now_counted.exits - before.exits, low * seconds, (high or low) * seconds, what .. ": exits")
    if link ~= "serial" and what ~= "stopped" then check.equal(now_counted.rpcs - before.rpcs, 0, what .. ": RPCs") end
    check.equal(now_counted.bytes_to_debugger, before.bytes_to_debugger, what .. ": bytes to the debugger")
end

boot(s(60))                                         -- nobody is attached: on serial it has to find that out
after(ms(100))                                      -- the hint's first contact takes three ticks
idle(4, "nobody there", ticks * poll)
attach()
idle(4, "somebody there, and silent", ticks * poll)
dbg.resync()
dbg.settle()
check.equal(dbg.insist(dbg.version).kernel_base, image.kernel_base)

-- Stopped: the wait for a request.
after(ms(300))
if link == "doorbell" then idle(4, "stopped", 4)
elseif link == "backdoor" then idle(4, "stopped", 4 * 4, 4 * 5)
else idle(4, "stopped", 60000, 67000) end

-- And again as before.
dbg.go()
after(ms(50))
idle(4, "runs again", ticks * poll)
check.counters { duplicates = 0 }
