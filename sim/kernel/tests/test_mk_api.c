/* Goal: each request of the manipulate API is answered as kd-protocol.md 4.4 says, right and wrong ones, and
 * none with silence that has a reply. Method: the script of fake_module.h; replies are read by the offsets of
 * the document and compared with its vectors. Reply number n is packet n: packet 0 is the stop. */
#include "sim/kernel/tests/fake_module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ACTUAL = 12, CONTEXT_BYTES = 0x4D0, RIP = 0xF8, RSP = 0x98, CONTEXT_FLAGS = 0x30 };
#define UNSUCCESSFUL      0xC0000001u
#define INVALID_PARAMETER 0xC000000Du

static uint8_t pool_byte(uint64_t offset)
{
    return (uint8_t)((offset / 8 + 1) * 0x9E3779B97F4A7C15u >> (8 * (offset % 8)));
}

static void assert_pool_data(uint32_t index, uint64_t offset, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(packet(index)->data[i], pool_byte(offset + i));
}

static void assert_actual(uint32_t index, uint32_t api, uint32_t status, uint32_t actual, uint32_t data_bytes)
{
    assert_int_equal(kd_load_u32(assert_reply(index, api, status, data_bytes) + ACTUAL), actual);
}

/* The whole reply, compared with a vector's body. */
static void assert_body(uint32_t index, const uint8_t body[KD_MANIPULATE_BYTES])
{
    assert_int_equal(packet(index)->header_bytes, KD_MANIPULATE_BYTES);
    assert_memory_equal(packet(index)->header, body, KD_MANIPULATE_BYTES);
}

/* ---- version ------------------------------------------------------------------------------------------- */

static void get_version_names_the_kernel(void **state)
{
    (void)state;
    static const uint8_t fixed[16] = {0x0F, 0, 0xB1, 0x1D, 6, 2, 7, 0, 0x64, 0x86, 12, 3, 0x31, 0, 0, 0};
    add_request(0x3146);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *version = assert_reply(1, 0x3146, 0, 0);
    assert_memory_equal(version, fixed, sizeof fixed);
    assert_int_equal(kd_load_u64(version + 16), fake.map.kernel_base);
    assert_int_equal(kd_load_u64(version + 24), fake.map.module_list);
    assert_int_equal(kd_load_u64(version + 32), fake.map.debugger_data_list);
}

static void get_version_needs_no_memory(void **state)
{
    (void)state;
    struct step *wipe = add_range(0x313E, fake.map.directory_table_pa + 4096 - 3944, 0);
    wipe->data_bytes = 3944; /* zeros over the kernel's half of the highest table */
    add_range(0x3130, fake.map.kernel_base, 16);
    add_request(0x3132);
    add_request(0x3146);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(2, 0x3130, UNSUCCESSFUL, 0, 0);
    assert_reply(3, 0x3132, UNSUCCESSFUL, 0);
    assert_int_equal(kd_load_u64(assert_reply(4, 0x3146, 0, 0) + 16), fake.map.kernel_base);
}

/* ---- virtual memory ------------------------------------------------------------------------------------ */

static void read_virtual_gives_the_kernel_header(void **state)
{
    (void)state;
    add_range(0x3130, fake.map.kernel_base, 16);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3130, 0, 16, 16);
    assert_memory_equal(packet(1)->data, "MZ\x90\0\3\0\0\0\4\0\0\0\xFF\xFF\0\0", 16);
}

static void largest_read_is_3944_bytes(void **state)
{
    (void)state;
    add_range(0x3130, fake.map.pool + 100, 3944);
    add_range(0x3130, fake.map.pool, 3945);
    add_range(0x3130, fake.map.pool, UINT32_MAX);
    add_range(0x3130, fake.map.pool, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3130, 0, 3944, 3944);
    assert_pool_data(1, 100, 3944);
    assert_actual(2, 0x3130, 0, 3944, 3944);
    assert_actual(3, 0x3130, 0, 3944, 3944);
    assert_actual(4, 0x3130, 0, 0, 0);
}

static void read_across_the_end_is_short(void **state)
{
    (void)state;
    add_range(0x3130, fake.map.hole - 16, 32); /* S06 */
    add_range(0x3130, fake.map.hole, 16);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3130, UNSUCCESSFUL, 16, 16);
    assert_pool_data(1, fake.map.pool_bytes - 16, 16);
    assert_actual(2, 0x3130, UNSUCCESSFUL, 0, 0); /* F11 */
}

