-- Goal:   a mistake in the script itself is told like any other failure.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
local stop = nil
print(stop.pc)  -- FAILS: attempt to index a nil value (local 'stop')
