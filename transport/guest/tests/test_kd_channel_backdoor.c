/* Goal:   the backdoor channel speaks the message protocol of README.md: one RPC for a send with its next
 *         packet, exactly once over lost replies, new epochs, and bounded work whatever comes back.
 * Method: the channel's operations over the real GuestRPC client, the VMware of fake_vmware.c and the relay
 *         of fake_relay.c; its log says what was asked, the platform counts the exits. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_messages.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/tests/fake_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RPC_EXITS = 5, RETRIES = 20 };

static const struct kd_wanted wants_request = {
    .type = KD_TYPE_MANIPULATE, .header_bytes = KD_MANIPULATE_BYTES, .data_room = 4096};

/* ---- fixture ------------------------------------------------------------------------------------------- */

static uint8_t body[KD_BODY_BYTES_MAX];

/* A packet whose header begins with api, and whose other bytes count up. */
static struct kd_packet packet_of(uint16_t type, uint32_t api, uint32_t data_bytes)
{
    for (uint32_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i + 1);
    kd_store_u32(body, api);
    uint32_t header_bytes = kd_type_header_bytes(type);
    return (struct kd_packet){
        .type = type, .header = {body, header_bytes}, .data = {body + header_bytes, data_bytes}};
}

static struct kd_packet exception(void)
{
    return packet_of(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
}

static struct kd_packet read_reply(void)
{
    return packet_of(KD_TYPE_MANIPULATE, 0x3130, KD_BODY_BYTES_MAX - KD_MANIPULATE_BYTES);
}

static struct kd_packet print(void)
{
    return packet_of(KD_TYPE_DEBUG_IO, KD_DEBUG_IO_PRINT, 12);
}

static void send(struct kd_packet packet)
{
    kd_channel_backdoor.send(&fake.module, &packet, RETRIES);
}

static uint32_t receive(struct kd_received *received)
{
    memset(received, 0, sizeof *received);
    return kd_channel_backdoor.receive(&fake.module, &wants_request, received);
}

static bool poll(void)
{
    return kd_channel_backdoor.poll(&fake.module);
}

static void script(const struct fake_answer *answers, uint32_t count)
{
    relay.script = answers;
    relay.script_left = count;
}
#define SCRIPT(answers) script(answers, sizeof answers / sizeof answers[0])

/* What a debugger asks: a request of so many data bytes behind its 56. */
#define REQUEST(data_bytes_) .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_bytes = data_bytes_

static void assert_packet_delivered(const struct kd_received *received, uint32_t data_bytes)
{
    assert_int_equal(received->type, KD_TYPE_MANIPULATE);
    assert_int_equal(received->header_bytes, KD_MANIPULATE_BYTES);
    assert_int_equal(received->data_bytes, data_bytes);
    for (uint32_t i = 0; i < KD_MANIPULATE_BYTES + data_bytes; i++)
        assert_int_equal(received->body[i], fake_relay_byte(i));
}

static void clear_log(void)
{
    relay.log[0] = '\0';
    fake.exits = 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_platform_reset();
    fake_relay_reset();
    fake_vmware_reset(fake_relay_rpc);
    return 0;
}

/* The kernel is stopped: the hello and the state change are behind us. */
static int set_up_stopped(void **state)
{
    set_up(state);
    if (kd_channel_backdoor.open(&fake.module) != KD_OK)
        return 1;
    send(exception());
    clear_log();
    return 0;
}

/* What was opened was closed or is the one in use, and the client never broke the rules of GuestRPC. */
static int tear_down(void **state)
{
    (void)state;
    kd_messages_close(&fake.module);
    return vmware.violations > 0;
}

/* ---- hello --------------------------------------------------------------------------------------------- */

static void open_says_hello_in_seven_exits(void **state)
{
    (void)state;
    assert_int_equal(kd_channel_backdoor.open(&fake.module), KD_OK);
    assert_int_equal(fake.exits, 1 + 1 + RPC_EXITS); /* GETVERSION, OPEN, hello */
    assert_string_equal(relay.log, "hello");
    assert_int_equal(relay.last.version, VM_VERSION_MAX);
    assert_int_equal(relay.last.version_min, VM_VERSION_MIN);
    assert_int_equal(relay.last.machine, 0x8664);
    assert_int_equal(relay.last.token, 0);
    assert_true(fake.present);
}

static void assert_open_fails_cleanly(uint32_t exits)
{
    assert_int_not_equal(kd_channel_backdoor.open(&fake.module), KD_OK);
    assert_int_equal(fake.exits, exits);
    assert_int_equal(fake_vmware_open_channels(), 0);
    assert_false(fake.module.backdoor.rpc.is_open);
    assert_false(fake.module.messages.in_epoch);
}

static void a_vmm_without_relay_is_left_with_its_channel_closed(void **state)
{
    (void)state;
    relay.is_absent = true;
    assert_open_fails_cleanly(1 + 1 + RPC_EXITS + 1);
}

static void a_refused_hello_is_no_channel(void **state)
{
    (void)state;
    relay.refuses = true;
    assert_open_fails_cleanly(1 + 1 + RPC_EXITS + 1);
}

static void an_absent_backdoor_costs_one_exit_and_qemu_three(void **state)
{
    (void)state;
    vmware.profile = FAKE_ABSENT_ONES;
    assert_open_fails_cleanly(1);
    vmware.profile = FAKE_QEMU;
    assert_open_fails_cleanly(1 + 3);
}

static void opening_again_closes_the_old_channel_and_begins_an_epoch(void **state)
{
    (void)state;
    fake.module.messages.is_kept = true;
    assert_int_equal(kd_channel_backdoor.open(&fake.module), KD_OK);
    assert_int_equal(vmware.closes, 1);
    assert_int_equal(fake_vmware_open_channels(), 1);
    assert_string_equal(relay.log, "hello");
    assert_false(fake.module.messages.is_kept);
}

/* ---- sends --------------------------------------------------------------------------------------------- */

static void a_state_change_brings_the_next_request_in_one_rpc(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(8)}};
    struct kd_received received;
    SCRIPT(answers);
    send(exception());
    assert_int_equal(fake.exits, RPC_EXITS);
    assert_int_equal(relay.last.flags, VM_FLAG_WANT_NEXT);
    assert_int_equal(relay.last.next.type, KD_TYPE_MANIPULATE);
    assert_int_equal(relay.last.next.header_bytes, 56);
    assert_int_equal(relay.last.next.data_room, 3944);
    assert_int_equal(relay.last.retries, RETRIES);
    assert_memory_equal(relay.packet, body, 240);
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 8);
    assert_int_equal(fake.exits, RPC_EXITS); /* the receive was free */
}

