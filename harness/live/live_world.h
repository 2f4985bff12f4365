/* live_world.h: a world whose events happen when the wall clock says so (live_clock.h).
 *
 * A turn runs what is due. The timer takes one when the next event is due; whoever brings something from
 * outside takes one before, so that the world's clock is right, and one after. Context: the loop's thread,
 * outside of world events. */
#ifndef LIVE_WORLD_H
#define LIVE_WORLD_H

#include "sim/world/sim_world.h"

struct uv_loop_s;

struct live_world_events {
    void *context;
    void (*turned)(void *context); /* a turn is over; may be NULL */
    void (*skipped)(void *context, uint64_t skipped_ns);
};

struct live_world;

/* world        in  the caller's; outlives this
 * takes_time   in  the world's guests take real time to run (sim_vm_clock): turns look at the clock after
 * every event, and what is due already waits for no timer */
struct live_world *live_world_open(struct uv_loop_s *loop, struct sim_world *world, bool takes_time,
                                   const struct live_world_events *events);

/* The world's time by the wall clock. */
uint64_t live_world_now(const struct live_world *live);

void live_world_turn(struct live_world *live);

/* A stalled world takes no turns: its time stands still. */
void live_world_set_stalled(struct live_world *live, bool stalled);

/* The memory is the loop's until the timer is closed. NULL is ignored. */
void live_world_close(struct live_world *live);

#endif
