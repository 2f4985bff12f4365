-- Goal:   how a stream is cut into pieces changes nothing: one byte at a time, seven, or whole frames.
-- Source: kd-protocol.md 2.4 (leader scan); the codec is incremental

local function conversation(chunk)
    vm { chunk = chunk, prints = 2 }
    attach()
    boot()
    dbg.break_in()
    local stop = dbg.wait_stop()
    local version = dbg.version()
    local bytes = dbg.read(image.loop, 200)
    dbg.step()
    local stepped = dbg.step()
    check.counters { duplicates = 0, ["note.bad"] = 0, ["note.resend_sent"] = 0, ["note.resend_seen"] = 0 }
    return { stop.pc, version.build, bytes, stepped.code, dbg.prints(), #dbg.loads() }
end

local whole = conversation(0)
for _, chunk in ipairs { 1, 2, 7 } do
    check.equal(conversation(chunk), whole, chunk .. " bytes at a time")
end
