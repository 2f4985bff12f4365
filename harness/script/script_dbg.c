/* The debugger's verbs: one request and its reply each. What takes several (a long read, a step) is in verbs.lua. */
#include "harness/script/script_private.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint16_t opt_cpu(lua_State *L, int index)
{
    lua_Integer value = luaL_optinteger(L, index, 0);
    luaL_argcheck(L, value >= 0 && value <= UINT16_MAX, index, "not a processor number");
    return (uint16_t)value;
}

/* One that the machine has. */
static uint16_t opt_own_cpu(lua_State *L, int index)
{
    uint16_t cpu = opt_cpu(L, index);
    uint32_t processors = script_lab(L)->config.vm.boot.processors;
    if (cpu >= processors)
        script_bad_input(L, "the third argument is a processor, 0 to %u, and not %u", (unsigned)(processors - 1), cpu);
    return cpu;
}

/* ---- one transaction ----------------------------------------------------------------------------------------- */

/* Whatever makes an outstanding request void: a fresh start, a new state change, or giving up. */
static uint64_t void_marks(const struct lab *lab)
{
    const struct lab_notebook *seen = &lab->seen;
    return seen->stops.count + seen->loads.count + seen->notes[DBG_NOTE_RESET_SEEN] +
           seen->notes[DBG_NOTE_RESET_SENT] + seen->notes[DBG_NOTE_GAVE_UP] + seen->notes[DBG_NOTE_DETACH];
}

/* Both conditions also end when there is nothing left to wait for: a debugger that lost its request to a RESET never
 * sees a reply, and a story should go on at that moment, not at its limit. */
static bool answered_or_void(struct script *script)
{
    return script->lab->seen.replies > script->seen_replies || void_marks(script->lab) > script->seen_voided;
}

static bool acked_or_void(struct script *script)
{
    return script->lab->seen.notes[DBG_NOTE_ACKED] > script->seen_acked ||
           void_marks(script->lab) > script->seen_voided;
}

static void refuse_to_send(lua_State *L, enum kd_status status, const char *name)
{
    const char *state = dbg_state_name(dbg_state(script_lab(L)->dbg));
    if (status == KD_ERR_CLOSED)
        script_sandbox_error(L, "%s: no debugger is attached: attach() first", name);
    script_sandbox_error(L, "dbg: the request was not sent, %s (%s): the debugger is in state %s", name,
                         kd_status_phrase(status), state);
}

/* Notes where the conversation stands, so that the wait can tell what happened since; then hands the request over. */
void script_send(lua_State *L, uint16_t type, const struct dbg_request *request, const char *name)
{
    struct script *script = script_of(L);
    struct lab *lab = script_lab(L);
    script->seen_replies = lab->seen.replies;
    script->seen_acked = lab->seen.notes[DBG_NOTE_ACKED];
    script->seen_voided = void_marks(lab);
    enum kd_status status = dbg_send(lab->dbg, type, request->body, request->body_bytes);
    if (status != KD_OK)
        refuse_to_send(L, status, name);
}

static int transact(lua_State *L, const struct dbg_request *request, lua_KFunction k)
{
    struct dbg_reply asked;
    if (dbg_api_reply(request->body, request->body_bytes, &asked) != KD_OK)
        return script_bad_input(L, "dbg: the request is too short");
    script_send(L, DBG_TYPE_MANIPULATE, request, dbg_api_name(asked.api));
    return script_wait(L, answered_or_void, SCRIPT_WAIT_NS, k);
}

/* The reply that the wait was for, or an error that says what came instead. */
static void take_reply(lua_State *L, struct dbg_reply *reply)
{
    struct script *script = script_of(L);
    const struct lab *lab = script->lab;
    if (lab->seen.replies <= script->seen_replies)
        script_sandbox_error(L, script->wait_end == SCRIPT_WAIT_TIMEOUT
                                    ? "dbg: the request got no reply; the debugger is in state %s"
                                    : "dbg: the request is void, the conversation started over; the debugger is in "
                                      "state %s",
                             dbg_state_name(dbg_state(lab->dbg)));
    if (dbg_api_reply(lab->seen.reply.bytes, lab->seen.reply.len_bytes, reply) != KD_OK)
        script_sandbox_error(L, "dbg: the reply is too short to be one");
}

