/* mk_user.c: see mk_user.h. */
#include "sim/kernel/mk_user.h"
#include "sim/kernel/mk_pe.h"
#include <stdio.h>
#include <string.h>

enum {
    HEAP_BYTES = 2 * MK_PAGE_BYTES,
    STACK_BYTES = 2 * MK_PAGE_BYTES,
    STACK_SPACING = 0x10000,
    TEB_BYTES = MK_PAGE_BYTES,
    PEB_BYTES = MK_PAGE_BYTES,
    MODULE_BYTES = 0x6000,
};

/* ---- modules ------------------------------------------------------------------------------------------- */

static struct mk_plan_module module_row(const struct mk_plan *plan, uint32_t process, uint32_t number)
{
    const struct mk_plan_process *row = &plan->processes[process];
    if (number > 0)
        return plan->libraries[number - 1];
    return (struct mk_plan_module){row->name, row->path, row->pdb_name, row->base, MODULE_BYTES};
}

/* Every copy of a library has the same stamps, as every process has the same library. */
static struct mk_module describe(const struct mk_plan *plan, const struct mk_plan_module *row, uint32_t stamp)
{
    struct mk_module module = {.base = row->base,
                               .size_bytes = row->size_bytes,
                               .timestamp = plan->timestamp + 0x100000u + stamp * 0x101u,
                               .checksum = 0x00056789u + stamp * 0x00010203u};
    snprintf(module.path, sizeof module.path, "%s", row->path);
    snprintf(module.name, sizeof module.name, "%s", row->name);
    return module;
}

/* Returns its entry point. */
static uint64_t map_module(struct mk_builder *builder, enum mk_arch arch, const struct mk_plan_module *row,
                           const struct mk_module *module, bool is_dll)
{
    struct mk_code code;
    mk_code_module(&code, arch, is_dll ? "DllMainCRTStartup" : "WinMainCRTStartup");
    const struct mk_export export = {code.functions[0].name, MK_PE_TEXT + code.functions[0].first};
    const struct mk_pe pe = {.name = module->name,
                             .pdb_name = row->pdb_name,
                             .base = module->base,
                             .size_bytes = module->size_bytes,
                             .checksum = module->checksum,
                             .timestamp = module->timestamp,
                             .page_flags = MK_USER_PAGE,
                             .is_dll = is_dll,
                             .is_user = true,
                             .code = &code,
                             .exports = &export,
                             .export_count = 1};
    mk_pe_build(builder, &pe);
    return module->base + export.rva;
}

/* PEB_LDR_DATA with its three lists, of the same modules in the same order. Returns its address. */
static uint64_t put_loader_data(struct mk_nt *nt, struct mk_area *heap, enum mk_arch arch, uint32_t index,
                                uint64_t *start_address)
{
    enum { LENGTH = 0, INITIALIZED = 4 };
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    uint64_t ldr = mk_area_take(heap, layout->ldr.bytes, 16);
    mk_put_32(builder, ldr + LENGTH, layout->ldr.bytes);
    mk_put_bytes(builder, ldr + INITIALIZED, "\1", 1);
    mk_list_init(builder, ldr + layout->ldr.load_links);
    mk_list_init(builder, ldr + layout->ldr.memory_links);
    mk_list_init(builder, ldr + layout->ldr.init_links);
    for (uint32_t number = 0; number < MK_PLAN_USER_MODULES; number++) {
        uint32_t stamp = number > 0 ? MK_PLAN_PROCESSES + number : index;
        const struct mk_plan_module row = module_row(nt->plan, index, number);
        const struct mk_module module = describe(nt->plan, &row, stamp);
        uint64_t entry_point = map_module(builder, arch, &row, &module, number > 0);
        uint64_t entry = mk_nt_module_entry(nt, heap, &module, entry_point);
        mk_list_append(builder, ldr + layout->ldr.load_links, entry + layout->module.load_links);
        mk_list_append(builder, ldr + layout->ldr.memory_links, entry + layout->module.memory_links);
        mk_list_append(builder, ldr + layout->ldr.init_links, entry + layout->module.init_links);
        if (number == 0)
            *start_address = entry_point;
    }
    return ldr;
}

/* ---- PEB and TEBs -------------------------------------------------------------------------------------- */

