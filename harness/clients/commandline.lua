-- commandline.lua: what conversation.lua, storm.lua and fake_target.lua share of their command lines.
local kdclient = require "kdclient"
local kdsocket = require "kdsocket"

local commandline = {}

local function refuse(usage, text, ...)
    io.stderr:write(text:format(...), "\n", usage, "\n")
    os.exit(2)
end

-- flags: name -> "flag", "number", "text" or "set" (may be given again and again). Returns the address and a table of
-- what was given; anything else ends the program with exit code 2.
function commandline.parse(usage, flags)
    local address, given, at = nil, {}, 1
    while arg[at] do
        local word = arg[at]
        local name = word:match("^%-%-(.+)$")
        local kind = name and flags[name]
        if word == "--help" then
            print(usage)
            os.exit(0)
        elseif kind == "flag" then
            given[name] = true
        elseif kind then
            at = at + 1
            local value = arg[at] or refuse(usage, "%s needs a value", word)
            if kind == "number" then
                value = tonumber(value) or refuse(usage, "%s needs a number, not '%s'", word, value)
            end
            if kind == "set" then
                given[name] = given[name] or {}
                given[name][value] = true
            else
                given[name] = value
            end
        elseif name or address then
            refuse(usage, "what is '%s'?", word)
        else
            address = word
        end
        at = at + 1
    end
    if not address then refuse(usage, "an address is missing") end
    local problem = kdsocket.problem(address)
    if problem then refuse(usage, "%s", problem) end
    return address, given
end

commandline.CLIENT_FLAGS = { quirk = "set", patience = "number", trace = "flag", ["expect-arch"] = "text" }

-- A table of names and what they mean, as help, one line each.
function commandline.describe(meanings)
    local lines = {}
    for name, text in pairs(meanings) do lines[#lines + 1] = ("  %-14s %s"):format(name, text) end
    table.sort(lines)
    return table.concat(lines, "\n")
end

-- Refuses names that are not in such a table: a misspelt one would otherwise test nothing. Returns the set.
function commandline.known(usage, what, set, meanings)
    for name in pairs(set or {}) do
        if not meanings[name] then refuse(usage, "there is no %s '%s'", what, name) end
    end
    return set or {}
end

function commandline.one_of(usage, flag, value, first, second)
    if value ~= first and value ~= second then
        refuse(usage, "--%s is %s or %s, not '%s'", flag, first, second, value)
    end
    return value
end

-- The options of a session, from the flags of a client.
function commandline.session_options(usage, address, given)
    local expect_arch = given["expect-arch"]
    return {
        quirks = commandline.known(usage, "quirk", given.quirk, kdclient.QUIRKS), patience = given.patience,
        expect_arch = expect_arch and commandline.one_of(usage, "expect-arch", expect_arch, "x64", "x86"),
        trace = given.trace and function(direction, text) io.stderr:write(direction, " ", text, "\n") end,
        open = function()
            local stream, problem = kdsocket.connect(address)
            return stream or kdclient.fail("a connection", problem)
        end,
    }
end

-- A failure as a person reads it: what should have been seen and what was, or that the other end went away. A mistake
-- in these programs keeps its traceback.
function commandline.explain(problem)
    if type(problem) == "table" and problem.expected then
        return ("expected %s, saw %s"):format(problem.expected, tostring(problem.seen))
    elseif problem == kdsocket.CLOSED then
        return ("expected a connection that stays, saw that %s"):format(tostring(problem))
    end
    return tostring(problem)
end

function commandline.traceback(problem)
    return type(problem) == "string" and debug.traceback(problem, 2) or problem
end

return commandline
