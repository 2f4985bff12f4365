/* mk_nt.c: processes, threads, modules and processors of the image (nt-image.md). */
#include "sim/kernel/mk_nt.h"
#include <stdio.h>
#include <string.h>

enum { TYPE_PROCESS = 3, TYPE_THREAD = 6, CID_ENTRIES = 256 };

/* clang-format off */
static const struct mk_nt_layout layouts[] = {
    [MK_X64] = {
        .data_block_bytes = 0x340,
        .cid_entry_bytes = 16,
        .process = {.bytes = 0x4D0, .directory_table = 0x028, .thread_list_k = 0x030, .id = 0x180, .links = 0x188,
                    .create_time = 0x168, .image_name = 0x2E0, .peb = 0x338, .parent_id = 0x290,
                    .vad_root = 0x448, .thread_list = 0x308},
        .thread = {.bytes = 0x4A8, .initial_stack = 0x028, .stack_limit = 0x030, .kernel_stack = 0x038,
                   .process = 0x070, .teb = 0x0B8, .state = 0x164, .list_entry_k = 0x2F8, .cid = 0x3B0,
                   .start_address = 0x410, .list_entry = 0x420},
        .module = {.bytes = 0xA0, .load_links = 0x00, .memory_links = 0x10, .init_links = 0x20, .base = 0x30, .entry = 0x38, .size = 0x40, .full_name = 0x48, .base_name = 0x58,
                   .flags = 0x68, .load_count = 0x6C, .checksum = 0x78},
        .kpcr = {.gdt = 0x000, .tss = 0x008, .self = 0x018, .prcb = 0x020, .idt = 0x038, .major = 0x060,
                 .minor = 0x062, .version_block = 0x108, .kprcb = 0x180},
        .kprcb = {.bytes = 0x4D00, .mxcsr = 0x000, .current_thread = 0x008, .idle_thread = 0x018, .number = 0x024,
                  .cpu_type = 0x5F0, .mhz = 0x5F4, .vendor = 0x4BB8},
        .selector = {.code = 0x10, .data = 0x18, .pcr = 0, .user_code = 0x33, .user_data = 0x2B, .user_teb = 0x53,
                     .ldt = 0, .tss = 0x40, .compat_code = 0x23, .compat_teb = 0x53},
        .peb = {.image_base = 0x010, .ldr = 0x018, .parameters = 0x020, .processors = 0x0B8, .major = 0x118,
                .minor = 0x11C, .build = 0x120, .bytes = 0x380},
        .ldr = {.load_links = 0x010, .memory_links = 0x020, .init_links = 0x030, .bytes = 0x58},
        .parameters = {.image_path = 0x060, .command_line = 0x070, .bytes = 0x400},
        .teb = {.stack_base = 0x008, .stack_limit = 0x010, .self = 0x030, .cid = 0x040, .peb = 0x060},
        .registers = {.cs = 0x10, .ds = 0x2B, .fs = 0x53, .gs = 0x2B, .ss = 0x18},
        .control = {.cr0 = 0x80050031, .cr4 = 0x6F8, .gdt_limit = 0x7F, .idt_limit = 0xFFF},
    },
    [MK_X86] = {
        .data_block_bytes = 0x290,
        .cid_entry_bytes = 8,
        .process = {.bytes = 0x260, .directory_table = 0x018, .thread_list_k = 0x050, .id = 0x084, .links = 0x088,
                    .create_time = 0x070, .image_name = 0x174, .peb = 0x1B0, .parent_id = 0x14C,
                    .vad_root = 0x11C, .thread_list = 0x190},
        .thread = {.bytes = 0x258, .initial_stack = 0x018, .stack_limit = 0x01C, .kernel_stack = 0x028,
                   .process = 0x044, .teb = 0x020, .state = 0x02D, .list_entry_k = 0x1B0, .cid = 0x1EC,
                   .start_address = 0x228, .list_entry = 0x22C},
        .module = {.bytes = 0x58, .load_links = 0x00, .memory_links = 0x08, .init_links = 0x10, .base = 0x18,
                   .entry = 0x1C, .size = 0x20, .full_name = 0x24, .base_name = 0x2C, .flags = 0x34,
                   .load_count = 0x38, .checksum = 0x40},
        .kpcr = {.gdt = 0x03C, .tss = 0x040, .self = 0x01C, .prcb = 0x020, .idt = 0x038, .major = 0x044,
                 .minor = 0x046, .version_block = 0x034, .kprcb = 0x120},
        .kprcb = {.bytes = 0xC50, .current_thread = 0x004, .idle_thread = 0x00C, .number = 0x010, .cpu_type = 0x018},
        .selector = {.code = 0x08, .data = 0x10, .pcr = 0x30, .user_code = 0x1B, .user_data = 0x23, .user_teb = 0x3B,
                     .tss = 0x28},
        .peb = {.image_base = 0x008, .ldr = 0x00C, .parameters = 0x010, .processors = 0x064, .major = 0x0A4,
                .minor = 0x0A8, .build = 0x0AC, .bytes = 0x210},
        .ldr = {.load_links = 0x00C, .memory_links = 0x014, .init_links = 0x01C, .bytes = 0x28},
        .parameters = {.image_path = 0x038, .command_line = 0x040, .bytes = 0x290},
        .teb = {.stack_base = 0x004, .stack_limit = 0x008, .self = 0x018, .cid = 0x020, .peb = 0x030},
        .registers = {.cs = 0x08, .ds = 0x23, .fs = 0x30, .gs = 0x00, .ss = 0x10},
        .control = {.cr0 = 0x8001003B, .cr4 = 0x6D8, .gdt_limit = 0x3FF, .idt_limit = 0x7FF},
    },
};
/* clang-format on */

