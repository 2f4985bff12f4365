/* Goal: the debugger's parser and builders agree with kd-protocol.md, not with the target's codec.
 * Method: every vector of its section 6 is read from the document itself and fed whole, byte by byte and in
 * threes; what must come out of the invalid ones stands in a table here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include "harness/dbg/dbg_wire.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VECTORS_MAX = 120, VECTOR_BYTES_MAX = 512, SEEN_MAX = 8 };

struct vector {
    char name[4];
    char direction[8];
    char kind[8];
    unsigned len_bytes;
    uint8_t bytes[VECTOR_BYTES_MAX];
};

/* What a parser reported, as text: "good 7 80800800 257; bad 3 ...". */
struct seen {
    unsigned count;
    struct dbg_frame frames[SEEN_MAX];
    char text[256];
};

struct fixture {
    unsigned count;
    struct vector vectors[VECTORS_MAX];
};

static int hex_value(int c)
{
    return isdigit(c) ? c - '0' : toupper(c) - 'A' + 10;
}

static void read_hex(FILE *file, struct vector *vector)
{
    int high = -1;
    for (unsigned at = 0; at < vector->len_bytes;) {
        int c = fgetc(file);
        assert_int_not_equal(c, EOF);
        if (isspace(c))
            continue;
        assert_true(isxdigit(c));
        if (high < 0) {
            high = hex_value(c);
        } else {
            vector->bytes[at++] = (uint8_t)(high << 4 | hex_value(c));
            high = -1;
        }
    }
}

static int read_vectors(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    FILE *file = fopen(KD_PROTOCOL_MD, "r");
    assert_non_null(f);
    assert_non_null(file);
    char line[2048];
    while (fgets(line, sizeof line, file) != NULL) {
        struct vector *v = &f->vectors[f->count];
        if (!isupper((unsigned char)line[0]) || !isdigit((unsigned char)line[1]) ||
            sscanf(line, "%3[A-Z0-9] %7s %7s %u |", v->name, v->direction, v->kind, &v->len_bytes) != 4)
            continue;
        assert_true(v->len_bytes <= VECTOR_BYTES_MAX);
        read_hex(file, v);
        f->count++;
        assert_true(f->count < VECTORS_MAX);
    }
    fclose(file);
    *state = f;
    return 0;
}

static int free_vectors(void **state)
{
    free(*state);
    return 0;
}

static void see(void *context, const struct dbg_frame *frame)
{
    struct seen *seen = context;
    assert_true(seen->count < SEEN_MAX);
    seen->frames[seen->count++] = *frame;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%s%s %u %08x %u", len > 0 ? "; " : "",
             frame->good ? "good" : "bad", frame->type, frame->id, frame->body_bytes);
}

static struct seen parse(const uint8_t *bytes, size_t len_bytes, size_t chunk)
{
    struct seen seen = {0};
    struct dbg_parser *parser = dbg_parser_create(see, &seen);
    for (size_t at = 0; at < len_bytes; at += chunk)
        dbg_parser_input(parser, bytes + at, len_bytes - at < chunk ? len_bytes - at : chunk);
    dbg_parser_destroy(parser);
    return seen;
}

static const struct vector *find(const struct fixture *f, const char *name)
{
    for (unsigned i = 0; i < f->count; i++)
        if (strcmp(f->vectors[i].name, name) == 0)
            return &f->vectors[i];
    fail_msg("no vector %s", name);
    return NULL;
}

static void the_document_has_its_vectors(void **state)
{
    const struct fixture *f = *state;
    assert_true(f->count >= 64);
}

static void valid_vectors_are_one_good_frame_with_their_type_and_id(void **state)
{
    const struct fixture *f = *state;
    unsigned checked = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const struct vector *v = &f->vectors[i];
        if (strcmp(v->kind, "valid") != 0 || v->len_bytes == 1)
            continue;
        struct seen seen = parse(v->bytes, v->len_bytes, v->len_bytes);
        char want[64];
        bool control = v->bytes[0] == 0x69;
        snprintf(want, sizeof want, "good %u %08x %u", dbg_get16(v->bytes + 4), dbg_get32(v->bytes + 8),
                 control ? 0 : dbg_get16(v->bytes + 6));
        if (strcmp(seen.text, want) != 0)
            fail_msg("%s: parsed \"%s\", the document says \"%s\"", v->name, seen.text, want);
        checked++;
    }
    assert_true(checked >= 45);
}

static void valid_vectors_are_rebuilt_to_the_byte(void **state)
{
    const struct fixture *f = *state;
    for (unsigned i = 0; i < f->count; i++) {
        const struct vector *v = &f->vectors[i];
        if (strcmp(v->kind, "valid") != 0 || v->len_bytes == 1)
            continue;
        uint8_t built[DBG_FRAME_BYTES_MAX];
        uint16_t type = dbg_get16(v->bytes + 4);
        uint32_t id = dbg_get32(v->bytes + 8);
        size_t built_bytes = v->bytes[0] == 0x69
                                 ? dbg_frame_control(built, type, id)
                                 : dbg_frame_data(built, type, id, v->bytes + 16, v->len_bytes - 17);
        assert_int_equal(built_bytes, v->len_bytes);
        assert_memory_equal(built, v->bytes, built_bytes);
    }
}

static void a_break_in_byte_is_no_frame(void **state)
{
    const struct vector *v = find(*state, "C07");
    assert_int_equal(parse(v->bytes, v->len_bytes, 1).count, 0);
}

