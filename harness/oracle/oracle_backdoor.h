/* oracle_backdoor.h: rule 6: a guest's conduct at the VMware backdoor, judged by its registers alone.
 *
 * Written from vmware-backdoor.md, "BD n" below, and from nothing else: it shares no code with the guest's
 * side or the device's (ci/layers.sh), so that a misreading of one is not confirmed by the other. It sees
 * what the guest put into its registers and what it found there, never whether a fault made the host say it:
 * a guest may believe what it is told.
 *
 * What is legal (BD 7.3, the numbers behind the breaches): a sub-type other than OPEN only on a channel that
 * is open (I1); every channel closed before another of its kind is opened, and before the guest goes on
 * without the backdoor (I2); ceil(n/4) words behind SENDSIZE(n), or one string of n (I3); RECVSTATUS behind
 * each message fetched (I4); magic, port, cookies and upper halves as each call has them (I5); a message
 * begun anew after a checkpoint only, and at most ORACLE_BACKDOOR_RESTARTS times (I8); absence found within
 * ORACLE_BACKDOOR_PROBES accesses (I12). I6 and I9 are rule 5's, I7 is rules 1 and 2, I10 rule 8, I11 rule 9.
 * Tests: tests/test_oracle_backdoor.c */
#ifndef ORACLE_BACKDOOR_H
#define ORACLE_BACKDOOR_H

#include "sim/device/sim_exit.h"

enum {
    ORACLE_BACKDOOR_RESTARTS =
        3, /* BD rule 28: of the public clients only Linux states a bound, three attempts; the first
              and three more are what the module's README promises (section 6) */
    ORACLE_BACKDOOR_PROBES = 4, /* I12 */
};

struct oracle_backdoor;

/* breach  in  called for each, inside the calls below; text says what was done and which invariant that
 * breaks */
struct oracle_backdoor *oracle_backdoor_create(void (*breach)(void *context, const char *text),
                                               void *context);
void oracle_backdoor_destroy(struct oracle_backdoor *backdoor);

/* An access is complete: IN EAX,DX at 0x5658; a string at 0x5659, in: rep insb; anything 8 bits wide at any
 * port. */
void oracle_backdoor_call(struct oracle_backdoor *backdoor, const struct sim_registers *before,
                          const struct sim_registers *after);
void oracle_backdoor_string(struct oracle_backdoor *backdoor, bool in, const struct sim_registers *before,
                            const struct sim_registers *after);
void oracle_backdoor_narrow(struct oracle_backdoor *backdoor, uint16_t port);

/* The machine starts anew, or is off: all channels are abandoned, and nobody knows of them any more. */
void oracle_backdoor_reset(struct oracle_backdoor *backdoor);

/* A snapshot of that name is taken; the guest is what it was then, and believes what it did then. */
void oracle_backdoor_keep(struct oracle_backdoor *backdoor, const char *name);
void oracle_backdoor_revert(struct oracle_backdoor *backdoor, const char *name);

/* Channels that the guest believes open. */
unsigned oracle_backdoor_open(const struct oracle_backdoor *backdoor);

#endif
