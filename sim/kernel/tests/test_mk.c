/* Goal: when the kernel calls its module, and what it sends of its own accord: boot, symbol notices, stops,
 * prints, prompts, the world's wishes, the end. Method: mk_main runs on the test's own stack against
 * fake_module.h. Source: kd-protocol.md 2.12, 4.1, 4.6, 5. */
#include "sim/kernel/tests/fake_module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RIP = 0xF8, RSP = 0x98, RCX = 0x80 };
#define CONTINUE_OK      0x00010002u
#define CONTINUE_REFUSED 0x80010001u

static uint64_t read_image_u64(uint64_t pa)
{
    return kd_load_u64(fake.ram + pa);
}

/* ---- boot ---------------------------------------------------------------------------------------------- */

static void boot_without_break(uint32_t modules, uint32_t prints)
{
    fake.boot.initial_break = false;
    fake.boot.modules = modules;
    fake.boot.prints = prints;
}

static const uint8_t *assert_notice(uint32_t index, const struct mk_module *module)
{
    const struct packet *notice = packet(index);
    const uint8_t *header = notice->header;
    assert_int_equal(notice->type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(kd_load_u32(header), KD_STATE_LOAD_SYMBOLS);
    assert_int_equal(kd_load_u32(header + 32), strlen(module->path) + 1);
    assert_int_equal(kd_load_u64(header + 40), module->base);
    assert_int_equal(kd_load_u64(header + 48), UINT64_MAX);
    assert_int_equal(kd_load_u32(header + 56), module->checksum);
    assert_int_equal(kd_load_u32(header + 60), module->size_bytes);
    assert_int_equal(header[64], 0);
    assert_int_equal(notice->data_bytes, strlen(module->path) + 1);
    assert_string_equal((const char *)notice->data, module->path);
    return header;
}

static void boot_announces_modules_then_prints(void **state)
{
    (void)state;
    boot_without_break(2, 2);
    add_continue2(CONTINUE_OK, false);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 4);
    assert_notice(0, &fake.map.modules[0]);
    assert_notice(1, &fake.map.modules[1]);
    assert_string_equal((const char *)packet(0)->data, "\\SystemRoot\\system32\\ntoskrnl.exe");
    assert_print(2, "boot: line 1\n");
    assert_print(3, "boot: line 2\n");
    assert_ptr_equal(fake.loader_block, &fake.boot);
    assert_int_equal(fake.initialize0, 1);
    assert_int_equal(fake.initialize1, 1);
    assert_int_equal(events_of(MK_TRACE_BOOTED), 1);
    assert_int_equal(events_of(MK_TRACE_STOP), 0);
}

static void notice_shows_the_debug_service(void **state)
{
    (void)state;
    boot_without_break(1, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *header = assert_notice(0, &fake.map.modules[0]);
    assert_int_equal(kd_load_u64(header + 24), fake.map.debug_service);
    assert_int_equal(kd_load_u16(header + 212), 16);
    assert_memory_equal(header + 216, "\xCC\xC3", 2);
}

static void notice_goes_on_where_the_debugger_says(void **state)
{
    (void)state;
    boot_without_break(1, 0);
    add_set_register(RIP, fake.map.function + 5); /* an int 3 between functions */
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(3, 0x80000003, fake.map.function + 5);
}

static void more_notices_than_modules_repeat_the_drivers(void **state)
{
    (void)state;
    uint32_t modules = fake.map.module_count;
    boot_without_break(modules + 5, 0);
    for (uint32_t i = 0; i < modules + 5; i++)
        add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_notice(modules, &fake.map.modules[2]);
    assert_notice(modules + 4, &fake.map.modules[2]);
}

static void failed_initialisation_boots_undebugged(void **state)
{
    (void)state;
    boot_without_break(2, 2);
    fake.boot.initial_break = true;
    fake.ticks_max = 5;
    fake.initialize_failures = 1;
    add_command(MK_COMMAND_PROMPT, "anybody? ", 8, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 0);
    assert_int_equal(fake.polls, 0);
    assert_int_equal(fake.saves, 0);
    assert_int_equal(*mk_debugger_not_present(fake.state), 1);
    assert_int_equal(events_of(MK_TRACE_BOOTED), 1);
}

static void abandoned_notice_silences_the_rest(void **state)
{
    (void)state;
    boot_without_break(2, 3);
    fake.ticks_max = 4;
    fake.abandon_from = 1;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 1);
    assert_int_equal(fake.polls, 1 + 4);
}

