/* Goal: the debugger's side of the relay core: break-ins, what a running target's input comes to, half-read
 * frames across holds, unread output, back-pressure; and that neither chunks nor random histories break a
 * rule. Method: a core on the table of relay_lab.h. Source: kd-protocol.md 2.4 to 2.9, 2.12, 5.7. */
#include "transport/relay/tests/relay_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { BREAK_IN = 0x62 };

/* ---- polls (2.7) ---- */

static void a_poll_is_answered_at_once(void **state)
{
    struct lab *lab = *state;
    lab_boot(lab);
    lab_poll(lab);
    assert_reply(lab, "done");
    assert_true(relay_deadline(&lab->core) == KD_NEVER);
}

static void one_break_in_is_one_stop(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_byte(lab, BREAK_IN);
    assert_reply(lab, "held");
    lab_poll(lab);
    assert_reply(lab, "done break_in");
    lab_poll(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->core.counters.break_ins, 1);
}

static void break_ins_in_a_row_are_one(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_input(lab, "bbb", 3);
    lab_poll(lab);
    assert_reply(lab, "done break_in");
    lab_poll(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->core.counters.break_ins_dropped, 2);
}

static void noise_before_a_break_in_is_dropped_and_what_follows_is_kept(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_reset(lab);
    lab_input(lab, "\xFF\x00zz", 4);
    lab_byte(lab, BREAK_IN);
    lab_reset(lab);
    lab_poll(lab);
    assert_reply(lab, "done break_in");
    lab_send_want_next(lab, EXCEPTION); /* one RESET only, answered at the stop that the break-in caused */
    assert_wire(lab, "exception 80800800; reset; exception 80800000");
    assert_int_equal(lab->core.link.counters.resets_answered, 1);
    assert_int_equal(lab->core.link.counters.resets_absorbed, 0);
}

static void a_reset_to_a_running_target_waits_for_its_stop(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_reset(lab);
    lab_poll(lab);
    lab_poll(lab);
    assert_wire(lab, "");
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800; reset; exception 80800000");
}

static void a_reset_is_never_half_eaten_by_polls(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[2 * 16];
    lab_reset_frame(frame);
    lab_reset_frame(frame + 16);
    for (size_t first = 0; first <= 32; first++) {
        for (size_t second = first; second <= 32; second++) {
            lab_hello(lab);
            lab_disconnect(lab);
            lab_connect(lab);
            lab_input(lab, frame, first);
            lab_poll(lab);
            lab_input(lab, frame + first, second - first);
            lab_poll(lab);
            lab_input(lab, frame + second, 32 - second);
            lab_send(lab, EXCEPTION);
            assert_wire(lab, "exception 80800800; reset; exception 80800000");
            lab_ack(lab, ID0);
        }
    }
}

static void resets_all_night_fill_nothing(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    for (unsigned second = 0; second < 8 * 3600; second++) {
        lab_reset(lab);
        lab_wait(lab, LAB_BYTE_WAIT);
        lab_poll(lab);
        assert_true(lab->core.input.len_bytes < 32);
    }
    assert_int_equal(lab->refused, 0);
    lab_byte(lab, BREAK_IN);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done break_in");
}

static void rubbish_to_a_running_target_is_dropped(void **state)
{
    struct lab *lab = *state;
    uint8_t rubbish[3000];
    lab_boot_attached(lab);
    memset(rubbish, 0x69, sizeof(rubbish));
    lab_input(lab, rubbish, sizeof(rubbish));
    lab_poll(lab);
    assert_true(lab->core.input.len_bytes < 32);
    memset(rubbish, 0x31, sizeof(rubbish));
    lab_input(lab, rubbish, sizeof(rubbish));
    lab_poll(lab);
    assert_int_equal(lab->core.input.len_bytes, 0);
}

static void a_poll_forgets_a_frame_that_was_half_read(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    size_t size = lab_request_frame(frame, GET_VERSION, ID0);
    lab_stop(lab);
    lab_input(lab, frame, 40);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "timeout");
    lab_poll(lab); /* the kernel went on without it, so the rest is noise */
    lab_input(lab, frame + 40, size - 40);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done");
    lab_send(lab, EXCEPTION);
    lab_ack(lab, ID1);
    assert_reply(lab, "done");
}

