-- attach.lua
-- One operation: the first conversation of a debugger with a target that has just stopped: version, data block, processor,
-- modules, registers, stack, code, page tables, and the many small reads where nothing is: some 350 requests.
-- Source: kd-protocol.md 5.4 (order); nt-image.md (where a debugger looks). harness/scenarios/work/attach.lua checks every
-- answer; here only the time counts.
vm { modules = 3 }
attach()
boot()
dbg.break_in()
local stop = dbg.wait_stop()
local x64 = arch == "x64"
local word = x64 and 8 or 4

local function identify()
  local version = dbg.version()
  local block = dbg.pointer(version.debugger_data_list)
  dbg.read(block + 0x10, 8)
  dbg.read(block, dbg.u32(block + 0x14))
  dbg.read(dbg.pointer(block + 0x208), 64)
  return block
end

local function processor(block)
  local prcb = dbg.pointer(dbg.pointer(block + 0x218))
  for _, space in ipairs(x64 and { { 1, 8 }, { 0, 8 }, { 3, 8 }, { 2, 0xE0 } } or { { 0x2CC, 0x54 } }) do
    dbg.control_space(space[1], space[2])
  end
  dbg.read(prcb, 256)
end

local function headers()
  for _, module in ipairs(dbg.modules()) do
    local pe = module.base + dbg.u32(module.base + 0x3C)
    for _, field in ipairs { 0, 4, 8, 80, 88 } do dbg.read(pe + field, 4) end
    local debug = module.base + dbg.u32(pe + 24 + (x64 and 112 or 96) + 6 * 8)
    dbg.read(module.base + dbg.u32(debug + 20), 64)
    dbg.read(module.base + module.size, 8)            -- one too far: nothing is there
  end
end

local function registers()
  local context = dbg.context()
  for offset = 0, #context.raw - 1, 512 do
    local count = math.min(512, #context.raw - offset)
    dbg.request("get_context_ex", { fields = string.pack("<I4I4", offset, count) })
  end
  dbg.request("clear_internal_breakpoints")
  for handle = 1, 32 do dbg.remove_breakpoint(handle) end
  return context
end

local function surroundings(context)
  for at = context.sp, context.sp + 32 * word, word do dbg.read(at, word) end
  for back = 0, 64, 8 do dbg.read(stop.pc - back, 16) end
  for page = stop.pc & ~0xFFF, image.kernel_base - 32 * 0x1000, -0x1000 do dbg.read(page, 2) end
  for level = 0, 3 do dbg.read_physical(image.directory_table_pa + level * word, word) end
end

local function nowhere()
  for address = 0, 8 do
    for _, bytes in ipairs { 4, 8, 256 } do dbg.read(address, bytes) end
  end
  for i = 0, 15 do dbg.read(image.hole + 8 * i, 8) end
end

local operations = param("operations", 1)
local before = counters().requests_delivered
measure("attach", operations, 0, function()
  for _ = 1, operations do
    processor(identify())
    headers()
    surroundings(registers())
    nowhere()
  end
end)
check.between((counters().requests_delivered - before) // operations, 200, 600, "requests")
dbg.go()
