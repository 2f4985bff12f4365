/* kdharness diff-machines: the same history on every machine, or the first place where it is not. */
#include "harness/script/command.h"
#include "harness/script/runner.h"
#include "harness/swarm/swarm_run.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = '?', KEY_SEED = 256, KEY_SEEDS, KEY_LINK, KEY_ARCH, KEY_MACHINE, KEY_DLL, KEY_SET, KEY_EXITS };
enum { CONTEXT_LINES = 4 };

struct arguments {
    struct lab_machine native, others[SIM_MACHINES]; /* what is compared with native, by kind */
    struct lab_machine chosen;                       /* what --machine and --dll say */
    bool one_machine, one_link, one_arch;
    enum sim_link link;
    enum mk_arch arch;
    uint64_t seed, first, last, exits_max;
    bool have_seeds;
    struct script_settings settings;
    struct scenario_list scenarios;
};

struct tally {
    unsigned number, equal, different, failed, skipped;
};

/* ---- what is played ------------------------------------------------------------------------------------------- */

/* A scenario on one way, or, without one, a seed of the swarm. */
struct subject {
    const struct arguments *arguments;
    const struct scenario *scenario;
    enum sim_link link;
    enum mk_arch arch;
    uint64_t seed;
};

struct ending {
    enum script_outcome outcome;
    uint64_t hash, exits;
    char message[SCRIPT_MESSAGE_BYTES];
};

static struct swarm_plan plan_of(const struct subject *subject, const struct lab_machine *machine)
{
    const struct arguments *arguments = subject->arguments;
    const struct swarm_scope scope = {.one_link = arguments->one_link,
                                      .link = arguments->link,
                                      .one_arch = arguments->one_arch,
                                      .arch = arguments->arch,
                                      .machine = machine};
    struct swarm_plan plan;
    swarm_plan_draw(&plan, subject->seed, &scope);
    return plan;
}

static void play_seed(const struct subject *subject, const struct lab_machine *machine, FILE *trace,
                      struct ending *ending)
{
    struct swarm_plan plan = plan_of(subject, machine);
    struct swarm_result result;
    swarm_run(&plan, trace, NULL, &result);
    *ending = (struct ending){
        .outcome = result.failed ? SCRIPT_FAILED : SCRIPT_PASSED, .hash = result.hash, .exits = result.exits};
    snprintf(ending->message, sizeof ending->message, "%s", result.text);
}

static void play_scenario(const struct subject *subject, const struct lab_machine *machine, FILE *trace,
                          struct ending *ending)
{
    struct script_options play = script_options_default(subject->scenario->path, subject->link);
    struct script_result result;
    play.arch = subject->arch;
    play.seed = subject->seed;
    if (play.exits_max > subject->arguments->exits_max)
        play.exits_max = subject->arguments->exits_max;
    play.settings = &subject->arguments->settings;
    play.machine = machine;
    play.trace = trace;
    script_run(&play, &result);
    *ending = (struct ending){.outcome = result.outcome, .hash = result.hash, .exits = result.exits};
    snprintf(ending->message, sizeof ending->message, "%s", result.message);
    script_result_free(&result);
}

static void play(const struct subject *subject, const struct lab_machine *machine, FILE *trace,
                 struct ending *ending)
{
    if (subject->scenario != NULL)
        play_scenario(subject, machine, trace, ending);
    else
        play_seed(subject, machine, trace, ending);
}

static bool same(const struct ending *a, const struct ending *b)
{
    return a->outcome == b->outcome && a->hash == b->hash && a->exits == b->exits &&
           strcmp(a->message, b->message) == 0;
}

/* ---- the first difference ------------------------------------------------------------------------------------- */

/* The trace of one more play, as text; freed by the caller. */
static char *trace_of(const struct subject *subject, const struct lab_machine *machine)
{
    char *text = NULL;
    size_t bytes = 0;
    struct ending ending;
    FILE *file = open_memstream(&text, &bytes);
    if (file == NULL)
        command_refuse("diff-machines: no memory for a trace");
    play(subject, machine, file, &ending);
    if (fclose(file) != 0)
        command_refuse("diff-machines: no memory for a trace");
    return text;
}