static void the_largest_read_is_one_rpc(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(0)},
                                                 {.result = VM_DONE, REQUEST(3944)}};
    struct kd_received received;
    SCRIPT(answers);
    send(read_reply());
    assert_memory_equal(relay.packet, body, KD_BODY_BYTES_MAX);
    assert_int_equal(receive(&received), KD_RECEIVED);
    send(read_reply());
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 3944);
    assert_string_equal(relay.log, "send send");
    assert_int_equal(fake.exits, 2 * RPC_EXITS);
}

static void a_read_without_high_bandwidth_is_counted_in_words(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(0)}};
    SCRIPT(answers);
    vmware.has_hb = false;
    send(read_reply());
    assert_int_equal(fake.exits, 3 + (7 + 32 + 4000 + 3) / 4 + (2 + 32 + 56 + 3) / 4);
}

static void a_print_waits_for_nothing(void **state)
{
    (void)state;
    send(print());
    assert_string_equal(relay.log, "send");
    assert_int_equal(relay.last.flags, 0);
    assert_int_equal(relay.last.packet.header.len_bytes, 16);
    assert_int_equal(relay.last.packet.data.len_bytes, 12);
}

static void a_pending_send_is_resumed_until_done(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {
        {.result = VM_PENDING}, {.result = VM_PENDING}, {.result = VM_DONE, REQUEST(0)}};
    struct kd_received received;
    SCRIPT(answers);
    send(exception());
    assert_string_equal(relay.log, "send resume resume");
    assert_int_equal(relay.last.flags, VM_FLAG_WANT_NEXT);
    assert_int_equal(relay.last.next.type, KD_TYPE_MANIPULATE);
    assert_int_equal(receive(&received), KD_RECEIVED);
}