/* Returns data, status. */
static int data_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    take_reply(L, &reply);
    lua_pushlstring(L, (const char *)reply.data, reply.data_bytes);
    lua_pushinteger(L, reply.status);
    return 2;
}

/* Returns bytes done, status. */
static int transfer_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    uint32_t actual;
    take_reply(L, &reply);
    if (dbg_api_transfer(&reply, &actual) != KD_OK)
        return script_sandbox_error(L, "dbg: the reply contradicts itself about its length");
    lua_pushinteger(L, actual);
    lua_pushinteger(L, reply.status);
    return 2;
}

/* Returns status. */
static int status_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    take_reply(L, &reply);
    lua_pushinteger(L, reply.status);
    return 1;
}

static int acked(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct script *script = script_of(L);
    const struct lab *lab = script->lab;
    if (lab->seen.notes[DBG_NOTE_ACKED] <= script->seen_acked)
        return script_sandbox_error(L, "dbg: the request was not acknowledged; the debugger is in state %s",
                                    dbg_state_name(dbg_state(lab->dbg)));
    return 0;
}

int script_wait_acked(lua_State *L)
{
    return script_wait(L, acked_or_void, SCRIPT_WAIT_NS, acked);
}

/* A request that resumes the target, or that has no reply (4.4 rule 1): its ACK is all there is. */
static int transact_unanswered(lua_State *L, const struct dbg_request *request, const char *name)
{
    script_send(L, DBG_TYPE_MANIPULATE, request, name);
    return script_wait_acked(L);
}

/* ---- memory and processor ------------------------------------------------------------------------------------ */

/* One request each; a body holds 3,944 bytes, and verbs.lua makes longer transfers of several. */
static int core_read(lua_State *L)
{
    struct dbg_request request;
    dbg_api_read_virtual(&request, opt_own_cpu(L, 3), (uint64_t)luaL_checkinteger(L, 1), script_check_u32(L, 2));
    return transact(L, &request, data_reply);
}

static int core_write(lua_State *L)
{
    struct dbg_request request;
    size_t len_bytes;
    const char *bytes = luaL_checklstring(L, 2, &len_bytes);
    if (dbg_api_write_virtual(&request, opt_own_cpu(L, 3), (uint64_t)luaL_checkinteger(L, 1), (const uint8_t *)bytes,
                              len_bytes) != KD_OK)
        return script_bad_input(L, "write: more than one request can carry");
    return transact(L, &request, transfer_reply);
}

static int core_read_physical(lua_State *L)
{
    struct dbg_request request;
    dbg_api_read_physical(&request, (uint64_t)luaL_checkinteger(L, 1), script_check_u32(L, 2),
                          (uint32_t)luaL_optinteger(L, 3, 0));
    return transact(L, &request, data_reply);
}

static int core_write_physical(lua_State *L)
{
    struct dbg_request request;
    size_t len_bytes;
    const char *bytes = luaL_checklstring(L, 2, &len_bytes);
    if (dbg_api_write_physical(&request, (uint64_t)luaL_checkinteger(L, 1), (uint32_t)luaL_optinteger(L, 3, 0),
                               (const uint8_t *)bytes, len_bytes) != KD_OK)
        return script_bad_input(L, "write_physical: more than one request can carry");
    return transact(L, &request, transfer_reply);
}

static int verb_control_space(lua_State *L)
{
    struct dbg_request request;
    dbg_api_read_control_space(&request, opt_cpu(L, 3), (uint64_t)luaL_checkinteger(L, 1), script_check_u32(L, 2));
    return transact(L, &request, data_reply);
}

