#include "harness/swarm/swarm_report.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct swarm_report swarm_report_empty(void)
{
    return (struct swarm_report){.first_seed = UINT64_MAX};
}

void swarm_report_free(struct swarm_report *report)
{
    free(report->failures);
    *report = swarm_report_empty();
}

static void span(struct swarm_report *report, uint64_t first, uint64_t last)
{
    if (first < report->first_seed)
        report->first_seed = first;
    if (last > report->last_seed)
        report->last_seed = last;
}

static void add_failure(struct swarm_report *report, const struct swarm_failure *failure)
{
    report->failures =
        sim_grow(report->failures, &report->failure_room, report->failure_count + 1, sizeof *report->failures);
    report->failures[report->failure_count++] = *failure;
}

/* A seed's share of the sum: mixed, so that two seeds that exchange their histories are seen. */
static uint64_t share(uint64_t seed, uint64_t hash)
{
    struct sim_prng mix = sim_prng_seed(seed ^ hash, "swarm.hash");
    return sim_prng_u64(&mix) ^ hash;
}

void swarm_report_add(struct swarm_report *report, const struct swarm_row *row)
{
    const struct swarm_result *result = &row->result;
    struct swarm_figures *figures = &report->links[row->link];
    span(report, row->seed, row->seed);
    report->hash += share(row->seed, result->hash);
    figures->seeds++;
    figures->failed += result->failed;
    figures->replies += result->replies;
    figures->exits += result->exits;
    figures->struck += result->struck;
    figures->excused += result->excused;
    figures->virtual_ns += result->time_ns;
    figures->cpu_ns += row->cpu_ns;
    if (!result->failed)
        return;
    struct swarm_failure failure = {.seed = row->seed, .link = row->link, .arch = row->arch};
    memcpy(failure.text, result->text, sizeof failure.text);
    add_failure(report, &failure);
}

static int by_seed(const void *left, const void *right)
{
    const struct swarm_failure *a = left, *b = right;
    return a->seed < b->seed ? -1 : a->seed > b->seed;
}

void swarm_report_sort(struct swarm_report *report)
{
    if (report->failure_count > 0)
        qsort(report->failures, report->failure_count, sizeof *report->failures, by_seed);
}

uint64_t swarm_report_seeds(const struct swarm_report *report)
{
    uint64_t seeds = 0;
    for (unsigned i = 0; i < SWARM_LINKS; i++)
        seeds += report->links[i].seeds;
    return seeds;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

/* Numbers of 64 bits stand as text: a reader in another language would round them. */
static const struct {
    const char *name;
    size_t offset;
} figure_fields[] = {
#define FIGURE(field) {#field, offsetof(struct swarm_figures, field)}
    FIGURE(seeds), FIGURE(failed), FIGURE(replies), FIGURE(exits), FIGURE(struck), FIGURE(excused),
    FIGURE(virtual_ns), FIGURE(cpu_ns),
#undef FIGURE
};
enum { FIGURES = sizeof figure_fields / sizeof *figure_fields };

static uint64_t *figure_at(struct swarm_figures *figures, unsigned field)
{
    return (uint64_t *)(void *)((char *)figures + figure_fields[field].offset);
}

static json_t *text_of(uint64_t number, const char *format)
{
    char text[24];
    snprintf(text, sizeof text, strcmp(format, "hex") == 0 ? "%016" PRIx64 : "%" PRIu64, number);
    return json_string(text);
}

static json_t *figures_json(const struct swarm_figures *figures)
{
    struct swarm_figures copy = *figures;
    json_t *object = json_object();
    for (unsigned i = 0; i < FIGURES; i++)
        json_object_set_new(object, figure_fields[i].name, json_integer((json_int_t)*figure_at(&copy, i)));
    return object;
}

static json_t *failures_json(const struct swarm_report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->failure_count; i++) {
        const struct swarm_failure *failure = &report->failures[i];
        json_t *object = json_object();
        json_object_set_new(object, "seed", text_of(failure->seed, "decimal"));
        json_object_set_new(object, "link", json_string(lab_link_name(failure->link)));
        json_object_set_new(object, "arch", json_string(lab_arch_name(failure->arch)));
        json_object_set_new(object, "text", json_string(failure->text));
        json_array_append_new(array, object);
    }
    return array;
}

enum kd_status swarm_report_write(const struct swarm_report *report, const char *path, char *why)
{
    json_t *root = json_object();
    json_object_set_new(root, "first_seed", text_of(report->first_seed, "decimal"));
    json_object_set_new(root, "last_seed", text_of(report->last_seed, "decimal"));
    json_object_set_new(root, "hash", text_of(report->hash, "hex"));
    for (unsigned i = 0; i < SWARM_LINKS; i++)
        json_object_set_new(root, lab_link_name((enum sim_link)i), figures_json(&report->links[i]));
    json_object_set_new(root, "failures", failures_json(report));
    bool written = json_dump_file(root, path, JSON_INDENT(2)) == 0;
    json_decref(root);
    if (!written)
        snprintf(why, SWARM_WHY_BYTES, "%s: cannot be written", path);
    return written ? KD_OK : KD_ERR_ARGUMENT;
}

