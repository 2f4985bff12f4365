/* Goal: the wire notation says exactly what it means: times, packets, ids, words, and what is refused.
 * Method: parse texts; match them against frames made by hand; build frames and read them back with dbg's parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants the four above first. */
#include <cmocka.h>

#include "harness/script/script_wire.h"
#include <string.h>

static struct wire *parse(const char *text)
{
    char why[LAB_WHY_BYTES];
    unsigned line;
    struct wire *wire = script_wire_parse(text, why, &line);
    if (wire == NULL)
        fail_msg("line %u: %s", line, why);
    return wire;
}

static void assert_refused(const char *text, unsigned at_line, const char *words)
{
    char why[LAB_WHY_BYTES];
    unsigned line;
    assert_null(script_wire_parse(text, why, &line));
    assert_int_equal(line, at_line);
    assert_non_null(strstr(why, words));
}

static bool matches(const char *line, const struct lab_frame *frame)
{
    struct wire *wire = parse(line);
    bool result = script_wire_matches(&wire->steps[0], frame);
    script_wire_free(wire);
    return result;
}

static struct lab_frame ack(uint32_t id)
{
    return (struct lab_frame){.control = true, .good = true, .id = id, .body.type = DBG_TYPE_ACK};
}

static struct lab_frame print_frame(uint8_t *body)
{
    static const uint8_t header[16] = {0x30, 0x32, 0, 0, 6, 0, 0, 0, 5};
    memcpy(body, header, 16);
    memcpy(body + 16, "Hello", 5);
    return (struct lab_frame){
        .good = true, .id = 0x80800801, .body = {.bytes = body, .len_bytes = 21, .type = DBG_TYPE_DEBUG_IO}};
}

/* ---- parsing ------------------------------------------------------------------------------------------------- */

static void times_are_read_in_every_form(void **state)
{
    (void)state;
    struct wire *wire = parse("+0 > ack\n+1s > ack\n+0..10ms > ack\n+1.5us..2us > ack\n* > ack\n+7ns < ack id=0");
    assert_int_equal(wire->count, 6);
    assert_int_equal(wire->steps[0].to_ns, 0);
    assert_int_equal(wire->steps[1].from_ns, 1000000000);
    assert_int_equal(wire->steps[1].to_ns, 1000000000);
    assert_int_equal(wire->steps[2].from_ns, 0);
    assert_int_equal(wire->steps[2].to_ns, 10000000);
    assert_int_equal(wire->steps[3].from_ns, 1500);
    assert_int_equal(wire->steps[3].to_ns, 2000);
    assert_true(wire->steps[4].any_time);
    assert_int_equal(wire->steps[5].from_ns, 7);
    assert_int_equal(wire->steps[5].kind, WIRE_PLAY);
    assert_true(wire->plays);
    script_wire_free(wire);
}

static void comments_and_blank_lines_count_as_lines(void **state)
{
    (void)state;
    struct wire *wire = parse("  # first\n\n   +0 > ack   -- why\n   ...\n");
    assert_int_equal(wire->count, 2);
    assert_int_equal(wire->steps[0].line, 2);
    assert_string_equal(wire->steps[0].text, "ack");
    assert_int_equal(wire->steps[1].kind, WIRE_ANY);
    assert_false(wire->plays);
    script_wire_free(wire);
}

static void quoted_texts_are_one_word(void **state)
{
    (void)state;
    struct wire *wire = parse("* > debug_io print \"Hello, # KD\" id=0");
    assert_int_equal(wire->steps[0].word_count, 4);
    assert_string_equal(wire->steps[0].text, "debug_io print \"Hello, # KD\" id=0");
    script_wire_free(wire);
}

static void bad_lines_are_refused_with_their_number(void **state)
{
    (void)state;
    assert_refused("+0 > ack\n+0 > akc", 1, "no packet is called 'akc'");
    assert_refused("ack", 0, "expected TIME > PACKET");
    assert_refused("+5 > ack", 0, "expected TIME > PACKET");
    assert_refused("+2s..1s > ack", 0, "expected TIME > PACKET");
    assert_refused("+1h > ack", 0, "expected TIME > PACKET");
    assert_refused("+0 = ack", 0, "expected TIME > PACKET");
    assert_refused("+0 > ack 1 2 3 4 5 6 7 8 9 a b c d e f", 0, "more than 16 words");
}

/* ---- matching ------------------------------------------------------------------------------------------------ */

static void ids_are_relative_and_optional(void **state)
{
    (void)state;
    struct lab_frame frame = ack(0x80800001);
    assert_true(matches("* > ack id=1", &frame));
    assert_true(matches("* > ack", &frame));
    assert_true(matches("* > ack id=...", &frame));
    assert_true(matches("* > ack id=0x80800001", &frame));
    assert_false(matches("* > ack id=0", &frame));
    assert_false(matches("* > ack id=1+sync", &frame));
    assert_false(matches("* > resend id=1", &frame));
}

static void every_word_must_occur(void **state)
{
    (void)state;
    uint8_t body[32];
    struct lab_frame frame = print_frame(body);
    assert_true(matches("* > debug_io", &frame));
    assert_true(matches("* > debug_io print \"ello\" id=1+sync", &frame));
    assert_false(matches("* > debug_io prompt", &frame));
    assert_false(matches("* > debug_io \"hello\"", &frame));
    assert_false(matches("* > debug_io pri", &frame));
}