const struct mk_nt_layout *mk_nt_layout(enum mk_arch arch)
{
    if ((size_t)arch >= sizeof layouts / sizeof layouts[0])
        return NULL;
    return &layouts[arch];
}

static uint64_t data_pointer(struct mk_nt *nt, uint64_t value)
{
    uint64_t va = mk_area_take(&nt->data, 8, 8);
    mk_put_pointer(nt->builder, va, value);
    return va;
}

void mk_nt_begin(struct mk_nt *nt)
{
    struct mk_builder *builder = nt->builder;
    nt->map->module_list = mk_area_take(&nt->data, 16, 16);
    nt->process_list = mk_area_take(&nt->data, 16, 16);
    nt->map->debugger_data_list = mk_area_take(&nt->data, 16, 16);
    nt->map->debugger_data = mk_area_take(&nt->data, nt->layout->data_block_bytes, 16);
    nt->processor_block = mk_area_take(&nt->data, 8 * MK_PROCESSORS_MAX, 16);
    nt->cid_entries = mk_area_take(&nt->pool, (uint64_t)nt->layout->cid_entry_bytes * CID_ENTRIES, 16);
    mk_list_init(builder, nt->map->module_list);
    mk_list_init(builder, nt->process_list);
    mk_list_init(builder, nt->map->debugger_data_list);
    mk_list_append(builder, nt->map->debugger_data_list, nt->map->debugger_data);
}

/* ---- processes and threads ----------------------------------------------------------------------------- */

/* PspCidTable by pid / 4: the object's address with its lowest bit set (nt-image.md). */
static void put_cid(struct mk_nt *nt, uint32_t id, uint64_t object)
{
    if (id != 0 && id / 4 < CID_ENTRIES)
        mk_put_pointer(nt->builder, nt->cid_entries + (uint64_t)nt->layout->cid_entry_bytes * (id / 4),
                       object | 1);
}

static void tell_object(struct mk_nt *nt, uint64_t at, uint64_t bytes, const char *type, const char *name,
                        uint32_t id)
{
    char what[64];
    snprintf(what, sizeof what, "%s %s %u", type, name, (unsigned)id);
    mk_tell(nt->builder, at, mk_pa(nt->builder, at), bytes, what);
}

