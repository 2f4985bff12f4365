/* kdharness swarm, merge, replay, shrink: many worlds drawn from seeds, and one of them looked at closely. */
#include "harness/script/command.h"
#include "harness/script/runner.h"
#include "harness/swarm/swarm_crew.h"
#include "harness/swarm/swarm_shrink.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_HELP = '?', KEY_SEEDS = 256, KEY_JOBS, KEY_MINUTES, KEY_SHARD, KEY_JSON, KEY_LINK, KEY_ARCH, KEY_OUT, KEY_TRACE, KEY_MACHINE, KEY_DLL };

struct arguments {
    const char *command;
    struct swarm_crew crew;
    bool have_seeds;
    uint64_t seed; /* of replay and shrink */
    struct lab_machine machine;
    const char *json, *out, *trace;
};

/* ---- options ------------------------------------------------------------------------------------------------- */

static uint64_t number(const char *option, const char *text, char **end)
{
    errno = 0;
    uint64_t value = strtoull(text, end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0)
        command_refuse("%s: '%s' does not begin with a whole number", option, text);
    return value;
}

static uint64_t whole_number(const char *option, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    uint64_t value = number(option, text, &end);
    if (*end != 0 || value < low || value > high)
        command_refuse("%s %s: expected a whole number from %" PRIu64 " to %" PRIu64, option, text, low, high);
    return value;
}

/* A:B, both inclusive; A: goes on for ever. */
static void set_seeds(struct arguments *arguments, const char *text)
{
    char *end;
    struct swarm_crew *crew = &arguments->crew;
    crew->first = number("--seeds", text, &end);
    if (*end++ != ':')
        command_refuse("--seeds %s: expected FIRST:LAST, or FIRST: with --minutes", text);
    crew->last = *end == 0 ? UINT64_MAX : whole_number("--seeds", end, 0, UINT64_MAX);
    if (crew->last < crew->first)
        command_refuse("--seeds %s: the last comes before the first", text);
    arguments->have_seeds = true;
}

static void set_shard(struct swarm_crew *crew, const char *text)
{
    char *end;
    uint64_t shard = number("--shard", text, &end);
    if (*end != '/')
        command_refuse("--shard %s: expected NUMBER/OF, as 1/4", text);
    crew->shards = whole_number("--shard", end + 1, 1, 1000000);
    if (shard == 0 || shard > crew->shards)
        command_refuse("--shard %s: expected a number from 1 to %" PRIu64, text, crew->shards);
    crew->shard = shard - 1;
}

static void set_link(struct swarm_scope *scope, const char *text)
{
    if (lab_link_find(text, &scope->link) != KD_OK)
        command_refuse("--link %s: expected backdoor, doorbell or serial", text);
    scope->one_link = true;
}

static void set_arch(struct swarm_scope *scope, const char *text)
{
    if (lab_arch_find(text, &scope->arch) != KD_OK)
        command_refuse("--arch %s: expected x64 or x86", text);
    scope->one_arch = true;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    char program[32];
    switch (key) {
    case KEY_SEEDS:
        set_seeds(arguments, value);
        return 0;
    case KEY_JOBS:
        arguments->crew.jobs = (unsigned)whole_number("--jobs", value, 1, SWARM_JOBS_MAX);
        return 0;
    case KEY_MINUTES:
        arguments->crew.seconds = 60 * whole_number("--minutes", value, 1, 100000);
        return 0;
    case KEY_SHARD:
        set_shard(&arguments->crew, value);
        return 0;
    case KEY_JSON:
        arguments->json = value;
        return 0;
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_TRACE:
        arguments->trace = value;
        return 0;
    case KEY_LINK:
        set_link(&arguments->crew.scope, value);
        return 0;
    case KEY_ARCH:
        set_arch(&arguments->crew.scope, value);
        return 0;
    case KEY_MACHINE:
        command_machine(&arguments->machine, value);
        return 0;
    case KEY_DLL:
        command_dll(&arguments->machine, value);
        return 0;
    case KEY_HELP:
        snprintf(program, sizeof program, "kdharness %s", arguments->command);
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, program);
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        if (arguments->have_seeds)
            command_refuse("%s: '%s' is no option, and nothing else is expected", arguments->command, value);
        arguments->seed = whole_number(arguments->command, value, 0, UINT64_MAX);
        arguments->have_seeds = true;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->have_seeds)
            command_refuse("%s: which seed? (kdharness %s --help)", arguments->command, arguments->command);
        return 0;
    case ARGP_KEY_ERROR:
        command_refuse("%s: %s: unknown option, or its value is missing (kdharness %s --help lists them)",
                       arguments->command, state->argv[state->next - 1], arguments->command);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define SCOPE_OPTIONS                                                                                        \
    {"link", KEY_LINK, "LINK", 0, "backdoor, doorbell or serial; default: as drawn, of backdoor and serial", 0},       \
    {"arch", KEY_ARCH, "ARCH", 0, "x64 or x86; default: as drawn", 0},                                       \
    {"machine", KEY_MACHINE, "MACHINE", 0, LAB_MACHINE_HELP, 0},                                             \
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},                                                            \
    {"help", KEY_HELP, NULL, 0, "Show this text", -1}, {0}