/* A register block by name. */
struct registers {
    const struct dbg_field *fields;
    unsigned count;
    enum dbg_arch arch;
};

static struct registers context_registers(const struct lab *lab)
{
    struct registers registers = {.arch = lab_arch(lab)};
    registers.fields = dbg_context_fields(registers.arch, &registers.count);
    return registers;
}

/* What every processor has, under a name that is the same everywhere. */
static const struct {
    const char *alias;
    const char *names[2];
} aliases[] = {
    {"pc", {[DBG_X64] = "rip", [DBG_X86] = "eip"}},
    {"sp", {[DBG_X64] = "rsp", [DBG_X86] = "esp"}},
};
enum { ALIASES = sizeof aliases / sizeof *aliases };

/* Under an alias a register is an address, as the target tells addresses: sign-extended on x86 (4). */
static bool alias_value(const struct registers *registers, unsigned index, const uint8_t *block, size_t block_bytes,
                        uint64_t *value)
{
    if (dbg_field_get(registers->fields, registers->count, aliases[index].names[registers->arch], block, block_bytes,
                      value) != KD_OK)
        return false;
    if (registers->arch == DBG_X86)
        *value = (uint64_t)(int64_t)(int32_t)(uint32_t)*value;
    return true;
}

static void push_registers(lua_State *L, const struct registers *registers, const uint8_t *block, size_t block_bytes)
{
    uint64_t value;
    lua_createtable(L, 0, (int)registers->count + ALIASES + 1);
    for (unsigned i = 0; i < registers->count; i++)
        if (dbg_field_get(registers->fields, registers->count, registers->fields[i].name, block, block_bytes,
                          &value) == KD_OK)
            script_set_number(L, registers->fields[i].name, value);
    for (unsigned i = 0; i < ALIASES; i++)
        if (alias_value(registers, i, block, block_bytes, &value))
            script_set_number(L, aliases[i].alias, value);
    script_set_bytes(L, "raw", block, block_bytes);
}

/* The register's field of the table at index 1 goes into the block, if it is not what it was: so either of a
 * register's two names may be changed. */
static void put_changed(lua_State *L, const struct registers *registers, const char *key, const char *name,
                        uint64_t was, uint8_t *block, size_t block_bytes)
{
    bool given = lua_getfield(L, 1, key) != LUA_TNIL;
    uint64_t value = given ? (uint64_t)luaL_checkinteger(L, -1) : was;
    lua_pop(L, 1);
    if (value != was &&
        dbg_field_set(registers->fields, registers->count, name, block, block_bytes, value) != KD_OK)
        script_bad_input(L, "set_context: %s cannot be set", key);
}

static void put_registers(lua_State *L, const struct registers *registers, const uint8_t *raw, uint8_t *block,
                          size_t block_bytes)
{
    uint64_t was;
    for (unsigned i = 0; i < ALIASES; i++)
        if (alias_value(registers, i, raw, block_bytes, &was))
            put_changed(L, registers, aliases[i].alias, aliases[i].names[registers->arch], was, block, block_bytes);
    for (unsigned i = 0; i < registers->count; i++) {
        const char *name = registers->fields[i].name;
        if (dbg_field_get(registers->fields, registers->count, name, raw, block_bytes, &was) == KD_OK)
            put_changed(L, registers, name, name, was, block, block_bytes);
    }
}

/* Returns registers by name (and the whole block as raw), status; nil, status when there are none. */
static int context_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    take_reply(L, &reply);
    struct registers registers = context_registers(script_lab(L));
    if (reply.data_bytes == 0)
        lua_pushnil(L);
    else
        push_registers(L, &registers, reply.data, reply.data_bytes);
    lua_pushinteger(L, reply.status);
    return 2;
}

static int verb_context(lua_State *L)
{
    struct dbg_request request;
    dbg_api_get_context(&request, opt_cpu(L, 1));
    return transact(L, &request, context_reply);
}

