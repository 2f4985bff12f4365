/* sim_fault.h: faults placed by rule (where, in which direction, on which packet, the how-manyth, when, what), or
 * drawn from the seed at a rate.
 *
 * A world has one table of rules and rates. Each layer asks it about each unit that passes (a frame on a stream or
 * UART, an RPC request or reply, a call of the backdoor) and does what it is told. Names are the ones of scripts, logs
 * and JSON (README.md, faults).
 * Tests: tests/test_sim_fault.c */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "sim/world/sim_world.h"
#include "transport/kd/kd_status.h"

/* The frame or message a rule waits for: a packet type by name, or any. */
#define SIM_FAULT_LAYER_LIST(X) X(STREAM, "stream") X(UART, "uart") X(RPC, "rpc") X(EXIT, "exit")
#define SIM_FAULT_DIRECTION_LIST(X)                                                                          \
    X(TO_DEBUGGER, "to_debugger") X(TO_TARGET, "to_target") X(REQUEST, "request") X(REPLY, "reply") \
    X(NO_DIRECTION, "none") /* exit: a call of the guest has none */
#define SIM_FAULT_KIND_LIST(X)                                                                               \
    X(DROP, "drop")           /* line: a frame, or with byte=, one byte of it */                             \
    X(FLIP, "flip")           /* line, rpc: bit number bit= of the unit, bit 0 = lowest of byte 0 */         \
    X(DUPLICATE, "duplicate") /* line: the frame comes twice; rpc: the message is handed over twice */       \
    X(DELAY, "delay")         /* line: the frame and all behind it come delay= ns later; rpc: the message */ \
    X(LOSE, "lose")           /* rpc request: the host never sees it; reply: the host acted, guest sees none */ \
    X(INSERT, "insert")       /* line: len= bytes (value=, or drawn) in front of byte byte= */               \
    X(NOISE, "noise")         /* line: len= drawn bytes in front of the frame */                             \
    X(SPLIT, "split")         /* line: from byte byte= on the frame comes delay= ns later */                 \
    X(JOIN, "join")           /* line: the frame waits delay= ns and comes in one piece with what follows */ \
    X(STALL, "stall")         /* line: the reader takes nothing for delay= ns; the writer feels it */        \
    X(DISCONNECT, "disconnect") /* line: the connection breaks, and comes back delay= ns later */            \
    X(FRAMING, "framing")     /* uart to_target: byte byte= arrives with a framing error (LSR.FE) */         \
    X(OVERRUN, "overrun")     /* uart to_target: byte byte= is lost in the receiver (LSR.OE) */              \
    X(TRUNCATE, "truncate")   /* rpc: only the first len= bytes of the message come */                       \
    X(STATUS, "status")       /* exit: the bits of value= are wrong in the status that the call tells */     \
    X(LENGTH, "length")       /* exit: RECVSIZE tells the length value= */                                   \
    X(CHECKPOINT, "checkpoint")       /* exit: the VM was suspended right before the call */                 \
    X(LOW_BANDWIDTH, "low_bandwidth") /* exit: a size call does not offer high bandwidth */                  \
    X(FORGET, "forget")       /* exit: the host has forgotten the channel of this call */                    \
    X(TABLE_FULL, "table_full")       /* exit: OPEN finds no free channel */                                 \
    X(ABSENT, "absent")       /* exit: nobody answers this access, as on a machine without a backdoor */
#define SIM_FAULT_PACKET_LIST(X)                                                                             \
    X(ANY, "any", 0) X(DATA, "data", 0) X(CONTROL, "control", 0) X(BREAK_IN, "break_in", 0)                  \
    X(STATE_CHANGE64, "state_change64", 7) X(MANIPULATE, "manipulate", 2) X(DEBUG_IO, "debug_io", 3)         \
    X(FILE_IO, "file_io", 11) X(ACK, "ack", 4) X(RESEND, "resend", 5) X(RESET, "reset", 6)

#define SIM_FAULT_ENUM2(name, text) SIM_FAULT_##name,
enum sim_fault_layer { SIM_FAULT_LAYER_LIST(SIM_FAULT_ENUM2) SIM_FAULT_LAYERS };
enum sim_fault_direction { SIM_FAULT_DIRECTION_LIST(SIM_FAULT_ENUM2) SIM_FAULT_DIRECTIONS };
enum sim_fault_kind { SIM_FAULT_KIND_LIST(SIM_FAULT_ENUM2) SIM_FAULT_KINDS };
#undef SIM_FAULT_ENUM2
#define SIM_FAULT_ENUM3(name, text, type) SIM_PACKET_##name,
enum sim_fault_packet { SIM_FAULT_PACKET_LIST(SIM_FAULT_ENUM3) SIM_PACKETS };
#undef SIM_FAULT_ENUM3

#define SIM_FAULT_NO_BYTE UINT32_MAX
#define SIM_FAULT_NO_BIT UINT32_MAX

#define SIM_FAULT_NO_VALUE UINT32_MAX

/* The type under which a line reports a break-in byte: an argument of KdReceivePacket, never on the wire. */
#define SIM_FAULT_TYPE_BREAK_IN 8u

/* The type under which the exit layer reports GETVERSION; a call of MESSAGE has its own sub-type, 0 to 6. */
#define SIM_FAULT_TYPE_GET_VERSION 7u