/* ---- break-ins while a call is held (2.4, 5.7) ---- */

static void a_break_in_while_stopped_is_dropped(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_byte(lab, BREAK_IN);
    for (unsigned hold = 0; hold < 8;
         hold++) { /* the link's scan times out with it: no RESEND for the guest */
        lab_wait(lab, LAB_HOLD);
        assert_reply(lab, "timeout");
        lab_receive(lab);
    }
    assert_int_equal(lab->core.counters.break_ins_dropped, 1);
    lab_byte(lab, BREAK_IN);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    lab_poll(lab);
    assert_reply(lab, "done");
    assert_int_equal(lab->core.counters.break_ins, 0);
    assert_wire(lab, "ack 80800000");
}

static void a_break_in_that_crosses_a_stop_is_fulfilled_by_it(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, EXCEPTION);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    lab_poll(lab);
    assert_reply(lab, "done");
}

static void a_break_in_during_a_print_is_a_wish(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_byte(lab, BREAK_IN);
    assert_reply(lab, "held");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done");
}

static void a_break_in_during_load_symbols_outlives_that_stop(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done");
}

/* Told with the Continue, it would make the target stop once more behind its own stop. */
static void a_wish_is_told_to_a_poll_alone_so_an_own_stop_before_it_fulfils_it(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    lab_send_want_next(lab, EXCEPTION);
    lab_ack(lab, ID1);
    lab_request(lab, CONTINUE, ID1);
    assert_reply(lab, "done continue");
    assert_polled(lab, "done");
}

static void a_break_in_while_a_file_is_awaited_is_a_wish(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, FILE_READ);
    lab_ack(lab, ID0);
    lab_byte(lab, BREAK_IN);
    lab_request(lab, FILE_ANSWER, ID0);
    assert_reply(lab, "done file_answer");
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done");
}

static void a_break_in_while_a_prompt_waits_is_dropped_and_after_it_a_wish(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send_want_next(lab, PROMPT);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    lab_byte(lab, BREAK_IN);
    lab_request(lab, PROMPT_ANSWER, ID0);
    assert_reply(lab, "done prompt_answer");
    lab_send(lab, PRINT);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID1);
    assert_reply(lab, "done");
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done");
}

static void wishes_before_one_tick_are_one(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_byte(lab, BREAK_IN);
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "pending");
    lab_byte(lab, BREAK_IN);
    lab_resume(lab);
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    assert_polled(lab, "done break_in");
    assert_polled(lab, "done");
}

static void an_own_stop_fulfils_a_pending_wish(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, LOAD_SYMBOLS);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    assert_reply(lab, "done"); /* stopped in load symbols, so the wish waits */
    lab_send_want_next(lab, EXCEPTION);
    lab_ack(lab, ID1);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
}

static void a_wish_goes_with_the_one_who_had_it(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_byte(lab, BREAK_IN);
    lab_disconnect(lab);
    lab_poll(lab);
    assert_reply(lab, "done");
    lab_connect(lab);
    lab_poll(lab);
    assert_reply(lab, "done");
    lab_send(lab, LOAD_SYMBOLS);
    lab_byte(lab, BREAK_IN);
    lab_ack(lab, ID0);
    lab_disconnect(lab);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done");
}

/* ---- a guest that forgot its stop ---- */

static void a_stop_that_the_guest_forgot_is_made_again(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab->replies = 0;
    lab_vm_lost(lab);
    lab_hello(lab);
    assert_reply(lab, "done"); /* hello has no context to break in with */
    lab_poll(lab);
    assert_reply(lab, "done break_in");
    lab_send(lab, EXCEPTION);
    assert_wire(lab, "exception 80800800");
}

static void a_stop_that_was_not_acknowledged_yet_counts_too(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, EXCEPTION); /* the debugger may have it, and its ACK be on the way */
    lab_hello(lab);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done break_in");
}

static void assert_is_not_a_forgotten_stop(struct lab *lab, enum lab_request request, const char *reply)
{
    lab_stop(lab);
    lab_request(lab, request, ID0);
    assert_reply(lab, reply);
    lab_hello(lab);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done");
}

