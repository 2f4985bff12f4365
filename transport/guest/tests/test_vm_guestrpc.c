/* Goal:   the GuestRPC client makes exactly the register calls of vmware-backdoor.md, survives what a host
 *         may do, and does a bounded amount of work whatever the host answers.
 * Method: the document's vectors V1 to V19 are played call by call, inputs compared register by register;
 *         everything else runs against the host model of fake_vmware.c, which scrambles all don't-care bits
 *         and judges conduct. V13 (a) and (c) concern TCLO, V16 a length that the module never sends whole,
 *         V20 a receiver that splits: not this client's. */
#include "transport/guest/tests/fake_vmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAGIC   0x564D5868u
#define HIGH    0x9E3779B9u
#define LOW     0x7F4A7C15u
#define KEEP    0xFFFFFFFFu /* an output that stays as it was */
#define ADDRESS 0xADD4E550u /* an input that is the address of the caller's buffer */

/* ---- the vector player --------------------------------------------------------------------------------- */

/* One row of a vector: the call, its inputs, its outputs, and for string calls the bytes that pass. */
struct row {
    enum fake_call call;
    uint32_t ebx, ecx, edx, esi, edi, ebp;
    uint32_t out_eax, out_ebx, out_ecx, out_edx, out_esi, out_edi;
    const char *payload;
};

static const struct row *rows;
static uint32_t rows_left;

static void check_input(const char *name, uintptr_t got, uint32_t wanted)
{
    if (wanted != ADDRESS && (uint64_t)got != wanted)
        fail_msg("%u rows left: %s is %08llX, the vector says %08X", rows_left, name, (unsigned long long)got,
                 wanted);
}

static void set_output(uintptr_t *reg, uint32_t value)
{
    if (value != KEEP)
        *reg = value;
}

static void play(enum fake_call call, struct kd_backdoor_registers *r)
{
    assert_true(rows_left > 0);
    const struct row *row = rows++;
    rows_left--;
    assert_int_equal(call, row->call);
    check_input("EAX", r->rax, MAGIC);
    check_input("EBX", r->rbx, row->ebx);
    check_input("ECX", r->rcx, row->ecx);
    check_input("EDX", r->rdx, row->edx);
    check_input("ESI", r->rsi, row->esi);
    check_input("EDI", r->rdi, row->edi);
    check_input("EBP", r->rbp, row->ebp);
    if (call == FAKE_OUTS)
        assert_memory_equal((const void *)r->rsi, row->payload, row->ecx);
    if (call == FAKE_INS)
        memcpy((void *)r->rdi, row->payload, row->ecx);
    set_output(&r->rax, row->out_eax);
    set_output(&r->rbx, row->out_ebx);
    set_output(&r->rcx, row->out_ecx);
    set_output(&r->rdx, row->out_edx);
    set_output(&r->rsi, row->out_esi);
    set_output(&r->rdi, row->out_edi);
}

#define LB_OUT(ebx, ecx, edx) KEEP, ebx, ecx, edx, KEEP, KEEP, NULL
#define LB(ebx_, ecx_, edx_, ...)                                                                            \
    {                                                                                                        \
        FAKE_LB, ebx_, ecx_, edx_, HIGH, LOW, 0, LB_OUT(__VA_ARGS__)                                         \
    }
#define OPEN_OK                                                                                              \
    {                                                                                                        \
        FAKE_LB, 0xC9435052, 0x0000001E, 0x00005658, 0, 0, 0, KEEP, KEEP, 0x00010000, 0x00030000, HIGH, LOW, \
            NULL                                                                                             \
    }
#define OUTS(count, status, bytes)                                                                           \
    {                                                                                                        \
        FAKE_OUTS, 0x00010000, count, 0x00035659, ADDRESS, LOW, HIGH, KEEP, status, 0, KEEP, KEEP, KEEP,     \
            bytes                                                                                            \
    }
