/* Goal: what a debugger finds in a fresh image is what nt-image.md promises, for both builds: tables that
 * translate, lists that close, headers that parse, pointers that lead somewhere, and the same bytes every
 * time. Method: both images are built once per test and read through image_walk.h, which shares no code with
 * the builder; the offsets stand here once more, copied from nt-image.md and not from the builder's tables.
 */
#include "sim/kernel/mk_image.h"
#include "sim/kernel/tests/image_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RAM_BYTES = MK_RAM_BYTES_MIN, PROCESSORS = 4, BUILDS = 2 };

/* A column of nt-image.md. */
struct column {
    enum mk_arch arch;
    unsigned width;
    uint16_t minor, machine, magic;
    uint32_t data_block_bytes, service_pack;
    uint64_t kernel_base, pool_bytes, tables;
    uint32_t page_index_bytes;
    const char *build, *kernel_path;
    struct {
        uint32_t links, pid, peb, name, vad_root, threads, directory, create_time, threads_k, ghost;
    } process;
    struct {
        uint32_t entry, start, cid, entry_k, process, teb;
    } thread;
    struct {
        uint32_t image, ldr, parameters, image_path, in_memory_order;
    } peb;
    struct {
        uint32_t in_memory_order, base, entry, size, full_name, base_name, checksum;
    } module;
    struct {
        uint32_t self, prcb, version_block, to_prcb, thread, number, special, special_bytes, context, pc, sp,
            bp, cr3;
        uint32_t gdt_base, cs;
    } processor;
};

static const struct column columns[BUILDS] = {
    {.arch = MK_X64,
     .width = 8,
     .minor = 7601,
     .machine = 0x8664,
     .magic = 0x20B,
     .data_block_bytes = 0x340,
     .service_pack = 0x100,
     .kernel_base = 0xFFFFF80002800000,
     .pool_bytes = 0x200000,
     .tables = 0xFFFFF68000000000,
     .build = "7601.",
     .kernel_path = "\\SystemRoot\\system32\\ntoskrnl.exe",
     .process = {0x188, 0x180, 0x338, 0x2E0, 0x448, 0x308, 0x028, 0x168, 0x030, 0x2A0},
     .thread = {0x420, 0x410, 0x3B0, 0x2F8, 0x070, 0x0B8},
     .peb = {0x010, 0x018, 0x020, 0x060, 0x020},
     .module = {0x10, 0x30, 0x38, 0x40, 0x48, 0x58, 0x78},
     .processor = {0x018, 0x020, 0x108, 0x180, 0x008, 0x024, 0x040, 0xE0, 0x120, 0xF8, 0x98, 0xA0, 0x10, 0x58,
                   0x38}},
    {.arch = MK_X86,
     .width = 4,
     .minor = 2600,
     .machine = 0x014C,
     .magic = 0x10B,
     .data_block_bytes = 0x290,
     .service_pack = 0x300,
     .kernel_base = 0xFFFFFFFF804D7000,
     .pool_bytes = 0x400000,
     .tables = 0xFFFFFFFFC0000000,
     .build = "2600.",
     .kernel_path = "\\WINDOWS\\system32\\ntoskrnl.exe",
     .process = {0x088, 0x084, 0x1B0, 0x174, 0x11C, 0x190, 0x018, 0x070, 0x050, 0x154},
     .thread = {0x22C, 0x228, 0x1EC, 0x1B0, 0x044, 0x020},
     .peb = {0x008, 0x00C, 0x010, 0x038, 0x014},
     .module = {0x08, 0x18, 0x1C, 0x20, 0x24, 0x2C, 0x40},
     .processor = {0x01C, 0x020, 0x034, 0x120, 0x004, 0x010, 0x2E8, 0x54, 0x01C, 0xB8, 0xC4, 0xB4, 0x08, 0x2C,
                   0xBC}},
};

struct build {
    const struct column *column;
    uint8_t *ram;
    struct mk_map map;
    struct image image;
};

static void build_at(struct build *f, const struct column *column, uint32_t processors)
{
    f->column = column;
    assert_int_equal(mk_image_build(f->ram, RAM_BYTES, column->arch, processors, &f->map), KD_OK);
    f->image = (struct image){f->ram, f->map.ram_bytes, f->map.directory_table_pa, column->width};
}

static int setup(void **state)
{
    struct build *builds = calloc(BUILDS, sizeof *builds);
    *state = builds;
    for (unsigned i = 0; i < BUILDS; i++) {
        builds[i].ram = calloc(1, RAM_BYTES);
        build_at(&builds[i], &columns[i], PROCESSORS);
    }
    return 0;
}

