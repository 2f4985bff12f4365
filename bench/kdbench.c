/* kdbench: plays the workloads over every link and compares them. `kdbench run --help` says how. */
#include "bench/bench_report.h"
#include "harness/script/command.h"
#include "harness/script/script.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_HELP = '?', KEY_ARCH = 256, KEY_LINK, KEY_WORKLOAD, KEY_OUT, KEY_SEED, KEY_SET, KEY_QUICK };
enum { EXIT_FAILED = 1, ROWS_MAX = 64, PATH_BYTES = 4096 };
#define EXITS_MAX UINT64_C(200000000)
#define TIME_NS_MAX (UINT64_C(24) * 3600 * SIM_NS_PER_SECOND)

struct arguments {
    const char *link;     /* NULL: every one */
    const char *workload; /* NULL: every one */
    const char *out;      /* folder for bench.json and report.md; NULL: none */
    enum mk_arch arch;
    uint64_t seed;
    bool quick;
    struct script_settings settings;
};

/* ---- arguments -------------------------------------------------------------------------------------------------- */

static void add_setting(struct script_settings *settings, const char *text)
{
    char why[LAB_WHY_BYTES];
    if (strncmp(text, "cost.", 5) != 0)
        command_refuse("--set %s: expected cost.NAME=VALUE (kdbench list costs)", text);
    if (script_settings_add(settings, text, why) != KD_OK)
        command_refuse("--set %s", why);
}

