#include "transport/relay/tests/relay_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bodies: the first u32 and the length are all that a transport looks at. */
struct body {
    const char *name;
    uint16_t type;
    uint32_t api;
    uint16_t header_bytes;
    uint16_t data_bytes;
};

static const struct body packets[] = {
    [EXCEPTION] = {"exception", 7, 0x3030, 240, 0},
    [LOAD_SYMBOLS] = {"load_symbols", 7, 0x3031, 240, 31},
    [PRINT] = {"print", 3, 0x3230, 16, 11},
    [PROMPT] = {"prompt", 3, 0x3231, 16, 20},
    [FILE_CREATE] = {"file_create", 11, 0x3430, 64, 34},
    [FILE_READ] = {"file_read", 11, 0x3431, 64, 0},
    [VERSION_REPLY] = {"version_reply", 2, 0x3146, 56, 0},
    [READ_REPLY] = {"read_reply", 2, 0x3130, 56, 3944},
};

static const struct body requests[] = {
    [GET_VERSION] = {"get_version", 2, 0x3146, 56, 0},     [READ_MEMORY] = {"read_memory", 2, 0x3130, 56, 0},
    [CONTINUE] = {"continue", 2, 0x313C, 56, 0},           [REBOOT] = {"reboot", 2, 0x313B, 56, 0},
    [CAUSE_BUG_CHECK] = {"cause_bug_check", 2, 0x3149, 56, 0},
    [PROMPT_ANSWER] = {"prompt_answer", 3, 0x3231, 16, 1}, [FILE_ANSWER] = {"file_answer", 11, 0x3430, 64, 0},
};

enum { PACKETS = sizeof(packets) / sizeof(packets[0]), REQUESTS = sizeof(requests) / sizeof(requests[0]) };

static uint32_t get_u16(const uint8_t *at)
{
    return (uint32_t)(at[0] + 256 * at[1]);
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) + 65536u * get_u16(at + 2);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static size_t put_body(uint8_t *to, const struct body *body)
{
    size_t size = (size_t)body->header_bytes + body->data_bytes;
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(i < body->header_bytes ? 0 : 7 * i + 3);
    put_u32(to, body->api);
    return size;
}

static size_t put_frame(uint8_t *to, uint8_t leader, uint32_t type, uint32_t id, size_t body_bytes)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < body_bytes; i++)
        sum += to[16 + i];
    memset(to, leader, 4);
    put_u32(to + 4, type + 65536u * (uint32_t)body_bytes);
    put_u32(to + 8, id);
    put_u32(to + 12, sum);
    if (leader == 0x69)
        return 16;
    to[16 + body_bytes] = 0xAA;
    return 16 + body_bytes + 1;
}

size_t lab_request_frame(uint8_t *frame, enum lab_request request, uint32_t id)
{
    return put_frame(frame, 0x30, requests[request].type, id, put_body(frame + 16, &requests[request]));
}

size_t lab_reset_frame(uint8_t *frame)
{
    return put_frame(frame, 0x69, 6, 0, 0);
}

/* ---- draining ---- */

static void take_output(struct lab *lab, size_t limit)
{
    struct kd_span output = relay_debugger_output(&lab->core);
    while (output.len_bytes > 0 && limit > 0) {
        size_t n = output.len_bytes < limit ? output.len_bytes : limit;
        assert_true(lab->wire_bytes + n <= sizeof(lab->wire));
        memcpy(lab->wire + lab->wire_bytes, output.bytes, n);
        lab->wire_bytes += n;
        limit -= n;
        relay_debugger_written(&lab->core, n);
        output = relay_debugger_output(&lab->core);
    }
}

