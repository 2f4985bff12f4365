/* Goal:   the exports keep the kernel's contract (kd-protocol.md 3): channel selection, STRINGs and buffers,
 *         NULL pointers, break-ins, silence without a channel, a small stack.
 * Method: the exports themselves over both channels, with the fake VMware, relay and 16550 behind the ports.
 *         Buffers stand between red zones. */
#include "transport/guest/kd_messages.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/tests/fake_relay.h"
#include "transport/guest/tests/fake_uart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ZONE = 64, ROOM = 4096 };

/* ---- fixture ------------------------------------------------------------------------------------------- */

/* A buffer of the kernel's, with its STRING. */
struct buffer {
    uint8_t before[ZONE];
    uint8_t bytes[ROOM];
    uint8_t after[ZONE];
    struct kd_string string;
};

static struct buffer header, data;
static uint32_t length;
static struct kd_context context;

static void prepare(struct buffer *buffer, uint16_t length_bytes, uint16_t room)
{
    memset(buffer, 0xA5, sizeof *buffer);
    buffer->string =
        (struct kd_string){.Length = length_bytes, .MaximumLength = room, .Buffer = buffer->bytes};
}

static void assert_zones(const struct buffer *buffer, uint32_t written)
{
    for (uint32_t i = 0; i < ZONE; i++) {
        assert_int_equal(buffer->before[i], 0xA5);
        assert_int_equal(buffer->after[i], 0xA5);
    }
    for (uint32_t i = written; i < ROOM; i++)
        assert_int_equal(buffer->bytes[i], 0xA5);
}

static void prepare_receive(uint16_t header_room, uint16_t data_room)
{
    prepare(&header, 0xBEEF, header_room);
    prepare(&data, 0xBEEF, data_room);
    length = 0xBEEF;
}

static uint32_t receive(void)
{
    return KdReceivePacket(KD_TYPE_MANIPULATE, &header.string, &data.string, &length, &context);
}

static uint32_t poll(void)
{
    return KdReceivePacket(KD_TYPE_POLL, NULL, NULL, NULL, NULL);
}

static int set_up(void **state)
{
    (void)state;
    fake_platform_reset();
    fake_relay_reset();
    fake_vmware_reset(fake_relay_rpc);
    fake_uart_reset();
    fake.options = "KDPOLLS=50";
    context = (struct kd_context){.KdpDefaultRetries = 3};
    return 0;
}

static int initialize(void)
{
    uint32_t status = KdDebuggerInitialize0(NULL);
    fake.exits = 0;
    fake.exits_8bit = 0;
    return status != KD_STATUS_SUCCESS;
}

static int set_up_backdoor(void **state)
{
    set_up(state);
    return initialize();
}

static int set_up_uart(void **state)
{
    set_up(state);
    vmware.profile = FAKE_ABSENT_ONES;
    return initialize();
}

static int tear_down(void **state)
{
    (void)state;
    kd_messages_close(&fake.module);
    return vmware.violations > 0;
}

static void send_print(struct kd_context *sender)
{
    prepare(&header, KD_DEBUG_IO_BYTES, 0);
    kd_store_u32(header.bytes, KD_DEBUG_IO_PRINT);
    KdSendPacket(KD_TYPE_DEBUG_IO, &header.string, NULL, sender);
}

/* Makes a debugger's frame arrive, a request of so many data bytes, and answers the next RPC with the
 * same. */
