/* Goal: what the kernel says and does for x86 where that differs from amd64: sign-extended addresses, the
 * control report and set, CONTEXT and KPROCESSOR_STATE, 32-bit registers, two-level tables with a 4 MiB page,
 * XP's version. Method: the script of fake_module.h on an x86 image; offsets are those of
 * kd-protocol.md 4.1, 4.4, 4.5, 4.9 and 4.10, arithmetic is compared with the processor under the test. */
#include "sim/kernel/tests/fake_module.h"
#include "sim/kernel/tests/image_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { EIP = 0xB8, ESP = 0xC4, EBP = 0xB4, EAX = 0xB0, ECX = 0xAC, EBX = 0xA4, EFLAGS = 0xC0, SEG_CS = 0xBC };
enum { CONTEXT_BYTES = 0x2CC, SPECIAL_BYTES = 0x54, ARITHMETIC_FLAGS = 0x8D5 };
#define CONTINUE_OK 0x00010002u
#define HIGH_HALF   0xFFFFFFFF00000000u

static struct image image(void)
{
    return (struct image){fake.ram, fake.map.ram_bytes, fake.map.directory_table_pa, 4};
}

static void add_step_at(uint64_t pc)
{
    add_set_register(EIP, pc);
    add_continue2(CONTINUE_OK, true);
}

/* ---- what it says of its own accord -------------------------------------------------------------------- */

static void stop_is_reported_as_x86_reports(void **state)
{
    (void)state;
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(0, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u64(change + 24) & HIGH_HALF, HIGH_HALF);
    assert_int_equal(kd_load_u64(change + 16), fake.map.thread[0]);
    assert_int_equal(kd_load_u64(change + 16) & HIGH_HALF, HIGH_HALF);
    assert_int_equal(kd_load_u32(change + 192), 0xFFFF0FF0); /* Dr6 */
    assert_int_equal(kd_load_u32(change + 196), 0x400);      /* Dr7 */
    assert_int_equal(kd_load_u16(change + 200), 16);         /* InstructionCount */
    assert_int_equal(kd_load_u16(change + 202), 3);
    assert_memory_equal(change + 204, "\xCC\xC3", 2);
    assert_int_equal(kd_load_u16(change + 220), 0x08); /* SegCs, Ds, Es, Fs */
    assert_int_equal(kd_load_u16(change + 222), 0x23);
    assert_int_equal(kd_load_u16(change + 224), 0x23);
    assert_int_equal(kd_load_u16(change + 226), 0x30);
    assert_int_equal(kd_load_u32(change + 228) & 0x302, 0x002); /* EFlags: TF and IF are clear in a handler */
    for (uint32_t at = 232; at < 240; at++)
        assert_int_equal(change[at], 0);
}

static void symbol_notices_have_zero_extended_process_minus_one(void **state)
{
    (void)state;
    fake.boot.initial_break = false;
    fake.boot.modules = 2;
    for (uint32_t i = 0; i < 2; i++)
        add_continue2(CONTINUE_OK, false);
    fake.ticks_max = 1;
    assert_int_equal(fake_run(), END_TICKS);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *change = packet(i)->header;
        assert_int_equal(kd_load_u32(change), 0x3031);
        assert_int_equal(kd_load_u64(change + 40), fake.map.modules[i].base);
        assert_int_equal(kd_load_u64(change + 40) & HIGH_HALF, HIGH_HALF);
        assert_int_equal(kd_load_u64(change + 48), 0x00000000FFFFFFFF);
        assert_string_equal((const char *)packet(i)->data, fake.map.modules[i].path);
    }
    assert_string_equal((const char *)packet(0)->data, "\\WINDOWS\\system32\\ntoskrnl.exe");
}

static void bugcheck_prints_words_of_its_width(void **state)
{
    (void)state;
    fake.ticks_max = 3;
    add_go();
    add_command(MK_COMMAND_EXCEPTION, "", 0, 0xC0000094);
    add_continue2(0x80010001, false);
    add_continue2(0x80010001, false);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    const struct packet *print = packet(5);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "(0xC0000094,0x%08X,0x00000000,0x00000000)",
                   (unsigned)(uint32_t)kd_load_u64(packet(4)->header + 48));
    assert_int_equal(kd_load_u32(print->header), KD_DEBUG_IO_PRINT);
    assert_non_null(strstr((const char *)print->data, "0x0000001E"));
    assert_non_null(strstr((const char *)print->data, expected));
    assert_exception(6, 0x80000003, fake.map.break_instruction);
    assert_int_equal(kd_load_u32(packet(7)->data + EAX),
                     3); /* why DbgBreakPointWithStatus stopped (5.9 rule 5) */
}

