/* bench_report.h: the rows of one benchmark run, and their three forms: a table for a terminal, Markdown, JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/bench_table.h"
#include "sim/world/sim_cost.h"
#include <stdio.h>

/* What one workload over one link came to. All exact; time is simulated. */
struct bench_row {
    const struct bench_link *link;
    const struct bench_workload *workload;
    struct sim_cost cost;
    uint64_t operations;
    uint64_t bytes; /* payload of the operations, 0 where that has no meaning */
    uint64_t sim_ns;
    uint64_t exits;
    uint64_t rpcs;
    uint64_t payload_bytes; /* moved by string I/O */
    uint64_t wire_bytes;    /* on the debugger's line, both ways */
};

struct bench_rows {
    const struct bench_row *rows;
    unsigned count;
    const char *arch; /* of the target: x64, x86 */
    uint64_t seed;
};

/* Times as fast as the same workload over the first link, per operation; 0 when that was not run. */
double bench_ratio(const struct bench_rows *run, const struct bench_row *row);

/* Payload in units of 1,000 bytes per simulated second; 0 without payload. */
double bench_kb_per_s(const struct bench_row *row);

double bench_exits_per_op(const struct bench_row *row);

void bench_print_text(const struct bench_rows *run, FILE *to);
void bench_print_markdown(const struct bench_rows *run, FILE *to);

/* A list of rows; every row carries its cost table. Returns false, errno set, when the file took no more. */
bool bench_print_json(const struct bench_rows *run, FILE *to);

#endif