static void take_reply(struct lab *lab)
{
    struct kd_span reply;
    if (!relay_vm_reply(&lab->core, &reply))
        return;
    assert_true(reply.len_bytes <= sizeof(lab->reply_copy));
    memcpy(lab->reply_copy, reply.bytes, reply.len_bytes);
    lab->reply_bytes = reply.len_bytes;
    assert_int_equal(vm_reply_load(&lab->reply, lab->reply_copy, lab->reply_bytes), KD_OK);
    lab->replies++;
    if (lab->reply.result != VM_STALE && lab->reply.result != VM_REFUSED)
        lab->token = lab->reply.token;
    assert_false(relay_vm_reply(&lab->core, &reply));
}

static void drain(struct lab *lab)
{
    if (!lab->reader_stalled)
        take_output(lab, SIZE_MAX);
    take_reply(lab);
}

void lab_wait(struct lab *lab, uint64_t ns)
{
    uint64_t until = lab->now + ns;
    while (relay_deadline(&lab->core) <= until) {
        if (relay_deadline(&lab->core) > lab->now) /* it may lie in a gap between two calls */
            lab->now = relay_deadline(&lab->core);
        relay_expire(&lab->core, lab->now);
        drain(lab);
        assert_true(relay_deadline(&lab->core) > lab->now);
    }
    lab->now = until;
}

void lab_read_output(struct lab *lab, size_t len_bytes)
{
    take_output(lab, len_bytes);
    take_reply(lab);
}

/* ---- the VM ---- */

void lab_bytes(struct lab *lab, const uint8_t *bytes, size_t len_bytes)
{
    relay_vm_request(&lab->core, bytes, len_bytes, lab->now);
    drain(lab);
}

static void ask(struct lab *lab, struct vm_request *request)
{
    if (request->version == 0)
        request->version = 1;
    request->token = request->kind == VM_HELLO ? 0 : lab->token;
    vm_request_store(lab->request, request);
    lab->request_bytes = VM_REQUEST_BYTES + request->packet.header.len_bytes + request->packet.data.len_bytes;
    lab_bytes(lab, lab->request, lab->request_bytes);
}

/* What the kernel receives after a packet of this kind. */
static struct kd_wanted next_of(enum lab_packet packet)
{
    if (packet == PROMPT)
        return (struct kd_wanted){3, 16, 2};
    if (packet == FILE_CREATE || packet == FILE_READ)
        return (struct kd_wanted){11, 64, 3936};
    return (struct kd_wanted){2, 56, 3944};
}

static void send_packet(struct lab *lab, enum lab_packet packet, uint16_t flags)
{
    struct vm_request request = {.kind = VM_SEND, .flags = flags, .retries = lab->retries};
    put_body(lab->request + VM_REQUEST_BYTES, &packets[packet]);
    request.packet.type = packets[packet].type;
    request.packet.header.len_bytes = packets[packet].header_bytes;
    request.packet.data.len_bytes = packets[packet].data_bytes;
    if (flags & VM_FLAG_WANT_NEXT)
        request.next = next_of(packet);
    ask(lab, &request);
}

void lab_hello(struct lab *lab)
{
    ask(lab, &(struct vm_request){.kind = VM_HELLO, .version_min = 1, .machine = VM_MACHINE_X64});
}

void lab_send(struct lab *lab, enum lab_packet packet)
{
    send_packet(lab, packet, 0);
}

void lab_send_want_next(struct lab *lab, enum lab_packet packet)
{
    send_packet(lab, packet, VM_FLAG_WANT_NEXT);
}

void lab_receive(struct lab *lab)
{
    ask(lab, &(struct vm_request){.kind = VM_RECEIVE, .next = next_of(EXCEPTION)});
}

void lab_poll(struct lab *lab)
{
    ask(lab, &(struct vm_request){.kind = VM_POLL});
}

void lab_resume(struct lab *lab)
{
    ask(lab, &(struct vm_request){.kind = VM_RESUME});
}

void lab_resume_want_next(struct lab *lab)
{
    ask(lab, &(struct vm_request){.kind = VM_RESUME, .flags = VM_FLAG_WANT_NEXT, .next = next_of(EXCEPTION)});
}

