/* mk.h: the mini kernel, the least of an NT kernel that drives a KD module through its exports.
 *
 * Freestanding, the same source on every machine. It works on the image in guest RAM by guest address (nt-image.md)
 * through its page tables; its own code, stack and this state lie outside what the image declares, so no address of
 * the machine it runs on can leak into an answer. Context: the guest's only thread; the KD calls are made as an NT
 * kernel makes them (kd-protocol.md 5.1).
 *
 * Tests: tests/test_mk.c (against a recording module), and every scenario. */
#ifndef MK_H
#define MK_H

#include "transport/guest/kd_module.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mk_arch { MK_X64, MK_X86 };

enum { MK_PROCESSORS_MAX = 4, MK_OPTIONS_BYTES = 96, MK_BREAKPOINTS = 32, MK_TEXT_BYTES = 512 };

/* What this boot does; written by the host before power-on, read-only for the kernel. It is also the loader block
 * that the kernel hands to KdDebuggerInitialize0. */
struct mk_boot {
    enum mk_arch arch;
    uint32_t processors;        /* 1 .. MK_PROCESSORS_MAX */
    uint32_t modules;           /* load-symbols notifications at boot, kernel and HAL included; at most what the
                                   image has; symbol storms repeat the last ones */
    uint32_t prints;            /* "boot: line N\n" printed after the modules */
    uint32_t ticks_per_print;   /* while running: a print every so many ticks, 0: none */
    uint32_t steps_per_tick;    /* instructions of the code loop interpreted in a tick */
    bool initial_break;         /* break in once after boot, as a debugger's /break asks */
    char options[MK_OPTIONS_BYTES]; /* loader option string: "DEBUGPORT=COM1 BAUDRATE=115200 KDPOLLS=33333" */
};

/* Where things lie in the image; filled by mk_image_build, read by the kernel and by the harness. Virtual
 * addresses, sign-extended to 64 bits on x86, but for names ending in _pa. */
struct mk_map {
    uint64_t ram_bytes;
    uint32_t processors;
    uint32_t break_steps;    /* instructions from break_handler to the int 3 and, once over it, back */
    uint32_t bugcheck_steps; /* from bugcheck_handler to the int 3 */
    uint64_t directory_table_pa; /* what CR3 holds */
    uint64_t kernel_base;
    uint64_t module_list;      /* PsLoadedModuleList: the list head */
    uint64_t debugger_data_list; /* the list head that GetVersion names */
    uint64_t debugger_data;    /* KDDEBUGGER_DATA64 */
    uint64_t kpcr[MK_PROCESSORS_MAX];
    uint64_t kprcb[MK_PROCESSORS_MAX];
    uint64_t thread[MK_PROCESSORS_MAX];    /* current KTHREAD */
    uint64_t stack_top[MK_PROCESSORS_MAX]; /* initial stack pointer */
    uint64_t frame[MK_PROCESSORS_MAX];     /* initial frame pointer; 0 where frames are found without it */
    uint64_t loop;             /* first instruction of the code loop */
    uint64_t loop_bytes;
    uint64_t function;         /* a function that the loop calls: a place for a breakpoint */
    uint64_t break_instruction; /* the int3 of the kernel's break helper: where break-ins stop. A debugger moves the
                                   program counter over it before it lets go, else it is hit again (5.5 rule 4) */
    uint64_t break_handler;     /* interrupt handler that calls the break helper */
    uint64_t bugcheck_handler;  /* the same for a bugcheck */
    uint64_t debug_service;     /* the int3 behind which symbol notices go on: their program counter */
    uint64_t pool;             /* readable and writable memory for anybody's experiments */
    uint64_t pool_bytes;       /* at least 1 MiB */
    uint64_t pool_pa;
    uint64_t hole;             /* a kernel address that is not mapped; the page before it is */
    uint64_t large_page;       /* an address in a page of 2 MiB, on x86 of 4 MiB (the pool's) */
    uint64_t shared_data_pa;   /* KUSER_SHARED_DATA */
    uint64_t user_page;        /* a page that is present and user-only */
    uint64_t not_present;      /* a page whose entry is not present, with a plausible frame number in it */
    uint32_t module_count;
    struct mk_module {
        uint64_t base;
        uint32_t size_bytes;
        uint32_t checksum;
        uint32_t timestamp;
        char path[64]; /* as load-symbols says it */
        char name[24];
    } modules[8];
};

