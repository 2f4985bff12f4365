/* Goal: nothing in a scenario can differ from run to run, and no scenario can run away.
 * Method: small Lua texts in a fresh sandbox; each must return true, or fail with the words given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants the four above first. */
#include <cmocka.h>

#include "harness/script/script_sandbox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fix {
    lua_State *L;
    char printed[256];
};

static void keep_print(void *owner, const char *line)
{
    struct fix *f = owner;
    snprintf(f->printed, sizeof f->printed, "%s", line);
}

static int set_up(void **state)
{
    struct fix *f = calloc(1, sizeof *f);
    struct script_sandbox_config config = script_sandbox_config_default();
    config.memory_bytes_max = 8u << 20;
    config.instructions_max = 1000000;
    config.owner = f;
    config.print = keep_print;
    f->L = script_sandbox_open(&config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *f = *state;
    script_sandbox_close(f->L);
    free(f);
    return 0;
}

static int run(struct fix *f, const char *text)
{
    if (luaL_loadbufferx(f->L, text, strlen(text), "=" SCRIPT_CHUNK, "t") != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
    return lua_pcall(f->L, 0, 1, 0);
}

static void assert_holds(struct fix *f, const char *text)
{
    if (run(f, text) != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
    if (!lua_toboolean(f->L, -1))
        fail_msg("does not hold: %s", text);
    lua_pop(f->L, 1);
}

static void assert_fails(struct fix *f, const char *text, const char *words)
{
    assert_int_not_equal(run(f, text), LUA_OK);
    if (strstr(lua_tostring(f->L, -1), words) == NULL)
        fail_msg("'%s' does not say '%s'", lua_tostring(f->L, -1), words);
    lua_pop(f->L, 1);
}

/* ---- what is not there --------------------------------------------------------------------------------------- */

static void doors_to_the_outside_are_closed(void **state)
{
    static const char *const gone[] = {
        "os",      "io",          "debug",       "package",         "require",     "dofile",
        "loadfile", "collectgarbage", "warn",    "math.random",     "math.randomseed", "string.dump",
    };
    char text[100];
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        snprintf(text, sizeof text, "return %s == nil", gone[i]);
        assert_holds(*state, text);
    }
}

static void what_scenarios_need_is_there(void **state)
{
    assert_holds(*state, "return string.pack('<I4', 1) == '\\1\\0\\0\\0' and math.max(1, 2) == 2 and utf8.char(65) == 'A'");
    assert_holds(*state, "return select('#', table.unpack({1, 2, 3})) == 3 and coroutine.isyieldable() == false");
}

static void bytecode_is_not_loaded(void **state)
{
    assert_holds(*state, "local f, why = load('\\27Lua'); return f == nil and why:find('binary chunk') ~= nil");
    assert_holds(*state, "return load('return 1 + 1')() == 2");
    assert_holds(*state, "local e = {x = 7}; return load('return x', '=y', 't', e)() == 7");
    assert_fails(*state, "load(function() return nil end)", "string expected");
}

/* ---- order --------------------------------------------------------------------------------------------------- */

static void pairs_goes_numbers_strings_booleans(void **state)
{
    assert_holds(*state, "local t, s = {b = 1, a = 1, [true] = 1, [false] = 1, [10] = 1, [-1] = 1, [2.5] = 1, [3] = 1}, ''\n"
                         "for k in pairs(t) do s = s .. tostring(k) .. ' ' end\n"
                         "return s == '-1 2.5 3 10 a b false true '");
}

static void pairs_orders_a_thousand_strings(void **state)
{
    assert_holds(*state, "local t, last, n = {}, '', 0\n"
                         "for i = 1, 1000 do t['key' .. i * 7919 % 1000] = i end\n"
                         "for k in pairs(t) do assert(k > last); last = k; n = n + 1 end\n"
                         "return n == 1000");
}

static void pairs_survives_removal_while_walking(void **state)
{
    assert_holds(*state, "local t, n = {a = 1, b = 2, c = 3}, 0\n"
                         "for k in pairs(t) do n = n + 1; t.c = nil; t[k] = nil end\n"
                         "return n == 2 and next(t) == nil");
}

static void next_goes_the_same_way(void **state)
{
    assert_holds(*state, "local t = {z = 1, [1] = 2, a = 3}\n"
                         "local k1, v1 = next(t); local k2 = next(t, k1); local k3 = next(t, k2)\n"
                         "return k1 == 1 and v1 == 2 and k2 == 'a' and k3 == 'z' and next(t, k3) == nil");
}

static void next_from_the_highest_integer_ends(void **state)
{
    assert_holds(*state, "local t = {[math.maxinteger] = 1, [math.mininteger] = 2}\n"
                         "return next(t) == math.mininteger and next(t, math.mininteger) == math.maxinteger and\n"
                         "next(t, math.maxinteger) == nil");
}

static void keys_without_an_order_are_refused(void **state)
{
    assert_fails(*state, "for _ in pairs({[{}] = 1}) do end", "a table with a table as a key has no order");
    assert_fails(*state, "next({[print] = 1})", "a table with a function as a key has no order");
}

static void sort_is_stable_and_right(void **state)
{
    assert_holds(*state, "local t = {}\n"
                         "for i = 1, 300 do t[i] = {key = i * 31 % 7, at = i} end\n"
                         "table.sort(t, function(a, b) return a.key < b.key end)\n"
                         "for i = 2, 300 do local a, b = t[i - 1], t[i]\n"
                         "  assert(a.key < b.key or (a.key == b.key and a.at < b.at)) end\n"
                         "local n = {3, 1, 2}; table.sort(n); local e = {}; table.sort(e)\n"
                         "return n[1] == 1 and n[2] == 2 and n[3] == 3");
}

/* ---- no addresses -------------------------------------------------------------------------------------------- */

static void tostring_shows_types_not_addresses(void **state)
{
    assert_holds(*state, "return tostring({}) == 'table' and tostring(print) == 'function' and\n"
                         "tostring(coroutine.create(print)) == 'thread'");
    assert_holds(*state, "return tostring(12) == '12' and tostring(nil) == 'nil' and tostring(true) == 'true'");
    assert_holds(*state, "return tostring(setmetatable({}, {__tostring = function() return 'me' end})) == 'me'");
}

static void format_shows_no_addresses(void **state)
{
    assert_holds(*state, "return string.format('%s %p %d', {}, print, 3) == 'table function 3'");
    assert_holds(*state, "return ('%10p|%-6s|%%|%5.2f'):format({}, 'x', 1.5) == '     table|x     |%| 1.50'");
    assert_fails(*state, "string.format('%d')", "no value");
}

static void print_shows_no_addresses(void **state)
{
    struct fix *f = *state;
    assert_holds(f, "print({}, 'x', 1); return true");
    assert_string_equal(f->printed, "table\tx\t1");
}

static void the_collector_stays_invisible(void **state)
{
    assert_fails(*state, "setmetatable({}, {__gc = print})", "__gc would make the garbage collector visible");
    assert_fails(*state, "setmetatable({}, {__mode = 'k'})", "__mode would");
    assert_holds(*state, "return setmetatable({}, {__index = {x = 1}}).x == 1");
}

/* ---- limits -------------------------------------------------------------------------------------------------- */

static void an_endless_loop_is_ended_and_named(void **state)
{
    assert_fails(*state, "\nwhile true do end", "scenario:2: the script ran more than 1000000 Lua instructions");
}

static void pcall_does_not_hold_up_the_end(void **state)
{
    assert_fails(*state, "while true do pcall(function() while true do end end) end", "a loop without an end?");
}

static void a_coroutine_does_not_either(void **state)
{
    assert_fails(*state, "while true do coroutine.wrap(function() while true do end end)() end", "without an end?");
}

static void memory_is_bounded(void **state)
{
    assert_fails(*state, "return ('x'):rep(100000000)", "not enough memory");
    assert_holds(*state, "return #('x'):rep(1000000) == 1000000");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(doors_to_the_outside_are_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_scenarios_need_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytecode_is_not_loaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_goes_numbers_strings_booleans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_orders_a_thousand_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_survives_removal_while_walking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(next_goes_the_same_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(next_from_the_highest_integer_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_without_an_order_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sort_is_stable_and_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tostring_shows_types_not_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(format_shows_no_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(print_shows_no_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_collector_stays_invisible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endless_loop_is_ended_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pcall_does_not_hold_up_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_coroutine_does_not_either, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