uint64_t mk_nt_process(struct mk_nt *nt, const struct mk_nt_process *process)
{
    enum { NAME_BYTES_MAX = 15 };
    const uint64_t boot_time = 129347280000000000u; /* FILETIME of an evening in November 2010 */
    const uint64_t second = 10000000u;
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    uint64_t at = mk_area_take(&nt->pool, layout->process.bytes, 16);
    size_t name_bytes = strlen(process->name);
    mk_put_16(builder, at, TYPE_PROCESS);
    mk_put_pointer(builder, at + layout->process.directory_table, process->directory_pa);
    mk_put_pointer(builder, at + layout->process.id, process->pid);
    mk_put_pointer(builder, at + layout->process.parent_id, process->parent);
    mk_put_pointer(builder, at + layout->process.peb, process->peb);
    mk_put_64(builder, at + layout->process.create_time, boot_time + process->pid * second);
    mk_put_bytes(builder, at + layout->process.image_name, process->name,
                 name_bytes < NAME_BYTES_MAX ? name_bytes : NAME_BYTES_MAX);
    mk_list_init(builder, at + layout->process.thread_list);
    mk_list_init(builder, at + layout->process.thread_list_k);
    mk_list_init(builder, at + layout->process.links);
    if (process->listed)
        mk_list_append(builder, nt->process_list, at + layout->process.links);
    put_cid(nt, process->pid, at);
    tell_object(nt, at, layout->process.bytes, "EPROCESS", process->name, process->pid);
    return at;
}

uint64_t mk_nt_thread(struct mk_nt *nt, const struct mk_nt_thread *thread)
{
    enum { STATE_RUNNING = 2, STATE_WAITING = 5 };
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    uint64_t at = mk_area_take(&nt->pool, layout->thread.bytes, 16), cid = at + layout->thread.cid;
    uint8_t state = thread->running ? STATE_RUNNING : STATE_WAITING;
    mk_put_16(builder, at, TYPE_THREAD);
    mk_put_pointer(builder, at + layout->thread.process, thread->process);
    mk_put_bytes(builder, at + layout->thread.state, &state, 1);
    mk_put_pointer(builder, cid, thread->pid);
    mk_put_pointer(builder, cid + builder->layout->pointer_bytes, thread->tid);
    mk_put_pointer(builder, at + layout->thread.start_address, thread->start_address);
    mk_put_pointer(builder, at + layout->thread.teb, thread->teb);
    mk_put_pointer(builder, at + layout->thread.kernel_stack, thread->sp);
    mk_put_pointer(builder, at + layout->thread.initial_stack, thread->stack_end);
    mk_put_pointer(builder, at + layout->thread.stack_limit, thread->stack_limit);
    mk_list_append(builder, thread->process + layout->process.thread_list, at + layout->thread.list_entry);
    mk_list_append(builder, thread->process + layout->process.thread_list_k,
                   at + layout->thread.list_entry_k);
    put_cid(nt, thread->tid, at);
    tell_object(nt, at, layout->thread.bytes, "ETHREAD", "of process", thread->pid);
    return at;
}

/* ---- modules ------------------------------------------------------------------------------------------- */

uint64_t mk_nt_module_entry(struct mk_nt *nt, struct mk_area *area, const struct mk_module *module,
                            uint64_t entry_point)
{
    enum { ENTRY_PROCESSED = 0x4000, SYSTEM_MAPPED = 0x01000000 };
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    uint64_t entry = mk_area_take(area, layout->module.bytes, 16);
    mk_put_pointer(builder, entry + layout->module.base, module->base);
    mk_put_pointer(builder, entry + layout->module.entry, entry_point);
    mk_put_32(builder, entry + layout->module.size, module->size_bytes);
    mk_put_32(builder, entry + layout->module.flags, ENTRY_PROCESSED | SYSTEM_MAPPED);
    mk_put_16(builder, entry + layout->module.load_count, 1);
    mk_put_32(builder, entry + layout->module.checksum, module->checksum);
    mk_unicode_string(builder, area, entry + layout->module.full_name, module->path);
    mk_unicode_string(builder, area, entry + layout->module.base_name, module->name);
    return entry;
}

void mk_nt_module(struct mk_nt *nt, const struct mk_module *module, uint64_t entry_point)
{
    uint64_t entry = mk_nt_module_entry(nt, &nt->pool, module, entry_point);
    mk_list_append(nt->builder, nt->map->module_list, entry);
}

/* ---- processors ---------------------------------------------------------------------------------------- */

enum { MXCSR_DEFAULT = 0x1F80, FPU_CONTROL = 0x27F };

static void put_context(struct mk_nt *nt, uint64_t at, uint32_t number)
{
    enum { EFLAGS = 0x202, MXCSR_MASK = 0xFFFF, FXSAVE_MXCSR = 24, FXSAVE_MASK = 28, REGISTER_BP = 5 };
    const struct mk_context_layout *context = &nt->builder->layout->context;
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    mk_put_32(builder, at + context->flags, context->flags_all);
    mk_put_16(builder, at + context->cs, layout->registers.cs);
    mk_put_16(builder, at + context->ds, layout->registers.ds);
    mk_put_16(builder, at + context->es, layout->registers.ds);
    mk_put_16(builder, at + context->fs, layout->registers.fs);
    mk_put_16(builder, at + context->gs, layout->registers.gs);
    mk_put_16(builder, at + context->ss, layout->registers.ss);
    mk_put_32(builder, at + context->eflags, EFLAGS);
    mk_put_pointer(builder, at + context->sp, nt->map->stack_top[number]);
    mk_put_pointer(builder, at + context->gpr[REGISTER_BP], nt->map->frame[number]);
    mk_put_pointer(builder, at + context->pc, nt->map->loop);
    mk_put_16(builder, at + context->float_save, FPU_CONTROL);
    mk_put_32(builder, at + context->float_save + FXSAVE_MXCSR, MXCSR_DEFAULT);
    mk_put_32(builder, at + context->float_save + FXSAVE_MASK, MXCSR_MASK);
    if (context->mxcsr != 0)
        mk_put_32(builder, at + context->mxcsr, MXCSR_DEFAULT);
    if (context->x87_save != 0) {
        mk_put_32(builder, at + context->x87_save, FPU_CONTROL);
        mk_put_32(builder, at + context->x87_save + 8, UINT32_MAX); /* tags: all empty */
    }
}

static void put_special(struct mk_nt *nt, uint64_t at, uint64_t kpcr)
{
    enum { DR7 = 0x400, SYSCALL_MASK = 0x4700 };
    const struct mk_special_layout *special = &nt->builder->layout->special;
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    mk_put_pointer(builder, at + special->cr0, layout->control.cr0);
    mk_put_pointer(builder, at + special->cr3, builder->directory_pa);
    mk_put_pointer(builder, at + special->cr4, layout->control.cr4);
    mk_put_pointer(builder, at + special->dr[6], MK_DR6_FIXED);
    mk_put_pointer(builder, at + special->dr[7], DR7);
    mk_put_16(builder, at + special->gdtr, layout->control.gdt_limit);
    mk_put_pointer(builder, at + special->gdtr + 2, kpcr + nt->plan->gdt);
    mk_put_16(builder, at + special->idtr, layout->control.idt_limit);
    mk_put_pointer(builder, at + special->idtr + 2, kpcr + nt->plan->idt);
    mk_put_16(builder, at + special->tr, layout->selector.tss);
    if (special->mxcsr != 0)
        mk_put_32(builder, at + special->mxcsr, MXCSR_DEFAULT);
    const struct {
        uint16_t offset;
        uint64_t value;
    } rows[] = {{special->gs_base, kpcr},
                {special->star, 0x0023001000000000u},
                {special->lstar, nt->map->kernel_base + 0x1000},
                {special->syscall_mask, SYSCALL_MASK}};
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].offset != 0)
            mk_put_64(builder, at + rows[i].offset, rows[i].value);
}

static void put_prcb(struct mk_nt *nt, uint64_t kprcb, uint32_t number, uint64_t thread)
{
    enum { FAMILY = 6, MHZ = 2000 };
    const struct mk_nt_layout *layout = nt->layout;
    struct mk_builder *builder = nt->builder;
    mk_put_pointer(builder, kprcb + layout->kprcb.current_thread, thread);
    mk_put_pointer(builder, kprcb + layout->kprcb.idle_thread, thread);
    mk_put_bytes(builder, kprcb + layout->kprcb.number, &(uint8_t){(uint8_t)number}, 1);
    mk_put_16(builder, kprcb + layout->kprcb.cpu_type, FAMILY);
    if (builder->layout->special.mxcsr != 0)
        mk_put_32(builder, kprcb + layout->kprcb.mxcsr, MXCSR_DEFAULT);
    if (layout->kprcb.mhz != 0)
        mk_put_32(builder, kprcb + layout->kprcb.mhz, MHZ);
    if (layout->kprcb.vendor != 0)
        mk_put_bytes(builder, kprcb + layout->kprcb.vendor, "GenuineIntel", 13);
}

/* The segments that a debugger looks up by selector: code and data of both rings, flat. */
static void put_gdt(struct mk_nt *nt, uint64_t gdt)
{
    const bool is_long = nt->builder->layout->pointer_bytes == 8;
    const uint64_t code = is_long ? 0x00209B0000000000u : 0x00CF9B000000FFFFu;
    const uint64_t user_code = is_long ? 0x0020FB0000000000u : 0x00CFFB000000FFFFu;
    const uint64_t data = 0x00CF93000000FFFFu, user_data = 0x00CFF3000000FFFFu;
    enum { SELECTOR_MASK = 0xFFF8 };
    mk_put_64(nt->builder, gdt + nt->layout->selector.code, code);
    mk_put_64(nt->builder, gdt + nt->layout->selector.data, data);
    mk_put_64(nt->builder, gdt + (nt->layout->selector.user_code & SELECTOR_MASK), user_code);
    mk_put_64(nt->builder, gdt + (nt->layout->selector.user_data & SELECTOR_MASK), user_data);
}

/* KPCR with its KPRCB, then the tables that it points at. */
void mk_nt_processor(struct mk_nt *nt, uint32_t number, uint64_t thread)
{
    const struct mk_nt_layout *layout = nt->layout;
    const struct mk_plan *plan = nt->plan;
    struct mk_builder *builder = nt->builder;
    uint64_t kpcr = mk_region(builder, plan->processors[number], plan->processor_bytes, MK_KERNEL_PAGE,
                              "KPCR, KPRCB, GDT, IDT");
    uint64_t kprcb = kpcr + layout->kpcr.kprcb;
    uint64_t version = mk_area_take(&nt->data, MK_VERSION_BYTES, 8);
    nt->map->kpcr[number] = kpcr;
    nt->map->kprcb[number] = kprcb;
    nt->map->thread[number] = thread;
    mk_put_pointer(builder, kpcr + layout->kpcr.gdt, kpcr + plan->gdt);
    mk_put_pointer(builder, kpcr + layout->kpcr.tss, kpcr + plan->tss);
    mk_put_pointer(builder, kpcr + layout->kpcr.idt, kpcr + plan->idt);
    mk_put_pointer(builder, kpcr + layout->kpcr.self, kpcr);
    mk_put_pointer(builder, kpcr + layout->kpcr.prcb, kprcb);
    mk_put_16(builder, kpcr + layout->kpcr.major, 1);
    mk_put_16(builder, kpcr + layout->kpcr.minor, 1);
    mk_put_pointer(builder, kpcr + layout->kpcr.version_block, version);
    mk_version_store(mk_at(builder, version, MK_VERSION_BYTES), builder->layout, nt->map);
    put_gdt(nt, kpcr + plan->gdt);
    put_prcb(nt, kprcb, number, thread);
    put_context(nt, kprcb + builder->layout->kprcb_context, number);
    put_special(nt, kprcb + builder->layout->kprcb_special, kpcr);
    mk_put_pointer(builder, nt->processor_block + (uint64_t)number * builder->layout->pointer_bytes, kprcb);
}

/* ---- KUSER_SHARED_DATA --------------------------------------------------------------------------------- */

