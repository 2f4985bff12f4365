/* Goal: a debugger whose target is gone is told so and answered until it lets go, and no longer
 * (kd-protocol.md 2.12 rule 7). Method: the lab's debugger by hand; the notice is compared with vector S25,
 * but for what that target was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transport/kd/kd_bytes.h"
#include "transport/relay/tests/relay_lab.h"
#include <string.h>

enum {
    CLEAR_ALL_INTERNAL_BREAKPOINTS = 0x315A,
    SWITCH_PROCESSOR = 0x3150,
    READ_VIRTUAL = 0x3130,
    GET_CONTEXT = 0x3132
};

/* ---- the words ---- */

static void the_notice_is_that_of_s25(void **state)
{
    (void)state;
    /* S25's bytes from 0 to 72; what follows is the control report, of which the relay knows nothing. */
    static const uint8_t s25[72] = {
        0x31, 0x30, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x98, 0x22, 0xBC, 0x85, 0x8C, 0xFF, 0xFF, 0x80, 0x33, 0x5E, 0xC5, 0x02, 0xF8, 0xFF, 0xFF, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01};
    uint8_t head[RELAY_STATE_HEAD_BYTES], notice[KD_STATE_CHANGE_BYTES];
    memcpy(head, s25, sizeof(head));
    head[0] = 0x30; /* the last state change was an exception */
    relay_notice_store(notice, head);
    assert_memory_equal(notice, s25, sizeof(s25));
    for (size_t i = sizeof(s25); i < sizeof(notice); i++)
        assert_int_equal(notice[i], 0);
    const struct kd_packet packet = {.type = KD_TYPE_STATE_CHANGE64, .header = {notice, sizeof(notice)}};
    assert_true(relay_is_notice(&packet));
}

static void other_state_changes_are_no_notice(void **state)
{
    (void)state;
    uint8_t head[RELAY_STATE_HEAD_BYTES], notice[KD_STATE_CHANGE_BYTES];
    relay_state_head_default(head);
    relay_notice_store(notice, head);
    struct kd_packet packet = {.type = KD_TYPE_STATE_CHANGE64, .header = {notice, sizeof(notice)}};
    assert_true(relay_is_notice(&packet));
    packet.header.len_bytes = 64;
    assert_false(relay_is_notice(&packet));
    packet.header.len_bytes = sizeof(notice);
    packet.type = KD_TYPE_MANIPULATE;
    assert_false(relay_is_notice(&packet));
    packet.type = KD_TYPE_STATE_CHANGE64;
    notice[64] = 0; /* a load */
    assert_false(relay_is_notice(&packet));
    notice[64] = 1;
    notice[47] = 0x7F; /* another base */
    assert_false(relay_is_notice(&packet));
    notice[47] = 0xFF;
    notice[0] = 0x30;
    assert_false(relay_is_notice(&packet));
}

static void a_request_is_refused_with_nothing_transferred(void **state)
{
    (void)state;
    uint8_t body[KD_MANIPULATE_BYTES], reply[KD_MANIPULATE_BYTES];
    memset(body, 0xA5, sizeof(body));
    kd_store_u32(body, READ_VIRTUAL);
    assert_int_equal(relay_last_word(reply, body), RELAY_WORD_REFUSED);
    assert_int_equal(kd_load_u32(reply + 8), 0xC0000001);
    assert_int_equal(kd_load_u32(reply + 28), 0);
    kd_store_u32(body + 8, 0xC0000001);
    kd_store_u32(body + 28, 0);
    assert_memory_equal(reply, body, sizeof(body)); /* the rest is echoed */
    memset(body, 0xA5, sizeof(body));
    kd_store_u32(body, GET_CONTEXT);
    assert_int_equal(relay_last_word(reply, body), RELAY_WORD_REFUSED);
    assert_int_equal(kd_load_u32(reply + 28), 0xA5A5A5A5);
    kd_store_u32(body, 0x3199); /* nobody knows it */
    assert_int_equal(relay_last_word(reply, body), RELAY_WORD_REFUSED);
}