/* ---- reading it back ----------------------------------------------------------------------------------------- */

static bool number_of(const json_t *object, const char *name, int base, uint64_t *number)
{
    const char *text = json_string_value(json_object_get(object, name));
    char *end;
    if (text == NULL || text[0] == 0)
        return false;
    *number = strtoull(text, &end, base);
    return *end == 0;
}

static bool read_figures(const json_t *object, struct swarm_figures *figures)
{
    for (unsigned i = 0; i < FIGURES; i++) {
        const json_t *value = json_object_get(object, figure_fields[i].name);
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return false;
        *figure_at(figures, i) = (uint64_t)json_integer_value(value);
    }
    return true;
}

static bool read_failure(const json_t *object, struct swarm_failure *failure)
{
    const char *link = json_string_value(json_object_get(object, "link"));
    const char *arch = json_string_value(json_object_get(object, "arch"));
    const char *text = json_string_value(json_object_get(object, "text"));
    if (link == NULL || arch == NULL || text == NULL || !number_of(object, "seed", 10, &failure->seed) ||
        lab_link_find(link, &failure->link) != KD_OK || lab_arch_find(arch, &failure->arch) != KD_OK)
        return false;
    snprintf(failure->text, sizeof failure->text, "%s", text);
    return true;
}

static bool read_failures(const json_t *array, struct swarm_report *report)
{
    size_t index;
    json_t *object;
    if (!json_is_array(array))
        return false;
    json_array_foreach(array, index, object) {
        struct swarm_failure failure = {0};
        if (!read_failure(object, &failure))
            return false;
        add_failure(report, &failure);
    }
    return true;
}

static bool read_report(const json_t *root, struct swarm_report *report)
{
    if (!number_of(root, "first_seed", 10, &report->first_seed) ||
        !number_of(root, "last_seed", 10, &report->last_seed) || !number_of(root, "hash", 16, &report->hash))
        return false;
    for (unsigned i = 0; i < SWARM_LINKS; i++)
        if (!read_figures(json_object_get(root, lab_link_name((enum sim_link)i)), &report->links[i]))
            return false;
    return read_failures(json_object_get(root, "failures"), report);
}

static void add_report(struct swarm_report *report, struct swarm_report *more)
{
    span(report, more->first_seed, more->last_seed);
    report->hash += more->hash;
    for (unsigned i = 0; i < SWARM_LINKS; i++)
        for (unsigned field = 0; field < FIGURES; field++)
            *figure_at(&report->links[i], field) += *figure_at(&more->links[i], field);
    for (size_t i = 0; i < more->failure_count; i++)
        add_failure(report, &more->failures[i]);
}

enum kd_status swarm_report_join(struct swarm_report *report, const char *path, char *why)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        snprintf(why, SWARM_WHY_BYTES, "%s: %s", path, error.text);
        return KD_ERR_ARGUMENT;
    }
    struct swarm_report file = swarm_report_empty();
    bool good = read_report(root, &file);
    json_decref(root);
    if (good)
        add_report(report, &file);
    swarm_report_free(&file);
    if (good)
        return KD_OK;
    snprintf(why, SWARM_WHY_BYTES, "%s: this is no result of kdharness swarm", path);
    return KD_ERR_ARGUMENT;
}

/* ---- for people ---------------------------------------------------------------------------------------------- */

static void print_link(const struct swarm_report *report, enum sim_link link, FILE *file)
{
    const struct swarm_figures *figures = &report->links[link];
    if (figures->seeds == 0)
        return;
    double cpu_s = (double)figures->cpu_ns / 1e9;
    fprintf(file, "# %-8s %" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " replies, %" PRIu64 " faults, %" PRIu64
                  " excused, %.0f virtual s; %.0f seeds per second of one core\n",
            lab_link_name(link), figures->seeds, figures->failed, figures->replies, figures->struck, figures->excused,
            (double)figures->virtual_ns / 1e9, cpu_s > 0 ? (double)figures->seeds / cpu_s : 0.0);
}

void swarm_report_print(const struct swarm_report *report, FILE *file)
{
    for (unsigned i = 0; i < SWARM_LINKS; i++)
        print_link(report, (enum sim_link)i, file);
    if (swarm_report_seeds(report) == 0) {
        fprintf(file, "# no seed was played\n");
        return;
    }
    fprintf(file, "# seeds %" PRIu64 ":%" PRIu64 ": %" PRIu64 " played, %zu failed, hash=%016" PRIx64 "\n",
            report->first_seed, report->last_seed, swarm_report_seeds(report), report->failure_count, report->hash);
}