#define INS(count, status, bytes)                                                                            \
    {                                                                                                        \
        FAKE_INS, 0x00010000, count, 0x00035659, HIGH, ADDRESS, LOW, KEEP, status, 0, KEEP, KEEP, KEEP,      \
            bytes                                                                                            \
    }
#define GETVERSION(eax, ebx, ecx)                                                                            \
    {                                                                                                        \
        FAKE_LB, 0xA9B2A797, 0xFFFF000A, 0x00005658, 0, 0, 0, eax, ebx, ecx, KEEP, KEEP, KEEP, NULL          \
    }
#define CLOSE_OK        LB(0, 0x0006001E, 0x00035658, KEEP, 0x00010000, 0x00030000)
#define STATUS_OK       LB(1, 0x0005001E, 0x00035658, KEEP, 0x00010000, 0x00030000)
#define SEND_SIZE_HB    LB(0x14, 0x0001001E, 0x00035658, KEEP, 0x00810000, 0x00030000)
#define RECEIVE_SIZE_HB LB(0, 0x0003001E, 0x00035658, 7, 0x00830000, 0x00010000)
#define WORD(value)     LB(value, 0x0002001E, 0x00035658, KEEP, 0x00010000, 0x00030000)

static void start_vector(const struct row *vector, uint32_t count)
{
    fake_platform_reset();
    fake.backdoor = play;
    rows = vector;
    rows_left = count;
}
#define START(vector) start_vector(vector, sizeof vector / sizeof vector[0])

static const char info_get[] = "info-get guestinfo.x";

struct call {
    struct vm_guestrpc rpc;
    uint8_t reply[4096 + 2]; /* the last two are a red zone */
    uint32_t len_bytes;
};

static enum kd_status call_with_room(struct call *call, const void *request, uint32_t request_bytes,
                                     uint32_t room)
{
    memset(call->reply, 0xEE, sizeof call->reply);
    enum kd_status status =
        vm_guestrpc_call(&call->rpc, request, request_bytes, call->reply, room, &call->len_bytes);
    for (uint32_t i = room; i < sizeof call->reply; i++)
        assert_int_equal(call->reply[i], 0xEE);
    return status;
}

/* The conversation of V4 and V5: one RPC on a fresh channel, then a close. */
static void assert_hello_conversation(void)
{
    struct call call = {.len_bytes = 0};
    assert_int_equal(call_with_room(&call, info_get, 20, 100), KD_OK);
    assert_int_equal(call.len_bytes, 7);
    assert_memory_equal(call.reply, "1 hello", 7);
    vm_guestrpc_close(&call.rpc);
    assert_int_equal(rows_left, 0);
}

static void v1_workstation_is_detected(void **state)
{
    (void)state;
    static const struct row vector[] = {GETVERSION(6, MAGIC, 4)};
    START(vector);
    assert_true(vm_guestrpc_detect());
    assert_int_equal(fake.exits, 1);
}

static void v2_qemu_is_detected_but_opens_nothing(void **state)
{
    (void)state;
#define REFUSED(protocol)                                                                                    \
    {                                                                                                        \
        FAKE_LB, protocol, 0x0000001E, 0x00005658, 0, 0, 0, KEEP, KEEP, KEEP, KEEP, KEEP, KEEP, NULL         \
    }
    static const struct row vector[] = {GETVERSION(6, MAGIC, 2), REFUSED(0xC9435052), REFUSED(0x49435052)};
    START(vector);
    struct vm_guestrpc rpc = {.is_open = false};
    assert_true(vm_guestrpc_detect());
    assert_int_equal(vm_guestrpc_open(&rpc), KD_ERR_NO_DEVICE);
    assert_false(rpc.is_open);
    assert_int_equal(fake.exits, 3);
}

static void v3_absent_backdoors_are_not_detected(void **state)
{
    (void)state;
    static const struct row vector[] = {GETVERSION(0, KEEP, KEEP), GETVERSION(MAGIC, KEEP, KEEP)};
    START(vector);
    assert_false(vm_guestrpc_detect());
    assert_false(vm_guestrpc_detect());
    fake_platform_reset();
    assert_false(vm_guestrpc_detect()); /* all ones */
}

