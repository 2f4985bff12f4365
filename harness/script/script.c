#include "harness/script/script_private.h"
#include "harness/script/script_wire.h"
#include "sim/world/sim_memory.h"
#include "harness/script/verbs_lua.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a play goes: the scenario runs until a verb yields; run_world() takes events until the verb's condition holds or
 * there is a reason to stop; the scenario is resumed, and the verb's continuation says what it found. Lua never runs
 * inside an event, so no error of a script can unwind through the world. */

struct script *script_of(lua_State *L)
{
    return script_sandbox_owner(L);
}

struct lab *script_lab(lua_State *L)
{
    struct script *script = script_of(L);
    if (script->lab == NULL)
        script_bad_input(L, "vm{...} must come first: it says what the machine is");
    return script->lab;
}

int script_bad_input(lua_State *L, const char *format, ...)
{
    char text[SCRIPT_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    script_of(L)->bad_input = true;
    return script_sandbox_error(L, "%s", text);
}

void script_each_field(lua_State *L, int index,
                       void (*fn)(lua_State *L, const char *name, int value_index, void *context), void *context)
{
    index = lua_absindex(L, index);
    script_sandbox_keys(L, index);
    int keys = lua_gettop(L);
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        if (lua_type(L, -1) != LUA_TSTRING)
            script_bad_input(L, "fields have names here: write name = value");
        lua_pushvalue(L, -1);
        lua_rawget(L, index);
        fn(L, lua_tostring(L, -2), lua_gettop(L), context);
        lua_settop(L, keys);
    }
    lua_settop(L, keys - 1);
}

void script_register(lua_State *L, const char *name, const luaL_Reg *functions)
{
    if (lua_getglobal(L, name) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setglobal(L, name);
    }
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}

void script_set_number(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

void script_set_bytes(lua_State *L, const char *name, const void *bytes, size_t len_bytes)
{
    lua_pushlstring(L, bytes, len_bytes);
    lua_setfield(L, -2, name);
}

void script_set_flag(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

uint32_t script_check_u32(lua_State *L, int index)
{
    lua_Integer value = luaL_checkinteger(L, index);
    luaL_argcheck(L, value >= 0 && value <= UINT32_MAX, index, "does not fit in 32 bits");
    return (uint32_t)value;
}

/* ---- settings ------------------------------------------------------------------------------------------------ */

static char *copy_text(const char *text, size_t len_bytes)
{
    char *copy = sim_allocate(len_bytes + 1, 1);
    memcpy(copy, text, len_bytes);
    return copy;
}

enum kd_status script_settings_add(struct script_settings *settings, const char *text, char *why)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        snprintf(why, LAB_WHY_BYTES, "'%s': expected name=value", text);
        return KD_ERR_ARGUMENT;
    }
    if (strncmp(text, "arch=", 5) == 0) {
        snprintf(why, LAB_WHY_BYTES, "arch is what the scenario is played on: expected --arch");
        return KD_ERR_ARGUMENT;
    }
    struct script_setting setting = {copy_text(text, (size_t)(equals - text)), copy_text(equals + 1, strlen(equals + 1))};
    struct lab_config scratch = lab_config_default(SIM_LINK_BACKDOOR, 0);
    if (strncmp(setting.name, "param.", 6) != 0 && lab_config_set(&scratch, setting.name, setting.value, why) != KD_OK) {
        free(setting.name);
        free(setting.value);
        return KD_ERR_ARGUMENT;
    }
    settings->items = sim_grow(settings->items, &settings->room, settings->count + 1, sizeof *settings->items);
    settings->items[settings->count++] = setting;
    return KD_OK;
}

void script_settings_free(struct script_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->items[i].name);
        free(settings->items[i].value);
    }
    free(settings->items);
    *settings = (struct script_settings){0};
}

void script_way_text(const struct script_options *options, char text[SCRIPT_NAME_BYTES])
{
    snprintf(text, SCRIPT_NAME_BYTES, "%s %s%s%s", lab_link_name(options->link), lab_arch_name(options->arch),
             lab_machine_is_native(options->machine) ? "" : " ", lab_machine_suffix(options->machine));
}

struct script_options script_options_default(const char *path, enum sim_link link)
{
    return (struct script_options){
        .path = path, .link = link, .seed = 1, .play = 1, .time_ns_max = SIM_S(7200), .exits_max = lab_exits_max(link)};
}

/* ---- waiting ------------------------------------------------------------------------------------------------- */