static void break_status_is_in_eax(void **state)
{
    (void)state;
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(packet(1)->data + EAX), 1);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void version_is_xp(void **state)
{
    (void)state;
    add_request(0x3146);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *version = assert_reply(1, 0x3146, 0, 0);
    assert_int_equal(kd_load_u16(version), 0x000F);
    assert_int_equal(kd_load_u16(version + 2), 2600);
    assert_int_equal(version[4], 6);
    assert_int_equal(version[5], 0);
    assert_int_equal(kd_load_u16(version + 6), 3); /* DATA, and MP of two processors */
    assert_int_equal(kd_load_u16(version + 8), 0x014C);
    assert_int_equal(kd_load_u16(version + 12), 0x2D);
    assert_int_equal(kd_load_u64(version + 16), 0xFFFFFFFF804D7000);
    assert_int_equal(kd_load_u64(version + 24), fake.map.module_list);
    assert_int_equal(kd_load_u64(version + 32) & HIGH_HALF, HIGH_HALF);
}

static void version_of_one_processor_is_not_mp(void **state)
{
    (void)state;
    fake.boot.processors = 1;
    memset(fake.ram, 0, FAKE_RAM_BYTES);
    assert_int_equal(mk_image_build(fake.ram, FAKE_RAM_BYTES, MK_X86, 1, &fake.map), KD_OK);
    add_request(0x3146);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u16(assert_reply(1, 0x3146, 0, 0) + 6), 2);
}

static void context_is_x86(void **state)
{
    (void)state;
    add_request(0x3132);
    struct step *part = add_request(0x315F);
    kd_store_u32(in_union(part, 0), SEG_CS);
    kd_store_u32(in_union(part, 4), 16);
    struct step *beyond = add_request(0x315F);
    kd_store_u32(in_union(beyond, 0), CONTEXT_BYTES - 8);
    kd_store_u32(in_union(beyond, 4), 9);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(1, 0x3132, 0, CONTEXT_BYTES);
    const uint8_t *context = packet(1)->data;
    assert_int_equal(kd_load_u32(context), 0x1003F);
    assert_int_equal(kd_load_u32(context + EIP), (uint32_t)fake.map.break_instruction);
    assert_int_equal(kd_load_u32(context + SEG_CS), 0x08);
    assert_int_equal(kd_load_u32(context + 0xC8), 0x10);
    assert_int_equal(kd_load_u32(context + 0x14), 0xFFFF0FF0);
    assert_int_equal(kd_load_u32(context + 0x1C) & 0xFFFF, 0x27F); /* FloatSave */
    assert_int_equal(kd_load_u32(context + 0xCC + 24), 0x1F80);    /* ExtendedRegisters: MXCSR */
    assert_int_equal(kd_load_u32(assert_reply(2, 0x315F, 0, 16) + 8), 16);
    assert_memory_equal(packet(2)->data, context + SEG_CS, 16);
    assert_reply(3, 0x315F, 0xC0000001, 0);
}

/* Only the groups that ContextFlags names take effect on resume (4.4 rule 7). */
static void context_takes_effect_by_groups(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        bool pc_moves, ax_moves;
    } rows[] = {{0x10001, true, false},
                {0x10002, false, true},
                {0x10003, true, true},
                {0, false, false},
                {0x100003, false, false}};
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t context[CONTEXT_BYTES] = {0};
        fake.packet_count = fake.step_count = fake.step_next = fake.saves = fake.restores = fake.event_count =
            0;
        memset(fake.state, 0, mk_state_bytes());
        fake.boot.steps_per_tick = 0;
        add_request(0x3132);
        kd_store_u32(context, rows[i].flags);
        kd_store_u32(context + EIP, (uint32_t)fake.map.loop);
        kd_store_u32(context + ESP, (uint32_t)fake.map.stack_top[0]);
        kd_store_u32(context + EAX, 0x1234);
        add_data(add_request(0x3133), context, sizeof context);
        add_continue2(CONTINUE_OK, true);
        add_request(0x3132);
        assert_int_equal(fake_run(), END_SCRIPT);
        const uint8_t *now = packet(4)->data;
        if (rows[i].pc_moves)
            assert_exception(3, 0x80000004, fake.map.loop + 1);
        else
            assert_exception(3, 0x80000003, fake.map.break_instruction);
        assert_int_equal(kd_load_u32(now + EAX) == 0x1234, rows[i].ax_moves);
    }
}

