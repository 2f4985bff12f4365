/* Goal: the gate sees every exact figure that got worse and names it, lets nothing slip by being absent, and
 * only warns of what was measured. Method: a small baseline, changed in one place at a time; the printed line
 * is compared. */
#include "bench/bench_gate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fix {
    json_t *rows;
    json_t *measured;
    json_t *baseline;
    char *text;
    struct bench_changes changes;
    char why[BENCH_WHY_BYTES];
};

static json_t *row(const char *workload, const char *link)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:{s:i}}", "workload", workload,
                     "link", link, "machine", "native", "arch", "x64", "seed", 1, "operations", 1000, "exits", 5000, "rpcs", 1000,
                     "copied_bytes", 4056000, "sim_ns", 176000000, "exits_idle", 7, "costs", "exit_ns",
                     15000);
}

static int set_up(void **state)
{
    static struct fix fix;
    fix = (struct fix){.rows = json_array()};
    json_array_append_new(fix.rows, row("bulk-read", "backdoor-hb"));
    json_array_append_new(fix.rows, row("idle", "backdoor-hb"));
    fix.measured = json_pack("[{s:s, s:s, s:f, s:b}, {s:s, s:s, s:f, s:b}]", "name", "decode", "unit", "GB/s",
                             "value", 5.0, "higher_is_better", 1, "name", "exit", "unit", "us", "value", 10.0,
                             "higher_is_better", 0);
    fix.baseline = bench_gate_baseline(fix.rows, fix.measured);
    *state = &fix;
    return fix.baseline == NULL;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    json_decref(fix->rows);
    json_decref(fix->measured);
    json_decref(fix->baseline);
    free(fix->text);
    return 0;
}

static bool compare(struct fix *fix)
{
    size_t bytes;
    free(fix->text);
    FILE *to = open_memstream(&fix->text, &bytes);
    assert_non_null(to);
    bool compared = bench_gate_compare(fix->baseline, fix->rows, fix->measured, to, &fix->changes, fix->why);
    fclose(to);
    return compared;
}

static void set(struct fix *fix, size_t index, const char *figure, json_int_t value)
{
    assert_int_equal(json_object_set_new(json_array_get(fix->rows, index), figure, json_integer(value)), 0);
}

static void a_run_like_the_baseline_changes_nothing(void **state)
{
    struct fix *fix = *state;
    assert_true(compare(fix));
    assert_string_equal(fix->text, "");
    assert_int_equal(fix->changes.worse + fix->changes.better + fix->changes.added + fix->changes.warned, 0);
    assert_int_equal(fix->changes.compared, 2 * 4);
}

static void one_more_of_an_exact_figure_is_named(void **state)
{
    static const struct {
        const char *figure;
        json_int_t was;
        const char *line;
    } table[] = {
        {"exits", 5000,
         "WORSE   bulk-read      backdoor-hb       native x64  exits                           5,000 -> 6,000             "
         "+20.0 %\n"},
        {"rpcs", 1000,
         "WORSE   bulk-read      backdoor-hb       native x64  rpcs                            1,000 -> 2,000             "
         "+100.0 %\n"},
        {"copied_bytes", 4056000, "copied_bytes                4,056,000 -> 4,057,000         +0.0 %\n"},
        {"sim_ns", 176000000, "sim_ns                    176,000,000 -> 176,001,000       +0.0 %\n"},
    };
    struct fix *fix = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        set(fix, 0, table[i].figure, table[i].was + 1000);
        assert_true(compare(fix));
        assert_int_equal(fix->changes.worse, 1);
        if (strstr(fix->text, table[i].line) == NULL)
            fail_msg("expected: %sactual:   %s", table[i].line, fix->text);
        set(fix, 0, table[i].figure, table[i].was);
    }
}

static void a_figure_that_was_zero_may_not_appear(void **state)
{
    struct fix *fix = *state;
    set(fix, 1, "exits", 0);
    json_decref(fix->baseline);
    fix->baseline = bench_gate_baseline(fix->rows, NULL);
    set(fix, 1, "exits", 1);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_non_null(strstr(fix->text, "idle"));
    assert_non_null(strstr(fix->text, "from none"));
}

static void less_is_better_and_passes(void **state)
{
    struct fix *fix = *state;
    set(fix, 0, "exits", 1000);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 0);
    assert_int_equal(fix->changes.better, 1);
    assert_non_null(strstr(fix->text, "better  bulk-read"));
}

static void better_in_one_figure_does_not_pay_for_another(void **state)
{
    struct fix *fix = *state;
    set(fix, 0, "exits", 1);
    set(fix, 0, "copied_bytes", 8112000);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_int_equal(fix->changes.better, 1);
}

static void what_only_waits_is_not_gated(void **state)
{
    struct fix *fix = *state;
    set(fix, 0, "exits_idle", 9999);
    assert_true(compare(fix));
    assert_string_equal(fix->text, "");
}

