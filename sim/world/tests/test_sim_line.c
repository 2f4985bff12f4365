/* Goal: a line keeps order and latency, and applies each fault to exactly the frame its rule names, whether the frame
 * was written at once (a stream) or byte by byte (a UART).
 * Method: frames as hex text, the delivered bytes compared with what the fault must leave. */
#include "sim/world/sim_line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* An ACK, and a print whose body is "abc" only: lengths are what matters here. */
#define ACK_0 "69696969040000000000808000000000"
#define DATA  "30303030030003000000808026010000616263AA"

struct fix {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_line *line;
    char delivered[4096]; /* hex */
    unsigned deliveries;
    uint64_t last_ns;
    unsigned faults_told;
    size_t fault_frame_bytes;
    char told[256]; /* the length of each frame told, with a star when it was struck */
};

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *fix = context;
    for (size_t i = 0; i < len_bytes; i++)
        sprintf(fix->delivered + strlen(fix->delivered), "%02X", bytes[i]);
    fix->deliveries++;
    fix->last_ns = sim_now(fix->world);
}

static void on_fault(void *context, const struct sim_fault_rule *rule, const uint8_t *frame, size_t frame_bytes)
{
    struct fix *fix = context;
    (void)rule;
    (void)frame;
    fix->faults_told++;
    fix->fault_frame_bytes = frame_bytes;
}

static void on_frame(void *context, const struct sim_fault_rule *rule, const uint8_t *frame, size_t frame_bytes)
{
    struct fix *fix = context;
    (void)frame;
    sprintf(fix->told + strlen(fix->told), "%zu%s ", frame_bytes, rule != NULL ? "*" : "");
}

static void open_line(struct fix *fix, uint32_t chunk_bytes)
{
    struct sim_line_config config = {.layer = SIM_FAULT_STREAM,
                                     .direction = SIM_FAULT_TO_DEBUGGER,
                                     .latency_ns = 25000,
                                     .chunk_bytes = chunk_bytes};
    sim_line_destroy(fix->line);
    fix->line = sim_line_create(fix->world, fix->faults, &config, on_bytes, fix);
    sim_line_on_fault(fix->line, on_fault, fix);
}

static int set_up(void **state)
{
    static struct fix fix;
    struct sim_cost cost = sim_cost_default();
    memset(&fix, 0, sizeof fix);
    fix.world = sim_world_create(1, &cost);
    fix.faults = sim_faults_create(fix.world);
    open_line(&fix, 0);
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    sim_line_destroy(fix->line);
    sim_faults_destroy(fix->faults);
    sim_world_destroy(fix->world);
    return 0;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t count = strlen(hex) / 2;
    for (size_t i = 0; i < count; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return count;
}

static void write_hex(struct fix *fix, const char *hex)
{
    uint8_t bytes[2048];
    size_t count = from_hex(hex, bytes);
    sim_line_write(fix->line, bytes, count);
}

static void write_bytewise(struct fix *fix, const char *hex)
{
    uint8_t bytes[2048];
    size_t count = from_hex(hex, bytes);
    for (size_t i = 0; i < count; i++)
        sim_line_write(fix->line, bytes + i, 1);
}

static void run_all(struct fix *fix)
{
    while (sim_step(fix->world, SIM_NEVER))
        ;
}

static struct sim_fault_rule rule_of(enum sim_fault_kind kind, enum sim_fault_packet packet)
{
    return (struct sim_fault_rule){.layer = SIM_FAULT_STREAM,
                                   .direction = SIM_FAULT_TO_DEBUGGER,
                                   .kind = kind,
                                   .packet = packet,
                                   .nth = 1,
                                   .count = 1,
                                   .byte = SIM_FAULT_NO_BYTE};
}

static void place(struct fix *fix, struct sim_fault_rule rule)
{
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
}

static void a_write_arrives_whole_after_the_latency(void **state)
{
    struct fix *fix = *state;
    write_hex(fix, DATA ACK_0);
    assert_false(sim_line_idle(fix->line));
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_int_equal(fix->deliveries, 1);
    assert_int_equal(fix->last_ns, 25000);
    assert_true(sim_line_idle(fix->line));
    assert_int_equal(sim_line_written(fix->line), sim_line_delivered(fix->line));
}

static void chunks_are_no_larger_than_asked(void **state)
{
    struct fix *fix = *state;
    open_line(fix, 5);
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0);
    assert_int_equal(fix->deliveries, 4);
    assert_int_equal(fix->last_ns, 25000 + 3 * 1000);
}

