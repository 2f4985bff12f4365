/* sim_prng.h: random numbers that a seed fully decides (xoshiro256**, seeded through splitmix64). */
#ifndef SIM_PRNG_H
#define SIM_PRNG_H

#include <stdint.h>

struct sim_prng {
    uint64_t state[4];
};

/* Seeds a generator; equal (seed, purpose) give equal streams on every machine. */
struct sim_prng sim_prng_seed(uint64_t seed, const char *purpose);

uint64_t sim_prng_u64(struct sim_prng *prng);

/* Uniform in 0 .. bound-1; bound is at least 1. No modulo bias. */
uint64_t sim_prng_below(struct sim_prng *prng, uint64_t bound);

#endif
