/* Goal: what the kernel says of its own accord beside stops, prints and prompts: files it asks for, command
 * strings, trace I/O, control requests (kd-protocol.md 4.1, 4.7, 4.8); and that all processors run. Method:
 * the script of fake_module.h, packets by the offsets of the document. */
#include "sim/kernel/tests/fake_module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum {
    CONTINUE_OK = 0x00010002,
    FILE_STATUS = 4,
    FILE_NEW_HANDLE = 32,
    FILE_SIZE = 40,
    HANDLE = 0x77,
    FILE_MAX = 3936
};
enum { CREATE = 0x3430, READ, WRITE, CLOSE };

static void one_wish(enum mk_command_kind kind, const char *text, uint32_t count, uint32_t code)
{
    fake.boot.initial_break = false;
    fake.boot.modules = 0;
    fake.boot.prints = 0;
    fake.ticks_max = 1;
    add_command(kind, text, count, code);
}

/* The debugger's answer to a file request. */
static struct step *add_answer(uint32_t api, uint32_t status, uint32_t data_bytes)
{
    struct step *step = add_status(KD_RECEIVED);
    step->type = KD_TYPE_FILE_IO;
    step->header_bytes = KD_FILE_IO_BYTES;
    step->data_bytes = data_bytes;
    for (uint32_t i = 0; i < data_bytes; i++)
        step->data[i] = (uint8_t)(3 * i + api);
    kd_store_u32(step->header, api);
    kd_store_u32(step->header + FILE_STATUS, status);
    return step;
}

static void add_opened(uint64_t size)
{
    struct step *step = add_answer(CREATE, 0, 0);
    kd_store_u64(step->header + FILE_NEW_HANDLE, HANDLE);
    kd_store_u64(step->header + FILE_SIZE, size);
}

static void add_written(uint32_t bytes)
{
    kd_store_u32(add_answer(WRITE, 0, 0)->header + 24, bytes);
}

static const struct packet *assert_file(uint32_t index, uint32_t api, uint32_t offset, uint32_t length)
{
    const struct packet *request = packet(index);
    assert_int_equal(request->type, KD_TYPE_FILE_IO);
    assert_int_equal(request->header_bytes, KD_FILE_IO_BYTES);
    assert_int_equal(kd_load_u32(request->header), api);
    if (api == CREATE)
        return request;
    assert_int_equal(kd_load_u64(request->header + 8), HANDLE);
    assert_int_equal(kd_load_u64(request->header + 16), offset);
    assert_int_equal(kd_load_u32(request->header + 24), length);
    return request;
}

