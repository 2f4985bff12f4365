/* kdharness gate: may these DLLs ship? */
#include "harness/gate/gate_report.h"
#include "harness/script/command.h"
#include "harness/script/runner.h"
#include "harness/script/scenario_find.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEY_HELP = '?',
    KEY_STATIC = 256,
    KEY_RULE,
    KEY_STACK_USAGE,
    KEY_JSON,
    KEY_RULES,
    KEY_SCENARIOS,
    KEY_KEEP,
    FILES_MAX = 16,
    RULES_MAX = 64
};

struct arguments {
    const char *files[FILES_MAX];
    size_t file_count;
    const struct gate_rule *rules[RULES_MAX]; /* none: all */
    size_t rule_count;
    bool form_only;
    const char *stack_usage[FILES_MAX]; /* in the files' order */
    size_t stack_usage_count;
    const char *only, *keep, *json;
};

static void add_file(struct arguments *arguments, const char *path)
{
    if (arguments->file_count == FILES_MAX)
        command_refuse("gate: %s: more than %d files", path, FILES_MAX);
    arguments->files[arguments->file_count++] = path;
}

static void add_rule(struct arguments *arguments, const char *name)
{
    const struct gate_rule *rule = gate_rule_find(name);
    if (rule == NULL || arguments->rule_count == RULES_MAX)
        command_refuse("--rule %s: no such rule (kdharness gate --rules lists them)", name);
    arguments->rules[arguments->rule_count++] = rule;
}

static void add_stack_usage(struct arguments *arguments, const char *folder)
{
    if (arguments->stack_usage_count == FILES_MAX)
        command_refuse("--stack-usage %s: given more than %d times", folder, FILES_MAX);
    arguments->stack_usage[arguments->stack_usage_count++] = folder;
}

/* No verdict about a DLL from a name that was mistyped. */
static void check_scenarios(const char *name)
{
    struct scenario_list found = {0};
    char why[SCENARIO_WHY_BYTES];
    if (scenario_find(&found, name, why) != KD_OK)
        command_refuse("--scenarios %s", why);
    scenario_list_free(&found);
}

_Noreturn static void list_rules(void)
{
    for (size_t i = 0; i < gate_rule_count; i++)
        printf("%-14s %s\n", gate_rules[i].name, gate_rules[i].claim);
    exit(RUNNER_OK);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_STATIC:
        arguments->form_only = true;
        return 0;
    case KEY_RULE:
        add_rule(arguments, value);
        return 0;
    case KEY_STACK_USAGE:
        add_stack_usage(arguments, value);
        return 0;
    case KEY_SCENARIOS:
        check_scenarios(value);
        arguments->only = value;
        return 0;
    case KEY_KEEP:
        command_folder("--keep", value);
        arguments->keep = value;
        return 0;
    case KEY_JSON:
        arguments->json = value;
        return 0;
    case KEY_RULES:
        list_rules();
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdharness gate");
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        add_file(arguments, value);
        return 0;
    case ARGP_KEY_NO_ARGS:
        command_refuse("gate: no file given: expected kdharness gate DLL...");
    case ARGP_KEY_ERROR:
        command_refuse("gate: %s: unknown option, or its value is missing (kdharness gate --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"static", KEY_STATIC, NULL, 0, "The rules about the file, and those of --rule; nothing else is played",
     0},
    {"rule", KEY_RULE, "NAME", 0, "Only this rule; may be repeated", 0},
    {"rules", KEY_RULES, NULL, 0, "List the rules", 0},
    {"stack-usage", KEY_STACK_USAGE, "FOLDER", 0,
     "The build's .su files of the next DLL, for the rule stack-usage; may be repeated, in the files' order",
     0},
    {"scenarios", KEY_SCENARIOS, "NAME", 0, "Play this scenario or folder, not the whole catalogue", 0},
    {"keep", KEY_KEEP, "FOLDER", 0, "Write all that the plays print into this folder", 0},
    {"json", KEY_JSON, "FILE", 0, "Write the findings to FILE as JSON", 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool asked_for(const struct arguments *arguments, const struct gate_rule *rule)
{
    for (size_t i = 0; i < arguments->rule_count; i++)
        if (arguments->rules[i] == rule)
            return true;
    return arguments->form_only ? !rule->plays : arguments->rule_count == 0;
}

static struct gate_counts judge(const struct arguments *arguments, const struct gate_subject *subject,
                                struct gate_report *report)
{
    gate_report_subject(report, subject);
    for (size_t i = 0; i < gate_rule_count; i++) {
        struct gate_verdict verdict = {.outcome = GATE_FAIL};
        if (!asked_for(arguments, &gate_rules[i]))
            continue;
        double begin = seconds_now();
        gate_rules[i].judge(subject, &verdict);
        gate_report_finding(report, &gate_rules[i], &verdict, seconds_now() - begin);
    }
    return gate_report_end(report);
}

/* Every file is opened before the first is judged: bad input is told at once. */
static void open_all(const struct arguments *arguments, struct gate_subject *subjects)
{
    for (size_t i = 0; i < arguments->file_count; i++) {
        char why[PE_WHY_BYTES];
        if (gate_subject_open(&subjects[i], arguments->files[i], why) != KD_OK)
            command_refuse("gate: %s: %s", arguments->files[i], why);
        subjects[i].only = arguments->only;
        subjects[i].keep = arguments->keep;
        subjects[i].stack_usage = i < arguments->stack_usage_count ? arguments->stack_usage[i] : NULL;
    }
}

static FILE *open_json(const char *path)
{
    FILE *json = path == NULL ? NULL : fopen(path, "w");
    if (path != NULL && json == NULL)
        command_refuse("--json %s: cannot be written: %s", path, strerror(errno));
    return json;
}

int command_gate(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DLL...",
        "Judges KD modules by every rule of the gate, a line each. Exit code 0: all "
        "passed; 1: a rule failed; 2: a file cannot be read, or bad input; 77: no rule "
        "could be judged.",
        NULL,
        NULL,
        NULL};
    static struct arguments arguments;
    static struct gate_subject subjects[FILES_MAX];
    unsigned failed = 0, unjudged = 0;
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    open_all(&arguments, subjects);
    FILE *json = open_json(arguments.json);
    struct gate_report *report = gate_report_create(stdout);
    for (size_t i = 0; i < arguments.file_count; i++) {
        struct gate_counts counts = judge(&arguments, &subjects[i], report);
        failed += counts.failed;
        unjudged += counts.passed + counts.failed == 0;
        gate_subject_close(&subjects[i]);
    }
    enum kd_status written = json == NULL ? KD_OK : gate_report_json(report, json);
    gate_report_destroy(report);
    if (json != NULL && (fclose(json) != 0 || written != KD_OK))
        command_refuse("--json %s: the file could not be written completely", arguments.json);
    return failed > 0 ? RUNNER_FAILED : unjudged > 0 ? RUNNER_SKIPPED : RUNNER_OK;
}
