/* kdbench gate and kdbench baseline. */
#include "bench/bench_command.h"
#include "bench/bench_files.h"
#include "bench/bench_gate.h"
#include "harness/script/command.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = '?', KEY_RUN = 256, KEY_BASELINE };
enum { EXIT_WORSE = 1 };

struct arguments {
    const char *run;
    const char *baseline;
};

static const struct argp_option options[] = {
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {"run", KEY_RUN, "DIR", 0, "Folder that kdbench run --out (and micro --out) wrote", 0},
    {"baseline", KEY_BASELINE, "FILE", 0, "The baseline (results/baseline.json)", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdbench gate|baseline");
        exit(0);
    case KEY_RUN:
        arguments->run = value;
        return 0;
    case KEY_BASELINE:
        arguments->baseline = value;
        return 0;
    case ARGP_KEY_ARG:
        command_refuse("unexpected '%s': expected --run DIR and --baseline FILE", value);
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (--help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static struct arguments parse_arguments(int argc, char **argv, const char *does)
{
    const struct argp argp = {options, parse, "", does, NULL, NULL, NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.run == NULL || arguments.baseline == NULL)
        command_refuse("%s: expected --run DIR and --baseline FILE", argv[0]);
    return arguments;
}

static const char *const expected_rows = "the rows that kdbench run --out writes";
static const char *const expected_aims = "the aims that kdbench run --out writes";
static const char *const expected_measured = "the figures that kdbench micro --out writes";

/* The run, and behind it what the emulated machines ran, if they were played. */
static json_t *read_rows(const char *folder)
{
    static const char *const more[] = {"emu-x64/bench.json", "emu-x86/bench.json"};
    json_t *rows = bench_read(folder, "bench.json", expected_rows);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        json_t *emulated = bench_read_optional(folder, more[i], expected_rows);
        if (emulated != NULL && json_array_extend(rows, emulated) != 0)
            command_refuse("%s/%s: expected %s", folder, more[i], expected_rows);
        json_decref(emulated);
    }
    return rows;
}

static void print_verdict(const struct bench_changes *changes)
{
    printf("%u exact figures compared: %u worse, %u better; %u rows are new, %u measured figures warn\n",
           changes->compared, changes->worse, changes->better, changes->added, changes->warned);
    if (changes->worse == 0 && (changes->better > 0 || changes->added > 0))
        puts("make baseline keeps what is better or new");
}

/* Prints the aims that the run, as it was judged when it was written, does not meet. Returns how many. */
static unsigned print_missed_aims(const char *folder)
{
    json_t *aims = bench_read(folder, "aims.json", expected_aims);
    unsigned missed = 0, judged = 0;
    size_t index;
    json_t *aim;
    json_array_foreach(aims, index, aim)
    {
        const char *what, *workload, *link, *bound, *state;
        double figure;
        if (json_unpack(aim, "{s:s, s:s, s:s, s:s, s:F, s:s}", "what", &what, "workload", &workload, "link",
                        &link, "aim", &bound, "figure", &figure, "state", &state) != 0)
            command_refuse("%s/aims.json: expected %s", folder, expected_aims);
        judged += strcmp(state, "met") == 0;
        if (strcmp(state, "not met") != 0)
            continue;
        missed++;
        printf("aim not met: %s, %s over %s: %s, and it is %g\n", what, workload, link, bound, figure);
    }
    printf("%u aims met, %u not met\n", judged, missed);
    json_decref(aims);
    return missed;
}

int bench_command_gate(int argc, char **argv)
{
    struct arguments arguments = parse_arguments(
        argc, argv,
        "Compares a run with the baseline. An exact figure that got worse fails, and so does an aim that is "
        "not met; a "
        "measured figure warns. Exit code 0: nothing is worse; 1: something is; 2: bad input.");
    json_t *baseline = bench_read(NULL, arguments.baseline, "a baseline that kdbench baseline wrote");
    json_t *rows = read_rows(arguments.run);
    json_t *measured = bench_read_optional(arguments.run, "measured.json", expected_measured);
    struct bench_changes changes;
    char why[BENCH_WHY_BYTES];
    if (!bench_gate_compare(baseline, rows, measured, stdout, &changes, why))
        command_refuse("%s and %s/bench.json: %s", arguments.baseline, arguments.run, why);
    unsigned missed = print_missed_aims(arguments.run);
    print_verdict(&changes);
    json_decref(measured);
    json_decref(rows);
    json_decref(baseline);
    return changes.worse > 0 || missed > 0 ? EXIT_WORSE : 0;
}

static bool print_baseline(const void *context, FILE *to)
{
    return bench_gate_print(context, to);
}

/* What changes is shown before it is written; a first baseline has nothing to be compared with. */
static void show_changes(const char *path, const json_t *rows, const json_t *measured)
{
    struct bench_changes changes;
    char why[BENCH_WHY_BYTES];
    json_t *old = bench_read_optional(NULL, path, "a baseline that kdbench baseline wrote");
    if (old != NULL && bench_gate_compare(old, rows, measured, stdout, &changes, why))
        print_verdict(&changes);
    else if (old != NULL)
        printf("%s: %s\n", path, why);
    json_decref(old);
}

int bench_command_baseline(int argc, char **argv)
{
    struct arguments arguments =
        parse_arguments(argc, argv, "Shows how a run differs from the baseline and makes it the baseline.");
    json_t *rows = read_rows(arguments.run);
    json_t *measured = bench_read_optional(arguments.run, "measured.json", expected_measured);
    json_t *baseline = bench_gate_baseline(rows, measured);
    if (baseline == NULL)
        command_refuse("%s/bench.json: expected %s", arguments.run, expected_rows);
    show_changes(arguments.baseline, rows, measured);
    bench_write(NULL, arguments.baseline, print_baseline, baseline);
    json_decref(baseline);
    json_decref(measured);
    json_decref(rows);
    return 0;
}
