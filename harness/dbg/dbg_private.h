/* dbg_private.h: the debugger from inside, shared by its three parts: dbg.c (verbs, timers, our frames),
 * dbg_receive.c (the target's frames) and dbg_follow.c (what a script plays by itself). */
#ifndef DBG_PRIVATE_H
#define DBG_PRIVATE_H

#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_wire.h"

enum { DBG_OBSERVERS_MAX = 4, DBG_QUEUE_MAX = 8 };

/* A body that was copied, because it outlives the call that brought it. */
struct dbg_kept {
    uint16_t type;
    uint32_t id;
    uint32_t body_bytes;
    uint8_t body[DBG_BODY_BYTES_MAX];
};

/* Our one frame under way, from dbg_send until it is acknowledged and, where it has one, answered. */
struct dbg_outgoing {
    bool active;
    uint32_t tries; /* 0 while the debugger thinks */
    uint32_t api;
    enum dbg_answer answer;
    enum dbg_state back; /* prompt's answer, refusal: where to go when acknowledged */
    struct dbg_kept frame;
};

struct dbg {
    struct sim_world *world;
    struct dbg_config config;
    void (*write)(void *context, const uint8_t *bytes, size_t len_bytes);
    void *write_context;
    struct dbg_observer observers[DBG_OBSERVERS_MAX];
    unsigned observer_count;

    enum dbg_state state;
    bool manual;
    uint64_t sessions; /* counts attachments and detachments: input of an old one is dropped */
    uint32_t next;     /* id of our next frame */
    uint32_t expect;   /* id of the target's next frame */

    uint32_t resets_owed; /* RESETs of ours that may still be answered */
    bool reset_answered;  /* an unsolicited RESET was answered, and nothing but RESETs came since (2.9 c) */
    bool sync_break_next; /* SYNC: the timer's next turn is the break-in byte */
    bool prompt_open;     /* a GetString waits for its answer */
    bool file_open;       /* a file request waits for its answer */
    bool serves_files;    /* which the engine gives */

    struct dbg_outgoing out;
    struct dbg_kept last; /* the frame accepted last */
    bool last_fresh; /* nothing of ours was acknowledged since, and no RESET passed: it can still repeat */
    struct dbg_kept queue[DBG_QUEUE_MAX]; /* accepted while our frame was unacknowledged */
    unsigned queue_count;

    sim_event_id timer;      /* of the state */
    sim_event_id byte_timer; /* silence inside a frame */
    struct dbg_parser input;
    struct dbg_parser raw;  /* what dbg_write_raw puts on the line */
    struct dbg_kept played; /* manual: the last good frame that arrived, until the script acknowledges it */
    bool played_waits;
};

void dbg_tell(struct dbg *dbg, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c);
void dbg_tell_frame(struct dbg *dbg, const struct dbg_frame *frame);
void dbg_tell_message(struct dbg *dbg, const struct dbg_kept *kept);
void dbg_tell_request(struct dbg *dbg, const struct dbg_kept *kept);
void dbg_keep(struct dbg_kept *kept, const struct dbg_frame *frame);
/* The first u32 of a body, 0 when it is shorter. */
uint32_t dbg_first_word(const uint8_t *body, uint32_t body_bytes);

/* Changes the state and arms its timer; manual mode has no timers. */
void dbg_enter(struct dbg *dbg, enum dbg_state state);
void dbg_restart_ids(struct dbg *dbg);

void dbg_forget_half_a_frame(struct dbg *dbg);
void dbg_write_control(struct dbg *dbg, uint16_t type, uint32_t id);
void dbg_write_reset(struct dbg *dbg, bool answers);

/* True while our frame is on the wire without its ACK: what arrives now is queued. */
bool dbg_wants_ack(const struct dbg *dbg);
/* Puts a frame under way: it leaves after delay_ns. */
void dbg_begin(struct dbg *dbg, uint16_t type, const uint8_t *body, uint32_t body_bytes, uint64_t delay_ns);
/* Sends it again, or gives up and goes to SYNC when it had its tries. */
void dbg_retry(struct dbg *dbg);
/* It is acknowledged: on to what follows it. */
void dbg_acked(struct dbg *dbg);
/* It is void, or given up: nothing is under way any more. */
void dbg_void_outgoing(struct dbg *dbg);
void dbg_give_up(struct dbg *dbg, bool late);
/* Ids and everything under way begin anew, in a state. */
void dbg_start_over(struct dbg *dbg, enum dbg_state state);
/* Goes to SYNC and sends the first RESET. late: because time or tries ran out */
void dbg_start_sync(struct dbg *dbg, bool late);

/* dbg_receive.c: one frame of the target. */
void dbg_receive(struct dbg *dbg, const struct dbg_frame *frame);
/* Accepts or drops one good data frame by its id, telling which; ACKing is the caller's. */
bool dbg_judge(struct dbg *dbg, const struct dbg_kept *kept);
/* Acts on an accepted frame by its type. early: it came before our frame under way was acknowledged */
void dbg_act(struct dbg *dbg, const struct dbg_kept *kept, bool early);
/* Acts on what waits in the queue, unless our frame is under way again. */
void dbg_drain(struct dbg *dbg);

/* dbg_follow.c */
void dbg_follow_received(struct dbg *dbg, const struct dbg_frame *frame);
void dbg_follow_written(void *context, const struct dbg_frame *frame);
void dbg_follow_noise(void *context, uint8_t byte);

#endif
