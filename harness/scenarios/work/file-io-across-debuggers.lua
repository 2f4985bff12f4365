-- Goal:   the debugger dies somewhere in the middle of a file, and another one comes. The target, which waits for its file, is
--         asked for no second one: it gets the rest from the newcomer, or goes on without; never with a byte wrong.
-- Source: kd-protocol.md 4.7, 2.6 (create can be abandoned, the others not), 2.12 rule 6, 5.8
local len = 8000                                    -- create, three reads, close
local file = ("\x62iiii0000\xAA and more of the file. "):rep(400):sub(1, len)
local step = link ~= "serial" and us(25) or ms(121)
local deaths = ({ backdoor = 24, doorbell = 18, serial = 9 })[link] -- as long as a file takes

local complete = 0
for death = 0, deaths do
    vm { modules = 3, polls = 6500, steps_per_tick = 10 }       -- on serial a time-out of 0.2 s
    attach()
    boot()
    after(ms(20))
    dbg.put_file("\\x.sys", file)
    target.read_file("\\x.sys")
    dbg.wait_other()                                -- its first question
    later(step * death, "detach")
    after(ms(200) + step * death)
    attach()
    dbg.resync()
    dbg.settle(s(30))
    check.equal(dbg.insist(dbg.version).kernel_base, image.kernel_base)
    local told = table.concat(dbg.prints())
    if told:find("0x00001F40 bytes, status 0x00000000", 1, true) then
        complete = complete + 1
        check.equal(dbg.insist(dbg.read, image.pool, len), file, "after a death at step " .. death)
    end
    dbg.go()
    target.print("it runs")
    dbg.wait_print("it runs 1")
end
print(complete .. " of " .. deaths + 1 .. " files complete, and known to be")
check.between(complete, deaths, deaths + 1)         -- all but perhaps the one whose create was given up
