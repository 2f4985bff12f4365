/* lab_work.h: what a person at a debugger does, as steps that take whatever comes.
 *
 * A verb of a scenario says what must happen; a work is done as far as it can be done now. A read of a target that
 * runs is not asked for; a request that a fresh start made void is over; a prompt is answered whenever it comes. Only
 * LAB_WORK_FINISH insists: it lets every planned fate pass, ends all faults, puts right what they left (a machine that
 * is off or stands still, a relay or a debugger that is away), and is not done before the debugger has stopped the
 * target, was told its version and 64 bytes of its memory, and let it go on. A target whose module found no backdoor
 * when it started is left alone by all works but this one, which resets it.
 *
 * Scripts (work("read", 64)) and the swarm do their works here: a plan of one is a scenario of the other, to the bit.
 * Tests: harness/swarm/tests/test_swarm.c, which plays plans of works in both forms */
#ifndef LAB_WORK_H
#define LAB_WORK_H

#include "harness/script/lab.h"

/* Enumerator, name, what the amount means. */
#define LAB_WORK_LIST(X)                                                                                     \
    X(LAB_WORK_READ, "read", "bytes of the pool")                                                            \
    X(LAB_WORK_WRITE, "write", "bytes of the pool")                                                          \
    X(LAB_WORK_READ_PHYSICAL, "read_physical", "bytes of the pool")                                          \
    X(LAB_WORK_WRITE_PHYSICAL, "write_physical", "bytes of the pool")                                        \
    X(LAB_WORK_READ_HOLE, "read_hole", "bytes of what is not mapped")                                        \
    X(LAB_WORK_VERSION, "version", "nothing")                                                                \
    X(LAB_WORK_CONTEXT, "context", "nothing")                                                                \
    X(LAB_WORK_BREAKPOINT, "breakpoint", "nothing: at a function that the loop calls")                       \
    X(LAB_WORK_REMOVE_BREAKPOINT, "remove_breakpoint", "its handle")                                         \
    X(LAB_WORK_GO, "go", "nothing")                                                                          \
    X(LAB_WORK_STEP, "step", "nothing")                                                                      \
    X(LAB_WORK_REBOOT, "reboot", "nothing")                                                                  \
    X(LAB_WORK_BREAK_IN, "break_in", "nothing; waits for the stop")                                          \
    X(LAB_WORK_RESYNC, "resync", "nothing; waits for the stop")                                              \
    X(LAB_WORK_PRINT, "print", "lines")                                                                      \
    X(LAB_WORK_PROMPT, "prompt", "bytes of room")                                                            \
    X(LAB_WORK_LOAD, "load", "modules")                                                                      \
    X(LAB_WORK_EXCEPTION, "exception", "nothing")                                                            \
    X(LAB_WORK_ATTACH, "attach", "nothing")                                                                  \
    X(LAB_WORK_DETACH, "detach", "nothing")                                                                  \
    X(LAB_WORK_WAIT, "wait", "nanoseconds")                                                                  \
    X(LAB_WORK_FINISH, "finish", "nothing")
enum lab_work_kind {
#define LAB_WORK_ENUM(name, text, amount) name,
    LAB_WORK_LIST(LAB_WORK_ENUM)
#undef LAB_WORK_ENUM
    LAB_WORKS
};
const char *lab_work_name(enum lab_work_kind kind);
KD_MUST_USE enum kd_status lab_work_find(const char *name, enum lab_work_kind *kind);

struct lab_work {
    enum lab_work_kind kind;
    uint64_t amount;
    /* private */
    bool waits;    /* for what the last move asked for */
    bool over;
    unsigned move; /* how many were made */
    uint64_t until_ns;
    uint64_t replies, acked, marks, stops; /* when the last move was made */
};

/* Begins a work. It is done when lab_work_done says so, or at its limit.
 * Returns  the time at which nobody waits for it any longer */
uint64_t lab_work_begin(struct lab *lab, struct lab_work *work, enum lab_work_kind kind, uint64_t amount);

/* Goes on with it; to be called between events. Returns true when it is done. */
bool lab_work_done(struct lab *lab, struct lab_work *work);

#endif
