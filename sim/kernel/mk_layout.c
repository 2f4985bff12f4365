/* The rows of mk_layout.h. */
#include "sim/kernel/mk_layout.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/kd_wire.h"

enum { CONTROL = 0x01, INTEGER = 0x02, SEGMENTS = 0x04, FLOATING = 0x08, EXTENDED = 0x20 };

/* The debug registers are no range: a kernel's own are set through the special registers, and the copy in
 * CONTEXT must not undo that. */
static const struct mk_context_range x64_ranges[] = {
    {CONTROL, 0x38, 2},  {CONTROL, 0x42, 2},     {CONTROL, 0x44, 4},    {CONTROL, 0x98, 8},
    {CONTROL, 0xF8, 8},  {INTEGER, 0x78, 0x20},  {INTEGER, 0xA0, 0x58}, {SEGMENTS, 0x3A, 8},
    {FLOATING, 0x34, 4}, {FLOATING, 0x100, 512},
};

static const struct mk_context_range x86_ranges[] = {
    {CONTROL, 0xB4, 0x18}, {INTEGER, 0x9C, 0x18}, {SEGMENTS, 0x8C, 0x10},
    {FLOATING, 0x1C, 112}, {EXTENDED, 0xCC, 512},
};

/* clang-format off */
static const struct mk_layout layouts[] = {
    [MK_X64] = {
        .pointer_bytes = 8,
        .unwind_table = true,
        .processor_level = 6,
        .kpcr_to_kprcb = 0x180,
        .kprcb_special = 0x40,
        .kprcb_context = 0x120,
        .shared_data = 0xFFFFF78000000000u,
        .boot_process = UINT64_MAX,
        .break_register = 1, /* ecx */
        .control_space = MK_CONTROL_BY_INDEX,
        .context = {
            .bytes = 0x4D0, .flags = 0x30, .eflags = 0x44, .pc = 0xF8, .sp = 0x98,
            .cs = 0x38, .ds = 0x3A, .es = 0x3C, .fs = 0x3E, .gs = 0x40, .ss = 0x42, .segment_bytes = 2,
            .gpr_count = 16,
            .gpr = {0x78, 0x80, 0x88, 0x90, 0x98, 0xA0, 0xA8, 0xB0, 0xB8, 0xC0, 0xC8, 0xD0, 0xD8, 0xE0, 0xE8, 0xF0},
            .dr = {0x48, 0x50, 0x58, 0x60, 0, 0, 0x68, 0x70},
            .float_save = 0x100, .mxcsr = 0x34, .flags_arch = 0x100000, .flags_all = 0x10001F,
            .ranges = x64_ranges, .range_count = sizeof x64_ranges / sizeof x64_ranges[0],
        },
        .special = {
            .bytes = 0xE0, .cr0 = 0x00, .cr2 = 0x08, .cr3 = 0x10, .cr4 = 0x18,
            .dr = {0x20, 0x28, 0x30, 0x38, 0, 0, 0x40, 0x48},
            .gdtr = 0x56, .idtr = 0x66, .tr = 0x70, .mxcsr = 0x74,
            .gs_base = 0xA8, .gs_swap = 0xB0, .star = 0xB8, .lstar = 0xC0, .cstar = 0xC8, .syscall_mask = 0xD0,
        },
        .report = {
            .dr6 = 192, .dr7 = 200, .eflags = 208, .count = 212, .flags = 214, .stream = 216,
            .cs = 232, .ds = 234, .es = 236, .fs = 238,
        },
        .control = {.trace_flag = 4, .dr7 = 8, .symbol_start = 16, .symbol_end = 24},
        .paging = {
            .levels = 4, .index_bits = 9, .entry_bytes = 8, .address_bits = 48,
            .shift = {39, 30, 21, 12}, .large = {false, true, true, true},
            .frame_mask = 0x000FFFFFFFFFF000u,
        },
        .version = {
            .major = 0x000F, .minor = 7601, .protocol = 6, .secondary = 2,
            .flags = 0x0007, /* MP, DATA, PTR64 */
            .machine = 0x8664, .max_manipulate = 0x31, .nt_major = 6, .nt_minor = 1,
        },
        .interrupt = {.words = 5, .align_bytes = 16},
        .msrs = {
            {0xC0000080, 0xD01}, /* EFER: NXE, LMA, LME, SCE */
            {0x1B, 0xFEE00900},  /* APIC base */
            {0xC0000100, 0},     /* FS base */
            {0x174, 0},          /* SYSENTER_CS */
        },
    },
    [MK_X86] = {
        .pointer_bytes = 4,
        .processor_level = 6,
        .kpcr_to_kprcb = 0x120,
        .kprcb_special = 0x2E8,
        .kprcb_context = 0x1C,
        .shared_data = 0xFFFFFFFFFFDF0000u,
        .boot_process = UINT32_MAX,
        .break_register = 0, /* eax */
        .control_space = MK_CONTROL_BY_OFFSET,
        .context = {
            .bytes = 0x2CC, .flags = 0x00, .eflags = 0xC0, .pc = 0xB8, .sp = 0xC4,
            .cs = 0xBC, .ds = 0x98, .es = 0x94, .fs = 0x90, .gs = 0x8C, .ss = 0xC8, .segment_bytes = 4,
            .gpr_count = 8,
            .gpr = {0xB0, 0xAC, 0xA8, 0xA4, 0xC4, 0xB4, 0xA0, 0x9C},
            .dr = {0x04, 0x08, 0x0C, 0x10, 0, 0, 0x14, 0x18},
            .float_save = 0xCC, .x87_save = 0x1C, .flags_arch = 0x10000, .flags_all = 0x1003F,
            .ranges = x86_ranges, .range_count = sizeof x86_ranges / sizeof x86_ranges[0],
        },
        .special = {
            .bytes = 0x54, .cr0 = 0x00, .cr2 = 0x04, .cr3 = 0x08, .cr4 = 0x0C,
            .dr = {0x10, 0x14, 0x18, 0x1C, 0, 0, 0x20, 0x24},
            .gdtr = 0x2A, .idtr = 0x32, .tr = 0x38,
        },
        .report = {
            .dr6 = 192, .dr7 = 196, .eflags = 228, .count = 200, .flags = 202, .stream = 204,
            .cs = 220, .ds = 222, .es = 224, .fs = 226,
        },
        .control = {.trace_flag = 4, .dr7 = 8, .symbol_start = 12, .symbol_end = 16},
        .paging = {
            .levels = 2, .index_bits = 10, .entry_bytes = 4, .address_bits = 32,
            .shift = {22, 12}, .large = {true, false},
            .frame_mask = 0xFFFFF000u,
        },
        .version = {
            .major = 0x000F, .minor = 2600, .protocol = 6, .secondary = 0,
            .flags = 0x0002, /* DATA */
            .machine = 0x014C, .max_manipulate = 0x2D, .nt_major = 5, .nt_minor = 1,
        },
        .interrupt = {.words = 3, .align_bytes = 1},
        .msrs = {
            {0x1B, 0xFEE00900},   /* APIC base */
            {0x174, 8},           /* SYSENTER_CS */
            {0x175, 0xF8988000u}, /* SYSENTER_ESP */
            {0x176, 0x804DE000u}, /* SYSENTER_EIP */
        },
    },
};
/* clang-format on */

const struct mk_layout *mk_layout(enum mk_arch arch)
{
    if ((size_t)arch >= sizeof layouts / sizeof layouts[0])
        return NULL;
    return &layouts[arch];
}

void mk_version_store(uint8_t to[MK_VERSION_BYTES], const struct mk_layout *layout, const struct mk_map *map)
{
    enum { MAX_STATE_CHANGE = 3, FLAG_MP = 1 };
    const struct mk_version_layout *version = &layout->version;
    kd_fill(to, 0, MK_VERSION_BYTES);
    kd_store_u16(to, version->major);
    kd_store_u16(to + 2, version->minor);
    to[4] = version->protocol;
    to[5] = version->secondary;
    kd_store_u16(to + 6, (uint16_t)(version->flags | (map->processors > 1 ? FLAG_MP : 0)));
    kd_store_u16(to + 8, version->machine);
    to[10] = KD_TYPE_MAX;
    to[11] = MAX_STATE_CHANGE;
    to[12] = version->max_manipulate;
    kd_store_u64(to + 16, map->kernel_base);
    kd_store_u64(to + 24, map->module_list);
    kd_store_u64(to + 32, map->debugger_data_list);
}