void lab_repeat(struct lab *lab)
{
    lab_bytes(lab, lab->request, lab->request_bytes);
}

void lab_vm_lost(struct lab *lab)
{
    relay_vm_lost(&lab->core, lab->now);
    drain(lab);
}

void lab_vm_gone(struct lab *lab)
{
    relay_vm_gone(&lab->core, lab->now);
    drain(lab);
}

/* ---- the debugger ---- */

void lab_connect(struct lab *lab)
{
    relay_debugger_connected(&lab->core, lab->now);
    drain(lab);
}

void lab_disconnect(struct lab *lab)
{
    relay_debugger_disconnected(&lab->core, lab->now);
    lab->wire_bytes = 0;
    drain(lab);
}

void lab_input(struct lab *lab, const void *bytes, size_t len_bytes)
{
    const uint8_t *from = bytes;
    size_t step = lab->chunk_bytes > 0 ? lab->chunk_bytes : len_bytes;
    for (size_t at = 0; at < len_bytes; at += step) {
        size_t n = len_bytes - at < step ? len_bytes - at : step;
        lab->refused += n - relay_debugger_input(&lab->core, from + at, n, lab->now);
        drain(lab);
    }
}

void lab_byte(struct lab *lab, uint8_t byte)
{
    lab_input(lab, &byte, 1);
}

static void control(struct lab *lab, uint32_t type, uint32_t id)
{
    uint8_t frame[16];
    lab_input(lab, frame, put_frame(frame, 0x69, type, id, 0));
}

void lab_ack(struct lab *lab, uint32_t id)
{
    control(lab, 4, id);
}

void lab_ask_resend(struct lab *lab)
{
    control(lab, 5, 0);
}

void lab_reset(struct lab *lab)
{
    control(lab, 6, 0);
}

void lab_request(struct lab *lab, enum lab_request request, uint32_t id)
{
    uint8_t frame[KD_FRAME_BYTES_MAX];
    lab_input(lab, frame, lab_request_frame(frame, request, id));
}

/* ---- texts ---- */

static const char *body_name(const struct body *bodies, size_t count, const uint8_t *body, size_t size,
                             uint32_t type)
{
    for (size_t i = 0; i < count; i++)
        if (bodies[i].type == type && (size_t)bodies[i].header_bytes + bodies[i].data_bytes == size &&
            get_u32(body) == bodies[i].api)
            return bodies[i].name;
    return "unknown";
}

/* What the relay says of its own: that the target is gone, and that nothing can be done (2.12 rule 7). */
static const char *packet_name(const uint8_t *body, size_t size, uint32_t type)
{
    if (type == 7 && size == 240 && get_u32(body) == 0x3031 && get_u32(body + 40) == 0xFFFFFFFF && body[64] == 1)
        return "notice";
    if (type == 2 && size == 56 && get_u32(body + 8) == 0xC0000001)
        return "refusal";
    return body_name(packets, PACKETS, body, size, type);
}

struct text {
    char chars[1 << 16];
    size_t length;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text->length +=
        (size_t)vsnprintf(text->chars + text->length, sizeof(text->chars) - text->length, format, arguments);
    va_end(arguments);
    assert_true(text->length < sizeof(text->chars));
}

