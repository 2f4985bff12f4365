-- kdclient.lua: the debugger's end of KDCOM: ids, ACK, RESEND, RESET, and how to get in step with a target.
-- Written from kd-protocol.md 2.3, 2.8 to 2.11 alone; it shares nothing with harness/dbg or transport. What a debugger
-- may ask is kdtarget.lua's business; here a request is a body, an answer another.
local kdsocket = require "kdsocket"
local wire = require "kdwire"

local TYPE, SYNC, INITIAL = wire.TYPE, wire.SYNC, wire.INITIAL_ID
local MANIPULATE_BYTES, STATE_CHANGE_BYTES, FILE_BYTES = 56, 240, 64

local kdclient = {}

-- Habits that real debuggers have, or might: a target must live with each of them.
kdclient.QUIRKS = {
    ["early-ack"] = "acknowledges a frame when its header is there, before its body",
    ["sync-id"] = "keeps the SYNC bit in an ACK and numbers its first request with the id received, as windpl does",
    ["2k-reads"] = "reads in pieces of 2048 bytes",
    ["reset-storm"] = "sends five RESETs where one would do",
    ["odd-resets"] = "sends a RESET between requests, and right behind a read, every now and then",
    ["stray-control"] = "control frames with a checksum and two stray bytes behind them, as pykdclient had",
    ["break-first"] = "attaches with 0x62 and RESET back to back, as radare2 does",
    ["repeat"] = "sends every request twice",
    ["lazy-ack"] = "acknowledges no reply: the next request must do",
    ["old-continue"] = "Continue instead of Continue2, with status 0, as pykdclient does",
    ["zero-extend"] = "x86 addresses zero-extended, a counter in the upper half of a breakpoint's",
    ["one-byte"] = "writes every byte by itself",
}

-- Failure bounds and the protocol's own timers, in seconds; nothing is expected to happen at a time. The pause before
-- the next attempt to attach grows, and exceeds the target's byte timer in the end: half a frame that somebody else
-- left on a serial line must be given up there (2.11).
local ACK_WAIT, ACK_TRIES = 2, 5
local SILENCE_IN_FRAME = 1
local SYNC_WAIT_FIRST, SYNC_WAIT_LAST = 0.1, 2.5
local REQUEST_TRIES = 6

local Client = {}
Client.__index = Client

-- A failure that a person reads: what should have come, what came.
function kdclient.fail(expected, seen)
    error({ expected = expected, seen = seen })
end

-- stream has send(bytes) and receive(seconds). options: quirks (a set), patience (seconds for anything that the other
-- end must do in the end), sync_wait (first pause of an attach), trace (a function that is told every frame).
function kdclient.new(stream, options)
    local client = setmetatable({
        stream = stream, quirk = options.quirks or {}, patience = options.patience or 30,
        sync_wait = options.sync_wait or SYNC_WAIT_FIRST, trace = options.trace,
        next_id = INITIAL, expect_id = INITIAL, aligned = false,
        resets_open = 0, events = {}, prints = {},
        count = { requests = 0, repeats = 0, resends = 0, resets = 0, breaks = 0, duplicates = 0 },
    }, Client)
    client.reader = wire.reader(client.quirk["early-ack"] and function(type, id)
        client:acknowledge(type, id)
    end)
    return client
end

-- ---- out

function Client:put(bytes, what, ...)
    if self.trace then self.trace("<", what:format(...)) end
    if not self.quirk["one-byte"] then return self.stream:send(bytes) end
    for at = 1, #bytes do self.stream:send(bytes:sub(at, at)) end
end

function Client:control(type, id)
    local bytes = wire.control(type, id)
    if self.quirk["stray-control"] then bytes = wire.control(type, id, 0x80C2) .. "\x00\xFF" end
    self:put(bytes, "%s %08X", wire.TYPE_NAME[type], id)
end

