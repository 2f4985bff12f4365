/* script.h: plays one scenario once, over one link and on one architecture, and says how it went.
 *
 * The scenario runs as a Lua coroutine in the sandbox; a verb that waits yields to C, which runs the world until
 * the condition holds, a limit is reached or the oracle objects. Every scenario ends with the oracle's last word.
 * vm{} may be called again: the experiment before is judged and closed, and a new one begins with the same seed.
 * Tests: tests/test_runner.c, the scenarios themselves and scenarios/selftest. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "harness/script/lab.h"

enum { SCRIPT_MESSAGE_BYTES = 2048, SCRIPT_NAME_BYTES = 48 };

enum script_outcome {
    SCRIPT_PASSED,
    SCRIPT_FAILED,    /* an expectation, the oracle, a limit, or an error in Lua */
    SCRIPT_SKIPPED,   /* the scenario does not fit this link or architecture; message says why */
    SCRIPT_BAD_INPUT, /* it names a thing that does not exist, or cannot be read or parsed */
};

/* --set KEY=VALUE, in the order given; applied after what vm{} says. */
struct script_setting {
    char *name;
    char *value;
};
struct script_settings {
    struct script_setting *items;
    size_t count;
    size_t room;
};

/* Checks and keeps one "name=value": a name of lab_config_set, or "param.NAME" for param() in the script.
 * why  out  LAB_WHY_BYTES, on KD_ERR_ARGUMENT */
KD_MUST_USE enum kd_status script_settings_add(struct script_settings *settings, const char *text, char *why);
void script_settings_free(struct script_settings *settings);

struct script_options {
    const char *path; /* of the file, as a person would find it again */
    enum sim_link link;
    enum mk_arch arch;
    const struct lab_machine *machine; /* NULL: native */
    uint64_t seed;
    unsigned play;                          /* 1, or 2 for the second play that rule 9 compares */
    const struct script_settings *settings; /* may be NULL */
    FILE *trace;                            /* may be NULL */
    struct timeline *timeline;              /* may be NULL */
    bool only_asks;                         /* nothing is played: passed as soon as the first vm{} fits, else skipped */
    uint64_t time_ns_max;                   /* virtual, per scenario: one hour */
    uint64_t exits_max;                     /* per scenario: lab_exits_max() */
};
/* On x64. */
struct script_options script_options_default(const char *path, enum sim_link link);

/* How it is played, in words: "backdoor x64". */
void script_way_text(const struct script_options *options, char text[SCRIPT_NAME_BYTES]);

/* What a measure() of the script recorded about the run of its function: one number a row. */
#define SCRIPT_MEASURE_LIST(X)                                                                               \
    X(operations)    /* as the script says */                                                                \
    X(bytes)         /* of use to somebody, as the script says */                                            \
    X(sim_ns)                                                                                                \
    X(exits)                                                                                                 \
    X(exits_idle)    /* of those: status polls that found nothing */                                         \
    X(rpcs)                                                                                                  \
    X(payload_bytes) /* copied by the VMM */                                                                 \
    X(copied_bytes)  /* copied by the module in guest memory */                                              \
    X(kernel_bytes)  /* of packets between kernel and module */                                              \
    X(module_instructions) /* on the emulated machine; 0 elsewhere */                                        \
    X(ticks)                                                                                                 \
    X(wire_bytes)    /* on the debugger's line, both ways */                                                 \
    X(p50_ns)        /* of the times that the function returned, 0 without */                                \
    X(p99_ns)                                                                                                \
    X(max_ns)

struct script_measure {
    char name[SCRIPT_NAME_BYTES];
#define SCRIPT_MEASURE_FIELD(field) uint64_t field;
    SCRIPT_MEASURE_LIST(SCRIPT_MEASURE_FIELD)
#undef SCRIPT_MEASURE_FIELD
};

struct script_result {
    enum script_outcome outcome;
    char message[SCRIPT_MESSAGE_BYTES]; /* failed: what; the expected and actual lines, if any, follow in it */
    unsigned line;                      /* of the scenario, 0: none */
    uint64_t time_ns;                   /* of the world at the end, or at the failure */
    uint64_t hash;                      /* of all worlds of the scenario, in order */
    uint64_t records;
    uint64_t total_ns;                  /* virtual time of all its worlds */
    uint64_t exits;
    uint64_t instructions, module_instructions; /* of its guests, and of those in the module; 0 where none are counted */
    uint32_t stack_bytes;               /* the most that a call of the module used */
    char (*story)[LAB_STORY_BYTES];     /* failed: the last events */
    unsigned story_count;
    uint64_t *excuses; /* by index into oracle_holes() */
    unsigned excuse_count;
    struct script_measure *measures;
    size_t measure_count;
    char **prints; /* what the script printed */
    size_t print_count;
    struct sim_cost cost; /* the costs of its last world */
};

/* Never fails itself: whatever happens is in the result. Free with script_result_free. */
void script_run(const struct script_options *options, struct script_result *result);
void script_result_free(struct script_result *result);

/* Reads and parses without playing. Returns KD_OK; KD_ERR_ARGUMENT: message (SCRIPT_MESSAGE_BYTES) says why */
KD_MUST_USE enum kd_status script_parse(const char *path, char *message);

/* A scenario of selftest says where it must fail: "-- FAILS: text" at the end of the guilty line.
 * Returns  true, with the line's number and the text, when the file has such a comment */
bool script_expected_failure(const char *path, unsigned *line, char *text, size_t text_bytes);

#endif