/* Where the scenario waits: the line that is blamed when it is not Lua that objects, but the oracle at the very end. */
static void note_line(struct script *script, lua_State *L)
{
    script_sandbox_where(L);
    unsigned line;
    if (sscanf(lua_tostring(L, -1), SCRIPT_CHUNK ":%u:", &line) == 1)
        script->result->line = line;
    lua_pop(L, 1);
}

static uint64_t exits_so_far(const struct script *script)
{
    return script->exits_before + sim_vm_counters(script->lab->vm).exits;
}

/* Says why the scenario must end here, NULL when it need not. */
static const char *stop_reason(struct script *script, char *text, size_t text_bytes)
{
    const struct lab *lab = script->lab;
    if (oracle_violation_count(lab->oracle) > 0) {
        const struct oracle_violation *violation = oracle_violation(lab->oracle, 0);
        snprintf(text, text_bytes, "oracle: rule %u: %s", violation->rule, violation->text);
        return text;
    }
    if (script->ns_before + sim_now(lab->world) > script->options.time_ns_max) {
        snprintf(text, text_bytes, "the scenario took more than %" PRIu64 " virtual seconds",
                 script->options.time_ns_max / SIM_S(1));
        return text;
    }
    if (exits_so_far(script) > script->options.exits_max) {
        snprintf(text, text_bytes, "the scenario cost more than %" PRIu64 " VM exits", script->options.exits_max);
        return text;
    }
    return NULL;
}

/* Every wait comes back through here: what the oracle or a limit has to say goes before what the verb waited for. */
static int resumed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct script *script = script_of(L);
    char text[SCRIPT_MESSAGE_BYTES];
    if (stop_reason(script, text, sizeof text) != NULL)
        return script_sandbox_error(L, "%s", text);
    return ((lua_KFunction)context)(L, LUA_YIELD, 0);
}

int script_wait(lua_State *L, script_done_fn *done, uint64_t limit_ns, lua_KFunction k)
{
    struct script *script = script_of(L);
    if (L != script->co)
        return script_bad_input(L, "a verb that waits cannot be called inside a coroutine of the scenario's own");
    script->done = done;
    script->wait_until_ns = sim_now(script->lab->world) + limit_ns;
    note_line(script, L);
    return lua_yieldk(L, 0, (lua_KContext)k, resumed);
}

/* The condition is asked before the limit: what came at the very last moment came in time. */
static bool wait_over(void *context)
{
    struct script *script = context;
    char text[SCRIPT_MESSAGE_BYTES];
    if (stop_reason(script, text, sizeof text) != NULL)
        return true;
    if (script->done != NULL && script->done(script))
        script->wait_end = SCRIPT_WAIT_MET;
    return script->wait_end == SCRIPT_WAIT_MET;
}

static void run_world(struct script *script)
{
    script->wait_end = SCRIPT_WAIT_TIMEOUT;
    lab_wait(script->lab, wait_over, script, script->wait_until_ns);
}

void script_require_met(lua_State *L, const char *what)
{
    const struct script *script = script_of(L);
    if (script->wait_end == SCRIPT_WAIT_TIMEOUT)
        script_sandbox_error(L, "%s in time; the debugger is in state %s", what,
                             dbg_state_name(dbg_state(script->lab->dbg)));
}

uint64_t script_limit(lua_State *L, int index)
{
    lua_Integer limit = luaL_optinteger(L, index, (lua_Integer)SCRIPT_WAIT_NS);
    luaL_argcheck(L, limit >= 0, index, "a time limit cannot be negative");
    return (uint64_t)limit;
}

/* ---- one experiment after the other -------------------------------------------------------------------------- */

/* What outlives the world goes into the result: excuses add up over the worlds of a scenario, the story is the last
 * one's. */
static void keep_excuses(struct script *script)
{
    struct script_result *result = script->result;
    oracle_holes(&result->excuse_count);
    if (result->excuses == NULL)
        result->excuses = sim_allocate(result->excuse_count + 1, sizeof *result->excuses);
    for (unsigned i = 0; i < result->excuse_count; i++)
        result->excuses[i] += oracle_excuses(script->lab->oracle, i);
}

static void keep_story(struct script *script)
{
    struct script_result *result = script->result;
    free(result->story);
    result->story_count = lab_story_count(script->lab);
    result->story = sim_allocate(result->story_count + 1, sizeof *result->story);
    for (unsigned i = 0; i < result->story_count; i++)
        lab_story_text(script->lab, i, result->story[i], sizeof result->story[i]);
}

