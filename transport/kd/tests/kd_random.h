/* kd_random.h: the tests' own random numbers, the same in every run (xorshift32). seed is never 0. */
#ifndef KD_RANDOM_H
#define KD_RANDOM_H

#include <stdint.h>

static inline uint32_t kd_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#endif
