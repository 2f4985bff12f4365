#include "harness/script/script_wire.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- times --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double ns;
} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

/* "10ms" or "0"; *text moves behind it. */
static bool parse_time(const char **text, uint64_t *ns)
{
    char *end;
    double number = strtod(*text, &end);
    if (end == *text || number < 0 || number > 1e9)
        return false;
    *text = end;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);
        if (strncmp(end, units[i].name, length) == 0) {
            *ns = (uint64_t)(number * units[i].ns + 0.5);
            *text = end + length;
            return true;
        }
    }
    *ns = 0;
    return number == 0;
}

/* "*", "+T" or "+A..B". strtod would read "0." out of "0..5ms", so the dots are cut first. */
static bool parse_when(const char *word, struct wire_step *step)
{
    if (strcmp(word, "*") == 0) {
        step->any_time = true;
        return true;
    }
    if (word[0] != '+')
        return false;
    char first[64];
    const char *dots = strstr(word, "..");
    size_t length = dots != NULL ? (size_t)(dots - word - 1) : strlen(word) - 1;
    if (length >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)length, word + 1);
    const char *at = first;
    if (!parse_time(&at, &step->from_ns) || *at != 0)
        return false;
    step->to_ns = step->from_ns;
    if (dots == NULL)
        return true;
    at = dots + 2;
    return parse_time(&at, &step->to_ns) && *at == 0 && step->to_ns >= step->from_ns;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

/* Cuts a comment off, but not inside a quoted text. */
static void cut_comment(char *line)
{
    bool quoted = false;
    for (; *line != 0; line++) {
        quoted ^= *line == '"';
        if (!quoted && (*line == '#' || (line[0] == '-' && line[1] == '-'))) {
            *line = 0;
            return;
        }
    }
}

/* Splits at blanks; a quoted text is one word that keeps its first quote. Returns false when there are too many. */
static bool split(struct wire_step *step)
{
    for (char *line = step->words;;) {
        line += strspn(line, " \t\r");
        if (*line == 0)
            return true;
        if (step->word_count == WIRE_WORDS_MAX)
            return false;
        step->word[step->word_count++] = (uint16_t)(line - step->words);
        line += *line == '"' ? 1 + strcspn(line + 1, "\"") : strcspn(line, " \t\r");
        if (*line != 0)
            *line++ = 0;
    }
}

static const char *word_at(const struct wire_step *step, unsigned index)
{
    return step->words + step->word[index];
}

static void join(struct wire_step *step)
{
    size_t used = 0;
    for (unsigned i = 0; i < step->word_count; i++) {
        const char *word = word_at(step, i);
        used += (size_t)snprintf(step->text + used, sizeof step->text - used, "%s%s%s", i == 0 ? "" : " ", word,
                                 word[0] == '"' ? "\"" : "");
        if (used >= sizeof step->text)
            return;
    }
}

static void drop_first_words(struct wire_step *step, unsigned count)
{
    step->word_count -= count;
    memmove(step->word, step->word + count, step->word_count * sizeof *step->word);
}

static bool known_packet(const char *name)
{
    uint16_t type;
    return strcmp(name, "break_in") == 0 || strcmp(name, "raw") == 0 || dbg_type_find(name, &type) == KD_OK;
}

static bool parse_line(struct wire_step *step, char *why)
{
    if (!split(step)) {
        snprintf(why, LAB_WHY_BYTES, "more than %d words", WIRE_WORDS_MAX);
        return false;
    }
    if (step->word_count == 1 && strcmp(word_at(step, 0), "...") == 0) {
        step->kind = WIRE_ANY;
        return true;
    }
    if (step->word_count < 3 || !parse_when(word_at(step, 0), step) ||
        (strcmp(word_at(step, 1), ">") != 0 && strcmp(word_at(step, 1), "<") != 0)) {
        snprintf(why, LAB_WHY_BYTES, "expected TIME > PACKET or TIME < PACKET, with TIME like +0, +1s, +0..10ms or *");
        return false;
    }
    step->kind = word_at(step, 1)[0] == '>' ? WIRE_EXPECT : WIRE_PLAY;
    drop_first_words(step, 2);
    if (!known_packet(word_at(step, 0))) {
        snprintf(why, LAB_WHY_BYTES, "no packet is called '%s'", word_at(step, 0));
        return false;
    }
    join(step);
    return true;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == 0;
}

static struct wire_step *add_step(struct wire *wire)
{
    wire->steps = sim_grow(wire->steps, &wire->room, wire->count + 1, sizeof *wire->steps);
    wire->steps[wire->count] = (struct wire_step){0};
    return &wire->steps[wire->count++];
}

