/* lab.h: one experiment: a world, its faults, one VM, a debugger, the oracle, and a notebook of what was seen.
 *
 * It wires the parts together and adds nothing to what they do, but for one habit of every real debugger: a stop
 * for load-symbols is continued at once (unless told not to). Scripts and workloads drive it from outside, event
 * by event. Deterministic: the same configuration gives the same history.
 * Tests: tests/test_lab.c */
#ifndef LAB_H
#define LAB_H

#include "harness/dbg/dbg_api.h"
#include "harness/monitor/monitor.h"
#include "harness/oracle/oracle.h"
#include "harness/script/lab_machine.h"
#include "harness/timeline/timeline.h"
#include "sim/machine/sim_vm.h"

enum { LAB_WHY_BYTES = 200, LAB_STORY_EVENTS = 12, LAB_STORY_BYTES = 220 };

struct lab_config {
    struct sim_world *world; /* shared with other labs, whose vm.number differ; NULL: one of its own. The caller's: it goes
                                last, and seed and cost are its */
    uint64_t seed;
    struct sim_cost cost;
    struct sim_vm_config vm;
    struct dbg_config dbg;
    const struct lab_machine *machine; /* what the VM runs on; NULL: what vm says. The caller's */
    FILE *trace; /* every record, as text; NULL: none. The caller's */
    struct timeline *timeline; /* gets a ladder of what happens; NULL: none. The caller's */
};
struct lab_config lab_config_default(enum sim_link link, uint64_t seed);

/* How many VM exits one history may cost. A guest on a serial line looks for a byte some ten times as often as one
 * that calls a backdoor. */
uint64_t lab_exits_max(enum sim_link link);

/* Sets one field by name: a field of the VM ("polls", "backdoor"), "cost.NAME" or "debugger.NAME". The names are
 * those of vm{} in scripts and of --set (harness/README.md lists them).
 * why      out  LAB_WHY_BYTES, on error: what was wrong and what was expected
 * Returns  KD_OK; KD_ERR_ARGUMENT: no such field, or a value it cannot have */
KD_MUST_USE enum kd_status lab_config_set(struct lab_config *config, const char *name, const char *value,
                                          char *why);

const char *lab_link_name(enum sim_link link);
KD_MUST_USE enum kd_status lab_link_find(const char *name, enum sim_link *link);
const char *lab_arch_name(enum mk_arch arch);
KD_MUST_USE enum kd_status lab_arch_find(const char *name, enum mk_arch *arch);

/* Bytes that somebody keeps for later. */
struct lab_bytes {
    uint8_t *bytes;
    uint32_t len_bytes;
    uint16_t type; /* of the packet */
    uint64_t time_ns;
};
struct lab_list {
    struct lab_bytes *items;
    size_t count;
    size_t room;
};

/* A frame that reached the debugger, as the wire showed it. */
struct lab_frame {
    bool control;
    bool good;
    uint32_t id;
    struct lab_bytes body; /* type and time are the frame's */
};

/* What was seen since the lab was made. */
struct lab_notebook {
    struct lab_list stops;    /* exception state changes that the debugger accepted */
    struct lab_list loads;    /* load-symbols state changes */
    struct lab_list prints;   /* text only */
    struct lab_list prompts;  /* whole bodies */
    struct lab_list others;   /* command strings, trace and file I/O, control requests, and what cannot be read */
    struct lab_bytes reply;   /* the last manipulate reply */
    uint64_t replies;
    uint64_t notes[DBG_NOTES];
    uint64_t api[MK_TRACE_EVENTS];
    uint64_t life[SIM_LIFES];
    uint64_t faults_missed; /* strikes that left their frame as it was */
};

/* Planted on purpose, to see the oracle see it: the next message accepted from the target is told to the oracle
 * twice, not at all, or with one byte changed; or the debugger's next break-in byte is not told. Or
 * the wire monitor does not hear what the debugger receives next. Or the oracle is told at once of a module that wrote
 * beside what it was given, of a call at the backdoor that is none, of exits that a poll must not cost. */
#define LAB_PLANT_LIST(X)                                                                                    \
    X(LAB_PLANT_NONE, "none") X(LAB_PLANT_TWICE, "twice") X(LAB_PLANT_LOST, "lost")                          \
    X(LAB_PLANT_CHANGED, "changed") X(LAB_PLANT_UNWISHED, "unwished") X(LAB_PLANT_UNHEARD, "unheard")        \
    X(LAB_PLANT_SCRIBBLED, "scribbled") X(LAB_PLANT_MISUSED, "misused") X(LAB_PLANT_COSTLY, "costly")
enum lab_plant {
#define LAB_PLANT_ENUM(name, text) name,
    LAB_PLANT_LIST(LAB_PLANT_ENUM)
#undef LAB_PLANT_ENUM
    LAB_PLANTS
};
KD_MUST_USE enum kd_status lab_plant_find(const char *name, enum lab_plant *plant);
const char *lab_plant_name(enum lab_plant plant);

