/* Goal: each fault of the layers rpc and exit strikes the message or call that its rule names, as sim_fault.h says, and
 * leaves the others alone.
 * Method: one rule in the fault table; the test is the guest (backdoor_guest.h) and sees what a guest sees. */
#include "sim/device/tests/backdoor_guest.h"

static struct fix fix;

static int vmware(void **state)
{
    build(&fix, 1, SIM_BACKDOOR_VMWARE);
    *state = &fix;
    return 0;
}

static struct sim_fault_rule rule_of(enum sim_fault_layer layer, enum sim_fault_direction direction,
                                     enum sim_fault_kind kind)
{
    return (struct sim_fault_rule){.layer = layer, .direction = direction, .kind = kind, .nth = 1, .count = 1};
}

static void place(struct fix *f, struct sim_fault_rule rule)
{
    assert_int_equal(sim_faults_add(f->faults, &rule), KD_OK);
}

static void place_exit(struct fix *f, enum sim_fault_kind kind, uint32_t value)
{
    struct sim_fault_rule rule = rule_of(SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, kind);
    rule.value = value;
    place(f, rule);
}

/* The question is sent as a string; the guest may stand in it then. */
static struct sim_registers ask(struct fix *f, enum sim_exit_result expected)
{
    put_question(f);
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    struct sim_registers r = string_registers(f, false, OUT_BUFFER, QUESTION_BYTES);
    assert_int_equal(sim_backdoor_access(f->backdoor, SIM_PORT_BACKDOOR_HB, false, &r), expected);
    return r;
}

/* ---- rpc ---- */

static void a_request_can_be_handed_over_twice(void **state)
{
    struct fix *f = *state;
    place(f, rule_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_DUPLICATE));
    reach(f, REPLIED);
    assert_question_arrived(f, 2);
    assert_hello_fetched_by_string(f);
    reach(f, REPLIED);
    assert_question_arrived(f, 3);
}

static void a_reply_can_be_offered_twice(void **state)
{
    struct fix *f = *state;
    place(f, rule_of(SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_DUPLICATE));
    reach(f, REPLIED);
    for (unsigned times = 0; times < 2; times++) {
        assert_hello_fetched_by_string(f);
        assert_int_equal(status_of(f, RECVSTATUS, SUCCESS), SUCCESS);
    }
    assert_int_equal(status_of(f, RECVSIZE, 0), 0x81);
    assert_question_arrived(f, 1);
}

static void a_delayed_request_holds_the_guest(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_DELAY);
    rule.delay_ns = SIM_MS(3);
    place(f, rule);
    struct sim_registers r = ask(f, SIM_EXIT_HELD);
    run_until(f, SIM_MS(3) - 1);
    assert_int_equal(f->messages, 0);
    run_until(f, SIM_MS(3));
    assert_question_arrived(f, 1);
    assert_int_equal(f->completions, 1);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rbx, 0x00010000);
    assert_hello_fetched_by_string(f);
}

static void a_delayed_reply_holds_the_guest_after_the_host_acted(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_DELAY);
    rule.delay_ns = SIM_MS(3);
    place(f, rule);
    struct sim_registers r = ask(f, SIM_EXIT_HELD);
    assert_question_arrived(f, 1);
    sim_backdoor_reply(f->backdoor, (const uint8_t *)"1 other", 7); /* one is on its way */
    run_until(f, SIM_MS(3) - 1);
    assert_int_equal(f->completions, 0);
    run_until(f, SIM_MS(3));
    assert_int_equal(f->completions, 1);
    sim_backdoor_resume(f->backdoor, &r);
    assert_hello_fetched_by_string(f);
}

static void a_reset_or_a_strike_ends_a_delay(void **state)
{
    struct fix *f = *state;
    for (unsigned way = 0; way < 2; way++) {
        struct sim_fault_rule rule = rule_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_DELAY);
        rule.delay_ns = SIM_MS(3);
        place(f, rule);
        (void)ask(f, SIM_EXIT_HELD);
        if (way == 0)
            sim_backdoor_reset(f->backdoor);
        else
            sim_backdoor_strike(f->backdoor);
        assert_int_equal(sim_next_due(f->world), SIM_NEVER);
        assert_int_equal(f->messages, 0);
        assert_int_equal(f->completions, way);
    }
}

static void a_truncated_message_ends_early(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule request = rule_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_TRUNCATE);
    struct sim_fault_rule reply = rule_of(SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_TRUNCATE);
    request.len_bytes = 8;
    reply.len_bytes = 4;
    place(f, request);
    place(f, reply);
    reach(f, REPLIED);
    assert_int_equal(f->message_bytes, 8);
    assert_memory_equal(f->message, question, 8);
    assert_announced(f, 4, 0x00830000);
}

