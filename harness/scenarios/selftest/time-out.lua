-- Goal:   waiting for what does not come ends at the limit, and says what the debugger was doing.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
dbg.wait_stop(ms(500))  -- FAILS: the target did not stop in time; the debugger is in state RUNNING
