/* Goal: the VM side of the relay core: tokens, epochs, holds, what becomes of each kind of packet, and what a
 * request that breaks the protocol cannot do (vm_message.h, transport/guest/README.md, design of the round
 * trip). Method: a core on the table of relay_lab.h, a hand-held clock, a debugger played frame by frame. */
#include "transport/relay/tests/relay_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- hello and tokens ---- */

static void hello_begins_an_epoch(void **state)
{
    struct lab *lab = *state;
    lab_hello(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.kind, VM_HELLO);
    assert_int_equal(lab->reply.version, 1);
    assert_int_equal(lab->reply.hold_ms, 250);
    assert_int_equal(lab->reply.epoch, 1);
    assert_int_not_equal(lab->reply.token, 0);
    lab_hello(lab);
    assert_int_equal(lab->reply.epoch, 2);
}

static void hello_agrees_on_the_highest_version_in_common(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[VM_REQUEST_BYTES];
    struct vm_request newer = {.kind = VM_HELLO, .version = 9, .version_min = 1, .machine = VM_MACHINE_X86};
    vm_request_store(bytes, &newer);
    lab_bytes(lab, bytes, sizeof(bytes));
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.version, 1);
}

static void hello_without_a_version_in_common_changes_nothing(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[VM_REQUEST_BYTES];
    struct vm_request foreign = {.kind = VM_HELLO, .version = 9, .version_min = 2, .machine = VM_MACHINE_X64};
    lab_boot(lab);
    vm_request_store(bytes, &foreign);
    lab_bytes(lab, bytes, sizeof(bytes));
    assert_reply(lab, "refused");
    lab_poll(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.epoch, 1);
}

static void every_reply_carries_a_fresh_token(void **state)
{
    struct lab *lab = *state;
    uint64_t seen[64];
    lab_boot(lab);
    for (unsigned i = 0; i < 64; i++) {
        seen[i] = lab->token;
        for (unsigned j = 0; j < i; j++)
            assert_true(seen[j] != seen[i]);
        lab_poll(lab);
    }
}

static void two_lives_of_a_relay_draw_other_tokens(void **state)
{
    struct lab *lab = *state;
    struct relay_config config = lab->core.config;
    lab_boot(lab);
    uint64_t first = lab->token;
    config.token_seed++;
    relay_init(&lab->core, &config);
    lab_poll(lab);
    assert_reply(lab, "stale");
    lab_hello(lab);
    assert_true(lab->token != first);
}

static void a_repeated_request_is_answered_from_the_cache(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    assert_wire(lab, "ack 80800000");
    struct vm_reply first = lab->reply;
    lab_repeat(lab);
    assert_reply(lab, "done get_version");
    assert_int_equal(first.token, lab->reply.token);
    assert_wire(lab, "");
    assert_int_equal(lab->core.counters.requests_repeated, 1);
    lab_send(lab, VERSION_REPLY);
    assert_wire(lab, "version_reply 80800001");
}

static void a_repeated_send_is_not_sent_twice(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_wire(lab, "print 80800800");
    lab_repeat(lab);
    assert_reply(lab, "done");
    assert_wire(lab, "");
}

static void a_request_repeated_while_held_reattaches(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_wait(lab, 200 * LAB_MS);
    lab_repeat(lab);
    assert_reply(lab, "held");
    assert_wire(lab, "print 80800800");
    lab_wait(lab, 50 * LAB_MS); /* the first one's hold, not a new one */
    assert_reply(lab, "pending");
}

static void the_previous_token_with_other_bytes_is_stale(void **state)
{
    struct lab *lab = *state;
    lab_boot(lab);
    uint64_t token = lab->token;
    lab_poll(lab);
    assert_reply(lab, "done");
    uint64_t good = lab->token;
    lab->token = token;
    lab_receive(lab);
    assert_reply(lab, "stale");
    assert_int_equal(lab->reply.token, token);
    lab->token = good;
    lab_poll(lab);
    assert_reply(lab, "done");
}

static void an_older_token_is_stale_and_strikes_nothing(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    uint64_t old = lab->token;
    lab_poll(lab);
    lab_send(lab, EXCEPTION);
    lab->replies = 0;
    lab->token = old; /* the guest was reverted, the relay was not */
    lab_poll(lab);
    assert_reply(lab, "stale");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_int_equal(lab->core.counters.requests_stale, 1);
}

