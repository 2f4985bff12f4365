/* Goal: kdbench plays every workload over every link, says the same thing every time, keeps its promises
 * about the fast link, holds a run against a baseline, and refuses bad input in one line. Method: the real
 * program, --quick; its JSON read back with jansson. */
#include "bench/bench_table.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUT_BYTES = 1 << 16, COMMAND_BYTES = 1024, GATE_BYTES = 2 * COMMAND_BYTES + 64 };

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

/* All links with figures, times all workloads; a restart of the relay needs a relay. */
static size_t rows_expected(void)
{
    unsigned link_count, workload_count;
    const struct bench_link *links = bench_links(&link_count);
    size_t played = 0, without_relay = 0;
    bench_workloads(&workload_count);
    for (unsigned i = 0; i < link_count; i++) {
        played += links[i].kind != BENCH_LINK_RESERVED;
        without_relay += links[i].kind != BENCH_LINK_RESERVED && links[i].link == SIM_LINK_SERIAL;
    }
    return played * workload_count - without_relay;
}

static void every_workload_runs_over_every_link(void **state)
{
    static const char *const fields[] = {
        "operations",   "bytes",  "sim_seconds",   "kb_per_s",     "ratio_to_serial",
        "exits_per_op", "rpcs",   "payload_bytes", "copied_bytes", "kernel_bytes",
        "wire_bytes",   "p99_ns", "exits"};
    json_t *rows = run_json(*state, "");
    assert_int_equal(json_array_size(rows), rows_expected());
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_non_null(bench_link_find(json_string_value(json_object_get(row, "link"))));
        assert_non_null(bench_workload_find(json_string_value(json_object_get(row, "workload"))));
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            assert_true(number(row, fields[f]) >= 0);
        assert_true(number(row, "operations") > 0 && number(row, "sim_seconds") > 0);
        assert_true(number(json_object_get(row, "costs"), "baud") == 115200);
    }
    json_decref(rows);
}

static char *contents(struct fix *fix, const char *name)
{
    char path[COMMAND_BYTES];
    char *text = NULL;
    size_t bytes = 0, room = 1 << 20;
    snprintf(path, sizeof path, "%s/%s", fix->folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text = calloc(1, room);
    assert_non_null(text);
    bytes = fread(text, 1, room - 1, file);
    assert_in_range(bytes, 1, room - 2);
    fclose(file);
    return text;
}

/* Everything that is simulated: rows, aims and both sweeps. */
static void two_runs_write_the_same_bytes(void **state)
{
    static const char *const names[] = {"bench.json", "aims.json", "exit-cost.json", "message-size.json"};
    enum { NAMES = sizeof names / sizeof *names };
    static char output[OUTPUT_BYTES];
    struct fix *fix = *state;
    char *first[NAMES];
    for (int turn = 0; turn < 2; turn++) {
        static const char *const commands[] = {"run --quick", "sweep exit-cost", "sweep message-size"};
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            char text[COMMAND_BYTES];
            snprintf(text, sizeof text, "%s --out %s", commands[i], fix->folder);
            assert_int_equal(run(output, text), 0);
        }
        for (size_t i = 0; i < NAMES; i++) {
            char *text = contents(fix, names[i]);
            if (turn == 0) {
                first[i] = text;
                continue;
            }
            assert_string_equal(text, first[i]);
            free(text);
            free(first[i]);
        }
    }
}

static void each_byte_is_copied_once_in_the_guest_and_once_in_the_vmm(void **state)
{
    static const char *const workloads[] = {"bulk-read", "bulk-write"};
    for (size_t i = 0; i < 2; i++) {
        char text[COMMAND_BYTES];
        snprintf(text, sizeof text, "--link backdoor-hb --workload %s", workloads[i]);
        json_t *rows = run_json(*state, text);
        const json_t *row = json_array_get(rows, 0);
        assert_true(number(row, "kernel_bytes") == number(row, "operations") * 4056);
        assert_true(number(row, "copied_bytes") == number(row, "kernel_bytes"));
        /* 7 of command word and 32 of header go out, 2 of prefix and 32 of header come back. */
        assert_true(number(row, "payload_bytes") == number(row, "kernel_bytes") + number(row, "rpcs") * 73);
        json_decref(rows);
    }
}

