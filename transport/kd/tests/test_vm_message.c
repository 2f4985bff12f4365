/* Goal: a message means the same on both sides, and no other bytes are taken for one.
 * Method: a table of good messages, each stored, loaded and stored again; a table of single wrong fields,
 * each refused; every length but the right one refused; random bytes, of which what is accepted must come
 * back the same. Messages are loaded from memory of exactly their size, so that the sanitizer sees a read
 * beyond it. */
#include "transport/kd/tests/kd_random.h"
#include "transport/kd/vm_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEXT                                                                                                 \
    {                                                                                                        \
        KD_TYPE_MANIPULATE, 56, 3944                                                                         \
    }
#define PACKET                                                                                               \
    {                                                                                                        \
        KD_TYPE_MANIPULATE, {NULL, 56},                                                                      \
        {                                                                                                    \
            NULL, 8                                                                                          \
        }                                                                                                    \
    }
#define LARGEST                                                                                              \
    {                                                                                                        \
        KD_TYPE_DEBUG_IO, {NULL, 16},                                                                        \
        {                                                                                                    \
            NULL, 3984                                                                                       \
        }                                                                                                    \
    }
#define TOKEN 0x8877665544332211u

static const struct vm_request requests[] = {
    {.version = 1, .kind = VM_HELLO, .version_min = 1, .machine = VM_MACHINE_X64},
    {.version = 255, .kind = VM_HELLO, .version_min = 255, .machine = VM_MACHINE_X86},
    {.version = 1, .kind = VM_SEND, .token = TOKEN, .packet = PACKET, .retries = 20},
    {.version = 1,
     .kind = VM_SEND,
     .flags = VM_FLAG_WANT_NEXT,
     .token = TOKEN,
     .packet = PACKET,
     .next = NEXT},
    {.version = 1, .kind = VM_SEND, .packet = LARGEST, .retries = 65535},
    {.version = 1, .kind = VM_SEND, .token = TOKEN, .packet = {KD_TYPE_TRACE_IO, {NULL, 0}, {NULL, 0}}},
    {.version = 1, .kind = VM_RECEIVE, .token = TOKEN, .next = NEXT},
    {.version = 1, .kind = VM_POLL, .token = UINT64_MAX},
    {.version = 1, .kind = VM_RESUME, .token = TOKEN},
    {.version = 1, .kind = VM_RESUME, .flags = VM_FLAG_WANT_NEXT, .token = TOKEN, .next = NEXT},
};

static const struct vm_reply replies[] = {
    {.version = 1, .kind = VM_HELLO, .token = TOKEN, .hold_ms = 250, .epoch = 0x0102030405060708},
    {.version = 1, .kind = VM_HELLO, .flags = VM_REPLY_NOT_PRESENT, .token = 1, .epoch = 1},
    {.version = 9, .kind = VM_HELLO, .result = VM_REFUSED},
    {.version = 1, .kind = 77, .result = VM_REFUSED, .epoch = 3},
    {.version = 1, .kind = VM_SEND, .token = TOKEN},
    {.version = 1,
     .kind = VM_SEND,
     .flags = VM_REPLY_PACKET | VM_REPLY_BREAK_IN,
     .token = TOKEN,
     .packet = PACKET},
    {.version = 1, .kind = VM_SEND, .flags = VM_REPLY_RESEND_NEXT, .token = TOKEN},
    {.version = 1, .kind = VM_SEND, .result = VM_PENDING, .token = TOKEN},
    {.version = 1, .kind = VM_SEND, .result = VM_ABANDONED, .flags = VM_REPLY_NOT_PRESENT, .token = TOKEN},
    {.version = 1, .kind = VM_SEND, .result = VM_STALE, .token = TOKEN},
    {.version = 1, .kind = VM_RESUME, .flags = VM_REPLY_PACKET, .token = TOKEN, .packet = PACKET},
    {.version = 1, .kind = VM_RESUME, .flags = VM_REPLY_RESEND_NEXT, .token = TOKEN},
    {.version = 1, .kind = VM_RESUME, .result = VM_PENDING, .token = TOKEN},
    {.version = 1, .kind = VM_RESUME, .result = VM_ABANDONED, .token = TOKEN},
    {.version = 1, .kind = VM_RECEIVE, .flags = VM_REPLY_PACKET, .token = TOKEN, .packet = LARGEST},
    {.version = 1, .kind = VM_RECEIVE, .result = VM_TIMEOUT, .token = TOKEN},
    {.version = 1, .kind = VM_RECEIVE, .result = VM_RESEND, .flags = VM_REPLY_BREAK_IN, .token = TOKEN},
    {.version = 1, .kind = VM_RECEIVE, .result = VM_STALE, .token = TOKEN},
    {.version = 1, .kind = VM_POLL, .flags = VM_REPLY_BREAK_IN, .token = TOKEN},
    {.version = 1, .kind = VM_POLL, .result = VM_STALE, .token = TOKEN},
};