static void a_stale_request_does_not_spoil_the_cached_reply(void **state)
{
    struct lab *lab = *state;
    uint8_t last[VM_REQUEST_BYTES];
    lab_boot(lab);
    uint64_t old = lab->token;
    lab_poll(lab);
    lab_poll(lab);
    uint64_t good = lab->token;
    memcpy(last, lab->request, sizeof(last));
    lab->token = old;
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "stale");
    lab_bytes(lab, last, sizeof(last));
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.token, good);
}

static void another_request_while_one_is_held_is_stale_and_strikes_nothing(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_receive(lab); /* with the token that the held one carries */
    assert_reply(lab, "stale");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.kind, VM_SEND);
}

static void before_hello_every_token_is_stale(void **state)
{
    struct lab *lab = *state;
    lab->token = 0x1234;
    lab_poll(lab);
    assert_reply(lab, "stale");
    lab->token = 0;
    lab_poll(lab);
    assert_reply(lab, "refused");
}

static void hello_strikes_a_held_call(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    assert_reply(lab, "held");
    lab_hello(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->reply.kind, VM_HELLO);
    lab_ack(lab, ID0);
    lab_wait(lab, 10 * (uint64_t)LAB_BYTE_WAIT);
    assert_reply(lab, "held"); /* never an answer to the struck call */
    assert_wire(lab, "print 80800800");
}

static void hello_ends_all_that_the_old_epoch_had_begun(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    lab_hello(lab);
    lab->replies = 0;
    lab->wire_bytes = 0;
    lab_send(lab, VERSION_REPLY); /* to a request of the old epoch */
    assert_reply(lab, "done");
    assert_wire(lab, "");
    lab_send(lab, EXCEPTION);
    lab_wait(lab, LAB_HOLD);
    lab_hello(lab);
    lab->replies = 0;
    lab_resume(lab);
    assert_reply(lab, "refused");
}

static void a_lost_vm_ends_its_epoch(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_vm_lost(lab);
    lab_wait(lab, 10 * (uint64_t)LAB_BYTE_WAIT);
    assert_reply(lab, "held");
    assert_wire(lab, "exception 80800800");
    lab_repeat(lab);
    assert_reply(lab, "stale");
    lab_hello(lab);
    lab_send(lab, LOAD_SYMBOLS);
    assert_wire(lab, "load_symbols 80800800");
}

/* ---- requests that break the protocol ---- */

static void every_malformed_request_is_refused_and_changes_nothing(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[VM_REQUEST_BYTES_MAX + 1];
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    size_t size = lab->request_bytes;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, lab->request, size);
    for (size_t n = 0; n < size; n++) {
        lab_bytes(lab, bytes, n);
        assert_reply(lab, "refused");
    }
    lab_bytes(lab, bytes, sizeof(bytes));
    assert_reply(lab, "refused");
    const size_t checked[] = {0, 1, 2, 3, 4, 5, 6, 7, 16, 18, 20, 22, 24, 28, 31};
    for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++) {
        bytes[checked[i]] ^= 0x40;
        lab_bytes(lab, bytes, size);
        assert_reply(lab, "refused");
        bytes[checked[i]] ^= 0x40;
    }
    assert_int_equal(lab->core.counters.requests_refused, size + 1 + sizeof(checked) / sizeof(checked[0]));
    lab_ack(lab, ID0); /* the held call was never disturbed */
    assert_reply(lab, "done");
    assert_wire(lab, "print 80800800");
}

static void a_refusal_does_not_spoil_the_cached_reply(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    lab_bytes(lab, (const uint8_t *)"noise", 5);
    assert_reply(lab, "refused");
    assert_int_equal(lab->reply.kind, 0); /* it could not be read */
    lab_repeat(lab);
    assert_reply(lab, "done get_version");
}

static void resume_with_nothing_pending_is_refused(void **state)
{
    struct lab *lab = *state;
    lab_boot(lab);
    lab_resume(lab);
    assert_reply(lab, "refused");
    lab_poll(lab);
    assert_reply(lab, "done");
}

/* ---- sends ---- */

static void a_send_is_done_when_acknowledged(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    assert_wire(lab, "print 80800800");
    assert_reply(lab, "held");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    lab_send(lab, PRINT);
    assert_wire(lab, "print 80800001");
    lab_ack(lab, ID0);
    assert_reply(lab, "held"); /* a stale ACK is none */
    lab_ack(lab, ID1);
    assert_reply(lab, "done");
}

