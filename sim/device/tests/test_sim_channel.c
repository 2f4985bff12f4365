/* Goal: channels keep the host model of vmware-backdoor.md 3.4 with M1 to M10, messages may be answered later, and a
 * lost one can be recovered from.
 * Method: every call in every state, time, checkpoints; a handler that the test answers for; rules in a fault table.
 * The test is the guest (backdoor_guest.h). */
#include "sim/device/tests/backdoor_guest.h"

static struct fix fix;

static int vmware(void **state)
{
    build(&fix, 1, SIM_BACKDOOR_VMWARE);
    *state = &fix;
    return 0;
}

/* ---- the host model ---- */

static void every_call_in_every_state_has_its_status(void **state)
{
    static const uint8_t expected[REACHES][TYPES] = {
        [IDLE] = {[SENDSIZE] = 0x81, [RECVSIZE] = 0x81, [RECVSTATUS] = 1, [CLOSE] = 1},
        [SENDING] = {[SENDSIZE] = 0x81, [SENDPAYLOAD] = 1, [RECVSIZE] = 0x81, [RECVSTATUS] = 1, [CLOSE] = 1},
        [REPLIED] = {[SENDSIZE] = 0x81, [RECVSIZE] = 0x83, [RECVPAYLOAD] = 1, [RECVSTATUS] = 1, [CLOSE] = 1},
        [RECEIVING] = {[SENDSIZE] = 0x81, [RECVSIZE] = 0x83, [RECVPAYLOAD] = 1, [RECVSTATUS] = 1, [CLOSE] = 1},
    };
    struct fix *f = *state;
    for (enum reach from = IDLE; from < REACHES; from++) {
        for (uint32_t type = SENDSIZE; type < TYPES; type++) {
            reach(f, from);
            assert_int_equal(status_of(f, type, SUCCESS), expected[from][type]);
            call(f, CLOSE, 0);
        }
    }
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
}

static void unknown_sub_type_or_protocol_fails(void **state)
{
    struct fix *f = *state;
    assert_int_equal(status_of(f, OPEN, 0x12345678), 0);
    assert_true(open_channel(f, RPCI));
    for (uint32_t type = TYPES; type <= 0xFFFF; type += type < 0x100 ? 1 : 0x3FF)
        assert_int_equal(status_of(f, type, SUCCESS), 0);
    assert_int_equal(status_of(f, SENDSIZE, 4), 0x81);
}

static void a_new_message_drops_an_unfetched_reply(void **state)
{
    struct fix *f = *state;
    reach(f, RECEIVING);
    assert_int_equal(status_of(f, SENDSIZE, 8), 0x81);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    assert_int_equal(status_of(f, SENDSIZE, 4), 0x81); /* and restarts a half-sent one */
    assert_int_equal(status_of(f, SENDPAYLOAD, 0x64636261), SUCCESS);
    assert_int_equal(f->message_bytes, 4);
    assert_int_equal(f->messages, 2);
}

static void a_refetch_starts_at_the_first_byte(void **state)
{
    struct fix *f = *state;
    reach(f, RECEIVING);
    assert_int_equal(next_word(f), 0x65682031);
    assert_hello_fetched_by_string(f);
    assert_announced(f, 7, 0x00830000);
    assert_int_equal(next_word(f), 0x65682031);
    next_word(f);
    assert_int_equal(status_of(f, RECVPAYLOAD, SUCCESS), 0); /* there is no third word */
}

static void a_string_past_the_announced_size_is_an_error(void **state)
{
    struct fix *f = *state;
    reach(f, SENDING);
    assert_int_equal(string_out(f, OUT_BUFFER, 9), 0);
    assert_int_equal(string_out(f, OUT_BUFFER, UINT64_C(0x100000008)), 0);
    assert_int_equal(f->messages, 0);
    assert_int_equal(string_out(f, OUT_BUFFER, 8), 0x00010000);
    assert_int_equal(f->messages, 1);
}