static void shared_data_follows_presence(void **state)
{
    (void)state;
    uint64_t page = 0;
    boot_without_break(1, 0);
    for (uint64_t pa = 0x100000; pa < fake.map.ram_bytes && page == 0; pa += 4096)
        if (memcmp(fake.ram + pa + 0x30, "C\0:\0\\\0W\0", 8) == 0)
            page = pa;
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.ram[page + 0x2D4], 3);
    fake.abandon_from = 1;
    fake.packet_count = fake.step_next = fake.ticks = 0;
    memset(fake.state, 0, mk_state_bytes());
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.ram[page + 0x2D4], 1);
}

/* ---- stops --------------------------------------------------------------------------------------------- */

static void stop_reports_the_processor(void **state)
{
    (void)state;
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 1);
    const uint8_t *change = assert_exception(0, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u16(change + 4), 6);
    assert_int_equal(kd_load_u16(change + 6), 0);
    assert_int_equal(kd_load_u32(change + 8), 2);
    assert_int_equal(kd_load_u64(change + 16), fake.map.thread[0]);
    assert_int_equal(kd_load_u32(change + 56), 1);
    assert_int_equal(kd_load_u64(change + 64), 0);
    assert_int_equal(kd_load_u32(change + 184), 1);
    assert_int_equal(kd_load_u64(change + 192), 0xFFFF0FF0);
    assert_int_equal(kd_load_u64(change + 200), 0x400);
    assert_int_equal(kd_load_u32(change + 208),
                     0x082); /* interrupts off; the sign of a kernel stack pointer */
    assert_int_equal(kd_load_u16(change + 212), 16);
    assert_int_equal(kd_load_u16(change + 214), 3);
    assert_memory_equal(change + 216, "\xCC\xC3\xCC\xCC", 4);
    assert_memory_equal(change + 232, "\x10\0\x2B\0\x2B\0\x53\0", 8);
}

static void stop_is_saved_sent_served_and_restored(void **state)
{
    (void)state;
    static const enum mk_trace_event expected[] = {
        MK_TRACE_INITIALIZE, MK_TRACE_POLL,    MK_TRACE_BOOTED,  MK_TRACE_STOP, MK_TRACE_SEND,
        MK_TRACE_SENT,       MK_TRACE_RECEIVE, MK_TRACE_SEND,    MK_TRACE_SENT, MK_TRACE_RECEIVE,
        MK_TRACE_SEND,       MK_TRACE_SENT,    MK_TRACE_RECEIVE, MK_TRACE_RUN};
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.saves, 1);
    assert_int_equal(fake.restores, 1);
    assert_int_equal(fake.event_count, sizeof expected / sizeof expected[0]);
    for (uint32_t i = 0; i < fake.event_count; i++)
        assert_int_equal(fake.events[i].event, expected[i]);
}

static void resend_repeats_the_state_change_to_the_byte(void **state)
{
    (void)state;
    boot_without_break(1, 0);
    add_status(KD_TIMEOUT);
    add_request(0x3146);
    add_status(KD_RESEND);
    add_status(KD_TIMEOUT);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 3);
    assert_memory_equal(packet(0)->header, packet(2)->header, KD_STATE_CHANGE_BYTES);
    assert_int_equal(packet(0)->data_bytes, packet(2)->data_bytes);
    assert_memory_equal(packet(0)->data, packet(2)->data, packet(0)->data_bytes);
}

static void int3_hits_again_unless_the_debugger_moves_over_it(void **state)
{
    (void)state;
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 2);
    assert_exception(1, 0x80000003, fake.map.break_instruction);
}

static void break_comes_back_to_where_it_interrupted(void **state)
{
    (void)state;
    fake.boot.steps_per_tick = 0;
    fake.ticks_max = 1;
    fake.poll_wish = 2;
    add_go();
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    assert_exception(3, 0x80000003, fake.map.break_instruction);
    assert_int_equal(fake.packet_count, 6);
    const uint8_t *first = packet(1)->data, *second = packet(4)->data;
    assert_int_equal(kd_load_u64(first + RSP), kd_load_u64(second + RSP));
    assert_int_equal(kd_load_u32(first + RCX), 1);
    assert_int_equal(kd_load_u32(second + RCX), 1);
}

