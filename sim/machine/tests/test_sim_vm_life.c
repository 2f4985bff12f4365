/* Goal: what befalls a VM besides being switched: it is suspended and resumed, its host sleeps, its relay
 * dies and is started again. Each takes effect at once, and for a guest that goes on nothing has happened.
 * Method: the real kernel, module and devices on the native machine, a debugger played by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/tests/debugger_by_hand.h"
#include <stdlib.h>

enum { SEED = 42, FEW_POLLS = 60, TICKS_PER_SECOND = 64 };

struct fixture {
    struct sim_world *world;
    struct sim_vm *vm;
    struct hand hand;
    unsigned events[MK_TRACE_EVENTS];
    unsigned lives[SIM_LIFES];
    unsigned closed; /* connections, by the relay */
};

static void on_api(void *context, const struct mk_trace *trace)
{
    struct fixture *f = context;
    f->events[trace->event]++;
}

static void on_life(void *context, enum sim_life life)
{
    struct fixture *f = context;
    f->lives[life]++;
}

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fixture *f = context;
    hand_bytes(&f->hand, bytes, len_bytes);
}

static void on_closed(void *context)
{
    struct fixture *f = context;
    f->closed++;
}

static void begin_with(struct fixture *f, struct sim_vm_config *config)
{
    const struct sim_cost cost = sim_cost_default();
    const char *why = NULL;
    memset(f, 0, sizeof *f);
    f->world = sim_world_create(SEED, &cost);
    config->polls = config->link == SIM_LINK_SERIAL ? FEW_POLLS : 0;
    assert_int_equal(sim_vm_create(f->world, NULL, config, &f->vm, &why), KD_OK);
    sim_vm_observe(f->vm, &(struct sim_vm_observer){.context = f, .api = on_api, .life = on_life});
}

static void begin(struct fixture *f, enum sim_link link)
{
    struct sim_vm_config config = sim_vm_config_default(link);
    begin_with(f, &config);
}

static void end(struct fixture *f)
{
    sim_vm_destroy(f->vm);
    sim_world_destroy(f->world);
}

static void run_for(struct fixture *f, uint64_t time_ns)
{
    uint64_t until = sim_now(f->world) + time_ns;
    while (sim_step(f->world, until))
        continue;
}

static enum kd_status attach(struct fixture *f)
{
    f->hand = (struct hand){.vm = f->vm, .acknowledges = true, .continues = true, .next_id = KD_ID_INITIAL};
    return sim_vm_attach(f->vm, &(struct sim_vm_peer){f, on_bytes, on_closed});
}

/* Boots with a debugger, and breaks in: the kernel waits for a request, in a held call on the backdoor. */
static void stop(struct fixture *f)
{
    assert_int_equal(attach(f), KD_OK);
    sim_vm_power_on(f->vm);
    run_for(f, SIM_MS(500));
    sim_vm_write(f->vm, (const uint8_t *)"b", 1);
    run_for(f, SIM_MS(500));
    assert_int_equal(f->events[MK_TRACE_STOP], 1);
}

/* ---- suspend and resume ---- */

static void suspends_between_ticks(enum sim_link link)
{
    struct fixture f;
    begin(&f, link);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_S(3) + SIM_MS(3));
    struct sim_vm_counters before = sim_vm_counters(f.vm);
    assert_int_equal(sim_vm_suspend(f.vm), KD_OK);
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_STANDING);
    run_for(&f, SIM_S(100));
    assert_int_equal(sim_vm_counters(f.vm).exits, before.exits);
    assert_int_equal(sim_vm_resume(f.vm), KD_OK);
    run_for(&f, SIM_S(1));
    assert_in_range(sim_vm_counters(f.vm).ticks - before.ticks, TICKS_PER_SECOND - 1, TICKS_PER_SECOND + 1);
    assert_int_equal(f.lives[SIM_LIFE_SUSPEND], 1);
    assert_int_equal(f.lives[SIM_LIFE_RESUME], 1);
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    end(&f);
}

static void a_suspended_guest_makes_no_exit_and_goes_on_where_it_stood(void **state)
{
    (void)state;
    suspends_between_ticks(SIM_LINK_BACKDOOR);
    suspends_between_ticks(SIM_LINK_SERIAL);
}

