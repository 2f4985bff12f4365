-- Goal:   the oracle sees a target that breaks in though nobody wished it: the wish that there was, it is not told of.
-- Source: harness/oracle/README.md rule 4; harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
plant("unwished")
dbg.break_in()
dbg.wait_stop()  -- FAILS: oracle: rule 4: the kernel broke in though nobody wished it
