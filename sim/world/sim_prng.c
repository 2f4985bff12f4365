#include "sim/world/sim_prng.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t rotate_left(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

struct sim_prng sim_prng_seed(uint64_t seed, const char *purpose)
{
    uint64_t mixed = seed;
    for (const char *letter = purpose; *letter != '\0'; letter++)
        mixed = (mixed ^ (uint8_t)*letter) * 0x100000001B3u;
    struct sim_prng prng;
    for (unsigned i = 0; i < 4; i++)
        prng.state[i] = splitmix(&mixed);
    return prng;
}

uint64_t sim_prng_u64(struct sim_prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t sim_prng_below(struct sim_prng *prng, uint64_t bound)
{
    uint64_t unbiased = UINT64_MAX - UINT64_MAX % bound;
    uint64_t drawn;
    do
        drawn = sim_prng_u64(prng);
    while (drawn >= unbiased);
    return drawn % bound;
}
