-- Goal:   the reset button strikes while the debugger holds the machine, between two requests and in the middle of one.
--         The debugger waits at a stop that no longer exists: the new boot's SYNC tells it so, its request is void, and
--         it has the target again as if nothing had been.
-- Source: kd-protocol.md 5.10 rule 3, 2.3 rule 1; transport/guest/README.md 4 (a new epoch)

-- A reset cuts a frame in half. On serial what follows is taken for the rest of it, until there is silence inside it:
-- a debugger that waits there for longer than the target waits for an ACK swallows every copy of the news (2.11).
local function stopped_machine()
    vm { modules = 4, debugger = { byte_wait_ns = ms(500) } }
    attach()
    boot()
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "before the reset"), 16)
end

-- The relay knows that its debugger waits at a stop, and makes the new guest break in as soon as its modules are listed.
-- On serial nobody knows: the target boots and runs, and the person breaks in once more.
local function comes_back()
    if link == "serial" then
        wait_booted(2)
        after(ms(20)); dbg.break_in()
    end
    local stop = dbg.wait_stop(ms(500))
    check.equal(stop.pc, image.break_instruction)
    check.counters { loads = 8, stops = 2 }
    check.that(dbg.read(image.pool, 16) ~= "before the reset", "memory is the image's again")
    dbg.go()
    wait_booted(2)
    after(ms(100))
    check.equal(dbg.state(), "RUNNING")
    check.counters { boots = 2, stops = 2, breaks_honoured = 2, duplicates = 0 }
end

-- Between two requests: the kernel waits for the next one.
stopped_machine()
dbg.breakpoint(image.routine)                       -- would be hit at once if it outlived the reset
after(ms(300))
target.reset()
wire [[
    *    > state_change64 load_symbols id=0+sync
    ...
]]
comes_back()

-- In the middle of one: the request is on its way, is being answered, the answer is on its way.
local moments = link ~= "serial" and { us(10), us(60), us(120) } or { ms(3), ms(8), ms(100), ms(340) }
for _, moment in ipairs(moments) do
    stopped_machine()
    wire(("+0 < manipulate read_virtual id=1 address=0x%X count=3944"):format(image.pool))
    after(moment)
    target.reset()
    comes_back()
end
