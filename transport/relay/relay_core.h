/* relay_core.h: the relay for one VM, as a state machine without I/O, clock, libc or allocation.
 *
 * On its VM side it takes whole requests of vm_message.h and gives one reply to each, some of them only after
 * a hold. On its debugger side it is the target on a KDCOM line (kd_link.h). The same code runs in the
 * simulator and in kdrelay; the caller owns sockets and time.
 *
 * One pattern for every call: feed an event, then drain: write what relay_debugger_output has, send what
 * relay_vm_reply has, arm a timer for relay_deadline.
 *
 * Trust: neither side. A request that breaks the protocol is answered VM_REFUSED and changes nothing else;
 * bytes of the debugger are bounded by the input buffer, and their contents judged by the link.
 *
 * Source: kd-protocol.md 2.5 to 2.12; transport/guest/README.md for the VM side. Context: one thread per
 * core. Tests: tests/test_relay_core.c */
#ifndef RELAY_CORE_H
#define RELAY_CORE_H

#include "transport/kd/kd_link.h"
#include "transport/kd/vm_message.h"
#include "transport/relay/relay_farewell.h"
#include "transport/relay/relay_queue.h"

enum {
    RELAY_INPUT_BYTES =
        RELAY_QUEUE_BYTES, /* debugger bytes not yet taken by the link; full means back-pressure */
    RELAY_OUTPUT_BYTES = RELAY_QUEUE_BYTES,
};

struct relay_config {
    uint64_t hold_ns;         /* how long a VM call may be held: 250,000,000 */
    uint64_t byte_wait_ns;    /* the link's: 1,000,000,000 */
    uint64_t reset_window_ns; /* the link's: 100,000,000 */
    uint64_t gone_wait_ns;    /* a VM that is back within it was only reset: 2,000,000,000 */
    uint64_t token_seed;      /* tokens are drawn from it; never the same for two relay lives */
};

/* What the debugger's side of a relay has seen; never influences behaviour. */
struct relay_counters {
    uint64_t requests[VM_RESUME + 1]; /* by kind */
    uint64_t requests_refused;
    uint64_t requests_stale;
    uint64_t requests_repeated; /* answered from the cache */
    uint64_t break_ins;         /* handed to the guest */
    uint64_t break_ins_dropped; /* came while stopped, or merged with one before */
    uint64_t epochs;
};

/* What the VM call that is held now waits for; the last two: there is no VM, and the relay speaks for it. */
enum relay_state { RELAY_IDLE, RELAY_SENDING, RELAY_NEXT, RELAY_RECEIVING, RELAY_TELLING, RELAY_GONE };

/* Which of its two buffers relay_vm_reply is to hand out. */
enum relay_ready { RELAY_READY_NONE, RELAY_READY_REPLY, RELAY_READY_REFUSAL };

/* The caller's memory, about 50 KiB. Everything but counters is private. */
struct relay_core {
    struct relay_config config;
    struct relay_counters counters;
    struct kd_link link;

    bool debugger_connected;
    bool debugger_present; /* no send was abandoned in this epoch, or a leader was seen since */
    bool break_in_pending;
    bool
        break_in_is_ours; /* nobody wished it: a debugger waits at a stop that the guest may have forgotten */
    bool break_in_told; /* in the last reply, which may be lost: no new request has confirmed it yet */
    bool request_delivered; /* in this epoch to this debugger, and not answered by a manipulate reply yet */
    bool target_stopped; /* from a packet that waits for the debugger's word until that word is delivered */

    uint64_t gone_at;     /* the debugger is told then, KD_NEVER: not at all */
    bool vm_is_known;     /* it said hello, and was not lost since */
    bool shutdown_told;   /* the guest's last state change said that the system goes down */
    uint8_t notices_left; /* to a debugger whose target is gone, the one under way included */
    uint8_t state_head[RELAY_STATE_HEAD_BYTES]; /* of the last state change that was acknowledged */
    uint32_t stop_sum; /* of the packet for which the debugger stopped last, a state change or a prompt */

    uint64_t epoch;
    uint64_t token_state;
    uint64_t token_current;  /* what the next new request must carry; 0 while a call is held */
    uint64_t token_previous; /* what the last request carried; 0 when that was a hello */

