/* bench_aims.h: what was aimed at, as a table, and whether a run met it. */
#ifndef BENCH_AIMS_H
#define BENCH_AIMS_H

#include "bench/bench_row.h"
#include <stdio.h>

enum bench_relation {
    BENCH_AT_MOST,
    BENCH_AT_LEAST,
    BENCH_OVER,
    BENCH_ABOUT /* within 5 per cent */,
    BENCH_STATED
};

struct bench_aim {
    const char *what;
    const char *workload;
    const char *link;
    double (*figure)(const struct bench_rows *run, const struct bench_row *row);
    enum bench_relation relation;
    double bound; /* none for BENCH_STATED: a figure that is shown, and aimed at by nobody */
};

enum bench_met { BENCH_MET, BENCH_NOT_MET, BENCH_NOT_RUN, BENCH_NO_AIM };

const struct bench_aim *bench_aims(unsigned *count);

/* The aim's figure in this run (0 when it was not run), and how it stands. */
enum bench_met bench_aim_check(const struct bench_aim *aim, const struct bench_rows *run, double *figure);

/* How many aims are not met, those not run left out. */
unsigned bench_aims_missed(const struct bench_rows *run);

/* The table, as text and as a JSON list of {what, workload, link, aim, figure, state}: state is "met", "not
 * met", "not run" or "stated". print_json returns false, errno set, when the file took no more. */
void bench_aims_print(const struct bench_rows *run, FILE *to);
bool bench_aims_print_json(const struct bench_rows *run, FILE *to);

#endif