static void control_space_is_processor_state_by_offset(void **state)
{
    (void)state;
    add_range(0x3137, 0x2CC, SPECIAL_BYTES);
    add_range(0x3137, EIP, 4);
    add_range(0x3137, 0, 4000);
    add_range(0x3137, 0x31E, 100);
    add_range(0x3137, 0x320, 4);
    add_range(0x3137, 0xFFFFFFFFFFFFFFF0, 4);
    add_range(0x3137, HIGH_HALF + 0x2CC, SPECIAL_BYTES);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3137, 0, SPECIAL_BYTES) + 12), SPECIAL_BYTES);
    const uint8_t *special = packet(1)->data;
    assert_int_equal(kd_load_u32(special) & 0x80000001, 0x80000001); /* Cr0: paging, protection */
    assert_int_equal(kd_load_u32(special + 0x08), fake.map.directory_table_pa);
    assert_int_equal(kd_load_u32(special + 0x0C) & 0x30, 0x10); /* Cr4: large pages, no PAE */
    assert_int_equal(kd_load_u32(special + 0x24), 0x400);
    assert_int_equal(kd_load_u16(special + 0x2A), 0x3FF); /* Gdtr */
    assert_int_equal(kd_load_u16(special + 0x38), 0x28);  /* Tr */
    assert_reply(2, 0x3137, 0, 4);
    assert_int_equal(kd_load_u32(packet(2)->data), (uint32_t)fake.map.break_instruction);
    assert_reply(3, 0x3137, 0, CONTEXT_BYTES + SPECIAL_BYTES);
    assert_reply(4, 0x3137, 0, 2);
    assert_reply(5, 0x3137, 0xC0000001, 0);
    assert_reply(6, 0x3137, 0xC0000001, 0);
    assert_reply(7, 0x3137, 0, SPECIAL_BYTES);
}

static void written_control_space_is_there(void **state)
{
    (void)state;
    uint8_t dr0[4];
    kd_store_u32(dr0, 0x12345678);
    add_write(0x3138, 0x2CC + 0x10, dr0, 4);
    add_range(0x3137, 0x2CC + 0x10, 4);
    add_write(0x3138, 0x31E, dr0, 4);
    add_write(0x3138, 0x320, dr0, 4);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3138, 0, 0) + 12), 4);
    assert_int_equal(kd_load_u32(packet(2)->data), 0x12345678);
    assert_int_equal(kd_load_u32(assert_reply(3, 0x3138, 0, 0) + 12), 2);
    assert_reply(4, 0x3138, 0xC0000001, 0);
}

/* Clients send zero-extended addresses, and worse: the upper half says nothing (4). */
static void upper_half_of_an_address_is_ignored(void **state)
{
    (void)state;
    static const uint64_t uppers[] = {HIGH_HALF, 0, 0x0000000700000000};
    const uint32_t pool = (uint32_t)fake.map.pool;
    for (uint32_t i = 0; i < 3; i++) {
        add_write(0x3131, uppers[i] + pool + 16 * i, "abcd", 4);
        add_range(0x3130, uppers[i] + pool + 16 * i, 4);
        struct step *query = add_range(0x315C, uppers[i] + pool, 0);
        kd_store_u32(in_union(query, 8), 0);
        struct step *search = add_data(add_range(0x3156, uppers[i] + pool + 16 * i, 0x100), "abcd", 4);
        kd_store_u32(in_union(search, 16), 4);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(kd_load_u32(assert_reply(1 + 4 * i, 0x3131, 0, 0) + 12), 4);
        assert_reply(2 + 4 * i, 0x3130, 0, 4);
        assert_memory_equal(packet(2 + 4 * i)->data, "abcd", 4);
        assert_int_equal(kd_load_u32(assert_reply(3 + 4 * i, 0x315C, 0, 0) + 16), 2);
        assert_int_equal(kd_load_u64(assert_reply(4 + 4 * i, 0x3156, 0, 0)), fake.map.pool + 16 * i);
    }
}

