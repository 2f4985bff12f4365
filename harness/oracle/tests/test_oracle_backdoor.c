/* Goal: every legal conversation at the backdoor passes, and each breach of rule 6 is named by its invariant.
 * Method: the vectors of vmware-backdoor.md 6 as register accesses, and the same with one thing wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/oracle/oracle_backdoor.h"
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x564D5868u
#define HIGH  0x9E3779B9u
#define LOW   0x7F4A7C15u
#define RPCI  0x49435052u
#define TCLO  0x4F4C4354u
#define ASKED 0x80000000u
enum { OPEN, SEND_SIZE, SEND_PAYLOAD, RECV_SIZE, RECV_PAYLOAD, RECV_STATUS, CLOSE };
enum { OK = 0x01, OK_MESSAGE = 0x03, CPT = 0x10, HB = 0x80, FAILED = 0 };

struct fixture {
    struct oracle_backdoor *backdoor;
    unsigned breaches;
    char last[256];
    uint16_t channel;
    uint32_t high, low;
};

static void on_breach(void *context, const char *text)
{
    struct fixture *f = context;
    f->breaches++;
    strncpy(f->last, text, sizeof f->last - 1);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->backdoor = oracle_backdoor_create(on_breach, f);
    f->channel = 3;
    f->high = HIGH;
    f->low = LOW;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    oracle_backdoor_destroy(f->backdoor);
    free(f);
    return 0;
}

/* ---- accesses, as a good client makes them ---------------------------------------------------------------
 */

/* What the next access has wrong, applied to its registers. */
typedef void spoil_fn(struct sim_registers *r);

static void access(struct fixture *f, uint16_t type, uint32_t ebx, uint16_t status, uint32_t value,
                   uint16_t host_type, spoil_fn *spoil)
{
    struct sim_registers before = {
        MAGIC,   ebx,    (uint32_t)type << 16 | 30, (uint32_t)f->channel << 16 | 0x5658,
        f->high, f->low, 0xFFFF000012345678u};
    if (type == OPEN) {
        before.rdx = 0x5658;
        before.rsi = before.rdi = 0;
    }
    if (spoil != NULL)
        spoil(&before);
    struct sim_registers after = before;
    after.rax = 0xBAD00000BADu;
    after.rbx = value;
    after.rcx = 0xABCD00000000u | (uint64_t)status << 16;
    after.rdx = (uint64_t)host_type << 16;
    if (type == OPEN && status == OK) {
        after.rdx = (uint64_t)f->channel << 16;
        after.rsi = 0x1100000000u | HIGH;
        after.rdi = 0x2200000000u | LOW;
    }
    oracle_backdoor_call(f->backdoor, &before, &after);
}

static void call(struct fixture *f, uint16_t type, uint32_t ebx, uint16_t status)
{
    access(f, type, ebx, status, 0, 3, NULL);
}

static void receive_size(struct fixture *f, uint32_t bytes, uint16_t status)
{
    access(f, RECV_SIZE, 0, status, bytes, 1, NULL);
}

static void receive_word(struct fixture *f)
{
    access(f, RECV_PAYLOAD, 1, OK, 0x31, 2, NULL);
}

static void string_as(struct fixture *f, bool in, uint64_t count, uint16_t status, spoil_fn *spoil)
{
    struct sim_registers before = {
        .rax = MAGIC, .rbx = 0x10000, .rcx = count, .rdx = (uint32_t)f->channel << 16 | 0x5659};
    before.rsi = in ? f->high : 0x7FFF00402000u;
    before.rdi = in ? 0x7FFF00403000u : f->low;
    before.rbp = in ? f->low : f->high;
    if (spoil != NULL)
        spoil(&before);
    struct sim_registers after = before;
    after.rbx = (uint64_t)status << 16;
    after.rcx = 0;
    oracle_backdoor_string(f->backdoor, in, &before, &after);
}

static void string(struct fixture *f, bool in, uint64_t count, uint16_t status)
{
    string_as(f, in, count, status, NULL);
}

static void get_version(struct fixture *f, bool there)
{
    struct sim_registers before = {MAGIC, ~MAGIC, 0xFFFF000A, 0x5658, 0, 0, 0}, after = before;
    after.rax = there ? 6 : 0xFFFFFFFF;
    after.rbx = there ? MAGIC : before.rbx;
    oracle_backdoor_call(f->backdoor, &before, &after);
}

