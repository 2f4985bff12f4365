/* Goal: what a guest may pay for a debugger that is not there passes, to the exit and the byte; one more of
 * either does not; and what was disturbed is not judged. Method: no VM: the test tells of exits and reports
 * as one would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/dbg/dbg_api.h"
#include "harness/oracle/oracle_quiet.h"
#include <stdlib.h>
#include <string.h>

enum { COM2 = 0x2F8, LINE_CONTROL = COM2 + 3, LINE_STATUS = COM2 + 5, HEADER_BYTES = 16, SEND_PAYLOAD = 2 };
enum { DEAR = 1 + 5 + 5, DEAR_WORDS = 1 + (3 + 4 + 2) + (3 + 10 + 9) };

struct fixture {
    struct sim_world *world;
    struct sim_faults *faults;
    struct oracle_quiet *quiet;
    unsigned breaches;
    char last[256];
};

static void on_breach(void *context, const char *text)
{
    struct fixture *f = context;
    f->breaches++;
    strncpy(f->last, text, sizeof f->last - 1);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct sim_cost cost = sim_cost_default();
    f->world = sim_world_create(1, &cost);
    f->faults = sim_faults_create(f->world);
    f->quiet = oracle_quiet_create(f->world, f->faults, on_breach, f);
    oracle_quiet_life(f->quiet, SIM_LIFE_POWER_ON);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    oracle_quiet_destroy(f->quiet);
    sim_faults_destroy(f->faults);
    sim_world_destroy(f->world);
    free(f);
    return 0;
}

/* ---- exits and reports -----------------------------------------------------------------------------------
 */

static void wait(struct fixture *f, uint64_t ns)
{
    sim_advance(f->world, sim_now(f->world) + ns);
}

static void exit_as(struct fixture *f, enum sim_guest_exit_kind kind, uint16_t port, uint8_t value,
                    const struct sim_registers *before, const struct sim_registers *after)
{
    struct sim_vm_exit exit = {.kind = kind,
                               .port = port,
                               .value = value,
                               .began_ns = sim_now(f->world),
                               .before = before,
                               .after = after};
    wait(f, sim_cost(f->world)->exit_ns);
    oracle_quiet_exit(f->quiet, &exit);
}

static const struct sim_registers nothing;

static void backdoor(struct fixture *f, unsigned exits)
{
    while (exits-- > 0)
        exit_as(f, SIM_GUEST_BACKDOOR, 0x5658, 0, &nothing, &nothing);
}

/* SENDSIZE, and the VMM offers its string port, or not. */
static void size_call(struct fixture *f, bool offers_strings)
{
    const struct sim_registers before = {.rcx = 1 << 16 | 30};
    const struct sim_registers after = {.rcx = offers_strings ? 0x81 << 16 | 30 : 1 << 16 | 30};
    exit_as(f, SIM_GUEST_BACKDOOR, 0x5658, 0, &before, &after);
}

static void high_bandwidth(struct fixture *f)
{
    size_call(f, true);
}

static void write_byte(struct fixture *f)
{
    exit_as(f, SIM_GUEST_OUT8, COM2, 0x30, &nothing, &nothing);
}

static void look(struct fixture *f, unsigned exits)
{
    while (exits-- > 0)
        exit_as(f, SIM_GUEST_IN8, LINE_STATUS, 0, &nothing, &nothing);
}

static void tell(struct fixture *f, enum mk_trace_event event)
{
    oracle_quiet_api(f->quiet, &(struct mk_trace){.event = event, .status = 1});
}

static void send(struct fixture *f, uint32_t type, uint32_t first, uint32_t bytes)
{
    static const uint8_t body[64];
    oracle_quiet_api(f->quiet, &(struct mk_trace){.event = MK_TRACE_SEND,
                                                  .type = type,
                                                  .first = first,
                                                  .header = body,
                                                  .header_bytes = bytes / 2,
                                                  .data = body,
                                                  .data_bytes = bytes - bytes / 2});
}

static void print(struct fixture *f, uint32_t bytes)
{
    send(f, DBG_TYPE_DEBUG_IO, DBG_IO_PRINT, bytes);
}

static void poll(struct fixture *f, unsigned exits)
{
    backdoor(f, exits - 1);
    high_bandwidth(f);
    tell(f, MK_TRACE_POLL);
}