/* From user space into the kernel, where addresses are sign-extended. */
static void search_crosses_into_the_kernel(void **state)
{
    (void)state;
    static const char needle[] = "no such words before";
    add_write(0x3131, fake.map.pool + 0x2345, needle, sizeof needle);
    struct step *search = add_data(add_range(0x3156, 0x70000000, 0x20000000), needle, sizeof needle);
    kd_store_u64(in_union(search, 8), 0x20000000);
    kd_store_u32(in_union(search, 16), sizeof needle);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u64(assert_reply(2, 0x3156, 0, 0)), fake.map.pool + 0x2345);
}

static void physical_addresses_have_all_their_bits(void **state)
{
    (void)state;
    add_range(0x313D, fake.map.pool_pa, 16);
    add_range(0x313D, 0x0000000100000000 + fake.map.pool_pa, 16);
    add_range(0x3130, fake.map.pool, 16);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(1, 0x313D, 0, 16);
    assert_reply(2, 0x313D, 0xC0000001, 0);
    assert_memory_equal(packet(1)->data, packet(3)->data, 16);
}

static void large_page_ends_in_a_hole(void **state)
{
    (void)state;
    assert_int_equal(fake.map.pool_bytes, 4 * 1024 * 1024);
    add_range(0x3130, fake.map.hole - 100, 4000);
    add_range(0x3130, fake.map.hole, 8);
    add_range(0x3130, 0, 256);
    add_range(0x3130, fake.map.not_present, 8);
    add_range(0x3130, fake.map.user_page, 8);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3130, 0xC0000001, 100) + 12), 100);
    assert_memory_equal(packet(1)->data, fake.ram + fake.map.pool_pa + fake.map.pool_bytes - 100, 100);
    assert_reply(2, 0x3130, 0xC0000001, 0);
    assert_reply(3, 0x3130, 0xC0000001, 0);
    assert_reply(4, 0x3130, 0xC0000001, 0);
    assert_reply(5, 0x3130, 0, 8);
}

static void model_specific_registers_are_its_own(void **state)
{
    (void)state;
    static const struct {
        uint32_t number, status;
    } rows[] = {{0x174, 0}, {0x176, 0}, {0x1B, 0}, {0xC0000082, 0xC000000E}, {0xC0000080, 0xC000000E}};
    for (uint32_t i = 0; i < 5; i++)
        kd_store_u32(in_union(add_request(0x3152), 0), rows[i].number);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 5; i++)
        assert_reply(1 + i, 0x3152, rows[i].status, 0);
    assert_int_equal(kd_load_u32(packet(1)->header + 16 + 4), 8);
}

/* The x86 control set is packed: Dr7 at 8 in 32 bits, the symbol range behind it. */
static void continue2_sets_dr7_of_every_processor(void **state)
{
    (void)state;
    add_set_register(EIP, fake.map.loop);
    struct step *go = add_request(0x313C);
    kd_store_u32(in_union(go, 0), CONTINUE_OK);
    kd_store_u32(in_union(go, 4), 1);
    kd_store_u32(in_union(go, 8), 0x401);
    kd_store_u32(in_union(go, 12), 0xFFFFFFFF);
    add_range(0x3137, 0x2CC + 0x24, 4);
    struct step *other = add_range(0x3137, 0x2CC + 0x24, 4);
    kd_store_u16(other->header + 6, 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(3, 0x80000004, fake.map.loop + 1);
    assert_int_equal(kd_load_u32(change + 192), 0xFFFF4FF0);
    assert_int_equal(kd_load_u32(change + 196), 0x401);
    assert_int_equal(kd_load_u32(packet(4)->data), 0x401);
    assert_int_equal(kd_load_u32(packet(5)->data), 0x401);
}

/* ---- what runs ----------------------------------------------------------------------------------------- */

static void steps_follow_the_loop(void **state)
{
    (void)state;
    const uint64_t loop = fake.map.loop, function = fake.map.function;
    /* nop; inc eax; call { inc ecx; nop; ret }; inc ebx; nop; jmp */
    const uint64_t path[] = {loop + 1, loop + 2, function, function + 1, function + 2,
                             loop + 7, loop + 8, loop + 9, loop,         loop + 1};
    enum { COUNT = sizeof path / sizeof path[0] };
    add_step_at(loop);
    for (uint32_t i = 1; i < COUNT; i++)
        add_continue2(CONTINUE_OK, true);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.map.loop_bytes, 11);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_exception(3 + i, 0x80000004, path[i]);
}

