/* Goal: what a debugger finds in a fresh image is what nt-image.md promises: tables that translate, lists
 * that close, headers that parse, pointers that lead somewhere, and the same bytes every time. Method: the
 * image is built once per test and read through image_walk.h, which shares no code with the builder. */
#include "sim/kernel/mk_image.h"
#include "sim/kernel/tests/image_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RAM_BYTES = MK_RAM_BYTES_MIN, PROCESSORS = 4 };

struct fix {
    uint8_t *ram;
    struct mk_map map;
    struct image image;
};

static struct image image_of(uint8_t *ram, const struct mk_map *map)
{
    return (struct image){ram, map->ram_bytes, map->directory_table_pa};
}

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof *f);
    *state = f;
    f->ram = calloc(1, RAM_BYTES);
    enum kd_status status = mk_image_build(f->ram, RAM_BYTES, MK_X64, PROCESSORS, &f->map);
    f->image = image_of(f->ram, &f->map);
    return status == KD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fix *f = *state;
    free(f->ram);
    free(f);
    return 0;
}

static bool mapped(const struct fix *f, uint64_t va)
{
    uint64_t pa, entry, page_bytes;
    return image_translate(&f->image, va, &pa, &entry, &page_bytes);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static void pool_is_one_large_page(void **state)
{
    struct fix *f = *state;
    uint64_t pa, entry, page_bytes;
    assert_true(image_translate(&f->image, f->map.large_page, &pa, &entry, &page_bytes));
    assert_int_equal(page_bytes, 0x200000);
    assert_int_equal(entry & 0x80, 0x80);
    assert_true(image_translate(&f->image, f->map.pool, &pa, &entry, &page_bytes));
    assert_int_equal(pa, f->map.pool_pa);
    assert_true(f->map.pool_bytes >= 1024 * 1024);
    assert_true(image_translate(&f->image, f->map.pool + f->map.pool_bytes - 1, &pa, &entry, &page_bytes));
    assert_int_equal(pa, f->map.pool_pa + f->map.pool_bytes - 1);
}

static void pool_pattern_repeats_nowhere(void **state)
{
    struct fix *f = *state;
    uint64_t first = image_u64(&f->image, f->map.pool);
    assert_int_not_equal(first, 0);
    for (uint64_t offset = 8; offset < f->map.pool_bytes; offset += 8)
        if (memcmp(f->ram + f->map.pool_pa + offset, f->ram + f->map.pool_pa, 8) == 0)
            fail_msg("the pattern repeats at 0x%llx", (unsigned long long)offset);
}

static void edges_are_what_the_map_says(void **state)
{
    struct fix *f = *state;
    uint64_t pa, entry, page_bytes;
    assert_true(mapped(f, f->map.hole - 1));
    assert_false(mapped(f, f->map.hole));
    assert_false(mapped(f, f->map.hole + 4096));
    assert_false(mapped(f, 0));
    assert_false(mapped(f, 0x00007FFFFFFFF000));
    assert_true(image_translate(&f->image, f->map.user_page, &pa, &entry, &page_bytes));
    assert_int_equal(entry & 7, 5); /* present, read-only, user */
    assert_false(image_translate(&f->image, f->map.not_present, &pa, &entry, &page_bytes));
    assert_int_equal(page_bytes, 4096);
    assert_true((entry >> 12) != 0 && entry >> 12 < f->map.ram_bytes >> 12);
}

static void page_after_each_image_is_not_mapped(void **state)
{
    struct fix *f = *state;
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        assert_true(mapped(f, module->base + module->size_bytes - 1));
        assert_false(mapped(f, module->base + module->size_bytes));
        assert_false(mapped(f, module->base - 1));
    }
}

static void tables_map_themselves(void **state)
{
    struct fix *f = *state;
    uint64_t va = 0xFFFFF68000000000, pa, entry, page_bytes;
    uint64_t seen = va + ((f->map.kernel_base & 0x0000FFFFFFFFFFFF) >> 12) * 8;
    assert_true(image_translate(&f->image, f->map.kernel_base, &pa, &entry, &page_bytes));
    assert_int_equal(image_u64(&f->image, seen), entry);
}