/* At every 5 us: inside exits, transfers and held calls. */
static void a_boot_may_be_suspended_anywhere(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < SIM_US(400); at += SIM_US(5)) {
        struct fixture f;
        begin(&f, SIM_LINK_BACKDOOR);
        assert_int_equal(attach(&f), KD_OK);
        sim_vm_power_on(f.vm);
        run_for(&f, at);
        assert_int_equal(sim_vm_suspend(f.vm), KD_OK);
        run_for(&f, SIM_S(1));
        assert_int_equal(f.events[MK_TRACE_BOOTED], 0);
        assert_int_equal(sim_vm_resume(f.vm), KD_OK);
        run_for(&f, SIM_S(1));
        assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
        assert_int_equal(f.hand.frames, 2);
        assert_int_equal(sim_vm_relay(f.vm)->counters.epochs, 1);
        end(&f);
    }
}

static void a_held_call_does_not_survive_a_suspension_and_is_asked_again(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    stop(&f);
    assert_int_equal(sim_vm_suspend(f.vm), KD_OK);
    run_for(&f, SIM_S(1));
    uint64_t exits = sim_vm_counters(f.vm).exits;
    assert_int_equal(sim_vm_resume(f.vm), KD_OK);
    run_for(&f, SIM_MS(1));
    assert_in_range(sim_vm_counters(f.vm).exits - exits, 1, 20);
    assert_int_equal(sim_vm_relay(f.vm)->counters.requests_repeated, 1);
    unsigned frames = f.hand.frames;
    hand_read_virtual(&f.hand, sim_vm_map(f.vm)->kernel_base, 2);
    run_for(&f, SIM_MS(10));
    assert_int_equal(f.hand.frames, frames + 1);
    assert_memory_equal(f.hand.body + KD_MANIPULATE_BYTES, "MZ", 2);
    end(&f);
}

static void what_cannot_stand_or_go_on_says_so(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(sim_vm_suspend(f.vm), KD_ERR_CLOSED);
    assert_int_equal(sim_vm_resume(f.vm), KD_ERR_CLOSED);
    assert_int_equal(sim_vm_pause(f.vm, SIM_S(1), false), KD_ERR_CLOSED);
    sim_vm_power_on(f.vm);
    assert_int_equal(sim_vm_resume(f.vm), KD_ERR_BUSY);
    assert_int_equal(sim_vm_suspend(f.vm), KD_OK);
    assert_int_equal(sim_vm_suspend(f.vm), KD_ERR_BUSY);
    assert_int_equal(sim_vm_pause(f.vm, SIM_S(1), false), KD_ERR_BUSY);
    assert_int_equal(sim_vm_resume(f.vm), KD_OK);
    assert_int_equal(sim_vm_pause(f.vm, SIM_S(1), false), KD_OK);
    assert_int_equal(sim_vm_resume(f.vm), KD_ERR_BUSY); /* it goes on by itself */
    end(&f);
}

static void a_reset_or_a_switch_ends_every_standing(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_suspend(f.vm), KD_OK);
    sim_vm_reset(f.vm);
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_RUNNING);
    run_for(&f, SIM_MS(100));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 2);
    assert_int_equal(sim_vm_pause(f.vm, SIM_S(1), true), KD_OK);
    sim_vm_power_off(f.vm);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_S(2));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 3);
    assert_int_equal(f.lives[SIM_LIFE_GO_ON], 0);
    end(&f);
}

/* ---- the host sleeps ---- */

static void pauses(bool whole_host)
{
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    stop(&f);
    unsigned frames = f.hand.frames, controls = f.hand.controls;
    assert_int_equal(sim_vm_pause(f.vm, SIM_S(60), whole_host), KD_OK);
    hand_read_virtual(&f.hand, sim_vm_map(f.vm)->kernel_base, 2);
    run_for(&f, SIM_S(59));
    /* A relay that is awake takes the request; what is asleep says nothing. */
    assert_int_equal(f.hand.controls, controls + !whole_host);
    assert_int_equal(f.hand.frames, frames);
    run_for(&f, SIM_S(2));
    assert_int_equal(f.hand.controls, controls + 1);
    assert_int_equal(f.hand.frames, frames + 1);
    assert_int_equal(f.lives[SIM_LIFE_GO_ON], 1);
    assert_int_equal(sim_vm_relay(f.vm)->counters.requests_repeated, 0); /* the held call stayed held */
    end(&f);
}