static void v4_low_bandwidth_takes_twelve_exits(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        LB(0x14, 0x0001001E, 0x00035658, KEEP, 0x00010000, 0x00030000),
                                        WORD(0x6F666E69),
                                        WORD(0x7465672D),
                                        WORD(0x65756720),
                                        WORD(0x6E697473),
                                        WORD(0x782E6F66),
                                        LB(0, 0x0003001E, 0x00035658, 7, 0x00030000, 0x00010000),
                                        LB(1, 0x0004001E, 0x00035658, 0x65682031, 0x00010000, 0x00020000),
                                        LB(1, 0x0004001E, 0x00035658, 0x006F6C6C, 0x00010000, 0x00020000),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 12);
}

static void v5_high_bandwidth_takes_seven_exits(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        SEND_SIZE_HB,
                                        OUTS(20, 0x00010000, info_get),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00010000, "1 hello"),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 7);
}

static void v6_a_refused_open_is_tried_once_without_cookies(void **state)
{
    (void)state;
#define NO_CHANNEL(protocol)                                                                                 \
    {                                                                                                        \
        FAKE_LB, protocol, 0x0000001E, 0x00005658, 0, 0, 0, KEEP, KEEP, 0, KEEP, KEEP, KEEP, NULL            \
    }
    static const struct row vector[] = {NO_CHANNEL(0xC9435052), NO_CHANNEL(0x49435052)};
    START(vector);
    struct vm_guestrpc rpc = {.is_open = false};
    assert_int_equal(vm_guestrpc_open(&rpc), KD_ERR_NO_DEVICE);
    assert_int_equal(rows_left, 0);
}

static void v7_a_host_without_cookies_gets_zeros(void **state)
{
    (void)state;
    static const struct row vector[] = {
        NO_CHANNEL(0xC9435052),
        {FAKE_LB, 0x49435052, 0x0000001E, 0x00005658, 0, 0, 0, KEEP, KEEP, 0x00010000, 0x00030000, 0xBAD,
         0xBAD, NULL},
        {FAKE_LB, 0, 0x0006001E, 0x00035658, 0, 0, 0, KEEP, KEEP, 0x00010000, KEEP, KEEP, KEEP, NULL}};
    START(vector);
    struct vm_guestrpc rpc = {.is_open = false};
    assert_int_equal(vm_guestrpc_open(&rpc), KD_OK);
    vm_guestrpc_close(&rpc);
    assert_int_equal(rows_left, 0);
}

static void v9_a_checkpoint_in_a_low_bandwidth_send_restarts_it(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        LB(0x14, 0x0001001E, 0x00035658, KEEP, 0x00010000, 0x00030000),
                                        WORD(0x6F666E69),
                                        WORD(0x7465672D),
                                        LB(0x65756720, 0x0002001E, 0x00035658, KEEP, 0x00100000, 0x00030000),
                                        LB(0x14, 0x0001001E, 0x00035658, KEEP, 0x00010000, 0x00030000),
                                        WORD(0x6F666E69),
                                        WORD(0x7465672D),
                                        WORD(0x65756720),
                                        WORD(0x6E697473),
                                        WORD(0x782E6F66),
                                        LB(0, 0x0003001E, 0x00035658, 7, 0x00030000, 0x00010000),
                                        LB(1, 0x0004001E, 0x00035658, 0x65682031, 0x00010000, 0x00020000),
                                        LB(1, 0x0004001E, 0x00035658, 0x006F6C6C, 0x00010000, 0x00020000),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 16);
}

static void v10_a_checkpoint_in_a_string_send_restarts_it(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        SEND_SIZE_HB,
                                        OUTS(20, 0x00100000, info_get),
                                        SEND_SIZE_HB,
                                        OUTS(20, 0x00010000, info_get),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00010000, "1 hello"),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 9);
}

