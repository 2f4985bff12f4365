/* live_clock.h: how the wall clock drives a world's virtual clock.
 *
 * The world may run a little ahead of the wall, so that a guest's next few exits, microseconds each, need no
 * timer of their own; on average it cannot be faster. It may fall a little behind, and catches up; what is
 * more than that (the host was suspended, the process stopped, the machine too slow) is skipped: for the
 * world that time never was. Pure arithmetic: the caller reads the clocks. Tests: tests/test_live_clock.c */
#ifndef LIVE_CLOCK_H
#define LIVE_CLOCK_H

#include "sim/world/sim_world.h"

#define LIVE_AHEAD_NS    SIM_MS(2) /* a timer of whole milliseconds comes back before it is used up */
#define LIVE_BEHIND_NS   SIM_S(1)
#define LIVE_WAIT_MS_MAX 500u /* look at the clock that often: a longer gap is a stopped process */

struct live_clock {
    uint64_t zero_ns; /* the wall's time when the world's is 0 */
};

/* world_ns  in  the world's time now */
void live_clock_start(struct live_clock *clock, uint64_t wall_ns, uint64_t world_ns);

/* The world's time by the wall's. */
uint64_t live_clock_now(const struct live_clock *clock, uint64_t wall_ns);

/* How far the world may run now; never before world_ns.
 * skipped_ns  out  time that was skipped just now, mostly 0 */
uint64_t live_clock_limit(struct live_clock *clock, uint64_t wall_ns, uint64_t world_ns,
                          uint64_t *skipped_ns);

/* How many milliseconds from wall_ns until the world needs the next turn, 1 to LIVE_WAIT_MS_MAX.
 * due_ns  in  sim_next_due */
uint64_t live_clock_wait_ms(const struct live_clock *clock, uint64_t wall_ns, uint64_t due_ns);

#endif