static void ring(struct fixture *f, enum sim_doorbell_command command)
{
    const struct sim_registers before = {
        .rax = 0x42444B46, .rbx = command, .rcx = 32, .rdx = SIM_PORT_DOORBELL, .rbp = 32};
    const struct sim_registers after = {.rax = 0xBDBBB4B9, .rcx = 32};
    oracle_quiet_exit(f->quiet, &(struct sim_vm_exit){.kind = SIM_GUEST_BACKDOOR,
                                                      .began_ns = sim_now(f->world),
                                                      .before = &before,
                                                      .after = &after});
}

static void life(struct fixture *f, enum sim_life event)
{
    oracle_quiet_life(f->quiet, event);
}

static void assert_breach(struct fixture *f, const char *words)
{
    if (f->breaches != 1 || strstr(f->last, words) == NULL)
        fail_msg("expected one breach with \"%s\", got %u, the last: %s", words, f->breaches, f->last);
    f->breaches = 0;
}

static void assert_clean(const struct fixture *f)
{
    if (f->breaches != 0)
        fail_msg("%u breaches, the last: %s", f->breaches, f->last);
}

/* ---- doorbell --------------------------------------------------------------------------------------------
 */

static void at_a_doorbell_a_message_is_one_exit_and_an_idle_poll_none(void **state)
{
    struct fixture *f = *state;
    ring(f, SIM_DOORBELL_OPEN);
    ring(f, SIM_DOORBELL_RING);
    tell(f, MK_TRACE_INITIALIZE);
    assert_clean(f);
    print(f, 40);
    ring(f, SIM_DOORBELL_RING);
    tell(f, MK_TRACE_SENT);
    assert_clean(f);
    print(f, 40);
    ring(f, SIM_DOORBELL_RING);
    ring(f, SIM_DOORBELL_RING);
    tell(f, MK_TRACE_SENT);
    assert_breach(f, "a packet with nobody there cost 2 exits, at most 1");
    for (int i = 0; i < 3; i++) {
        ring(f, SIM_DOORBELL_RING);
        tell(f, MK_TRACE_POLL);
    }
    assert_breach(f, "3 polls in a row with nobody there cost more than 0 exits");
}

/* ---- backdoor --------------------------------------------------------------------------------------------
 */

static void an_initialisation_is_eight_exits(void **state)
{
    struct fixture *f = *state;
    backdoor(f, 7); /* the doorbell's is one of them */
    high_bandwidth(f);
    tell(f, MK_TRACE_INITIALIZE);
    assert_clean(f);
    life(f, SIM_LIFE_RESET);
    backdoor(f, 8);
    high_bandwidth(f);
    tell(f, MK_TRACE_INITIALIZE);
    assert_breach(f, "an initialisation with nobody there cost 9 exits, at most 8");
    backdoor(f, 9);
    high_bandwidth(f);
    tell(f, MK_TRACE_INITIALIZE);
    assert_clean(f); /* the second one closes two channels first */
}

/* OPEN, a turn of the hint, an RPC: with strings, and without, where 13, 6, 39 and 34 bytes are words. */
static void a_poll_is_a_turn_and_an_rpc_at_most(void **state)
{
    struct fixture *f = *state;
    poll(f, DEAR);
    assert_clean(f);
    poll(f, DEAR + 1);
    assert_breach(f, "a poll with nobody there cost 12 exits, at most 11");
    life(f, SIM_LIFE_RESET);
    backdoor(f, DEAR_WORDS);
    tell(f, MK_TRACE_POLL);
    assert_clean(f);
    backdoor(f, DEAR_WORDS + 1);
    tell(f, MK_TRACE_POLL);
    assert_breach(f, "a poll with nobody there cost 33 exits, at most 32");
}

/* The hint is met in two; then a poll finds nothing with two exits, or three. */
static void a_third_dear_poll_in_a_row_is_one_too_many(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        poll(f, 10);
        poll(f, 10);
        poll(f, 3);
        poll(f, 2);
    }
    poll(f, 4);
    poll(f, 4);
    assert_clean(f);
    poll(f, 4);
    assert_breach(f, "3 polls in a row with nobody there cost more than 3 exits");
}

