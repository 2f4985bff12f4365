#include "harness/script/script_sandbox.h"
#include "sim/world/sim_memory.h"
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTRUCTIONS_PER_CHECK = 1000, FORMAT_ERROR_BYTES = 2048 };

struct sandbox {
    struct script_sandbox_config config;
    size_t memory_bytes;
    uint64_t instructions;
};

static struct sandbox *sandbox_of(lua_State *L)
{
    return *(struct sandbox **)lua_getextraspace(L);
}

void *script_sandbox_owner(lua_State *L)
{
    return sandbox_of(L)->config.owner;
}

struct script_sandbox_config script_sandbox_config_default(void)
{
    return (struct script_sandbox_config){.memory_bytes_max = 128u << 20, .instructions_max = 100000000u};
}

/* ---- limits ------------------------------------------------------------------------------------------------- */

static void *allocate(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    struct sandbox *sandbox = context;
    size_t had_bytes = block == NULL ? 0 : old_bytes;
    if (new_bytes == 0) {
        free(block);
        sandbox->memory_bytes -= had_bytes;
        return NULL;
    }
    if (sandbox->memory_bytes - had_bytes + new_bytes > sandbox->config.memory_bytes_max)
        return NULL;
    void *moved = realloc(block, new_bytes);
    if (moved != NULL)
        sandbox->memory_bytes += new_bytes - had_bytes;
    return moved;
}

/* Once over the limit the hook fires at every instruction, so that no pcall can hold the script up. */
static void count_instructions(lua_State *L, lua_Debug *record)
{
    (void)record;
    struct sandbox *sandbox = sandbox_of(L);
    sandbox->instructions += INSTRUCTIONS_PER_CHECK;
    if (sandbox->instructions <= sandbox->config.instructions_max)
        return;
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, 1);
    script_sandbox_error(L, "the script ran more than %llu Lua instructions: a loop without an end?",
                         (unsigned long long)sandbox->config.instructions_max);
}

/* ---- where --------------------------------------------------------------------------------------------------- */

/* Verbs may be written in Lua themselves, so the innermost line is not always the scenario's. */
void script_sandbox_where(lua_State *L)
{
    lua_Debug record;
    for (int level = 0; lua_getstack(L, level, &record); level++) {
        lua_getinfo(L, "Sl", &record);
        if (strcmp(record.short_src, SCRIPT_CHUNK) == 0 && record.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", SCRIPT_CHUNK, record.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

int script_sandbox_error(lua_State *L, const char *format, ...)
{
    char text[FORMAT_ERROR_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    script_sandbox_where(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    return lua_error(L);
}

/* ---- keys in order ------------------------------------------------------------------------------------------- */

struct key {
    int rank; /* numbers, strings, booleans */
    bool is_integer;
    lua_Integer integer;
    lua_Number number;
    const char *text; /* owned by Lua; the key is in the table, so it stays */
    size_t text_bytes;
};

static struct key key_at(lua_State *L, int index)
{
    struct key key = {.rank = -1};
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        key.rank = 0;
        key.is_integer = lua_isinteger(L, index);
        key.integer = key.is_integer ? lua_tointeger(L, index) : 0;
        key.number = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        key.rank = 1;
        key.text = lua_tolstring(L, index, &key.text_bytes);
        break;
    case LUA_TBOOLEAN:
        key.rank = 2;
        key.integer = lua_toboolean(L, index);
        key.is_integer = true;
        break;
    default:
        script_sandbox_error(L, "a table with a %s as a key has no order to walk it in", luaL_typename(L, index));
    }
    return key;
}

static int compare_text(const struct key *a, const struct key *b)
{
    size_t shorter = a->text_bytes < b->text_bytes ? a->text_bytes : b->text_bytes;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (a->text_bytes > b->text_bytes) - (a->text_bytes < b->text_bytes);
}

/* A key that is a float is no integer, or beyond all of them: doubles are exact enough to tell which is first. */
static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->rank == 1)
        return compare_text(a, b);
    if (a->is_integer && b->is_integer)
        return (a->integer > b->integer) - (a->integer < b->integer);
    return (a->number > b->number) - (a->number < b->number);
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->rank == 1)
        lua_pushlstring(L, key->text, key->text_bytes);
    else if (key->rank == 2)
        lua_pushboolean(L, (int)key->integer);
    else if (key->is_integer)
        lua_pushinteger(L, key->integer);
    else
        lua_pushnumber(L, key->number);
}

static size_t count_keys(lua_State *L, int table)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
        count++;
    return count;
}

