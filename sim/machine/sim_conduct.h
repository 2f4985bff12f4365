/* sim_conduct.h: what a KD module must never do to the machine that it runs on, seen by whoever can see it: the mini
 * kernel (red zones around what it hands out), or the machine itself (stack, registers, pages). Each machine tells of it
 * with an exit of kind SIM_GUEST_CONDUCT, the VM tells its observers, and the oracle calls it a breach of rule 5.
 * It costs no time and leaves no trace record. Tests: tests/test_native_watch.c */
#ifndef SIM_CONDUCT_H
#define SIM_CONDUCT_H

#include <stddef.h>
#include <stdint.h>

enum sim_conduct_kind {
    SIM_CONDUCT_WRITES,    /* what: enum mk_piece; value: offset of the first byte, from the piece's first one, signed */
    SIM_CONDUCT_STACK,     /* what: bytes allowed; value: bytes used */
    SIM_CONDUCT_REGISTERS, /* what: enum sim_conduct_register; value: 0 */
    SIM_CONDUCT_MEMORY,    /* value: address of a byte that was never the module's to write */
    SIM_CONDUCT_KINDS
};

enum sim_conduct_register {
    SIM_CONDUCT_VECTOR, /* any of XMM, YMM, ZMM, MMX or x87 */
    SIM_CONDUCT_MXCSR,
    SIM_CONDUCT_X87_CONTROL,
    SIM_CONDUCT_SAVED,     /* one that the calling convention says a function must leave as it was */
    SIM_CONDUCT_DIRECTION, /* the direction flag is set at return */
    SIM_CONDUCT_REGISTERS_KNOWN
};

struct sim_conduct {
    enum sim_conduct_kind kind;
    uint32_t what;
    uint64_t value;
};

/* How much stack one call of the module may use: transport/guest/README.md 1. A kernel stack has 12 to 24 KiB (kd-protocol.md
 * 3.4), and a frame of x64 costs 96 bytes before anything is in it. */
enum { SIM_CONDUCT_STACK_BYTES = 1536 };

/* What was seen, in words. Returns to. */
const char *sim_conduct_text(const struct sim_conduct *conduct, char *to, size_t to_bytes);

#endif
