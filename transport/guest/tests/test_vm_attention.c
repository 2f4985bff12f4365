/* Goal:   the hint on the TCLO channel costs two exits when there is nothing, is believed only from a host
 * that gives it, and whatever else happens means "ask". Method: the client alone against fake_vmware.c's TCLO
 * side; the platform counts exits, the fake judges conduct. */
#include "transport/guest/tests/fake_vmware.h"
#include "transport/guest/vm_attention.h"
#include "transport/kd/vm_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUIET_EXITS = 2, FAILS = 0x0000, CHECKPOINT = 0x10, TURN_CALLS_MAX = 8 };

static struct vm_attention attention;

static uint32_t no_rpc(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    (void)message, (void)len_bytes, (void)reply;
    vmware.violations++;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_platform_reset();
    fake_vmware_reset(no_rpc);
    vmware.has_tclo = true;
    memset(&attention, 0, sizeof attention);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vm_attention_close(&attention);
    return vmware.violations > 0 || fake_vmware_open_channels() > 0;
}

static bool ask(uint32_t *exits)
{
    uint32_t before = fake.exits;
    bool raised = vm_attention_raised(&attention);
    *exits = fake.exits - before;
    return raised;
}

static void assert_raised(uint32_t exits_wanted)
{
    uint32_t exits;
    assert_true(ask(&exits));
    assert_int_equal(exits, exits_wanted);
}

static void assert_quiet(uint32_t exits_wanted)
{
    uint32_t exits;
    assert_false(ask(&exits));
    assert_int_equal(exits, exits_wanted);
}

/* Reset and name, call and OK are behind us, nothing is to be told. */
static int set_up_quiet(void **state)
{
    set_up(state);
    for (int i = 0; i < 3; i++)
        (void)vm_attention_raised(&attention);
    return attention.is_trusted ? 0 : 1;
}

static void first_contact_is_reset_name_call_and_ok(void **state)
{
    (void)state;
    assert_raised(1 + 2 + 2); /* OPEN; empty, and "reset" */
    assert_raised(2 + 3);     /* the name, and the call that shows that the host calls */
    assert_string_equal(vmware.tclo_heard, "OK ATR fastkd");
    assert_quiet(2 + 1);
    assert_string_equal(vmware.tclo_heard, "OK ");
    assert_quiet(QUIET_EXITS);
}

static void without_high_bandwidth_it_is_the_same_in_words(void **state)
{
    (void)state;
    vmware.has_hb = false;
    assert_raised(1 + 2 + 2 + 1);
    assert_raised(1 + 4 + 1 + 2 + 1);
    assert_quiet(1 + 1 + 1);
    assert_quiet(QUIET_EXITS);
}

static void the_level_is_told_as_long_as_it_is_raised(void **state)
{
    (void)state;
    assert_quiet(QUIET_EXITS);
    vmware.attention = true;
    assert_raised(2 + 2);
    assert_raised(3 + 2); /* with the OK for the call before */
    vmware.attention = false;
    assert_quiet(2 + 1);
    assert_quiet(QUIET_EXITS);
}

static void a_host_without_tclo_is_asked_again_now_and_then(void **state)
{
    (void)state;
    vmware.has_tclo = false;
    assert_raised(2);
    for (int i = 0; i < VM_ATTENTION_PAUSE; i++)
        assert_raised(0);
    assert_raised(2);
    vmware.has_tclo = true;
    for (int i = 0; i < VM_ATTENTION_PAUSE; i++)
        assert_raised(0);
    assert_raised(1 + 2 + 2);
}

static void a_host_that_never_calls_is_not_believed(void **state)
{
    (void)state;
    vmware.knows_no_calls = true;
    for (int i = 0; i < 3 * VM_ATTENTION_PAUSE; i++)
        assert_true(vm_attention_raised(&attention));
    assert_in_range(vmware.tclo_opens, 3, 4);
    assert_int_equal(fake_vmware_open_channels(), 0);
}

static void what_is_no_call_is_an_error_and_means_ask(void **state)
{
    (void)state;
    vmware.attention = true;
    vmware.tclo_says = "Capabilities_Register";
    assert_raised(2 + 2);
    vmware.tclo_says = "";
    assert_raised(3 + 1); /* an empty message has no payload */
    assert_string_equal(vmware.tclo_heard, "ERROR Unknown command");
    vmware.tclo_says = "fastkd, but a good deal longer than any room that a guest may have made for it";
    assert_raised(3 + 1); /* discarded unread */
    vmware.attention = false;
    assert_quiet(2 + 1);
}