static void keep_print(void *owner, const char *line);

static void keep_missed_faults(struct script *script, uint64_t count)
{
    char line[120];
    snprintf(line, sizeof line, "%" PRIu64 " faults changed nothing: bit or byte lies behind the end of the frame", count);
    keep_print(script, line);
}

/* One world gives its own hash, several are folded in order. */
static void keep_figures(struct script *script)
{
    struct script_result *result = script->result;
    struct lab *lab = script->lab;
    result->hash = result->hash * 0x100000001B3u ^ sim_trace_hash(sim_trace(lab->world));
    result->records += sim_trace_count(sim_trace(lab->world));
    result->time_ns = sim_now(lab->world);
    result->cost = lab->config.cost;
    script->ns_before += sim_now(lab->world);
    const struct sim_vm_counters counters = sim_vm_counters(lab->vm);
    script->exits_before += counters.exits;
    result->instructions += counters.instructions;
    result->module_instructions += counters.module_instructions;
    if (counters.stack_bytes > result->stack_bytes)
        result->stack_bytes = counters.stack_bytes;
    result->total_ns = script->ns_before;
    result->exits = script->exits_before;
    keep_excuses(script);
    keep_story(script);
    if (lab->seen.faults_missed > 0)
        keep_missed_faults(script, lab->seen.faults_missed);
}

bool script_close_lab(struct script *script, lua_State *L)
{
    if (script->lab == NULL)
        return true;
    char text[SCRIPT_MESSAGE_BYTES];
    oracle_finish(script->lab->oracle);
    bool clean = stop_reason(script, text, sizeof text) == NULL;
    keep_figures(script);
    lab_destroy(script->lab);
    script->lab = NULL;
    if (!clean)
        lua_pushstring(L, text);
    return clean;
}

/* ---- one run ------------------------------------------------------------------------------------------------- */

static void keep_print(void *owner, const char *line)
{
    struct script *script = owner;
    struct script_result *result = script->result;
    result->prints = sim_grow(result->prints, &script->print_room, result->print_count + 1, sizeof *result->prints);
    result->prints[result->print_count++] = copy_text(line, strlen(line));
}

/* Takes "scenario:17: " off a message. Returns what is left, and the line. */
static const char *split_message(const char *message, unsigned *line)
{
    int used = 0;
    unsigned found;
    if (sscanf(message, SCRIPT_CHUNK ":%u: %n", &found, &used) == 1 && used > 0) {
        *line = found;
        return message + used;
    }
    if (sscanf(message, SCRIPT_VERBS_CHUNK ":%*u: %n", &used) == 0 && used > 0)
        return message + used;
    return message;
}

static void fail(struct script *script, enum script_outcome outcome, const char *message)
{
    struct script_result *result = script->result;
    result->outcome = outcome;
    snprintf(result->message, sizeof result->message, "%s", split_message(message, &result->line));
}

static char *read_file(const char *path, size_t *len_bytes, char *message)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(message, SCRIPT_MESSAGE_BYTES, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    char *text = NULL;
    size_t room = 0;
    *len_bytes = 0;
    for (size_t got = 1; got > 0; *len_bytes += got) {
        text = sim_grow(text, &room, *len_bytes + 4097, 1);
        got = fread(text + *len_bytes, 1, 4096, file);
    }
    text[*len_bytes] = 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!failed)
        return text;
    snprintf(message, SCRIPT_MESSAGE_BYTES, "cannot be read: is it a folder?");
    free(text);
    return NULL;
}

/* Leaves the scenario's function on the stack of L, or sets message and leaves nothing.
 * source  out  the file's text, the caller's to free; NULL when there is none */