static void a_string_outside_guest_memory_fails_and_moves_nothing(void **state)
{
    struct fix *f = *state;
    reach(f, SENDING);
    assert_int_equal(string_out(f, MEMORY_START + MEMORY_BYTES - 7, 8), 0);
    assert_int_equal(string_out(f, UINT64_MAX - 3, 8), 0);
    assert_int_equal(string_out(f, OUT_BUFFER, 8), 0x00010000);
    assert_announced(f, 7, 0x00830000);
    assert_int_equal(string_in(f, MEMORY_START + MEMORY_BYTES - 6, 7), 0);
    assert_int_equal(string_in(f, IN_BUFFER, 7), 0x00010000);
    assert_int_equal(sim_backdoor_payload_bytes(f->backdoor), 15);
}

static void a_string_needs_its_cookies_in_their_places(void **state) /* rule 8 */
{
    struct fix *f = *state;
    reach(f, SENDING);
    struct sim_registers r = string_registers(f, false, OUT_BUFFER, 8);
    r.rbp = f->cookie_low;
    r.rdi = f->cookie_high;
    assert_int_equal((uint32_t)access_port(f, SIM_PORT_BACKDOOR_HB, false, r).rbx, 0);
    assert_int_equal(string_out(f, OUT_BUFFER, 8), 0x00010000);
    r = string_registers(f, true, IN_BUFFER, 7);
    r.rbp = f->cookie_high;
    r.rsi = f->cookie_low;
    assert_int_equal((uint32_t)access_port(f, SIM_PORT_BACKDOOR_HB, true, r).rbx, 0);
    assert_int_equal(string_in(f, IN_BUFFER, 7), 0x00010000);
}

static void a_string_of_another_command_or_none_is_no_message(void **state)
{
    struct fix *f = *state;
    reach(f, SENDING);
    struct sim_registers r = string_registers(f, false, OUT_BUFFER, 8);
    r.rbx = 0x00010001; /* VASSERT */
    assert_int_equal((uint32_t)access_port(f, SIM_PORT_BACKDOOR_HB, false, r).rbx, 0);
    r = string_registers(f, false, OUT_BUFFER, 8);
    r.rax = 0; /* no magic: nobody listens */
    assert_int_equal((uint32_t)access_port(f, SIM_PORT_BACKDOOR_HB, false, r).rbx, 0x00010000);
    r = string_registers(f, false, OUT_BUFFER, 0); /* rule 13: never an exit */
    const struct sim_registers after = access_port(f, SIM_PORT_BACKDOOR_HB, false, r);
    assert_memory_equal(&after, &r, sizeof r);
    assert_int_equal(f->messages, 0);
}

static void a_message_may_mix_words_and_strings(void **state)
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    send_words(f, 0, 1);
    assert_int_equal(string_out(f, OUT_BUFFER + 4, QUESTION_BYTES - 4), 0x00010000);
    assert_question_arrived(f, 1);
}

static void an_idle_channel_is_closed_after_its_time(void **state) /* M6 */
{
    struct fix *f = *state;
    assert_true(open_channel(f, RPCI));
    run_until(f, SIM_BACKDOOR_IDLE_NS);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 1);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81); /* and is used anew */
    run_until(f, 2 * SIM_BACKDOOR_IDLE_NS);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 1);
    run_until(f, 2 * SIM_BACKDOOR_IDLE_NS + 1);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0);
    assert_int_equal(sim_next_due(f->world), SIM_NEVER); /* no event waits for it */
}

static void idle_channels_make_room_for_new_ones(void **state)
{
    struct fix *f = *state;
    for (unsigned i = 0; i < CHANNELS; i++)
        assert_true(open_channel(f, RPCI));
    run_until(f, SIM_BACKDOOR_IDLE_NS + 1);
    assert_true(open_channel(f, RPCI));
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 1);
}

static void a_checkpoint_spares_channels_at_rest(void **state)
{
    struct fix *f = *state;
    reach(f, REPLIED);
    sim_backdoor_checkpoint(f->backdoor);
    assert_hello_fetched_by_string(f);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    sim_backdoor_checkpoint(f->backdoor);
    assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
}

static void a_new_channel_knows_nothing_of_an_old_checkpoint(void **state)
{
    struct fix *f = *state;
    for (unsigned i = 0; i < CHANNELS; i++)
        reach(f, SENDING);
    sim_backdoor_checkpoint(f->backdoor);
    sim_backdoor_reset(f->backdoor);
    for (unsigned i = 0; i < CHANNELS; i++) {
        reach(f, SENDING);
        assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    }
}

