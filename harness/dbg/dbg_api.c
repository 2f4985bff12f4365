/* The tables of types and requests, and the bodies of requests and replies (kd-protocol.md 4.3 to 4.5). */
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include <string.h>

enum { UNION_OFFSET = 16, PROCESSOR_LEVEL = 6 /* any i686 or later; the target answers with its own */ };

static const struct {
    uint16_t type;
    const char *name;
} types[] = {
#define DBG_TYPE_ROW(name, value, text) {name, text},
    DBG_TYPE_LIST(DBG_TYPE_ROW)
#undef DBG_TYPE_ROW
};

static const struct {
    uint32_t api;
    const char *name;
    enum dbg_answer answer;
} apis[] = {
#define DBG_API_ROW(name, value, text, answer) {name, text, DBG_ANSWER_##answer},
    DBG_API_LIST(DBG_API_ROW)
#undef DBG_API_ROW
};

enum { TYPES = sizeof types / sizeof *types, APIS = sizeof apis / sizeof *apis };

const char *dbg_type_name(uint16_t type)
{
    for (unsigned i = 0; i < TYPES; i++)
        if (types[i].type == type)
            return types[i].name;
    return "type_?";
}

enum kd_status dbg_type_find(const char *name, uint16_t *type)
{
    for (unsigned i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *type = types[i].type;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

const char *dbg_api_name(uint32_t api)
{
    for (unsigned i = 0; i < APIS; i++)
        if (apis[i].api == api)
            return apis[i].name;
    return "api_?";
}

enum kd_status dbg_api_find(const char *name, uint32_t *api)
{
    for (unsigned i = 0; i < APIS; i++) {
        if (strcmp(apis[i].name, name) == 0) {
            *api = apis[i].api;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

enum dbg_answer dbg_api_answer(uint32_t api)
{
    for (unsigned i = 0; i < APIS; i++)
        if (apis[i].api == api)
            return apis[i].answer;
    return DBG_ANSWER_REPLY;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

void dbg_api_begin(struct dbg_request *request, uint32_t api, uint16_t cpu)
{
    request->body_bytes = DBG_MANIPULATE_BYTES;
    memset(request->body, 0, DBG_MANIPULATE_BYTES);
    dbg_put(request->body, 4, api);
    dbg_put(request->body + 4, 2, PROCESSOR_LEVEL);
    dbg_put(request->body + 6, 2, cpu);
}

enum kd_status dbg_api_put(struct dbg_request *request, uint32_t union_offset, uint32_t field_bytes,
                           uint64_t value)
{
    if (field_bytes > 8 || union_offset > DBG_UNION_BYTES || union_offset + field_bytes > DBG_UNION_BYTES)
        return KD_ERR_ARGUMENT;
    dbg_put(request->body + UNION_OFFSET + union_offset, field_bytes, value);
    return KD_OK;
}

enum kd_status dbg_api_append(struct dbg_request *request, const uint8_t *data, size_t data_bytes)
{
    if (data_bytes > DBG_BODY_BYTES_MAX - request->body_bytes)
        return KD_ERR_TOO_BIG;
    if (data_bytes > 0)
        memcpy(request->body + request->body_bytes, data, data_bytes);
    request->body_bytes += (uint32_t)data_bytes;
    return KD_OK;
}

/* For the builders below, whose offsets are constants inside the union. */
static void put32(struct dbg_request *request, uint32_t union_offset, uint32_t value)
{
    dbg_put(request->body + UNION_OFFSET + union_offset, 4, value);
}

static void put64(struct dbg_request *request, uint32_t union_offset, uint64_t value)
{
    dbg_put(request->body + UNION_OFFSET + union_offset, 8, value);
}

/* Memory, physical memory and control space share a shape: u64 where@0, u32 count@8. */
static void begin_transfer(struct dbg_request *request, uint32_t api, uint16_t cpu, uint64_t where,
                           uint32_t count)
{
    dbg_api_begin(request, api, cpu);
    put64(request, 0, where);
    put32(request, 8, count);
}

void dbg_api_get_version(struct dbg_request *request)
{
    dbg_api_begin(request, DBG_API_GET_VERSION, 0);
}

void dbg_api_read_virtual(struct dbg_request *request, uint16_t cpu, uint64_t address, uint32_t count)
{
    begin_transfer(request, DBG_API_READ_VIRTUAL, cpu, address, count);
}

enum kd_status dbg_api_write_virtual(struct dbg_request *request, uint16_t cpu, uint64_t address,
                                     const uint8_t *data, size_t data_bytes)
{
    begin_transfer(request, DBG_API_WRITE_VIRTUAL, cpu, address, (uint32_t)data_bytes);
    return dbg_api_append(request, data, data_bytes);
}

void dbg_api_read_physical(struct dbg_request *request, uint64_t address, uint32_t count, uint32_t cache)
{
    begin_transfer(request, DBG_API_READ_PHYSICAL, 0, address, count);
    put32(request, 12, cache);
}

enum kd_status dbg_api_write_physical(struct dbg_request *request, uint64_t address, uint32_t cache,
                                      const uint8_t *data, size_t data_bytes)
{
    begin_transfer(request, DBG_API_WRITE_PHYSICAL, 0, address, (uint32_t)data_bytes);
    put32(request, 12, cache);
    return dbg_api_append(request, data, data_bytes);
}

void dbg_api_get_context(struct dbg_request *request, uint16_t cpu)
{
    dbg_api_begin(request, DBG_API_GET_CONTEXT, cpu);
}

enum kd_status dbg_api_set_context(struct dbg_request *request, uint16_t cpu, uint32_t context_flags,
                                   const uint8_t *context, size_t context_bytes)
{
    dbg_api_begin(request, DBG_API_SET_CONTEXT, cpu);
    put32(request, 0, context_flags);
    return dbg_api_append(request, context, context_bytes);
}

void dbg_api_get_context_ex(struct dbg_request *request, uint16_t cpu, uint32_t offset, uint32_t count)
{
    dbg_api_begin(request, DBG_API_GET_CONTEXT_EX, cpu);
    put32(request, 0, offset);
    put32(request, 4, count);
}

void dbg_api_read_control_space(struct dbg_request *request, uint16_t cpu, uint64_t index, uint32_t count)
{
    begin_transfer(request, DBG_API_READ_CONTROL_SPACE, cpu, index, count);
}

void dbg_api_write_breakpoint(struct dbg_request *request, uint64_t address)
{
    dbg_api_begin(request, DBG_API_WRITE_BREAKPOINT, 0);
    put64(request, 0, address);
}

void dbg_api_restore_breakpoint(struct dbg_request *request, uint32_t handle)
{
    dbg_api_begin(request, DBG_API_RESTORE_BREAKPOINT, 0);
    put32(request, 0, handle);
}

void dbg_api_continue(struct dbg_request *request, uint32_t continue_status)
{
    dbg_api_begin(request, DBG_API_CONTINUE, 0);
    put32(request, 0, continue_status);
}

void dbg_api_continue2(struct dbg_request *request, enum dbg_arch arch, uint16_t cpu,
                       uint32_t continue_status, const struct dbg_control_set *control)
{
    dbg_api_begin(request, DBG_API_CONTINUE2, cpu);
    put32(request, 0, continue_status);
    put32(request, 4, control->trace);
    if (arch == DBG_X86) {
        put32(request, 8, (uint32_t)control->dr7);
        put32(request, 12, (uint32_t)control->symbol_start);
        put32(request, 16, (uint32_t)control->symbol_end);
    } else {
        put64(request, 8, control->dr7);
        put64(request, 16, control->symbol_start);
        put64(request, 24, control->symbol_end);
    }
}

void dbg_api_reboot(struct dbg_request *request)
{
    dbg_api_begin(request, DBG_API_REBOOT, 0);
}

void dbg_api_clear_internal_breakpoints(struct dbg_request *request)
{
    dbg_api_begin(request, DBG_API_CLEAR_INTERNAL_BREAKPOINTS, 0);
}

void dbg_api_switch_processor(struct dbg_request *request, uint16_t cpu)
{
    dbg_api_begin(request, DBG_API_SWITCH_PROCESSOR, cpu);
}

void dbg_api_query_memory(struct dbg_request *request, uint64_t address)
{
    dbg_api_begin(request, DBG_API_QUERY_MEMORY, 0);
    put64(request, 0, address);
}

/* ---- replies ------------------------------------------------------------------------------------------- */

enum kd_status dbg_api_reply(const uint8_t *body, uint32_t body_bytes, struct dbg_reply *reply)
{
    if (body_bytes < DBG_MANIPULATE_BYTES)
        return KD_ERR_BAD_MESSAGE;
    *reply = (struct dbg_reply){.api = dbg_get32(body),
                                .level = dbg_get16(body + 4),
                                .cpu = dbg_get16(body + 6),
                                .status = dbg_get32(body + 8),
                                .fields = body + UNION_OFFSET,
                                .data = body + DBG_MANIPULATE_BYTES,
                                .data_bytes = body_bytes - DBG_MANIPULATE_BYTES};
    return KD_OK;
}

uint64_t dbg_api_field(const struct dbg_reply *reply, uint32_t union_offset, uint32_t field_bytes)
{
    if (field_bytes > 8 || union_offset > DBG_UNION_BYTES || union_offset + field_bytes > DBG_UNION_BYTES)
        return 0;
    return dbg_get(reply->fields + union_offset, field_bytes);
}

static uint32_t field32(const struct dbg_reply *reply, uint32_t union_offset)
{
    return dbg_get32(reply->fields + union_offset);
}

/* Where a reply says how much was transferred, and whether that much data comes with it. */
static const struct transfer {
    uint32_t api;
    uint32_t actual_offset;
    bool carries_data;
} transfers[] = {
    {DBG_API_READ_VIRTUAL, 12, true},       {DBG_API_WRITE_VIRTUAL, 12, false},
    {DBG_API_READ_PHYSICAL, 12, true},      {DBG_API_WRITE_PHYSICAL, 12, false},
    {DBG_API_READ_CONTROL_SPACE, 12, true}, {DBG_API_WRITE_CONTROL_SPACE, 12, false},
    {DBG_API_GET_CONTEXT_EX, 8, true},      {DBG_API_SET_CONTEXT_EX, 8, false},
    {DBG_API_GET_BUS_DATA, 16, true},       {DBG_API_SET_BUS_DATA, 16, false},
};

enum kd_status dbg_api_transfer(const struct dbg_reply *reply, uint32_t *actual)
{
    for (unsigned i = 0; i < sizeof transfers / sizeof *transfers; i++) {
        if (transfers[i].api != reply->api)
            continue;
        *actual = field32(reply, transfers[i].actual_offset);
        return transfers[i].carries_data && *actual != reply->data_bytes ? KD_ERR_BAD_MESSAGE : KD_OK;
    }
    return KD_ERR_BAD_MESSAGE;
}

enum kd_status dbg_api_breakpoint(const struct dbg_reply *reply, uint32_t *handle)
{
    if (reply->api != DBG_API_WRITE_BREAKPOINT)
        return KD_ERR_BAD_MESSAGE;
    *handle = field32(reply, 8);
    bool valid = *handle >= 1 && *handle <= DBG_BREAKPOINTS_MAX;
    return reply->status == DBG_STATUS_SUCCESS && !valid ? KD_ERR_BAD_MESSAGE : KD_OK;
}

enum kd_status dbg_api_version(const struct dbg_reply *reply, struct dbg_version *version)
{
    if (reply->api != DBG_API_GET_VERSION)
        return KD_ERR_BAD_MESSAGE;
    const uint8_t *at = reply->fields;
    *version = (struct dbg_version){.major = dbg_get16(at),
                                    .minor = dbg_get16(at + 2),
                                    .protocol = at[4],
                                    .secondary = at[5],
                                    .flags = dbg_get16(at + 6),
                                    .machine = dbg_get16(at + 8),
                                    .max_packet_type = at[10],
                                    .max_state_change = at[11],
                                    .max_manipulate = at[12],
                                    .simulation = at[13],
                                    .kernel_base = dbg_get(at + 16, 8),
                                    .module_list = dbg_get(at + 24, 8),
                                    .debugger_data_list = dbg_get(at + 32, 8)};
    return KD_OK;
}
