-- Goal:   the wire monitor sees a debugger that acknowledges what never came: of the print, it is not told.
-- Source: harness/oracle/README.md rule 7; harness/README.md, "Scenarios that must fail"
vm { links = {"backdoor", "serial"}, because = "on the doorbell the print is there before its ACK is judged" }
attach()
boot()
plant("unheard")
target.print("unheard")
dbg.wait_print("unheard")  -- FAILS: oracle: rule 7: W9 debugger: ack id=
