#include "harness/timeline/timeline_words.h"
#include "harness/dbg/dbg_bytes.h"
#include "transport/kd/vm_message.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* The event being described, and what is needed to describe it. */
struct words {
    struct timeline_event *event;
    const struct timeline_symbols *symbols;
    enum dbg_arch arch;
    bool to_target;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
    char *detail = words->event->detail;
    size_t used = strlen(detail);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail + used, TIMELINE_DETAIL_BYTES - used, format, arguments);
    va_end(arguments);
}

/* A word of its own behind those before. */
static void say_space(struct words *words)
{
    if (words->event->detail[0] != 0)
        say(words, " ");
}

/* A second word of the name: what packets of this type are told apart by. */
static void name(struct words *words, const char *more)
{
    char *to = words->event->name;
    size_t used = strlen(to);
    snprintf(to + used, TIMELINE_NAME_BYTES - used, " %s", more);
}

/* ---- manipulate ---------------------------------------------------------------------------------------- */

enum form { FORM_COUNT, FORM_HEX, FORM_ADDRESS, FORM_PHYSICAL, FORM_FLAG };

/* A field of the union that is worth telling. */
struct shown {
    const char *name;
    uint32_t offset;
    uint32_t bytes;
    enum form form;
};

enum { SHOWN_FIELDS_MAX = 2 };

#define ADDRESS                                                                                              \
    {                                                                                                        \
        "addr", 0, 8, FORM_ADDRESS                                                                           \
    }
#define COUNT                                                                                                \
    {                                                                                                        \
        "count", 8, 4, FORM_COUNT                                                                            \
    }
#define ACTUAL                                                                                               \
    {                                                                                                        \
        "actual", 12, 4, FORM_COUNT                                                                          \
    }

/* kd-protocol.md 4.4 and its notes: of requests, and of replies that succeeded. */
static const struct {
    uint32_t api;
    struct shown request[SHOWN_FIELDS_MAX];
    struct shown reply[SHOWN_FIELDS_MAX];
} shown_by_api[] = {
    {DBG_API_READ_VIRTUAL, {ADDRESS, COUNT}, {ACTUAL}},
    {DBG_API_WRITE_VIRTUAL, {ADDRESS, COUNT}, {ACTUAL}},
    {DBG_API_READ_PHYSICAL, {{"addr", 0, 8, FORM_PHYSICAL}, COUNT}, {ACTUAL}},
    {DBG_API_WRITE_PHYSICAL, {{"addr", 0, 8, FORM_PHYSICAL}, COUNT}, {ACTUAL}},
    {DBG_API_READ_CONTROL_SPACE, {{"index", 0, 8, FORM_HEX}, COUNT}, {ACTUAL}},
    {DBG_API_WRITE_CONTROL_SPACE, {{"index", 0, 8, FORM_HEX}, COUNT}, {ACTUAL}},
    {DBG_API_GET_CONTEXT_EX,
     {{"offset", 0, 4, FORM_HEX}, {"count", 4, 4, FORM_COUNT}},
     {{"copied", 8, 4, FORM_COUNT}}},
    {DBG_API_SET_CONTEXT_EX,
     {{"offset", 0, 4, FORM_HEX}, {"count", 4, 4, FORM_COUNT}},
     {{"copied", 8, 4, FORM_COUNT}}},
    {DBG_API_WRITE_BREAKPOINT, {ADDRESS}, {{"handle", 8, 4, FORM_COUNT}}},
    {DBG_API_RESTORE_BREAKPOINT, {{"handle", 0, 4, FORM_COUNT}}, {{0}}},
    {DBG_API_CONTINUE2, {{"step", 4, 4, FORM_FLAG}}, {{0}}},
    {DBG_API_GET_VERSION, {{0}}, {{"build", 2, 2, FORM_COUNT}}},
    {DBG_API_READ_MSR, {{"msr", 0, 4, FORM_HEX}}, {{"low", 4, 4, FORM_HEX}, {"high", 8, 4, FORM_HEX}}},
    {DBG_API_WRITE_MSR, {{"msr", 0, 4, FORM_HEX}}, {{0}}},
    {DBG_API_SEARCH_MEMORY, {ADDRESS, {"length", 8, 8, FORM_HEX}}, {{"found", 0, 8, FORM_ADDRESS}}},
    {DBG_API_FILL_MEMORY, {ADDRESS, {"length", 8, 4, FORM_HEX}}, {{0}}},
    {DBG_API_QUERY_MEMORY, {ADDRESS}, {{"space", 16, 4, FORM_COUNT}}},
};

