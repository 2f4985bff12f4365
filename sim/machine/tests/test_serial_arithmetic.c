/* Goal: the serial line is as slow as arithmetic says, and nothing else is in its figures.
 * Method: with exits, latency and think time at zero a full read of 3,944 bytes is its bytes on the wire and
 * nothing more: request 73 + ACK 16 + reply 4,017 + ACK 16 = 4,122 bytes of ten bits at 115,200 bit/s: 357.8
 * ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/tests/debugger_by_hand.h"

enum { FULL_READ = 3944, WIRE_BYTES = 4122, POLLS = 20000 };

struct fixture {
    struct sim_world *world;
    struct sim_vm *vm;
    struct hand hand;
    unsigned booted, stopped, replies_sent;
};

static void on_api(void *context, const struct mk_trace *trace)
{
    struct fixture *f = context;
    f->booted += trace->event == MK_TRACE_BOOTED;
    f->stopped += trace->event == MK_TRACE_SENT && trace->type == KD_TYPE_STATE_CHANGE64 &&
                  trace->first == KD_STATE_EXCEPTION;
    f->replies_sent += trace->event == MK_TRACE_SENT && trace->type == KD_TYPE_MANIPULATE;
}

static void run_until_counted(struct fixture *f, const unsigned *count)
{
    const uint64_t limit_ns = sim_now(f->world) + SIM_S(10);
    while (*count == 0)
        assert_true(sim_step(f->world, limit_ns));
}

static uint64_t wire_bytes(const struct fixture *f)
{
    struct sim_vm_counters counters = sim_vm_counters(f->vm);
    return counters.bytes_to_debugger + counters.bytes_to_target;
}

static void set_up(struct fixture *f)
{
    struct sim_cost cost = sim_cost_default();
    cost.exit_ns = cost.stream_latency_ns = cost.think_ns = 0;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    config.polls = POLLS;
    const char *why;
    memset(f, 0, sizeof *f);
    f->world = sim_world_create(1, &cost);
    assert_int_equal(sim_vm_create(f->world, NULL, &config, &f->vm, &why), KD_OK);
    sim_vm_observe(f->vm, &(struct sim_vm_observer){.context = f, .api = on_api});
    f->hand.acknowledges = f->hand.continues = true;
    assert_int_equal(hand_attach(&f->hand, f->vm), KD_OK);
    sim_vm_power_on(f->vm);
    run_until_counted(f, &f->booted);
    sim_vm_write(f->vm, &(uint8_t){KD_BREAK_IN_BYTE}, 1);
    run_until_counted(f, &f->stopped);
}

static void a_full_read_takes_what_its_bytes_take(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const uint64_t start_ns = sim_now(f.world), start_bytes = wire_bytes(&f);
    hand_read_virtual(&f.hand, sim_vm_map(f.vm)->pool, FULL_READ);
    run_until_counted(&f, &f.replies_sent);

    assert_int_equal(wire_bytes(&f) - start_bytes, WIRE_BYTES);
    assert_int_equal(f.hand.last.type, KD_TYPE_MANIPULATE);
    assert_int_equal(f.hand.last.byte_count, KD_MANIPULATE_BYTES + FULL_READ);
    const uint8_t *pool = sim_vm_ram(f.vm) + sim_vm_map(f.vm)->pool_pa;
    assert_memory_equal(f.hand.body + KD_MANIPULATE_BYTES, pool, FULL_READ);

    const uint64_t took_ns = sim_now(f.world) - start_ns;
    const uint64_t wire_ns = WIRE_BYTES * SIM_S(1) * 10 / 115200;
    assert_in_range(wire_ns, 357800000, 357820000);
    assert_in_range(took_ns, wire_ns - wire_ns / 100, wire_ns + wire_ns / 100);
    sim_vm_destroy(f.vm);
    sim_world_destroy(f.world);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_read_takes_what_its_bytes_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