static const uint8_t *pool(uint64_t offset)
{
    return fake.ram + fake.map.pool_pa + offset;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static void a_file_is_opened_read_and_closed(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "\\x.sys", 0, 0);
    add_opened(FILE_MAX + 10);
    add_answer(READ, 0, FILE_MAX);
    add_answer(READ, 0, 10);
    add_answer(CLOSE, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    static const uint8_t create[] = {0x80, 0, 0x10, 0x80, 0, 0, 0,    0, 1, 0,
                                     0,    0, 1,    0,    0, 0, 0x60, 0, 0, 0}; /* F08 */
    assert_memory_equal(assert_file(0, CREATE, 0, 0)->header + 8, create, sizeof create);
    assert_int_equal(packet(0)->data_bytes, 12);
    assert_memory_equal(packet(0)->data, "\\\0x\0.\0s\0y\0s\0", 12);
    assert_file(1, READ, 0, FILE_MAX);
    assert_file(2, READ, FILE_MAX, 10);
    assert_file(3, CLOSE, 0, 0);
    assert_print(4, "file: 0x00000F6A bytes, status 0x00000000\n");
    assert_int_equal(*pool(5), (uint8_t)(15 + READ));
    assert_int_equal(*pool(FILE_MAX + 9), (uint8_t)(27 + READ));
    assert_int_equal(fake.saves, fake.restores);
}

static void a_file_is_written_in_packets(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_WRITE, "out", FILE_MAX + 1, 0);
    add_opened(0);
    add_written(FILE_MAX);
    add_written(1);
    add_answer(CLOSE, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(kd_load_u32(assert_file(0, CREATE, 0, 0)->header + 8), 0x40100080);
    assert_int_equal(kd_load_u32(packet(0)->header + 20), 5);
    assert_memory_equal(assert_file(1, WRITE, 0, FILE_MAX)->data, pool(0), FILE_MAX);
    assert_int_equal(packet(1)->data_bytes, FILE_MAX);
    assert_memory_equal(assert_file(2, WRITE, FILE_MAX, 1)->data, pool(FILE_MAX), 1);
    assert_print(4, "file: 0x00000F61 bytes, status 0x00000000\n");
}

static void a_refused_file_is_not_asked_for_again(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "x", 0, 0);
    add_answer(CREATE, 0xC000000F, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_print(1, "file: 0x00000000 bytes, status 0xC000000F\n");
    assert_int_equal(fake.packet_count, 2);
}

static void a_read_that_fails_or_brings_nothing_ends_with_close(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "x", 0, 0);
    add_command(MK_COMMAND_FILE_READ, "x", 0, 0);
    fake.ticks_max = 2;
    add_opened(100);
    add_answer(READ, 0xC0000011, 0);
    add_answer(CLOSE, 0, 0);
    add_opened(100);
    add_answer(READ, 0, 0);
    add_answer(CLOSE, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_file(2, CLOSE, 0, 0);
    assert_print(3, "file: 0x00000000 bytes, status 0xC0000011\n");
    assert_file(6, CLOSE, 0, 0);
    assert_print(7, "file: 0x00000000 bytes, status 0x00000000\n");
}

/* More than was asked for, and a file larger than its place. */
static void an_answer_is_not_trusted(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "x", 0, 0);
    uint8_t behind = *pool(4);
    add_opened(4);
    add_answer(READ, 0, 100);
    add_answer(CLOSE, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_print(3, "file: 0x00000004 bytes, status 0x00000000\n");
    assert_int_equal(*pool(4), behind);
}

static void an_answer_to_something_else_is_a_failure(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "x", 0, 0);
    add_answer(READ, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_print(1, "file: 0x00000000 bytes, status 0xC0000001\n");
}

static void a_question_is_repeated_to_the_byte_when_asked_to(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_WRITE, "x", 3, 0);
    add_opened(0);
    add_status(KD_TIMEOUT)->type = KD_TYPE_FILE_IO;
    add_status(KD_RESEND)->type = KD_TYPE_FILE_IO;
    add_written(3);
    add_answer(CLOSE, 0, 0);
    assert_int_equal(fake_run(), END_TICKS);
    assert_memory_equal(assert_file(1, WRITE, 0, 3)->data, pool(0), 3);
    assert_memory_equal(assert_file(2, WRITE, 0, 3)->data, pool(0), 3);
    assert_memory_equal(packet(1)->header, packet(2)->header, KD_FILE_IO_BYTES);
    assert_file(3, CLOSE, 0, 0);
}

static void a_file_without_a_debugger_is_given_up(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_FILE_READ, "x", 0, 0);
    add_command(MK_COMMAND_FILE_READ, "x", 0, 0);
    fake.ticks_max = 2;
    fake.abandon_from = 1;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 1);
    assert_int_equal(fake.saves, fake.restores);
}

/* ---- command strings, trace I/O, control requests ------------------------------------------------------ */

static void a_command_string_is_a_stop(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_STRING, "", 9, 0);
    memcpy(fake.commands[0].text, "drv\0.dbg", 9);
    add_request(0x3146);
    add_status(KD_RESEND);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    for (uint32_t i = 0; i <= 2; i += 2) {
        assert_int_equal(packet(i)->type, KD_TYPE_STATE_CHANGE64);
        assert_int_equal(kd_load_u32(packet(i)->header), KD_STATE_COMMAND_STRING);
        assert_int_equal(packet(i)->data_bytes, 9);
        assert_memory_equal(packet(i)->data, "drv\0.dbg", 9);
    }
    assert_reply(1, 0x3146, 0, 0);
    assert_int_equal(fake.packet_count, 3);
    assert_int_equal(kd_load_u64(packet(0)->header + 24), fake.map.debug_service);
}