static void requests_without_a_reply_have_none(void **state)
{
    (void)state;
    static const struct {
        uint32_t api;
        enum relay_last_word word;
    } rows[] = {
        {0x3136, RELAY_WORD_GO},
        {0x313B, RELAY_WORD_GO},
        {0x313C, RELAY_WORD_GO},
        {0x3149, RELAY_WORD_GO},
        {SWITCH_PROCESSOR, RELAY_WORD_AGAIN},
        {CLEAR_ALL_INTERNAL_BREAKPOINTS, RELAY_WORD_NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t body[KD_MANIPULATE_BYTES] = {0}, reply[KD_MANIPULATE_BYTES];
        kd_store_u32(body, rows[i].api);
        assert_int_equal(relay_last_word(reply, body), rows[i].word);
        assert_int_equal(relay_lets_target_run(rows[i].api), rows[i].word == RELAY_WORD_GO);
    }
    assert_false(relay_lets_target_run(READ_VIRTUAL));
}

/* ---- the relay ---- */

static void a_debugger_of_a_running_target_is_told_once(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_vm_gone(lab);
    assert_wire(lab, "notice 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_wire(lab, "ack 80800000");
    assert_int_equal(lab->core.state, RELAY_IDLE);
    lab_wait(lab, 100 * (uint64_t)LAB_BYTE_WAIT);
    assert_wire(lab, "");
}

static void a_stopped_one_is_answered_until_it_lets_go_and_told_once_more(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab_vm_gone(lab);
    assert_wire(lab, "notice 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, READ_MEMORY, ID0);
    assert_int_equal(lab->core.state, RELAY_TELLING);
    lab_ack(lab, ID1);
    assert_wire(lab, "ack 80800000; refusal 80800001");
    lab_request(lab, GET_VERSION, ID1);
    lab_ack(lab, ID0);
    assert_wire(lab, "ack 80800001; refusal 80800000");
    lab_request(lab, CONTINUE, ID0);
    assert_wire(lab, "ack 80800000; notice 80800001");
    lab_ack(lab, ID1);
    lab_request(lab, CONTINUE, ID1);
    assert_wire(lab, "ack 80800001");
    lab_wait(lab, 100 * (uint64_t)LAB_BYTE_WAIT);
    assert_wire(lab, "");
    assert_reply(lab, "held"); /* the VM got nothing of all this */
}

static void a_request_that_crosses_the_notice_is_not_answered(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab_vm_gone(lab);
    lab_request(lab, READ_MEMORY, ID0);
    assert_wire(lab, "notice 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, GET_VERSION, ID0);
    assert_wire(lab, "ack 80800000; refusal 80800001");
}

static void a_reset_brings_the_notice_again(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_vm_gone(lab);
    lab_ack(lab, ID0);
    assert_wire(lab, "notice 80800800");
    lab_reset(lab);
    assert_wire(lab, "reset; notice 80800000");
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_wire(lab, "ack 80800000");
    assert_int_equal(lab->core.state, RELAY_IDLE);
}

static void a_debugger_that_does_not_listen_is_not_told_for_ever(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab_vm_gone(lab);
    lab_wait(lab, 100 * (uint64_t)LAB_BYTE_WAIT);
    assert_int_equal(lab->core.state, RELAY_IDLE);
    assert_int_equal(relay_deadline(&lab->core), KD_NEVER);
}

static void a_reply_that_nobody_takes_ends_too(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_vm_gone(lab);
    lab_ack(lab, ID0);
    lab_request(lab, READ_MEMORY, ID0);
    assert_int_equal(lab->core.state, RELAY_TELLING);
    lab_wait(lab, 100 * (uint64_t)LAB_BYTE_WAIT);
    assert_int_equal(lab->core.state, RELAY_IDLE);
}

static void nobody_is_told_what_nobody_waits_for(void **state)
{
    struct lab *lab = *state;
    lab_vm_gone(lab); /* there was none */
    lab_boot(lab);
    lab_vm_gone(lab);
    lab_connect(lab);
    lab_vm_gone(lab);
    lab_wait(lab, LAB_BYTE_WAIT);
    assert_wire(lab, "");
    assert_int_equal(lab->core.state, RELAY_IDLE);
}

static void a_new_boot_ends_the_farewell(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab_vm_gone(lab);
    lab_ack(lab, ID0);
    assert_wire(lab, "notice 80800800");
    lab_hello(lab);
    assert_reply(lab, "done");
    lab_send_want_next(lab, LOAD_SYMBOLS);
    assert_wire(lab, "load_symbols 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_reply(lab, "done continue");
    assert_polled(lab, "done break_in"); /* it waited at a stop, and gets one */
}

static void a_debugger_that_leaves_ends_it(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab_vm_gone(lab);
    lab_disconnect(lab);
    assert_int_equal(lab->core.state, RELAY_IDLE);
    lab_wait(lab, 10 * (uint64_t)LAB_BYTE_WAIT);
    lab_connect(lab);
    lab_wait(lab, 10 * (uint64_t)LAB_BYTE_WAIT);
    assert_int_equal(lab->core.state, RELAY_IDLE);
}

enum { GONE_WAIT = 2000 * LAB_MS };

static void a_vm_that_is_back_in_time_was_only_reset(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->core.config.gone_wait_ns = GONE_WAIT;
    lab_vm_gone(lab);
    lab_wait(lab, GONE_WAIT - 1);
    lab_hello(lab);
    lab_wait(lab, 10 * (uint64_t)GONE_WAIT);
    assert_wire(lab, "");
    lab_vm_gone(lab);
    lab_wait(lab, GONE_WAIT - 1);
    assert_wire(lab, "");
    lab_wait(lab, 1);
    assert_wire(lab, "notice 80800800");
}

static void a_debugger_that_came_behind_the_vm_is_not_told(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab->core.config.gone_wait_ns = GONE_WAIT;
    lab_vm_gone(lab);
    lab_disconnect(lab);
    lab_connect(lab);
    lab_wait(lab, 10 * (uint64_t)GONE_WAIT);
    assert_wire(lab, "");
}

static void what_is_asked_before_the_news_is_not_answered_after_it(void **state)
{
    struct lab *lab = *state;
    lab_boot_attached(lab);
    lab_stop(lab);
    lab->core.config.gone_wait_ns = GONE_WAIT;
    lab_vm_gone(lab);
    lab_request(lab, READ_MEMORY, ID0);
    lab_wait(lab, GONE_WAIT);
    lab_request(lab, READ_MEMORY, ID0); /* its repeat, which crosses the notice */
    assert_wire(lab, "notice 80800800");
    lab_ack(lab, ID0);
    lab_request(lab, CONTINUE, ID0);
    assert_wire(lab, "ack 80800000; notice 80800001");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_notice_is_that_of_s25),
        cmocka_unit_test(other_state_changes_are_no_notice),
        cmocka_unit_test(a_request_is_refused_with_nothing_transferred),
        cmocka_unit_test(requests_without_a_reply_have_none),
        cmocka_unit_test_setup_teardown(a_debugger_of_a_running_target_is_told_once, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_stopped_one_is_answered_until_it_lets_go_and_told_once_more,
                                        lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_request_that_crosses_the_notice_is_not_answered, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_reset_brings_the_notice_again, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_does_not_listen_is_not_told_for_ever, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_reply_that_nobody_takes_ends_too, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(nobody_is_told_what_nobody_waits_for, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_new_boot_ends_the_farewell, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_leaves_ends_it, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_vm_that_is_back_in_time_was_only_reset, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_came_behind_the_vm_is_not_told, lab_setup,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(what_is_asked_before_the_news_is_not_answered_after_it, lab_setup,
                                        lab_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
