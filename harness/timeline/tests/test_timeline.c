/* Goal: a ladder shows every event once, in its place on the grid of 100 columns, and folds what only repeats; the
 * picture holds the same texts.
 * Method: small lists of made-up events, whole pages compared with the text they must be; properties for every length
 * of text; the picture read back by a small checker of XML. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "harness/timeline/timeline_layout.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define US(n) ((uint64_t)(n) * 1000)

struct fix {
    struct timeline *timeline;
    char *text; /* of the last drawing */
};

static int set_up(void **state)
{
    static struct fix fix;
    fix = (struct fix){.timeline = timeline_create()};
    timeline_title(fix.timeline, "a story");
    timeline_begin(fix.timeline, "relay");
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    timeline_destroy(fix->timeline);
    free(fix->text);
    return 0;
}

/* ---- events -------------------------------------------------------------------------------------------- */

static struct timeline_event *life(struct fix *fix, uint64_t time_us, enum timeline_lane lane, const char *name,
                                   bool ends)
{
    struct timeline_event event = {
        .time_ns = US(time_us), .kind = TIMELINE_LIFE, .from = lane, .ends = ends};
    snprintf(event.name, sizeof event.name, "%s", name);
    return timeline_add(fix->timeline, &event);
}

static struct timeline_event *say(struct fix *fix, uint64_t time_us, enum timeline_lane lane, const char *name,
                                  uint64_t exits)
{
    struct timeline_event event = {.time_ns = US(time_us), .kind = TIMELINE_SAY, .from = lane};
    event.exits = exits;
    event.exits_ns = US(15 * exits);
    snprintf(event.name, sizeof event.name, "%s", name);
    return timeline_add(fix->timeline, &event);
}

static struct timeline_event *arrow(struct fix *fix, uint64_t time_us, enum timeline_lane from, enum timeline_lane to,
                                    const char *name, const char *id, const char *detail)
{
    struct timeline_event event = {.time_ns = US(time_us), .kind = TIMELINE_ARROW, .from = from, .to = to};
    snprintf(event.name, sizeof event.name, "%s", name);
    snprintf(event.id, sizeof event.id, "%s", id);
    snprintf(event.detail, sizeof event.detail, "%s", detail);
    return timeline_add(fix->timeline, &event);
}

static struct timeline_event *to_debugger(struct fix *fix, uint64_t time_us, const char *name, const char *id,
                                          const char *detail)
{
    return arrow(fix, time_us, TIMELINE_MIDDLE, TIMELINE_DEBUGGER, name, id, detail);
}

static struct timeline_event *to_target(struct fix *fix, uint64_t time_us, const char *name, const char *id,
                                        const char *detail)
{
    return arrow(fix, time_us, TIMELINE_DEBUGGER, TIMELINE_MIDDLE, name, id, detail);
}

static void strike(struct timeline_event *event, enum timeline_fate fate, const char *fault)
{
    event->fate = fate;
    strcpy(event->fault, fault);
}

static void heartbeat(struct fix *fix, uint64_t time_us)
{
    say(fix, time_us, TIMELINE_GUEST, "poll", 5)->idle = true;
}

