/* emu_conduct.c: what the module does to registers and stack that are its caller's (kd-protocol.md 3.1, 3.4),
 * looked at from outside, at the moments when control enters and leaves its code. */
#include "sim/machine/emu_private.h"
#include <string.h>

enum { STACK_PAINTED_BYTES = 4096, DIRECTION_FLAG = 0x400 };
#define PAINT 0xC5

/* ---- registers ----------------------------------------------------------------------------------------- */

static const int saved_x64[EMU_SAVED_MAX] = {UC_X86_REG_RBX, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                             UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};
static const int saved_x86[] = {UC_X86_REG_EBX, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};

static unsigned saved_count(const struct emu *emu)
{
    return emu->x64 ? EMU_SAVED_MAX : sizeof saved_x86 / sizeof *saved_x86;
}

static void read_saved(const struct emu *emu, uint64_t values[EMU_SAVED_MAX])
{
    for (unsigned i = 0; i < saved_count(emu); i++)
        values[i] = emu_read(emu, emu->x64 ? saved_x64[i] : saved_x86[i]);
}

struct vector {
    uint64_t half[2];
};

static struct vector pattern(unsigned number)
{
    return (struct vector){{0x5AFEC0DE00000000u + number, 0xC0DE5AFE00000000u + number}};
}

static unsigned vector_count(const struct emu *emu)
{
    return emu->x64 ? EMU_VECTORS : EMU_VECTORS / 2;
}

/* The eight x87 registers, which are MMX's too, stand all empty: one that was used is not. */
enum { X87_EMPTY = 0xFFFF };

void emu_conduct_paint(struct emu *emu)
{
    for (unsigned i = 0; i < vector_count(emu); i++) {
        struct vector value = pattern(i);
        uc_reg_write(emu->uc, UC_X86_REG_XMM0 + (int)i, &value);
    }
    uint16_t empty = X87_EMPTY;
    uc_reg_write(emu->uc, UC_X86_REG_FPTAG, &empty);
}

static bool vectors_are_painted(const struct emu *emu)
{
    for (unsigned i = 0; i < vector_count(emu); i++) {
        struct vector value, wanted = pattern(i);
        uc_reg_read(emu->uc, UC_X86_REG_XMM0 + (int)i, &value);
        if (memcmp(&value, &wanted, sizeof value) != 0)
            return false;
    }
    uint16_t tags = 0;
    uc_reg_read(emu->uc, UC_X86_REG_FPTAG, &tags);
    return tags == X87_EMPTY;
}

/* ---- stack --------------------------------------------------------------------------------------------- */

/* The free stack below an address, as far as it is painted. */
static uint8_t *below(const struct emu *emu, uint64_t stack_pointer, size_t *bytes)
{
    uint64_t room = stack_pointer - GUEST_STACK;
    *bytes = room > GUEST_STACK_BYTES ? 0 : room < STACK_PAINTED_BYTES ? (size_t)room : STACK_PAINTED_BYTES;
    return sim_guest_at(emu->guest, stack_pointer - *bytes, *bytes, true);
}

static void paint_stack(const struct emu *emu)
{
    size_t bytes;
    uint8_t *stack = below(emu, emu->call.stack_pointer, &bytes);
    if (stack != NULL)
        memset(stack, PAINT, bytes);
}

static bool word_is_painted(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word == PAINT * (UINT64_MAX / UINT8_MAX);
}

