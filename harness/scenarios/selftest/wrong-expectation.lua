-- Goal:   an expectation that does not hold ends the scenario at its line, with both values.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
check.equal(#dbg.loads(), 3, "modules")  -- FAILS: modules