static void open_rpci(struct fixture *f)
{
    call(f, OPEN, RPCI | ASKED, OK);
}

/* V4.2 to V4.11 with a request of 5 bytes and a reply of 7. */
static void low_bandwidth_rpc(struct fixture *f)
{
    call(f, SEND_SIZE, 5, OK);
    call(f, SEND_PAYLOAD, 0x64636261, OK);
    call(f, SEND_PAYLOAD, 0x00000065, OK);
    receive_size(f, 7, OK_MESSAGE);
    receive_word(f);
    receive_word(f);
    call(f, RECV_STATUS, 1, OK);
}

/* V5.2 to V5.6. */
static void high_bandwidth_rpc(struct fixture *f)
{
    call(f, SEND_SIZE, 20, OK | HB);
    string(f, false, 20, OK);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 7, OK);
    call(f, RECV_STATUS, 1, OK);
}

/* Judged, told in these words, and not told again by what follows. */
static void assert_breach(struct fixture *f, const char *words)
{
    if (f->breaches != 1 || strstr(f->last, words) == NULL)
        fail_msg("expected one breach with \"%s\", got %u, the last: %s", words, f->breaches, f->last);
    f->breaches = 0;
}

static void assert_clean(const struct fixture *f)
{
    if (f->breaches != 0)
        fail_msg("%u breaches, the last: %s", f->breaches, f->last);
}

/* ---- what is legal ---------------------------------------------------------------------------------------
 */

static void whole_conversations_pass(void **state)
{
    struct fixture *f = *state;
    get_version(f, true);
    open_rpci(f);
    low_bandwidth_rpc(f);
    high_bandwidth_rpc(f);
    assert_int_equal(oracle_backdoor_open(f->backdoor), 1);
    call(f, CLOSE, 0, OK);
    assert_int_equal(oracle_backdoor_open(f->backdoor), 0);
    assert_clean(f);
}

/* V7: without cookies the calls carry zeros. */
static void a_host_without_cookies_is_one(void **state)
{
    struct fixture *f = *state;
    call(f, OPEN, RPCI | ASKED, FAILED);
    call(f, OPEN, RPCI, OK);
    f->high = f->low = 0;
    low_bandwidth_rpc(f);
    call(f, CLOSE, 0, OK);
    assert_clean(f);
}

/* V9 to V12: a checkpoint at each step makes that direction start over. */
static void a_checkpoint_begins_the_message_anew(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK);
    call(f, SEND_PAYLOAD, 0x64636261, CPT);
    low_bandwidth_rpc(f);
    call(f, SEND_SIZE, 20, OK | HB);
    string(f, false, 20, CPT);
    call(f, SEND_SIZE, 20, OK | HB);
    string(f, false, 20, OK);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 7, CPT);
    receive_size(f, 7, OK_MESSAGE);
    receive_word(f);
    access(f, RECV_PAYLOAD, 1, CPT, 0, 2, NULL);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 7, OK);
    call(f, RECV_STATUS, 1, CPT);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 7, OK);
    call(f, RECV_STATUS, 1, OK);
    high_bandwidth_rpc(f);
    assert_clean(f);
}

/* V13: (a) a poll on TCLO, beside the RPCI channel; (b) an empty reply. */
static void empty_messages_and_two_protocols_pass(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    f->channel = 9;
    call(f, OPEN, TCLO | ASKED, OK);
    call(f, SEND_SIZE, 0, OK | HB);
    receive_size(f, 0, OK | HB);
    call(f, SEND_SIZE, 0, OK | HB);
    receive_size(f, 5, OK_MESSAGE | HB);
    string(f, true, 5, OK);
    call(f, RECV_STATUS, 1, OK);
    f->channel = 3;
    call(f, SEND_SIZE, 4, OK);
    call(f, SEND_PAYLOAD, 0x64636261, OK);
    receive_size(f, 0, OK); /* not there yet */
    receive_size(f, 0, OK_MESSAGE | HB);
    call(f, RECV_STATUS, 1, OK);
    assert_int_equal(oracle_backdoor_open(f->backdoor), 2);
    assert_clean(f);
}