static void an_abandoned_print_makes_the_debugger_absent(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_ABANDONED}};
    SCRIPT(answers);
    send(print());
    assert_false(fake.present);
    send(print());
    assert_true(fake.present); /* the relay's next word */
}

static void the_presence_is_what_the_relay_says(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {
        {.result = VM_DONE, .flags = VM_REPLY_NOT_PRESENT}, {.result = VM_DONE}, {.result = VM_TIMEOUT}};
    struct kd_received received;
    SCRIPT(answers);
    send(print());
    assert_false(fake.present);
    assert_false(poll());
    assert_false(fake.present); /* a poll does not change it */
    (void)receive(&received);
    assert_true(fake.present);
}

/* ---- receives and polls -------------------------------------------------------------------------------- */

static void a_lone_receive_is_one_rpc_and_then_timeout(void **state)
{
    (void)state;
    struct kd_received received;
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(fake.exits, RPC_EXITS);
    assert_int_equal(relay.last.next.header_bytes, 56);
    assert_int_equal(relay.last.next.data_room, 4096);
}

static void a_receive_delivers_a_packet_or_resend(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(100)}, {.result = VM_RESEND}};
    struct kd_received received;
    SCRIPT(answers);
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 100);
    assert_int_equal(receive(&received), KD_RESEND);
}

static void resend_next_answers_the_next_receive_without_an_exit(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_RESEND_NEXT}};
    struct kd_received received;
    SCRIPT(answers);
    send(read_reply());
    clear_log();
    assert_int_equal(receive(&received), KD_RESEND);
    assert_int_equal(fake.exits, 0);
    assert_int_equal(receive(&received), KD_TIMEOUT);
}

static void without_a_hint_a_poll_is_five_exits_and_reports_a_break_in(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {
        {.result = VM_DONE}, {.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}, {.result = VM_DONE}};
    SCRIPT(answers);
    assert_false(poll());
    assert_int_equal(fake.exits, 2 + RPC_EXITS); /* TCLO is refused, either way; not asked for again soon */
    assert_true(poll());
    assert_false(fake.module.control_c);
    assert_false(poll());
    assert_int_equal(fake.exits, 2 + 3 * RPC_EXITS);
    assert_string_equal(relay.log, "poll poll poll");
}

/* The host calls, its first contact is over, and it has nothing to tell. */
static void poll_until_quiet(void)
{
    vmware.has_tclo = true;
    for (int i = 0; i < 3; i++)
        assert_false(poll());
    assert_string_equal(relay.log, "poll poll");
    clear_log();
}

static void a_quiet_poll_is_two_exits_and_no_request(void **state)
{
    (void)state;
    poll_until_quiet();
    for (int i = 0; i < 10; i++)
        assert_false(poll());
    assert_int_equal(fake.exits, 10 * 2);
    assert_string_equal(relay.log, "");
}

static void a_call_makes_the_poll_a_request(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}};
    poll_until_quiet();
    SCRIPT(answers);
    vmware.attention = true;
    assert_true(poll());
    assert_int_equal(fake.exits, 4 + RPC_EXITS);
    assert_false(poll()); /* a call too many: nothing comes of it */
    vmware.attention = false;
    assert_false(poll());
    assert_string_equal(relay.log, "poll poll");
}

/* Channels are gone after a revert: the poll asks, and meets the new epoch. */
static void a_revert_is_noticed_by_the_next_poll(void **state)
{
    (void)state;
    poll_until_quiet();
    fake_vmware_forget_channels();
    fake_relay_forget();
    assert_false(poll());
    assert_string_equal(relay.log, "poll-stale hello poll");
}

