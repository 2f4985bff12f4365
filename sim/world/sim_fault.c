#include "sim/world/sim_fault.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

struct placed_rule {
    struct sim_fault_rule rule;
    uint32_t seen; /* matching units so far */
};

struct sim_faults {
    struct sim_world *world;
    struct placed_rule *rules;
    size_t count;
    size_t room;
    uint64_t struck;
    uint64_t last_ns;
    sim_faults_strike_fn *on_strike;
    void *on_strike_context;
};

#define SIM_FAULT_TEXT2(name, text) text,
#define SIM_FAULT_TEXT3(name, text, type) text,
#define SIM_FAULT_TYPE3(name, text, type) type,
static const char *const layer_names[] = {SIM_FAULT_LAYER_LIST(SIM_FAULT_TEXT2)};
static const char *const direction_names[] = {SIM_FAULT_DIRECTION_LIST(SIM_FAULT_TEXT2)};
static const char *const kind_names[] = {SIM_FAULT_KIND_LIST(SIM_FAULT_TEXT2)};
static const char *const packet_names[] = {SIM_FAULT_PACKET_LIST(SIM_FAULT_TEXT3)};
static const uint16_t packet_types[] = {SIM_FAULT_PACKET_LIST(SIM_FAULT_TYPE3)};

/* Which kinds and directions a layer has (README.md, faults). */
#define BIT(n) (1u << (n))
static const struct {
    unsigned directions, kinds;
} layer_allows[SIM_FAULT_LAYERS] = {
    [SIM_FAULT_STREAM] = {BIT(SIM_FAULT_TO_DEBUGGER) | BIT(SIM_FAULT_TO_TARGET),
                          BIT(SIM_FAULT_DROP) | BIT(SIM_FAULT_FLIP) | BIT(SIM_FAULT_DUPLICATE) | BIT(SIM_FAULT_DELAY)},
    [SIM_FAULT_UART] = {BIT(SIM_FAULT_TO_DEBUGGER) | BIT(SIM_FAULT_TO_TARGET),
                        BIT(SIM_FAULT_DROP) | BIT(SIM_FAULT_FLIP) | BIT(SIM_FAULT_DUPLICATE) | BIT(SIM_FAULT_DELAY)},
    [SIM_FAULT_RPC] = {BIT(SIM_FAULT_REQUEST) | BIT(SIM_FAULT_REPLY), BIT(SIM_FAULT_LOSE)},
};

struct sim_faults *sim_faults_create(struct sim_world *world)
{
    struct sim_faults *faults = sim_allocate(1, sizeof *faults);
    faults->world = world;
    return faults;
}

void sim_faults_destroy(struct sim_faults *faults)
{
    if (faults == NULL)
        return;
    free(faults->rules);
    free(faults);
}

enum kd_status sim_faults_add(struct sim_faults *faults, const struct sim_fault_rule *rule)
{
    if (rule->layer >= SIM_FAULT_LAYERS || rule->direction >= SIM_FAULT_DIRECTIONS || rule->nth == 0 ||
        !(layer_allows[rule->layer].directions & BIT(rule->direction)) ||
        !(layer_allows[rule->layer].kinds & BIT(rule->kind)))
        return KD_ERR_ARGUMENT;
    faults->rules = sim_grow(faults->rules, &faults->room, faults->count + 1, sizeof *faults->rules);
    faults->rules[faults->count++] = (struct placed_rule){.rule = *rule};
    return KD_OK;
}

void sim_faults_on_strike(struct sim_faults *faults, sim_faults_strike_fn *fn, void *context)
{
    faults->on_strike = fn;
    faults->on_strike_context = context;
}

void sim_faults_clear(struct sim_faults *faults)
{
    faults->count = 0;
}

static bool spent(const struct placed_rule *placed)
{
    return placed->rule.count != 0 && placed->seen >= placed->rule.nth - 1 + placed->rule.count;
}

