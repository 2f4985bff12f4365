/* oracle_quiet.h: rule 8: no debugger, no harm. What a guest pays for a debugger that is not there, judged
 * call by call from the kernel's reports and the exits between them.
 *
 * A call is judged when nobody was attached at any time since the report before, nothing befell machine or
 * relay, no fault struck, and all of that was true of the call before as well: a lost reply or a revert may
 * be noticed one call later. Calls without an exit (a packet that was kept) do not count. Only packets that
 * may be given up (kd-protocol.md 2.6); a stop without a debugger waits for one, on any link.
 *
 *   doorbell   an exit for each message and one to open it; a poll that finds nothing has none
 *   backdoor   the exits of the table below, an RPC costing what vmware-backdoor.md 4 says, and no time but
 * theirs: the VMM holds no call serial     the frame as often as the protocol says, once (N8, N9); from then
 * on not a byte, until somebody comes
 *
 * Tests: tests/test_oracle_quiet.c */
#ifndef ORACLE_QUIET_H
#define ORACLE_QUIET_H

#include "sim/machine/sim_vm.h"

/* The calls that are judged, and what each may cost on the backdoor while nobody is there. Sources:
 * transport/guest/README.md 4, 5, 8; an RPC and a turn of the hint, which is a short RPC, by
 * vmware-backdoor.md 4. X(call, name, RPCs, RPCs while the relay is dead, turns of the hint, exits beside
 * them) */
#define ORACLE_QUIET_LIST(X)                                                                                 \
    X(ORACLE_QUIET_INITIALIZE, "an initialisation", 1, 1, 0, 3) /* is there a doorbell?, GETVERSION, OPEN */ \
    X(ORACLE_QUIET_SEND, "a packet", 1, 6, 0, 0)                                                             \
    X(ORACLE_QUIET_POLL, "a poll", 1, 1, 1, 1) /* OPEN, where the hint is met; see the numbers below */
enum oracle_quiet_call {
#define ORACLE_QUIET_ENUM(call, name, rpcs, away, turns, beside) call,
    ORACLE_QUIET_LIST(ORACLE_QUIET_ENUM)
#undef ORACLE_QUIET_ENUM
        ORACLE_QUIET_CALLS
};

enum {
    ORACLE_QUIET_RETRIES = 20, /* kd-protocol.md 2.6 rule 5: so often a frame goes out on serial */
    ORACLE_QUIET_UART_SETUP =
        18, /* exits in an initialisation that ends with the uart (transport/guest/README.md 5) */
    ORACLE_QUIET_CLOSES =
        2, /* of an initialisation that is not the first, or leaves the backdoor for the uart */
    ORACLE_QUIET_CHEAP = 3,        /* exits of a poll that finds nothing: 2, and 3 with a word for the host; at a
                                      doorbell 0 */
    ORACLE_QUIET_DEAR_POLLS = 2,   /* dearer ones in a row: as the hint is met; one more behind a revert, which
                                      notices that its channel is gone */
    ORACLE_QUIET_DEAR_AFTER = 260, /* the same once a fault has struck an exit: a VMM that refused TCLO is
                                      left alone for so long, and must have four turns to be believed again */
    ORACLE_QUIET_UART_POLL = 4,    /* exits of a poll that finds nothing (break-in/break-in-idle-cost.lua) */
};

struct oracle_quiet;

/* faults  in  may be NULL
 * breach  in  called for each, inside the calls below */
struct oracle_quiet *oracle_quiet_create(struct sim_world *world, const struct sim_faults *faults,
                                         void (*breach)(void *context, const char *text), void *context);
void oracle_quiet_destroy(struct oracle_quiet *quiet);

void oracle_quiet_exit(struct oracle_quiet *quiet, const struct sim_vm_exit *exit);
void oracle_quiet_api(struct oracle_quiet *quiet, const struct mk_trace *trace);
void oracle_quiet_life(struct oracle_quiet *quiet, enum sim_life life);

#endif
