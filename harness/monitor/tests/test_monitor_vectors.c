/* Goal: the vectors of kd-protocol.md section 6 bind the monitor too: the valid ones are legal at their
 * place, the invalid ones are named, by their rule. Method: the vectors are read from the document itself.
 * Each one is a row of `places` (what goes before it, what must be said of it) and a vector without a row is
 * a failure; session A is played in the document's own order. */
#include "harness/monitor/tests/wire_talk.h"

enum { VECTORS_MAX = 128 };

struct vector {
    char name[4];
    char direction[5];
    char kind[8];
    struct bytes bytes;
};

static char document[256 * 1024];
static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

/* ---- the document ---- */

static const struct vector *find_vector(const char *name)
{
    for (size_t i = 0; i < vector_count; i++)
        if (strncmp(vectors[i].name, name, 3) == 0)
            return &vectors[i];
    fail_msg("the document has no vector %.3s", name);
    return NULL;
}

/* "NAME DIRECTION KIND LENGTH | text", then hex until LENGTH bytes. */
static void read_vector(const char *line)
{
    struct vector vector = {0};
    if (sscanf(line, "%3s %4s %7s %zu |", vector.name, vector.direction, vector.kind, &vector.bytes.count) !=
            4 ||
        strchr("CXSFE", vector.name[0]) == NULL || strspn(vector.name + 1, "0123456789") != 2)
        return;
    const char *hex = strchr(line, '\n');
    assert_in_range(vector.bytes.count, 1, sizeof vector.bytes.at);
    for (size_t i = 0; i < vector.bytes.count; i++, hex += 2) {
        unsigned value;
        hex += strspn(hex, " \n");
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        vector.bytes.at[i] = (uint8_t)value;
    }
    assert_true(vector_count < VECTORS_MAX);
    vectors[vector_count++] = vector;
}

static int read_document(void **state)
{
    (void)state;
    FILE *file = fopen(KD_PROTOCOL_MD, "rb");
    assert_non_null(file);
    size_t length = fread(document, 1, sizeof document - 1, file);
    fclose(file);
    assert_in_range(length, 1, sizeof document - 2);
    const char *section = strstr(document, "\n## 6. Test vectors");
    const char *end = section == NULL ? NULL : strstr(section + 1, "\n## 7.");
    assert_non_null(end);
    for (const char *line = section + 1; line < end; line = strchr(line, '\n') + 1)
        read_vector(line);
    return 0;
}

/* ---- playing ---- */

static enum monitor_end writer_of(const struct vector *vector)
{
    return vector->direction[0] == 'T' ? T : D;
}

/* A word of a script: a vector by its name, "~" before it: lost; "<a0" an ACK by the debugger, ">a0" by the
 * target; or how the conversation begins */
static void play_word(struct talk *talk, const char *word)
{
    if (strcmp(word, "boot") == 0)
        attached_and_booted(talk);
    else if (strcmp(word, "run") == 0)
        running(talk);
    else if (strcmp(word, "stop") == 0)
        stopped(talk);
    else if (word[0] == '<' || word[0] == '>')
        says(talk, word[0] == '<' ? D : T, control(ACK, (unsigned)(word[2] - '0')));
    else if (word[0] == '~')
        writes(talk, writer_of(find_vector(word + 1)), find_vector(word + 1)->bytes);
    else
        says(talk, writer_of(find_vector(word)), find_vector(word)->bytes);
}

static void play(struct talk *talk, const char *script)
{
    char words[256];
    snprintf(words, sizeof words, "%s", script);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        play_word(talk, word);
}

/* ---- where each vector belongs ---- */