static const struct argp_option swarm_options[] = {
    {"seeds", KEY_SEEDS, "A:B", 0, "The seeds to play, from A to B; A: for ever, with --minutes", 0},
    {"jobs", KEY_JOBS, "N", 0, "Processes at once (default 1)", 0},
    {"minutes", KEY_MINUTES, "M", 0, "Begin no new seed after so long", 0},
    {"shard", KEY_SHARD, "I/N", 0, "Play every Nth of the seeds only, from the Ith on: one of N hosts", 0},
    {"json", KEY_JSON, "FILE", 0, "Write the result to FILE; kdharness merge joins such files", 0},
    SCOPE_OPTIONS};
static const struct argp_option replay_options[] = {
    {"trace", KEY_TRACE, "FILE", 0, "Write every record to FILE", 0}, SCOPE_OPTIONS};
static const struct argp_option shrink_options[] = {
    {"out", KEY_OUT, "FILE", 0, "Write the scenario to FILE (default: to stdout)", 0}, SCOPE_OPTIONS};

static struct arguments read_arguments(const char *command, const struct argp_option *options, const char *purpose,
                                       int argc, char **argv)
{
    const struct argp argp = {options, parse, options == swarm_options ? "" : "SEED", purpose, NULL, NULL, NULL};
    struct arguments arguments = {.command = command, .crew = {.shards = 1, .jobs = 1, .play = swarm_crew_play}};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    return arguments;
}

/* Worlds are drawn for the machine, and for an architecture that it has a DLL for. */
static void use_machine(struct arguments *arguments)
{
    struct swarm_scope *scope = &arguments->crew.scope;
    command_machine_ready(&arguments->machine);
    command_machine_arch(&arguments->machine, &scope->one_arch, &scope->arch);
    scope->machine = &arguments->machine;
}

static FILE *open_for_writing(const char *option, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        command_refuse("%s %s: cannot be written: %s", option, path, strerror(errno));
    return file;
}

static void close_file(const char *option, FILE *file)
{
    if (file != NULL && fclose(file) != 0)
        command_refuse("%s: the file could not be written completely: %s", option, strerror(errno));
}

/* ---- swarm --------------------------------------------------------------------------------------------------- */

struct show {
    struct swarm_report report;
    uint64_t began, all; /* seconds, seeds; all 0: nobody knows */
    bool terminal;
};

static void show_failure(const struct swarm_failure *failure, const struct lab_machine *machine)
{
    printf("seed %" PRIu64 " [%s %s] %s\n  replay: kdharness replay %" PRIu64 " --link %s --arch %s", failure->seed,
           lab_link_name(failure->link), lab_arch_name(failure->arch), failure->text, failure->seed,
           lab_link_name(failure->link), lab_arch_name(failure->arch));
    lab_machine_print(machine, failure->arch, stdout);
    putchar('\n');
}

static void on_row(void *context, const struct swarm_row *row)
{
    struct show *show = context;
    swarm_report_add(&show->report, row);
}

static void on_progress(void *context)
{
    const struct show *show = context;
    uint64_t seconds = swarm_crew_seconds() - show->began, seeds = swarm_report_seeds(&show->report);
    if (!show->terminal || seconds == 0 || seeds == 0)
        return;
    fprintf(stderr, "\r%" PRIu64 " seeds, %zu failed, %" PRIu64 " a second", seeds, show->report.failure_count,
            seeds / seconds);
    if (show->all != 0)
        fprintf(stderr, ", %" PRIu64 " s to go   ", (show->all - seeds) * seconds / seeds);
    fflush(stderr);
}

/* machine  in  NULL: joined results, of whatever machine */
static int finish_report(struct swarm_report *report, const char *json, const struct lab_machine *machine)
{
    char why[SWARM_WHY_BYTES];
    swarm_report_sort(report);
    for (size_t i = 0; i < report->failure_count; i++)
        show_failure(&report->failures[i], machine);
    swarm_report_print(report, stdout);
    if (json != NULL && swarm_report_write(report, json, why) != KD_OK)
        command_refuse("--json %s", why);
    int code = report->failure_count > 0 || swarm_report_seeds(report) == 0 ? RUNNER_FAILED : RUNNER_OK;
    swarm_report_free(report);
    return code;
}