enum { REQUESTS = sizeof(requests) / sizeof(requests[0]), REPLIES = sizeof(replies) / sizeof(replies[0]) };

/* One direction of the protocol, so that each property is written once for both. */
struct side {
    size_t messages;
    size_t (*store)(uint8_t *to, size_t index);
    enum kd_status (*load_and_store)(uint8_t *to, const uint8_t *bytes, size_t len_bytes);
};

/* Helpers */

/* The packet behind a stored header; returns the whole message's length. */
static size_t put_packet(uint8_t *to, const struct kd_packet *packet)
{
    size_t body_bytes = packet->header.len_bytes + packet->data.len_bytes;
    for (size_t i = 0; i < body_bytes; i++)
        to[VM_REQUEST_BYTES + i] = (uint8_t)(i * 7 + 1);
    return VM_REQUEST_BYTES + body_bytes;
}

static size_t store_request(uint8_t *to, size_t index)
{
    vm_request_store(to, &requests[index]);
    return put_packet(to, &requests[index].packet);
}

static size_t store_reply(uint8_t *to, size_t index)
{
    vm_reply_store(to, &replies[index]);
    return put_packet(to, &replies[index].packet);
}

static void assert_spans_cover(const struct kd_packet *packet, const uint8_t *bytes, size_t len_bytes)
{
    assert_ptr_equal(packet->header.bytes, bytes + VM_REQUEST_BYTES);
    assert_ptr_equal(packet->data.bytes, packet->header.bytes + packet->header.len_bytes);
    assert_ptr_equal(packet->data.bytes + packet->data.len_bytes, bytes + len_bytes);
}

static enum kd_status reload_request(uint8_t *to, const uint8_t *bytes, size_t len_bytes)
{
    struct vm_request request;
    enum kd_status status = vm_request_load(&request, bytes, len_bytes);
    if (status != KD_OK)
        return status;
    if (request.kind == VM_SEND)
        assert_spans_cover(&request.packet, bytes, len_bytes);
    vm_request_store(to, &request);
    return KD_OK;
}

static enum kd_status reload_reply(uint8_t *to, const uint8_t *bytes, size_t len_bytes)
{
    struct vm_reply reply;
    enum kd_status status = vm_reply_load(&reply, bytes, len_bytes);
    if (status != KD_OK)
        return status;
    if (reply.flags & VM_REPLY_PACKET)
        assert_spans_cover(&reply.packet, bytes, len_bytes);
    vm_reply_store(to, &reply);
    return KD_OK;
}

static const struct side sides[] = {{REQUESTS, store_request, reload_request},
                                    {REPLIES, store_reply, reload_reply}};

/* Loads from memory of exactly len_bytes; what was accepted must store to the same header. */
static enum kd_status load_exactly(const struct side *side, const uint8_t *message, size_t len_bytes)
{
    uint8_t stored[VM_REQUEST_BYTES];
    uint8_t *bytes = malloc(len_bytes + (len_bytes == 0));
    assert_non_null(bytes);
    memcpy(bytes, message, len_bytes);
    enum kd_status status = side->load_and_store(stored, bytes, len_bytes);
    if (status == KD_OK)
        assert_memory_equal(stored, bytes, sizeof(stored));
    free(bytes);
    return status;
}

/* Tests */

