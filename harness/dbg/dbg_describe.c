/* One message as one line for people: what failure messages and traces say. */
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A line under construction; what does not fit is cut. */
struct line {
    char *text;
    size_t room;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *line, const char *format, ...)
{
    if (line->len >= line->room)
        return;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line->text + line->len, line->room - line->len, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        line->len += (size_t)wanted;
}

/* Text of the target, quoted; anything unprintable is escaped, a long text cut. */
static void say_quoted(struct line *line, const char *text, size_t text_bytes)
{
    enum { SHOWN_MAX = 48 };
    say(line, " \"");
    for (size_t i = 0; i < text_bytes && i < SHOWN_MAX; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '\n')
            say(line, "\\n");
        else if (byte < 0x20 || byte > 0x7E || byte == '"')
            say(line, "\\x%02x", byte);
        else
            say(line, "%c", byte);
    }
    say(line, "\"");
    if (text_bytes > SHOWN_MAX)
        say(line, "... of %zu", text_bytes);
}

static void say_state_change(struct line *line, const uint8_t *body, uint32_t body_bytes)
{
    uint32_t state = dbg_get32(body) & 0xFFFF;
    uint16_t cpu = dbg_get16(body + 6);
    if (state == DBG_STATE_EXCEPTION) {
        say(line, " exception %08" PRIx32 " cpu=%u pc=%016" PRIx64, dbg_get32(body + 32), cpu,
            dbg_get(body + 24, 8));
    } else if (state == DBG_STATE_LOAD_SYMBOLS) {
        say(line, " %s_symbols base=%016" PRIx64, body[64] != 0 ? "unload" : "load", dbg_get(body + 40, 8));
        if (body_bytes > DBG_STATE_CHANGE_BYTES)
            say_quoted(line, (const char *)body + DBG_STATE_CHANGE_BYTES,
                       body_bytes - DBG_STATE_CHANGE_BYTES - 1);
    } else if (state == DBG_STATE_COMMAND_STRING) {
        say(line, " command_string");
    } else {
        say(line, " state %" PRIx32 "?", dbg_get32(body));
    }
}