struct wire *script_wire_parse(const char *text, char *why, unsigned *line)
{
    struct wire *wire = sim_allocate(1, sizeof *wire);
    for (*line = 0; text != NULL; (*line)++) {
        const char *end = strchr(text, '\n');
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        char buffer[WIRE_TEXT_BYTES];
        snprintf(buffer, sizeof buffer, "%.*s", (int)length, text);
        cut_comment(buffer);
        text = end != NULL ? end + 1 : NULL;
        if (is_blank(buffer))
            continue;
        struct wire_step *step = add_step(wire);
        step->line = *line;
        memcpy(step->words, buffer, sizeof buffer);
        if (!parse_line(step, why)) {
            script_wire_free(wire);
            return NULL;
        }
        wire->plays = wire->plays || step->kind == WIRE_PLAY;
    }
    return wire;
}

void script_wire_free(struct wire *wire)
{
    if (wire == NULL)
        return;
    free(wire->steps);
    free(wire);
}

/* ---- frames and words ---------------------------------------------------------------------------------------- */

static void id_text(uint32_t id, char *text, size_t text_bytes)
{
    uint32_t relative = (id & ~DBG_ID_SYNC) - DBG_ID_INITIAL;
    if (relative > 1)
        snprintf(text, text_bytes, "0x%08" PRIX32, id);
    else
        snprintf(text, text_bytes, "%" PRIu32 "%s", relative, id & DBG_ID_SYNC ? "+sync" : "");
}

/* "0", "1+sync", or a number as it is on the wire. */
static bool parse_id(const char *text, uint32_t *id)
{
    char *end;
    unsigned long number = strtoul(text, &end, 0);
    bool sync = strcmp(end, "+sync") == 0;
    *id = (uint32_t)(number <= 1 ? DBG_ID_INITIAL + number : number) | (sync ? DBG_ID_SYNC : 0);
    return end != text && number <= UINT32_MAX && (*end == 0 || sync);
}

const char *script_wire_text(const struct lab_frame *frame, char *text, size_t text_bytes)
{
    char id[24], body[DBG_DESCRIBE_BYTES];
    id_text(frame->id, id, sizeof id);
    if (frame->control)
        snprintf(body, sizeof body, "%s", dbg_type_name(frame->body.type));
    else
        dbg_describe(frame->body.type, frame->body.bytes, frame->body.len_bytes, body, sizeof body);
    snprintf(text, text_bytes, "%s id=%s%s", body, id, frame->good ? "" : " bad");
    return text;
}

static bool body_contains(const struct lab_bytes *body, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at + length <= body->len_bytes; at++)
        if (memcmp(body->bytes + at, text, length) == 0)
            return true;
    return false;
}