/* And the commands of the doorbell. */
#define SIM_FAULT_TYPE_DOORBELL_OPEN 8u
#define SIM_FAULT_TYPE_RING 9u

struct sim_fault_rule {
    enum sim_fault_layer layer;
    enum sim_fault_direction direction;
    enum sim_fault_kind kind;
    enum sim_fault_packet packet;
    uint32_t nth;     /* 1: the first matching unit from after_ns on */
    uint32_t count;   /* how many from the nth on; 0: all */
    uint64_t after_ns;
    uint32_t bit;     /* FLIP; SIM_FAULT_NO_BIT: not said, which flips nothing */
    uint32_t byte;    /* DROP: this byte only; SIM_FAULT_NO_BYTE: the whole frame. SPLIT: that is in the middle.
                         Else where the fault is; SIM_FAULT_NO_BYTE as 0 */
    uint64_t delay_ns; /* DELAY, SPLIT, JOIN, STALL, DISCONNECT */
    uint32_t len_bytes; /* INSERT, NOISE: how many, 0 as 1; TRUNCATE: how many are left */
    uint32_t value;   /* INSERT: the byte, SIM_FAULT_NO_VALUE: drawn; STATUS: bits; LENGTH */
};

/* A rate: each unit of a layer may be struck, in the directions and kinds of the bit sets. */
struct sim_fault_rate {
    enum sim_fault_layer layer;
    uint32_t per_10000; /* of 10,000 units so many, on average */
    uint32_t most;      /* strikes in all; 0: no bound */
    uint32_t directions; /* SIM_FAULT_BIT() of each; 0: all that the layer has */
    uint32_t kinds;      /* the same; 0: all that the layer has, without DISCONNECT and a FLIP in rpc */
};
#define SIM_FAULT_BIT(value) (UINT32_C(1) << (value))

struct sim_faults;

struct sim_faults *sim_faults_create(struct sim_world *world);
void sim_faults_destroy(struct sim_faults *faults);

/* Adds a rule. Returns KD_OK; KD_ERR_ARGUMENT: layer and direction or kind do not go together, or nth is 0 */
KD_MUST_USE enum kd_status sim_faults_add(struct sim_faults *faults, const struct sim_fault_rule *rule);

/* Adds a rate. Chance is a stream of the world's own, so the same seed draws the same faults.
 * Returns KD_OK; KD_ERR_ARGUMENT: the layer has none of these directions or kinds, or the rate is over 10,000 */
KD_MUST_USE enum kd_status sim_faults_draw(struct sim_faults *faults, const struct sim_fault_rate *rate);

/* Ends every rule and every rate: faults are over. */
void sim_faults_clear(struct sim_faults *faults);

/* True while a rule or rate of this layer and direction can still strike: only then need a line look into frames. */
bool sim_faults_armed(const struct sim_faults *faults, enum sim_fault_layer layer,
                      enum sim_fault_direction direction);

/* Reports one unit and returns the rule that strikes it, or NULL. At most one rule strikes a unit: the first one
 * added that matches; every matching rule counts it. Where no rule strikes, a rate may: what is returned then is drawn,
 * and valid until the next call. The strike is counted and traced.
 * type        in  packet type of a frame; SIM_FAULT_TYPE_BREAK_IN for that byte; rpc: the message kind; exit: the
 *                 sub-type of the call, of which a kind strikes only those that it can (rules with SIM_PACKET_ANY)
 * unit_bytes  in  its length, so that a drawn fault falls within it; 0: it has none */
const struct sim_fault_rule *sim_faults_ask(struct sim_faults *faults, enum sim_fault_layer layer,
                                            enum sim_fault_direction direction, uint16_t type, size_t unit_bytes);

/* Tells somebody about every strike, as it is asked for: the rule and the unit's type. One listener; NULL: none. */
typedef void sim_faults_strike_fn(void *context, const struct sim_fault_rule *rule, uint16_t type);
void sim_faults_on_strike(struct sim_faults *faults, sim_faults_strike_fn *fn, void *context);

/* True when the bit or byte that the rule names lies behind the end of a unit of so many bytes: then the strike leaves
 * it as it is. */
bool sim_fault_misses(const struct sim_fault_rule *rule, size_t unit_bytes);

/* How many faults struck, and when the last one did (0 when none). */
uint64_t sim_faults_struck(const struct sim_faults *faults);
uint64_t sim_faults_struck_on(const struct sim_faults *faults, enum sim_fault_layer layer);
uint64_t sim_faults_last_ns(const struct sim_faults *faults);

/* Names to values and back; the finders return KD_ERR_ARGUMENT for a name that is not in the list. */
const char *sim_fault_layer_name(enum sim_fault_layer layer);
const char *sim_fault_direction_name(enum sim_fault_direction direction);
const char *sim_fault_kind_name(enum sim_fault_kind kind);
const char *sim_fault_packet_name(enum sim_fault_packet packet);
KD_MUST_USE enum kd_status sim_fault_layer_find(const char *name, enum sim_fault_layer *layer);
KD_MUST_USE enum kd_status sim_fault_direction_find(const char *name, enum sim_fault_direction *direction);
KD_MUST_USE enum kd_status sim_fault_kind_find(const char *name, enum sim_fault_kind *kind);
KD_MUST_USE enum kd_status sim_fault_packet_find(const char *name, enum sim_fault_packet *packet);

#endif