static void a_reboot_by_the_debugger_is_not_a_forgotten_stop(void **state)
{
    assert_is_not_a_forgotten_stop(*state, REBOOT, "done reboot");
}

static void a_crash_by_the_debugger_is_not_a_forgotten_stop(void **state)
{
    assert_is_not_a_forgotten_stop(*state, CAUSE_BUG_CHECK, "done cause_bug_check");
}

/* It said hello because a reply was lost, and repeats what its debugger waits at: a module's stop is let go,
 * and no break comes behind it. Another stop of a module is one of a new boot. */
static void a_module_stop_that_is_said_again_was_not_forgotten(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, LOAD_SYMBOLS);
    lab_ack(lab, ID0);
    lab_hello(lab);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_polled(lab, "done");
    lab_send(lab, EXCEPTION);
    lab_ack(lab, ID1);
    lab_hello(lab);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_polled(lab, "done break_in");
}

static void a_prompt_that_is_said_again_was_not_forgotten(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PROMPT);
    lab_ack(lab, ID0);
    lab_hello(lab);
    lab_send_want_next(lab, PROMPT);
    lab_ack(lab, ID0);
    lab_request(lab, PROMPT_ANSWER, ID0);
    assert_polled(lab, "done");
}

/* And the debugger that waited reboots what came back: it waits no more. */
static void a_reboot_forgets_the_stop_that_is_to_be_made_again(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_hello(lab);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_ack(lab, ID0);
    lab_request(lab, REBOOT, ID0);
    lab_hello(lab);
    assert_polled(lab, "done");
}

/* The wish of a person who breaks in meanwhile is one of his own, and outlives both. */
static void a_wish_beside_a_forgotten_stop_stays_a_wish(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_hello(lab);
    lab_byte(lab, BREAK_IN);
    lab_send_want_next(lab, LOAD_SYMBOLS);
    lab_ack(lab, ID0);
    lab_request(lab, REBOOT, ID0);
    lab_hello(lab);
    assert_polled(lab, "done break_in");
}

/* ---- words to the kernel before ---- */

/* The reply under the initial id is not acknowledged when the guest is reset: that ACK comes first, and the
 * requests in front of the new one's belong to the kernel that is gone. */
static void an_ack_for_the_kernel_before_acknowledges_nothing_of_the_new_one(void **state)
{
    struct lab *lab = *state;
    for (int polls = 0; polls < 2; polls++) { /* before or behind a poll, which throws away what waits */
        lab_stop(lab);
        lab_request(lab, READ_MEMORY, ID0);
        lab_send_want_next(lab, READ_REPLY);
        lab_ack(lab, ID1);
        lab_request(lab, GET_VERSION, ID1);
        lab_send_want_next(lab, VERSION_REPLY); /* under the initial id */
        lab_vm_lost(lab);
        if (polls)
            lab_ack(lab, ID0);
        lab_hello(lab);
        lab_poll(lab);
        lab_send_want_next(lab, LOAD_SYMBOLS);
        lab->replies = 0;
        if (!polls)
            lab_ack(lab, ID0);
        lab_request(lab, READ_MEMORY, ID0);
        assert_reply(lab, "held");
        lab_ack(lab, ID0);
        lab_request(lab, CONTINUE, ID0);
        assert_reply(lab, "done continue");
        lab_disconnect(lab);
        lab_read_output(lab, 0);
        lab->wire_bytes = 0;
    }
}

static void a_running_guest_that_reboots_has_no_stop_to_make(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_request(lab, CONTINUE, ID0);
    lab_hello(lab);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done");
}

static void a_forgotten_stop_is_not_made_for_nobody(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab_disconnect(lab);
    lab_hello(lab);
    lab->replies = 0;
    lab_poll(lab);
    assert_reply(lab, "done");
}

static void hello_keeps_a_waiting_debuggers_break_in_and_reset(void **state)
{
    struct lab *lab = *state;
    lab_connect(lab);
    lab_byte(lab, BREAK_IN);
    lab_reset(lab);
    lab_boot(lab);
    lab_send(lab, LOAD_SYMBOLS);
    assert_wire(lab, "load_symbols 80800800; reset; load_symbols 80800000");
    lab_ack(lab, ID0);
    assert_reply(lab, "done");
    lab_poll(lab);
    assert_reply(lab, "done break_in");
}

