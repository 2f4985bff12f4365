#include "sim/world/sim_fault_draw.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
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
    struct sim_fault_chance *chances; /* the rates */
    size_t chance_count;
    size_t chance_room;
    struct sim_prng prng;
    struct sim_fault_rule drawn;
    uint64_t struck_on[SIM_FAULT_LAYERS];
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
#define BIT(name)  SIM_FAULT_BIT(SIM_FAULT_##name)
#define LINE_KINDS                                                                                           \
    (BIT(DROP) | BIT(FLIP) | BIT(DUPLICATE) | BIT(DELAY) | BIT(INSERT) | BIT(NOISE) | BIT(SPLIT) | BIT(JOIN) |   \
     BIT(STALL) | BIT(DISCONNECT))
#define RPC_KINDS  (BIT(LOSE) | BIT(DUPLICATE) | BIT(DELAY) | BIT(TRUNCATE) | BIT(FLIP))
#define EXIT_KINDS                                                                                           \
    (BIT(STATUS) | BIT(LENGTH) | BIT(CHECKPOINT) | BIT(LOW_BANDWIDTH) | BIT(FORGET) | BIT(TABLE_FULL) | BIT(ABSENT))

/* What a rate draws without being told: not the end of a connection, and no host or guest that changes messages. */
#define UNASKED(layer, kinds) ((kinds) & ~BIT(DISCONNECT) & ~((layer) == SIM_FAULT_RPC ? BIT(FLIP) : 0))

static const struct sim_fault_scope scopes[SIM_FAULT_LAYERS] = {
    [SIM_FAULT_STREAM] = {BIT(TO_DEBUGGER) | BIT(TO_TARGET), LINE_KINDS},
    [SIM_FAULT_UART] = {BIT(TO_DEBUGGER) | BIT(TO_TARGET), LINE_KINDS | BIT(FRAMING) | BIT(OVERRUN)},
    [SIM_FAULT_RPC] = {BIT(REQUEST) | BIT(REPLY), RPC_KINDS},
    [SIM_FAULT_EXIT] = {BIT(NO_DIRECTION), EXIT_KINDS},
};

/* Only the guest's receiver has a line status. */
static const struct sim_fault_scope receiver_only = {BIT(TO_TARGET), BIT(FRAMING) | BIT(OVERRUN)};

/* The calls that a kind of the exit layer can strike, by sub-type; 0: it is of another layer. */
#define CALL(type) (1u << (type))
enum { OPEN, SEND_SIZE, SEND_PAYLOAD, RECV_SIZE, RECV_PAYLOAD, RECV_STATUS, CLOSE, GET_VERSION, BELL_OPEN, RING, CALLS };
#define CALLS_ON_A_CHANNEL                                                                                   \
    (CALL(SEND_SIZE) | CALL(SEND_PAYLOAD) | CALL(RECV_SIZE) | CALL(RECV_PAYLOAD) | CALL(RECV_STATUS) | CALL(CLOSE))
static const unsigned calls_of_kind[SIM_FAULT_KINDS] = {
    [SIM_FAULT_STATUS] = CALL(OPEN) | CALLS_ON_A_CHANNEL | CALL(BELL_OPEN) | CALL(RING),
    [SIM_FAULT_LENGTH] = CALL(RECV_SIZE) | CALL(RING),
    [SIM_FAULT_CHECKPOINT] = CALLS_ON_A_CHANNEL | CALL(RING),
    [SIM_FAULT_LOW_BANDWIDTH] = CALL(SEND_SIZE) | CALL(RECV_SIZE),
    [SIM_FAULT_FORGET] = CALLS_ON_A_CHANNEL | CALL(RING),
    [SIM_FAULT_TABLE_FULL] = CALL(OPEN),
    [SIM_FAULT_ABSENT] =
        CALL(GET_VERSION) | CALL(OPEN) | CALLS_ON_A_CHANNEL | CALL(BELL_OPEN) | CALL(RING),
};
static_assert(GET_VERSION == SIM_FAULT_TYPE_GET_VERSION && BELL_OPEN == SIM_FAULT_TYPE_DOORBELL_OPEN &&
                  RING == SIM_FAULT_TYPE_RING,
              "the calls that are no MESSAGE come last");

static bool kind_strikes(enum sim_fault_kind kind, enum sim_fault_layer layer, enum sim_fault_direction direction,
                         uint16_t type)
{
    if (!(scopes[layer].kinds & SIM_FAULT_BIT(kind)) || !(scopes[layer].directions & SIM_FAULT_BIT(direction)))
        return false;
    if (receiver_only.kinds & SIM_FAULT_BIT(kind))
        return receiver_only.directions & SIM_FAULT_BIT(direction);
    return layer != SIM_FAULT_EXIT || (type < CALLS && calls_of_kind[kind] & CALL(type));
}

struct sim_faults *sim_faults_create(struct sim_world *world)
{
    struct sim_faults *faults = sim_allocate(1, sizeof *faults);
    faults->world = world;
    faults->prng = sim_prng_for(world, "faults");
    return faults;
}

void sim_faults_destroy(struct sim_faults *faults)
{
    if (faults == NULL)
        return;
    free(faults->rules);
    free(faults->chances);
    free(faults);
}

static bool scope_allows(const struct sim_fault_rule *rule)
{
    if (rule->layer >= SIM_FAULT_LAYERS || rule->direction >= SIM_FAULT_DIRECTIONS || rule->kind >= SIM_FAULT_KINDS)
        return false;
    for (uint16_t type = 0; type < CALLS; type++)
        if (kind_strikes(rule->kind, rule->layer, rule->direction, type))
            return true;
    return false;
}