static void unmapped_addresses_fail_at_once(void **state)
{
    (void)state;
    const uint64_t addresses[] = {0,
                                  8,
                                  0x7FFFFFFF0000,
                                  0x0000800000000000,
                                  0x00FF000000000000,
                                  0xFFFF7FFFFFFFFFFF,
                                  0xFFFF800000000000,
                                  fake.map.not_present,
                                  fake.map.kernel_base & 0x0000FFFFFFFFFFFF,
                                  fake.map.modules[0].base + fake.map.modules[0].size_bytes,
                                  UINT64_MAX - 7};
    enum { COUNT = sizeof addresses / sizeof addresses[0] };
    for (uint32_t i = 0; i < COUNT; i++)
        add_range(0x3130, addresses[i], 256);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_actual(1 + i, 0x3130, UNSUCCESSFUL, 0, 0);
}

static void user_only_page_is_readable(void **state)
{
    (void)state;
    add_range(0x3130, fake.map.user_page + 0x30, 6);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3130, 0, 6, 6);
    assert_memory_equal(packet(1)->data, "C\0:\0\\\0", 6);
}

static void write_virtual_uses_the_length_of_the_data(void **state)
{
    (void)state;
    struct step *step = add_write(0x3131, fake.map.pool + 4094, "abcd", 4);
    kd_store_u32(in_union(step, 8), 999);
    add_range(0x3130, fake.map.pool + 4093, 6);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3131, 0, 4, 0);
    assert_memory_equal(packet(2)->data + 1, "abcd", 4);
    assert_int_equal(packet(2)->data[0], pool_byte(4093));
    assert_int_equal(packet(2)->data[5], pool_byte(4098));
}

static void write_across_the_end_is_short(void **state)
{
    (void)state;
    add_write(0x3131, fake.map.hole - 2, "abcd", 4);
    add_write(0x3131, fake.map.hole, "abcd", 4);
    add_range(0x3130, fake.map.hole - 2, 2);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3131, UNSUCCESSFUL, 2, 0);
    assert_actual(2, 0x3131, UNSUCCESSFUL, 0, 0);
    assert_memory_equal(packet(3)->data, "ab", 2);
}

static void read_only_page_can_be_written(void **state)
{
    (void)state;
    add_write(0x3131, fake.map.user_page + 0xFF0, "debugger", 8);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3131, 0, 8, 0);
}

/* ---- physical memory ----------------------------------------------------------------------------------- */

static void physical_reads_and_writes_meet_the_virtual_ones(void **state)
{
    (void)state;
    for (uint32_t cache = 0; cache < 4; cache++)
        kd_store_u32(in_union(add_range(0x313D, fake.map.pool_pa + 5, 100), 12), cache);
    add_write(0x313E, fake.map.pool_pa, "phys", 4);
    add_range(0x3130, fake.map.pool, 4);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 1; i <= 4; i++) {
        assert_actual(i, 0x313D, 0, 100, 100);
        assert_pool_data(i, 5, 100);
    }
    assert_actual(5, 0x313E, 0, 4, 0);
    assert_memory_equal(packet(6)->data, "phys", 4);
}

static void physical_edges_are_short(void **state)
{
    (void)state;
    add_range(0x313D, fake.map.ram_bytes - 8, 16);
    add_range(0x313D, fake.map.ram_bytes, 16);
    add_range(0x313D, UINT64_MAX - 3, 16);
    add_range(0x313D, 0xA0000 - 4, 16);
    add_range(0x313D, 0xA0000, 16);
    add_range(0x313D, 0xFFFFF, 16);
    add_range(0x313D, 0x100000, 16);
    add_write(0x313E, 0xA0000 - 4, "12345678", 8);
    add_range(0x313D, 0, 64);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x313D, UNSUCCESSFUL, 8, 8);
    assert_actual(2, 0x313D, UNSUCCESSFUL, 0, 0);
    assert_actual(3, 0x313D, UNSUCCESSFUL, 0, 0);
    assert_actual(4, 0x313D, UNSUCCESSFUL, 4, 4);
    assert_actual(5, 0x313D, UNSUCCESSFUL, 0, 0);
    assert_actual(6, 0x313D, UNSUCCESSFUL, 0, 0);
    assert_actual(7, 0x313D, 0, 16, 16);
    assert_actual(8, 0x313E, UNSUCCESSFUL, 4, 0);
    assert_actual(9, 0x313D, 0, 64, 64);
}

static void unknown_cache_type_is_refused(void **state)
{
    (void)state;
    kd_store_u32(in_union(add_range(0x313D, fake.map.pool_pa, 16), 12), 4);
    kd_store_u32(in_union(add_write(0x313E, fake.map.pool_pa, "x", 1), 12), 77);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x313D, UNSUCCESSFUL, 0, 0);
    assert_actual(2, 0x313E, UNSUCCESSFUL, 0, 0);
}

