/* Goal: what a machine and its debugger do becomes the right ladder, and watching them changes nothing.
 * Method: the smallest conversation (boot without modules, break-in, one read) played with a fault at a time;
 * lines of the ladder looked up, histories compared by their hash. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "harness/dbg/dbg_api.h"
#include "harness/timeline/timeline_watch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fix {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_vm *vm;
    struct dbg *dbg;
    char *text; /* the ladder */
    uint64_t hash;
};

static void write_to_target(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *fix = context;
    sim_vm_write(fix->vm, bytes, len_bytes);
}

static void bytes_from_target(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fix *fix = context;
    dbg_input(fix->dbg, bytes, len_bytes);
}

static void run_until(struct fix *fix, uint64_t time_ns)
{
    while (sim_step(fix->world, time_ns))
        continue;
}

static void converse(struct fix *fix)
{
    struct dbg_request request;
    assert_int_equal(sim_vm_attach(fix->vm, &(struct sim_vm_peer){.context = fix, .bytes = bytes_from_target}), KD_OK);
    dbg_attach(fix->dbg);
    sim_vm_power_on(fix->vm);
    run_until(fix, SIM_MS(100));
    assert_int_equal(dbg_break_in(fix->dbg), KD_OK);
    run_until(fix, SIM_S(3));
    dbg_api_read_virtual(&request, 0, sim_vm_map(fix->vm)->pool + 0x20, 16);
    assert_int_equal(dbg_send(fix->dbg, DBG_TYPE_MANIPULATE, request.body, request.body_bytes), KD_OK);
    run_until(fix, SIM_S(6));
    assert_int_equal(dbg_state(fix->dbg), DBG_STOPPED);
    sim_vm_power_off(fix->vm);
}

/* Plays the conversation; rule may be NULL. Free fix->text. */
static void play(struct fix *fix, enum sim_link link, const struct sim_fault_rule *rule, bool watched)
{
    struct sim_cost cost = sim_cost_default();
    struct sim_vm_config config = sim_vm_config_default(link);
    struct dbg_config dbg_config = dbg_config_default();
    struct timeline *timeline = timeline_create();
    struct timeline_watch *watch = NULL;
    const char *why;
    config.boot.modules = 0;
    *fix = (struct fix){.world = sim_world_create(1, &cost)};
    fix->faults = sim_faults_create(fix->world);
    if (rule != NULL)
        assert_int_equal(sim_faults_add(fix->faults, rule), KD_OK);
    assert_int_equal(sim_vm_create(fix->world, fix->faults, &config, &fix->vm, &why), KD_OK);
    fix->dbg = dbg_create(fix->world, &dbg_config, write_to_target, fix);
    if (watched)
        watch = timeline_watch_begin(timeline, fix->world, fix->faults, fix->vm, fix->dbg);
    converse(fix);
    fix->hash = sim_trace_hash(sim_trace(fix->world));
    dbg_destroy(fix->dbg);
    sim_vm_destroy(fix->vm);
    sim_faults_destroy(fix->faults);
    sim_world_destroy(fix->world);
    timeline_watch_end(watch);
    size_t len_bytes;
    FILE *file = open_memstream(&fix->text, &len_bytes);
    assert_non_null(file);
    timeline_write_text(timeline, file);
    fclose(file);
    timeline_destroy(timeline);
}

/* Each line must come, in this order; what else there is does not matter. */
static void assert_lines(const struct fix *fix, const char *const *lines, size_t count)
{
    const char *at = fix->text;
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, lines[i]);
        if (found == NULL)
            fail_msg("'%s' does not come after what was found before, in:\n%s", lines[i], fix->text);
        at = found + strlen(lines[i]);
    }
}

#define ASSERT_LINES(fix, ...)                                                                               \
    do {                                                                                                     \
        static const char *const lines[] = {__VA_ARGS__};                                                    \
        assert_lines(fix, lines, sizeof lines / sizeof *lines);                                              \
    } while (0)

static struct sim_fault_rule first_of(enum sim_fault_layer layer, enum sim_fault_direction direction,
                                      enum sim_fault_kind kind, enum sim_fault_packet packet)
{
    return (struct sim_fault_rule){.layer = layer,
                                   .direction = direction,
                                   .kind = kind,
                                   .packet = packet,
                                   .nth = 1,
                                   .count = 1,
                                   .byte = SIM_FAULT_NO_BYTE};
}

static void a_conversation_over_the_backdoor_has_its_rpcs(void **state)
{
    struct fix fix;
    (void)state;
    play(&fix, SIM_LINK_BACKDOOR, NULL, true);
    ASSERT_LINES(&fix, "relay", ": ", "== attach == |", "| == power on ==", "|-- hello ---", "-- done --|",
                 "KdDebuggerInitialize0 -> OK", "(8 exits, 120 us)", "has booted", "poll x ",
                 "<---------------------------------------- break_in --|", "poll -> break in",
                 "KdSendPacket state_change64", "|-- send state_change64 + wait -->|",
                 "|-- state_change64 exception id=0+sync", "breakpoint pc=nt!DbgBreakPointWithStatus",
                 "-- ack id=0 --|", "-> sent (5 exits, 75 us)", "-- manipulate read_virtual id=0 --|",
                 "addr=pool+0x20 count=16", "-- ack id=0 --", "-- done + read_virtual --|",
                 "KdReceivePacket -> RECEIVED", "KdSendPacket manipulate",
                 "-- manipulate read_virtual id=1 -> ok actual=16 --", ": == power off ==");
    free(fix.text);
}

