#include "harness/live/live_world.h"
#include "harness/live/live_clock.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <uv.h>

/* A turn that takes longer is broken off, so that sockets and signals are served on the slowest machine. */
enum { TURN_NS_MAX = 20000000, STEPS_PER_LOOK = 64 };

struct live_world {
    uv_timer_t timer;
    struct sim_world *world;
    struct live_world_events events;
    struct live_clock clock;
    bool stalled;
};

/* Returns false when it was broken off. */
static bool run_due(struct live_world *live, uint64_t limit_ns, uint64_t end_wall_ns)
{
    for (unsigned steps = 1; sim_next_due(live->world) <= limit_ns; steps++) {
        (void)sim_step(live->world, limit_ns);
        if (steps % STEPS_PER_LOOK == 0 && uv_hrtime() > end_wall_ns)
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

static void arm(struct live_world *live)
{
    if (live->stalled || uv_is_closing((uv_handle_t *)&live->timer))
        return;
    uint64_t wait_ms = live_clock_wait_ms(&live->clock, uv_hrtime(), sim_next_due(live->world));
    uv_update_time(live->timer.loop);
    (void)uv_timer_start(&live->timer, timer_expired, wait_ms, 0);
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
        (void)uv_timer_stop(&live->timer);
    else
        arm(live);
}

struct live_world *live_world_open(uv_loop_t *loop, struct sim_world *world,
                                   const struct live_world_events *events)
{
    struct live_world *live = sim_allocate(1, sizeof *live);
    live->world = world;
    live->events = *events;
    (void)uv_timer_init(loop, &live->timer); /* cannot fail */
    live->timer.data = live;
    live_clock_start(&live->clock, uv_hrtime(), sim_now(world));
    arm(live);
    return live;
}

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

void live_world_close(struct live_world *live)
{
    if (live != NULL)
        uv_close((uv_handle_t *)&live->timer, closed);
}