/* ---- search, fill, query ------------------------------------------------------------------------------- */

static struct step *add_search(uint64_t start, uint64_t length, const void *pattern, uint32_t pattern_bytes)
{
    struct step *step = add_data(add_request(0x3156), pattern, pattern_bytes);
    kd_store_u64(in_union(step, 0), start);
    kd_store_u64(in_union(step, 8), length);
    kd_store_u32(in_union(step, 16), pattern_bytes);
    return step;
}

static void search_finds_the_first_match(void **state)
{
    (void)state;
    const uint64_t wherever = fake.map.pool + 0x12345;
    add_write(0x3131, wherever, "needle", 6);
    add_search(fake.map.pool, fake.map.pool_bytes, "needle", 6);
    add_search(wherever, 6, "needle", 6);
    add_search(fake.map.kernel_base - 0x100000000000, UINT64_MAX, "needle", 6); /* over holes of every size */
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 2; i <= 4; i++)
        assert_int_equal(kd_load_u64(assert_reply(i, 0x3156, 0, 0)), wherever);
}

/* Wherever the kernel cuts the range into pieces, a match over the cut counts. */
static void search_finds_a_match_at_every_offset(void **state)
{
    (void)state;
    static const uint32_t offsets[] = {1019, 1023, 2043, 2045, 2047, 2048, 4091, 4093, 4095, 6141};
    for (uint32_t i = 0; i < 10; i++) {
        add_write(0x3131, fake.map.pool + offsets[i], "needle", 6);
        add_search(fake.map.pool, 0x3000, "needle", 6);
        add_write(0x3131, fake.map.pool + offsets[i], "------", 6);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(kd_load_u64(assert_reply(2 + 3 * i, 0x3156, 0, 0)), fake.map.pool + offsets[i]);
}

/* A page whose entry says present and names a frame past the end of RAM. */
static void search_passes_a_page_without_ram(void **state)
{
    (void)state;
    uint8_t entry[8];
    kd_store_u64(entry, fake.map.ram_bytes | 0x63);
    uint64_t entry_va = 0xFFFFF68000000000 + ((fake.map.not_present & 0x0000FFFFFFFFFFFF) >> 12) * 8;
    add_write(0x3131, entry_va, entry, sizeof entry);
    add_range(0x3130, fake.map.not_present, 16);
    add_write(0x3131, fake.map.pool, "needle", 6);
    add_search(fake.map.not_present, UINT64_MAX, "needle", 6);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(2, 0x3130, UNSUCCESSFUL, 0, 0);
    assert_int_equal(kd_load_u64(assert_reply(4, 0x3156, 0, 0)), fake.map.pool);
}

static void search_stays_inside_its_range(void **state)
{
    (void)state;
    const uint64_t wherever = fake.map.pool + 0x12345;
    add_write(0x3131, wherever, "needle", 6);
    add_search(fake.map.pool, 0x12345 + 5, "needle", 6);
    add_search(wherever + 1, 0x1000, "needle", 6);
    add_search(0, UINT64_MAX, "another pattern, nowhere", 24);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(2, 0x3156, UNSUCCESSFUL, 0);
    assert_reply(3, 0x3156, UNSUCCESSFUL, 0);
    assert_reply(4, 0x3156, UNSUCCESSFUL, 0);
}

static void search_without_a_pattern_is_refused(void **state)
{
    (void)state;
    add_search(fake.map.pool, 16, "", 0);
    kd_store_u32(in_union(add_search(fake.map.pool, 16, "abc", 3), 16), 4);
    kd_store_u32(in_union(add_search(fake.map.pool, 16, "abc", 3), 16), UINT32_MAX);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 1; i <= 3; i++)
        assert_reply(i, 0x3156, INVALID_PARAMETER, 0);
}

static struct step *add_fill(uint64_t address, uint32_t length, uint16_t flags, const void *pattern,
                             uint16_t pattern_bytes)
{
    struct step *step = add_data(add_range(0x315B, address, length), pattern, pattern_bytes);
    kd_store_u16(in_union(step, 12), flags);
    kd_store_u16(in_union(step, 14), pattern_bytes);
    return step;
}