static void v11_a_checkpoint_in_a_string_receive_refetches(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        SEND_SIZE_HB,
                                        OUTS(20, 0x00010000, info_get),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00100000, "garbage"),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00010000, "1 hello"),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 9);
}

static void v12_a_checkpoint_on_the_status_refetches(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        SEND_SIZE_HB,
                                        OUTS(20, 0x00010000, info_get),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00010000, "1 hello"),
                                        LB(1, 0x0005001E, 0x00035658, KEEP, 0x00100000, 0x00030000),
                                        RECEIVE_SIZE_HB,
                                        INS(7, 0x00010000, "1 hello"),
                                        STATUS_OK,
                                        CLOSE_OK};
    START(vector);
    assert_hello_conversation();
    assert_int_equal(fake.exits, 10);
}

static void v13_an_empty_reply_is_fetched_without_payload(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK, SEND_SIZE_HB, OUTS(20, 0x00010000, info_get),
                                        LB(0, 0x0003001E, 0x00035658, 0, 0x00830000, 0x00010000), STATUS_OK};
    START(vector);
    struct call call = {.len_bytes = 0};
    assert_int_equal(call_with_room(&call, info_get, 20, 100), KD_ERR_BAD_MESSAGE); /* no RPCI prefix */
    assert_int_equal(rows_left, 0);
    assert_true(call.rpc.is_open);
}

static void v14_the_last_word_is_padded_and_cut(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK,
                                        LB(5, 0x0001001E, 0x00035658, KEEP, 0x00010000, 0x00030000),
                                        WORD(0x64636261),
                                        WORD(0x00000065),
                                        LB(0, 0x0003001E, 0x00035658, 5, 0x00030000, 0x00010000),
                                        LB(1, 0x0004001E, 0x00035658, 0x62612031, 0x00010000, 0x00020000),
                                        LB(1, 0x0004001E, 0x00035658, 0xFFFFFF63, 0x00010000, 0x00020000),
                                        STATUS_OK};
    START(vector);
    struct call call = {.len_bytes = 0};
    assert_int_equal(call_with_room(&call, "abcde", 5, 5), KD_OK); /* the red zone begins at once */
    assert_memory_equal(call.reply, "1 abc", 5);
}

static void v15_a_reply_over_the_room_is_discarded(void **state)
{
    (void)state;
    static const struct row vector[] = {OPEN_OK, SEND_SIZE_HB, OUTS(20, 0x00010000, info_get),
                                        LB(0, 0x0003001E, 0x00035658, 0x2000, 0x00830000, 0x00010000),
                                        LB(0, 0x0004001E, 0x00035658, KEEP, 0x00000000, 0x00030000)};
    START(vector);
    struct call call = {.len_bytes = 0};
    assert_int_equal(call_with_room(&call, info_get, 20, 0x1000), KD_ERR_TOO_BIG);
    assert_int_equal(rows_left, 0);
    assert_true(call.rpc.is_open);
}

static void v19_an_echoed_request_is_nobody(void **state)
{
    (void)state;
    static const struct row vector[] = {
        OPEN_OK, LB(0x14, 0x0001001E, 0x00035658, KEEP, KEEP, KEEP), /* ECX comes back: looks like SUCCESS */
        LB(0, 0x0006001E, 0x00035658, KEEP, KEEP, KEEP), NO_CHANNEL(0xC9435052), NO_CHANNEL(0x49435052)};
    START(vector);
    struct call call = {.len_bytes = 0};
    assert_int_equal(call_with_room(&call, info_get, 20, 100), KD_ERR_CLOSED);
    assert_int_equal(rows_left, 0);
}

/* ---- against the host model ---------------------------------------------------------------------------- */

/* "1 " and the request backwards: a reply that a mixed-up buffer could not pass for. */
static uint32_t reverse(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    memcpy(reply, "1 ", 2);
    for (uint32_t i = 0; i < len_bytes; i++)
        reply[2 + i] = message[len_bytes - 1 - i];
    return len_bytes + 2;
}