static int teardown(void **state)
{
    struct build *builds = *state;
    for (unsigned i = 0; i < BUILDS; i++)
        free(builds[i].ram);
    free(builds);
    return 0;
}

/* A test whose body holds for both builds. */
#define ON_BOTH(name)                                                                                        \
    static void name##_of(struct build *f);                                                                  \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        for (unsigned i = 0; i < BUILDS; i++)                                                                \
            name##_of((struct build *)*state + i);                                                           \
    }                                                                                                        \
    static void name##_of(struct build *f)

static bool mapped_in(const struct image *image, uint64_t va)
{
    uint64_t pa, entry, page_bytes;
    return image_translate(image, va, &pa, &entry, &page_bytes);
}

static bool mapped(const struct build *f, uint64_t va)
{
    return mapped_in(&f->image, va);
}

/* ---- memory -------------------------------------------------------------------------------------------- */

ON_BOTH(pool_is_one_large_page)
{
    uint64_t pa, entry, page_bytes;
    assert_true(image_translate(&f->image, f->map.large_page, &pa, &entry, &page_bytes));
    assert_int_equal(page_bytes, f->column->pool_bytes);
    assert_int_equal(f->map.pool_bytes, f->column->pool_bytes);
    assert_int_equal(entry & 0x80, 0x80);
    assert_true(image_translate(&f->image, f->map.pool, &pa, &entry, &page_bytes));
    assert_int_equal(pa, f->map.pool_pa);
    assert_true(f->map.pool_bytes >= 1024 * 1024);
    assert_true(image_translate(&f->image, f->map.pool + f->map.pool_bytes - 1, &pa, &entry, &page_bytes));
    assert_int_equal(pa, f->map.pool_pa + f->map.pool_bytes - 1);
}

ON_BOTH(pool_pattern_repeats_nowhere)
{
    uint64_t first = image_u64(&f->image, f->map.pool);
    assert_int_not_equal(first, 0);
    for (uint64_t offset = 8; offset < f->map.pool_bytes; offset += 8)
        if (memcmp(f->ram + f->map.pool_pa + offset, f->ram + f->map.pool_pa, 8) == 0)
            fail_msg("the pattern repeats at 0x%llx", (unsigned long long)offset);
}

ON_BOTH(edges_are_what_the_map_says)
{
    uint64_t pa, entry, page_bytes;
    assert_true(mapped(f, f->map.hole - 1));
    assert_false(mapped(f, f->map.hole));
    assert_false(mapped(f, f->map.hole + 4096));
    assert_false(mapped(f, 0));
    assert_false(mapped(f, 0x7FFFF000));
    assert_false(mapped(f, f->map.kernel_base + 0x00400000));
    assert_true(image_translate(&f->image, f->map.user_page, &pa, &entry, &page_bytes));
    assert_int_equal(entry & 7, 5); /* present, read-only, user */
    assert_false(image_translate(&f->image, f->map.not_present, &pa, &entry, &page_bytes));
    assert_int_equal(page_bytes, 4096);
    assert_true((entry >> 12) != 0 && entry >> 12 < f->map.ram_bytes >> 12);
}

ON_BOTH(page_after_each_image_is_not_mapped)
{
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        assert_true(mapped(f, module->base + module->size_bytes - 1));
        assert_false(mapped(f, module->base + module->size_bytes));
        assert_false(mapped(f, module->base - 1));
    }
}

ON_BOTH(tables_map_themselves)
{
    const uint64_t page =
        (f->map.kernel_base & (f->column->width == 8 ? 0x0000FFFFFFFFFFFF : 0xFFFFFFFF)) >> 12;
    uint64_t seen = f->column->tables + page * f->column->width, pa, entry, page_bytes;
    assert_true(image_translate(&f->image, f->map.kernel_base, &pa, &entry, &page_bytes));
    assert_int_equal(f->column->width == 8 ? image_u64(&f->image, seen) : image_u32(&f->image, seen), entry);
}

ON_BOTH(rest_of_memory_is_zero)
{
    enum { END_OF_IMAGE = 10 * 1024 * 1024 };
    for (uint64_t pa = 0; pa < f->map.ram_bytes; pa += 8)
        if ((pa < 0x100000 || pa >= END_OF_IMAGE) && memcmp(f->ram + pa, "\0\0\0\0\0\0\0\0", 8) != 0)
            fail_msg("something at 0x%llx", (unsigned long long)pa);
}