static void a_paused_guest_answers_afterwards(void **state)
{
    (void)state;
    pauses(false);
}

static void a_sleeping_host_has_a_sleeping_relay(void **state)
{
    (void)state;
    pauses(true);
}

/* ---- snapshots ---- */

static void a_snapshot_needs_a_machine_and_a_revert_a_snapshot(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(sim_vm_snapshot(f.vm, "one"), KD_ERR_CLOSED);
    assert_int_equal(sim_vm_revert(f.vm, "one"), KD_ERR_ARGUMENT);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_snapshot(f.vm, "one"), KD_OK);
    assert_int_equal(sim_vm_snapshot(f.vm, "two"), KD_OK);
    assert_int_equal(sim_vm_revert(f.vm, "three"), KD_ERR_ARGUMENT);
    assert_int_equal(sim_vm_revert(f.vm, "one"), KD_OK);
    assert_int_equal(sim_vm_snapshot(f.vm, "one"), KD_OK); /* in its place */
    sim_vm_power_off(f.vm);
    assert_int_equal(sim_vm_revert(f.vm, "two"), KD_OK);
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_RUNNING);
    run_for(&f, SIM_S(1));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(f.lives[SIM_LIFE_SNAPSHOT], 3);
    assert_int_equal(f.lives[SIM_LIFE_REVERT], 2);
    end(&f);
}

/* Taken at every 5 us of a boot, reverted to when the boot is long over: the rest is played again, in a new
 * epoch. */
static void a_boot_goes_on_from_any_of_its_snapshots(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < SIM_US(400); at += SIM_US(5)) {
        struct fixture f;
        begin(&f, SIM_LINK_BACKDOOR);
        assert_int_equal(attach(&f), KD_OK);
        sim_vm_power_on(f.vm);
        run_for(&f, at);
        assert_int_equal(f.events[MK_TRACE_BOOTED], 0);
        assert_int_equal(sim_vm_snapshot(f.vm, ""), KD_OK);
        run_for(&f, SIM_MS(100) + at);
        assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
        assert_int_equal(f.hand.frames, 2);
        assert_int_equal(sim_vm_revert(f.vm, ""), KD_OK);
        run_for(&f, SIM_S(1));
        assert_int_equal(f.events[MK_TRACE_BOOTED], 2);
        assert_int_equal(sim_vm_relay(f.vm)->counters.epochs, 2);
        end(&f);
    }
}

static void memory_goes_back_and_the_clock_does_not(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_MS(100));
    size_t bytes = sim_vm_map(f.vm)->ram_bytes;
    uint8_t *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, sim_vm_ram(f.vm), bytes);
    assert_int_equal(sim_vm_snapshot(f.vm, ""), KD_OK);
    assert_int_equal(
        sim_vm_command(f.vm, &(struct mk_command){.kind = MK_COMMAND_EXCEPTION, .code = 0x80000003}), KD_OK);
    run_for(&f, SIM_S(1));
    assert_true(memcmp(before, sim_vm_ram(f.vm), bytes) != 0); /* a stop leaves its context behind */
    uint64_t now = sim_now(f.world);
    assert_int_equal(sim_vm_revert(f.vm, ""), KD_OK);
    assert_int_equal(sim_now(f.world), now);
    assert_memory_equal(before, sim_vm_ram(f.vm), bytes);
    free(before);
    end(&f);
}

/* The packet that was on its way in the snapshot is on its way again: observers hear of it before the revert.
 */
static void a_packet_under_way_in_a_snapshot_is_reported_again(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(attach(&f), KD_OK);
    f.hand.acknowledges = false;
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_MS(10));
    assert_int_equal(f.events[MK_TRACE_SEND], 1);
    assert_int_equal(f.events[MK_TRACE_SENT], 0);
    assert_int_equal(sim_vm_snapshot(f.vm, ""), KD_OK);
    sim_vm_reset(f.vm);
    f.hand.acknowledges = true;
    run_for(&f, SIM_MS(10));
    unsigned sends = f.events[MK_TRACE_SEND];
    assert_int_equal(sim_vm_revert(f.vm, ""), KD_OK);
    assert_int_equal(f.events[MK_TRACE_SEND], sends + 1);
    end(&f);
}

