-- Goal:   the oracle sees a module that wrote beside what its kernel gave it: it is told so, though it did not happen. That
--         the kernel and the machine see it when it does is shown by test_mk_module and test_native_watch.
-- Source: harness/oracle/README.md rule 5; sim/kernel/README.md, "What the module is given"
vm {}
attach()
boot()
plant("scribbled")
after(ms(1))  -- FAILS: oracle: rule 5: the module wrote outside of what it was given: byte 3944 of the data