static void a_dropped_frame_leaves_its_neighbours(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
    write_hex(fix, ACK_0 DATA ACK_0 DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0 ACK_0 DATA);
    assert_int_equal(fix->faults_told, 1);
    assert_int_equal(fix->fault_frame_bytes, 20);
}

static void bytewise_writes_are_struck_alike(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
    write_bytewise(fix, ACK_0 DATA ACK_0 DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0 ACK_0 DATA);
}

static void one_byte_of_a_frame_can_be_dropped(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_DROP, SIM_PACKET_ACK);
    rule.byte = 4;
    place(fix, rule);
    write_hex(fix, ACK_0 ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, "696969690000000000808000000000" ACK_0);
}

static void the_named_bit_is_flipped(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_FLIP, SIM_PACKET_DEBUG_IO);
    rule.bit = 16 * 8 + 1;
    place(fix, rule);
    write_hex(fix, DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, "30303030030003000000808026010000636263AA");
}

static void a_duplicated_frame_comes_twice(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DUPLICATE, SIM_PACKET_DEBUG_IO));
    write_hex(fix, DATA ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA DATA ACK_0);
}

static void a_delayed_frame_holds_up_those_behind_it(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_DELAY, SIM_PACKET_DEBUG_IO);
    rule.delay_ns = 1000000;
    place(fix, rule);
    write_hex(fix, ACK_0 DATA ACK_0);
    assert_true(sim_step(fix->world, SIM_NEVER));
    assert_string_equal(fix->delivered, ACK_0);
    assert_int_equal(sim_now(fix->world), 25000);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0 DATA ACK_0);
    assert_int_equal(fix->last_ns, 1025000);
}

static void a_shorter_delay_overtakes_no_longer_one(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule longer = rule_of(SIM_FAULT_DELAY, SIM_PACKET_ANY), shorter = longer;
    longer.delay_ns = 1000000;
    shorter.delay_ns = 10;
    shorter.nth = 2;
    place(fix, longer);
    place(fix, shorter);
    write_hex(fix, DATA);
    assert_false(sim_step(fix->world, 500000));
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_int_equal(fix->last_ns, 1025000);
}

static void a_break_in_byte_is_a_frame_of_its_own(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_BREAK_IN));
    write_hex(fix, "6262" ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, "62" ACK_0);
}

static void noise_between_frames_passes_while_armed(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
    write_bytewise(fix, "FF00303069" DATA "55" DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, "FF00303069" "55" DATA);
}

static void a_rule_placed_in_mid_frame_spares_that_frame(void **state)
{
    struct fix *fix = *state;
    write_hex(fix, "3030303003");
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
    write_hex(fix, "0003000000808026010000616263AA" DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA);
}

static void every_frame_is_told_with_the_fault_that_strikes_it(void **state)
{
    struct fix *fix = *state;
    sim_line_on_frame(fix->line, on_frame, fix);
    write_hex(fix, ACK_0 "62");
    place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
    write_bytewise(fix, ACK_0 DATA DATA "55");
    assert_string_equal(fix->told, "16 1 16 20* 20 1 ");
}

static void cutting_loses_what_is_under_way(void **state)
{
    struct fix *fix = *state;
    write_hex(fix, DATA);
    sim_line_cut(fix->line);
    run_all(fix);
    assert_string_equal(fix->delivered, "");
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0);
}

static void a_cut_line_is_not_slowed_by_what_it_lost(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule late = rule_of(SIM_FAULT_DELAY, SIM_PACKET_DEBUG_IO);
    late.delay_ns = 1000000;
    place(fix, late);
    write_hex(fix, DATA);
    sim_line_cut(fix->line);
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0);
    assert_int_equal(fix->last_ns, 25000);
}