static void rest_of_memory_is_zero(void **state)
{
    struct fix *f = *state;
    uint64_t used = f->map.pool_pa + f->map.pool_bytes;
    for (uint64_t pa = 0; pa < f->map.ram_bytes; pa += 8)
        if ((pa < 0x100000 || pa >= used + 0x10000) && memcmp(f->ram + pa, "\0\0\0\0\0\0\0\0", 8) != 0)
            fail_msg("something at 0x%llx", (unsigned long long)pa);
}

static void same_configuration_gives_the_same_bytes(void **state)
{
    struct fix *f = *state;
    uint8_t *again = calloc(1, RAM_BYTES);
    struct mk_map map;
    memset(&map, 0xA5, sizeof map);
    assert_int_equal(mk_image_build(again, RAM_BYTES, MK_X64, PROCESSORS, &map), KD_OK);
    int ram_differs = memcmp(again, f->ram, RAM_BYTES), map_differs = memcmp(&map, &f->map, sizeof map);
    free(again);
    assert_int_equal(ram_differs, 0);
    assert_int_equal(map_differs, 0);
}

static void impossible_configurations_leave_ram_alone(void **state)
{
    struct fix *f = *state;
    static const struct {
        uint64_t ram_bytes;
        enum mk_arch arch;
        uint32_t processors;
    } rows[] = {{RAM_BYTES, MK_X86, 1},        {RAM_BYTES, MK_X64, 0},     {RAM_BYTES, MK_X64, 5},
                {RAM_BYTES - 4096, MK_X64, 1}, {RAM_BYTES + 1, MK_X64, 1}, {0, MK_X64, 1}};
    memset(f->ram, 0x77, RAM_BYTES);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk_map map;
        assert_int_equal(mk_image_build(f->ram, rows[i].ram_bytes, rows[i].arch, rows[i].processors, &map),
                         KD_ERR_ARGUMENT);
    }
    for (uint64_t pa = 0; pa < RAM_BYTES; pa++)
        if (f->ram[pa] != 0x77)
            fail();
}

static void every_number_of_processors_can_be_built(void **state)
{
    struct fix *f = *state;
    for (uint32_t processors = 1; processors <= PROCESSORS; processors++) {
        memset(f->ram, 0, RAM_BYTES);
        assert_int_equal(mk_image_build(f->ram, RAM_BYTES, MK_X64, processors, &f->map), KD_OK);
        for (uint32_t i = 0; i < PROCESSORS; i++)
            assert_int_equal(f->map.kpcr[i] != 0, i < processors);
    }
}

/* ---- lists --------------------------------------------------------------------------------------------- */

/* Walks a list all the way round, forwards and back. Returns its length; entries go to found. */
static uint32_t walk(const struct fix *f, uint64_t head, uint64_t *found, uint32_t room)
{
    uint32_t count = 0;
    uint64_t before = head;
    for (uint64_t at = image_u64(&f->image, head); at != head; at = image_u64(&f->image, at)) {
        assert_true(count < room);
        assert_int_equal(image_u64(&f->image, at + 8), before);
        before = found[count++] = at;
    }
    assert_int_equal(image_u64(&f->image, head + 8), before);
    return count;
}

static uint64_t data_block(const struct fix *f)
{
    uint64_t found[1];
    assert_int_equal(walk(f, f->map.debugger_data_list, found, 1), 1);
    assert_int_equal(found[0], f->map.debugger_data);
    return found[0];
}

/* The value of a variable that the data block points at. */
static uint64_t variable(const struct fix *f, uint32_t slot)
{
    return image_u64(&f->image, image_u64(&f->image, data_block(f) + slot));
}

static void modules_are_listed_in_order(void **state)
{
    struct fix *f = *state;
    uint64_t entries[8];
    char text[128];
    assert_int_equal(image_u64(&f->image, data_block(f) + 0x48), f->map.module_list);
    assert_int_equal(walk(f, f->map.module_list, entries, 8), f->map.module_count);
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        assert_int_equal(image_u64(&f->image, entries[i] + 0x30), module->base);
        assert_int_equal(image_u32(&f->image, entries[i] + 0x40), module->size_bytes);
        assert_int_equal(image_u32(&f->image, entries[i] + 0x78), module->checksum);
        image_unicode(&f->image, entries[i] + 0x48, text);
        assert_string_equal(text, module->path);
        image_unicode(&f->image, entries[i] + 0x58, text);
        assert_string_equal(text, module->name);
    }
    assert_string_equal(f->map.modules[0].name, "ntoskrnl.exe");
    assert_string_equal(f->map.modules[1].name, "hal.dll");
    assert_string_equal(f->map.modules[2].name, "kdfast.dll");
}

