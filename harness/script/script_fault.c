/* fault{...}: a rule of the world's fault table, chaos{...}: rates, in the words of the README; faults_over(): none any
 * more. */
#include "harness/script/script_private.h"
#include <stdio.h>
#include <string.h>

/* Fills expected with every name of a list. */
static const char *all_names(const char *(*name)(unsigned), unsigned count, char *expected, size_t expected_bytes)
{
    size_t used = 0;
    for (unsigned i = 0; i < count && used < expected_bytes; i++)
        used += (size_t)snprintf(expected + used, expected_bytes - used, "%s%s", i == 0 ? "" : ", ", name(i));
    return expected;
}

#define NAME_BY_INDEX(what)                                                                                  \
    static const char *what##_by_index(unsigned index)                                                       \
    {                                                                                                        \
        return sim_fault_##what##_name((enum sim_fault_##what)index);                                        \
    }                                                                                                        \
    static void find_##what(lua_State *L, const char *name, enum sim_fault_##what *value, unsigned count)    \
    {                                                                                                        \
        char expected[400];                                                                                  \
        if (sim_fault_##what##_find(name, value) != KD_OK)                                                   \
            script_bad_input(L, "fault: no " #what " is called '%s': expected one of %s", name,              \
                             all_names(what##_by_index, count, expected, sizeof expected));                  \
    }

NAME_BY_INDEX(layer)
NAME_BY_INDEX(direction)
NAME_BY_INDEX(kind)
NAME_BY_INDEX(packet)

static void set_layer(lua_State *L, struct sim_fault_rule *rule, const char *value)
{
    find_layer(L, value, &rule->layer, SIM_FAULT_LAYERS);
}

static void set_direction(lua_State *L, struct sim_fault_rule *rule, const char *value)
{
    find_direction(L, value, &rule->direction, SIM_FAULT_DIRECTIONS);
}

static void set_to(lua_State *L, struct sim_fault_rule *rule, const char *value)
{
    set_direction(L, rule, lua_pushfstring(L, "to_%s", value));
}

static void set_kind(lua_State *L, struct sim_fault_rule *rule, const char *value)
{
    find_kind(L, value, &rule->kind, SIM_FAULT_KINDS);
}

static void set_packet(lua_State *L, struct sim_fault_rule *rule, const char *value)
{
    find_packet(L, value, &rule->packet, SIM_PACKETS);
}

/* Where a number goes; exactly one of the two sizes. */
struct number_field {
    const char *name;
    size_t offset;
    bool is_u64;
};

static const struct number_field number_fields[] = {
    {"nth", offsetof(struct sim_fault_rule, nth), false},
    {"count", offsetof(struct sim_fault_rule, count), false},
    {"bit", offsetof(struct sim_fault_rule, bit), false},
    {"byte", offsetof(struct sim_fault_rule, byte), false},
    {"len", offsetof(struct sim_fault_rule, len_bytes), false},
    {"value", offsetof(struct sim_fault_rule, value), false},
    {"delay", offsetof(struct sim_fault_rule, delay_ns), true},
    {"after", offsetof(struct sim_fault_rule, after_ns), true},
};

static const struct {
    const char *name;
    void (*set)(lua_State *L, struct sim_fault_rule *rule, const char *value);
} name_fields[] = {
    {"layer", set_layer}, {"direction", set_direction}, {"to", set_to}, {"kind", set_kind}, {"packet", set_packet},
};

static void set_number(lua_State *L, struct sim_fault_rule *rule, const struct number_field *field, int value)
{
    lua_Integer number = luaL_checkinteger(L, value);
    if (number < 0 || (!field->is_u64 && number >= UINT32_MAX))
        script_bad_input(L, "fault: %s is out of range", field->name);
    char *at = (char *)rule + field->offset;
    if (field->is_u64)
        memcpy(at, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
    else
        memcpy(at, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
}

static void set_fault_field(lua_State *L, const char *name, int value, void *context)
{
    struct sim_fault_rule *rule = context;
    for (size_t i = 0; i < sizeof name_fields / sizeof *name_fields; i++) {
        if (strcmp(name_fields[i].name, name) == 0) {
            name_fields[i].set(L, rule, luaL_checkstring(L, value));
            return;
        }
    }
    for (size_t i = 0; i < sizeof number_fields / sizeof *number_fields; i++) {
        if (strcmp(number_fields[i].name, name) == 0) {
            set_number(L, rule, &number_fields[i], value);
            return;
        }
    }
    script_bad_input(L, "fault: it has no field '%s': expected layer, direction or to, kind, packet, nth, count, bit, "
                        "byte, len, value, delay, after",
                     name);
}

/* Rules that can strike nothing, or change nothing: a story that believes in such a fault proves nothing. */
static void refuse_idle(lua_State *L, const struct sim_fault_rule *rule, enum sim_link link)
{
    bool is_serial = link == SIM_LINK_SERIAL;
    bool of_serial = rule->layer == SIM_FAULT_UART;
    if (of_serial != is_serial)
        script_bad_input(L, "fault: a VM with link %s has no layer %s", lab_link_name(link),
                         sim_fault_layer_name(rule->layer));
    if (rule->kind == SIM_FAULT_FLIP && rule->bit == SIM_FAULT_NO_BIT)
        script_bad_input(L, "fault: a flip needs bit, 0 is the lowest of the unit's first byte");
    if ((rule->kind == SIM_FAULT_DELAY || rule->kind == SIM_FAULT_STALL) && rule->delay_ns == 0)
        script_bad_input(L, "fault: a %s needs delay", sim_fault_kind_name(rule->kind));
}

/* Without a layer the debugger's line is meant: the UART's wire on serial, the relay's stream on the backdoor. */
static int verb_fault(lua_State *L)
{
    struct lab *lab = script_lab(L);
    bool is_serial = lab->config.vm.link == SIM_LINK_SERIAL;
    luaL_checktype(L, 1, LUA_TTABLE);
    struct sim_fault_rule rule = {.layer = is_serial ? SIM_FAULT_UART : SIM_FAULT_STREAM,
                                  .kind = SIM_FAULT_KINDS,
                                  .direction = SIM_FAULT_DIRECTIONS,
                                  .nth = 1,
                                  .count = 1,
                                  .bit = SIM_FAULT_NO_BIT,
                                  .byte = SIM_FAULT_NO_BYTE,
                                  .value = SIM_FAULT_NO_VALUE};
    script_each_field(L, 1, set_fault_field, &rule);
    if (rule.layer == SIM_FAULT_EXIT && rule.direction == SIM_FAULT_DIRECTIONS)
        rule.direction = SIM_FAULT_NO_DIRECTION;
    if (rule.kind == SIM_FAULT_KINDS || rule.direction == SIM_FAULT_DIRECTIONS)
        return script_bad_input(L, "fault: it needs a kind and a direction (to = \"debugger\", to = \"target\", "
                                   "direction = \"request\" or \"reply\")");
    refuse_idle(L, &rule, lab->config.vm.link);
    rule.after_ns += sim_now(lab->world);
    if (sim_faults_add(lab->faults, &rule) != KD_OK)
        return script_bad_input(L, "fault: layer %s, direction %s and kind %s do not go together, or nth is 0",
                                sim_fault_layer_name(rule.layer), sim_fault_direction_name(rule.direction),
                                sim_fault_kind_name(rule.kind));
    return 0;
}

/* ---- faults drawn from the seed ---- */

static uint32_t hundredths(lua_State *L, const char *name, int value)
{
    lua_Number percent = luaL_checknumber(L, value);
    if (!(percent >= 0 && percent <= 100))
        script_bad_input(L, "chaos: %s is a percentage, 0 to 100", name);
    return (uint32_t)(percent * 100 + 0.5);
}

/* Every name of the list at the top of the stack, as a bit set. */
static uint32_t kinds_of_list(lua_State *L, int list)
{
    uint32_t kinds = 0;
    luaL_checktype(L, list, LUA_TTABLE);
    for (lua_Integer i = 1; lua_geti(L, list, i) != LUA_TNIL; i++) {
        enum sim_fault_kind kind;
        find_kind(L, luaL_checkstring(L, -1), &kind, SIM_FAULT_KINDS);
        kinds |= SIM_FAULT_BIT(kind);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return kinds;
}

/* What chaos{} was given: the rate of each layer, and what all have in common. */
struct chaos {
    struct lab *lab;
    uint32_t per_10000[SIM_FAULT_LAYERS];
    struct sim_fault_rate common;
};

static void set_chaos_field(lua_State *L, const char *name, int value, void *context)
{
    struct chaos *chaos = context;
    bool is_serial = chaos->lab->config.vm.link == SIM_LINK_SERIAL;
    enum sim_fault_layer layer = is_serial ? SIM_FAULT_UART : SIM_FAULT_STREAM;
    enum sim_fault_direction direction;
    if (strcmp(name, "kinds") == 0) {
        chaos->common.kinds = kinds_of_list(L, value);
    } else if (strcmp(name, "most") == 0) {
        chaos->common.most = (uint32_t)luaL_checkinteger(L, value);
    } else if (strcmp(name, "to") == 0) {
        find_direction(L, lua_pushfstring(L, "to_%s", luaL_checkstring(L, value)), &direction, SIM_FAULT_DIRECTIONS);
        chaos->common.directions = SIM_FAULT_BIT(direction);
        lua_pop(L, 1);
    } else {
        if (strcmp(name, "line") != 0)
            find_layer(L, name, &layer, SIM_FAULT_LAYERS);
        chaos->per_10000[layer] = hundredths(L, name, value);
    }
}

/* chaos { line = 1, most = 50, kinds = {"drop"} }: so many percent of each layer's units are struck from now on. */
static int verb_chaos(lua_State *L)
{
    struct chaos chaos = {.lab = script_lab(L)};
    luaL_checktype(L, 1, LUA_TTABLE);
    script_each_field(L, 1, set_chaos_field, &chaos);
    for (unsigned layer = 0; layer < SIM_FAULT_LAYERS; layer++) {
        if (chaos.per_10000[layer] == 0)
            continue;
        struct sim_fault_rate rate = chaos.common;
        rate.layer = (enum sim_fault_layer)layer;
        rate.per_10000 = chaos.per_10000[layer];
        if (sim_faults_draw(chaos.lab->faults, &rate) != KD_OK)
            return script_bad_input(L, "chaos: layer %s has no such direction or kind", sim_fault_layer_name(rate.layer));
    }
    return 0;
}

static int verb_faults_over(lua_State *L)
{
    sim_faults_clear(script_lab(L)->faults);
    return 0;
}

static int verb_faults_struck(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sim_faults_struck(script_lab(L)->faults));
    return 1;
}

/* A history that is another one each time: what rule 9 must see. */
static void diverge(struct script *script)
{
    struct sim_world *world = script->lab->world;
    struct sim_record record = {.time_ns = sim_now(world), .kind = SIM_RECORD_LIFE, .a = SIM_LIFES, .b = script->options.play};
    sim_trace_add(sim_trace(world), &record, NULL, 0);
}

static const char *plant_by_index(unsigned index)
{
    return lab_plant_name((enum lab_plant)index);
}

/* For selftest: tells the oracle a lie (lab.h), or breaks determinism. */
static int verb_plant(lua_State *L)
{
    enum lab_plant plant;
    struct lab *lab = script_lab(L);
    const char *name = luaL_checkstring(L, 1);
    if (strcmp(name, "diverge") == 0) {
        diverge(script_of(L));
        return 0;
    }
    if (lab_plant_find(name, &plant) != KD_OK) {
        char expected[200];
        return script_bad_input(L, "plant: no lie is called '%s': expected one of %s, diverge", name,
                                all_names(plant_by_index, LAB_PLANTS, expected, sizeof expected));
    }
    lab_set_plant(lab, plant);
    return 0;
}

void script_open_fault(lua_State *L)
{
    static const luaL_Reg globals[] = {
        {"fault", verb_fault},
        {"chaos", verb_chaos},
        {"faults_over", verb_faults_over},
        {"faults_struck", verb_faults_struck},
        {"plant", verb_plant},
        {NULL, NULL},
    };
    script_register(L, "_G", globals);
}
