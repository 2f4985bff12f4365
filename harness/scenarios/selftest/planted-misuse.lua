-- Goal:   the oracle sees a guest that misuses the backdoor: it is told of RECVSTATUS on a channel that was never opened.
-- Source: harness/oracle/README.md rule 6; vmware-backdoor.md 7.3 I1
vm {}
attach()
boot()
plant("misused")
after(ms(1))  -- FAILS: oracle: rule 6: RECVSTATUS on channel 0, which is not open (I1)
