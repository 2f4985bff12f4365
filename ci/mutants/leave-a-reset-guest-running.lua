-- Goal:   wait_stop: the target did not stop in time: the debugger waits at a stop that the machine has forgotten
-- Source: harness/scenarios/lifecycle/reset-button-stopped.lua, which found it
vm { link = "backdoor", because = "found there" }
attach(); boot()
dbg.break_in(); dbg.wait_stop()
target.reset()
dbg.wait_stop(s(60))
