#include "bench/bench_gate.h"
#include "bench/bench_report.h"
#include <string.h>

/* More of any of these is worse. All are totals of a row, and integers. */
static const char *const figures[] = {"exits",  "rpcs",   "payload_bytes", "copied_bytes", "wire_bytes",
                                      "sim_ns", "p50_ns", "p99_ns",        "max_ns",       "module_instructions"};
#define INSTRUCTIONS "module_instructions" /* means something for one compiler only */
enum { FIGURES = sizeof figures / sizeof figures[0] };

/* What makes a row that row. */
static const char *const keys[] = {"workload", "link", "machine", "arch"};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* ---- finding things ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool is_same(const json_t *left, const json_t *right, const char *name)
{
    return strcmp(text_of(left, name), text_of(right, name)) == 0;
}

static const json_t *row_like(const json_t *rows, const json_t *wanted)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        bool same = true;
        for (size_t k = 0; k < KEYS; k++)
            same = same && is_same(row, wanted, keys[k]);
        if (same)
            return row;
    }
    return NULL;
}

static const json_t *measured_like(const json_t *measured, const json_t *wanted)
{
    size_t i;
    json_t *figure;
    json_array_foreach(measured, i, figure)
    {
        if (strcmp(text_of(figure, "name"), text_of(wanted, "name")) == 0)
            return figure;
    }
    return NULL;
}

/* ---- lines ------------------------------------------------------------------------------------------- */

static void print_place(FILE *to, const char *verdict, const char *workload, const char *link, const char *host)
{
    fprintf(to, "%-6s  %-13s  %-16s  %-10s  ", verdict, workload, link, host);
}

static void print_row(FILE *to, const char *verdict, const json_t *row)
{
    char host[BENCH_CELL_BYTES];
    snprintf(host, sizeof host, "%s %s", text_of(row, "machine"), text_of(row, "arch"));
    print_place(to, verdict, text_of(row, "workload"), text_of(row, "link"), host);
}

static void print_change(FILE *to, const char *figure, double old, double new)
{
    char was[BENCH_CELL_BYTES], is[BENCH_CELL_BYTES], percent[BENCH_CELL_BYTES] = "from none";
    bench_number_text(was, old);
    bench_number_text(is, new);
    if (old > 0)
        snprintf(percent, sizeof percent, "%+.1f %%", (new - old) / old * 100);
    fprintf(to, "%-19s  %16s -> %-16s  %s\n", figure, was, is, percent);
}

/* ---- comparing --------------------------------------------------------------------------------------- */

static void compare_row(const json_t *old, const json_t *new, FILE *to, struct bench_changes *changes)
{
    for (size_t i = 0; i < FIGURES; i++) {
        bool other_code = strcmp(figures[i], INSTRUCTIONS) == 0 && !is_same(old, new, "compiler");
        if (json_object_get(old, figures[i]) == NULL || other_code)
            continue;
        if (json_object_get(new, figures[i]) == NULL) {
            changes->worse++;
            print_row(to, "GONE", old);
            fprintf(to, "%-19s  was in the baseline and was not counted\n", figures[i]);
            continue;
        }
        json_int_t was = number_of(old, figures[i]), is = number_of(new, figures[i]);
        changes->compared++;
        changes->worse += is > was;
        changes->better += is < was;
        if (is != was) {
            print_row(to, is > was ? "WORSE" : "better", old);
            print_change(to, figures[i], (double)was, (double)is);
        }
    }
}

static void compare_rows(const json_t *old_rows, const json_t *new_rows, FILE *to,
                         struct bench_changes *changes)
{
    size_t i;
    json_t *row;
    json_array_foreach(old_rows, i, row)
    {
        const json_t *now = row_like(new_rows, row);
        if (now != NULL) {
            compare_row(row, now, to, changes);
            continue;
        }
        changes->worse++;
        print_row(to, "GONE", row);
        fputs("was in the baseline and was not run\n", to);
    }
    json_array_foreach(new_rows, i, row)
    {
        if (row_like(old_rows, row) != NULL)
            continue;
        changes->added++;
        print_row(to, "new", row);
        fputs("is not in the baseline yet\n", to);
    }
}

static void compare_measured(const json_t *old_list, const json_t *new_list, FILE *to,
                             struct bench_changes *changes)
{
    size_t i;
    json_t *old;
    json_array_foreach(old_list, i, old)
    {
        const json_t *new = measured_like(new_list, old);
        double was = json_number_value(json_object_get(old, "value"));
        double is = json_number_value(json_object_get(new, "value"));
        double change = was == 0 ? 0 : (is - was) / was * 100;
        if (json_is_true(json_object_get(old, "higher_is_better")))
            change = -change;
        if (new == NULL || change <= BENCH_WARN_PERCENT)
            continue;
        changes->warned++;
        print_place(to, "warn", "(measured)", text_of(old, "name"), "");
        print_change(to, text_of(old, "unit"), was, is);
    }
}

