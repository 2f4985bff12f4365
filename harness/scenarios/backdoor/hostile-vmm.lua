-- Goal:   a host that lies. Each bit of the status of each call of a conversation in turn is wrong, lengths are absurd,
--         messages are cut short at every length, and an access here and there is answered by nobody. The guest neither
--         faults nor hangs nor writes where it may not, and when the lies are over the conversation goes on.
-- Source: vmware-backdoor.md 3.2, 3.3 rules 22, 24, 25, 31; transport/guest/README.md 6 (what each side checks, worst case)

local function machine(profile)
    vm {
        links = { "backdoor" }, because = "on serial the host has no say but in bytes: see loss/",
        backdoor = profile, modules = 0, polls = 50,
    }
    attach()
    boot()
    after(ms(20))
    dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.write(image.pool, "untouched"), 9)
end

-- One lie at a time, each from another call on; whatever it was, a person gets hold of the target again.
local lies = 0
local function lie(fields)
    fields.layer = fields.layer or "exit"
    local before = faults_struck()
    fault(fields)
    check.equal(dbg.insist(dbg.read, image.pool, 9), "untouched")
    check.equal(dbg.insist(dbg.version).kernel_base, image.kernel_base)
    check.equal(faults_struck() - before, fields.count or 1)
    lies = lies + 1
end

for _, profile in ipairs { "vmware", "vmware-LB-only" } do
    machine(profile)
    for bit = 0, 15 do
        for nth = 1, 6 do lie { kind = "status", value = 1 << bit, nth = nth } end
    end
    for _, value in ipairs { 0x7FFF, 0x0083, 0x0010, 0x0012, 0x0092 } do
        for nth = 1, 6 do lie { kind = "status", value = value, nth = nth } end
    end
    for _, value in ipairs { 0, 1, 2, 33, 4035, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0 } do
        lie { kind = "length", value = value }
        lie { kind = "length", value = value, count = 2 }
    end
    for nth = 1, 6 do lie { kind = "absent", nth = nth } end
    for length = 0, 40 do lie { layer = "rpc", direction = "reply", kind = "truncate", len = length } end
    lie { layer = "rpc", direction = "reply", kind = "duplicate" }
    lie { layer = "rpc", direction = "request", kind = "duplicate" }
    check.counters { stops = at_least(1), boots = 1, duplicates = 0 }
end
print(lies .. " lies, one by one")

-- For ten seconds every fifth call is a lie, drawn from the seed; then there is calm.
machine("vmware")
for _ = 1, 10 do
    chaos { exit = 20, rpc = 5 }
    pcall(dbg.read, image.pool, 9)
    pcall(dbg.step)
    after(s(1))
    faults_over()
    dbg.resync()
    dbg.settle()
    check.equal(dbg.insist(dbg.read, image.pool, 9), "untouched")
end