ON_BOTH(same_configuration_gives_the_same_bytes)
{
    uint8_t *again = calloc(1, RAM_BYTES);
    struct mk_map map;
    memset(&map, 0xA5, sizeof map);
    assert_int_equal(mk_image_build(again, RAM_BYTES, f->column->arch, PROCESSORS, &map), KD_OK);
    int ram_differs = memcmp(again, f->ram, RAM_BYTES), map_differs = memcmp(&map, &f->map, sizeof map);
    free(again);
    assert_int_equal(ram_differs, 0);
    assert_int_equal(map_differs, 0);
}

static void impossible_configurations_leave_ram_alone(void **state)
{
    struct build *f = *state;
    static const struct {
        uint64_t ram_bytes;
        int arch;
        uint32_t processors;
    } rows[] = {{RAM_BYTES, MK_X86 + 1, 1},    {RAM_BYTES, MK_X64, 0},     {RAM_BYTES, MK_X86, 5},
                {RAM_BYTES - 4096, MK_X64, 1}, {RAM_BYTES + 1, MK_X64, 1}, {0, MK_X64, 1}};
    memset(f->ram, 0x77, RAM_BYTES);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk_map map;
        assert_int_equal(
            mk_image_build(f->ram, rows[i].ram_bytes, (enum mk_arch)rows[i].arch, rows[i].processors, &map),
            KD_ERR_ARGUMENT);
    }
    for (uint64_t pa = 0; pa < RAM_BYTES; pa++)
        if (f->ram[pa] != 0x77)
            fail();
}

ON_BOTH(every_number_of_processors_can_be_built)
{
    for (uint32_t processors = 1; processors <= PROCESSORS; processors++) {
        memset(f->ram, 0, RAM_BYTES);
        build_at(f, f->column, processors);
        assert_int_equal(f->map.processors, processors);
        for (uint32_t i = 0; i < PROCESSORS; i++)
            assert_int_equal(f->map.kpcr[i] != 0, i < processors);
        uint64_t version = image_pointer(&f->image, f->map.kpcr[0] + f->column->processor.version_block);
        bool is_mp = (image_u16(&f->image, version + 6) & 1) != 0;
        assert_int_equal(is_mp, processors > 1 || f->column->arch == MK_X64);
    }
}

/* What is told of the kernel's half lies where its tables say. */
struct told {
    struct build *build;
    uint32_t count;
    struct mk_image_region regions[256];
};

static void keep_region(void *context, const struct mk_image_region *region)
{
    struct told *told = context;
    assert_true(told->count < 256);
    assert_true(region->bytes > 0);
    assert_true(region->what[0] != 0);
    told->regions[told->count++] = *region;
}

ON_BOTH(what_is_told_of_the_image_is_how_it_is)
{
    struct told told = {.build = f};
    bool stack_seen = false, pool_seen = false;
    memset(f->ram, 0, RAM_BYTES);
    assert_int_equal(
        mk_image_build_told(f->ram, RAM_BYTES, f->column->arch, PROCESSORS, &f->map, keep_region, &told),
        KD_OK);
    for (uint32_t i = 0; i < told.count; i++) {
        const struct mk_image_region *region = &told.regions[i];
        uint64_t pa, entry, page_bytes;
        if (region->pid != 0)
            continue;
        assert_true(image_translate(&f->image, region->va, &pa, &entry, &page_bytes));
        assert_int_equal(pa, region->pa);
        stack_seen |= region->va <= f->map.stack_top[0] && f->map.stack_top[0] < region->va + region->bytes;
        pool_seen |= region->va == f->map.pool && region->bytes == f->map.pool_bytes;
    }
    assert_true(stack_seen && pool_seen);
}

/* ---- lists --------------------------------------------------------------------------------------------- */

/* Walks a list all the way round, forwards and back. Returns its length; entries go to found. */
static uint32_t walk(const struct image *image, uint64_t head, uint64_t *found, uint32_t room)
{
    uint32_t count = 0;
    uint64_t before = head;
    for (uint64_t at = image_pointer(image, head); at != head; at = image_pointer(image, at)) {
        assert_true(count < room);
        assert_int_equal(image_pointer(image, at + image->width), before);
        before = found[count++] = at;
    }
    assert_int_equal(image_pointer(image, head + image->width), before);
    return count;
}

static uint64_t data_block(const struct build *f)
{
    uint64_t found[1];
    assert_int_equal(walk(&f->image, f->map.debugger_data_list, found, 1), 1);
    assert_int_equal(found[0], f->map.debugger_data);
    return found[0];
}