static void hello_drops_what_was_said_to_the_old_epoch(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab->replies = 0;
    lab_vm_lost(lab);
    lab_ack(lab, ID0);
    lab_request(lab, GET_VERSION, ID0);
    lab_boot(lab);
    lab_send(lab, LOAD_SYMBOLS);
    assert_reply(lab, "held"); /* not acknowledged by the ACK of another frame */
}

/* ---- half-read frames across holds (R2, R10) ---- */

static void a_frame_may_take_several_holds(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    size_t size = lab_request_frame(frame, GET_VERSION, ID0);
    lab_stop(lab);
    for (size_t i = 0; i < size; i++) {
        lab_wait(lab, LAB_HOLD);
        assert_reply(lab, "timeout");
        lab_byte(lab, frame[i]);
        lab_receive(lab);
    }
    assert_reply(lab, "done get_version");
}

static void a_body_cut_short_is_asked_for_again_in_spite_of_holds(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    lab_request_frame(frame, GET_VERSION, ID0);
    lab_stop(lab);
    lab_input(lab, frame, 40);
    for (unsigned hold = 0; hold < 3; hold++) {
        lab_wait(lab, LAB_HOLD);
        lab_receive(lab);
    }
    assert_wire(lab, "");
    lab_wait(lab, LAB_HOLD); /* four holds make the byte time-out */
    assert_wire(lab, "resend");
    lab->replies = 0;
    lab_receive(lab);
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
}

static void a_header_cut_short_is_forgotten_in_spite_of_holds(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    lab_request_frame(frame, GET_VERSION, ID0);
    lab_stop(lab);
    lab_input(lab, frame, 10);
    for (unsigned hold = 0; hold < 5; hold++) {
        lab_wait(lab, LAB_HOLD);
        lab_receive(lab);
    }
    lab->replies = 0;
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    assert_wire(lab, "ack 80800000");
}

/* ---- a debugger that does not read (2.12 rule 8) ---- */

static void an_unread_copy_is_not_followed_by_another(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->reader_stalled = true;
    lab_send(lab, EXCEPTION);
    for (unsigned hold = 0; hold < 40; hold++) {
        lab_wait(lab, LAB_HOLD);
        lab_resume(lab);
    }
    lab->reader_stalled = false;
    lab_wait(lab, 1);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "exception 80800800");
    for (unsigned hold = 0; hold < 4; hold++) {
        lab_wait(lab, LAB_HOLD);
        lab_resume(lab);
    }
    assert_wire(lab, "exception 80800800"); /* read now, so silence repeats it */
}

static void a_copy_under_a_new_id_follows_an_unread_one(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->reader_stalled = true;
    lab_send(lab, EXCEPTION);
    lab_reset(lab);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "exception 80800800; reset; exception 80800000");
}

/* Whoever reads this takes the first copy, starts its ids over, and waits for the id that it has just taken. */
static void a_copy_behind_a_reset_follows_an_unread_one_under_the_same_id(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_send(lab, PRINT);
    lab_ack(lab, ID0);
    lab_send(lab, PRINT);
    lab_ack(lab, ID1);
    assert_wire(lab, "print 80800800; print 80800001");
    lab->reader_stalled = true;
    lab_send(lab, PRINT);
    lab_reset(lab);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "print 80800000; reset; print 80800000");
}

static void another_packet_under_the_id_of_an_unread_one_is_written(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->reader_stalled = true;
    lab_send_want_next(lab, EXCEPTION);
    lab_reset(lab);
    lab_ack(lab, ID0); /* of what it cannot have read */
    lab_reset(lab);
    assert_reply(lab, "done resend_next");
    lab_send(lab, LOAD_SYMBOLS);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "exception 80800800; reset; exception 80800000; reset; load_symbols 80800000");
}

static void silence_of_a_reader_that_stalls_abandons_and_forgets(void **state)
{
    struct lab *lab = *state;
    lab->retries = 1;
    lab_boot_attached(lab);
    lab->reader_stalled = true;
    lab_send(lab, PRINT);
    for (unsigned hold = 0; hold < 3; hold++) {
        lab_wait(lab, LAB_HOLD);
        lab_resume(lab);
    }
    lab->replies = 0;
    lab_wait(lab, LAB_HOLD);
    assert_reply(lab, "abandoned not_present");
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "");
}

