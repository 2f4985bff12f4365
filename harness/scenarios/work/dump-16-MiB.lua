-- Goal:   16 MiB of physical memory are dumped through the debugger, and every byte is what it should be.
-- Source: kd-protocol.md 4.4 (313D: 3944 bytes a packet; 315B), 1 rule 3 (one packet after the other)
-- Method: the target fills its own memory, each block with a pattern of its own, and so the script knows what is there.
local KIB = 1024
local size = param("kib", link ~= "serial" and 16 * KIB or 64) * KIB    -- serial: 6 s and 400,000 exits

vm { ram_mib = 64 }
attach()
boot()
dbg.break_in()
dbg.wait_stop()

-- No divisor of a block or a page, so each page of a block looks different; the number makes each block different.
local block_bytes, pattern_bytes = 64 * KIB, 3001
local noise, state = {}, 1
for i = 1, pattern_bytes - 4 do
    state = state * 6364136223846793005 + 1442695040888963407
    noise[i] = string.char(state >> 56 & 0xFF)
end
noise = table.concat(noise)
local function pattern(block) return string.pack("<I4", block) .. noise end

local first = image.ram_bytes - size                -- the end of memory, where nobody else has anything
local blocks = size // block_bytes
for block = 0, blocks - 1 do
    local filled = dbg.request("fill_memory", {
        fields = string.pack("<I8I4I2I2", first + block * block_bytes, block_bytes, 2, pattern_bytes),
        data = pattern(block),
    })
    check.equal(filled.status, 0)
end

local repeats = block_bytes // pattern_bytes + 1
local took = measure("dump", size // 3944, size, function()
    for block = 0, blocks - 1 do
        local bytes, status = dbg.read_physical(first + block * block_bytes, block_bytes)
        check.equal(status, 0)
        local filled_in = pattern(block):rep(repeats):sub(1, block_bytes)
        check.that(bytes == filled_in, "block " .. block .. " is what was filled in")
    end
end)
check.counters { duplicates = 0, ["note.bad"] = 0, ["note.repeat"] = 0 }
print(("%d KiB in %d ms, %d exits"):format(size // KIB, took.sim_ns // 1000000, took.exits))