static void say_field(struct words *words, const struct shown *shown, uint64_t value)
{
    char text[TIMELINE_SYMBOL_BYTES];
    switch (shown->form) {
    case FORM_COUNT:
        say(words, "%s=%" PRIu64, shown->name, value);
        break;
    case FORM_HEX:
        say(words, "%s=0x%" PRIx64, shown->name, value);
        break;
    case FORM_ADDRESS:
        say(words, "%s=%s", shown->name, timeline_symbol(words->symbols, value, text));
        break;
    case FORM_PHYSICAL:
        say(words, "%s=%s", shown->name, timeline_symbol_physical(words->symbols, value, text));
        break;
    case FORM_FLAG:
        say(words, "%s", shown->name);
        break;
    }
}

static void say_fields(struct words *words, const struct dbg_reply *message, const struct shown *fields)
{
    for (unsigned i = 0; i < SHOWN_FIELDS_MAX && fields[i].name != NULL; i++) {
        uint64_t value = dbg_api_field(message, fields[i].offset, fields[i].bytes);
        if (fields[i].form == FORM_FLAG && value == 0)
            continue;
        say_space(words);
        say_field(words, &fields[i], value);
    }
}

static void say_manipulate(struct words *words, const uint8_t *body, uint32_t body_bytes)
{
    struct dbg_reply message;
    if (dbg_api_reply(body, body_bytes, &message) != KD_OK)
        return;
    name(words, dbg_api_name(message.api));
    if (!words->to_target && message.status == DBG_STATUS_SUCCESS)
        say(words, "-> ok");
    else if (!words->to_target)
        say(words, "-> %08" PRIX32, message.status);
    for (size_t i = 0; i < sizeof shown_by_api / sizeof *shown_by_api; i++) {
        if (shown_by_api[i].api != message.api)
            continue;
        if (words->to_target)
            say_fields(words, &message, shown_by_api[i].request);
        else if (message.status == DBG_STATUS_SUCCESS)
            say_fields(words, &message, shown_by_api[i].reply);
    }
    if (message.cpu != 0) {
        say_space(words);
        say(words, "cpu=%u", message.cpu);
    }
}

/* ---- what a target says by itself ---------------------------------------------------------------------- */