static int line_length(const char *text)
{
    return (int)strcspn(text, "\n");
}

static const char *next_line(const char *text)
{
    text += line_length(text);
    return text + (*text == '\n');
}

static void print_side(const char *name, const char *text)
{
    const char *shown = *text == 0 ? "(ended)" : text;
    printf("#   %-7s %.*s\n", name, line_length(shown), shown);
}

/* The lines that lead to it, and what either machine has there. */
static void show_difference(const char *a, const char *b, const char *name)
{
    const char *before[CONTEXT_LINES] = {NULL};
    uint64_t line = 0;
    while (*a != 0 && line_length(a) == line_length(b) && strncmp(a, b, (size_t)line_length(a)) == 0) {
        before[line++ % CONTEXT_LINES] = a;
        a = next_line(a);
        b = next_line(b);
    }
    if (*a == 0 && *b == 0) {
        printf("# the traces are equal, %" PRIu64 " records; the endings are not\n", line);
        return;
    }
    printf("# first difference: record %" PRIu64 "\n", line + 1);
    for (uint64_t i = line < CONTEXT_LINES ? 0 : line - CONTEXT_LINES; i < line; i++)
        print_side("both", before[i % CONTEXT_LINES]);
    print_side("native", a);
    print_side(name, b);
}

static void show_ending(const char *name, const struct ending *ending)
{
    static const char *const outcomes[] = {
        [SCRIPT_PASSED] = "passed", [SCRIPT_FAILED] = "failed", [SCRIPT_SKIPPED] = "skipped", [SCRIPT_BAD_INPUT] = "refused"};
    printf("#   %-7s %-7s hash=%016" PRIx64 " exits=%" PRIu64 " %.*s\n", name, outcomes[ending->outcome], ending->hash,
           ending->exits, line_length(ending->message), ending->message);
}