/* registers: what dbg.context() returned, with changed values. */
static int verb_set_context(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    uint16_t cpu = opt_cpu(L, 2);
    size_t block_bytes;
    struct registers registers = context_registers(script_lab(L));
    lua_getfield(L, 1, "raw");
    const char *raw = luaL_tolstring(L, -1, &block_bytes);
    if (block_bytes < dbg_context_bytes(registers.arch))
        return script_bad_input(L, "set_context: give it what dbg.context() returned, with other values");
    uint8_t *block = lua_newuserdatauv(L, block_bytes, 0);
    memcpy(block, raw, block_bytes);
    put_registers(L, &registers, (const uint8_t *)raw, block, block_bytes);
    struct dbg_request request;
    uint64_t flags = 0;
    if (dbg_field_get(registers.fields, registers.count, "flags", block, block_bytes, &flags) != KD_OK ||
        dbg_api_set_context(&request, cpu, (uint32_t)flags, block, block_bytes) != KD_OK)
        return script_bad_input(L, "set_context: the block does not fit in a request");
    return transact(L, &request, status_reply);
}

/* ---- breakpoints, version ------------------------------------------------------------------------------------ */

/* Returns the handle, status; nil, status when it was refused. */
static int breakpoint_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    uint32_t handle;
    take_reply(L, &reply);
    if (dbg_api_breakpoint(&reply, &handle) != KD_OK)
        return script_sandbox_error(L, "dbg: the target gave out a handle that is none");
    if (reply.status == DBG_STATUS_SUCCESS)
        lua_pushinteger(L, handle);
    else
        lua_pushnil(L);
    lua_pushinteger(L, reply.status);
    return 2;
}

static int verb_breakpoint(lua_State *L)
{
    struct dbg_request request;
    dbg_api_write_breakpoint(&request, (uint64_t)luaL_checkinteger(L, 1));
    return transact(L, &request, breakpoint_reply);
}

static int verb_remove_breakpoint(lua_State *L)
{
    struct dbg_request request;
    dbg_api_restore_breakpoint(&request, script_check_u32(L, 1));
    return transact(L, &request, status_reply);
}

static int version_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    struct dbg_version version;
    take_reply(L, &reply);
    if (dbg_api_version(&reply, &version) != KD_OK)
        return script_sandbox_error(L, "dbg: this is no answer to get_version");
    lua_newtable(L);
    script_set_number(L, "major", version.major);
    script_set_number(L, "build", version.minor);
    script_set_number(L, "protocol", version.protocol);
    script_set_number(L, "secondary", version.secondary);
    script_set_number(L, "flags", version.flags);
    script_set_number(L, "machine", version.machine);
    script_set_number(L, "max_manipulate", version.max_manipulate);
    script_set_number(L, "kernel_base", version.kernel_base);
    script_set_number(L, "module_list", version.module_list);
    script_set_number(L, "debugger_data_list", version.debugger_data_list);
    return 1;
}

static int verb_version(lua_State *L)
{
    struct dbg_request request;
    dbg_api_get_version(&request);
    return transact(L, &request, version_reply);
}

/* ---- any request --------------------------------------------------------------------------------------------- */

/* Returns {api, cpu, status, fields = the 40 bytes of the union, data}. */
static int raw_reply(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct dbg_reply reply;
    take_reply(L, &reply);
    lua_newtable(L);
    script_set_number(L, "api", reply.api);
    script_set_number(L, "cpu", reply.cpu);
    script_set_number(L, "status", reply.status);
    script_set_bytes(L, "fields", reply.fields, DBG_UNION_BYTES);
    script_set_bytes(L, "data", reply.data, reply.data_bytes);
    return 1;
}

static const uint8_t *opt_bytes_field(lua_State *L, int table, const char *name, size_t *len_bytes)
{
    *len_bytes = 0;
    if (!lua_istable(L, table) || lua_getfield(L, table, name) == LUA_TNIL)
        return NULL;
    return (const uint8_t *)luaL_checklstring(L, -1, len_bytes);
}