static void a_serial_guest_writes_on_after_a_revert(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_SERIAL);
    stop(&f);
    assert_int_equal(sim_vm_snapshot(f.vm, ""), KD_OK);
    sim_vm_reset(f.vm); /* and its divisor with it */
    run_for(&f, SIM_US(100));
    assert_int_equal(sim_vm_revert(f.vm, ""), KD_OK);
    f.hand.next_id = KD_ID_INITIAL;
    f.hand.have = 0;
    hand_control(&f.hand, KD_TYPE_RESET, 0);
    run_for(&f, SIM_MS(200));
    assert_int_equal(f.hand.last.type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(kd_load_u32(f.hand.body), KD_STATE_EXCEPTION);
    end(&f);
}

/* ---- the relay's life ---- */

static void a_killed_relay_takes_its_connection_along_and_the_guest_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(attach(&f), KD_OK);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_relay_kill(f.vm), KD_OK);
    assert_int_equal(sim_vm_relay_kill(f.vm), KD_ERR_BUSY);
    assert_int_equal(f.closed, 1);
    assert_false(sim_vm_attached(f.vm));
    assert_int_equal(attach(&f), KD_ERR_NO_DEVICE);
    uint64_t ticks = sim_vm_counters(f.vm).ticks;
    run_for(&f, SIM_S(1));
    assert_in_range(sim_vm_counters(f.vm).ticks - ticks, TICKS_PER_SECOND - 1, TICKS_PER_SECOND + 1);
    end(&f);
}

static void a_held_call_ends_when_its_relay_dies(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    stop(&f);
    uint64_t exits = sim_vm_counters(f.vm).exits;
    assert_int_equal(sim_vm_relay_kill(f.vm), KD_OK);
    run_for(&f, SIM_MS(1));
    assert_true(sim_vm_counters(f.vm).exits > exits + 10); /* it asks and asks: nobody holds it any more */
    end(&f);
}

static void a_new_relay_is_told_the_stop_again_in_a_new_epoch(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    stop(&f);
    uint64_t first_life = sim_vm_relay(f.vm)->config.token_seed;
    assert_int_equal(sim_vm_relay_restart(f.vm), KD_ERR_BUSY);
    assert_int_equal(sim_vm_relay_kill(f.vm), KD_OK);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_relay_restart(f.vm), KD_OK);
    assert_true(sim_vm_relay(f.vm)->config.token_seed != first_life);
    assert_int_equal(attach(&f), KD_OK);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_relay(f.vm)->counters.requests_stale, 1);
    assert_int_equal(sim_vm_relay(f.vm)->counters.epochs, 1);
    assert_int_equal(f.hand.frames, 1);
    assert_int_equal(f.hand.last.type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(f.hand.last.id, KD_ID_INITIAL | KD_ID_SYNC);
    assert_int_equal(kd_load_u32(f.hand.body), KD_STATE_EXCEPTION);
    end(&f);
}

static void the_serial_line_has_no_relay_to_kill(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_SERIAL);
    assert_int_equal(sim_vm_relay_kill(f.vm), KD_ERR_NO_DEVICE);
    assert_int_equal(sim_vm_relay_restart(f.vm), KD_ERR_NO_DEVICE);
    end(&f);
}

static void a_relay_that_comes_late_serves_the_next_boot(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
    config.relay_present = false;
    config.uart = SIM_UART_ABSENT;
    begin_with(&f, &config);
    assert_int_equal(attach(&f), KD_ERR_NO_DEVICE);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_S(5));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(sim_vm_relay_restart(f.vm), KD_OK);
    assert_int_equal(attach(&f), KD_OK);
    sim_vm_reset(f.vm);
    run_for(&f, SIM_S(1));
    assert_int_equal(f.hand.frames, 2);
    end(&f);
}

/* ---- ends of different ages ---- */

static void skews_have_names(void **state)
{
    (void)state;
    enum sim_skew skew;
    assert_int_equal(sim_skew_find("relay-garbage", &skew), KD_OK);
    assert_int_equal(skew, SIM_SKEW_RELAY_GARBAGE);
    assert_int_equal(sim_skew_find("relay-rust", &skew), KD_ERR_ARGUMENT);
}

