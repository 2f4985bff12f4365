/* mk_layout.h: where a processor's and the kernel's structures keep their fields, one row per architecture.
 *
 * The kernel and the image builder work from these tables alone, so a second architecture is a second row.
 * Offsets in bytes. Sources: kd-protocol.md 4.1, 4.5, 4.9, 4.10; nt-image.md. */
#ifndef MK_LAYOUT_H
#define MK_LAYOUT_H

#include "sim/kernel/mk.h"

enum {
    MK_CONTEXT_BYTES_MAX = 0x4D0,
    MK_SPECIAL_BYTES_MAX = 0xE0,
    MK_VERSION_BYTES = 40,
    MK_PAGE_BYTES = 4096,
    MK_GPRS_MAX = 16,
    MK_LEVELS_MAX = 4,
    MK_MSRS = 4,
};

/* Bits of EFLAGS, DR6 and page table entries, the same on both architectures. */
enum {
    MK_FLAG_CF = 0x001,
    MK_FLAG_RESERVED = 0x002, /* always one */
    MK_FLAG_PF = 0x004,
    MK_FLAG_AF = 0x010,
    MK_FLAG_ZF = 0x040,
    MK_FLAG_SF = 0x080,
    MK_FLAG_TF = 0x100,
    MK_FLAG_IF = 0x200,
    MK_FLAG_OF = 0x800,
    MK_FLAG_RF = 0x10000, /* no instruction breakpoint in front of the next one */
    MK_DR6_STEP = 0x4000,
    MK_PTE_PRESENT = 0x001,
    MK_PTE_WRITE = 0x002,
    MK_PTE_USER = 0x004,
    MK_PTE_ACCESSED = 0x020,
    MK_PTE_DIRTY = 0x040,
    MK_PTE_LARGE = 0x080,
    MK_PTE_GLOBAL = 0x100,
};
#define MK_DR6_FIXED 0xFFFF0FF0u /* the bits of DR6 that are always one */

/* Physical addresses where the PC keeps video memory and ROMs: no RAM (nt-image.md, edges). */
enum { MK_RAM_HOLE_FIRST = 0xA0000, MK_RAM_HOLE_END = 0x100000 };

/* Bytes of CONTEXT that take effect on resume when ContextFlags names their group (4.4 rule 7). */
struct mk_context_range {
    uint32_t group;
    uint16_t offset;
    uint16_t len_bytes;
};

/* CONTEXT (kd-protocol.md 4.10). */
struct mk_context_layout {
    uint16_t bytes;
    uint16_t flags, eflags, pc, sp;
    uint16_t cs, ds, es, fs, gs, ss;
    uint8_t segment_bytes;
    uint8_t gpr_count;
    uint16_t gpr[MK_GPRS_MAX]; /* in the order of instruction encoding: ax cx dx bx sp bp si di r8 .. */
    uint16_t dr[8];            /* as in struct mk_special_layout, of which these are copies */
    uint16_t float_save;       /* FXSAVE image */
    uint16_t mxcsr, x87_save;  /* 0 where the architecture has none */
    uint32_t flags_arch;       /* the bit that says which architecture's CONTEXT it is */
    uint32_t flags_all;
    const struct mk_context_range *ranges;
    uint8_t range_count;
};

/* KSPECIAL_REGISTERS (kd-protocol.md 4.9). */
struct mk_special_layout {
    uint16_t bytes;
    uint16_t cr0, cr2, cr3, cr4;
    uint16_t dr[8];      /* 4 and 5 are not there: 0 */
    uint16_t gdtr, idtr; /* of the limit; the base is 2 bytes behind */
    uint16_t tr;
    uint16_t mxcsr; /* this one and those below: 0 where the architecture has none */
    uint16_t gs_base, gs_swap, star, lstar, cstar, syscall_mask;
};

/* What the processor pushes on an interrupt of kernel code, and how. */
struct mk_interrupt_layout {
    uint8_t words;       /* 3: program counter, CS, flags; 5: stack pointer and SS too */
    uint8_t align_bytes; /* of the stack pointer, before anything is pushed */
};

/* Control space (kd-protocol.md 4.9). */
enum mk_control_space {
    MK_CONTROL_BY_INDEX,  /* the address is the number of an item */
    MK_CONTROL_BY_OFFSET, /* it is an offset into KPROCESSOR_STATE: CONTEXT, then KSPECIAL_REGISTERS */
};

/* A model-specific register that is kept nowhere but in struct mk_cpu. */
struct mk_msr {
    uint32_t number;
    uint64_t first_value;
};

/* The control report of a state change, from the start of its header (kd-protocol.md 4.1). */
struct mk_report_layout {
    uint16_t dr6, dr7, eflags, count, flags, stream, cs, ds, es, fs;
};

/* The control set of Continue2, from the start of the union (kd-protocol.md 4.4 note 3). */
struct mk_control_layout {
    uint8_t trace_flag, dr7, symbol_start, symbol_end;
};

struct mk_paging_layout {
    uint8_t levels;
    uint8_t index_bits;
    uint8_t entry_bytes;
    uint8_t address_bits; /* of a virtual address; those above repeat the highest */
    uint8_t shift[MK_LEVELS_MAX];
    bool large[MK_LEVELS_MAX]; /* an entry of this level may map a page itself */
    uint64_t frame_mask;
};

/* The version block of GetVersion, but for its addresses (kd-protocol.md 4.5). */
struct mk_version_layout {
    uint16_t major, minor;
    uint8_t protocol, secondary;
    uint16_t flags;
    uint16_t machine;
    uint8_t max_manipulate;
    uint8_t nt_major, nt_minor; /* of the system: 6.1, 5.1 */
};

struct mk_layout {
    uint8_t pointer_bytes;
    bool unwind_table; /* modules have one; else frames are found by frame pointers */
    uint16_t processor_level;
    uint16_t kpcr_to_kprcb;
    uint16_t kprcb_special; /* ProcessorState.SpecialRegisters */
    uint16_t kprcb_context; /* ProcessorState.ContextFrame */
    uint64_t shared_data;   /* KUSER_SHARED_DATA */
    uint64_t boot_process;  /* ProcessId in the notices of boot images (4.1 note 5) */
    uint8_t break_register; /* index in gpr: tells the debugger why DbgBreakPointWithStatus stopped (5.9 rule
                               5) */
    enum mk_control_space control_space;
    struct mk_context_layout context;
    struct mk_special_layout special;
    struct mk_report_layout report;
    struct mk_control_layout control;
    struct mk_paging_layout paging;
    struct mk_version_layout version;
    struct mk_interrupt_layout interrupt;
    struct mk_msr msrs[MK_MSRS];
};

/* The row of an architecture; NULL for one that is not there. */
const struct mk_layout *mk_layout(enum mk_arch arch);

/* Writes the version block. */
void mk_version_store(uint8_t to[MK_VERSION_BYTES], const struct mk_layout *layout, const struct mk_map *map);

#endif
