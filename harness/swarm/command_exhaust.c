/* kdharness exhaust: every fault at every place of a short conversation. */
#include "harness/script/command.h"
#include "harness/script/runner.h"
#include "harness/swarm/swarm_exhaust.h"
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>

enum { KEY_HELP = '?', KEY_LINK = 256, KEY_ARCH, KEY_PAIRS, KEY_MACHINE, KEY_DLL, FAILURES_SHOWN = 20 };

struct arguments {
    bool one_link, one_arch, pairs;
    enum sim_link link;
    enum mk_arch arch;
    struct lab_machine machine;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_LINK:
        if (lab_link_find(value, &arguments->link) != KD_OK)
            command_refuse("--link %s: expected backdoor, doorbell or serial", value);
        arguments->one_link = true;
        return 0;
    case KEY_ARCH:
        if (lab_arch_find(value, &arguments->arch) != KD_OK)
            command_refuse("--arch %s: expected x64 or x86", value);
        arguments->one_arch = true;
        return 0;
    case KEY_PAIRS:
        arguments->pairs = true;
        return 0;
    case KEY_MACHINE:
        command_machine(&arguments->machine, value);
        return 0;
    case KEY_DLL:
        command_dll(&arguments->machine, value);
        return 0;
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdharness exhaust");
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        command_refuse("exhaust: '%s' is no option, and nothing else is expected", value);
    case ARGP_KEY_ERROR:
        command_refuse("exhaust: %s: unknown option, or its value is missing (kdharness exhaust --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"link", KEY_LINK, "LINK", 0, "backdoor, doorbell or serial; default: all", 0},
    {"arch", KEY_ARCH, "ARCH", 0, "x64 or x86; default: both", 0},
    {"machine", KEY_MACHINE, "MACHINE", 0, LAB_MACHINE_HELP, 0},
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},
    {"pairs", KEY_PAIRS, NULL, 0, "Two faults in each history, not one", 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

/* A failure is a scenario at once. */
static void show_failure(void *context, const struct swarm_plan *plan, const struct swarm_result *result)
{
    unsigned *shown = context;
    if ((*shown)++ < FAILURES_SHOWN)
        swarm_plan_write(plan, result->text, stdout);
}

static uint64_t exhaust_one(enum sim_link link, enum mk_arch arch, const struct arguments *arguments)
{
    unsigned shown = 0;
    bool pairs = arguments->pairs;
    struct swarm_exhaust exhaust = {.link = link,
                                    .arch = arch,
                                    .machine = &arguments->machine,
                                    .context = &shown,
                                    .failure = show_failure};
    if (pairs)
        swarm_exhaust_pairs(&exhaust);
    else
        swarm_exhaust_singles(&exhaust);
    if (shown > FAILURES_SHOWN)
        printf("-- and %u more\n", shown - FAILURES_SHOWN);
    printf("%s %s%s%s: %" PRIu64 " histories with %s, %" PRIu64 " failed\n", lab_link_name(link), lab_arch_name(arch),
           lab_machine_is_native(&arguments->machine) ? "" : " ", lab_machine_suffix(&arguments->machine), exhaust.histories, pairs ? "two faults" : "one fault", exhaust.failed);
    fflush(stdout);
    return exhaust.failed + (exhaust.histories == 0);
}

int command_exhaust(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL,
                                     "Plays a short conversation with every fault at every place. Exit code 0: nothing "
                                     "was wrong; 1: a history failed; 2: bad input.",
                                     NULL, NULL, NULL};
    struct arguments arguments = {0};
    uint64_t failed = 0;
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    command_machine_ready(&arguments.machine);
    command_machine_arch(&arguments.machine, &arguments.one_arch, &arguments.arch);
    for (unsigned link = SIM_LINK_BACKDOOR; link <= SIM_LINK_SERIAL; link++)
        for (unsigned arch = MK_X64; arch <= MK_X86; arch++)
            if ((!arguments.one_link || link == arguments.link) && (!arguments.one_arch || arch == arguments.arch))
                failed += exhaust_one((enum sim_link)link, (enum mk_arch)arch, &arguments);
    return failed > 0 ? RUNNER_FAILED : RUNNER_OK;
}