static void show(const struct subject *subject, const struct lab_machine *machine, const struct ending *native,
                 const struct ending *other)
{
    const char *name = lab_machine_suffix(machine);
    show_ending("native", native);
    show_ending(name, other);
    char *a = trace_of(subject, &subject->arguments->native), *b = trace_of(subject, machine);
    show_difference(a, b, name);
    free(a);
    free(b);
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static void name_subject(const struct subject *subject, char *to, size_t to_bytes)
{
    if (subject->scenario != NULL)
        snprintf(to, to_bytes, "%s [%s %s]", subject->scenario->name, lab_link_name(subject->link),
                 lab_arch_name(subject->arch));
    else
        snprintf(to, to_bytes, "seed %" PRIu64 " [%s %s]", subject->seed, lab_link_name(subject->link),
                 lab_arch_name(subject->arch));
}

/* A scenario of selftest fails everywhere alike, which is as it should be. */
static bool may_fail(const struct subject *subject)
{
    unsigned line;
    char text[400];
    return subject->scenario != NULL &&
           script_expected_failure(subject->scenario->path, &line, text, sizeof text);
}

/* What costs native more exits than was wished for is played so far, and on no other machine. */
static bool costs_too_much(const struct subject *subject, const struct ending *native, struct tally *tally)
{
    char name[160];
    if (native->exits <= subject->arguments->exits_max)
        return false;
    name_subject(subject, name, sizeof name);
    tally->skipped++;
    printf("ok %u - %s # SKIP it has more exits than --exits allows\n", ++tally->number, name);
    return true;
}

static void say(const struct subject *subject, const struct ending *native, bool equal, struct tally *tally)
{
    char name[160];
    bool skipped = native->outcome == SCRIPT_SKIPPED;
    bool failed = !skipped && native->outcome != SCRIPT_PASSED && !may_fail(subject);
    name_subject(subject, name, sizeof name);
    tally->skipped += equal && skipped;
    tally->equal += equal && !skipped && !failed;
    tally->failed += equal && failed;
    tally->different += !equal;
    printf("%s %u - %s", equal && !failed ? "ok" : "not ok", ++tally->number, name);
    if (equal && skipped)
        printf(" # SKIP %s\n", native->message);
    else
        printf(" hash=%016" PRIx64 " exits=%" PRIu64 "\n", native->hash, native->exits);
    if (equal && failed)
        show_ending("all", native);
}

static void compare(const struct subject *subject, struct tally *tally)
{
    const struct arguments *arguments = subject->arguments;
    struct ending native, others[SIM_MACHINES];
    bool equal = true, compared[SIM_MACHINES] = {false};
    play(subject, &arguments->native, NULL, &native);
    if (costs_too_much(subject, &native, tally))
        return;
    for (int kind = SIM_MACHINE_NATIVE + 1; kind < SIM_MACHINES; kind++) {
        const struct lab_machine *machine = &arguments->others[kind];
        compared[kind] = !lab_machine_is_native(machine);
        if (!compared[kind])
            continue;
        play(subject, machine, NULL, &others[kind]);
        equal = equal && same(&native, &others[kind]);
    }
    say(subject, &native, equal, tally);
    for (int kind = 0; kind < SIM_MACHINES; kind++)
        if (compared[kind] && !same(&native, &others[kind]))
            show(subject, &arguments->others[kind], &native, &others[kind]);
    fflush(stdout);
}

static bool wanted(const struct arguments *arguments, enum sim_link link, enum mk_arch arch)
{
    return (!arguments->one_link || arguments->link == link) && (!arguments->one_arch || arguments->arch == arch);
}

static void compare_scenarios(const struct arguments *arguments, struct tally *tally)
{
    size_t way_count;
    const struct runner_way *ways = runner_ways(&way_count);
    for (size_t i = 0; i < arguments->scenarios.count; i++)
        for (size_t way = 0; way < way_count; way++) {
            struct subject subject = {arguments, &arguments->scenarios.items[i], ways[way].link, ways[way].arch,
                                      arguments->seed};
            if (wanted(arguments, subject.link, subject.arch))
                compare(&subject, tally);
        }
}

static void compare_seeds(const struct arguments *arguments, struct tally *tally)
{
    for (uint64_t seed = arguments->first; arguments->have_seeds; seed++) {
        struct subject subject = {.arguments = arguments, .seed = seed};
        struct swarm_plan plan = plan_of(&subject, NULL);
        subject.link = plan.link;
        subject.arch = plan.arch;
        compare(&subject, tally);
        if (seed == arguments->last)
            return;
    }
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static void set_seeds(struct arguments *arguments, const char *text)
{
    char *end, *last = NULL;
    errno = 0;
    arguments->first = strtoull(text, &end, 10);
    arguments->last = *end == ':' ? strtoull(end + 1, &last, 10) : 0;
    if (text[0] < '0' || text[0] > '9' || *end != ':' || end[1] < '0' || end[1] > '9' || *last != 0 || errno != 0 ||
        arguments->last < arguments->first)
        command_refuse("--seeds %s: expected FIRST:LAST, as 1:500", text);
    arguments->have_seeds = true;
}

static void set_exits(struct arguments *arguments, const char *text)
{
    char *end;
    errno = 0;
    arguments->exits_max = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0)
        command_refuse("--exits %s: expected a whole number", text);
}

static void add_setting(struct arguments *arguments, const char *value)
{
    char why[LAB_WHY_BYTES];
    if (script_settings_add(&arguments->settings, value, why) != KD_OK)
        command_refuse("--set %s", why);
}

static void add_scenario(struct arguments *arguments, const char *name)
{
    char why[SCENARIO_WHY_BYTES], message[SCRIPT_MESSAGE_BYTES];
    size_t known = arguments->scenarios.count;
    if (scenario_find(&arguments->scenarios, name, why) != KD_OK)
        command_refuse("%s", why);
    for (size_t i = known; i < arguments->scenarios.count; i++)
        if (script_parse(arguments->scenarios.items[i].path, message) != KD_OK)
            command_refuse("%s", message);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_SEED:
        arguments->seed = command_seed(value);
        return 0;
    case KEY_SEEDS:
        set_seeds(arguments, value);
        return 0;
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
    case KEY_MACHINE:
        command_machine(&arguments->chosen, value);
        arguments->one_machine = true;
        return 0;
    case KEY_DLL:
        command_dll(&arguments->chosen, value);
        return 0;
    case KEY_EXITS:
        set_exits(arguments, value);
        return 0;
    case KEY_SET:
        add_setting(arguments, value);
        return 0;
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdharness diff-machines");
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        add_scenario(arguments, value);
        return 0;
    case ARGP_KEY_END:
        if (arguments->scenarios.count == 0 && !arguments->have_seeds)
            command_refuse("diff-machines: expected scenarios, or --seeds FIRST:LAST (kdharness diff-machines --help)");
        return 0;
    case ARGP_KEY_ERROR:
        command_refuse("diff-machines: %s: unknown option, or its value is missing (kdharness diff-machines --help lists "
                       "them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"seeds", KEY_SEEDS, "A:B", 0, "Compare the worlds of these swarm seeds too", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of the scenarios' worlds (default 1)", 0},
    {"link", KEY_LINK, "LINK", 0, "backdoor, doorbell or serial; default: all, and as the seed draws", 0},
    {"arch", KEY_ARCH, "ARCH", 0, "x64 or x86; default: both, and as the seed draws", 0},
    {"machine", KEY_MACHINE, "MACHINE", 0, "Compare native with this one alone; default: with each that is here", 0},
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},
    {"exits", KEY_EXITS, "N", 0, "Leave out what costs more than so many VM exits; default: nothing", 0},
    {"set", KEY_SET, "NAME=VALUE", 0, "As in kdharness run; may be repeated", 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

/* Each machine that this host has and nobody left out. */
static void choose_machines(struct arguments *arguments)
{
    unsigned count = 0;
    for (int kind = SIM_MACHINE_NATIVE + 1; kind < SIM_MACHINES; kind++) {
        const char *missing = sim_machine_missing((enum sim_machine_kind)kind);
        if (arguments->one_machine && arguments->chosen.kind != (enum sim_machine_kind)kind)
            continue;
        if (missing != NULL && !arguments->one_machine) {
            printf("# %s is left out: %s\n", sim_machine_name((enum sim_machine_kind)kind), missing);
            continue;
        }
        arguments->others[kind] = arguments->chosen;
        arguments->others[kind].kind = (enum sim_machine_kind)kind;
        command_machine_ready(&arguments->others[kind]);
        count++;
    }
    command_machine_arch(&arguments->chosen, &arguments->one_arch, &arguments->arch);
    if (count == 0)
        command_refuse("diff-machines: nothing to compare native with");
}

int command_diff(int argc, char **argv)
{
    static const struct argp argp = {options, parse, "[SCENARIO...]",
                                     "Plays scenarios and swarm seeds on every machine and compares the traces: exits with "
                                     "what both sides defined, and what the kernel reports. Exit code 0: all equal; 1: one "
                                     "is not, or fails everywhere; 2: bad input.",
                                     NULL, NULL, NULL};
    struct arguments arguments = {.seed = 1, .exits_max = UINT64_MAX};
    struct tally tally = {0};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    choose_machines(&arguments);
    compare_scenarios(&arguments, &tally);
    compare_seeds(&arguments, &tally);
    printf("1..%u\n# %u equal, %u different, %u equal and failed, %u skipped\n", tally.number, tally.equal,
           tally.different, tally.failed, tally.skipped);
    scenario_list_free(&arguments.scenarios);
    script_settings_free(&arguments.settings);
    return tally.different + tally.failed > 0 || tally.number == 0 ? RUNNER_FAILED : RUNNER_OK;
}
