/* oracle_private.h: the oracle from inside, shared by its parts: oracle.c (what it is told), oracle_flow.c
 * (rules 1 and 2), oracle_wish.c (rule 4), oracle_pending.c (rule 3), oracle_hole.c (what a fault may do). */
#ifndef ORACLE_PRIVATE_H
#define ORACLE_PRIVATE_H

#include "harness/dbg/dbg_api.h"
#include "harness/oracle/oracle.h"
#include "harness/oracle/oracle_backdoor.h"
#include "harness/oracle/oracle_quiet.h"

/* Holes, in the order of their table. */
enum oracle_hole_index {
    HOLE_NONE = -1,
    HOLE_TYPE_FLIP,
    HOLE_ID_FLIP,
    HOLE_COUNT_FLIP,
    HOLE_CONTROL_FLIP,
    HOLE_COMPENSATED,
    HOLE_BREAK_IN_HIT,
    HOLE_MISFRAME,
    HOLE_NOISE_BREAK_IN,
    HOLE_RESET_REPEAT,
    HOLE_IMPLICIT_ACK,
    HOLE_LATE_RESET,
    HOLE_LATE_ACK,
    HOLE_SAME_START,
    HOLES
};

/* What may legally become of a message that a hole fell upon; a bit set. */
enum oracle_outcome { OUTCOME_LOST = 1, OUTCOME_TWICE = 2, OUTCOME_CHANGED = 4 };

/* One message on its way from one end's API layer to the other's. */
struct oracle_entry {
    uint16_t type;
    uint32_t first; /* first u32 of the body */
    uint64_t time_ns;
    bool told;        /* its sender was told that it arrived */
    bool accepted;    /* the debugger's link took it; its engine may see it later */
    bool may_be_lost; /* its epoch ended, or nobody was there */
    bool stale;       /* a request to a kernel that is gone: the one of now must never see it */
    uint64_t boots;   /* how many there had been when it was sent */
    uint64_t lines;   /* the same of oracle->lines */
    uint32_t body_bytes;
    uint8_t *body;
};

/* A hole that fell upon a message: it excuses each outcome of its row once, while it is fresh. */
struct oracle_strike {
    struct oracle_entry on; /* a copy */
    enum oracle_hole_index hole;
    unsigned outcomes_left;
};

/* Everything under way in one direction, oldest first, and what arrived last. */
struct oracle_flow {
    const char *what; /* "packet", "request" */
    struct oracle_entry *entries;
    size_t count;
    size_t room;
    struct oracle_entry last;
    bool has_last;
    struct oracle_strike *strikes;
    size_t strike_count;
    size_t strike_room;
    enum oracle_hole_index next_hole; /* counters are out of step: it falls upon the next message pushed */
    bool unsettled; /* a RESET or a new debugger: until something arrives, ids may not agree */
    bool agreed;    /* but they do: the last RESET was answered, and no fault has ever struck */
    uint64_t sent;
    uint64_t delivered;
};

/* A break-in byte on its way. */
struct oracle_wish {
    uint64_t arrives_ns; /* at the latest */
    bool demands;        /* it was sent while the target ran, and nothing has stopped it since */
    bool leaves; /* its debugger has gone, and so has it, unless it is in the reply to a poll already */
    bool satisfied; /* the target stopped after it, or stood then: a relay drops it (2.7 rule 5) */
    uint64_t polls_left; /* so many polls may still find nothing */
    enum oracle_hole_index hole;
};

/* Something that must end: since when it waits. */
struct oracle_wait {
    bool active;
    uint64_t since_ns;
    char text[DBG_DESCRIBE_BYTES];
};

/* Events of one kind within one virtual second. */
struct oracle_window {
    uint64_t start_ns;
    uint32_t count;
};

struct oracle {
    struct sim_world *world;
    struct sim_faults *faults;
    struct oracle_config config;
    struct oracle_violation *violations;
    size_t violation_count;
    size_t violation_room;
    uint64_t excuses[HOLES];
    struct oracle_counters counters;

    struct oracle_backdoor *backdoor; /* rule 6 */
    struct oracle_quiet *quiet;       /* rule 8 */
    struct oracle_flow packets;  /* kernel to debugger */
    struct oracle_flow requests; /* debugger to kernel */
    bool epoch_used;             /* something happened since the epoch began */