/* Reads one frame strictly, as a wire monitor would (2.14), and returns its length. */
static size_t say_frame(struct text *text, const uint8_t *at, size_t left)
{
    static const char *const controls[] = {[4] = "ack", [5] = "resend", [6] = "reset"};
    say(text, "%s", text->length > 0 ? "; " : "");
    if (left < 16 || (get_u32(at) != 0x69696969 && get_u32(at) != 0x30303030)) {
        say(text, "torn");
        return left;
    }
    uint32_t type = get_u16(at + 4), size = get_u16(at + 6), id = get_u32(at + 8), sum = 0;
    if (at[0] == 0x69) {
        bool known = type >= 4 && type <= 6 && size == 0 && get_u32(at + 12) == 0;
        say(text, "%s", known ? controls[type] : "unknown");
        if (type == 4)
            say(text, " %08x", id);
        return 16;
    }
    if (left < 16u + size + 1) {
        say(text, "torn");
        return left;
    }
    for (uint32_t i = 0; i < size; i++)
        sum += at[16 + i];
    bool whole = sum == get_u32(at + 12) && at[16 + size] == 0xAA;
    say(text, "%s %08x", whole ? packet_name(at + 16, size, type) : "damaged", id);
    return 16 + size + 1;
}

/* Forgets what it says. */
static void say_wire(struct text *text, struct lab *lab)
{
    for (size_t at = 0; at < lab->wire_bytes;)
        at += say_frame(text, lab->wire + at, lab->wire_bytes - at);
    lab->wire_bytes = 0;
}

void lab_assert_wire(struct lab *lab, const char *expected, const char *file, int line)
{
    struct text text = {{0}, 0};
    say_wire(&text, lab);
    _assert_string_equal(text.chars, expected, file, line);
}

void lab_assert_wire_is_whole(struct lab *lab, const char *file, int line)
{
    struct text text = {{0}, 0};
    say_wire(&text, lab);
    bool whole = strstr(text.chars, "torn") == NULL && strstr(text.chars, "damaged") == NULL &&
                 strstr(text.chars, "unknown") == NULL;
    _assert_true(whole, text.chars, file, line);
}

static void say_reply(struct text *text, const struct lab *lab)
{
    static const char *const results[] = {"done",      "timeout", "resend", "pending",
                                          "abandoned", "stale",   "refused"};
    const struct vm_reply *reply = &lab->reply;
    say(text, "%s", results[reply->result]);
    if (reply->flags & VM_REPLY_PACKET)
        say(text, " %s",
            body_name(requests, REQUESTS, reply->packet.header.bytes,
                      reply->packet.header.len_bytes + reply->packet.data.len_bytes, reply->packet.type));
    if (reply->flags & VM_REPLY_RESEND_NEXT)
        say(text, " resend_next");
    if (reply->flags & VM_REPLY_BREAK_IN)
        say(text, " break_in");
    if (reply->flags & VM_REPLY_NOT_PRESENT)
        say(text, " not_present");
}

void lab_assert_reply(struct lab *lab, const char *expected, const char *file, int line)
{
    struct text text = {{0}, 0};
    if (lab->replies == 1)
        say_reply(&text, lab);
    else
        say(&text, "%s", lab->replies == 0 ? "held" : "several");
    lab->replies = 0;
    _assert_string_equal(text.chars, expected, file, line);
}

void lab_assert_polled(struct lab *lab, const char *text, const char *file, int line)
{
    lab->replies = 0;
    lab_poll(lab);
    lab_assert_reply(lab, text, file, line);
}

/* ---- fixtures ---- */

int lab_setup(void **state)
{
    const struct relay_config config = {
        .hold_ns = LAB_HOLD, .byte_wait_ns = LAB_BYTE_WAIT, .reset_window_ns = 100 * LAB_MS, .token_seed = 1};
    struct lab *lab = calloc(1, sizeof(*lab));
    if (lab == NULL)
        return -1;
    lab->retries = 3;
    relay_init(&lab->core, &config);
    *state = lab;
    return 0;
}

int lab_teardown(void **state)
{
    free(*state);
    return 0;
}

void lab_boot(struct lab *lab)
{
    lab_hello(lab);
    assert_reply(lab, "done");
}

void lab_boot_attached(struct lab *lab)
{
    lab_boot(lab);
    lab_connect(lab);
    assert_wire(lab, "");
}

void lab_stop(struct lab *lab)
{
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    lab_receive(lab);
}
