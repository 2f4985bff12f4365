#include "bench/bench_measure.h"
#include "bench/bench_report.h"
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t bench_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(struct bench_measured *measured)
{
    unsigned count = measured->count;
    qsort(measured->samples, count, sizeof measured->samples[0], by_value);
    return (measured->samples[(count - 1) / 2] + measured->samples[count / 2]) / 2;
}

bool bench_aim_is_met(struct bench_measured *measured)
{
    double value = bench_median(measured);
    return measured->higher_is_better ? value >= measured->aim : value <= measured->aim;
}

static const char *state_of(struct bench_measured *measured)
{
    if (measured->aim == 0)
        return "stated";
    return bench_aim_is_met(measured) ? "met" : "not met";
}

void bench_measured_print(const struct bench_measured_list *list, FILE *to)
{
    char median[BENCH_CELL_BYTES], low[BENCH_CELL_BYTES], high[BENCH_CELL_BYTES];
    fprintf(to, "%-18s  %12s  %12s  %12s  %-7s  %-8s  %s\n", "measured", "median", "least", "most", "unit",
            "aim", "what");
    for (unsigned i = 0; i < list->count; i++) {
        struct bench_measured *item = &list->items[i];
        bench_number_text(median, bench_median(item));
        bench_number_text(low, item->samples[0]);
        bench_number_text(high, item->samples[item->count - 1]);
        fprintf(to, "%-18s  %12s  %12s  %12s  %-7s  %-8s  %s\n", item->name, median, low, high, item->unit,
                state_of(item), item->what);
    }
}

bool bench_measured_print_json(const void *context, FILE *to)
{
    const struct bench_measured_list *list = context;
    json_t *array = json_array();
    for (unsigned i = 0; i < list->count; i++) {
        struct bench_measured *item = &list->items[i];
        double median = bench_median(item);
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:i, s:b, s:f, s:s}", "name", item->name, "what",
                             item->what, "unit", item->unit, "value", median, "low", item->samples[0], "high",
                             item->samples[item->count - 1], "samples", (int)item->count, "higher_is_better",
                             (int)item->higher_is_better, "aim", item->aim, "state", state_of(item)));
    }
    bool written =
        json_dumpf(array, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 && fputc('\n', to) != EOF;
    json_decref(array);
    return written;
}
