/* monitor_private.h: the monitor from inside: monitor.c (what it is told), monitor_form.c (a frame by itself:
 * W1 to W4, W14), monitor_inbox.c (what an end received and may not have acted upon yet), monitor_target.c
 * and monitor_debugger.c (each end by what it saw). */
#ifndef MONITOR_PRIVATE_H
#define MONITOR_PRIVATE_H

#include "harness/monitor/monitor.h"
#include "harness/monitor/monitor_scan.h"

/* ---- what an end received ---- */

enum unit_kind { UNIT_DATA, UNIT_BAD, UNIT_ACK, UNIT_RESEND, UNIT_RESET, UNIT_BREAK_IN };

struct unit {
    enum unit_kind kind;
    uint16_t type;
    uint32_t id;
    uint32_t api; /* first u32 of a data frame's body */
    uint64_t number;
    uint64_t time_ns;
};

/* Units in their order, oldest first; as many as come while nobody shows to have read them. */
struct inbox {
    struct unit *units;
    size_t count;
    size_t room;
    uint64_t next_number; /* of the unit that comes next; numbers start at 1 */
    uint64_t used_number; /* the last unit that certainly was acted upon */
    uint64_t word_number; /* the last such ACK or good data frame */
};

enum { NO_UNIT = -1 };

struct unit *inbox_add(struct inbox *inbox, enum unit_kind kind, const struct wire_frame *frame,
                       uint64_t now_ns);
/* The index of the oldest unit of a kind that came before number, NO_UNIT when there is none. */
int inbox_find(const struct inbox *inbox, enum unit_kind kind, uint64_t before);
int inbox_find_id(const struct inbox *inbox, enum unit_kind kind, uint32_t id, uint64_t before);
/* It was acted upon: it and what came before it are gone. */
void inbox_use(struct inbox *inbox, int index);

/* ---- what an end wrote ---- */

/* The data frame that it wrote last. */
struct sent {
    bool is_there;
    uint16_t type;
    uint32_t id;
    uint32_t api;
    uint64_t begun_number; /* what its writer had received by the first copy: units below this number */
    uint32_t copies;
    uint64_t ended_ns; /* the last copy was out */
    uint32_t body_bytes;
    uint8_t body[WIRE_BODY_MAX];
};

void sent_keep(struct sent *sent, const struct wire_frame *frame);
/* The same type and body; ids may differ. */
bool sent_same(const struct sent *sent, const struct wire_frame *frame);

/* One frame as its end wrote it. */
struct written {
    const struct wire_frame *frame;
    uint64_t begun_ns;
    uint64_t begun_number; /* units below this number had been received by then */
    uint32_t api;
};

/* ---- the target ---- */

enum target_state {
    TARGET_UNKNOWN,   /* not judged by what it should be doing */
    TARGET_BOOTED,    /* runs, and was never stopped */
    TARGET_STOPPED,   /* since its state change */
    TARGET_CONTINUED, /* runs, since it acknowledged a Continue */
};

enum { REQUESTS_MAX = 8 };

struct target {
    struct inbox inbox;
    struct sent out;
    bool out_settled; /* the debugger has it, as something shows that the target wrote since (2.6 N2, N6) */
    bool out_may_be;  /* ... or may have it, for all that the target knows */
    bool out_unseen;  /* its next frame may be a copy of one that we have not seen */
    uint32_t copies_open; /* under the initial id, and not answered */
    uint32_t acks_open;   /* these, at the last boot: a relay waits for their ACKs first (2.15) */
    bool ids_known;
    bool begins_anew; /* boot, new session: the next frame has SYNC */
    bool answered;    /* its RESET was its last word on ids: the next frame is the initial one */
    uint32_t expect;
    bool expect_known;
    bool expect_lags; /* it has started over, and shows so with its next SYNC frame */
    enum target_state state;
    bool stop_holds;     /* ... and it cannot have been abandoned */
    bool may_stop_again; /* RESET, SwitchProcessor: a state change may come while it is stopped */
    bool word_is_kept;   /* a request was acknowledged while it ran (N6): the next stop may end at once */
    uint32_t requests[REQUESTS_MAX]; /* acknowledged and unanswered, oldest first */
    unsigned request_count;
    bool requests_unsure;    /* it may never have read some of them */
    bool leader_unheard;     /* the leader of what comes now began while it did not listen */
    uint64_t hidden_frames;  /* that it may have read where we saw garbage */
    bool mishears;           /* what it received may not be what it read */
    uint64_t astray_number;  /* units up to this one it may have read differently from us */
    bool reset_answered;     /* it answered a RESET ... */
    uint64_t reset_ns;       /* ... then, ... */
    uint64_t reset_number;   /* ... which was this unit */
    uint64_t quiet_since_ns; /* stopped, asked, and no word of it since */
    bool is_asked;
};

