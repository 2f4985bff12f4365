/* Goal: a relay core hosted in a world gets every event, and everything it has to say goes where it belongs.
 * Method: the test plays the VM with messages of vm_message.h, and the debugger with bytes on a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/sim_relay.h"
#include <string.h>

struct fixture {
    struct sim_world *world;
    struct sim_line *line;
    struct sim_relay *relay;
    unsigned replies;
    uint8_t reply_bytes[VM_REPLY_BYTES_MAX];
    struct vm_reply reply; /* the last one */
    uint64_t token;
    size_t debugger_bytes;
    bool attention;
    unsigned attentions; /* times that it was told */
};

static void on_reply(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fixture *f = context;
    f->replies++;
    memcpy(f->reply_bytes, bytes, len_bytes);
    assert_int_equal(vm_reply_load(&f->reply, f->reply_bytes, len_bytes), KD_OK);
    f->token = f->reply.token;
}

static void on_attention(void *context, bool raised)
{
    struct fixture *f = context;
    f->attention = raised;
    f->attentions++;
}

static void on_line(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fixture *f = context;
    (void)bytes;
    f->debugger_bytes += len_bytes;
}

static void make_relay(struct fixture *f, struct sim_world *world, uint32_t vm)
{
    const struct sim_line_config line = {
        .layer = SIM_FAULT_STREAM, .direction = SIM_FAULT_TO_DEBUGGER, .vm = vm, .latency_ns = SIM_US(25)};
    memset(f, 0, sizeof *f);
    f->world = world;
    f->line = sim_line_create(world, NULL, &line, on_line, f);
    f->relay = sim_relay_create(world, vm, f->line, &(struct sim_relay_says){f, on_reply, on_attention});
}

static void drop_relay(struct fixture *f)
{
    sim_relay_destroy(f->relay);
    sim_line_destroy(f->line);
}

static int set_up(void **state)
{
    static struct fixture f;
    const struct sim_cost cost = sim_cost_default();
    make_relay(&f, sim_world_create(7, &cost), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    drop_relay(f);
    sim_world_destroy(f->world);
    return 0;
}

static void run_until(struct fixture *f, uint64_t time_ns)
{
    while (sim_step(f->world, time_ns))
        continue;
}

static void request(struct fixture *f, struct vm_request request, const uint8_t *body, size_t body_bytes)
{
    uint8_t bytes[VM_REQUEST_BYTES_MAX];
    request.version = VM_VERSION_MAX;
    request.token = request.kind == VM_HELLO ? 0 : f->token;
    vm_request_store(bytes, &request);
    if (body_bytes > 0)
        memcpy(bytes + VM_REQUEST_BYTES, body, body_bytes);
    sim_relay_request(f->relay, bytes, VM_REQUEST_BYTES + body_bytes);
}

static void hello(struct fixture *f)
{
    request(f, (struct vm_request){.kind = VM_HELLO, .version_min = 1, .machine = 0x8664}, NULL, 0);
}

static void print(struct fixture *f)
{
    uint8_t body[KD_DEBUG_IO_BYTES + 3] = {0};
    kd_store_u32(body, KD_DEBUG_IO_PRINT);
    request(f,
            (struct vm_request){.kind = VM_SEND,
                                .packet = {.type = KD_TYPE_DEBUG_IO,
                                           .header = {body, KD_DEBUG_IO_BYTES},
                                           .data = {body + KD_DEBUG_IO_BYTES, 3}},
                                .retries = 3},
            body, sizeof body);
}

static void receive(struct fixture *f)
{
    request(f,
            (struct vm_request){.kind = VM_RECEIVE, .next = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, 3944}},
            NULL, 0);
}

static void a_hello_is_answered_at_once_and_traced(void **state)
{
    struct fixture *f = *state;
    hello(f);
    assert_int_equal(f->replies, 1);
    assert_int_equal(f->reply.result, VM_DONE);
    assert_int_equal(f->reply.hold_ms, 250);
    const struct sim_record *record = sim_trace_ring(sim_trace(f->world), 0);
    assert_int_equal(sim_trace_count(sim_trace(f->world)), 1);
    assert_int_equal(record->kind, SIM_RECORD_RELAY);
    assert_int_equal(record->a, VM_HELLO);
    assert_int_equal(record->b, VM_DONE);
}

static void a_print_for_nobody_costs_no_time(void **state)
{
    struct fixture *f = *state;
    hello(f);
    print(f);
    assert_int_equal(f->replies, 2);
    assert_int_equal(f->reply.result, VM_ABANDONED);
    assert_int_equal(sim_now(f->world), 0);
    run_until(f, SIM_S(1));
    assert_int_equal(f->debugger_bytes, 0);
}

