/* sim_cost.h: the one table of what things cost in virtual time. Printed with every speed that comes from it.
 *
 * A row: field, default, least, most, unit, what it is and where the figure comes from. --set cost.NAME=VALUE
 * overrides. Nothing lasts longer than an hour (a byte of payload 3.6 s), so that the clock, 584 years long,
 * does not run over. */
#ifndef SIM_COST_H
#define SIM_COST_H

#include "transport/kd/kd_status.h"
#include <stdint.h>

#define SIM_COST_HOUR_NS UINT64_C(3600000000000)

/* A 16550 divides 115200 by 16 bits at most; the module takes no other rate (kd_options.h). */
#define SIM_COST_BAUD_MIN 2
#define SIM_COST_BAUD_MAX 115200

#define SIM_COST_LIST(X)                                                                                     \
    X(exit_ns, 15000, 0, SIM_COST_HOUR_NS, "ns",                                                             \
      "one exit to a user-mode VMM (VirtualKD published 72 us for a five-exit RPC)")                         \
    X(payload_ps_per_byte, 250, 0, SIM_COST_HOUR_NS, "ps/byte",                                              \
      "string I/O payload, copied by the VMM (0.25 ns a byte)")                                              \
    X(stream_latency_ns, 25000, 0, SIM_COST_HOUR_NS, "ns", "VMM or relay to debugger, each way (assumed)")   \
    X(think_ns, 50000, 0, SIM_COST_HOUR_NS, "ns", "debugger, from a reply to its next request (assumed)")    \
    X(baud, 115200, SIM_COST_BAUD_MIN, SIM_COST_BAUD_MAX, "bit/s",                                           \
      "serial line; 8N1, so a character is ten bit times: 86.806 us")                                        \
    X(poll_floor_ns, 1000, 0, SIM_COST_HOUR_NS, "ns",                                                        \
      "a status poll that finds nothing costs at least this (an ISA bus cycle)")                             \
    X(tick_ns, 15625000, 1, SIM_COST_HOUR_NS, "ns",                                                          \
      "the guest's clock tick: how often a running target polls for a break-in")

#define SIM_NS_PER_SECOND UINT64_C(1000000000)

struct sim_cost {
#define SIM_COST_FIELD(name, value, min, max, unit, note) uint64_t name;
    SIM_COST_LIST(SIM_COST_FIELD)
#undef SIM_COST_FIELD
};

/* One row of the table, for printing and for --set. */
struct sim_cost_row {
    const char *name;
    uint64_t default_value;
    uint64_t min, max; /* what sim_cost_set takes */
    const char *unit;
    const char *note;
};

/* The defaults. */
struct sim_cost sim_cost_default(void);

/* A link that costs nothing: exits and payload are free; latency, think time and tick stay. */
struct sim_cost sim_cost_ideal(void);

/* The rows in the order of struct sim_cost's fields; *count is how many. */
const struct sim_cost_row *sim_cost_rows(unsigned *count);

/* Field number index of a table, 0 .. count-1. */
uint64_t sim_cost_get(const struct sim_cost *cost, unsigned index);

/* Sets a field by name. Returns KD_OK; KD_ERR_ARGUMENT, and nothing is changed: no such field, or a value outside of
 * its row's min to max */
KD_MUST_USE enum kd_status sim_cost_set(struct sim_cost *cost, const char *name, uint64_t value);

#endif