/* The first poll behind a revert finds its channel gone, and only then is the hint met. */
static void a_third_dear_poll_is_due_behind_a_revert(void **state)
{
    struct fixture *f = *state;
    poll(f, 2);
    life(f, SIM_LIFE_REVERT);
    poll(f, 10); /* not judged, nor counted */
    poll(f, 10);
    for (int i = 0; i < 3; i++)
        poll(f, 10);
    assert_clean(f);
    poll(f, 10);
    assert_breach(f, "4 polls in a row with nobody there cost more than 3 exits");
    poll(f, 2);
    for (int i = 0; i < 3; i++)
        poll(f, 10);
    assert_breach(f, "3 polls in a row with nobody there cost more than 3 exits");
}

/* One answer with a wrong bit does not make a VMM without strings one that has them. */
static void what_a_vmm_said_last_of_its_strings_counts(void **state)
{
    struct fixture *f = *state;
    poll(f, 2);
    size_call(f, false);
    backdoor(f, DEAR_WORDS - 1);
    tell(f, MK_TRACE_POLL);
    assert_clean(f);
}

static void a_packet_is_one_rpc_whatever_it_holds(void **state)
{
    struct fixture *f = *state;
    print(f, 21);
    backdoor(f, 3 + 15 + 9); /* 39 + 21 bytes */
    tell(f, MK_TRACE_SENT);
    assert_clean(f);
    print(f, 21);
    backdoor(f, 3 + 15 + 9 + 1);
    tell(f, MK_TRACE_SENT);
    assert_breach(f, "a packet with nobody there cost 28 exits, at most 27");
    poll(f, 2); /* a string: from here on an RPC is five exits, also one that has none */
    print(f, 21);
    backdoor(f, 6);
    tell(f, MK_TRACE_SENT);
    assert_breach(f, "a packet with nobody there cost 6 exits, at most 5");
}

static void nobody_is_waited_for(void **state)
{
    struct fixture *f = *state;
    print(f, 10);
    backdoor(f, 4);
    wait(f, 1);
    high_bandwidth(f);
    tell(f, MK_TRACE_SENT);
    assert_breach(f, "a packet with nobody there took 75001 ns, its exits only 75000");
}

/* A stop waits for its debugger (2.6 note 3). */
static void a_stop_may_wait(void **state)
{
    struct fixture *f = *state;
    send(f, DBG_TYPE_STATE_CHANGE64, DBG_STATE_EXCEPTION, 60);
    for (int i = 0; i < 100; i++) {
        backdoor(f, 5);
        wait(f, SIM_MS(250));
    }
    tell(f, MK_TRACE_SENT);
    assert_clean(f);
}

static void a_dead_relay_is_asked_so_often(void **state)
{
    struct fixture *f = *state;
    life(f, SIM_LIFE_RELAY_KILL);
    poll(f, 20); /* too many, but the relay died just now */
    poll(f, 20); /* and this one may be the first that notices */
    for (int i = 0; i < 5; i++)
        poll(f, 5);
    assert_clean(f);
    print(f, 10);
    backdoor(f, 29);
    high_bandwidth(f);
    tell(f, MK_TRACE_SENT);
    assert_clean(f);
    print(f, 10);
    backdoor(f, 30);
    high_bandwidth(f);
    tell(f, MK_TRACE_SENT);
    assert_breach(f, "a packet with nobody there cost 31 exits, at most 30");
}

static void what_is_disturbed_is_not_judged(void **state)
{
    struct fixture *f = *state;
    static const enum sim_life disturbances[] = {SIM_LIFE_SUSPEND, SIM_LIFE_RESUME,   SIM_LIFE_PAUSE,
                                                 SIM_LIFE_GO_ON,   SIM_LIFE_SNAPSHOT, SIM_LIFE_REVERT,
                                                 SIM_LIFE_DETACH};
    for (size_t i = 0; i < sizeof disturbances / sizeof *disturbances; i++) {
        life(f, disturbances[i]);
        poll(f, 50);
        tell(f, MK_TRACE_RECEIVE); /* without an exit: a kept packet shows nothing */
        poll(f, 50);
        assert_clean(f);
        poll(f, 50);
        assert_breach(f, "a poll with nobody there cost 50 exits");
    }
    life(f, SIM_LIFE_ATTACH);
    for (int i = 0; i < 4; i++)
        poll(f, 50);
    assert_clean(f);
}

