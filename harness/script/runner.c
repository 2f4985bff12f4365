#include "harness/script/runner.h"
#include "harness/script/junit.h"
#include "harness/script/lab_story.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS_MAX = 16 };

/* One play's end, after what the scenario itself was expected to do. */
struct verdict {
    enum script_outcome outcome;
    char message[SCRIPT_MESSAGE_BYTES + 600];
};

struct tally {
    unsigned number, passed, failed, skipped;
    uint64_t instructions, module_instructions;
    uint32_t stack_bytes;
    int code;
    char refused[SCRIPT_MESSAGE_BYTES]; /* the bad input that was told last: it is the same on every link */
    struct timeline *timeline;          /* NULL: nobody wants to see one */
};

/* ---- judging ------------------------------------------------------------------------------------------------- */

static void place_text(const char *path, const struct script_result *result, char *to, size_t to_bytes)
{
    char time[40];
    lab_time_text(result->time_ns, time, sizeof time);
    if (result->line > 0)
        snprintf(to, to_bytes, "%s:%u: at %s: ", path, result->line, time);
    else
        snprintf(to, to_bytes, "%s: ", path);
}

/* A scenario of selftest: was it the failure that it promised? */
static void judge_promised_failure(const struct script_result *result, unsigned line, const char *text,
                                   struct verdict *verdict)
{
    bool failed = result->outcome == SCRIPT_FAILED || result->outcome == SCRIPT_BAD_INPUT;
    if (failed && result->line == line && strstr(result->message, text) != NULL) {
        verdict->outcome = SCRIPT_PASSED;
        return;
    }
    verdict->outcome = SCRIPT_FAILED;
    snprintf(verdict->message, sizeof verdict->message,
             "it should have failed, and did not as promised\n  expected: line %u: %s\n  actual:   line %u: %.*s", line,
             text, result->line, SCRIPT_MESSAGE_BYTES / 2, failed ? result->message : "it passed");
}

static void judge(const struct script_result *result, struct verdict *verdict)
{
    verdict->outcome = result->outcome;
    snprintf(verdict->message, sizeof verdict->message, "%s", result->message);
}

/* Rule 9: the second play must be the first one again. */
static void judge_again(const struct script_options *options, const struct script_result *first,
                        struct verdict *verdict)
{
    struct script_result second;
    struct script_options again = *options;
    again.trace = NULL;
    again.timeline = NULL;
    again.play = 2;
    script_run(&again, &second);
    bool same = first->hash == second.hash && first->records == second.records &&
                first->outcome == second.outcome && strcmp(first->message, second.message) == 0;
    if (!same) {
        verdict->outcome = SCRIPT_FAILED;
        snprintf(verdict->message, sizeof verdict->message,
                 "oracle: rule 9: the same seed gave another history\n  first play:  %016" PRIx64 ", %" PRIu64
                 " records, %.200s\n  second play: %016" PRIx64 ", %" PRIu64 " records, %.200s",
                 first->hash, first->records, first->message, second.hash, second.records, second.message);
    }
    script_result_free(&second);
}

/* A promise to break rule 9 is kept by two plays, not by one, and at no line. */
static bool promises_divergence(const char *text)
{
    return strncmp(text, "oracle: rule 9", strlen("oracle: rule 9")) == 0;
}

static void judge_promised_divergence(const struct script_options *play, bool once, const struct script_result *result,
                                      unsigned line, struct verdict *verdict)
{
    if (once) {
        verdict->outcome = SCRIPT_SKIPPED;
        snprintf(verdict->message, sizeof verdict->message, "one play cannot differ from itself");
        return;
    }
    judge_again(play, result, verdict);
    if (verdict->outcome == SCRIPT_FAILED && strncmp(verdict->message, "oracle: rule 9", strlen("oracle: rule 9")) == 0)
        verdict->outcome = SCRIPT_PASSED;
    else
        judge_promised_failure(result, line, "oracle: rule 9", verdict);
}

static void judge_all(const struct script_options *play, bool once, const struct script_result *result,
                      struct verdict *verdict)
{
    unsigned line;
    char text[400];
    judge(result, verdict);
    if (result->outcome == SCRIPT_SKIPPED)
        return;
    bool promised = script_expected_failure(play->path, &line, text, sizeof text);
    if (promised && promises_divergence(text) && result->outcome == SCRIPT_PASSED) {
        judge_promised_divergence(play, once, result, line, verdict);
        return;
    }
    if (promised)
        judge_promised_failure(result, line, text, verdict);
    if (!once && verdict->outcome == SCRIPT_PASSED)
        judge_again(play, result, verdict);
}

/* ---- reporting ----------------------------------------------------------------------------------------------- */

