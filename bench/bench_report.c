#include "bench/bench_report.h"
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* ---- cells: every figure as text, with the digits a reader wants ------------------------------------- */

static void group_thousands(char *text, double value, int decimals)
{
    char plain[BENCH_CELL_BYTES];
    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    size_t whole = strcspn(plain, "."), out = 0;
    for (size_t i = 0; plain[i] != '\0' && out < BENCH_CELL_BYTES - 2; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            text[out++] = ',';
        text[out++] = plain[i];
    }
    text[out] = '\0';
}

void bench_number_text(char text[BENCH_CELL_BYTES], double value)
{
    bool whole = value >= 100 || (value < 1e15 && value == (double)(int64_t)value);
    group_thousands(text, value, whole ? 0 : value >= 10 ? 1 : 2);
}

static void figure(char *text, double value)
{
    if (value <= 0)
        strcpy(text, "-");
    else
        bench_number_text(text, value);
}

static void cell_operations(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    group_thousands(text, (double)row->total.operations, 0);
    if (bench_is_extrapolated(row))
        snprintf(text, BENCH_CELL_BYTES, "%" PRIu32 "/%" PRIu32 " of 1", row->played, row->whole);
}

static void cell_time(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    figure(text, row->workload->fixed_time ? 0 : bench_op_ns(row) / 1e3);
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

#define CELL_PER_OP(field)                                                                                   \
    static void cell_##field(const struct bench_rows *run, const struct bench_row *row, char *text)          \
    {                                                                                                        \
        (void)run;                                                                                           \
        bench_number_text(text, bench_per_op(row, row->total.field));                                        \
    }
CELL_PER_OP(exits)
CELL_PER_OP(rpcs)
CELL_PER_OP(payload_bytes)
CELL_PER_OP(wire_bytes)

static void cell_copied_bytes(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    if (bench_counts_copies(run))
        bench_number_text(text, bench_per_op(row, row->total.copied_bytes));
    else
        strcpy(text, "-");
}

static void cell_instructions(const struct bench_rows *run, const struct bench_row *row, char *text)
{
    (void)run;
    figure(text, bench_per_op(row, row->total.module_instructions));
}

static const struct column {
    const char *title;
    void (*cell)(const struct bench_rows *run, const struct bench_row *row, char *text);
} columns[] = {
    {"operations", cell_operations},
    {"us/op", cell_time},
    {"KB/s", cell_speed},
    {"x serial", cell_ratio},
    {"exits/op", cell_exits},
    {"RPCs/op", cell_rpcs},
    {"guest copies", cell_copied_bytes},
    {"VMM copies", cell_payload_bytes},
    {"wire bytes", cell_wire_bytes},
    {"instructions", cell_instructions},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* ---- text -------------------------------------------------------------------------------------------- */

static const char *const simulated = "Simulated time, computed from exact counts and the cost table below; "
                                     "nothing here was measured on a clock.\n"
                                     "Copies and wire bytes are bytes an operation; KB is 1,000 bytes of "
                                     "payload; break-in: the median of its times.\n"
                                     "Guest copies are counted on the native machine, the module's "
                                     "instructions on the emulated one.";

static void print_rows(const struct bench_rows *run, FILE *to)
{
    char text[BENCH_CELL_BYTES];
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *row = &run->rows[i];
        if (i > 0 && row->workload != run->rows[i - 1].workload)
            fputc('\n', to);
        fprintf(to, "%-13s  %-16s", row->workload->name, row->link->name);
        for (unsigned c = 0; c < COLUMNS; c++) {
            columns[c].cell(run, row, text);
            fprintf(to, "  %12s", text);
        }
        fputc('\n', to);
    }
}

/* The one sentence that most readers came for: the first workload over the fastest real link. */
static void print_headline(const struct bench_rows *run, FILE *to)
{
    const struct bench_row *best = NULL;
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *row = &run->rows[i];
        bool comparable = row->workload == run->rows[0].workload && row->link->kind == BENCH_LINK_REAL &&
                          bench_ratio(run, row) > 1;
        if (comparable && (best == NULL || bench_op_ns(row) < bench_op_ns(best)))
            best = row;
    }
    if (best == NULL)
        return;
    char ratio[BENCH_CELL_BYTES], speed[BENCH_CELL_BYTES], exits[BENCH_CELL_BYTES];
    figure(ratio, bench_ratio(run, best));
    figure(speed, bench_kb_per_s(best));
    figure(exits, bench_per_op(best, best->total.exits));
    fprintf(to, "%s over %s: %s times as fast as %s (%s KB/s, %s exits an operation).\n\n",
            best->workload->name, best->link->name, ratio, bench_links(&(unsigned){0})->name, speed, exits);
}

static bool was_run(const struct bench_rows *run, const struct bench_link *link)
{
    for (unsigned i = 0; i < run->count; i++)
        if (run->rows[i].link == link)
            return true;
    return false;
}

