-- Goal:   a DbgPrompt stands until it is answered; the answer arrives byte for byte, and is cut to the room there was.
-- Source: kd-protocol.md 4.6 (min of data length and room), 5.6 rule 2, vectors S23, S24
vm {}

attach()
boot()
after(ms(20))
local function ask(text, room, answer, arrives)
    target.prompt(text, room, true)                 -- the target prints what it got
    local asked, asked_room = dbg.wait_prompt()
    check.equal(asked, text)
    check.equal(asked_room, room)
    local prints = #dbg.prints()
    after(s(2))                                     -- somebody has to be found who knows
    check.equal(#dbg.prints(), prints, "the machine stands")
    dbg.answer(answer)
    check.equal(dbg.wait_print(), "answer: " .. arrives .. "\n")
end

ask("Break, Ignore (bi)? ", 2, "i", "i")
ask("exactly as long? ", 6, "sixsix", "sixsix")
ask("longer than there is room? ", 8, "much longer than that", "much lon")
ask("longer than a line? ", 200, ("x"):rep(3984), ("x"):rep(200))
ask("nothing? ", 16, "", "")
ask("no room? ", 0, "is there", "")
ask("awkward? ", 64, "0000iiii\x62\xAA\0\xFFb", "0000iiii\x62\xAA\0\xFFb")
ask(("?"):rep(511), 511, ("!"):rep(511), ("!"):rep(503))    -- a print has 512 bytes, "answer: " among them

-- An answer nobody asked for is not sent, and it runs on.
expect_failure("was not sent, answer", function() dbg.answer("again") end)
target.print("on")
dbg.wait_print("on 1")
dbg.break_in()
dbg.wait_stop()
check.counters { stops = 1, duplicates = 0, ["note.repeat"] = 0 }