static void a_frame_that_a_leaving_debugger_read_in_part_is_whole_for_the_next(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->reader_stalled = true;
    lab_send(lab, EXCEPTION);
    lab_read_output(lab, 10);
    lab_disconnect(lab);
    lab_connect(lab);
    lab_hello(lab); /* forgets what is not begun: that is all of it */
    lab_send(lab, LOAD_SYMBOLS);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "load_symbols 80800800");
}

static void abandoning_never_tears_a_frame_and_forgets_the_unread(void **state)
{
    struct lab *lab = *state;
    for (size_t read = 0; read < 44; read++) {
        lab_hello(lab);
        lab_disconnect(lab);
        lab_connect(lab);
        lab->reader_stalled = true;
        lab_send(lab, PRINT);
        lab_read_output(lab, read);
        lab_wait(lab, LAB_HOLD);
        lab_send(lab, EXCEPTION); /* gives the pending print up */
        lab_read_output(lab, SIZE_MAX);
        assert_wire(lab, read == 0 ? "exception 80800800" : "print 80800800; exception 80800800");
    }
}

static void a_new_epoch_forgets_unread_frames_of_the_old(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab->reader_stalled = true;
    lab_request(lab, READ_MEMORY, ID0);
    lab_send(lab, READ_REPLY);
    lab_read_output(lab, 10); /* of the ACK */
    lab_hello(lab);
    lab_send(lab, LOAD_SYMBOLS);
    lab_read_output(lab, SIZE_MAX);
    assert_wire(lab, "ack 80800000; load_symbols 80800800");
}

/* Old requests, repeated: each is worth one ACK and nothing else (R12). Returns how many. */
static unsigned repeat_old_requests(struct lab *lab, uint32_t output_room_left)
{
    unsigned count = 0;
    for (; relay_queue_room(&lab->core.output) >= output_room_left + 16; count++)
        lab_request(lab, GET_VERSION, ID1);
    return count;
}

static void assert_acks_then(struct lab *lab, unsigned acks, const char *text)
{
    static char expected[65536];
    size_t length = 0;
    for (unsigned i = 0; i < acks; i++) {
        memcpy(expected + length, "ack 80800001; ", 14);
        length += 14;
    }
    strcpy(expected + length, text);
    assert_wire(lab, expected);
}

static void a_full_output_holds_the_packet_until_there_is_room(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab->reader_stalled = true;
    unsigned acks = repeat_old_requests(lab, 4000);
    lab_request(lab, READ_MEMORY, ID0);
    lab_send(lab, READ_REPLY);
    assert_true(lab->core.packet_owed);
    lab_read_output(lab, 100);
    assert_false(lab->core.packet_owed);
    lab_read_output(lab, SIZE_MAX);
    assert_acks_then(lab, acks, "ack 80800000; read_reply 80800001");
}

static void a_full_output_stalls_the_input_and_loses_nothing(void **state)
{
    struct lab *lab = *state;
    lab_stop(lab);
    lab->reader_stalled = true;
    unsigned acks = repeat_old_requests(lab, 0);
    for (; relay_queue_room(&lab->core.input) >= 73; acks++)
        lab_request(lab, GET_VERSION, ID1);
    assert_int_equal(lab->refused, 0);
    uint8_t more[73] = {0};
    lab_input(lab, more, sizeof(more));
    assert_true(lab->refused > 0); /* back-pressure */
    lab->reader_stalled = false;
    lab_read_output(lab, SIZE_MAX);
    assert_int_equal(lab->core.input.len_bytes, 0);
    lab->replies = 0;
    lab_request(lab, GET_VERSION, ID0);
    assert_reply(lab, "done get_version");
    assert_acks_then(lab, acks, "ack 80800000");
}

