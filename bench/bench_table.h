/* bench_table.h: what is compared: the links and the workloads. A new one is a row in bench_table.c, and for
 * a workload a file in workloads/. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "sim/machine/sim_vm.h"

enum { BENCH_SETTINGS_MAX = 4 };

enum bench_kind {
    BENCH_LINK_REAL,     /* what the transport does */
    BENCH_LINK_MODELLED, /* what somebody else's does, played with our code: a baseline */
    BENCH_LINK_LIMIT,    /* what no transport can be faster than */
    BENCH_LINK_RESERVED, /* comes later: a row without figures */
};

struct bench_link {
    const char *name;
    const char *what; /* one line for a reader of the report */
    enum bench_kind kind;
    enum sim_link link;
    const char *
        settings[BENCH_SETTINGS_MAX]; /* of lab_config_set, "name=value"; NULL from the first unused one on */
};

struct bench_workload {
    const char *name; /* also its file, workloads/NAME.lua */
    const char *what;
    uint32_t operations;       /* on a fast link */
    uint32_t operations_slow;  /* where each byte costs its exits: on a UART */
    uint32_t operations_quick; /* for the tests and for timing the harness itself */
    bool fixed_time;           /* an operation lasts so long whatever the link: its time says nothing */
    uint32_t
        whole; /* so many operations make the one that is shown; a run with fewer is extrapolated. 0: 1 */
};

/* The link that every ratio is against: the first of the table. */
const struct bench_link *bench_links(unsigned *count);
const struct bench_workload *bench_workloads(unsigned *count);

const char *bench_kind_name(enum bench_kind kind);

/* NULL when there is no such name. */
const struct bench_link *bench_link_find(const char *name);
const struct bench_workload *bench_workload_find(const char *name);

#endif
