/* Goal: the world's clock follows the wall's: never much ahead, never for hours behind. Method: plain
 * numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/live/live_clock.h"

#define START SIM_S(1000) /* of the wall, when the world begins */

static struct live_clock started(void)
{
    struct live_clock clock;
    live_clock_start(&clock, START, 0);
    return clock;
}

static void the_world_runs_a_little_ahead_of_the_wall(void **state)
{
    (void)state;
    struct live_clock clock = started();
    uint64_t skipped_ns;
    assert_int_equal(live_clock_limit(&clock, START, 0, &skipped_ns), LIVE_AHEAD_NS);
    assert_int_equal(live_clock_limit(&clock, START + SIM_S(5), SIM_S(5), &skipped_ns),
                     SIM_S(5) + LIVE_AHEAD_NS);
    assert_int_equal(skipped_ns, 0);
}

static void a_world_that_is_ahead_stands_still(void **state)
{
    (void)state;
    struct live_clock clock = started();
    uint64_t skipped_ns;
    assert_int_equal(live_clock_limit(&clock, START, SIM_MS(9), &skipped_ns), SIM_MS(9));
    assert_int_equal(skipped_ns, 0);
}

static void a_little_lag_is_caught_up(void **state)
{
    (void)state;
    struct live_clock clock = started();
    uint64_t skipped_ns;
    assert_int_equal(live_clock_limit(&clock, START + LIVE_BEHIND_NS, 0, &skipped_ns),
                     LIVE_BEHIND_NS + LIVE_AHEAD_NS);
    assert_int_equal(skipped_ns, 0);
}

static void a_long_sleep_is_skipped_once(void **state)
{
    (void)state;
    struct live_clock clock = started();
    uint64_t skipped_ns;
    const uint64_t hour_ns = SIM_S(3600);
    assert_int_equal(live_clock_limit(&clock, START + hour_ns, SIM_MS(10), &skipped_ns),
                     SIM_MS(10) + LIVE_AHEAD_NS);
    assert_int_equal(skipped_ns, hour_ns - SIM_MS(10));
    assert_int_equal(live_clock_limit(&clock, START + hour_ns + SIM_MS(3), SIM_MS(12), &skipped_ns),
                     SIM_MS(13) + LIVE_AHEAD_NS);
    assert_int_equal(skipped_ns, 0);
}

static void the_wait_is_whole_milliseconds_within_bounds(void **state)
{
    (void)state;
    struct live_clock clock = started();
    const struct {
        uint64_t due_ns, wait_ms;
    } rows[] = {
        {0, 1}, /* overdue: the loop gets its turn first */
        {SIM_US(15), 1},
        {SIM_MS(1), 1},
        {SIM_US(15625), 15},
        {SIM_S(3), LIVE_WAIT_MS_MAX},
        {SIM_NEVER, LIVE_WAIT_MS_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(live_clock_wait_ms(&clock, START, rows[i].due_ns), rows[i].wait_ms);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_world_runs_a_little_ahead_of_the_wall),
        cmocka_unit_test(a_world_that_is_ahead_stands_still),
        cmocka_unit_test(a_little_lag_is_caught_up),
        cmocka_unit_test(a_long_sleep_is_skipped_once),
        cmocka_unit_test(the_wait_is_whole_milliseconds_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