static void a_flipped_bit_is_in_the_message(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule request = rule_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_FLIP);
    struct sim_fault_rule outside = rule_of(SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_FLIP);
    request.bit = 8;
    outside.bit = 7 * 8;
    place(f, request);
    place(f, outside);
    reach(f, REPLIED);
    assert_int_equal(f->message[1], question[1] ^ 1);
    assert_hello_fetched_by_string(f);
}

/* ---- exit ---- */

static void wrong_status_bits_are_told_of_a_call_that_was_made(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_STATUS);
    rule.nth = 3;
    rule.value = 0x0001;
    place(f, rule);
    (void)ask(f, SIM_EXIT_DONE);
    assert_question_arrived(f, 1);
    assert_int_equal(sim_faults_struck(f->faults), 1);
    assert_hello_fetched_by_string(f);
}

static void wrong_status_bits_are_kept_over_a_held_call(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_STATUS);
    rule.nth = 3;
    rule.value = 0x0011;
    place(f, rule);
    f->reply = NULL;
    struct sim_registers r = ask(f, SIM_EXIT_HELD);
    sim_backdoor_reply(f->backdoor, (const uint8_t *)"1 hello", 7);
    sim_backdoor_resume(f->backdoor, &r);
    assert_int_equal((uint32_t)r.rbx, 0x00100000);
}

static void a_wrong_length_is_told_once(void **state)
{
    struct fix *f = *state;
    place_exit(f, SIM_FAULT_LENGTH, 0xFFFFFFFF);
    reach(f, REPLIED);
    assert_announced(f, 0xFFFFFFFF, 0x00830000);
    assert_hello_fetched_by_string(f);
}

static void a_checkpoint_strikes_the_transfer_under_way(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_CHECKPOINT);
    rule.nth = 2;
    place(f, rule);
    assert_true(open_channel(f, RPCI));
    put_question(f);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
    assert_int_equal(string_out(f, OUT_BUFFER, QUESTION_BYTES), 0x00100000);
    send_question_by_string(f);
    assert_question_arrived(f, 1);
}

static void high_bandwidth_is_refused_for_one_size_call(void **state)
{
    struct fix *f = *state;
    place_exit(f, SIM_FAULT_LOW_BANDWIDTH, 0);
    assert_true(open_channel(f, RPCI));
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x01);
    assert_int_equal(status_of(f, SENDSIZE, QUESTION_BYTES), 0x81);
}

static void a_forgotten_channel_is_gone(void **state)
{
    struct fix *f = *state;
    reach(f, REPLIED);
    place_exit(f, SIM_FAULT_FORGET, 0);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0);
    assert_int_equal(status_of(f, RECVSIZE, 0), 0);
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    reach(f, REPLIED);
}

static void a_full_table_refuses_an_open(void **state)
{
    struct fix *f = *state;
    place_exit(f, SIM_FAULT_TABLE_FULL, 0);
    assert_false(open_channel(f, RPCI));
    assert_int_equal(sim_backdoor_channels_open(f->backdoor), 0);
    assert_true(open_channel(f, RPCI));
}

static void an_absent_backdoor_reads_as_undriven(void **state)
{
    struct fix *f = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_ABSENT);
    rule.count = 2;
    place(f, rule);
    struct sim_registers before = call_registers(f, OPEN, RPCI), r = before;
    assert_int_equal(sim_backdoor_access(f->backdoor, SIM_PORT_BACKDOOR, true, &r), SIM_EXIT_DONE);
    assert_int_equal(r.rax, 0xFFFFFFFF);
    assert_int_equal(r.rcx, before.rcx);
    r = string_registers(f, false, OUT_BUFFER, 8);
    assert_int_equal(sim_backdoor_access(f->backdoor, SIM_PORT_BACKDOOR_HB, false, &r), SIM_EXIT_DONE);
    assert_int_equal((uint32_t)r.rbx, 0x00010000); /* what the guest put there */
    assert_int_equal(f->messages, 0);
    reach(f, REPLIED);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_can_be_handed_over_twice, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_can_be_offered_twice, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_request_holds_the_guest, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_reply_holds_the_guest_after_the_host_acted, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_or_a_strike_ends_a_delay, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_truncated_message_ends_early, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_in_the_message, vmware, tear_down),
        cmocka_unit_test_setup_teardown(wrong_status_bits_are_told_of_a_call_that_was_made, vmware, tear_down),
        cmocka_unit_test_setup_teardown(wrong_status_bits_are_kept_over_a_held_call, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_length_is_told_once, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_strikes_the_transfer_under_way, vmware, tear_down),
        cmocka_unit_test_setup_teardown(high_bandwidth_is_refused_for_one_size_call, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_channel_is_gone, vmware, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_refuses_an_open, vmware, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_backdoor_reads_as_undriven, vmware, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