int command_swarm(int argc, char **argv)
{
    struct arguments arguments = read_arguments("swarm", swarm_options, "Plays worlds drawn from seeds. Exit code 0: "
                                                "nothing was wrong; 1: a seed failed; 2: bad input.", argc, argv);
    struct swarm_crew *crew = &arguments.crew;
    use_machine(&arguments);
    if (crew->last == UINT64_MAX && crew->seconds == 0)
        command_refuse("swarm: seeds without an end need --minutes");
    if (arguments.json != NULL)
        close_file("--json", open_for_writing("--json", arguments.json));
    struct show show = {.report = swarm_report_empty(), .began = swarm_crew_seconds(), .terminal = isatty(STDERR_FILENO)};
    if (crew->last != UINT64_MAX && crew->seconds == 0)
        show.all = (crew->last - crew->first) / crew->shards + 1;
    crew->context = &show;
    crew->row = on_row;
    crew->progress = on_progress;
    if (swarm_crew_run(crew) != KD_OK)
        command_refuse("swarm: the system gave no process or pipe: %s", strerror(errno));
    if (show.terminal)
        fputc('\n', stderr);
    return finish_report(&show.report, arguments.json, &arguments.machine);
}

int command_merge(int argc, char **argv)
{
    struct swarm_report report = swarm_report_empty();
    char why[SWARM_WHY_BYTES];
    if (argc < 2 || argv[1][0] == '-')
        command_refuse("merge: expected the files that kdharness swarm --json wrote");
    for (int i = 1; i < argc; i++)
        if (swarm_report_join(&report, argv[i], why) != KD_OK)
            command_refuse("merge: %s", why);
    return finish_report(&report, NULL, NULL);
}

/* ---- one seed ------------------------------------------------------------------------------------------------ */

static void say_result(const struct swarm_plan *plan, const struct swarm_result *result)
{
    printf("seed %" PRIu64 " [%s %s%s%s] hash=%016" PRIx64 " time=%.9fs exits=%" PRIu64 " faults=%" PRIu64 ": %s\n",
           plan->seed, lab_link_name(plan->link), lab_arch_name(plan->arch),
           lab_machine_is_native(plan->machine) ? "" : " ", lab_machine_suffix(plan->machine), result->hash,
           (double)result->time_ns / 1e9, result->exits, result->struck, result->failed ? result->text : "ok");
}

int command_replay(int argc, char **argv)
{
    struct arguments arguments =
        read_arguments("replay", replay_options, "Plays one seed of the swarm, as a ladder and a plan.", argc, argv);
    use_machine(&arguments);
    FILE *trace = arguments.trace == NULL ? NULL : open_for_writing("--trace", arguments.trace);
    struct swarm_plan plan;
    struct swarm_result result;
    struct timeline *timeline = timeline_create();
    swarm_plan_draw(&plan, arguments.seed, &arguments.crew.scope);
    timeline_title(timeline, "swarm");
    swarm_run(&plan, trace, timeline, &result);
    timeline_write_text(timeline, stdout);
    timeline_destroy(timeline);
    swarm_plan_write(&plan, "as drawn", stdout);
    say_result(&plan, &result);
    close_file("--trace", trace);
    return result.failed ? RUNNER_FAILED : RUNNER_OK;
}

int command_shrink(int argc, char **argv)
{
    struct arguments arguments = read_arguments(
        "shrink", shrink_options, "Writes the smallest scenario that fails as a seed of the swarm does.", argc, argv);
    struct swarm_plan plan;
    struct swarm_result result;
    use_machine(&arguments);
    swarm_plan_draw(&plan, arguments.seed, &arguments.crew.scope);
    swarm_play(&plan, &result);
    if (!result.failed)
        command_refuse("shrink: nothing is wrong with seed %" PRIu64, arguments.seed);
    unsigned plays = swarm_shrink(&plan, &result, swarm_play);
    FILE *file = arguments.out == NULL ? stdout : open_for_writing("--out", arguments.out);
    swarm_plan_write(&plan, result.text, file);
    if (arguments.out != NULL)
        close_file("--out", file);
    fprintf(stderr, "# %u plays; kdharness run --once --seed %" PRIu64 " --link %s --arch %s", plays, plan.seed,
            lab_link_name(plan.link), lab_arch_name(plan.arch));
    lab_machine_print(plan.machine, plan.arch, stderr);
    fprintf(stderr, " %s plays it\n", arguments.out == NULL ? "FILE" : arguments.out);
    return RUNNER_OK;
}
