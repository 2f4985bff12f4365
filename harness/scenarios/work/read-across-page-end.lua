-- Goal:   a read or write over the end of a page is one transfer, wherever the two pages lie; a long one over many packets
--         stops at the byte where memory stops, and says so.
-- Source: kd-protocol.md 4.4 (3130, 3131: Actual), vector S06; nt-image.md (small pages, a large page, a hole)
vm {}

local UNSUCCESSFUL, page = 0xC0000001, 0x1000
attach()
boot()
dbg.break_in()
dbg.wait_stop()

-- Every way of lying across the end of a page of the pool: up to it, over it, behind it.
local function pattern(at, len)
    local bytes = {}
    for i = 1, len do bytes[i] = string.char((at + i) * 37 % 256) end
    return table.concat(bytes)
end
for _, boundary in ipairs { image.pool + page, image.pool + 5 * page } do
    for before = 0, 8, link ~= "serial" and 1 or 4 do
        for _, len in ipairs { 1, 8, 16, page, page + 8 } do
            local at = boundary - before
            check.equal(dbg.write(at, pattern(at, len)), len)
            check.equal(dbg.read(at, len), pattern(at, len), ("%d bytes from %d before a page's end"):format(len, before))
        end
    end
end

-- The kernel's own pages: every pair of neighbours reads as its two halves do.
local kernel = image.modules[1]
for at = kernel.base + page, kernel.base + kernel.size - page, page do
    check.equal(dbg.read(at - 24, 48), dbg.read(at - 24, 24) .. dbg.read(at, 24))
end

-- The last byte that is there, in one packet and in many.
for _, len in ipairs { 1, 100, 3944, 3945, 3 * 3944 } do
    local bytes, status = dbg.read(image.hole - len, len + 1)
    check.equal(#bytes, len)
    check.equal(status, UNSUCCESSFUL)
    check.equal(bytes, (dbg.read(image.hole - len, len)), "all that is there")
    local done, written = dbg.write(image.hole - len, bytes .. "!")
    check.equal(done, len)
    check.equal(written, UNSUCCESSFUL)
    check.equal(#dbg.read(image.hole, 1), 0)
end
check.counters { duplicates = 0, ["note.resend_seen"] = 0, stops = 1 }
