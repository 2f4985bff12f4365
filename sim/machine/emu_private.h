/* emu_private.h: between emu.c (the machine), emu_code.c (what code is) and emu_conduct.c (calls of the
 * module). */
#ifndef EMU_PRIVATE_H
#define EMU_PRIVATE_H

#include "sim/machine/sim_emu.h"
#include "sim/machine/sim_guest.h"
#include <capstone/capstone.h>
#include <unicorn/unicorn.h>

/* ---- emu_code.c --------------------------------------------------------------------------------------- */

/* What is known of the code that begins at an address. */
struct emu_block {
    uint16_t count; /* instructions that run before it ends, or before the first that the guest stops at */
    uint16_t len_bytes; /* of those */
    uint16_t stop; /* place in the table of stops of the one at this address, from 1; 0: none here */
    bool known, stops;
    bool repeats; /* it is one string instruction with a prefix, an element each time */
};

/* An instruction that the machine runs itself. */
enum emu_action {
    EMU_RUN, /* none of these */
    EMU_IN,
    EMU_OUT,
    EMU_INS,
    EMU_OUTS,
    EMU_CPUID,
    EMU_FORBIDDEN, /* needs what is not there, or a clock */
};

struct emu_instruction {
    enum emu_action action;
    uint64_t address;
    uint8_t len_bytes;
    uint8_t width; /* of the access in bytes: 1, 2, 4 */
    bool has_port; /* an immediate port; else it is in DX */
    uint8_t port;
    bool repeats;
    char name[16];
};

enum { EMU_STOPS_MAX = 4096 };

struct emu_code {
    csh capstone;
    cs_insn *scratch;
    struct emu_block *kernel, *dll; /* by offset from GUEST_KERNEL and GUEST_DLL */
    struct emu_instruction *stops;
    uint16_t stop_count;
};

void emu_code_init(struct emu_code *code, enum mk_arch arch);

/* NULL when no code can be there. */
struct emu_block *emu_code_block(struct emu_code *code, uint64_t address);

/* Looks at a block once.
 * Returns  the first instruction that the guest must not run by itself, NULL when there is none. Its address
 *          is in the table of stops from now on, of which emu_code_stop gives it back */
const struct emu_instruction *emu_code_look(struct emu_code *code, struct emu_block *block, uint64_t address,
                                            const uint8_t *bytes, size_t len_bytes);
const struct emu_instruction *emu_code_stop(struct emu_code *code, uint64_t address);

/* ---- emu_conduct.c ------------------------------------------------------------------------------------ */

enum { EMU_SAVED_MAX = 8, EMU_VECTORS = 16, EMU_CONDUCTS_MAX = 4 };

enum { EMU_EXPORTS = 8 };

/* An export that the kernel calls, and by how much it moves the stack pointer on return. */
struct emu_export {
    uint64_t address;
    uint32_t pops_bytes;
};

/* A call of the module that has not returned. */
struct emu_call {
    bool open;
    bool inside; /* now in the module's code, and not in what it called */
    uint64_t stack_pointer, return_address;
    uint64_t stack_after; /* what the stack pointer is to be */
    uint64_t saved[EMU_SAVED_MAX];
    uint64_t mxcsr, x87_control;
};

/* ---- emu.c -------------------------------------------------------------------------------------------- */

/* Where no guest has anything (guest_layout.h); as large as a DLL, whose place it takes. */
#define EMU_APART UINT64_C(0x80000000)
enum { EMU_APART_BYTES = GUEST_DLL_BYTES_MAX };
_Static_assert(EMU_APART_BYTES >= 1024 * GUEST_PAGE_BYTES, "as many pages as Unicorn looks up together");

/* Why the processor stopped. */
enum emu_event { EMU_NOTHING, EMU_AT_INSTRUCTION, EMU_LEARNED, EMU_RETURNED, EMU_RAN_AWAY };

struct emu {
    struct sim_machine machine;
    struct emu *next; /* among those that nobody uses */
    struct sim_guest *guest;
    uc_engine *uc;
    bool x64;
    struct emu_code code;

    /* As everything stood when the loader was done; NULL before. */
    uc_context *start_registers;
    struct sim_guest_saved *start_memory;

    unsigned apart_count; /* times that nothing was mapped to keep two things apart */

    uint64_t pc; /* where the guest goes on */
    bool failed; /* the loader said why in guest->fault */
    bool counts; /* the loader's instructions are not counted */
    uint64_t since_exit;
    uint64_t last_end;              /* where the block that ran last ends */
    struct sim_guest_exit exit;     /* handed out */
    struct emu_instruction stopped; /* waits for the answer in exit; len_bytes 0: none does */

    enum emu_event event;
    struct emu_export exports[EMU_EXPORTS];
    struct emu_call call;
    struct sim_conduct conducts[EMU_CONDUCTS_MAX]; /* seen at the last return, to be told one by one */
    unsigned conduct_count, conduct_told;
};

uint64_t emu_read(const struct emu *emu, int reg);
void emu_write(struct emu *emu, int reg, uint64_t value);

/* Finds the exports of a DLL that was loaded. */
void emu_conduct_loaded(struct emu *emu);

/* Every vector register holds its pattern: once, as nothing changes them. */
void emu_conduct_paint(struct emu *emu);

/* The guest is at the start of a block, on the module's side or not. Returns true when the module has
 * returned and conducts are to be told before the block runs. */
bool emu_conduct_block(struct emu *emu, uint64_t address, bool inside);

#endif
