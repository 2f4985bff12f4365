/* runner.h: plays scenarios over their links and on their architectures, each twice, and reports as TAP (and JUnit).
 *
 * Oracle rule 9 is judged here: both plays of a scenario must give the same hash and the same outcome. A scenario
 * with a "-- FAILS: text" comment passes if and only if it fails at that line with that text.
 * Tests: tests/test_runner.c */
#ifndef RUNNER_H
#define RUNNER_H

#include "harness/script/scenario_find.h"
#include "harness/script/script.h"

struct runner_options {
    bool every_link;     /* else only .link */
    enum sim_link link;
    bool every_arch;     /* else only .arch */
    enum mk_arch arch;
    struct lab_machine machine;
    uint64_t seed;
    bool once;           /* no second play */
    struct script_settings settings;
    FILE *trace;         /* may be NULL: records of each first play */
    bool timeline;       /* a ladder of each first play, into tap */
    FILE *timeline_svg;  /* may be NULL: all of them as one picture */
    FILE *junit;         /* may be NULL */
    FILE *tap;           /* stdout */
    FILE *errors;        /* stderr: one line for each bad input */
};

/* Exit codes of the program. */
enum { RUNNER_OK = 0, RUNNER_FAILED = 1, RUNNER_BAD_INPUT = 2, RUNNER_SKIPPED = 77 };

/* What a scenario can be played on: every link on every architecture. */
struct runner_way {
    enum sim_link link;
    enum mk_arch arch;
};
const struct runner_way *runner_ways(size_t *count);

/* runner_table.c: which scenario is played on what, and why not elsewhere, as a table in Markdown; nothing is played.
 * Returns  RUNNER_OK; RUNNER_BAD_INPUT: a scenario could not be read, told on stderr */
int runner_table(const struct scenario_list *scenarios, FILE *out);

/* Returns  one of the codes above; the worst that any scenario earned */
int runner_run(const struct runner_options *options, const struct scenario_list *scenarios);

#endif