enum kd_status sim_faults_add(struct sim_faults *faults, const struct sim_fault_rule *rule)
{
    if (rule->nth == 0 || !scope_allows(rule))
        return KD_ERR_ARGUMENT;
    faults->rules = sim_grow(faults->rules, &faults->room, faults->count + 1, sizeof *faults->rules);
    faults->rules[faults->count++] = (struct placed_rule){.rule = *rule};
    return KD_OK;
}

enum kd_status sim_faults_draw(struct sim_faults *faults, const struct sim_fault_rate *rate)
{
    if (rate->layer >= SIM_FAULT_LAYERS || rate->per_10000 > SIM_FAULT_RATE_MAX)
        return KD_ERR_ARGUMENT;
    const struct sim_fault_scope *scope = &scopes[rate->layer];
    struct sim_fault_chance chance = {.rate = *rate};
    if (chance.rate.directions == 0)
        chance.rate.directions = scope->directions;
    if (chance.rate.kinds == 0)
        chance.rate.kinds = UNASKED(rate->layer, scope->kinds);
    if (chance.rate.directions & ~scope->directions || chance.rate.kinds & ~scope->kinds)
        return KD_ERR_ARGUMENT;
    faults->chances = sim_grow(faults->chances, &faults->chance_room, faults->chance_count + 1, sizeof *faults->chances);
    faults->chances[faults->chance_count++] = chance;
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
    faults->chance_count = 0;
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
    for (size_t i = 0; i < faults->chance_count; i++)
        if (sim_fault_chance_open(&faults->chances[i], layer, direction))
            return true;
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
    faults->struck_on[rule->layer]++;
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

static const struct sim_fault_rule *strike_by_rule(struct sim_faults *faults, enum sim_fault_layer layer,
                                                   enum sim_fault_direction direction, uint16_t type)
{
    const struct sim_fault_rule *strikes = NULL;
    for (size_t i = 0; i < faults->count; i++) {
        struct placed_rule *placed = &faults->rules[i];
        const struct sim_fault_rule *rule = &placed->rule;
        if (rule->layer != layer || rule->direction != direction || sim_now(faults->world) < rule->after_ns ||
            spent(placed) || !kind_strikes(rule->kind, layer, direction, type) || !packet_matches(rule->packet, type))
            continue;
        placed->seen++;
        if (strikes == NULL && placed->seen >= rule->nth) {
            strikes = rule;
            record_strike(faults, rule, i);
        }
    }
    return strikes;
}

/* The kinds of a rate that can strike this unit. */
static uint32_t kinds_for(const struct sim_fault_chance *chance, enum sim_fault_direction direction, uint16_t type)
{
    uint32_t kinds = 0;
    for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++)
        if (chance->rate.kinds & SIM_FAULT_BIT(kind) &&
            kind_strikes((enum sim_fault_kind)kind, chance->rate.layer, direction, type))
            kinds |= SIM_FAULT_BIT(kind);
    return kinds;
}

static const struct sim_fault_rule *strike_by_chance(struct sim_faults *faults, enum sim_fault_layer layer,
                                                     enum sim_fault_direction direction, uint16_t type,
                                                     size_t unit_bytes)
{
    for (size_t i = 0; i < faults->chance_count; i++) {
        struct sim_fault_chance *chance = &faults->chances[i];
        if (!sim_fault_chance_open(chance, layer, direction))
            continue;
        uint32_t kinds = kinds_for(chance, direction, type);
        if (kinds == 0 || sim_prng_below(&faults->prng, SIM_FAULT_RATE_MAX) >= chance->rate.per_10000)
            continue;
        chance->struck++;
        faults->drawn = sim_fault_drawn(&faults->prng, kinds, unit_bytes);
        faults->drawn.layer = layer;
        faults->drawn.direction = direction;
        record_strike(faults, &faults->drawn, faults->count + i);
        return &faults->drawn;
    }
    return NULL;
}

const struct sim_fault_rule *sim_faults_ask(struct sim_faults *faults, enum sim_fault_layer layer,
                                            enum sim_fault_direction direction, uint16_t type, size_t unit_bytes)
{
    const struct sim_fault_rule *strikes = strike_by_rule(faults, layer, direction, type);
    if (strikes == NULL)
        strikes = strike_by_chance(faults, layer, direction, type, unit_bytes);
    if (strikes != NULL && faults->on_strike != NULL)
        faults->on_strike(faults->on_strike_context, strikes, type);
    return strikes;
}

/* Kinds that strike at one byte of a unit, when the rule names one. */
static bool has_place(enum sim_fault_kind kind)
{
    return kind == SIM_FAULT_DROP || kind == SIM_FAULT_INSERT || kind == SIM_FAULT_SPLIT ||
           kind == SIM_FAULT_FRAMING || kind == SIM_FAULT_OVERRUN;
}

bool sim_fault_misses(const struct sim_fault_rule *rule, size_t unit_bytes)
{
    if (rule->kind == SIM_FAULT_FLIP)
        return rule->bit / 8 >= unit_bytes;
    return has_place(rule->kind) && rule->byte != SIM_FAULT_NO_BYTE && rule->byte >= unit_bytes;
}

uint64_t sim_faults_struck(const struct sim_faults *faults)
{
    uint64_t struck = 0;
    for (unsigned layer = 0; layer < SIM_FAULT_LAYERS; layer++)
        struck += faults->struck_on[layer];
    return struck;
}

uint64_t sim_faults_struck_on(const struct sim_faults *faults, enum sim_fault_layer layer)
{
    return faults->struck_on[layer];
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
