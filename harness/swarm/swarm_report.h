/* swarm_report.h: what a swarm found, added up seed by seed, as JSON, and joined from several files.
 *
 * The sum of all histories does not depend on the order in which they were played: shards and jobs add up to what one
 * process says. Tests: tests/test_swarm.c */
#ifndef SWARM_REPORT_H
#define SWARM_REPORT_H

#include "harness/swarm/swarm_run.h"

enum { SWARM_LINKS = SIM_LINKS, SWARM_WHY_BYTES = 400 };

/* One seed's result, small enough to go through a pipe. */
struct swarm_row {
    uint64_t seed;
    enum sim_link link;
    enum mk_arch arch;
    struct swarm_result result;
    uint64_t cpu_ns; /* of the processor that played it */
};

/* Figures of one link. */
struct swarm_figures {
    uint64_t seeds, failed, replies, exits, struck, excused, virtual_ns, cpu_ns;
};

struct swarm_failure {
    uint64_t seed;
    enum sim_link link;
    enum mk_arch arch;
    char text[SWARM_TEXT_BYTES];
};

struct swarm_report {
    uint64_t first_seed, last_seed; /* of those that were played; no seeds: first > last */
    uint64_t hash;                  /* of all histories */
    struct swarm_figures links[SWARM_LINKS]; /* by enum sim_link */
    struct swarm_failure *failures; /* by seed, once sorted */
    size_t failure_count, failure_room;
};

struct swarm_report swarm_report_empty(void);
void swarm_report_free(struct swarm_report *report);
void swarm_report_add(struct swarm_report *report, const struct swarm_row *row);

/* Puts the failures in the order of their seeds. */
void swarm_report_sort(struct swarm_report *report);

uint64_t swarm_report_seeds(const struct swarm_report *report);

/* Returns KD_OK; KD_ERR_ARGUMENT: why (SWARM_WHY_BYTES) says what about the file was wrong */
KD_MUST_USE enum kd_status swarm_report_write(const struct swarm_report *report, const char *path, char *why);

/* Adds what a file says, which swarm_report_write made. Returns as above; nothing is added on an error. */
KD_MUST_USE enum kd_status swarm_report_join(struct swarm_report *report, const char *path, char *why);

/* A few lines for people. */
void swarm_report_print(const struct swarm_report *report, FILE *file);

#endif
