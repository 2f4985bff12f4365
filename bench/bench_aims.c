#include "bench/bench_aims.h"
#include "bench/bench_report.h"
#include "transport/guest/vm_guestrpc.h"
#include "transport/kd/vm_message.h"
#include <jansson.h>
#include <math.h>

/* ---- figures ----------------------------------------------------------------------------------------- */

static double exits(const struct bench_rows *run, const struct bench_row *row)
{
    (void)run;
    return bench_per_op(row, row->total.exits);
}

/* A byte on a UART costs a status poll that says yes and an access of the data; the rest of its exits is waiting. */
static double exits_of_bytes(const struct bench_rows *run, const struct bench_row *row)
{
    (void)run;
    return 2 * bench_per_op(row, row->total.wire_bytes);
}

static double exits_per_tick(const struct bench_rows *run, const struct bench_row *row)
{
    (void)run;
    return (double)row->total.exits / (double)row->total.ticks;
}

/* 0: the other link was not run, and there is no figure. */
static double figure_or_none(double ratio)
{
    return ratio > 0 ? ratio : (double)NAN;
}

static double against_serial(const struct bench_rows *run, const struct bench_row *row)
{
    return figure_or_none(bench_ratio(run, row));
}

static double against_ideal(const struct bench_rows *run, const struct bench_row *row)
{
    return figure_or_none(bench_against(run, row, "ideal"));
}

static double guest_copies(const struct bench_rows *run, const struct bench_row *row)
{
    if (!bench_counts_copies(run))
        return (double)NAN;
    return (double)row->total.copied_bytes / (double)row->total.kernel_bytes;
}

/* Of a message the VMM copies more than the packet: the command word and the two headers around it. */
static double vmm_copies(const struct bench_rows *run, const struct bench_row *row)
{
    enum { AROUND = VM_COMMAND_WORD_BYTES + VM_REQUEST_BYTES + VM_GUESTRPC_PREFIX_BYTES + VM_REPLY_BYTES };
    (void)run;
    return (double)row->total.payload_bytes / (double)(row->total.kernel_bytes + row->total.rpcs * AROUND);
}

/* ---- aims -------------------------------------------------------------------------------------------- */

static const struct bench_aim aims[] = {
    {"VM exits of a full read", "bulk-read", "doorbell", exits, BENCH_AT_MOST, 1},
    {"VM exits of a full read", "bulk-read", "backdoor-hb", exits, BENCH_AT_MOST, 5},
    {"VM exits of a full read", "bulk-read", "backdoor-vkd", exits, BENCH_ABOUT, 14},
    {"VM exits of a full read that carry its bytes", "bulk-read", "serial-115200", exits_of_bytes, BENCH_ABOUT, 8244},
    {"VM exits of a break-in poll", "idle", "backdoor-hb", exits_per_tick, BENCH_AT_MOST, 2},
    {"VM exits of a break-in poll", "idle", "doorbell", exits_per_tick, BENCH_AT_MOST, 0},
    {"VM exits in an idle second", "idle", "serial-115200", exits, BENCH_STATED, 0},
    {"VM exits in an idle second", "idle", "uart-unthrottled", exits, BENCH_STATED, 0},
    {"VM exits in an idle second", "idle", "backdoor-lb", exits, BENCH_STATED, 0},
    {"VM exits in an idle second", "idle", "backdoor-vkd", exits, BENCH_STATED, 0},
    {"VM exits in an idle second", "idle", "backdoor-hb", exits, BENCH_STATED, 0},
    {"VM exits in an idle second", "idle", "doorbell", exits, BENCH_STATED, 0},
    {"a full read, times as fast as serial", "bulk-read", "backdoor-hb", against_serial, BENCH_OVER, 1000},
    {"a full read, part of the ideal speed", "bulk-read", "backdoor-hb", against_ideal, BENCH_OVER, 0.5},
    {"a full read, part of the ideal speed", "bulk-read", "doorbell", against_ideal, BENCH_OVER, 0.8},
    {"copies of a byte in the guest, reading", "bulk-read", "backdoor-hb", guest_copies, BENCH_AT_MOST, 1},
    {"copies of a byte in the guest, writing", "bulk-write", "backdoor-hb", guest_copies, BENCH_AT_MOST, 1},
    {"copies of a byte in the VMM, reading", "bulk-read", "backdoor-hb", vmm_copies, BENCH_AT_MOST, 1},
    {"copies of a byte in the VMM, writing", "bulk-write", "backdoor-hb", vmm_copies, BENCH_AT_MOST, 1},
    {"copies of a byte in the guest, reading", "bulk-read", "doorbell", guest_copies, BENCH_AT_MOST, 1},
    {"copies of a byte in the VMM, reading", "bulk-read", "doorbell", vmm_copies, BENCH_AT_MOST, 1},
};