/* A slot of the data block: 64 bits everywhere; on x86 a debugger extends the low half itself. */
static uint64_t slot(const struct build *f, uint32_t offset)
{
    uint64_t value = image_u64(&f->image, data_block(f) + offset);
    if (f->column->width == 4)
        assert_int_equal(value >> 32, 0);
    return f->column->width == 8 ? value : (uint64_t)(int32_t)(uint32_t)value;
}

/* The value of a variable that the data block points at. */
static uint64_t variable(const struct build *f, uint32_t offset)
{
    return image_pointer(&f->image, slot(f, offset));
}

ON_BOTH(modules_are_listed_in_order)
{
    uint64_t entries[8];
    char text[128];
    assert_int_equal(slot(f, 0x48), f->map.module_list);
    assert_int_equal(walk(&f->image, f->map.module_list, entries, 8), f->map.module_count);
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        assert_int_equal(image_pointer(&f->image, entries[i] + f->column->module.base), module->base);
        assert_int_equal(image_u32(&f->image, entries[i] + f->column->module.size), module->size_bytes);
        assert_int_equal(image_u32(&f->image, entries[i] + f->column->module.checksum), module->checksum);
        image_unicode(&f->image, entries[i] + f->column->module.full_name, text);
        assert_string_equal(text, module->path);
        image_unicode(&f->image, entries[i] + f->column->module.base_name, text);
        assert_string_equal(text, module->name);
        uint64_t start = image_pointer(&f->image, entries[i] + f->column->module.entry);
        assert_true(start > module->base && start < module->base + module->size_bytes);
    }
    assert_string_equal(f->map.modules[0].name, "ntoskrnl.exe");
    assert_string_equal(f->map.modules[1].name, "hal.dll");
    assert_string_equal(f->map.modules[2].name, "kdfast.dll");
    assert_string_equal(f->map.modules[0].path, f->column->kernel_path);
    assert_int_equal(f->map.modules[0].base, f->column->kernel_base);
}

/* ---- processes ----------------------------------------------------------------------------------------- */

enum { LISTED = 4, THREADS = 2 };
static const char *const listed_names[LISTED] = {"System", "smss.exe", "csrss.exe", "explorer.exe"};

static void listed_processes(const struct build *f, uint64_t processes[LISTED])
{
    assert_int_equal(walk(&f->image, slot(f, 0x50), processes, LISTED), LISTED);
    for (uint32_t i = 0; i < LISTED; i++)
        processes[i] -= f->column->process.links;
}

static void threads_of(const struct build *f, uint64_t process, uint64_t threads[THREADS])
{
    assert_int_equal(walk(&f->image, process + f->column->process.threads, threads, THREADS), THREADS);
    for (uint32_t i = 0; i < THREADS; i++)
        threads[i] -= f->column->thread.entry;
}

static uint64_t pid_of(const struct build *f, uint64_t process)
{
    return image_pointer(&f->image, process + f->column->process.pid);
}

/* The memory of a process, through its own tables. */
static struct image space_of(const struct build *f, uint64_t process)
{
    struct image space = f->image;
    space.cr3 = (uint32_t)image_pointer(&f->image, process + f->column->process.directory);
    return space;
}

ON_BOTH(processes_are_listed)
{
    const uint64_t in_1970 = 116444736000000000u;
    uint64_t processes[LISTED];
    char name[128];
    listed_processes(f, processes);
    assert_int_equal(pid_of(f, processes[0]), 4);
    for (uint32_t i = 0; i < LISTED; i++) {
        image_string(&f->image, processes[i] + f->column->process.name, name);
        assert_string_equal(name, listed_names[i]);
        assert_true(pid_of(f, processes[i]) < 0x400); /* a client cannot look up more on x86 */
        assert_int_equal(image_pointer(&f->image, processes[i] + f->column->process.peb) == 0, i == 0);
        assert_int_equal(image_pointer(&f->image, processes[i] + f->column->process.vad_root), 0);
        assert_true(image_u64(&f->image, processes[i] + f->column->process.create_time) > in_1970);
        assert_int_equal(image_pointer(&f->image, processes[i] + f->column->process.ghost), 0);
    }
    assert_int_equal(space_of(f, processes[0]).cr3, f->map.directory_table_pa);
}