static void fill_repeats_the_pattern(void **state)
{
    (void)state;
    add_fill(fake.map.pool + 1, 10000, 1, "abc", 3);
    add_range(0x3130, fake.map.pool + 9990, 16);
    add_fill(fake.map.pool_pa, 5, 2, "xy", 2);
    add_range(0x3130, fake.map.pool, 8);
    add_fill(fake.map.hole - 4, 8, 1, "z", 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x315B, 0, 0) + 8), 10000);
    assert_memory_equal(packet(2)->data, "cabcabcabca", 11);
    assert_int_equal(packet(2)->data[11], pool_byte(10001));
    assert_int_equal(kd_load_u32(assert_reply(3, 0x315B, 0, 0) + 8), 5);
    assert_memory_equal(packet(4)->data, "xyxyxbca", 8);
    assert_int_equal(kd_load_u32(assert_reply(5, 0x315B, UNSUCCESSFUL, 0) + 8), 4);
}

static void fill_without_sense_is_refused(void **state)
{
    (void)state;
    add_fill(fake.map.pool, 8, 1, "", 0);
    add_fill(fake.map.pool, 8, 3, "a", 1);
    kd_store_u16(in_union(add_fill(fake.map.pool, 8, 1, "a", 1), 14), 2);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(kd_load_u32(assert_reply(i, 0x315B, INVALID_PARAMETER, 0) + 8), 0);
}

static void query_tells_kernel_from_process(void **state)
{
    (void)state;
    add_range(0x315C, fake.map.kernel_base, 55); /* F12, with something in the reserved field */
    add_range(0x315C, 0x10000, 0);
    kd_store_u32(in_union(add_range(0x315C, fake.map.kernel_base, 0), 16), 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    const uint8_t *kernel = assert_reply(1, 0x315C, 0, 0);
    assert_memory_equal(kernel + 8, "\0\0\0\0\0\0\0\0\2\0\0\0\7\0\0\0", 16);
    assert_memory_equal(assert_reply(2, 0x315C, 0, 0) + 16, "\0\0\0\0\7\0\0\0", 8);
    assert_reply(3, 0x315C, INVALID_PARAMETER, 0);
}

/* ---- context ------------------------------------------------------------------------------------------- */

static struct step *on_processor(struct step *step, uint16_t processor)
{
    kd_store_u16(step->header + 6, processor);
    return step;
}

static void get_context_is_the_stopped_processor(void **state)
{
    (void)state;
    add_request(0x3132);
    on_processor(add_request(0x3132), 1);
    on_processor(add_request(0x3132), 2);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(1, 0x3132, 0, CONTEXT_BYTES);
    assert_reply(2, 0x3132, 0, CONTEXT_BYTES);
    assert_reply(3, 0x3132, UNSUCCESSFUL, 0);
    const uint8_t *first = packet(1)->data, *second = packet(2)->data;
    assert_int_equal(kd_load_u32(first + CONTEXT_FLAGS), 0x10001F);
    assert_int_equal(kd_load_u64(first + RIP), fake.map.break_instruction);
    assert_int_equal(kd_load_u64(second + RIP), fake.map.loop);
    assert_int_equal(kd_load_u64(second + RSP), fake.map.stack_top[1]);
    assert_memory_equal(second + 0x38, "\x10\0\x2B\0\x2B\0\x53\0\x2B\0\x18\0\2\2\0\0", 16);
}

static void context_lies_in_the_kprcb_too(void **state)
{
    (void)state;
    add_request(0x3132);
    add_range(0x3130, fake.map.kprcb[0] + 0x120, CONTEXT_BYTES);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_memory_equal(packet(1)->data, packet(2)->data, CONTEXT_BYTES);
}

static void set_context_needs_a_get_before(void **state)
{
    (void)state;
    struct step *step = add_request(0x3133);
    step->data_bytes = CONTEXT_BYTES;
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(1, 0x3133, UNSUCCESSFUL, 0);
    assert_int_equal(kd_load_u64(packet(2)->data + RIP), fake.map.break_instruction);
}

/* A short, an exact and an oversize CONTEXT: the part given is replaced, the excess ignored (rule 7). */
static void set_context_takes_part_or_excess(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {451, CONTEXT_BYTES, 2000};
    for (uint32_t i = 0; i < 3; i++) {
        add_request(0x3132);
        struct step *step = add_request(0x3133);
        step->data_bytes = sizes[i];
        memset(step->data, 0x11 + (int)i, sizes[i]);
        add_request(0x3132);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 3; i++) {
        assert_reply(2 + 3 * i, 0x3133, 0, 0);
        const uint8_t *after = packet(3 + 3 * i)->data;
        uint32_t replaced = sizes[i] < CONTEXT_BYTES ? sizes[i] : CONTEXT_BYTES;
        for (uint32_t at = 0; at < replaced; at++)
            assert_int_equal(after[at], 0x11 + i);
        if (replaced < CONTEXT_BYTES)
            assert_memory_equal(after + replaced, packet(1)->data + replaced, CONTEXT_BYTES - replaced);
    }
}

static void get_context_counts_for_one_stop_only(void **state)
{
    (void)state;
    add_request(0x3132);
    add_continue2(0x00010002, false); /* on the int 3: stops again */
    add_request(0x3133)->data_bytes = CONTEXT_BYTES;
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(3, 0x3133, UNSUCCESSFUL, 0);
}

/* On resuming, only what ContextFlags names takes effect: none, control, integer. */
static void context_flags_choose_what_takes_effect(void **state)
{
    (void)state;
    static const uint32_t flags[] = {0, 0x100001, 0x100002};
    fake.boot.steps_per_tick = 0;
    fake.ticks_max = 1;
    for (uint32_t i = 0; i < 3; i++) {
        add_request(0x3132);
        struct step *step = add_request(0x3133);
        step->data_bytes = CONTEXT_BYTES;
        kd_store_u32(step->data + CONTEXT_FLAGS, flags[i]);
        kd_store_u64(step->data + 0x78, 0xAAAA); /* Rax */
        kd_store_u64(step->data + RSP, fake.map.stack_top[0] - 0x80);
        /* an int 3 between functions; the third CONTEXT names another place, in vain */
        kd_store_u64(step->data + RIP, i < 2 ? fake.map.function + 5 : fake.map.loop);
        add_request(0x313C);
    }
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_exception(3, 0x80000003, fake.map.break_instruction);
    assert_exception(6, 0x80000003, fake.map.function + 5);
    assert_exception(9, 0x80000003, fake.map.function + 5);
    assert_int_equal(kd_load_u64(packet(4)->data + 0x78), kd_load_u64(packet(1)->data + 0x78));
    assert_int_equal(kd_load_u64(packet(7)->data + RSP), fake.map.stack_top[0] - 0x80);
    assert_int_equal(kd_load_u64(packet(10)->data + 0x78), 0xAAAA);
}

static void get_context_ex_gives_a_part(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, count, copied;
    } rows[] = {{0x38, 16, 16},
                {0, CONTEXT_BYTES, CONTEXT_BYTES},
                {CONTEXT_BYTES, 0, 0},
                {0, CONTEXT_BYTES + 1, 0},
                {CONTEXT_BYTES + 1, 0, 0},
                {8, UINT32_MAX, 0}};
    for (uint32_t i = 0; i < 6; i++) {
        struct step *step = add_request(0x315F);
        kd_store_u32(in_union(step, 0), rows[i].offset);
        kd_store_u32(in_union(step, 4), rows[i].count);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 6; i++) {
        const uint8_t *reply = assert_reply(1 + i, 0x315F, i < 3 ? 0 : UNSUCCESSFUL, rows[i].copied);
        assert_int_equal(kd_load_u32(reply + 8), rows[i].copied);
    }
    assert_memory_equal(packet(1)->data, packet(2)->data + 0x38, 16);
}

