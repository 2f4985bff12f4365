/* dbg.h: the scripted fake debugger: a KDCOM end in the debugger's role, written from kd-protocol.md alone.
 *
 * It shares no code and no constant with transport/kd: a misreading there must not agree with itself here. It lives
 * in a world: bytes come in by dbg_input, go out by a write callback, and its timers are world events. It
 * acknowledges at once, and lets dbg->think_ns pass before a request goes out, as a debugger engine would.
 * Beside the states of 2.10 it has a manual mode, where nothing is answered or repeated by itself, for scripts that
 * play the bytes; it then follows what the script does, so that the verbs work again afterwards.
 *
 * Source: kd-protocol.md 2.1 to 2.4, 2.8 to 2.10. Tests: tests/test_dbg.c */
#ifndef DBG_H
#define DBG_H

#include "sim/world/sim_world.h"
#include "transport/kd/kd_status.h"

enum { DBG_BODY_BYTES_MAX = 4000, DBG_FRAME_BYTES_MAX = 16 + DBG_BODY_BYTES_MAX + 1 };

enum dbg_state {
    DBG_DETACHED,   /* no line */
    DBG_SYNC,       /* asking for a state change: RESET and break-in in alternation */
    DBG_WAIT_STATE, /* RESET was answered; a state change must come */
    DBG_RUNNING,    /* the target runs */
    DBG_STOPPED,    /* requests may be sent */
    DBG_WAIT_ACK,   /* our frame is on its way */
    DBG_WAIT_REPLY, /* acknowledged; the reply must come */
};
const char *dbg_state_name(enum dbg_state state);

struct dbg_config {
    uint64_t ack_wait_ns;     /* repeat an unacknowledged frame after: 1 s */
    uint32_t ack_tries;       /* then give up and go to SYNC: 5 */
    uint64_t reply_wait_ns;   /* silence in WAIT_REPLY before SYNC: 10 s */
    uint64_t sync_period_ns;  /* between RESETs in SYNC: 1 s */
    uint64_t state_wait_ns;   /* in WAIT_STATE, before SYNC again: 3 s */
    uint64_t byte_wait_ns;    /* silence inside a frame before it is forgotten: 1 s */
    bool sync_breaks;         /* SYNC sends a break-in byte between its RESETs, as ntoseye does: true */
    uint32_t vm;              /* number for the trace */
};
struct dbg_config dbg_config_default(void);

/* What the debugger notes in the trace and tells its observer; arguments in brackets. */
#define DBG_NOTE_LIST(X)                                                                                     \
    X(DBG_NOTE_ATTACH, "attach") X(DBG_NOTE_DETACH, "detach")                                                \
    X(DBG_NOTE_STATE, "state")             /* [enum dbg_state] */                                            \
    X(DBG_NOTE_BREAK_IN, "break_in")       /* a wish: 0x62 was sent [1 if sent by SYNC itself] */            \
    X(DBG_NOTE_RESET_SENT, "reset_sent")   /* [1 if it answers one] */                                       \
    X(DBG_NOTE_RESET_SEEN, "reset_seen")   /* [1 if it was the answer] */                                    \
    X(DBG_NOTE_RESEND_SENT, "resend_sent") /* */                                                             \
    X(DBG_NOTE_RESEND_SEEN, "resend_seen")                                                                   \
    X(DBG_NOTE_SENT, "sent")               /* a data frame left [type, id, try: 1 for the first] */          \
    X(DBG_NOTE_ACKED, "acked")             /* ours was acknowledged [type, id] */                            \
    X(DBG_NOTE_GAVE_UP, "gave_up")         /* ours is over [type, id, 1: time or tries ran out, 0: void] */  \
    X(DBG_NOTE_ACCEPTED, "accepted")       /* a data frame was accepted [type, id, first u32] */             \
    X(DBG_NOTE_REPEAT, "repeat")           /* a good frame was acknowledged and dropped [type, id] */        \
    X(DBG_NOTE_BAD, "bad")                 /* a frame failed its checks [type, id] */                        \
    X(DBG_NOTE_ORPHAN, "orphan")           /* a reply that nobody waits for was dropped [api] */           \
    X(DBG_NOTE_MANUAL, "manual")           /* [1: the script plays the bytes from now on] */
enum dbg_note {
#define DBG_NOTE_ENUM(name, text) name,
    DBG_NOTE_LIST(DBG_NOTE_ENUM)
#undef DBG_NOTE_ENUM
    DBG_NOTES
};
const char *dbg_note_name(enum dbg_note note);

/* One frame as it was parsed, good or not; body is valid during the call only. */
struct dbg_frame {
    bool control;
    bool good; /* checksum, trailing byte and length hold */
    uint16_t type;
    uint32_t id;
    uint32_t checksum;
    const uint8_t *body;
    uint32_t body_bytes;
};