ON_BOTH(threads_are_in_both_lists_of_their_process)
{
    uint64_t processes[LISTED], threads[THREADS], again[THREADS];
    listed_processes(f, processes);
    for (uint32_t i = 0; i < LISTED; i++) {
        threads_of(f, processes[i], threads);
        assert_int_equal(walk(&f->image, processes[i] + f->column->process.threads_k, again, THREADS),
                         THREADS);
        for (uint32_t n = 0; n < THREADS; n++) {
            assert_int_equal(again[n] - f->column->thread.entry_k, threads[n]);
            assert_int_equal(image_pointer(&f->image, threads[n] + f->column->thread.process), processes[i]);
            assert_int_equal(image_pointer(&f->image, threads[n] + f->column->thread.cid),
                             pid_of(f, processes[i]));
            uint64_t start = image_pointer(&f->image, threads[n] + f->column->thread.start);
            struct image space = space_of(f, processes[i]);
            assert_true(mapped_in(&space, start));
            assert_int_equal(mapped(f, start), i == 0);
        }
    }
}

ON_BOTH(cid_table_finds_processes_and_threads)
{
    const unsigned entry_bytes = f->column->width == 8 ? 16 : 8;
    uint64_t processes[LISTED], threads[THREADS];
    uint64_t table = image_pointer(&f->image, variable(f, 0x58));
    listed_processes(f, processes);
    assert_int_equal(table & 3, 0);
    for (uint32_t i = 0; i < LISTED; i++) {
        uint64_t entry = table + entry_bytes * (pid_of(f, processes[i]) / 4);
        assert_int_equal(image_pointer(&f->image, entry), processes[i] | 1);
        threads_of(f, processes[i], threads);
        for (uint32_t n = 0; n < THREADS; n++) {
            uint64_t tid = image_pointer(&f->image, threads[n] + f->column->thread.cid + f->column->width);
            assert_int_equal(image_pointer(&f->image, table + entry_bytes * (tid / 4)), threads[n] | 1);
        }
    }
}

/* As a client lists them: PEB, loader data, entries in memory order, each with an image behind it. */
ON_BOTH(user_modules_are_found_through_the_peb)
{
    static const char *const libraries[] = {"ntdll.dll", "kernel32.dll"};
    uint64_t processes[LISTED], entries[3];
    char text[128];
    listed_processes(f, processes);
    for (uint32_t i = 1; i < LISTED; i++) {
        struct image space = space_of(f, processes[i]);
        uint64_t peb = image_pointer(&f->image, processes[i] + f->column->process.peb);
        uint64_t ldr = image_pointer(&space, peb + f->column->peb.ldr);
        uint64_t parameters = image_pointer(&space, peb + f->column->peb.parameters);
        image_unicode(&space, parameters + f->column->peb.image_path, text);
        assert_non_null(strstr(text, listed_names[i]));
        assert_int_equal(walk(&space, ldr + f->column->peb.in_memory_order, entries, 3), 3);
        for (uint32_t n = 0; n < 3; n++) {
            uint64_t entry = entries[n] - f->column->module.in_memory_order;
            uint64_t base = image_pointer(&space, entry + f->column->module.base);
            image_unicode(&space, entry + f->column->module.base_name, text);
            assert_string_equal(text, n == 0 ? listed_names[i] : libraries[n - 1]);
            if (n == 0)
                assert_int_equal(base, image_pointer(&space, peb + f->column->peb.image));
            uint64_t pe = base + image_u32(&space, base + 0x3C);
            assert_int_equal(image_u16(&space, base), 0x5A4D);
            assert_int_equal(image_u16(&space, pe + 4), f->column->machine);
            assert_int_equal(image_u32(&space, pe + 24 + 56),
                             image_u32(&space, entry + f->column->module.size));
            assert_int_equal(image_u32(&space, pe + 24 + 64),
                             image_u32(&space, entry + f->column->module.checksum));
        }
    }
}

/* No two share a page of it, the kernel's own tables have none of it, and user code may touch it. */
ON_BOTH(user_memory_is_in_its_processes_tables_alone)
{
    uint64_t processes[LISTED], pa[LISTED] = {0}, entry, page_bytes;
    listed_processes(f, processes);
    for (uint32_t i = 1; i < LISTED; i++) {
        struct image space = space_of(f, processes[i]);
        uint64_t peb = image_pointer(&f->image, processes[i] + f->column->process.peb);
        assert_false(mapped(f, peb));
        assert_true(image_translate(&space, peb, &pa[i], &entry, &page_bytes));
        assert_int_equal(entry & 5, 5);
        for (uint32_t other = 0; other < i; other++) {
            assert_int_not_equal(pa[i], pa[other]);
            assert_int_not_equal(space.cr3, space_of(f, processes[other]).cr3);
        }
    }
}

