#include "bench/bench_play.h"
#include "harness/script/command.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, PATH_BYTES = 4096, SETTING_BYTES = 128 };
#define EXITS_MAX   UINT64_C(200000000)
#define TIME_NS_MAX (UINT64_C(24) * 3600 * SIM_NS_PER_SECOND)

static uint32_t operations_of(const struct bench_plan *plan, const struct bench_link *link,
                              const struct bench_workload *workload)
{
    if (plan->quick)
        return workload->operations_quick;
    return link->link == SIM_LINK_SERIAL ? workload->operations_slow : workload->operations;
}

static void add_setting(struct script_settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_setting(struct script_settings *settings, const char *format, ...)
{
    char text[SETTING_BYTES], why[LAB_WHY_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (script_settings_add(settings, text, why) != KD_OK)
        command_refuse("%s", why);
}

/* The link's own come last: what makes it that link cannot be set to something else. */
static void settings_for(const struct bench_plan *plan, const struct bench_link *link, uint32_t operations,
                         struct script_settings *settings)
{
    for (size_t i = 0; i < plan->settings->count; i++)
        add_setting(settings, "%s=%s", plan->settings->items[i].name, plan->settings->items[i].value);
    for (unsigned i = 0; i < BENCH_SETTINGS_MAX && link->settings[i] != NULL; i++)
        add_setting(settings, "%s", link->settings[i]);
    add_setting(settings, "param.operations=%" PRIu32, operations);
}

static const char *workload_folder(void)
{
    const char *folder = getenv("KDBENCH_WORKLOADS");
    return folder == NULL ? KDBENCH_WORKLOADS_DEFAULT : folder;
}

/* Shows the whole where only a part of it was played: every total by the same factor. */
static void make_whole(struct bench_row *row)
{
    uint64_t factor = row->whole / row->played;
    struct script_measure *total = &row->total;
#define MULTIPLY(field) total->field *= factor;
    SCRIPT_MEASURE_LIST(MULTIPLY)
#undef MULTIPLY
    total->operations = 1;
}

static struct bench_row row_of(const struct bench_link *link, const struct bench_workload *workload,
                               const struct script_result *result)
{
    struct bench_row row = {
        .link = link,
        .workload = workload,
        .cost = result->cost,
        .total = result->measures[0],
        .played = (uint32_t)result->measures[0].operations,
        .whole = workload->whole,
    };
    if (row.whole > 0)
        make_whole(&row);
    return row;
}

static void append(struct bench_rows *run, const struct bench_row *row)
{
    run->rows = sim_grow(run->rows, &run->room, run->count + 1, sizeof *run->rows);
    run->rows[run->count] = *row;
    run->rows[run->count++].group = run->groups;
}

static void play(const struct bench_plan *plan, const struct bench_link *link,
                 const struct bench_workload *workload, struct bench_rows *run)
{
    char path[PATH_BYTES];
    struct script_settings settings = {0};
    struct script_result result;
    snprintf(path, sizeof path, "%s/%s.lua", workload_folder(), workload->name);
    settings_for(plan, link, operations_of(plan, link, workload), &settings);
    struct script_options options = script_options_default(path, link->link);
    options.arch = plan->arch;
    options.seed = plan->seed;
    options.settings = &settings;
    options.machine = plan->machine;
    options.exits_max = EXITS_MAX;
    options.time_ns_max = TIME_NS_MAX;
    script_run(&options, &result);
    bool played = result.outcome == SCRIPT_PASSED;
    if (played && result.measure_count == 1) {
        struct bench_row row = row_of(link, workload, &result);
        append(run, &row);
    } else if (result.outcome != SCRIPT_SKIPPED) {
        fprintf(stderr, "kdbench: %s over %s: %s:%u: %s\n", workload->name, link->name, path, result.line,
                played ? "expected exactly one measure()" : result.message);
        exit(EXIT_FAILED);
    }
    script_result_free(&result);
    script_settings_free(&settings);
}

static bool chosen(const char *only, const char *name)
{
    return only == NULL || strcmp(only, name) == 0;
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    if (!isatty(STDERR_FILENO))
        return;
    va_list arguments;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

void bench_play(const struct bench_plan *plan, struct bench_rows *run)
{
    unsigned link_count, workload_count;
    const struct bench_link *links = bench_links(&link_count);
    const struct bench_workload *workloads = bench_workloads(&workload_count);
    for (unsigned w = 0; w < workload_count; w++) {
        for (unsigned l = 0; l < link_count; l++) {
            if (!chosen(plan->workload, workloads[w].name) || !chosen(plan->link, links[l].name) ||
                links[l].kind == BENCH_LINK_RESERVED)
                continue;
            tell("%s over %s", workloads[w].name, links[l].name);
            play(plan, &links[l], &workloads[w], run);
        }
    }
    run->groups++;
    tell("%s", "");
}

void bench_rows_free(struct bench_rows *run)
{
    free(run->rows);
    *run = (struct bench_rows){0};
}