static void invalid_vectors_come_out_as_the_document_says(void **state)
{
    static const struct {
        const char *name, *text;
    } expected[] = {
        {"C08", "good 4 80800800 0"},  /* judged by its id, not by the parser */
        {"C09", "good 11 00000000 0"}, /* ignored by its type */
        {"E01", "bad 3 80800000 19"},  /* checksum */
        {"E02", ""},                   /* a header cut short waits for silence */
        {"E03", ""},                   /* so does a body */
        {"E04", "bad 2 80800000 0"},   /* too long: nothing is waited for */
        {"E05", "bad 2 80800000 56"},  /* trailing byte */
        {"E06", "bad 2 80800000 56"},  /* the second frame is noise */
        {"E07", "good 2 80800000 56; good 2 80800000 56"},
        {"E08", "good 4 80800000 0"}, /* behind noise */
        {"E09", ""},                  /* misframed: the body runs dry */
        {"E10", "good 6 00000000 0"},
        {"E11", "bad 2 80800000 40"}, /* shorter than its header */
        {"E12", "good 3 80800000 56"},
        {"E13", "bad 2 80800000 0"},
        {"E14", "good 2 80800001 56"},
        {"E15", "good 3 80800800 19"},
        {"E16", "good 2 12345678 56"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct vector *v = find(*state, expected[i].name);
        struct seen seen = parse(v->bytes, v->len_bytes, v->len_bytes);
        if (strcmp(seen.text, expected[i].text) != 0)
            fail_msg("%s: parsed \"%s\", expected \"%s\"", v->name, seen.text, expected[i].text);
    }
}

static void any_split_of_the_stream_gives_the_same_frames(void **state)
{
    const struct fixture *f = *state;
    for (unsigned i = 0; i < f->count; i++) {
        const struct vector *v = &f->vectors[i];
        struct seen whole = parse(v->bytes, v->len_bytes, v->len_bytes);
        for (size_t chunk = 1; chunk < 20; chunk += 2)
            assert_string_equal(parse(v->bytes, v->len_bytes, chunk).text, whole.text);
    }
}

static void stray_leader_bytes_of_the_other_kind_restart_the_count(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x69, 0x69, 0x69, 0x30, 0x69, 0x69, 0x69, 0x69, 4, 0,
                             0,    0,    1,    0,    0x80, 0x80, 0,    0,    0, 0};
    assert_string_equal(parse(bytes, sizeof bytes, sizeof bytes).text, "good 4 80800001 0");
}

static void the_largest_body_passes_and_one_byte_more_does_not(void **state)
{
    (void)state;
    static uint8_t body[DBG_BODY_BYTES_MAX + 1], frame[DBG_FRAME_BYTES_MAX + 1];
    memset(body, 0xFF, sizeof body);
    size_t len_bytes = dbg_frame_data(frame, 2, 0x80800001, body, DBG_BODY_BYTES_MAX);
    assert_int_equal(len_bytes, DBG_FRAME_BYTES_MAX);
    assert_int_equal(dbg_get32(frame + 12), 0x000F9060); /* G02 */
    assert_string_equal(parse(frame, len_bytes, 100).text, "good 2 80800001 4000");
    dbg_put(frame + 6, 2, DBG_BODY_BYTES_MAX + 1);
    assert_string_equal(parse(frame, len_bytes, 100).text, "bad 2 80800001 0");
}

static void a_large_text_of_every_byte_keeps_its_checksum(void **state)
{
    (void)state;
    static uint8_t body[DBG_BODY_BYTES_MAX] = {0x30, 0x32, 0, 0, 6, 0, 0, 0, 0x90, 0x0F},
                   frame[DBG_FRAME_BYTES_MAX];
    for (unsigned i = 0; i < 3984; i++)
        body[16 + i] = (uint8_t)(7 * i + 3);
    size_t len_bytes = dbg_frame_data(frame, 3, 0x80800000, body, sizeof body);
    assert_int_equal(dbg_get32(frame + 12), 0x0007C0BF); /* G06 */
    assert_string_equal(parse(frame, len_bytes, 7).text, "good 3 80800000 4000");
}

static void forgetting_says_whether_there_was_half_a_frame(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct dbg_parser *parser = dbg_parser_create(see, &seen);
    const uint8_t leader[] = {0x30, 0x30, 0x30, 0x30};
    assert_false(dbg_parser_forget(parser));
    dbg_parser_input(parser, leader, 3);
    assert_false(dbg_parser_forget(parser));
    dbg_parser_input(parser, leader, 1);
    assert_false(dbg_parser_in_frame(parser));
    dbg_parser_input(parser, leader, 3);
    assert_true(dbg_parser_in_frame(parser));
    assert_true(dbg_parser_forget(parser));
    assert_false(dbg_parser_forget(parser));
    dbg_parser_destroy(parser);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_has_its_vectors),
        cmocka_unit_test(valid_vectors_are_one_good_frame_with_their_type_and_id),
        cmocka_unit_test(valid_vectors_are_rebuilt_to_the_byte),
        cmocka_unit_test(a_break_in_byte_is_no_frame),
        cmocka_unit_test(invalid_vectors_come_out_as_the_document_says),
        cmocka_unit_test(any_split_of_the_stream_gives_the_same_frames),
        cmocka_unit_test(stray_leader_bytes_of_the_other_kind_restart_the_count),
        cmocka_unit_test(the_largest_body_passes_and_one_byte_more_does_not),
        cmocka_unit_test(a_large_text_of_every_byte_keeps_its_checksum),
        cmocka_unit_test(forgetting_says_whether_there_was_half_a_frame),
    };
    return cmocka_run_group_tests(tests, read_vectors, free_vectors);
}
