-- Goal:   the debugger of a machine that was switched off is told so, and does not wait for an answer for ever
-- Source: harness/scenarios/lifecycle/power-off-stopped.lua, which found it
vm { link = "backdoor", because = "found there" }
attach(); boot()
dbg.break_in(); dbg.wait_stop()
local loads = #dbg.loads()
target.power_off()
after(s(5))
check.that(#dbg.loads() > loads, "no notice of the shutdown")
