/* Goal: kdbench plays every workload over every link, says the same thing every time, keeps its promises about the fast
 * link, and refuses bad input in one line.
 * Method: the real program, --quick; its JSON read back with jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINKS = 4, WORKLOADS = 5, OUTPUT_BYTES = 1 << 16, COMMAND_BYTES = 1024 };

struct fix {
    char folder[128];
};

static int set_up(void **state)
{
    static struct fix fix;
    const char *base = getenv("TMPDIR");
    int len = snprintf(fix.folder, sizeof fix.folder, "%s/test_kdbench_XXXXXX", base != NULL ? base : ".");
    assert_in_range(len, 1, sizeof fix.folder - 1);
    *state = &fix;
    return mkdtemp(fix.folder) == NULL;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    char command[COMMAND_BYTES];
    snprintf(command, sizeof command, "rm -rf %s", fix->folder);
    return system(command);
}

/* Runs kdbench with these arguments, both outputs caught; returns its exit code. */
static int run(char *output, const char *arguments)
{
    char command[COMMAND_BYTES];
    snprintf(command, sizeof command, "%s %s 2>&1", KDBENCH, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t got = fread(output, 1, OUTPUT_BYTES - 1, pipe);
    output[got] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

static json_t *run_json(struct fix *fix, const char *more)
{
    static char output[OUTPUT_BYTES];
    char text[COMMAND_BYTES];
    snprintf(text, sizeof text, "run --quick --out %s %s", fix->folder, more);
    if (run(output, text) != 0)
        fail_msg("kdbench %s: %s", text, output);
    snprintf(text, sizeof text, "%s/bench.json", fix->folder);
    json_t *rows = json_load_file(text, 0, NULL);
    assert_true(json_is_array(rows));
    return rows;
}

static double number(const json_t *row, const char *field)
{
    json_t *value = json_object_get(row, field);
    if (!json_is_number(value))
        fail_msg("row without the number %s", field);
    return json_number_value(value);
}

static void every_workload_runs_over_every_link(void **state)
{
    static const char *const fields[] = {"operations",      "bytes",        "sim_seconds", "kb_per_s",
                                         "ratio_to_serial", "exits_per_op", "wire_bytes"};
    json_t *rows = run_json(*state, "");
    assert_int_equal(json_array_size(rows), LINKS * WORKLOADS);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(json_is_string(json_object_get(row, "link")));
        assert_true(json_is_string(json_object_get(row, "workload")));
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            assert_true(number(row, fields[f]) >= 0);
        assert_true(number(row, "operations") > 0 && number(row, "sim_seconds") > 0);
        assert_true(number(json_object_get(row, "costs"), "baud") == 115200);
    }
    json_decref(rows);
}

static void two_runs_write_the_same_bytes(void **state)
{
    json_t *first = run_json(*state, "--workload bulk-read");
    json_t *second = run_json(*state, "--workload bulk-read");
    assert_true(json_equal(first, second));
    json_decref(first);
    json_decref(second);
}

static void a_full_read_costs_five_exits_on_the_fast_link(void **state)
{
    json_t *rows = run_json(*state, "--link backdoor-hb --workload bulk-read");
    assert_int_equal(json_array_size(rows), 1);
    assert_true(number(json_array_get(rows, 0), "exits_per_op") == 5);
    json_decref(rows);
}

static void a_full_read_is_a_thousand_times_as_fast_as_serial(void **state)
{
    json_t *rows = run_json(*state, "--workload bulk-read");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(json_string_value(json_object_get(row, "link")), "backdoor-hb") == 0)
            assert_true(number(row, "ratio_to_serial") > 1000);
    }
    json_decref(rows);
}

static void a_cost_that_is_set_shows_in_time_and_table(void **state)
{
    json_t *slow = run_json(*state, "--link backdoor-hb --workload bulk-read --set cost.exit_ns=100000");
    json_t *fast = run_json(*state, "--link backdoor-hb --workload bulk-read");
    const json_t *slow_row = json_array_get(slow, 0), *fast_row = json_array_get(fast, 0);
    assert_true(number(json_object_get(slow_row, "costs"), "exit_ns") == 100000);
    assert_true(number(slow_row, "sim_seconds") > number(fast_row, "sim_seconds"));
    json_decref(slow);
    json_decref(fast);
}

static void help_teaches_and_plays_nothing(void **state)
{
    (void)state;
    static char output[OUTPUT_BYTES];
    assert_int_equal(run(output, "run --help"), 0);
    assert_non_null(strstr(output, "--workload=NAME"));
    assert_null(strstr(output, "x serial"));
}

static void bad_input_is_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *says;
    } table[] = {
        {"", "no command"},
        {"fly", "no command is called 'fly'"},
        {"run --link isdn", "no such link"},
        {"run --arch alpha", "expected x64 or x86"},
        {"run --workload nap", "no such workload"},
        {"run --seed seven", "whole number"},
        {"run --set cost.no_such=1", "no_such"},
        {"run --set cost.stream_latency_ns=18446744073709551615", "from 0 to 3600000000000"},
        {"run --set speed=1", "cost.NAME=VALUE"},
        {"run --out /proc/no/such", "--out /proc/no/such"},
        {"run --fast", "unknown option"},
        {"run everything", "unexpected 'everything'"},
        {"list colours", "expected links, workloads or costs"},
    };
    static char output[OUTPUT_BYTES];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(run(output, table[i].arguments), 2);
        assert_non_null(strstr(output, table[i].says));
        assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_workload_runs_over_every_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_runs_write_the_same_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_read_costs_five_exits_on_the_fast_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_read_is_a_thousand_times_as_fast_as_serial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cost_that_is_set_shows_in_time_and_table, set_up, tear_down),
        cmocka_unit_test(help_teaches_and_plays_nothing),
        cmocka_unit_test(bad_input_is_refused_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
