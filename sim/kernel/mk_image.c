/* mk_image.c: the whole image: which modules, where everything goes, in which order it is built. */
#include "sim/kernel/mk_image.h"
#include "sim/kernel/mk_nt.h"
#include "sim/kernel/mk_pe.h"
#include "transport/kd/kd_bytes.h"
#include <stdio.h>
#include <string.h>

/* The virtual memory of the target, amd64. Between any two of these lies something that is not mapped. */
#define VA_USER_SHARED 0x000000007FFE0000u
#define VA_NOT_PRESENT 0xFFFFFA8000D00000u
#define VA_TABLES      0xFFFFF68000000000u
#define VA_STACKS      0xFFFFF88002000000u
#define VA_NONPAGED    0xFFFFFA8000C00000u
#define VA_POOL        0xFFFFFA8001000000u

enum {
    STACK_BYTES = 0x6000,
    STACK_SPACING = 0x10000,
    NONPAGED_BYTES = 0x10000,
    POOL_BYTES = MK_LARGE_PAGE_BYTES,
    KERNEL_IMAGE_BYTES = 0x10000,
    DRIVER_IMAGE_BYTES = 0x6000,
    TIMESTAMP = 0x4CE7951A, /* of Windows 7 SP1's kernel; the others follow it */
};

struct module_row {
    const char *name, *path, *pdb_name;
    uint64_t base;
    uint32_t size_bytes;
};

#define SYSTEM32 "\\SystemRoot\\system32\\"
static const struct module_row modules[] = {
    {"ntoskrnl.exe", SYSTEM32 "ntoskrnl.exe", "ntkrnlmp.pdb", 0xFFFFF80002800000u, KERNEL_IMAGE_BYTES},
    {"hal.dll", SYSTEM32 "hal.dll", "hal.pdb", 0xFFFFF80002E00000u, DRIVER_IMAGE_BYTES},
    {"kdfast.dll", SYSTEM32 "kdfast.dll", "kdfast.pdb", 0xFFFFF80000B90000u, DRIVER_IMAGE_BYTES},
    {"disk.sys", SYSTEM32 "DRIVERS\\disk.sys", "disk.pdb", 0xFFFFF88001000000u, DRIVER_IMAGE_BYTES},
    {"Ntfs.sys", SYSTEM32 "DRIVERS\\Ntfs.sys", "ntfs.pdb", 0xFFFFF88001200000u, DRIVER_IMAGE_BYTES},
    {"tcpip.sys", SYSTEM32 "DRIVERS\\tcpip.sys", "tcpip.pdb", 0xFFFFF88001600000u, DRIVER_IMAGE_BYTES},
};
enum { MODULES = sizeof modules / sizeof modules[0] };

/* ---- modules ------------------------------------------------------------------------------------------- */

static void describe_module(struct mk_module *module, uint32_t index)
{
    const struct module_row *row = &modules[index];
    module->base = row->base;
    module->size_bytes = row->size_bytes;
    module->timestamp = TIMESTAMP + index * 0x101u;
    module->checksum = 0x00012345u + index * 0x00010203u;
    snprintf(module->path, sizeof module->path, "%s", row->path);
    snprintf(module->name, sizeof module->name, "%s", row->name);
}

static void build_module(struct mk_builder *builder, const struct mk_module *module, uint32_t index,
                         const struct mk_code *code)
{
    struct mk_export exports[MK_FUNCTIONS];
    const struct mk_pe pe = {.name = module->name,
                             .pdb_name = modules[index].pdb_name,
                             .base = module->base,
                             .size_bytes = module->size_bytes,
                             .checksum = module->checksum,
                             .timestamp = module->timestamp,
                             .is_dll = index != 0,
                             .code = code,
                             .exports = exports,
                             .export_count = code->function_count};
    /* An insertion sort: the format wants names in order. */
    for (uint32_t i = 0; i < code->function_count; i++) {
        struct mk_export export = {code->functions[i].name, MK_PE_TEXT + code->functions[i].first};
        uint32_t at = i;
        for (; at > 0 && strcmp(exports[at - 1].name, export.name) > 0; at--)
            exports[at] = exports[at - 1];
        exports[at] = export;
    }
    mk_pe_build(builder, &pe);
}