/* Boots with a debugger and returns how many modules it was told. */
static unsigned boot_with(enum sim_skew skew, uint64_t *hellos)
{
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
    config.skew = skew;
    config.uart = SIM_UART_ABSENT;
    begin_with(&f, &config);
    assert_int_equal(attach(&f), KD_OK);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_S(1));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    *hellos = sim_vm_relay(f.vm)->counters.requests[VM_HELLO];
    unsigned told = f.hand.frames;
    end(&f);
    return told;
}

static void only_ends_with_a_version_in_common_come_together(void **state)
{
    (void)state;
    static const struct {
        enum sim_skew skew;
        unsigned told;
        bool reaches_relay;
    } rows[] = {
        {SIM_SKEW_NONE, 2, true},           {SIM_SKEW_MODULE_NEWER, 2, true},
        {SIM_SKEW_MODULE_TOO_NEW, 0, true}, {SIM_SKEW_RELAY_TOO_NEW, 0, false},
        {SIM_SKEW_RELAY_GARBAGE, 0, false}, {SIM_SKEW_RELAY_STRANGE, 0, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t hellos;
        assert_int_equal(boot_with(rows[i].skew, &hellos), rows[i].told);
        assert_int_equal(hellos > 0, rows[i].reaches_relay);
    }
}

/* A module that is told is a packet and an answer: one message for us, two of seven exits each for VirtualKD.
 */
static void virtualkd_asks_apart_and_opens_for_each_call(void **state)
{
    (void)state;
    uint64_t requests[2][VM_RESUME + 1], exits[2], rpcs[2];
    static const enum sim_skew skews[2] = {SIM_SKEW_NONE, SIM_SKEW_VIRTUALKD};
    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
        config.backdoor = SIM_BACKDOOR_RPCI_ONLY;
        config.skew = skews[i];
        begin_with(&f, &config);
        assert_int_equal(attach(&f), KD_OK);
        sim_vm_power_on(f.vm);
        run_for(&f, SIM_MS(10));
        assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
        memcpy(requests[i], sim_vm_relay(f.vm)->counters.requests, sizeof requests[i]);
        exits[i] = sim_vm_counters(f.vm).exits;
        rpcs[i] = sim_vm_counters(f.vm).rpcs;
        end(&f);
    }
    assert_int_equal(requests[0][VM_RECEIVE], 0);
    assert_int_equal(requests[1][VM_RECEIVE], requests[1][VM_SEND]);
    assert_int_equal(requests[1][VM_SEND], requests[0][VM_SEND]);
    assert_int_equal(exits[1] - 7 * rpcs[1],
                     exits[0] - 5 * rpcs[0]); /* what is beside the messages is the same */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suspended_guest_makes_no_exit_and_goes_on_where_it_stood),
        cmocka_unit_test(a_boot_may_be_suspended_anywhere),
        cmocka_unit_test(a_held_call_does_not_survive_a_suspension_and_is_asked_again),
        cmocka_unit_test(what_cannot_stand_or_go_on_says_so),
        cmocka_unit_test(a_reset_or_a_switch_ends_every_standing),
        cmocka_unit_test(a_paused_guest_answers_afterwards),
        cmocka_unit_test(a_sleeping_host_has_a_sleeping_relay),
        cmocka_unit_test(a_snapshot_needs_a_machine_and_a_revert_a_snapshot),
        cmocka_unit_test(a_boot_goes_on_from_any_of_its_snapshots),
        cmocka_unit_test(memory_goes_back_and_the_clock_does_not),
        cmocka_unit_test(a_packet_under_way_in_a_snapshot_is_reported_again),
        cmocka_unit_test(a_serial_guest_writes_on_after_a_revert),
        cmocka_unit_test(a_killed_relay_takes_its_connection_along_and_the_guest_goes_on),
        cmocka_unit_test(a_held_call_ends_when_its_relay_dies),
        cmocka_unit_test(a_new_relay_is_told_the_stop_again_in_a_new_epoch),
        cmocka_unit_test(skews_have_names),
        cmocka_unit_test(only_ends_with_a_version_in_common_come_together),
        cmocka_unit_test(virtualkd_asks_apart_and_opens_for_each_call),
        cmocka_unit_test(the_serial_line_has_no_relay_to_kill),
        cmocka_unit_test(a_relay_that_comes_late_serves_the_next_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
