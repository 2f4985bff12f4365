/* Goal:   the 16550 is probed, set up, saved and polled access by access as devices.md 2.3 and 2.4 count it,
 *         and the uart channel carries KDCOM over it with kd_link as its protocol.
 * Method: the driver and the channel against the registers of fake_uart.c; the debugger at its other end
 *         acknowledges whole frames, or does not. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/tests/fake_uart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POLLS = 50, RETRIES = 3 };

/* ---- fixture ------------------------------------------------------------------------------------------- */

static struct kd_uart16550 device;
static uint32_t frames_seen;
static uint32_t first_id, last_id;

static int set_up(void **state)
{
    (void)state;
    fake_platform_reset();
    fake_uart_reset();
    memset(&device, 0, sizeof device);
    frames_seen = 0;
    fake.module.options = (struct kd_options){.com = 2, .baud = 115200, .polls = POLLS};
    return 0;
}

static int set_up_open(void **state)
{
    set_up(state);
    enum kd_status channel = kd_channel_uart.open(&fake.module);
    enum kd_status driver = kd_uart_open(&device, 2, 115200);
    fake.exits = 0;
    uart.log_count = 0;
    return channel != KD_OK || driver != KD_OK;
}

static void assert_accesses(const struct fake_uart_access *wanted, uint32_t count)
{
    assert_int_equal(uart.log_count, count);
    for (uint32_t i = 0; i < count; i++)
        if (uart.log[i].is_in != wanted[i].is_in || uart.log[i].offset != wanted[i].offset ||
            (!wanted[i].is_in && uart.log[i].value != wanted[i].value))
            fail_msg("access %u is %s %u %02X, expected %s %u %02X", i, uart.log[i].is_in ? "in" : "out",
                     uart.log[i].offset, uart.log[i].value, wanted[i].is_in ? "in" : "out", wanted[i].offset,
                     wanted[i].value);
}
#define ASSERT_ACCESSES(wanted) assert_accesses(wanted, sizeof wanted / sizeof wanted[0])
#define IN(offset)                                                                                           \
    {                                                                                                        \
        true, offset, 0                                                                                      \
    }
#define OUT(offset, value)                                                                                   \
    {                                                                                                        \
        false, offset, value                                                                                 \
    }

static void feed_control(uint16_t type, uint32_t id)
{
    const struct kd_frame_header header = {.leader = KD_LEADER_CONTROL, .type = type, .id = id};
    uint8_t bytes[KD_FRAME_HEADER_BYTES];
    kd_frame_header_store(bytes, &header);
    fake_uart_feed(bytes, sizeof bytes);
}

static void feed_request(uint32_t id, uint32_t data_bytes)
{
    uint8_t frame[KD_FRAME_BYTES_MAX];
    uint32_t body_bytes = KD_MANIPULATE_BYTES + data_bytes;
    for (uint32_t i = 0; i < body_bytes; i++)
        frame[KD_FRAME_HEADER_BYTES + i] = (uint8_t)(i * 3);
    const struct kd_frame_header header = {.leader = KD_LEADER_DATA,
                                           .type = KD_TYPE_MANIPULATE,
                                           .byte_count = (uint16_t)body_bytes,
                                           .id = id,
                                           .checksum =
                                               kd_checksum(0, frame + KD_FRAME_HEADER_BYTES, body_bytes)};
    kd_frame_header_store(frame, &header);
    frame[KD_FRAME_HEADER_BYTES + body_bytes] = KD_TRAILER_BYTE;
    fake_uart_feed(frame, KD_FRAME_HEADER_BYTES + body_bytes + 1);
}

/* True when uart.sent ends in a whole data frame of the guest; *id is its id. */
static bool data_frame_sent(uint32_t *id)
{
    struct kd_frame_header header;
    if (uart.sent_bytes < KD_FRAME_HEADER_BYTES)
        return false;
    kd_frame_header_load(&header, uart.sent);
    *id = header.id;
    return header.leader == KD_LEADER_DATA &&
           uart.sent_bytes == KD_FRAME_HEADER_BYTES + header.byte_count + 1u;
}

/* A debugger that counts whole frames, and one that acknowledges them too. */
static void watch(void)
{
    uint32_t id;
    if (!data_frame_sent(&id))
        return;
    first_id = frames_seen++ == 0 ? id : first_id;
    last_id = id;
    uart.sent_bytes = 0;
}

static void acknowledge(void)
{
    uint32_t before = frames_seen;
    watch();
    if (frames_seen > before)
        feed_control(KD_TYPE_ACK, last_id & ~KD_ID_SYNC);
}