/* Any pointer may be NULL. Called inside dbg_input, verbs and timer events. Only message may call verbs, and none may
 * destroy the debugger. */
struct dbg_observer {
    void *context;
    /* A message for the debugger's engine, accepted, once, in order; an orphan is none. The state is the new one
     * already. What arrives while our own frame is unacknowledged is acknowledged at once and told afterwards. */
    void (*message)(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes);
    void (*request)(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes); /* first try leaves */
    void (*note)(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c);
    void (*frame)(void *context, const struct dbg_frame *frame); /* every frame seen, in any mode */
    void (*raw)(void *context); /* dbg_write_raw: what leaves next is the script's making */
};

struct dbg;

/* write  in  puts bytes on the line to the target; one call per frame or byte; must not call back at once */
struct dbg *dbg_create(struct sim_world *world, const struct dbg_config *config,
                       void (*write)(void *context, const uint8_t *bytes, size_t len_bytes), void *context);
void dbg_destroy(struct dbg *dbg);

/* Observers are told in the order in which they were added; at most 4. */
void dbg_observe(struct dbg *dbg, const struct dbg_observer *observer);

/* The line came up (fresh ids, state DBG_RUNNING: a debugger does not know yet, and says nothing by itself), or
 * went away (everything outstanding is forgotten). */
void dbg_attach(struct dbg *dbg);
void dbg_detach(struct dbg *dbg);

/* Bytes from the target. */
void dbg_input(struct dbg *dbg, const uint8_t *bytes, size_t len_bytes);

enum dbg_state dbg_state(const struct dbg *dbg);

/* One break-in byte, now. Returns KD_OK; KD_ERR_CLOSED: no line */
KD_MUST_USE enum kd_status dbg_break_in(struct dbg *dbg);

/* Goes to SYNC: the first RESET leaves now, then alternately as the timer says (2.9, 2.10).
 * Returns KD_OK; KD_ERR_CLOSED: no line; KD_ERR_BUSY: the mode is manual */
KD_MUST_USE enum kd_status dbg_resync(struct dbg *dbg);

/* Sends one data frame after think_ns of the cost table: a manipulate request (type 2), the answer to a prompt (3) or to
 * a file request (11).
 * body     in   copied
 * Returns  KD_OK, the state is WAIT_ACK; KD_ERR_BUSY (type 2: not STOPPED; type 3, 11: nobody asked; or one is under
 *          way, or the mode is manual); KD_ERR_TOO_BIG; KD_ERR_ARGUMENT (another type); KD_ERR_CLOSED
 * Ends with: DBG_NOTE_ACKED and, where 4.4 says that a reply comes, its message; or DBG_NOTE_GAVE_UP. After a
 * request that resumes the target the state is RUNNING, after an answer what it was before. */
KD_MUST_USE enum kd_status dbg_send(struct dbg *dbg, uint16_t type, const uint8_t *body, uint32_t body_bytes);

/* Whether the engine answers file requests, from inside their message or later, by dbg_send with type 11. If not, and at
 * first, each is refused at once: a debugger that stays silent blocks the boot (4.7). */
void dbg_serve_files(struct dbg *dbg, bool serves);

/* Manual mode: frames are reported to observers, nothing is answered or repeated, no timer runs. What the script
 * writes is followed: its ACK accepts the frame that arrived last, its data frame is the request under way, its
 * RESET starts the ids over. So notes and messages are as true as in automatic mode, and it can be left any time. */
void dbg_set_manual(struct dbg *dbg, bool manual);

/* Bytes as they are, in any mode. A RESET, break-in byte or data frame among them is noted as such (and a RESET
 * counted as ours); in automatic mode the rest is nobody's business. Returns KD_OK; KD_ERR_CLOSED: no line */
KD_MUST_USE enum kd_status dbg_write_raw(struct dbg *dbg, const uint8_t *bytes, size_t len_bytes);

/* Builds a frame for dbg_write_raw. to has room for DBG_FRAME_BYTES_MAX. Returns its length. */
size_t dbg_frame_data(uint8_t *to, uint16_t type, uint32_t id, const uint8_t *body, uint32_t body_bytes);
size_t dbg_frame_control(uint8_t *to, uint16_t type, uint32_t id);

/* A frame parser by itself, for tests: feed bytes, frames come out through the callback. */
struct dbg_parser;
struct dbg_parser *dbg_parser_create(void (*frame)(void *context, const struct dbg_frame *frame), void *context);
void dbg_parser_destroy(struct dbg_parser *parser);
void dbg_parser_input(struct dbg_parser *parser, const uint8_t *bytes, size_t len_bytes);
/* Forgets a half-read frame. Returns true when there was one. */
bool dbg_parser_forget(struct dbg_parser *parser);

#endif
