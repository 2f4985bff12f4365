/* kdbench run and kdbench sweep: what is simulated. */
#include "bench/bench_aims.h"
#include "bench/bench_command.h"
#include "bench/bench_files.h"
#include "bench/bench_play.h"
#include "bench/bench_report.h"
#include "harness/script/command.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_HELP = '?',
    KEY_ARCH = 256,
    KEY_LINK,
    KEY_WORKLOAD,
    KEY_OUT,
    KEY_SEED,
    KEY_SET,
    KEY_COSTS,
    KEY_QUICK,
    KEY_MACHINE,
    KEY_DLL,
};

/* ---- what is varied in a sweep ----------------------------------------------------------------------- */

static double exit_us(const struct bench_row *row)
{
    return (double)row->cost.exit_ns / 1e3;
}

static double message_bytes(const struct bench_row *row)
{
    return bench_per_op(row, row->total.bytes);
}

static double times_serial(const struct bench_rows *run, const struct bench_row *row)
{
    return bench_ratio(run, row);
}

static double op_us(const struct bench_rows *run, const struct bench_row *row)
{
    (void)run;
    return bench_op_ns(row) / 1e3;
}

static const char *const exit_costs[] = {"cost.exit_ns=500",    "cost.exit_ns=1000",
                                         "cost.exit_ns=2000",   "cost.exit_ns=5000",
                                         "cost.exit_ns=10000",  "cost.exit_ns=15000",
                                         "cost.exit_ns=20000",  "cost.exit_ns=50000",
                                         "cost.exit_ns=100000", NULL};
static const char *const message_sizes[] = {
    "param.bytes=4",    "param.bytes=16",   "param.bytes=64",   "param.bytes=256",
    "param.bytes=1024", "param.bytes=2048", "param.bytes=3944", NULL};

static const struct sweep {
    const char *name;
    const char *what;
    const char *workload;
    const char *const *values;
    const char *x_title, *y_title;
    double (*x)(const struct bench_row *row);
    double (*y)(const struct bench_rows *run, const struct bench_row *row);
} sweeps[] = {
    {"exit-cost", "bulk reads as exits get dearer, from a VMM in the kernel to one that is far away",
     "bulk-read", exit_costs, "exit, us", "times as fast as serial", exit_us, times_serial},
    {"message-size", "reads of 4 to 3,944 bytes", "small-read", message_sizes, "bytes", "us a read",
     message_bytes, op_us},
};
enum { SWEEPS = sizeof sweeps / sizeof sweeps[0] };

/* ---- arguments --------------------------------------------------------------------------------------- */

struct arguments {
    struct bench_plan plan;
    struct script_settings settings;
    const char *out; /* folder; NULL: none */
    struct lab_machine machine;
    bool own_dll; /* not the build's */
    bool one_arch; /* --arch says which */
    const struct sweep *sweep;
    bool sweeps;
};

static void add_setting(struct script_settings *settings, const char *text)
{
    char why[LAB_WHY_BYTES];
    if (script_settings_add(settings, text, why) != KD_OK)
        command_refuse("--set %s", why);
}

static void add_cost(struct script_settings *settings, const char *text)
{
    if (strncmp(text, "cost.", 5) != 0)
        command_refuse("--set %s: expected cost.NAME=VALUE (kdbench list costs)", text);
    add_setting(settings, text);
}

/* A cost table as kdbench calibrate writes it; what is not in it keeps its default. */
static void add_costs(struct script_settings *settings, const char *path)
{
    const char *name, *expected = "an object of costs, as kdbench calibrate writes it";
    json_t *costs = bench_read(NULL, path, expected), *value;
    if (!json_is_object(costs))
        command_refuse("--costs %s: expected %s", path, expected);
    json_object_foreach(costs, name, value)
    {
        char text[128];
        if (!json_is_integer(value))
            command_refuse("--costs %s: %s: expected a whole number", path, name);
        snprintf(text, sizeof text, "cost.%s=%lld", name, (long long)json_integer_value(value));
        add_setting(settings, text);
    }
    json_decref(costs);
}

static const struct sweep *find_sweep(const char *name)
{
    for (unsigned i = 0; i < SWEEPS; i++)
        if (strcmp(sweeps[i].name, name) == 0)
            return &sweeps[i];
    command_refuse("sweep %s: expected exit-cost or message-size", name);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP,
                  arguments->sweeps ? "kdbench sweep" : "kdbench run");
        exit(0);
    case KEY_ARCH:
        if (lab_arch_find(value, &arguments->plan.arch) != KD_OK)
            command_refuse("--arch %s: expected x64 or x86", value);
        arguments->one_arch = true;
        return 0;
    case KEY_LINK: {
        const struct bench_link *link = bench_link_find(value);
        if (link == NULL)
            command_refuse("--link %s: no such link (kdbench list links)", value);
        if (link->kind == BENCH_LINK_RESERVED)
            command_refuse("--link %s: comes later; it cannot be played yet", value);
        arguments->plan.link = value;
        return 0;
    }
    case KEY_WORKLOAD:
        if (bench_workload_find(value) == NULL)
            command_refuse("--workload %s: no such workload (kdbench list workloads)", value);
        arguments->plan.workload = value;
        return 0;
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_SEED:
        arguments->plan.seed = command_seed(value);
        return 0;
    case KEY_SET:
        add_cost(&arguments->settings, value);
        return 0;
    case KEY_COSTS:
        add_costs(&arguments->settings, value);
        return 0;
    case KEY_MACHINE:
        command_machine(&arguments->machine, value);
        return 0;
    case KEY_DLL:
        command_dll(&arguments->machine, value);
        arguments->own_dll = true;
        return 0;
    case KEY_QUICK:
        arguments->plan.quick = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!arguments->sweeps)
            command_refuse("run: unexpected '%s': links and workloads are chosen with --link and --workload",
                           value);
        if (arguments->sweep != NULL)
            command_refuse("sweep: unexpected '%s': one sweep at a time", value);
        arguments->sweep = find_sweep(value);
        return 0;
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdbench %s --help lists them)",
                       state->argv[state->next - 1], arguments->sweeps ? "sweep" : "run");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define SHARED_OPTIONS                                                                                       \
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},                                                       \
        {"arch", KEY_ARCH, "ARCH", 0, "x64 (default) or x86", 0},                                            \
        {"seed", KEY_SEED, "N", 0, "Seed of every world (default 1)", 0},                                    \
        {"set", KEY_SET, "cost.NAME=VALUE", 0, "Change a cost; may be repeated", 0},                         \
    {                                                                                                        \
        "costs", KEY_COSTS, "FILE", 0, "Costs of a host, as kdbench calibrate writes them", 0                \
    }