/* V15, V20: given up with EBX 0, whatever is said to that; fetched in pieces. */
static void a_reply_may_be_given_up_or_fetched_in_pieces(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    receive_size(f, 0x2000, OK_MESSAGE | HB);
    access(f, RECV_PAYLOAD, 0, FAILED, 0, 3, NULL);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 2, OK);
    string(f, true, 5, OK);
    call(f, RECV_STATUS, 1, OK);
    receive_size(f, 0, OK_MESSAGE);
    call(f, RECV_STATUS, 0, OK);
    assert_clean(f);
}

/* V8, V17: a channel that fails is closed, whatever the host says to that, and another is opened. */
static void a_failed_channel_is_closed_and_opened_again(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    call(f, SEND_SIZE, 5, FAILED);
    call(f, CLOSE, 0, FAILED);
    f->channel = 5;
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK);
    call(f, CLOSE, 0, OK); /* in mid message too */
    assert_clean(f);
}

/* A reply that cannot be (EDX says another type) is a failure; a full message afterwards would be a breach.
 */
static void the_hosts_type_must_fit(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    access(f, RECV_SIZE, 0, OK_MESSAGE, 7, 2, NULL);
    call(f, CLOSE, 0, OK);
    open_rpci(f);
    receive_size(f, 7, OK_MESSAGE);
    access(f, RECV_PAYLOAD, 1, OK, 0, 1, NULL);
    call(f, CLOSE, 0, OK);
    assert_clean(f);
    open_rpci(f);
    receive_size(f, 7, OK_MESSAGE);
    access(f, RECV_PAYLOAD, 1, OK, 0, 1, NULL);
    receive_word(f);
    assert_breach(f, "on a channel that has failed, at byte 0 of 7 (BD rule 31)");
}

/* ---- what is not -----------------------------------------------------------------------------------------
 */

static void i1_no_channel(void **state)
{
    struct fixture *f = *state;
    for (uint16_t type = SEND_SIZE; type <= CLOSE; type++) {
        call(f, type, 1, OK);
        assert_breach(f, "on channel 3, which is not open (I1)");
    }
    string(f, false, 4, OK);
    assert_breach(f, "rep outsb on channel 3, which is not open (I1)");
    call(f, OPEN, RPCI | ASKED, FAILED);
    call(f, SEND_SIZE, 5, OK);
    assert_breach(f, "SENDSIZE on channel 3, which is not open (I1)");
    open_rpci(f);
    call(f, CLOSE, 0, OK);
    call(f, CLOSE, 0, OK);
    assert_breach(f, "CLOSE on channel 3, which is not open (I1)");
}

static void i2_never_closed(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    f->channel = 4;
    open_rpci(f);
    assert_breach(f, "OPEN of RPCI while channel 3 is open, which was never closed (I2)");
    oracle_backdoor_narrow(f->backdoor, 0x2F9);
    assert_breach(f, "port 02F9 is used although a channel is open, which was never closed (I2)");
    oracle_backdoor_reset(f->backdoor); /* abandons it */
    open_rpci(f);
    call(f, CLOSE, 0, OK);
    oracle_backdoor_narrow(f->backdoor, 0x2F9);
    assert_clean(f);
}

static void i3_counts(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK);
    call(f, SEND_PAYLOAD, 0x64636261, OK);
    receive_size(f, 7, OK_MESSAGE);
    assert_breach(f, "RECVSIZE while a message is being sent, at byte 4 of 5 (I3)");
    call(f, RECV_PAYLOAD, 0, OK);
    call(f, SEND_SIZE, 4, OK);
    call(f, SEND_PAYLOAD, 1, OK);
    call(f, SEND_PAYLOAD, 1, OK);
    assert_breach(f, "SENDPAYLOAD with no message under way");
    call(f, SEND_SIZE, 5, OK | HB);
    string(f, false, 4, OK);
    assert_breach(f, "rep outsb of 4 bytes, of a message that has 5 left (I3)");
    call(f, SEND_SIZE, 5, OK);
    string(f, false, 5, OK);
    assert_breach(f, "rep outsb, which the size call did not offer (I3)");
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 8, OK);
    assert_breach(f, "rep insb of 8 bytes, of a message that has 7 left (I3)");
    string(f, false, 8, OK);
    assert_breach(f, "rep outsb while a message is being fetched (I3)");
}

