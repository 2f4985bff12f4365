/* script_private.h: what the files of the script engine share: the state of one run, waiting, and errors. */
#ifndef SCRIPT_PRIVATE_H
#define SCRIPT_PRIVATE_H

#include "harness/script/lab_work.h"
#include "harness/script/script.h"
#include "harness/script/script_sandbox.h"

struct script;

/* True when what a verb waits for has come. Called after every event of the world; must not touch Lua. */
typedef bool script_done_fn(struct script *script);

/* How a wait ended. */
enum script_wait_end { SCRIPT_WAIT_MET, SCRIPT_WAIT_TIMEOUT };

struct script {
    struct script_options options;
    struct script_result *result;
    lua_State *L;  /* main */
    lua_State *co; /* the scenario */
    struct lab *lab; /* NULL before vm{} */
    bool bad_input;  /* the error under way is the scenario's own bad input */
    char failed[SCRIPT_MESSAGE_BYTES]; /* the first check that failed, whoever caught the error; "": none */
    bool skipped;
    bool fits; /* only_asks: it would be played */
    uint64_t ns_before;    /* of the worlds that are closed */
    uint64_t exits_before;
    size_t measure_room;
    size_t print_room;
    /* the wait under way */
    script_done_fn *done; /* NULL: time only */
    uint64_t wait_until_ns;
    enum script_wait_end wait_end;
    /* what waits compare with; each verb uses its own */
    uint64_t seen_replies;
    uint64_t seen_acked;
    uint64_t seen_voided;
    size_t list_goal;
    const struct lab_list *list;
    uint64_t event_goal;
    enum mk_trace_event event;
    struct mk_command command;
    struct lab_work work;
    /* how far the script has read the notebook */
    size_t stops_read;
    size_t loads_read;
    size_t prints_read;
    size_t prompts_read;
    size_t others_read;
    /* the wire block under way */
    struct wire *wire;
    size_t wire_at;        /* step */
    uint64_t wire_base_ns; /* when the step before happened */
    bool wire_skips;       /* a "..." stands before this step */
    unsigned wire_line;    /* of the verb in the file */
    size_t frames_read;
    bool manual;
    char *source; /* the file's text */
};

/* What the verbs written in Lua are called in messages. */
#define SCRIPT_VERBS_CHUNK "verbs"

struct script *script_of(lua_State *L);

/* The experiment, or an error when vm{} was not called yet. */
struct lab *script_lab(lua_State *L);

/* Yields until done() holds or limit_ns have passed; k is called then and asks script->wait_end.
 * Use: return script_wait(L, done, limit, k); */
int script_wait(lua_State *L, script_done_fn *done, uint64_t limit_ns, lua_KFunction k);

/* What verbs without a limit of their own wait at most: 60 virtual seconds. */
#define SCRIPT_WAIT_NS SIM_S(60)

/* The optional limit argument of a verb. */
uint64_t script_limit(lua_State *L, int index);

/* An error that is bad input rather than a failed expectation: an unknown name, a wrong field. */
int script_bad_input(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Judges and closes the experiment under way, if there is one; adds it to the result. Returns false, with the
 * message on the stack of L, when the oracle objects. */
bool script_close_lab(struct script *script, lua_State *L);

/* Adds functions to the global table `name`, which is made when it is not there. */
void script_register(lua_State *L, const char *name, const luaL_Reg *functions);

/* Sets a field of the table on top of the stack. Numbers of 64 bits become Lua integers bit for bit. */
void script_set_number(lua_State *L, const char *name, uint64_t value);
void script_set_bytes(lua_State *L, const char *name, const void *bytes, size_t len_bytes);
void script_set_flag(lua_State *L, const char *name, bool value);

/* A number argument of 32 bits. */
uint32_t script_check_u32(lua_State *L, int index);

/* Ends the verb with "WHAT in time" and the debugger's state, when its wait was in vain. */
void script_require_met(lua_State *L, const char *what);

/* The state of an outstanding request, for verbs that send: script_send() begins, and either condition ends it. */
void script_send(lua_State *L, uint16_t type, const struct dbg_request *request, const char *name);
int script_wait_acked(lua_State *L);

/* The verbs, by file. */
void script_open_vm(lua_State *L);
void script_open_dbg(lua_State *L);
void script_open_said(lua_State *L);
void script_open_fault(lua_State *L);
void script_open_check(lua_State *L);
void script_open_wire(lua_State *L);
void script_open_work(lua_State *L);

/* Calls fn(L, name, value_index) for each field of the table at index in key order. */
void script_each_field(lua_State *L, int index,
                       void (*fn)(lua_State *L, const char *name, int value_index, void *context), void *context);

/* Pushes oracle, VM and debugger counters as a table (check.counters and counters() share it). */
void script_push_counters(lua_State *L, struct lab *lab);

#endif
