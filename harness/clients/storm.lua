-- storm.lua: a debugger that connects, starts somewhere in the conversation and walks out in the middle of it, again
-- and again; then one that comes to stay and plays all of it. What the target forgives is not checked, only that it is
-- never stuck: every attach that is let alone must succeed, and so must the last conversation.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local commandline = require "commandline"
local kdclient = require "kdclient"
local kdsocket = require "kdsocket"
local steps = require "steps"

local USAGE = [[
usage: lua5.4 storm.lua unix:PATH|tcp:HOST:PORT [--connects N] [--seed N] [--reads-max N] [--expect-arch x64|x86]
                        [--quirk NAME]... [--patience SECONDS] [--trace]
--connects is how often it walks out (1000), --seed what the places are drawn from (1), --reads-max how many reads and
writes of the socket it may do before (200). The same seed draws the same places; what the target is doing then is its
own affair. Quirks:
]] .. commandline.describe(kdclient.QUIRKS)

local IMPATIENT = 0.02             -- first pause of an attach: nobody waits for this debugger to be polite
local PROGRESS = 100
local WALK_OUT = setmetatable({}, { __tostring = function() return "walked out" end })

-- ---- a stream that ends

local Walk = {}
Walk.__index = Walk

-- After place.left reads and writes it breaks off: a write is cut somewhere, a read is lost. Nothing is counted before
-- place.armed.
local function walk(stream, place)
    return setmetatable({ stream = stream, place = place }, Walk)
end

local function one_less(place)
    if place.armed then place.left = place.left - 1 end
    return place.left < 0
end

function Walk:send(bytes)
    if one_less(self.place) then
        self.stream:send(bytes:sub(1, self.place.cut * #bytes // 1))
        error(WALK_OUT)
    end
    self.stream:send(bytes)
end

function Walk:receive(seconds)
    local bytes = self.stream:receive(seconds)
    if bytes and one_less(self.place) then error(WALK_OUT) end
    return bytes
end

function Walk:close() self.stream:close() end

-- ---- the storm

-- Where it starts, and how far it goes: most a few reads and writes, some many, counted from the attach on or from the
-- first step that is not there for another's sake.
local function draw(reads_max)
    return {
        first = math.random(#steps.LIST), left = reads_max ^ math.random() // 1 | 0,
        cut = math.random() < 0.5 and 1 or math.random(),
        armed = math.random() < 0.5,
    }
end

local function visit(options, place)
    local open = options.open
    local session = steps.session(setmetatable({
        sync_wait = IMPATIENT,
        open = function() return walk(open(), place) end,
    }, { __index = options }))
    local ok, problem = xpcall(function()
        session:prepare(steps.LIST[place.first].name)
        place.armed = true
        for i = place.first, #steps.LIST do session:run(steps.LIST[i].name) end
    end, commandline.traceback)
    session:leave()
    return ok or problem == WALK_OUT, problem, session.now
end

local function storm(options, connects, reads_max)
    local by_step = {}
    for n = 1, connects do
        local ok, problem, where = visit(options, draw(reads_max))
        if not ok then return ("connect %d, at %s: %s"):format(n, where, commandline.explain(problem)) end
        by_step[where] = (by_step[where] or 0) + 1
        if n % PROGRESS == 0 or n == connects then print(("ok  %d connects and disconnects"):format(n)) end
    end
    local texts = {}
    for i, step in ipairs(steps.LIST) do texts[i] = ("%s %d"):format(step.name, by_step[step.name] or 0) end
    print("ok  walked out at: " .. table.concat(texts, ", "))
end

local function stay(options)
    local session = steps.session(options)
    local ok, problem = xpcall(function()
        for _, step in ipairs(steps.LIST) do session:run(step.name) end
    end, commandline.traceback)
    session:leave()
    return not ok and ("the conversation afterwards, at %s: %s"):format(session.now, commandline.explain(problem))
end

local flags = setmetatable({ connects = "number", seed = "number", ["reads-max"] = "number" },
    { __index = commandline.CLIENT_FLAGS })
local address, given = commandline.parse(USAGE, flags)
local options = commandline.session_options(USAGE, address, given)
local connects, seed = given.connects or 1000, given.seed or 1
io.stdout:setvbuf("line")
print(("storm: %d connects, seed %d"):format(connects, seed))
math.randomseed(seed)
local began = kdsocket.now()
local problem = storm(options, connects, given["reads-max"] or 200) or stay(options)
if problem then
    print("FAIL  " .. problem)
    os.exit(1)
end
print(("ok  a whole conversation afterwards; %.1f s in all"):format(kdsocket.now() - began))