static uint8_t body[KD_BODY_BYTES_MAX];

static void send(uint16_t type, uint32_t api, uint32_t data_bytes)
{
    memset(body, 0x55, sizeof body);
    kd_store_u32(body, api);
    uint32_t header_bytes = kd_type_header_bytes(type);
    const struct kd_packet packet = {
        .type = type, .header = {body, header_bytes}, .data = {body + header_bytes, data_bytes}};
    kd_channel_uart.send(&fake.module, &packet, RETRIES);
}

static void send_print(void)
{
    send(KD_TYPE_DEBUG_IO, KD_DEBUG_IO_PRINT, 4);
}

static uint32_t receive(struct kd_received *received)
{
    static const struct kd_wanted wanted = {
        .type = KD_TYPE_MANIPULATE, .header_bytes = KD_MANIPULATE_BYTES, .data_room = 4096};
    return kd_channel_uart.receive(&fake.module, &wanted, received);
}

/* ---- probe and set-up ---------------------------------------------------------------------------------- */

static void a_16550_is_found_and_set_up_in_eighteen_accesses(void **state)
{
    (void)state;
    static const struct fake_uart_access wanted[] = {
        IN(4),        OUT(4, 0x10), OUT(4, 0x10), IN(6),        OUT(4, 0x14), IN(6),
        OUT(4, 0x08), OUT(3, 0x00), OUT(1, 0x00), OUT(4, 0x0B), IN(3),        OUT(3, 0x80),
        OUT(0, 0x01), OUT(1, 0x00), OUT(3, 0x00), OUT(3, 0x03), OUT(2, 0x07), IN(0)};
    assert_int_equal(kd_uart_open(&device, 2, 115200), KD_OK);
    ASSERT_ACCESSES(wanted);
    assert_int_equal(uart.lcr, 0x03);
    assert_int_equal(uart.mcr, 0x0B);
}

static void ports_and_speeds_are_programmed(void **state)
{
    (void)state;
    static const struct {
        uint32_t com;
        uint16_t base;
        uint32_t baud;
        uint16_t divisor;
    } rows[] = {{1, 0x3F8, 57600, 2}, {2, 0x2F8, 9600, 12}, {3, 0x3E8, 300, 384}, {4, 0x2E8, 2, 57600}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uart.base = rows[i].base;
        assert_int_equal(kd_uart_open(&device, rows[i].com, rows[i].baud), KD_OK);
        assert_int_equal(uart.dll | uart.dlm << 8, rows[i].divisor);
    }
}

static void an_absent_port_costs_seven_accesses(void **state)
{
    (void)state;
    static const struct fake_uart_access wanted[] = {IN(4),        OUT(4, 0x10), OUT(4, 0x10), IN(6),
                                                     OUT(4, 0xFF), OUT(7, 0x00), IN(7)};
    uart.part = FAKE_NO_UART;
    assert_int_equal(kd_uart_open(&device, 2, 115200), KD_ERR_NO_DEVICE);
    ASSERT_ACCESSES(wanted);
}

static void ports_that_read_zero_are_absent(void **state)
{
    (void)state;
    uart.part = FAKE_READS_ZERO;
    assert_int_equal(kd_uart_open(&device, 2, 115200), KD_ERR_NO_DEVICE);
    assert_int_equal(fake.exits, 7 + 4);
}

static void a_part_without_loopback_is_known_by_its_scratch_register(void **state)
{
    (void)state;
    uart.part = FAKE_NO_LOOPBACK;
    assert_int_equal(kd_uart_open(&device, 2, 115200), KD_OK);
    assert_int_equal(fake.exits, 5 + 512 + 11);
}

/* ---- bytes, counted ------------------------------------------------------------------------------------ */

static void a_byte_costs_two_accesses_and_two_more_for_each_failed_look(void **state)
{
    (void)state;
    uint8_t byte = 0;
    fake_uart_feed((const uint8_t *)"xy", 2);
    assert_int_equal(kd_uart_get(&device, &byte), KD_UART_BYTE);
    assert_int_equal(byte, 'x');
    assert_int_equal(fake.exits, 2);
    uart.silent_left = 1;
    assert_int_equal(kd_uart_get(&device, &byte), KD_UART_NONE);
    assert_int_equal(fake.exits, 4);
    uart.busy_left = 3;
    assert_int_equal(kd_uart_put(&device, 'z', 10), KD_OK);
    assert_int_equal(fake.exits, 4 + 2 + 2 * 3);
    assert_int_equal(uart.sent[uart.sent_bytes - 1], 'z');
}