/* Cut behind a part of the head, and behind a part of the body: the next frame is followed from its start. */
static void half_a_frame_does_not_outlive_the_cut(void **state)
{
    struct fix *fix = *state;
    static const char *const halves[] = {"303030", "30303030030003000000808026010000"};
    for (unsigned i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        write_hex(fix, halves[i]);
        sim_line_cut(fix->line);
        place(fix, rule_of(SIM_FAULT_DROP, SIM_PACKET_DEBUG_IO));
        write_hex(fix, DATA ACK_0);
        run_all(fix);
        assert_string_equal(fix->delivered, ACK_0);
        assert_int_equal(fix->faults_told, i + 1);
        fix->delivered[0] = '\0';
    }
}

static void bytes_are_inserted_where_the_rule_says(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule front = rule_of(SIM_FAULT_INSERT, SIM_PACKET_DEBUG_IO), inside = front;
    front.len_bytes = 2;
    front.value = 0x62;
    inside.nth = 2;
    inside.byte = 17;
    inside.value = 0x55;
    place(fix, front);
    place(fix, inside);
    write_hex(fix, DATA);
    write_bytewise(fix, DATA ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, "6262" DATA "3030303003000300000080802601000061" "55" "6263AA" ACK_0);
}

static void noise_comes_between_frames_and_from_the_seed(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_NOISE, SIM_PACKET_ANY);
    rule.len_bytes = 6;
    place(fix, rule);
    write_hex(fix, DATA ACK_0);
    run_all(fix);
    assert_int_equal(strlen(fix->delivered), 12 + strlen(DATA ACK_0));
    assert_string_equal(fix->delivered + 12, DATA ACK_0);
    assert_true(memcmp(fix->delivered, "000000000000", 12) != 0);
}

static void a_split_frame_comes_in_two_pieces(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_SPLIT, SIM_PACKET_DEBUG_IO), middle = rule;
    rule.byte = 2;
    rule.delay_ns = middle.delay_ns = 5000;
    middle.nth = 2;
    place(fix, rule);
    place(fix, middle);
    write_hex(fix, DATA ACK_0);
    assert_true(sim_step(fix->world, SIM_NEVER));
    assert_string_equal(fix->delivered, "3030");
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_int_equal(fix->last_ns, 30000);
    assert_int_equal(fix->deliveries, 2);
    write_hex(fix, DATA);
    assert_true(sim_step(fix->world, SIM_NEVER));
    assert_string_equal(fix->delivered, DATA ACK_0 "30303030030003000000"); /* 10 of 20 bytes */
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0 DATA);
}

static void a_joined_frame_waits_for_what_follows(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_JOIN, SIM_PACKET_DEBUG_IO);
    rule.delay_ns = 1000000;
    place(fix, rule);
    write_hex(fix, DATA);
    assert_false(sim_step(fix->world, 500000));
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_int_equal(fix->deliveries, 1);
    assert_int_equal(fix->last_ns, 1025000);
    write_hex(fix, ACK_0 ACK_0); /* and then all is as before */
    run_all(fix);
    assert_int_equal(fix->deliveries, 2);
}

static void count_call(void *context)
{
    (*(unsigned *)context)++;
}

static void a_stalled_reader_is_felt_by_the_writer(void **state)
{
    struct fix *fix = *state;
    unsigned rooms = 0;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_STALL, SIM_PACKET_DEBUG_IO);
    rule.delay_ns = 1000000;
    place(fix, rule);
    sim_line_on_room(fix->line, count_call, &rooms);
    write_hex(fix, DATA);
    assert_false(sim_line_full(fix->line));
    for (unsigned i = 0; i < SIM_LINE_ROOM_BYTES / 16; i++)
        write_hex(fix, "00112233445566778899AABBCCDDEEFF");
    assert_true(sim_line_full(fix->line));
    fix->delivered[0] = 0;
    assert_int_equal(rooms, 0);
    memset(fix->delivered, 0, sizeof fix->delivered);
    sim_line_cut(fix->line); /* nobody wants to see them */
    run_all(fix);
    assert_int_equal(rooms, 1);
    assert_false(sim_line_full(fix->line));
}