static void breakpoint_with_a_counter_in_its_upper_half_is_hit(void **state)
{
    (void)state;
    fake.ticks_max = 20;
    add_range(0x3134, (uint32_t)fake.map.function | 0x0000000500000000, 0);
    add_range(0x3134, fake.map.function, 0);
    add_go();
    add_range(0x3130, fake.map.function, 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3134, 0, 0) + 8), 1);
    assert_reply(2, 0x3134, 0xC0000001, 0); /* the same address */
    const uint8_t *change = assert_exception(5, 0x80000003, fake.map.function);
    assert_memory_equal(change + 204, "\x41\x90\xC3", 3);
    assert_int_equal(packet(6)->data[0], 0x41);
}

static void faults_tell_sign_extended_addresses(void **state)
{
    (void)state;
    add_set_register(ESP, fake.map.hole + 64);
    add_set_register(EIP, fake.map.loop + 2); /* the call */
    add_continue2(CONTINUE_OK, true);
    add_step_at(fake.map.hole);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *call = assert_exception(5, 0xC0000005, fake.map.loop + 2);
    assert_int_equal(kd_load_u64(call + 64), 1);
    assert_int_equal(kd_load_u64(call + 72), fake.map.hole + 60);
    const uint8_t *fetch = assert_exception(8, 0xC0000005, fake.map.hole);
    assert_int_equal(kd_load_u64(fetch + 72), fake.map.hole);
    assert_int_equal(kd_load_u16(fetch + 200), 0);
}

static void break_returns_to_what_it_interrupted(void **state)
{
    (void)state;
    fake.boot.steps_per_tick = 5; /* ends in the function that the loop calls */
    fake.ticks_max = 6;
    fake.poll_wish = 3;
    add_set_register(EIP, fake.map.break_instruction + 1);
    add_continue2(CONTINUE_OK, false);
    add_request(0x3132);
    add_go();
    assert_int_equal(fake_run(), END_TICKS);
    const uint8_t *context = packet(4)->data;
    struct image seen = image();
    static const char *const chain[] = {
        "DbgBreakPointWithStatus", "KiClockInterrupt", "KiCountIdle", "KiEnterIdle",
        "KiInitializeKernel",      "KiSystemStartup"};
    uint64_t pc = fake.map.break_instruction, frame = (uint64_t)(int32_t)kd_load_u32(context + EBP);
    for (uint32_t i = 0; i < sizeof chain / sizeof chain[0]; i++) {
        char name[128];
        assert_true(image_symbol(&seen, fake.map.kernel_base, pc, name) < 64);
        assert_string_equal(name, chain[i]);
        image_frame(&seen, &pc, &frame);
    }
    assert_int_equal(pc, 0);
    /* The handler's frame: EBP, then what the processor pushed, then what KiCountIdle had on its stack. */
    frame = image_pointer(&seen, (uint64_t)(int32_t)kd_load_u32(context + EBP));
    assert_int_equal(image_u32(&seen, frame + 4), (uint32_t)fake.map.function + 2);
    assert_int_equal(image_u32(&seen, frame + 8), 0x08);
    assert_int_equal(image_u32(&seen, frame + 12) & 0x202, 0x202);
    assert_int_equal(image_pointer(&seen, frame + 16), fake.map.loop + 7);
    assert_int_equal(fake.packet_count, 7); /* and never stopped again */
}

