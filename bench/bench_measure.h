/* bench_measure.h: samples of something measured on this host, and their list as JSON. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { BENCH_SAMPLES_MAX = 64 };

/* One measured figure: the median of its samples, the least and the greatest. */
struct bench_measured {
    const char *name;
    const char *what;
    const char *unit;
    bool higher_is_better;
    double aim; /* to be met or passed; 0: none */
    unsigned count;
    double samples[BENCH_SAMPLES_MAX];
};

/* CPU time of this thread: what other programs take of the core does not count. */
uint64_t bench_cpu_ns(void);
uint64_t bench_wall_ns(void);

/* Sorted in place: afterwards samples[0] is the least, samples[count - 1] the greatest. */
double bench_median(struct bench_measured *measured);
bool bench_aim_is_met(struct bench_measured *measured);

struct bench_measured_list {
    struct bench_measured *items;
    unsigned count;
};

void bench_measured_print(const struct bench_measured_list *list, FILE *to);

/* A JSON list of {name, what, unit, value, low, high, samples, higher_is_better, aim, state}; for
 * bench_write. */
bool bench_measured_print_json(const void *list, FILE *to);

#endif
