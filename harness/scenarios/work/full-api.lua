-- Goal:   each of the 43 manipulate requests is asked once or more, right and wrong, and numbers that are none: each is
--         answered as NT answers, with the status, the length and the fields it should, and those without a reply get none.
-- Source: kd-protocol.md 4.4 (the table and notes 1, 2), 4.2 (status codes), vectors S14 to S20
vm { processors = 2, modules = 3 }

local OK, UNSUCCESSFUL, INVALID, MISALIGNED, NO_DEVICE = 0, 0xC0000001, 0xC000000D, 0x80000002, 0xC000000E
local pack, pool, context_bytes = string.pack, image.pool, arch == "x64" and 0x4D0 or 0x2CC
local asked = {}

local function ask(api, row)
    local fields = row.fields or ""
    local reply = dbg.request(api, { fields = fields, data = row.data, cpu = row.cpu })
    asked[api] = true
    local what = ("%04X %s"):format(api, row.what or "")
    check.equal(reply.api, api, what)
    check.equal(reply.cpu, row.cpu or 0, what .. ": the cpu is echoed")
    check.equal(reply.status, row.status or OK, what .. ": status")
    check.equal(#reply.data, row.bytes or 0, what .. ": bytes of data")
    for at, value in pairs(row.gives or {}) do
        check.equal(string.unpack("<I4", reply.fields, at + 1), value, what .. ": the field at " .. at)
    end
    if row.echoes then check.equal(reply.fields:sub(1, #fields), fields, what .. ": the rest is echoed") end
    return reply
end

local function range(address, count, extra) return pack("<i8I4I4", address, count, extra or 0) end

attach()
boot()
after(ms(20)); dbg.break_in()
dbg.wait_stop()

-- Before a context was asked for none can be set.
ask(0x3133, { what = "too early", data = ("\0"):rep(context_bytes), status = UNSUCCESSFUL })
ask(0x3160, { what = "too early", fields = pack("<I4I4I4", 0, 4, 4), data = "abcd", status = UNSUCCESSFUL, gives = { [8] = 0 } })

for _, row in ipairs {
    { 0x3130, what = "a read",        fields = range(pool, 16),          bytes = 16,   gives = { [12] = 16 } },
    { 0x3130, what = "of nothing",    fields = range(image.hole, 16),    status = UNSUCCESSFUL, gives = { [12] = 0 } },
    { 0x3130, what = "of half",       fields = range(image.hole - 4, 16), bytes = 4, status = UNSUCCESSFUL, gives = { [12] = 4 } },
    { 0x3131, what = "a write",       fields = range(pool, 4), data = "data",   gives = { [12] = 4 } },
    { 0x3131, what = "to nowhere",    fields = range(image.hole, 4), data = "data", status = UNSUCCESSFUL, gives = { [12] = 0 } },
    { 0x3132, what = "a context",     bytes = context_bytes },
    { 0x3132, what = "of another",    cpu = 1, bytes = context_bytes },
    { 0x3132, what = "of no cpu",     cpu = 2, status = UNSUCCESSFUL },
    { 0x3133, what = "of no cpu",     cpu = 2, data = ("\0"):rep(context_bytes), status = UNSUCCESSFUL },
    { 0x3133, what = "nothing of it", data = "" },
    { 0x3134, what = "a breakpoint",  fields = pack("<i8", image.loop),  gives = { [8] = 1 } },
    { 0x3134, what = "twice",         fields = pack("<i8", image.loop),  status = UNSUCCESSFUL, gives = { [8] = 0 } },
    { 0x3135, what = "a handle",      fields = pack("<I4", 1) },
    { 0x3135, what = "again",         fields = pack("<I4", 1),           status = UNSUCCESSFUL },
    { 0x3135, what = "never given",   fields = pack("<I4", 7),           status = UNSUCCESSFUL },      -- S14
    { 0x3135, what = "none",          fields = pack("<I4", 0),           status = UNSUCCESSFUL },
    { 0x3135, what = "beyond all",    fields = pack("<I4", 0xFFFFFFFF),  status = UNSUCCESSFUL },
    { 0x3139, what = "a port",        fields = pack("<I8I4", 0x60, 1),   gives = { [8] = 1, [12] = 0xFF } },
    { 0x3139, what = "misaligned",    fields = pack("<I8I4", 0x61, 2),   status = MISALIGNED },
    { 0x3139, what = "odd size",      fields = pack("<I8I4", 0x60, 3),   status = INVALID },
    { 0x313A, what = "a port",        fields = pack("<I8I4I4", 0x80, 1, 0x55), gives = { [8] = 1 } },
    { 0x313A, what = "misaligned",    fields = pack("<I8I4I4", 0x82, 4, 0x55), status = MISALIGNED },
    { 0x313D, what = "physical",      fields = range(image.pool_pa, 16), bytes = 16,   gives = { [12] = 16 } },
    { 0x313D, what = "no RAM",        fields = range(image.ram_bytes, 16), status = UNSUCCESSFUL, gives = { [12] = 0 } },
    { 0x313D, what = "cached how?",   fields = range(image.pool_pa, 16, 9), status = UNSUCCESSFUL, gives = { [12] = 0 } },
    { 0x313E, what = "physical",      fields = range(image.pool_pa, 4), data = "data", gives = { [12] = 4 } },
    { 0x313E, what = "no RAM",        fields = range(image.ram_bytes, 4), data = "data", status = UNSUCCESSFUL, gives = { [12] = 0 } },
    { 0x3144, what = "a port",        fields = pack("<I4I4I4I4I8", 4, 1, 0, 1, 0x60), gives = { [0] = 4, [24] = 0xFFFFFFFF } },
    { 0x3144, what = "another bus",   fields = pack("<I4I4I4I4I8", 4, 1, 1, 1, 0x60), status = INVALID, gives = { [0] = 0 } },
    { 0x3145, what = "a port",        fields = pack("<I4I4I4I4I8I4", 2, 1, 0, 1, 0x60, 7), gives = { [0] = 2 } },
    { 0x3145, what = "memory space",  fields = pack("<I4I4I4I4I8I4", 2, 1, 0, 0, 0x60, 7), status = INVALID },
    { 0x3146, what = "the version",   gives = { [8] = (arch == "x64" and 0x8664 or 0x14C) | 12 << 16 | 3 << 24 } },
    { 0x3152, what = "a register",    fields = pack("<I4", 0x1B),        gives = { [4] = 0xFEE00900, [8] = 0 } },
    { 0x3152, what = "none",          fields = pack("<I4", 0xC0001234),  status = NO_DEVICE },
    { 0x3153, what = "a register",    fields = pack("<I4I4I4", 0x1B, 0xFEE00900, 0) },
    { 0x3153, what = "none",          fields = pack("<I4I4I4", 0xC0001234, 1, 2), status = NO_DEVICE },
    { 0x3156, what = "found, junk cpu", cpu = 32, fields = pack("<i8I8I4", pool, 64, 4), data = "data", gives = { [0] = pool & 0xFFFFFFFF } },
    { 0x3156, what = "not found",     fields = pack("<i8I8I4", pool + 64, 64, 4), data = "data", status = UNSUCCESSFUL },
    { 0x3156, what = "for nothing",   fields = pack("<i8I8I4", pool, 64, 0), status = INVALID },
    { 0x3157, what = "no bus",        fields = pack("<I4I4I4I4I4", 4, 0, 0, 0, 64), status = UNSUCCESSFUL, gives = { [16] = 0 } },
    { 0x3158, what = "no bus",        fields = pack("<I4I4I4I4I4", 4, 0, 0, 0, 4), data = "data", status = UNSUCCESSFUL, gives = { [16] = 0 } },
    { 0x315B, what = "a fill",        fields = pack("<i8I4I2I2", pool, 100, 1, 2), data = "ab", gives = { [8] = 100 } },
    { 0x315B, what = "with nothing",  fields = pack("<i8I4I2I2", pool, 100, 1, 0), status = INVALID, gives = { [8] = 0 } },
    { 0x315C, what = "the kernel's",  fields = pack("<i8I8I4I4", image.kernel_base, -1, 0, 0), gives = { [8] = 0, [12] = 0, [16] = 2, [20] = 7 } },
    { 0x315C, what = "no such space", fields = pack("<i8I8I4I4", image.kernel_base, 0, 1, 0), status = INVALID },
    { 0x315F, what = "a part",        fields = pack("<I4I4", 0x38, 16), bytes = 16, gives = { [8] = 16 } },
    { 0x315F, what = "beyond it",     fields = pack("<I4I4", context_bytes - 4, 16), status = UNSUCCESSFUL, gives = { [8] = 0 } },
    { 0x3160, what = "beyond it",     fields = pack("<I4I4I4", context_bytes, 4, context_bytes), data = "abcd", status = UNSUCCESSFUL, gives = { [8] = 0 } },
} do
    ask(row[1], row)
end
local part = ask(0x315F, { fields = pack("<I4I4", 0, 64), bytes = 64 }).data
ask(0x3160, { fields = pack("<I4I4I4", 0, 64, 64), data = part, gives = { [8] = 64 } })

-- Control space, which the architectures keep in two ways.
local special, special_bytes = arch == "x64" and 2 or 0x2CC, arch == "x64" and 0xE0 or 0x54
local registers = ask(0x3137, { fields = range(special, 512), bytes = special_bytes, gives = { [12] = special_bytes } }).data
ask(0x3138, { fields = range(special, special_bytes), data = registers, gives = { [12] = special_bytes } })
ask(0x3137, { what = "no such item", fields = range(0x1000, 8), status = UNSUCCESSFUL, gives = { [12] = 0 } })
ask(0x3138, { what = "no such item", fields = range(0x1000, 8), data = "12345678", status = UNSUCCESSFUL, gives = { [12] = 0 } })
ask(0x3137, { what = "no such cpu", cpu = 9, fields = range(special, 8), status = UNSUCCESSFUL, gives = { [12] = 0 } })

-- What NT does not support here, and what is no request at all: the same status, everything else as it was asked.
local fields = pack("<I8I8I8I8I8", 1, 2, 3, 4, 5)
for _, api in ipairs {
    0x313F, 0x3140, 0x3141, 0x3142, 0x3143, 0x3147, 0x3148, 0x3151, 0x3154, 0x3155, 0x3159, 0x315D, 0x315E,
    0x314A, 0x314F, 0x3161, 0x3199, 0x312F, 0, 2, 0x30303130, 0xFFFFFFFF,
} do
    ask(api, { fields = fields, data = "some data with it", status = UNSUCCESSFUL, echoes = true })
end

-- Six requests have no reply, ever. Behind each the target is where it should be.
local function silent(api, row)
    local before = counters()
    dbg.request(api, row)
    asked[api] = true
    check.equal(counters().packets_delivered, before.packets_delivered, ("%04X has no reply"):format(api))
end
silent(0x315A)
after(s(2))
check.equal(dbg.state(), "STOPPED")
ask(0x3146, {})
silent(0x3150, { cpu = 1 })
check.equal(dbg.wait_stop().cpu, 1)
silent(0x3150, { cpu = 0 })
check.equal(dbg.wait_stop().cpu, 0)
dbg.step()                                          -- into the program's own int3, again
silent(0x3136, { fields = pack("<I4", 0x00010002) })
dbg.wait_stop()                                     -- as its program counter was left there
dbg.go(); asked[0x313C] = true
target.print("it runs")
dbg.wait_print("it runs 1")

dbg.break_in()
dbg.wait_stop()
silent(0x3149)                                      -- .crash: no fatal print, one break, and it starts over
local crash = dbg.wait_stop()
check.equal(crash.code, 0x80000003)
check.equal(#dbg.prints(), 1)
dbg.continue()
wait_booted(2)
after(ms(20)); dbg.break_in()
dbg.wait_stop()
silent(0x313B)
wait_booted(3)

local count = 0
for api = 0x3130, 0x3160 do
    local exists = not (api > 0x3149 and api < 0x3150)
    check.that(asked[api] or not exists, ("%04X was never asked"):format(api))
    if exists then count = count + 1 end
end
check.equal(count, 43)
check.counters { duplicates = 0 }