static void nobody_there_abandons_at_once(void **state)
{
    struct lab *lab = *state;
    const enum lab_packet abandonable[] = {PRINT, LOAD_SYMBOLS, FILE_CREATE};
    for (size_t i = 0; i < 3; i++) {
        lab_boot(lab);
        lab_send_want_next(lab, abandonable[i]);
        assert_reply(lab, "abandoned not_present");
    }
}

static void a_stop_with_nobody_there_waits_for_a_debugger(void **state)
{
    struct lab *lab = *state;
    const enum lab_packet waiting[] = {EXCEPTION, PROMPT, FILE_READ};
    for (size_t i = 0; i < 3; i++) {
        lab_boot(lab);
        lab_send(lab, waiting[i]);
        assert_reply(lab, "held");
        lab_wait(lab, LAB_HOLD);
        assert_reply(lab, "pending");
        lab_resume(lab);
        lab_wait(lab, LAB_HOLD - 1);
        assert_reply(lab, "held");
        lab_wait(lab, 1);
        assert_reply(lab, "pending");
        assert_wire(lab, "");
    }
    for (unsigned hold = 0; hold < 10; hold++) {
        lab_resume(lab);
        lab_wait(lab, LAB_HOLD);
    }
    assert_int_equal(lab->core.link.counters.frames_repeated, 0); /* there is nobody to retry */
    lab->replies = 0;
    lab_resume(lab);
    lab_connect(lab);
    assert_wire(lab, "file_read 80800800");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
}

static void a_debugger_that_came_between_two_resumes_is_served(void **state)
{
    struct lab *lab = *state;
    lab_boot(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "pending");
    lab_connect(lab);
    lab_ack(lab, ID0); /* waits in the input until the guest resumes */
    assert_reply(lab, "held");
    lab_request(lab, GET_VERSION, ID0);
    lab_resume_want_next(lab);
    assert_reply(lab, "done get_version");
    assert_wire(lab, "exception 80800800; ack 80800000");
}

static void silence_repeats_and_then_abandons_a_print(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    for (unsigned hold = 0; hold < 11; hold++) {
        lab_wait(lab, LAB_HOLD);
        assert_reply(lab, "pending");
        lab_resume(lab);
    }
    assert_wire(lab, "print 80800800; print 80800800; print 80800800"); /* retries = 3: so many copies */
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "abandoned not_present");
    lab_poll(lab);
    assert_reply(lab, "done not_present"); /* a byte would not bring it back, */
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800"); /* a leader does (2.12 rule 2); ids begin anew (N9) */
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
}

static void silence_never_abandons_a_stop(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    for (unsigned hold = 0; hold < 400; hold++) {
        lab_wait(lab, LAB_HOLD);
        assert_reply(lab, "pending");
        lab_resume(lab);
        lab->wire_bytes = 0;
    }
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
}

static void a_new_send_gives_a_pending_one_up(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_ack(lab, ID0);
    lab->replies = 0;
    lab_send(lab, PRINT);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "pending");
    lab_send(lab, EXCEPTION); /* SYNC: the debugger takes it whatever it expects */
    assert_wire(lab, "print 80800800; print 80800001; exception 80800800");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
}

static void a_receive_gives_a_pending_send_up(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_ack(lab, ID0);
    lab_send(lab, EXCEPTION);
    lab_wait(lab, LAB_HOLD);
    lab->replies = 0;
    lab_receive(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    lab_resume(lab);
    assert_reply(lab, "refused");
    lab_send(lab, VERSION_REPLY);
    assert_wire(lab, "print 80800800; exception 80800001; ack 80800000; version_reply 80800800");
}

static void a_poll_leaves_a_pending_send_alone(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "pending");
    lab_poll(lab);
    assert_reply(lab, "done");
    lab_resume(lab);
    assert_reply(lab, "held");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_wire(lab, "exception 80800800");
    lab_resume(lab);
    assert_reply(lab, "refused"); /* it pends no more */
}

/* ---- the round trip ---- */

static void a_reply_brings_the_next_request_back(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_ack(lab, ID0);
    assert_reply(lab, "held");
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    lab_send_want_next(lab, VERSION_REPLY);
    lab_ack(lab, ID1);
    lab_request(lab, READ_MEMORY, ID1);
    assert_reply(lab, "done read_memory");
    lab_send_want_next(lab, READ_REPLY);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    assert_wire(lab, "exception 80800800; ack 80800000; version_reply 80800001; ack 80800001; "
                     "read_reply 80800000; ack 80800000");
    assert_int_equal(lab->core.counters.requests[VM_SEND], 3);
}

