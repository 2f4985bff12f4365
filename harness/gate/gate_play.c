/* Rules about what the module does: the harness's own commands, played over the file's bytes on the emulated
 * machine, by this program once more. So a play that crashes is a rule that fails. */
#include "harness/gate/gate_play.h"

#include "harness/script/scenario_find.h"
#include "sim/world/sim_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 24, LINE_BYTES = 4096, PROGRESS_LINES = 8, COMMAND_GONE = 127, PATH_BYTES = 1024 };

#define SWARM_SEEDS "1:200"

/* A command under way. */
struct play {
    const struct gate_subject *subject;
    const char *name; /* of the rule */
    FILE *keep;       /* all that it prints; NULL: not kept */
    unsigned lines;
    char
        first_bad[GATE_PLAY_LINE_BYTES]; /* the first line that tells of a failure, or the last line at all */
    bool has_bad, needs_why, needs_replay; /* lines that follow it */
    void *sums; /* what read_line adds up in */
    void (*read_line)(struct play *play, const char *line);
};

static void note_bad(struct play *play, const char *line, bool is_bad)
{
    if (play->has_bad)
        return;
    snprintf(play->first_bad, sizeof play->first_bad, "%.*s", (int)strcspn(line, "\n"), line);
    play->has_bad = is_bad;
    play->needs_why = play->needs_replay = is_bad;
}

/* A later line that says more of that failure: each kind once. */
static void note_more(struct play *play, const char *line, const char *begins, bool *needs)
{
    size_t begins_bytes = strlen(begins), used = strlen(play->first_bad);
    if (!*needs || strncmp(line, begins, begins_bytes) != 0)
        return;
    line += begins_bytes;
    snprintf(play->first_bad + used, sizeof play->first_bad - used, "; %.*s", (int)strcspn(line, "\n"), line);
    *needs = false;
}

