-- Goal:   at every edge of memory a read brings what is there, says how much that was, and UNSUCCESSFUL when it was less
--         than asked; a write likewise. To find nothing takes no longer than to find something.
-- Source: kd-protocol.md 4.4 (3130, 3131, 313D, 313E), vectors S06, S07, F11; nt-image.md "Edges that clients probe"
vm {}

local SUCCESS, UNSUCCESSFUL = 0, 0xC0000001

-- One request, as it is: dbg.read would make several of a long one.
local function transfer(api, address, count, data)
    local began = now()
    local reply = dbg.request(api, { fields = string.pack("<i8I4I4", address, count, 0), data = data })
    return reply, string.unpack("<I4", reply.fields, 13), now() - began
end

local usual                                         -- time for an answer with eight bytes
local function read(api, what, address, count, there)
    local reply, actual, took = transfer(api, address, count)
    if there == 0 then check.between(took, 0, usual, what .. ": time for an answer") end
    check.equal(actual, there, what .. ": bytes that are there")
    check.equal(#reply.data, there, what .. ": bytes that came")
    check.equal(reply.status, there == math.min(count, 3944) and SUCCESS or UNSUCCESSFUL, what)
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()
usual = select(3, transfer("read_virtual", image.pool, 8))

for _, edge in ipairs {
    -- what                                         address                     asked   there
    { "address 0",                                  0,                          256,    0 },
    { "just above",                                 8,                          4,      0 },
    { "under the end of user space",                0x7FFF8000,                 8,      0 },
    { "not canonical (x86: address 0 again)",       0x0000800000000000,         8,      0 },
    { "the highest bytes, and round the corner",    -16,                        32,     0 },
    { "a hole",                                     image.hole,                 8,      0 },
    { "into a hole",                                image.hole - 16,            32,     16 },
    { "up to a hole",                               image.hole - 16,            16,     16 },
    { "a long way into a hole",                     image.hole - 3000,          3944,   3000 },
    { "present for the user alone",                 image.user_page,            16,     16 },
    { "not present, with a frame number",           image.not_present,          16,     0 },
    { "a large page, across small ones",            image.large_page + 0xFF0,   3944,   3944 },
    { "the end of a large page",                    image.pool + image.pool_bytes - 8, 16, 8 },
    { "more than a packet holds",                   image.pool,                 5000,   3944 },
    { "as much as can be asked for",                image.pool,                 0xFFFFFFFF, 3944 },
    { "nothing, where something is",                image.pool,                 0,      0 },
    { "nothing, where nothing is",                  image.hole,                 0,      0 },
} do
    read("read_virtual", table.unpack(edge))
end

-- No image runs into the next one: the page behind each is a hole.
for _, module in ipairs(image.modules) do
    read("read_virtual", "the end of " .. module.name, module.base + module.size - 8, 8, 8)
    read("read_virtual", "behind " .. module.name, module.base + module.size, 8, 0)
end

-- Physical memory has a hole where a PC keeps its video memory and ROMs, and an end.
for _, edge in ipairs {
    { "video memory",                               0xA0000,                    8,      0 },
    { "up to video memory",                         0xA0000 - 8,                8,      8 },
    { "into video memory",                          0xA0000 - 8,                16,     8 },
    { "the last ROM",                               0x100000 - 8,               16,     0 },
    { "behind the ROMs",                            0x100000,                   8,      8 },
    { "the end of RAM",                             image.ram_bytes - 8,        16,     8 },
    { "behind RAM",                                 image.ram_bytes,            16,     0 },
    { "far behind RAM",                             1 << 40,                    16,     0 },
} do
    read("read_physical", table.unpack(edge))
end

-- A write stops where memory stops. What fitted is there; the page before is as it was.
local function write(api, what, address, data, fits)
    local reply, actual = transfer(api, address, #data, data)
    check.equal(actual, fits, what .. ": bytes that fitted")
    check.equal(#reply.data, 0)
    check.equal(reply.status, fits == #data and SUCCESS or UNSUCCESSFUL, what)
end

local text = ("no farther"):rep(4)
write("write_virtual", "into a hole", image.hole - 16, text, 16)
check.equal(dbg.read(image.hole - 16, 40), text:sub(1, 16))
write("write_virtual", "a hole", image.hole, text, 0)
write("write_virtual", "address 0", 0, text, 0)
write("write_virtual", "not present", image.not_present, text, 0)
write("write_physical", "the end of RAM", image.ram_bytes - 16, text, 16)
check.equal(dbg.read_physical(image.ram_bytes - 16, 40), text:sub(1, 16))
write("write_physical", "video memory", 0xA0000, text, 0)
check.counters { duplicates = 0, ["note.resend_seen"] = 0 }
