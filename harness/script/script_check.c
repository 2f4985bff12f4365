/* Counters and measurements; what compares them is in verbs.lua. */
#include "harness/script/script_private.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <string.h>

/* A debugger's note by its own name, "note.resend_seen". */
static void set_notes(lua_State *L, const struct lab *lab)
{
    for (unsigned i = 0; i < DBG_NOTES; i++) {
        const char *name = lua_pushfstring(L, "note.%s", dbg_note_name((enum dbg_note)i));
        lua_pushinteger(L, (lua_Integer)lab->seen.notes[i]);
        lua_setfield(L, -3, name);
        lua_pop(L, 1);
    }
}

#define SET(structure, field) script_set_number(L, #field, (structure).field)

void script_push_counters(lua_State *L, struct lab *lab)
{
    struct oracle_counters judged = oracle_counters(lab->oracle);
    struct sim_vm_counters vm = sim_vm_counters(lab->vm);
    lua_newtable(L);
    SET(judged, packets_sent);
    SET(judged, packets_delivered);
    SET(judged, requests_sent);
    SET(judged, requests_delivered);
    SET(judged, duplicates);
    SET(judged, breaks_wished);
    SET(judged, breaks_honoured);
    SET(judged, epochs);
    SET(vm, exits);
    SET(vm, exits_backdoor);
    SET(vm, exits_string);
    SET(vm, exits_uart);
    SET(vm, exits_doorbell);
    SET(vm, exits_idle);
    SET(vm, rpcs);
    SET(vm, payload_bytes);
    SET(vm, copied_bytes);
    SET(vm, kernel_bytes);
    SET(vm, ticks);
    SET(vm, bytes_to_debugger);
    SET(vm, bytes_to_target);
    SET(vm, resets);
    SET(vm, instructions);
    SET(vm, module_instructions);
    SET(vm, stack_bytes);
    script_set_number(L, "faults", sim_faults_struck(lab->faults));
    script_set_number(L, "boots", lab->seen.api[MK_TRACE_BOOTED]);
    script_set_number(L, "stops", lab->seen.stops.count);
    script_set_number(L, "loads", lab->seen.loads.count);
    script_set_number(L, "prints", lab->seen.prints.count);
    set_notes(L, lab);
    const struct relay_core *relay = sim_vm_relay(lab->vm);
    if (relay != NULL) {
        script_set_number(L, "relay.repeated", relay->counters.requests_repeated);
        script_set_number(L, "relay.stale", relay->counters.requests_stale);
        script_set_number(L, "relay.refused", relay->counters.requests_refused);
        script_set_number(L, "relay.epochs", relay->counters.epochs);
    }
}

static int verb_counters(lua_State *L)
{
    script_push_counters(L, script_lab(L));
    return 1;
}

/* core.fail(text): a failed expectation, at the scenario's line. It counts even if the scenario catches the error. */
static int core_fail(lua_State *L)
{
    struct script *script = script_of(L);
    const char *text = luaL_checkstring(L, 1);
    script_sandbox_where(L);
    if (script->failed[0] == 0)
        snprintf(script->failed, sizeof script->failed, "%s%s", lua_tostring(L, -1), text);
    return script_sandbox_error(L, "%s", text);
}

/* core.failed(): whether a check has failed so far. */
static int core_failed(lua_State *L)
{
    lua_pushboolean(L, script_of(L)->failed[0] != 0);
    return 1;
}

static int core_bad_input(lua_State *L)
{
    return script_bad_input(L, "%s", luaL_checkstring(L, 1));
}

/* core.forgive(failed): the error under way was expected; failed: what core.failed() said before it. */
static int core_forgive(lua_State *L)
{
    struct script *script = script_of(L);
    script->bad_input = false;
    if (!lua_toboolean(L, 1))
        script->failed[0] = 0;
    return 0;
}

static uint64_t field(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    uint64_t value = (uint64_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return value;
}

/* core.measured{name = ..., and each number of SCRIPT_MEASURE_LIST} */
static int core_measured(lua_State *L)
{
    struct script *script = script_of(L);
    struct script_result *result = script->result;
    luaL_checktype(L, 1, LUA_TTABLE);
    struct script_measure measure = {
#define MEASURE_FIELD(name) .name = field(L, 1, #name),
        SCRIPT_MEASURE_LIST(MEASURE_FIELD)
#undef MEASURE_FIELD
    };
    lua_getfield(L, 1, "name");
    snprintf(measure.name, sizeof measure.name, "%s", luaL_checkstring(L, -1));
    result->measures =
        sim_grow(result->measures, &script->measure_room, result->measure_count + 1, sizeof *result->measures);
    result->measures[result->measure_count++] = measure;
    return 0;
}

/* core.param(name): the text of --set param.NAME=..., or nil. */
static int core_param(lua_State *L)
{
    const struct script_settings *settings = script_of(L)->options.settings;
    const char *name = lua_pushfstring(L, "param.%s", luaL_checkstring(L, 1));
    const char *value = NULL;
    for (size_t i = 0; settings != NULL && i < settings->count; i++)
        if (strcmp(settings->items[i].name, name) == 0)
            value = settings->items[i].value;
    lua_pushstring(L, value);
    return 1;
}

void script_open_check(lua_State *L)
{
    static const luaL_Reg globals[] = {{"counters", verb_counters}, {NULL, NULL}};
    static const luaL_Reg core[] = {
        {"fail", core_fail},       {"failed", core_failed},     {"bad_input", core_bad_input},
        {"forgive", core_forgive}, {"measured", core_measured}, {"param", core_param},
        {NULL, NULL},
    };
    script_register(L, "_G", globals);
    script_register(L, "core", core);
}