void mk_nt_shared_data(struct mk_nt *nt)
{
    enum { SYSTEM_ROOT = 0x30, MAJOR_VERSION = 0x26C, MINOR_VERSION = 0x270, PHYSICAL_PAGES = 0x2E8 };
    struct mk_builder *builder = nt->builder;
    const char *root = nt->plan->system_root;
    uint64_t page = builder->layout->shared_data;
    for (uint32_t i = 0; root[i] != 0; i++)
        mk_put_16(builder, page + SYSTEM_ROOT + 2 * i, (uint8_t)root[i]);
    mk_put_32(builder, page + MAJOR_VERSION, builder->layout->version.nt_major);
    mk_put_32(builder, page + MINOR_VERSION, builder->layout->version.nt_minor);
    mk_put_32(builder, page + PHYSICAL_PAGES, (uint32_t)(builder->ram_bytes / MK_PAGE_BYTES));
}

/* ---- KDDEBUGGER_DATA64 (kd-protocol.md 4.11) ----------------------------------------------------------- */

/* PHYSICAL_MEMORY_DESCRIPTOR: the two runs of RAM around the hole, in words of the machine. */
static uint64_t put_memory_runs(struct mk_nt *nt)
{
    const uint64_t hole_pages = (MK_RAM_HOLE_END - MK_RAM_HOLE_FIRST) / MK_PAGE_BYTES;
    const uint64_t pages = nt->builder->ram_bytes / MK_PAGE_BYTES;
    const uint64_t words[] = {2,
                              pages - hole_pages,
                              0,
                              MK_RAM_HOLE_FIRST / MK_PAGE_BYTES,
                              MK_RAM_HOLE_END / MK_PAGE_BYTES,
                              pages - MK_RAM_HOLE_END / MK_PAGE_BYTES};
    uint64_t at = mk_area_take(&nt->data, sizeof words, 8), width = nt->builder->layout->pointer_bytes;
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        mk_put_pointer(nt->builder, at + width * i, words[i]);
    return at;
}

static uint64_t put_text(struct mk_nt *nt, const char *text)
{
    size_t bytes = strlen(text) + 1;
    uint64_t at = mk_area_take(&nt->data, bytes, 8);
    mk_put_bytes(nt->builder, at, text, bytes);
    return at;
}

static uint64_t put_list_head(struct mk_nt *nt)
{
    uint64_t at = mk_area_take(&nt->data, 16, 8);
    mk_list_init(nt->builder, at);
    return at;
}

/* HANDLE_TABLE: its first field points at the entries, low bits 0 for one level. */
static uint64_t put_cid_table(struct mk_nt *nt)
{
    enum { HANDLE_TABLE_BYTES = 0x68 };
    uint64_t table = mk_area_take(&nt->pool, HANDLE_TABLE_BYTES, 16);
    mk_put_pointer(nt->builder, table, nt->cid_entries);
    return data_pointer(nt, table);
}

/* A slot is 64 bits wide everywhere; on x86 its upper half is zero (4.11). Older systems have a shorter
 * block. */
static void put_slot(struct mk_nt *nt, uint32_t offset, uint64_t value)
{
    if (offset + 8u > nt->layout->data_block_bytes)
        return;
    mk_put_64(nt->builder, nt->map->debugger_data + offset,
              nt->builder->layout->pointer_bytes == 8 ? value : value & UINT32_MAX);
}

/* Every pointer slot gets a variable of its own, zero, so that none leads nowhere; those that mean something
 * here are replaced afterwards. */
static void put_empty_variables(struct mk_nt *nt)
{
    enum { VARIABLE_BYTES = 16 };
    static const struct {
        uint16_t first, end;
    } runs[] = {{0x018, 0x030}, {0x038, 0x298}, {0x2C8, 0x2D0}, {0x2D8, 0x2E0}, {0x308, 0x338}};
    for (uint32_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        for (uint32_t at = runs[i].first; at < runs[i].end; at += 8)
            put_slot(nt, at, mk_area_take(&nt->data, VARIABLE_BYTES, 16));
}

static void put_slots(struct mk_nt *nt)
{
    const struct mk_map *map = nt->map;
    const struct mk_plan *plan = nt->plan;
    const uint64_t pages = nt->builder->ram_bytes / MK_PAGE_BYTES;
    const struct {
        uint16_t offset;
        uint64_t value;
    } slots[] = {
        {0x018, map->kernel_base},
        {0x020, map->break_instruction},
        {0x048, map->module_list},
        {0x050, nt->process_list},
        {0x058, put_cid_table(nt)},
        {0x060, put_list_head(nt)},
        {0x078, data_pointer(nt, 156250)}, /* KeTimeIncrement, in 100 ns */
        {0x080, put_list_head(nt)},
        {0x088, mk_area_take(&nt->data, 5 * 8, 8)},
        {0x0E8, data_pointer(nt, 0)},
        {0x0F0, data_pointer(nt, pages - 1)},
        {0x0F8, data_pointer(nt, pages)},
        {0x138, MK_PAGE_BYTES}, /* a value, no pointer */
        {0x1A8, data_pointer(nt, (nt->builder->ram_bytes - nt->builder->free_pa) / MK_PAGE_BYTES)},
        {0x1C8, data_pointer(nt, plan->user_end - 1)},
        {0x1D0, data_pointer(nt, plan->system_start)},
        {0x1D8, data_pointer(nt, plan->user_end)},
        {0x200, put_list_head(nt)},
        {0x208, put_text(nt, plan->build_lab)},
        {0x218, nt->processor_block},
        {0x268, data_pointer(nt, plan->service_pack)},
        {0x270, data_pointer(nt, put_memory_runs(nt))},
        {0x290, data_pointer(nt, 0)},
    };
    for (uint32_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
        put_slot(nt, slots[i].offset, slots[i].value);
}

/* Where the structures keep their fields, for clients that prefer this to what they know. 0: not told. */
static void put_offsets(struct mk_nt *nt)
{
    const struct mk_nt_layout *nt_layout = nt->layout;
    const struct mk_layout *layout = nt->builder->layout;
    const struct {
        uint16_t offset, value;
    } rows[] = {
        {0x036, layout->paging.entry_bytes == 8}, /* PaeEnabled */
        {0x29A, nt_layout->thread.teb},
        {0x29C, nt_layout->thread.kernel_stack},
        {0x29E, nt_layout->thread.initial_stack},
        {0x2A0, nt_layout->thread.process},
        {0x2A2, nt_layout->thread.state},
        {0x2A8, nt_layout->process.bytes},
        {0x2AA, nt_layout->process.peb},
        {0x2AC, nt_layout->process.parent_id},
        {0x2AE, nt_layout->process.directory_table},
        {0x2B0, nt_layout->kprcb.bytes},
        {0x2B4, nt_layout->kprcb.current_thread},
        {0x2B6, nt_layout->kprcb.mhz},
        {0x2B8, nt_layout->kprcb.cpu_type},
        {0x2BA, nt_layout->kprcb.vendor},
        {0x2BC, layout->kprcb_context},
        {0x2BE, nt_layout->kprcb.number},
        {0x2C0, nt_layout->thread.bytes},
        {0x2E0, (uint16_t)(nt_layout->kpcr.kprcb + nt_layout->kprcb.bytes)},
        {0x2E2, nt_layout->kpcr.self},
        {0x2E4, nt_layout->kpcr.prcb},
        {0x2E6, nt_layout->kpcr.kprcb},
        {0x2F2, layout->kprcb_special},
        {0x2F4, nt_layout->selector.code},
        {0x2F6, nt_layout->selector.data},
        {0x2F8, nt_layout->selector.pcr},
        {0x2FA, nt_layout->selector.user_code},
        {0x2FC, nt_layout->selector.user_data},
        {0x2FE, nt_layout->selector.user_teb},
        {0x300, nt_layout->selector.ldt},
        {0x302, nt_layout->selector.tss},
        {0x304, nt_layout->selector.compat_code},
        {0x306, nt_layout->selector.compat_teb},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].offset + 2u <= nt_layout->data_block_bytes)
            mk_put_16(nt->builder, nt->map->debugger_data + rows[i].offset, rows[i].value);
}

void mk_nt_data_block(struct mk_nt *nt)
{
    enum { OWNER_TAG = 0x10, SIZE = 0x14 };
    mk_put_bytes(nt->builder, nt->map->debugger_data + OWNER_TAG, "KDBG", 4);
    mk_put_32(nt->builder, nt->map->debugger_data + SIZE, nt->layout->data_block_bytes);
    put_empty_variables(nt);
    put_slots(nt);
    put_offsets(nt);
}