/* ---- the debugger ---- */

enum { OWED_MAX = 32 };
struct owed {
    uint32_t id; /* as received */
    uint64_t time_ns;
};

/* What it did or saw last, as far as RESETs go. */
enum reset_state { RESET_NONE, RESET_IS_ANSWER, RESET_UNASKED, RESET_RETURNED };

struct debugger {
    struct sent out;
    bool out_acked;
    bool out_void;    /* a state change, a file request, SYNC or RESET made it void (2.10) */
    unsigned next;    /* ids that its next new frame may have: bit n for 80800000 + n */
    uint32_t expect;  /* id of the target's next frame */
    struct sent last; /* the frame accepted last */
    bool last_may_repeat;
    struct owed owed[OWED_MAX]; /* good data frames without an ACK */
    unsigned owed_count;
    bool stopped;
    bool continued;             /* it runs because of its own Continue */
    bool stopped_since_request; /* a state change was accepted since the frame under way was first written */
    bool has_reply;             /* its reply came, before its ACK maybe, which was lost */
    uint32_t awaits_api;        /* the request whose reply is to come, 0: none */
    unsigned prompts;           /* it accepted so many, and has not answered them */
    unsigned files;
    bool reset_is_out; /* it sent a RESET, and none came since */
    enum reset_state reset;
    uint64_t reset_ns;
    bool manual;
    bool unjudged; /* a script plays its bytes */
};

/* ---- all of it ---- */

struct line {
    struct wire_scan written;
    struct wire_scan received;
    uint64_t begun_ns; /* when the frame under way was begun */
    uint64_t begun_number;
    uint64_t last_written_ns;
    uint64_t last_received_ns;
    bool joined_late; /* its first bytes may be the rest of something (attached to a running target) */
    bool garbled;     /* a malformed frame was named: what follows it up to the next good one is its debris */
    uint64_t frames;
    uint64_t faults; /* on the way to this end */
    uint64_t last_fault_ns;
};

struct monitor {
    struct monitor_config config;
    struct line lines[MONITOR_ENDS];
    struct target target;
    struct debugger debugger;
    bool attached;
    uint64_t now_ns;
    enum monitor_event
        target_ends; /* boots or is lost, as soon as this moment is over; MONITOR_TIME_PASSED: neither */
    struct monitor_violation *violations;
    size_t violation_count;
    size_t violation_room;
    uint64_t deviations[MONITOR_DEVIATIONS];
};

/* A rule is broken, unless the end is foreign and the deviation is a known one. frame: NULL when it is not
 * about one */
__attribute__((format(printf, 6, 7))) void
monitor_blame(struct monitor *monitor, enum monitor_end end, enum monitor_rule rule,
              enum monitor_deviation deviation, const struct wire_frame *frame, const char *format, ...);

/* monitor_form.c: returns true when the frame is good enough to be judged by its place. */
bool form_good(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame);

/* monitor_target.c */
void target_boots(struct monitor *monitor);
void target_starts_ids(struct monitor *monitor);
void target_mishears(struct monitor *monitor);
void target_session(struct monitor *monitor); /* a debugger came or went */
void target_lost(struct monitor *monitor);
void target_received(struct monitor *monitor, const struct wire_piece *piece);
void target_astray(struct monitor *monitor);
void target_wrote(struct monitor *monitor, const struct written *written);
void target_time(struct monitor *monitor);
void target_excused(struct monitor *monitor);

/* monitor_debugger.c */
void debugger_session(struct monitor *monitor);
void debugger_wants_reset(struct monitor *monitor);
void debugger_received(struct monitor *monitor, const struct wire_piece *piece);
void debugger_wrote(struct monitor *monitor, const struct written *written);
void debugger_time(struct monitor *monitor);
void debugger_excused(struct monitor *monitor);

/* The api of a data frame, 0 when its body has none. */
uint32_t frame_api(const struct wire_frame *frame);

/* Requests by what follows them (4.4). */
enum request_end { REQUEST_HAS_REPLY, REQUEST_RUNS, REQUEST_STOPS_ANEW, REQUEST_ENDS };
enum request_end request_end_of(uint32_t api);

enum {
    API_EXCEPTION = 0x3030,
    API_LOAD_SYMBOLS = 0x3031,
    API_PRINT = 0x3230,
    API_PROMPT = 0x3231,
    API_CREATE_FILE = 0x3430,
};

#endif
