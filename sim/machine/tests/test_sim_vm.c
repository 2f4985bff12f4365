/* Goal: one VM in a world: it boots, its time is that of the cost table, bytes flow, lifecycle takes effect
 * at once, and all of it is one history per seed. Method: the real mini kernel, module and devices on the
 * native machine; an observer keeps the kernel's reports, a debugger played by hand sits at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/tests/debugger_by_hand.h"

enum { SEED = 42, FEW_POLLS = 60, KERNEL_RETRIES = 20, TICKS_PER_SECOND = 64 };

/* Exits of a GuestRPC round trip in high bandwidth, and of finding the backdoor: GETVERSION and OPEN. */
enum { RPC_EXITS = 5, DETECT_EXITS = 3, QUIET_EXITS = 2, HINT_EXITS = 5 };

struct fixture {
    struct sim_world *world;
    struct sim_vm *vm;
    struct hand hand;
    unsigned events[MK_TRACE_EVENTS];
    unsigned lives[SIM_LIFES];
    struct mk_trace last_sent;
    uint64_t booted_ns;
    struct sim_vm_counters at_boot;
    unsigned requests, replies; /* messages told */
};

static void on_api(void *context, const struct mk_trace *trace)
{
    struct fixture *f = context;
    f->events[trace->event]++;
    if (trace->event == MK_TRACE_SENT)
        f->last_sent = *trace;
    if (trace->event == MK_TRACE_BOOTED) {
        f->booted_ns = sim_now(f->world);
        f->at_boot = sim_vm_counters(f->vm);
    }
}

static void on_life(void *context, enum sim_life life)
{
    struct fixture *f = context;
    f->lives[life]++;
}

static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    struct fixture *f = context;
    assert_true(len_bytes >= VM_REQUEST_BYTES);
    assert_int_equal(bytes[0] | bytes[1] << 8, VM_MESSAGE_MAGIC);
    f->requests += !is_reply;
    f->replies += is_reply;
}

static void add_vm(struct fixture *f, const struct sim_vm_config *config)
{
    const char *why = NULL;
    assert_int_equal(sim_vm_create(f->world, NULL, config, &f->vm, &why), KD_OK);
    assert_null(why);
    sim_vm_observe(f->vm, &(struct sim_vm_observer){.context = f, .api = on_api, .life = on_life, .rpc = on_rpc});
}

static void begin_with(struct fixture *f, const struct sim_vm_config *config, uint64_t seed)
{
    const struct sim_cost cost = sim_cost_default();
    memset(f, 0, sizeof *f);
    f->world = sim_world_create(seed, &cost);
    add_vm(f, config);
}

static void begin(struct fixture *f, enum sim_link link)
{
    struct sim_vm_config config = sim_vm_config_default(link);
    config.polls = link == SIM_LINK_SERIAL ? FEW_POLLS : 0;
    begin_with(f, &config, SEED);
}

static void end(struct fixture *f)
{
    sim_vm_destroy(f->vm);
    sim_world_destroy(f->world);
}

static void run_until(struct fixture *f, uint64_t time_ns)
{
    while (sim_step(f->world, time_ns))
        continue;
}

static void run_for(struct fixture *f, uint64_t time_ns)
{
    run_until(f, sim_now(f->world) + time_ns);
}

static void attach(struct fixture *f)
{
    f->hand.acknowledges = f->hand.continues = true;
    assert_int_equal(hand_attach(&f->hand, f->vm), KD_OK);
}

/* ---- configuration ---- */

static void a_wrong_configuration_is_refused_in_words(void **state)
{
    (void)state;
    struct sim_vm_config good = sim_vm_config_default(SIM_LINK_BACKDOOR);
    struct sim_vm_config bad[8];
    const char *const words[8] = {"link",    "backdoor",        "uart",         "ram_mib",
                                  "ram_mib", "boot.processors", "boot.options", "boot.options"};
    for (unsigned i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].link = (enum sim_link)7;
    bad[1].backdoor = SIM_BACKDOOR_PROFILES;
    bad[2].uart = SIM_UART_MODES;
    bad[3].ram_mib = 31;
    bad[4].ram_mib = 4097;
    bad[5].boot.processors = 5;
    memset(bad[6].boot.options, 'x', MK_OPTIONS_BYTES);
    strcpy(bad[7].boot.options, "DEBUGPORT=COM7");
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(SEED, &cost);
    for (unsigned i = 0; i < 8; i++) {
        struct sim_vm *vm;
        const char *why = NULL;
        assert_int_equal(sim_vm_create(world, NULL, &bad[i], &vm, &why), KD_ERR_ARGUMENT);
        assert_null(vm);
        assert_int_equal(strncmp(why, words[i], strlen(words[i])), 0);
    }
    sim_world_destroy(world);
}

