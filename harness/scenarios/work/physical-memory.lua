-- Goal:   physical memory is the same bytes as the virtual memory it lies under, with every cache flag; a fifth flag is
--         refused; transfers end where RAM ends.
-- Source: kd-protocol.md 4.4 (313D, 313E: 0 default, 1 cached, 2 uncached, 3 write-combined)
vm {}

local UNSUCCESSFUL = 0xC0000001
local function transfer(api, address, count, cache, data)
    local reply = dbg.request(api, { fields = string.pack("<i8I4I4", address, count, cache), data = data })
    return reply.data, reply.status, (string.unpack("<I4", reply.fields, 13))
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()
for cache = 0, 3 do
    for _, offset in ipairs { 0, 1, 4095, 0x8000 } do
        for _, len in ipairs { 1, 8, 3944 } do
            local text = ("%d/%d/%d."):format(cache, offset, len):rep(500):sub(1, len)
            check.equal({ transfer("write_physical", image.pool_pa + offset, len, cache, text) }, { "", 0, len })
            check.equal({ transfer("read_physical", image.pool_pa + offset, len, cache) }, { text, 0, len })
            check.equal(dbg.read(image.pool + offset, len), text, "under its virtual address")
        end
    end
    check.equal({ transfer("read_physical", image.pool_pa, 4000, cache) }, { dbg.read(image.pool, 3944), 0, 3944 }, "clamped")
    check.equal({ transfer("read_physical", image.ram_bytes, 8, cache) }, { "", UNSUCCESSFUL, 0 })
    check.equal({ transfer("write_physical", image.ram_bytes - 2, 4, cache, "data") }, { "", UNSUCCESSFUL, 2 })
end
for _, cache in ipairs { 4, 5, 0x80, 0xFFFFFFFF } do
    check.equal({ transfer("read_physical", image.pool_pa, 8, cache) }, { "", UNSUCCESSFUL, 0 })
    check.equal({ transfer("write_physical", image.pool_pa, 8, cache, "not this") }, { "", UNSUCCESSFUL, 0 })
end
check.that(dbg.read(image.pool, 8) ~= "not this")

-- More than 4 GiB, and round the corner.
for _, address in ipairs { 1 << 32, 1 << 52, -16 } do
    check.equal({ transfer("read_physical", address, 32, 0) }, { "", UNSUCCESSFUL, 0 })
end
check.counters { duplicates = 0 }