static void bad_frames_match_only_when_expected(void **state)
{
    (void)state;
    uint8_t body[32];
    struct lab_frame frame = print_frame(body);
    frame.good = false;
    assert_false(matches("* > debug_io", &frame));
    assert_true(matches("* > debug_io bad", &frame));
    frame.good = true;
    assert_false(matches("* > debug_io bad", &frame));
}

static void a_frame_is_written_in_the_same_notation(void **state)
{
    (void)state;
    char text[200];
    uint8_t body[32];
    struct lab_frame control = ack(0x80800800), data = print_frame(body), odd = ack(0x12345678);
    assert_string_equal(script_wire_text(&control, text, sizeof text), "ack id=0+sync");
    assert_string_equal(script_wire_text(&data, text, sizeof text), "debug_io print \"Hello\" id=1+sync");
    assert_string_equal(script_wire_text(&odd, text, sizeof text), "ack id=0x12345678");
}

/* ---- playing ------------------------------------------------------------------------------------------------- */

struct seen {
    unsigned count;
    struct dbg_frame frame;
    uint8_t body[DBG_BODY_BYTES_MAX];
};

static void see(void *context, const struct dbg_frame *frame)
{
    struct seen *seen = context;
    seen->count++;
    seen->frame = *frame;
    if (frame->body_bytes > 0)
        memcpy(seen->body, frame->body, frame->body_bytes);
}

static size_t build(const char *line, uint8_t *bytes)
{
    struct wire *wire = parse(line);
    char why[LAB_WHY_BYTES];
    size_t len_bytes = 0;
    if (script_wire_bytes(&wire->steps[0], DBG_X64, bytes, &len_bytes, why) != KD_OK)
        fail_msg("%s", why);
    script_wire_free(wire);
    return len_bytes;
}

static struct seen play(const char *line)
{
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
    struct seen seen = {0};
    struct dbg_parser *parser = dbg_parser_create(see, &seen);
    dbg_parser_input(parser, bytes, build(line, bytes));
    dbg_parser_destroy(parser);
    assert_int_equal(seen.count, 1);
    return seen;
}

static void control_frames_are_played(void **state)
{
    (void)state;
    struct seen seen = play("+0 < ack id=1");
    assert_true(seen.frame.control && seen.frame.good);
    assert_int_equal(seen.frame.type, DBG_TYPE_ACK);
    assert_int_equal(seen.frame.id, 0x80800001);
    assert_int_equal(play("+0 < reset").frame.id, 0);
}

static void requests_are_played_with_their_fields(void **state)
{
    (void)state;
    struct dbg_reply request;
    struct seen seen = play("+0 < manipulate read_virtual id=0+sync cpu=1 address=0xfffff80000000000 count=16");
    assert_true(seen.frame.good);
    assert_int_equal(seen.frame.id, 0x80800800);
    assert_int_equal(dbg_api_reply(seen.body, seen.frame.body_bytes, &request), KD_OK);
    assert_int_equal(request.api, DBG_API_READ_VIRTUAL);
    assert_int_equal(request.cpu, 1);
    assert_int_equal(dbg_api_field(&request, 0, 8), 0xfffff80000000000u);
    assert_int_equal(dbg_api_field(&request, 8, 4), 16);
}

static void a_checksum_can_be_spoilt(void **state)
{
    (void)state;
    assert_false(play("+0 < manipulate get_version id=0 bad_checksum").frame.good);
}

static void raw_bytes_are_played_as_they_are(void **state)
{
    (void)state;
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
    assert_int_equal(build("+0 < raw 62 3030 aa", bytes), 4);
    assert_memory_equal(bytes, "\x62\x30\x30\xAA", 4);
    assert_int_equal(build("+0 < break_in", bytes), 1);
    assert_int_equal(bytes[0], 0x62);
}

static void what_cannot_be_played_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"+0 < manipulate id=0 nonsense", "+0 < manipulate get_version", "+0 < raw 6",
                                      "+0 < raw zz", "+0 < ack id=x", "+0 < debug_io id=0 data=123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[DBG_FRAME_BYTES_MAX];
        char why[LAB_WHY_BYTES];
        size_t len_bytes;
        struct wire *wire = parse(bad[i]);
        assert_int_equal(script_wire_bytes(&wire->steps[0], DBG_X64, bytes, &len_bytes, why), KD_ERR_ARGUMENT);
        assert_non_null(strstr(why, "cannot be played"));
        script_wire_free(wire);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(comments_and_blank_lines_count_as_lines),
        cmocka_unit_test(quoted_texts_are_one_word),
        cmocka_unit_test(bad_lines_are_refused_with_their_number),
        cmocka_unit_test(ids_are_relative_and_optional),
        cmocka_unit_test(every_word_must_occur),
        cmocka_unit_test(bad_frames_match_only_when_expected),
        cmocka_unit_test(a_frame_is_written_in_the_same_notation),
        cmocka_unit_test(control_frames_are_played),
        cmocka_unit_test(requests_are_played_with_their_fields),
        cmocka_unit_test(a_checksum_can_be_spoilt),
        cmocka_unit_test(raw_bytes_are_played_as_they_are),
        cmocka_unit_test(what_cannot_be_played_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