static void system_is_the_only_listed_process(void **state)
{
    struct fix *f = *state;
    uint64_t links[4], threads[8];
    char name[128];
    assert_int_equal(walk(f, image_u64(&f->image, data_block(f) + 0x50), links, 4), 1);
    uint64_t process = links[0] - 0x188;
    assert_int_equal(image_u64(&f->image, process + 0x180), 4);
    assert_int_equal(image_u64(&f->image, process + 0x28), f->map.directory_table_pa);
    assert_int_equal(image_u64(&f->image, process + 0x338), 0);
    assert_int_equal(image_u64(&f->image, process + 0x2A0), 0); /* else a client lists a ghost */
    image_string(&f->image, process + 0x2E0, name);
    assert_string_equal(name, "System");
    assert_int_equal(walk(f, process + 0x308, threads, 8), 2);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t thread = threads[i] - 0x420;
        assert_int_equal(image_u64(&f->image, thread + 0x70), process);
        assert_int_equal(image_u64(&f->image, thread + 0x3B0), 4);
        assert_true(mapped(f, image_u64(&f->image, thread + 0x410)));
        assert_true(mapped(f, image_u64(&f->image, thread + 0x38)));
    }
    assert_int_equal(walk(f, process + 0x30, threads, 8), 2);
}

static void cid_table_finds_processes_and_threads(void **state)
{
    struct fix *f = *state;
    uint64_t links[4], threads[8];
    walk(f, image_u64(&f->image, data_block(f) + 0x50), links, 4);
    uint64_t process = links[0] - 0x188;
    walk(f, process + 0x308, threads, 8);
    uint64_t table = image_u64(&f->image, variable(f, 0x58));
    assert_int_equal(table & 3, 0);
    assert_int_equal(image_u64(&f->image, table + 16 * 1), process | 1);
    uint64_t tid = image_u64(&f->image, threads[0] - 0x420 + 0x3B8);
    assert_int_equal(image_u64(&f->image, table + 16 * (tid / 4)), (threads[0] - 0x420) | 1);
}

/* ---- the data block ------------------------------------------------------------------------------------ */

static void data_block_tells_what_it_is(void **state)
{
    struct fix *f = *state;
    uint64_t block = data_block(f);
    char text[128];
    assert_int_equal(image_u32(&f->image, block + 0x10), 0x4742444B); /* KDBG */
    assert_int_equal(image_u32(&f->image, block + 0x14), 0x340);
    assert_int_equal(image_u64(&f->image, block + 0x18), f->map.kernel_base);
    assert_int_equal(image_u64(&f->image, block + 0x20), f->map.break_instruction);
    assert_int_equal(image_u16(&f->image, block + 0x36) & 1, 1);
    assert_int_equal(image_u64(&f->image, block + 0x138), 4096);
    assert_int_equal(image_u32(&f->image, image_u64(&f->image, block + 0x268)), 0x100);
    image_string(&f->image, image_u64(&f->image, block + 0x208), text);
    assert_memory_equal(text, "7601.", 5);
    assert_int_equal(variable(f, 0xF8), RAM_BYTES / 4096);
}

static void every_pointer_of_the_data_block_leads_somewhere(void **state)
{
    struct fix *f = *state;
    uint64_t block = data_block(f);
    for (uint32_t slot = 0x18; slot < 0x298; slot += 8)
        if (slot != 0x30 && slot != 0x138 && !mapped(f, image_u64(&f->image, block + slot)))
            fail_msg("slot 0x%x leads nowhere", slot);
}

static void physical_memory_has_two_runs(void **state)
{
    struct fix *f = *state;
    static const uint64_t rows[] = {2, RAM_BYTES / 4096 - 0x60, 0, 0xA0, 0x100, RAM_BYTES / 4096 - 0x100};
    uint64_t descriptor = variable(f, 0x270);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(image_u64(&f->image, descriptor + 8 * i), rows[i]);
}

/* ---- processors ---------------------------------------------------------------------------------------- */

