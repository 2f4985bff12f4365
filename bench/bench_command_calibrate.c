/* kdbench calibrate: the cost table of this host. */
#include "bench/bench_command.h"
#include "bench/bench_files.h"
#include "harness/script/command.h"
#include "sim/machine/kvm_calibrate.h"
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>

enum { KEY_HELP = '?', KEY_OUT = 256 };

static const struct argp_option options[] = {
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {"out", KEY_OUT, "FILE", 0, "Also write the cost table there, for kdbench run --costs FILE", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    const char **out = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdbench calibrate");
        exit(0);
    case KEY_OUT:
        *out = value;
        return 0;
    case ARGP_KEY_ARG:
        command_refuse("calibrate: unexpected '%s'", value);
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdbench calibrate --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_figures(const struct kvm_figure *figures)
{
    printf("%-16s  %10s  %10s  %10s  %-4s  %s\n", "measured", "median", "lower", "upper", "unit", "what");
    for (unsigned i = 0; i < KVM_CALIBRATE_FIGURES; i++) {
        const struct kvm_calibrate_row *row = kvm_calibrate_row(i);
        printf("%-16s  %10" PRIu64 "  %10" PRIu64 "  %10" PRIu64 "  %-4s  %s\n", row->name, figures[i].median,
               figures[i].lower, figures[i].upper, row->unit, row->what);
    }
}

static void print_costs(const struct sim_cost *cost)
{
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    puts("\nThe cost table of this host; what cannot be measured here has its default:");
    for (unsigned i = 0; i < count; i++)
        printf("  %-20s %10" PRIu64 " %s\n", rows[i].name, sim_cost_get(cost, i), rows[i].unit);
}

static bool print_json(const void *context, FILE *to)
{
    unsigned count;
    const struct sim_cost_row *rows = sim_cost_rows(&count);
    json_t *object = json_object();
    for (unsigned i = 0; i < count; i++)
        json_object_set_new(object, rows[i].name, json_integer((json_int_t)sim_cost_get(context, i)));
    bool written = json_dumpf(object, to, JSON_INDENT(1)) == 0 && fputc('\n', to) != EOF;
    json_decref(object);
    return written;
}

int bench_command_calibrate(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "",
        "Measures what a VM exit, string I/O and a socket cost on this host, with a guest on "
        "KVM: medians with quartiles. Needs /dev/kvm.",
        NULL,
        NULL,
        NULL};
    const char *out = NULL;
    char why[KVM_CPU_WHY_BYTES];
    struct kvm_figure figures[KVM_CALIBRATE_FIGURES];
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &out);
    if (!kvm_cpu_here(why))
        command_refuse("calibrate: %s", why);
    kvm_calibrate(KVM_CPU_X64, figures);
    struct sim_cost cost = kvm_calibrate_costs(figures);
    if (out != NULL)
        bench_write(NULL, out, print_json, &cost);
    print_figures(figures);
    print_costs(&cost);
    return 0;
}
