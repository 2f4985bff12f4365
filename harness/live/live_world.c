#include "harness/live/live_world.h"
#include "harness/live/live_clock.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <uv.h>

/* A turn that takes longer is broken off, so that sockets and signals are served on the slowest machine. */
enum { TURN_NS_MAX = 20000000, STEPS_PER_LOOK = 64 };

struct live_world {
    uv_timer_t timer;
    uv_idle_t at_once; /* the next turn of the loop; a timer of 0 would keep the loop from its sockets */
    unsigned open_handles;
    struct sim_world *world;
    struct live_world_events events;
    struct live_clock clock;
    bool takes_time;
    bool stalled;
};

/* Returns false when it was broken off. */
static bool run_due(struct live_world *live, uint64_t limit_ns, uint64_t end_wall_ns)
{
    const unsigned steps_per_look = live->takes_time ? 1 : STEPS_PER_LOOK;
    for (unsigned steps = 1; sim_next_due(live->world) <= limit_ns; steps++) {
        (void)sim_step(live->world, limit_ns);
        if (steps % steps_per_look == 0 && uv_hrtime() > end_wall_ns)
            return false;
    }
    return true;
}

/* An idle world's clock is the wall's. It does not run ahead, or the next guest to run would find no room
 * there. */
static void pass_idle_time(struct live_world *live, uint64_t wall_ns)
{
    uint64_t now_ns = live_clock_now(&live->clock, wall_ns);
    if (now_ns > sim_now(live->world))
        (void)sim_step(live->world, now_ns);
}

static void timer_expired(uv_timer_t *timer)
{
    live_world_turn(timer->data);
}

static void loop_turned(uv_idle_t *at_once)
{
    live_world_turn(at_once->data);
}

static void disarm(struct live_world *live)
{
    (void)uv_timer_stop(&live->timer);
    (void)uv_idle_stop(&live->at_once);
}

static void arm(struct live_world *live)
{
    if (live->stalled || uv_is_closing((uv_handle_t *)&live->timer))
        return;
    disarm(live);
    if (live->takes_time && sim_next_due(live->world) <= live_world_now(live)) {
        (void)uv_idle_start(&live->at_once, loop_turned);
        return;
    }
    uint64_t wait_ms = live_clock_wait_ms(&live->clock, uv_hrtime(), sim_next_due(live->world));
    uv_update_time(live->timer.loop);
    (void)uv_timer_start(&live->timer, timer_expired, wait_ms, 0);
}

uint64_t live_world_now(const struct live_world *live)
{
    return live_clock_now(&live->clock, uv_hrtime());
}

void live_world_turn(struct live_world *live)
{
    if (live->stalled)
        return;
    uint64_t skipped_ns, wall_ns = uv_hrtime();
    uint64_t limit_ns = live_clock_limit(&live->clock, wall_ns, sim_now(live->world), &skipped_ns);
    if (skipped_ns > 0)
        live->events.skipped(live->events.context, skipped_ns);
    if (run_due(live, limit_ns, wall_ns + TURN_NS_MAX))
        pass_idle_time(live, wall_ns);
    if (live->events.turned != NULL)
        live->events.turned(live->events.context);
    arm(live);
}

void live_world_set_stalled(struct live_world *live, bool stalled)
{
    live->stalled = stalled;
    if (stalled)
        disarm(live);
    else
        arm(live);
}

struct live_world *live_world_open(uv_loop_t *loop, struct sim_world *world, bool takes_time,
                                   const struct live_world_events *events)
{
    struct live_world *live = sim_allocate(1, sizeof *live);
    live->world = world;
    live->takes_time = takes_time;
    live->events = *events;
    (void)uv_timer_init(loop, &live->timer); /* cannot fail */
    (void)uv_idle_init(loop, &live->at_once);
    live->timer.data = live->at_once.data = live;
    live->open_handles = 2;
    live_clock_start(&live->clock, uv_hrtime(), sim_now(world));
    arm(live);
    return live;
}

static void closed(uv_handle_t *handle)
{
    struct live_world *live = handle->data;
    if (--live->open_handles == 0)
        free(live);
}

void live_world_close(struct live_world *live)
{
    if (live == NULL)
        return;
    uv_close((uv_handle_t *)&live->timer, closed);
    uv_close((uv_handle_t *)&live->at_once, closed);
}
