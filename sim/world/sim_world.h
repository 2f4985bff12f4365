/* sim_world.h: one deterministic world: the virtual clock, the event queue, the seed, the costs, the trace.
 *
 * One world = one seed = one history. Single-threaded. Time is virtual nanoseconds from 0 and moves only when an
 * event is taken from the queue or a guest's exit is charged. Events at the same time run in the order in which
 * they were asked for. No wall clock, address, hash order or uninitialised byte may reach a decision or the trace.
 * Tests: tests/test_sim_world.c */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim/world/sim_cost.h"
#include "sim/world/sim_prng.h"
#include "sim/world/sim_trace.h"
#include <stdbool.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX
#define SIM_US(n) ((uint64_t)(n) * 1000u)
#define SIM_MS(n) ((uint64_t)(n) * 1000000u)
#define SIM_S(n)  ((uint64_t)(n) * 1000000000u)

struct sim_world;

/* Called when its time has come, with the world's clock at that time. */
typedef void sim_event_fn(void *context);

/* Names one scheduled event; 0 is never one. */
typedef uint64_t sim_event_id;

/* cost     in  copied
 * Returns  a world at time 0; never NULL (out of memory ends the program with a line on stderr) */
struct sim_world *sim_world_create(uint64_t seed, const struct sim_cost *cost);
void sim_world_destroy(struct sim_world *world);

uint64_t sim_now(const struct sim_world *world);
const struct sim_cost *sim_cost(const struct sim_world *world);
struct sim_trace *sim_trace(struct sim_world *world);

/* A stream of random numbers of its own for each user: drawing from one never shifts another.
 * purpose  in  a constant name, "fault", "cookie": mixed into the seed */
struct sim_prng sim_prng_for(const struct sim_world *world, const char *purpose);

/* Schedules fn(context) at a time, now or later (an earlier time is a broken contract). */
sim_event_id sim_at(struct sim_world *world, uint64_t time_ns, sim_event_fn *fn, void *context);

/* Takes an event out of the queue; one that ran already, and 0, are ignored. */
void sim_cancel(struct sim_world *world, sim_event_id id);

/* When the next event is due, SIM_NEVER when the queue is empty. */
uint64_t sim_next_due(const struct sim_world *world);

/* Runs the next event, if it is due by limit_ns: sets the clock to its time and calls it.
 * Returns  false, with the clock at limit_ns (unless that is SIM_NEVER), when nothing is due by then */
bool sim_step(struct sim_world *world, uint64_t limit_ns);

/* For machines only: true when a guest that runs inside an event may go on inline to time_ns: no event is due by then
 * (at the same time counts: it was asked for earlier), and the step under way reaches so far. */
bool sim_may_advance(const struct sim_world *world, uint64_t time_ns);

/* For machines only: advances the clock by the cost of an exit while a guest runs inside an event. The new time
 * must not pass sim_next_due. */
void sim_advance(struct sim_world *world, uint64_t time_ns);

#endif
