#include "bench/bench_report.h"
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static double per_op(const struct bench_row *row, uint64_t total)
{
    return (double)total / (double)row->operations;
}

static const struct bench_row *reference_of(const struct bench_rows *run, const struct bench_row *row)
{
    unsigned count;
    const struct bench_link *reference = bench_links(&count);
    for (unsigned i = 0; i < run->count; i++)
        if (run->rows[i].link == reference && run->rows[i].workload == row->workload)
            return &run->rows[i];
    return NULL;
}

double bench_ratio(const struct bench_rows *run, const struct bench_row *row)
{
    const struct bench_row *reference = reference_of(run, row);
    return reference == NULL ? 0 : per_op(reference, reference->sim_ns) / per_op(row, row->sim_ns);
}

double bench_kb_per_s(const struct bench_row *row)
{
    return (double)row->bytes / 1e3 / ((double)row->sim_ns / 1e9);
}

double bench_exits_per_op(const struct bench_row *row)
{
    return per_op(row, row->exits);
}

/* ---- cells: every figure as text, with the digits a reader wants ------------------------------------------------ */

enum { CELL_BYTES = 32 };

static void group_thousands(char *text, double value, int decimals)
{
    char plain[CELL_BYTES];
    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    size_t whole = strcspn(plain, "."), out = 0;
    for (size_t i = 0; plain[i] != '\0'; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = plain[i];
    }
    text[out] = '\0';
}

static void figure(char *text, double value)
{
    if (value <= 0)
        strcpy(text, "-");
    else
        group_thousands(text, value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

static void cell_operations(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    group_thousands(text, (double)row->operations, 0);
}

static void cell_time(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    figure(text, per_op(row, row->sim_ns) / 1e3);
}

static void cell_speed(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    figure(text, bench_kb_per_s(row));
}

static void cell_ratio(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    figure(text, bench_ratio(run, row));
}

static void cell_exits(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    figure(text, bench_exits_per_op(row));
}

static void cell_wire(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    group_thousands(text, per_op(row, row->wire_bytes), 0);
}

static const struct column {
    const char *title;
    void (*cell)(const struct bench_rows *run, const struct bench_row *row, char *text);
} columns[] = {
    {"operations", cell_operations}, {"us/op", cell_time},       {"KB/s", cell_speed},
    {"x serial", cell_ratio},        {"exits/op", cell_exits},   {"wire bytes/op", cell_wire},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* ---- text and Markdown ------------------------------------------------------------------------------------------ */

static const char *const simulated =
    "Simulated time, computed from exact counts and the cost table below; nothing here was measured on a clock.";

static void print_rows(const struct bench_rows *run, FILE *to, const char *lead, const char *gap, const char *end)
{
    char text[CELL_BYTES];
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *row = &run->rows[i];
        if (*lead == '\0' && i > 0 && row->workload != run->rows[i - 1].workload)
            fputc('\n', to);
        fprintf(to, "%s%-10s%s%-14s", lead, row->workload->name, gap, row->link->name);
        for (unsigned c = 0; c < COLUMNS; c++) {
            columns[c].cell(run, row, text);
            fprintf(to, "%s%13s", gap, text);
        }
        fprintf(to, "%s\n", end);
    }
}

/* The one sentence that most readers came for: the first workload over the fastest real link. */
static void print_headline(const struct bench_rows *run, FILE *to)
{
    const struct bench_row *best = NULL;
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *row = &run->rows[i];
        bool comparable = row->workload == run->rows[0].workload && !row->link->ideal && bench_ratio(run, row) > 1;
        if (comparable && (best == NULL || row->sim_ns / row->operations < best->sim_ns / best->operations))
            best = row;
    }
    if (best == NULL)
        return;
    char ratio[CELL_BYTES], speed[CELL_BYTES], exits[CELL_BYTES];
    figure(ratio, bench_ratio(run, best));
    figure(speed, bench_kb_per_s(best));
    figure(exits, bench_exits_per_op(best));
    fprintf(to, "%s over %s: %s times as fast as %s (%s KB/s, %s exits an operation).\n\n", best->workload->name,
            best->link->name, ratio, bench_links(&(unsigned){0})->name, speed, exits);
}

void bench_print_text(const struct bench_rows *run, FILE *to)
{
    print_headline(run, to);
    fprintf(to, "%-10s  %-14s", "workload", "link");
    for (unsigned c = 0; c < COLUMNS; c++)
        fprintf(to, "  %13s", columns[c].title);
    fputc('\n', to);
    print_rows(run, to, "", "  ", "");
    fprintf(to, "\n%s\n", simulated);
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++)
        fprintf(to, "  %-20s %10" PRIu64 " %-8s %s\n", costs[i].name, sim_cost_get(&run->rows[0].cost, i),
                costs[i].unit, costs[i].note);
}

