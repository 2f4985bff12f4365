/* bench_play.h: plays workloads over links, in this process and in simulated time. */
#ifndef BENCH_PLAY_H
#define BENCH_PLAY_H

#include "bench/bench_row.h"

struct bench_plan {
    const char *link;     /* NULL: every one */
    const char *workload; /* NULL: every one */
    enum mk_arch arch;
    uint64_t seed;
    bool quick;
    const struct lab_machine *machine;
    const struct script_settings *settings; /* of every run, before the link's own */
};

/* Every chosen workload over every chosen link that has figures and that it fits; progress on stderr when it
 * is a terminal. A workload that fails ends the program, since a row less would be a lie. run      in/out
 * rows are appended; free with bench_rows_free */
void bench_play(const struct bench_plan *plan, struct bench_rows *run);
void bench_rows_free(struct bench_rows *run);

#endif
