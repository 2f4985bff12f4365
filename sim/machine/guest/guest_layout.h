/* guest_layout.h: the guest's address space on the machines that run a real DLL, and the ports through which
 * the image speaks to its machine. Included by the image (sim/machine/guest) and by the host (sim_guest.h),
 * so it must mean the same to all three compilers: fixed widths, no pointers.
 *
 * Physical addresses; linear ones are the same but for the two pages of the alias. Everything lies below 4
 * GiB, so that x86 has it as x64 has it. What no part covers is not there: each part has unmapped pages
 * around it.
 *
 *   00100000  page tables          1 MiB .. 16 MiB: the region, one piece of host memory
 *   00130000  task                 the ports that ring 3 may use, on a machine that runs the guest there (kvm_cpu.h)
 *   00140000  boot page            what the host tells (struct guest_boot)
 *   00200000  kernel image         mini kernel, loader, platform: linked to this base
 *   00400000  kernel state         struct mk_state
 *   00500000  stack                grows down from its end
 *   00600000  the DLL's file       raw bytes
 *   00A00000  the DLL, mapped      by the loader in the image
 *   10000000  NT's RAM             physical address 0 of nt-image.md
 *
 * The alias: two linear pages of NT's half, the second right behind the first. The first is
 * KUSER_SHARED_DATA, which a module may touch (transport/guest/dll/README.md 3); the second is the boot page
 * again, because a module looks for its options in NT's half only. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#include "sim/kernel/mk.h"

enum {
    GUEST_PAGE_BYTES = 4096,
    GUEST_REGION = 0x00100000,
    GUEST_REGION_END = 0x01000000,
    GUEST_PAGING = 0x00100000,
    GUEST_PAGING_BYTES = 0x20000,
    GUEST_TASK = 0x00130000,
    GUEST_TASK_BYTES = 3 * GUEST_PAGE_BYTES,
    GUEST_BOOT = 0x00140000,
    GUEST_BOOT_BYTES = GUEST_PAGE_BYTES,
    GUEST_KERNEL = 0x00200000,
    GUEST_KERNEL_BYTES_MAX = 0x100000,
    GUEST_STATE = 0x00400000,
    GUEST_STATE_BYTES = 0x10000,
    GUEST_STACK = 0x00500000,
    GUEST_STACK_BYTES = 0x8000,
    GUEST_FILE = 0x00600000,
    GUEST_FILE_BYTES_MAX = 0x200000,
    GUEST_DLL = 0x00A00000,
    GUEST_DLL_BYTES_MAX = 0x400000,
    GUEST_RAM = 0x10000000,
};
#define GUEST_RAM_BYTES_MAX 0xC0000000u
#define GUEST_ALIAS_X64     0xFFFFF78000000000u
#define GUEST_ALIAS_X86     0xFFDF0000u

/* The image's ports: one 32-bit OUT of a linear address, 0 where nothing goes with it. None costs time. */
enum {
    GUEST_PORT_TRACE = 0xFA00,     /* struct mk_trace, with the guest's pointers */
    GUEST_PORT_TICK = 0xFA04,      /* sleeps until the next clock tick */
    GUEST_PORT_COMMAND = 0xFA08,   /* struct mk_command, to be filled */
    GUEST_PORT_RESET = 0xFA0C,     /* does not return */
    GUEST_PORT_POWER_OFF = 0xFA10, /* does not return */
    GUEST_PORT_STRAY = 0xFA14,     /* struct guest_stray: the module wrote where it had no business */
    GUEST_PORT_LOADED = 0xFA18,    /* the DLL is ready at GUEST_DLL; the kernel is next */
    GUEST_PORT_FAIL = 0xFA1C,      /* a NUL-terminated text: why the image cannot go on; does not return */
    GUEST_PORT_FIRST = GUEST_PORT_TRACE,
    GUEST_PORT_END = GUEST_PORT_FAIL + 4,
};

enum { GUEST_BOOT_MAGIC = 0x4B644D31, GUEST_LOADER_BLOCK_BYTES = 0x100 };

/* The boot page: written by the host at every reset. The loader looks at magic and file_bytes alone, so that
 * a machine may start from what memory was when the loader was done, with another boot. */
struct guest_boot {
    uint32_t magic;
    uint32_t file_bytes; /* of the DLL, at GUEST_FILE */
    struct mk_boot boot;
    struct mk_map map;
    uint8_t loader_block[GUEST_LOADER_BLOCK_BYTES]; /* LOADER_PARAMETER_BLOCK as far as a module reads it */
};

/* The same for every compiler. */
_Static_assert(sizeof(struct mk_boot) == 124, "mk_boot is laid out alike everywhere");
_Static_assert(__builtin_offsetof(struct mk_boot, options) == 25, "mk_boot is laid out alike everywhere");
_Static_assert(sizeof(struct mk_map) == 1248, "mk_map is laid out alike everywhere");
_Static_assert(__builtin_offsetof(struct mk_map, modules) == 352, "mk_map is laid out alike everywhere");
_Static_assert(sizeof(struct mk_command) == 524, "mk_command is laid out alike everywhere");
_Static_assert(__builtin_offsetof(struct guest_boot, map) == 136, "guest_boot is laid out alike everywhere");
_Static_assert(sizeof(struct guest_boot) <= GUEST_BOOT_BYTES, "the boot block fits its page");

/* The arguments of mk_platform_stray_write. */
struct guest_stray {
    uint32_t piece, offset;
};

/* struct mk_trace as the guest has it: four u32, then pointer and u32 twice. */
enum {
    GUEST_TRACE_HEADER = 16,
    GUEST_TRACE_BYTES_X64 = 48,
    GUEST_TRACE_BYTES_X86 = 32,
};
#if defined(__i386__)
_Static_assert(sizeof(struct mk_trace) == GUEST_TRACE_BYTES_X86, "mk_trace as the host decodes it");
#else
_Static_assert(sizeof(struct mk_trace) == GUEST_TRACE_BYTES_X64, "mk_trace as the host decodes it");
#endif
_Static_assert(__builtin_offsetof(struct mk_trace, header) == GUEST_TRACE_HEADER,
               "mk_trace as the host decodes it");

#endif
