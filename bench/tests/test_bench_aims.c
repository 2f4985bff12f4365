/* Goal: an aim is met, missed, or not run, as its row says, and nothing else.
 * Method: rows made by hand, on both sides of each bound. */
#include "bench/bench_aims.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct bench_aim *aim_of(const char *what, const char *link)
{
    unsigned count;
    const struct bench_aim *aims = bench_aims(&count);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(aims[i].what, what) == 0 && strcmp(aims[i].link, link) == 0)
            return &aims[i];
    fail_msg("no aim '%s' over %s", what, link);
    return NULL;
}

static struct bench_row row_of(const char *workload, const char *link, struct script_measure total)
{
    return (struct bench_row){
        .workload = bench_workload_find(workload), .link = bench_link_find(link), .total = total};
}

static void assert_state(const struct bench_aim *aim, const struct bench_rows *run, enum bench_met expected)
{
    double figure;
    assert_int_equal(bench_aim_check(aim, run, &figure), expected);
}

static void every_aim_names_a_link_and_a_workload(void **state)
{
    unsigned count;
    const struct bench_aim *aims = bench_aims(&count);
    (void)state;
    assert_true(count > 10);
    for (unsigned i = 0; i < count; i++) {
        assert_non_null(bench_workload_find(aims[i].workload));
        assert_non_null(bench_link_find(aims[i].link));
    }
}

static void five_exits_are_met_and_six_are_not(void **state)
{
    const struct bench_aim *aim = aim_of("VM exits of a full read", "backdoor-hb");
    struct bench_row row =
        row_of("bulk-read", "backdoor-hb",
               (struct script_measure){.operations = 10, .exits = 50, .sim_ns = 1, .kernel_bytes = 1});
    struct bench_rows run = {.rows = &row, .count = 1};
    (void)state;
    assert_state(aim, &run, BENCH_MET);
    row.total.exits = 51;
    assert_state(aim, &run, BENCH_NOT_MET);
    assert_int_equal(bench_aims_missed(&run), 1);
}

static void speed_must_be_over_its_bound(void **state)
{
    const struct bench_aim *aim = aim_of("a full read, times as fast as serial", "backdoor-hb");
    struct bench_row rows[] = {
        row_of("bulk-read", "serial-115200", (struct script_measure){.operations = 1, .sim_ns = 1000000}),
        row_of("bulk-read", "backdoor-hb", (struct script_measure){.operations = 1, .sim_ns = 1000}),
    };
    struct bench_rows run = {.rows = rows, .count = 2};
    (void)state;
    assert_state(aim, &run, BENCH_NOT_MET); /* a thousand times is not over a thousand */
    rows[1].total.sim_ns = 999;
    assert_state(aim, &run, BENCH_MET);
}

static void a_second_copy_is_not_met(void **state)
{
    const struct bench_aim *aim = aim_of("copies of a byte in the guest, reading", "backdoor-hb");
    struct bench_row row =
        row_of("bulk-read", "backdoor-hb",
               (struct script_measure){.operations = 1, .kernel_bytes = 4056, .copied_bytes = 4056});
    struct bench_rows run = {.rows = &row, .count = 1};
    (void)state;
    assert_state(aim, &run, BENCH_MET);
    row.total.copied_bytes = 8112;
    assert_state(aim, &run, BENCH_NOT_MET);
}

static void a_row_that_was_not_run_neither_meets_nor_misses(void **state)
{
    struct bench_row row =
        row_of("bulk-read", "backdoor-hb", (struct script_measure){.operations = 1, .sim_ns = 1});
    struct bench_rows run = {.rows = &row, .count = 1};
    (void)state;
    assert_state(aim_of("a full read, times as fast as serial", "backdoor-hb"), &run, BENCH_NOT_RUN);
    run.count = 0;
    assert_state(aim_of("VM exits of a full read", "backdoor-hb"), &run, BENCH_NOT_RUN);
    assert_int_equal(bench_aims_missed(&run), 0);
}

static void what_is_only_stated_has_no_aim(void **state)
{
    struct bench_row row = row_of("idle", "serial-115200",
                                  (struct script_measure){.operations = 10, .exits = 2560, .ticks = 640});
    struct bench_rows run = {.rows = &row, .count = 1};
    (void)state;
    assert_state(aim_of("VM exits in an idle second", "serial-115200"), &run, BENCH_NO_AIM);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_aim_names_a_link_and_a_workload),
        cmocka_unit_test(five_exits_are_met_and_six_are_not),
        cmocka_unit_test(speed_must_be_over_its_bound),
        cmocka_unit_test(a_second_copy_is_not_met),
        cmocka_unit_test(a_row_that_was_not_run_neither_meets_nor_misses),
        cmocka_unit_test(what_is_only_stated_has_no_aim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