/* ---- calls answered later ---- */

static struct sim_registers hold_question(struct fix *f)
{
    f->reply = NULL;
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    struct sim_registers r = string_registers(f, false, OUT_BUFFER, QUESTION_BYTES);
    const struct sim_registers before = r;
    assert_int_equal(sim_backdoor_access(f->backdoor, SIM_PORT_BACKDOOR_HB, false, &r), SIM_EXIT_HELD);
    assert_memory_equal(&r, &before, sizeof r);
    assert_question_arrived(f, 1);
    return r;
}

static void reply_later(struct fix *f)
{
    sim_backdoor_reply(f->backdoor, (const uint8_t *)"1 hello", 7);
}

static void a_held_string_completes_when_the_answer_comes(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = hold_question(f);
    run_until(f, SIM_S(100)); /* however long it takes: a held channel is not idle */
    assert_int_equal(f->completions, 0);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 1);
    reply_later(f);
    assert_int_equal(f->completions, 1);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rbx, 0x00010000);
    assert_int_equal(r.rcx, 0);
    assert_int_equal(r.rsi, OUT_BUFFER + QUESTION_BYTES);
    assert_hello_fetched_by_string(f);
    f->reply = "1 hello";
    reach(f, REPLIED); /* answered at once: nothing to complete */
    assert_int_equal(f->completions, 1);
}

static void a_held_word_completes_when_the_answer_comes(void **state)
{
    struct fix *f = *state;
    f->reply = NULL;
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, 4), 0x81);
    struct sim_registers r = call_registers(f, SENDPAYLOAD, 0x64636261);
    assert_int_equal(sim_backdoor_access(f->backdoor, SIM_PORT_BACKDOOR, true, &r), SIM_EXIT_HELD);
    reply_later(f);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rcx, 0x00010000);
    assert_int_equal((uint16_t)r.rdx, 0);
    assert_hello_fetched_by_string(f);
}

static void a_struck_call_ends_with_a_checkpoint_and_is_made_again(void **state)
{
    struct fix *f = *state;
    sim_backdoor_strike(f->backdoor); /* nobody stands in a call */
    struct sim_registers r = hold_question(f);
    sim_backdoor_strike(f->backdoor);
    assert_int_equal(f->completions, 1);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rbx, 0x00100000);
    reply_later(f); /* to nobody */
    assert_int_equal(f->completions, 1);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    f->reply = "1 hello";
    send_question_by_string(f);
    assert_question_arrived(f, 2);
    assert_hello_fetched_by_string(f);
}

static void an_answer_at_once_completes_nothing(void **state)
{
    struct fix *f = *state;
    reach(f, REPLIED);
    assert_int_equal(f->completions, 0);
    reply_later(f); /* nothing is under way: ignored */
    assert_int_equal(f->completions, 0);
    assert_hello_fetched_by_string(f);
}

static void a_reset_strikes_a_held_call(void **state) /* M5 */
{
    struct fix *f = *state;
    hold_question(f);
    sim_backdoor_reset(f->backdoor);
    reply_later(f);
    assert_int_equal(f->completions, 0);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    f->reply = "1 hello";
    reach(f, REPLIED); /* the next life works */
    assert_int_equal(f->completions, 0);
    assert_hello_fetched_by_string(f);
}

/* ---- faults ---- */

static void lose(struct fix *f, enum sim_fault_direction direction, enum sim_fault_packet packet)
{
    const struct sim_fault_rule rule = {.layer = SIM_FAULT_RPC,
                                        .direction = direction,
                                        .kind = SIM_FAULT_LOSE,
                                        .packet = packet,
                                        .nth = 1,
                                        .count = 1};
    assert_int_equal(sim_faults_add(f->faults, &rule), KD_OK);
}

