/* Goal: the monitor lets every legal conversation pass, whatever faults befall it, and knows whom it cannot
 * judge: a script, a foreign program, a target that nobody has seen the beginning of. Method: no VM and no
 * debugger: the test says what either end writes and what the other one receives. */
#include "harness/monitor/tests/wire_talk.h"

/* ---- what is legal ---- */

static void every_rule_has_its_row(void **state)
{
    (void)state;
    assert_int_equal(MONITOR_RULES, 17);
    for (unsigned rule = MONITOR_W1; rule < MONITOR_RULES; rule++) {
        char name[8];
        snprintf(name, sizeof name, "W%u", rule);
        assert_string_equal(monitor_rule_name((enum monitor_rule)rule), name);
        assert_true(strlen(monitor_rule_text((enum monitor_rule)rule)) > 20);
        assert_in_range(monitor_rule_binds((enum monitor_rule)rule), 1, 3);
    }
    for (unsigned deviation = 1; deviation < MONITOR_DEVIATIONS; deviation++)
        assert_true(strlen(monitor_deviation_text((enum monitor_deviation)deviation)) > 20);
}

static void play_all_families(struct talk *talk)
{
    attached_and_booted(talk);
    says(talk, T, data(STATE_CHANGE, LOAD, SYNC0, 1));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(CONTINUE2, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, print("hello", ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, D, (struct bytes){.count = 1, .at = {0x62}});
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(READ, ID1));
    says(talk, T, control(ACK, ID1));
    says(talk, T, reply(READ, ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, D, request(0x315A, ID0)); /* never answered, and the next may follow */
    says(talk, T, control(ACK, ID0));
    says(talk, D, request(SWITCH, ID1));
    says(talk, T, control(ACK, ID1));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(CONTINUE, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, data(DEBUG_IO, PROMPT, ID1, 0));
    says(talk, D, control(ACK, ID1));
    says(talk, D, data(DEBUG_IO, PROMPT, ID1, 1));
    says(talk, T, control(ACK, ID1));
    says(talk, T, data(FILE_IO, CREATE, ID0, 0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, data(FILE_IO, CREATE, ID0, 1));
    says(talk, T, control(ACK, ID0));
}

static void all_families_pass(void **state)
{
    struct talk *talk = *state;
    play_all_families(talk);
    monitor_finish(talk->monitor, talk->now_ns + ms(100));
    assert_clean(talk);
    assert_int_equal(monitor_frames(talk->monitor, MONITOR_TARGET), 14);
    assert_int_equal(monitor_frames(talk->monitor, MONITOR_DEBUGGER), 14);
}

/* The same on a serial line, byte by byte, both ways at once. */
static void bytes_may_come_one_by_one(void **state)
{
    struct talk *talk = *state;
    talk->config.target_has_sessions = false;
    open_monitor(talk);
    attached_and_booted(talk);
    struct bytes both[] = {stop(SYNC0), control(ACK, ID0), request(READ, ID0), control(ACK, ID0),
                           reply(READ, ID1)};
    for (unsigned i = 0; i < sizeof both / sizeof *both; i++) {
        enum monitor_end end = i == 1 || i == 2 ? D : T;
        for (size_t at = 0; at < both[i].count; at++) {
            says(talk, end, (struct bytes){.count = 1, .at = {both[i].at[at]}});
            passes(talk, 86000);
        }
    }
    assert_clean(talk);
    writes(talk, D, control(ACK, ID0));
    assert_only(talk, MONITOR_W9, MONITOR_DEBUGGER, "ack id=80800000");
}

static void a_lost_frame_excuses_its_repeat(void **state)
{
    struct talk *talk = *state;
    attached_and_booted(talk);
    for (unsigned i = 0; i < 3; i++) {
        writes(talk, T, stop(SYNC0)); /* SYNC stays until it is acknowledged */
        passes(talk, ms(1000));
    }
    says(talk, T, stop(SYNC0));
    writes(talk, D, control(ACK, ID0));
    passes(talk, ms(1000));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    writes(talk, D, request(READ, ID0));
    passes(talk, ms(1000));
    says(talk, D, request(READ, ID0));
    writes(talk, T, control(ACK, ID0));
    writes(talk, T, reply(READ, ID1));
    passes(talk, ms(1000));
    says(talk, D, request(READ, ID0)); /* is a repeat to the target, and no sign that its reply came (N7) */
    says(talk, T, control(ACK, ID0));
    passes(talk, ms(1000));
    says(talk, T, reply(READ, ID1));
    says(talk, D, control(ACK, ID1));
    assert_clean(talk);
}

static void a_garbled_frame_excuses_its_resend(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    struct bytes garbled = reply(VERSION, ID1);
    garbled.at[40] ^= 0x10;
    writes(talk, T, reply(VERSION, ID1));
    hears(talk, D, garbled);
    says(talk, D, control(RESEND, ID0));
    says(talk, T, reply(VERSION, ID1));
    says(talk, D, control(ACK, ID1));
    garbled = request(READ, ID1);
    garbled.at[60] ^= 1;
    writes(talk, D, request(READ, ID1));
    hears(talk, T, garbled);
    says(talk, T, control(RESEND, ID0));
    says(talk, D, request(READ, ID1));
    says(talk, T, control(ACK, ID1));
    assert_clean(talk);
}

/* 2.6 N6: the debugger's next frame says that ours arrived, though its ACK was lost. Ours is accepted or
 * asked for again. */
static void a_frame_that_crosses_acknowledges(void **state)
{
    struct talk *talk = *state;
    for (unsigned kept = 0; kept < 2; kept++) {
        open_monitor(talk);
        asked(talk);
        says(talk, T, reply(VERSION, ID1));
        writes(talk, D, control(ACK, ID1));
        says(talk, D, request(READ, ID1));
        says(talk, T, control(kept ? ACK : RESEND, ID1));
        if (!kept) {
            says(talk, D, request(READ, ID1));
            says(talk, T, control(ACK, ID1));
        }
        says(talk, T, reply(READ, ID0));
        says(talk, D, control(ACK, ID0));
        assert_clean(talk);
    }
}

static void a_reply_may_overtake_its_ack(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    writes(talk, T, control(ACK, ID0));
    says(talk, T, reply(READ, ID1));
    says(talk, D, control(ACK, ID1));
    passes(talk, ms(1000));
    says(talk, D, request(READ, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, D, request(WRITE, ID1));
    assert_clean(talk);
}

static void a_reset_starts_both_over(void **state)
{
    struct talk *talk = *state;
    answered(talk);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(READ, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, reply(READ, ID1));
    says(talk, D, control(RESET, ID0)); /* hits the send of a reply, which comes again: an orphan (2.9) */
    says(talk, T, control(RESET, ID0));
    says(talk, T, reply(READ, ID0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
}

static void what_a_reset_brings_again_is_unacknowledged_again(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    for (unsigned i = 0; i < 2; i++) {
        says(talk, D, control(RESET, ID0));
        says(talk, T, control(RESET, ID0));
        says(talk, T, stop(ID0));
        writes(talk, D, control(ACK, ID0));
        passes(talk, ms(1000));
        says(talk, T, stop(ID0));
        says(talk, D, control(ACK, ID0));
    }
    assert_clean(talk);
}

/* To a debugger the question behind the RESET is another one. */
static void a_prompt_that_a_reset_brings_again_may_be_answered_twice(void **state)
{
    struct talk *talk = *state;
    running(talk);
    hears(talk, T, control(RESET, ID0)); /* sent long ago */
    says(talk, T, data(DEBUG_IO, PROMPT, ID1, 0));
    writes(talk, D, control(ACK, ID1));
    says(talk, T, control(RESET, ID0));
    says(talk, D, control(RESET, ID0));
    says(talk, T, data(DEBUG_IO, PROMPT, ID0, 0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, data(DEBUG_IO, PROMPT, ID0, 1));
    says(talk, T, control(ACK, ID0));
    says(talk, D, data(DEBUG_IO, PROMPT, ID1, 1));
    assert_clean(talk);
    says(talk, T, control(ACK, ID1));
    writes(talk, D, data(DEBUG_IO, PROMPT, ID0, 1));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "did not ask");
}

static void an_unasked_reset_is_answered_once(void **state)
{
    struct talk *talk = *state;
    answered(talk);
    hears(talk, D, control(RESET, ID0)); /* a fault made it */
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0)); /* the answer to that */
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
}

static void an_abandoned_print_is_followed_by_sync(void **state)
{
    struct talk *talk = *state;
    running(talk);
    for (unsigned i = 0; i < 20; i++) {
        writes(talk, T, print("nobody", ID1));
        passes(talk, ms(1000));
    }
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(READ, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, reply(READ, ID1));
    assert_clean(talk);
}

/* Its ACK came, but after a whole time-out: it had been given up. */
static void an_abandoned_print_may_be_acknowledged_too_late(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("late", ID1));
    writes(talk, D, control(ACK, ID1));
    passes(talk, ms(990));
    hears(talk, T, control(ACK, ID1));
    says(talk, T, print("next", SYNC0));
    assert_clean(talk);
}

static void a_state_change_may_come_again_for_a_cause(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, control(RESEND, ID0));
    says(talk, T, stop(ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, D, (struct bytes){.count = 1, .at = {0x62}});
    passes(talk, ms(1000));
    says(talk, T, stop(ID0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
}

/* A bit was flipped in the id of its repeat on the way: no target counts to that (W4), so a debugger that drops it
 * still waits for the next. */
static void an_impossible_sync_id_is_dropped_and_not_adopted(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    writes(talk, T, stop(SYNC0));
    passes(talk, 25000);
    hears(talk, D, stop(SYNC0 | 0x08000000));
    says(talk, D, control(ACK, 0x08000000));
    says(talk, D, request(READ, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, reply(READ, ID1));
    says(talk, D, control(ACK, ID1));
    says(talk, D, request(VERSION, ID1));
    assert_clean(talk);
}

static void a_state_change_makes_a_request_void(void **state)
{
    struct talk *talk = *state;
    asked(talk);
    note(talk, MONITOR_TARGET_BOOTS);
    passes(talk, ms(1));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    says(talk, D, request(READ, ID0));
    assert_clean(talk);
}

static void nobody_is_blamed_while_a_machine_stands_still(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    says(talk, D, request(READ, ID0));
    passes(talk, ms(29000));
    note(talk, MONITOR_TIME_PASSED);
    passes(talk, ms(29000));
    says(talk, T, control(ACK, ID0));
    assert_clean(talk);
}

/* ---- who is judged, and when ---- */

static void play_nonsense(struct talk *talk)
{
    note(talk, MONITOR_RAW);
    says(talk, D, request(READ, ID1));
    says(talk, T, control(ACK, ID1));
    note(talk, MONITOR_RAW);
    says(talk, D, control(ACK, ID1));
}

static void a_script_that_plays_the_bytes_is_not_judged(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    play_nonsense(talk);
    assert_clean(talk);
    writes(talk, T, reply(READ, ID1)); /* the target is: it acknowledged, but did not accept */
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "no request");
}

/* Stray leader bytes in front of a frame hide it from one reader and not from another. */
static void garbage_of_a_script_may_hide_a_frame(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    note(talk, MONITOR_RAW);
    says(talk, D, (struct bytes){.count = 3, .at = {0x69, 0x69, 0x55}});
    writes(talk, T, control(ACK, ID0));
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "no request");
}

static void it_is_judged_again_behind_an_answered_reset(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    play_nonsense(talk);
    struct bytes half = request(READ, ID0); /* left unfinished, it hides nothing */
    half.count = 30;
    note(talk, MONITOR_RAW);
    writes(talk, D, half);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    writes(talk, D, request(READ, ID0));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "the target runs");
}

static void a_manual_debugger_is_not_judged_though_it_resets(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    note(talk, MONITOR_MANUAL_ON);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    says(talk, T, stop(ID0));
    passes(talk, ms(1000));
    says(talk, T, stop(ID0)); /* nobody acknowledges */
    note(talk, MONITOR_MANUAL_OFF);
    says(talk, D, request(READ, ID1));
    assert_clean(talk);
    note(talk, MONITOR_DETACHED);
    note(talk, MONITOR_ATTACHED);
    writes(talk, D, request(READ, ID0));
    assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "the target runs");
}

/* A target on a serial line does not know of a new debugger, and is in the middle of something. */
static void a_serial_session_begins_in_the_middle(void **state)
{
    struct talk *talk = *state;
    talk->config.target_has_sessions = false;
    open_monitor(talk);
    note(talk, MONITOR_TARGET_BOOTS);
    passes(talk, 1);
    note(talk, MONITOR_ATTACHED);
    writes(talk, T, (struct bytes){.count = 5, .at = {0x41, 0x42, 0x30, 0x00, 0xAA}});
    says(talk, T, reply(READ, ID1)); /* to the debugger before */
    says(talk, D, control(ACK, ID1));
    says(talk, T, print("on", ID0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
    writes(talk, T, print("and on", ID0));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "was acknowledged");
    writes(talk, T, (struct bytes){.count = 1, .at = {0x42}});
    assert_only(talk, MONITOR_W1, MONITOR_TARGET, "0x42");
}

static void a_reset_may_bring_a_reply_to_somebody_else(void **state)
{
    struct talk *talk = *state;
    talk->config.target_has_sessions = false;
    open_monitor(talk);
    note(talk, MONITOR_ATTACHED);
    says(talk, D, control(RESET, ID0));
    says(talk, T, control(RESET, ID0));
    says(talk, T, reply(READ, ID0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
    writes(talk, T, reply(READ, ID1));
    assert_only(talk, MONITOR_W11, MONITOR_TARGET, "no request");
}

static void a_relay_begins_a_session_with_sync(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    note(talk, MONITOR_DETACHED);
    writes(talk, T, stop(ID0)); /* into the void */
    note(talk, MONITOR_ATTACHED);
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
    open_monitor(talk);
    stopped(talk);
    note(talk, MONITOR_DETACHED);
    note(talk, MONITOR_ATTACHED);
    writes(talk, T, stop(ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "SYNC does not say so");
}

static void a_lost_target_is_believed_once(void **state)
{
    struct talk *talk = *state;
    answered(talk);
    note(talk, MONITOR_TARGET_LOST);
    passes(talk, ms(1));
    says(talk, T, stop(ID1));
    says(talk, D, control(ACK, ID1));
    assert_clean(talk);
    writes(talk, T, print("again", ID1));
    assert_only(talk, MONITOR_W7, MONITOR_TARGET, "was acknowledged");
}

/* Accepted behind the start of a session and before its first frame: the SYNC bit is no news any more. */
static void a_session_may_begin_with_the_debuggers_frame(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    note(talk, MONITOR_DETACHED);
    note(talk, MONITOR_ATTACHED);
    note(talk, MONITOR_RAW);
    says(talk, D, request(CONTINUE, ID0));
    says(talk, T, control(ACK, ID0));
    says(talk, T, stop(SYNC0));
    note(talk, MONITOR_RAW);
    says(talk, D, request(SWITCH, ID1));
    says(talk, T, control(ACK, ID1));
    says(talk, T, stop(ID1));
    assert_clean(talk);
}

/* To the nanosecond in the moment in which the debugger gives up half a frame. */
static void a_byte_may_come_just_in_time_or_just_too_late(void **state)
{
    struct talk *talk = *state;
    for (unsigned late = 0; late < 3; late++) {
        open_monitor(talk);
        stopped(talk);
        says(talk, D, request(READ, ID0));
        struct bytes first = control(ACK, ID0), rest = {.count = 12};
        memcpy(rest.at, first.at + 4, 12);
        writes(talk, T, first);
        first.count = 4;
        hears(talk, D, first);
        passes(talk, ms(1000) - 1 + late);
        hears(talk, D, rest);
        writes(talk, D, request(CONTINUE2, ID1));
        if (late == 0)
            assert_only(talk, MONITOR_W16, MONITOR_DEBUGGER, "has no reply yet");
        if (late == 1)
            assert_clean(talk);
        if (late == 2)
            assert_only(talk, MONITOR_W5, MONITOR_DEBUGGER, "is not acknowledged");
    }
}

static void a_kernel_may_initialise_its_module_again(void **state)
{
    struct talk *talk = *state;
    running(talk);
    says(talk, T, print("*** Fatal System Error", ID1));
    says(talk, D, control(ACK, ID1));
    note(talk, MONITOR_TARGET_STARTS_IDS);
    says(talk, T, stop(SYNC0));
    assert_clean(talk);
}

/* What a UART still hands over in the moment of a reset was begun before it. */
static void a_reset_cuts_a_frame_short(void **state)
{
    struct talk *talk = *state;
    talk->config.target_has_sessions = false;
    open_monitor(talk);
    stopped(talk);
    struct bytes half = stop(ID1);
    half.count = 100;
    writes(talk, T, half);
    note(talk, MONITOR_TARGET_BOOTS);
    writes(talk, T, (struct bytes){.count = 3, .at = {0, 1, 2}});
    passes(talk, ms(50));
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
    assert_clean(talk);
}

/* A running target eats bytes: what is left of a frame may look like another one. */
static void a_target_that_may_have_misread_is_not_blamed(void **state)
{
    struct talk *talk = *state;
    running(talk);
    note(talk, MONITOR_RAW);
    says(talk, D, request(READ, ID1));
    writes(talk, T, control(ACK, ID0));
    writes(talk, T, control(RESET, ID0));
    assert_clean(talk);
    open_monitor(talk);
    talk->config.target_may_lose = true;
    open_monitor(talk);
    stopped(talk);
    writes(talk, T, control(ACK, ID0));
    assert_clean(talk);
}

static void faults_are_named_with_a_violation(void **state)
{
    struct talk *talk = *state;
    stopped(talk);
    monitor_struck(talk->monitor, MONITOR_TARGET, talk->now_ns);
    passes(talk, ms(3));
    monitor_struck(talk->monitor, MONITOR_TARGET, talk->now_ns);
    passes(talk, ms(2));
    writes(talk, T, control(RESET, ID0));
    assert_only(talk, MONITOR_W10, MONITOR_TARGET, "(2 faults on the way to it, the last 2000 us ago)");
}

/* ---- other people's programs ---- */

static void assert_passes(struct talk *talk, enum monitor_deviation deviation)
{
    assert_clean(talk);
    assert_int_equal(monitor_deviations(talk->monitor, deviation), 1);
}

static void known_deviations_of_a_foreign_target_pass(void **state)
{
    struct talk *talk = *state;
    talk->config.foreign[MONITOR_TARGET] = true;
    open_monitor(talk);
    asked(talk);
    writes(talk, T, reply(VERSION, SYNC0));
    assert_passes(talk, MONITOR_SYNC_STAYS);
    writes(talk, T, control(RESET, ID0));
    assert_passes(talk, MONITOR_UNASKED_RESET);
    open_monitor(talk);
    running(talk);
    says(talk, T, data(STATE_CHANGE, STOP, SYNC0, 9));
    assert_passes(talk, MONITOR_SYNC_AT_STOPS);
    writes(talk, T, print("no ACK yet", ID1));
    assert_passes(talk, MONITOR_DOES_NOT_WAIT);
    open_monitor(talk);
    answered(talk);
    says(talk, D, request(READ, ID1));
    says(talk, T, control(ACK, ID1));
    writes(talk, T, reply(READ, ID1));
    assert_passes(talk, MONITOR_ID_FROM_REQUEST);
}

static void known_deviations_of_a_foreign_debugger_pass(void **state)
{
    struct talk *talk = *state;
    talk->config.foreign[MONITOR_DEBUGGER] = true;
    open_monitor(talk);
    attached_and_booted(talk);
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, SYNC0));
    assert_passes(talk, MONITOR_ACK_WITH_SYNC);
    says(talk, D, control(ACK, ID0));
    assert_passes(talk, MONITOR_ACKS_CONTROL);
    says(talk, D, header(0x69, RESEND, 0, 0, 0x80C2));
    assert_passes(talk, MONITOR_CONTROL_SUM);
    says(talk, D, request(READ, SYNC0));
    assert_passes(talk, MONITOR_ID_AS_RECEIVED);
    writes(talk, D, request(WRITE, ID1)); /* what no client is known to do is named all the same */
    assert_only(talk, MONITOR_W5, MONITOR_DEBUGGER, "is not acknowledged");
}

static void a_violation_is_told_at_once(void *context, const struct monitor_violation *violation)
{
    assert_int_equal(violation->rule, MONITOR_W10);
    ++*(unsigned *)context;
}

static void violations_are_told_as_they_are_found(void **state)
{
    struct talk *talk = *state;
    unsigned told = 0;
    talk->config.violated = a_violation_is_told_at_once;
    talk->config.context = &told;
    open_monitor(talk);
    stopped(talk);
    assert_int_equal(told, 0);
    writes(talk, T, control(RESET, ID0));
    assert_int_equal(told, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_rule_has_its_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_families_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_may_come_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_frame_excuses_its_repeat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_garbled_frame_excuses_its_resend, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_crosses_acknowledges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_may_overtake_its_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_starts_both_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_reset_brings_again_is_unacknowledged_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_prompt_that_a_reset_brings_again_may_be_answered_twice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unasked_reset_is_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_print_is_followed_by_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_print_may_be_acknowledged_too_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_may_come_again_for_a_cause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_makes_a_request_void, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_impossible_sync_id_is_dropped_and_not_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_blamed_while_a_machine_stands_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_plays_the_bytes_is_not_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(garbage_of_a_script_may_hide_a_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_judged_again_behind_an_answered_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_manual_debugger_is_not_judged_though_it_resets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_serial_session_begins_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_may_bring_a_reply_to_somebody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relay_begins_a_session_with_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_target_is_believed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_may_begin_with_the_debuggers_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_byte_may_come_just_in_time_or_just_too_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kernel_may_initialise_its_module_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_cuts_a_frame_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_that_may_have_misread_is_not_blamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_are_named_with_a_violation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(known_deviations_of_a_foreign_target_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(known_deviations_of_a_foreign_debugger_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(violations_are_told_as_they_are_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
