-- Goal:   ten in a hundred frames each way are lost: a thousand transactions complete with the
--         right bytes, and the repeats are about as many as what was lost.
-- Source: kd-protocol.md 2.6 N8, 2.8, 2.10 (WAIT_ACK)
local transactions = param("transactions", link ~= "serial" and 1000 or 200)

-- Too patient to start over by itself. But a RESEND that finds the target at rest brings its state change once more,
-- and voids what was asked meanwhile (2.8): then one asks again.
vm { polls = 700, debugger = { ack_wait_ns = ms(40), ack_tries = 1000, reply_wait_ns = s(60) } }
attach()
boot()
dbg.break_in()
dbg.wait_stop()
local before = counters()
chaos { line = 10, kinds = { "drop" } }
for i = 1, transactions // 2 do
    local text = "transaction " .. i
    check.equal(dbg.insist(dbg.write, image.pool, text), #text)
    check.equal(dbg.insist(dbg.read, image.pool, #text), text)
    if i % 50 == 0 then after(s(1)) end
end
faults_over()
check.equal(dbg.version().kernel_base, image.kernel_base)

local lost, now_counted = faults_struck(), counters()
check.counters { requests_delivered = at_least(before.requests_delivered + transactions + 1) }
check.counters { ["note.reset_sent"] = 0, duplicates = 0 }
-- Four frames make a transaction, and some are bytes of one only: half of the frames drawn lose but a byte.
check.between(lost, transactions * 4 * 10 // 200, transactions * 4 * 10 // 50, "frames struck")
local repeats = now_counted["note.sent"] - before["note.sent"] - (now_counted.requests_delivered - before.requests_delivered)
    + now_counted["note.repeat"] + now_counted["note.resend_sent"]
check.between(repeats, lost // 2, lost * 2, "repeats for " .. lost .. " losses")
print(transactions .. " transactions, " .. lost .. " losses, " .. repeats .. " repeats")