static void an_architecture_without_an_image_is_refused(void **state)
{
    (void)state;
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(SEED, &cost);
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
    config.boot.arch = (enum mk_arch)9;
    struct sim_vm *vm;
    const char *why = NULL;
    assert_int_equal(sim_vm_create(world, NULL, &config, &vm, &why), KD_ERR_ARGUMENT);
    assert_int_equal(strncmp(why, "boot.arch", strlen("boot.arch")), 0);
    sim_world_destroy(world);
}

/* 1 s / (2 * 15 us). */
static void a_time_out_is_one_virtual_second(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    begin_with(&f, &config, SEED);
    assert_string_equal(sim_vm_config(f.vm)->boot.options, "BAUDRATE=115200 KDPOLLS=33333");
    end(&f);
}

static void options_that_are_given_are_kept(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    config.polls = 5;
    strcpy(config.boot.options, "debugport=com1 baudrate=9600");
    begin_with(&f, &config, SEED);
    assert_string_equal(sim_vm_config(f.vm)->boot.options, "debugport=com1 baudrate=9600 KDPOLLS=5");
    end(&f);
}

/* ---- booting with nobody attached ---- */

/* Detection, hello, the first module's load-symbols, which is given up at once and silences the rest, and the
 * poll behind the modules, with which the host's hint is first asked for: OPEN, the empty message, "reset". */
static void an_unattended_boot_on_the_backdoor_costs_its_exits_and_no_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(1));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(f.events[MK_TRACE_SEND], 1);
    assert_int_equal(f.last_sent.status, 1);
    assert_int_equal(f.at_boot.exits, DETECT_EXITS + 3 * RPC_EXITS + HINT_EXITS);
    assert_int_equal(f.at_boot.rpcs, 3);
    assert_int_equal(f.at_boot.exits_string, 3 * 2 + 1);
    assert_int_equal(f.at_boot.exits_backdoor, f.at_boot.exits - f.at_boot.exits_string - 1);
    uint64_t exits_ns = f.at_boot.exits * sim_cost(f.world)->exit_ns;
    assert_in_range(f.booted_ns, exits_ns, exits_ns + f.at_boot.payload_bytes);
    end(&f);
}

static void a_running_target_polls_once_a_tick(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(500));
    struct sim_vm_counters before = sim_vm_counters(f.vm);
    run_for(&f, SIM_S(1));
    struct sim_vm_counters after = sim_vm_counters(f.vm);
    assert_int_equal(after.ticks - before.ticks, TICKS_PER_SECOND);
    assert_int_equal(after.rpcs, before.rpcs);
    assert_int_equal(after.exits - before.exits, TICKS_PER_SECOND * QUIET_EXITS);
    assert_int_equal(f.requests, after.rpcs);
    assert_int_equal(f.replies, after.rpcs);
    end(&f);
}

static void a_silent_serial_line_gets_the_retries_once_then_silence(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_SERIAL);
    assert_int_equal(hand_attach(&f.hand, f.vm), KD_OK); /* listens and never answers */
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(3));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(f.events[MK_TRACE_SEND], 1);
    assert_int_equal(f.last_sent.status, 1);
    assert_int_equal(f.hand.frames, KERNEL_RETRIES);
    struct sim_vm_counters before = sim_vm_counters(f.vm);
    run_for(&f, SIM_S(1));
    struct sim_vm_counters after = sim_vm_counters(f.vm);
    assert_int_equal(after.bytes_to_debugger, before.bytes_to_debugger);
    assert_int_equal(after.exits - before.exits, TICKS_PER_SECOND * 4); /* two empty looks a poll */
    end(&f);
}

