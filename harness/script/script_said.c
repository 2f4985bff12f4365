/* What the target says by itself: stops, module notifications, prints, prompts. The lab's notebook keeps them all; the
 * script remembers how far it has read each list, so that every wait finds the next one it has not seen. */
#include "harness/script/script_private.h"
#include <string.h>

static void push_state_change(lua_State *L, const struct lab *lab, const struct lab_bytes *item)
{
    struct dbg_state_change change;
    lua_newtable(L);
    script_set_number(L, "time", item->time_ns);
    script_set_bytes(L, "raw", item->bytes, item->len_bytes);
    if (dbg_api_state_change(lab_arch(lab), item->bytes, item->len_bytes, &change) != KD_OK)
        return;
    script_set_number(L, "cpu", change.cpu);
    script_set_number(L, "processors", change.processors);
    script_set_number(L, "thread", change.thread);
    script_set_number(L, "pc", change.pc);
    if (change.state == DBG_STATE_LOAD_SYMBOLS) {
        script_set_bytes(L, "path", change.path, change.path_bytes);
        script_set_number(L, "base", change.base);
        script_set_number(L, "size", change.size_bytes);
        script_set_number(L, "checksum", change.checksum);
        script_set_flag(L, "unload", change.unload);
    } else {
        script_set_number(L, "code", change.code);
        script_set_number(L, "address", change.exception_address);
        script_set_flag(L, "first_chance", change.first_chance);
        script_set_number(L, "dr6", change.control.dr6);
        script_set_number(L, "dr7", change.control.dr7);
        script_set_number(L, "eflags", change.control.eflags);
        script_set_bytes(L, "instructions", change.control.instructions, change.control.instruction_bytes);
    }
}

static bool list_reached(struct script *script)
{
    return script->list->count >= script->list_goal;
}

static int wait_list(lua_State *L, const struct lab_list *list, size_t goal, int limit_index, lua_KFunction k)
{
    struct script *script = script_of(L);
    script->list = list;
    script->list_goal = goal;
    return script_wait(L, list_reached, script_limit(L, limit_index), k);
}

static int stop_came(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    script_require_met(L, "wait_stop: the target did not stop");
    push_state_change(L, script->lab, &script->lab->seen.stops.items[script->stops_read++]);
    return 1;
}

static int verb_wait_stop(lua_State *L)
{
    return wait_list(L, &script_lab(L)->seen.stops, script_of(L)->stops_read + 1, 1, stop_came);
}

static int load_came(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    script_require_met(L, "wait_load: no load-symbols notification came");
    push_state_change(L, script->lab, &script->lab->seen.loads.items[script->loads_read++]);
    return 1;
}

static int verb_wait_load(lua_State *L)
{
    return wait_list(L, &script_lab(L)->seen.loads, script_of(L)->loads_read + 1, 1, load_came);
}

/* Returns what has no verb of its own: its packet type, body and time. */
static int other_came(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    script_require_met(L, "wait_other: no command string, trace, control or file request came");
    const struct lab_bytes *item = &script->lab->seen.others.items[script->others_read++];
    lua_newtable(L);
    script_set_bytes(L, "type", dbg_type_name(item->type), strlen(dbg_type_name(item->type)));
    script_set_bytes(L, "body", item->bytes, item->len_bytes);
    script_set_number(L, "time", item->time_ns);
    return 1;
}

static int verb_wait_other(lua_State *L)
{
    return wait_list(L, &script_lab(L)->seen.others, script_of(L)->others_read + 1, 1, other_came);
}

static void push_print(lua_State *L, const struct lab_bytes *item)
{
    lua_pushlstring(L, (const char *)item->bytes, item->len_bytes);
}

static int print_came(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    script_require_met(L, "wait_print: the target did not print");
    push_print(L, &script->lab->seen.prints.items[script->prints_read++]);
    return 1;
}

/* core.next_print(limit) */
static int core_next_print(lua_State *L)
{
    return wait_list(L, &script_lab(L)->seen.prints, script_of(L)->prints_read + 1, 1, print_came);
}

static int prompt_came(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    script_require_met(L, "wait_prompt: the target did not ask");
    const struct lab_bytes *item = &script->lab->seen.prompts.items[script->prompts_read++];
    struct dbg_debug_io io;
    if (dbg_api_debug_io(item->bytes, item->len_bytes, &io) != KD_OK)
        return script_sandbox_error(L, "wait_prompt: this is no prompt");
    lua_pushlstring(L, io.text, io.text_bytes);
    lua_pushinteger(L, io.room);
    return 2;
}

static int verb_wait_prompt(lua_State *L)
{
    return wait_list(L, &script_lab(L)->seen.prompts, script_of(L)->prompts_read + 1, 1, prompt_came);
}

/* Answers the prompt that wait_prompt returned last. */
static int verb_answer(lua_State *L)
{
    struct script *script = script_of(L);
    struct lab *lab = script_lab(L);
    size_t len_bytes;
    const char *text = luaL_checklstring(L, 1, &len_bytes);
    if (script->prompts_read == 0)
        return script_sandbox_error(L, "answer: nobody asked: dbg.wait_prompt() first");
    const struct lab_bytes *item = &lab->seen.prompts.items[script->prompts_read - 1];
    struct dbg_request answer;
    if (dbg_api_prompt_answer(&answer, item->bytes, item->len_bytes, text, len_bytes) != KD_OK)
        return script_bad_input(L, "answer: it does not fit in a packet");
    script_send(L, DBG_TYPE_DEBUG_IO, &answer, "answer");
    return script_wait_acked(L);
}

static int push_list(lua_State *L, const struct lab_list *list, bool texts)
{
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        if (texts)
            push_print(L, &list->items[i]);
        else
            push_state_change(L, script_lab(L), &list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int verb_prints(lua_State *L)
{
    return push_list(L, &script_lab(L)->seen.prints, true);
}

static int verb_loads(lua_State *L)
{
    return push_list(L, &script_lab(L)->seen.loads, false);
}

static int verb_stops(lua_State *L)
{
    return push_list(L, &script_lab(L)->seen.stops, false);
}

void script_open_said(lua_State *L)
{
    static const luaL_Reg dbg[] = {
        {"wait_stop", verb_wait_stop},
        {"wait_load", verb_wait_load},
        {"wait_other", verb_wait_other},
        {"wait_prompt", verb_wait_prompt},
        {"answer", verb_answer},
        {"prints", verb_prints},
        {"loads", verb_loads},
        {"stops", verb_stops},
        {NULL, NULL},
    };
    static const luaL_Reg core[] = {{"next_print", core_next_print}, {NULL, NULL}};
    script_register(L, "dbg", dbg);
    script_register(L, "core", core);
}
