/* monitor.h: the wire monitor: a third, passive judge of both byte streams on the debugger's wire.
 *
 * It shares no code and no constant with the two ends (transport/kd, harness/dbg): it was written from
 * kd-protocol.md alone, so that a misreading of either end meets somebody who does not share it. It is told
 * what each end *wrote* (before faults) and what each end *received* (after them), and judges each end by
 * what that end had received when it began to write: a frame that was lost or garbled on the way excuses
 * what follows from it by itself, because the end never saw it.
 *
 * A debugger acts on each frame as it arrives. A target does not: it may take what it received later, or
 * never (a running one eats bytes by polls). So what it received is an upper bound, kept in order; whatever
 * could have caused a write is taken from the front.
 *
 * Source: kd-protocol.md 2.14; 2.3 to 2.10 and 2.15 for what is legal. Tests: tests/test_monitor.c */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum monitor_end { MONITOR_TARGET, MONITOR_DEBUGGER, MONITOR_ENDS };

/* Whom a rule binds. */
enum { MONITOR_BINDS_TARGET = 1u, MONITOR_BINDS_DEBUGGER = 2u, MONITOR_BINDS_BOTH = 3u };

/* The rules of 2.14, in its order: the number is the position, from 1 on. */
#define MONITOR_RULE_LIST(X)                                                                                 \
    X(W1, BOTH, "whole frames only, and from the debugger single bytes 0x62")                                \
    X(W2, BOTH, "a control frame has type 4 to 6, ByteCount 0, Checksum 0, and no body")                     \
    X(W3, BOTH, "a data frame has a type its end may send, a good length and checksum, and ends with 0xAA")  \
    X(W4, BOTH, "a data frame's id is 80800000 or 80800001; with SYNC only 80800800")                        \
    X(W5, BOTH, "one unacknowledged data frame per direction")                                               \
    X(W6, BOTH, "a repeat is byte-identical, except for its id after a RESET or an abandoned send")          \
    X(W7, BOTH, "ids alternate over acknowledged frames, unless SYNC or a RESET starts them over")           \
    X(W8, BOTH, "every good data frame is followed by its ACK, or by RESEND if it crossed with one of ours") \
    X(W9, BOTH, "an ACK is for a data frame that came since the last RESET, and each is acknowledged once")  \
    X(W10, BOTH, "at most one RESET per RESET, and none in answer to an answer")                             \
    X(W11, TARGET, "manipulate frames are replies, one per request that has one")                            \
    X(W12, TARGET, "no state change between request and reply, and none while stopped without a cause")      \
    X(W13, BOTH, "after Continue no manipulate until the next state change")                                 \
    X(W14, TARGET, "a print's LengthOfString is the length of its text, at most 3984")                       \
    X(W15, BOTH, "SYNC only on the first frame after boot or an abandoned send, and on its repeats")         \
    X(W16, DEBUGGER, "requests only while stopped, one at a time; answers only to what was asked")
enum monitor_rule {
    MONITOR_W0,
#define MONITOR_RULE_ENUM(name, binds, text) MONITOR_##name,
    MONITOR_RULE_LIST(MONITOR_RULE_ENUM)
#undef MONITOR_RULE_ENUM
        MONITOR_RULES
};
const char *monitor_rule_name(enum monitor_rule rule); /* "W7" */
const char *monitor_rule_text(enum monitor_rule rule);
unsigned monitor_rule_binds(enum monitor_rule rule);

/* What real programs do against these rules (2.13, and the clients marked [C] in 2.3 to 2.5). In somebody
 * else's program each passes and is counted; in an end of ours it is a violation. */
#define MONITOR_DEVIATION_LIST(X)                                                                            \
    X(SYNC_STAYS, "kdcom-RE: the SYNC bit stays until a RESET")                                              \
    X(SYNC_AT_STOPS, "VirtualBox: every state change has SYNC")                                              \
    X(DOES_NOT_WAIT, "VirtualBox: a state change is not waited for")                                         \
    X(ID_FROM_REQUEST, "VirtualBox, Winbagility: a reply's id is the request's, flipped")                    \
    X(REPEATS_SERVED, "VirtualBox, ISPRAS, radare2: repeats are not told from new frames")                   \
    X(EVERY_RESET, "ReactOS, kdcom-RE: every RESET is answered")                                             \
    X(UNASKED_RESET, "VirtualBox: RESET after a time-out inside a header")                                   \
    X(LONG_BODY, "VirtualBox: bodies of up to 4096 bytes")                                                   \
    X(ACK_WITH_SYNC, "windpl, pykdclient: an ACK keeps the SYNC bit (C08)")                                  \
    X(ACKS_CONTROL, "rizin: control frames are acknowledged")                                                \
    X(ID_AS_RECEIVED, "windpl, pykdclient: a request is numbered by the id received last, SYNC and all")     \
    X(CONTROL_SUM, "pykdclient: a control frame's Checksum is not 0, and stray bytes follow it")