static struct step *add_part(uint32_t offset, uint32_t count, uint32_t whole, uint8_t value)
{
    struct step *step = add_request(0x3160);
    kd_store_u32(in_union(step, 0), offset);
    kd_store_u32(in_union(step, 4), count);
    kd_store_u32(in_union(step, 8), whole);
    step->data_bytes = count;
    memset(step->data, value, count < sizeof step->data ? count : sizeof step->data);
    return step;
}

static void set_context_ex_takes_effect_with_the_last_part(void **state)
{
    (void)state;
    add_request(0x3132);
    add_part(0, 512, CONTEXT_BYTES, 0x22);
    add_request(0x3132);
    add_part(512, 512, CONTEXT_BYTES, 0x22);
    add_part(1024, CONTEXT_BYTES - 1024, CONTEXT_BYTES, 0x22);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_memory_equal(packet(1)->data, packet(3)->data, CONTEXT_BYTES);
    assert_int_equal(kd_load_u32(assert_reply(4, 0x3160, 0, 0) + 8), 512);
    for (uint32_t i = 0; i < CONTEXT_BYTES; i++)
        assert_int_equal(packet(6)->data[i], 0x22);
}

static void set_context_ex_out_of_range_is_refused(void **state)
{
    (void)state;
    add_part(0, 8, 8, 1); /* no GetContext yet */
    add_request(0x3132);
    add_part(CONTEXT_BYTES, 1, CONTEXT_BYTES, 1);
    add_part(UINT32_MAX, 8, CONTEXT_BYTES, 1);
    add_part(0, 8, 0x3001, 1);
    on_processor(add_part(0, 8, 8, 1), 9);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_reply(1, 0x3160, UNSUCCESSFUL, 0);
    for (uint32_t i = 3; i <= 6; i++)
        assert_int_equal(kd_load_u32(assert_reply(i, 0x3160, UNSUCCESSFUL, 0) + 8), 0);
    assert_memory_equal(packet(2)->data, packet(7)->data, CONTEXT_BYTES);
}