static void a_lost_request_closes_the_channel_unseen(void **state)
{
    struct fix *f = *state;
    lose(f, SIM_FAULT_REQUEST, SIM_PACKET_ANY);
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    assert_int_equal(string_out(f, OUT_BUFFER, QUESTION_BYTES), 0x00040000); /* CLOSED, no SUCCESS */
    assert_int_equal(f->messages, 0);
    assert_int_equal(sim_backdoor_rpcs(f->backdoor), 0);
    assert_int_equal(status_of(f, CLOSE, 0), 0);
    reach(f, REPLIED); /* rule 31: the second try works */
    assert_question_arrived(f, 1);
    assert_int_equal(sim_faults_struck(f->faults), 1);
}

static void a_lost_reply_closes_the_channel_after_the_host_acted(void **state)
{
    struct fix *f = *state;
    lose(f, SIM_FAULT_REPLY, SIM_PACKET_ANY);
    reach(f, REPLIED);
    assert_question_arrived(f, 1);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    reach(f, REPLIED);
    assert_question_arrived(f, 2);
    assert_hello_fetched_by_string(f);
}

static void a_held_call_ends_although_its_reply_is_lost(void **state)
{
    struct fix *f = *state;
    lose(f, SIM_FAULT_REPLY, SIM_PACKET_ANY);
    struct sim_registers r = hold_question(f);
    reply_later(f);
    assert_int_equal(f->completions, 1);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rbx, 0x00010000);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0);
}

static void faults_know_our_messages_by_their_kind(void **state)
{
    struct fix *f = *state;
    static const struct {
        const char *message;
        uint32_t len_bytes;
        bool is_struck;
    } cases[] = {
        {"fastkd FK\x01\x02", 11, true},   {"fastkd FK\x01\x03", 11, false}, {"fastkd FK\x01", 10, false},
        {"FASTKD FK\x01\x02", 11, false}, {"\x02", 1, false},
    };
    assert_true(open_channel(f, RPCI));
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lose(f, SIM_FAULT_REQUEST, SIM_PACKET_MANIPULATE); /* type 2 */
        memcpy(memory_at(f, OUT_BUFFER), cases[i].message, cases[i].len_bytes);
        assert_int_equal(status_of(f, SENDSIZE, cases[i].len_bytes), 0x81);
        assert_int_equal(string_out(f, OUT_BUFFER, cases[i].len_bytes), cases[i].is_struck ? 0x00040000 : 0x00010000);
        assert_int_equal(sim_faults_struck(f->faults), 1);
        sim_faults_clear(f->faults);
        if (cases[i].is_struck)
            assert_true(open_channel(f, RPCI));
    }
}

static void tclo_and_empty_messages_meet_no_faults(void **state)
{
    struct fix *f = *state;
    lose(f, SIM_FAULT_REQUEST, SIM_PACKET_ANY);
    assert_true(open_channel(f, TCLO));
    assert_int_equal(status_of(f, SENDSIZE, 2), 0x81);
    assert_int_equal(status_of(f, SENDPAYLOAD, 0x4B4F), SUCCESS);
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, 0), 0x81);
    assert_int_equal(sim_faults_struck(f->faults), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_in_every_state_has_its_status, vmware, tear_down),
        cmocka_unit_test_setup_teardown(unknown_sub_type_or_protocol_fails, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_new_message_drops_an_unfetched_reply, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_refetch_starts_at_the_first_byte, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_string_past_the_announced_size_is_an_error, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_string_outside_guest_memory_fails_and_moves_nothing, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_string_needs_its_cookies_in_their_places, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_string_of_another_command_or_none_is_no_message, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_message_may_mix_words_and_strings, vmware, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_channel_is_closed_after_its_time, vmware, tear_down),
        cmocka_unit_test_setup_teardown(idle_channels_make_room_for_new_ones, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_spares_channels_at_rest, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_new_channel_knows_nothing_of_an_old_checkpoint, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_held_string_completes_when_the_answer_comes, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_held_word_completes_when_the_answer_comes, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_struck_call_ends_with_a_checkpoint_and_is_made_again, vmware, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_at_once_completes_nothing, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_strikes_a_held_call, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_request_closes_the_channel_unseen, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_reply_closes_the_channel_after_the_host_acted, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_held_call_ends_although_its_reply_is_lost, vmware, tear_down),
        cmocka_unit_test_setup_teardown(faults_know_our_messages_by_their_kind, vmware, tear_down),
        cmocka_unit_test_setup_teardown(tclo_and_empty_messages_meet_no_faults, vmware, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
