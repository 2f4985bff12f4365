-- Goal:   a pattern is found at its first place, wherever that lies: at the ends of the range, over pages, behind holes; not
--         when a byte of it is outside; a search that finds nothing ends, however long its range.
-- Source: kd-protocol.md 4.4 (3156; WinDbg may put a junk cpu number in the header)
vm {}

local UNSUCCESSFUL, INVALID = 0xC0000001, 0xC000000D
local function search(start, length, pattern, extra)
    extra = extra or {}
    local reply = dbg.request("search_memory", {
        fields = string.pack("<i8I8I4", start, length, extra.bytes or #pattern), data = pattern, cpu = extra.cpu,
    })
    check.equal(#reply.data, 0)
    if reply.status ~= 0 then return nil, reply.status end
    return (string.unpack("<i8", reply.fields)), 0
end

attach()
boot()
dbg.break_in()
dbg.wait_stop()

local base = image.pool + 0x2000
dbg.write(base, ("\0"):rep(0x3000))
local function put(offset, text) check.equal(dbg.write(base + offset, text), #text) end
for _, offset in ipairs { 0, 1, 1000, 1023, 1024, 2047, 4090, 4096, 8191, 0x3000 - 6 } do
    put(offset, "needle")
    check.equal({ search(base, 0x3000, "needle") }, { base + offset, 0 }, "at " .. offset)
    check.equal({ search(base + offset, 6, "needle") }, { base + offset, 0 }, "exactly there")
    check.equal({ search(base + offset, 5, "needle") }, { nil, UNSUCCESSFUL }, "its last byte is outside")
    check.equal({ search(base + offset + 1, 0x3000 - offset - 1, "needle") }, { nil, UNSUCCESSFUL }, "its first")
    check.equal({ search(base, 0x3000, "needle", { cpu = 32 }) }, { base + offset, 0 }, "junk in the header")
    put(offset, "\0\0\0\0\0\0")
end

-- The first of several, and false starts.
put(100, "nneedneedle"); put(3000, "needle")
check.equal(search(base, 0x3000, "needle"), base + 105)
check.equal(search(base + 106, 0x3000, "needle"), base + 3000)

-- Patterns from one byte to 1,024; none, and more than that, are refused.
for _, len in ipairs { 1, 2, 255, 1023, 1024 } do
    local text = ("\xA5"):rep(len - 1) .. "\x5A"
    put(0x1FF0, text)
    check.equal(search(base, 0x3000, text), base + 0x1FF0, len .. " bytes")
    put(0x1FF0, ("\0"):rep(len))
end
check.equal({ search(base, 0x3000, "") }, { nil, INVALID })
check.equal({ search(base, 0x3000, ("x"):rep(1025)) }, { nil, INVALID })
check.equal({ search(base, 0x3000, "abc", { bytes = 4 }) }, { nil, INVALID }, "more than came with it")

-- Behind a hole; and through all there is, in vain, without holding the machine.
dbg.write(image.hole - 16, "before the hole")
check.equal(search(image.hole - 4096, 8192, "before the hole"), image.hole - 16)
check.equal({ search(image.hole, 0x10000, "before the hole") }, { nil, UNSUCCESSFUL })
check.equal(search(0, -1, "KDBG"), image.debugger_data + 0x10, "from address 0 on")
local began = now()
check.equal({ search(image.kernel_base, -1, "nowhere to be found, not this") }, { nil, UNSUCCESSFUL })
check.between(now() - began, 0, ms(50))
check.counters { duplicates = 0 }
