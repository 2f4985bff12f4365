/* swarm_plan.h: everything that a swarm's world does, as one plain struct: what the machine is, which faults strike,
 * what befalls it, what the debugger's user does. Drawn from a seed, edited by the shrinker, written as a scenario.
 *
 * Every choice is in the plan and none is made while it is played: so a plan without one of its items is a plan.
 * Tests: tests/test_swarm.c */
#ifndef SWARM_PLAN_H
#define SWARM_PLAN_H

#include "harness/script/lab_work.h"

enum { SWARM_SETTINGS_MAX = 16, SWARM_FAULTS_MAX = 16, SWARM_FATES_MAX = 8, SWARM_WORKS_MAX = 40 };

/* A field of lab_config_set, by name; the name is a constant. */
struct swarm_setting {
    const char *name;
    uint64_t value;
};
struct swarm_fate {
    uint64_t time_ns;
    enum lab_fate fate;
};
struct swarm_work {
    enum lab_work_kind kind;
    uint64_t amount;
};

struct swarm_plan {
    uint64_t seed; /* of the world, too */
    enum sim_link link;
    enum mk_arch arch;
    const struct lab_machine *machine; /* NULL: native; no part of the history */
    bool low_bandwidth; /* backdoor: no high bandwidth is offered */
    struct swarm_setting settings[SWARM_SETTINGS_MAX];
    unsigned setting_count;
    struct sim_fault_rule faults[SWARM_FAULTS_MAX];
    unsigned fault_count;
    struct swarm_fate fates[SWARM_FATES_MAX];
    unsigned fate_count;
    struct swarm_work works[SWARM_WORKS_MAX]; /* the debugger is attached and the machine on; FINISH follows */
    unsigned work_count;
};

/* What a swarm may draw. */
struct swarm_scope {
    bool one_link; /* only .link */
    enum sim_link link;
    bool one_arch; /* only .arch */
    enum mk_arch arch;
    const struct lab_machine *machine; /* NULL: native */
};

/* Equal (seed, scope) give equal plans on every machine. */
void swarm_plan_draw(struct swarm_plan *plan, uint64_t seed, const struct swarm_scope *scope);

/* Adds an item. More than there is room for is a broken contract. */
void swarm_plan_set(struct swarm_plan *plan, const char *name, uint64_t value);
void swarm_plan_fault(struct swarm_plan *plan, const struct sim_fault_rule *rule);
void swarm_plan_fate(struct swarm_plan *plan, uint64_t time_ns, enum lab_fate fate);
void swarm_plan_work(struct swarm_plan *plan, enum lab_work_kind kind, uint64_t amount);

/* A rule that strikes the nth unit once; everything else of it is left out. */
struct sim_fault_rule swarm_rule(enum sim_fault_layer layer, enum sim_fault_direction direction,
                                 enum sim_fault_kind kind, uint32_t nth);

/* Writes the plan as a scenario in Lua that plays the same history.
 * goal  in  the rest of its first line: what goes wrong */
void swarm_plan_write(const struct swarm_plan *plan, const char *goal, FILE *file);

#endif