static void a_print_for_a_debugger_goes_down_the_line(void **state)
{
    struct fixture *f = *state;
    hello(f);
    sim_relay_connected(f->relay);
    print(f);
    run_until(f, SIM_US(25));
    assert_int_equal(f->debugger_bytes, KD_FRAME_HEADER_BYTES + KD_DEBUG_IO_BYTES + 3 + 1);
    assert_int_equal(f->replies, 1);
}

static void a_held_call_is_answered_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    hello(f);
    sim_relay_connected(f->relay);
    receive(f);
    run_until(f, SIM_MS(250) - 1);
    assert_int_equal(f->replies, 1);
    run_until(f, SIM_MS(250));
    assert_int_equal(f->replies, 2);
    assert_int_equal(f->reply.result, VM_TIMEOUT);
}

static void a_lost_vm_gets_no_reply_any_more(void **state)
{
    struct fixture *f = *state;
    hello(f);
    sim_relay_connected(f->relay);
    receive(f);
    sim_relay_vm_lost(f->relay);
    run_until(f, SIM_S(2));
    assert_int_equal(f->replies, 1);
    assert_int_equal(sim_next_due(f->world), SIM_NEVER);
}

static uint32_t input_bytes(const struct fixture *f)
{
    return sim_relay_core(f->relay)->input.len_bytes;
}

/* A poll makes the core look at its input, drop the noise, and take more of what waits. */
static void bytes_the_core_cannot_take_wait_in_front_of_it(void **state)
{
    struct fixture *f = *state;
    static const uint8_t noise[3 * RELAY_INPUT_BYTES];
    hello(f);
    sim_relay_connected(f->relay);
    sim_relay_input(f->relay, noise, sizeof noise);
    sim_relay_input(f->relay, &(uint8_t){KD_BREAK_IN_BYTE}, 1);
    unsigned polls = 0;
    do {
        request(f, (struct vm_request){.kind = VM_POLL}, NULL, 0);
        assert_in_range(++polls, 1, 8);
    } while ((f->reply.flags & VM_REPLY_BREAK_IN) == 0);
    assert_int_equal(input_bytes(f), 0);
}

static void a_disconnect_forgets_what_waits(void **state)
{
    struct fixture *f = *state;
    static const uint8_t noise[3 * RELAY_INPUT_BYTES];
    hello(f);
    sim_relay_connected(f->relay);
    sim_relay_input(f->relay, noise, sizeof noise);
    sim_relay_disconnected(f->relay);
    assert_int_equal(input_bytes(f), 0);
    sim_relay_connected(f->relay);
    assert_int_equal(input_bytes(f), 0);
}

/* While the host stands still nothing is taken: what one debugger said then is not the next one's wish. */
static void a_disconnect_of_a_paused_host_forgets_what_waits(void **state)
{
    struct fixture *f = *state;
    hello(f);
    sim_relay_connected(f->relay);
    sim_relay_freeze(f->relay, true);
    sim_relay_input(f->relay, &(uint8_t){KD_BREAK_IN_BYTE}, 1);
    sim_relay_disconnected(f->relay);
    sim_relay_connected(f->relay);
    sim_relay_freeze(f->relay, false);
    request(f, (struct vm_request){.kind = VM_POLL}, NULL, 0);
    assert_int_equal(f->reply.result, VM_DONE);
    assert_int_equal(f->reply.flags, 0);
}

static void two_relays_of_a_world_draw_other_tokens(void **state)
{
    struct fixture *f = *state;
    struct fixture second;
    make_relay(&second, f->world, 1);
    hello(f);
    hello(&second);
    assert_int_not_equal(f->token, second.token);
    drop_relay(&second);
}

static void it_tells_when_it_wants_to_be_asked(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->attentions, 1);
    assert_true(f->attention); /* no epoch */
    hello(f);
    assert_false(f->attention);
    sim_relay_connected(f->relay);
    assert_false(f->attention);
    sim_relay_input(f->relay, (const uint8_t *)"b", 1);
    assert_true(f->attention);
    request(f, (struct vm_request){.kind = VM_POLL}, NULL, 0);
    assert_int_equal(f->reply.flags, VM_REPLY_BREAK_IN);
    assert_true(f->attention); /* the reply may be lost */
    request(f, (struct vm_request){.kind = VM_POLL}, NULL, 0);
    assert_false(f->attention);
    sim_relay_kill(f->relay);
    assert_false(f->attention);
    sim_relay_restart(f->relay);
    assert_true(f->attention);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_tells_when_it_wants_to_be_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hello_is_answered_at_once_and_traced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_print_for_nobody_costs_no_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_print_for_a_debugger_goes_down_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_call_is_answered_when_its_time_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_vm_gets_no_reply_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_the_core_cannot_take_wait_in_front_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disconnect_forgets_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disconnect_of_a_paused_host_forgets_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_relays_of_a_world_draw_other_tokens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