static void an_unplugged_serial_line_is_like_a_silent_one(void **state)
{
    (void)state;
    struct fixture silent, unplugged;
    begin(&silent, SIM_LINK_SERIAL);
    assert_int_equal(hand_attach(&silent.hand, silent.vm), KD_OK);
    begin(&unplugged, SIM_LINK_SERIAL);
    sim_vm_power_on(silent.vm);
    sim_vm_power_on(unplugged.vm);
    run_until(&silent, SIM_S(3));
    run_until(&unplugged, SIM_S(3));
    assert_int_equal(unplugged.booted_ns, silent.booted_ns);
    assert_int_equal(unplugged.at_boot.exits, silent.at_boot.exits);
    assert_int_equal(sim_vm_counters(unplugged.vm).bytes_to_debugger, 0);
    end(&silent);
    end(&unplugged);
}

static void without_a_relay_the_module_takes_the_serial_port(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
    config.relay_present = false;
    config.polls = FEW_POLLS;
    begin_with(&f, &config, SEED);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(3));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(sim_vm_counters(f.vm).rpcs, 1);
    assert_true(sim_vm_counters(f.vm).exits_uart > 0);
    end(&f);
}

static void the_serial_port_is_where_the_options_say(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    config.polls = FEW_POLLS;
    strcpy(config.boot.options, "DEBUGPORT=COM1");
    begin_with(&f, &config, SEED);
    attach(&f);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(1));
    assert_int_equal(f.hand.frames, config.boot.modules);
    end(&f);
}

/* ---- with a debugger ---- */

static void modules_are_announced(enum sim_link link)
{
    struct fixture f;
    begin(&f, link);
    attach(&f);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(1));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(f.hand.frames, 2);
    assert_int_equal(f.last_sent.status, 0);
    struct sim_vm_counters counters = sim_vm_counters(f.vm);
    assert_int_equal(counters.bytes_to_debugger, f.hand.bytes);
    /* An ACK and a Continue for each. */
    unsigned answer = 2 * KD_FRAME_HEADER_BYTES + KD_MANIPULATE_BYTES + 1;
    assert_int_equal(counters.bytes_to_target, 2 * answer);
    end(&f);
}

static void a_debugger_hears_of_every_module_on_the_backdoor(void **state)
{
    (void)state;
    modules_are_announced(SIM_LINK_BACKDOOR);
}

static void a_debugger_hears_of_every_module_on_serial(void **state)
{
    (void)state;
    modules_are_announced(SIM_LINK_SERIAL);
}

static void a_second_debugger_is_refused_and_disturbs_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct hand second = {0};
    begin(&f, SIM_LINK_BACKDOOR);
    attach(&f);
    assert_int_equal(hand_attach(&second, f.vm), KD_ERR_BUSY);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(1));
    assert_int_equal(f.hand.frames, 2);
    assert_int_equal(second.bytes, 0);
    assert_int_equal(f.lives[SIM_LIFE_ATTACH], 1);
    end(&f);
}

static void a_debugger_may_leave_and_another_come(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    attach(&f);
    sim_vm_detach(f.vm);
    assert_false(sim_vm_attached(f.vm));
    sim_vm_write(f.vm, (const uint8_t *)"b", 1); /* nobody is there to have said it */
    assert_int_equal(sim_vm_counters(f.vm).bytes_to_target, 0);
    attach(&f);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(1));
    assert_int_equal(f.hand.frames, 2);
    end(&f);
}

/* A byte under way when the debugger goes must not reach the guest: neither from the stream (25 us), nor from
 * the host's end of the serial line (87 us more). */