static void i3_padding(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK);
    call(f, SEND_PAYLOAD, 0x64636261, OK);
    call(f, SEND_PAYLOAD, 0x00000165, OK);
    assert_breach(f, "SENDPAYLOAD with 00000165, padded with something behind byte 5");
}

static void i4_status_is_owed(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    receive_size(f, 7, OK_MESSAGE | HB);
    string(f, true, 7, OK);
    call(f, SEND_SIZE, 5, OK);
    assert_breach(f, "SENDSIZE while a message is being fetched, at byte 7 of 7 (I4)");
    call(f, SEND_PAYLOAD, 1, OK);
    call(f, SEND_PAYLOAD, 1, OK);
    call(f, RECV_STATUS, 1, OK);
    assert_breach(f, "RECVSTATUS with no message under way");
    receive_size(f, 7, OK_MESSAGE);
    receive_word(f);
    call(f, RECV_STATUS, 1, OK);
    assert_breach(f, "RECVSTATUS says that all is well after 4 of 7 bytes (I3)");
    receive_size(f, 4, OK_MESSAGE);
    receive_word(f);
    receive_word(f);
    assert_breach(f, "RECVPAYLOAD behind the end of a message of 4 bytes (I3)");
}

static void no_magic(struct sim_registers *r)
{
    r->rax = 0;
}

static void other_port(struct sim_registers *r)
{
    r->rdx ^= 1;
}

static void dirty_upper_half(struct sim_registers *r)
{
    r->rbx |= UINT64_C(1) << 40;
}

static void dirty_count(struct sim_registers *r)
{
    r->rcx |= UINT64_C(1) << 32;
}

static void swapped_cookies(struct sim_registers *r)
{
    uint64_t high = r->rsi;
    r->rsi = r->rdi;
    r->rdi = high;
}

/* The most common error of implementations: the cookies of the other direction (BD rule 8). */
static void cookies_of_a_send(struct sim_registers *r)
{
    r->rsi = LOW;
    r->rbp = HIGH;
}

static void i5_registers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        spoil_fn *spoil;
        const char *words;
    } calls[] = {
        {no_magic, "SENDSIZE with EAX 00000000 in place of the magic (I5)"},
        {other_port, "SENDSIZE with DX 5659 in place of the port (I5)"},
        {dirty_upper_half, "SENDSIZE with something in the upper half of a register (I5)"},
        {swapped_cookies, "SENDSIZE on channel 3 with the wrong cookies (I5)"},
    };
    open_rpci(f);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        access(f, SEND_SIZE, 0, OK, 0, 3, calls[i].spoil);
        assert_breach(f, calls[i].words);
    }
    receive_size(f, 7, OK_MESSAGE | HB);
    string_as(f, true, 7, CPT, cookies_of_a_send);
    assert_breach(f, "rep insb on channel 3 with the wrong cookies (I5)");
    receive_size(f, 7, OK_MESSAGE | HB);
    string_as(f, true, 7, CPT, no_magic);
    assert_breach(f, "rep insb with EAX 00000000 in place of the magic (I5)");
    call(f, CLOSE, 0, OK);
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK | HB);
    string_as(f, false, 5, OK, dirty_count);
    assert_int_equal(f->breaches, 2); /* the register, and so many bytes */
}

static void i8_restarts_are_bounded(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    for (int i = 0; i <= ORACLE_BACKDOOR_RESTARTS; i++) {
        call(f, SEND_SIZE, 5, OK | HB);
        string(f, false, 5, CPT);
    }
    assert_clean(f);
    call(f, SEND_SIZE, 5, OK | HB);
    assert_breach(f, "a message on channel 3 begun anew more than 3 times (I8)");
}

static void i12_absence_is_soon_known(void **state)
{
    struct fixture *f = *state;
    get_version(f, true);
    call(f, OPEN, RPCI | ASKED, FAILED);
    call(f, OPEN, RPCI, FAILED);
    assert_clean(f);
    call(f, OPEN, RPCI | ASKED, FAILED);
    call(f, OPEN, RPCI, FAILED);
    assert_breach(f, "more than 4 accesses to learn that there is no backdoor (I12)");
}

