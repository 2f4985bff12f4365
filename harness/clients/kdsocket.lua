-- kdsocket.lua: stream sockets by address, "unix:PATH" or "tcp:HOST:PORT", over Debian's lua-socket.
local socket = require "socket"
local unix = require "socket.unix"

local kdsocket = {}

local CONNECT_SECONDS, CONNECT_PAUSE = 2, 0.02

-- Thrown when the other end has gone, so that no layer between has to pass it on.
kdsocket.CLOSED = setmetatable({}, { __tostring = function() return "the other end closed the connection" end })

kdsocket.now = socket.gettime
kdsocket.sleep = socket.sleep

local function parse(address)
    local path = address:match("^unix:(.+)$")
    if path then return path end
    local host, port = address:match("^tcp:(.+):(%d+)$")
    if host then return nil, host, tonumber(port) end
    return nil, nil, nil, ("'%s' is no address; it should be unix:PATH or tcp:HOST:PORT"):format(address)
end

-- What is wrong with an address, or nil.
function kdsocket.problem(address)
    local _, _, _, problem = parse(address)
    return problem
end

-- ---- a connection

local Stream = {}
Stream.__index = Stream

local function stream_of(handle)
    handle:settimeout(0)
    return setmetatable({ handle = handle }, Stream)
end

-- Sends all of it, however long the other end takes to read.
function Stream:send(bytes)
    local sent = 0
    while sent < #bytes do
        local last, problem, partial = self.handle:send(bytes, sent + 1)
        sent = last or partial
        if problem == "timeout" then
            socket.select(nil, { self.handle }, 1)
        elseif problem then
            error(kdsocket.CLOSED)
        end
    end
end

-- What has come, at least one byte; nil when nothing came within so many seconds.
function Stream:receive(seconds)
    if #socket.select({ self.handle }, nil, seconds) == 0 then return nil end
    local bytes, problem, partial = self.handle:receive(8192)
    bytes = bytes or partial
    if #bytes == 0 and problem ~= "timeout" then error(kdsocket.CLOSED) end
    return #bytes > 0 and bytes or nil
end

function Stream:close()
    self.handle:close()
end

-- ---- both ends

local function connect_once(path, host, port)
    local handle = path and unix.stream() or socket.tcp()
    local ok, problem
    if path then ok, problem = handle:connect(path) else ok, problem = handle:connect(host, port) end
    if not ok then
        handle:close()
        return nil, problem
    end
    if port then handle:setoption("tcp-nodelay", true) end
    return stream_of(handle)
end

-- Returns a stream, or nil and why not. Between its bind() and its listen() a server refuses, and so does one whose
-- queue is full: worth a second try, and a third.
function kdsocket.connect(address)
    local path, host, port, problem = parse(address)
    if problem then return nil, problem end
    local give_up_at = socket.gettime() + CONNECT_SECONDS
    while true do
        local stream
        stream, problem = connect_once(path, host, port)
        if stream then return stream end
        if socket.gettime() > give_up_at then return nil, ("cannot connect to %s: %s"):format(address, problem) end
        socket.sleep(CONNECT_PAUSE)
    end
end

local Listener = {}
Listener.__index = Listener

-- Returns a listener, or nil and why not.
function kdsocket.listen(address)
    local path, host, port, problem = parse(address)
    if problem then return nil, problem end
    local handle = path and unix.stream() or socket.tcp()
    local ok
    if path then ok, problem = handle:bind(path) else ok, problem = handle:bind(host, port) end
    if ok then ok, problem = handle:listen(32) end
    if not ok then return nil, ("cannot listen at %s: %s"):format(address, problem) end
    return setmetatable({ handle = handle }, Listener)
end

-- The next connection, or nil when none came within so many seconds.
function Listener:accept(seconds)
    self.handle:settimeout(seconds)
    local handle = self.handle:accept()
    return handle and stream_of(handle)
end

return kdsocket