static void a_cut_line_delivers_nothing(void **state)
{
    (void)state;
    const struct {
        uint64_t cut_after_ns;
        unsigned breaks;
    } rows[] = {{SIM_US(10), 0}, {SIM_US(50), 0}, {SIM_MS(20), 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        begin(&f, SIM_LINK_SERIAL);
        sim_vm_power_on(f.vm);
        run_until(&f, SIM_S(3));
        attach(&f);
        sim_vm_write(f.vm, (const uint8_t *)"b", 1);
        run_for(&f, rows[i].cut_after_ns);
        sim_vm_detach(f.vm);
        run_for(&f, SIM_S(1));
        assert_int_equal(f.events[MK_TRACE_BREAK], rows[i].breaks);
        end(&f);
    }
}

/* The first announcement is under way when its debugger leaves. It may be given up, and the relay does so
 * (relay_core.h): the one who comes at once must not hear it. */
static void the_next_debugger_gets_nothing_of_the_one_before(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    attach(&f);
    sim_vm_power_on(f.vm);
    while (sim_line_idle(sim_vm_line(f.vm, SIM_FAULT_TO_DEBUGGER)))
        assert_true(sim_step(f.world, SIM_S(1)));
    sim_vm_detach(f.vm);
    attach(&f);
    run_for(&f, SIM_US(25));
    assert_int_equal(f.hand.bytes, 0);
    end(&f);
}

/* ---- lifecycle ---- */

static void a_reset_boots_again_at_once(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(100));
    uint64_t first_ns = f.booted_ns;
    sim_vm_reset(f.vm);
    assert_int_equal(f.lives[SIM_LIFE_RESET], 1);
    run_for(&f, SIM_MS(100));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 2);
    assert_int_equal(f.booted_ns - SIM_MS(100), first_ns);
    assert_int_equal(sim_vm_counters(f.vm).resets, 1);
    end(&f);
}

/* The debugger says nothing, so the first load-symbols is held by the relay when the button is pressed. */
static void a_reset_strikes_a_held_call(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(hand_attach(&f.hand, f.vm), KD_OK);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(100));
    assert_int_equal(f.events[MK_TRACE_SEND], 1);
    assert_int_equal(f.events[MK_TRACE_SENT], 0);
    f.hand.acknowledges = f.hand.continues = true;
    sim_vm_reset(f.vm);
    run_for(&f, SIM_S(2)); /* the hand left a frame unanswered: the relay takes its first ACK for that (2.15) */
    assert_int_equal(f.events[MK_TRACE_INITIALIZE], 2);
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    end(&f);
}

static void a_power_off_strikes_a_held_call(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(hand_attach(&f.hand, f.vm), KD_OK);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(100));
    sim_vm_power_off(f.vm);
    uint64_t exits = sim_vm_counters(f.vm).exits;
    run_for(&f, SIM_S(1));
    assert_int_equal(sim_vm_counters(f.vm).exits, exits);
    /* From then on the relay speaks, until its debugger has not listened for long enough (2.12 rule 7). */
    assert_int_equal(sim_next_due(f.world), SIM_MS(2100));
    unsigned frames = f.hand.frames;
    run_for(&f, SIM_S(30));
    assert_int_equal(f.hand.frames, frames + 20);
    assert_int_equal(sim_next_due(f.world), SIM_NEVER);
    end(&f);
}

/* Or the next lives would find none left, and take the serial port. */
static void the_channels_of_a_gone_guest_are_closed(void **state)
{
    (void)state;
    enum { LIVES = 140 };
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    for (int life = 1; life < LIVES; life++) {
        run_for(&f, SIM_MS(1));
        sim_vm_reset(f.vm);
    }
    run_for(&f, SIM_MS(1));
    assert_int_equal(f.events[MK_TRACE_BOOTED], LIVES);
    assert_int_equal(sim_vm_counters(f.vm).exits_uart, 0);
    end(&f);
}

static void power_off_is_silent_and_power_on_boots(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_SERIAL);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_US(5005)); /* in the middle of the first frame */
    sim_vm_power_off(f.vm);
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_OFF);
    assert_int_equal(sim_next_due(f.world), SIM_NEVER);
    uint64_t exits = sim_vm_counters(f.vm).exits;
    run_for(&f, SIM_S(2));
    assert_int_equal(sim_vm_counters(f.vm).exits, exits);
    sim_vm_reset(f.vm); /* ignored */
    assert_int_equal(f.lives[SIM_LIFE_RESET], 0);
    sim_vm_power_on(f.vm);
    run_for(&f, SIM_S(3));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    assert_int_equal(f.lives[SIM_LIFE_POWER_ON], 2);
    end(&f);
}

