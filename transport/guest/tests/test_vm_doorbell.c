/* Goal:   the guest's side of doorbell.md: one exit a message, none for an idle poll, one where there is no
 * doorbell; what a VMM can do wrong is bounded, and never doubles or loses a packet. Method: the client
 * alone, and the doorbell channel with the message layer, against fake_doorbell.c and the relay of
 *         fake_relay.c; the platform counts exits. "D n" is a vector of doorbell.md 5. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_messages.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/tests/fake_doorbell.h"
#include "transport/guest/tests/fake_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AGAIN = 2, REFUSED = 5, RETRIES = 20 };

static const struct kd_wanted wants_request = {
    .type = KD_TYPE_MANIPULATE, .header_bytes = KD_MANIPULATE_BYTES, .data_room = 4096};

static uint8_t body[KD_BODY_BYTES_MAX];

static int set_up(void **state)
{
    (void)state;
    fake_platform_reset();
    fake_relay_reset();
    fake_doorbell_reset(fake_relay_rpc);
    return 0;
}

static int set_up_open(void **state)
{
    set_up(state);
    if (kd_channel_doorbell.open(&fake.module) != KD_OK)
        return 1;
    fake.exits = 0;
    relay.log[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kd_messages_close(&fake.module);
    return doorbell.violations > 0;
}

static void send(uint16_t type, uint32_t api, uint32_t data_bytes)
{
    uint32_t header_bytes = kd_type_header_bytes(type);
    kd_store_u32(body, api);
    const struct kd_packet packet = {
        .type = type, .header = {body, header_bytes}, .data = {body + header_bytes, data_bytes}};
    kd_channel_doorbell.send(&fake.module, &packet, RETRIES);
}

static void send_read_reply(void)
{
    send(KD_TYPE_MANIPULATE, 0x3130, KD_BODY_BYTES_MAX - KD_MANIPULATE_BYTES);
}

static void send_print(void)
{
    send(KD_TYPE_DEBUG_IO, KD_DEBUG_IO_PRINT, 12);
}

static void send_exception(void)
{
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
}

static bool poll(void)
{
    return kd_channel_doorbell.poll(&fake.module);
}

static void ask_for_a_break_in(void)
{
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}};
    relay.script = answers;
    relay.script_left = 1;
}

static void d1_d2_open_and_hello_are_two_exits(void **state)
{
    (void)state;
    assert_int_equal(kd_channel_doorbell.open(&fake.module), KD_OK);
    assert_int_equal(fake.exits, 2);
    assert_string_equal(relay.log, "hello");
    assert_int_equal(doorbell.closes, 0);
}

/* D5, at the probe: a machine without a doorbell, in all the ways in which that looks. */
static void without_a_doorbell_one_exit_finds_that_out(void **state)
{
    static const uint32_t reads[] = {0xFFFFFFFF, 0x80000000, 0x42444B46, 0x564D5868, 0x584F4256, 0xBDBBB4B8};
    for (unsigned i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        set_up(state);
        doorbell.eax_forced = reads[i];
        assert_int_equal(kd_channel_doorbell.open(&fake.module), KD_ERR_NO_DEVICE);
        assert_int_equal(fake.exits, 1);
        assert_false(fake.module.doorbell.is_open);
    }
    set_up(state);
    fake.doorbell = NULL;
    assert_int_equal(kd_channel_doorbell.open(&fake.module), KD_ERR_NO_DEVICE);
    assert_int_equal(fake.exits, 1);
}

static void d8_without_a_version_in_common_there_is_none(void **state)
{
    (void)state;
    doorbell.version_forced = 2;
    assert_int_equal(kd_channel_doorbell.open(&fake.module), KD_ERR_NO_DEVICE);
    assert_int_equal(fake.exits, 1);
}

static void d7_without_a_relay_the_doorbell_is_closed_again(void **state)
{
    (void)state;
    relay.is_absent = true;
    assert_int_not_equal(kd_channel_doorbell.open(&fake.module), KD_OK);
    assert_int_equal(fake.exits, 3);
    assert_int_equal(doorbell.closes, 1);
    fake_doorbell_attention(true);
    assert_int_equal(fake.module.messages.carrier, VM_CARRIER_NONE);
}

static void a_read_with_its_next_request_is_one_exit(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {
        {.result = VM_DONE, .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_bytes = 3944}};
    struct kd_received received;
    send_exception();
    fake.exits = 0;
    relay.script = answers;
    relay.script_left = 1;
    send_read_reply();
    assert_int_equal(kd_channel_doorbell.receive(&fake.module, &wants_request, &received), KD_RECEIVED);
    assert_int_equal(fake.exits, 1);
    assert_int_equal(received.data_bytes, 3944);
    for (uint32_t i = 0; i < 4000; i++)
        assert_int_equal(received.body[i], fake_relay_byte(i));
}

static void an_idle_poll_costs_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_false(poll());
    assert_int_equal(fake.exits, 0);
    assert_string_equal(relay.log, "");
}

static void a_raised_word_makes_the_poll_a_request(void **state)
{
    (void)state;
    ask_for_a_break_in();
    fake_doorbell_attention(true);
    assert_true(poll());
    assert_int_equal(fake.exits, 1);
    assert_false(poll()); /* a request too many: nothing comes of it */
    assert_int_equal(fake.exits, 2);
    fake_doorbell_attention(false);
    assert_false(poll());
    assert_int_equal(fake.exits, 2);
}