/* Nobody has told the guest's end of the epoch to the host, so the host's silence means nothing. */
static void a_poll_without_an_epoch_is_a_request_whatever_the_hint(void **state)
{
    (void)state;
    poll_until_quiet();
    relay.absent_for = 3;
    send(print());
    assert_false(fake.module.messages.in_epoch);
    clear_log();
    assert_false(poll());
    assert_string_equal(relay.log, "hello poll");
}

static void opening_again_leaves_no_channel_behind(void **state)
{
    (void)state;
    poll_until_quiet();
    assert_int_equal(fake_vmware_open_channels(), 2);
    assert_int_equal(kd_channel_backdoor.open(&fake.module), KD_OK);
    assert_int_equal(fake_vmware_open_channels(), 1);
}

static void a_break_in_outside_of_a_poll_is_left_for_the_kernel(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}};
    SCRIPT(answers);
    send(print());
    assert_true(fake.module.control_c);
}

static void a_kept_packet_outlives_prints_and_polls(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(33)}};
    struct kd_received received;
    SCRIPT(answers);
    send(read_reply());
    send(print());
    assert_false(poll());
    send(exception());
    assert_int_equal(relay.last.flags, 0); /* a second packet could not be kept */
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 33);
}

static void spoil_behind_header(uint8_t *reply, uint32_t *len_bytes)
{
    memset(reply + VM_REPLY_BYTES, 0xEE, *len_bytes - VM_REPLY_BYTES);
}

static void a_kept_packet_is_not_overwritten(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(33)},
                                                 {.result = VM_DONE, REQUEST(33)}};
    struct kd_received received;
    SCRIPT(answers);
    send(read_reply());
    relay.tamper = spoil_behind_header;
    assert_false(poll()); /* a poll has no packet coming, and gets one */
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 33);
}

static void a_kept_packet_that_is_not_wanted_is_dropped(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(33)}};
    static const struct kd_wanted others[] = {
        {.type = KD_TYPE_DEBUG_IO, .header_bytes = 56, .data_room = 100},
        {.type = KD_TYPE_MANIPULATE, .header_bytes = 16, .data_room = 100},
        {.type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_room = 32},
    };
    struct kd_received received;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        SCRIPT(answers);
        send(read_reply());
        assert_int_equal(kd_channel_backdoor.receive(&fake.module, &others[i], &received), KD_TIMEOUT);
        assert_int_equal(receive(&received), KD_TIMEOUT);
    }
}

/* ---- exactly once -------------------------------------------------------------------------------------- */

/* The 1st, 2nd, ... call of the RPC fails, before or after the host acted on it: the relay sees one packet,
 * once. */
static void a_failed_call_anywhere_never_doubles_a_packet(void **state)
{
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(4)},
                                                 {.result = VM_DONE, REQUEST(5)}};
    struct kd_received received;
    for (unsigned acted = 0; acted < 2; acted++) {
        for (uint32_t nth = 1;; nth++) {
            set_up_stopped(state);
            SCRIPT(answers);
            vmware.fault_after_handler = acted;
            fake_vmware_fault(nth, 0);
            send(read_reply());
            assert_int_equal(receive(&received), KD_RECEIVED);
            assert_packet_delivered(&received, 4);
            assert_int_equal(receive(&received), KD_RECEIVED);
            assert_packet_delivered(&received, 5);
            assert_int_equal(relay.packets, 2); /* with the exception before */
            assert_int_equal(relay.epoch, 1);
            if (vmware.fault_at > 0)
                break;
        }
    }
}

static void a_lost_reply_is_fetched_by_the_same_bytes(void **state)
{
    (void)state;
    vmware.fault_after_handler = true;
    fake_vmware_fault(2, 0); /* the string that delivers the request */
    send(print());
    assert_string_equal(relay.log, "send send-again");
    assert_int_equal(relay.packets, 2);
}

static void a_receive_given_up_is_taken_up_by_the_next(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(6)}};
    struct kd_received received;
    SCRIPT(answers);
    vmware.reply_waits = 2 * (1 + VM_GUESTRPC_WAITS_MAX); /* neither channel gets the reply */
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_packet_delivered(&received, 6);
    assert_string_equal(relay.log, "receive receive-again receive-again");
}

