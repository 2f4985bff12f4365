#include "transport/guest/tests/fake_relay.h"

#include <stdio.h>
#include <string.h>

struct fake_relay relay;

static const char *const kind_names[] = {"?", "hello", "send", "receive", "poll", "resume"};

static void note(const struct vm_request *request, const char *suffix)
{
    size_t used = strlen(relay.log);
    (void)snprintf(relay.log + used, sizeof relay.log - used, "%s%s%s", used > 0 ? " " : "",
                   kind_names[request->kind], suffix);
}

uint8_t fake_relay_byte(uint32_t i)
{
    return (uint8_t)(i * 5 + 0x30);
}

static void draw_token(void)
{
    relay.token_previous = relay.token_current;
    relay.token_current = ++relay.tokens_drawn * 0x9E3779B97F4A7C15u;
}

static void forget_tokens(void)
{
    relay.cached_request_bytes = 0;
    relay.tokens_drawn += 1000;
    draw_token();
    draw_token();
}

static struct fake_answer next_answer(const struct vm_request *request)
{
    if (relay.script_left > 0) {
        relay.script_left--;
        return *relay.script++;
    }
    return (struct fake_answer){.result = request->kind == VM_RECEIVE ? VM_TIMEOUT : VM_DONE};
}

static struct vm_reply answer_new(const struct vm_request *request)
{
    struct fake_answer answer = {.result = VM_DONE, .flags = relay.hello_flags};
    if (request->kind == VM_HELLO)
        relay.epoch++;
    else
        answer = next_answer(request);
    draw_token();
    struct vm_reply reply = {.result = answer.result, .flags = answer.flags};
    reply.packet.type = answer.packet_type;
    reply.packet.header.len_bytes = answer.header_bytes;
    reply.packet.data.len_bytes = answer.data_bytes;
    if (answer.header_bytes > 0)
        reply.flags |= VM_REPLY_PACKET;
    return reply;
}

static void remember(const struct vm_request *request)
{
    relay.last = *request;
    if (request->kind != VM_SEND)
        return;
    relay.packets++;
    memcpy(relay.packet, request->packet.header.bytes, request->packet.header.len_bytes);
    memcpy(relay.packet + request->packet.header.len_bytes, request->packet.data.bytes,
           request->packet.data.len_bytes);
}

static uint32_t write_reply(uint8_t *to, const struct vm_request *request, struct vm_reply reply)
{
    uint32_t body_bytes = 0;
    reply.version = VM_VERSION_MAX;
    reply.kind = request->kind;
    reply.token = reply.result == VM_REFUSED ? 0 : relay.token_current;
    reply.epoch = relay.epoch;
    vm_reply_store(to, &reply);
    if (reply.flags & VM_REPLY_PACKET)
        body_bytes = reply.packet.header.len_bytes + reply.packet.data.len_bytes;
    for (uint32_t i = 0; i < body_bytes; i++)
        to[VM_REPLY_BYTES + i] = fake_relay_byte(i);
    return VM_REPLY_BYTES + body_bytes;
}

static bool is_repeat(const struct vm_request *request, const uint8_t *bytes, uint32_t len_bytes)
{
    return request->token == relay.token_previous && len_bytes == relay.cached_request_bytes &&
           memcmp(bytes, relay.cached_request, len_bytes) == 0;
}

static uint32_t answer(const uint8_t *bytes, uint32_t len_bytes, uint8_t *to)
{
    struct vm_request request;
    bool refused = relay.refuses || relay.refuses_for > 0;
    if (relay.refuses_for > 0)
        relay.refuses_for--;
    if (vm_request_load(&request, bytes, len_bytes) != KD_OK || refused)
        return write_reply(to, &request, (struct vm_reply){.result = VM_REFUSED});
    bool hello = request.kind == VM_HELLO;
    if (!hello && is_repeat(&request, bytes, len_bytes)) {
        note(&request, "-again");
        memcpy(to, relay.cached_reply, relay.cached_reply_bytes);
        return relay.cached_reply_bytes;
    }
    if (!hello && (relay.always_stale || request.token != relay.token_current)) {
        note(&request, "-stale");
        return write_reply(to, &request, (struct vm_reply){.result = VM_STALE});
    }
    note(&request, "");
    remember(&request);
    memcpy(relay.cached_request, bytes, len_bytes);
    relay.cached_request_bytes = len_bytes;
    relay.cached_reply_bytes = write_reply(to, &request, answer_new(&request));
    memcpy(relay.cached_reply, to, relay.cached_reply_bytes);
    uint32_t reply_bytes = relay.cached_reply_bytes;
    if (!hello && relay.forgets_after > 0 && --relay.forgets_after == 0)
        forget_tokens();
    return reply_bytes;
}

uint32_t fake_relay_rpc(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    bool absent = relay.is_absent || relay.absent_for > 0;
    if (relay.absent_for > 0)
        relay.absent_for--;
    if (absent || len_bytes < VM_COMMAND_WORD_BYTES ||
        memcmp(message, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES) != 0) {
        memcpy(reply, "0 Unknown command", 17);
        return 17;
    }
    memcpy(reply, "1 ", 2);
    uint32_t reply_bytes =
        answer(message + VM_COMMAND_WORD_BYTES, len_bytes - VM_COMMAND_WORD_BYTES, reply + 2);
    if (relay.tamper != NULL)
        relay.tamper(reply + 2, &reply_bytes);
    return reply_bytes + 2;
}

void fake_relay_reset(void)
{
    memset(&relay, 0, sizeof relay);
    draw_token();
}

void fake_relay_forget(void)
{
    relay.log[0] = '\0';
    forget_tokens();
}
