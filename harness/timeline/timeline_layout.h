/* timeline_layout.h: a ladder put on its grid: which text stands in which column, what is folded, who is
 * there.
 *
 * Two things are folded. Heartbeats (events that are idle) in a row become one line with their number. And
 * where a block of events comes again and again, three times at least, its first turn is shown and the others
 * become one line that says how many they were. What a fault struck is never folded away. Tests:
 * tests/test_timeline.c */
#ifndef TIMELINE_LAYOUT_H
#define TIMELINE_LAYOUT_H

#include "harness/timeline/timeline_private.h"

/* The grid. Times stand in columns 0 .. TIME-1; then three lifelines with room for text between them. */
enum {
    TIMELINE_COLUMNS = 100,
    TIMELINE_TIME_COLUMNS = 10,
    TIMELINE_GUEST_COLUMN = 11,
    TIMELINE_MIDDLE_COLUMN = 45,
    TIMELINE_DEBUGGER_COLUMN = 99,
    TIMELINE_PIECES = 10, /* of one row */
};

/* The column of a lane's lifeline. */
unsigned timeline_lane_column(enum timeline_lane lane);

/* Text in one line of a row, the row's first one being 0. */
struct timeline_piece {
    unsigned line;
    unsigned column;
    bool is_fault;
    char text[TIMELINE_COLUMNS + 1];
};

enum timeline_row_kind { TIMELINE_ROW_ARROW, TIMELINE_ROW_TEXT, TIMELINE_ROW_LIFE, TIMELINE_ROW_FOLD };

struct timeline_row {
    enum timeline_row_kind kind;
    char time[TIMELINE_TIME_COLUMNS + 1]; /* in seconds; empty when the row above has the same */
    enum timeline_fate fate;
    enum timeline_lane from; /* ARROW; else the lane it belongs to */
    unsigned tail_column;    /* ARROW: the lifeline it leaves */
    unsigned head_column;    /* ARROW: the lifeline it reaches, or where it is lost */
    unsigned lines;          /* at least 1 */
    unsigned piece_count;
    struct timeline_piece pieces[TIMELINE_PIECES];
    bool alive[TIMELINE_LANES]; /* is somebody there, after this */
};

struct timeline_page {
    struct timeline_row *rows;
    size_t count;
};

/* Free with timeline_page_free. */
struct timeline_page timeline_layout(const struct timeline_ladder *ladder);
void timeline_page_free(struct timeline_page *page);

#endif
