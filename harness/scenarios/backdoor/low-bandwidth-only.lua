-- Goal:   a VMM that refuses high bandwidth gives the same history, only with more exits: as many as arithmetic says.
-- Source: vmware-backdoor.md (profiles of sim/device/README.md), transport/guest/README.md 8 (what an RPC costs)

-- All that the debugger saw, without the times.
local function conversation(profile)
    vm {
        links = { "backdoor" }, because = "serial has no bandwidths to refuse",
        backdoor = profile, modules = 4, prints = 3,
        steps_per_tick = 0,                         -- how far the code runs is a matter of time, not of history
    }
    attach()
    boot()
    dbg.break_in()
    local stop = dbg.wait_stop()
    local seen = {
        stop = stop.raw, version = dbg.version(), registers = dbg.context().raw,
        memory = dbg.read(image.kernel_base, 10000),
        unmapped = { dbg.read(image.hole - 8, 16) },
        written = { dbg.write(image.pool, ("b0i\xAA"):rep(2000)) },
        back = dbg.read(image.pool, 8000),
    }
    dbg.step()
    dbg.go()
    target.print("line", 5)
    dbg.wait_print("line 5")
    seen.prints = dbg.prints()
    seen.loads = {}
    for i, load in ipairs(dbg.loads()) do seen.loads[i] = load.raw end

    -- One read of the largest size, alone: its reply goes out and the next request comes in, in one RPC.
    dbg.break_in()
    dbg.wait_stop()
    local read = measure("read", 1, 3944, function() dbg.read(image.pool, 3944) end)
    return seen, read.exits, counters()
end

local seen, exits, total = conversation("vmware")
check.equal(exits, 5)

local seen_low, exits_low, total_low = conversation("vmware-LB-only")
for what, value in pairs(seen) do check.equal(seen_low[what], value, what) end
local request, reply = 7 + 32 + 56 + 3944, 2 + 32 + 56        -- "fastkd ", message, KD header, data; "1 ", likewise
check.equal(exits_low, 3 + (request + 3) // 4 + (reply + 3) // 4, "three, and one for each four bytes")
for _, counter in ipairs { "packets_sent", "requests_sent", "bytes_to_debugger", "bytes_to_target" } do
    check.equal(total_low[counter], total[counter], counter)
end
check.equal(total_low.exits_string, 0, "string instructions")
print(total.exits .. " exits with high bandwidth, " .. total_low.exits .. " without")
