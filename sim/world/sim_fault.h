/* sim_fault.h: faults placed by rule: where, in which direction, on which packet, the how-manyth, when, what.
 *
 * A world has one table of rules. Each layer asks it about each unit that passes (a frame on a stream or UART, an
 * RPC request or reply) and does what it is told. Names are the ones of scripts, logs and JSON (README.md, faults).
 * Tests: tests/test_sim_fault.c */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "sim/world/sim_world.h"
#include "transport/kd/kd_status.h"

/* The frame or message a rule waits for: a packet type by name, or any. */
#define SIM_FAULT_LAYER_LIST(X) X(STREAM, "stream") X(UART, "uart") X(RPC, "rpc")
#define SIM_FAULT_DIRECTION_LIST(X)                                                                          \
    X(TO_DEBUGGER, "to_debugger") X(TO_TARGET, "to_target") X(REQUEST, "request") X(REPLY, "reply")
#define SIM_FAULT_KIND_LIST(X)                                                                               \
    X(DROP, "drop")           /* stream, uart: a frame, or with byte=, one byte of it */                     \
    X(FLIP, "flip")           /* stream, uart: bit number bit= of the frame, bit 0 = lowest of byte 0 */     \
    X(DUPLICATE, "duplicate") /* stream, uart: the frame comes twice */                                      \
    X(DELAY, "delay")         /* stream, uart: the frame and all behind it come delay= ns later */           \
    X(LOSE, "lose")           /* rpc request: the host never sees it; reply: the host acted, guest sees none */
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

/* The type under which a line reports a break-in byte: an argument of KdReceivePacket, never on the wire. */
#define SIM_FAULT_TYPE_BREAK_IN 8u

struct sim_fault_rule {
    enum sim_fault_layer layer;
    enum sim_fault_direction direction;
    enum sim_fault_kind kind;
    enum sim_fault_packet packet;
    uint32_t nth;     /* 1: the first matching unit from after_ns on */
    uint32_t count;   /* how many from the nth on; 0: all */
    uint64_t after_ns;
    uint32_t bit;     /* FLIP */
    uint32_t byte;    /* DROP: this byte only; SIM_FAULT_NO_BYTE: the whole frame */
    uint64_t delay_ns; /* DELAY */
};

struct sim_faults;

struct sim_faults *sim_faults_create(struct sim_world *world);
void sim_faults_destroy(struct sim_faults *faults);

/* Adds a rule. Returns KD_OK; KD_ERR_ARGUMENT: layer and direction or kind do not go together, or nth is 0 */
KD_MUST_USE enum kd_status sim_faults_add(struct sim_faults *faults, const struct sim_fault_rule *rule);

/* Ends every rule: faults are over. */
void sim_faults_clear(struct sim_faults *faults);

/* True while a rule of this layer and direction can still strike: only then need a line look into frames. */
bool sim_faults_armed(const struct sim_faults *faults, enum sim_fault_layer layer,
                      enum sim_fault_direction direction);

/* Reports one unit and returns the rule that strikes it, or NULL. At most one rule strikes a unit: the first one
 * added that matches; every matching rule counts it. The strike is counted and traced.
 * type  in  packet type of a frame; SIM_FAULT_TYPE_BREAK_IN for that byte; rpc: the message kind (such a rule
 *           is placed with SIM_PACKET_ANY) */
const struct sim_fault_rule *sim_faults_ask(struct sim_faults *faults, enum sim_fault_layer layer,
                                            enum sim_fault_direction direction, uint16_t type);

/* Tells somebody about every strike, as it is asked for: the rule and the unit's type. One listener; NULL: none. */
typedef void sim_faults_strike_fn(void *context, const struct sim_fault_rule *rule, uint16_t type);
void sim_faults_on_strike(struct sim_faults *faults, sim_faults_strike_fn *fn, void *context);

/* How many faults struck, and when the last one did (0 when none). */
uint64_t sim_faults_struck(const struct sim_faults *faults);
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