static void debugger_asks(uint32_t data_bytes)
{
    static struct fake_answer answer;
    static uint8_t frame[KD_FRAME_BYTES_MAX]; /* static: it must not count where the stack is measured */
    uint32_t body_bytes = KD_MANIPULATE_BYTES + data_bytes;
    answer = (struct fake_answer){.result = VM_DONE,
                                  .packet_type = KD_TYPE_MANIPULATE,
                                  .header_bytes = KD_MANIPULATE_BYTES,
                                  .data_bytes = (uint16_t)data_bytes};
    relay.script = &answer;
    relay.script_left = 1;
    for (uint32_t i = 0; i < body_bytes; i++)
        frame[KD_FRAME_HEADER_BYTES + i] = fake_relay_byte(i);
    const struct kd_frame_header head = {.leader = KD_LEADER_DATA,
                                         .type = KD_TYPE_MANIPULATE,
                                         .byte_count = (uint16_t)body_bytes,
                                         .id = KD_ID_INITIAL | KD_ID_SYNC, /* of this session (2.15) */
                                         .checksum =
                                             kd_checksum(0, frame + KD_FRAME_HEADER_BYTES, body_bytes)};
    kd_frame_header_store(frame, &head);
    frame[KD_FRAME_HEADER_BYTES + body_bytes] = KD_TRAILER_BYTE;
    fake_uart_feed(frame, KD_FRAME_HEADER_BYTES + body_bytes + 1);
}

/* ---- which channel ------------------------------------------------------------------------------------- */

static void the_backdoor_is_preferred_and_the_uart_left_alone(void **state)
{
    (void)state;
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(fake.exits_8bit, 0);
    assert_string_equal(relay.log, "hello");
}

static void without_a_backdoor_or_relay_the_uart_serves(void **state)
{
    static const enum fake_profile profiles[] = {FAKE_ABSENT_ONES, FAKE_ABSENT_ZERO, FAKE_ABSENT_ECHO,
                                                 FAKE_QEMU, FAKE_VMWARE};
    for (unsigned i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        set_up(state);
        vmware.profile = profiles[i];
        relay.is_absent = true;
        assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
        assert_int_equal(fake.exits_8bit, 18);
        assert_int_equal(fake_vmware_open_channels(), 0);
        fake.exits = 0;
        assert_int_equal(poll(), KD_TIMEOUT);
        assert_int_equal(fake.exits, 4);
    }
}

static void assert_all_calls_are_silent(void)
{
    fake.exits = 0;
    prepare_receive(56, ROOM);
    send_print(&context);
    assert_int_equal(receive(), KD_TIMEOUT);
    assert_int_equal(poll(), KD_TIMEOUT);
    assert_int_equal(KdSave(0), KD_STATUS_SUCCESS);
    assert_int_equal(KdRestore(0), KD_STATUS_SUCCESS);
    assert_int_equal(KdD0Transition(), KD_STATUS_SUCCESS);
    assert_int_equal(KdD3Transition(), KD_STATUS_SUCCESS);
    assert_int_equal(fake.exits, 0);
}

static void without_any_device_the_debugger_is_absent_and_every_call_returns(void **state)
{
    (void)state;
    vmware.profile = FAKE_ABSENT_ONES;
    uart.part = FAKE_NO_UART;
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_NO_SUCH_DEVICE);
    assert_int_equal(fake.exits, 1 + 1 + 7);
    assert_false(fake.present);
    assert_all_calls_are_silent();
}

static void before_initialisation_every_call_returns(void **state)
{
    (void)state;
    assert_all_calls_are_silent();
}

static void options_of_the_first_call_serve_the_later_ones(void **state)
{
    (void)state;
    vmware.profile = FAKE_ABSENT_ONES;
    uart.base = 0x3F8;
    fake.options = "DEBUGPORT=COM1 BAUDRATE=57600 KDPOLLS=7";
    assert_int_equal(KdInitialize(0, NULL, NULL), KD_STATUS_SUCCESS);
    fake.options = NULL; /* as at a bugcheck */
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(uart.dll, 2);
    fake.exits = 0;
    prepare_receive(56, ROOM);
    assert_int_equal(receive(), KD_TIMEOUT);
    assert_int_equal(fake.exits, 2 * (7 + 1));
}

