-- conversation.lua: a whole debugging session with a target, by a debugger that shares no code with the rest of fastkd.
-- A line for each step; exit code 0, 1 (with what was expected and what was seen), or 2 for a bad command line.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local commandline = require "commandline"
local kdclient = require "kdclient"
local steps = require "steps"

local USAGE = [[
usage: lua5.4 conversation.lua unix:PATH|tcp:HOST:PORT [--expect-arch x64|x86] [--quirk NAME]... [--patience SECONDS]
                               [--trace]
--patience is a failure bound for whatever the target must do in the end (30). --trace shows every frame on stderr.
Quirks, habits of other debuggers that a target must bear:
]] .. commandline.describe(kdclient.QUIRKS)

local function play(session)
    for _, step in ipairs(steps.LIST) do
        local line = session:run(step.name)
        print(("ok  %s: %s"):format(step.name, line))
    end
    session:leave()
end

local address, given = commandline.parse(USAGE, commandline.CLIENT_FLAGS)
local session = steps.session(commandline.session_options(USAGE, address, given))
io.stdout:setvbuf("line")
local ok, problem = xpcall(play, commandline.traceback, session)
if not ok then
    print(("FAIL  %s: %s"):format(session.now, commandline.explain(problem)))
    os.exit(1)
end
local totals = session.totals
print(("ok  all %d steps: %d requests, %d RESETs, %d prints, %d repeats dropped, %d sent again"):format(#steps.LIST,
    totals.requests, totals.resets, totals.prints, totals.duplicates, totals.repeats))
