-- Goal:   the .kdfiles conversation: the target opens a file of the debugger's, reads it packet by packet, closes it,
--         and has every byte; it writes one back; what is not there, or refused, costs it nothing but the file.
-- Source: kd-protocol.md 4.7, vectors F08, F09; 2.6 (create can be abandoned)
vm { modules = 3, polls = 6500 }                     -- on serial a time-out of 0.2 s: nobody has time

local NO_SUCH_FILE, REFUSED = 0xC000000F, 0xC0000001
local driver = "\\SystemRoot\\x.sys"

attach()
boot()
after(ms(20))

-- A debugger without .kdfiles refuses, at once: the target uses its own file.
local began = now()
target.read_file(driver)
check.equal(dbg.wait_print(), ("file: 0x00000000 bytes, status 0x%08X\n"):format(REFUSED))
check.between(now() - began, 0, ms(60), "a refusal takes no time")
local asked = dbg.wait_other()
check.equal(asked.type, "file_io")
local create = "80001080 00000000 01000000 01000000 60000000" -- as in F08
check.equal(hex(asked.body:sub(9, 28)):gsub(" ", ""), (create:gsub(" ", "")))
check.equal(asked.body:sub(65), (driver:gsub(".", "%0\0")), "its name, in UTF-16")

-- Files of every awkward length; 3,936 bytes go into a packet.
local function content(len)
    local bytes = {}
    for i = 1, len do bytes[i] = string.char(i * 7 % 251) end
    return table.concat(bytes)
end
local function requests() return counters().packets_delivered end
for _, len in ipairs { 0, 1, 3935, 3936, 3937, link ~= "serial" and 20000 or 8000 } do
    local file = content(len)
    dbg.put_file(driver, file)
    local before = requests()
    target.read_file(driver)
    check.equal(dbg.wait_print(), ("file: 0x%08X bytes, status 0x00000000\n"):format(len))
    check.equal(requests() - before, 1 + (len + 3935) // 3936 + 1 + 1, "create, reads, close, and the print")
    after(ms(20)); dbg.break_in()
    dbg.wait_stop()
    check.equal(dbg.read(image.pool, len), file, len .. " bytes in the target")
    dbg.go()
end

-- The other way round: 10,000 bytes of the target's memory.
after(ms(20)); dbg.break_in()
dbg.wait_stop()
local len = 10000
check.equal(dbg.write(image.pool, content(len):reverse()), len)
dbg.go()
target.write_file("\\dump.bin", len)
check.equal(dbg.wait_print(), ("file: 0x%08X bytes, status 0x00000000\n"):format(len))
check.equal(dbg.file("\\dump.bin"), content(len):reverse())
target.write_file("\\dump.bin", 3)                  -- over the old one
dbg.wait_print("0x00000003 bytes")
check.equal(dbg.file("\\dump.bin"), content(len):reverse():sub(1, 3))

-- With files served, one that is not there.
target.read_file("\\SystemRoot\\y.sys")
check.equal(dbg.wait_print(), ("file: 0x00000000 bytes, status 0x%08X\n"):format(NO_SUCH_FILE))
check.equal(dbg.file("\\SystemRoot\\y.sys"), nil)

-- A frame of it lost, and its ACK: nothing missing, nothing twice.
dbg.put_file(driver, content(6000))
for _, to in ipairs { "debugger", "target" } do
    fault { to = to, kind = "drop", packet = "file_io", nth = 2 }
    fault { to = to, kind = "drop", packet = "ack", nth = 3 }
    target.read_file(driver)
    dbg.wait_print("file: 0x00001770 bytes, status 0x00000000", s(30))
end
after(ms(20)); dbg.break_in()
dbg.wait_stop()
check.equal(dbg.read(image.pool, 6000), content(6000))
dbg.go()

-- With nobody there the target gives up the question, on serial after the retries for it, and runs on.
detach()
target.read_file(driver)
after(s(6))
attach()
dbg.resync()
dbg.settle()
dbg.insist(dbg.version)
check.counters { duplicates = 0 }
