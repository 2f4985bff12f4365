-- Goal:   the oracle sees a packet that was delivered twice: the lab tells it so, though it did not happen.
-- Source: harness/oracle/README.md rule 1; harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
plant("twice")
target.print("told twice")
dbg.wait_print("told twice")  -- FAILS: oracle: rule 1:
