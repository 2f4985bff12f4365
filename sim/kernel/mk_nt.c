/* mk_nt.c: processes, threads, modules and processors of the image (nt-image.md). */
#include "sim/kernel/mk_nt.h"
#include <string.h>

enum { TYPE_PROCESS = 3, TYPE_THREAD = 6, CID_ENTRY_BYTES = 16, CID_ENTRIES = 256 };

/* clang-format off */
static const struct mk_nt_layout layouts[] = {
    [MK_X64] = {
        .data_block_bytes = 0x340,
        .process = {.bytes = 0x4D0, .directory_table = 0x028, .thread_list_k = 0x030, .id = 0x180, .links = 0x188,
                    .create_time = 0x168, .image_name = 0x2E0, .peb = 0x338, .parent_id = 0x290,
                    .vad_root = 0x448, .thread_list = 0x308},
        .thread = {.bytes = 0x4A8, .initial_stack = 0x028, .stack_limit = 0x030, .kernel_stack = 0x038,
                   .process = 0x070, .teb = 0x0B8, .state = 0x164, .list_entry_k = 0x2F8, .cid = 0x3B0,
                   .start_address = 0x410, .list_entry = 0x420},
        .module = {.bytes = 0xA0, .base = 0x30, .entry = 0x38, .size = 0x40, .full_name = 0x48, .base_name = 0x58,
                   .flags = 0x68, .load_count = 0x6C, .checksum = 0x78},
        .kpcr = {.gdt = 0x000, .tss = 0x008, .self = 0x018, .prcb = 0x020, .idt = 0x038, .major = 0x060,
                 .minor = 0x062, .version_block = 0x108, .kprcb = 0x180},
        .kprcb = {.bytes = 0x4D00, .mxcsr = 0x000, .current_thread = 0x008, .idle_thread = 0x018, .number = 0x024,
                  .cpu_type = 0x5F0, .mhz = 0x5F4, .vendor = 0x4BB8},
        .selector = {.code = 0x10, .data = 0x18, .pcr = 0, .user_code = 0x33, .user_data = 0x2B, .user_teb = 0x53,
                     .ldt = 0, .tss = 0x40, .compat_code = 0x23, .compat_teb = 0x53},
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
    nt->cid_entries = mk_area_take(&nt->pool, CID_ENTRY_BYTES * CID_ENTRIES, 16);
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
        mk_put_64(nt->builder, nt->cid_entries + CID_ENTRY_BYTES * (id / 4), object | 1);
}

uint64_t mk_nt_process(struct mk_nt *nt, uint32_t pid, const char *name, bool listed)
{
    enum { NAME_BYTES_MAX = 15 };
    struct mk_builder *builder = nt->builder;
    uint64_t process = mk_area_take(&nt->pool, nt->layout->process.bytes, 16);
    size_t name_bytes = strlen(name);
    mk_put_16(builder, process, TYPE_PROCESS);
    mk_put_pointer(builder, process + nt->layout->process.directory_table, builder->directory_pa);
    mk_put_pointer(builder, process + nt->layout->process.id, pid);
    mk_put_bytes(builder, process + nt->layout->process.image_name, name,
                 name_bytes < NAME_BYTES_MAX ? name_bytes : NAME_BYTES_MAX);
    mk_list_init(builder, process + nt->layout->process.thread_list);
    mk_list_init(builder, process + nt->layout->process.thread_list_k);
    mk_list_init(builder, process + nt->layout->process.links);
    if (listed)
        mk_list_append(builder, nt->process_list, process + nt->layout->process.links);
    put_cid(nt, pid, process);
    return process;
}

uint64_t mk_nt_thread(struct mk_nt *nt, uint64_t process, uint32_t pid, uint32_t tid, uint64_t start_address,
                      bool running)
{
    enum { STATE_RUNNING = 2, STATE_WAITING = 5 };
    struct mk_builder *builder = nt->builder;
    uint64_t thread = mk_area_take(&nt->pool, nt->layout->thread.bytes, 16);
    uint64_t cid = thread + nt->layout->thread.cid;
    mk_put_16(builder, thread, TYPE_THREAD);
    mk_put_pointer(builder, thread + nt->layout->thread.process, process);
    mk_put_bytes(builder, thread + nt->layout->thread.state, running ? "\2" : "\5", 1);
    mk_put_pointer(builder, cid, pid);
    mk_put_pointer(builder, cid + builder->layout->pointer_bytes, tid);
    mk_put_pointer(builder, thread + nt->layout->thread.start_address, start_address);
    mk_list_append(builder, process + nt->layout->process.thread_list,
                   thread + nt->layout->thread.list_entry);
    mk_list_append(builder, process + nt->layout->process.thread_list_k,
                   thread + nt->layout->thread.list_entry_k);
    put_cid(nt, tid, thread);
    return thread;
}

/* ---- modules ------------------------------------------------------------------------------------------- */

void mk_nt_module(struct mk_nt *nt, const struct mk_module *module, const char *name, uint64_t entry_point)
{
    enum { ENTRY_PROCESSED = 0x4000, SYSTEM_MAPPED = 0x01000000 };
    struct mk_builder *builder = nt->builder;
    uint64_t entry = mk_area_take(&nt->pool, nt->layout->module.bytes, 16);
    mk_put_pointer(builder, entry + nt->layout->module.base, module->base);
    mk_put_pointer(builder, entry + nt->layout->module.entry, entry_point);
    mk_put_32(builder, entry + nt->layout->module.size, module->size_bytes);
    mk_put_32(builder, entry + nt->layout->module.flags, ENTRY_PROCESSED | SYSTEM_MAPPED);
    mk_put_16(builder, entry + nt->layout->module.load_count, 1);
    mk_put_32(builder, entry + nt->layout->module.checksum, module->checksum);
    mk_unicode_string(builder, &nt->pool, entry + nt->layout->module.full_name, module->path);
    mk_unicode_string(builder, &nt->pool, entry + nt->layout->module.base_name, name);
    mk_list_append(builder, nt->map->module_list, entry);
}

/* ---- processors ---------------------------------------------------------------------------------------- */

static void put_context(struct mk_nt *nt, uint64_t at, uint32_t number)
{
    enum { CODE = 0x10, DATA = 0x2B, USER_TEB = 0x53, STACK = 0x18, EFLAGS = 0x202 };
    enum { FPU_CONTROL = 0x27F, MXCSR = 0x1F80, MXCSR_MASK = 0xFFFF };
    const struct mk_context_layout *context = &nt->builder->layout->context;
    struct mk_builder *builder = nt->builder;
    mk_put_32(builder, at + context->flags, context->flags_all);
    mk_put_16(builder, at + context->cs, CODE);
    mk_put_16(builder, at + context->ds, DATA);
    mk_put_16(builder, at + context->es, DATA);
    mk_put_16(builder, at + context->fs, USER_TEB);
    mk_put_16(builder, at + context->gs, DATA);
    mk_put_16(builder, at + context->ss, STACK);
    mk_put_32(builder, at + context->eflags, EFLAGS);
    mk_put_pointer(builder, at + context->sp, nt->map->stack_top[number]);
    mk_put_pointer(builder, at + context->pc, nt->map->loop);
    mk_put_16(builder, at + context->float_save, FPU_CONTROL);
    mk_put_32(builder, at + context->float_save + 24, MXCSR);
    mk_put_32(builder, at + context->float_save + 28, MXCSR_MASK);
    mk_put_32(builder, at + 0x34, MXCSR);
}

static void put_special(struct mk_nt *nt, uint64_t at, uint64_t kpcr, uint64_t gdt, uint64_t idt)
{
    enum { GDT_LIMIT = 0x7F, IDT_LIMIT = 0xFFF, DR7 = 0x400, CR4 = 0x6F8, MXCSR = 0x1F80 };
    const struct mk_special_layout *special = &nt->builder->layout->special;
    struct mk_builder *builder = nt->builder;
    mk_put_pointer(builder, at + special->cr0, 0x80050031u);
    mk_put_pointer(builder, at + special->cr3, builder->directory_pa);
    mk_put_pointer(builder, at + special->cr4, CR4);
    mk_put_pointer(builder, at + special->dr[6], MK_DR6_FIXED);
    mk_put_pointer(builder, at + special->dr[7], DR7);
    mk_put_16(builder, at + special->gdtr, GDT_LIMIT);
    mk_put_pointer(builder, at + special->gdtr + 2, gdt);
    mk_put_16(builder, at + special->idtr, IDT_LIMIT);
    mk_put_pointer(builder, at + special->idtr + 2, idt);
    mk_put_16(builder, at + special->tr, nt->layout->selector.tss);
    mk_put_32(builder, at + special->mxcsr, MXCSR);
    mk_put_pointer(builder, at + special->gs_base, kpcr);
    mk_put_pointer(builder, at + special->star, 0x0023001000000000u);
    mk_put_pointer(builder, at + special->lstar, nt->map->kernel_base + 0x1000);
    mk_put_pointer(builder, at + special->syscall_mask, 0x4700);
}

static void put_prcb(struct mk_nt *nt, uint64_t kprcb, uint32_t number, uint64_t thread)
{
    enum { MXCSR = 0x1F80, FAMILY = 6, MHZ = 2000 };
    struct mk_builder *builder = nt->builder;
    mk_put_32(builder, kprcb + nt->layout->kprcb.mxcsr, MXCSR);
    mk_put_pointer(builder, kprcb + nt->layout->kprcb.current_thread, thread);
    mk_put_pointer(builder, kprcb + nt->layout->kprcb.idle_thread, thread);
    mk_put_32(builder, kprcb + nt->layout->kprcb.number, number);
    mk_put_16(builder, kprcb + nt->layout->kprcb.cpu_type, FAMILY);
    mk_put_32(builder, kprcb + nt->layout->kprcb.mhz, MHZ);
    mk_put_bytes(builder, kprcb + nt->layout->kprcb.vendor, "GenuineIntel", 13);
}

/* KPCR with its KPRCB, then the tables that it points at. */
void mk_nt_processor(struct mk_nt *nt, uint32_t number, uint64_t thread)
{
    enum { REGION_BYTES = 0x8000, SPACING = 0x10000, GDT = 0x5000, TSS = 0x5800, IDT = 0x6000 };
    const uint64_t first = 0xFFFFF88000900000u;
    struct mk_builder *builder = nt->builder;
    uint64_t kpcr = mk_region(builder, first + (uint64_t)number * SPACING, REGION_BYTES, MK_KERNEL_PAGE);
    uint64_t kprcb = kpcr + nt->layout->kpcr.kprcb;
    uint64_t version = mk_area_take(&nt->data, MK_VERSION_BYTES, 8);
    nt->map->kpcr[number] = kpcr;
    nt->map->kprcb[number] = kprcb;
    nt->map->thread[number] = thread;
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.gdt, kpcr + GDT);
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.tss, kpcr + TSS);
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.idt, kpcr + IDT);
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.self, kpcr);
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.prcb, kprcb);
    mk_put_16(builder, kpcr + nt->layout->kpcr.major, 1);
    mk_put_16(builder, kpcr + nt->layout->kpcr.minor, 1);
    mk_put_pointer(builder, kpcr + nt->layout->kpcr.version_block, version);
    mk_version_store(mk_at(builder, version, MK_VERSION_BYTES), builder->layout, nt->map);
    put_prcb(nt, kprcb, number, thread);
    put_context(nt, kprcb + builder->layout->kprcb_context, number);
    put_special(nt, kprcb + builder->layout->kprcb_special, kpcr, kpcr + GDT, kpcr + IDT);
    mk_put_pointer(builder, nt->processor_block + (uint64_t)number * builder->layout->pointer_bytes, kprcb);
}

/* ---- KUSER_SHARED_DATA --------------------------------------------------------------------------------- */

void mk_nt_shared_data(struct mk_nt *nt)
{
    enum { SYSTEM_ROOT = 0x30, MAJOR_VERSION = 0x26C, MINOR_VERSION = 0x270, PHYSICAL_PAGES = 0x2E8 };
    struct mk_builder *builder = nt->builder;
    uint64_t page = builder->layout->shared_data;
    static const char root[] = "C:\\Windows";
    for (uint32_t i = 0; root[i] != 0; i++)
        mk_put_16(builder, page + SYSTEM_ROOT + 2 * i, (uint8_t)root[i]);
    mk_put_32(builder, page + MAJOR_VERSION, 6);
    mk_put_32(builder, page + MINOR_VERSION, 1);
    mk_put_32(builder, page + PHYSICAL_PAGES, (uint32_t)(builder->ram_bytes / MK_PAGE_BYTES));
}

/* ---- KDDEBUGGER_DATA64 (kd-protocol.md 4.11) ----------------------------------------------------------- */

/* PHYSICAL_MEMORY_DESCRIPTOR: the two runs of RAM around the hole. */
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
    uint64_t at = mk_area_take(&nt->data, sizeof words, 8);
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        mk_put_64(nt->builder, at + 8 * i, words[i]);
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

struct slot {
    uint16_t offset;
    uint64_t value;
};

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
            mk_put_64(nt->builder, nt->map->debugger_data + at, mk_area_take(&nt->data, VARIABLE_BYTES, 16));
}

static void put_slots(struct mk_nt *nt)
{
    const struct mk_map *map = nt->map;
    const uint64_t user_end = 0x00007FFFFFFF0000u, pages = nt->builder->ram_bytes / MK_PAGE_BYTES;
    const struct slot slots[] = {
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
        {0x1C8, data_pointer(nt, user_end - 1)},
        {0x1D0, data_pointer(nt, 0xFFFF080000000000u)},
        {0x1D8, data_pointer(nt, user_end)},
        {0x200, put_list_head(nt)},
        {0x208, put_text(nt, "7601.17514.amd64fre.win7sp1_rtm.101119-1850")},
        {0x218, nt->processor_block},
        {0x268, data_pointer(nt, 0x0100)}, /* service pack 1 */
        {0x270, data_pointer(nt, put_memory_runs(nt))},
        {0x290, data_pointer(nt, 0)},
    };
    for (uint32_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
        mk_put_64(nt->builder, map->debugger_data + slots[i].offset, slots[i].value);
}

/* Where the structures keep their fields, for clients that prefer this to what they know. 0: not told. */
static void put_offsets(struct mk_nt *nt)
{
    const struct mk_nt_layout *nt_layout = nt->layout;
    const struct mk_layout *layout = nt->builder->layout;
    const struct {
        uint16_t offset, value;
    } rows[] = {
        {0x036, 1}, /* PaeEnabled */
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
