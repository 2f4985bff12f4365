/* Goal: what runs is the image's own bytes, instruction by instruction, as a real processor would run them:
 * single steps, breakpoints hit, hit again and removed, faults, and a stack that unwinds. Method: the script
 * of fake_module.h; arithmetic flags are compared with those of the processor under the test. Source:
 * kd-protocol.md 4.1 note 2, 4.4 rules 5 to 7, 5.5. */
#include "sim/kernel/tests/fake_module.h"
#include "sim/kernel/tests/image_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RIP = 0xF8, RSP = 0x98, RAX = 0x78, RBX = 0x90, EFLAGS = 0x44, ARITHMETIC_FLAGS = 0x8D5 };
#define CONTINUE_OK      0x00010002u
#define ACCESS_VIOLATION 0xC0000005u

/* From the initial break to pc, one step on. Packet 3 is what came of it. */
static void add_step_at(uint64_t pc)
{
    add_set_register(RIP, pc);
    add_continue2(CONTINUE_OK, true);
}

static struct image image(void)
{
    return (struct image){fake.ram, fake.map.ram_bytes, fake.map.directory_table_pa, 8};
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void steps_follow_the_loop(void **state)
{
    (void)state;
    const uint64_t loop = fake.map.loop, function = fake.map.function;
    /* nop; inc rax; call { inc rcx; nop; ret }; inc rbx; nop; jmp */
    const uint64_t path[] = {loop + 1, loop + 4,  function,  function + 3, function + 4,
                             loop + 9, loop + 12, loop + 13, loop,         loop + 1};
    enum { COUNT = sizeof path / sizeof path[0] };
    add_step_at(loop);
    for (uint32_t i = 1; i < COUNT; i++)
        add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.map.loop_bytes, 15);
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint8_t *change = assert_exception(3 + i, 0x80000004, path[i]);
        assert_int_equal(kd_load_u64(change + 192), 0xFFFF4FF0); /* Dr6: single step */
        assert_int_equal(kd_load_u32(change + 56), 0);
        assert_int_equal(kd_load_u32(change + 208) & 0x100, 0);
    }
    assert_int_equal(fake.ticks, 0); /* a step does not wait for a tick */
}

static void go_after_steps_runs(void **state)
{
    (void)state;
    fake.ticks_max = 3;
    add_step_at(fake.map.loop);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 4);
}

static void loop_counts_while_it_runs(void **state)
{
    (void)state;
    fake.boot.steps_per_tick = 9; /* once round */
    fake.ticks_max = 10;
    fake.poll_wish = 2 + 5;
    add_set_register(RIP, fake.map.loop);
    add_continue2(CONTINUE_OK, false);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    /* five ticks, and the budget of the break that the debugger turned into a run: 6 of the loop's steps */
    assert_int_equal(kd_load_u64(packet(4)->data + RAX), 6);
    assert_int_equal(kd_load_u64(packet(4)->data + RBX), 6 - 1 + 0);
}

static void step_in_a_symbol_notice_ends_behind_it(void **state)
{
    (void)state;
    fake.boot.initial_break = false;
    fake.boot.modules = 1;
    add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(1, 0x80000004, fake.map.loop);
}

/* ---- breakpoints --------------------------------------------------------------------------------------- */

static void breakpoint_is_hit_and_taken_out(void **state)
{
    (void)state;
    add_range(0x3134, fake.map.function, 0);
    add_go();
    add_range(0x3130, fake.map.function, 1);
    add_range(0x3135, 1, 0);
    fake.ticks_max = 5;
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(4, 0x80000003, fake.map.function);
    assert_memory_equal(change + 216, "\x48\xFF\xC1\x90\xC3", 5); /* original code */
    assert_int_equal(packet(5)->data[0], 0x48);
    assert_reply(6, 0x3135, 0xC0000001, 0); /* the handle went with it */
}