static void later_phases_and_power_calls_touch_nothing_on_the_backdoor(void **state)
{
    (void)state;
    assert_int_equal(KdDebuggerInitialize1(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(KdInitialize(1, NULL, NULL), KD_STATUS_SUCCESS);
    assert_int_equal(KdSave(1), KD_STATUS_SUCCESS);
    assert_int_equal(KdRestore(1), KD_STATUS_SUCCESS);
    assert_int_equal(KdD3Transition(), KD_STATUS_SUCCESS);
    assert_int_equal(KdD0Transition(), KD_STATUS_SUCCESS);
    assert_int_equal(KdSetHiberRange(NULL), KD_STATUS_NOT_SUPPORTED);
    assert_int_equal(KdPower(NULL, NULL), KD_STATUS_NOT_SUPPORTED);
    assert_int_equal(fake.exits, 0);
}

/* ---- buffers ------------------------------------------------------------------------------------------- */

static void assert_received_between_red_zones(uint32_t data_bytes, uint16_t data_room)
{
    debugger_asks(data_bytes);
    prepare_receive(KD_MANIPULATE_BYTES, data_room);
    assert_int_equal(receive(), KD_RECEIVED);
    assert_int_equal(header.string.Length, KD_MANIPULATE_BYTES);
    assert_int_equal(header.string.MaximumLength, KD_MANIPULATE_BYTES);
    assert_int_equal(data.string.Length, data_bytes);
    assert_int_equal(data.string.MaximumLength, data_room);
    assert_int_equal(length, data_bytes);
    for (uint32_t i = 0; i < KD_MANIPULATE_BYTES + data_bytes; i++)
        assert_int_equal(i < 56 ? header.bytes[i] : data.bytes[i - 56], fake_relay_byte(i));
    assert_zones(&header, KD_MANIPULATE_BYTES);
    assert_zones(&data, data_bytes);
}

static void a_received_packet_fills_no_more_than_its_bytes(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {0, 1, 57, 3944};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        set_up_backdoor(state);
        assert_received_between_red_zones(sizes[i], ROOM);
        set_up_backdoor(state);
        assert_received_between_red_zones(sizes[i], sizes[i]); /* room for this and nothing more */
        set_up_uart(state);
        assert_received_between_red_zones(sizes[i], ROOM);
        set_up_uart(state);
        assert_received_between_red_zones(sizes[i], sizes[i]);
    }
}

static void a_packet_over_maximum_length_is_not_delivered(void **state)
{
    set_up_backdoor(state);
    debugger_asks(101);
    prepare_receive(KD_MANIPULATE_BYTES, 100);
    assert_int_equal(receive(), KD_TIMEOUT);
    assert_zones(&data, 0);
    set_up_uart(state);
    debugger_asks(101);
    prepare_receive(KD_MANIPULATE_BYTES, 100);
    assert_int_equal(receive(), KD_RESEND); /* its body became noise, with a 0x62 in it (2.4) */
    assert_zones(&data, 0);
}

/* A kept packet was asked for with more room than the kernel's receive then has. */
static void a_kept_packet_over_maximum_length_is_not_delivered(void **state)
{
    (void)state;
    debugger_asks(500);
    prepare(&header, KD_STATE_CHANGE_BYTES, 0);
    KdSendPacket(KD_TYPE_STATE_CHANGE64, &header.string, NULL, &context);
    prepare_receive(KD_MANIPULATE_BYTES, 499);
    assert_int_equal(receive(), KD_TIMEOUT);
    assert_zones(&data, 0);
}

static void a_receive_without_a_data_string_takes_a_bare_header(void **state)
{
    (void)state;
    debugger_asks(0);
    prepare_receive(KD_MANIPULATE_BYTES, 0);
    assert_int_equal(KdReceivePacket(KD_TYPE_MANIPULATE, &header.string, NULL, NULL, NULL), KD_RECEIVED);
    assert_zones(&header, KD_MANIPULATE_BYTES);
}

static void a_send_changes_no_string_and_no_buffer(void **state)
{
    (void)state;
    struct buffer header_before, data_before;
    prepare(&header, KD_MANIPULATE_BYTES, 0xDEAD); /* MaximumLength means nothing in a send */
    prepare(&data, 3944, 1);
    header_before = header;
    data_before = data;
    KdSendPacket(KD_TYPE_STATE_CHANGE64, &header.string, &data.string, &context);
    assert_memory_equal(&header, &header_before, sizeof header);
    assert_memory_equal(&data, &data_before, sizeof data);
    assert_int_equal(relay.packets, 1);
    assert_int_equal(relay.last.packet.header.len_bytes, KD_MANIPULATE_BYTES);
    assert_int_equal(relay.last.packet.data.len_bytes, 3944);
    assert_int_equal(relay.last.retries, 3);
}

static void empty_and_absent_data_are_the_same(void **state)
{
    (void)state;
    send_print(&context);
    assert_int_equal(relay.last.packet.data.len_bytes, 0);
    prepare(&data, 0, 0);
    data.string.Buffer = NULL;
    KdSendPacket(KD_TYPE_DEBUG_IO, &header.string, &data.string, &context);
    assert_int_equal(relay.packets, 2);
    assert_int_equal(relay.last.packet.data.len_bytes, 0);
}

static void what_is_no_packet_is_dropped_without_an_exit(void **state)
{
    (void)state;
    static const uint32_t types[] = {0,
                                     KD_TYPE_ACK,
                                     KD_TYPE_RESEND,
                                     KD_TYPE_RESET,
                                     KD_TYPE_POLL,
                                     KD_TYPE_MAX,
                                     0x10000 + KD_TYPE_DEBUG_IO,
                                     UINT32_MAX};
    prepare(&header, KD_DEBUG_IO_BYTES, 0);
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        KdSendPacket(types[i], &header.string, NULL, &context);
    prepare(&data, KD_BODY_BYTES_MAX - KD_DEBUG_IO_BYTES + 1, 0);
    KdSendPacket(KD_TYPE_DEBUG_IO, &header.string, &data.string, &context);
    prepare_receive(0, 0);
    assert_int_equal(KdReceivePacket(KD_TYPE_ACK, &header.string, NULL, NULL, &context), KD_TIMEOUT);
    assert_int_equal(fake.exits, 0);
    assert_true(fake.present);
}

static void a_caller_without_context_gets_the_default_retries(void **state)
{
    (void)state;
    send_print(NULL);
    assert_int_equal(relay.last.retries, 20);
    context.KdpDefaultRetries = 0x12345678;
    send_print(&context);
    assert_int_equal(relay.last.retries, UINT16_MAX);
}

/* ---- break-ins ----------------------------------------------------------------------------------------- */

static void script_break_in(void)
{
    static const struct fake_answer answers[] = {{.result = VM_DONE, .flags = VM_REPLY_BREAK_IN}};
    relay.script = answers;
    relay.script_left = 1;
}

static void a_poll_is_all_null_and_sees_a_break_in_once(void **state)
{
    (void)state;
    assert_int_equal(poll(), KD_TIMEOUT);
    script_break_in();
    assert_int_equal(poll(), KD_RECEIVED);
    assert_int_equal(poll(), KD_TIMEOUT);
    assert_int_equal(fake.exits, 2 + 3 * 5); /* and TCLO refused, once */
}

static void a_uart_poll_is_all_null_and_sees_a_break_in_once(void **state)
{
    (void)state;
    assert_int_equal(poll(), KD_TIMEOUT);
    fake_uart_feed((const uint8_t *)"b", 1);
    assert_int_equal(poll(), KD_RECEIVED);
    assert_int_equal(poll(), KD_TIMEOUT);
}

static void a_break_in_during_a_send_sets_control_c(void **state)
{
    (void)state;
    script_break_in();
    send_print(&context);
    assert_int_equal(context.KdpControlCPending, 1);
    context.KdpControlCPending = 0;
    send_print(&context);
    assert_int_equal(context.KdpControlCPending, 0);
    assert_int_equal(poll(), KD_TIMEOUT);
}

static void a_break_in_without_context_waits_for_the_next_poll(void **state)
{
    (void)state;
    script_break_in();
    send_print(NULL);
    fake.exits = 0;
    assert_int_equal(poll(), KD_RECEIVED);
    assert_int_equal(fake.exits, 0);
    assert_int_equal(poll(), KD_TIMEOUT);
}

static void a_break_in_without_context_waits_for_the_next_context(void **state)
{
    (void)state;
    script_break_in();
    send_print(NULL);
    send_print(&context);
    assert_int_equal(context.KdpControlCPending, 1);
    assert_int_equal(poll(), KD_TIMEOUT);
}

static void a_break_in_from_before_initialisation_is_forgotten(void **state)
{
    (void)state;
    script_break_in();
    send_print(NULL);
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    assert_int_equal(poll(), KD_TIMEOUT);
}

static void a_break_in_with_the_hello_of_a_poll_is_reported_by_it(void **state)
{
    (void)state;
    fake_relay_forget();
    relay.hello_flags = VM_REPLY_BREAK_IN;
    assert_int_equal(poll(), KD_RECEIVED);
    assert_string_equal(relay.log, "poll-stale hello poll");
    assert_int_equal(poll(), KD_TIMEOUT);
}

/* ---- the stack ----------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
enum { STACK_IS_OURS = 0 };
#elif defined(__has_feature)
enum { STACK_IS_OURS = !__has_feature(address_sanitizer) };
#else
enum { STACK_IS_OURS = 1 };
#endif

static bool was_skipped;

/* A sanitizer's stack, or an unoptimised one, is not the module's. */
static void skip_unless_stack_is_ours(void)
{
    if (STACK_IS_OURS)
        return;
    print_message("skipped: the stack is measured in optimised builds without sanitizers\n");
    was_skipped = true;
    skip();
}

static uintptr_t stack_used(uintptr_t top)
{
    return top - fake.stack_low;
}

/* From the caller's frame to the frame of a port access: the longest way is a send that has to say hello
 * first. */
static void a_call_needs_less_than_a_kibibyte_of_stack(void **state)
{
    (void)state;
    skip_unless_stack_is_ours();
    uintptr_t top = (uintptr_t)__builtin_frame_address(0);
    fake.stack_low = 0;
    vmware.has_hb = false;
    fake_relay_forget();
    fake_vmware_forget_channels();
    send_print(&context);
    assert_string_equal(relay.log, "send-stale hello send");
    prepare_receive(56, ROOM);
    (void)receive();
    assert_in_range(stack_used(top), 1, 1023);
}

static void a_call_over_the_uart_needs_less_than_a_kibibyte_of_stack(void **state)
{
    (void)state;
    skip_unless_stack_is_ours();
    uintptr_t top = (uintptr_t)__builtin_frame_address(0);
    fake.stack_low = 0;
    send_print(&context);
    debugger_asks(100);
    prepare_receive(56, ROOM);
    assert_int_equal(receive(), KD_RECEIVED);
    assert_in_range(stack_used(top), 1, 1023);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_backdoor_is_preferred_and_the_uart_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_backdoor_or_relay_the_uart_serves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_any_device_the_debugger_is_absent_and_every_call_returns,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(before_initialisation_every_call_returns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_of_the_first_call_serve_the_later_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_phases_and_power_calls_touch_nothing_on_the_backdoor,
                                        set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(a_received_packet_fills_no_more_than_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_over_maximum_length_is_not_delivered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kept_packet_over_maximum_length_is_not_delivered, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_receive_without_a_data_string_takes_a_bare_header, set_up_uart,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_send_changes_no_string_and_no_buffer, set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(empty_and_absent_data_are_the_same, set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_packet_is_dropped_without_an_exit, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_caller_without_context_gets_the_default_retries, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_poll_is_all_null_and_sees_a_break_in_once, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_uart_poll_is_all_null_and_sees_a_break_in_once, set_up_uart,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_during_a_send_sets_control_c, set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_without_context_waits_for_the_next_poll, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_without_context_waits_for_the_next_context,
                                        set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_from_before_initialisation_is_forgotten, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_with_the_hello_of_a_poll_is_reported_by_it,
                                        set_up_backdoor, tear_down),
        cmocka_unit_test_setup_teardown(a_call_needs_less_than_a_kibibyte_of_stack, set_up_backdoor,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_call_over_the_uart_needs_less_than_a_kibibyte_of_stack, set_up_uart,
                                        tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed == 0 && was_skipped && argc > 1 ? 77 : failed;
}