/* Two rows that were played differently say nothing about each other, and two runs that share no row neither. */
static const char *what_differs(const json_t *baseline, const json_t *rows)
{
    size_t i, shared = 0;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const json_t *old = row_like(json_object_get(baseline, "rows"), row);
        if (old == NULL)
            continue;
        shared++;
        if (number_of(old, "operations") != number_of(row, "operations"))
            return "operations";
        if (number_of(row, "seed") != number_of(baseline, "seed"))
            return "seed";
        if (!json_equal(json_object_get(old, "costs"), json_object_get(row, "costs")))
            return "costs";
    }
    return shared == 0 ? "every row (workload, link, machine, arch)" : NULL;
}

bool bench_gate_compare(const json_t *baseline, const json_t *rows, const json_t *measured, FILE *to,
                        struct bench_changes *changes, char why[BENCH_WHY_BYTES])
{
    const json_t *old_rows = json_object_get(baseline, "rows");
    *changes = (struct bench_changes){0};
    if (!json_is_array(old_rows) || json_array_size(old_rows) == 0) {
        snprintf(why, BENCH_WHY_BYTES, "the baseline has no rows");
        return false;
    }
    if (!json_is_array(rows) || json_array_size(rows) == 0) {
        snprintf(why, BENCH_WHY_BYTES, "the run has no rows");
        return false;
    }
    const char *differs = what_differs(baseline, rows);
    if (differs != NULL) {
        snprintf(why, BENCH_WHY_BYTES, "run and baseline were not played alike: %s differs", differs);
        return false;
    }
    compare_rows(old_rows, rows, to, changes);
    if (measured != NULL)
        compare_measured(json_object_get(baseline, "measured"), measured, to, changes);
    return true;
}

/* ---- a baseline -------------------------------------------------------------------------------------- */

/* What of them the row has. */
static void keep(json_t *copy, const json_t *row, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (json_object_get(row, names[i]) != NULL)
            json_object_set(copy, names[i], json_object_get(row, names[i]));
}

static json_t *baseline_row(const json_t *row)
{
    static const char *const played[] = {"compiler", "operations"};
    json_t *copy = json_object();
    keep(copy, row, keys, KEYS);
    keep(copy, row, played, sizeof played / sizeof played[0]);
    keep(copy, row, figures, FIGURES);
    json_object_set(copy, "costs", json_object_get(row, "costs"));
    return copy;
}

static json_t *baseline_measured(const json_t *measured)
{
    static const char *const measures[] = {"name", "unit", "value", "higher_is_better"};
    json_t *list = json_array(), *figure;
    size_t i;
    json_array_foreach(measured, i, figure)
    {
        json_t *copy = json_object();
        keep(copy, figure, measures, sizeof measures / sizeof measures[0]);
        json_array_append_new(list, copy);
    }
    return list;
}

json_t *bench_gate_baseline(const json_t *rows, const json_t *measured)
{
    size_t i;
    json_t *row;
    if (!json_is_array(rows) || json_array_size(rows) == 0)
        return NULL;
    json_t *list = json_array();
    json_array_foreach(rows, i, row) json_array_append_new(list, baseline_row(row));
    const json_t *first = json_array_get(rows, 0);
    json_t *baseline = json_object();
    json_object_set(baseline, "seed", json_object_get(first, "seed"));
    json_object_set_new(baseline, "rows", list);
    json_object_set_new(baseline, "measured", baseline_measured(measured));
    return baseline;
}

static bool print_list(const json_t *list, FILE *to)
{
    size_t i;
    json_t *item;
    bool written = fputs("[", to) != EOF;
    json_array_foreach(list, i, item) written = written && fputs(i > 0 ? ",\n" : "\n", to) != EOF &&
                                                json_dumpf(item, to, JSON_REAL_PRECISION(6)) == 0;
    return written && fputs("\n]", to) != EOF;
}

bool bench_gate_print(const json_t *baseline, FILE *to)
{
    return fprintf(to, "{\"seed\": %lld, \"rows\": ", (long long)number_of(baseline, "seed")) > 0 &&
           print_list(json_object_get(baseline, "rows"), to) && fputs(",\n\"measured\": ", to) != EOF &&
           print_list(json_object_get(baseline, "measured"), to) && fputs("}\n", to) != EOF;
}