static const char *exception_name(uint32_t code)
{
    static const struct {
        uint32_t code;
        const char *name;
    } names[] = {
        {DBG_STATUS_BREAKPOINT, "breakpoint"},
        {DBG_STATUS_SINGLE_STEP, "single step"},
        {0xC0000005u, "access violation"},
        {0xC0000094u, "divide by zero"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return NULL;
}

static void say_exception(struct words *words, const struct dbg_state_change *change)
{
    char pc[TIMELINE_SYMBOL_BYTES];
    const char *known = exception_name(change->code);
    name(words, "exception");
    if (known != NULL)
        say(words, "%s", known);
    else
        say(words, "%08" PRIX32, change->code);
    say(words, " pc=%s", timeline_symbol(words->symbols, change->pc, pc));
    if (change->cpu != 0)
        say(words, " cpu=%u", change->cpu);
}

/* The file's name alone: paths are long, and the folder is always the same. */
static void say_load(struct words *words, const struct dbg_state_change *change)
{
    uint32_t first = change->path_bytes;
    while (first > 0 && change->path[first - 1] != '\\')
        first--;
    name(words, change->unload ? "unload_symbols" : "load_symbols");
    if (change->going_down)
        say(words, "shutting down");
    else if (change->path_bytes > 0)
        say(words, "%.*s", (int)(change->path_bytes - first), change->path + first);
}

static void say_state_change(struct words *words, const uint8_t *body, uint32_t body_bytes)
{
    struct dbg_state_change change;
    if (dbg_api_state_change(words->arch, body, body_bytes, &change) != KD_OK)
        return;
    if (change.state == DBG_STATE_EXCEPTION)
        say_exception(words, &change);
    else if (change.state == DBG_STATE_LOAD_SYMBOLS)
        say_load(words, &change);
    else
        name(words, "command_string");
}

static void say_debug_io(struct words *words, const uint8_t *body, uint32_t body_bytes)
{
    enum { SHOWN_MAX = 60 };
    struct dbg_debug_io io;
    if (dbg_api_debug_io(body, body_bytes, &io) != KD_OK)
        return;
    name(words, io.api == DBG_IO_PRINT ? "print" : "prompt");
    say(words, "\"");
    for (uint32_t i = 0; i < io.text_bytes && i < SHOWN_MAX; i++) {
        if (io.text[i] == '\n')
            say(words, "\\n");
        else
            say(words, "%c", io.text[i] == 0 ? '?' : io.text[i]);
    }
    say(words, io.text_bytes > SHOWN_MAX ? "...\"" : "\"");
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* As scenarios write it: relative to the initial id (kd-protocol.md 2.3). RESET and RESEND have none. */
static void id_text(struct timeline_event *event, const struct dbg_frame *frame)
{
    uint32_t id = frame->id & ~DBG_ID_SYNC;
    const char *sync = frame->id & DBG_ID_SYNC && !frame->control ? "+sync" : "";
    if (frame->control && frame->id == 0)
        return;
    if (id - DBG_ID_INITIAL <= 1)
        snprintf(event->id, sizeof event->id, "id=%" PRIu32 "%s", id - DBG_ID_INITIAL, sync);
    else
        snprintf(event->id, sizeof event->id, "id=%" PRIX32 "%s", id, sync);
}

void timeline_words_frame(struct timeline_event *event, const struct timeline_symbols *symbols,
                          enum dbg_arch arch, bool to_target, const struct dbg_frame *frame)
{
    static const struct {
        uint16_t type;
        void (*say)(struct words *words, const uint8_t *body, uint32_t body_bytes);
    } families[] = {
        {DBG_TYPE_STATE_CHANGE64, say_state_change},
        {DBG_TYPE_MANIPULATE, say_manipulate},
        {DBG_TYPE_DEBUG_IO, say_debug_io},
    };
    struct words words = {event, symbols, arch, to_target};
    snprintf(event->name, sizeof event->name, "%s", dbg_type_name(frame->type));
    id_text(event, frame);
    if (frame->control)
        return;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i].type == frame->type)
            families[i].say(&words, frame->body, frame->body_bytes);
    if (!frame->good) {
        say_space(&words);
        say(&words, "bad checksum");
    }
}

/* ---- RPC messages -------------------------------------------------------------------------------------- */

static const char *const kind_names[] = {[VM_HELLO] = "hello",
                                         [VM_SEND] = "send",
                                         [VM_RECEIVE] = "receive",
                                         [VM_POLL] = "poll",
                                         [VM_RESUME] = "resume"};
static const char *const result_names[] = {
    [VM_DONE] = "done",           [VM_TIMEOUT] = "timeout", [VM_RESEND] = "resend",  [VM_PENDING] = "pending",
    [VM_ABANDONED] = "abandoned", [VM_STALE] = "stale",     [VM_REFUSED] = "refused"};

#define NAME_OF(names, number) ((number) < sizeof(names) / sizeof *(names) ? (names)[number] : NULL)

const char *timeline_words_request(unsigned kind)
{
    const char *known = NAME_OF(kind_names, kind);
    return known != NULL ? known : "a message";
}

static void set_name(struct words *words, const char *word)
{
    snprintf(words->event->name, TIMELINE_NAME_BYTES, "%s", word != NULL ? word : "a bad message");
}

static void say_request(struct words *words, const struct vm_request *request)
{
    set_name(words, timeline_words_request(request->kind));
    if (request->kind == VM_SEND)
        name(words, dbg_type_name(request->packet.type));
    if (request->kind == VM_RECEIVE)
        name(words, dbg_type_name(request->next.type));
    if (request->flags & VM_FLAG_WANT_NEXT)
        say(words, "+ wait");
}

/* A request by what it asks for. */
static const char *packet_name(const struct kd_packet *packet)
{
    if (packet->type == DBG_TYPE_MANIPULATE && packet->header.len_bytes >= sizeof(uint32_t))
        return dbg_api_name((uint32_t)dbg_get(packet->header.bytes, sizeof(uint32_t)));
    return dbg_type_name(packet->type);
}

static void say_reply(struct words *words, const struct vm_reply *reply)
{
    set_name(words, NAME_OF(result_names, reply->result));
    if (reply->flags & VM_REPLY_PACKET)
        say(words, "+ %s", packet_name(&reply->packet));
    if (reply->flags & VM_REPLY_RESEND_NEXT)
        say(words, "+ resend");
    if (reply->flags & VM_REPLY_BREAK_IN) {
        say_space(words);
        say(words, "+ break-in");
    }
}

void timeline_words_rpc(struct timeline_event *event, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    struct words words = {.event = event};
    struct vm_request request;
    struct vm_reply reply;
    set_name(&words, NULL);
    if (!is_reply && vm_request_load(&request, bytes, len_bytes) == KD_OK)
        say_request(&words, &request);
    else if (is_reply && vm_reply_load(&reply, bytes, len_bytes) == KD_OK)
        say_reply(&words, &reply);
}