/* Found as a client finds it: KiProcessorBlock, and the offsets that the data block itself gives. */
static void processors_are_found_through_the_data_block(void **state)
{
    struct fix *f = *state;
    uint64_t block = data_block(f), array = image_u64(&f->image, block + 0x218);
    for (uint32_t i = 0; i < PROCESSORS; i++) {
        uint64_t kprcb = image_u64(&f->image, array + 8 * i);
        uint64_t kpcr = kprcb - image_u16(&f->image, block + 0x2E6);
        assert_int_equal(kprcb, f->map.kprcb[i]);
        assert_int_equal(kpcr, f->map.kpcr[i]);
        assert_int_equal(image_u64(&f->image, kpcr + image_u16(&f->image, block + 0x2E2)), kpcr);
        assert_int_equal(image_u64(&f->image, kpcr + image_u16(&f->image, block + 0x2E4)), kprcb);
        assert_int_equal(image_u32(&f->image, kprcb + image_u16(&f->image, block + 0x2BE)), i);
        uint64_t thread = image_u64(&f->image, kprcb + image_u16(&f->image, block + 0x2B4));
        assert_int_equal(thread, f->map.thread[i]);
        assert_int_equal(image_u64(&f->image, thread + 0x70) != 0, true);
        uint64_t context = kprcb + image_u16(&f->image, block + 0x2BC);
        assert_int_equal(image_u64(&f->image, context + 0xF8), f->map.loop);
        assert_int_equal(image_u64(&f->image, context + 0x98), f->map.stack_top[i]);
        uint64_t special = kprcb + image_u16(&f->image, block + 0x2F2);
        assert_int_equal(image_u64(&f->image, special + 0x10), f->map.directory_table_pa);
        assert_int_equal(special + 0xE0, context);
    }
}

static void version_block_is_what_get_version_says(void **state)
{
    struct fix *f = *state;
    uint64_t version = image_u64(&f->image, f->map.kpcr[0] + 0x108);
    assert_int_equal(image_u16(&f->image, version), 0x0F);
    assert_int_equal(image_u16(&f->image, version + 2), 7601);
    assert_int_equal(image_u64(&f->image, version + 16), f->map.kernel_base);
    assert_int_equal(image_u64(&f->image, version + 24), f->map.module_list);
    assert_int_equal(image_u64(&f->image, version + 32), f->map.debugger_data_list);
}

static void each_stack_unwinds_three_frames(void **state)
{
    struct fix *f = *state;
    for (uint32_t i = 0; i < PROCESSORS; i++) {
        uint64_t pc = f->map.loop, sp = f->map.stack_top[i];
        for (uint32_t frame = 0; frame < 3; frame++) {
            assert_int_not_equal(pc, 0);
            image_unwind(&f->image, f->map.kernel_base, &pc, &sp);
        }
        assert_int_equal(pc, 0);
    }
}

/* ---- modules in memory --------------------------------------------------------------------------------- */

static void every_module_has_headers_that_parse(void **state)
{
    struct fix *f = *state;
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        uint64_t pe = module->base + image_u32(&f->image, module->base + 0x3C), optional = pe + 24;
        assert_int_equal(image_u16(&f->image, module->base), 0x5A4D);
        assert_int_equal(image_u32(&f->image, pe), 0x4550);
        assert_int_equal(image_u16(&f->image, pe + 4), 0x8664);
        assert_int_equal(image_u32(&f->image, pe + 8), module->timestamp);
        assert_int_equal(image_u16(&f->image, optional), 0x20B);
        assert_int_equal(image_u64(&f->image, optional + 24), module->base);
        assert_int_equal(image_u32(&f->image, optional + 56), module->size_bytes);
        assert_int_equal(image_u32(&f->image, optional + 64), module->checksum);
        assert_true(image_u32(&f->image, optional + 16) < module->size_bytes);
        uint16_t sections = image_u16(&f->image, pe + 6);
        uint64_t table = optional + image_u16(&f->image, pe + 20);
        uint32_t end = image_u32(&f->image, table + 40u * (sections - 1u) + 12) +
                       image_u32(&f->image, table + 40u * (sections - 1u) + 8);
        assert_int_equal(end, module->size_bytes);
    }
}