static const struct place {
    const char *name;
    enum monitor_rule rule; /* MONITOR_W0: it is legal there */
    const char *before;
} places[] = {
    {"C01", MONITOR_W0, "boot"},
    {"C02", MONITOR_W0, "stop C01"},
    {"C03", MONITOR_W0, "stop C01"},
    {"C04", MONITOR_W0, "boot S01"},
    {"C05", MONITOR_W0, "run S23"},
    {"C06", MONITOR_W0, "stop"},
    {"C07", MONITOR_W0, "run"},
    {"C08", MONITOR_W8, "boot S01"},
    {"C09", MONITOR_W2, "stop"},
    {"X01", MONITOR_W0, "boot"},
    {"S01", MONITOR_W0, "boot"},
    {"S02", MONITOR_W0, "stop"},
    {"S03", MONITOR_W0, "stop S02 >a0"},
    {"S04", MONITOR_W0, "stop S02 >a0 S03 <a1"},
    {"S05", MONITOR_W0, "stop S02 >a0 S03 <a1 S04 >a1"},
    {"S12", MONITOR_W0, "stop S02 >a0 S03 <a1"},
    {"S14", MONITOR_W0, "stop"},
    {"S16", MONITOR_W0, "stop S02 >a0 S03 <a1"},
    {"S18", MONITOR_W0, "stop"},
    {"S20", MONITOR_W0, "stop S18 >a0 S19 <a1"},
    {"S21", MONITOR_W0, "stop"},
    {"S23", MONITOR_W0, "run"},
    {"F01", MONITOR_W0, "stop"},
    {"F02", MONITOR_W0, "stop"},
    {"F03", MONITOR_W0, "stop S02 >a0 S03 <a1"},
    {"F04", MONITOR_W0, "stop S02 >a0 S03 <a1"},
    {"F05", MONITOR_W0, "stop"},
    {"F06", MONITOR_W0, "stop"},
    {"F07", MONITOR_W0, "run"},
    {"F08", MONITOR_W0, "run S23 <a1"},
    {"F09", MONITOR_W0, "run S23 <a1 S24 >a1 F08 <a0"},
    {"F10", MONITOR_W0, "stop"},
    {"F11", MONITOR_W0, "stop S02 >a0 S03 <a1 S04 >a1"},
    {"F12", MONITOR_W0, "stop"},
    {"F13", MONITOR_W0, "stop F12 >a0"},
    {"E01", MONITOR_W3, "run S23 <a1"},
    {"E02", MONITOR_W1, "stop"},
    {"E03", MONITOR_W1, "stop"},
    {"E04", MONITOR_W3, "stop"},
    {"E05", MONITOR_W3, "stop"},
    {"E06", MONITOR_W3, "stop"},
    {"E07", MONITOR_W0, "stop"}, /* a repeat before its ACK: legal, if hasty */
    {"E08", MONITOR_W1, "boot S01"},
    {"E09", MONITOR_W1, "stop"},
    {"E10", MONITOR_W0, "run"},
    {"E11", MONITOR_W3, "stop"},
    {"E12", MONITOR_W16, "stop"},
    {"E13", MONITOR_W3, "stop"},
    {"E14", MONITOR_W7, "stop"},
    {"E15", MONITOR_W0, "run S23 <a1 ~S22"}, /* the print was abandoned */
    {"E16", MONITOR_W4, "stop"},
};

static const struct place *find_place(const char *name)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].name, name) == 0)
            return &places[i];
    return NULL;
}

/* What breaks off is named when its time is over. */
static void assert_place(struct talk *talk, const struct place *place, const struct vector *vector)
{
    open_monitor(talk);
    play(talk, place->before);
    if (monitor_violation_count(talk->monitor) > 0)
        fail_msg("before %s: %s", place->name, monitor_violation(talk->monitor, 0)->text);
    writes(talk, writer_of(vector), vector->bytes);
    passes(talk, ms(1000));
    bool silent = monitor_violation_count(talk->monitor) == 0;
    if (silent)
        monitor_finish(talk->monitor, talk->now_ns);
    unsigned found = monitor_violation_count(talk->monitor);
    enum monitor_rule rule = found == 0 ? MONITOR_W0 : monitor_violation(talk->monitor, 0)->rule;
    if (rule != place->rule)
        fail_msg("%s: expected %s, found %s", place->name, monitor_rule_name(place->rule),
                 found == 0 ? "nothing" : monitor_violation(talk->monitor, 0)->text);
}

/* ---- tests ---- */

static void session_a_is_legal(void **state)
{
    struct talk *talk = *state;
    const char *at = strstr(document, "Play in this order");
    assert_non_null(at);
    at = strstr(at, "S01 ");
    const char *end = strstr(at, "(`");
    assert_non_null(end);
    attached_and_booted(talk);
    unsigned frames = 0;
    static const char from_debugger[] = "\u2190a", from_target[] = "\u2192a"; /* arrows, and the ACK */
    for (; at < end; at++) {
        bool ack_by_d = strncmp(at, from_debugger, 4) == 0;
        if (ack_by_d || strncmp(at, from_target, 4) == 0)
            says(talk, ack_by_d ? D : T, control(ACK, (unsigned)(at[4] - '0')));
        else if (at[0] == 'S' && strspn(at + 1, "0123456789") == 2)
            says(talk, writer_of(find_vector(at)), find_vector(at)->bytes), frames++;
        if (monitor_violation_count(talk->monitor) > 0)
            fail_msg("at %.12s: %s", at, monitor_violation(talk->monitor, 0)->text);
    }
    assert_int_equal(frames, 25);
}

static void each_vector_is_judged_at_its_place(void **state)
{
    struct talk *talk = *state;
    for (size_t i = 0; i < vector_count; i++) {
        const struct place *place = find_place(vectors[i].name);
        if (place != NULL)
            assert_place(talk, place, &vectors[i]);
    }
}

/* Session A has the valid data frames of its letter; all others have a row. */
static void no_vector_is_forgotten(void **state)
{
    (void)state;
    assert_true(vector_count >= 60);
    for (size_t i = 0; i < vector_count; i++)
        if (vectors[i].name[0] != 'S' && find_place(vectors[i].name) == NULL)
            fail_msg("%s has no row", vectors[i].name);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct vector *vector = find_vector(places[i].name);
        if (strcmp(vector->kind, "valid") == 0)
            assert_int_equal(places[i].rule, MONITOR_W0);
        if (strcmp(vector->kind, "invalid") == 0)
            assert_int_not_equal(places[i].rule, MONITOR_W0);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(session_a_is_legal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_vector_is_judged_at_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_vector_is_forgotten, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, read_document, NULL);
}