    bool powered;
    bool standing; /* powered, and suspended or paused */
    bool attached;
    uint64_t lines; /* how often debugger or relay came or went */
    bool asked;     /* the kernel has a manipulate request of the debugger that is on the line */
    bool manual;
    enum dbg_state dbg_state;
    bool resumes; /* the debugger has let the target run: what it sends from now on is behind the stop */
    bool stopped_quietly; /* for a module or a prompt, and not by an exception */
    bool kernel_stopped;
    bool fulfils;      /* and this stop is what a wish is for: an exception or, for a relay, a prompt */
    bool relay_is_new; /* it was started, and has not been told of a stop yet: what comes now it keeps */
    bool farewell;     /* a relay may speak for a target that is gone (2.12 rule 7) */
    bool left_stopped; /* the guest before was stopped when it ended */
    bool debugger_waits; /* one has a stop or a prompt, and no word that ends it has reached the kernel */
    bool forced_break; /* the relay may make a rebooted guest break in: its debugger waits at a stop (design
                          5) */

    uint64_t boots;
    uint64_t struck_before; /* faults, at the last boot */
    bool starts;            /* it has not initialised its KD module yet */
    bool unreached;         /* its hello was lost, so that it went to its uart: nobody is to blame for silence */
    bool knows_guest;       /* the debugger has a packet of the guest that runs, so its requests are meant for it */
    uint64_t ack_lands_ns;  /* the last ACK that a SYNC packet may take for its own arrives by then */
    uint64_t ack_wrote_ns;     /* when that one was written */
    uint64_t old_ack_lands_ns; /* the last such one for a guest before, 0: none is under way */
    bool old_ack_unread;       /* serial: it is behind a request that the guest before had not read */
    enum oracle_hole_index stale_hole; /* what lets a stale request through, of this boot */

    struct oracle_wait send;   /* KdSendPacket has not returned */
    uint16_t sending_type;     /* of its packet, or of the last one */
    uint64_t sent_anew;        /* so often the module began another epoch with it */
    struct oracle_wait ask;    /* a request is unanswered */
    struct oracle_wait resync; /* the debugger is in SYNC or WAIT_STATE */
    bool ask_fair;             /* the target was stopped, and its epoch has not ended since */
    bool sync_breaks;          /* the debugger breaks in while it resynchronises */
    uint64_t calm_ns;          /* delayed bytes are out by then */
    uint64_t settled_ns;       /* the last boot, attachment, or end of manual mode */
    uint32_t resets_open; /* of the debugger's, not answered as far as anybody knows */
    bool old_ack_due;     /* a request was given up whose ACK may still come, and pass for the next one's */
    struct oracle_window resets;
    struct oracle_window repeats;

    struct oracle_wish *wishes;
    size_t wish_count;
    size_t wish_room;
    uint64_t frame_lands_ns;  /* the frame that was written last is whole by then */
    bool frame_is_ack;        /* and is an ACK that a SYNC packet may take for its own */
    uint64_t line_free_ns;    /* bytes to the target come no earlier: one before them is delayed */
    uint64_t misframed_until; /* what was sent until then may have been swallowed */
    uint64_t piled_up_until;  /* serial: until then polls may have to eat what a delay has piled up */
    uint64_t bytes_ahead;     /* serial: bytes that polls may eat before a break-in byte */
    uint64_t struck_at_poll;  /* faults on RPCs and exits until the last poll */
    uint64_t noise_breaks;    /* 0x62 bytes that the target may take for break-ins */
    struct oracle_entry kept_request; /* on its way to the kernel at the last snapshot, or without a body: none */
    uint64_t kept_wishes;     /* not honoured at the last snapshot */
    uint64_t kept_honoured;   /* breaks_honoured then */
    uint32_t request_bytes;   /* of the frame that the debugger sent last */
    uint32_t request_0x62;    /* how many of them look like break-ins to a target that runs */

    uint64_t flipped_ns; /* several flips of one frame are judged together */
    size_t flipped_bytes;
    uint8_t clean[DBG_FRAME_BYTES_MAX];
    uint8_t flipped[DBG_FRAME_BYTES_MAX];
};

/* oracle.c */
__attribute__((format(printf, 3, 4))) void oracle_violate(struct oracle *oracle, unsigned rule,
                                                          const char *format, ...);
void oracle_excuse(struct oracle *oracle, enum oracle_hole_index hole);
void oracle_end_epoch(struct oracle *oracle);

/* oracle.c: the frame that the debugger wrote last is delayed. */
void oracle_frame_is_late(struct oracle *oracle);

/* oracle_hole.c: from now on a target may take a break-in byte for part of a frame, until its timer ends that. */
void oracle_misframed(struct oracle *oracle);
/* What may become of a message that the hole fell upon. */
unsigned oracle_outcomes(enum oracle_hole_index hole);

/* oracle_flow.c */
struct oracle_entry *oracle_push(struct oracle *oracle, struct oracle_flow *flow, uint16_t type,
                                 const uint8_t *header, uint32_t header_bytes, const uint8_t *data,
                                 uint32_t data_bytes);