enum monitor_deviation {
    MONITOR_NO_DEVIATION,
#define MONITOR_DEVIATION_ENUM(name, text) MONITOR_##name,
    MONITOR_DEVIATION_LIST(MONITOR_DEVIATION_ENUM)
#undef MONITOR_DEVIATION_ENUM
        MONITOR_DEVIATIONS
};
const char *monitor_deviation_text(enum monitor_deviation deviation);

enum { MONITOR_TEXT_BYTES = 240 };

struct monitor_violation {
    enum monitor_rule rule;
    enum monitor_end end;
    uint64_t time_ns;
    char text[MONITOR_TEXT_BYTES]; /* "W9 debugger: ack id=80800001: no such frame came": end, frame, why */
};

struct monitor_config {
    bool foreign[MONITOR_ENDS]; /* not an end of ours: the deviations above pass */
    bool target_has_sessions;   /* it is a relay, which knows when a debugger comes and goes (2.12 rule 6) */
    bool target_may_lose;       /* what it receives may be lost inside it, always: a UART with overruns */
    uint64_t target_wait_ns;    /* silence after which it gives up a frame it reads: 1 s */
    uint64_t debugger_wait_ns;  /* the same: 1 s */
    uint64_t reset_window_ns;   /* how long the target absorbs RESETs behind an answered one (2.9): 100 ms */
    uint64_t answer_ns;         /* the debugger's time to acknowledge: 500 ms */
    uint64_t silence_ns;        /* a stopped target that was asked may stay silent so long: 30 s */
    /* Told each violation as it is found; NULL: nobody. Must not call back. */
    void (*violated)(void *context, const struct monitor_violation *violation);
    void *context;
};
struct monitor_config monitor_config_default(void);

struct monitor;
struct monitor *monitor_create(const struct monitor_config *config);
void monitor_destroy(struct monitor *monitor);

/* An end put bytes on the line. Times never run backwards, in all functions. */
void monitor_wrote(struct monitor *monitor, enum monitor_end end, uint64_t now_ns, const uint8_t *bytes,
                   size_t len_bytes);

/* An end received bytes. The debugger must be given them by the caller in the same pieces, right after this,
 * so that its answer to a frame is seen before the next frame: call again with the rest.
 * Returns  how many bytes were taken, 1..len_bytes: up to the end of a frame, or all of them */
size_t monitor_received(struct monitor *monitor, enum monitor_end end, uint64_t now_ns, const uint8_t *bytes,
                        size_t len_bytes);

/* What the wire does not show. */
enum monitor_event {
    MONITOR_TIME_PASSED,       /* neither end could act for a while (a pause): waits begin anew */
    MONITOR_ATTACHED,          /* a debugger connected; told before either end writes */
    MONITOR_DETACHED,          /* it hung up, and what was under way is gone */
    MONITOR_TARGET_BOOTS,      /* power-on, reset, reboot: the target knows nothing of before */
    MONITOR_TARGET_STARTS_IDS, /* the kernel initialises its module again: next id with SYNC (3.3 rule 1) */
    MONITOR_TARGET_LOST,       /* its ids may be anything (power-off, a revert): its next frame is believed */
    MONITOR_TARGET_MISHEARS,   /* from now until it boots, what it received may be spoilt inside it */
    MONITOR_FRESH_START,       /* the debugger wants its next RESET for reasons of its own */
    MONITOR_RAW,               /* the debugger writes what a script made up: it is not judged until it is
                                  attached anew or a RESET of its own was answered */
    MONITOR_MANUAL_ON, /* nothing is answered by itself: the same, at least until MONITOR_MANUAL_OFF */
    MONITOR_MANUAL_OFF,
    MONITOR_EVENTS
};
void monitor_note(struct monitor *monitor, enum monitor_event event, uint64_t now_ns);

/* A fault struck something on the line to that end; it changes no judgement, but is named with a violation.
 */
void monitor_struck(struct monitor *monitor, enum monitor_end end, uint64_t now_ns);

/* The run is over: what should have happened by now is judged. Call once. */
void monitor_finish(struct monitor *monitor, uint64_t now_ns);

unsigned monitor_violation_count(const struct monitor *monitor);
const struct monitor_violation *monitor_violation(const struct monitor *monitor, unsigned index);

/* Frames that were judged, by the end that wrote them; and how often a deviation passed. */
uint64_t monitor_frames(const struct monitor *monitor, enum monitor_end end);
uint64_t monitor_deviations(const struct monitor *monitor, enum monitor_deviation deviation);

#endif