/* ---- epochs -------------------------------------------------------------------------------------------- */

static void a_state_change_is_sent_again_in_a_new_epoch(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(7)}};
    struct kd_received received;
    fake_relay_forget();
    SCRIPT(answers);
    send(exception());
    assert_string_equal(relay.log, "send-stale hello send");
    assert_memory_equal(relay.packet, body, 240);
    assert_int_equal(receive(&received), KD_RECEIVED);
}

static void a_resume_in_a_new_epoch_becomes_the_send_again(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_PENDING}, {.result = VM_DONE, REQUEST(7)}};
    struct kd_received received;
    SCRIPT(answers);
    relay.forgets_after = 1; /* right behind VM_PENDING */
    send(exception());
    assert_string_equal(relay.log, "send resume-stale hello send");
    assert_int_equal(relay.last.flags, VM_FLAG_WANT_NEXT);
    assert_memory_equal(relay.packet, body, 240);
    assert_int_equal(receive(&received), KD_RECEIVED);
}

static void a_reply_of_an_old_epoch_is_not_sent_but_the_kernel_told_to_start_over(void **state)
{
    (void)state;
    struct kd_received received;
    fake_relay_forget();
    send(read_reply());
    assert_string_equal(relay.log, "send-stale hello");
    clear_log();
    assert_int_equal(receive(&received), KD_RESEND);
    assert_int_equal(fake.exits, 0);
    send(exception());
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_string_equal(relay.log, "send receive");
}

static void a_receive_in_a_new_epoch_is_resend(void **state)
{
    (void)state;
    struct kd_received received;
    fake_relay_forget();
    assert_int_equal(receive(&received), KD_RESEND);
    assert_string_equal(relay.log, "receive-stale hello");
    send(exception());
    assert_string_equal(relay.log, "receive-stale hello send");
    assert_int_equal(receive(&received), KD_TIMEOUT);
}

/* The guest was rewound while it ran, and the debugger was stopped: the relay asks for a break-in. */
static void a_poll_in_a_new_epoch_is_repeated_in_it(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}};
    fake_relay_forget();
    SCRIPT(answers);
    assert_true(poll());
    assert_string_equal(relay.log, "poll-stale hello poll");
    struct kd_received received;
    send(exception()); /* the new epoch has its state change: nothing is left to be sent again */
    assert_int_equal(receive(&received), KD_TIMEOUT);
}

static void a_print_in_a_stop_does_not_hide_the_new_epoch(void **state)
{
    (void)state;
    struct kd_received received;
    fake_relay_forget();
    send(print());
    send(read_reply());
    assert_string_equal(relay.log, "send-stale hello send");
    assert_int_equal(receive(&received), KD_RESEND);
}

static void a_kept_packet_dies_with_its_epoch(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(9)}};
    struct kd_received received;
    SCRIPT(answers);
    send(read_reply());
    fake_relay_forget();
    assert_false(poll());
    assert_int_equal(receive(&received), KD_RESEND);
}

static void a_forgotten_channel_is_not_a_new_epoch(void **state)
{
    (void)state;
    fake_vmware_forget_channels();
    send(read_reply());
    assert_string_equal(relay.log, "send");
    assert_int_equal(relay.epoch, 1);
}

/* ---- nobody there, and nonsense ------------------------------------------------------------------------ */

static void without_a_relay_prints_are_given_up_and_the_rest_waits(void **state)
{
    (void)state;
    struct kd_received received;
    relay.is_absent = true;
    send(print());
    assert_int_equal(fake.exits, 3 * RPC_EXITS);
    assert_false(fake.present);
    fake.exits = 0;
    assert_false(poll());
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(fake.exits, 2 * RPC_EXITS);
    relay.is_absent = false;
    relay.absent_for = 50;
    send(exception());
    assert_int_equal(relay.absent_for, 0);
    assert_string_equal(relay.log, "hello send");
    assert_true(fake.present);
}