static uint32_t check_api(lua_State *L, int index)
{
    uint32_t api = 0;
    if (lua_type(L, index) == LUA_TNUMBER)
        return script_check_u32(L, index);
    if (dbg_api_find(luaL_checkstring(L, index), &api) != KD_OK)
        script_bad_input(L, "no request is called '%s' (harness/dbg/dbg_api.h lists them)", lua_tostring(L, index));
    return api;
}

/* dbg.request(api, {fields = bytes, data = bytes, cpu = n}) */
static int verb_request(lua_State *L)
{
    struct dbg_request request;
    size_t field_bytes, data_bytes;
    uint32_t api = check_api(L, 1);
    lua_settop(L, 2);
    uint16_t cpu = 0;
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "cpu");
        cpu = opt_cpu(L, -1);
    }
    dbg_api_begin(&request, api, cpu);
    const uint8_t *fields = opt_bytes_field(L, 2, "fields", &field_bytes);
    for (size_t i = 0; i < field_bytes; i++)
        if (dbg_api_put(&request, (uint32_t)i, 1, fields[i]) != KD_OK)
            return script_bad_input(L, "request: fields has at most %d bytes", DBG_UNION_BYTES);
    const uint8_t *data = opt_bytes_field(L, 2, "data", &data_bytes);
    if (data_bytes > 0 && dbg_api_append(&request, data, data_bytes) != KD_OK)
        return script_bad_input(L, "request: data has at most %d bytes", DBG_DATA_BYTES_MAX);
    if (dbg_api_answer(api) != DBG_ANSWER_REPLY)
        return transact_unanswered(L, &request, dbg_api_name(api));
    return transact(L, &request, raw_reply);
}

/* ---- running ------------------------------------------------------------------------------------------------- */

/* Everything that stopped so far is the past now. */
static void forget_stops(struct script *script)
{
    script->stops_read = script->lab->seen.stops.count;
    script->loads_read = script->lab->seen.loads.count;
}

/* core.continue(trace, status, dr7) */
static int core_continue(lua_State *L)
{
    struct script *script = script_of(L);
    struct lab *lab = script_lab(L);
    struct dbg_request request;
    uint32_t continue_status = lua_isnoneornil(L, 2) ? DBG_CONTINUE : script_check_u32(L, 2);
    uint64_t dr7 = (uint64_t)luaL_optinteger(L, 3, (lua_Integer)lab->dr7);
    dbg_api_continue2(&request, lab_arch(lab), 0, continue_status,
                      &(struct dbg_control_set){.trace = lua_toboolean(L, 1), .dr7 = dr7});
    forget_stops(script);
    return transact_unanswered(L, &request, "continue");
}

static int verb_reboot(lua_State *L)
{
    struct dbg_request request;
    script_lab(L);
    dbg_api_reboot(&request);
    forget_stops(script_of(L));
    return transact_unanswered(L, &request, "reboot");
}

static int verb_break_in(lua_State *L)
{
    enum kd_status status = dbg_break_in(script_lab(L)->dbg);
    if (status != KD_OK)
        refuse_to_send(L, status, "break_in");
    return 0;
}

static int verb_resync(lua_State *L)
{
    enum kd_status status = dbg_resync(script_lab(L)->dbg);
    if (status != KD_OK)
        refuse_to_send(L, status, "resync");
    return 0;
}

static int verb_raw(lua_State *L)
{
    size_t len_bytes;
    const char *bytes = luaL_checklstring(L, 1, &len_bytes);
    enum kd_status status = dbg_write_raw(script_lab(L)->dbg, (const uint8_t *)bytes, len_bytes);
    if (status != KD_OK)
        refuse_to_send(L, status, "raw");
    return 0;
}

static int verb_state(lua_State *L)
{
    lua_pushstring(L, dbg_state_name(dbg_state(script_lab(L)->dbg)));
    return 1;
}