static void a_conversation_over_serial_has_only_its_frames(void **state)
{
    struct fix fix;
    (void)state;
    play(&fix, SIM_LINK_SERIAL, NULL, true);
    ASSERT_LINES(&fix, "uart", "KdDebuggerInitialize0 -> OK", "-- break_in --|",
                 "KdSendPacket state_change64", "|-- state_change64 exception id=0+sync", "-- ack id=0 --|",
                 "-> sent (", "-- manipulate read_virtual id=0", "KdReceivePacket -> RECEIVED", " exits, ");
    assert_null(strstr(fix.text, "hello"));
    free(fix.text);
}

static void a_lost_frame_ends_midway_and_its_repeat_is_known(void **state)
{
    struct fix fix;
    struct sim_fault_rule rule =
        first_of(SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, SIM_FAULT_DROP, SIM_PACKET_ACK);
    (void)state;
    play(&fix, SIM_LINK_BACKDOOR, &rule, true);
    ASSERT_LINES(&fix, "|-- state_change64 exception id=0+sync ---", "lost x-- ack id=0 --|",
                 "-- pending --|", "|-- resume + wait --", "|-- state_change64 exception id=0+sync again --",
                 "a repeat: dropped |", "<---------------------------------------- ack id=0 --|");
    const char *lost = strstr(fix.text, "lost");
    assert_null(strstr(lost + 1, "lost")); /* told by the line, and not by the table of faults again */
    free(fix.text);
}

static void each_kind_of_fault_says_what_it_did(void **state)
{
    static const struct {
        enum sim_fault_kind kind;
        uint32_t byte;
        const char *text;
    } rows[] = {{SIM_FAULT_DROP, SIM_FAULT_NO_BYTE, "--x lost"},
                {SIM_FAULT_DROP, 7, "[byte 7 lost]"},
                {SIM_FAULT_FLIP, SIM_FAULT_NO_BYTE, "[bit 130 flipped]"},
                {SIM_FAULT_DUPLICATE, SIM_FAULT_NO_BYTE, "[comes twice]"},
                {SIM_FAULT_DELAY, SIM_FAULT_NO_BYTE, "[late by 20 ms]"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fix fix;
        struct sim_fault_rule rule =
            first_of(SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, rows[i].kind, SIM_PACKET_STATE_CHANGE64);
        rule.byte = rows[i].byte;
        rule.bit = 130;
        rule.delay_ns = SIM_MS(20);
        play(&fix, SIM_LINK_BACKDOOR, &rule, true);
        ASSERT_LINES(&fix, "state_change64 exception id=0+sync");
        assert_non_null(strstr(fix.text, rows[i].text));
        free(fix.text);
    }
}

static void lost_rpcs_are_told_once(void **state)
{
    struct fix fix;
    struct sim_fault_rule request =
        first_of(SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_LOSE, SIM_PACKET_ANY);
    struct sim_fault_rule reply = first_of(SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_LOSE, SIM_PACKET_ANY);
    (void)state;
    play(&fix, SIM_LINK_BACKDOOR, &request, true);
    ASSERT_LINES(&fix, "|-- hello --x lost", "|-- hello ---", "-- done --|");
    free(fix.text);
    play(&fix, SIM_LINK_BACKDOOR, &reply, true);
    ASSERT_LINES(&fix, "|-- hello ---", "lost x-- done --|", "|-- hello ---", "-- done --|");
    free(fix.text);
    reply.nth = 2; /* of the first poll, which is not drawn when nothing happens to it */
    play(&fix, SIM_LINK_BACKDOOR, &reply, true);
    ASSERT_LINES(&fix, "|<------------------------ done --|", "lost x-- reply to poll --|", "poll");
    free(fix.text);
}

static void watching_changes_nothing(void **state)
{
    (void)state;
    for (int link = SIM_LINK_BACKDOOR; link <= SIM_LINK_SERIAL; link++) {
        struct fix watched, alone;
        struct sim_fault_rule rule = first_of(link == SIM_LINK_SERIAL ? SIM_FAULT_UART : SIM_FAULT_STREAM,
                                              SIM_FAULT_TO_DEBUGGER, SIM_FAULT_FLIP, SIM_PACKET_DATA);
        rule.bit = 200;
        play(&watched, (enum sim_link)link, &rule, true);
        play(&alone, (enum sim_link)link, &rule, false);
        assert_int_equal(watched.hash, alone.hash);
        assert_string_equal(alone.text, "");
        free(watched.text);
        free(alone.text);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_over_the_backdoor_has_its_rpcs),
        cmocka_unit_test(a_conversation_over_serial_has_only_its_frames),
        cmocka_unit_test(a_lost_frame_ends_midway_and_its_repeat_is_known),
        cmocka_unit_test(each_kind_of_fault_says_what_it_did),
        cmocka_unit_test(lost_rpcs_are_told_once),
        cmocka_unit_test(watching_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
