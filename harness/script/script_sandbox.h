/* script_sandbox.h: a Lua 5.4 state in which a scenario is the same story on every run.
 *
 * Not in reach: os, io, debug, package, require, dofile, loadfile, bytecode, math.random, collectgarbage, warn.
 * Different from plain Lua: pairs and next go by key order (numbers, then strings, then booleans; other keys are
 * an error there), tostring, print and string.format show no addresses, table.sort is a stable merge sort,
 * load takes text only, setmetatable refuses __gc and __mode. Memory and instructions are bounded.
 *
 * Source: design of the harness, README.md "The sandbox". Tests: tests/test_script_sandbox.c */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct script_sandbox_config {
    size_t memory_bytes_max;
    uint64_t instructions_max;
    void *owner;                                     /* for the verbs: script_sandbox_owner() */
    void (*print)(void *owner, const char *line);    /* one line of print(), without newline */
};

/* 128 MiB and 100 million instructions. */
struct script_sandbox_config script_sandbox_config_default(void);

/* Returns  the main state; NULL never (out of memory ends the program). Close with script_sandbox_close. */
lua_State *script_sandbox_open(const struct script_sandbox_config *config);
void script_sandbox_close(lua_State *L);

void *script_sandbox_owner(lua_State *L);

/* What every chunk of a scenario is called inside Lua: "scenario:17: ..." whatever the file's path is, so that no
 * path reaches a script. */
#define SCRIPT_CHUNK "scenario"

/* Pushes an array of the keys of the table at index, in the order of pairs. A key without an order is an error. */
void script_sandbox_keys(lua_State *L, int index);

/* Pushes the value at index as a string, as tostring does. */
const char *script_sandbox_tostring(lua_State *L, int index);

/* Pushes "scenario:17: " for the innermost line of the scenario that is running, "" when there is none. */
void script_sandbox_where(lua_State *L);

/* Raises an error that names that line. Never returns. */
int script_sandbox_error(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
