/* Goal: the module gets what a call hands it and not a byte more: each one written beside that is reported,
 * with its place, and what the kernel has in memory is not harmed by it. Method: fake_module.h writes one
 * byte at a place of the test's. Source: README.md "What the module is given"; kd-protocol.md 3.2, 3.3
 * rule 4. */
#include "sim/kernel/tests/fake_module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { STRING_BYTES = sizeof(struct kd_string), MAXIMUM = 2 };

/* Boots, announces one module, and reads its name back: a send with data, and a receive. */
static void converse(void)
{
    fake.boot.initial_break = false;
    fake.boot.modules = 1;
    add_range(0x3130, fake.map.pool, 100);
    add_continue2(0x00010002u, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 2);
    assert_string_equal((const char *)packet(0)->data, "\\SystemRoot\\system32\\ntoskrnl.exe");
    assert_reply(1, 0x3130, 0, 100);
}

static void stray_at(enum mk_piece piece, int32_t offset)
{
    fake.stray_piece = piece;
    fake.stray_offset = offset;
}

static void assert_one_stray(enum mk_piece piece, int32_t offset)
{
    assert_int_equal(fake.stray_count, 1);
    assert_int_equal(fake.strays[0].piece, piece);
    assert_int_equal(fake.strays[0].offset, offset);
}

static void a_module_that_keeps_to_its_own_is_not_reported(void **state)
{
    (void)state;
    converse();
    assert_int_equal(fake.stray_count, 0);
}

static void of_the_context_one_byte_is_the_modules(void **state)
{
    (void)state;
    fake.boot.initial_break = false;
    fake.boot.modules = 1;
    fake.control_c_at = 1;
    add_continue2(0x00010002u, false);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(events_of(MK_TRACE_BREAK), 1);
    assert_int_equal(fake.stray_count, 0);
}

/* The first, the last and the next byte of everything in a send, and the one in front of it all. */
static void nothing_of_a_send_is_the_modules_to_write(void **state)
{
    (void)state;
    static const struct {
        enum mk_piece piece;
        int32_t offset;
    } places[] = {
        {MK_PIECE_HEADER_STRING, -1},
        {MK_PIECE_HEADER_STRING, 0},
        {MK_PIECE_HEADER_STRING, STRING_BYTES - 1},
        {MK_PIECE_HEADER_STRING, STRING_BYTES},
        {MK_PIECE_HEADER, 0},
        {MK_PIECE_HEADER, 239},
        {MK_PIECE_HEADER, 240},
        {MK_PIECE_HEADER, 260},
        {MK_PIECE_DATA_STRING, MAXIMUM},
        {MK_PIECE_DATA_STRING, STRING_BYTES},
        {MK_PIECE_DATA, 33},
        {MK_PIECE_DATA, 34},
        {MK_PIECE_CONTEXT, 0},
        {MK_PIECE_CONTEXT, 5},
        {MK_PIECE_CONTEXT, 8},
        {MK_PIECE_CONTEXT, 300},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(fake_teardown(NULL), 0);
        void *again;
        assert_int_equal(fake_setup(&again), 0);
        fake.stray_send = 1;
        stray_at(places[i].piece, places[i].offset);
        converse();
        assert_one_stray(places[i].piece, places[i].offset);
    }
}

/* In whichever word of the guard it lies, and in whichever byte of that. */
static void no_word_behind_the_last_piece_is_overlooked(void **state)
{
    (void)state;
    for (int32_t offset = sizeof(struct kd_context); offset < 200; offset += 9) {
        assert_int_equal(fake_teardown(NULL), 0);
        void *again;
        assert_int_equal(fake_setup(&again), 0);
        fake.stray_send = 1;
        stray_at(MK_PIECE_CONTEXT, offset);
        converse();
        assert_one_stray(MK_PIECE_CONTEXT, offset);
    }
}

/* The lengths it sets in every receive; what else it may write is what there is room for. */
static void a_receive_may_write_what_there_is_room_for(void **state)
{
    (void)state;
    static const struct {
        enum mk_piece piece;
        int32_t offset;
        bool allowed;
    } places[] = {
        {MK_PIECE_HEADER_STRING, MAXIMUM, false},
        {MK_PIECE_HEADER, 55, true},
        {MK_PIECE_HEADER, 56, false},
        {MK_PIECE_DATA_STRING, MAXIMUM, false},
        {MK_PIECE_DATA, 3943, true},
        {MK_PIECE_DATA, 3944, false},
        {MK_PIECE_LENGTH, 4, false},
        {MK_PIECE_CONTEXT, 3, false},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(fake_teardown(NULL), 0);
        void *again;
        assert_int_equal(fake_setup(&again), 0);
        fake.stray_receive = 1;
        stray_at(places[i].piece, places[i].offset);
        converse();
        if (places[i].allowed)
            assert_int_equal(fake.stray_count, 0);
        else
            assert_one_stray(places[i].piece, places[i].offset);
    }
}

/* The zones are whole again after a report: the next call is judged for itself. */
static void a_stray_is_reported_once(void **state)
{
    (void)state;
    fake.stray_send = 1;
    stray_at(MK_PIECE_CONTEXT, 40);
    converse();
    assert_one_stray(MK_PIECE_CONTEXT, 40);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_module_that_keeps_to_its_own_is_not_reported, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(of_the_context_one_byte_is_the_modules, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(nothing_of_a_send_is_the_modules_to_write, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(no_word_behind_the_last_piece_is_overlooked, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(a_receive_may_write_what_there_is_room_for, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(a_stray_is_reported_once, fake_setup, fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