bool sim_faults_armed(const struct sim_faults *faults, enum sim_fault_layer layer,
                      enum sim_fault_direction direction)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct sim_fault_rule *rule = &faults->rules[i].rule;
        if (rule->layer == layer && rule->direction == direction && !spent(&faults->rules[i]))
            return true;
    }
    return false;
}

static bool is_control(uint16_t type)
{
    return type == packet_types[SIM_PACKET_ACK] || type == packet_types[SIM_PACKET_RESEND] ||
           type == packet_types[SIM_PACKET_RESET];
}

static bool packet_matches(enum sim_fault_packet wanted, uint16_t type)
{
    switch (wanted) {
    case SIM_PACKET_ANY:
        return true;
    case SIM_PACKET_BREAK_IN:
        return type == SIM_FAULT_TYPE_BREAK_IN;
    case SIM_PACKET_CONTROL:
        return is_control(type);
    case SIM_PACKET_DATA:
        return type != SIM_FAULT_TYPE_BREAK_IN && !is_control(type);
    default:
        return packet_types[wanted] == type;
    }
}

static void record_strike(struct sim_faults *faults, const struct sim_fault_rule *rule, size_t number)
{
    faults->struck++;
    faults->last_ns = sim_now(faults->world);
    sim_trace_add(sim_trace(faults->world),
                  &(struct sim_record){.time_ns = faults->last_ns,
                                       .kind = SIM_RECORD_FAULT,
                                       .a = rule->layer,
                                       .b = rule->kind,
                                       .c = rule->direction,
                                       .d = number},
                  NULL, 0);
}

const struct sim_fault_rule *sim_faults_ask(struct sim_faults *faults, enum sim_fault_layer layer,
                                            enum sim_fault_direction direction, uint16_t type)
{
    const struct sim_fault_rule *strikes = NULL;
    for (size_t i = 0; i < faults->count; i++) {
        struct placed_rule *placed = &faults->rules[i];
        const struct sim_fault_rule *rule = &placed->rule;
        if (rule->layer != layer || rule->direction != direction || sim_now(faults->world) < rule->after_ns ||
            spent(placed) || !packet_matches(rule->packet, type))
            continue;
        placed->seen++;
        if (strikes == NULL && placed->seen >= rule->nth) {
            strikes = rule;
            record_strike(faults, rule, i);
        }
    }
    if (strikes != NULL && faults->on_strike != NULL)
        faults->on_strike(faults->on_strike_context, strikes, type);
    return strikes;
}

uint64_t sim_faults_struck(const struct sim_faults *faults)
{
    return faults->struck;
}

uint64_t sim_faults_last_ns(const struct sim_faults *faults)
{
    return faults->last_ns;
}

static enum kd_status find(const char *const *names, unsigned count, const char *name, unsigned *index)
{
    for (*index = 0; *index < count; (*index)++)
        if (strcmp(names[*index], name) == 0)
            return KD_OK;
    return KD_ERR_ARGUMENT;
}

#define SIM_FAULT_NAMES(what, count)                                                                         \
    const char *sim_fault_##what##_name(enum sim_fault_##what value)                                         \
    {                                                                                                        \
        return what##_names[value];                                                                          \
    }                                                                                                        \
    enum kd_status sim_fault_##what##_find(const char *name, enum sim_fault_##what *value)                   \
    {                                                                                                        \
        unsigned index;                                                                                      \
        enum kd_status status = find(what##_names, count, name, &index);                                     \
        if (status == KD_OK)                                                                                 \
            *value = (enum sim_fault_##what)index;                                                           \
        return status;                                                                                       \
    }

SIM_FAULT_NAMES(layer, SIM_FAULT_LAYERS)
SIM_FAULT_NAMES(direction, SIM_FAULT_DIRECTIONS)
SIM_FAULT_NAMES(kind, SIM_FAULT_KINDS)
SIM_FAULT_NAMES(packet, SIM_PACKETS)