static void a_host_that_starts_over_must_show_again_what_it_can(void **state)
{
    (void)state;
    vmware.attention = true;
    vmware.tclo_says = "reset";
    assert_raised(2 + 2);
    vmware.attention = false;
    vmware.knows_no_calls = true;
    vmware.tclo_says = NULL;
    for (int i = 0; i < 100; i++)
        assert_true(vm_attention_raised(&attention));
}

/* Revert, reset, a long silence: the channel is gone. */
static void a_lost_channel_means_ask_and_is_opened_again(void **state)
{
    (void)state;
    fake_vmware_forget_channels();
    assert_raised(1 + 1); /* SENDSIZE, CLOSE */
    assert_raised(1 + 2 + 2);
    assert_raised(2 + 3);
    assert_quiet(2 + 1);
    assert_quiet(QUIET_EXITS);
}

/* However often a first contact is cut short, the host that begins it anew is no stranger. */
static void lost_channels_in_a_row_are_no_reason_to_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * VM_ATTENTION_TRIALS_MAX; i++) {
        fake_vmware_forget_channels();
        assert_raised(1 + 1);
        assert_raised(1 + 2 + 2);
    }
    assert_raised(2 + 3);
    assert_quiet(2 + 1);
}

/* Wherever a call fails, the answer is "ask", or the true one. */
static void a_failed_call_anywhere_never_hides_a_call(void **state)
{
    for (uint32_t nth = 1; nth <= TURN_CALLS_MAX; nth++) {
        assert_int_equal(set_up_quiet(state), 0);
        vmware.attention = true;
        fake_vmware_fault(nth, FAILS);
        assert_true(vm_attention_raised(&attention));
        assert_true(vm_attention_raised(&attention));
        assert_int_equal(tear_down(state), 0);
    }
    set_up(state);
}

static void a_checkpoint_anywhere_is_survived(void **state)
{
    for (uint32_t nth = 1; nth <= TURN_CALLS_MAX; nth++) {
        assert_int_equal(set_up_quiet(state), 0);
        vmware.attention = true;
        fake_vmware_fault(nth, CHECKPOINT);
        assert_true(vm_attention_raised(&attention));
        assert_int_equal(vmware.closes, 0);
        assert_int_equal(tear_down(state), 0);
    }
    set_up(state);
}

static void any_status_for_ever_is_bounded_and_means_ask_or_quiet(void **state)
{
    for (uint32_t status = 1; status < 0x100; status++) {
        set_up_quiet(state);
        vmware.hostile_status = status;
        for (int i = 0; i < 8; i++) {
            uint32_t exits;
            bool raised = ask(&exits);
            assert_in_range(exits, 0, 64);
            /* Success without a message is what quiet looks like. */
            assert_true(raised || (status & 0x03) == 0x01);
        }
        vmware.hostile_status = 0;
        vm_attention_close(&attention);
        fake_vmware_forget_channels();
    }
    set_up(state);
}

static void closing_closes_the_channel(void **state)
{
    (void)state;
    fake.exits = 0;
    vm_attention_close(&attention);
    assert_int_equal(fake.exits, 1);
    vm_attention_close(&attention);
    assert_int_equal(fake.exits, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_contact_is_reset_name_call_and_ok, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_high_bandwidth_it_is_the_same_in_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_level_is_told_as_long_as_it_is_raised, set_up_quiet, tear_down),
        cmocka_unit_test_setup_teardown(a_host_without_tclo_is_asked_again_now_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_that_never_calls_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_call_is_an_error_and_means_ask, set_up_quiet, tear_down),
        cmocka_unit_test_setup_teardown(a_host_that_starts_over_must_show_again_what_it_can, set_up_quiet,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_channel_means_ask_and_is_opened_again, set_up_quiet,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lost_channels_in_a_row_are_no_reason_to_doubt, set_up_quiet,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_call_anywhere_never_hides_a_call, set_up_quiet, tear_down),
        cmocka_unit_test_setup_teardown(a_checkpoint_anywhere_is_survived, set_up_quiet, tear_down),
        cmocka_unit_test_setup_teardown(any_status_for_ever_is_bounded_and_means_ask_or_quiet, set_up_quiet,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_closes_the_channel, set_up_quiet, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