static void a_slow_debugger_costs_a_hold_and_a_receive(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_wait(lab, 100 * LAB_MS);
    lab_ack(lab, ID0);
    lab_wait(lab, 150 * LAB_MS); /* the hold counts from the call, not from the ACK */
    assert_reply(lab, "done");
    lab_receive(lab);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "timeout");
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "held");
    lab_receive(lab);
    assert_reply(lab, "done get_version");
    assert_wire(lab, "exception 80800800; ack 80800000");
}

static void a_reset_instead_of_a_request_asks_for_the_state_again(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_ack(lab, ID0);
    lab_reset(lab);
    assert_reply(lab, "done resend_next");
    lab_send(lab, EXCEPTION);
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    lab_receive(lab);
    lab_ask_resend(lab);
    assert_reply(lab, "resend");
    assert_wire(lab, "exception 80800800; reset; exception 80800000");
}

static void a_request_in_place_of_an_ack_is_both(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_request(lab, GET_VERSION, ID0); /* N6 */
    assert_reply(lab, "done get_version");
    assert_wire(lab, "exception 80800800; ack 80800000");
}

static void a_request_to_the_kernel_before_a_reset_never_reaches_the_new_one(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_vm_lost(lab);
    lab_hello(lab);
    assert_reply(lab, "done");
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_request(lab, READ_MEMORY, ID0); /* written before the debugger could know */
    assert_wire(lab, "load_symbols 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    assert_wire(lab, "ack 80800000");
}

static void a_packet_longer_than_the_room_never_reaches_the_guest(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[VM_REQUEST_BYTES];
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_request(lab, GET_VERSION, ID0); /* accepted and kept without knowing what is wanted */
    assert_reply(lab, "done");
    struct vm_request narrow = {.version = 1, .kind = VM_RECEIVE, .token = lab->token, .next = {2, 40, 15}};
    vm_request_store(bytes, &narrow);
    lab_bytes(lab, bytes, sizeof(bytes));
    lab_request(lab, GET_VERSION, ID1);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "timeout");
    assert_wire(lab, "exception 80800800; ack 80800000; resend");
    narrow.token = lab->token;
    narrow.next.data_room = 16;
    vm_request_store(bytes, &narrow);
    lab_bytes(lab, bytes, sizeof(bytes));
    lab_request(lab, GET_VERSION, ID1);
    assert_reply(lab, "done get_version");
    assert_int_equal(lab->reply.packet.header.len_bytes, 40);
    assert_int_equal(lab->reply.packet.data.len_bytes, 16);
}

static void a_request_with_a_tiny_header_is_only_bytes(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[VM_REQUEST_BYTES];
    lab_stop(lab);
    lab_wait(lab, LAB_HOLD);
    struct vm_request tiny = {.version = 1, .kind = VM_RECEIVE, .token = lab->token, .next = {2, 0, 4000}};
    vm_request_store(bytes, &tiny);
    lab_bytes(lab, bytes, sizeof(bytes));
    lab->replies = 0;
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    lab_send(lab, PRINT); /* it was understood: a break-in is a wish again */
    lab_byte(lab, 0x62);
    lab_ack(lab, ID1);
    assert_reply(lab, "done");
    assert_polled(lab, "done break_in");
}

/* The poll's reply is lost, the guest prints before it polls again: its token is of yesterday, and it says
 * hello. */
static void a_wish_in_a_lost_reply_outlives_the_epoch(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_byte(lab, 0x62);
    assert_polled(lab, "done break_in");
    lab_hello(lab);
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done"); /* whoever asks anew has had the reply */
    lab_hello(lab);
    assert_polled(lab, "done");
}

static void a_wish_in_a_lost_reply_ends_with_its_debugger_and_its_guest(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_byte(lab, 0x62);
    assert_polled(lab, "done break_in");
    lab_vm_lost(lab);
    lab_hello(lab);
    assert_polled(lab, "done");
    lab_byte(lab, 0x62);
    assert_polled(lab, "done break_in");
    lab_disconnect(lab);
    lab_connect(lab);
    lab_hello(lab);
    assert_polled(lab, "done");
}

/* ---- replies that nobody waits for (2.12 rule 6) ---- */

static void a_reply_to_no_request_counts_as_acknowledged(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, READ_REPLY);
    assert_reply(lab, "done");
    assert_wire(lab, "");
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800"); /* no id was used up for it */
}

