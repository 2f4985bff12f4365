/* bench_gate.h: a run against the baseline. Exact figures may not get worse at all; measured ones only warn.
 *
 * Works on JSON alone: the rows of bench.json (kdbench run) and results/baseline.json, which is
 *   {"seed": 1, "rows": [{"workload", "link", "machine", "arch", "operations", "exits", ..., "costs"}],
 *    "measured": [{"name", "unit", "value", "higher_is_better"}]}
 * Tests: tests/test_bench_gate.c */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { BENCH_WHY_BYTES = 256 };

struct bench_changes {
    unsigned compared; /* exact figures */
    unsigned worse;    /* exact figures that got worse, and rows that are gone */
    unsigned better;
    unsigned added;  /* rows that the baseline does not have */
    unsigned warned; /* measured figures that got worse by more than BENCH_WARN_PERCENT */
};

enum { BENCH_WARN_PERCENT = 20 };

/* Guest instructions are compared where both DLLs are of the same compiler, by its name and version in the row.
 *
 * Prints a line for each figure that changed: workload, link, machine and architecture, figure, old, new, per cent.
 * rows      in   of bench.json
 * measured  in   a list, or NULL when nothing was measured
 * why       out  BENCH_WHY_BYTES, when false
 * Returns  false: they cannot be compared: other costs, another seed, no row in common, or something that is no
 *          baseline */
bool bench_gate_compare(const json_t *baseline, const json_t *rows, const json_t *measured, FILE *to,
                        struct bench_changes *changes, char why[BENCH_WHY_BYTES]);

/* A baseline made of a run; NULL: rows is no list of rows. Free with json_decref. */
json_t *bench_gate_baseline(const json_t *rows, const json_t *measured);

/* Its text, one row a line, so that a difference reads well. Returns false, errno set, when the file took no
 * more. */
bool bench_gate_print(const json_t *baseline, FILE *to);

#endif
