/* Goal: time moves only by events and charged exits, events keep their order, the seed decides every number.
 * Method: events that write their letter into a string; fixed vectors for the generator and the cost table. */
#include "sim/world/sim_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

struct fix {
    struct sim_world *world;
    char log[64];
};

struct letter {
    struct fix *fix;
    char letter;
};

static int set_up(void **state)
{
    static struct fix fix;
    struct sim_cost cost = sim_cost_default();
    fix = (struct fix){.world = sim_world_create(7, &cost)};
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    sim_world_destroy(((struct fix *)*state)->world);
    return 0;
}

static void write_letter(void *context)
{
    struct letter *letter = context;
    char text[2] = {letter->letter, '\0'};
    strcat(letter->fix->log, text);
}

static void run_all(struct fix *fix)
{
    while (sim_step(fix->world, SIM_NEVER))
        ;
}

static void events_run_by_time_then_by_order_of_asking(void **state)
{
    struct fix *fix = *state;
    struct letter a = {fix, 'a'}, b = {fix, 'b'}, c = {fix, 'c'}, d = {fix, 'd'};
    sim_at(fix->world, 20, write_letter, &c);
    sim_at(fix->world, 10, write_letter, &a);
    sim_at(fix->world, 20, write_letter, &d);
    sim_at(fix->world, 10, write_letter, &b);
    run_all(fix);
    assert_string_equal(fix->log, "abcd");
    assert_int_equal(sim_now(fix->world), 20);
}

static void many_events_come_out_sorted(void **state)
{
    struct fix *fix = *state;
    struct sim_prng prng = sim_prng_for(fix->world, "test");
    struct letter x = {fix, 'x'};
    for (int i = 0; i < 40; i++)
        sim_at(fix->world, sim_prng_below(&prng, 1000), write_letter, &x);
    uint64_t before = 0;
    while (sim_step(fix->world, SIM_NEVER)) {
        assert_true(sim_now(fix->world) >= before);
        before = sim_now(fix->world);
    }
    assert_int_equal(strlen(fix->log), 40);
}

static void a_cancelled_event_does_not_run(void **state)
{
    struct fix *fix = *state;
    struct letter letters[5];
    sim_event_id ids[5];
    for (int i = 0; i < 5; i++) {
        letters[i] = (struct letter){fix, (char)('a' + i)};
        ids[i] = sim_at(fix->world, (uint64_t)(50 - i * 10), write_letter, &letters[i]);
    }
    sim_cancel(fix->world, ids[1]);
    sim_cancel(fix->world, ids[4]);
    sim_cancel(fix->world, ids[4]);
    sim_cancel(fix->world, 0);
    run_all(fix);
    assert_string_equal(fix->log, "dca");
}

static void stepping_stops_at_the_limit(void **state)
{
    struct fix *fix = *state;
    struct letter a = {fix, 'a'};
    sim_at(fix->world, 100, write_letter, &a);
    assert_false(sim_step(fix->world, 99));
    assert_int_equal(sim_now(fix->world), 99);
    assert_int_equal(sim_next_due(fix->world), 100);
    assert_true(sim_step(fix->world, 100));
    assert_int_equal(sim_next_due(fix->world), SIM_NEVER);
}

static void an_exit_advances_the_clock(void **state)
{
    struct fix *fix = *state;
    sim_advance(fix->world, 15000);
    assert_int_equal(sim_now(fix->world), 15000);
}

/* What a guest may do from inside an event at 10, with another due at 100, in a step that ends at 50 or at 100. */
struct asker {
    struct sim_world *world;
    bool now, limit, behind_limit, before_due, due;
};

static void ask_how_far(void *context)
{
    struct asker *asker = context;
    asker->now = sim_may_advance(asker->world, 10);
    asker->limit = sim_may_advance(asker->world, 50);
    asker->behind_limit = sim_may_advance(asker->world, 51);
    asker->before_due = sim_may_advance(asker->world, 99);
    asker->due = sim_may_advance(asker->world, 100);
}

static void do_nothing(void *context)
{
    (void)context;
}