static void exports_are_sorted_and_lead_into_the_code(void **state)
{
    struct fix *f = *state;
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        uint64_t base = f->map.modules[i].base;
        uint32_t len_bytes;
        uint64_t directory = image_directory(&f->image, base, 0, &len_bytes);
        uint64_t names = base + image_u32(&f->image, directory + 32);
        char name[128], before[128] = "";
        image_string(&f->image, base + image_u32(&f->image, directory + 12), name);
        assert_string_equal(name, f->map.modules[i].name);
        assert_true(image_u32(&f->image, directory + 24) > 0);
        for (uint32_t n = 0; n < image_u32(&f->image, directory + 24); n++) {
            image_string(&f->image, base + image_u32(&f->image, names + 4 * n), name);
            assert_true(strcmp(before, name) < 0);
            memcpy(before, name, sizeof before);
        }
    }
    char name[128];
    assert_int_equal(image_symbol(&f->image, f->map.kernel_base, f->map.break_instruction, name), 0);
    assert_string_equal(name, "DbgBreakPointWithStatus");
}

static void debug_directories_name_symbol_files(void **state)
{
    struct fix *f = *state;
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        uint64_t base = f->map.modules[i].base;
        uint32_t len_bytes;
        char name[128];
        uint64_t directory = image_directory(&f->image, base, 6, &len_bytes);
        assert_int_equal(len_bytes, 28);
        assert_int_equal(image_u32(&f->image, directory + 12), 2);
        uint64_t codeview = base + image_u32(&f->image, directory + 20);
        assert_int_equal(image_u32(&f->image, codeview), 0x53445352); /* RSDS */
        image_string(&f->image, codeview + 24, name);
        assert_int_equal(image_u32(&f->image, directory + 16), 24 + strlen(name) + 1);
        assert_non_null(strstr(name, ".pdb"));
    }
}

static void unwind_table_is_sorted(void **state)
{
    struct fix *f = *state;
    uint32_t len_bytes;
    uint64_t table = image_directory(&f->image, f->map.kernel_base, 3, &len_bytes);
    assert_true(len_bytes >= 5 * 12 && len_bytes % 12 == 0);
    for (uint64_t row = table; row + 12 < table + len_bytes; row += 12)
        assert_true(image_u32(&f->image, row + 4) <= image_u32(&f->image, row + 12));
}

static void code_begins_where_the_map_says(void **state)
{
    struct fix *f = *state;
    uint8_t bytes[5];
    assert_true(image_read(&f->image, f->map.loop, bytes, 4));
    assert_memory_equal(bytes, "\x90\x48\xFF\xC0", 4);
    assert_true(image_read(&f->image, f->map.function, bytes, 5));
    assert_memory_equal(bytes, "\x48\xFF\xC1\x90\xC3", 5);
    assert_true(image_read(&f->image, f->map.debug_service - 2, bytes, 4));
    assert_memory_equal(bytes, "\xCD\x2D\xCC\xC3", 4);
    assert_true(image_read(&f->image, f->map.break_instruction, bytes, 2));
    assert_memory_equal(bytes, "\xCC\xC3", 2);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pool_is_one_large_page, setup, teardown),
        cmocka_unit_test_setup_teardown(pool_pattern_repeats_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(edges_are_what_the_map_says, setup, teardown),
        cmocka_unit_test_setup_teardown(page_after_each_image_is_not_mapped, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_map_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(rest_of_memory_is_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(same_configuration_gives_the_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_configurations_leave_ram_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(every_number_of_processors_can_be_built, setup, teardown),
        cmocka_unit_test_setup_teardown(modules_are_listed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(system_is_the_only_listed_process, setup, teardown),
        cmocka_unit_test_setup_teardown(cid_table_finds_processes_and_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(data_block_tells_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(every_pointer_of_the_data_block_leads_somewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(physical_memory_has_two_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(processors_are_found_through_the_data_block, setup, teardown),
        cmocka_unit_test_setup_teardown(version_block_is_what_get_version_says, setup, teardown),
        cmocka_unit_test_setup_teardown(each_stack_unwinds_three_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(every_module_has_headers_that_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(exports_are_sorted_and_lead_into_the_code, setup, teardown),
        cmocka_unit_test_setup_teardown(debug_directories_name_symbol_files, setup, teardown),
        cmocka_unit_test_setup_teardown(unwind_table_is_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(code_begins_where_the_map_says, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
