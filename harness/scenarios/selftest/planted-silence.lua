-- Goal:   the oracle sees that a target owes an answer: the debugger's patience is over although no fault struck. Here it
--         is the debugger that has none; the oracle cannot know.
-- Source: harness/oracle/README.md rule 3; harness/README.md, "Scenarios that must fail"
vm { debugger = { reply_wait_ns = us(1) } }
attach()
boot()
dbg.break_in()
dbg.wait_stop()
dbg.version()  -- FAILS: oracle: rule 3: a request was given up though nothing was faulty
