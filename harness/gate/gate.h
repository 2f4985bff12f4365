/* gate.h: what a kdfast.dll must be and do before it ships, as a table of rules, each judged over one file's
 * bytes.
 *
 * A new rule is one function and one line in gate_rules.c. The rules about the file need nothing but its
 * bytes; the rules about conduct play the harness over them (gate_play.c). README.md lists them with their
 * sources. Tests: tests/test_gate_hostile.c, and the bad DLLs of tests/bad */
#ifndef GATE_H
#define GATE_H

#include "harness/gate/gate_code.h"
#include "harness/gate/pe_image.h"

enum {
    GATE_FILE_BYTES_MAX = 256 * 1024, /* a larger file is no KD module */
    GATE_EVIDENCE_BYTES = 1200,
    GATE_SHA256_BYTES = 65,
};

struct gate_scenarios;

/* One file under judgement. Private but to the rules. */
struct gate_subject {
    const char *path;
    uint8_t *bytes;
    size_t len_bytes;
    char sha256[GATE_SHA256_BYTES];
    struct pe_image image;
    struct gate_code code;
    const char *stack_usage; /* folder of the build's .su files; NULL: not told */
    const char *only;        /* scenarios to play; NULL: all */
    const char *keep;        /* folder for all that the plays print; NULL: not kept */
    struct gate_scenarios *scenarios;
};

enum gate_outcome { GATE_PASS, GATE_FAIL, GATE_SKIP /* what it needs was not given */ };

struct gate_verdict {
    enum gate_outcome outcome;
    char evidence[GATE_EVIDENCE_BYTES]; /* one line */
};

struct gate_rule {
    const char *name;  /* one word, as --rule takes it */
    const char *claim; /* what holds when it passes */
    bool plays;        /* runs the harness over the bytes: minutes, not milliseconds */
    void (*judge)(const struct gate_subject *subject, struct gate_verdict *verdict);
};

extern const struct gate_rule gate_rules[];
extern const size_t gate_rule_count;

/* The rule of that name; NULL: none. */
const struct gate_rule *gate_rule_find(const char *name);

/* Reads a file.
 * why      out  on an error, one line
 * Returns  KD_OK; KD_ERR_BAD_MESSAGE, KD_ERR_TOO_BIG, KD_ERR_NO_DEVICE: it cannot be read, or not as an image
 * of x86 or x64; nothing is held */
KD_MUST_USE enum kd_status gate_subject_open(struct gate_subject *subject, const char *path,
                                             char why[PE_WHY_BYTES]);

/* The same of bytes in memory, from malloc(): they are the subject's from here on, and freed on an error too.
 */
KD_MUST_USE enum kd_status gate_subject_take(struct gate_subject *subject, const char *path, uint8_t *bytes,
                                             size_t len_bytes, char why[PE_WHY_BYTES]);
void gate_subject_close(struct gate_subject *subject);

/* "x64" or "x86". */
const char *gate_subject_arch(const struct gate_subject *subject);

/* For rules: the verdict with its evidence. */
void gate_pass(struct gate_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gate_fail(struct gate_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gate_skip(struct gate_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The rules by file: gate_format.c, gate_names.c, gate_conduct.c, gate_play.c. */
typedef void gate_judge(const struct gate_subject *subject, struct gate_verdict *verdict);
gate_judge gate_machine, gate_subsystem, gate_protection, gate_resident, gate_relocatable, gate_entry,
    gate_checksum, gate_tls, gate_delay_imports, gate_alignment, gate_size, gate_version;
gate_judge gate_exports, gate_imports;
gate_judge gate_instructions, gate_registers, gate_privileged, gate_calls, gate_stack_bound, gate_stack_usage;
gate_judge gate_scenarios, gate_stack_used, gate_singles, gate_swarm;

#endif