/* What the hint says is nothing that a wish could get lost or doubled by. */
static void a_word_that_anybody_writes_at_any_time_does_no_harm(void **state)
{
    (void)state;
    ask_for_a_break_in();
    unsigned breaks = 0;
    uint32_t draw = 7;
    for (int i = 0; i < 200; i++) {
        draw = draw * 1664525u + 1013904223u;
        fake.module.doorbell.attention = draw >> 30 ? draw : 0;
        breaks += poll();
    }
    assert_int_equal(breaks, 1);
}

static void d6_a_session_that_is_gone_is_opened_again(void **state)
{
    (void)state;
    fake_doorbell_forget();
    send_print();
    assert_int_equal(fake.exits, 3); /* RING, OPEN, RING */
    assert_string_equal(relay.log, "send");
    assert_true(doorbell.is_open);
}

static void a_lost_reply_is_fetched_by_the_same_bytes(void **state)
{
    (void)state;
    doorbell.fault_at = doorbell.fault_count = 1;
    doorbell.fault_status = 1;
    doorbell.fault_after_handler = true;
    send_print();
    assert_string_equal(relay.log, "send send-again");
    assert_int_equal(relay.packets, 1);
}

static void a_suspended_call_is_made_again_in_the_same_session(void **state)
{
    (void)state;
    doorbell.fault_at = 1;
    doorbell.fault_count = VM_DOORBELL_RESTARTS_MAX;
    doorbell.fault_status = AGAIN;
    send_print();
    assert_int_equal(fake.exits, 1 + VM_DOORBELL_RESTARTS_MAX);
    assert_int_equal(doorbell.opens, 1);
    assert_string_equal(relay.log, "send");
}

/* D3: a kept packet leaves room for a header only, and stays whole. */
static void d3_a_reply_that_does_not_fit_is_refused_and_overwrites_nothing(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {
        {.result = VM_DONE, .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_bytes = 100},
        {.result = VM_DONE, .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_bytes = 8}};
    const uint8_t *kept = kd_messages_reply(&fake.module.messages) + VM_REPLY_BYTES;
    relay.script = answers;
    relay.script_left = 2;
    send_exception();
    assert_true(fake.module.messages.is_kept);
    memset(fake.module.messages.reply + 2 + VM_REPLY_BYTES, 0x5A, 156);
    send_print();
    for (unsigned i = 0; i < 156; i++)
        assert_int_equal(kept[i], 0x5A);
}

static void a_length_over_the_room_is_not_believed(void **state)
{
    (void)state;
    static const uint32_t lies[] = {VM_REPLY_BYTES_MAX + 1, 0x80000000u, UINT32_MAX, 1, 31};
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        doorbell.reply_bytes_forced = lies[i];
        fake.exits = 0;
        send_print();
        assert_in_range(fake.exits, 1, 24);
    }
}

static void any_status_for_ever_is_bounded(void **state)
{
    for (uint32_t status = 1; status < 0x20; status++) {
        set_up_open(state);
        doorbell.fault_at = 1;
        doorbell.fault_count = UINT32_MAX;
        doorbell.fault_status = status;
        fake_doorbell_attention(true);
        send_print();
        assert_false(poll());
        assert_in_range(fake.exits, 2, 80);
        assert_false(fake.present);
    }
}

/* Wherever a RING fails, with or without effect, each packet reaches the relay once. */
static void a_failed_ring_anywhere_never_doubles_a_packet(void **state)
{
    for (uint32_t nth = 1; nth <= 4; nth++) {
        for (int after = 0; after < 2; after++) {
            set_up_open(state);
            doorbell.fault_at = nth;
            doorbell.fault_count = 1;
            doorbell.fault_status = REFUSED;
            doorbell.fault_after_handler = after;
            send_exception();
            send_print();
            send_read_reply();
            assert_int_equal(relay.packets, 3);
            assert_int_equal(relay.epoch, 1);
        }
    }
}

static void a_revert_is_a_new_epoch(void **state)
{
    (void)state;
    fake_relay_forget();
    fake_doorbell_attention(true); /* rule 11: the level as it is now */
    assert_false(poll());
    assert_string_equal(relay.log, "poll-stale hello poll");
}

static void the_doorbell_is_preferred_and_the_others_are_left_alone(void **state)
{
    (void)state;
    fake_vmware_reset(fake_relay_rpc);
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(fake.exits, 2);
    assert_int_equal(vmware.opens, 0);
    assert_int_equal(fake.exits_8bit, 0);
}

static void without_a_relay_at_the_doorbell_the_backdoor_is_tried(void **state)
{
    (void)state;
    fake_vmware_reset(fake_relay_rpc);
    relay.absent_for = 1;
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(fake.exits, 3 + 7);
    assert_int_equal(fake.module.messages.carrier, VM_CARRIER_GUESTRPC);
    assert_false(doorbell.is_open);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(d1_d2_open_and_hello_are_two_exits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_doorbell_one_exit_finds_that_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d8_without_a_version_in_common_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d7_without_a_relay_the_doorbell_is_closed_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_with_its_next_request_is_one_exit, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_poll_costs_nothing, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_raised_word_makes_the_poll_a_request, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_word_that_anybody_writes_at_any_time_does_no_harm, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(d6_a_session_that_is_gone_is_opened_again, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_reply_is_fetched_by_the_same_bytes, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_suspended_call_is_made_again_in_the_same_session, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(d3_a_reply_that_does_not_fit_is_refused_and_overwrites_nothing,
                                        set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_length_over_the_room_is_not_believed, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(any_status_for_ever_is_bounded, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_ring_anywhere_never_doubles_a_packet, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revert_is_a_new_epoch, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(the_doorbell_is_preferred_and_the_others_are_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_relay_at_the_doorbell_the_backdoor_is_tried, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