static uint64_t entry_point(uint32_t index, const struct mk_code *code)
{
    return modules[index].base + MK_PE_TEXT + code->functions[code->function_count - 1].first;
}

static void name_places(struct mk_map *map, const struct mk_code *code)
{
    uint64_t text = map->kernel_base + MK_PE_TEXT;
    map->loop = text + code->loop;
    map->loop_bytes = code->loop_end - code->loop;
    map->function = text + code->counter;
    map->break_instruction = text + code->break_instruction;
    map->break_handler = text + code->break_handler;
    map->bugcheck_handler = text + code->bugcheck_handler;
    map->debug_service = text + code->debug_service;
}

/* ---- stacks -------------------------------------------------------------------------------------------- */

/* A stack as it is when the processor runs the loop: three frames, and 0 where the boot began. */
static uint64_t build_stack(struct mk_builder *builder, const struct mk_map *map, const struct mk_code *code,
                            uint32_t number)
{
    enum { ABOVE_BYTES = 0x40 };
    uint64_t limit =
        mk_region(builder, VA_STACKS + (uint64_t)number * STACK_SPACING, STACK_BYTES, MK_KERNEL_PAGE);
    uint64_t sp = limit + STACK_BYTES - ABOVE_BYTES - 8; /* the outermost return address: 0 */
    for (uint32_t i = 2; i > 0; i--) {
        sp -= code->frame_bytes + 8;
        mk_put_pointer(builder, sp, map->kernel_base + MK_PE_TEXT + code->loop_returns[i - 1]);
    }
    return sp - code->frame_bytes;
}

static void put_thread_stack(struct mk_nt *nt, uint64_t thread, uint64_t sp, uint64_t limit)
{
    mk_put_pointer(nt->builder, thread + nt->layout->thread.kernel_stack, sp);
    mk_put_pointer(nt->builder, thread + nt->layout->thread.initial_stack, limit + STACK_BYTES);
    mk_put_pointer(nt->builder, thread + nt->layout->thread.stack_limit, limit);
}

/* ---- memory that is nobody's --------------------------------------------------------------------------- */

/* One large page; a pattern in which no 8 bytes repeat and that means nothing to anybody. */
static void build_pool(struct mk_builder *builder, struct mk_map *map)
{
    map->pool = map->large_page = VA_POOL;
    map->pool_bytes = POOL_BYTES;
    map->hole = VA_POOL + POOL_BYTES;
    map->pool_pa = mk_take(builder, POOL_BYTES, MK_LARGE_PAGE_BYTES);
    mk_map_large_page(builder, VA_POOL, map->pool_pa, MK_KERNEL_PAGE);
    for (uint64_t i = 0; i < POOL_BYTES / 8; i++)
        kd_store_u64(builder->ram + map->pool_pa + 8 * i, (i + 1) * 0x9E3779B97F4A7C15u);
}

/* Pages that clients try (nt-image.md, edges). */
static void build_edges(struct mk_builder *builder, struct mk_map *map)
{
    uint64_t shared = builder->layout->shared_data;
    uint64_t pa = (uint64_t)(mk_at(builder, shared, MK_PAGE_BYTES) - builder->ram);
    mk_map_page(builder, VA_USER_SHARED, pa, MK_USER_PAGE);
    mk_map_page(builder, VA_NOT_PRESENT, map->pool_pa, MK_KERNEL_PAGE & ~(uint64_t)MK_PTE_PRESENT);
    map->user_page = VA_USER_SHARED;
    map->not_present = VA_NOT_PRESENT;
}

/* ---- the image ----------------------------------------------------------------------------------------- */