ON_BOTH(every_process_sees_the_same_kernel)
{
    uint64_t processes[LISTED];
    listed_processes(f, processes);
    const uint64_t places[] = {f->map.kernel_base,  f->map.pool,          f->map.kpcr[PROCESSORS - 1],
                               f->map.stack_top[0], f->map.debugger_data, processes[LISTED - 1],
                               f->map.user_page};
    for (uint32_t i = 1; i < LISTED; i++) {
        struct image space = space_of(f, processes[i]);
        for (uint32_t n = 0; n < sizeof places / sizeof places[0]; n++) {
            uint64_t pa, same, entry, page_bytes;
            assert_true(image_translate(&f->image, places[n], &pa, &entry, &page_bytes));
            assert_true(image_translate(&space, places[n], &same, &entry, &page_bytes));
            assert_int_equal(pa, same);
        }
        /* and its tables map themselves, not the kernel's */
        uint64_t top = f->column->width == 8 ? 0xFFFFF6FB7DBED000 : 0xFFFFFFFFC0300000, pa, entry, page_bytes;
        assert_true(image_translate(&space, top, &pa, &entry, &page_bytes));
        assert_int_equal(pa & ~0xFFFull, space.cr3);
    }
}

ON_BOTH(thread_blocks_name_their_process_and_stack)
{
    const unsigned width = f->column->width;
    const uint32_t self = width == 8 ? 0x30 : 0x18, peb_at = width == 8 ? 0x60 : 0x30;
    uint64_t processes[LISTED], threads[THREADS];
    listed_processes(f, processes);
    for (uint32_t i = 0; i < LISTED; i++) {
        struct image space = space_of(f, processes[i]);
        threads_of(f, processes[i], threads);
        for (uint32_t n = 0; n < THREADS; n++) {
            uint64_t teb = image_pointer(&f->image, threads[n] + f->column->thread.teb);
            assert_int_equal(teb == 0, i == 0);
            if (i == 0)
                continue;
            assert_int_equal(image_pointer(&space, teb + self), teb);
            assert_int_equal(image_pointer(&space, teb + peb_at),
                             image_pointer(&f->image, processes[i] + f->column->process.peb));
            assert_true(mapped_in(&space, image_pointer(&space, teb + width) - 1));
            assert_true(mapped_in(&space, image_pointer(&space, teb + 2 * width)));
        }
    }
}

/* ---- the data block ------------------------------------------------------------------------------------ */

ON_BOTH(data_block_tells_what_it_is)
{
    uint64_t block = data_block(f);
    char text[128];
    assert_int_equal(image_u32(&f->image, block + 0x10), 0x4742444B); /* KDBG */
    assert_int_equal(image_u32(&f->image, block + 0x14), f->column->data_block_bytes);
    assert_int_equal(slot(f, 0x18), f->map.kernel_base);
    assert_int_equal(slot(f, 0x20), f->map.break_instruction);
    assert_int_equal(image_u16(&f->image, block + 0x36) & 1, f->column->width == 8);
    assert_int_equal(image_u64(&f->image, block + 0x138), 4096);
    assert_int_equal(image_u32(&f->image, slot(f, 0x268)), f->column->service_pack);
    image_string(&f->image, slot(f, 0x208), text);
    assert_memory_equal(text, f->column->build, 5);
    assert_int_equal(variable(f, 0xF8), RAM_BYTES / 4096);
}

ON_BOTH(every_pointer_of_the_data_block_leads_somewhere)
{
    for (uint32_t at = 0x18; at + 8 <= f->column->data_block_bytes && at < 0x298; at += 8)
        if (at != 0x30 && at != 0x138 && !mapped(f, slot(f, at)))
            fail_msg("slot 0x%x leads nowhere", at);
}

/* XP's block ends before them. */
static void data_block_offsets_agree_with_the_structures(void **state)
{
    const struct build *f = *state;
    const struct column *column = f->column;
    const struct {
        uint32_t at, value;
    } rows[] = {{0x29A, column->thread.teb},        {0x2A0, column->thread.process},
                {0x2AA, column->process.peb},       {0x2AE, column->process.directory},
                {0x2B4, column->processor.thread},  {0x2BC, column->processor.context},
                {0x2BE, column->processor.number},  {0x2E2, column->processor.self},
                {0x2E4, column->processor.prcb},    {0x2E6, column->processor.to_prcb},
                {0x2F2, column->processor.special}, {0x2B8, 0x5F0}};
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(image_u16(&f->image, data_block(f) + rows[i].at), rows[i].value);
}