static void a_wish_is_taken_at_the_next_tick_one_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    const struct mk_command reboot = {.kind = MK_COMMAND_RESET}, off = {.kind = MK_COMMAND_POWER_OFF};
    begin(&f, SIM_LINK_BACKDOOR);
    assert_int_equal(sim_vm_command(f.vm, &reboot), KD_ERR_CLOSED);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(100));
    assert_int_equal(sim_vm_command(f.vm, &reboot), KD_OK);
    assert_int_equal(sim_vm_command(f.vm, &off), KD_ERR_BUSY);
    run_for(&f, SIM_MS(100));
    assert_int_equal(f.lives[SIM_LIFE_REBOOT], 1);
    assert_int_equal(f.events[MK_TRACE_BOOTED], 2);
    assert_int_equal(sim_vm_counters(f.vm).resets, 1);
    assert_int_equal(sim_vm_command(f.vm, &off), KD_OK);
    run_for(&f, SIM_MS(100));
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_OFF);
    assert_int_equal(f.lives[SIM_LIFE_POWER_OFF], 1);
    end(&f);
}

static void a_reset_forgets_a_wish(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, SIM_LINK_BACKDOOR);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(100));
    assert_int_equal(sim_vm_command(f.vm, &(struct mk_command){.kind = MK_COMMAND_POWER_OFF}), KD_OK);
    sim_vm_reset(f.vm);
    run_for(&f, SIM_S(1));
    assert_int_equal(sim_vm_state(f.vm), SIM_VM_RUNNING);
    end(&f);
}

/* ---- an endpoint outside the world ---- */

/* Keeps what it is asked, and has not answered yet. */
struct endpoint {
    uint8_t request[VM_REQUEST_BYTES_MAX];
    size_t request_bytes; /* 0: none is under way */
    unsigned requests;
    unsigned losses;
};

static void endpoint_request(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct endpoint *endpoint = context;
    assert_int_equal(endpoint->request_bytes, 0);
    memcpy(endpoint->request, bytes, len_bytes);
    endpoint->request_bytes = len_bytes;
    endpoint->requests++;
}

static void endpoint_lost(void *context)
{
    struct endpoint *endpoint = context;
    endpoint->request_bytes = 0;
    endpoint->losses++;
}

static void begin_with_endpoint(struct fixture *f, struct endpoint *endpoint)
{
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_BACKDOOR);
    config.endpoint = (struct sim_vm_endpoint){endpoint, endpoint_request, endpoint_lost};
    begin_with(f, &config, SEED);
    sim_vm_power_on(f->vm);
    run_until(f, SIM_MS(100));
}

static uint8_t kind_under_way(const struct endpoint *endpoint)
{
    struct vm_request request;
    assert_int_equal(vm_request_load(&request, endpoint->request, endpoint->request_bytes), KD_OK);
    return request.kind;
}

static void answer_done(struct fixture *f, struct endpoint *endpoint, uint64_t token)
{
    uint8_t bytes[VM_REPLY_BYTES];
    vm_reply_store(bytes, &(struct vm_reply){.version = VM_VERSION_MAX,
                                             .kind = kind_under_way(endpoint),
                                             .result = VM_DONE,
                                             .token = token});
    endpoint->request_bytes = 0;
    sim_vm_rpc_reply(f->vm, bytes, sizeof bytes);
    run_for(f, SIM_MS(1));
}

static void a_guest_stands_in_its_rpc_until_the_endpoint_answers(void **state)
{
    (void)state;
    struct fixture f;
    struct endpoint endpoint = {0};
    begin_with_endpoint(&f, &endpoint);
    assert_int_equal(kind_under_way(&endpoint), VM_HELLO);
    assert_int_equal(sim_next_due(f.world), SIM_NEVER);
    assert_null(sim_vm_relay(f.vm));
    answer_done(&f, &endpoint, 7);
    assert_int_equal(endpoint.requests, 2);
    assert_int_equal(kind_under_way(&endpoint), VM_SEND);
    end(&f);
}

