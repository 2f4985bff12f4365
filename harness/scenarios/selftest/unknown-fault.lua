-- Goal:   the name of a fault that does not exist is refused, with those that do.
-- Source: harness/README.md, "Scenarios that must fail"
vm {}
fault { to = "debugger", kind = "dorp" }  -- FAILS: no kind is called 'dorp': expected one of drop, flip
