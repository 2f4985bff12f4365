/* kdbench live: the same work over live targets, on the wall clock. */
#include "bench/bench_command.h"
#include "bench/bench_files.h"
#include "bench/bench_live.h"
#include "bench/bench_measure.h"
#include "bench/bench_report.h"
#include "harness/script/command.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = '?', KEY_OUT = 256, KEY_ROUNDS };
enum { TARGETS_MAX = 8, ROUNDS_DEFAULT = 9, EXIT_FAILED = 1 };
#define ROUND_NS UINT64_C(20000000)
enum { REPEATS_MAX = 50 };

struct target {
    char name[64];
    struct relay_address address;
    struct bench_live *live;
};

struct arguments {
    const char *out;
    unsigned rounds;
    struct target targets[TARGETS_MAX];
    unsigned count;
};

static const struct work {
    const char *name;
    bench_live_fn *once;
} works[] = {
    {"bulk-read", bench_live_bulk_read},     {"small-read", bench_live_small_read},
    {"bulk-write", bench_live_bulk_write},   {"steps", bench_live_step},
    {"source-step", bench_live_source_step},
};
enum { WORKS = sizeof works / sizeof works[0] };

/* One work over one target: a time for each round, and its ratio to the first target's time of the same
 * round. */
struct result {
    struct bench_measured us, ratio;
};

/* ---- arguments --------------------------------------------------------------------------------------- */

static void add_target(struct arguments *arguments, const char *text)
{
    const char *equals = strchr(text, '='), *why = NULL;
    struct target *target = &arguments->targets[arguments->count];
    if (arguments->count == TARGETS_MAX)
        command_refuse("live: %s: at most %d targets", text, TARGETS_MAX);
    if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof target->name)
        command_refuse("live: %s: expected NAME=ADDRESS, as in serial=unix:/tmp/kd", text);
    if (relay_address_parse(&target->address, equals + 1, &why) != KD_OK)
        command_refuse("live: %s: %s", text, why);
    memcpy(target->name, text, (size_t)(equals - text));
    arguments->count++;
}

static unsigned parse_rounds(const char *text)
{
    char *end;
    unsigned long rounds = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || rounds < 3 || rounds > BENCH_SAMPLES_MAX)
        command_refuse("--rounds %s: expected a whole number from 3 to %d", text, BENCH_SAMPLES_MAX);
    return (unsigned)rounds;
}

static const struct argp_option options[] = {
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {"out", KEY_OUT, "DIR", 0, "Also write DIR/kvm.json", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "Samples of each work (default 9)", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdbench live");
        exit(0);
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_ROUNDS:
        arguments->rounds = parse_rounds(value);
        return 0;
    case ARGP_KEY_ARG:
        add_target(arguments, value);
        return 0;
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdbench live --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- measuring --------------------------------------------------------------------------------------- */

static _Noreturn void failed(const struct target *target, const char *what, const char *why)
{
    fprintf(stderr, "kdbench: live: %s: %s: %s\n", target->name, what, why);
    exit(EXIT_FAILED);
}

/* The mean of so many as fit in a round, so that fast ones are not lost in the clock's own time. */
static double microseconds(const struct target *target, const struct work *work)
{
    char why[BENCH_LIVE_WHY_BYTES];
    uint64_t from = bench_wall_ns(), now = from;
    unsigned repeats = 0;
    while (repeats == 0 || (now - from < ROUND_NS && repeats < REPEATS_MAX)) {
        if (!work->once(target->live, why))
            failed(target, work->name, why);
        repeats++;
        now = bench_wall_ns();
    }
    return (double)(now - from) / 1e3 / repeats;
}

/* All targets in every round, so that what the host does meanwhile meets them all. */
static void measure(const struct arguments *arguments, const struct work *work, struct result *results)
{
    for (unsigned round = 0; round < arguments->rounds; round++) {
        for (unsigned t = 0; t < arguments->count; t++) {
            double us = microseconds(&arguments->targets[t], work);
            results[t].us.samples[round] = us;
            results[t].ratio.samples[round] = results[0].us.samples[round] / us;
        }
    }
    for (unsigned t = 0; t < arguments->count; t++)
        results[t].us.count = results[t].ratio.count = arguments->rounds;
}

/* ---- output ------------------------------------------------------------------------------------------ */

struct output {
    const struct arguments *arguments;
    struct result (*results)[TARGETS_MAX]; /* by work */
};

static double least(const struct bench_measured *sorted)
{
    return sorted->samples[0];
}

static double most(const struct bench_measured *sorted)
{
    return sorted->samples[sorted->count - 1];
}

static json_t *json_result(const struct work *work, const struct target *target, struct result *result)
{
    double us = bench_median(&result->us), ratio = bench_median(&result->ratio);
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:i}", "workload", work->name, "link",
                     target->name, "median_us", us, "low_us", least(&result->us), "high_us",
                     most(&result->us), "ratio", ratio, "ratio_low", least(&result->ratio), "ratio_high",
                     most(&result->ratio), "samples", (int)result->us.count);
}

