/* swarm_run.h: plays a plan: the machine goes on with a debugger attached, faults strike, and nothing may be wrong;
 * then faults end, and everything must finish.
 *
 * Tests: tests/test_swarm.c */
#ifndef SWARM_RUN_H
#define SWARM_RUN_H

#include "harness/swarm/swarm_plan.h"

enum { SWARM_TEXT_BYTES = 300 };

struct swarm_result {
    bool failed;
    char text[SWARM_TEXT_BYTES]; /* failed: what was wrong, as a scenario would say it */
    uint64_t hash;
    uint64_t time_ns; /* virtual, at the end */
    uint64_t exits;
    uint64_t replies; /* to requests of the debugger */
    uint64_t struck;  /* faults */
    uint64_t excused; /* by holes of KDCOM */
};

/* trace, timeline  in  may be NULL */
void swarm_run(const struct swarm_plan *plan, FILE *trace, struct timeline *timeline, struct swarm_result *result);

/* A way to play a plan: swarm_play, but in tests. */
typedef void swarm_play_fn(const struct swarm_plan *plan, struct swarm_result *result);
void swarm_play(const struct swarm_plan *plan, struct swarm_result *result);

/* True when both failures are of one kind: their texts are equal but for numbers. */
bool swarm_same_failure(const struct swarm_result *a, const struct swarm_result *b);

#endif