/* ---- control space ------------------------------------------------------------------------------------- */

static void control_space_points_at_the_processor(void **state)
{
    (void)state;
    const uint64_t pointers[] = {[0] = fake.map.kpcr[1], [1] = fake.map.kprcb[1], [3] = fake.map.thread[1]};
    for (uint64_t index = 0; index < 5; index++)
        on_processor(add_range(0x3137, index, 0x1000), 1); /* S10 */
    on_processor(add_range(0x3137, 0, 8), 2);
    add_range(0x3137, 1, 5);
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t index = 0; index < 4; index++) {
        if (index == 2)
            continue;
        assert_actual(1 + index, 0x3137, 0, 8, 8);
        assert_int_equal(kd_load_u16(packet(1 + index)->header + 6), 1);
        assert_int_equal(kd_load_u64(packet(1 + index)->data), pointers[index]);
    }
    assert_actual(3, 0x3137, 0, 0xE0, 0xE0);
    assert_actual(5, 0x3137, UNSUCCESSFUL, 0, 0);
    assert_actual(6, 0x3137, UNSUCCESSFUL, 0, 0);
    assert_actual(7, 0x3137, 0, 5, 5);
}

static void special_registers_can_be_written(void **state)
{
    (void)state;
    uint8_t special[0xE0] = {0};
    add_range(0x3137, 2, 0xE0);
    assert_int_equal(fake_run(), END_SCRIPT);
    memcpy(special, packet(1)->data, sizeof special);
    assert_int_equal(kd_load_u64(special), 0x80050031);
    assert_int_equal(kd_load_u64(special + 0x10), fake.map.directory_table_pa);
    assert_int_equal(kd_load_u64(special + 0xA8), fake.map.kpcr[0]);
    fake.packet_count = fake.step_count = fake.step_next = fake.saves = fake.restores = 0;
    memset(fake.state, 0, mk_state_bytes());
    kd_store_u64(special + 0x20, 0x1234); /* Dr0 */
    add_write(0x3138, 2, special, sizeof special);
    add_write(0x3138, 1, special, sizeof special);
    add_continue2(0x00010002, false); /* on the int 3 still: stops again */
    add_range(0x3137, 2, 0xE0);
    add_request(0x3132);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_actual(1, 0x3138, 0, 0xE0, 0);
    assert_actual(2, 0x3138, UNSUCCESSFUL, 0, 0);
    assert_int_equal(kd_load_u64(packet(4)->data + 0x20), 0x1234);
    assert_int_equal(kd_load_u64(packet(5)->data + 0x48), 0x1234);
}

static void continue2_sets_dr7_everywhere_and_clears_dr6(void **state)
{
    (void)state;
    struct step *step = add_request(0x313C);
    kd_store_u32(in_union(step, 0), 0x00010002);
    kd_store_u64(in_union(step, 8), 0x455);
    add_range(0x3137, 2, 0xE0);
    on_processor(add_range(0x3137, 2, 0xE0), 1);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u64(packet(1)->header + 192), 0);
    assert_int_equal(kd_load_u64(packet(1)->header + 200), 0x455);
    assert_int_equal(kd_load_u64(packet(2)->data + 0x48), 0x455);
    assert_int_equal(kd_load_u64(packet(3)->data + 0x48), 0x455);
    assert_int_equal(kd_load_u64(packet(3)->data + 0x40), 0xFFFF0FF0);
}

/* ---- breakpoints as a table; what they do to a running target is in test_mk_cpu.c ---------------------- */

static void breakpoint_handles_are_slots_from_1(void **state)
{
    (void)state;
    add_range(0x3134, fake.map.function, 0); /* S12 */
    add_range(0x3134, fake.map.loop, 0);
    add_range(0x3134, fake.map.function, 0);
    add_range(0x3130, fake.map.function, 1);
    add_range(0x3135, 1, 0);
    add_range(0x3130, fake.map.function, 1);
    add_range(0x3135, 1, 0);
    add_range(0x3134, fake.map.hole, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3134, 0, 0) + 8), 1);
    assert_int_equal(kd_load_u32(assert_reply(2, 0x3134, 0, 0) + 8), 2);
    assert_reply(3, 0x3134, UNSUCCESSFUL, 0);
    assert_int_equal(packet(4)->data[0], 0xCC);
    assert_reply(5, 0x3135, 0, 0);
    assert_int_equal(packet(6)->data[0], 0x48);
    assert_reply(7, 0x3135, UNSUCCESSFUL, 0);
    assert_int_equal(kd_load_u32(assert_reply(8, 0x3134, 0, 0) + 8),
                     1); /* not readable: deferred, but given */
}

