/* swarm_exhaust.h: every single fault at every possible place of a short conversation, and pairs of them.
 *
 * A place is the how-manyth frame of a direction, RPC or backdoor call; it exists when a fault there struck. What can
 * happen at a place is a table: whole units lost or doubled or late, bytes and bits of each part of a frame.
 * Tests: tests/test_swarm.c */
#ifndef SWARM_EXHAUST_H
#define SWARM_EXHAUST_H

#include "harness/swarm/swarm_run.h"

struct swarm_exhaust {
    enum sim_link link;
    enum mk_arch arch;
    const struct lab_machine *machine; /* NULL: native */
    uint64_t histories; /* out: that were played with all their faults struck */
    uint64_t failed;    /* out */
    void *context;
    void (*failure)(void *context, const struct swarm_plan *plan, const struct swarm_result *result);
};

/* The conversation, without a fault: a boot, a stop, a read, a write, a breakpoint, a step, a print. */
void swarm_exhaust_plan(struct swarm_plan *plan, enum sim_link link, enum mk_arch arch);

void swarm_exhaust_singles(struct swarm_exhaust *exhaust);

/* Backdoor: every two of the faults that take a whole unit (lost, late, twice; a message or call of the guest). Serial:
 * every two frames lost. */
void swarm_exhaust_pairs(struct swarm_exhaust *exhaust);

#endif
