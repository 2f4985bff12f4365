-- Goal:   a frame that comes before a line is played is a failure at that line.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    +100ms    < ack id=0    -- FAILS: an unexpected frame came before this line was played
]]
