/* Scenario by link by architecture. A scenario says itself, in its first vm{}, where it is played and why not elsewhere;
 * that what is played is green is for the tests to say: each cell is one of CTest. */
#include "harness/script/runner.h"
#include <string.h>

struct cells {
    unsigned plays, skips;
    char why[SCRIPT_MESSAGE_BYTES]; /* the reason of the last one that is not played */
};

/* Returns false when the scenario cannot be asked. */
static bool ask(const struct scenario *scenario, const struct runner_way *way, struct cells *row, FILE *out)
{
    struct script_result result;
    struct script_options options = script_options_default(scenario->path, way->link);
    options.arch = way->arch;
    options.only_asks = true;
    script_run(&options, &result);
    bool asked = result.outcome == SCRIPT_PASSED || result.outcome == SCRIPT_SKIPPED;
    row->plays += result.outcome == SCRIPT_PASSED;
    row->skips += result.outcome == SCRIPT_SKIPPED;
    if (result.outcome == SCRIPT_SKIPPED)
        snprintf(row->why, sizeof row->why, "%s", result.message);
    if (!asked)
        fprintf(stderr, "kdharness: %s: %s\n", scenario->path, result.message);
    fputs(result.outcome == SCRIPT_PASSED ? " yes |" : " - |", out);
    script_result_free(&result);
    return asked;
}

static void print_head(const struct runner_way *ways, size_t way_count, FILE *out)
{
    fputs("| scenario |", out);
    for (size_t i = 0; i < way_count; i++)
        fprintf(out, " %s %s |", lab_link_name(ways[i].link), lab_arch_name(ways[i].arch));
    fputs(" not elsewhere, because |\n| --- |", out);
    for (size_t i = 0; i < way_count; i++)
        fputs(" --- |", out);
    fputs(" --- |\n", out);
}

int runner_table(const struct scenario_list *scenarios, FILE *out)
{
    size_t way_count;
    const struct runner_way *ways = runner_ways(&way_count);
    struct cells all = {0};
    bool asked = true;
    print_head(ways, way_count, out);
    for (size_t i = 0; i < scenarios->count; i++) {
        struct cells row = {0};
        fprintf(out, "| %s |", scenarios->items[i].name);
        for (size_t way = 0; way < way_count; way++)
            asked = ask(&scenarios->items[i], &ways[way], &row, out) && asked;
        fprintf(out, "%s%s |\n", row.skips > 0 ? " " : "", row.why);
        all.plays += row.plays;
        all.skips += row.skips;
    }
    fprintf(out, "\n%zu scenarios, %u plays, %u not played.\n", scenarios->count, all.plays, all.skips);
    return asked ? RUNNER_OK : RUNNER_BAD_INPUT;
}