static void print_legend(FILE *to)
{
    unsigned count;
    const struct bench_link *links = bench_links(&count);
    fprintf(to, "## Links\n\n| link | what it is |\n| --- | --- |\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(to, "| %s | %s |\n", links[i].name, links[i].what);
    const struct bench_workload *workloads = bench_workloads(&count);
    fprintf(to, "\n## Workloads\n\n| workload | one operation |\n| --- | --- |\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(to, "| %s | %s |\n", workloads[i].name, workloads[i].what);
}

void bench_print_markdown(const struct bench_rows *run, FILE *to)
{
    fprintf(to, "# Kernel debugging over each link, against 115200 bps serial\n\n%s Target %s,\nseed %" PRIu64 ".\n\n",
            simulated, run->arch, run->seed);
    print_headline(run, to);
    fprintf(to, "![times as fast as serial](speed.svg)\n\n| workload | link |");
    for (unsigned c = 0; c < COLUMNS; c++)
        fprintf(to, " %s |", columns[c].title);
    fprintf(to, "\n| --- | --- |");
    for (unsigned c = 0; c < COLUMNS; c++)
        fprintf(to, " ---: |");
    fputc('\n', to);
    print_rows(run, to, "| ", " | ", " |");
    fprintf(to, "\nKB is 1,000 bytes of payload. Exits are VM exits of the guest, wire bytes those on the debugger's\n"
                "line in both directions, acknowledgements included.\n\n");
    print_legend(to);
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    fprintf(to, "\n## Costs\n\n| cost | value | unit | what it is |\n| --- | ---: | --- | --- |\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(to, "| %s | %" PRIu64 " | %s | %s |\n", costs[i].name, sim_cost_get(&run->rows[0].cost, i),
                costs[i].unit, costs[i].note);
    fprintf(to, "\nThe link `ideal` runs with exit_ns and payload_ps_per_byte at 0.\n");
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static json_t *json_costs(const struct sim_cost *cost)
{
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    json_t *object = json_object();
    for (unsigned i = 0; i < count; i++)
        json_object_set_new(object, rows[i].name, json_integer((json_int_t)sim_cost_get(cost, i)));
    return object;
}

static json_t *json_row(const struct bench_rows *run, const struct bench_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:o}", "link", row->link->name,
                     "arch", run->arch, "workload", row->workload->name, "operations", (json_int_t)row->operations, "bytes",
                     (json_int_t)row->bytes, "sim_seconds", (double)row->sim_ns / 1e9, "kb_per_s",
                     bench_kb_per_s(row), "ratio_to_serial", bench_ratio(run, row), "exits_per_op",
                     bench_exits_per_op(row), "wire_bytes", (json_int_t)row->wire_bytes, "rpcs",
                     (json_int_t)row->rpcs, "payload_bytes", (json_int_t)row->payload_bytes, "seed",
                     (json_int_t)run->seed, "costs", json_costs(&row->cost));
}

bool bench_print_json(const struct bench_rows *run, FILE *to)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < run->count; i++)
        json_array_append_new(list, json_row(run, &run->rows[i]));
    bool written = json_dumpf(list, to, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 && fputc('\n', to) != EOF;
    json_decref(list);
    return written;
}