static uint32_t unknown_command(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    (void)message;
    (void)len_bytes;
    memcpy(reply, "0 Unknown command", 17);
    return 17;
}

static uint32_t no_prefix(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    (void)message;
    (void)len_bytes;
    memcpy(reply, "1-hello", 7);
    return 7;
}

static int set_up(void **state)
{
    static struct call call;
    memset(&call, 0, sizeof call);
    fake_platform_reset();
    fake_vmware_reset(reverse);
    *state = &call;
    return 0;
}

/* Whatever a test did, the client behaved, and what it opened it closed or was told is gone. */
static int tear_down(void **state)
{
    struct call *call = *state;
    vm_guestrpc_close(&call->rpc);
    return vmware.violations > 0;
}

static void assert_reversed(struct call *call, uint32_t bytes)
{
    uint8_t request[2048] = {0};
    for (uint32_t i = 0; i < bytes; i++)
        request[i] = (uint8_t)(i * 7 + 1);
    assert_int_equal(call_with_room(call, request, bytes, bytes + 2), KD_OK);
    assert_int_equal(call->len_bytes, bytes + 2);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(call->reply[2 + i], request[bytes - 1 - i]);
}

static void a_string_round_trip_is_five_exits_at_any_length(void **state)
{
    struct call *call = *state;
    static const uint32_t lengths[] = {1, 2, 3, 4, 5, 39, 521, 2048};
    assert_reversed(call, 8);
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint32_t before = fake.exits;
        assert_reversed(call, lengths[i]);
        assert_int_equal(fake.exits - before, 5);
    }
}

static void a_word_round_trip_is_three_exits_and_the_words(void **state)
{
    struct call *call = *state;
    vmware.has_hb = false;
    assert_reversed(call, 8);
    for (uint32_t n = 1; n <= 70; n++) {
        uint32_t before = fake.exits;
        assert_reversed(call, n);
        assert_int_equal(fake.exits - before, 3 + (n + 3) / 4 + (n + 2 + 3) / 4);
    }
}

static void a_host_without_cookies_is_served(void **state)
{
    vmware.has_cookies = false;
    assert_reversed(*state, 100);
    assert_int_equal(fake.exits, 2 + 5);
}

static void one_channel_serves_many_calls(void **state)
{
    for (unsigned i = 0; i < 50; i++)
        assert_reversed(*state, 40);
    assert_int_equal(vmware.opens, 1);
    assert_int_equal(vmware.messages, 50);
}

static void a_refused_command_keeps_the_channel(void **state)
{
    struct call *call = *state;
    vmware.handler = unknown_command;
    assert_int_equal(call_with_room(call, "x", 1, 100), KD_ERR_NO_DEVICE);
    vmware.handler = no_prefix;
    assert_int_equal(call_with_room(call, "x", 1, 100), KD_ERR_BAD_MESSAGE);
    assert_int_equal(vmware.opens, 1);
    assert_int_equal(vmware.closes, 0);
}

static void v8_a_wrong_cookie_costs_a_channel(void **state)
{
    struct call *call = *state;
    assert_reversed(call, 3);
    call->rpc.cookie_low ^= 1;
    assert_reversed(call, 3);
    assert_int_equal(vmware.opens, 2);
    assert_int_equal(fake_vmware_open_channels(), 2); /* the host keeps the one that nobody can name */
}

static void v17_a_forgotten_channel_is_reopened_and_the_request_sent_once_more(void **state)
{
    struct call *call = *state;
    assert_reversed(call, 30);
    fake_vmware_forget_channels();
    uint32_t before = fake.exits;
    assert_reversed(call, 30);
    assert_int_equal(fake.exits - before, 1 + 1 + 1 + 5); /* SENDSIZE, CLOSE, OPEN, and the call */
    assert_int_equal(vmware.messages, 2);
}

