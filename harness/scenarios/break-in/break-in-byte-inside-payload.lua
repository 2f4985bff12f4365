-- Goal:   0x62 inside a frame is data, in both directions and in every kind of message: it is delivered as it is, and stops
--         nobody; the break-in byte beside such a frame does.
-- Source: kd-protocol.md 2.8 ("0x62 inside a body"), 2.4 (the scan runs between frames), vectors G06, E08
vm { steps_per_tick = 10 }

local b = "\x62"
attach()
boot()
after(ms(20))

-- Prints, a prompt and its answer, files, traces, while it runs.
target.print(b:rep(500))
check.equal(dbg.wait_print(), b:rep(500) .. " 1\n")
target.prompt(b:rep(300), 400, true)
dbg.wait_prompt()
dbg.answer(b:rep(400))
check.equal(dbg.wait_print(), "answer: " .. b:rep(400) .. "\n")
target.trace(b:rep(512))
check.equal(dbg.wait_other().body:sub(65), b:rep(512))
target.command(b, b:rep(200))
check.equal({ dbg.wait_command() }, { b, b:rep(200), 240 + 2 + 201 + 1 })
dbg.continue()
dbg.put_file("b", b:rep(4000))
target.read_file("b")
dbg.wait_print("0x00000FA0 bytes")
after(ms(300))
check.counters { stops = 0 }

-- One real one, right in front of an answer and right behind it.
dbg.break_in()
dbg.wait_stop()
for _, len in ipairs { 1, 2, 4, 100, 3944 } do
    check.equal(dbg.write(image.pool, b:rep(len)), len)
    check.equal(dbg.read(image.pool, len), b:rep(len))
end
check.equal(dbg.read(0x6262626262626262, 0x62), "", "in a header as well")
dbg.go()
after(s(1))
check.counters { stops = 1, breaks_wished = 1, breaks_honoured = 1, duplicates = 0 }