static void a_control_frame_without_room_is_dropped_whole(void **state)
{
    struct lab *lab = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    lab_request_frame(frame, GET_VERSION, ID0);
    lab_stop(lab);
    lab->reader_stalled = true;
    unsigned acks = repeat_old_requests(lab, 48);
    lab_input(lab, frame, 40);
    lab_wait(lab, LAB_HOLD);
    lab_send(lab, PRINT);                       /* 44 bytes: 4 are left */
    for (unsigned hold = 0; hold < 4; hold++) { /* and the half frame's time-out asks for a RESEND */
        lab_wait(lab, LAB_HOLD);
        lab_resume(lab);
    }
    assert_int_equal(lab->core.link.counters.resends_sent, 1);
    lab_read_output(lab, SIZE_MAX);
    assert_acks_then(lab, acks, "print 80800001");
}

static void input_without_a_held_call_waits_up_to_its_bound(void **state)
{
    struct lab *lab = *state;
    uint8_t bytes[1000];
    lab_boot_attached(lab);
    memset(bytes, 'z', sizeof(bytes));
    for (unsigned i = 0; i < 20; i++)
        lab_input(lab, bytes, sizeof(bytes));
    assert_int_equal(lab->refused, 20000 - RELAY_INPUT_BYTES);
    lab_poll(lab);
    assert_int_equal(lab->core.input.len_bytes, 0);
}

static void bytes_of_nobody_are_dropped(void **state)
{
    struct lab *lab = *state;
    lab_boot(lab);
    lab_byte(lab, BREAK_IN);
    assert_int_equal(lab->refused, 0);
    lab_poll(lab);
    assert_reply(lab, "done");
}

/* ---- any chunks, any history ---- */

static void chunks_do_not_matter(void **state)
{
    struct lab *lab = *state;
    for (size_t chunk = 1; chunk < 80; chunk++) {
        lab->chunk_bytes = chunk;
        lab_hello(lab);
        lab_disconnect(lab);
        lab_connect(lab);
        lab->replies = 0;
        lab_send_want_next(lab, LOAD_SYMBOLS);
        lab_reset(lab);
        lab_byte(lab, BREAK_IN);
        lab_ack(lab, ID0);
        lab_request(lab, CONTINUE, ID0);
        assert_reply(lab, "done continue");
        assert_polled(lab, "done break_in");
        lab_send_want_next(lab, EXCEPTION);
        lab_request(lab, CONTINUE, ID0); /* its ACK was lost (N7) */
        lab_ack(lab, ID1);
        lab_request(lab, READ_MEMORY, ID1);
        assert_reply(lab, "done read_memory");
        lab_send_want_next(lab, READ_REPLY);
        lab_ask_resend(lab);
        lab_ack(lab, ID0);
        lab_request(lab, CONTINUE, ID0);
        assert_reply(lab, "done continue");
        assert_wire(lab,
                    "load_symbols 80800800; reset; load_symbols 80800000; ack 80800000; exception 80800001; "
                    "ack 80800000; ack 80800001; read_reply 80800000; read_reply 80800000; ack 80800000");
    }
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % below;
}

static void vm_does_something(struct lab *lab, uint64_t *random)
{
    uint8_t bytes[64];
    switch (draw(random, 9)) {
    case 0:
        lab_hello(lab);
        break;
    case 1:
        lab_vm_lost(lab);
        break;
    case 2:
        lab_repeat(lab);
        break;
    case 3:
        lab_poll(lab);
        break;
    case 4:
        lab_resume_want_next(lab);
        break;
    case 5:
        lab_receive(lab);
        break;
    case 6:
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)draw(random, 256);
        lab_bytes(lab, bytes, draw(random, 65));
        break;
    default:
        lab_send_want_next(lab, (enum lab_packet)draw(random, 8));
        break;
    }
}

static void debugger_does_something(struct lab *lab, uint64_t *random)
{
    uint8_t frame[KD_FRAME_BYTES_MAX];
    const uint32_t id = ID0 + draw(random, 2);
    switch (draw(random, 9)) {
    case 0:
        lab_connect(lab);
        break;
    case 1:
        lab_byte(lab, BREAK_IN);
        break;
    case 2:
        lab_reset(lab);
        break;
    case 3:
        lab_ask_resend(lab);
        break;
    case 4:
        lab_input(lab, frame, draw(random, (uint32_t)lab_request_frame(frame, GET_VERSION, id)));
        break;
    case 5:
        lab->reader_stalled = !lab->reader_stalled;
        lab_read_output(lab, draw(random, 3000));
        break;
    case 6:
        lab_request(lab, (enum lab_request)draw(random, 7), id);
        break;
    default:
        lab_ack(lab, id);
        break;
    }
}

/* Whatever either side does: what is written is whole frames, nothing is held longer than a hold, and no
 * packet goes to the guest that it did not ask for. vm_reply_load judges each reply. */
static void no_history_breaks_a_rule(void **state)
{
    struct lab *lab = *state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        for (unsigned step = 0; step < 200; step++) {
            if (draw(&random, 2))
                vm_does_something(lab, &random);
            else
                debugger_does_something(lab, &random);
            if (lab->core.state == RELAY_IDLE)
                assert_true(relay_deadline(&lab->core) == KD_NEVER);
            else
                assert_true(relay_deadline(&lab->core) <= lab->now + LAB_HOLD);
            if (lab->reply.flags & VM_REPLY_PACKET)
                assert_true(lab->reply.packet.data.len_bytes <= 3944);
            lab_wait(lab, draw(&random, 2 * LAB_HOLD));
        }
        lab->reader_stalled = false;
        lab_read_output(lab, SIZE_MAX);
        assert_wire_is_whole(lab);
        lab_disconnect(lab);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_poll_is_answered_at_once, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(one_break_in_is_one_stop, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(break_ins_in_a_row_are_one, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(noise_before_a_break_in_is_dropped_and_what_follows_is_kept,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_reset_to_a_running_target_waits_for_its_stop, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_reset_is_never_half_eaten_by_polls, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(resets_all_night_fill_nothing, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(rubbish_to_a_running_target_is_dropped, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_poll_forgets_a_frame_that_was_half_read, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_while_stopped_is_dropped, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_that_crosses_a_stop_is_fulfilled_by_it, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_during_a_print_is_a_wish, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_is_told_to_a_poll_alone_so_an_own_stop_before_it_fulfils_it,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_during_load_symbols_outlives_that_stop, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_while_a_file_is_awaited_is_a_wish, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_break_in_while_a_prompt_waits_is_dropped_and_after_it_a_wish,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(wishes_before_one_tick_are_one, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(an_own_stop_fulfils_a_pending_wish, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_goes_with_the_one_who_had_it, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_stop_that_the_guest_forgot_is_made_again, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_stop_that_was_not_acknowledged_yet_counts_too, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_reboot_by_the_debugger_is_not_a_forgotten_stop, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_crash_by_the_debugger_is_not_a_forgotten_stop, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_wish_beside_a_forgotten_stop_stays_a_wish, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(an_ack_for_the_kernel_before_acknowledges_nothing_of_the_new_one,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_reboot_forgets_the_stop_that_is_to_be_made_again, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_prompt_that_is_said_again_was_not_forgotten, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_module_stop_that_is_said_again_was_not_forgotten, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_running_guest_that_reboots_has_no_stop_to_make, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_stop_is_not_made_for_nobody, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(hello_keeps_a_waiting_debuggers_break_in_and_reset, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(hello_drops_what_was_said_to_the_old_epoch, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_frame_may_take_several_holds, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_body_cut_short_is_asked_for_again_in_spite_of_holds, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_header_cut_short_is_forgotten_in_spite_of_holds, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(an_unread_copy_is_not_followed_by_another, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_copy_under_a_new_id_follows_an_unread_one, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_copy_behind_a_reset_follows_an_unread_one_under_the_same_id,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(another_packet_under_the_id_of_an_unread_one_is_written, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(silence_of_a_reader_that_stalls_abandons_and_forgets, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_a_leaving_debugger_read_in_part_is_whole_for_the_next,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(abandoning_never_tears_a_frame_and_forgets_the_unread, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_new_epoch_forgets_unread_frames_of_the_old, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_full_output_holds_the_packet_until_there_is_room, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_full_output_stalls_the_input_and_loses_nothing, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_control_frame_without_room_is_dropped_whole, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(input_without_a_held_call_waits_up_to_its_bound, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(bytes_of_nobody_are_dropped, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(chunks_do_not_matter, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(no_history_breaks_a_rule, lab_setup, lab_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
