-- Goal:   the relay is fed every malformed message: requests cut short at each length, and with each bit of their header
--         wrong. It answers refused or stale, reads nothing that is not there, and the session that begins then works.
-- Source: transport/guest/README.md 2, 3 rule 1, 4, 6 (the relay checks, answers refused, and changes nothing)

vm {
    links = { "backdoor", "doorbell" }, because = "on serial the guest has no say but in bytes: see loss/",
    modules = 0,
}
attach()
boot()
after(ms(20))
dbg.break_in()
dbg.wait_stop()
check.equal(dbg.write(image.pool, "untouched"), 9)

-- "fastkd " on GuestRPC, 32 bytes of header, then the packet.
local header_at, header_bytes = link == "backdoor" and 7 or 0, 32
local fed = 0
local function feed(fields)
    fields.layer, fields.direction = "rpc", "request"
    fault(fields)
    pcall(dbg.version)
    check.equal(faults_struck(), fed + 1)
    fed = fed + 1
    dbg.settle()
    check.equal(dbg.insist(dbg.read, image.pool, 9), "untouched")
end

for length = 0, header_at + header_bytes + 57 do feed { kind = "truncate", len = length } end
-- Packet type, the wish for the next one, and retries are left out: another number there is a good message too.
local function makes_it_bad(byte) return byte < 6 or byte >= 8 and byte < 20 or byte >= 28 end
for byte = 0, header_bytes - 1 do
    for bit = 0, makes_it_bad(byte) and 7 or -1 do feed { kind = "flip", bit = (header_at + byte) * 8 + bit } end
end
check.counters { boots = 1, ["relay.refused"] = at_least(100) }
print(fed .. " malformed requests, " .. counters()["relay.refused"] .. " refused, " ..
      counters()["relay.stale"] .. " stale, " .. counters()["relay.epochs"] .. " epochs")