function Client:acknowledge(type, id)
    local keeps_sync = self.quirk["sync-id"] and type == TYPE.state_change
    self:control(TYPE.ack, keeps_sync and id or id & ~SYNC)
end

function Client:break_in()
    self.count.breaks = self.count.breaks + 1
    self:put(wire.BREAK_IN, "break-in")
end

function Client:send_resets(count)
    self.next_id, self.expect_id = INITIAL, INITIAL
    for _ = 1, count do
        self.resets_open = self.resets_open + 1
        self.count.resets = self.count.resets + 1
        self:control(TYPE.reset, 0)
    end
end

-- ---- in: one unit becomes at most one event

-- A RESET answers one of ours, or asks for an answer; never both (2.9).
function Client:on_reset()
    self.next_id, self.expect_id, self.aligned = INITIAL, INITIAL, true
    if self.resets_open > 0 then
        self.resets_open = self.resets_open - 1
    else
        self:send_resets(1)
    end
    return { kind = "reset" }
end

function Client:on_control(unit)
    if unit.type == TYPE.ack then return { kind = "ack", id = unit.id } end
    if unit.type == TYPE.resend then return { kind = "resend" } end
    if unit.type == TYPE.reset then return self:on_reset() end
end

-- Asked for an answer by the target itself, outside of any request.
local function answer_prompt(client, body)
    local answer = "i"
    client:deliver(TYPE.debug_io, body:sub(1, 12) .. ("<I4"):pack(#answer) .. answer)
end

local function refuse_file(client, body)
    client:deliver(TYPE.file_io, body:sub(1, 4) .. ("<I4"):pack(0xC0000001) .. body:sub(9, FILE_BYTES))
end

local function on_debug_io(client, body)
    if ("<I4"):unpack(body) ~= 0x3230 then return answer_prompt(client, body) end
    client.prints[#client.prints + 1] = body:sub(17)
    return { kind = "print" }
end

local BY_TYPE = {
    [TYPE.state_change] = function(_, body, synced)
        if #body < STATE_CHANGE_BYTES then
            kdclient.fail(("a state change of %d bytes or more"):format(STATE_CHANGE_BYTES), #body .. " bytes")
        end
        return { kind = "stop", body = body, synced = synced }
    end,
    [TYPE.manipulate] = function(_, body) return { kind = "reply", body = body } end,
    [TYPE.debug_io] = on_debug_io,
    [TYPE.file_io] = refuse_file,
    [TYPE.trace_io] = function() end,
    [TYPE.control_request] = function() end,
}

-- The ids of 2.3. SYNC restarts both counters, whatever was expected.
function Client:on_data(unit)
    local synced = unit.id & SYNC ~= 0
    local fresh = synced or unit.id == self.expect_id
    local lazy = fresh and self.quirk["lazy-ack"] and unit.type == TYPE.manipulate and not self.listening
    if not lazy and not self.quirk["early-ack"] then self:acknowledge(unit.type, unit.id) end
    if not fresh then
        self.count.duplicates = self.count.duplicates + 1
        return { kind = "dropped" }
    end
    if synced then
        self.next_id = self.quirk["sync-id"] and unit.type == TYPE.state_change and unit.id or INITIAL
        self.aligned = true
    end
    self.expect_id = (unit.id & ~SYNC) ~ 1
    local handler = BY_TYPE[unit.type] or kdclient.fail("a packet type of 2.2", unit.type)
    return handler(self, unit.body, synced)
end

function Client:on_bad()
    self.count.resends = self.count.resends + 1
    self:control(TYPE.resend, 0)
    return { kind = "bad" }
end

local HANDLERS = { control = Client.on_control, data = Client.on_data, bad = Client.on_bad }

local function describe(unit)
    local name = wire.TYPE_NAME[unit.type] or tostring(unit.type)
    if unit.kind == "data" then return ("%s id=%08X, %d bytes"):format(name, unit.id, #unit.body) end
    if unit.kind == "control" then return ("%s %08X"):format(name, unit.id) end
    return unit.kind .. (unit.why and ": " .. unit.why or "")
end

function Client:on_unit(unit)
    if self.trace then self.trace(">", describe(unit)) end
    local handler = HANDLERS[unit.kind]
    return handler and handler(self, unit)
end

-- Reads once. A frame that stays unfinished has lost bytes (2.8).
function Client:read(deadline)
    local seconds = math.max(0, deadline - kdsocket.now())
    local bytes = self.stream:receive(math.min(seconds, SILENCE_IN_FRAME))
    if not bytes then
        if seconds > SILENCE_IN_FRAME and self.reader:inside_frame() and self.reader:give_up() then self:on_bad() end
        return
    end
    for _, unit in ipairs(self.reader:feed(bytes)) do self.events[#self.events + 1] = unit end
end

-- The next event before the deadline, nil after it. What came together is handled one by one: a handler may itself have
-- to wait for an ACK, and finds it behind the unit it was called for.
function Client:event(deadline)
    while true do
        while #self.events > 0 do
            local event = self:on_unit(table.remove(self.events, 1))
            if event then return event end
        end
        if kdsocket.now() >= deadline then return nil end
        self:read(deadline)
    end
end

-- ---- getting in step (2.9, 5.3, 5.8)

local function forget(client)
    client.resets_open, client.aligned = 0, false
end

-- A RESET reaches a target that is stopped, the break-in byte one that runs: they take turns.
local function knock(client, turn)
    local resets = client.quirk["reset-storm"] and 5 or 1
    if client.quirk["break-first"] then
        client:break_in()
        client:send_resets(resets)
    elseif turn % 2 == 1 then
        client:send_resets(resets)
    else
        client:break_in()
    end
end

-- A state change ends it once ids are known: by its SYNC bit, or by a RESET that was answered. Before that it was
-- numbered by counters that we do not share; and the answer to a question of somebody before us says nothing of where
-- the target stands now (2.9, the trap). Both are acknowledged and a RESET asks for a better one.
local function listen(client, deadline)
    local event, stop
    client.listening = true
    repeat
        event = client:event(deadline)
        local kind = event and event.kind
        if kind == "stop" and client.aligned then
            stop = event
        elseif kind == "stop" or kind == "reply" or kind == "dropped" then
            client:send_resets(1)
        end
    until stop or not event
    client.listening = false
    return stop
end

-- Attaches, or finds back in step. Returns the state change.
function Client:sync()
    local give_up_at = kdsocket.now() + self.patience
    local pause, turn = self.sync_wait, 0
    forget(self)
    while kdsocket.now() < give_up_at do
        turn = turn + 1
        knock(self, turn)
        local stop = listen(self, math.min(kdsocket.now() + pause, give_up_at))
        if stop then return stop end
        pause = math.min(2 * pause, SYNC_WAIT_LAST)
    end
    kdclient.fail(("a state change after RESET and break-in, within %g s"):format(self.patience), "none")
end

-- ---- sending data (2.10, WAIT_ACK)

local function same_but_sync(a, b) return a & ~SYNC == b & ~SYNC end

local function acknowledged(client, id)
    client.next_id = (id ~ 1) & ~SYNC
end

-- Waits for the ACK of id. Returns true; or nil and the event that makes the frame void; or false when it is to be sent
-- again. A reply is as good as an ACK: it was lost, and the reply stays for whoever waits for it.
local function await_ack(client, id)
    local deadline = kdsocket.now() + ACK_WAIT
    while true do
        local event = client:event(deadline)
        if not event or event.kind == "resend" then
            return false
        elseif event.kind == "ack" and same_but_sync(event.id, id) then -- targets echo the id as it came (2.3)
            acknowledged(client, id)
            return true
        elseif event.kind == "reset" or event.kind == "stop" and event.synced then
            return nil, event
        elseif event.kind == "reply" then
            acknowledged(client, id)
            client.early_reply = event
            return true
        end
    end
end

-- Returns true once the frame is acknowledged, else the event that made it void.
function Client:deliver(type, body, before_ack)
    local id = self.next_id
    for try = 1, ACK_TRIES do
        self:put(wire.data(type, id, body), "%s id=%08X, %d bytes", wire.TYPE_NAME[type], id, #body)
        if before_ack and try == 1 then before_ack() end
        self.count.repeats = self.count.repeats + (try > 1 and 1 or 0)
        local done, event = await_ack(self, id)
        if done then return true end
        if event then return nil, event end
    end
    kdclient.fail(("an ACK of %08X"):format(id), ("none in %d tries of %g s"):format(ACK_TRIES, ACK_WAIT))
end

-- ---- requests

-- After a RESET the target says once more that it is stopped; then the request can be made again.
local function settle(client, event)
    if event.kind == "stop" then return end
    local stop = listen(client, kdsocket.now() + ACK_WAIT)
    if not stop then client:sync() end
end

local function await_reply(client, api)
    local deadline = kdsocket.now() + client.patience
    while true do
        local event = client.early_reply or client:event(deadline)
        client.early_reply = nil
        if not event then
            kdclient.fail(("a reply to request %04X within %g s"):format(api, client.patience), "none")
        elseif event.kind == "reply" and #event.body < MANIPULATE_BYTES then
            kdclient.fail(("a reply of %d bytes or more"):format(MANIPULATE_BYTES), #event.body .. " bytes")
        elseif event.kind == "reply" and ("<I4"):unpack(event.body) == api then
            return event.body
        elseif event.kind == "reset" or event.kind == "stop" and event.synced then
            return nil, event
        end
    end
end

-- The quirk, every so many requests: a RESET out of the blue, or one on the heels of a request that then is made again.
local function odd_reset(client, body)
    local turn = client.count.requests % 11
    if turn == 5 then
        client:put(wire.data(TYPE.manipulate, client.next_id, body), "manipulate id=%08X, abandoned", client.next_id)
    end
    if turn == 5 or turn == 9 then client:sync() end
end

local function send_twice(client, body)
    return client.quirk["repeat"] and function()
        client:put(wire.data(TYPE.manipulate, client.next_id, body), "manipulate id=%08X again", client.next_id)
    end
end

local function never(expected)
    kdclient.fail(expected, ("a RESET or a SYNC id instead, %d times"):format(REQUEST_TRIES))
end

-- Makes a request that has a reply, and returns the reply's body. harmless: it may well be made twice.
function Client:request(body, harmless)
    local api = ("<I4"):unpack(body)
    self.count.requests = self.count.requests + 1
    if self.quirk["odd-resets"] and harmless then odd_reset(self, body) end
    for _ = 1, REQUEST_TRIES do
        local done, event = self:deliver(TYPE.manipulate, body, send_twice(self, body))
        local reply
        if done then reply, event = await_reply(self, api) end
        if reply then
            self.resets_open = 0 -- they stood before the request on the line: what was to be answered has been
            return reply
        end
        settle(self, event)
    end
    never(("a reply to request %04X"):format(api))
end

-- Makes a request that never has one (4.4 note 1): it is done when it is acknowledged.
function Client:order(body)
    self.count.requests = self.count.requests + 1
    for _ = 1, REQUEST_TRIES do
        local done, event = self:deliver(TYPE.manipulate, body)
        if done then return end
        settle(self, event)
    end
    never(("an ACK of request %04X"):format(("<I4"):unpack(body)))
end

-- The next state change of a running target; prints and the like are served meanwhile. nil when none came in time.
function Client:wait_stop(seconds)
    local deadline = kdsocket.now() + seconds
    repeat
        local event = self:event(deadline)
        if event and event.kind == "stop" then return event end
    until not event
end

return kdclient