void script_sandbox_keys(lua_State *L, int index)
{
    int table = lua_absindex(L, index);
    size_t count = count_keys(L, table);
    struct key *keys = lua_newuserdatauv(L, count * sizeof *keys + 1, 0);
    size_t at = 0;
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
        keys[at++] = key_at(L, -2);
    qsort(keys, count, sizeof *keys, compare_keys);
    lua_createtable(L, (int)count, 0);
    for (at = 0; at < count; at++) {
        push_key(L, &keys[at]);
        lua_rawseti(L, -2, (lua_Integer)at + 1);
    }
    lua_remove(L, -2);
}

/* The smallest key above the given one (any, when nil); removing keys while walking is harmless. */
static int sandbox_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool from_start = lua_isnil(L, 2);
    struct key after = {0}, best = {0};
    if (!from_start)
        after = key_at(L, 2);
    bool found = false;
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        struct key key = key_at(L, -2);
        if ((from_start || compare_keys(&key, &after) > 0) && (!found || compare_keys(&key, &best) < 0)) {
            best = key;
            found = true;
        }
    }
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}

/* upvalues: the sorted keys, how many were handed out */
static int pairs_step(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
    for (;;) {
        if (lua_rawgeti(L, lua_upvalueindex(1), ++at) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL)
            break;
        lua_pop(L, 2);
    }
    lua_pushinteger(L, at);
    lua_copy(L, -1, lua_upvalueindex(2));
    lua_pop(L, 1);
    return 2;
}

static int sandbox_pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    script_sandbox_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_step, 2);
    lua_pushvalue(L, 1);
    return 2;
}

/* ---- text without addresses ---------------------------------------------------------------------------------- */

const char *script_sandbox_tostring(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (lua_type(L, -1) != LUA_TSTRING)
            script_sandbox_error(L, "'__tostring' must return a string");
        return lua_tostring(L, -1);
    }
    int type = lua_type(L, index);
    if (type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING)
        return luaL_tolstring(L, index, NULL);
    lua_pushstring(L, luaL_typename(L, index));
    return lua_tostring(L, -1);
}

static int sandbox_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    script_sandbox_tostring(L, 1);
    return 1;
}

static int sandbox_print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        script_sandbox_tostring(L, i);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    const struct script_sandbox_config *config = &sandbox_of(L)->config;
    if (config->print != NULL)
        config->print(config->owner, lua_tostring(L, -1));
    return 0;
}

static bool has_address(int type)
{
    return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD ||
           type == LUA_TLIGHTUSERDATA;
}

/* upvalue: Lua's own string.format. What would show an address becomes the name of its type, %p becomes %s. */
static int sandbox_format(lua_State *L)
{
    const char *format = luaL_checkstring(L, 1);
    int count = lua_gettop(L);
    luaL_Buffer safe;
    int argument = 1;
    luaL_buffinit(L, &safe);
    for (const char *at = format; *at != 0; at++) {
        luaL_addchar(&safe, *at);
        if (*at != '%')
            continue;
        for (at++; *at != 0 && strchr("-+ #0123456789.", *at) != NULL; at++)
            luaL_addchar(&safe, *at);
        if (*at == 0)
            break;
        luaL_addchar(&safe, *at == 'p' ? 's' : *at);
        if (*at == '%' || ++argument > count)
            continue;
        if (*at == 'p' || (*at == 's' && has_address(lua_type(L, argument)))) {
            if (*at == 'p')
                lua_pushstring(L, luaL_typename(L, argument));
            else
                script_sandbox_tostring(L, argument);
            lua_replace(L, argument);
        }
    }
    luaL_pushresult(&safe);
    lua_replace(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, count, 1);
    return 1;
}

/* ---- the rest ------------------------------------------------------------------------------------------------ */

static bool sorts_before(lua_State *L, int a, int b, bool has_order)
{
    if (!has_order)
        return lua_compare(L, a, b, LUA_OPLT);
    a = lua_absindex(L, a);
    b = lua_absindex(L, b);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a);
    lua_pushvalue(L, b);
    lua_call(L, 2, 1);
    bool before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return before;
}