static void build_modules(struct mk_nt *nt, const struct mk_code *kernel)
{
    struct mk_code driver;
    mk_code_driver(&driver);
    nt->map->module_count = MODULES;
    for (uint32_t i = 0; i < MODULES; i++) {
        const struct mk_code *code = i == 0 ? kernel : &driver;
        describe_module(&nt->map->modules[i], i);
        build_module(nt->builder, &nt->map->modules[i], i, code);
    }
    nt->data = (struct mk_area){nt->map->kernel_base + MK_PE_DATA, nt->map->kernel_base + KERNEL_IMAGE_BYTES};
    mk_nt_begin(nt);
    for (uint32_t i = 0; i < MODULES; i++)
        mk_nt_module(nt, &nt->map->modules[i], modules[i].name, entry_point(i, i == 0 ? kernel : &driver));
}

/* The idle process with a thread for each processor, and System with two that wait. */
static void build_processes(struct mk_nt *nt, const struct mk_code *kernel, uint32_t processors)
{
    enum { SYSTEM_PID = 4, SYSTEM_THREADS = 2, FIRST_TID = 8 };
    uint64_t start = entry_point(0, kernel);
    uint64_t idle = mk_nt_process(nt, 0, "Idle", false);
    uint64_t system = mk_nt_process(nt, SYSTEM_PID, "System", true);
    for (uint32_t i = 0; i < processors; i++) {
        uint64_t thread = mk_nt_thread(nt, idle, 0, 0, start, true);
        uint64_t sp = build_stack(nt->builder, nt->map, kernel, i);
        nt->map->stack_top[i] = sp;
        put_thread_stack(nt, thread, sp, VA_STACKS + (uint64_t)i * STACK_SPACING);
        mk_nt_processor(nt, i, thread);
    }
    for (uint32_t i = 0; i < SYSTEM_THREADS; i++) {
        uint64_t thread = mk_nt_thread(nt, system, SYSTEM_PID, FIRST_TID + 4 * i, start, false);
        uint64_t sp = build_stack(nt->builder, nt->map, kernel, MK_PROCESSORS_MAX + i);
        put_thread_stack(nt, thread, sp, VA_STACKS + (uint64_t)(MK_PROCESSORS_MAX + i) * STACK_SPACING);
    }
}

enum kd_status mk_image_build(uint8_t *ram, uint64_t ram_bytes, enum mk_arch arch, uint32_t processors,
                              struct mk_map *map)
{
    const struct mk_layout *layout = mk_layout(arch);
    struct mk_builder builder;
    struct mk_code kernel;
    struct mk_nt nt = {.builder = &builder, .layout = mk_nt_layout(arch), .map = map};
    if (!layout || !nt.layout || processors == 0 || processors > MK_PROCESSORS_MAX ||
        ram_bytes < MK_RAM_BYTES_MIN || ram_bytes % MK_PAGE_BYTES != 0)
        return KD_ERR_ARGUMENT;
    memset(map, 0, sizeof *map);
    mk_builder_init(&builder, ram, ram_bytes, layout);
    mk_code_kernel(&kernel);
    map->ram_bytes = ram_bytes;
    map->directory_table_pa = builder.directory_pa;
    map->kernel_base = modules[0].base;
    name_places(map, &kernel);
    mk_map_tables(&builder, VA_TABLES);
    mk_region(&builder, layout->shared_data, MK_PAGE_BYTES, MK_KERNEL_PAGE);
    mk_region(&builder, VA_NONPAGED, NONPAGED_BYTES, MK_KERNEL_PAGE);
    nt.pool = (struct mk_area){VA_NONPAGED, VA_NONPAGED + NONPAGED_BYTES};
    build_modules(&nt, &kernel);
    build_processes(&nt, &kernel, processors);
    build_pool(&builder, map);
    build_edges(&builder, map);
    mk_nt_shared_data(&nt);
    mk_nt_data_block(&nt);
    return KD_OK;
}