/* 4 blocks of 64 KiB of 256 are played over the serial line; with --quick one. */
static void a_dump_over_serial_is_extrapolated_and_says_so(void **state)
{
    json_t *rows = run_json(*state, "--link serial-115200 --workload dump");
    const json_t *row = json_array_get(rows, 0);
    assert_true(json_is_true(json_object_get(row, "extrapolated")));
    assert_true(number(row, "operations") == 1);
    assert_true(number(row, "bytes") == 16 * 1024 * 1024);
    json_decref(rows);
}

static void break_ins_have_a_median_and_a_tail(void **state)
{
    json_t *rows = run_json(*state, "--link backdoor-hb --workload break-in");
    const json_t *row = json_array_get(rows, 0);
    double p50 = number(row, "p50_ns"), p99 = number(row, "p99_ns"), max = number(row, "max_ns");
    assert_true(p50 > 0 && p50 < p99 && p99 <= max);
    assert_true(max < 15625000 + 1000000); /* a tick, and what the stop itself takes */
    json_decref(rows);
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

static void costs_come_from_a_file_too(void **state)
{
    struct fix *fix = *state;
    char path[COMMAND_BYTES], text[COMMAND_BYTES + 64];
    snprintf(path, sizeof path, "%s/costs.json", fix->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"exit_ns\": 4321}", file);
    fclose(file);
    snprintf(text, sizeof text, "--link backdoor-hb --workload bulk-read --costs %s", path);
    json_t *rows = run_json(fix, text);
    assert_true(number(json_object_get(json_array_get(rows, 0), "costs"), "exit_ns") == 4321);
    assert_true(number(json_object_get(json_array_get(rows, 0), "costs"), "think_ns") == 50000);
    json_decref(rows);
}

/* The way of make baseline and make bench-gate: a run is its own baseline, and the gate passes. arguments are the gate's. */
static void make_baseline(struct fix *fix, const char *options, char output[OUTPUT_BYTES],
                          char arguments[GATE_BYTES])
{
    json_decref(run_json(fix, options));
    snprintf(arguments, GATE_BYTES, "baseline --run %s --baseline %s/baseline.json", fix->folder, fix->folder);
    assert_int_equal(run(output, arguments), 0);
    snprintf(arguments, GATE_BYTES, "gate --run %s --baseline %s/baseline.json", fix->folder, fix->folder);
    assert_int_equal(run(output, arguments), 0);
}

/* A baseline that was better. */
static void a_run_is_held_against_its_baseline(void **state)
{
    static char output[OUTPUT_BYTES];
    struct fix *fix = *state;
    char path[COMMAND_BYTES], arguments[GATE_BYTES];
    make_baseline(fix, "--link backdoor-hb", output, arguments);
    snprintf(path, sizeof path, "%s/baseline.json", fix->folder);
    json_t *baseline = json_load_file(path, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(baseline, "rows"), 0), "exits", json_integer(1));
    assert_int_equal(json_dump_file(baseline, path, 0), 0);
    assert_int_equal(run(output, arguments), 1);
    assert_non_null(strstr(output, "WORSE   bulk-read      backdoor-hb       native x64  exits"));
    json_decref(baseline);
}