static void show_progress(struct play *play)
{
    if (++play->lines % PROGRESS_LINES == 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r  %s on %s: %u lines so far\033[K", play->name, gate_subject_arch(play->subject),
                play->lines);
}

static void read_output(struct play *play, FILE *output)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, output) != NULL) {
        if (play->keep != NULL)
            fputs(line, play->keep);
        play->read_line(play, line);
        show_progress(play);
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static FILE *open_keep(const struct play *play)
{
    char path[PATH_BYTES];
    if (play->subject->keep == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s/%s-%s.txt", play->subject->keep, gate_subject_arch(play->subject),
             play->name);
    return fopen(path, "w");
}

/* In the child: both streams into the pipe. */
_Noreturn static void become(char *const *arguments, const int pipe_ends[2])
{
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    execv("/proc/self/exe", arguments);
    _exit(COMMAND_GONE);
}

/* Returns the command's exit code; -1: it was ended by a signal, or could not be begun. */
static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(struct play *play, char *const *arguments)
{
    int pipe_ends[2];
    fflush(NULL);
    if (pipe(pipe_ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0)
        become(arguments, pipe_ends);
    close(pipe_ends[1]);
    FILE *output = child < 0 ? NULL : fdopen(pipe_ends[0], "r");
    play->keep = open_keep(play);
    if (output != NULL)
        read_output(play, output);
    if (play->keep != NULL)
        fclose(play->keep);
    if (output != NULL)
        fclose(output);
    else
        close(pipe_ends[0]);
    return child < 0 ? -1 : wait_for(child);
}

/* "kdharness COMMAND --machine emu --arch A --dll FILE more..." */
static int run_command(struct play *play, const char *command, const char *const *more)
{
    const char *arguments[ARGUMENTS_MAX] = {
        "kdharness",         command, "--machine", "emu", "--arch", gate_subject_arch(play->subject), "--dll",
        play->subject->path,
    };
    size_t count = 8;
    for (; *more != NULL && count + 1 < ARGUMENTS_MAX; more++)
        arguments[count++] = *more;
    return run(play, (char *const *)(uintptr_t)arguments);
}

static void fail_play(struct gate_verdict *verdict, const struct play *play, int code)
{
    if (code < 0)
        gate_fail(verdict, "the play was ended by a signal after: %s", play->first_bad);
    else
        gate_fail(verdict, "%s", play->first_bad[0] ? play->first_bad : "the play said nothing");
}

/* ---- scenarios ----------------------------------------------------------------------------------------- */

static void read_tap(struct play *play, const char *line)
{
    struct gate_scenarios *sums = play->sums;
    note_more(play, line, "# replay: ", &play->needs_replay);
    note_more(play, line, "# ", &play->needs_why);
    note_bad(play, line, strncmp(line, "not ok", 6) == 0);
    if (strncmp(line, "ok ", 3) == 0 && strstr(line, "# SKIP") != NULL)
        sums->skipped++;
    else if (strncmp(line, "ok ", 3) == 0)
        sums->passed++;
    else if (strncmp(line, "not ok", 6) == 0)
        sums->failed++;
    const char *stack = strstr(line, "a call of it used ");
    const char *guest = strncmp(line, "# guest: ", 9) == 0 ? line + 9 : NULL;
    if (guest != NULL)
        sums->instructions = strtoull(guest, NULL, 10);
    if (guest != NULL && stack != NULL)
        sums->stack_bytes = strtoul(stack + strlen("a call of it used "), NULL, 10);
}

/* The catalogue is played once, and more than one rule looks at how it went. */
static const struct gate_scenarios *played(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct gate_scenarios *sums = subject->scenarios;
    const char *what = subject->only == NULL ? scenario_folder() : subject->only;
    struct play play = {.subject = subject, .name = "scenarios", .sums = sums, .read_line = read_tap};
    if (!sums->is_played) {
        *sums = (struct gate_scenarios){.is_played = true};
        sums->code = run_command(&play, "run", (const char *const[]){"--once", what, NULL});
        snprintf(sums->first_bad, sizeof sums->first_bad, "%s", play.first_bad);
    }
    snprintf(play.first_bad, sizeof play.first_bad, "%s", sums->first_bad);
    if (sums->code == 0 && sums->passed > 0 && sums->failed == 0)
        return sums;
    fail_play(verdict, &play, sums->code);
    return NULL;
}

void gate_scenarios(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct gate_scenarios *sums = played(subject, verdict);
    if (sums != NULL)
        gate_pass(verdict, "%u passed on these bytes, %u do not apply; %" PRIu64 " guest instructions",
                  sums->passed, sums->skipped, sums->instructions);
}

void gate_stack_used(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct gate_verdict ignored;
    const struct gate_scenarios *sums = played(subject, &ignored);
    if (sums == NULL && subject->scenarios->stack_bytes == 0)
        gate_skip(verdict, "no play of the catalogue to see it in");
    else if (subject->scenarios->stack_bytes == 0)
        gate_fail(verdict, "the machine tells no high-water mark");
    else if (subject->scenarios->stack_bytes > SIM_CONDUCT_STACK_BYTES)
        gate_fail(verdict, "a call used %lu bytes: the limit is %d", subject->scenarios->stack_bytes,
                  SIM_CONDUCT_STACK_BYTES);
    else
        gate_pass(verdict, "high water over %s: %lu of %d bytes", subject->only == NULL ? "the catalogue" : subject->only,
                  subject->scenarios->stack_bytes, SIM_CONDUCT_STACK_BYTES);
}

/* ---- singles and swarm --------------------------------------------------------------------------------- */

struct counted {
    uint64_t played, failed;
};

/* "backdoor x64 emu: 6512 histories with one fault, 0 failed" */
static void read_exhaust(struct play *play, const char *line)
{
    struct counted *sums = play->sums;
    const char *colon = strstr(line, ": ");
    uint64_t histories, failed;
    bool is_sum =
        colon != NULL && strstr(line, " histories with ") != NULL &&
        sscanf(colon, ": %" SCNu64 " histories with one fault, %" SCNu64 " failed", &histories, &failed) == 2;
    note_more(play, line, "-- Source: this file, by ", &play->needs_replay);
    note_more(play, line, "fault ", &play->needs_why);
    note_bad(play, line, !is_sum);
    if (!is_sum)
        return;
    sums->played += histories;
    sums->failed += failed;
}

void gate_singles(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct counted sums = {0};
    struct play play = {.subject = subject, .name = "singles", .sums = &sums, .read_line = read_exhaust};
    int code = run_command(&play, "exhaust", (const char *const[]){NULL});
    if (code != 0 || sums.played == 0 || sums.failed > 0)
        fail_play(verdict, &play, code);
    else
        gate_pass(verdict, "%" PRIu64 " histories, one for every single fault at every place on every link",
                  sums.played);
}

/* "seed 17 [backdoor x64] ..." tells of a failure, "# seeds 1:200: 200 played, 0 failed, hash=..." of the
 * whole. */
static void read_swarm(struct play *play, const char *line)
{
    struct counted *sums = play->sums;
    const char *sum = strncmp(line, "# seeds ", 8) == 0 ? strstr(line + 8, ": ") : NULL;
    uint64_t seeds, failed;
    note_more(play, line, "  replay: ", &play->needs_replay);
    note_bad(play, line, strncmp(line, "seed ", 5) == 0);
    if (sum == NULL || sscanf(sum, ": %" SCNu64 " played, %" SCNu64 " failed", &seeds, &failed) != 2)
        return;
    sums->played += seeds;
    sums->failed += failed;
}

void gate_swarm(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    static const struct {
        const char *link, *name; /* what is kept of it is named so */
    } plays[] = {{"backdoor", "swarm-backdoor"}, {"doorbell", "swarm-doorbell"}, {"serial", "swarm-serial"}};
    struct counted sums = {0};
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
        struct play play = {.subject = subject, .name = plays[i].name, .sums = &sums, .read_line = read_swarm};
        uint64_t before = sums.played;
        int code = run_command(
            &play, "swarm", (const char *const[]){"--seeds", SWARM_SEEDS, "--link", plays[i].link, NULL});
        if (code != 0 || sums.played == before || sums.failed > 0) {
            fail_play(verdict, &play, code);
            return;
        }
    }
    gate_pass(verdict, "seeds " SWARM_SEEDS " on each link, %" PRIu64 " worlds, nothing wrong in any", sums.played);
}