static void a_second_reply_to_one_request_is_not_written(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    lab_send(lab, VERSION_REPLY);
    lab_ack(lab, ID1);
    lab->replies = 0;
    lab->wire_bytes = 0;
    lab_send(lab, VERSION_REPLY);
    assert_reply(lab, "done");
    assert_wire(lab, "");
}

static void a_reply_whose_requester_left_counts_as_acknowledged(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    lab_disconnect(lab);
    lab_connect(lab);
    lab_send_want_next(lab, VERSION_REPLY);
    assert_reply(lab, "held");
    assert_wire(lab, "");
    lab_reset(lab); /* the new debugger's only one must bring the state change */
    assert_reply(lab, "done resend_next");
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "reset; exception 80800000");
}

static void a_requester_that_leaves_during_the_reply_frees_the_guest(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    lab_send(lab, VERSION_REPLY);
    assert_reply(lab, "done get_version");
    lab_disconnect(lab);
    assert_reply(lab, "done");
    lab_connect(lab);
    assert_wire(lab, "");
}

static void leaving_settles_a_pending_send_at_its_resume(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    lab_send(lab, VERSION_REPLY);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "pending");
    lab_disconnect(lab);
    lab_connect(lab);
    assert_wire(lab, "");
    lab_resume(lab);
    assert_reply(lab, "done");

    lab_hello(lab);
    lab_send(lab, PRINT);
    lab_wait(lab, LAB_HOLD);
    lab_disconnect(lab);
    lab->replies = 0;
    lab_resume(lab);
    assert_reply(lab, "abandoned not_present");
}

static void leaving_abandons_a_held_print_and_keeps_a_held_stop(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_disconnect(lab);
    assert_reply(lab, "abandoned not_present");
    lab_connect(lab);
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800");
    lab_disconnect(lab);
    assert_reply(lab, "held");
    lab_connect(lab);
    assert_wire(lab, "exception 80800800");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
}

static void a_request_kept_for_the_next_receive_goes_with_its_debugger(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done");
    lab_disconnect(lab);
    lab_receive(lab);
    assert_reply(lab, "held");
}

/* ---- attention ---- */

static bool attention(const struct lab *lab)
{
    return relay_vm_attention(&lab->core);
}

static void a_relay_without_an_epoch_wants_to_be_asked(void **state)
{
    struct lab *lab = *state;
    assert_true(attention(lab));
    lab_hello(lab);
    assert_false(attention(lab));
    lab_vm_lost(lab);
    assert_true(attention(lab));
}

static void a_wish_wants_to_be_asked_for_until_its_telling_is_confirmed(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_poll(lab);
    assert_false(attention(lab));
    lab_byte(lab, 'b');
    assert_true(attention(lab));
    lab_poll(lab);
    assert_true(attention(lab)); /* that reply may be lost */
    lab_repeat(lab);
    assert_true(attention(lab));
    lab_poll(lab);
    assert_false(attention(lab));
}

static void a_target_that_is_believed_stopped_wants_to_be_asked(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_ack(lab, ID0);
    assert_true(attention(lab));
    lab_poll(lab); /* it runs, whatever made it */
    assert_false(attention(lab));
}

/* Else the input would fill up, and a break-in behind what nobody reads would never arrive. */
static void what_a_poll_would_read_or_drop_wants_one(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_poll(lab);
    lab_input(lab, "noise", 5);
    assert_true(attention(lab));
    lab_poll(lab);
    assert_false(attention(lab));
    lab_reset(lab); /* waits for the next stop, so nothing need be asked */
    assert_false(attention(lab));
    lab_reset(lab);
    lab_reset(lab);
    assert_true(attention(lab));
    lab_poll(lab);
    assert_false(attention(lab));
    lab_byte(lab, 'b'); /* behind a RESET that stays */
    assert_true(attention(lab));
    lab_poll(lab);
    assert_int_equal(lab->reply.flags, VM_REPLY_BREAK_IN);
}

static void a_frame_that_broke_off_wants_a_poll_to_end_it(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION);
    lab_ack(lab, ID0);
    lab_receive(lab);
    lab_input(lab, frame, lab_request_frame(frame, READ_MEMORY, ID0) / 2);
    lab_wait(lab, LAB_HOLD);
    lab_poll(lab);
    assert_false(attention(lab));
}