/* As a whole word of the description, between blanks. */
static bool has_word(const char *description, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = description; (at = strstr(at, word)) != NULL; at++)
        if ((at == description || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
            return true;
    return false;
}

static bool id_matches(const char *wanted, uint32_t id)
{
    uint32_t parsed;
    return strcmp(wanted, "...") == 0 || (parse_id(wanted, &parsed) && parsed == id);
}

bool script_wire_matches(const struct wire_step *step, const struct lab_frame *frame)
{
    char description[DBG_DESCRIBE_BYTES + 40];
    bool may_be_bad = false;
    script_wire_text(frame, description, sizeof description);
    for (unsigned i = 0; i < step->word_count; i++) {
        const char *word = word_at(step, i);
        may_be_bad = may_be_bad || strcmp(word, "bad") == 0;
        if (strncmp(word, "id=", 3) == 0 ? !id_matches(word + 3, frame->id)
            : word[0] == '"'             ? !body_contains(&frame->body, word + 1)
                                         : !has_word(description, word))
            return false;
    }
    return frame->good || may_be_bad;
}

/* ---- frames to play ------------------------------------------------------------------------------------------ */

/* The value of key=value, NULL when no word has the key. */
static const char *value_of(const struct wire_step *step, const char *key)
{
    size_t length = strlen(key);
    for (unsigned i = 0; i < step->word_count; i++)
        if (strncmp(word_at(step, i), key, length) == 0 && word_at(step, i)[length] == '=')
            return word_at(step, i) + length + 1;
    return NULL;
}

static uint64_t number_of(const struct wire_step *step, const char *key)
{
    const char *value = value_of(step, key);
    return value == NULL ? 0 : strtoull(value, NULL, 0);
}

static bool has_flag(const struct wire_step *step, const char *flag)
{
    for (unsigned i = 1; i < step->word_count; i++)
        if (strcmp(word_at(step, i), flag) == 0)
            return true;
    return false;
}

/* Hex digits, two a byte. Returns how many bytes, or -1. */
static int parse_hex(const char *text, uint8_t *to, size_t room)
{
    size_t count = 0;
    for (; *text != 0; text += 2, count++) {
        unsigned byte;
        if (count == room || sscanf(text, "%2x", &byte) != 1 || text[1] == 0)
            return -1;
        to[count] = (uint8_t)byte;
    }
    return (int)count;
}

static bool raw_bytes(const struct wire_step *step, uint8_t *to, size_t *len_bytes)
{
    *len_bytes = 0;
    for (unsigned i = 1; i < step->word_count; i++) {
        int got = parse_hex(word_at(step, i), to + *len_bytes, DBG_FRAME_BYTES_MAX - *len_bytes);
        if (got < 0)
            return false;
        *len_bytes += (size_t)got;
    }
    return *len_bytes > 0;
}

/* A request by the name of its api; address= and count= go where reads and writes of memory have them (4.4). */
static bool manipulate_body(const struct wire_step *step, enum dbg_arch arch, struct dbg_request *request)
{
    uint32_t api;
    uint16_t cpu = (uint16_t)number_of(step, "cpu");
    if (step->word_count < 2 || dbg_api_find(word_at(step, 1), &api) != KD_OK)
        return false;
    if (api == DBG_API_CONTINUE) {
        dbg_api_continue(request, DBG_CONTINUE);
        return true;
    }
    if (api == DBG_API_CONTINUE2) {
        struct dbg_control_set go = {.trace = has_flag(step, "trace"), .dr7 = 0x400};
        dbg_api_continue2(request, arch, cpu, DBG_CONTINUE, &go);
        return true;
    }
    dbg_api_begin(request, api, cpu);
    return (value_of(step, "address") == NULL || dbg_api_put(request, 0, 8, number_of(step, "address")) == KD_OK) &&
           (value_of(step, "count") == NULL || dbg_api_put(request, 8, 4, number_of(step, "count")) == KD_OK);
}

static bool data_body(const struct wire_step *step, enum dbg_arch arch, struct dbg_request *request)
{
    request->body_bytes = 0;
    if (strcmp(word_at(step, 0), "manipulate") == 0 && !manipulate_body(step, arch, request))
        return false;
    uint8_t data[WIRE_TEXT_BYTES];
    const char *hex = value_of(step, "data");
    int data_bytes = hex == NULL ? 0 : parse_hex(hex, data, sizeof data);
    return data_bytes >= 0 && dbg_api_append(request, data, (size_t)data_bytes) == KD_OK;
}

static enum kd_status refuse(const struct wire_step *step, const char *expected, char *why)
{
    snprintf(why, LAB_WHY_BYTES, "'%.90s' cannot be played: expected %s", step->text, expected);
    return KD_ERR_ARGUMENT;
}

enum kd_status script_wire_bytes(const struct wire_step *step, enum dbg_arch arch, uint8_t *to, size_t *len_bytes,
                                 char *why)
{
    const char *name = word_at(step, 0);
    if (strcmp(name, "break_in") == 0) {
        to[0] = DBG_BREAK_IN_BYTE;
        *len_bytes = 1;
        return KD_OK;
    }
    if (strcmp(name, "raw") == 0)
        return raw_bytes(step, to, len_bytes) ? KD_OK : refuse(step, "raw and hex digits, two a byte", why);
    uint16_t type = 0;
    uint32_t id = 0;
    const char *id_word = value_of(step, "id");
    if (dbg_type_find(name, &type) != KD_OK || (id_word != NULL && !parse_id(id_word, &id)))
        return refuse(step, "a packet, and an id like id=0 or id=1+sync", why);
    if (type == DBG_TYPE_ACK || type == DBG_TYPE_RESEND || type == DBG_TYPE_RESET) {
        *len_bytes = dbg_frame_control(to, type, id);
        return KD_OK;
    }
    struct dbg_request request;
    if (id_word == NULL || !data_body(step, arch, &request))
        return refuse(step, "id=, for manipulate the name of a request, data= in hex", why);
    *len_bytes = dbg_frame_data(to, type, id, request.body, request.body_bytes);
    if (has_flag(step, "bad_checksum"))
        to[12]++;
    return KD_OK;
}