/* Text of several lines as TAP diagnostics. */
static void diagnose(FILE *tap, const char *text)
{
    while (*text != 0) {
        size_t length = strcspn(text, "\n");
        fprintf(tap, "# %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* The one command that plays this history again. */
static void print_replay(FILE *tap, const struct script_options *options)
{
    const struct script_settings *settings = options->settings;
    fprintf(tap, "# replay: kdharness run --seed %" PRIu64 " --link %s --arch %s", options->seed,
            lab_link_name(options->link), lab_arch_name(options->arch));
    lab_machine_print(options->machine, options->arch, tap);
    for (size_t i = 0; settings != NULL && i < settings->count; i++) {
        char setting[400];
        snprintf(setting, sizeof setting, "%s=%s", settings->items[i].name, settings->items[i].value);
        fputs(" --set", tap);
        lab_print_quoted(setting, tap);
    }
    lab_print_quoted(options->path, tap);
    fputc('\n', tap);
}

/* Where, when, what; expected and actual on adjacent lines; what led to it; how to see it again. */
static void print_failure(FILE *tap, const struct script_options *options, const struct script_result *result,
                          const struct verdict *verdict)
{
    char place[PATH_MAX + 64];
    place_text(options->path, result, place, sizeof place);
    fprintf(tap, "# %s", place);
    const char *rest = strchr(verdict->message, '\n');
    fprintf(tap, "%.*s\n", (int)strcspn(verdict->message, "\n"), verdict->message);
    if (rest != NULL)
        diagnose(tap, rest + 1);
    if (result->story_count > 0)
        fputs("# last events:\n", tap);
    for (unsigned i = 0; i < result->story_count; i++)
        fprintf(tap, "#   %s\n", result->story[i]);
    print_replay(tap, options);
}

/* Not a failure, but never silent. */
static void print_excuses(FILE *tap, const struct script_result *result)
{
    unsigned count;
    const struct oracle_hole *holes = oracle_holes(&count);
    for (unsigned i = 0; i < count && i < result->excuse_count; i++)
        if (result->excuses[i] > 0)
            fprintf(tap, "# excused by a hole of KDCOM: %s, %" PRIu64 " times: %s\n", holes[i].name,
                    result->excuses[i], holes[i].legal_outcome);
}

/* One line for each play: what it was, and the two figures that must not change by themselves: hash and exits. */
static void print_line(FILE *tap, unsigned number, const char *name, const struct script_result *result,
                       const struct script_options *options, const struct verdict *verdict)
{
    char way[SCRIPT_NAME_BYTES];
    script_way_text(options, way);
    bool ok = verdict->outcome == SCRIPT_PASSED || verdict->outcome == SCRIPT_SKIPPED;
    fprintf(tap, "%s %u - %s [%s]", ok ? "ok" : "not ok", number, name, way);
    if (verdict->outcome == SCRIPT_SKIPPED)
        fprintf(tap, " # SKIP %s\n", verdict->message);
    else
        fprintf(tap, " hash=%016" PRIx64 " time=%" PRIu64 ".%09" PRIu64 "s exits=%" PRIu64 "\n", result->hash,
                result->total_ns / SIM_S(1), result->total_ns % SIM_S(1), result->exits);
}

/* One line for people, however many links and architectures it is bad on. */
static void report_bad_input(const struct runner_options *options, const struct script_options *play,
                             const struct script_result *result, const struct verdict *verdict, struct tally *tally)
{
    char line[SCRIPT_MESSAGE_BYTES];
    int len = (int)strcspn(verdict->message, "\n");
    if (result->line > 0)
        snprintf(line, sizeof line, "%s:%u: %.*s", play->path, result->line, len, verdict->message);
    else
        snprintf(line, sizeof line, "%s: %.*s", play->path, len, verdict->message);
    if (strcmp(line, tally->refused) != 0)
        fprintf(options->errors, "kdharness: %s\n", line);
    snprintf(tally->refused, sizeof tally->refused, "%s", line);
}

static void report(const struct runner_options *options, const struct script_options *play,
                   const struct scenario *scenario, const struct script_result *result, const struct verdict *verdict,
                   struct tally *tally)
{
    FILE *tap = options->tap;
    print_line(tap, tally->number, scenario->name, result, play, verdict);
    for (size_t i = 0; i < result->print_count; i++)
        diagnose(tap, result->prints[i]);
    print_excuses(tap, result);
    if (verdict->outcome == SCRIPT_FAILED || verdict->outcome == SCRIPT_BAD_INPUT)
        print_failure(tap, play, result, verdict);
    if (verdict->outcome == SCRIPT_BAD_INPUT)
        report_bad_input(options, play, result, verdict, tally);
    fflush(tap);
    char way[SCRIPT_NAME_BYTES];
    script_way_text(play, way);
    if (options->junit != NULL)
        junit_case(options->junit, scenario->name, way, result->total_ns, verdict->outcome, verdict->message);
}

static void count(struct tally *tally, enum script_outcome outcome)
{
    static const int codes[] = {[SCRIPT_PASSED] = RUNNER_OK,
                                [SCRIPT_SKIPPED] = RUNNER_OK,
                                [SCRIPT_FAILED] = RUNNER_FAILED,
                                [SCRIPT_BAD_INPUT] = RUNNER_BAD_INPUT};
    tally->passed += outcome == SCRIPT_PASSED;
    tally->skipped += outcome == SCRIPT_SKIPPED;
    tally->failed += outcome == SCRIPT_FAILED || outcome == SCRIPT_BAD_INPUT;
    if (codes[outcome] > tally->code)
        tally->code = codes[outcome];
}

static void count_guest(struct tally *tally, const struct script_result *result)
{
    tally->instructions += result->instructions;
    tally->module_instructions += result->module_instructions;
    if (result->stack_bytes > tally->stack_bytes)
        tally->stack_bytes = result->stack_bytes;
}

/* What only a machine that counts can say. */
static void print_guest(FILE *tap, const struct tally *tally)
{
    if (tally->instructions > 0)
        fprintf(tap, "# guest: %" PRIu64 " instructions, %" PRIu64 " of them the module's; a call of it used %" PRIu32
                     " bytes of stack at most\n",
                tally->instructions, tally->module_instructions, tally->stack_bytes);
}

/* ---- the ladder ---------------------------------------------------------------------------------------------- */

static void title_timeline(struct timeline *timeline, const struct scenario *scenario, const struct script_options *play)
{
    char title[LAB_WHY_BYTES], way[SCRIPT_NAME_BYTES];
    script_way_text(play, way);
    snprintf(title, sizeof title, "%s [%s] seed %" PRIu64, scenario->name, way, play->seed);
    if (timeline != NULL)
        timeline_title(timeline, title);
}

/* One after the other where it is text; kept for the end where it becomes a picture. */
static void show_timeline(const struct runner_options *options, struct timeline *timeline)
{
    if (options->timeline)
        timeline_write_text(timeline, options->tap);
    if (timeline != NULL && options->timeline_svg == NULL)
        timeline_clear(timeline);
}

/* ---- playing ------------------------------------------------------------------------------------------------- */

static void play_one(const struct runner_options *options, const struct scenario *scenario, enum sim_link link,
                     enum mk_arch arch, struct tally *tally)
{
    struct script_options play = script_options_default(scenario->path, link);
    char way[SCRIPT_NAME_BYTES];
    struct script_result result;
    struct verdict verdict;
    play.arch = arch;
    play.machine = &options->machine;
    play.seed = options->seed;
    play.settings = &options->settings;
    play.trace = options->trace;
    script_way_text(&play, way);
    if (play.trace != NULL)
        fprintf(play.trace, "# %s [%s] seed %" PRIu64 "\n", scenario->name, way, play.seed);
    play.timeline = tally->timeline;
    title_timeline(tally->timeline, scenario, &play);
    script_run(&play, &result);
    show_timeline(options, tally->timeline);
    judge_all(&play, options->once, &result, &verdict);
    tally->number++;
    count(tally, verdict.outcome);
    count_guest(tally, &result);
    report(options, &play, scenario, &result, &verdict, tally);
    script_result_free(&result);
}

const struct runner_way *runner_ways(size_t *count)
{
    static const struct runner_way all[] = {
        {SIM_LINK_BACKDOOR, MK_X64}, {SIM_LINK_BACKDOOR, MK_X86}, {SIM_LINK_SERIAL, MK_X64},
        {SIM_LINK_SERIAL, MK_X86},   {SIM_LINK_DOORBELL, MK_X64}, {SIM_LINK_DOORBELL, MK_X86}};
    _Static_assert(sizeof all / sizeof *all <= WAYS_MAX, "find_ways has room for all");
    *count = sizeof all / sizeof *all;
    return all;
}

static size_t find_ways(const struct runner_options *options, struct runner_way ways[WAYS_MAX])
{
    size_t all_count, count = 0;
    const struct runner_way *all = runner_ways(&all_count);
    for (size_t i = 0; i < all_count; i++)
        if ((options->every_link || all[i].link == options->link) &&
            (options->every_arch || all[i].arch == options->arch))
            ways[count++] = all[i];
    return count;
}

int runner_run(const struct runner_options *options, const struct scenario_list *scenarios)
{
    struct runner_way ways[WAYS_MAX];
    size_t way_count = find_ways(options, ways);
    struct tally tally = {0};
    if (options->timeline || options->timeline_svg != NULL)
        tally.timeline = timeline_create();
    fprintf(options->tap, "1..%zu\n", scenarios->count * way_count);
    if (options->junit != NULL)
        junit_begin(options->junit);
    for (size_t i = 0; i < scenarios->count; i++)
        for (size_t way = 0; way < way_count; way++)
            play_one(options, &scenarios->items[i], ways[way].link, ways[way].arch, &tally);
    if (options->junit != NULL)
        junit_end(options->junit);
    if (options->timeline_svg != NULL)
        timeline_write_svg(tally.timeline, options->timeline_svg);
    timeline_destroy(tally.timeline);
    print_guest(options->tap, &tally);
    fprintf(options->tap, "# seed %" PRIu64 ": %u passed, %u failed, %u skipped\n", options->seed, tally.passed,
            tally.failed, tally.skipped);
    return tally.code;
}
