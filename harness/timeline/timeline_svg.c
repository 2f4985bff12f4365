/* The ladder as a picture: the same grid, a cell of it being as wide as a letter. Every text is set to the
 * width of its cells, whatever font is there, so that nothing can overlap. */
#include "harness/timeline/timeline_layout.h"
#include <string.h>

/* In tenths of a pixel: exact, and the same in every locale. */
enum {
    CELL = 73,
    LINE = 150,
    MARGIN = 120,
    ARROW_BELOW = 45, /* an arrow runs so far below the baseline of its text */
    ARROW_SPACE = 70, /* and takes so much height */
    HEAD_LONG = 75,
    HEAD_WIDE = 32,
    CROSS = 38,
    ROW_SPACE = 25,
    TITLE_HEIGHT = 260,
    NAMES_HEIGHT = 220,
    FOOT_HEIGHT = 300,
    DESCENT = 35,
};

static const char style[] =
    "text{font:12px 'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;fill:#111;white-space:pre}"
    ".title{font-size:13px;font-weight:bold}.name{font-weight:bold}.time{fill:#666}.life{font-weight:bold;"
    "fill:#20603c}"
    ".fold{font-style:italic;fill:#444}.fault{fill:#c00000;font-weight:bold}"
    "line{stroke-width:1;stroke:#1f4e8c}polygon{fill:#1f4e8c}"
    ".there{stroke:#777}.gone{stroke:#bbb;stroke-dasharray:2 4}.band{fill:#f0f0f0}"
    ".struck{stroke:#c00000}polygon.struck{fill:#c00000}";

/* ---- elements ------------------------------------------------------------------------------------------ */

static void print_length(FILE *file, const char *name, long tenths)
{
    fprintf(file, " %s=\"%ld.%ld\"", name, tenths / 10, tenths % 10);
}

