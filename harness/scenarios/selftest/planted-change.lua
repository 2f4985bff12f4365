-- Goal:   the oracle sees a packet that was delivered with another byte in it: the lab tells it so, though it did not
--         happen.
-- Source: harness/oracle/README.md rule 2; harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
plant("changed")
target.print("one byte differs")
dbg.wait_print("one byte differs")  -- FAILS: oracle: rule 2:
