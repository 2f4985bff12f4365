/* Goal: each rule of kd-protocol.md 2.14 is named when it is broken: rule, end, time and frame.
 * Method: one violation at a time is planted into a conversation that is clean without it. */
#include "harness/monitor/tests/wire_talk.h"

/* ---- W1 to W4, W14: a frame by itself ---- */

static void w1_a_byte_outside_of_frames(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, D, (struct bytes){.count = 3, .at = {0x62, 0x62, 0x00}});
    assert_only(talk, MONITOR_W1, MONITOR_DEBUGGER, "0x00");
    writes(talk, D, request(READ, ID0));
    assert_clean(talk);
    writes(talk, T, (struct bytes){.count = 2, .at = {0x62, 0x62}});
    assert_only(talk, MONITOR_W1, MONITOR_TARGET, "0x62");
}

static void w1_half_a_leader(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, D, (struct bytes){.count = 3, .at = {0x69, 0x69, 0x30}});
    assert_only(talk, MONITOR_W1, MONITOR_DEBUGGER, "0x69");
}

static void w1_a_frame_that_is_not_finished(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    struct bytes half = request(READ, ID0);
    half.count = 40;
    writes(talk, D, half);
    passes(talk, ms(1000));
    monitor_finish(talk->monitor, talk->now_ns);
    assert_only(talk, MONITOR_W1, MONITOR_DEBUGGER, "40 bytes");
}

static void w1_the_run_may_end_within_a_frame(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    struct bytes half = print("x", ID1);
    half.count = 20;
    writes(talk, T, half);
    passes(talk, ms(2));
    monitor_finish(talk->monitor, talk->now_ns);
    assert_clean(talk);
}

static void w2_control_frames_have_nothing_but_type_and_id(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, header(0x69, 11, 0, 0, 0));
    assert_only(talk, MONITOR_W2, MONITOR_TARGET, "type 11");
    writes(talk, T, header(0x69, RESEND, 4, 0, 0));
    assert_only(talk, MONITOR_W2, MONITOR_TARGET, "ByteCount is 4");
    writes(talk, D, header(0x69, RESEND, 0, 0, 0x80C2));
    assert_only(talk, MONITOR_W2, MONITOR_DEBUGGER, "0x80c2");
}

static void w3_data_frames_are_well_formed(void **state)
{
    struct talk *talk = *state;
    static const uint8_t body[4001] = {0x46, 0x31};
    stopped(talk);
    struct bytes bad = request(READ, ID0);
    bad.at[12]++;
    writes(talk, D, bad);
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "checksum");
    bad = request(READ, ID0);
    bad.at[bad.count - 1] = 0xAB;
    writes(talk, D, bad);
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "0xAA");
    writes(talk, D, frame(MANIPULATE, ID0, body, 55));
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "shorter");
    writes(talk, D, frame(MANIPULATE, ID0, body, 4001)); /* its body is debris, named no further */
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "longer");
    writes(talk, D, frame(MANIPULATE, ID0, body, 4000));
    assert_clean(talk);
}

static void w3_types_go_their_way(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, D, stop(ID0));
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "type 7");
    writes(talk, D, data(9, 0x3330, ID0, 0));
    assert_only(talk, MONITOR_W3, MONITOR_DEBUGGER, "type 9");
    writes(talk, T, header(0x30, 1, 0, 0x80800001u, 0));
    writes(talk, T, (struct bytes){.count = 1, .at = {0xAA}});
    assert_only(talk, MONITOR_W3, MONITOR_TARGET, "type 1");
    says(talk, T, data(9, 0x3330, ID1, 0));
    says(talk, D, control(ACK, ID1));
    says(talk, T, data(10, 0x4300, ID0, 0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, data(10, 0x4300, ID0, 0));
    assert_clean(talk);
}

static void w4_ids_count_one_bit(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, stop(2));
    assert_only(talk, MONITOR_W4, MONITOR_TARGET, "80800002");
    writes(talk, D, request(READ, 0x12345678u - 0x80800000u));
    assert_only(talk, MONITOR_W4, MONITOR_DEBUGGER, "12345678");
    open_monitor(talk);
    attached_and_booted(talk);
    writes(talk, T, stop(SYNC1));
    assert_only(talk, MONITOR_W4, MONITOR_TARGET, "80800801");
}

static void w14_a_print_is_as_long_as_it_says(void **state)
{
    struct talk *talk = *state;
    running(talk);
    struct bytes lies = print("abc", ID1);
    lies.at[16 + 8]++;
    lies.at[12]++;
    writes(talk, T, lies);
    assert_only(talk, MONITOR_W14, MONITOR_TARGET, "LengthOfString is 4, the text has 3 bytes");
}

/* ---- W5 to W7: ids and repeats ---- */

static void w5_the_target_waits_for_its_ack(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("one", ID1));
    writes(talk, D, control(ACK, ID1)); /* lost */
    writes(talk, T, print("two", ID0));
    assert_only(talk, MONITOR_W5, MONITOR_TARGET, "debug_io 3230 id=80800000: debug_io id=80800001");
}

/* N7: a repeated request is no sign that the reply arrived. */
static void w5_a_repeat_is_no_implicit_ack(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(VERSION, ID0));
    writes(talk, T, control(ACK, ID0)); /* both lost */
    writes(talk, T, reply(VERSION, ID1));
    says(talk, D, request(VERSION, ID0));
    says(talk, T, control(ACK, ID0));
    writes(talk, T, print("already?", ID0));
    assert_only(talk, MONITOR_W5, MONITOR_TARGET, "manipulate id=80800001 is not acknowledged");
}

static void w5_the_debugger_waits_for_its_ack(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    writes(talk, D, request(WRITE, ID1));
    assert_only(talk, MONITOR_W5, MONITOR_DEBUGGER, "manipulate 3131");
}

static void w6_a_repeat_keeps_its_id_and_bytes(void **state)
{
    struct talk *talk = *state;
    running(talk);
    writes(talk, T, print("one", ID1));
    passes(talk, ms(1000));
    writes(talk, T, print("one", ID0));
    assert_only(talk, MONITOR_W6, MONITOR_TARGET, "another id");
    open_monitor(talk);
    running(talk);
    writes(talk, T, print("one", ID1));
    passes(talk, ms(1000));
    writes(talk, T, print("ONE", ID1));
    assert_only(talk, MONITOR_W6, MONITOR_TARGET, "not the frame");
}

static void w6_binds_the_debugger_too(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, D, request(READ, ID0));
    writes(talk, D, request(READ, ID1));
    assert_only(talk, MONITOR_W6, MONITOR_DEBUGGER, "another id");
    writes(talk, D, request(WRITE, ID1));
    assert_only(talk, MONITOR_W6, MONITOR_DEBUGGER, "not the frame");
}

static void w7_an_acknowledged_id_is_used_up(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("one", ID1));
    says(talk, D, control(ACK, ID1));
    writes(talk, T, print("two", ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "was acknowledged");
    open_monitor(talk);
    answered(talk);
    writes(talk, D, request(READ, ID0));
    assert_only(talk, MONITOR_W7, MONITOR_DEBUGGER, "other id's turn");
}

/* One copy may cross with the ACK; a second one comes from a deaf end. */
static void w7_a_target_that_does_not_hear_its_ack(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("one", ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, T, print("one", ID1));
    says(talk, D, control(ACK, ID1));
    assert_clean(talk);
    passes(talk, ms(1000));
    writes(talk, T, print("one", ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "it was acknowledged");
}

/* The next boot: its first ACK may be taken for the one that is owed, its second may not. */
static void assert_one_ack_is_let_pass(struct talk *talk)
{
    note(talk, MONITOR_TARGET_BOOTS);
    passes(talk, ms(1));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    passes(talk, ms(1000));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
    passes(talk, ms(1000));
    writes(talk, T, stop(SYNC0));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "it was acknowledged");
}

/* A relay still waits for the ACK of a copy that was lost in the boot before; for one of each copy, and no more. */
static void w7_an_ack_may_pass_for_one_of_the_boot_before(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    writes(talk, T, stop(SYNC0));
    passes(talk, ms(1000));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(VERSION, ID0));
    says(talk, T, control(ACK, ID0));
    assert_one_ack_is_let_pass(talk);
}

/* A copy that was lost in front of a RESET is still one whose ACK a relay waits for. */
static void w7_a_reset_answers_no_copy_of_before(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    writes(talk, T, stop(SYNC0));
    passes(talk, ms(1000));
    says(talk, D, control(RESET, 0));
    says(talk, T, control(RESET, 0));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(VERSION, ID0));
    says(talk, T, control(ACK, ID0));
    assert_one_ack_is_let_pass(talk);
}

static void w7_a_settled_frame_is_not_repeated(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    says(talk, T, reply(VERSION, ID1));
    writes(talk, D, control(ACK, ID1));
    says(talk, D, request(READ, ID1));
    says(talk, T, control(ACK, ID1));
    writes(talk, T, reply(VERSION, ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "has read since");
}

static void w7_ids_start_over_with_a_word(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    writes(talk, T, stop(ID0));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "SYNC does not say so");
    open_monitor(talk);
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    writes(talk, T, control(RESET, ID0));
    writes(talk, T, stop(ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "with the RESET");
}

/* ---- W8 to W10: what is answered ---- */

static void w8_a_reply_comes_behind_the_ack(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W8, MONITOR_TARGET, "not acknowledged before");
}