static void a_print_pending_for_ever_ends(void **state)
{
    (void)state;
    static struct fake_answer answers[70000];
    for (uint32_t i = 0; i < 70000; i++)
        answers[i].result = VM_PENDING;
    SCRIPT(answers);
    send(print());
    assert_int_equal(relay.script_left, 70000 - 65536);
    assert_false(fake.present);
    assert_false(
        fake.module.messages.in_epoch); /* the relay may still deliver it: nothing is built on that */
}

/* A VMM may have cut the message short: the relay was asked before, and the epoch must not end over it. */
static void a_request_refused_once_is_sent_again_as_it_is(void **state)
{
    (void)state;
    relay.refuses_for = 1;
    send(print());
    assert_string_equal(relay.log, "send");
    assert_int_equal(relay.epoch, 1);
    assert_true(fake.module.messages.in_epoch);
    assert_true(fake.present);
    assert_int_equal(fake.exits, 2 * RPC_EXITS);
}

static void a_request_refused_twice_ends_the_epoch(void **state)
{
    (void)state;
    relay.refuses_for = 2;
    send(print());
    assert_string_equal(relay.log, "hello send");
    assert_int_equal(relay.epoch, 2);
    assert_int_equal(relay.packets, 2); /* the state change, and the print once */
}

static void a_relay_that_finds_everything_stale_is_left(void **state)
{
    (void)state;
    struct kd_received received;
    relay.always_stale = true;
    assert_false(poll());
    assert_in_range(fake.exits, 1, 6 * RPC_EXITS);
    fake.exits = 0;
    send(print());
    assert_in_range(fake.exits, 1, 6 * RPC_EXITS);
    assert_int_equal(receive(&received), KD_RESEND);
}

static void a_relay_that_refuses_everything_is_left(void **state)
{
    (void)state;
    struct kd_received received;
    relay.refuses = true;
    assert_false(poll());
    assert_int_equal(receive(&received), KD_TIMEOUT);
    send(print());
    assert_false(fake.present);
    assert_in_range(fake.exits, 1, 12 * RPC_EXITS);
}

static uint32_t tamper_at;
static uint8_t tamper_mask;

static void flip(uint8_t *reply, uint32_t *len_bytes)
{
    if (tamper_at < *len_bytes)
        reply[tamper_at] ^= tamper_mask;
}

static void cut(uint8_t *reply, uint32_t *len_bytes)
{
    (void)reply;
    *len_bytes = tamper_at < *len_bytes ? tamper_at : *len_bytes;
}

/* A send with its next packet, a receive and a poll against a relay whose every reply is spoilt. Nothing is
 * written where it should not be (the sanitizers watch), and the work is bounded. */
static void assert_survives(void (*tamper)(uint8_t *reply, uint32_t *len_bytes))
{
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(4)},
                                                 {.result = VM_DONE, REQUEST(4)}};
    struct kd_received received;
    void *none = NULL;
    set_up_stopped(&none);
    SCRIPT(answers);
    relay.tamper = tamper;
    fake.exits = 0;
    send(packet_of(KD_TYPE_STATE_CHANGE64, KD_STATE_LOAD_SYMBOLS, 4)); /* abandonable, and wants the next */
    if (receive(&received) == KD_RECEIVED) {
        assert_int_equal(received.header_bytes, KD_MANIPULATE_BYTES);
        assert_in_range(received.data_bytes, 0, wants_request.data_room);
    }
    (void)poll();
    assert_in_range(fake.exits, 1, 20 * RPC_EXITS);
}

static void a_reply_spoilt_in_any_bit_is_survived(void **state)
{
    (void)state;
    for (tamper_at = 0; tamper_at < VM_REPLY_BYTES; tamper_at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            tamper_mask = (uint8_t)(1u << bit);
            assert_survives(flip);
        }
}

static void a_reply_cut_anywhere_is_survived(void **state)
{
    (void)state;
    for (tamper_at = 0; tamper_at < VM_REPLY_BYTES + 60; tamper_at++)
        assert_survives(cut);
}