/* What is worth showing of a request's union: its fields by offset and width. */
struct shown {
    const char *name;
    uint32_t offset;
    uint32_t bytes;
};
enum { SHOWN_FIELDS_MAX = 3 };
static const struct {
    uint32_t api;
    struct shown fields[SHOWN_FIELDS_MAX];
} shown_by_api[] = {
    {DBG_API_READ_VIRTUAL, {{"addr", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_WRITE_VIRTUAL, {{"addr", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_READ_PHYSICAL, {{"addr", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_WRITE_PHYSICAL, {{"addr", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_READ_CONTROL_SPACE, {{"index", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_WRITE_CONTROL_SPACE, {{"index", 0, 8}, {"count", 8, 4}, {"actual", 12, 4}}},
    {DBG_API_SET_CONTEXT, {{"flags", 0, 4}}},
    {DBG_API_GET_CONTEXT_EX, {{"offset", 0, 4}, {"count", 4, 4}, {"copied", 8, 4}}},
    {DBG_API_SET_CONTEXT_EX, {{"offset", 0, 4}, {"count", 4, 4}, {"copied", 8, 4}}},
    {DBG_API_WRITE_BREAKPOINT, {{"addr", 0, 8}, {"handle", 8, 4}}},
    {DBG_API_RESTORE_BREAKPOINT, {{"handle", 0, 4}}},
    {DBG_API_CONTINUE, {{"continue", 0, 4}}},
    {DBG_API_CONTINUE2, {{"continue", 0, 4}, {"trace", 4, 4}}},
    {DBG_API_READ_IO_SPACE, {{"port", 0, 8}, {"size", 8, 4}, {"value", 12, 4}}},
    {DBG_API_WRITE_IO_SPACE, {{"port", 0, 8}, {"size", 8, 4}, {"value", 12, 4}}},
    {DBG_API_GET_VERSION, {{"build", 2, 2}, {"machine", 8, 2}}},
    {DBG_API_READ_MSR, {{"msr", 0, 4}, {"low", 4, 4}, {"high", 8, 4}}},
    {DBG_API_WRITE_MSR, {{"msr", 0, 4}, {"low", 4, 4}, {"high", 8, 4}}},
    {DBG_API_SEARCH_MEMORY, {{"addr", 0, 8}, {"length", 8, 8}}},
    {DBG_API_FILL_MEMORY, {{"addr", 0, 8}, {"length", 8, 4}}},
    {DBG_API_QUERY_MEMORY, {{"addr", 0, 8}, {"space", 16, 4}, {"flags", 20, 4}}},
};

static void say_manipulate(struct line *line, const uint8_t *body, uint32_t body_bytes)
{
    struct dbg_reply message;
    if (dbg_api_reply(body, body_bytes, &message) != KD_OK)
        return;
    say(line, " %s", dbg_api_name(message.api));
    if (dbg_api_find(dbg_api_name(message.api), &(uint32_t){0}) != KD_OK)
        say(line, " %" PRIx32, message.api);
    for (size_t i = 0; i < sizeof shown_by_api / sizeof *shown_by_api; i++) {
        const struct shown *fields = shown_by_api[i].fields;
        for (unsigned f = 0; shown_by_api[i].api == message.api && f < SHOWN_FIELDS_MAX && fields[f].name;
             f++)
            say(line, " %s=%" PRIx64, fields[f].name,
                dbg_api_field(&message, fields[f].offset, fields[f].bytes));
    }
    say(line, " cpu=%u status=%08" PRIx32, message.cpu, message.status);
    if (message.data_bytes > 0)
        say(line, " +%" PRIu32 " bytes", message.data_bytes);
}

static void say_debug_io(struct line *line, const uint8_t *body, uint32_t body_bytes)
{
    uint32_t api = dbg_get32(body);
    if (api == DBG_IO_PRINT)
        say(line, " print");
    else if (api == DBG_IO_PROMPT)
        say(line, " prompt room=%" PRIu32, dbg_get32(body + 12));
    else
        say(line, " api %" PRIx32 "?", api);
    say_quoted(line, (const char *)body + DBG_DEBUG_IO_BYTES, body_bytes - DBG_DEBUG_IO_BYTES);
}

static void say_file_io(struct line *line, const uint8_t *body, uint32_t body_bytes)
{
    static const char *const names[] = {"create", "read", "write", "close"};
    uint32_t api = dbg_get32(body);
    bool known = api >= DBG_FILE_CREATE && api <= DBG_FILE_CLOSE;
    say(line, " %s status=%08" PRIx32 " +%" PRIu32 " bytes", known ? names[api - DBG_FILE_CREATE] : "api?",
        dbg_get32(body + 4), body_bytes - DBG_FILE_IO_BYTES);
}

const char *dbg_describe(uint16_t type, const uint8_t *body, uint32_t body_bytes, char *text,
                         size_t text_bytes)
{
    static const struct {
        uint16_t type;
        uint32_t header_bytes;
        void (*say)(struct line *line, const uint8_t *body, uint32_t body_bytes);
    } families[] = {
        {DBG_TYPE_STATE_CHANGE64, DBG_STATE_CHANGE_BYTES, say_state_change},
        {DBG_TYPE_MANIPULATE, DBG_MANIPULATE_BYTES, say_manipulate},
        {DBG_TYPE_DEBUG_IO, DBG_DEBUG_IO_BYTES, say_debug_io},
        {DBG_TYPE_FILE_IO, DBG_FILE_IO_BYTES, say_file_io},
    };
    struct line line = {text, text_bytes, 0};
    if (text_bytes > 0)
        text[0] = '\0';
    say(&line, "%s", dbg_type_name(type));
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (families[i].type != type)
            continue;
        if (body_bytes < families[i].header_bytes)
            say(&line, " too short: %" PRIu32 " bytes", body_bytes);
        else
            families[i].say(&line, body, body_bytes);
        return text;
    }
    say(&line, " %" PRIu32 " bytes", body_bytes);
    return text;
}