static bool is_stopped(struct script *script)
{
    return dbg_state(script->lab->dbg) == DBG_STOPPED;
}

static int settled(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    script_require_met(L, "settle: the target is not stopped");
    return 0;
}

/* Waits until requests may be sent, whatever the debugger is going through. */
static int verb_settle(lua_State *L)
{
    script_lab(L);
    return script_wait(L, is_stopped, script_limit(L, 1), settled);
}

/* ---- files that the target may ask for ----------------------------------------------------------------------- */

static int verb_put_file(lua_State *L)
{
    size_t len_bytes;
    const char *bytes = luaL_checklstring(L, 2, &len_bytes);
    lab_put_file(script_lab(L), luaL_checkstring(L, 1), (const uint8_t *)bytes, len_bytes);
    return 0;
}

/* Its bytes, or nil. */
static int verb_file(lua_State *L)
{
    const struct lab_bytes *file = lab_file(script_lab(L), luaL_checkstring(L, 1));
    if (file == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, (const char *)file->bytes, file->len_bytes);
    return 1;
}

static int verb_hold_loads(lua_State *L)
{
    script_lab(L)->hold_loads = lua_toboolean(L, 1);
    return 0;
}

/* ---- frames for dbg.raw -------------------------------------------------------------------------------------- */

/* frame.control(type, id), frame.data(type, id, body): type by name or number. */
static uint16_t check_type(lua_State *L, int index)
{
    uint16_t type = 0;
    if (lua_type(L, index) == LUA_TNUMBER)
        return (uint16_t)script_check_u32(L, index);
    if (dbg_type_find(luaL_checkstring(L, index), &type) != KD_OK)
        script_bad_input(L, "no packet type is called '%s'", lua_tostring(L, index));
    return type;
}

static int frame_control(lua_State *L)
{
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
    size_t len_bytes = dbg_frame_control(bytes, check_type(L, 1), (uint32_t)luaL_optinteger(L, 2, 0));
    lua_pushlstring(L, (const char *)bytes, len_bytes);
    return 1;
}

static int frame_data(lua_State *L)
{
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
    size_t body_bytes;
    const char *body = luaL_checklstring(L, 3, &body_bytes);
    luaL_argcheck(L, body_bytes <= DBG_BODY_BYTES_MAX, 3, "a body has at most 4000 bytes");
    size_t len_bytes =
        dbg_frame_data(bytes, check_type(L, 1), script_check_u32(L, 2), (const uint8_t *)body, (uint32_t)body_bytes);
    lua_pushlstring(L, (const char *)bytes, len_bytes);
    return 1;
}

void script_open_dbg(lua_State *L)
{
    static const luaL_Reg dbg[] = {
        {"break_in", verb_break_in},
        {"version", verb_version},
        {"context", verb_context},
        {"set_context", verb_set_context},
        {"control_space", verb_control_space},
        {"breakpoint", verb_breakpoint},
        {"remove_breakpoint", verb_remove_breakpoint},
        {"request", verb_request},
        {"reboot", verb_reboot},
        {"resync", verb_resync},
        {"raw", verb_raw},
        {"state", verb_state},
        {"settle", verb_settle},
        {"hold_loads", verb_hold_loads},
        {"put_file", verb_put_file},
        {"file", verb_file},
        {NULL, NULL},
    };
    static const luaL_Reg core[] = {
        {"read", core_read},
        {"write", core_write},
        {"read_physical", core_read_physical},
        {"write_physical", core_write_physical},
        {"continue", core_continue},
        {NULL, NULL},
    };
    static const luaL_Reg frame[] = {{"control", frame_control}, {"data", frame_data}, {NULL, NULL}};
    script_register(L, "dbg", dbg);
    script_register(L, "core", core);
    script_register(L, "frame", frame);
    lua_getglobal(L, "core");
    script_set_number(L, "data_bytes_max", DBG_DATA_BYTES_MAX);
    lua_pop(L, 1);
}
