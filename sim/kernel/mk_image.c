/* mk_image.c: the whole image: what is built, in which order. The plan says where. */
#include "sim/kernel/mk_image.h"
#include "sim/kernel/mk_nt.h"
#include "sim/kernel/mk_pe.h"
#include "sim/kernel/mk_user.h"
#include "transport/kd/kd_bytes.h"
#include <stdio.h>
#include <string.h>

enum { NONPAGED_BYTES = 0x10000, SYSTEM_PID = 4 };

/* The image under construction. */
struct work {
    enum mk_arch arch;
    struct mk_builder builder;
    struct mk_nt nt;
    struct mk_code kernel;
    uint32_t stacks; /* handed out so far */
};

/* ---- modules ------------------------------------------------------------------------------------------- */

static void describe_module(struct mk_module *module, const struct mk_plan *plan, uint32_t index)
{
    const struct mk_plan_module *row = &plan->modules[index];
    module->base = row->base;
    module->size_bytes = row->size_bytes;
    module->timestamp = plan->timestamp + index * 0x101u;
    module->checksum = 0x00012345u + index * 0x00010203u;
    snprintf(module->path, sizeof module->path, "%s", row->path);
    snprintf(module->name, sizeof module->name, "%s", row->name);
}

static void build_module(struct work *work, const struct mk_module *module, uint32_t index,
                         const struct mk_code *code)
{
    struct mk_export exports[MK_FUNCTIONS];
    const struct mk_pe pe = {.name = module->name,
                             .pdb_name = work->nt.plan->modules[index].pdb_name,
                             .base = module->base,
                             .size_bytes = module->size_bytes,
                             .checksum = module->checksum,
                             .timestamp = module->timestamp,
                             .page_flags = MK_KERNEL_PAGE,
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
    mk_pe_build(&work->builder, &pe);
}

static uint64_t entry_point(const struct mk_module *module, const struct mk_code *code)
{
    return module->base + MK_PE_TEXT + code->functions[code->function_count - 1].first;
}

static void build_modules(struct work *work)
{
    const struct mk_plan *plan = work->nt.plan;
    struct mk_map *map = work->nt.map;
    struct mk_code driver;
    mk_code_module(&driver, work->arch, "DriverEntry");
    map->module_count = MK_PLAN_MODULES;
    for (uint32_t i = 0; i < MK_PLAN_MODULES; i++) {
        describe_module(&map->modules[i], plan, i);
        build_module(work, &map->modules[i], i, i == 0 ? &work->kernel : &driver);
    }
    work->nt.data =
        (struct mk_area){map->kernel_base + MK_PE_DATA, map->kernel_base + plan->modules[0].size_bytes};
    mk_nt_begin(&work->nt);
    for (uint32_t i = 0; i < MK_PLAN_MODULES; i++)
        mk_nt_module(&work->nt, &map->modules[i],
                     entry_point(&map->modules[i], i == 0 ? &work->kernel : &driver));
}

static void name_places(struct mk_map *map, const struct mk_code *code)
{
    uint64_t text = map->kernel_base + MK_PE_TEXT;
    map->loop = text + code->loop;
    map->loop_bytes = code->loop_end - code->loop;
    map->function = text + code->counter;
    map->break_instruction = text + code->break_instruction;
    map->break_handler = text + code->break_handler;
    map->break_steps = code->break_steps;
    map->bugcheck_handler = text + code->bugcheck_handler;
    map->bugcheck_steps = code->bugcheck_steps;
    map->debug_service = text + code->debug_service;
}

/* ---- stacks -------------------------------------------------------------------------------------------- */

struct stack {
    uint64_t limit, end;
    uint64_t sp, frame;
};

/* What the machine's call and the function's first instructions put there. */
static void push_frame(const struct work *work, struct stack *stack, uint64_t return_address)
{
    stack->sp -= work->builder.layout->pointer_bytes;
    mk_put_pointer(&work->builder, stack->sp, return_address);
    stack->sp -= work->kernel.frame_bytes;
    if (!work->kernel.frame_pointer)
        return;
    mk_put_pointer(&work->builder, stack->sp, stack->frame);
    stack->frame = stack->sp;
}

/* The next kernel stack, as it is in the loop: the loop's callers, and 0 where the boot began. */
static struct stack build_stack(struct work *work)
{
    enum { ABOVE_BYTES = 0x40 };
    const struct mk_plan *plan = work->nt.plan;
    uint64_t limit = plan->stacks + (uint64_t)work->stacks++ * plan->stack_spacing;
    uint64_t end = limit + plan->stack_bytes;
    struct stack stack = {.limit = limit, .end = end, .sp = end - ABOVE_BYTES};
    mk_region(&work->builder, limit, plan->stack_bytes, MK_KERNEL_PAGE, "kernel stack");
    push_frame(work, &stack, 0);
    for (uint32_t i = MK_LOOP_CALLERS; i > 0; i--)
        push_frame(work, &stack, work->nt.map->kernel_base + MK_PE_TEXT + work->kernel.loop_returns[i - 1]);
    return stack;
}

/* ---- processes ----------------------------------------------------------------------------------------- */

static uint64_t build_thread(struct work *work, struct mk_nt_thread *thread)
{
    const struct stack stack = build_stack(work);
    thread->stack_limit = stack.limit;
    thread->stack_end = stack.end;
    thread->sp = stack.sp;
    return mk_nt_thread(&work->nt, thread);
}

/* The idle process has a thread for each processor, which runs. */
static void build_idle(struct work *work)
{
    struct mk_map *map = work->nt.map;
    const struct mk_nt_process row = {.name = "Idle", .directory_pa = map->directory_table_pa};
    uint64_t process = mk_nt_process(&work->nt, &row);
    for (uint32_t i = 0; i < map->processors; i++) {
        const struct stack stack = build_stack(work);
        const struct mk_nt_thread thread = {.process = process,
                                            .running = true,
                                            .start_address = entry_point(&map->modules[0], &work->kernel),
                                            .stack_limit = stack.limit,
                                            .stack_end = stack.end,
                                            .sp = stack.sp};
        map->stack_top[i] = stack.sp;
        map->frame[i] = stack.frame;
        mk_nt_processor(&work->nt, i, mk_nt_thread(&work->nt, &thread));
    }
}

static void build_waiting_threads(struct work *work, uint64_t process, uint32_t pid,
                                  const struct mk_user *user)
{
    for (uint32_t i = 0; i < MK_PLAN_THREADS; i++) {
        struct mk_nt_thread thread = {.process = process,
                                      .pid = pid,
                                      .tid = pid + 4 * (i + 1),
                                      .start_address = user->start_address,
                                      .teb = user->teb[i]};
        (void)build_thread(work, &thread);
    }
}

static void build_system(struct work *work)
{
    struct mk_map *map = work->nt.map;
    const struct mk_nt_process row = {
        .pid = SYSTEM_PID, .name = "System", .listed = true, .directory_pa = map->directory_table_pa};
    const struct mk_user nobody = {.start_address = entry_point(&map->modules[0], &work->kernel)};
    build_waiting_threads(work, mk_nt_process(&work->nt, &row), SYSTEM_PID, &nobody);
}

static void build_user_process(struct work *work, uint32_t index)
{
    const struct mk_plan_process *row = &work->nt.plan->processes[index];
    const struct mk_layout *layout = work->builder.layout;
    struct mk_nt_process process = {
        .pid = row->pid, .parent = row->parent, .name = row->name, .listed = true};
    uint64_t kuser_pa = mk_pa(&work->builder, layout->shared_data);
    const struct mk_user user = mk_user_build(&work->nt, work->arch, index, row->pid + 4, kuser_pa);
    process.directory_pa = user.directory_pa;
    process.peb = user.peb;
    build_waiting_threads(work, mk_nt_process(&work->nt, &process), row->pid, &user);
}

/* ---- memory that is nobody's --------------------------------------------------------------------------- */

/* One large page; a pattern in which no 8 bytes repeat and that means nothing to anybody. */
static void build_pool(struct work *work)
{
    const uint64_t bytes = mk_large_page_bytes(work->builder.layout);
    struct mk_map *map = work->nt.map;
    map->pool = map->large_page = work->nt.plan->pool;
    map->pool_bytes = bytes;
    map->hole = map->pool + bytes;
    map->pool_pa = mk_take(&work->builder, bytes, bytes);
    mk_map_large_page(&work->builder, map->pool, map->pool_pa, MK_KERNEL_PAGE);
    mk_tell(&work->builder, map->pool, map->pool_pa, bytes, "pool, one large page");
    for (uint64_t i = 0; i < bytes / 8; i++)
        kd_store_u64(work->builder.ram + map->pool_pa + 8 * i, (i + 1) * 0x9E3779B97F4A7C15u);
}

/* Pages that clients try (nt-image.md, edges). */
static void build_edges(struct work *work)
{
    const struct mk_plan *plan = work->nt.plan;
    struct mk_map *map = work->nt.map;
    uint64_t kuser_pa = mk_pa(&work->builder, work->builder.layout->shared_data);
    mk_map_page(&work->builder, plan->user_shared, kuser_pa, MK_USER_PAGE);
    mk_tell(&work->builder, plan->user_shared, kuser_pa, MK_PAGE_BYTES, "KUSER_SHARED_DATA, user, read-only");
    mk_map_page(&work->builder, plan->not_present, map->pool_pa, MK_KERNEL_PAGE & ~(uint64_t)MK_PTE_PRESENT);
    map->shared_data_pa = kuser_pa;
    map->user_page = plan->user_shared;
    map->not_present = plan->not_present;
}

/* ---- the image ----------------------------------------------------------------------------------------- */

/* The kernel's half first and whole: address spaces share its top-level entries, and kernel memory that comes
 * later, stacks and objects, lies under entries that are there already. */
static void build(struct work *work)
{
    const struct mk_plan *plan = work->nt.plan;
    struct mk_builder *builder = &work->builder;
    mk_map_tables(builder, plan->tables);
    mk_region(builder, builder->layout->shared_data, MK_PAGE_BYTES, MK_KERNEL_PAGE, "KUSER_SHARED_DATA");
    mk_region(builder, plan->nonpaged, NONPAGED_BYTES, MK_KERNEL_PAGE, "nonpaged pool");
    work->nt.pool = (struct mk_area){plan->nonpaged, plan->nonpaged + NONPAGED_BYTES};
    build_modules(work);
    build_idle(work);
    build_system(work);
    build_pool(work);
    build_edges(work);
    for (uint32_t i = 0; i < MK_PLAN_PROCESSES; i++)
        build_user_process(work, i);
    mk_nt_shared_data(&work->nt);
    mk_nt_data_block(&work->nt);
}

enum kd_status mk_image_build_told(uint8_t *ram, uint64_t ram_bytes, enum mk_arch arch, uint32_t processors,
                                   struct mk_map *map, mk_image_region_fn *tell, void *context)
{
    const struct mk_layout *layout = mk_layout(arch);
    if (!layout || processors == 0 || processors > MK_PROCESSORS_MAX || ram_bytes < MK_RAM_BYTES_MIN ||
        ram_bytes % MK_PAGE_BYTES != 0)
        return KD_ERR_ARGUMENT;
    struct work work = {.arch = arch};
    work.nt = (struct mk_nt){
        .builder = &work.builder, .layout = mk_nt_layout(arch), .plan = mk_plan(arch), .map = map};
    memset(map, 0, sizeof *map);
    mk_builder_init(&work.builder, ram, ram_bytes, layout);
    work.builder.tell = tell;
    work.builder.context = context;
    mk_code_kernel(&work.kernel, arch);
    map->ram_bytes = ram_bytes;
    map->processors = processors;
    map->directory_table_pa = work.builder.directory_pa;
    map->kernel_base = work.nt.plan->modules[0].base;
    name_places(map, &work.kernel);
    build(&work);
    return KD_OK;
}

enum kd_status mk_image_build(uint8_t *ram, uint64_t ram_bytes, enum mk_arch arch, uint32_t processors,
                              struct mk_map *map)
{
    return mk_image_build_told(ram, ram_bytes, arch, processors, map, NULL, NULL);
}
