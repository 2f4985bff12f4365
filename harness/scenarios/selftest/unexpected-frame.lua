-- Goal:   a frame that the block does not list is a failure at the line where another one was expected.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
attach()
boot()
after(ms(20)); dbg.break_in()
wire [[
    *    > debug_io print    -- FAILS: another frame came
]]