/* The name of a snapshot for whom one is enough. */
#define LAB_SNAPSHOT "snapshot"

/* What can befall a machine, its relay and its debugger at a time fixed before (lab_later). */
#define LAB_FATE_LIST(X)                                                                                     \
    X(LAB_FATE_RESET, "reset") X(LAB_FATE_POWER_OFF, "power_off") X(LAB_FATE_POWER_ON, "power_on")           \
    X(LAB_FATE_SNAPSHOT, "snapshot") X(LAB_FATE_REVERT, "revert") /* the one named LAB_SNAPSHOT */            \
    X(LAB_FATE_SUSPEND, "suspend") X(LAB_FATE_RESUME, "resume")                                              \
    X(LAB_FATE_RELAY_KILL, "relay_kill") X(LAB_FATE_RELAY_RESTART, "relay_restart")                          \
    X(LAB_FATE_ATTACH, "attach") X(LAB_FATE_DETACH, "detach") X(LAB_FATE_BREAK_IN, "break_in")
enum lab_fate {
#define LAB_FATE_ENUM(name, text) name,
    LAB_FATE_LIST(LAB_FATE_ENUM)
#undef LAB_FATE_ENUM
    LAB_FATES
};
const char *lab_fate_name(enum lab_fate fate);
KD_MUST_USE enum kd_status lab_fate_find(const char *name, enum lab_fate *fate);

struct lab_story; /* the last events, for failure messages */
struct lab_disk;  /* the debugger's files */

/* Read it freely; change it only through the functions. */
struct lab {
    struct lab_config config;
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_vm *vm;
    struct dbg *dbg;
    struct oracle *oracle;
    struct lab_notebook seen;
    bool hold_loads;   /* load-symbols stops are left to the script */
    bool keep_frames;  /* frames are put into the queue below */
    struct lab_frame *frames;
    size_t frame_count;
    size_t frame_room;
    /* private */
    struct dbg_observer oracle_dbg;
    struct sim_vm_observer oracle_vm;
    struct monitor *monitor; /* of the wire: rule 7 (lab_wire.h) */
    enum lab_plant plant;
    struct lab_plan *plans;
    uint64_t *moments;
    size_t moment_count;
    size_t moment_room;
    uint64_t fates_until_ns; /* the last of the plans */
    sim_event_id pulse;
    size_t prompts_answered; /* by lab_work */
    uint64_t uart_exits_forgiven;
    sim_event_id autopilot;
    uint64_t dr7; /* as the last state change reported it */
    struct lab_story *story;
    struct lab_disk *disk;
    struct timeline_watch *watch; /* NULL without a timeline */
};

/* lab      out  on KD_OK a powered-off VM with nobody attached
 * why      out  LAB_WHY_BYTES, on error
 * Returns  KD_OK; KD_ERR_ARGUMENT: a VM that cannot be built */
KD_MUST_USE enum kd_status lab_create(const struct lab_config *config, struct lab **lab, char *why);
void lab_destroy(struct lab *lab);

/* A debugger connects, or hangs up. Returns KD_OK; KD_ERR_BUSY: one is there already */
KD_MUST_USE enum kd_status lab_attach(struct lab *lab);
void lab_detach(struct lab *lab);

/* Plans what is to happen at a time from now on, before anything else that is due then. What cannot happen then (a
 * resume of a machine that runs) does not. */
void lab_later(struct lab *lab, uint64_t time_ns, enum lab_fate fate);

/* The times at which anything was seen to happen so far: a report of the kernel, a message of the module, a step of
 * the debugger. Strictly ascending: places for something else to happen at, in another play of the same history. */
const uint64_t *lab_moments(const struct lab *lab, size_t *count);

/* Runs the world, event by event, until over() holds, asked before each of them, or the time has come. An event of our
 * own now and then gives over() a turn although the guest never lets go by itself.
 * Returns  true: it holds; what came at the very last moment came in time */
bool lab_wait(struct lab *lab, bool (*over)(void *context), void *context, uint64_t until_ns);

/* The machine's architecture, as the message bodies want to know it. */
enum dbg_arch lab_arch(const struct lab *lab);

/* Puts a file where the target may ask for it (kd-protocol.md 4.7), over one of that name. From the first one on the
 * debugger serves file requests; before, it refuses them all. */
void lab_put_file(struct lab *lab, const char *name, const uint8_t *bytes, size_t len_bytes);

/* A file's bytes, also one that the target wrote; NULL when there is none of that name. */
const struct lab_bytes *lab_file(const struct lab *lab, const char *name);

/* Throws away the frames kept so far. */
void lab_frames_clear(struct lab *lab);

void lab_set_plant(struct lab *lab, enum lab_plant plant);

/* The last events in readable words, oldest first: index 0 .. count-1, count at most LAB_STORY_EVENTS. */
unsigned lab_story_count(const struct lab *lab);
void lab_story_text(const struct lab *lab, unsigned index, char *to, size_t to_bytes);

#endif