static void a_line_error_costs_one_access_and_leaves_the_byte(void **state)
{
    (void)state;
    static const uint8_t errors[] = {0x02, 0x04, 0x08, 0x0E};
    uint8_t byte = 0;
    for (unsigned i = 0; i < sizeof errors; i++) {
        fake_uart_feed((const uint8_t *)"q", 1);
        uart.lsr_errors = errors[i];
        uart.errors_left = 1;
        uint32_t before = fake.exits;
        assert_int_equal(kd_uart_get(&device, &byte), KD_UART_ERROR);
        assert_int_equal(fake.exits - before, 1);
        assert_int_equal(kd_uart_get(&device, &byte), KD_UART_BYTE);
    }
}

static void a_stuck_transmitter_is_given_up_after_the_polls(void **state)
{
    (void)state;
    uart.busy_left = UINT32_MAX;
    assert_int_equal(kd_uart_put(&device, 'z', 10), KD_ERR_TIMEOUT);
    assert_int_equal(fake.exits, 1 + 10 * 2);
    assert_int_equal(uart.sent_bytes, 0);
}

/* ---- save and restore ---------------------------------------------------------------------------------- */

static void an_untouched_port_is_saved_in_three_accesses(void **state)
{
    (void)state;
    kd_uart_save(&device);
    assert_int_equal(fake.exits, 3);
    kd_uart_restore(&device);
    assert_int_equal(fake.exits, 3);
}

static void what_a_driver_changed_is_put_back(void **state)
{
    (void)state;
    static const uint8_t lcrs[] = {0x1B, 0x03, 0x83};
    for (unsigned i = 0; i < sizeof lcrs; i++) {
        uart.ier = 0x0F;
        uart.mcr = 0x0B;
        uart.dll = 0x80;
        uart.dlm = 0x01;
        uart.lcr = lcrs[i];
        kd_uart_save(&device);
        assert_int_equal(uart.lcr, 0x03);
        assert_int_equal(uart.ier, 0x00);
        assert_int_equal(uart.mcr, 0x0B);
        assert_int_equal(uart.dll | uart.dlm << 8, 1);
        kd_uart_save(&device); /* a second stay inside the first keeps nothing */
        kd_uart_restore(&device);
        assert_int_equal(uart.lcr, lcrs[i]);
        assert_int_equal(uart.ier, 0x0F);
        assert_int_equal(uart.mcr, 0x0B);
        assert_int_equal(uart.dll | uart.dlm << 8, 0x180);
        uint32_t before = fake.exits;
        kd_uart_restore(&device);
        assert_int_equal(fake.exits, before);
    }
}

static void power_and_sleep_set_the_port_up_again(void **state)
{
    (void)state;
    fake_uart_reset(); /* what sleep leaves of the registers */
    kd_channel_uart.save(&fake.module, true);
    assert_int_equal(uart.log_count, 0);
    kd_channel_uart.restore(&fake.module, true);
    assert_int_equal(uart.log_count, 11);
    assert_int_equal(uart.lcr, 0x03);
    fake_uart_reset();
    kd_channel_uart.power_up(&fake.module);
    assert_int_equal(uart.dll, 1);
}

/* ---- the channel --------------------------------------------------------------------------------------- */

static void a_packet_and_its_ack_cost_what_the_table_says(void **state)
{
    (void)state;
    uart.peer = acknowledge;
    send(KD_TYPE_DEBUG_IO, KD_DEBUG_IO_PRINT, 240);
    assert_int_equal(fake.exits, 66 + 2 * 256);
    fake.exits = 0;
    send(KD_TYPE_MANIPULATE, 0x3130, 3944);
    assert_int_equal(fake.exits, 8066);
    assert_int_equal(frames_seen, 2);
    assert_int_equal(first_id, KD_ID_INITIAL | KD_ID_SYNC);
    assert_int_equal(last_id, KD_ID_INITIAL ^ 1);
    assert_true(fake.present);
}

/* The guest's first packet, acknowledged: from here on the debugger is known to speak to this guest. */
static void be_heard(void)
{
    uart.peer = acknowledge;
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
    uart.peer = NULL;
    fake.exits = 0;
    uart.sent_bytes = 0;
}

static void acknowledge_the_second(void)
{
    uint32_t before = frames_seen;
    watch();
    if (frames_seen > before && frames_seen == 2)
        feed_control(KD_TYPE_ACK, last_id & ~KD_ID_SYNC);
}

