#include "sim/world/sim_fault_draw.h"

bool sim_fault_chance_open(const struct sim_fault_chance *chance, enum sim_fault_layer layer,
                           enum sim_fault_direction direction)
{
    const struct sim_fault_rate *rate = &chance->rate;
    return rate->layer == layer && rate->directions & SIM_FAULT_BIT(direction) && rate->per_10000 != 0 &&
           (rate->most == 0 || chance->struck < rate->most);
}

/* How long a drawn fault may last at the most, and how many bytes it may put in; 0: it does not. */
static const struct {
    uint64_t delay_ns_max;
    uint32_t len_bytes_max;
} extents[SIM_FAULT_KINDS] = {
    [SIM_FAULT_DELAY] = {SIM_MS(50), 0},     [SIM_FAULT_SPLIT] = {SIM_MS(5), 0},
    [SIM_FAULT_JOIN] = {SIM_MS(5), 0},       [SIM_FAULT_STALL] = {SIM_MS(500), 0},
    [SIM_FAULT_DISCONNECT] = {SIM_MS(200), 0}, [SIM_FAULT_INSERT] = {0, 4},
    [SIM_FAULT_NOISE] = {0, 16},
};

static enum sim_fault_kind drawn_kind(struct sim_prng *prng, uint32_t kinds)
{
    unsigned members = 0;
    for (uint32_t left = kinds; left != 0; left &= left - 1)
        members++;
    uint64_t skip = sim_prng_below(prng, members);
    while (skip-- > 0)
        kinds &= kinds - 1;
    unsigned kind = 0;
    while (!(kinds & SIM_FAULT_BIT(kind)))
        kind++;
    return (enum sim_fault_kind)kind;
}

/* A byte goes as often as a whole frame. */
static uint32_t drawn_byte(struct sim_prng *prng, enum sim_fault_kind kind, uint64_t unit_bytes)
{
    uint32_t byte = (uint32_t)sim_prng_below(prng, unit_bytes);
    bool whole = kind == SIM_FAULT_DROP && sim_prng_below(prng, 2) == 0;
    return whole ? SIM_FAULT_NO_BYTE : byte;
}

static uint32_t drawn_length(struct sim_prng *prng, enum sim_fault_kind kind, uint64_t unit_bytes)
{
    if (kind == SIM_FAULT_TRUNCATE)
        return (uint32_t)sim_prng_below(prng, unit_bytes);
    return extents[kind].len_bytes_max == 0 ? 0 : 1 + (uint32_t)sim_prng_below(prng, extents[kind].len_bytes_max);
}

static uint32_t drawn_value(struct sim_prng *prng, enum sim_fault_kind kind)
{
    if (kind == SIM_FAULT_STATUS)
        return UINT32_C(1) << sim_prng_below(prng, 16);
    return kind == SIM_FAULT_LENGTH ? (uint32_t)sim_prng_u64(prng) : SIM_FAULT_NO_VALUE;
}


struct sim_fault_rule sim_fault_drawn(struct sim_prng *prng, uint32_t kinds, size_t unit_bytes)
{
    uint64_t within = unit_bytes == 0 ? 1 : unit_bytes;
    enum sim_fault_kind kind = drawn_kind(prng, kinds);
    struct sim_fault_rule rule = {.kind = kind, .nth = 1, .count = 1};
    rule.bit = (uint32_t)sim_prng_below(prng, within * 8);
    rule.byte = drawn_byte(prng, kind, within);
    rule.delay_ns = extents[kind].delay_ns_max == 0 ? 0 : 1 + sim_prng_below(prng, extents[kind].delay_ns_max);
    rule.len_bytes = drawn_length(prng, kind, within);
    rule.value = drawn_value(prng, kind);
    return rule;
}
