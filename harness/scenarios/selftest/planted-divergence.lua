-- Goal:   rule 9 sees that the second play is not the first one again: the history has a record with the number of the play.
-- Source: harness/oracle/README.md rule 9; harness/README.md, "Scenarios that must fail"
vm {}
attach()
plant("diverge")
boot()  -- FAILS: oracle: rule 9: the same seed gave another history