/* It crossed the reset on the line, and its id looks like an answer to the first packet (2.15). */
static void a_request_to_the_kernel_before_is_neither_an_ack_nor_delivered(void **state)
{
    (void)state;
    struct kd_received received;
    uart.peer = acknowledge_the_second;
    feed_request(KD_ID_INITIAL, 200);
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
    assert_int_equal(frames_seen, 2);
    assert_int_equal(last_id, KD_ID_INITIAL | KD_ID_SYNC);
    uart.peer = NULL;
    assert_int_equal(receive(&received), KD_TIMEOUT);
    feed_request(KD_ID_INITIAL, 100);
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_int_equal(received.data_bytes, 100);
}

static void a_request_is_received_and_acknowledged(void **state)
{
    (void)state;
    struct kd_received received;
    be_heard();
    feed_request(KD_ID_INITIAL, 200);
    assert_int_equal(receive(&received), KD_RECEIVED);
    assert_int_equal(received.header_bytes, 56);
    assert_int_equal(received.data_bytes, 200);
    for (uint32_t i = 0; i < 256; i++)
        assert_int_equal(received.body[i], (uint8_t)(i * 3));
    assert_int_equal(fake.exits, 66 + 2 * 256);
    static const uint8_t ack[] = {0x69, 0x69, 0x69, 0x69, 4, 0, 0, 0, 0, 0, 0x80, 0x80, 0, 0, 0, 0};
    assert_int_equal(uart.sent_bytes, sizeof ack);
    assert_memory_equal(uart.sent, ack, sizeof ack);
}

static void silence_costs_409602_accesses_at_the_default_budget(void **state)
{
    (void)state;
    struct kd_received received;
    fake.module.options.polls = KD_POLLS_DEFAULT;
    assert_int_equal(kd_channel_uart.open(&fake.module), KD_OK);
    fake.exits = 0;
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(fake.exits, 409602);
}

static void an_unanswered_print_is_repeated_and_abandoned(void **state)
{
    (void)state;
    uart.peer = watch;
    send_print();
    assert_int_equal(frames_seen, RETRIES);
    assert_int_equal(first_id, last_id);
    assert_int_equal(fake.exits, RETRIES * (2 * (17 + 20) + 2 * (POLLS + 1)));
    assert_false(fake.present);
}

static void the_first_leader_makes_the_debugger_present_again(void **state)
{
    (void)state;
    fake.present = false;
    fake_uart_feed((const uint8_t *)"00x0", 4);
    struct kd_received received;
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_false(fake.present); /* bytes are not a leader (kd-protocol.md 2.12 rule 2) */
    uart.peer = acknowledge;
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
    assert_true(fake.present);
}

static void a_slow_line_does_not_eat_into_the_wait_for_the_ack(void **state)
{
    (void)state;
    uart.peer = acknowledge;
    uart.busy_looks = 3;          /* behind each of 257 bytes, */
    uart.silent_left = POLLS - 3; /* and the ACK comes late: still one frame */
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
    assert_int_equal(frames_seen, 1);
}

static void a_line_that_takes_nothing_abandons_a_print(void **state)
{
    (void)state;
    uart.busy_left = UINT32_MAX;
    send_print();
    assert_int_equal(fake.exits, RETRIES * (1 + 2 * POLLS));
    assert_false(fake.present);
}

static void a_line_that_moves_again_carries_the_packet(void **state)
{
    (void)state;
    uart.peer = acknowledge;
    uart.busy_left = 10 * POLLS;
    send(KD_TYPE_STATE_CHANGE64, KD_STATE_EXCEPTION, 0);
    assert_int_equal(frames_seen, 1);
    assert_true(fake.present);
}

static void a_break_in_among_noise_is_left_for_the_kernel(void **state)
{
    (void)state;
    struct kd_received received;
    fake_uart_feed((const uint8_t *)"ab?", 3);
    assert_int_equal(receive(&received), KD_RESEND);
    assert_true(fake.module.control_c);
}

static void a_reset_while_waiting_is_answered_and_resend(void **state)
{
    (void)state;
    struct kd_received received;
    feed_control(KD_TYPE_RESET, 0);
    assert_int_equal(receive(&received), KD_RESEND);
    assert_int_equal(uart.sent_bytes, 16);
    assert_int_equal(uart.sent[4], KD_TYPE_RESET);
}