static void w8_a_good_frame_is_not_asked_for_again(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    writes(talk, T, control(RESEND, ID0));
    assert_only(talk, MONITOR_W8, MONITOR_TARGET, "80800000 that came was good");
    open_monitor(talk);
    running(talk);
    says(talk, T, print("one", ID1));
    writes(talk, D, control(RESEND, ID0));
    assert_only(talk, MONITOR_W8, MONITOR_DEBUGGER, "80800001 that came was good");
}

static void w8_a_stopped_target_does_not_stay_silent(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    passes(talk, ms(30000));
    says(talk, D, request(READ, ID0));
    assert_only(talk, MONITOR_W8, MONITOR_TARGET, "said nothing");
}

static void w8_a_debugger_acknowledges_in_time(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("one", ID1));
    passes(talk, ms(500));
    monitor_finish(talk->monitor, talk->now_ns);
    assert_clean(talk);
    passes(talk, 1);
    monitor_finish(talk->monitor, talk->now_ns);
    assert_only(talk, MONITOR_W8, MONITOR_DEBUGGER, "80800001 came, and was not acknowledged");
}

static void w8_a_debugger_acknowledges_before_it_goes_on(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    says(talk, T, reply(VERSION, ID1));
    writes(talk, D, request(READ, ID1));
    assert_only(talk, MONITOR_W8, MONITOR_DEBUGGER, "80800001 that came before is not acknowledged");
}

static void w8_a_debuggers_ack_has_no_sync(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    says(talk, T, stop(SYNC0));
    writes(talk, D, control(ACK, SYNC0));
    assert_only(talk, MONITOR_W8, MONITOR_DEBUGGER, "no SYNC bit");
}

static void w9_each_frame_has_one_ack(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    writes(talk, T, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_TARGET, "ack id=80800000: no such frame");
    writes(talk, D, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_DEBUGGER, "ack id=80800000: no such frame");
}

static void w9_control_frames_have_no_ack(void **state)
{
    struct talk *talk = *state;
    answered(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    writes(talk, D, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_DEBUGGER, "no such frame");
}

static void w9_a_bad_frame_has_no_ack(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    struct bytes garbled = request(READ, ID0);
    garbled.at[50] ^= 4;
    writes(talk, D, request(READ, ID0));
    hears(talk, T, garbled);
    writes(talk, T, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_TARGET, "the frame that came was bad");
}

static void w9_a_reset_wipes_out_what_came_before(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    says(talk, D, control(RESET, ID0));
    writes(talk, T, control(RESET, ID0));
    writes(talk, T, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_TARGET, "no such frame");
}

static void w10_a_target_sends_no_reset_unasked(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, control(RESET, ID0));
    assert_only(talk, MONITOR_W10, MONITOR_TARGET, "no RESET came");
}

static void w10_resets_in_a_row_get_one_answer(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, D, control(RESET, ID0));
    writes(talk, T, control(RESET, ID0));
    writes(talk, T, stop(ID0));
    writes(talk, T, control(RESET, ID0));
    assert_only(talk, MONITOR_W10, MONITOR_TARGET, "in a row");
}

/* An ACK between them, or the end of the window: the second one is another wish. */
static void w10_a_reset_behind_something_else_is_another(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    passes(talk, ms(100));
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    assert_clean(talk);
}

static void w10_an_answer_is_not_answered(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    writes(talk, D, control(RESET, ID0));
    assert_only(talk, MONITOR_W10, MONITOR_DEBUGGER, "answers an answer");
    passes(talk, ms(1000));
    writes(talk, D, control(RESET, ID0)); /* of its own will */
    assert_clean(talk);
}

static void w10_a_user_may_want_a_reset_in_the_same_moment(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    note(talk, MONITOR_FRESH_START);
    writes(talk, D, control(RESET, ID0));
    assert_clean(talk);
}

static void w10_one_reset_gets_one_answer(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    hears(talk, D, control(RESET, ID0));
    writes(talk, D, control(RESET, ID0));
    writes(talk, D, control(RESET, ID0));
    assert_only(talk, MONITOR_W10, MONITOR_DEBUGGER, "one answer");
}

/* ---- W11 to W13, W15, W16: what may be said when ---- */

