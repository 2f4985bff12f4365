-- Goal:   a debugger comes to a target that runs already: breaks in, and sees version, modules and memory. Once to a
--         target that has given its first debugger up, once to one whose debugger has just left.
-- Source: kd-protocol.md 5.3 (attach to a running target), 2.12 rules 2 and 6, 5.8, 2.6 N9

local function looks_around()
    local version = dbg.version()
    check.equal(version.kernel_base, image.kernel_base)
    check.equal(version.module_list, image.module_list)
    local modules = dbg.modules()
    check.equal(#modules, #image.modules, "modules in the list")
    for i, module in ipairs(modules) do
        check.equal(module.base, image.modules[i].base, module.name)
        check.equal(module.size, image.modules[i].size, module.name)
        check.equal(module.path, image.modules[i].path)
        check.equal(dbg.read(module.base, 2), "MZ", module.name .. " has a header")
    end
end

-- Nobody was there at boot: the target has given up, and starts its ids over with the next packet.
vm { modules = 3, prints = 2, polls = 1500 }        -- short time-outs: 20 of a second are 1.3 million exits on serial
boot()
after(s(1))
attach()
dbg.break_in()
wire [[
    +0..60ms    > state_change64 exception id=0+sync
]]
check.equal(dbg.wait_stop().pc, image.break_instruction)
looks_around()
check.counters { stops = 1, loads = 0, prints = 0, duplicates = 0 }

-- One was there and left. Its relay knows a new debugger from the old one. A serial target does not, and counts on: what
-- it says passes for a repeat, and only a RESET brings both together.
vm { modules = 3 }
attach()
boot()
after(ms(50))
detach()
after(ms(50))
attach()
dbg.break_in()
if link ~= "serial" then
    wire [[ +0..60ms    > state_change64 exception id=0+sync ]]
else
    wire [[ +0..60ms    > state_change64 exception id=1 ]]
    after(ms(100))
    check.equal(dbg.state(), "RUNNING", "as far as the debugger knows")
    dbg.resync()
    wire [[
        +0..30ms    > reset
        +0..30ms    > state_change64 exception id=0
    ]]
end
check.equal(dbg.wait_stop().pc, image.break_instruction)
looks_around()
check.counters { stops = 1, loads = 3 }