/* A read as the debugger's line shows it. */
static void read_once(struct fix *fix, uint64_t time_us)
{
    to_target(fix, time_us, "manipulate read_virtual", "id=0", "addr=pool count=16");
    to_debugger(fix, time_us + 20, "ack", "id=0", "");
    to_debugger(fix, time_us + 50, "manipulate read_virtual", "id=1", "-> ok actual=16");
    to_target(fix, time_us + 70, "ack", "id=1", "");
    say(fix, time_us + 90, TIMELINE_GUEST, "-> sent", 5);
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

static const char *drawn(struct fix *fix)
{
    size_t len_bytes;
    free(fix->text);
    FILE *file = open_memstream(&fix->text, &len_bytes);
    assert_non_null(file);
    timeline_write_text(fix->timeline, file);
    fclose(file);
    return fix->text;
}

static const char *pictured(struct fix *fix)
{
    size_t len_bytes;
    free(fix->text);
    FILE *file = open_memstream(&fix->text, &len_bytes);
    assert_non_null(file);
    timeline_write_svg(fix->timeline, file);
    fclose(file);
    return fix->text;
}

#define HEAD                                                                                                 \
    "a story\n\n"                                                                                            \
    "   seconds guest                           relay                                            debugger\n"

/* What stands below the head. */
static void assert_drawn(struct fix *fix, const char *rows)
{
    const char *text = drawn(fix);
    assert_memory_equal(text, HEAD, strlen(HEAD));
    char *want = malloc(strlen(rows) + 2);
    sprintf(want, "%s\n", rows);
    assert_string_equal(text + strlen(HEAD), want);
    free(want);
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    for (size_t length; *text != 0; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        longest = length > longest ? length : longest;
    }
    return longest;
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

/* ---- the ladder ---------------------------------------------------------------------------------------- */

static void a_conversation_is_drawn_as_a_ladder(void **state)
{
    struct fix *fix = *state;
    life(fix, 0, TIMELINE_DEBUGGER, "attach", false);
    life(fix, 0, TIMELINE_GUEST, "power on", false);
    arrow(fix, 60, TIMELINE_GUEST, TIMELINE_MIDDLE, "hello", "", "");
    arrow(fix, 60, TIMELINE_MIDDLE, TIMELINE_GUEST, "done", "", "");
    say(fix, 105, TIMELINE_GUEST, "KdSendPacket state_change64", 0);
    to_debugger(fix, 1500000, "state_change64 exception", "id=0+sync", "breakpoint pc=nt!KeLoop+0x3");
    to_target(fix, 1500025, "ack", "id=0", "");
    say(fix, 1500045, TIMELINE_GUEST, "-> sent", 5);
    say(fix, 1500046, TIMELINE_DEBUGGER, "a repeat: dropped", 0);
    life(fix, 2000000, TIMELINE_GUEST, "power off", true);
    life(fix, 2000001, TIMELINE_DEBUGGER, "detach", true);
    assert_drawn(
        fix,
        "  0.000000 :                                 |                                        == attach == |\n"
        "           | == power on ==                  |                                                     |\n"
        "  0.000060 |-- hello ----------------------->|                                                     |\n"
        "           |<------------------------ done --|                                                     |\n"
        "  0.000105 | KdSendPacket state_change64     |                                                     |\n"
        "  1.500000 |                                 |-- state_change64 exception id=0+sync -------------->|\n"
        "           |                                 |   breakpoint pc=nt!KeLoop+0x3                       |\n"
        "  1.500025 |                                 |<---------------------------------------- ack id=0 --|\n"
        "  1.500045 | -> sent (5 exits, 75 us)        |                                                     |\n"
        "  1.500046 |                                 |                                   a repeat: dropped |\n"
        "  2.000000 : == power off ==                 |                                                     |\n"
        "  2.000001 :                                 |                                        == detach == :\n");
}

static void faults_are_marked_where_they_strike(void **state)
{
    struct fix *fix = *state;
    strike(to_debugger(fix, 1, "ack", "id=0", ""), TIMELINE_LOST, "lost");
    strike(to_target(fix, 2, "ack", "id=1", ""), TIMELINE_LOST, "lost");
    strike(to_debugger(fix, 3, "debug_io print", "id=0", "\"hello\""), TIMELINE_STRUCK, "bit 17 flipped");
    strike(to_target(fix, 4, "manipulate write_virtual", "id=1", "addr=pool count=21"), TIMELINE_STRUCK,
           "comes twice");
    strike(arrow(fix, 5, TIMELINE_GUEST, TIMELINE_MIDDLE, "poll", "", ""), TIMELINE_LOST, "lost");
    assert_drawn(
        fix,
        "  0.000001 :                                 |-- ack id=0 --x lost                                 :\n"
        "  0.000002 :                                 |                                 lost x-- ack id=1 --:\n"
        "  0.000003 :                                 |~~ debug_io print id=0 \"hello\" [bit 17 flipped] ~~~~>:\n"
        "  0.000004 :                                 |<~~~~~~~~~~~~~~~~~~~ manipulate write_virtual id=1 ~~:\n"
        "           :                                 |                  addr=pool count=21 [comes twice]   :\n"
        "  0.000005 :-- poll --x lost                 |                                                     :\n");
}

static void what_does_not_fit_goes_below_word_by_word(void **state)
{
    struct fix *fix = *state;
    say(fix, 0, TIMELINE_GUEST, "KdReceivePacket -> RECEIVED", 1787);
    to_debugger(fix, 0, "debug_io print", "id=1", "\"one two three four five six seven eight nine ten eleven twelve\"");
    struct timeline_event *remark = say(fix, 0, TIMELINE_DEBUGGER, "a remark", 0);
    strcpy(remark->detail, "that needs more than one line of the debugger's room, and is told all the same");
    assert_drawn(
        fix,
        "  0.000000 : KdReceivePacket -> RECEIVED     |                                                     :\n"
        "           :   (1787 exits, 26.8 ms)         |                                                     :\n"
        "           :                                 |-- debug_io print id=1 ----------------------------->:\n"
        "           :                                 |   \"one two three four five six seven eight nine     :\n"
        "           :                                 |   ten eleven twelve\"                                :\n"
        "           :                                 |                                            a remark :\n"
        "           :                                 |   that needs more than one line of the debugger's   :\n"
        "           :                                 |                    room, and is told all the same   :\n");
}

/* ---- folding ------------------------------------------------------------------------------------------- */

static void heartbeats_in_a_row_are_one_line(void **state)
{
    struct fix *fix = *state;
    for (unsigned i = 0; i < 3; i++)
        heartbeat(fix, 100 * i);
    to_target(fix, 1000, "break_in", "", "");
    heartbeat(fix, 2000);
    assert_drawn(
        fix,
        "  0.000000 : poll x 3 (15 exits, 225 us)     |                                                     :\n"
        "  0.001000 :                                 |<---------------------------------------- break_in --:\n"
        "  0.002000 : poll (5 exits, 75 us)           |                                                     :\n");
}

static void a_block_that_comes_again_is_shown_once_and_counted(void **state)
{
    struct fix *fix = *state;
    for (unsigned i = 0; i < 39; i++)
        read_once(fix, 100 * i);
    to_target(fix, 3900, "manipulate continue2", "id=0", "");
    assert_drawn(
        fix,
        "  0.000000 :                                 |<- manipulate read_virtual id=0 addr=pool count=16 --:\n"
        "  0.000020 :                                 |-- ack id=0 ---------------------------------------->:\n"
        "  0.000050 :                                 |-- manipulate read_virtual id=1 -> ok actual=16 ---->:\n"
        "  0.000070 :                                 |<---------------------------------------- ack id=1 --:\n"
        "  0.000090 : -> sent (5 exits, 75 us)        |                                                     :\n"
        "  0.000100 : ... 38 more: manipulate read_virtual, 5 events each (190 exits, 2.85 ms)              :\n"
        "  0.003900 :                                 |<----------------------- manipulate continue2 id=0 --:\n");
}

static void two_turns_are_not_worth_a_fold(void **state)
{
    struct fix *fix = *state;
    read_once(fix, 0);
    read_once(fix, 100);
    assert_null(strstr(drawn(fix), "more:"));
}

static void a_fault_is_never_folded_away(void **state)
{
    struct fix *fix = *state;
    for (unsigned i = 0; i < 9; i++)
        strike(to_debugger(fix, i, "ack", "id=0", ""), TIMELINE_LOST, "lost");
    assert_int_equal(occurrences(drawn(fix), "--x lost"), 9);
}

/* ---- limits -------------------------------------------------------------------------------------------- */

static void fill(char *to, size_t room, size_t length)
{
    size_t used = length < room ? length : room - 1;
    memset(to, 'w', used);
    to[used] = 0;
}

/* One event of every kind, lane and fate, with texts of a length. */
static void add_every_shape(struct fix *fix, size_t length)
{
    static const struct {
        enum timeline_kind kind;
        enum timeline_lane from, to;
    } shapes[] = {
        {TIMELINE_ARROW, TIMELINE_GUEST, TIMELINE_MIDDLE},
        {TIMELINE_ARROW, TIMELINE_MIDDLE, TIMELINE_GUEST},
        {TIMELINE_ARROW, TIMELINE_MIDDLE, TIMELINE_DEBUGGER},
        {TIMELINE_ARROW, TIMELINE_DEBUGGER, TIMELINE_MIDDLE},
        {TIMELINE_SAY, TIMELINE_GUEST, TIMELINE_GUEST},
        {TIMELINE_SAY, TIMELINE_MIDDLE, TIMELINE_MIDDLE},
        {TIMELINE_SAY, TIMELINE_DEBUGGER, TIMELINE_DEBUGGER},
        {TIMELINE_LIFE, TIMELINE_GUEST, TIMELINE_GUEST},
        {TIMELINE_LIFE, TIMELINE_DEBUGGER, TIMELINE_DEBUGGER},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int fate = TIMELINE_ARRIVES; fate <= TIMELINE_LOST; fate++) {
            struct timeline_event event = {.time_ns = US(3600000000), .kind = shapes[i].kind, .from = shapes[i].from};
            event.to = shapes[i].to;
            event.fate = (enum timeline_fate)fate;
            event.exits = length * length * length;
            fill(event.name, sizeof event.name, length);
            fill(event.id, sizeof event.id, length);
            fill(event.detail, sizeof event.detail, 2 * length);
            if (fate != TIMELINE_ARRIVES)
                fill(event.fault, 16, length);
            timeline_add(fix->timeline, &event);
        }
    }
}

static void no_text_is_too_long_for_the_grid(void **state)
{
    struct fix *fix = *state;
    for (size_t length = 0; length < TIMELINE_DETAIL_BYTES / 2; length++) {
        timeline_clear(fix->timeline);
        timeline_begin(fix->timeline, "relay");
        add_every_shape(fix, length);
        const char *text = drawn(fix);
        assert_in_range(longest_line(text), 1, TIMELINE_COLUMNS);
        assert_string_equal(strstr(text, "3600.00000") != NULL ? "in place" : text, "in place");
    }
}

static void no_two_texts_of_a_line_touch(void **state)
{
    struct fix *fix = *state;
    for (size_t length = 0; length < TIMELINE_DETAIL_BYTES / 2; length++)
        add_every_shape(fix, length);
    struct timeline_page page = timeline_layout(&fix->timeline->ladders[0]);
    for (size_t i = 0; i < page.count; i++) {
        const struct timeline_row *row = &page.rows[i];
        for (unsigned a = 0; a < row->piece_count; a++) {
            const struct timeline_piece *one = &row->pieces[a];
            assert_true(one->line < row->lines);
            assert_true(one->column > TIMELINE_GUEST_COLUMN);
            assert_true(one->column + strlen(one->text) <= TIMELINE_DEBUGGER_COLUMN);
            for (unsigned b = a + 1; b < row->piece_count; b++) {
                const struct timeline_piece *other = &row->pieces[b];
                assert_true(one->line != other->line || one->column + strlen(one->text) < other->column ||
                            other->column + strlen(other->text) < one->column);
            }
        }
    }
    timeline_page_free(&page);
}

static void what_is_not_printable_becomes_a_question_mark(void **state)
{
    struct fix *fix = *state;
    struct timeline_event *event = say(fix, 0, TIMELINE_GUEST, "a\tb\x7F\xC3\xA9\n", 0);
    assert_string_equal(event->name, "a?b????");
}

static void an_empty_ladder_is_its_head(void **state)
{
    assert_drawn(*state, "");
}

static void machines_of_one_story_are_numbered_and_written_once(void **state)
{
    struct fix *fix = *state;
    timeline_begin(fix->timeline, "uart");
    assert_int_equal(occurrences(drawn(fix), "a story, machine 2 of 2\n"), 1);
    timeline_title(fix->timeline, "another");
    timeline_begin(fix->timeline, "uart");
    const char *text = drawn(fix);
    assert_memory_equal(text, "another\n", 8);
    assert_null(strstr(text, "a story"));
}

static void durations_have_about_three_digits(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0 ns"},          {999, "999 ns"},        {1000, "1 us"},          {1250, "1.25 us"},
                {1500, "1.5 us"},     {15000, "15 us"},       {15050, "15 us"},        {75100, "75.1 us"},
                {999999, "999 us"},   {18100000, "18.1 ms"},  {1040000000, "1.04 s"},  {20500000000, "20.5 s"},
                {3600000000000, "3600 s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TIMELINE_DURATION_BYTES];
        assert_string_equal(timeline_duration(rows[i].ns, text), rows[i].text);
    }
}

/* ---- the picture --------------------------------------------------------------------------------------- */

/* Reads an element's start or end; *at stands behind its '<'. Returns false when it is no good XML. */
static bool read_tag(const char **at, char names[][16], unsigned *depth)
{
    bool ends = **at == '/';
    const char *name = *at + ends;
    size_t length = strcspn(name, " />");
    size_t rest = strcspn(name, "<>");
    if (length == 0 || length >= 16 || name[rest] != '>')
        return false;
    for (size_t i = 0, quotes = 0; i <= rest; i++) {
        quotes += name[i] == '"';
        if (i == rest && quotes % 2 != 0)
            return false;
    }
    *at = name + rest + 1;
    if (ends)
        return *depth > 0 && strlen(names[--*depth]) == length && memcmp(names[*depth], name, length) == 0;
    if (name[rest - 1] == '/')
        return true;
    if (*depth == 8)
        return false;
    memcpy(names[*depth], name, length);
    names[(*depth)++][length] = 0;
    return true;
}

/* Elements are closed in order, quotes are paired, and no bare '&' is left. Enough for what we write. */
static bool is_well_formed(const char *text)
{
    static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    char names[8][16];
    unsigned depth = 0, roots = 0;
    if (strncmp(text, declaration, strlen(declaration)) != 0)
        return false;
    for (const char *at = text + strlen(declaration); *at != 0;) {
        if (*at == '<') {
            at++;
            roots += depth == 0;
            if (!read_tag(&at, names, &depth))
                return false;
            continue;
        }
        if (*at == '&' && strncmp(at, "&lt;", 4) != 0 && strncmp(at, "&gt;", 4) != 0 && strncmp(at, "&amp;", 5) != 0)
            return false;
        if (depth == 0 && !isspace((unsigned char)*at))
            return false;
        at++;
    }
    return depth == 0 && roots == 1;
}

static void the_checker_knows_bad_xml(void **state)
{
#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    (void)state;
    assert_true(is_well_formed(XML "<a b=\"1\"><c/>x &lt; y</a>\n"));
    assert_false(is_well_formed("<a></a>"));
    assert_false(is_well_formed(XML "<a>"));
    assert_false(is_well_formed(XML "<a></b>"));
    assert_false(is_well_formed(XML "<a b=\"1></a>"));
    assert_false(is_well_formed(XML "<a>x & y</a>"));
    assert_false(is_well_formed(XML "<a>x < y</a>"));
    assert_false(is_well_formed(XML "<a></a><b></b>"));
}

static void the_picture_is_well_formed_and_has_each_label_once(void **state)
{
    struct fix *fix = *state;
    life(fix, 0, TIMELINE_GUEST, "power on", false);
    say(fix, 10, TIMELINE_GUEST, "KdSendPacket debug_io", 0);
    to_debugger(fix, 20, "debug_io print", "id=0", "\"a < b && c > d\"");
    strike(to_target(fix, 30, "ack", "id=0", ""), TIMELINE_LOST, "swallowed");
    strike(to_debugger(fix, 40, "resend", "", ""), TIMELINE_STRUCK, "bit 9 flipped");
    heartbeat(fix, 50);
    heartbeat(fix, 60);
    static const char *const labels[] = {"a story",
                                         ">guest<",
                                         ">relay<",
                                         ">debugger<",
                                         "== power on ==",
                                         "KdSendPacket debug_io",
                                         "debug_io print id=0 \"a &lt; b &amp;&amp; c &gt; d\"",
                                         ">ack id=0<",
                                         ">swallowed<",
                                         "resend [bit 9 flipped]",
                                         "poll x 2 (10 exits, 150 us)",
                                         ">0.000040<"};
    const char *svg = pictured(fix);
    assert_true(is_well_formed(svg));
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        assert_int_equal(occurrences(svg, labels[i]), 1);
}

static void the_picture_needs_no_other_file(void **state)
{
    struct fix *fix = *state;
    read_once(fix, 0);
    const char *svg = pictured(fix);
    assert_null(strstr(svg, "href"));
    assert_null(strstr(svg, "url("));
    assert_int_equal(occurrences(svg, "http"), 1); /* the name of the language */
}

static void the_picture_is_as_high_as_its_ladders(void **state)
{
    struct fix *fix = *state;
    double one, two;
    read_once(fix, 0);
    assert_int_equal(sscanf(strstr(pictured(fix), " height="), " height=\"%lf", &one), 1);
    timeline_begin(fix->timeline, "uart");
    read_once(fix, 0);
    assert_int_equal(sscanf(strstr(pictured(fix), " height="), " height=\"%lf", &two), 1);
    assert_true(two > 1.5 * one && two < 2 * one);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_conversation_is_drawn_as_a_ladder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_are_marked_where_they_strike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_goes_below_word_by_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heartbeats_in_a_row_are_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_that_comes_again_is_shown_once_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_turns_are_not_worth_a_fold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_is_never_folded_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_text_is_too_long_for_the_grid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_two_texts_of_a_line_touch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_printable_becomes_a_question_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_ladder_is_its_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(machines_of_one_story_are_numbered_and_written_once, set_up, tear_down),
        cmocka_unit_test(durations_have_about_three_digits),
        cmocka_unit_test(the_checker_knows_bad_xml),
        cmocka_unit_test_setup_teardown(the_picture_is_well_formed_and_has_each_label_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_picture_needs_no_other_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_picture_is_as_high_as_its_ladders, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
