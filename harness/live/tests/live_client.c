#include "harness/live/tests/live_client.h"
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { UNION = 16, MANIPULATE_BYTES = 56, TRIES = 12 };

void live_client_begin(struct live_client *client, int fd)
{
    memset(client, 0, sizeof *client);
    client->fd = fd;
    client->next = client->expect = KD_ID_INITIAL;
}

/* ---- out ---- */

void live_client_put(struct live_client *client, const void *bytes, size_t len_bytes)
{
    for (size_t at = 0; at < len_bytes;) {
        ssize_t n = write(client->fd, (const uint8_t *)bytes + at, len_bytes - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

void live_client_control(struct live_client *client, uint16_t type, uint32_t id)
{
    uint8_t frame[KD_FRAME_HEADER_BYTES];
    kd_frame_header_store(frame, &(struct kd_frame_header){KD_LEADER_CONTROL, type, 0, id, 0});
    live_client_put(client, frame, sizeof frame);
}

void live_client_data(struct live_client *client, uint16_t type, const uint8_t *body, size_t body_bytes)
{
    uint8_t frame[KD_FRAME_BYTES_MAX];
    const uint32_t checksum = kd_checksum(0, body, body_bytes);
    const struct kd_frame_header head = {KD_LEADER_DATA, type, (uint16_t)body_bytes, client->next, checksum};
    kd_frame_header_store(frame, &head);
    memcpy(frame + KD_FRAME_HEADER_BYTES, body, body_bytes);
    frame[KD_FRAME_HEADER_BYTES + body_bytes] = KD_TRAILER_BYTE;
    live_client_put(client, frame, KD_FRAME_HEADER_BYTES + body_bytes + 1);
}

void live_client_break_in(struct live_client *client)
{
    live_client_put(client, "b", 1);
}

void live_client_reset(struct live_client *client)
{
    client->next = client->expect = KD_ID_INITIAL;
    live_client_control(client, KD_TYPE_RESET, 0);
}

/* ---- in ---- */

static bool is_leader(const uint8_t *bytes)
{
    uint32_t leader = kd_load_u32(bytes);
    return leader == KD_LEADER_DATA || leader == KD_LEADER_CONTROL;
}

static void forget(struct live_client *client, size_t len_bytes)
{
    client->in_bytes -= len_bytes;
    memmove(client->in, client->in + len_bytes, client->in_bytes);
}

/* Takes a whole unit out of the input. A target never sends noise, but a connection may begin inside a frame.
 */
static bool take_unit(struct live_client *client)
{
    while (client->in_bytes >= KD_LEADER_BYTES && !is_leader(client->in))
        forget(client, 1);
    if (client->in_bytes < KD_FRAME_HEADER_BYTES)
        return false;
    kd_frame_header_load(&client->head, client->in);
    if (client->head.leader == KD_LEADER_CONTROL) {
        forget(client, KD_FRAME_HEADER_BYTES);
        return true;
    }
    size_t body_bytes = client->head.byte_count, whole = KD_FRAME_HEADER_BYTES + body_bytes + 1;
    assert_true(body_bytes <= KD_BODY_BYTES_MAX);
    if (client->in_bytes < whole)
        return false;
    memcpy(client->body, client->in + KD_FRAME_HEADER_BYTES, body_bytes);
    assert_int_equal(kd_checksum(0, client->body, body_bytes), client->head.checksum);
    assert_int_equal(client->in[whole - 1], KD_TRAILER_BYTE);
    forget(client, whole);
    return true;
}

static bool read_more(struct live_client *client, int wait_ms)
{
    struct pollfd line = {.fd = client->fd, .events = POLLIN};
    if (poll(&line, 1, wait_ms) != 1)
        return false;
    ssize_t n = read(client->fd, client->in + client->in_bytes, sizeof client->in - client->in_bytes);
    client->closed = n <= 0;
    if (n > 0)
        client->in_bytes += (size_t)n;
    return n > 0;
}

/* The target's RESETs are answers, all of them: it never asks for one (2.9). */
static void on_control(struct live_client *client)
{
    if (client->head.type != KD_TYPE_RESET)
        return;
    client->resets++;
    client->next = client->expect = KD_ID_INITIAL;
}

static bool is_acknowledged(const struct live_client *client)
{
    return client->acks == LIVE_ACKS_ALL ||
           (client->acks == LIVE_ACKS_NO_REPLIES && client->head.type != KD_TYPE_MANIPULATE);
}

/* Returns true when the frame is new. */
static bool on_data(struct live_client *client)
{
    const uint32_t id = client->head.id & ~KD_ID_SYNC;
    if (is_acknowledged(client))
        live_client_control(client, KD_TYPE_ACK, id);
    if (client->head.id & KD_ID_SYNC) {
        client->next = KD_ID_INITIAL;
    } else if (id != client->expect) {
        client->repeats++;
        return false;
    }
    client->expect = id ^ 1;
    client->prints += client->head.type == KD_TYPE_DEBUG_IO;
    return true;
}

/* Returns true when a unit came. */
static bool next_unit(struct live_client *client, int wait_ms)
{
    while (!take_unit(client))
        if (!read_more(client, wait_ms))
            return false;
    return true;
}

bool live_client_frame(struct live_client *client, int wait_ms)
{
    if (client->kept) {
        client->kept = false;
        return true;
    }
    while (next_unit(client, wait_ms)) {
        if (client->head.leader == KD_LEADER_CONTROL)
            on_control(client);
        else if (on_data(client))
            return true;
    }
    return false;
}

/* ---- what a debugger does ---- */

/* Waits for an exception; load-symbols is continued. Returns false after silence, or after that many frames.
 */
static bool await_exception(struct live_client *client, int wait_ms, unsigned frames)
{
    enum { EXCEPTION_CODE = 32, PROGRAM_COUNTER = 24 };
    while (frames-- > 0 && live_client_frame(client, wait_ms)) {
        if (client->head.type != KD_TYPE_STATE_CHANGE64)
            continue;
        if (kd_load_u32(client->body) == KD_STATE_EXCEPTION) {
            client->pc = kd_load_u64(client->body + PROGRAM_COUNTER);
            client->code = kd_load_u32(client->body + EXCEPTION_CODE);
            return true;
        }
        client->loads++;
        client->code = 0;
        live_client_go(client, false);
    }
    return false;
}

void live_client_wait_stop(struct live_client *client)
{
    if (!await_exception(client, LIVE_CLIENT_FAILURE_MS, UINT_MAX))
        fail_msg("no stop came");
}

static size_t make_request(uint8_t body[KD_BODY_BYTES_MAX], uint32_t api, const uint8_t *fields,
                           size_t fields_bytes, const uint8_t *data, size_t data_bytes)
{
    memset(body, 0, MANIPULATE_BYTES);
    kd_store_u32(body, api);
    if (fields_bytes > 0)
        if (fields_bytes > 0)
            memcpy(body + UNION, fields, fields_bytes);
    if (data_bytes > 0)
        memcpy(body + MANIPULATE_BYTES, data, data_bytes);
    return MANIPULATE_BYTES + data_bytes;
}

/* Waits for the reply. Returns false when a RESET or a state change made the request void. */
static bool await_reply(struct live_client *client, uint32_t api)
{
    const unsigned resets = client->resets;
    while (live_client_frame(client, LIVE_CLIENT_FAILURE_MS)) {
        if (client->head.type == KD_TYPE_STATE_CHANGE64)
            return false;
        if (client->head.type == KD_TYPE_MANIPULATE && kd_load_u32(client->body) == api)
            return true;
        if (client->resets != resets)
            return false;
    }
    fail_msg("request 0x%x was not answered", (unsigned)api);
    return false;
}

uint32_t live_client_request(struct live_client *client, uint32_t api, const uint8_t *fields,
                             size_t fields_bytes, const uint8_t *data, size_t data_bytes)
{
    uint8_t body[KD_BODY_BYTES_MAX];
    size_t body_bytes = make_request(body, api, fields, fields_bytes, data, data_bytes);
    do
        live_client_data(client, KD_TYPE_MANIPULATE, body, body_bytes);
    while (!await_reply(client, api));
    client->next ^= 1; /* the reply says that the request came */
    return kd_load_u32(client->body + 8);
}

uint32_t live_client_ask(struct live_client *client, uint32_t api, uint64_t first, uint32_t second)
{
    uint8_t fields[12];
    kd_store_u64(fields, first);
    kd_store_u32(fields + 8, second);
    return live_client_request(client, api, fields, sizeof fields, NULL, 0);
}

void live_client_attach(struct live_client *client)
{
    live_client_break_in(client);
    for (unsigned tries = 0; tries < TRIES; tries++) {
        live_client_reset(client);
        if (await_exception(client, LIVE_CLIENT_PATIENCE_MS, UINT_MAX)) {
            (void)live_client_ask(client, API_GET_VERSION, 0, 0);
            return;
        }
        assert_false(client->closed);
        live_client_break_in(client);
    }
    fail_msg("the target does not stop");
}

void live_client_order(struct live_client *client, uint32_t api, const uint8_t *fields, size_t fields_bytes)
{
    uint8_t body[KD_BODY_BYTES_MAX];
    const uint32_t id = client->next;
    live_client_data(client, KD_TYPE_MANIPULATE, body,
                     make_request(body, api, fields, fields_bytes, NULL, 0));
    while (next_unit(client, LIVE_CLIENT_FAILURE_MS)) {
        if (client->head.leader == KD_LEADER_DATA) {
            client->kept = on_data(client);
        } else {
            on_control(client);
            client->next ^= client->head.type == KD_TYPE_ACK && client->head.id == id;
        }
        if (client->kept || client->next != id || client->head.type == KD_TYPE_RESET)
            return;
    }
    fail_msg("order 0x%x was not acknowledged", (unsigned)api);
}

/* Steps over the int3 that a break-in stops at: the processor does not (5.5 rule 4). x64 only. */
static void skip_int3(struct live_client *client)
{
    enum { CONTEXT_BYTES = 0x4D0, RIP = 0xF8 };
    uint8_t context[CONTEXT_BYTES], fields[4];
    if (client->code != 0x80000003u)
        return;
    client->code = 0;
    assert_int_equal(live_client_ask(client, API_READ_VIRTUAL, client->pc, 1), 0);
    if (client->body[MANIPULATE_BYTES] != 0xCC)
        return;
    assert_int_equal(live_client_ask(client, API_GET_CONTEXT, 0, 0), 0);
    memcpy(context, client->body + MANIPULATE_BYTES, sizeof context);
    kd_store_u64(context + RIP, client->pc + 1);
    memcpy(fields, context + 0x30, sizeof fields);
    assert_int_equal(
        live_client_request(client, API_SET_CONTEXT, fields, sizeof fields, context, sizeof context), 0);
}

void live_client_go(struct live_client *client, bool step)
{
    uint8_t fields[32] = {0};
    skip_int3(client);
    kd_store_u32(fields, 0x00010002); /* DBG_CONTINUE */
    kd_store_u32(fields + 4, step);
    kd_store_u64(fields + 8, 0x400);
    live_client_order(client, API_CONTINUE2, fields, sizeof fields);
}

void live_client_run(struct live_client *client)
{
    enum { SPARE_BREAK_MS = 200, FRAMES = 12 }; /* a target that prints is never silent */
    do
        live_client_go(client, false);
    while (await_exception(client, SPARE_BREAK_MS, FRAMES));
}
