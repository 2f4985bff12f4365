/* The rows of mk_layout.h. */
#include "sim/kernel/mk_layout.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/kd_wire.h"

enum { CONTROL = 0x01, INTEGER = 0x02, SEGMENTS = 0x04, FLOATING = 0x08 };

/* The debug registers are no range: a kernel's own are set through the special registers, and the copy in
 * CONTEXT must not undo that. */
static const struct mk_context_range x64_ranges[] = {
    {CONTROL, 0x38, 2},  {CONTROL, 0x42, 2},     {CONTROL, 0x44, 4},    {CONTROL, 0x98, 8},
    {CONTROL, 0xF8, 8},  {INTEGER, 0x78, 0x20},  {INTEGER, 0xA0, 0x58}, {SEGMENTS, 0x3A, 8},
    {FLOATING, 0x34, 4}, {FLOATING, 0x100, 512},
};

/* clang-format off */
static const struct mk_layout layouts[] = {
    [MK_X64] = {
        .pointer_bytes = 8,
        .processor_level = 6,
        .kpcr_to_kprcb = 0x180,
        .kprcb_special = 0x40,
        .kprcb_context = 0x120,
        .shared_data = 0xFFFFF78000000000u,
        .context = {
            .bytes = 0x4D0, .flags = 0x30, .eflags = 0x44, .pc = 0xF8, .sp = 0x98,
            .cs = 0x38, .ds = 0x3A, .es = 0x3C, .fs = 0x3E, .gs = 0x40, .ss = 0x42, .segment_bytes = 2,
            .gpr_count = 16,
            .gpr = {0x78, 0x80, 0x88, 0x90, 0x98, 0xA0, 0xA8, 0xB0, 0xB8, 0xC0, 0xC8, 0xD0, 0xD8, 0xE0, 0xE8, 0xF0},
            .dr = {0x48, 0x50, 0x58, 0x60, 0, 0, 0x68, 0x70},
            .float_save = 0x100, .flags_arch = 0x100000, .flags_all = 0x10001F,
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
            .machine = 0x8664, .max_manipulate = 0x31,
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
    enum { MAX_STATE_CHANGE = 3 };
    const struct mk_version_layout *version = &layout->version;
    kd_fill(to, 0, MK_VERSION_BYTES);
    kd_store_u16(to, version->major);
    kd_store_u16(to + 2, version->minor);
    to[4] = version->protocol;
    to[5] = version->secondary;
    kd_store_u16(to + 6, version->flags);
    kd_store_u16(to + 8, version->machine);
    to[10] = KD_TYPE_MAX;
    to[11] = MAX_STATE_CHANGE;
    to[12] = version->max_manipulate;
    kd_store_u64(to + 16, map->kernel_base);
    kd_store_u64(to + 24, map->module_list);
    kd_store_u64(to + 32, map->debugger_data_list);
}