void oracle_deliver(struct oracle *oracle, struct oracle_flow *flow, uint16_t type, const uint8_t *header,
                    uint32_t header_bytes, const uint8_t *data, uint32_t data_bytes);
/* The entry that was pushed last and is still under way, NULL when none is. */
struct oracle_entry *oracle_newest(struct oracle_flow *flow);
/* The debugger's link took a packet: its engine will see it. */
void oracle_accepted(struct oracle *oracle, uint16_t type, uint32_t id, uint32_t first);
/* The debugger dropped a reply that nobody waits for; it counts as delivered when it was under way at all. */
void oracle_orphaned(struct oracle *oracle, uint32_t api);
/* The kernel was told that its packet was sent: then the debugger has it. */
void oracle_told_sent(struct oracle *oracle, uint16_t type, uint32_t first);
/* A hole falls upon a message that is under way or was. */
void oracle_strike(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *entry,
                   enum oracle_hole_index hole);
/* The debugger took this packet for the one that arrived last: when they are equal it may be lost, and what the guest
 * before was asked last may come to this one too. */
void oracle_looks_like_last(struct oracle *oracle, const struct oracle_entry *packet);
/* Upon the one that is under way, and upon the one that arrived last: either may be begun anew. */
void oracle_strike_ends(struct oracle *oracle, struct oracle_flow *flow, enum oracle_hole_index hole);
void oracle_flow_ends_epoch(struct oracle_flow *flow);
/* A snapshot is taken: the guest in it may have the request that its kernel has not got yet. A revert to it brings the
 * request back. */
void oracle_request_kept(struct oracle *oracle);
void oracle_request_comes_back(struct oracle *oracle);
/* What is under way was meant for a guest that is gone, or was not. */
void oracle_flow_set_stale(struct oracle_flow *flow, bool stale);
/* A hole fell upon the request that waits, and it may be lost: then nobody answers it. Counts the excuse. */
bool oracle_explains_silence(struct oracle *oracle);
/* Another debugger or relay from here on: nobody waits for the replies to what was asked before (kd-protocol.md
 * 2.12 rule 6). */
void oracle_line_changes(struct oracle *oracle);
void oracle_flow_finish(struct oracle *oracle, struct oracle_flow *flow);
void oracle_flow_free(struct oracle_flow *flow);
bool oracle_entry_is(const struct oracle_entry *entry, uint16_t type, const uint8_t *body, size_t body_bytes);

/* oracle_conduct.c: the VM's observer, for the struct of that name. */
void oracle_conduct(void *context, const struct sim_conduct *conduct, const char *text);
void oracle_machine_fault(void *context, const char *text);

/* oracle_exit.c: rules 6 and 8. The first two for the struct of observers. */
void oracle_exit(void *context, const struct sim_vm_exit *exit);
void oracle_exit_snapshot(void *context, const char *name, bool back);
void oracle_exit_life(struct oracle *oracle, enum sim_life life);
void oracle_exit_begin(struct oracle *oracle);
void oracle_exit_end(struct oracle *oracle);

/* oracle_pending.c */
void oracle_wait_begin(struct oracle *oracle, struct oracle_wait *wait, const char *text);
/* It is over, or the run is: judges how long it took. */
void oracle_wait_end(struct oracle *oracle, struct oracle_wait *wait, const char *what);
void oracle_pending_finish(struct oracle *oracle);
void oracle_count_reset(struct oracle *oracle);
void oracle_count_repeat(struct oracle *oracle);
void oracle_gave_up(struct oracle *oracle, bool late);

/* oracle_wish.c */
/* By when a byte that the debugger writes now is where the target looks for it. */
uint64_t oracle_lands_ns(const struct oracle *oracle);
void oracle_wished(struct oracle *oracle);
void oracle_wish_hit(struct oracle *oracle, const struct sim_fault_rule *rule);
void oracle_broke(struct oracle *oracle);
void oracle_polled_nothing(struct oracle *oracle);
/* The kernel stopped: whoever wished for a stop has one. */
void oracle_wishes_satisfied(struct oracle *oracle);
/* Whoever had them is gone, and with a relay so are they: but what is in a reply already is told (2.12 rule 6). */
void oracle_wishes_leave(struct oracle *oracle);
/* Nobody owes it any more, but a relay that has it may tell it. */
void oracle_wishes_stay(struct oracle *oracle);
/* A snapshot was taken: the guest in it may have heard every wish that is not honoured yet. A revert to it brings
 * those back that were honoured since. */
void oracle_wishes_kept(struct oracle *oracle);
void oracle_wishes_come_back(struct oracle *oracle);
void oracle_ran(struct oracle *oracle);
void oracle_wishes_finish(struct oracle *oracle);

#endif