static void w11_a_reply_has_its_request(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "manipulate 3130 id=80800001: no request");
    open_monitor(talk);
    asked(talk);
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "of this kind");
}

/* A repeated request was served twice. */
static void w11_a_request_has_one_reply(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(VERSION, ID0));
    writes(talk, T, control(ACK, ID0)); /* lost */
    says(talk, T, reply(VERSION, ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, D, request(VERSION, ID0));
    says(talk, T, control(ACK, ID0));
    writes(talk, T, reply(VERSION, ID0));
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "no request");
}

static void w12_no_state_change_before_the_reply(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    writes(talk, T, stop(ID1));
    assert_only(talk, MONITOR_W12, MONITOR_TARGET, "request 3146 has no reply yet");
}

static void w12_no_state_change_while_stopped(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, data(STATE_CHANGE, STOP, ID1, 9));
    assert_only(talk, MONITOR_W12, MONITOR_TARGET, "stopped already");
}

static void w13_no_manipulate_while_it_runs(void **state)
{
    struct talk *talk = *state;
    running(talk);
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W13, MONITOR_TARGET, "it runs");
    writes(talk, D, request(READ, ID1));
    assert_only(talk, MONITOR_W13, MONITOR_DEBUGGER, "runs since the last Continue");
}

static void w15_sync_is_for_a_fresh_start(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    writes(talk, T, reply(VERSION, SYNC0));
    assert_only(talk, MONITOR_W15, MONITOR_TARGET, "did not boot");
    open_monitor(talk);
    running(talk);
    says(talk, T, print("taken", ID1));
    says(talk, D, control(ACK, ID1));
    writes(talk, T, print("next", SYNC0));
    assert_only(talk, MONITOR_W15, MONITOR_TARGET, "did not abandon");
    open_monitor(talk);
    stopped(talk);
    says(talk, D, control(RESET, ID0));
    writes(talk, T, control(RESET, ID0));
    writes(talk, T, stop(SYNC0));
    assert_only(talk, MONITOR_W15, MONITOR_TARGET, "behind a RESET");
}

static void w15_a_debugger_has_no_sync(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, D, request(READ, SYNC0));
    assert_only(talk, MONITOR_W15, MONITOR_DEBUGGER, "no SYNC bit");
}

static void w16_requests_while_stopped_one_at_a_time(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    writes(talk, D, request(READ, ID0));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "the target runs");
    open_monitor(talk);
    asked(talk);
    writes(talk, D, request(READ, ID1));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "request 3146 has no reply yet");
}

static void w16_answers_to_what_was_asked(void **state)
{
    struct talk *talk = *state;
    running(talk);
    writes(talk, D, data(DEBUG_IO, PROMPT, ID1, 1));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "did not ask");
    says(talk, T, control(ACK, ID1));
    open_monitor(talk);
    running(talk);
    writes(talk, D, data(FILE_IO, CREATE, ID1, 1));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "did not ask");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(w1_a_byte_outside_of_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w1_half_a_leader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w1_a_frame_that_is_not_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w1_the_run_may_end_within_a_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w2_control_frames_have_nothing_but_type_and_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w3_data_frames_are_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w3_types_go_their_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w4_ids_count_one_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w14_a_print_is_as_long_as_it_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w5_the_target_waits_for_its_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w5_a_repeat_is_no_implicit_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w5_the_debugger_waits_for_its_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w6_a_repeat_keeps_its_id_and_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w6_binds_the_debugger_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_an_acknowledged_id_is_used_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_a_target_that_does_not_hear_its_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_an_ack_may_pass_for_one_of_the_boot_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_a_reset_answers_no_copy_of_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_a_settled_frame_is_not_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w7_ids_start_over_with_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_reply_comes_behind_the_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_good_frame_is_not_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_stopped_target_does_not_stay_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_debugger_acknowledges_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_debugger_acknowledges_before_it_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w8_a_debuggers_ack_has_no_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w9_each_frame_has_one_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w9_control_frames_have_no_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w9_a_bad_frame_has_no_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w9_a_reset_wipes_out_what_came_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_a_target_sends_no_reset_unasked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_resets_in_a_row_get_one_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_a_reset_behind_something_else_is_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_an_answer_is_not_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_a_user_may_want_a_reset_in_the_same_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w10_one_reset_gets_one_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w11_a_reply_has_its_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w11_a_request_has_one_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w12_no_state_change_before_the_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w12_no_state_change_while_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w13_no_manipulate_while_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w15_sync_is_for_a_fresh_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w15_a_debugger_has_no_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w16_requests_while_stopped_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(w16_answers_to_what_was_asked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
