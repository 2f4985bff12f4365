#include "bench/bench_row.h"
#include "sim/machine/sim_machines.h"
#include <string.h>

const struct bench_row *bench_find(const struct bench_rows *run, const char *workload, const char *link)
{
    for (unsigned i = 0; i < run->count; i++)
        if (strcmp(run->rows[i].workload->name, workload) == 0 && strcmp(run->rows[i].link->name, link) == 0)
            return &run->rows[i];
    return NULL;
}

double bench_per_op(const struct bench_row *row, uint64_t total)
{
    return (double)total / (double)row->total.operations;
}

double bench_op_ns(const struct bench_row *row)
{
    return row->total.p50_ns > 0 ? (double)row->total.p50_ns : bench_per_op(row, row->total.sim_ns);
}

double bench_against(const struct bench_rows *run, const struct bench_row *row, const char *link)
{
    for (unsigned i = 0; i < run->count; i++) {
        const struct bench_row *other = &run->rows[i];
        if (!row->workload->fixed_time && other->group == row->group && other->workload == row->workload &&
            strcmp(other->link->name, link) == 0)
            return bench_op_ns(other) / bench_op_ns(row);
    }
    return 0;
}

double bench_ratio(const struct bench_rows *run, const struct bench_row *row)
{
    unsigned count;
    return bench_against(run, row, bench_links(&count)->name);
}

double bench_kb_per_s(const struct bench_row *row)
{
    return (double)row->total.bytes / 1e3 / ((double)row->total.sim_ns / 1e9);
}

bool bench_counts_copies(const struct bench_rows *run)
{
    return run->machine == NULL || strcmp(run->machine, sim_machine_name(SIM_MACHINE_NATIVE)) == 0;
}

bool bench_is_extrapolated(const struct bench_row *row)
{
    return row->played < row->whole;
}