static void wish_on_the_wire_breaks_at_the_next_tick(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 10;
    fake.poll_wish = 1 + 3;
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.ticks, 3);
    assert_int_equal(events_of(MK_TRACE_BREAK), 1);
    assert_int_equal(fake.events[fake.event_count - 4].event, MK_TRACE_BREAK);
    assert_int_equal(fake.events[fake.event_count - 4].status, 0);
}

static void control_c_comes_before_the_wire(void **state)
{
    (void)state;
    fake.control_c_at = 1;
    fake.ticks_max = 3;
    add_go();
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    assert_exception(3, 0x80000003, fake.map.break_instruction);
    assert_int_equal(fake.packet_count, 6);
    uint32_t wish = 0;
    while (fake.events[wish].event != MK_TRACE_BREAK)
        wish++;
    assert_int_equal(fake.events[wish].status, 1);
    assert_int_equal(events_of(MK_TRACE_BREAK), 1);
    assert_int_equal(fake.polls, 1 + 2); /* at boot, and at the ticks that did not break */
}

static void lost_debugger_counts_as_continue(void **state)
{
    (void)state;
    fake.abandon_from = 1;
    fake.ticks_max = 2;
    fake.boot.steps_per_tick = 0;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(events_of(MK_TRACE_RECEIVE), 0);
    assert_int_equal(events_of(MK_TRACE_STOP), events_of(MK_TRACE_RUN));
}

static void unhandled_exception_comes_twice_then_crashes(void **state)
{
    (void)state;
    add_go();
    add_continue2(CONTINUE_REFUSED, false);
    add_continue2(CONTINUE_REFUSED, false);
    add_request(0x3132);
    add_continue2(CONTINUE_OK, false);
    add_request(0x3132);
    add_continue2(CONTINUE_OK, false);
    fake.ticks_max = 5;
    fake.boot.steps_per_tick = 0;
    add_command(MK_COMMAND_EXCEPTION, "", 0, 0xC0000094);
    assert_int_equal(fake_run(), END_RESET);
    const uint8_t *first = assert_exception(3, 0xC0000094, fake.map.loop);
    const uint8_t *second = assert_exception(4, 0xC0000094, fake.map.loop);
    assert_int_equal(kd_load_u32(first + 184), 1);
    assert_int_equal(kd_load_u32(second + 184), 0);
    char fatal[160];
    snprintf(fatal, sizeof fatal,
             "\n*** Fatal System Error: 0x0000001E\n                       (0x00000000C0000094,0x%016llX,"
             "0x0000000000000000,0x0000000000000000)\n\n",
             (unsigned long long)fake.map.loop);
    assert_print(5, fatal);
    assert_exception(6, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u64(packet(7)->data + RCX), 3);
    assert_exception(8, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u64(packet(9)->data + RCX), 4);
    assert_int_equal(fake.packet_count, 10);
}

static void handled_exception_goes_on(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 3;
    add_command(MK_COMMAND_EXCEPTION, "", 0, 0xC0000420);
    add_continue2(0x00010001, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 1);
}

static void crash_with_debugging_off_tries_once_more(void **state)
{
    (void)state;
    fake.initialize_failures = 1;
    fake.ticks_max = 1;
    add_command(MK_COMMAND_EXCEPTION, "", 0, 0xC0000094);
    add_continue2(CONTINUE_OK, false);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_RESET);
    assert_int_equal(fake.initialize0, 2);
    assert_null(fake.loader_block);
    assert_int_equal(fake.packet_count, 3);
    assert_int_equal(packet(0)->type, KD_TYPE_DEBUG_IO);
    assert_exception(1, 0x80000003, fake.map.break_instruction);
    assert_exception(2, 0x80000003, fake.map.break_instruction);
}

static void crash_without_a_debugger_resets(void **state)
{
    (void)state;
    fake.initialize_failures = 2;
    fake.ticks_max = 1;
    add_command(MK_COMMAND_EXCEPTION, "", 0, 0xC0000094);
    assert_int_equal(fake_run(), END_RESET);
    assert_int_equal(fake.packet_count, 0);
}

static void crash_request_breaks_once_and_resets(void **state)
{
    (void)state;
    add_request(0x3149);
    add_request(0x3132);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_RESET);
    assert_int_equal(fake.packet_count, 3);
    assert_exception(1, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u64(packet(2)->data + RCX), 4);
}