/* Merges [low, middle) and [middle, high) of the table at `from` into the table at `to`. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle, lua_Integer high,
                  bool has_order)
{
    lua_Integer left = low, right = middle;
    for (lua_Integer out = low; out < high; out++) {
        bool take_right = left >= middle;
        if (left < middle && right < high) {
            lua_rawgeti(L, from, right);
            lua_rawgeti(L, from, left);
            take_right = sorts_before(L, -2, -1, has_order);
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, take_right ? right++ : left++);
        lua_rawseti(L, to, out);
    }
}

/* Lua's own sort looks at the clock when it meets a long list that it finds hard. */
static int sandbox_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool has_order = !lua_isnil(L, 2);
    if (has_order)
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_Integer count = luaL_len(L, 1);
    lua_createtable(L, (int)count, 0);
    int from = 1, to = 3;
    for (lua_Integer width = 1; width < count; width *= 2) {
        for (lua_Integer low = 1; low <= count; low += 2 * width) {
            lua_Integer middle = low + width < count + 1 ? low + width : count + 1;
            lua_Integer high = middle + width < count + 1 ? middle + width : count + 1;
            merge(L, from, to, low, middle, high, has_order);
        }
        from = 4 - from;
        to = 4 - to;
    }
    for (lua_Integer i = 1; from != 1 && i <= count; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

static int sandbox_load(lua_State *L)
{
    size_t bytes;
    const char *text = luaL_checklstring(L, 1, &bytes);
    const char *name = luaL_optstring(L, 2, "=load");
    if (luaL_loadbufferx(L, text, bytes, name, "t") != LUA_OK) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (lua_gettop(L) >= 5 && !lua_isnil(L, 4)) {
        lua_pushvalue(L, 4);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

/* upvalue: Lua's own setmetatable. Finalizers and weak tables would let the collector's timing be seen. */
static int sandbox_setmetatable(lua_State *L)
{
    static const char *const refused[] = {"__gc", "__mode"};
    for (size_t i = 0; lua_istable(L, 2) && i < sizeof refused / sizeof *refused; i++) {
        if (lua_getfield(L, 2, refused[i]) != LUA_TNIL)
            return script_sandbox_error(L, "setmetatable: %s would make the garbage collector visible", refused[i]);
        lua_pop(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Replaces field `name` of the table on top by a closure over what it was. */
static void wrap(lua_State *L, const char *name, lua_CFunction fn)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, fn, 1);
    lua_setfield(L, -2, name);
}

static void remove_fields(lua_State *L, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},       {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8}, {LUA_COLIBNAME, luaopen_coroutine},
    };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
}

static void close_doors(lua_State *L)
{
    static const char *const base[] = {"dofile", "loadfile", "collectgarbage", "warn", NULL};
    static const char *const math[] = {"random", "randomseed", NULL};
    static const char *const string[] = {"dump", NULL};
    static const luaL_Reg base_own[] = {{"pairs", sandbox_pairs},       {"next", sandbox_next},
                                        {"tostring", sandbox_tostring}, {"print", sandbox_print},
                                        {"load", sandbox_load},         {NULL, NULL}};
    static const luaL_Reg table_own[] = {{"sort", sandbox_sort}, {NULL, NULL}};
    lua_pushglobaltable(L);
    remove_fields(L, base);
    luaL_setfuncs(L, base_own, 0);
    wrap(L, "setmetatable", sandbox_setmetatable);
    lua_getfield(L, -1, LUA_MATHLIBNAME);
    remove_fields(L, math);
    lua_getfield(L, -2, LUA_STRLIBNAME);
    remove_fields(L, string);
    wrap(L, "format", sandbox_format);
    lua_getfield(L, -3, LUA_TABLIBNAME);
    luaL_setfuncs(L, table_own, 0);
    lua_pop(L, 4);
}

lua_State *script_sandbox_open(const struct script_sandbox_config *config)
{
    struct sandbox *sandbox = sim_allocate(1, sizeof *sandbox);
    sandbox->config = *config;
    lua_State *L = lua_newstate(allocate, sandbox);
    if (L == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    *(struct sandbox **)lua_getextraspace(L) = sandbox;
    open_libraries(L);
    close_doors(L);
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, INSTRUCTIONS_PER_CHECK);
    return L;
}

void script_sandbox_close(lua_State *L)
{
    if (L == NULL)
        return;
    struct sandbox *sandbox = sandbox_of(L);
    lua_close(L);
    free(sandbox);
}
