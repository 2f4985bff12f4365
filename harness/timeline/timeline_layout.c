#include "harness/timeline/timeline_layout.h"
#include "harness/timeline/timeline_fold.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_BYTES = 320, /* head or tail of a row before it is fitted */
    ARROW_TEXT = 4,   /* columns from an arrow's tail to its text: "|-- " */
    ARROW_ROOM = 6,   /* columns of an arrow that its text leaves free: "-- " before and " ->" behind */
    LOST_ROOM = 9,    /* the same when it is lost: " --x " behind, and a blank before the lifeline */
    LOST_HEAD = 3,    /* columns from the text to the x, and */
    LOST_FAULT = 2,   /* from there to what happened */
    SAY_TEXT = 2,     /* columns from a lifeline to what is said at it */
    INDENT = 2,       /* of the lines that follow */
};

static const unsigned lane_columns[TIMELINE_LANES] = {TIMELINE_GUEST_COLUMN, TIMELINE_MIDDLE_COLUMN,
                                                      TIMELINE_DEBUGGER_COLUMN};

unsigned timeline_lane_column(enum timeline_lane lane)
{
    return lane_columns[lane];
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* "5 exits, 75 us"; empty when there were none. */
static void exits_text(const struct timeline_event *event, char *to, size_t to_bytes)
{
    char price[TIMELINE_DURATION_BYTES];
    timeline_duration(event->exits_ns, price);
    to[0] = 0;
    if (event->exits > 0)
        snprintf(to, to_bytes, "%" PRIu64 " exit%s, %s", event->exits, event->exits == 1 ? "" : "s", price);
}

__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, TEXT_BYTES - used, format, arguments);
    va_end(arguments);
}

/* What a row is called, what is told besides, and a remark that is never broken: one behind the other where
 * there is room, else below. */
struct words {
    char head[TEXT_BYTES];
    char tail[TEXT_BYTES];
    char remark[TEXT_BYTES];
};

static void add_word(char *text, const char *before, const char *word, const char *behind)
{
    if (word[0] != 0)
        append(text, "%s%s%s%s", text[0] == 0 ? "" : " ", before, word, behind);
}

static struct words words_of(const struct timeline_item *item)
{
    const struct timeline_event *event = &item->event;
    struct words words = {"", "", ""};
    char exits[80];
    exits_text(event, exits, sizeof exits);
    append(words.head, event->kind == TIMELINE_LIFE ? "== %s ==" : "%s", event->name);
    if (item->count > 1)
        append(words.head, " x %" PRIu64, item->count);
    add_word(words.head, "", event->id, "");
    if (item->count == 1)
        add_word(words.tail, "", event->detail, "");
    if (event->fate == TIMELINE_STRUCK)
        add_word(words.remark, "[", event->fault, "]");
    add_word(words.remark, "(", exits, ")");
    return words;
}

static void repeat_text(const struct timeline_item *item, char *text)
{
    char exits[80];
    exits_text(&item->event, exits, sizeof exits);
    append(text, "... %" PRIu64 " more: %s", item->repeats, item->event.name);
    if (item->length > 1)
        append(text, ", %zu events each", item->length);
    add_word(text, "(", exits, ")");
}

/* ---- pieces -------------------------------------------------------------------------------------------- */

static struct timeline_piece *add_piece(struct timeline_row *row, unsigned line, unsigned column,
                                        const char *text, size_t length)
{
    struct timeline_piece *piece = &row->pieces[row->piece_count++];
    *piece = (struct timeline_piece){.line = line, .column = column};
    snprintf(piece->text, sizeof piece->text, "%.*s", (int)length, text);
    if (row->lines <= line)
        row->lines = line + 1;
    return piece;
}

/* How much of text goes into a line: whole words where possible. */
static size_t line_length(const char *text, size_t room)
{
    size_t length = strlen(text);
    if (length <= room)
        return length;
    for (size_t at = room; at > 0; at--)
        if (text[at] == ' ')
            return at;
    return room;
}

/* Where text may stand: columns first .. end-1, at the left or at the right side of them. */
struct place {
    unsigned first;
    unsigned end;
    bool at_right;
};

static unsigned column_in(const struct place *place, size_t length)
{
    return place->at_right ? place->end - (unsigned)length : place->first;
}

/* Puts text into the lines from `line` on; what would take the row's last piece, which is a fault's, is cut.
 */
static void add_lines(struct timeline_row *row, unsigned line, const char *text, const struct place *place)
{
    size_t room = place->end - place->first;
    while (*text != 0 && row->piece_count < TIMELINE_PIECES - 1) {
        size_t length = line_length(text, room);
        add_piece(row, line++, column_in(place, length), text, length);
        text += length;
        text += strspn(text, " ");
    }
}

/* Adds to text what fits with it into a line, and takes it away from where it was. */
static void move_word(char *text, char *word, size_t room)
{
    if (strlen(text) + 1 + strlen(word) > room)
        return;
    add_word(text, "", word, "");
    word[0] = 0;
}

