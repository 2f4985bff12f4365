/* swarm_shrink.h: makes a plan that fails smaller, as long as it fails in the same way.
 *
 * Tests: tests/test_swarm.c */
#ifndef SWARM_SHRINK_H
#define SWARM_SHRINK_H

#include "harness/swarm/swarm_run.h"

/* plan     in/out  fails when it is played; on return none of its items can be left out
 * failure  in/out  how it fails; on return the text of the smaller plan
 * play     in      swarm_play, or a test's own
 * Returns  how many plans were played */
unsigned swarm_shrink(struct swarm_plan *plan, struct swarm_result *failure, swarm_play_fn *play);

#endif