const struct bench_aim *bench_aims(unsigned *count)
{
    *count = sizeof aims / sizeof aims[0];
    return aims;
}

static bool holds(enum bench_relation relation, double figure, double bound)
{
    switch (relation) {
    case BENCH_AT_MOST:
        return figure <= bound;
    case BENCH_AT_LEAST:
        return figure >= bound;
    case BENCH_OVER:
        return figure > bound;
    case BENCH_ABOUT:
        return figure >= bound * 0.95 && figure <= bound * 1.05;
    case BENCH_STATED:
        break;
    }
    return true;
}

enum bench_met bench_aim_check(const struct bench_aim *aim, const struct bench_rows *run, double *figure)
{
    const struct bench_row *row = bench_find(run, aim->workload, aim->link);
    *figure = row == NULL ? (double)NAN : aim->figure(run, row);
    if (isnan(*figure)) {
        *figure = 0;
        return BENCH_NOT_RUN;
    }
    if (aim->relation == BENCH_STATED)
        return BENCH_NO_AIM;
    return holds(aim->relation, *figure, aim->bound) ? BENCH_MET : BENCH_NOT_MET;
}

unsigned bench_aims_missed(const struct bench_rows *run)
{
    unsigned count, missed = 0;
    const struct bench_aim *all = bench_aims(&count);
    double figure;
    for (unsigned i = 0; i < count; i++)
        missed += bench_aim_check(&all[i], run, &figure) == BENCH_NOT_MET;
    return missed;
}

/* ---- as a table -------------------------------------------------------------------------------------- */

static void aim_text(const struct bench_aim *aim, char text[BENCH_CELL_BYTES])
{
    static const char *const words[] = {"at most", "at least", "over", "about"};
    char bound[BENCH_CELL_BYTES];
    bench_number_text(bound, aim->bound);
    if (aim->relation == BENCH_STATED)
        snprintf(text, BENCH_CELL_BYTES, "-");
    else
        snprintf(text, BENCH_CELL_BYTES, "%s %.16s", words[aim->relation], bound);
}

static const char *const states[] = {"met", "not met", "not run", "stated"};

void bench_aims_print(const struct bench_rows *run, FILE *to)
{
    unsigned count;
    const struct bench_aim *all = bench_aims(&count);
    fprintf(to, "%-46s  %-13s  %-16s  %16s  %12s  %s\n", "aim", "workload", "link", "bound", "figure", "state");
    for (unsigned i = 0; i < count; i++) {
        double figure;
        char bound[BENCH_CELL_BYTES], value[BENCH_CELL_BYTES];
        enum bench_met met = bench_aim_check(&all[i], run, &figure);
        if (met == BENCH_NOT_RUN)
            continue;
        aim_text(&all[i], bound);
        bench_number_text(value, figure);
        fprintf(to, "%-46s  %-13s  %-16s  %16s  %12s  %s\n", all[i].what, all[i].workload, all[i].link, bound, value,
                states[met]);
    }
}

bool bench_aims_print_json(const struct bench_rows *run, FILE *to)
{
    unsigned count;
    const struct bench_aim *all = bench_aims(&count);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        double figure;
        char bound[BENCH_CELL_BYTES];
        enum bench_met met = bench_aim_check(&all[i], run, &figure);
        aim_text(&all[i], bound);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f, s:s}", "what", all[i].what, "workload",
                                              all[i].workload, "link", all[i].link, "aim", bound, "figure", figure,
                                              "state", states[met]));
    }
    bool written = json_dumpf(list, to, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) == 0 && fputc('\n', to) != EOF;
    json_decref(list);
    return written;
}
