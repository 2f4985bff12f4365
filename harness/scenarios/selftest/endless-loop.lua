-- Goal:   a script that never ends is ended.
-- Source: harness/README.md, "The sandbox"
vm {}
while true do
    local nothing = 1  -- FAILS: a loop without an end?
end
