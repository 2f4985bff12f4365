/* bench_table.h: what is compared: the links and the workloads. A new one is a row in bench_table.c, and for a
 * workload a file in workloads/. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "sim/machine/sim_vm.h"

struct bench_link {
    const char *name;
    const char *what; /* one line for a reader of the report */
    enum sim_link link;
    enum sim_backdoor_profile backdoor;
    bool ideal; /* exits and payload cost nothing */
};

struct bench_workload {
    const char *name; /* also its file, workloads/NAME.lua */
    const char *what;
    uint32_t operations;        /* on a fast link */
    uint32_t operations_serial; /* where each takes a third of a second */
    uint32_t operations_quick;  /* for the tests and for timing the harness itself */
};

/* The link that every ratio is against: the first of the table. */
const struct bench_link *bench_links(unsigned *count);
const struct bench_workload *bench_workloads(unsigned *count);

/* NULL when there is no such name. */
const struct bench_link *bench_link_find(const char *name);
const struct bench_workload *bench_workload_find(const char *name);

#endif
