/* kd_link.h: one end of a KDCOM line in the target's role, as a state machine without I/O, clock or allocation.
 *
 * It scans and checks frames, numbers, acknowledges, repeats, answers RESET and RESEND, and remembers break-ins,
 * exactly as kdcom would, so that the guest's UART channel and the relay share one implementation. The caller
 * owns the line: it feeds bytes and passed deadlines, and does what struct kd_action says, in its order.
 *
 * Time is a number of the caller's ticks: nanoseconds in the relay, status polls in the guest.
 * The outcome depends on bytes and deadlines alone, never on how bytes were chunked.
 *
 * Where implementations differ (2.13), this one: remembers a break-in for the whole scan and processes the frame
 * behind it (2.4); reads all 16 bytes of a RESEND (R3); takes a data frame with the expected id for the
 * acknowledgement of its own (N6), accepts and acknowledges it at once, and keeps it for the next receive;
 * acknowledges any other data frame and goes on waiting (N7); toggles `expect` after a good frame of another type
 * (R13: nobody can see it, and the debugger's next frame is not lost); answers one RESET and absorbs those behind
 * it (2.9); ignores the SYNC bit of what it receives (2.3 rule 6) and echoes ids as they came (2.3 rule 4).
 *
 * Source: kd-protocol.md 2.3 to 2.9.  Context: any; never blocks or faults; stack under 256 bytes.
 * Tests: tests/test_kd_link.c, tests/test_kd_vectors.c */
#ifndef KD_LINK_H
#define KD_LINK_H

#include "transport/kd/kd_packet.h"
#include "transport/kd/kd_status.h"

#define KD_NEVER UINT64_MAX

struct kd_link_config {
    uint64_t byte_wait;    /* ticks of silence after which a wait for a byte is over (2.11); at least 1 */
    uint64_t reset_window; /* ticks for which RESETs behind an answered one are absorbed (2.9) */
};

enum kd_outcome {
    KD_OUTCOME_NONE,      /* still waiting, or nothing was outstanding */
    KD_OUTCOME_SENT,      /* the packet was acknowledged */
    KD_OUTCOME_ABANDONED, /* retries exhausted (N9): the debugger is not present, ids start over with SYNC */
    KD_OUTCOME_RECEIVED,  /* link->received holds the packet, until the next call into the link */
    KD_OUTCOME_TIMEOUT,   /* status 1 for the kernel */
    KD_OUTCOME_RESEND,    /* status 2 for the kernel */
};

/* What the caller must do now: write the control frame if there is one, then the outstanding packet's frame
 * (kd_link_frame) if told to, then act on the outcome. */
struct kd_action {
    bool write_control;
    bool write_packet;
    bool break_in;    /* a 0x62 stood among the noise of a scan that is now over: set ControlCPending */
    bool leader_seen; /* a complete leader was seen: the debugger is present (2.4) */
    enum kd_outcome outcome;
    uint8_t control[KD_FRAME_HEADER_BYTES];
};

/* The outstanding packet as four pieces to write one after the other. header and data are the spans given to
 * kd_link_send. */
struct kd_frame {
    uint8_t head[KD_FRAME_HEADER_BYTES];
    struct kd_span header;
    struct kd_span data;
    uint8_t trailer;
};

/* An accepted packet. header_bytes + data_bytes is the body's length; the bytes are the link's own. */
struct kd_received {
    uint16_t type;
    uint16_t header_bytes;
    uint16_t data_bytes;
    const uint8_t *body;
};

enum kd_link_state { KD_LINK_IDLE, KD_LINK_SENDING, KD_LINK_RECEIVING };
enum kd_scan_state { KD_SCAN_LEADER, KD_SCAN_HEADER, KD_SCAN_BODY, KD_SCAN_TRAILER };

/* Counters that never influence behaviour; for status, tests and benchmarks. */
struct kd_link_counters {
    uint64_t frames_sent;    /* data frames, repeats included */
    uint64_t frames_repeated;
    uint64_t frames_accepted;
    uint64_t repeats_dropped; /* good frames with another id than expected */
    uint64_t strangers_dropped; /* good frames and ACKs of an epoch that may be over (kd_link_distrust) */
    uint64_t resends_sent;
    uint64_t resets_answered;
    uint64_t resets_absorbed;
    uint64_t abandoned;
};

/* The caller's memory, about 8.2 KiB. Everything but received and counters is private. */
struct kd_link {
    struct kd_link_config config;
    struct kd_link_counters counters;
    struct kd_received received;

    enum kd_link_state state;
    uint32_t next_id;
    uint32_t expect_id;
    struct kd_packet packet; /* being sent; its bytes are the caller's */
    uint32_t packet_sum;
    uint32_t retries_left;
    struct kd_wanted wanted;
    uint64_t deadline;
    uint64_t reset_absorbed_until; /* 0: a RESET is answered */
    bool distrusts;                /* data frames may be of the epoch before */
    uint32_t acks_due;             /* copies under the initial id that the debugger has not answered, */
    uint32_t acks_stale;           /* and how many of these are of what is over */
    bool kept;                     /* body holds an acknowledged frame for the next receive */
    uint16_t kept_type;
    uint16_t kept_bytes;

