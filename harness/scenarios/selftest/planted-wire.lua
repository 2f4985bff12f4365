-- Goal:   the wire monitor sees a debugger that acknowledges what never came: of the print, it is not told.
-- Source: harness/oracle/README.md rule 7; harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
after(ms(1))  -- what is on the line when it has booted, on the doorbell an ACK, is heard
plant("unheard")
target.print("unheard")
dbg.wait_print("unheard")  -- FAILS: oracle: rule 7: W9 debugger: ack id=