static const struct argp_option run_options[] = {
    SHARED_OPTIONS,
    {"link", KEY_LINK, "LINK", 0, "Only this link (default: all)", 0},
    {"workload", KEY_WORKLOAD, "NAME", 0, "Only this workload (default: all)", 0},
    {"out", KEY_OUT, "DIR", 0, "Also write bench.json, aims.json and about.json there", 0},
    {"machine", KEY_MACHINE, "MACHINE", 0, LAB_MACHINE_HELP, 0},
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},
    {"quick", KEY_QUICK, NULL, 0,
     "A handful of operations each: for tests, and for timing the harness itself", 0},
    {0},
};

static const struct argp_option sweep_options[] = {
    SHARED_OPTIONS,
    {"out", KEY_OUT, "DIR", 0, "Also write DIR/exit-cost.json or DIR/message-size.json", 0},
    {0},
};

static struct arguments arguments_start(bool sweeps_it)
{
    return (struct arguments){.plan = {.seed = 1}, .sweeps = sweeps_it};
}

static struct bench_rows rows_start(const struct arguments *arguments)
{
    bool dll = !lab_machine_is_native(&arguments->machine) && !arguments->own_dll;
    return (struct bench_rows){.arch = lab_arch_name(arguments->plan.arch),
                               .seed = arguments->plan.seed,
                               .machine = sim_machine_name(arguments->machine.kind),
                               .compiler = dll ? KDBENCH_DLL_COMPILER : ""};
}

/* ---- run --------------------------------------------------------------------------------------------- */

static bool print_json(const void *context, FILE *to)
{
    return bench_print_json(context, to);
}

static bool print_aims(const void *context, FILE *to)
{
    return bench_aims_print_json(context, to);
}

static bool print_about(const void *context, FILE *to)
{
    (void)context;
    return bench_print_about(to);
}

int bench_command_run(int argc, char **argv)
{
    static const struct argp argp = {
        run_options,
        parse,
        "",
        "Plays the workloads over the links in simulated time and prints how they "
        "compare. Exit code 0: done; 1: a workload failed; 2: bad input.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = arguments_start(false);
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.out != NULL)
        command_folder("--out", arguments.out);
    command_machine_ready(&arguments.machine);
    command_machine_arch(&arguments.machine, &arguments.one_arch, &arguments.plan.arch);
    struct bench_rows run = rows_start(&arguments);
    arguments.plan.settings = &arguments.settings;
    arguments.plan.machine = &arguments.machine;
    bench_play(&arguments.plan, &run);
    if (arguments.out != NULL) {
        bench_write(arguments.out, "bench.json", print_json, &run);
        bench_write(arguments.out, "aims.json", print_aims, &run);
        bench_write(arguments.out, "about.json", print_about, NULL);
    }
    bench_print_text(&run, stdout);
    putchar('\n');
    bench_aims_print(&run, stdout);
    bench_rows_free(&run);
    script_settings_free(&arguments.settings);
    return 0;
}

/* ---- sweep ------------------------------------------------------------------------------------------- */

static void play_value(const struct arguments *arguments, const char *value, struct bench_rows *run)
{
    struct script_settings settings = {0};
    char text[128];
    for (size_t i = 0; i < arguments->settings.count; i++) {
        snprintf(text, sizeof text, "%s=%s", arguments->settings.items[i].name,
                 arguments->settings.items[i].value);
        add_setting(&settings, text);
    }
    add_setting(&settings, value);
    struct bench_plan plan = arguments->plan;
    plan.workload = arguments->sweep->workload;
    plan.quick = true;
    plan.settings = &settings;
    bench_play(&plan, run);
    script_settings_free(&settings);
}

int bench_command_sweep(int argc, char **argv)
{
    static const struct argp argp = {
        sweep_options,
        parse,
        "exit-cost|message-size",
        "Plays one workload over every link as something is varied: the cost of an "
        "exit, so that you find your VMM among them, or the size of a read.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = arguments_start(true);
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.sweep == NULL)
        command_refuse("sweep: expected exit-cost or message-size");
    if (arguments.out != NULL)
        command_folder("--out", arguments.out);
    struct bench_rows run = rows_start(&arguments);
    for (const char *const *value = arguments.sweep->values; *value != NULL; value++)
        play_value(&arguments, *value, &run);
    if (arguments.out != NULL) {
        char name[64];
        snprintf(name, sizeof name, "%s.json", arguments.sweep->name);
        bench_write(arguments.out, name, print_json, &run);
    }
    printf("%s: %s\n\n", arguments.sweep->what, arguments.sweep->y_title);
    bench_print_sweep(&run, arguments.sweep->x_title, arguments.sweep->x, arguments.sweep->y, stdout);
    bench_rows_free(&run);
    script_settings_free(&arguments.settings);
    return 0;
}