static void a_reset_tells_the_endpoint_and_a_late_reply_is_nobodys(void **state)
{
    (void)state;
    struct fixture f;
    struct endpoint endpoint = {0};
    begin_with_endpoint(&f, &endpoint);
    uint8_t late[VM_REPLY_BYTES];
    vm_reply_store(late, &(struct vm_reply){.version = VM_VERSION_MAX, .kind = VM_HELLO, .token = 7});
    sim_vm_reset(f.vm);
    assert_int_equal(endpoint.losses, 1);
    sim_vm_rpc_reply(f.vm, late, sizeof late); /* before the new guest has asked anything */
    run_for(&f, SIM_MS(1));
    assert_int_equal(endpoint.requests, 2);
    assert_int_equal(kind_under_way(&endpoint), VM_HELLO);
    end(&f);
}

static void with_an_endpoint_the_debuggers_side_is_elsewhere(void **state)
{
    (void)state;
    struct fixture f;
    struct endpoint endpoint = {0};
    begin_with_endpoint(&f, &endpoint);
    assert_int_equal(hand_attach(&f.hand, f.vm), KD_ERR_NO_DEVICE);
    assert_false(sim_vm_attached(f.vm));
    end(&f);
    struct sim_vm_config serial = sim_vm_config_default(SIM_LINK_SERIAL);
    serial.endpoint.request = endpoint_request;
    struct sim_vm *vm;
    const char *why;
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(SEED, &cost);
    assert_int_equal(sim_vm_create(world, NULL, &serial, &vm, &why), KD_ERR_ARGUMENT);
    assert_int_equal(strncmp(why, "endpoint", 8), 0);
    sim_world_destroy(world);
}

/* A running target takes one byte a tick. */
static void what_the_guest_has_not_read_is_counted(void **state)
{
    (void)state;
    enum { FIFO_BYTES = 16, WRITTEN = 100 };
    static const uint8_t noise[WRITTEN] = {0};
    struct fixture f;
    begin(&f, SIM_LINK_SERIAL);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_S(3));
    attach(&f);
    sim_vm_write(f.vm, noise, sizeof noise);
    run_for(&f, SIM_MS(15)); /* enough for all characters, and for one poll at most */
    assert_in_range(sim_vm_unread(f.vm), WRITTEN - FIFO_BYTES - 1, WRITTEN - FIFO_BYTES);
    sim_vm_detach(f.vm);
    assert_int_equal(sim_vm_unread(f.vm), 0);
    end(&f);
}

/* ---- one seed, one history ---- */

/* A boot with a debugger, driven in steps of at most step_ns. */
static uint64_t history(enum sim_link link, uint64_t seed, uint64_t step_ns)
{
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(link);
    config.polls = FEW_POLLS;
    begin_with(&f, &config, seed);
    attach(&f);
    sim_vm_power_on(f.vm);
    while (sim_now(f.world) < SIM_MS(300))
        run_for(&f, step_ns);
    assert_int_equal(f.events[MK_TRACE_BOOTED], 1);
    uint64_t hash = sim_trace_hash(sim_trace(f.world));
    end(&f);
    return hash;
}

static void the_same_seed_has_the_same_history(void **state)
{
    (void)state;
    assert_int_equal(history(SIM_LINK_BACKDOOR, 1, SIM_MS(300)), history(SIM_LINK_BACKDOOR, 1, SIM_MS(300)));
    assert_int_equal(history(SIM_LINK_SERIAL, 1, SIM_MS(300)), history(SIM_LINK_SERIAL, 1, SIM_MS(300)));
    assert_int_not_equal(history(SIM_LINK_BACKDOOR, 1, SIM_MS(300)),
                         history(SIM_LINK_BACKDOOR, 2, SIM_MS(300)));
}

/* Inline or by an event: how the world is driven must not show. */
static void the_history_does_not_depend_on_who_drives_the_world(void **state)
{
    (void)state;
    assert_int_equal(history(SIM_LINK_BACKDOOR, 1, 7500), history(SIM_LINK_BACKDOOR, 1, SIM_MS(300)));
    assert_int_equal(history(SIM_LINK_SERIAL, 1, SIM_US(100)), history(SIM_LINK_SERIAL, 1, SIM_MS(300)));
}