static void print_escaped(FILE *file, const char *text)
{
    for (; *text != 0; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

static long x_of(unsigned column)
{
    return MARGIN + (long)column * CELL + CELL / 2;
}

static void print_text(FILE *file, const char *class, unsigned column, long baseline, const char *text)
{
    fprintf(file, "<text class=\"%s\"", class);
    print_length(file, "x", MARGIN + (long)column * CELL);
    print_length(file, "y", baseline);
    print_length(file, "textLength", (long)strlen(text) * CELL);
    fputs(" lengthAdjust=\"spacingAndGlyphs\">", file);
    print_escaped(file, text);
    fputs("</text>\n", file);
}

static void print_line(FILE *file, const char *class, long x1, long y1, long x2, long y2)
{
    fprintf(file, "<line class=\"%s\"", class);
    print_length(file, "x1", x1);
    print_length(file, "y1", y1);
    print_length(file, "x2", x2);
    print_length(file, "y2", y2);
    fputs("/>\n", file);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static long row_height(const struct timeline_row *row)
{
    return (long)row->lines * LINE + ROW_SPACE + (row->kind == TIMELINE_ROW_ARROW ? ARROW_SPACE : 0);
}

static void print_point(FILE *file, long x, long y)
{
    fprintf(file, "%ld.%ld,%ld.%ld ", x / 10, x % 10, y / 10, y % 10);
}

static void print_head(FILE *file, const char *class, long x, long y, long back)
{
    fprintf(file, "<polygon class=\"%s\" points=\"", class);
    print_point(file, x, y);
    print_point(file, x + back, y - HEAD_WIDE);
    print_point(file, x + back, y + HEAD_WIDE);
    fputs("\"/>\n", file);
}

static void print_arrow(FILE *file, const struct timeline_row *row, long y)
{
    const char *class = row->fate == TIMELINE_ARRIVES ? "whole" : "struck";
    long tail = x_of(row->tail_column), head = x_of(row->head_column);
    long back = head > tail ? -HEAD_LONG : HEAD_LONG;
    print_line(file, class, tail, y, head, y);
    if (row->fate != TIMELINE_LOST) {
        print_head(file, class, head, y, back);
        return;
    }
    print_line(file, class, head - CROSS, y - CROSS, head + CROSS, y + CROSS);
    print_line(file, class, head - CROSS, y + CROSS, head + CROSS, y - CROSS);
}

static const char *text_class(const struct timeline_row *row, const struct timeline_piece *piece)
{
    if (piece->is_fault || row->fate == TIMELINE_STRUCK)
        return "fault";
    if (row->kind == TIMELINE_ROW_LIFE)
        return "life";
    return row->kind == TIMELINE_ROW_FOLD ? "fold" : "text";
}

static void print_band(FILE *file, long top, long height)
{
    fputs("<rect class=\"band\"", file);
    print_length(file, "x", x_of(TIMELINE_GUEST_COLUMN) + CELL / 2);
    print_length(file, "y", top);
    print_length(file, "width", x_of(TIMELINE_DEBUGGER_COLUMN) - x_of(TIMELINE_GUEST_COLUMN) - CELL);
    print_length(file, "height", height);
    fputs("/>\n", file);
}

static void print_row(FILE *file, const struct timeline_row *row, long top)
{
    long baseline = top + LINE - DESCENT;
    if (row->kind == TIMELINE_ROW_FOLD)
        print_band(file, top, row_height(row) - ROW_SPACE);
    const char *time = row->time + strspn(row->time, " ");
    if (time[0] != 0)
        print_text(file, "time", TIMELINE_TIME_COLUMNS - (unsigned)strlen(time), baseline, time);
    if (row->kind == TIMELINE_ROW_ARROW)
        print_arrow(file, row, baseline + ARROW_BELOW);
    for (unsigned i = 0; i < row->piece_count; i++) {
        const struct timeline_piece *piece = &row->pieces[i];
        long below = row->kind == TIMELINE_ROW_ARROW && piece->line > 0 ? ARROW_SPACE : 0;
        print_text(file, text_class(row, piece), piece->column, baseline + below + (long)piece->line * LINE,
                   piece->text);
    }
}

/* ---- ladders ------------------------------------------------------------------------------------------- */

static long page_height(const struct timeline_page *page)
{
    long height = 0;
    for (size_t i = 0; i < page->count; i++)
        height += row_height(&page->rows[i]);
    return height;
}

/* One line for as long as somebody is there, one for as long as nobody is. */
static void print_lifeline(FILE *file, const struct timeline_page *page, enum timeline_lane lane, long top)
{
    long x = x_of(timeline_lane_column(lane)), start = top, y = top;
    for (size_t i = 0; i < page->count; i++) {
        y += row_height(&page->rows[i]);
        bool alive = page->rows[i].alive[lane];
        if (i + 1 == page->count || page->rows[i + 1].alive[lane] != alive) {
            print_line(file, alive ? "there" : "gone", x, start, x, y);
            start = y;
        }
    }
}

static void print_names(FILE *file, const struct timeline_ladder *ladder, long baseline)
{
    static const char debugger[] = "debugger";
    print_text(file, "name", TIMELINE_GUEST_COLUMN, baseline, "guest");
    print_text(file, "name", TIMELINE_MIDDLE_COLUMN - (unsigned)strlen(ladder->middle) / 2, baseline,
               ladder->middle);
    print_text(file, "name", TIMELINE_DEBUGGER_COLUMN + 1 - (unsigned)strlen(debugger), baseline, debugger);
}

/* Returns where the next ladder begins. */
static long print_ladder(FILE *file, const struct timeline *timeline, size_t index, long top)
{
    const struct timeline_ladder *ladder = &timeline->ladders[index];
    struct timeline_page page = timeline_layout(ladder);
    char headline[TIMELINE_HEADLINE_BYTES];
    timeline_headline(timeline, index, headline);
    if (strlen(headline) > TIMELINE_COLUMNS)
        headline[TIMELINE_COLUMNS] = 0;
    print_text(file, "title", 0, top + TITLE_HEIGHT / 2, headline);
    top += TITLE_HEIGHT;
    print_names(file, ladder, top + NAMES_HEIGHT / 2);
    top += NAMES_HEIGHT;
    for (unsigned lane = 0; lane < TIMELINE_LANES; lane++)
        print_lifeline(file, &page, (enum timeline_lane)lane, top);
    for (size_t i = 0; i < page.count; i++) {
        print_row(file, &page.rows[i], top);
        top += row_height(&page.rows[i]);
    }
    timeline_page_free(&page);
    return top + FOOT_HEIGHT;
}

static long picture_height(const struct timeline *timeline)
{
    long height = 2 * MARGIN;
    for (size_t i = 0; i < timeline->count; i++) {
        struct timeline_page page = timeline_layout(&timeline->ladders[i]);
        height += TITLE_HEIGHT + NAMES_HEIGHT + page_height(&page) + FOOT_HEIGHT;
        timeline_page_free(&page);
    }
    return height;
}

void timeline_write_svg(const struct timeline *timeline, FILE *file)
{
    long width = 2 * MARGIN + (long)TIMELINE_COLUMNS * CELL, height = picture_height(timeline);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"", file);
    print_length(file, "width", width);
    print_length(file, "height", height);
    fprintf(file, " viewBox=\"0 0 %ld.%ld %ld.%ld\">\n<style>%s</style>\n", width / 10, width % 10,
            height / 10, height % 10, style);
    fputs("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", file);
    long top = MARGIN;
    for (size_t i = 0; i < timeline->count; i++)
        top = print_ladder(file, timeline, i, top);
    fputs("</svg>\n", file);
}