/* The 16 bytes that a state change shows are cleaned, and no more (4.1 note 2). */
static void breakpoints_near_the_stop_are_taken_out(void **state)
{
    (void)state;
    fake.ticks_max = 5;
    const uint64_t at = fake.map.function;
    add_range(0x3134, at, 0);
    add_range(0x3134, at + 15, 0);
    add_range(0x3134, at + 16, 0);
    add_range(0x3134, at - 1, 0);
    add_go();
    add_range(0x3135, 2, 0);
    add_range(0x3135, 3, 0);
    add_range(0x3135, 4, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(7, 0x80000003, at);
    assert_reply(8, 0x3135, 0xC0000001, 0);
    assert_reply(9, 0x3135, 0, 0);
    assert_reply(10, 0x3135, 0, 0);
}

/* Step off it with the byte removed, put it back, go (5.5 rule 3). */
static void breakpoint_is_hit_again(void **state)
{
    (void)state;
    fake.ticks_max = 50;
    add_range(0x3134, fake.map.function, 0);
    add_go();
    for (uint32_t i = 0; i < 3; i++) {
        add_continue2(CONTINUE_OK, true);
        add_range(0x3134, fake.map.function, 0);
        add_continue2(CONTINUE_OK, false);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 3; i++) {
        assert_exception(4 + 3 * i, 0x80000003, fake.map.function);
        assert_exception(5 + 3 * i, 0x80000004, fake.map.function + 3);
        assert_reply(6 + 3 * i, 0x3134, 0, 0);
    }
    assert_exception(13, 0x80000003, fake.map.function);
}

static void removed_breakpoint_is_not_hit(void **state)
{
    (void)state;
    fake.ticks_max = 20;
    add_range(0x3134, fake.map.function, 0);
    add_range(0x3135, 1, 0);
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    assert_int_equal(fake.packet_count, 5);
}

/* Dr0 by WriteControlSpace, Dr7 by Continue2: a stop before the instruction, which then runs, until the next time
 * around. Data breakpoints and disabled ones stop nobody. */
static void debug_register_stops_before_the_instruction(void **state)
{
    (void)state;
    enum { CR3 = 0x10, DR7 = 0x48, DR7_ON = 0x403 };
    uint8_t special[0x50] = {0};
    fake.ticks_max = 50;
    for (uint32_t i = 0; i < 4; i++)
        kd_store_u64(special + 0x20 + 8 * i, fake.map.function);
    kd_store_u64(special + CR3, fake.map.directory_table_pa);
    kd_store_u64(special + DR7, 0x400);
    add_write(0x3138, 2, special, sizeof special);
    add_skip_break();
    for (uint32_t i = 0; i < 3; i++) {
        add_continue2(CONTINUE_OK, false);
        /* of four registers on the function: the first, then the first for stores and the second, then none */
        static const uint32_t enabled[] = {DR7_ON, 0x1040C | 1, 0x400};
        kd_store_u64(in_union(&fake.steps[fake.step_count - 1], 8), enabled[i]);
    }
    assert_int_equal(fake_run(), END_TICKS);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *change = assert_exception(4 + i, 0x80000004, fake.map.function);
        assert_int_equal(kd_load_u64(change + 192), 0xFFFF0FF0 | 1u << i);
        assert_true((kd_load_u32(change + 208) & 0x10000) != 0);
        assert_memory_equal(change + 216, "\x48\xFF\xC1", 3); /* nothing is written into the code */
    }
    assert_int_equal(fake.packet_count, 6);
}

static void written_int3_is_hit_like_a_breakpoint(void **state)
{
    (void)state;
    fake.ticks_max = 20;
    add_write(0x3131, fake.map.function, "\xCC", 1);
    add_go();
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(4, 0x80000003, fake.map.function);
    assert_int_equal(change[216], 0xCC); /* not ours: shown, and left */
}