/* The frame is out, the guest polls for its ACK, and nothing else is due in this world. */
static void a_polling_guest_lets_the_driver_have_its_turn(void **state)
{
    (void)state;
    struct fixture f;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    begin_with(&f, &config, SEED);
    sim_vm_power_on(f.vm);
    run_until(&f, SIM_MS(200));
    while (sim_now(f.world) < SIM_MS(800)) {
        uint64_t before_ns = sim_now(f.world);
        assert_true(sim_step(f.world, SIM_NEVER));
        assert_in_range(sim_now(f.world) - before_ns, 0, SIM_MS(20));
    }
    end(&f);
}

static uint64_t history_of_two(void)
{
    struct fixture f;
    struct fixture second = {0};
    begin(&f, SIM_LINK_BACKDOOR);
    second.world = f.world;
    struct sim_vm_config config = sim_vm_config_default(SIM_LINK_SERIAL);
    config.number = 1;
    config.polls = FEW_POLLS;
    add_vm(&second, &config);
    attach(&f);
    attach(&second);
    sim_vm_power_on(f.vm);
    sim_vm_power_on(second.vm);
    run_until(&f, SIM_MS(200));
    sim_vm_reset(f.vm);
    run_until(&f, SIM_MS(400));
    assert_int_equal(f.events[MK_TRACE_BOOTED], 2);
    assert_int_equal(second.events[MK_TRACE_BOOTED], 1);
    uint64_t hash = sim_trace_hash(sim_trace(f.world));
    sim_vm_destroy(second.vm);
    end(&f);
    return hash;
}

static void two_vms_in_a_world_are_one_history(void **state)
{
    (void)state;
    assert_int_equal(history_of_two(), history_of_two());
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_configuration_is_refused_in_words),
        cmocka_unit_test(an_architecture_without_an_image_is_refused),
        cmocka_unit_test(a_time_out_is_one_virtual_second),
        cmocka_unit_test(options_that_are_given_are_kept),
        cmocka_unit_test(an_unattended_boot_on_the_backdoor_costs_its_exits_and_no_wait),
        cmocka_unit_test(a_running_target_polls_once_a_tick),
        cmocka_unit_test(a_silent_serial_line_gets_the_retries_once_then_silence),
        cmocka_unit_test(an_unplugged_serial_line_is_like_a_silent_one),
        cmocka_unit_test(without_a_relay_the_module_takes_the_serial_port),
        cmocka_unit_test(the_serial_port_is_where_the_options_say),
        cmocka_unit_test(a_debugger_hears_of_every_module_on_the_backdoor),
        cmocka_unit_test(a_debugger_hears_of_every_module_on_serial),
        cmocka_unit_test(a_second_debugger_is_refused_and_disturbs_nobody),
        cmocka_unit_test(a_debugger_may_leave_and_another_come),
        cmocka_unit_test(a_cut_line_delivers_nothing),
        cmocka_unit_test(the_next_debugger_gets_nothing_of_the_one_before),
        cmocka_unit_test(a_reset_boots_again_at_once),
        cmocka_unit_test(a_reset_strikes_a_held_call),
        cmocka_unit_test(a_power_off_strikes_a_held_call),
        cmocka_unit_test(the_channels_of_a_gone_guest_are_closed),
        cmocka_unit_test(power_off_is_silent_and_power_on_boots),
        cmocka_unit_test(a_wish_is_taken_at_the_next_tick_one_at_a_time),
        cmocka_unit_test(a_reset_forgets_a_wish),
        cmocka_unit_test(a_guest_stands_in_its_rpc_until_the_endpoint_answers),
        cmocka_unit_test(a_reset_tells_the_endpoint_and_a_late_reply_is_nobodys),
        cmocka_unit_test(with_an_endpoint_the_debuggers_side_is_elsewhere),
        cmocka_unit_test(what_the_guest_has_not_read_is_counted),
        cmocka_unit_test(the_same_seed_has_the_same_history),
        cmocka_unit_test(the_history_does_not_depend_on_who_drives_the_world),
        cmocka_unit_test(a_polling_guest_lets_the_driver_have_its_turn),
        cmocka_unit_test(two_vms_in_a_world_are_one_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
