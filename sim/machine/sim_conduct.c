#include "sim/machine/sim_conduct.h"
#include "sim/kernel/mk.h"
#include <inttypes.h>
#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *const pieces[MK_PIECES] = {
    [MK_PIECE_HEADER_STRING] = "the header's STRING",
    [MK_PIECE_HEADER] = "the header",
    [MK_PIECE_DATA_STRING] = "the data's STRING",
    [MK_PIECE_DATA] = "the data",
    [MK_PIECE_LENGTH] = "the length",
    [MK_PIECE_CONTEXT] = "the KD_CONTEXT",
};

static const char *const registers[SIM_CONDUCT_REGISTERS_KNOWN] = {
    [SIM_CONDUCT_VECTOR] = "used a floating-point or vector register",
    [SIM_CONDUCT_MXCSR] = "changed MXCSR",
    [SIM_CONDUCT_X87_CONTROL] = "changed the x87 control word",
    [SIM_CONDUCT_SAVED] = "did not put back a register that is its caller's",
    [SIM_CONDUCT_DIRECTION] = "left the direction flag set",
};

static const char *name(const char *const *names, size_t count, uint32_t index)
{
    return index < count ? names[index] : "something unknown";
}

const char *sim_conduct_text(const struct sim_conduct *conduct, char *to, size_t to_bytes)
{
    switch (conduct->kind) {
    case SIM_CONDUCT_WRITES:
        snprintf(to, to_bytes, "the module wrote outside of what it was given: byte %" PRId32 " of %s",
                 (int32_t)conduct->value, name(pieces, COUNT(pieces), conduct->what));
        return to;
    case SIM_CONDUCT_STACK:
        snprintf(to, to_bytes, "the module used %" PRIu64 " bytes of stack, %" PRIu32 " are allowed",
                 conduct->value, conduct->what);
        return to;
    case SIM_CONDUCT_REGISTERS:
        snprintf(to, to_bytes, "the module %s", name(registers, COUNT(registers), conduct->what));
        return to;
    case SIM_CONDUCT_MEMORY:
        snprintf(to, to_bytes, "the module wrote memory that was never its own, at 0x%" PRIx64,
                 conduct->value);
        return to;
    case SIM_CONDUCT_KINDS:
        break;
    }
    snprintf(to, to_bytes, "the module did something unknown");
    return to;
}
