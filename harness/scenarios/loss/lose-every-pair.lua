-- Goal:   for every pair of frames of a short conversation, whichever way they go: when both are lost, the conversation
--         still completes, and nothing is delivered twice.
-- Source: kd-protocol.md 2.5, 2.6, 2.8 ("frame lost", "ACK lost"), 2.10
-- Method: a fresh machine for each pair. Losses may call for frames that were not there before, so a pair is left out
--         only when its second frame is never sent.

-- A debugger that never starts over: whatever is lost must come again by itself. A Continue is not part of it, for its
-- ACK can be lost for good (see lose-each-frame-once).
local function lose(first, second)
    vm { modules = 0, polls = 1500, debugger = { ack_wait_ns = ms(60), ack_tries = 100, reply_wait_ns = s(60) } }
    attach()
    boot()
    fault { to = first.to, kind = "drop", nth = first.nth }
    fault { to = second.to, kind = "drop", nth = second.nth }
    target.exception(0xC0000094)
    check.equal(dbg.wait_stop().code, 0xC0000094)
    check.equal(dbg.write(image.pool, "both"), 4)
    check.equal(dbg.read(image.pool, 4), "both")
    check.equal(dbg.version().kernel_base, image.kernel_base)
    check.counters { stops = 1, duplicates = 0, ["note.reset_sent"] = 0 }
    return faults_struck() == 2
end

-- Each way alone, the second frame behind the first; and one frame each way.
local pairs_lost = 0
local function lose_pairs(first_to, second_to)
    for first = 1, 20 do
        for second = first_to == second_to and first + 1 or 1, 20 do
            if not lose({ to = first_to, nth = first }, { to = second_to, nth = second }) then break end
            pairs_lost = pairs_lost + 1
        end
    end
end
lose_pairs("debugger", "debugger")
lose_pairs("target", "target")
lose_pairs("debugger", "target")
check.between(pairs_lost, 80, 1000, "pairs of frames lost")
print(pairs_lost .. " pairs of frames lost")
