#include "harness/live/live_clock.h"

void live_clock_start(struct live_clock *clock, uint64_t wall_ns, uint64_t world_ns)
{
    clock->zero_ns = wall_ns - world_ns;
}

uint64_t live_clock_now(const struct live_clock *clock, uint64_t wall_ns)
{
    return wall_ns - clock->zero_ns;
}

uint64_t live_clock_limit(struct live_clock *clock, uint64_t wall_ns, uint64_t world_ns, uint64_t *skipped_ns)
{
    uint64_t should_be_ns = live_clock_now(clock, wall_ns);
    *skipped_ns = 0;
    if (should_be_ns > world_ns && should_be_ns - world_ns > LIVE_BEHIND_NS) {
        *skipped_ns = should_be_ns - world_ns;
        clock->zero_ns += *skipped_ns;
        should_be_ns = world_ns;
    }
    uint64_t limit_ns = should_be_ns + LIVE_AHEAD_NS;
    return limit_ns > world_ns ? limit_ns : world_ns;
}

/* Rounded down: early by less than a millisecond is within what the world may run ahead. */
uint64_t live_clock_wait_ms(const struct live_clock *clock, uint64_t wall_ns, uint64_t due_ns)
{
    const uint64_t now_ns = live_clock_now(clock, wall_ns);
    uint64_t wait_ms = due_ns > now_ns ? (due_ns - now_ns) / SIM_MS(1) : 0;
    if (wait_ms < 1)
        return 1;
    return wait_ms < LIVE_WAIT_MS_MAX ? wait_ms : LIVE_WAIT_MS_MAX;
}
