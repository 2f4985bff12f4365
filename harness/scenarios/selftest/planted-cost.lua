-- Goal:   the oracle sees that a debugger which is not there does harm: of a poll it is told that it cost thirty exits more.
-- Source: harness/oracle/README.md rule 8; kd-protocol.md 2.7
vm { polls = 1000 }
boot(s(60))
after(ms(50))
plant("costly")
after(ms(50))  -- FAILS: oracle: rule 8: a poll with nobody there cost 3