static void what_there_is_none_of(void **state)
{
    struct fixture *f = *state;
    call(f, 7, 0, OK);
    assert_breach(f, "MESSAGE of sub-type 7, which there is none (BD 3.1)");
    call(f, OPEN, 0x12345678, OK);
    assert_breach(f, "OPEN of an unknown protocol, 12345678 (BD 1.1)");
    call(f, OPEN, RPCI, FAILED);
    assert_breach(f, "OPEN without cookies before it was refused with them (BD rule 23)");
    struct sim_registers r = {MAGIC, 0, 2, 0x5658, 0, 0, 0};
    oracle_backdoor_call(f->backdoor, &r, &r);
    assert_breach(f, "command 2, which is not one of a guest's (BD 1.4)");
    r.rcx = 10;
    oracle_backdoor_call(f->backdoor, &r, &r);
    assert_breach(f, "GETVERSION with EBX 00000000, ECX 0000000A (BD rule 20)");
    oracle_backdoor_narrow(f->backdoor, 0x5658);
    assert_breach(f, "an access of 8 bits at 5658 (BD rule 2)");
    open_rpci(f);
    call(f, SEND_SIZE, 65537, OK);
    assert_breach(f, "SENDSIZE of 65537 bytes, more than a message may have (BD 1.1)");
    call(f, CLOSE, 0, OK);
    open_rpci(f);
    receive_size(f, 4, OK_MESSAGE);
    access(f, RECV_PAYLOAD, 2, OK, 0, 2, NULL);
    assert_breach(f, "RECVPAYLOAD with EBX 00000002, neither 0 nor 1 (BD 3.1)");
}

/* What a guest believes goes back with it: in the middle of a message, on a channel that it has closed since.
 */
static void a_revert_brings_a_belief_back(void **state)
{
    struct fixture *f = *state;
    open_rpci(f);
    call(f, SEND_SIZE, 5, OK);
    call(f, SEND_PAYLOAD, 0x64636261, OK);
    oracle_backdoor_keep(f->backdoor, "here");
    call(f, CLOSE, 0, OK);
    oracle_backdoor_keep(f->backdoor, "closed");
    oracle_backdoor_reset(f->backdoor);
    oracle_backdoor_revert(f->backdoor, "here");
    call(f, SEND_PAYLOAD, 0x65, FAILED);
    call(f, CLOSE, 0, FAILED);
    assert_clean(f);
    oracle_backdoor_revert(f->backdoor, "here");
    oracle_backdoor_revert(f->backdoor, "closed");
    call(f, SEND_PAYLOAD, 0x65, FAILED);
    assert_breach(f, "SENDPAYLOAD on channel 3, which is not open (I1)");
}

/* A revert took the host's channels with it, and the one that is opened anew has the number of the other one. */
static void two_channels_of_one_number_are_told_apart_by_their_cookies(void **state)
{
    struct fixture *f = *state;
    call(f, OPEN, TCLO | ASKED, OK);
    call(f, OPEN, RPCI | ASKED, FAILED);
    call(f, OPEN, RPCI, OK); /* so its cookies are zeros */
    for (unsigned turn = 0; turn < 2; turn++) {
        f->high = f->low = 0;
        call(f, SEND_SIZE, 0, OK);
        f->high = HIGH;
        f->low = LOW;
        call(f, SEND_SIZE, 0, turn == 0 ? OK : FAILED);
    }
    call(f, CLOSE, 0, FAILED);
    assert_clean(f);
    assert_int_equal(oracle_backdoor_open(f->backdoor), 1);
    call(f, SEND_SIZE, 0, OK);
    assert_breach(f, "SENDSIZE on channel 3 with the wrong cookies (I5)");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_conversations_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_without_cookies_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_begins_the_message_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_messages_and_two_protocols_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_may_be_given_up_or_fetched_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_channel_is_closed_and_opened_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_hosts_type_must_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i1_no_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i2_never_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i3_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i3_padding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i4_status_is_owed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i5_registers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i8_restarts_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(i12_absence_is_soon_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_there_is_none_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revert_brings_a_belief_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_channels_of_one_number_are_told_apart_by_their_cookies, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