ON_BOTH(physical_memory_has_two_runs)
{
    static const uint64_t rows[] = {2, RAM_BYTES / 4096 - 0x60, 0, 0xA0, 0x100, RAM_BYTES / 4096 - 0x100};
    uint64_t descriptor = variable(f, 0x270);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(image_pointer(&f->image, descriptor + f->column->width * i), rows[i]);
}

/* ---- processors ---------------------------------------------------------------------------------------- */

ON_BOTH(processors_are_found_through_the_data_block)
{
    const struct column *column = f->column;
    uint64_t array = slot(f, 0x218);
    for (uint32_t i = 0; i < PROCESSORS; i++) {
        uint64_t kprcb = image_pointer(&f->image, array + column->width * i);
        uint64_t kpcr = kprcb - column->processor.to_prcb;
        assert_int_equal(kprcb, f->map.kprcb[i]);
        assert_int_equal(kpcr, f->map.kpcr[i]);
        assert_int_equal(image_pointer(&f->image, kpcr + column->processor.self), kpcr);
        assert_int_equal(image_pointer(&f->image, kpcr + column->processor.prcb), kprcb);
        assert_int_equal(image_u16(&f->image, kprcb + column->processor.number) & 0xFF, i);
        uint64_t thread = image_pointer(&f->image, kprcb + column->processor.thread);
        assert_int_equal(thread, f->map.thread[i]);
        uint64_t process = image_pointer(&f->image, thread + column->thread.process);
        assert_int_equal(space_of(f, process).cr3, f->map.directory_table_pa);
        uint64_t context = kprcb + column->processor.context, special = kprcb + column->processor.special;
        assert_int_equal(image_pointer(&f->image, context + column->processor.pc), f->map.loop);
        assert_int_equal(image_pointer(&f->image, context + column->processor.sp), f->map.stack_top[i]);
        assert_int_equal(image_pointer(&f->image, context + column->processor.bp), f->map.frame[i]);
        assert_int_equal((uint32_t)image_pointer(&f->image, special + column->processor.cr3),
                         f->map.directory_table_pa);
        if (column->width == 8)
            assert_int_equal(special + column->processor.special_bytes, context);
        else
            assert_int_equal(context + 0x2CC, special);
    }
}

/* A debugger looks the code segment up: flat, present, executable. */
ON_BOTH(code_segment_is_in_the_descriptor_table)
{
    uint64_t kprcb = f->map.kprcb[0], special = kprcb + f->column->processor.special;
    uint64_t gdt = image_pointer(&f->image, special + f->column->processor.gdt_base);
    uint16_t cs = image_u16(&f->image, kprcb + f->column->processor.context + f->column->processor.cs);
    uint64_t descriptor = image_u64(&f->image, gdt + cs);
    assert_int_equal(descriptor >> 40 & 0x9F, 0x9B);
    assert_int_equal(descriptor >> 16 & 0xFFFFFF, 0);
    assert_int_equal(descriptor >> 53 & 1, f->column->width == 8);
}

ON_BOTH(version_block_is_what_get_version_says)
{
    uint64_t version = image_pointer(&f->image, f->map.kpcr[0] + f->column->processor.version_block);
    assert_int_equal(image_u16(&f->image, version), 0x0F);
    assert_int_equal(image_u16(&f->image, version + 2), f->column->minor);
    assert_int_equal(image_u16(&f->image, version + 8), f->column->machine);
    assert_int_equal(image_u64(&f->image, version + 16), f->map.kernel_base);
    assert_int_equal(image_u64(&f->image, version + 24), f->map.module_list);
    assert_int_equal(image_u64(&f->image, version + 32), f->map.debugger_data_list);
}

/* Every frame's code has a name; the third caller was called by nobody. */
ON_BOTH(each_stack_leads_back_through_three_callers)
{
    static const char *const chain[] = {"KiIdleLoop", "KiEnterIdle", "KiInitializeKernel", "KiSystemStartup"};
    for (uint32_t i = 0; i < PROCESSORS; i++) {
        uint64_t pc = f->map.loop, sp = f->map.stack_top[i], frame = f->map.frame[i];
        for (uint32_t n = 0; n < 4; n++) {
            char name[128];
            assert_true(image_symbol(&f->image, f->map.kernel_base, pc, name) < 64);
            assert_string_equal(name, chain[n]);
            if (f->column->width == 8)
                image_unwind(&f->image, f->map.kernel_base, &pc, &sp);
            else
                image_frame(&f->image, &pc, &frame);
        }
        assert_int_equal(pc, 0);
    }
}

/* ---- modules in memory --------------------------------------------------------------------------------- */