static error_t parse_run(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdbench run");
        exit(0);
    case KEY_ARCH:
        if (lab_arch_find(value, &arguments->arch) != KD_OK)
            command_refuse("--arch %s: expected x64 or x86", value);
        return 0;
    case KEY_LINK:
        if (bench_link_find(value) == NULL)
            command_refuse("--link %s: no such link (kdbench list links)", value);
        arguments->link = value;
        return 0;
    case KEY_WORKLOAD:
        if (bench_workload_find(value) == NULL)
            command_refuse("--workload %s: no such workload (kdbench list workloads)", value);
        arguments->workload = value;
        return 0;
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_SEED:
        arguments->seed = command_seed(value);
        return 0;
    case KEY_SET:
        add_setting(&arguments->settings, value);
        return 0;
    case KEY_QUICK:
        arguments->quick = true;
        return 0;
    case ARGP_KEY_ARG:
        command_refuse("run: unexpected '%s': links and workloads are chosen with --link and --workload", value);
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdbench run --help lists them)",
               state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option run_options[] = {
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {"arch", KEY_ARCH, "ARCH", 0, "x64 (default) or x86", 0},
    {"link", KEY_LINK, "LINK", 0, "Only this link (default: all)", 0},
    {"workload", KEY_WORKLOAD, "NAME", 0, "Only this workload (default: all)", 0},
    {"out", KEY_OUT, "DIR", 0, "Also write DIR/bench.json and DIR/report.md", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of every world (default 1)", 0},
    {"set", KEY_SET, "cost.NAME=VALUE", 0, "Change a cost; may be repeated", 0},
    {"quick", KEY_QUICK, NULL, 0, "A handful of operations each: for tests, and for timing the harness itself", 0},
    {0},
};

/* ---- playing ---------------------------------------------------------------------------------------------------- */

static uint32_t operations_of(const struct arguments *arguments, const struct bench_link *link,
                              const struct bench_workload *workload)
{
    if (arguments->quick)
        return workload->operations_quick;
    return link->link == SIM_LINK_SERIAL ? workload->operations_serial : workload->operations;
}

static void add_setting_of(struct script_settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_setting_of(struct script_settings *settings, const char *format, ...)
{
    char text[128], why[LAB_WHY_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (script_settings_add(settings, text, why) != KD_OK)
        command_refuse("%s", why);
}

static void settings_for(const struct arguments *arguments, const struct bench_link *link, uint32_t operations,
                         struct script_settings *settings)
{
    for (size_t i = 0; i < arguments->settings.count; i++)
        add_setting_of(settings, "%s=%s", arguments->settings.items[i].name, arguments->settings.items[i].value);
    if (link->link == SIM_LINK_BACKDOOR)
        add_setting_of(settings, "backdoor=%s", sim_backdoor_profile_name(link->backdoor));
    if (link->ideal) {
        struct sim_cost ideal = sim_cost_ideal();
        add_setting_of(settings, "cost.exit_ns=%" PRIu64, ideal.exit_ns);
        add_setting_of(settings, "cost.payload_ps_per_byte=%" PRIu64, ideal.payload_ps_per_byte);
    }
    add_setting_of(settings, "param.operations=%" PRIu32, operations);
}

static const char *workload_folder(void)
{
    const char *folder = getenv("KDBENCH_WORKLOADS");
    return folder == NULL ? KDBENCH_WORKLOADS_DEFAULT : folder;
}

static struct bench_row row_of(const struct bench_link *link, const struct bench_workload *workload,
                               const struct script_result *result)
{
    const struct script_measure *measure = &result->measures[0];
    return (struct bench_row){
        .link = link,
        .workload = workload,
        .cost = result->cost,
        .operations = measure->operations,
        .bytes = measure->bytes,
        .sim_ns = measure->sim_ns,
        .exits = measure->exits,
        .rpcs = measure->rpcs,
        .payload_bytes = measure->payload_bytes,
        .wire_bytes = measure->wire_bytes,
    };
}

/* Plays one workload over one link; a failure ends the program, since a row less would be a lie. */
static struct bench_row play(const struct arguments *arguments, const struct bench_link *link,
                             const struct bench_workload *workload)
{
    char path[PATH_BYTES];
    struct script_settings settings = {0};
    struct script_result result;
    snprintf(path, sizeof path, "%s/%s.lua", workload_folder(), workload->name);
    settings_for(arguments, link, operations_of(arguments, link, workload), &settings);
    struct script_options options = script_options_default(path, link->link);
    options.arch = arguments->arch;
    options.seed = arguments->seed;
    options.settings = &settings;
    options.exits_max = EXITS_MAX;
    options.time_ns_max = TIME_NS_MAX;
    script_run(&options, &result);
    if (result.outcome != SCRIPT_PASSED || result.measure_count != 1) {
        fprintf(stderr, "kdbench: %s over %s: %s:%u: %s\n", workload->name, link->name, path, result.line,
                result.outcome == SCRIPT_PASSED ? "expected exactly one measure()" : result.message);
        exit(EXIT_FAILED);
    }
    struct bench_row row = row_of(link, workload, &result);
    script_result_free(&result);
    script_settings_free(&settings);
    return row;
}

static bool chosen(const char *only, const char *name)
{
    return only == NULL || strcmp(only, name) == 0;
}

static unsigned play_all(const struct arguments *arguments, struct bench_row *rows)
{
    unsigned link_count, workload_count, count = 0;
    const struct bench_link *links = bench_links(&link_count);
    const struct bench_workload *workloads = bench_workloads(&workload_count);
    for (unsigned w = 0; w < workload_count; w++) {
        for (unsigned l = 0; l < link_count; l++) {
            if (!chosen(arguments->workload, workloads[w].name) || !chosen(arguments->link, links[l].name))
                continue;
            if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r\033[K%s over %s", workloads[w].name, links[l].name);
            rows[count++] = play(arguments, &links[l], &workloads[w]);
        }
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return count;
}

/* ---- files: written beside and renamed, so that nobody ever sees half of one -------------------------------------- */

static bool print_markdown(const struct bench_rows *run, FILE *to)
{
    bench_print_markdown(run, to);
    return !ferror(to);
}

static void write_file(const struct bench_rows *run, const char *folder, const char *name,
                       bool (*print)(const struct bench_rows *run, FILE *to))
{
    char path[PATH_BYTES], half[PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(half, sizeof half, "%s.part", path);
    FILE *file = fopen(half, "w");
    bool written = file != NULL && print(run, file);
    if (file != NULL)
        written = fclose(file) == 0 && written;
    if (written && rename(half, path) == 0)
        return;
    int error = errno;
    remove(half);
    command_refuse("%s: cannot be written: %s", path, strerror(error));
}

/* Found out before the work, not after it. */
static void check_folder(const char *folder)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        command_refuse("--out %s: cannot be made: %s", folder, strerror(errno));
    if (access(folder, W_OK | X_OK) != 0)
        command_refuse("--out %s: expected a folder that can be written: %s", folder, strerror(errno));
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static int command_run(int argc, char **argv)
{
    static const struct argp argp = {run_options, parse_run, "",
                                     "Plays the workloads over the links in simulated time and prints how they "
                                     "compare. Exit code 0: done; 1: a workload failed; 2: bad input.",
                                     NULL, NULL, NULL};
    struct arguments arguments = {.seed = 1};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.out != NULL)
        check_folder(arguments.out);
    struct bench_row rows[ROWS_MAX];
    struct bench_rows run = {.rows = rows, .arch = lab_arch_name(arguments.arch), .seed = arguments.seed};
    run.count = play_all(&arguments, rows);
    if (arguments.out != NULL) {
        write_file(&run, arguments.out, "bench.json", bench_print_json);
        write_file(&run, arguments.out, "report.md", print_markdown);
    }
    bench_print_text(&run, stdout);
    script_settings_free(&arguments.settings);
    return 0;
}

static void list_links(void)
{
    unsigned count;
    const struct bench_link *links = bench_links(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-14s %s\n", links[i].name, links[i].what);
}

static void list_workloads(void)
{
    unsigned count;
    const struct bench_workload *workloads = bench_workloads(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-14s %s\n", workloads[i].name, workloads[i].what);
}

static void list_costs(void)
{
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-20s %10" PRIu64 " %-8s %s\n", costs[i].name, costs[i].default_value, costs[i].unit, costs[i].note);
}

static int command_list(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*list)(void);
    } lists[] = {{"links", list_links}, {"workloads", list_workloads}, {"costs", list_costs}};
    bool known = false;
    if (argc > 2)
        command_refuse("list: unexpected '%s'", argv[2]);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (argc > 1 && strcmp(argv[1], lists[i].name) != 0)
            continue;
        if (argc == 1)
            printf("%s%s\n", i > 0 ? "\n" : "", lists[i].name);
        lists[i].list();
        known = true;
    }
    if (!known)
        command_refuse("list %s: expected links, workloads or costs", argv[1]);
    return 0;
}

static int command_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("kdbench run [OPTION...]              play workloads and compare the links (kdbench run --help)\n"
         "kdbench list [links|workloads|costs] what there is\n"
         "kdbench help                         this text\n"
         "\n"
         "All times are simulated, from exact counts and the cost table printed with them.\n"
         "bench/README.md says how to add a link or a workload.");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"run", command_run}, {"list", command_list}, {"help", command_help}, {"--help", command_help}};
    if (argc < 2)
        command_refuse("no command: expected run, list or help");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    command_refuse("no command is called '%s': expected run, list or help", argv[1]);
}
