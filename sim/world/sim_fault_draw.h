/* sim_fault_draw.h: faults drawn from a seed: what a rate makes of chance. Only sim_fault.c uses this header.
 * Tests: tests/test_sim_fault.c */
#ifndef SIM_FAULT_DRAW_H
#define SIM_FAULT_DRAW_H

#include "sim/world/sim_fault.h"

enum { SIM_FAULT_RATE_MAX = 10000 };

/* What a layer has: bit sets of directions and kinds. */
struct sim_fault_scope {
    uint32_t directions;
    uint32_t kinds;
};

/* A rate, and how often it struck. */
struct sim_fault_chance {
    struct sim_fault_rate rate;
    uint32_t struck;
};

/* True when this rate can strike a unit of this layer and direction now. */
bool sim_fault_chance_open(const struct sim_fault_chance *chance, enum sim_fault_layer layer,
                           enum sim_fault_direction direction);

/* One of the kinds of the bit set, with whatever it needs, within a unit of so many bytes. Layer and direction are
 * left to the caller. */
struct sim_fault_rule sim_fault_drawn(struct sim_prng *prng, uint32_t kinds, size_t unit_bytes);

#endif