static void good_messages_come_back_the_same(void **state)
{
    static uint8_t message[VM_REQUEST_BYTES_MAX];
    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s].messages; i++) {
            memset(message, 0xEE, sizeof(message));
            size_t len_bytes = sides[s].store(message, i);
            enum kd_status status = load_exactly(&sides[s], message, len_bytes);
            if (status != KD_OK)
                fail_msg("message %zu of side %zu: %d", i, s, status);
        }
}

static void a_request_keeps_every_field(void **state)
{
    static uint8_t message[VM_REQUEST_BYTES_MAX];
    struct vm_request got;
    (void)state;
    for (size_t i = 0; i < REQUESTS; i++) {
        size_t len_bytes = store_request(message, i);
        assert_int_equal(vm_request_load(&got, message, len_bytes), KD_OK);
        assert_int_equal(got.version, requests[i].version);
        assert_int_equal(got.kind, requests[i].kind);
        assert_int_equal(got.flags, requests[i].flags);
        assert_true(got.token == requests[i].token);
        assert_int_equal(got.packet.type, requests[i].packet.type);
        assert_int_equal(got.packet.header.len_bytes, requests[i].packet.header.len_bytes);
        assert_int_equal(got.packet.data.len_bytes, requests[i].packet.data.len_bytes);
        assert_int_equal(got.retries, requests[i].retries);
        assert_int_equal(got.next.type, requests[i].next.type);
        assert_int_equal(got.next.header_bytes, requests[i].next.header_bytes);
        assert_int_equal(got.next.data_room, requests[i].next.data_room);
        assert_int_equal(got.version_min, requests[i].version_min);
        assert_int_equal(got.machine, requests[i].machine);
    }
}

static void a_reply_keeps_every_field(void **state)
{
    static uint8_t message[VM_REPLY_BYTES_MAX];
    struct vm_reply got;
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        size_t len_bytes = store_reply(message, i);
        assert_int_equal(vm_reply_load(&got, message, len_bytes), KD_OK);
        assert_int_equal(got.version, replies[i].version);
        assert_int_equal(got.kind, replies[i].kind);
        assert_int_equal(got.result, replies[i].result);
        assert_int_equal(got.flags, replies[i].flags);
        assert_true(got.token == replies[i].token);
        assert_int_equal(got.packet.type, replies[i].packet.type);
        assert_int_equal(got.packet.header.len_bytes, replies[i].packet.header.len_bytes);
        assert_int_equal(got.packet.data.len_bytes, replies[i].packet.data.len_bytes);
        assert_int_equal(got.hold_ms, replies[i].hold_ms);
        assert_true(got.epoch == replies[i].epoch);
    }
}

static void bytes_stand_where_the_header_says(void **state)
{
    static const uint8_t request[VM_REQUEST_BYTES] = {
        0x46, 0x4B, 1, VM_SEND, 1, 0, 2,  0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
        56,   0,    8, 0,       2, 0, 56, 0, 0x68, 0x0F, 0x14, 0,    0,    0,    0,    0,
    };
    static const uint8_t reply[VM_REPLY_BYTES] = {
        0x46, 0x4B, 1,  VM_RECEIVE, 0,    0,    1, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
        3,    0,    16, 0,          0x90, 0x0F, 0, 0, 8,    7,    6,    5,    4,    3,    2,    1,
    };
    uint8_t stored[VM_REQUEST_BYTES];
    (void)state;
    struct vm_request send = requests[3];
    send.retries = 20;
    vm_request_store(stored, &send);
    assert_memory_equal(stored, request, sizeof(request));
    struct vm_reply receive = replies[14];
    receive.epoch = 0x0102030405060708;
    vm_reply_store(stored, &receive);
    assert_memory_equal(stored, reply, sizeof(reply));
}

/* What does not belong to a kind is written as zero, whatever the caller's struct holds there. */
static void storing_writes_zero_for_what_a_kind_lacks(void **state)
{
    struct vm_request request;
    struct vm_reply reply;
    uint8_t stored[VM_REQUEST_BYTES];
    (void)state;
    request = (struct vm_request){.version = 1,
                                  .kind = VM_POLL,
                                  .token = 5,
                                  .packet = PACKET,
                                  .retries = 9,
                                  .next = NEXT,
                                  .version_min = 1,
                                  .machine = 2};
    vm_request_store(stored, &request);
    assert_int_equal(load_exactly(&sides[0], stored, sizeof(stored)), KD_OK);
    reply = (struct vm_reply){.version = 1, .kind = VM_POLL, .token = 5, .packet = PACKET, .hold_ms = 250};
    vm_reply_store(stored, &reply);
    assert_int_equal(load_exactly(&sides[1], stored, sizeof(stored)), KD_OK);
}