/* Whatever happens: when it is quiet, a poll tells nothing and changes nothing that anybody can see. */
static void when_it_is_quiet_a_poll_would_say_nothing(void **state)
{
    struct lab *lab = *state;
    uint32_t draw = 1;
    unsigned quiet = 0;
    lab_boot_attached(lab);
    for (unsigned i = 0; i < 20000; i++) {
        draw = draw * 1664525u + 1013904223u;
        switch (draw >> 24 & 15) {
        case 0:
            lab_byte(lab, 'b');
            break;
        case 1:
            lab_byte(lab, (uint8_t)(draw >> 16));
            break;
        case 2:
            lab_reset(lab);
            break;
        case 3:
            lab_send(lab, PRINT);
            lab_ack(lab, draw & 0x10000 ? ID0 : ID1);
            break;
        case 4:
            lab_send(lab, EXCEPTION);
            lab_ack(lab, draw & 0x10000 ? ID0 : ID1);
            break;
        case 5:
            lab_wait(lab, LAB_HOLD);
            break;
        case 6:
            lab_disconnect(lab);
            break;
        case 7:
            lab_connect(lab);
            break;
        case 8:
            lab_hello(lab);
            break;
        case 9:
            lab_request(lab, CONTINUE, draw & 0x10000 ? ID0 : ID1);
            break;
        case 10:
            lab_vm_lost(lab);
            break;
        default:
            break;
        }
        if (attention(lab) || lab->core.state != RELAY_IDLE) {
            lab_poll(lab);
            continue;
        }
        static struct relay_core before;
        before = lab->core;
        lab_poll(lab);
        quiet++;
        assert_false(lab->reply.flags & VM_REPLY_BREAK_IN);
        assert_int_equal(before.target_stopped, lab->core.target_stopped);
        assert_int_equal(before.input.len_bytes, lab->core.input.len_bytes);
        assert_int_equal(before.link.scan, lab->core.link.scan);
        assert_int_equal(before.debugger_present, lab->core.debugger_present);
    }
    assert_in_range(quiet, 1000, 20000);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_relay_without_an_epoch_wants_to_be_asked, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_wants_to_be_asked_for_until_its_telling_is_confirmed,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_target_that_is_believed_stopped_wants_to_be_asked, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(what_a_poll_would_read_or_drop_wants_one, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_broke_off_wants_a_poll_to_end_it, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(when_it_is_quiet_a_poll_would_say_nothing, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(hello_begins_an_epoch, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(hello_agrees_on_the_highest_version_in_common, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(hello_without_a_version_in_common_changes_nothing, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(every_reply_carries_a_fresh_token, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(two_lives_of_a_relay_draw_other_tokens, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_repeated_request_is_answered_from_the_cache, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_repeated_send_is_not_sent_twice, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_repeated_while_held_reattaches, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(the_previous_token_with_other_bytes_is_stale, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(an_older_token_is_stale_and_strikes_nothing, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_stale_request_does_not_spoil_the_cached_reply, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(another_request_while_one_is_held_is_stale_and_strikes_nothing,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(before_hello_every_token_is_stale, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(hello_strikes_a_held_call, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(hello_ends_all_that_the_old_epoch_had_begun, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_lost_vm_ends_its_epoch, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(every_malformed_request_is_refused_and_changes_nothing, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_refusal_does_not_spoil_the_cached_reply, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(resume_with_nothing_pending_is_refused, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_send_is_done_when_acknowledged, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(nobody_there_abandons_at_once, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_stop_with_nobody_there_waits_for_a_debugger, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_came_between_two_resumes_is_served, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(silence_repeats_and_then_abandons_a_print, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(silence_never_abandons_a_stop, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_new_send_gives_a_pending_one_up, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_receive_gives_a_pending_send_up, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_poll_leaves_a_pending_send_alone, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_reply_brings_the_next_request_back, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_slow_debugger_costs_a_hold_and_a_receive, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_reset_instead_of_a_request_asks_for_the_state_again, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_in_place_of_an_ack_is_both, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_to_the_kernel_before_a_reset_never_reaches_the_new_one,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_packet_longer_than_the_room_never_reaches_the_guest, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_with_a_tiny_header_is_only_bytes, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_in_a_lost_reply_outlives_the_epoch, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_in_a_lost_reply_ends_with_its_debugger_and_its_guest,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_reply_to_no_request_counts_as_acknowledged, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_second_reply_to_one_request_is_not_written, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_reply_whose_requester_left_counts_as_acknowledged, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_requester_that_leaves_during_the_reply_frees_the_guest, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(leaving_settles_a_pending_send_at_its_resume, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(leaving_abandons_a_held_print_and_keeps_a_held_stop, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_kept_for_the_next_receive_goes_with_its_debugger, lab_setup,
                                        lab_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