static void breakpoint_table_has_32_places(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 33; i++)
        add_range(0x3134, fake.map.pool + i, 0);
    for (uint32_t handle = 0; handle < 35; handle++)
        add_range(0x3135, handle, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(32, 0x3134, 0, 0) + 8), 32);
    assert_reply(33, 0x3134, UNSUCCESSFUL, 0);
    assert_reply(34, 0x3135, UNSUCCESSFUL, 0);
    assert_reply(34 + 1, 0x3135, 0, 0);
    assert_reply(34 + 32, 0x3135, 0, 0);
    assert_reply(34 + 33, 0x3135, UNSUCCESSFUL, 0);
    for (uint32_t i = 0; i < 33; i++)
        assert_int_equal(fake.ram[fake.map.pool_pa + i], pool_byte(i));
}

/* The debugger writes 0xCC over its own breakpoint and the old byte back after releasing it (rule 6). */
static void debugger_may_write_over_its_breakpoint(void **state)
{
    (void)state;
    add_range(0x3134, fake.map.function, 0);
    add_write(0x3131, fake.map.function, "\xCC", 1);
    add_range(0x3135, 1, 0);
    add_write(0x3131, fake.map.function, "\x48", 1);
    add_range(0x3130, fake.map.function, 3);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_memory_equal(packet(5)->data, "\x48\xFF\xC1", 3);
}

static void release_of_an_unknown_handle_is_vector_s15(void **state)
{
    (void)state;
    static const uint8_t s15[KD_MANIPULATE_BYTES] = {0x35, 0x31, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0xC0, [16] = 7};
    add_range(0x3135, 7, 0);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_body(1, s15);
}

/* ---- ports, MSRs, buses -------------------------------------------------------------------------------- */

static void ports_read_as_all_ones(void **state)
{
    (void)state;
    static const struct {
        uint64_t port;
        uint32_t size, status, value;
    } rows[] = {{0x60, 1, 0, 0xFF},
                {0x60, 2, 0, 0xFFFF},
                {0x3F8, 4, 0, 0xFFFFFFFF},
                {0x61, 2, 0x80000002, 0},
                {0x62, 4, 0x80000002, 0},
                {0x60, 3, INVALID_PARAMETER, 0},
                {0x60, 0, INVALID_PARAMETER, 0}};
    for (uint32_t i = 0; i < 7; i++) {
        add_range(0x3139, rows[i].port, rows[i].size);
        add_range(0x313A, rows[i].port, rows[i].size);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < 7; i++) {
        const uint8_t *reply = assert_reply(1 + 2 * i, 0x3139, rows[i].status, 0);
        assert_int_equal(kd_load_u32(reply + 8), rows[i].status == 0 ? rows[i].size : 0);
        assert_int_equal(kd_load_u32(reply + 12), rows[i].value);
        assert_reply(2 + 2 * i, 0x313A, rows[i].status, 0);
    }
}

static void extended_ports_are_isa_only(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct step *step = add_request(i < 3 ? 0x3144 : 0x3145);
        kd_store_u32(in_union(step, 0), 1);
        kd_store_u32(in_union(step, 4), i == 1 ? 5 : 1);
        kd_store_u32(in_union(step, 8), i == 2);
        kd_store_u32(in_union(step, 12), 1);
        kd_store_u64(in_union(step, 16), 0x70);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3144, 0, 0) + 24), 0xFF);
    assert_reply(2, 0x3144, INVALID_PARAMETER, 0);
    assert_reply(3, 0x3144, INVALID_PARAMETER, 0);
    assert_reply(4, 0x3145, 0, 0);
}

static void msrs_are_kept(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0xC0000080, 0xC0000082};
    kd_store_u32(in_union(add_request(0x3152), 0), 0xC0000080);
    kd_store_u32(in_union(add_request(0x3152), 0), 0xC0000101);
    for (uint32_t i = 0; i < 2; i++) {
        struct step *step = add_request(0x3153);
        kd_store_u32(in_union(step, 0), numbers[i]);
        kd_store_u64(in_union(step, 4), 0x1122334455667788);
        kd_store_u32(in_union(add_request(0x3152), 0), numbers[i]);
    }
    kd_store_u32(in_union(add_request(0x3152), 0), 0x10);
    kd_store_u32(in_union(add_request(0x3153), 0), 0x10);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u64(assert_reply(1, 0x3152, 0, 0) + 4), 0xD01);
    assert_int_equal(kd_load_u64(assert_reply(2, 0x3152, 0, 0) + 4), fake.map.kpcr[0]);
    for (uint32_t i = 0; i < 2; i++) {
        assert_reply(3 + 2 * i, 0x3153, 0, 0);
        assert_int_equal(kd_load_u64(assert_reply(4 + 2 * i, 0x3152, 0, 0) + 4), 0x1122334455667788);
    }
    assert_reply(7, 0x3152, 0xC000000E, 0);
    assert_reply(8, 0x3153, 0xC000000E, 0);
}