/* As if the run had come to more exits than were aimed at. */
static void an_aim_that_is_not_met_fails_the_gate(void **state)
{
    static char output[OUTPUT_BYTES];
    struct fix *fix = *state;
    char path[COMMAND_BYTES], arguments[GATE_BYTES];
    make_baseline(fix, "--link backdoor-hb --workload bulk-read", output, arguments);
    assert_non_null(strstr(output, " aims met, 0 not met"));
    snprintf(path, sizeof path, "%s/aims.json", fix->folder);
    json_t *aims = json_load_file(path, 0, NULL), *aim = NULL;
    size_t index;
    json_array_foreach(aims, index, aim)
    {
        if (strcmp(json_string_value(json_object_get(aim, "state")), "met") == 0)
            break;
    }
    assert_non_null(aim);
    json_object_set_new(aim, "state", json_string("not met"));
    assert_int_equal(json_dump_file(aims, path, 0), 0);
    assert_int_equal(run(output, arguments), 1);
    assert_non_null(strstr(
        output, "aim not met: VM exits of a full read, bulk-read over backdoor-hb: at most 5, and it is 5"));
    assert_int_equal(remove(path), 0);
    assert_int_equal(run(output, arguments), 2); /* nobody judged it */
    json_decref(aims);
}

static void a_sweep_finds_its_reference_at_the_same_cost(void **state)
{
    static char output[OUTPUT_BYTES];
    struct fix *fix = *state;
    char text[COMMAND_BYTES];
    snprintf(text, sizeof text, "sweep exit-cost --out %s", fix->folder);
    assert_int_equal(run(output, text), 0);
    assert_non_null(strstr(output, "\nbackdoor-vkd is modelled: "));
    snprintf(text, sizeof text, "%s/exit-cost.json", fix->folder);
    json_t *rows = json_load_file(text, 0, NULL);
    double fast_exits = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *link = json_string_value(json_object_get(row, "link"));
        if (strcmp(link, "serial-115200") == 0)
            assert_true(number(row, "ratio_to_serial") == 1);
        if (strcmp(link, "backdoor-hb") == 0 && fast_exits == 0)
            fast_exits = number(row, "ratio_to_serial");
    }
    assert_true(fast_exits > 3000); /* at half a microsecond an exit: nearly what ideal is */
    json_decref(rows);
}

static void what_is_measured_says_so_and_has_a_spread(void **state)
{
    static char output[OUTPUT_BYTES];
    struct fix *fix = *state;
    char text[COMMAND_BYTES];
    snprintf(text, sizeof text, "micro --quick --out %s", fix->folder);
    assert_int_equal(run(output, text), 0);
    assert_non_null(strstr(output, "measured"));
    snprintf(text, sizeof text, "%s/measured.json", fix->folder);
    json_t *list = json_load_file(text, 0, NULL);
    assert_true(json_array_size(list) >= 5);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        assert_true(number(item, "low") > 0 && number(item, "low") <= number(item, "value"));
        assert_true(number(item, "value") <= number(item, "high") && number(item, "samples") >= 3);
    }
    json_decref(list);
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
        {"run --link relay-reads", "comes later"},
        {"run --costs /no/such.json", "no such file"},
        {"run --costs " __FILE__, "expected an object of costs"},
        {"sweep", "expected exit-cost or message-size"},
        {"sweep weather", "expected exit-cost or message-size"},
        {"sweep exit-cost message-size", "one sweep at a time"},
        {"gate", "expected --run DIR and --baseline FILE"},
        {"gate --run /no/such --baseline /no/such", "no such file"},
        {"micro fast", "unexpected 'fast'"},
        {"live", "expected NAME=ADDRESS"},
        {"live here", "expected NAME=ADDRESS"},
        {"live a=carrier:pigeon", "live: a=carrier:pigeon:"},
        {"live a=unix:/x --rounds 2", "from 3 to"},
        {"calibrate now", "unexpected 'now'"},
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
        cmocka_unit_test_setup_teardown(each_byte_is_copied_once_in_the_guest_and_once_in_the_vmm, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dump_over_serial_is_extrapolated_and_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(break_ins_have_a_median_and_a_tail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(costs_come_from_a_file_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_is_held_against_its_baseline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aim_that_is_not_met_fails_the_gate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sweep_finds_its_reference_at_the_same_cost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_measured_says_so_and_has_a_spread, set_up, tear_down),
        cmocka_unit_test(help_teaches_and_plays_nothing),
        cmocka_unit_test(bad_input_is_refused_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
