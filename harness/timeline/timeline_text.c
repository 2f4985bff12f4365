/* The ladder as text: one character for each column of the grid. */
#include "harness/timeline/timeline_layout.h"
#include <string.h>

static void put(char *line, unsigned column, const char *text)
{
    memcpy(line + column, text, strlen(text));
}

static void print_line(FILE *file, char *line)
{
    size_t length = TIMELINE_COLUMNS;
    while (length > 0 && line[length - 1] == ' ')
        length--;
    fprintf(file, "%.*s\n", (int)length, line);
}

static void draw_lifelines(char *line, const struct timeline_row *row)
{
    for (unsigned lane = 0; lane < TIMELINE_LANES; lane++)
        line[timeline_lane_column(lane)] = row->alive[lane] ? '|' : ':';
}

/* The shaft from beside the tail to the head; a struck one is bent, a lost one ends in the middle of nowhere.
 */
static void draw_arrow(char *line, const struct timeline_row *row)
{
    bool to_left = row->head_column < row->tail_column;
    bool lost = row->fate == TIMELINE_LOST;
    unsigned head = lost ? row->head_column : to_left ? row->head_column + 1 : row->head_column - 1;
    unsigned first = to_left ? head : row->tail_column + 1;
    unsigned last = to_left ? row->tail_column - 1 : head;
    memset(line + first, row->fate == TIMELINE_STRUCK ? '~' : '-', last - first + 1);
    line[head] = lost ? 'x' : to_left ? '<' : '>';
}

/* Text upon an arrow stands between two blanks. */
static void draw_piece(char *line, const struct timeline_row *row, const struct timeline_piece *piece)
{
    put(line, piece->column, piece->text);
    if (row->kind != TIMELINE_ROW_ARROW || piece->line > 0 || piece->is_fault)
        return;
    line[piece->column - 1] = ' ';
    line[piece->column + strlen(piece->text)] = ' ';
}

static void print_row(FILE *file, const struct timeline_row *row)
{
    for (unsigned i = 0; i < row->lines; i++) {
        char line[TIMELINE_COLUMNS];
        memset(line, ' ', sizeof line);
        draw_lifelines(line, row);
        if (i == 0) {
            put(line, TIMELINE_TIME_COLUMNS - (unsigned)strlen(row->time), row->time);
            if (row->kind == TIMELINE_ROW_ARROW)
                draw_arrow(line, row);
        }
        for (unsigned piece = 0; piece < row->piece_count; piece++)
            if (row->pieces[piece].line == i)
                draw_piece(line, row, &row->pieces[piece]);
        print_line(file, line);
    }
}

/* The lanes' names over their lifelines. */
static void print_head(FILE *file, const struct timeline *timeline, size_t index)
{
    const struct timeline_ladder *ladder = &timeline->ladders[index];
    char headline[TIMELINE_HEADLINE_BYTES];
    static const char debugger[] = "debugger";
    char line[TIMELINE_COLUMNS];
    memset(line, ' ', sizeof line);
    put(line, TIMELINE_TIME_COLUMNS - 7, "seconds");
    put(line, TIMELINE_GUEST_COLUMN, "guest");
    put(line, TIMELINE_MIDDLE_COLUMN - (unsigned)strlen(ladder->middle) / 2, ladder->middle);
    put(line, TIMELINE_DEBUGGER_COLUMN + 1 - (unsigned)strlen(debugger), debugger);
    fprintf(file, "%.*s\n\n", TIMELINE_COLUMNS, timeline_headline(timeline, index, headline));
    print_line(file, line);
}

void timeline_write_text(struct timeline *timeline, FILE *file)
{
    for (; timeline->written < timeline->count; timeline->written++) {
        struct timeline_page page = timeline_layout(&timeline->ladders[timeline->written]);
        print_head(file, timeline, timeline->written);
        for (size_t row = 0; row < page.count; row++)
            print_row(file, &page.rows[row]);
        fputc('\n', file);
        timeline_page_free(&page);
    }
}
