-- Goal:   300 load-symbols notifications in a row: each stops the target, is continued, and comes once and in order; a
--         break-in in their midst stops behind the one under way.
-- Source: kd-protocol.md 5.2 rule 4, 4.1 (load symbols), 2.6 (abandonable)
local many = link ~= "serial" and 300 or 60       -- serial: 60 ms and 3,500 exits each

vm { modules = 4 }
attach()
boot()
check.counters { loads = 4 }
target.load(many)
after(ms(10))
local limit = s(1) + many * ms(80)
for i = 1, 4 + many do
    local load = dbg.wait_load(limit)
    -- Behind the modules of the image come its drivers, over and over.
    local count = #image.modules
    local module = image.modules[i <= 4 and i or 3 + (i - 5) % (count - 2)]
    check.equal(load.base, module.base, "notification " .. i)
    check.equal(load.path, module.path)
    check.equal(load.checksum, module.checksum)
    check.equal(load.size, module.size)
    check.equal(load.unload, false)
end
target.print("all of them")
dbg.wait_print("all of them 1")
check.counters { loads = 4 + many, stops = 0, duplicates = 0, ["note.repeat"] = 0 }

-- By hand, and with a wish in the middle.
dbg.hold_loads(true)
target.load(3)
for i = 1, 3 do
    local load = dbg.wait_load()
    check.equal(dbg.read(load.base, 2), "MZ", "it can be looked at")
    dbg.continue()
    if i == 2 then dbg.break_in() end
end
check.equal(dbg.wait_stop().code, 0x80000003)
dbg.go()
target.print("and on")
dbg.wait_print("and on 1")
check.counters { loads = 7 + many, stops = 1, duplicates = 0 }