static uint64_t put_parameters(struct mk_nt *nt, struct mk_area *heap, const char *path)
{
    enum { MAXIMUM_LENGTH = 0, LENGTH = 4, FLAGS = 8, NORMALIZED = 1 };
    const struct mk_nt_layout *layout = nt->layout;
    uint64_t parameters = mk_area_take(heap, layout->parameters.bytes, 16);
    mk_put_32(nt->builder, parameters + MAXIMUM_LENGTH, layout->parameters.bytes);
    mk_put_32(nt->builder, parameters + LENGTH, layout->parameters.bytes);
    mk_put_32(nt->builder, parameters + FLAGS, NORMALIZED);
    mk_unicode_string(nt->builder, heap, parameters + layout->parameters.image_path, path);
    mk_unicode_string(nt->builder, heap, parameters + layout->parameters.command_line, path);
    return parameters;
}

static void put_peb(struct mk_nt *nt, uint64_t peb, uint64_t image_base, uint64_t ldr, uint64_t parameters)
{
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    mk_put_pointer(builder, peb + layout->peb.image_base, image_base);
    mk_put_pointer(builder, peb + layout->peb.ldr, ldr);
    mk_put_pointer(builder, peb + layout->peb.parameters, parameters);
    mk_put_32(builder, peb + layout->peb.processors, nt->map->processors);
    mk_put_32(builder, peb + layout->peb.major, builder->layout->version.nt_major);
    mk_put_32(builder, peb + layout->peb.minor, builder->layout->version.nt_minor);
    mk_put_16(builder, peb + layout->peb.build, builder->layout->version.minor);
}

/* A thread's environment block with its stack. */
static uint64_t put_teb(struct mk_nt *nt, uint32_t pid, uint32_t number, uint32_t tid)
{
    const struct mk_nt_layout *layout = nt->layout;
    const struct mk_plan *plan = nt->plan;
    struct mk_builder *builder = nt->builder;
    uint64_t stack = plan->user_stacks + (uint64_t)number * STACK_SPACING;
    uint64_t teb = plan->teb - number * plan->teb_spacing;
    mk_region(builder, stack, STACK_BYTES, MK_USER_DATA, "user stack");
    mk_region(builder, teb, TEB_BYTES, MK_USER_DATA, "TEB");
    mk_put_pointer(builder, teb + layout->teb.stack_base, stack + STACK_BYTES);
    mk_put_pointer(builder, teb + layout->teb.stack_limit, stack);
    mk_put_pointer(builder, teb + layout->teb.self, teb);
    mk_put_pointer(builder, teb + layout->teb.cid, pid);
    mk_put_pointer(builder, teb + layout->teb.cid + builder->layout->pointer_bytes, tid);
    mk_put_pointer(builder, teb + layout->teb.peb, plan->peb);
    return teb;
}

struct mk_user mk_user_build(struct mk_nt *nt, enum mk_arch arch, uint32_t index, uint32_t first_tid,
                             uint64_t kuser_pa)
{
    const struct mk_plan *plan = nt->plan;
    const struct mk_plan_process *row = &plan->processes[index];
    struct mk_builder *builder = nt->builder;
    uint64_t kernel_pa = builder->directory_pa;
    struct mk_user user = {.directory_pa = mk_space_create(builder), .peb = plan->peb};
    struct mk_area heap = {plan->user_heap, plan->user_heap + HEAP_BYTES};
    mk_space_enter(builder, user.directory_pa, row->pid);
    mk_map_tables(builder, plan->tables);
    mk_map_page(builder, plan->user_shared, kuser_pa, MK_USER_PAGE);
    mk_region(builder, plan->user_heap, HEAP_BYTES, MK_USER_DATA, "loader data and parameters");
    mk_region(builder, plan->peb, PEB_BYTES, MK_USER_DATA, "PEB");
    uint64_t ldr = put_loader_data(nt, &heap, arch, index, &user.start_address);
    put_peb(nt, plan->peb, row->base, ldr, put_parameters(nt, &heap, row->path));
    for (uint32_t i = 0; i < MK_PLAN_THREADS; i++)
        user.teb[i] = put_teb(nt, row->pid, i, first_tid + 4 * i);
    mk_space_enter(builder, kernel_pa, 0);
    return user;
}