static void what_a_stall_held_back_comes_whole(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_STALL, SIM_PACKET_DEBUG_IO);
    rule.delay_ns = 1000000;
    place(fix, rule);
    write_bytewise(fix, DATA ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_int_equal(fix->deliveries, 1);
    assert_int_equal(fix->last_ns, 1025000);
}

static void a_breaking_connection_loses_its_frame(void **state)
{
    struct fix *fix = *state;
    place(fix, rule_of(SIM_FAULT_DISCONNECT, SIM_PACKET_DEBUG_IO));
    write_hex(fix, ACK_0 DATA);
    run_all(fix);
    assert_string_equal(fix->delivered, ACK_0);
    assert_int_equal(fix->faults_told, 1);
}

static void note_spoilt(void *context, enum sim_fault_kind kind, size_t back)
{
    struct fix *fix = context;
    sprintf(fix->told + strlen(fix->told), "%s %zu after %zu ", sim_fault_kind_name(kind), back,
            strlen(fix->delivered) / 2);
}

/* Only a UART's line has them: the test's line becomes one. */
static void spoilt_bytes_are_told_after_their_delivery(void **state)
{
    struct fix *fix = *state;
    struct sim_line_config config = {
        .layer = SIM_FAULT_UART, .direction = SIM_FAULT_TO_TARGET, .latency_ns = 25000, .chunk_bytes = 8};
    struct sim_fault_rule framing = rule_of(SIM_FAULT_FRAMING, SIM_PACKET_DEBUG_IO);
    framing.layer = SIM_FAULT_UART;
    framing.direction = SIM_FAULT_TO_TARGET;
    framing.byte = 9;
    struct sim_fault_rule overrun = framing;
    overrun.kind = SIM_FAULT_OVERRUN;
    overrun.nth = 2;
    overrun.byte = 0;
    place(fix, framing);
    place(fix, overrun);
    sim_line_destroy(fix->line);
    fix->line = sim_line_create(fix->world, fix->faults, &config, on_bytes, fix);
    sim_line_on_spoilt(fix->line, note_spoilt, fix);
    write_hex(fix, DATA ACK_0);
    run_all(fix);
    assert_string_equal(fix->delivered, DATA ACK_0);
    assert_string_equal(fix->told, "framing 7 after 16 ");
    write_bytewise(fix, DATA);
    run_all(fix);
    assert_string_equal(fix->told, "framing 7 after 16 overrun 8 after 44 ");
}

static void tap_written(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *fix = context;
    (void)bytes;
    sprintf(fix->told + strlen(fix->told), "w%zu ", len_bytes);
}

static void tap_delivered(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *fix = context;
    (void)bytes;
    sprintf(fix->told + strlen(fix->told), "d%zu/%u ", len_bytes, fix->deliveries);
}

/* Clean bytes as they are written, and what is left of them right before the far end has it. */
static void a_tap_hears_both_ends(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = rule_of(SIM_FAULT_DROP, SIM_PACKET_ANY);
    rule.byte = 3;
    place(fix, rule);
    sim_line_set_tap(fix->line, &(struct sim_line_tap){fix, tap_written, tap_delivered});
    write_hex(fix, ACK_0);
    run_all(fix);
    assert_string_equal(fix->told, "w16 d15/0 ");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_arrives_whole_after_the_latency, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tap_hears_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunks_are_no_larger_than_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dropped_frame_leaves_its_neighbours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytewise_writes_are_struck_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_byte_of_a_frame_can_be_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_named_bit_is_flipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_duplicated_frame_comes_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_frame_holds_up_those_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shorter_delay_overtakes_no_longer_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_byte_is_a_frame_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_between_frames_passes_while_armed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rule_placed_in_mid_frame_spares_that_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_frame_is_told_with_the_fault_that_strikes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cutting_loses_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_line_is_not_slowed_by_what_it_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_frame_does_not_outlive_the_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_inserted_where_the_rule_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_comes_between_frames_and_from_the_seed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_split_frame_comes_in_two_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_joined_frame_waits_for_what_follows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_reader_is_felt_by_the_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_stall_held_back_comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_breaking_connection_loses_its_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spoilt_bytes_are_told_after_their_delivery, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
