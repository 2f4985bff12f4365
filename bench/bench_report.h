/* bench_report.h: the rows of a run as a table for a terminal and as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/bench_row.h"
#include <stdio.h>

enum { BENCH_CELL_BYTES = 32 };

/* A number with the digits a reader wants: "1,234", "56.7", "0.12", "5". */
void bench_number_text(char text[BENCH_CELL_BYTES], double value);

/* The headline, the table, the costs. */
void bench_print_text(const struct bench_rows *run, FILE *to);

/* One figure of one workload, a line for each group of rows, a column for each link.
 * title    in  of the first column
 * x, y     in  the two figures: x of a group's first row, y of every row */
void bench_print_sweep(const struct bench_rows *run, const char *title,
                       double (*x)(const struct bench_row *row),
                       double (*y)(const struct bench_rows *run, const struct bench_row *row), FILE *to);

/* A list of rows, one a line; every row carries its cost table. Returns false, errno set, when the file took
 * no more. */
bool bench_print_json(const struct bench_rows *run, FILE *to);

/* What a reader of the rows must know: {"links": [{name, kind, what}], "workloads": [{name, what}], "costs":
 * [{name, unit, note}]}, links without figures too. */
bool bench_print_about(FILE *to);

#endif