static void trace_is_sent_and_not_waited_for(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_TRACE, "a trace", 7, 0);
    assert_int_equal(fake_run(), END_TICKS);
    static const uint8_t header[KD_TRACE_IO_BYTES] = {0x30, 0x33, 0, 0, 6, 0, 0, 0, 7};
    assert_int_equal(fake.packet_count, 1);
    assert_int_equal(packet(0)->type, KD_TYPE_TRACE_IO);
    assert_int_equal(packet(0)->header_bytes, sizeof header);
    assert_memory_equal(packet(0)->header, header, sizeof header);
    assert_int_equal(packet(0)->data_bytes, 7);
    assert_memory_equal(packet(0)->data, "a trace", 7);
}

static void control_request_is_sent_and_not_waited_for(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_CONTROL, "", 5, 0x4301);
    assert_int_equal(fake_run(), END_TICKS);
    static const uint8_t header[KD_CONTROL_REQUEST_BYTES] = {0x01, 0x43, 0, 0, 5};
    assert_int_equal(fake.packet_count, 1);
    assert_int_equal(packet(0)->type, KD_TYPE_CONTROL_REQUEST);
    assert_int_equal(packet(0)->header_bytes, sizeof header);
    assert_memory_equal(packet(0)->header, header, sizeof header);
    assert_int_equal(packet(0)->data_bytes, 0);
}

/* None of them can be abandoned, or it would be waited for without an end (2.6, 2.12 rule 1). */
static void with_nobody_there_they_are_skipped(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_PRINT, "anybody", 1, 0);
    add_command(MK_COMMAND_TRACE, "t", 1, 0);
    add_command(MK_COMMAND_CONTROL, "", 5, 0x4300);
    add_command(MK_COMMAND_STRING, "s", 1, 0);
    fake.ticks_max = 4;
    fake.abandon_from = 1;
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 1);
}

static void an_answer_that_is_told_is_cut_to_the_room(void **state)
{
    (void)state;
    one_wish(MK_COMMAND_PROMPT, "? ", 3, 1);
    struct step *answer = add_data(add_status(KD_RECEIVED), "ignore", 6);
    answer->type = KD_TYPE_DEBUG_IO;
    answer->header_bytes = KD_DEBUG_IO_BYTES;
    assert_int_equal(fake_run(), END_TICKS);
    assert_print(1, "answer: ign\n");
}

/* ---- processors ---------------------------------------------------------------------------------------- */

/* One step in a tick: at the second tick the other processor stands one instruction further. */
static void every_processor_runs(void **state)
{
    (void)state;
    fake.ticks_max = 2;
    fake.boot.steps_per_tick = 1;
    add_go(); /* from the first stop */
    fake.poll_wish = 3;
    kd_store_u16(add_request(0x3150)->header + 6, 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(3, 0x80000003, fake.map.break_instruction);
    const uint8_t *second = assert_exception(4, 0x80000007, fake.map.loop + 1);
    assert_int_equal(kd_load_u16(second + 6), 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_opened_read_and_closed, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_written_in_packets, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(a_refused_file_is_not_asked_for_again, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(a_read_that_fails_or_brings_nothing_ends_with_close, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_not_trusted, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(an_answer_to_something_else_is_a_failure, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(a_question_is_repeated_to_the_byte_when_asked_to, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(a_file_without_a_debugger_is_given_up, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(a_command_string_is_a_stop, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(trace_is_sent_and_not_waited_for, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(control_request_is_sent_and_not_waited_for, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(with_nobody_there_they_are_skipped, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_told_is_cut_to_the_room, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(every_processor_runs, fake_setup, fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