    enum kd_scan_state scan;
    uint8_t run_byte;
    uint8_t run_length;
    bool scan_break_in;
    uint32_t have;
    uint8_t head[KD_FRAME_HEADER_BYTES];
    struct kd_frame_header header;
    uint8_t kept_body[KD_BODY_BYTES_MAX];
    uint8_t body[KD_BODY_BYTES_MAX];
};

/* Starts a link as a freshly booted target has it: next id with SYNC, nothing outstanding, counters zero. */
void kd_link_init(struct kd_link *link, const struct kd_link_config *config);

/* A new session on an old link (another client, a new epoch): ids as after kd_link_init, half-read input, kept
 * frame and RESET window forgotten; counters stay. An outstanding packet stays outstanding, and is to be written
 * again under its new id: action->write_packet. An outstanding receive goes on. (2.12 rule 6) */
void kd_link_restart(struct kd_link *link, uint64_t now, struct kd_action *action);

/* Forgets half-read input only. */
void kd_link_forget_input(struct kd_link *link);

/* True when there is some to forget. */
bool kd_link_is_reading(const struct kd_link *link);

/* The line was cut: forgets half-read input, and what the debugger still had to answer. */
void kd_link_cut(struct kd_link *link);

/* Begins to send. The spans must stay valid and unchanged until SENT, ABANDONED or kd_link_cancel.
 * retries  in   KdpDefaultRetries: the time-out that counts it down to zero abandons an abandonable packet (N8, N9),
 *               so the frame goes out that many times; 0 as 1
 * action   out  write_packet is set
 * Returns  KD_OK; KD_ERR_BUSY (something is outstanding), KD_ERR_ARGUMENT (a type that is not a data type),
 *          KD_ERR_TOO_BIG (body over KD_BODY_BYTES_MAX): nothing changed, action is empty */
KD_MUST_USE enum kd_status kd_link_send(struct kd_link *link, const struct kd_packet *packet, uint32_t retries,
                                        uint64_t now, struct kd_action *action);

/* Begins to wait for a packet. A kept frame ends the wait at once, with its outcome in action.
 * wanted   in   header_bytes + data_room may exceed KD_BODY_BYTES_MAX; the frame's limit holds anyway
 * Returns  KD_OK; KD_ERR_BUSY (something is outstanding): nothing changed, action is empty */
KD_MUST_USE enum kd_status kd_link_receive(struct kd_link *link, const struct kd_wanted *wanted, uint64_t now,
                                           struct kd_action *action);

/* Feeds bytes that arrived, up to the one that makes something to do.
 * bytes    in   read before return, never kept
 * action   out  empty when all bytes were taken and nothing is to be done
 * Returns  how many bytes were taken, 0..len_bytes; 0 when idle: an idle link takes nothing. Call again with the
 *          rest after acting, as long as the link is not idle. */
size_t kd_link_input(struct kd_link *link, const uint8_t *bytes, size_t len_bytes, uint64_t now,
                     struct kd_action *action);

/* The tick at which kd_link_expire is to be called, KD_NEVER when idle. */
uint64_t kd_link_deadline(const struct kd_link *link);

/* Tells the link the time; does nothing (an empty action) before the deadline. */
void kd_link_expire(struct kd_link *link, uint64_t now, struct kd_action *action);

/* Ends the outstanding send or receive without an outcome; ids, kept frame and half-read input stay. */
void kd_link_cancel(struct kd_link *link);

/* The peer may still be talking to the epoch before this restart: its requests of then carry ids that look
 * new now. Until it acknowledges a packet, sends a RESET or shows the SYNC bit, its data frames are dropped
 * unanswered; it repeats those that it means. (2.15) Ended by kd_link_restart. A SYNC frame is acknowledged
 * by the initial id, which an ACK that is still on its way may have too: so many as copies under that id were
 * begun and not answered yet acknowledge nothing. */
void kd_link_distrust(struct kd_link *link);

/* For a caller whose line keeps bytes in order and loses none; others never call these two. A copy of a data
 * frame under this id is begun to be written, so it will be answered. / These bytes of the debugger's are
 * thrown away unread; what answers there are among them has come. */
void kd_link_copy_begun(struct kd_link *link, uint32_t id);
void kd_link_thrown_away(struct kd_link *link, const uint8_t *bytes, size_t len_bytes);

/* Gives up the outstanding packet as N9 does, without waiting: the caller knows that nobody is there.
 * The link must be sending; ids start over with SYNC. */
void kd_link_abandon(struct kd_link *link);

/* The outstanding packet's frame under its present id. The link must be sending. */
void kd_link_frame(const struct kd_link *link, struct kd_frame *frame);

#endif