static void there_is_no_bus(void **state)
{
    (void)state;
    kd_store_u32(in_union(add_request(0x3157), 16), 64);
    kd_store_u32(in_union(add_data(add_request(0x3158), "abcd", 4), 16), 4);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3157, UNSUCCESSFUL, 0) + 16), 0);
    assert_int_equal(kd_load_u32(assert_reply(2, 0x3158, UNSUCCESSFUL, 0) + 16), 0);
}

/* ---- what is not supported, and what has no reply ------------------------------------------------------ */

static void unknown_request_is_vector_s19(void **state)
{
    (void)state;
    static const uint8_t s19[KD_MANIPULATE_BYTES] = {0x99, 0x31, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0xC0};
    add_request(0x3199);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_body(1, s19);
    assert_int_equal(packet(1)->data_bytes, 0);
}

static void unsupported_requests_are_echoed_unsuccessful(void **state)
{
    (void)state;
    static const uint32_t apis[] = {0x313F, 0x3140, 0x3141, 0x3142, 0x3143, 0x3147, 0x3148, 0x3151,    0x3154,
                                    0x3155, 0x3159, 0x315D, 0x315E, 0x3161, 0x312F, 0,      UINT32_MAX};
    enum { COUNT = sizeof apis / sizeof apis[0] };
    for (uint32_t i = 0; i < COUNT; i++) {
        struct step *step = add_data(add_request(apis[i]), "some data", 9);
        memset(in_union(step, 0), 0x5A, 40);
    }
    assert_int_equal(fake_run(), END_SCRIPT);
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint8_t *reply = assert_reply(1 + i, apis[i], UNSUCCESSFUL, 0);
        for (uint32_t at = 0; at < 40; at++)
            assert_int_equal(reply[at], 0x5A);
    }
}

static void clear_internal_breakpoints_has_no_reply(void **state)
{
    (void)state;
    add_request(0x315A); /* S20 */
    add_request(0x3146);
    assert_int_equal(fake_run(), END_SCRIPT);
    assert_int_equal(fake.packet_count, 2);
    assert_reply(1, 0x3146, 0, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_version_names_the_kernel, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(get_version_needs_no_memory, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(read_virtual_gives_the_kernel_header, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(largest_read_is_3944_bytes, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(read_across_the_end_is_short, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(unmapped_addresses_fail_at_once, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(user_only_page_is_readable, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(write_virtual_uses_the_length_of_the_data, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(write_across_the_end_is_short, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(read_only_page_can_be_written, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(physical_reads_and_writes_meet_the_virtual_ones, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(physical_edges_are_short, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(unknown_cache_type_is_refused, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(search_finds_the_first_match, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(search_finds_a_match_at_every_offset, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(search_passes_a_page_without_ram, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(search_stays_inside_its_range, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(search_without_a_pattern_is_refused, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(fill_repeats_the_pattern, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(fill_without_sense_is_refused, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(query_tells_kernel_from_process, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(get_context_is_the_stopped_processor, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(context_lies_in_the_kprcb_too, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(set_context_needs_a_get_before, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(set_context_takes_part_or_excess, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(get_context_counts_for_one_stop_only, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(context_flags_choose_what_takes_effect, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(get_context_ex_gives_a_part, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(set_context_ex_takes_effect_with_the_last_part, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(set_context_ex_out_of_range_is_refused, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(control_space_points_at_the_processor, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(special_registers_can_be_written, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(continue2_sets_dr7_everywhere_and_clears_dr6, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoint_handles_are_slots_from_1, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(breakpoint_table_has_32_places, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(debugger_may_write_over_its_breakpoint, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(release_of_an_unknown_handle_is_vector_s15, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(ports_read_as_all_ones, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(extended_ports_are_isa_only, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(msrs_are_kept, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(there_is_no_bus, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(unknown_request_is_vector_s19, fake_setup, fake_teardown),
        cmocka_unit_test_setup_teardown(unsupported_requests_are_echoed_unsuccessful, fake_setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(clear_internal_breakpoints_has_no_reply, fake_setup, fake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
