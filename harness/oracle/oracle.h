/* oracle.h: the judge: watches both ends of a conversation and says which rule was broken. On in every scenario.
 *
 * Rules (README.md of this folder): 1 exactly once, in order, within an epoch; 2 bit for bit; 3 liveness, no storms;
 * 4 one break per wish; 5 the module writes only what it was given; 6 conduct at the backdoor; 7 conduct on the wire (judged
 * by harness/monitor, told by oracle_report); 8 no debugger, no harm; 9 determinism (judged by the runner, which plays a
 * scenario twice). An epoch ends at boot, revert, relay start, debugger connect, RESET and
 * abandonment: what is in flight then may be lost, never doubled, never delivered after.
 *
 * KDCOM has holes of its own: one table lists them with their legal outcomes. A fault that falls in one excuses
 * rules 1, 2 and 4 for that transaction only, never rule 3; excuses are counted and printed.
 * Tests: tests/test_oracle.c, which plants a violation of each rule. */
#ifndef ORACLE_H
#define ORACLE_H

#include "harness/dbg/dbg.h"
#include "sim/machine/sim_vm.h"

enum { ORACLE_TEXT_BYTES = 240 };

struct oracle_violation {
    unsigned rule;
    uint64_t time_ns;
    char text[ORACLE_TEXT_BYTES];
};

/* A hole of the protocol: what a fault can do that the protocol cannot see. */
struct oracle_hole {
    const char *name;          /* "header-type-flip" */
    const char *what;          /* one line: the fault */
    const char *legal_outcome; /* one line: what may happen */
};
const struct oracle_hole *oracle_holes(unsigned *count);

struct oracle_config {
    enum sim_link link;
    uint64_t tick_ns;    /* of the guest: the bound of rule 4 is two ticks and the link's time */
    uint64_t bound_ns;   /* rule 3: with faults over, whatever is pending must be done within this */
    uint32_t storm;      /* rule 3: so many RESETs or repeats of one frame within one virtual second are a storm */
};
struct oracle_config oracle_config_default(enum sim_link link, const struct sim_cost *cost);

struct oracle;
struct oracle *oracle_create(struct sim_world *world, struct sim_faults *faults, const struct oracle_config *config);
void oracle_destroy(struct oracle *oracle);

/* What to hook up: the VM's observer and the debugger's. */
struct sim_vm_observer oracle_vm_observer(struct oracle *oracle);
struct dbg_observer oracle_dbg_observer(struct oracle *oracle);

/* A fault struck a unit: called by whoever applies faults with knowledge of the bytes, so that the oracle can tell
 * whether it fell into a hole. frame: the clean bytes, in full; bit: the flipped bit or UINT32_MAX. */
void oracle_fault(struct oracle *oracle, const struct sim_fault_rule *rule, const uint8_t *frame,
                  size_t frame_bytes);

/* A finding of another judge, under the number of its rule in the design (7: the wire monitor's); counts and is printed
 * like the oracle's own. */
void oracle_report(struct oracle *oracle, unsigned rule, const char *text);

/* The run is over: judges what is still pending. Call once, when nothing is due any more or time is up. */
void oracle_finish(struct oracle *oracle);

unsigned oracle_violation_count(const struct oracle *oracle);
const struct oracle_violation *oracle_violation(const struct oracle *oracle, unsigned index);

/* How often a hole excused something, by index into oracle_holes(). */
uint64_t oracle_excuses(const struct oracle *oracle, unsigned hole);

/* Exact counts for scenarios: packets delivered to the debugger, requests delivered to the kernel, duplicates. */
struct oracle_counters {
    uint64_t packets_sent;      /* told to the kernel as sent */
    uint64_t packets_delivered; /* reached the debugger's API layer */
    uint64_t requests_sent;
    uint64_t requests_delivered;
    uint64_t duplicates;
    uint64_t breaks_wished;
    uint64_t breaks_honoured;
    uint64_t epochs;
};
struct oracle_counters oracle_counters(const struct oracle *oracle);

#endif