/* The page appears when the debugger sets the present bit through the tables' own mapping. */
static void deferred_breakpoint_is_inserted_when_its_page_appears(void **state)
{
    (void)state;
    const uint64_t va = fake.map.not_present;
    const uint64_t entry = 0xFFFFF68000000000 + ((va & 0x0000FFFFFFFFFFFF) >> 12) * 8;
    uint8_t raw[1];
    struct image seen = image();
    assert_true(image_read(&seen, entry, raw, 1));
    raw[0] |= 1;
    add_range(0x3134, va + 5, 0);
    add_write(0x3131, entry, raw, 1);
    add_continue2(CONTINUE_OK, false); /* on the int 3: stops again */
    add_range(0x3130, va + 5, 1);
    add_range(0x3135, 1, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(packet(4)->data[0], 0xCC);
    assert_reply(5, 0x3135, 0, 0);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void unknown_opcode_is_an_illegal_instruction(void **state)
{
    (void)state;
    add_write(0x3131, fake.map.pool, "\x0F\x0B", 2);
    add_set_register(RIP, fake.map.pool);
    add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(4, 0xC000001D, fake.map.pool);
}

static void fetch_from_nowhere_is_an_access_violation(void **state)
{
    (void)state;
    add_step_at(fake.map.hole);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(3, ACCESS_VIOLATION, fake.map.hole);
    assert_int_equal(kd_load_u32(change + 56), 2);
    assert_int_equal(kd_load_u64(change + 72), fake.map.hole);
    assert_int_equal(kd_load_u16(change + 212), 0); /* no instruction bytes there */
}

static void instruction_cut_by_the_end_of_memory_is_illegal(void **state)
{
    (void)state;
    add_write(0x3131, fake.map.hole - 1, "\xE8", 1);
    add_set_register(RIP, fake.map.hole - 1);
    add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(4, 0xC000001D, fake.map.hole - 1);
}

static void stack_that_is_not_there_faults(void **state)
{
    (void)state;
    static const struct {
        uint32_t at;
        uint64_t write;
    } rows[] = {{4, 1}, {0, 0}}; /* call in the loop, ret in the function */
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t pc = i == 0 ? fake.map.loop + rows[i].at : fake.map.function + 4;
        add_set_register(RSP, fake.map.hole + 64);
        add_set_register(RIP, pc);
        add_continue2(CONTINUE_OK, true);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *call = assert_exception(5, ACCESS_VIOLATION, fake.map.loop + 4);
    assert_int_equal(kd_load_u64(call + 64), 1);
    assert_int_equal(kd_load_u64(call + 72), fake.map.hole + 56);
    const uint8_t *ret = assert_exception(10, ACCESS_VIOLATION, fake.map.function + 4);
    assert_int_equal(kd_load_u64(ret + 64), 0);
    assert_int_equal(kd_load_u64(ret + 72), fake.map.hole + 64);
}

static void break_without_a_stack_still_stops(void **state)
{
    (void)state;
    fake.ticks_max = 4;
    fake.boot.steps_per_tick = 0;
    fake.poll_wish = 3;
    add_set_register(RSP, fake.map.hole + 0x1000);
    add_set_register(RIP, fake.map.loop);
    add_continue2(CONTINUE_OK, false);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_true(fake.packet_count >= 6);
    assert_int_equal(kd_load_u32(packet(5)->header + 32), ACCESS_VIOLATION);
}

/* ---- arithmetic, against the processor that runs this test --------------------------------------------- */

static uint64_t native(unsigned operation, uint64_t left, int8_t right, uint32_t *flags)
{
    uint64_t out = left, wide = (uint64_t)(int64_t)right, result;
    if (operation == 0)
        __asm__("inc %0\n\tpushfq\n\tpop %1" : "+r"(out), "=r"(result) : : "cc");
    else if (operation == 1)
        __asm__("add %2, %0\n\tpushfq\n\tpop %1" : "+&r"(out), "=&r"(result) : "r"(wide) : "cc");
    else
        __asm__("sub %2, %0\n\tpushfq\n\tpop %1" : "+&r"(out), "=&r"(result) : "r"(wide) : "cc");
    *flags = (uint32_t)result & ARITHMETIC_FLAGS;
    return out;
}

static void arithmetic_is_the_processors_own(void **state)
{
    (void)state;
    static const uint64_t lefts[] = {0,         1, 15, 16, 127, 128, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000,
                                     UINT64_MAX};
    static const int8_t rights[] = {0, 1, 8, 40, 127, -1, -128};
    static const uint8_t codes[3][3] = {{0x48, 0xFF, 0xC0}, {0x48, 0x83, 0xC0}, {0x48, 0x83, 0xE8}};
    for (uint32_t i = 0; i < 3 * 9 * 7; i++) {
        unsigned operation = i / 63;
        uint8_t code[4] = {codes[operation][0], codes[operation][1], codes[operation][2],
                           (uint8_t)rights[i % 7]};
        fake.packet_count = fake.step_count = fake.step_next = fake.saves = fake.restores = fake.event_count =
            0;
        memset(fake.state, 0, mk_state_bytes());
        add_write(0x3131, fake.map.pool, code, sizeof code);
        add_set_register(RAX, lefts[i / 7 % 9]);
        add_step_at(fake.map.pool);
        add_request(0x3132);
        assert_int_equal(fake_run(), END_SCRIPT);
        uint32_t flags;
        uint64_t expected = native(operation, lefts[i / 7 % 9], rights[i % 7], &flags);
        const uint8_t *context = packet(7)->data;
        assert_int_equal(kd_load_u64(context + RAX), expected);
        uint32_t kept = operation == 0 ? 1 : 0; /* inc leaves the carry alone */
        assert_int_equal(kd_load_u32(context + EFLAGS) & ARITHMETIC_FLAGS & ~kept, flags & ~kept);
    }
}

/* ---- the stack ----------------------------------------------------------------------------------------- */

static void stack_of_a_break_unwinds_to_the_boot(void **state)
{
    (void)state;
    static const char *const chain[] = {"DbgBreakPointWithStatus",
                                        "KdCheckForDebugBreak",
                                        "KiClockInterrupt",
                                        "KiCountIdle",
                                        "KiIdleLoop",
                                        "KiEnterIdle",
                                        "KiInitializeKernel",
                                        "KiSystemStartup"};
    fake.boot.steps_per_tick = 4; /* ends in the function that the loop calls */
    fake.ticks_max = 4;
    fake.poll_wish = 3;
    add_set_register(RIP, fake.map.break_instruction + 1);
    add_continue2(CONTINUE_OK, false);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    struct image seen = image();
    uint64_t pc = kd_load_u64(packet(4)->data + RIP), sp = kd_load_u64(packet(4)->data + RSP);
    assert_int_equal(sp % 16, 8); /* the frame was aligned on the way in, as the processor does */
    for (uint32_t i = 0; i < sizeof chain / sizeof chain[0]; i++) {
        char name[128];
        assert_true(image_symbol(&seen, fake.map.kernel_base, pc, name) < 64);
        assert_string_equal(name, chain[i]);
        image_unwind(&seen, fake.map.kernel_base, &pc, &sp);
    }
    assert_int_equal(pc, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_follow_the_loop, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(go_after_steps_runs, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(loop_counts_while_it_runs, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(step_in_a_symbol_notice_ends_behind_it, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoint_is_hit_and_taken_out, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoints_near_the_stop_are_taken_out, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoint_is_hit_again, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(removed_breakpoint_is_not_hit, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(debug_register_stops_before_the_instruction, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(written_int3_is_hit_like_a_breakpoint, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(deferred_breakpoint_is_inserted_when_its_page_appears, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(unknown_opcode_is_an_illegal_instruction, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(fetch_from_nowhere_is_an_access_violation, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(instruction_cut_by_the_end_of_memory_is_illegal, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(stack_that_is_not_there_faults, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(break_without_a_stack_still_stops, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(arithmetic_is_the_processors_own, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(stack_of_a_break_unwinds_to_the_boot, fake_setup, fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
