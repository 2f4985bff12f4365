/* kdharness: plays scenarios against a simulated machine. `kdharness run --help` says how. */
#include "harness/script/command.h"
#include "harness/script/runner.h"
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    KEY_HELP = '?',
    KEY_SEED = 256,
    KEY_LINK,
    KEY_ARCH,
    KEY_MACHINE,
    KEY_DLL,
    KEY_TRACE,
    KEY_JUNIT,
    KEY_SET,
    KEY_ONCE,
    KEY_TIMELINE
};

struct arguments {
    struct runner_options runner;
    struct scenario_list scenarios;
    const char *trace, *junit, *timeline_svg; /* paths; opened when everything else is known to be good */
};

static bool same_file(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* NULL for an option that was not given. */
static FILE *open_for_writing(const char *option, const char *path, const struct scenario_list *scenarios)
{
    if (path == NULL)
        return NULL;
    for (size_t i = 0; i < scenarios->count; i++)
        if (same_file(path, scenarios->items[i].path))
            command_refuse("%s %s: is one of the scenarios, and would be overwritten", option, path);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        command_refuse("%s %s: cannot be written: %s", option, path, strerror(errno));
    return file;
}

static void open_files(struct arguments *arguments)
{
    struct runner_options *runner = &arguments->runner;
    runner->trace = open_for_writing("--trace", arguments->trace, &arguments->scenarios);
    runner->junit = open_for_writing("--junit", arguments->junit, &arguments->scenarios);
    runner->timeline_svg = open_for_writing("--timeline=svg", arguments->timeline_svg, &arguments->scenarios);
}

static void set_link(struct runner_options *runner, const char *value)
{
    if (lab_link_find(value, &runner->link) != KD_OK)
        command_refuse("--link %s: expected backdoor, doorbell or serial", value);
    runner->every_link = false;
}

static void set_arch(struct runner_options *runner, const char *value)
{
    if (lab_arch_find(value, &runner->arch) != KD_OK)
        command_refuse("--arch %s: expected x64 or x86", value);
    runner->every_arch = false;
}

static void add_setting(struct runner_options *runner, const char *value)
{
    char why[LAB_WHY_BYTES];
    if (script_settings_add(&runner->settings, value, why) != KD_OK)
        command_refuse("--set %s", why);
}

static void add_scenario(struct arguments *arguments, const char *name)
{
    char why[SCENARIO_WHY_BYTES];
    if (scenario_find(&arguments->scenarios, name, why) != KD_OK)
        command_refuse("%s", why);
}

/* --timeline, or --timeline=svg with the file as the argument behind it, which is taken here. */
static void set_timeline(struct arguments *arguments, const char *value, struct argp_state *state)
{
    if (value == NULL) {
        arguments->runner.timeline = true;
        return;
    }
    if (strcmp(value, "svg") != 0)
        command_refuse("--timeline=%s: expected --timeline, or --timeline=svg FILE", value);
    if (state->next >= state->argc)
        command_refuse("--timeline=svg: the file is missing: expected --timeline=svg FILE");
    if (arguments->timeline_svg != NULL)
        command_refuse("--timeline=svg: given twice: one picture holds all ladders");
    arguments->timeline_svg = state->argv[state->next++];
}

static error_t parse_run(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct runner_options *runner = &arguments->runner;
    switch (key) {
    case KEY_SEED:
        runner->seed = command_seed(value);
        return 0;
    case KEY_LINK:
        set_link(runner, value);
        return 0;
    case KEY_ARCH:
        set_arch(runner, value);
        return 0;
    case KEY_MACHINE:
        command_machine(&runner->machine, value);
        return 0;
    case KEY_DLL:
        command_dll(&runner->machine, value);
        return 0;
    case KEY_TRACE:
        arguments->trace = value;
        return 0;
    case KEY_JUNIT:
        arguments->junit = value;
        return 0;
    case KEY_SET:
        add_setting(runner, value);
        return 0;
    case KEY_ONCE:
        runner->once = true;
        return 0;
    case KEY_TIMELINE:
        set_timeline(arguments, value, state);
        return 0;
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdharness run");
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        add_scenario(arguments, value);
        return 0;
    case ARGP_KEY_NO_ARGS:
        command_refuse("run: no scenario given: expected files, folders or names (kdharness list shows them)");
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdharness run --help lists them)",
               state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option run_options[] = {
    {"seed", KEY_SEED, "N", 0, "Seed of every world (default 1)", 0},
    {"link", KEY_LINK, "LINK", 0, "backdoor, doorbell or serial; default: each of them that the scenario fits", 0},
    {"arch", KEY_ARCH, "ARCH", 0, "x64 or x86; default: each of them that the scenario fits", 0},
    {"machine", KEY_MACHINE, "MACHINE", 0, LAB_MACHINE_HELP, 0},
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},
    {"trace", KEY_TRACE, "FILE", 0, "Write every record of each first play to FILE", 0},
    {"junit", KEY_JUNIT, "FILE", 0, "Write the results to FILE as JUnit XML", 0},
    {"set", KEY_SET, "NAME=VALUE", 0, "Override a cost (cost.exit_ns), a field of vm{} or a param.NAME; may be repeated",
     0},
    {"once", KEY_ONCE, NULL, 0, "Do not play each scenario a second time to compare the hashes", 0},
    {"timeline", KEY_TIMELINE, "svg FILE", OPTION_ARG_OPTIONAL,
     "Draw each first play as a ladder: guest, relay, debugger; with =svg FILE all of them into FILE as one picture", 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

/* The first error is told in one line; nothing is played before everything could be read. */
static void parse_scenarios(const struct scenario_list *scenarios)
{
    char message[SCRIPT_MESSAGE_BYTES];
    for (size_t i = 0; i < scenarios->count; i++)
        if (script_parse(scenarios->items[i].path, message) != KD_OK)
            command_refuse("%s", message);
}

static void close_file(FILE *file, const char *option)
{
    if (file != NULL && fclose(file) != 0)
        command_refuse("%s: the file could not be written completely: %s", option, strerror(errno));
}

static int command_run(int argc, char **argv)
{
    static const struct argp argp = {run_options, parse_run, "SCENARIO...",
                                     "Plays scenarios and reports as TAP. Exit code 0: all passed; 1: one failed; "
                                     "2: bad input.",
                                     NULL, NULL, NULL};
    struct arguments arguments = {.runner = {.every_link = true, .every_arch = true, .seed = 1, .tap = stdout, .errors = stderr}};
    /* Both flags: argp's own messages take two lines. */
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    bool one_arch = !arguments.runner.every_arch;
    command_machine_ready(&arguments.runner.machine);
    command_machine_arch(&arguments.runner.machine, &one_arch, &arguments.runner.arch);
    arguments.runner.every_arch = !one_arch;
    parse_scenarios(&arguments.scenarios);
    open_files(&arguments);
    int code = runner_run(&arguments.runner, &arguments.scenarios);
    close_file(arguments.runner.trace, "--trace");
    close_file(arguments.runner.junit, "--junit");
    close_file(arguments.runner.timeline_svg, "--timeline=svg");
    scenario_list_free(&arguments.scenarios);
    script_settings_free(&arguments.runner.settings);
    return code;
}

static int command_list(int argc, char **argv)
{
    struct scenario_list list = {0};
    char why[SCENARIO_WHY_BYTES];
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("kdharness list [FOLDER]: the names of the scenarios, or of those in one folder (loss), a line each\n"
             "kdharness list --table [FOLDER]: which of them is played on which link and architecture, as a table in Markdown");
        return RUNNER_OK;
    }
    bool table = argc > 1 && strcmp(argv[1], "--table") == 0;
    argc -= table;
    argv += table;
    if (argc > 2)
        command_refuse("list: at most one folder, not also '%s'", argv[2]);
    if (scenario_find(&list, argc > 1 ? argv[1] : NULL, why) != KD_OK)
        command_refuse("%s", why);
    int code = RUNNER_OK;
    if (table)
        code = runner_table(&list, stdout);
    for (size_t i = 0; !table && i < list.count; i++)
        puts(list.items[i].name);
    scenario_list_free(&list);
    return code;
}

static int command_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("kdharness run [OPTION...] SCENARIO...   play scenarios (kdharness run --help)\n"
         "kdharness target --listen ADDRESS       run a live target for a debugger (kdharness target --help)\n"
         "kdharness image [--arch ARCH]           what lies where in the target's memory (--out FILE: and its bytes)\n"
         "kdharness list [--table] [FOLDER]       the scenarios there are, and which is played on what\n"
#ifdef KDHARNESS_SWARM
         "kdharness swarm --seeds A:B             play worlds drawn from seeds (kdharness swarm --help)\n"
         "kdharness merge FILE...                 join the results of several swarms\n"
         "kdharness replay SEED                   one of those worlds again, as a ladder\n"
         "kdharness shrink SEED                   the least that fails as that one does, as a scenario\n"
         "kdharness exhaust                       every fault at every place of a short conversation\n"
         "kdharness diff-machines SCENARIO...     prove that every machine plays the same history\n"
#endif
#ifdef KDHARNESS_GATE
         "kdharness gate DLL...                   may these modules ship? (kdharness gate --help)\n"
#endif
         "kdharness help                          this text\n"
         "\n"
         "A scenario is a file, a folder, or a name below the scenario folder ($KDHARNESS_SCENARIOS).\n"
         "harness/README.md says how to write one and how to read a failure.");
    return RUNNER_OK;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"run", command_run},
                    {"target", command_target},
                    {"image", command_image},
                    {"list", command_list},
#ifdef KDHARNESS_SWARM
                    {"swarm", command_swarm},
                    {"merge", command_merge},
                    {"replay", command_replay},
                    {"shrink", command_shrink},
                    {"exhaust", command_exhaust},
                    {"diff-machines", command_diff},
#endif
#ifdef KDHARNESS_GATE
                    {"gate", command_gate},
#endif
                    {"help", command_help},
                    {"--help", command_help}};
    if (argc < 2)
        command_refuse("no command: kdharness help lists them");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    command_refuse("no command is called '%s': kdharness help lists them", argv[1]);
}
