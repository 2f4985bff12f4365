-- Goal:   the ACK for the last reply of the kernel before is on its way when the new kernel's first packet goes out. It is
--         not taken for that packet's, though both have the same id: what the debugger asks behind it is meant for the
--         kernel that is gone, and does not run in the new one (oracle rule 1).
-- Source: kd-protocol.md 2.3 rule 2, 2.15; found by the swarm (backdoor, seed 73)

local function a_write_while_the_reset_is_news(reset_after)
    vm {
        modules = 2, cost = { stream_latency_ns = us(160), exit_ns = us(8) },
        links = { "backdoor" }, because = "a uart does not count the ACKs that are still to come",
    }
    attach()
    boot()
    after(ms(20)); dbg.break_in(); dbg.wait_stop()
    dbg.version()                                         -- answered under id 1, the next one under id 0
    later(reset_after, "reset")
    work("version"); work("write", 16)                    -- asked as soon as the first is answered
    work("finish")                                        -- a stop, two requests and a Continue go through
    check.counters { duplicates = 0 }
end

for reset_after = us(0), us(600), us(10) do
    a_write_while_the_reset_is_news(reset_after)
end
