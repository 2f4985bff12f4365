-- Goal:   an exception is reported at first chance; handled, the target goes on; not handled, it comes at second chance, and
--         not handled then either, it is a bugcheck: a print, two breaks, and the machine starts over.
-- Source: kd-protocol.md 4.4 note 2, 5.1 rule 5, 5.5 rule 5, 5.9 rule 3
vm { modules = 3 }

local HANDLED, CONTINUE, NOT_HANDLED = 0x00010001, 0x00010002, 0x80010001
local DIVIDE_BY_ZERO = 0xC0000094
attach()
boot()
after(ms(20))

local function raise(first_chance)
    local stop = dbg.wait_stop()
    check.equal(stop.code, DIVIDE_BY_ZERO)
    check.equal(stop.first_chance, first_chance)
    check.equal(stop.address, stop.pc)
    check.that(stop.pc ~= image.break_instruction)
end

for _, status in ipairs { HANDLED, CONTINUE, 0 } do
    target.exception(DIVIDE_BY_ZERO)
    raise(true)
    dbg.continue(status)
    target.print("it went on")
    dbg.wait_print("it went on 1")
end
target.exception(DIVIDE_BY_ZERO)
raise(true)
dbg.continue(NOT_HANDLED)
raise(false)
dbg.continue(HANDLED)
target.print("this time too")
dbg.wait_print("this time too 1")

-- Both chances passed on.
target.exception(DIVIDE_BY_ZERO)
raise(true)
dbg.continue(NOT_HANDLED)
raise(false)
dbg.continue(NOT_HANDLED)
local text = dbg.wait_print("Fatal System Error")
check.that(text:find("0x0000001E", 1, true) and text:find("C0000094", 1, true), text)
for _, why in ipairs { 3, 4 } do
    local stop = dbg.wait_stop()
    check.equal(stop.code, 0x80000003)
    check.equal(stop.pc, image.break_instruction)
    local registers = dbg.context()
    check.equal(arch == "x64" and registers.rcx or registers.eax, why, "what the break helper was told")
    dbg.continue()
end
wait_booted(2)
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.version().kernel_base, image.kernel_base)
check.counters { duplicates = 0 }