/* A wish of the world, taken by the kernel at its next tick while it runs. */
enum mk_command_kind {
    MK_COMMAND_NONE,
    MK_COMMAND_PRINT,     /* text, count times; each line gets its number, from 1: "text 17\n" */
    MK_COMMAND_PROMPT,    /* text; room for count bytes of answer, which with code 1 is printed: "answer: .." */
    MK_COMMAND_LOAD,      /* count load-symbols notifications */
    MK_COMMAND_EXCEPTION, /* a first-chance exception with code `code` at the loop */
    MK_COMMAND_STRING,    /* a command for the debugger: name, NUL, command, NUL; count bytes of text */
    MK_COMMAND_TRACE,     /* trace I/O: count bytes of text */
    MK_COMMAND_CONTROL,   /* control request `code`, number count */
    MK_COMMAND_FILE_READ,  /* the debugger's file text comes into the pool; "file: .. bytes, status .." tells how */
    MK_COMMAND_FILE_WRITE, /* count bytes of the pool go into it, told likewise */
    MK_COMMAND_RESET,     /* reboot, after the shutdown notice (kd-protocol.md 5.9 rule 2) */
    MK_COMMAND_POWER_OFF, /* the same notice, then off */
    MK_COMMAND_SLEEP,      /* the machine's, for count ticks: the module is told before and after (5.10 rule 1) */
    MK_COMMAND_INITIALIZE, /* KD is initialised once more, without a loader block (3.3 rule 1) */
};
struct mk_command {
    enum mk_command_kind kind;
    uint32_t count;
    uint32_t code;
    char text[MK_TEXT_BYTES];
};

/* What the kernel reports of its KD calls through the trace port, which costs nothing and is the same everywhere. */
enum mk_trace_event {
    MK_TRACE_INITIALIZE, /* KdDebuggerInitialize0 returned: status is its NTSTATUS */
    MK_TRACE_SEND,       /* about to call KdSendPacket: type, first u32, the packet */
    MK_TRACE_SENT,       /* it returned: status 0, or 1 when KdDebuggerNotPresent is set afterwards */
    MK_TRACE_RECEIVE,    /* KdReceivePacket(type) returned: status; with KD_RECEIVED the packet */
    MK_TRACE_POLL,       /* a poll returned: status */
    MK_TRACE_BREAK,      /* the kernel breaks in: status 0 from a poll, 1 from KdpControlCPending */
    MK_TRACE_STOP,       /* the kernel is stopped: an exception state change is next */
    MK_TRACE_RUN,        /* it goes on */
    MK_TRACE_BOOTED,     /* boot is complete, the tick runs */
    MK_TRACE_EVENTS
};
struct mk_trace {
    enum mk_trace_event event;
    uint32_t type;  /* packet type */
    uint32_t first; /* first u32 of the header: api or state */
    uint32_t status;
    const uint8_t *header;
    uint32_t header_bytes;
    const uint8_t *data;
    uint32_t data_bytes;
};

/* ---- what a machine gives the kernel -------------------------------------------------------------------------- */

struct mk_state;

/* The kernel's state (zeroed before boot) and guest physical memory from address 0. */
struct mk_state *mk_platform_state(void);
uint8_t *mk_platform_ram(void);
const struct mk_boot *mk_platform_boot(void);
const struct mk_map *mk_platform_map(void);

void mk_platform_trace(const struct mk_trace *trace);

/* Sleeps until the next clock tick. An exit. */
void mk_platform_wait_tick(void);

/* Takes the world's wish, if there is one: kind MK_COMMAND_NONE when not. Costs nothing. */
void mk_platform_command(struct mk_command *command);

/* The kernel is about to call the module, and the module has returned: what lies between is the module's, and a
 * machine that can watch its stack and its registers does it there. Costs nothing; may be empty. */
void mk_platform_enters_module(void);
void mk_platform_leaves_module(void);

/* The module wrote where it had no business (README.md, "What the module is given"). Costs nothing.
 * piece   in  the piece handed to the module that lies nearest before the first such byte
 * offset  in  of that byte, from the piece's first one */
enum mk_piece {
    MK_PIECE_HEADER_STRING,
    MK_PIECE_HEADER,
    MK_PIECE_DATA_STRING,
    MK_PIECE_DATA,
    MK_PIECE_LENGTH,
    MK_PIECE_CONTEXT,
    MK_PIECES
};
void mk_platform_stray_write(enum mk_piece piece, uint32_t offset);

/* These do not return to the caller. */
_Noreturn void mk_platform_reset(void);
_Noreturn void mk_platform_power_off(void);

/* ---- the kernel ----------------------------------------------------------------------------------------------- */

size_t mk_state_bytes(void);

/* Boots and runs until reset or power-off. */
_Noreturn void mk_main(void);

/* The kernel's KdDebuggerNotPresent and KdDebuggerEnabled, one byte each, for the module's platform or its imports. */
uint8_t *mk_debugger_not_present(struct mk_state *state);
uint8_t *mk_debugger_enabled(struct mk_state *state);

#endif