static void a_guest_may_run_up_to_the_next_event_and_the_limit(void **state)
{
    struct fix *fix = *state;
    struct asker asker = {.world = fix->world};
    sim_at(fix->world, 10, ask_how_far, &asker);
    sim_at(fix->world, 100, do_nothing, NULL);
    assert_true(sim_step(fix->world, 50));
    assert_true(asker.now && asker.limit);
    assert_false(asker.behind_limit || asker.before_due || asker.due);
    sim_at(fix->world, 10, ask_how_far, &asker);
    assert_true(sim_step(fix->world, 100));
    assert_true(asker.behind_limit && asker.before_due);
    assert_false(asker.due);
}

static void the_generator_is_the_published_one(void **state)
{
    (void)state;
    /* xoshiro256** from state 1, 2, 3, 4: its authors' reference program prints these first. */
    struct sim_prng prng = {{1, 2, 3, 4}};
    assert_int_equal(sim_prng_u64(&prng), 11520);
    assert_int_equal(sim_prng_u64(&prng), 0);
    assert_int_equal(sim_prng_u64(&prng), 1509978240);
    assert_int_equal(sim_prng_u64(&prng), 1215971899390074240u);
}

static void streams_of_two_purposes_differ(void **state)
{
    struct fix *fix = *state;
    struct sim_prng a = sim_prng_for(fix->world, "fault"), b = sim_prng_for(fix->world, "cookie");
    struct sim_prng again = sim_prng_for(fix->world, "fault");
    uint64_t first = sim_prng_u64(&a);
    assert_int_equal(first, sim_prng_u64(&again));
    assert_int_not_equal(first, sim_prng_u64(&b));
}

static void below_stays_below(void **state)
{
    struct fix *fix = *state;
    struct sim_prng prng = sim_prng_for(fix->world, "test");
    unsigned hits[3] = {0};
    for (int i = 0; i < 300; i++)
        hits[sim_prng_below(&prng, 3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(hits[i], 60, 140);
    assert_int_equal(sim_prng_below(&prng, 1), 0);
}

static void the_cost_table_reads_and_sets_by_name(void **state)
{
    (void)state;
    struct sim_cost cost = sim_cost_default();
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sim_cost_get(&cost, i), rows[i].default_value);
    assert_int_equal(sim_cost_set(&cost, "exit_ns", 1), KD_OK);
    assert_int_equal(cost.exit_ns, 1);
    assert_int_equal(sim_cost_set(&cost, "no_such", 1), KD_ERR_ARGUMENT);
}

static void every_cost_has_a_least_and_a_most(void **state)
{
    (void)state;
    struct sim_cost cost = sim_cost_default();
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++) {
        const char *name = rows[i].name;
        assert_int_equal(sim_cost_set(&cost, name, rows[i].min), KD_OK);
        if (rows[i].min > 0)
            assert_int_equal(sim_cost_set(&cost, name, rows[i].min - 1), KD_ERR_ARGUMENT);
        assert_int_equal(sim_cost_set(&cost, name, rows[i].max), KD_OK);
        assert_int_equal(sim_cost_set(&cost, name, rows[i].max + 1), KD_ERR_ARGUMENT);
        assert_int_equal(sim_cost_set(&cost, name, UINT64_MAX), KD_ERR_ARGUMENT);
        assert_int_equal(sim_cost_get(&cost, i), rows[i].max); /* a refusal changes nothing */
        assert_int_equal(rows[i].max, strcmp(name, "baud") == 0 ? 115200 : SIM_S(3600));
    }
    assert_int_equal(sim_cost_set(&cost, "baud", 0), KD_ERR_ARGUMENT); /* it is divided by, */
    assert_int_equal(sim_cost_set(&cost, "tick_ns", 0), KD_ERR_ARGUMENT); /* time must pass */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_run_by_time_then_by_order_of_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_events_come_out_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_event_does_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stepping_stops_at_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_exit_advances_the_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_guest_may_run_up_to_the_next_event_and_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_generator_is_the_published_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_of_two_purposes_differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_stays_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_cost_table_reads_and_sets_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cost_has_a_least_and_a_most, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