static uint32_t stack_used(const struct emu *emu)
{
    size_t bytes, unused = 0;
    const uint8_t *stack = below(emu, emu->call.stack_pointer, &bytes);
    while (stack != NULL && bytes - unused >= 8 && word_is_painted(stack + unused))
        unused += 8;
    while (stack != NULL && unused < bytes && stack[unused] == PAINT)
        unused++;
    return (uint32_t)(bytes - unused);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static void tell(struct emu *emu, enum sim_conduct_kind kind, uint32_t what, uint64_t value)
{
    if (emu->conduct_count < EMU_CONDUCTS_MAX)
        emu->conducts[emu->conduct_count++] = (struct sim_conduct){kind, what, value};
}

/* Argument words of each export that the kernel calls (kd-protocol.md 3.1); x86 functions pop them. */
void emu_conduct_loaded(struct emu *emu)
{
    static const struct {
        const char *name;
        uint32_t words;
    } rows[EMU_EXPORTS] = {
        {"KdDebuggerInitialize0", 1},
        {"KdDebuggerInitialize1", 1},
        {"KdD0Transition", 0},
        {"KdD3Transition", 0},
        {"KdSave", 1},
        {"KdRestore", 1},
        {"KdSendPacket", 4},
        {"KdReceivePacket", 5},
    };
    for (unsigned i = 0; i < EMU_EXPORTS; i++)
        emu->exports[i] = (struct emu_export){GUEST_DLL + guest_pe_export(&emu->guest->pe, rows[i].name),
                                              emu->x64 ? 8 : 4 + 4 * rows[i].words};
}

/* A way in that is no export (none is known) moves the stack pointer as it likes. */
static uint64_t stack_after(const struct emu *emu, uint64_t address)
{
    for (unsigned i = 0; i < EMU_EXPORTS; i++)
        if (emu->exports[i].address == address)
            return emu->call.stack_pointer + emu->exports[i].pops_bytes;
    return 0;
}

static uint64_t stack_pointer(const struct emu *emu)
{
    return emu_read(emu, emu->x64 ? UC_X86_REG_RSP : UC_X86_REG_ESP);
}

static void enter(struct emu *emu, uint64_t address)
{
    struct emu_call *call = &emu->call;
    *call = (struct emu_call){.open = true, .inside = true};
    call->stack_pointer = stack_pointer(emu);
    call->stack_after = stack_after(emu, address);
    const uint8_t *top = sim_guest_at(emu->guest, call->stack_pointer, emu->x64 ? 8 : 4, false);
    if (top != NULL)
        memcpy(&call->return_address, top, emu->x64 ? 8 : 4);
    read_saved(emu, call->saved);
    call->mxcsr = emu_read(emu, UC_X86_REG_MXCSR);
    call->x87_control = emu_read(emu, UC_X86_REG_FPCW);
    paint_stack(emu);
}

static void check_registers(struct emu *emu)
{
    uint64_t saved[EMU_SAVED_MAX];
    read_saved(emu, saved);
    bool moved = emu->call.stack_after != 0 && stack_pointer(emu) != emu->call.stack_after;
    if (moved || memcmp(saved, emu->call.saved, saved_count(emu) * sizeof *saved) != 0)
        tell(emu, SIM_CONDUCT_REGISTERS, SIM_CONDUCT_SAVED, 0);
    if ((emu_read(emu, UC_X86_REG_EFLAGS) & DIRECTION_FLAG) != 0)
        tell(emu, SIM_CONDUCT_REGISTERS, SIM_CONDUCT_DIRECTION, 0);
    if (emu_read(emu, UC_X86_REG_MXCSR) != emu->call.mxcsr)
        tell(emu, SIM_CONDUCT_REGISTERS, SIM_CONDUCT_MXCSR, 0);
    if (emu_read(emu, UC_X86_REG_FPCW) != emu->call.x87_control)
        tell(emu, SIM_CONDUCT_REGISTERS, SIM_CONDUCT_X87_CONTROL, 0);
    if (!vectors_are_painted(emu)) {
        tell(emu, SIM_CONDUCT_REGISTERS, SIM_CONDUCT_VECTOR, 0);
        emu_conduct_paint(emu);
    }
}

static void check_stack(struct emu *emu)
{
    uint32_t used = stack_used(emu);
    if (used > emu->machine.stack_bytes)
        emu->machine.stack_bytes = used;
    if (used > SIM_CONDUCT_STACK_BYTES)
        tell(emu, SIM_CONDUCT_STACK, SIM_CONDUCT_STACK_BYTES, used);
}

bool emu_conduct_block(struct emu *emu, uint64_t address, bool inside)
{
    struct emu_call *call = &emu->call;
    if (inside == call->inside)
        return false;
    call->inside = inside;
    if (inside && !call->open) {
        enter(emu, address);
    } else if (!inside && call->open && address == call->return_address) {
        call->open = false;
        check_registers(emu);
        check_stack(emu);
    }
    return emu->conduct_count > 0;
}