static bool print_json(const void *context, FILE *to)
{
    const struct output *output = context;
    json_t *list = json_array();
    for (unsigned w = 0; w < WORKS; w++)
        for (unsigned t = 0; t < output->arguments->count; t++)
            json_array_append_new(
                list, json_result(&works[w], &output->arguments->targets[t], &output->results[w][t]));
    bool written =
        json_dumpf(list, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 && fputc('\n', to) != EOF;
    json_decref(list);
    return written;
}

static void print_numbers(double median, double low, double high)
{
    char text[BENCH_CELL_BYTES];
    const double values[] = {median, low, high};
    for (unsigned i = 0; i < 3; i++) {
        bench_number_text(text, values[i]);
        printf("  %10s", text);
    }
}

static void print_text(const struct output *output)
{
    const struct arguments *arguments = output->arguments;
    printf("Measured on the wall clock, medians of %u rounds with the least and the most; ratios to %s are "
           "taken in each "
           "round.\n\n%-12s  %-16s  %10s  %10s  %10s  %10s  %10s  %10s\n",
           arguments->rounds, arguments->targets[0].name, "work", "target", "us", "least", "most", "ratio",
           "least", "most");
    for (unsigned w = 0; w < WORKS; w++) {
        for (unsigned t = 0; t < arguments->count; t++) {
            struct result *result = &output->results[w][t];
            double us = bench_median(&result->us), ratio = bench_median(&result->ratio);
            printf("%-12s  %-16s", works[w].name, arguments->targets[t].name);
            print_numbers(us, least(&result->us), most(&result->us));
            print_numbers(ratio, least(&result->ratio), most(&result->ratio));
            putchar('\n');
        }
    }
}

int bench_command_live(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "NAME=ADDRESS...",
        "Measures live targets on the wall clock: anything that speaks KDCOM at unix:PATH or "
        "tcp:HOST:PORT. The first one is what the others are compared with. Each is stopped, "
        "worked with, and let go.",
        NULL,
        NULL,
        NULL};
    static struct result results[WORKS][TARGETS_MAX];
    struct arguments arguments = {.rounds = ROUNDS_DEFAULT};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.count == 0)
        command_refuse("live: expected NAME=ADDRESS, as in serial=unix:/tmp/kd");
    if (arguments.out != NULL)
        command_folder("--out", arguments.out);
    for (unsigned t = 0; t < arguments.count; t++) {
        char why[BENCH_LIVE_WHY_BYTES];
        arguments.targets[t].live = bench_live_open(&arguments.targets[t].address, why);
        if (arguments.targets[t].live == NULL)
            failed(&arguments.targets[t], "attach", why);
    }
    for (unsigned w = 0; w < WORKS; w++)
        measure(&arguments, &works[w], results[w]);
    for (unsigned t = 0; t < arguments.count; t++)
        bench_live_close(arguments.targets[t].live);
    const struct output output = {&arguments, results};
    if (arguments.out != NULL)
        bench_write(arguments.out, "kvm.json", print_json, &output);
    print_text(&output);
    return 0;
}