static bool load_scenario(lua_State *L, const char *path, char **source, char *message)
{
    size_t len_bytes;
    *source = read_file(path, &len_bytes, message);
    if (*source == NULL)
        return false;
    bool loaded = luaL_loadbufferx(L, *source, len_bytes, "=" SCRIPT_CHUNK, "t") == LUA_OK;
    if (!loaded) {
        snprintf(message, SCRIPT_MESSAGE_BYTES, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    return loaded;
}

/* The verbs written in Lua get those written in C as their argument. */
static void open_verbs(lua_State *L)
{
    lua_newtable(L);
    lua_setglobal(L, "core");
    script_open_vm(L);
    script_open_dbg(L);
    script_open_said(L);
    script_open_fault(L);
    script_open_check(L);
    script_open_wire(L);
    script_open_work(L);
    if (luaL_loadbufferx(L, (const char *)verbs_lua, sizeof verbs_lua, "=" SCRIPT_VERBS_CHUNK, "t") != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    lua_getglobal(L, "core");
    lua_pushnil(L);
    lua_setglobal(L, "core");
    lua_call(L, 1, 0);
}

/* A failed play is not judged again at its end: a conversation that was left in the middle has loose ends. */
static void finish_run(struct script *script)
{
    if (script->result->outcome != SCRIPT_PASSED) {
        if (script->lab != NULL)
            keep_figures(script);
        return;
    }
    if (!script_close_lab(script, script->L))
        fail(script, SCRIPT_FAILED, lua_tostring(script->L, -1));
}

/* It came to its end: without an error, but that alone proves nothing. */
static void judge_end(struct script *script)
{
    if (script->failed[0] != 0)
        fail(script, SCRIPT_FAILED, script->failed);
    else if (script->lab == NULL)
        fail(script, SCRIPT_BAD_INPUT, "it has no vm{...}, so nothing was played");
}

/* A failed coroutine keeps its stack, so the line can still be found when the message itself names none. */
static void play(struct script *script)
{
    int results, status;
    while ((status = lua_resume(script->co, script->L, 0, &results)) == LUA_YIELD)
        run_world(script);
    if (status == LUA_OK) {
        judge_end(script);
        return;
    }
    script_sandbox_where(script->co);
    split_message(lua_tostring(script->co, -1), &script->result->line);
    lua_pop(script->co, 1);
    const char *message = script_sandbox_tostring(script->co, -1);
    if (script->fits)
        fail(script, SCRIPT_PASSED, message);
    else if (script->skipped)
        fail(script, SCRIPT_SKIPPED, message);
    else
        fail(script, script->bad_input ? SCRIPT_BAD_INPUT : SCRIPT_FAILED, message);
}

void script_run(const struct script_options *options, struct script_result *result)
{
    *result = (struct script_result){0};
    struct script script = {.options = *options, .result = result};
    struct script_sandbox_config config = script_sandbox_config_default();
    config.owner = &script;
    config.print = keep_print;
    script.L = script_sandbox_open(&config);
    open_verbs(script.L);
    script.co = lua_newthread(script.L);
    char message[SCRIPT_MESSAGE_BYTES];
    if (load_scenario(script.co, options->path, &script.source, message)) {
        play(&script);
        finish_run(&script);
    } else {
        fail(&script, SCRIPT_BAD_INPUT, message);
    }
    script_wire_free(script.wire);
    lab_destroy(script.lab);
    script_sandbox_close(script.L);
    free(script.source);
}

void script_result_free(struct script_result *result)
{
    for (size_t i = 0; i < result->print_count; i++)
        free(result->prints[i]);
    free(result->prints);
    free(result->story);
    free(result->excuses);
    free(result->measures);
    *result = (struct script_result){0};
}

enum kd_status script_parse(const char *path, char *message)
{
    struct script_sandbox_config config = script_sandbox_config_default();
    lua_State *L = script_sandbox_open(&config);
    char text[SCRIPT_MESSAGE_BYTES];
    char *source;
    bool loaded = load_scenario(L, path, &source, text);
    script_sandbox_close(L);
    free(source);
    if (loaded)
        return KD_OK;
    unsigned line = 0;
    const char *rest = split_message(text, &line);
    if (line > 0)
        snprintf(message, SCRIPT_MESSAGE_BYTES, "%s:%u: %s", path, line, rest);
    else
        snprintf(message, SCRIPT_MESSAGE_BYTES, "%s: %s", path, rest);
    return KD_ERR_ARGUMENT;
}

bool script_expected_failure(const char *path, unsigned *line, char *text, size_t text_bytes)
{
    static const char marker[] = "-- FAILS: ";
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char buffer[1024];
    bool found = false;
    for (*line = 1; !found && fgets(buffer, sizeof buffer, file) != NULL; *line += !found) {
        const char *at = strstr(buffer, marker);
        if (at == NULL)
            continue;
        found = true;
        snprintf(text, text_bytes, "%.*s", (int)strcspn(at + strlen(marker), "\r\n"), at + strlen(marker));
    }
    fclose(file);
    return found;
}