static void a_row_that_is_gone_is_worse_and_a_new_one_is_told(void **state)
{
    struct fix *fix = *state;
    json_array_remove(fix->rows, 0);
    json_array_append_new(fix->rows, row("bulk-read", "doorbell"));
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_int_equal(fix->changes.added, 1);
    assert_non_null(strstr(fix->text, "GONE    bulk-read      backdoor-hb"));
    assert_non_null(strstr(fix->text, "new     bulk-read      doorbell"));
}

static void a_figure_that_is_gone_is_worse(void **state)
{
    struct fix *fix = *state;
    json_object_del(json_array_get(fix->rows, 0), "exits");
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_non_null(strstr(fix->text, "exits                was in the baseline and was not counted"));
}

static void set_emulated(struct fix *fix, const char *compiler, json_int_t instructions)
{
    json_t *row = json_array_get(fix->rows, 0);
    json_object_set_new(row, "machine", json_string("emu"));
    json_object_set_new(row, "compiler", json_string(compiler));
    json_object_set_new(row, "module_instructions", json_integer(instructions));
}

static void guest_instructions_are_held_for_one_compiler_only(void **state)
{
    struct fix *fix = *state;
    set_emulated(fix, "gcc 12", 5000);
    json_decref(fix->baseline);
    fix->baseline = bench_gate_baseline(fix->rows, NULL);
    set_emulated(fix, "gcc 12", 5001);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_non_null(strstr(fix->text, "module_instructions"));
    set_emulated(fix, "gcc 13", 9999);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 0);
}

static void a_row_of_another_machine_is_another_row(void **state)
{
    struct fix *fix = *state;
    set_emulated(fix, "gcc 12", 1);
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_int_equal(fix->changes.added, 1);
}

static void a_row_of_another_architecture_is_another_row(void **state)
{
    struct fix *fix = *state;
    json_object_set_new(json_array_get(fix->rows, 0), "arch", json_string("x86"));
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 1);
    assert_int_equal(fix->changes.added, 1);
    assert_non_null(strstr(fix->text, "new     bulk-read      backdoor-hb       native x86  is not in"));
}

static void runs_without_a_row_in_common_are_not_compared(void **state)
{
    struct fix *fix = *state;
    for (size_t i = 0; i < 2; i++)
        json_object_set_new(json_array_get(fix->rows, i), "arch", json_string("x86"));
    assert_false(compare(fix));
    assert_non_null(strstr(fix->why, "every row"));
}

static void what_was_measured_only_warns(void **state)
{
    struct fix *fix = *state;
    json_object_set_new(json_array_get(fix->measured, 0), "value", json_real(3.9));  /* 22 % slower */
    json_object_set_new(json_array_get(fix->measured, 1), "value", json_real(11.9)); /* 19 % dearer */
    assert_true(compare(fix));
    assert_int_equal(fix->changes.worse, 0);
    assert_int_equal(fix->changes.warned, 1);
    assert_non_null(strstr(fix->text, "warn    (measured)     decode"));
}

static void runs_played_differently_are_not_compared(void **state)
{
    static const char *const fields[] = {"operations", "seed"};
    struct fix *fix = *state;
    for (size_t i = 0; i < 2; i++) {
        json_int_t was = json_integer_value(json_object_get(json_array_get(fix->rows, 0), fields[i]));
        set(fix, 0, fields[i], was + 1);
        assert_false(compare(fix));
        assert_non_null(strstr(fix->why, fields[i]));
        set(fix, 0, fields[i], was);
    }
    json_object_set_new(json_array_get(fix->rows, 0), "costs", json_pack("{s:i}", "exit_ns", 5000));
    assert_false(compare(fix));
    assert_non_null(strstr(fix->why, "costs"));
}

static void what_is_no_baseline_is_refused(void **state)
{
    struct fix *fix = *state;
    json_object_clear(fix->baseline);
    assert_false(compare(fix));
    assert_null(bench_gate_baseline(NULL, NULL));
}

static void a_baseline_reads_back_as_it_was_printed(void **state)
{
    struct fix *fix = *state;
    char *text;
    size_t bytes;
    FILE *to = open_memstream(&text, &bytes);
    assert_true(bench_gate_print(fix->baseline, to));
    fclose(to);
    json_t *back = json_loads(text, 0, NULL);
    assert_non_null(back);
    assert_true(json_equal(back, fix->baseline));
    json_decref(back);
    free(text);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_like_the_baseline_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_more_of_an_exact_figure_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_figure_that_was_zero_may_not_appear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(less_is_better_and_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(better_in_one_figure_does_not_pay_for_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_only_waits_is_not_gated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_is_gone_is_worse_and_a_new_one_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_figure_that_is_gone_is_worse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(guest_instructions_are_held_for_one_compiler_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_of_another_machine_is_another_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_of_another_architecture_is_another_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_without_a_row_in_common_are_not_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_measured_only_warns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_played_differently_are_not_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_baseline_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_baseline_reads_back_as_it_was_printed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