/* What is no link of ours must not be taken for one. */
static void print_modelled(const struct bench_rows *run, FILE *to)
{
    unsigned count;
    const struct bench_link *links = bench_links(&count);
    for (unsigned i = 0; i < count; i++)
        if (links[i].kind == BENCH_LINK_MODELLED && was_run(run, &links[i]))
            fprintf(to, "%s is %s.\n", links[i].name, links[i].what);
}

static void print_costs(const struct sim_cost *cost, FILE *to)
{
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++)
        fprintf(to, "  %-20s %10" PRIu64 " %-8s %s\n", costs[i].name, sim_cost_get(cost, i), costs[i].unit,
                costs[i].note);
}

void bench_print_text(const struct bench_rows *run, FILE *to)
{
    print_headline(run, to);
    fprintf(to, "%-13s  %-16s", "workload", "link");
    for (unsigned c = 0; c < COLUMNS; c++)
        fprintf(to, "  %12s", columns[c].title);
    fputc('\n', to);
    print_rows(run, to);
    fprintf(to, "\n%s\n", simulated);
    print_modelled(run, to);
    if (run->count > 0)
        print_costs(&run->rows[0].cost, to);
}

void bench_print_sweep(const struct bench_rows *run, const char *title,
                       double (*x)(const struct bench_row *row),
                       double (*y)(const struct bench_rows *run, const struct bench_row *row), FILE *to)
{
    char text[BENCH_CELL_BYTES];
    fprintf(to, "%12s", title);
    for (unsigned i = 0; i < run->count && run->rows[i].group == run->rows[0].group; i++)
        fprintf(to, "  %16s", run->rows[i].link->name);
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *row = &run->rows[i];
        if (i == 0 || row->group != (row - 1)->group) {
            bench_number_text(text, x(row));
            fprintf(to, "\n%12s", text);
        }
        bench_number_text(text, y(run, row));
        fprintf(to, "  %16s", text);
    }
    fputc('\n', to);
    print_modelled(run, to);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static json_t *json_costs(const struct sim_cost *cost)
{
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    json_t *object = json_object();
    for (unsigned i = 0; i < count; i++)
        json_object_set_new(object, rows[i].name, json_integer((json_int_t)sim_cost_get(cost, i)));
    return object;
}

static void set_text(json_t *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

static void set_number(json_t *object, const char *name, double value)
{
    json_object_set_new(object, name, json_real(value));
}

static json_t *json_row(const struct bench_rows *run, const struct bench_row *row)
{
    json_t *object = json_object();
    set_text(object, "link", row->link->name);
    set_text(object, "kind", bench_kind_name(row->link->kind));
    set_text(object, "workload", row->workload->name);
    set_text(object, "arch", run->arch);
    set_text(object, "machine", run->machine);
    if (*run->compiler != '\0')
        set_text(object, "compiler", run->compiler);
#define SET_TOTAL(field) json_object_set_new(object, #field, json_integer((json_int_t)row->total.field));
    SCRIPT_MEASURE_LIST(SET_TOTAL)
#undef SET_TOTAL
    json_object_set_new(object, "extrapolated", json_boolean(bench_is_extrapolated(row)));
    set_number(object, "sim_seconds", (double)row->total.sim_ns / 1e9);
    set_number(object, "op_us", bench_op_ns(row) / 1e3);
    set_number(object, "kb_per_s", bench_kb_per_s(row));
    set_number(object, "ratio_to_serial", bench_ratio(run, row));
    set_number(object, "exits_per_op", bench_per_op(row, row->total.exits));
    json_object_set_new(object, "seed", json_integer((json_int_t)run->seed));
    json_object_set_new(object, "costs", json_costs(&row->cost));
    return object;
}

bool bench_print_json(const struct bench_rows *run, FILE *to)
{
    bool written = fputs("[", to) != EOF;
    for (unsigned i = 0; i < run->count && written; i++) {
        json_t *row = json_row(run, &run->rows[i]);
        written = fputs(i > 0 ? ",\n" : "\n", to) != EOF && json_dumpf(row, to, JSON_REAL_PRECISION(12)) == 0;
        json_decref(row);
    }
    return written && fputs("\n]\n", to) != EOF;
}

static json_t *about_links(void)
{
    unsigned count;
    const struct bench_link *links = bench_links(&count);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", links[i].name, "kind",
                                              bench_kind_name(links[i].kind), "what", links[i].what));
    return list;
}

static json_t *about_workloads(void)
{
    unsigned count;
    const struct bench_workload *workloads = bench_workloads(&count);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "name", workloads[i].name, "what", workloads[i].what));
    return list;
}

static json_t *about_costs(void)
{
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", costs[i].name, "unit", costs[i].unit,
                                              "note", costs[i].note));
    return list;
}

bool bench_print_about(FILE *to)
{
    json_t *about = json_pack("{s:o, s:o, s:o}", "links", about_links(), "workloads", about_workloads(),
                              "costs", about_costs());
    bool written = json_dumpf(about, to, JSON_INDENT(1)) == 0 && fputc('\n', to) != EOF;
    json_decref(about);
    return written;
}