    enum relay_state state;
    bool send_pending; /* a send was answered VM_PENDING; VM_RESUME goes on with it */
    uint64_t hold_until;
    uint64_t now; /* of the last event that had one */
    struct vm_request request;
    struct kd_packet
        packet; /* being sent or sent last; its bytes lie in request_bytes, resumes leave them alone */
    struct kd_wanted wanted; /* of the link's receive */
    uint32_t request_len_bytes;
    uint32_t reply_len_bytes;
    enum relay_ready ready;

    bool packet_owed;        /* the packet's frame is to be queued as soon as there is room */
    uint32_t packet_copy_id; /* the id of the copy that is queued last, */
    uint32_t
        packet_copy_end;  /* and how many output bytes it takes to have it written; 0: none is unwritten */
    uint32_t output_torn; /* bytes at the output's front that belong to a frame already begun */

    uint8_t request_bytes[VM_REQUEST_BYTES_MAX]; /* the last request, for the packet and for repeats */
    uint8_t reply[VM_REPLY_BYTES_MAX];           /* the last reply, for the VM and for repeats */
    uint8_t refusal[VM_REPLY_BYTES];             /* VM_STALE or VM_REFUSED: must not disturb the other two */
    struct relay_queue input;
    struct relay_queue output;
};

/* Starts a relay life: no VM epoch, no debugger, nothing pending. */
void relay_init(struct relay_core *core, const struct relay_config *config);

/* One request from the VM. The reply is ready at once or later: after any event ask relay_vm_reply. A request
 * that comes while one is held: equal bytes re-attach to the held one; a hello strikes it; anything else is
 * answered VM_STALE (well-formed) or VM_REFUSED (not) and strikes nothing.
 * bytes    in   as they came from the guest, without command word or length prefix; any length, any content
 */
void relay_vm_request(struct relay_core *core, const uint8_t *bytes, size_t len_bytes, uint64_t now);

/* The VM was reset or reverted, and will be back: a held call is struck, the epoch is over. A debugger that
 * waits at a stop is told by the guest's next life (hello). */
void relay_vm_lost(struct relay_core *core, uint64_t now);

/* The VM was powered off, or whoever carries its messages went away: the same, and a debugger that is
 * connected is told that its target is gone (2.12 rule 7), unless the guest has said so itself, or says hello
 * within gone_wait_ns. Until it lets go, its requests are answered: UNSUCCESSFUL. Bounded: the notice is said
 * twice at most, each word repeated as often as a kernel would, and a hello or the debugger's leaving ends
 * it. */
void relay_vm_gone(struct relay_core *core, uint64_t now);

/* The reply to the request under way.
 * Returns  true once per reply: *reply is valid until the next event */
bool relay_vm_reply(struct relay_core *core, struct kd_span *reply);

/* Should the guest ask (poll)? A level, for a VMM that shows it to the guest so that an idle poll need not be a request:
 * true while a wish is pending or in a reply that no request has confirmed, while the debugger's bytes wait for a poll,
 * and while what a poll would tell is not known: there is no epoch, the target is believed stopped. Never false when a
 * poll would do more than answer "nothing". Look after every event. */
bool relay_vm_attention(const struct relay_core *core);

/* A debugger connected; at most one at a time, the caller refuses others in words. */
void relay_debugger_connected(struct relay_core *core, uint64_t now);

/* The debugger's connection is gone: half-read input and unsent output are forgotten; a manipulate reply that
 * waits for its ACK is counted as acknowledged; an abandonable packet is abandoned at once. */
void relay_debugger_disconnected(struct relay_core *core, uint64_t now);

/* Bytes from the debugger.
 * Returns  how many were taken; fewer than len_bytes means back-pressure: offer the rest after the next event
 */
size_t relay_debugger_input(struct relay_core *core, const uint8_t *bytes, size_t len_bytes, uint64_t now);

/* The bytes to write to the debugger next, len_bytes 0 when none; valid until the next event. */
struct kd_span relay_debugger_output(const struct relay_core *core);

/* The first len_bytes of relay_debugger_output were written. */
void relay_debugger_written(struct relay_core *core, size_t len_bytes);

/* When relay_expire is to be called, KD_NEVER when nothing is timed. Nanoseconds of the caller's clock. */
uint64_t relay_deadline(const struct relay_core *core);
void relay_expire(struct relay_core *core, uint64_t now);

#endif