static void crash_while_crashing_resets(void **state)
{
    (void)state;
    add_request(0x3149);
    add_request(0x3149);
    assert_int_equal(fake_run(), END_RESET);
    assert_int_equal(fake.packet_count, 2);
}

static void reboot_request_has_no_reply(void **state)
{
    (void)state;
    add_request(0x313B);
    assert_int_equal(fake_run(), END_RESET);
    assert_int_equal(fake.packet_count, 1);
}

static void old_continue_resumes(void **state)
{
    (void)state;
    add_skip_break();
    add_request(0x3136); /* status 0: what one client sends */
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 3);
}

static void switched_processor_reports_itself(void **state)
{
    (void)state;
    struct step *step = add_request(0x3150);
    kd_store_u16(step->header + 6, 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 2);
    const uint8_t *change = assert_exception(1, 0x80000007, fake.map.loop);
    assert_int_equal(kd_load_u16(change + 6), 1);
    assert_int_equal(kd_load_u64(change + 16), fake.map.thread[1]);
}

static void switch_to_no_processor_repeats_the_stop(void **state)
{
    (void)state;
    kd_store_u16(add_request(0x3150)->header + 6, 0);
    kd_store_u16(add_request(0x3150)->header + 6, 7);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 3);
    assert_memory_equal(packet(0)->header, packet(1)->header, KD_STATE_CHANGE_BYTES);
    assert_memory_equal(packet(0)->header, packet(2)->header, KD_STATE_CHANGE_BYTES);
}

static void switched_processor_can_be_stepped(void **state)
{
    (void)state;
    add_skip_break();
    kd_store_u16(add_request(0x3150)->header + 6, 1);
    add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 5);
    const uint8_t *change = assert_exception(4, 0x80000004, fake.map.loop + 1);
    assert_int_equal(kd_load_u16(change + 6), 1);
}

/* ---- prints and prompts -------------------------------------------------------------------------------- */

static void ordered_prints_are_numbered(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    add_command(MK_COMMAND_PRINT, "hello", 12, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 12);
    assert_print(0, "hello 1\n");
    assert_print(11, "hello 12\n");
    assert_int_equal(kd_load_u16(packet(0)->header + 4), 6);
    assert_int_equal(fake.polls, 1 + 1 + 12);
}

static void long_print_is_cut_at_512(void **state)
{
    (void)state;
    char text[MK_TEXT_BYTES];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    boot_without_break(0, 0);
    fake.ticks_max = 2;
    add_command(MK_COMMAND_PRINT, text, 1, 0);
    add_command(MK_COMMAND_PRINT, text + 10, 1, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(packet(0)->data_bytes, 512);
    assert_int_equal(kd_load_u32(packet(0)->header + 8), 512);
    assert_memory_equal(packet(0)->data + 509, "xx ", 3);
    assert_int_equal(packet(1)->data_bytes, 504);
    assert_memory_equal(packet(1)->data + 499, "xx 1\n", 5);
}

static void prints_come_with_the_tick(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 9;
    fake.boot.ticks_per_print = 4;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 2);
    assert_print(1, "tick: line 2\n");
}

static void wish_seen_after_a_print_breaks_at_once(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    fake.poll_wish = 4;
    add_command(MK_COMMAND_PRINT, "line", 3, 0);
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    assert_print(1, "line 2\n");
    assert_exception(2, 0x80000003, fake.map.break_instruction);
    assert_print(5, "line 3\n");
}

static void prompt_waits_is_repeated_and_answered(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    add_command(MK_COMMAND_PROMPT, "Break, Ignore (bi)? ", 2, 0);
    add_status(KD_TIMEOUT)->type = KD_TYPE_DEBUG_IO;
    add_status(KD_RESEND)->type = KD_TYPE_DEBUG_IO;
    struct step *answer = add_data(add_status(KD_RECEIVED), "ignore", 6); /* longer than there is room */
    answer->type = KD_TYPE_DEBUG_IO;
    answer->header_bytes = KD_DEBUG_IO_BYTES;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 2);
    /* S23's body */
    static const uint8_t header[16] = {0x31, 0x32, 0, 0, 6, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(packet(i)->type, KD_TYPE_DEBUG_IO);
        assert_memory_equal(packet(i)->header, header, sizeof header);
        assert_int_equal(packet(i)->data_bytes, 20);
        assert_memory_equal(packet(i)->data, "Break, Ignore (bi)? ", 20);
    }
}