ON_BOTH(every_module_has_headers_that_parse)
{
    const unsigned image_base_at = f->column->width == 8 ? 24 : 28;
    for (uint32_t i = 0; i < f->map.module_count; i++) {
        const struct mk_module *module = &f->map.modules[i];
        uint64_t pe = module->base + image_u32(&f->image, module->base + 0x3C), optional = pe + 24;
        assert_int_equal(image_u16(&f->image, module->base), 0x5A4D);
        assert_int_equal(image_u32(&f->image, pe), 0x4550);
        assert_int_equal(image_u16(&f->image, pe + 4), f->column->machine);
        assert_int_equal(image_u32(&f->image, pe + 8), module->timestamp);
        assert_int_equal(image_u16(&f->image, optional), f->column->magic);
        assert_int_equal(image_pointer(&f->image, optional + image_base_at), module->base);
        assert_int_equal(image_u32(&f->image, optional + 56), module->size_bytes);
        assert_int_equal(image_u32(&f->image, optional + 64), module->checksum);
        assert_int_equal(image_u32(&f->image, optional + (f->column->width == 8 ? 108 : 92)), 16);
        assert_true(image_u32(&f->image, optional + 16) < module->size_bytes);
        uint16_t sections = image_u16(&f->image, pe + 6);
        uint64_t table = optional + image_u16(&f->image, pe + 20);
        uint32_t next = 0x1000;
        for (uint32_t n = 0; n < sections; n++) {
            assert_int_equal(image_u32(&f->image, table + 40u * n + 12), next);
            next += image_u32(&f->image, table + 40u * n + 8);
        }
        assert_int_equal(next, module->size_bytes);
    }
}

ON_BOTH(exports_are_sorted_and_lead_into_the_code)
{
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

ON_BOTH(debug_directories_name_symbol_files)
{
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
    const struct build *f = *state;
    uint32_t len_bytes;
    uint64_t table = image_directory(&f->image, f->map.kernel_base, 3, &len_bytes);
    assert_true(len_bytes >= 5 * 12 && len_bytes % 12 == 0);
    for (uint64_t row = table; row + 12 < table + len_bytes; row += 12)
        assert_true(image_u32(&f->image, row + 4) <= image_u32(&f->image, row + 12));
}

static void x86_has_no_unwind_table(void **state)
{
    const struct build *f = (const struct build *)*state + 1;
    uint32_t len_bytes;
    assert_int_equal(image_directory(&f->image, f->map.kernel_base, 3, &len_bytes), 0);
}

ON_BOTH(code_begins_where_the_map_says)
{
    const bool is_long = f->column->width == 8;
    uint8_t bytes[5];
    assert_true(image_read(&f->image, f->map.loop, bytes, 4));
    assert_memory_equal(bytes, is_long ? "\x90\x48\xFF\xC0" : "\x90\x40\xE8", is_long ? 4 : 3);
    assert_true(image_read(&f->image, f->map.function, bytes, 5));
    assert_memory_equal(bytes, is_long ? "\x48\xFF\xC1\x90\xC3" : "\x41\x90\xC3", is_long ? 5 : 3);
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
        cmocka_unit_test_setup_teardown(what_is_told_of_the_image_is_how_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(modules_are_listed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_are_in_both_lists_of_their_process, setup, teardown),
        cmocka_unit_test_setup_teardown(cid_table_finds_processes_and_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(user_modules_are_found_through_the_peb, setup, teardown),
        cmocka_unit_test_setup_teardown(user_memory_is_in_its_processes_tables_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(every_process_sees_the_same_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(thread_blocks_name_their_process_and_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(data_block_tells_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(every_pointer_of_the_data_block_leads_somewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(data_block_offsets_agree_with_the_structures, setup, teardown),
        cmocka_unit_test_setup_teardown(physical_memory_has_two_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(processors_are_found_through_the_data_block, setup, teardown),
        cmocka_unit_test_setup_teardown(code_segment_is_in_the_descriptor_table, setup, teardown),
        cmocka_unit_test_setup_teardown(version_block_is_what_get_version_says, setup, teardown),
        cmocka_unit_test_setup_teardown(each_stack_leads_back_through_three_callers, setup, teardown),
        cmocka_unit_test_setup_teardown(every_module_has_headers_that_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(exports_are_sorted_and_lead_into_the_code, setup, teardown),
        cmocka_unit_test_setup_teardown(debug_directories_name_symbol_files, setup, teardown),
        cmocka_unit_test_setup_teardown(unwind_table_is_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(x86_has_no_unwind_table, setup, teardown),
        cmocka_unit_test_setup_teardown(code_begins_where_the_map_says, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