static uint32_t native(unsigned operation, uint32_t left, int8_t right, uint32_t *flags)
{
    uint32_t out = left, wide = (uint32_t)(int32_t)right;
    uint64_t result;
    if (operation == 0)
        __asm__("incl %0\n\tpushfq\n\tpop %1" : "+r"(out), "=r"(result) : : "cc");
    else if (operation == 1)
        __asm__("addl %2, %0\n\tpushfq\n\tpop %1" : "+&r"(out), "=&r"(result) : "r"(wide) : "cc");
    else
        __asm__("subl %2, %0\n\tpushfq\n\tpop %1" : "+&r"(out), "=&r"(result) : "r"(wide) : "cc");
    *flags = (uint32_t)result & ARITHMETIC_FLAGS;
    return out;
}

static void arithmetic_is_the_processors_own(void **state)
{
    (void)state;
    static const uint32_t lefts[] = {0, 1, 15, 16, 127, 128, 0x7FFFFFFF, 0x80000000, UINT32_MAX};
    static const int8_t rights[] = {0, 1, 8, 40, 127, -1, -128};
    static const struct {
        uint8_t bytes[2];
        uint32_t len_bytes;
    } codes[3] = {{{0x40}, 1}, {{0x83, 0xC0}, 2}, {{0x83, 0xE8}, 2}};
    for (uint32_t i = 0; i < 3 * 9 * 7; i++) {
        unsigned operation = i / 63;
        uint8_t code[3] = {codes[operation].bytes[0], codes[operation].bytes[1]};
        code[codes[operation].len_bytes] = (uint8_t)rights[i % 7];
        fake.packet_count = fake.step_count = fake.step_next = fake.saves = fake.restores = fake.event_count =
            0;
        memset(fake.state, 0, mk_state_bytes());
        add_write(0x3131, fake.map.pool, code, sizeof code);
        add_set_register(EAX, lefts[i / 7 % 9]);
        add_step_at(fake.map.pool);
        add_request(0x3132);
        assert_int_equal(fake_run(), END_SCRIPT);
        uint32_t flags, expected = native(operation, lefts[i / 7 % 9], rights[i % 7], &flags);
        const uint8_t *context = packet(7)->data;
        assert_int_equal(kd_load_u32(context + EAX), expected);
        uint32_t kept = operation == 0 ? 1 : 0; /* inc leaves the carry alone */
        assert_int_equal(kd_load_u32(context + EFLAGS) & ARITHMETIC_FLAGS & ~kept, flags & ~kept);
    }
}

static void switched_processor_shows_its_own_registers(void **state)
{
    (void)state;
    struct step *step = add_request(0x3150);
    kd_store_u16(step->header + 6, 1);
    step = add_request(0x3132);
    kd_store_u16(step->header + 6, 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *change = assert_exception(1, 0x80000007, fake.map.loop);
    assert_int_equal(kd_load_u64(change + 16), fake.map.thread[1]);
    assert_int_equal(kd_load_u32(packet(2)->data + ESP), (uint32_t)fake.map.stack_top[1]);
    assert_int_equal(kd_load_u32(packet(2)->data + EBP), (uint32_t)fake.map.frame[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stop_is_reported_as_x86_reports, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(symbol_notices_have_zero_extended_process_minus_one, fake_setup_x86,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(bugcheck_prints_words_of_its_width, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(break_status_is_in_eax, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(version_is_xp, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(version_of_one_processor_is_not_mp, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(context_is_x86, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(context_takes_effect_by_groups, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(control_space_is_processor_state_by_offset, fake_setup_x86,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(written_control_space_is_there, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(upper_half_of_an_address_is_ignored, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(search_crosses_into_the_kernel, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(physical_addresses_have_all_their_bits, fake_setup_x86,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(large_page_ends_in_a_hole, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(model_specific_registers_are_its_own, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(continue2_sets_dr7_of_every_processor, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(steps_follow_the_loop, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoint_with_a_counter_in_its_upper_half_is_hit, fake_setup_x86,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(faults_tell_sign_extended_addresses, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(break_returns_to_what_it_interrupted, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(arithmetic_is_the_processors_own, fake_setup_x86, fake_teardown),
        cmocka_unit_test_setup_teardown(switched_processor_shows_its_own_registers, fake_setup_x86,
                                        fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