/* All in one line if it fits, else the tail below, a little indented. Returns the head's piece. */
static const struct timeline_piece *add_words(struct timeline_row *row, struct words *words,
                                              const struct place *first, const struct place *below)
{
    size_t room = first->end - first->first;
    move_word(words->tail, words->remark, below->end - below->first);
    move_word(words->head, words->tail, room);
    size_t length = line_length(words->head, room);
    const struct timeline_piece *head = add_piece(row, 0, column_in(first, length), words->head, length);
    char rest[TEXT_BYTES] = "";
    add_word(rest, "", words->head + length + strspn(words->head + length, " "), "");
    add_word(rest, "", words->tail, "");
    add_lines(row, 1, rest, below);
    add_lines(row, row->lines, words->remark, below);
    return head;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void lay_arrow(struct timeline_row *row, const struct timeline_event *event, struct words *words)
{
    unsigned tail = lane_columns[event->from], head = lane_columns[event->to];
    bool to_left = head < tail;
    unsigned left = to_left ? head : tail, right = to_left ? tail : head;
    bool lost = event->fate == TIMELINE_LOST;
    unsigned fault_columns = (unsigned)strlen(event->fault);
    unsigned room = right - left - 1 - (lost ? LOST_ROOM + fault_columns : ARROW_ROOM);
    struct place first = {left + ARROW_TEXT, left + ARROW_TEXT + room, to_left};
    if (to_left)
        first = (struct place){right - ARROW_TEXT + 1 - room, right - ARROW_TEXT + 1, true};
    struct place below = {left + ARROW_TEXT, right - ARROW_TEXT + 1, to_left};
    const struct timeline_piece *text = add_words(row, words, &first, &below);
    unsigned text_end = text->column + (unsigned)strlen(text->text);
    row->kind = TIMELINE_ROW_ARROW;
    row->tail_column = tail;
    row->head_column = head;
    if (!lost)
        return;
    row->head_column = to_left ? text->column - 1 - LOST_HEAD : text_end + LOST_HEAD;
    unsigned fault =
        to_left ? row->head_column + 1 - LOST_FAULT - fault_columns : row->head_column + LOST_FAULT;
    add_piece(row, 0, fault, event->fault, fault_columns)->is_fault = true;
}

static struct place place_at(enum timeline_lane lane, unsigned indent)
{
    unsigned column = lane_columns[lane];
    if (lane == TIMELINE_DEBUGGER)
        return (struct place){lane_columns[lane - 1] + SAY_TEXT, column - SAY_TEXT + 1 - indent, true};
    return (struct place){column + SAY_TEXT + indent, lane_columns[lane + 1] - 1, false};
}

static void lay_text(struct timeline_row *row, const struct timeline_event *event, struct words *words)
{
    struct place first = place_at(event->from, 0), below = place_at(event->from, INDENT);
    row->kind = event->kind == TIMELINE_LIFE ? TIMELINE_ROW_LIFE : TIMELINE_ROW_TEXT;
    add_words(row, words, &first, &below);
}

static void lay_fold(struct timeline_row *row, const struct timeline_item *item)
{
    char text[TEXT_BYTES] = "";
    struct place place = {TIMELINE_GUEST_COLUMN + SAY_TEXT, TIMELINE_DEBUGGER_COLUMN - 1, false};
    repeat_text(item, text);
    row->kind = TIMELINE_ROW_FOLD;
    add_lines(row, 0, text, &place);
}

static void lay_item(struct timeline_row *row, const struct timeline_item *item)
{
    const struct timeline_event *event = &item->event;
    struct words words = words_of(item);
    row->from = event->from;
    row->fate = event->fate;
    row->lines = 1;
    if (item->repeats > 0)
        lay_fold(row, item);
    else if (event->kind == TIMELINE_ARROW)
        lay_arrow(row, event, &words);
    else
        lay_text(row, event, &words);
}

/* Seconds to the microsecond, empty when that is what stands above already. */
static void lay_time(struct timeline_row *row, uint64_t time_ns, uint64_t *above_us)
{
    uint64_t us = time_ns / 1000;
    char text[32];
    snprintf(text, sizeof text, "%3" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
    if (us != *above_us)
        snprintf(row->time, sizeof row->time, "%.*s", TIMELINE_TIME_COLUMNS, text);
    *above_us = us;
}

struct timeline_page timeline_layout(const struct timeline_ladder *ladder)
{
    struct timeline_items items = timeline_fold(ladder->events, ladder->count);
    struct timeline_page page = {.rows = sim_allocate(items.count + 1, sizeof *page.rows),
                                 .count = items.count};
    bool alive[TIMELINE_LANES] = {[TIMELINE_MIDDLE] = true};
    uint64_t above_us = UINT64_MAX;
    for (size_t i = 0; i < items.count; i++) {
        const struct timeline_event *event = &items.items[i].event;
        struct timeline_row *row = &page.rows[i];
        lay_item(row, &items.items[i]);
        lay_time(row, event->time_ns, &above_us);
        if (event->kind == TIMELINE_LIFE)
            alive[event->from] = !event->ends;
        memcpy(row->alive, alive, sizeof alive);
    }
    free(items.items);
    return page;
}

void timeline_page_free(struct timeline_page *page)
{
    free(page->rows);
    *page = (struct timeline_page){0};
}
