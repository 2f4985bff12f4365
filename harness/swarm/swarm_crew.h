/* swarm_crew.h: plays seeds in several processes at once, each alone with its worlds; what one of them does not survive
 * is the failure of the seed it was at.
 *
 * Tests: tests/test_swarm.c */
#ifndef SWARM_CREW_H
#define SWARM_CREW_H

#include "harness/swarm/swarm_report.h"

enum { SWARM_JOBS_MAX = 256 };

struct swarm_crew {
    uint64_t first, last; /* seeds, both inclusive */
    uint64_t shard, shards; /* of the seeds every shards-th is played, from first + shard on */
    unsigned jobs;
    uint64_t seconds; /* then no new seed begins; 0: no bound */
    struct swarm_scope scope;
    void *context;
    /* Told of each seed, in no particular order. */
    void (*row)(void *context, const struct swarm_row *row);
    /* Called now and then. */
    void (*progress)(void *context);
    /* How a seed is played: swarm_crew_play, unless a test has another wish. */
    void (*play)(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row);
};

void swarm_crew_play(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row);

/* Returns  KD_OK, all were played or time was up; KD_ERR_NO_DEVICE: the system gave no process or pipe */
KD_MUST_USE enum kd_status swarm_crew_run(const struct swarm_crew *crew);

/* Seconds on the wall's clock from some moment on: for progress and --minutes only. */
uint64_t swarm_crew_seconds(void);

#endif
