-- Goal:   the oracle sees a storm: a debugger that waits ten milliseconds for an ACK and never gets one repeats itself
--         a hundred times a second. Faults are no excuse for that.
-- Source: harness/oracle/README.md rule 3; harness/README.md, "Scenarios that must fail"
vm { debugger = { ack_wait_ns = ms(10), ack_tries = 1000 } }
attach()
boot()
dbg.break_in()
dbg.wait_stop()
fault { to = "debugger", kind = "drop", packet = "ack", count = 0 }
dbg.version()  -- FAILS: oracle: rule 3: more than 64 repeated frames within a second
