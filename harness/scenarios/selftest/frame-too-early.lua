-- Goal:   a frame at another time than the block says is a failure, also when it is early.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    +1s..2s    > state_change64 exception    -- FAILS: ns after the line before, not 1000000000 to 2000000000
]]