static void every_other_length_is_refused(void **state)
{
    static uint8_t message[VM_REQUEST_BYTES_MAX + 64];
    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s].messages; i++) {
            size_t right = sides[s].store(message, i);
            for (size_t len_bytes = 0; len_bytes <= right + 40; len_bytes++)
                if (len_bytes != right)
                    assert_int_equal(load_exactly(&sides[s], message, len_bytes), KD_ERR_BAD_MESSAGE);
        }
}

struct wrong {
    const char *what;
    size_t side, index; /* of a good message */
    size_t at;
    int bytes; /* of the field */
    uint64_t value;
    enum kd_status status;
};

static void a_wrong_field_is_refused(void **state)
{
    enum { BAD = KD_ERR_BAD_MESSAGE, BIG = KD_ERR_TOO_BIG, REQUEST = 0, REPLY = 1 };
    enum { HELLO = 0, SEND = 2, SEND_NEXT = 3, RECEIVE = 6, POLL = 7, RESUME = 8, RESUME_NEXT = 9 };
    enum { R_HELLO = 0, R_REFUSED = 2, R_SENT = 4, R_SENT_PACKET = 5, R_SENT_RESEND = 6, R_PENDING = 7 };
    enum { R_RECEIVED = 14, R_TIMEOUT = 15, R_POLLED = 18 };
    static const struct wrong wrongs[] = {
        {"magic", REQUEST, POLL, 0, 2, 0x4B47, BAD},
        {"version", REQUEST, POLL, 2, 1, 0, BAD},
        {"version", REQUEST, POLL, 2, 1, VM_VERSION_MAX + 1, BAD},
        {"kind", REQUEST, POLL, 3, 1, 0, BAD},
        {"kind", REQUEST, POLL, 3, 1, VM_RESUME + 1, BAD},
        {"kind", REQUEST, POLL, 3, 1, 255, BAD},
        {"flags that the kind may not have", REQUEST, POLL, 4, 2, VM_FLAG_WANT_NEXT, BAD},
        {"flags that the kind may not have", REQUEST, RECEIVE, 4, 2, VM_FLAG_WANT_NEXT, BAD},
        {"flags that the kind may not have", REQUEST, HELLO, 4, 2, VM_FLAG_WANT_NEXT, BAD},
        {"flags that the kind may not have", REQUEST, SEND, 4, 2, 2, BAD},
        {"flags that the kind may not have", REQUEST, SEND_NEXT, 4, 2, 0x8001, BAD},
        {"wants a next of type 0", REQUEST, SEND, 4, 2, VM_FLAG_WANT_NEXT, BAD},
        {"next without the flag", REQUEST, SEND_NEXT, 4, 2, 0, BAD},
        {"next without the flag", REQUEST, RESUME_NEXT, 4, 2, 0, BAD},
        {"packet type without a packet", REQUEST, POLL, 6, 2, 2, BAD},
        {"packet type without a packet", REQUEST, RESUME, 6, 2, 2, BAD},
        {"not a data type", REQUEST, SEND, 6, 2, 0, BAD},
        {"not a data type", REQUEST, SEND, 6, 2, KD_TYPE_ACK, BAD},
        {"not a data type", REQUEST, SEND, 6, 2, KD_TYPE_POLL, BAD},
        {"not a data type", REQUEST, SEND, 6, 2, 0x0102, BAD},
        {"a hello's token", REQUEST, HELLO, 8, 8, 1, BAD},
        {"lowest version", REQUEST, HELLO, 16, 2, 0, BAD},
        {"above the highest", REQUEST, HELLO, 16, 2, 2, BAD},
        {"above the highest", REQUEST, HELLO, 16, 2, 0x0101, BAD},
        {"machine", REQUEST, HELLO, 18, 2, 0, BAD},
        {"machine", REQUEST, HELLO, 18, 2, 0x8665, BAD},
        {"highest version", REQUEST, HELLO, 2, 1, 0, BAD},
        {"lengths without a packet", REQUEST, POLL, 16, 2, 1, BAD},
        {"lengths without a packet", REQUEST, RECEIVE, 18, 2, 1, BAD},
        {"lengths that disagree with the message's", REQUEST, SEND, 16, 2, 55, BAD},
        {"lengths that disagree with the message's", REQUEST, SEND, 18, 2, 9, BAD},
        {"3993 + 8", REQUEST, SEND, 16, 2, 3993, BIG},
        {"3993 + 8", REQUEST, SEND, 18, 2, 65535, BIG},
        {"3993 + 8", REQUEST, SEND, 16, 4, 0xFFFFFFFF, BIG},
        {"next of a kind that has none", REQUEST, POLL, 20, 2, 2, BAD},
        {"next of a kind that has none", REQUEST, HELLO, 22, 2, 1, BAD},
        {"next of a kind that has none", REQUEST, SEND, 24, 2, 1, BAD},
        {"next that is not a data type", REQUEST, RECEIVE, 20, 2, 0, BAD},
        {"next that is not a data type", REQUEST, RECEIVE, 20, 2, KD_TYPE_POLL, BAD},
        {"next that is not a data type", REQUEST, SEND_NEXT, 20, 2, KD_TYPE_RESET, BAD},
        {"next that is not a data type", REQUEST, RESUME_NEXT, 20, 2, 0, BAD},
        {"retries of a kind that has none", REQUEST, RECEIVE, 26, 2, 1, BAD},
        {"retries of a kind that has none", REQUEST, RESUME, 26, 2, 20, BAD},
        {"reserved", REQUEST, SEND, 28, 4, 1, BAD},
        {"reserved", REQUEST, POLL, 28, 4, 0x80000000, BAD},
        {"magic", REPLY, R_SENT, 0, 2, 0x4B47, BAD},
        {"magic", REPLY, R_REFUSED, 0, 2, 0x4B47, BAD},
        {"version", REPLY, R_SENT, 2, 1, 0, BAD},
        {"version", REPLY, R_SENT, 2, 1, VM_VERSION_MAX + 1, BAD},
        {"kind", REPLY, R_SENT, 3, 1, 0, BAD},
        {"kind", REPLY, R_SENT, 3, 1, VM_RESUME + 1, BAD},
        {"kind", REPLY, R_SENT, 3, 1, 255, BAD},
        {"a receive done without a packet", REPLY, R_SENT, 3, 1, VM_RECEIVE, BAD},
        {"results that the kind cannot have", REPLY, R_SENT, 4, 2, VM_TIMEOUT, BAD},
        {"results that the kind cannot have", REPLY, R_SENT, 4, 2, VM_RESEND, BAD},
        {"results that the kind cannot have", REPLY, R_SENT, 4, 2, VM_REFUSED + 1, BAD},
        {"results that the kind cannot have", REPLY, R_SENT, 4, 2, 0xFFFF, BAD},
        {"results that the kind cannot have", REPLY, R_TIMEOUT, 4, 2, VM_DONE, BAD},
        {"results that the kind cannot have", REPLY, R_TIMEOUT, 4, 2, VM_PENDING, BAD},
        {"results that the kind cannot have", REPLY, R_TIMEOUT, 4, 2, VM_ABANDONED, BAD},
        {"results that the kind cannot have", REPLY, R_POLLED, 4, 2, VM_TIMEOUT, BAD},
        {"results that the kind cannot have", REPLY, R_HELLO, 4, 2, VM_STALE, BAD},
        {"flags", REPLY, R_SENT, 6, 2, 0x10, BAD},
        {"flags", REPLY, R_SENT, 6, 2, 0x8000, BAD},
        {"a packet of type 0", REPLY, R_SENT, 6, 2, VM_REPLY_PACKET, BAD},
        {"packet fields without the flag", REPLY, R_SENT_PACKET, 6, 2, 0, BAD},
        {"a packet and RESEND_NEXT", REPLY, R_SENT_PACKET, 6, 2, 9, BAD},
        {"a packet for a kind that gets none", REPLY, R_SENT_PACKET, 3, 1, VM_POLL, BAD},
        {"or with a result that has none", REPLY, R_SENT_PACKET, 4, 2, VM_PENDING, BAD},
        {"or with a result that has none", REPLY, R_RECEIVED, 4, 2, VM_TIMEOUT, BAD},
        {"or with a result that has none", REPLY, R_RECEIVED, 4, 2, VM_REFUSED, BAD},
        {"RESEND_NEXT likewise", REPLY, R_SENT_RESEND, 3, 1, VM_POLL, BAD},
        {"RESEND_NEXT likewise", REPLY, R_SENT_RESEND, 4, 2, VM_PENDING, BAD},
        {"token", REPLY, R_SENT, 8, 8, 0, BAD},
        {"token", REPLY, R_PENDING, 8, 8, 0, BAD},
        {"packet fields without a packet", REPLY, R_SENT, 16, 2, 2, BAD},
        {"packet fields without a packet", REPLY, R_SENT, 18, 2, 56, BAD},
        {"packet fields without a packet", REPLY, R_SENT, 20, 2, 8, BAD},
        {"not a data type", REPLY, R_RECEIVED, 16, 2, KD_TYPE_RESEND, BAD},
        {"lengths that disagree with the message's", REPLY, R_RECEIVED, 18, 2, 15, BAD},
        {"lengths that disagree with the message's", REPLY, R_RECEIVED, 18, 2, 17, BIG},
        {"lengths that disagree with the message's", REPLY, R_RECEIVED, 18, 4, 0xFFFFFFFF, BIG},
        {"hold time of a kind that has none", REPLY, R_SENT, 22, 2, 250, BAD},
    };
    static uint8_t message[VM_REQUEST_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        const struct wrong *wrong = &wrongs[i];
        size_t len_bytes = sides[wrong->side].store(message, wrong->index);
        for (int b = 0; b < wrong->bytes; b++)
            message[wrong->at + (size_t)b] = (uint8_t)(wrong->value >> 8 * b);
        enum kd_status status = load_exactly(&sides[wrong->side], message, len_bytes);
        if (status != wrong->status)
            fail_msg("row %zu, %s: expected %d, actual %d", i, wrong->what, wrong->status, status);
    }
}