/* A checkpoint at the 1st, 2nd, ... call until none is hit; low and high bandwidth. */
static void a_checkpoint_anywhere_is_survived_on_the_same_channel(void **state)
{
    for (unsigned hb = 0; hb < 2; hb++) {
        for (uint32_t nth = 1;; nth++) {
            set_up(state);
            vmware.has_hb = hb;
            fake_vmware_fault(nth, 0x10);
            assert_reversed(*state, 17);
            assert_int_equal(vmware.opens, 1);
            if (vmware.fault_at > 0)
                break;
        }
    }
    assert_int_equal(vmware.violations, 0);
}

/* Rule 27 looks at CPT only where SUCCESS is clear: the call was acted on, and is not made again. */
static void a_checkpoint_beside_success_means_nothing(void **state)
{
    for (unsigned hb = 0; hb < 2; hb++) {
        for (uint32_t nth = 1;; nth++) {
            set_up(state);
            vmware.has_hb = hb;
            vmware.fault_after_handler = true;
            fake_vmware_fault(nth, hb ? 0x93 : 0x13); /* and what a size call has to say */
            assert_reversed(*state, 17);
            if (vmware.fault_at > 0)
                break;
            assert_int_equal(vmware.messages, 1);
            assert_int_equal(fake.exits, hb ? 6 : 1 + 3 + 5 + 5);
        }
    }
}

static void endless_checkpoints_end(void **state)
{
    struct call *call = *state;
    fake_vmware_fault(3, 0x10);
    vmware.fault_count = 1000;
    assert_int_equal(call_with_room(call, "abcd", 4, 100), KD_ERR_CLOSED);
    /* per channel OPEN, four times SENDSIZE and the string, CLOSE */
    assert_int_equal(fake.exits, 2 * (1 + 4 * 2 + 1));
    assert_int_equal(fake_vmware_open_channels(), 0);
}

/* Any status without SUCCESS at any call, before or after the host acted: the call succeeds all the same, on
 * a second channel if it must be, and the handler ran once or twice. */
static void any_single_failure_is_survived(void **state)
{
    static const uint32_t statuses[] = {0x00, 0x04, 0x08, 0x20, 0x40, 0x44, 0x82, 0xFFFE & ~0x10};
    for (unsigned i = 0; i < 2 * sizeof statuses / sizeof statuses[0]; i++) {
        for (uint32_t nth = 1;; nth++) {
            set_up(state);
            vmware.fault_after_handler = i & 1;
            fake_vmware_fault(nth, statuses[i / 2]);
            assert_reversed(*state, 17);
            if (vmware.fault_at > 0)
                break;
            assert_in_range(vmware.messages, 1, 2);
            assert_in_range(fake.exits, 6, 20);
        }
    }
}

static void a_reply_that_is_not_there_yet_is_waited_for(void **state)
{
    vmware.reply_waits = VM_GUESTRPC_WAITS_MAX;
    assert_reversed(*state, 20);
    assert_int_equal(vmware.opens, 1);
}

static void a_reply_that_never_comes_ends_in_bounded_work(void **state)
{
    struct call *call = *state;
    vmware.reply_waits = UINT32_MAX;
    assert_int_equal(call_with_room(call, "abcd", 4, 100), KD_ERR_CLOSED);
    assert_int_equal(fake.exits, 2 * (1 + 2 + 1 + VM_GUESTRPC_WAITS_MAX + 1));
}

static void a_wrong_type_in_edx_is_a_failure(void **state)
{
    struct call *call = *state;
    vmware.has_hb = false;
    vmware.receive_type_forced = 1; /* right for RECVSIZE, wrong for RECVPAYLOAD */
    assert_int_equal(call_with_room(call, "abcd", 4, 100), KD_ERR_CLOSED);
    vmware.receive_type_forced = 2; /* and the other way round */
    assert_int_equal(call_with_room(call, "abcd", 4, 100), KD_ERR_CLOSED);
}

