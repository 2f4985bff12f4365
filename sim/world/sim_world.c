#include "sim/world/sim_world.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <stdlib.h>

struct event {
    uint64_t time_ns;
    sim_event_id id; /* also the order among events of one time */
    sim_event_fn *fn;
    void *context;
};

/* The queue is a binary heap; it stays short (a handful of events per device), so cancelling may search it. */
struct sim_world {
    uint64_t now_ns;
    uint64_t limit_ns; /* of the step under way */
    uint64_t seed;
    struct sim_cost cost;
    struct sim_trace *trace;
    sim_event_id last_id;
    struct event *heap;
    size_t count;
    size_t room;
};

static bool earlier(const struct event *a, const struct event *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->id < b->id;
}

static void swap(struct event *a, struct event *b)
{
    struct event kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct event *heap, size_t at)
{
    for (; at > 0 && earlier(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
}

static void sift_down(struct event *heap, size_t count, size_t at)
{
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (earlier(&heap[child], &heap[first]))
                first = child;
        if (first == at)
            return;
        swap(&heap[at], &heap[first]);
        at = first;
    }
}

static void remove_at(struct sim_world *world, size_t at)
{
    world->count--;
    if (at == world->count)
        return;
    world->heap[at] = world->heap[world->count];
    sift_up(world->heap, at);
    sift_down(world->heap, world->count, at);
}

struct sim_world *sim_world_create(uint64_t seed, const struct sim_cost *cost)
{
    struct sim_world *world = sim_allocate(1, sizeof *world);
    world->seed = seed;
    world->cost = *cost;
    world->trace = sim_trace_create();
    return world;
}

void sim_world_destroy(struct sim_world *world)
{
    if (world == NULL)
        return;
    sim_trace_destroy(world->trace);
    free(world->heap);
    free(world);
}

uint64_t sim_now(const struct sim_world *world)
{
    return world->now_ns;
}

const struct sim_cost *sim_cost(const struct sim_world *world)
{
    return &world->cost;
}

struct sim_trace *sim_trace(struct sim_world *world)
{
    return world->trace;
}

struct sim_prng sim_prng_for(const struct sim_world *world, const char *purpose)
{
    return sim_prng_seed(world->seed, purpose);
}

sim_event_id sim_at(struct sim_world *world, uint64_t time_ns, sim_event_fn *fn, void *context)
{
    assert(time_ns >= world->now_ns);
    world->heap = sim_grow(world->heap, &world->room, world->count + 1, sizeof *world->heap);
    world->heap[world->count] = (struct event){time_ns, ++world->last_id, fn, context};
    sift_up(world->heap, world->count);
    world->count++;
    return world->last_id;
}

void sim_cancel(struct sim_world *world, sim_event_id id)
{
    for (size_t at = 0; at < world->count; at++) {
        if (world->heap[at].id == id) {
            remove_at(world, at);
            return;
        }
    }
}

uint64_t sim_next_due(const struct sim_world *world)
{
    return world->count == 0 ? SIM_NEVER : world->heap[0].time_ns;
}

bool sim_step(struct sim_world *world, uint64_t limit_ns)
{
    if (world->count == 0 || world->heap[0].time_ns > limit_ns) {
        if (limit_ns != SIM_NEVER && limit_ns > world->now_ns)
            world->now_ns = limit_ns;
        return false;
    }
    struct event due = world->heap[0];
    remove_at(world, 0);
    world->now_ns = due.time_ns;
    world->limit_ns = limit_ns;
    due.fn(due.context);
    return true;
}

bool sim_may_advance(const struct sim_world *world, uint64_t time_ns)
{
    return time_ns < sim_next_due(world) && time_ns <= world->limit_ns;
}

void sim_advance(struct sim_world *world, uint64_t time_ns)
{
    assert(time_ns >= world->now_ns && time_ns <= sim_next_due(world));
    world->now_ns = time_ns;
}