/* kd-protocol.md 2.9: the window is a tenth of a time-out, and bytes are no part of it. */
static void resets_within_a_tenth_of_a_time_out_are_answered_once(void **state)
{
    enum { WINDOW = POLLS / 10 + 1 };
    static const struct {
        uint32_t looks;
        uint32_t status;
        uint32_t resets_sent;
    } rows[] = {{0, KD_TIMEOUT, 1}, {WINDOW - 1, KD_TIMEOUT, 1}, {WINDOW, KD_RESEND, 2}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kd_received received;
        set_up_open(state);
        feed_control(KD_TYPE_RESET, 0);
        assert_int_equal(receive(&received), KD_RESEND);
        uart.silent_left = rows[i].looks;
        feed_control(KD_TYPE_RESET, 0);
        assert_int_equal(receive(&received), rows[i].status);
        assert_int_equal(uart.sent_bytes, 16 * rows[i].resets_sent);
    }
}

static void a_byte_is_no_tick(void **state)
{
    (void)state;
    struct kd_received received;
    fake_uart_feed((const uint8_t *)"xyz", 3);
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(fake.exits, 3 * 2 + 2 * (POLLS + 1));
}

static void a_line_error_ends_the_wait(void **state)
{
    (void)state;
    struct kd_received received;
    fake_uart_feed((const uint8_t *)"0", 1);
    uart.lsr_errors = 0x08;
    uart.errors_left = 1;
    assert_int_equal(receive(&received), KD_TIMEOUT);
    assert_int_equal(fake.exits, 1);
}

static void a_poll_takes_one_byte_and_only_b_breaks_in(void **state)
{
    (void)state;
    assert_false(kd_channel_uart.poll(&fake.module));
    assert_int_equal(fake.exits, 4);
    fake_uart_feed((const uint8_t *)"abb", 3);
    fake.exits = 0;
    assert_false(kd_channel_uart.poll(&fake.module));
    assert_int_equal(fake.exits, 2);
    assert_true(kd_channel_uart.poll(&fake.module));
    assert_true(kd_channel_uart.poll(&fake.module));
    assert_false(kd_channel_uart.poll(&fake.module));
    assert_int_equal(fake.present_calls, 0);
    assert_int_equal(uart.sent_bytes, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_16550_is_found_and_set_up_in_eighteen_accesses, set_up),
        cmocka_unit_test_setup(ports_and_speeds_are_programmed, set_up),
        cmocka_unit_test_setup(an_absent_port_costs_seven_accesses, set_up),
        cmocka_unit_test_setup(ports_that_read_zero_are_absent, set_up),
        cmocka_unit_test_setup(a_part_without_loopback_is_known_by_its_scratch_register, set_up),
        cmocka_unit_test_setup(a_byte_costs_two_accesses_and_two_more_for_each_failed_look, set_up_open),
        cmocka_unit_test_setup(a_line_error_costs_one_access_and_leaves_the_byte, set_up_open),
        cmocka_unit_test_setup(a_stuck_transmitter_is_given_up_after_the_polls, set_up_open),
        cmocka_unit_test_setup(an_untouched_port_is_saved_in_three_accesses, set_up_open),
        cmocka_unit_test_setup(what_a_driver_changed_is_put_back, set_up_open),
        cmocka_unit_test_setup(power_and_sleep_set_the_port_up_again, set_up_open),
        cmocka_unit_test_setup(a_packet_and_its_ack_cost_what_the_table_says, set_up_open),
        cmocka_unit_test_setup(a_request_is_received_and_acknowledged, set_up_open),
        cmocka_unit_test_setup(a_request_to_the_kernel_before_is_neither_an_ack_nor_delivered, set_up_open),
        cmocka_unit_test_setup(silence_costs_409602_accesses_at_the_default_budget, set_up_open),
        cmocka_unit_test_setup(an_unanswered_print_is_repeated_and_abandoned, set_up_open),
        cmocka_unit_test_setup(the_first_leader_makes_the_debugger_present_again, set_up_open),
        cmocka_unit_test_setup(a_slow_line_does_not_eat_into_the_wait_for_the_ack, set_up_open),
        cmocka_unit_test_setup(a_line_that_takes_nothing_abandons_a_print, set_up_open),
        cmocka_unit_test_setup(a_line_that_moves_again_carries_the_packet, set_up_open),
        cmocka_unit_test_setup(a_break_in_among_noise_is_left_for_the_kernel, set_up_open),
        cmocka_unit_test_setup(a_reset_while_waiting_is_answered_and_resend, set_up_open),
        cmocka_unit_test_setup(resets_within_a_tenth_of_a_time_out_are_answered_once, set_up_open),
        cmocka_unit_test_setup(a_byte_is_no_tick, set_up_open),
        cmocka_unit_test_setup(a_line_error_ends_the_wait, set_up_open),
        cmocka_unit_test_setup(a_poll_takes_one_byte_and_only_b_breaks_in, set_up_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