/* A reply that is well formed and still not the answer to this request. */
static void assert_not_believed(const struct fake_answer *wrong)
{
    void *none = NULL;
    struct kd_received received;
    set_up_stopped(&none);
    script(wrong, 1);
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_string_equal(relay.log, "receive receive-again receive-again");
}

static void a_packet_that_was_not_asked_for_is_not_taken(void **state)
{
    (void)state;
    static const struct fake_answer wrong[] = {
        {.result = VM_DONE, .packet_type = KD_TYPE_DEBUG_IO, .header_bytes = 56, .data_bytes = 4},
        {.result = VM_DONE, .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 55, .data_bytes = 4},
        {.result = VM_DONE, .packet_type = KD_TYPE_MANIPULATE, .header_bytes = 57, .data_bytes = 4},
        {.result = VM_DONE},
        {.result = VM_PENDING},
        {.result = VM_ABANDONED},
        {.result = 99},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_not_believed(&wrong[i]);
}

static void a_packet_over_the_room_is_not_taken(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(9)}};
    static const struct kd_wanted small = {.type = KD_TYPE_MANIPULATE, .header_bytes = 56, .data_room = 8};
    struct kd_received received;
    SCRIPT(answers);
    assert_int_equal(kd_channel_backdoor.receive(&fake.module, &small, &received), KD_TIMEOUT);
}

static void a_print_gets_no_packet(void **state)
{
    (void)state;
    static const struct fake_answer answers[] = {{.result = VM_DONE, REQUEST(9)}};
    SCRIPT(answers);
    send(print());
    assert_false(fake.module.messages.is_kept);
    assert_false(fake.present); /* three times the same nonsense: given up */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open_says_hello_in_seven_exits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_vmm_without_relay_is_left_with_its_channel_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_hello_is_no_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_backdoor_costs_one_exit_and_qemu_three, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_again_closes_the_old_channel_and_begins_an_epoch,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_brings_the_next_request_in_one_rpc, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_largest_read_is_one_rpc, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_read_without_high_bandwidth_is_counted_in_words, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_print_waits_for_nothing, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_pending_send_is_resumed_until_done, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_print_makes_the_debugger_absent, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_presence_is_what_the_relay_says, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_lone_receive_is_one_rpc_and_then_timeout, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_receive_delivers_a_packet_or_resend, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(resend_next_answers_the_next_receive_without_an_exit, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_quiet_poll_is_two_exits_and_no_request, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_call_makes_the_poll_a_request, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_revert_is_noticed_by_the_next_poll, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_poll_without_an_epoch_is_a_request_whatever_the_hint,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(opening_again_leaves_no_channel_behind, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(without_a_hint_a_poll_is_five_exits_and_reports_a_break_in,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_outside_of_a_poll_is_left_for_the_kernel, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kept_packet_outlives_prints_and_polls, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_packet_is_not_overwritten, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_packet_that_is_not_wanted_is_dropped, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_call_anywhere_never_doubles_a_packet, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_reply_is_fetched_by_the_same_bytes, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_receive_given_up_is_taken_up_by_the_next, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_is_sent_again_in_a_new_epoch, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_resume_in_a_new_epoch_becomes_the_send_again, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reply_of_an_old_epoch_is_not_sent_but_the_kernel_told_to_start_over,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_receive_in_a_new_epoch_is_resend, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_poll_in_a_new_epoch_is_repeated_in_it, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_print_in_a_stop_does_not_hide_the_new_epoch, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kept_packet_dies_with_its_epoch, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_channel_is_not_a_new_epoch, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(without_a_relay_prints_are_given_up_and_the_rest_waits,
                                        set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_print_pending_for_ever_ends, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_request_refused_once_is_sent_again_as_it_is, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_refused_twice_ends_the_epoch, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_relay_that_finds_everything_stale_is_left, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_relay_that_refuses_everything_is_left, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_spoilt_in_any_bit_is_survived, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_cut_anywhere_is_survived, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_that_was_not_asked_for_is_not_taken, set_up_stopped,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_packet_over_the_room_is_not_taken, set_up_stopped, tear_down),
        cmocka_unit_test_setup_teardown(a_print_gets_no_packet, set_up_stopped, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