static void a_fault_excuses_its_call_and_the_next(void **state)
{
    struct fixture *f = *state;
    const struct sim_fault_rule rule = {.layer = SIM_FAULT_EXIT,
                                        .direction = SIM_FAULT_NO_DIRECTION,
                                        .kind = SIM_FAULT_CHECKPOINT,
                                        .nth = 1,
                                        .count = 1,
                                        .byte = SIM_FAULT_NO_BYTE,
                                        .value = SIM_FAULT_NO_VALUE};
    poll(f, 2);
    assert_int_equal(sim_faults_add(f->faults, &rule), KD_OK);
    assert_non_null(sim_faults_ask(f->faults, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SEND_PAYLOAD, 0));
    poll(f, 50);
    poll(f, 50);
    assert_clean(f);
    poll(f, 50);
    assert_breach(f, "a poll with nobody there cost 50 exits");
    for (unsigned i = 1; i < ORACLE_QUIET_DEAR_AFTER; i++)
        poll(f, 5); /* a VMM that refused the hint is left alone */
    assert_clean(f);
    poll(f, 5);
    assert_breach(f, "261 polls in a row");
}

/* ---- serial ----------------------------------------------------------------------------------------------
 */

/* The uart is set up: its divisor's registers lie where the transmitter's is. */
static void initialize_uart(struct fixture *f, unsigned looks)
{
    exit_as(f, SIM_GUEST_BACKDOOR, 0x5658, 0, &nothing, &nothing);
    exit_as(f, SIM_GUEST_OUT8, LINE_CONTROL, 0x80, &nothing, &nothing);
    write_byte(f);
    exit_as(f, SIM_GUEST_OUT8, LINE_CONTROL, 0x03, &nothing, &nothing);
    look(f, looks);
    tell(f, MK_TRACE_INITIALIZE);
}

static void send_frames(struct fixture *f, unsigned times, uint32_t bytes)
{
    print(f, bytes);
    for (unsigned i = 0; i < times * (HEADER_BYTES + bytes + 1); i++) {
        look(f, 1);
        write_byte(f);
    }
    tell(f, MK_TRACE_SENT);
}

static void setting_a_uart_up_is_eighteen_exits(void **state)
{
    struct fixture *f = *state;
    initialize_uart(f, 15);
    assert_clean(f);
    life(f, SIM_LIFE_RESET);
    initialize_uart(f, 16);
    assert_breach(f, "a uart was set up with 19 exits, at most 18");
}

static void twenty_times_and_then_silence(void **state)
{
    struct fixture *f = *state;
    initialize_uart(f, 15);
    send_frames(f, 20, 30);
    look(f, 4);
    tell(f, MK_TRACE_POLL);
    assert_clean(f);
    send_frames(f, 1, 30);
    assert_breach(f, "47 bytes to nobody, who was given up before");
}

static void not_one_frame_more_or_less(void **state)
{
    struct fixture *f = *state;
    for (unsigned times = 19; times <= 21; times += 2) {
        life(f, SIM_LIFE_RESET);
        initialize_uart(f, 15);
        send_frames(f, times, 30);
        assert_breach(f, "bytes to nobody, a frame of 47 goes out 20 times");
    }
}

static void somebody_who_comes_ends_the_silence(void **state)
{
    struct fixture *f = *state;
    initialize_uart(f, 15);
    send_frames(f, 20, 30);
    life(f, SIM_LIFE_ATTACH);
    send_frames(f, 1, 30);
    life(f, SIM_LIFE_DETACH);
    look(f, 4);
    tell(f, MK_TRACE_POLL);
    look(f, 4);
    tell(f, MK_TRACE_POLL);
    send_frames(f, 20, 30);
    assert_clean(f);
}

static void a_poll_is_quiet(void **state)
{
    struct fixture *f = *state;
    look(f, 5);
    tell(f, MK_TRACE_POLL);
    assert_breach(f, "a poll with nobody there cost 5 exits, at most 4");
    write_byte(f);
    tell(f, MK_TRACE_POLL);
    assert_breach(f, "a poll sent 1 bytes to nobody");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_a_doorbell_a_message_is_one_exit_and_an_idle_poll_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_initialisation_is_eight_exits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_poll_is_a_turn_and_an_rpc_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_third_dear_poll_in_a_row_is_one_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_third_dear_poll_is_due_behind_a_revert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_vmm_said_last_of_its_strings_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_is_one_rpc_whatever_it_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_may_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_relay_is_asked_so_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_disturbed_is_not_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fault_excuses_its_call_and_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(setting_a_uart_up_is_eighteen_exits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(twenty_times_and_then_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_one_frame_more_or_less, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_who_comes_ends_the_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_poll_is_quiet, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