static void absurd_reply_lengths_write_nothing(void **state)
{
    static const uint32_t lengths[] = {101, 4096, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    struct call *call = *state;
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        vmware.reply_bytes_forced = lengths[i];
        assert_int_equal(call_with_room(call, "abcd", 4, 100), KD_ERR_TOO_BIG);
        assert_int_equal(call->reply[0], 0xEE);
    }
    assert_int_equal(vmware.opens, 1);
}

/* Every status that a host could answer with, to every call, for ever: the work stays bounded. */
static void any_constant_status_ends_in_bounded_work(void **state)
{
    struct call *call = *state;
    for (uint32_t status = 1; status < 0x400; status++) {
        fake_vmware_reset(reverse);
        vmware.hostile_status = status;
        memset(&call->rpc, 0, sizeof call->rpc);
        uint32_t before = fake.exits;
        (void)call_with_room(call, info_get, 20, 64);
        assert_in_range(fake.exits - before, 2, 100);
    }
    vmware.violations = 0; /* this host claims channels that it never opened */
    memset(&call->rpc, 0, sizeof call->rpc);
}

static void absent_backdoors_cost_at_most_four_exits(void **state)
{
    struct call *call = *state;
    static const struct {
        enum fake_profile profile;
        uint32_t exits;
    } cases[] = {{FAKE_ABSENT_ONES, 1}, {FAKE_ABSENT_ZERO, 1}, {FAKE_ABSENT_ECHO, 1}, {FAKE_QEMU, 3}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t before = fake.exits;
        vmware.profile = cases[i].profile;
        assert_false(vm_guestrpc_detect() && vm_guestrpc_open(&call->rpc) == KD_OK);
        assert_int_equal(fake.exits - before, cases[i].exits);
        assert_false(call->rpc.is_open);
    }
}

static void closing_a_closed_channel_touches_nothing(void **state)
{
    struct call *call = *state;
    vm_guestrpc_close(&call->rpc);
    assert_int_equal(fake.exits, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_workstation_is_detected),
        cmocka_unit_test(v2_qemu_is_detected_but_opens_nothing),
        cmocka_unit_test(v3_absent_backdoors_are_not_detected),
        cmocka_unit_test(v4_low_bandwidth_takes_twelve_exits),
        cmocka_unit_test(v5_high_bandwidth_takes_seven_exits),
        cmocka_unit_test(v6_a_refused_open_is_tried_once_without_cookies),
        cmocka_unit_test(v7_a_host_without_cookies_gets_zeros),
        cmocka_unit_test(v9_a_checkpoint_in_a_low_bandwidth_send_restarts_it),
        cmocka_unit_test(v10_a_checkpoint_in_a_string_send_restarts_it),
        cmocka_unit_test(v11_a_checkpoint_in_a_string_receive_refetches),
        cmocka_unit_test(v12_a_checkpoint_on_the_status_refetches),
        cmocka_unit_test(v13_an_empty_reply_is_fetched_without_payload),
        cmocka_unit_test(v14_the_last_word_is_padded_and_cut),
        cmocka_unit_test(v15_a_reply_over_the_room_is_discarded),
        cmocka_unit_test(v19_an_echoed_request_is_nobody),
        cmocka_unit_test_setup_teardown(a_string_round_trip_is_five_exits_at_any_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_word_round_trip_is_three_exits_and_the_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_without_cookies_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_channel_serves_many_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_command_keeps_the_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(v8_a_wrong_cookie_costs_a_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(v17_a_forgotten_channel_is_reopened_and_the_request_sent_once_more,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_beside_success_means_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_anywhere_is_survived_on_the_same_channel, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(endless_checkpoints_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_single_failure_is_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_that_is_not_there_yet_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_that_never_comes_ends_in_bounded_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_type_in_edx_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absurd_reply_lengths_write_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_constant_status_ends_in_bounded_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_backdoors_cost_at_most_four_exits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_a_closed_channel_touches_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
