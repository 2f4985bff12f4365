/* bench_row.h: what one workload over one link came to, and the figures that are made of it. */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "bench/bench_table.h"
#include "harness/script/script.h"
#include "sim/world/sim_cost.h"

/* All exact; time is simulated. */
struct bench_row {
    const struct bench_link *link;
    const struct bench_workload *workload;
    struct sim_cost cost;
    unsigned group;              /* played together, at the same costs: what a ratio may be taken of */
    struct script_measure total; /* of all operations */
    uint32_t played;             /* operations played, */
    uint32_t whole;              /* of so many: where it is fewer, the totals are extrapolated */
};

struct bench_rows {
    struct bench_row *rows;
    unsigned count;
    size_t room;
    unsigned groups;
    const char *arch; /* of the target: x64, x86 */
    const char *machine;
    const char *compiler; /* of the DLL that ran; "": none did, or nobody knows */
    uint64_t seed;
};

/* NULL when that was not run. */
const struct bench_row *bench_find(const struct bench_rows *run, const char *workload, const char *link);

/* One operation: its median where its times were taken, else the mean. */
double bench_op_ns(const struct bench_row *row);

/* Times as fast as the same workload over another link of the same group, per operation; 0 when that was not
 * run, or when the workload's time is fixed. */
double bench_against(const struct bench_rows *run, const struct bench_row *row, const char *link);
/* Likewise, over the first link. */
double bench_ratio(const struct bench_rows *run, const struct bench_row *row);

/* Payload in units of 1,000 bytes per simulated second; 0 without payload. */
double bench_kb_per_s(const struct bench_row *row);

/* Any total by operation. */
double bench_per_op(const struct bench_row *row, uint64_t total);

/* Whether what the module copies was counted: its DLL's own bytes tell nobody. */
bool bench_counts_copies(const struct bench_rows *run);

bool bench_is_extrapolated(const struct bench_row *row);

#endif