/* A relay of another version must still be able to say no. */
static void a_refusal_needs_no_version_and_no_token(void **state)
{
    uint8_t message[VM_REPLY_BYTES];
    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        store_reply(message, 2);
        message[2] = (uint8_t)version;
        assert_int_equal(load_exactly(&sides[1], message, sizeof(message)), KD_OK);
    }
}

/* Good messages with a few wrong bytes and a wrong length: load_exactly asserts what must hold of the
 * accepted. */
static void random_messages_are_refused_or_come_back_the_same(void **state)
{
    static uint8_t message[VM_REQUEST_BYTES_MAX + 64];
    uint32_t seed = 1;
    size_t accepted = 0, rounds = 40000;
    (void)state;
    for (size_t round = 0; round < rounds; round++) {
        const struct side *side = &sides[kd_random(&seed) % 2];
        size_t len_bytes = side->store(message, kd_random(&seed) % side->messages);
        for (uint32_t n = kd_random(&seed) % 4; n > 0; n--)
            message[kd_random(&seed) % VM_REQUEST_BYTES] = (uint8_t)kd_random(&seed);
        if (kd_random(&seed) % 4 == 0)
            len_bytes = kd_random(&seed) % 128;
        accepted += load_exactly(side, message, len_bytes) == KD_OK;
    }
    assert_in_range(accepted, rounds / 20, rounds - rounds / 20);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_messages_come_back_the_same),
        cmocka_unit_test(a_request_keeps_every_field),
        cmocka_unit_test(a_reply_keeps_every_field),
        cmocka_unit_test(bytes_stand_where_the_header_says),
        cmocka_unit_test(storing_writes_zero_for_what_a_kind_lacks),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(a_wrong_field_is_refused),
        cmocka_unit_test(a_refusal_needs_no_version_and_no_token),
        cmocka_unit_test(random_messages_are_refused_or_come_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