static void prompt_without_a_debugger_is_given_up(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    fake.abandon_from = 1;
    add_command(MK_COMMAND_PROMPT, "anybody? ", 2, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 1);
}

/* ---- the world's other wishes -------------------------------------------------------------------------- */

static void ordered_notices_are_drivers(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    add_command(MK_COMMAND_LOAD, "", 2, 0);
    add_continue2(CONTINUE_OK, false);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_notice(0, &fake.map.modules[2]);
    assert_notice(1, &fake.map.modules[3]);
}

/* S25's shape: unload, base -1, no path. */
static void assert_shutdown_notice(uint32_t index)
{
    const struct packet *notice = packet(index);
    static const uint8_t fields[33] = {0,    0,    0,    0,    0,    0, 0, 0, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0,    0,    0,
                                       0,    0,    0,    0,    0,    0, 0, 0, 0,    0,    1};
    assert_int_equal(notice->type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(kd_load_u32(notice->header), KD_STATE_LOAD_SYMBOLS);
    assert_memory_equal(notice->header + 32, fields, sizeof fields);
    assert_int_equal(notice->data_bytes, 0);
}

static void reboot_and_power_off_say_goodbye(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 1;
    add_command(MK_COMMAND_POWER_OFF, "", 0, 0);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_POWER_OFF);
    assert_int_equal(fake.packet_count, 1);
    assert_shutdown_notice(0);
    fake.commands[0].kind = MK_COMMAND_RESET;
    fake.packet_count = fake.step_next = fake.ticks = fake.command_next = 0;
    memset(fake.state, 0, mk_state_bytes());
    assert_int_equal(fake_run(), END_RESET);
    assert_shutdown_notice(0);
}

static void sleep_is_announced_and_ended(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 5;
    add_command(MK_COMMAND_SLEEP, "", 3, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_string_equal(fake.sleep, "s3...0r");
    assert_int_equal(fake.packet_count, 0);
}

static void kd_is_initialised_again_on_demand(void **state)
{
    (void)state;
    boot_without_break(0, 0);
    fake.ticks_max = 2;
    add_command(MK_COMMAND_INITIALIZE, "", 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.initialize0, 2);
    assert_int_equal(fake.initialize1, 2);
}

static void bugcheck_data_holds_the_code(void **state)
{
    (void)state;
    uint64_t found = 0;
    add_request(0x3149);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint64_t pa = 0x100000; pa < 0x200000; pa += 8)
        found += read_image_u64(pa) == 0xE2;
    assert_int_equal(found, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(boot_announces_modules_then_prints, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(notice_shows_the_debug_service, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(notice_goes_on_where_the_debugger_says, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(more_notices_than_modules_repeat_the_drivers, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(failed_initialisation_boots_undebugged, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(abandoned_notice_silences_the_rest, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(shared_data_follows_presence, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(stop_reports_the_processor, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(stop_is_saved_sent_served_and_restored, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(resend_repeats_the_state_change_to_the_byte, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(int3_hits_again_unless_the_debugger_moves_over_it, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(break_comes_back_to_where_it_interrupted, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(wish_on_the_wire_breaks_at_the_next_tick, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(control_c_comes_before_the_wire, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(lost_debugger_counts_as_continue, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(unhandled_exception_comes_twice_then_crashes, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(handled_exception_goes_on, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(crash_with_debugging_off_tries_once_more, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(crash_without_a_debugger_resets, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(crash_request_breaks_once_and_resets, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(crash_while_crashing_resets, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(reboot_request_has_no_reply, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(old_continue_resumes, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(switched_processor_reports_itself, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(switch_to_no_processor_repeats_the_stop, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(switched_processor_can_be_stepped, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(ordered_prints_are_numbered, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(long_print_is_cut_at_512, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(prints_come_with_the_tick, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(wish_seen_after_a_print_breaks_at_once, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(prompt_waits_is_repeated_and_answered, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(prompt_without_a_debugger_is_given_up, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(ordered_notices_are_drivers, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(reboot_and_power_off_say_goodbye, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(sleep_is_announced_and_ended, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(kd_is_initialised_again_on_demand, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(bugcheck_data_holds_the_code, fake_setup, fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
