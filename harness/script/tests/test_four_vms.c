/* Goal: many/four-vms-one-relay: four machines, each with its session of a relay, in one world. What befalls
 * one of them, faults on every layer, resets, a relay that dies, changes nothing for the others: their
 * histories are the same to the bit, time included, as without. Method: a lab for each in one world.
 * Debuggers act at fixed times, whatever comes, so that no driver's turn is part of a history. Of each
 * machine every exit, report, message and life event is hashed with its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/script/lab.h"
#include <stdlib.h>

enum { VMS = 4, ROUNDS = 12, ROUNDS_WITHOUT_BREAK = 10, ACTIONS = 6, VICTIM = 0 };
#define ACTION_NS        SIM_MS(25)
#define SERIAL_ACTION_NS SIM_MS(200) /* a read of a thousand bytes takes a tenth of a second there */

struct machine {
    struct lab *lab;
    unsigned next; /* action */
    uint64_t hash;
    uint64_t events;
};

/* ---- its history -----------------------------------------------------------------------------------------
 */

/* FNV-1a. */
static void add(struct machine *machine, const void *bytes, size_t len_bytes)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len_bytes; i++)
        machine->hash = (machine->hash ^ at[i]) * 0x100000001B3u;
}

static void add_event(struct machine *machine, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t words[] = {sim_now(machine->lab->world), a, b, c};
    add(machine, words, sizeof words);
    machine->events++;
}

/* Without what says where in memory a buffer lies, or is nobody's to look at. */
static void on_exit(void *context, const struct sim_vm_exit *exit)
{
    add_event(context, (uint64_t)exit->kind << 32 | exit->port, exit->value, exit->began_ns);
    if (exit->kind == SIM_GUEST_BACKDOOR)
        add_event(context, exit->before->rbx, exit->before->rcx, exit->before->rdx);
}

static void on_api(void *context, const struct mk_trace *trace)
{
    add_event(context, trace->event, (uint64_t)trace->type << 32 | trace->first, trace->status);
    if (trace->header_bytes > 0)
        add(context, trace->header, trace->header_bytes);
    if (trace->data_bytes > 0)
        add(context, trace->data, trace->data_bytes);
}

static void on_life(void *context, enum sim_life life)
{
    add_event(context, 1000, (uint64_t)life, 0);
}

static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    add_event(context, 2000, is_reply, len_bytes);
    add(context, bytes, len_bytes);
}

static void on_message(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    add_event(context, 3000, type, body_bytes);
    add(context, body, body_bytes);
}

static void on_note(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    add_event(context, 4000 + (uint64_t)note, a, b << 32 ^ c);
}

/* ---- its debugger's user ---------------------------------------------------------------------------------
 */

/* What cannot be asked for now is not. */
static void ask(struct lab *lab, const struct dbg_request *request)
{
    (void)!dbg_send(lab->dbg, DBG_TYPE_MANIPULATE, request->body, request->body_bytes);
}

/* An exception leaves the target free to go on; a break-in stops it at an int 3, where it stops again (5.5
 * rule 4). */
static void stop(struct machine *machine)
{
    if (machine->next / ACTIONS < ROUNDS_WITHOUT_BREAK)
        (void)!sim_vm_command(machine->lab->vm,
                              &(struct mk_command){.kind = MK_COMMAND_EXCEPTION, .code = 0xC0000005u});
    else
        (void)!dbg_break_in(machine->lab->dbg);
}

static void read(struct machine *machine)
{
    struct lab *lab = machine->lab;
    struct dbg_request request;
    dbg_api_read_virtual(&request, 0, sim_vm_map(lab->vm)->pool, 1000 + 100 * lab->config.vm.number);
    ask(lab, &request);
}

static void write(struct machine *machine)
{
    struct lab *lab = machine->lab;
    struct dbg_request request;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i + lab->config.vm.number);
    if (dbg_api_write_virtual(&request, 0, sim_vm_map(lab->vm)->pool, bytes, sizeof bytes) == KD_OK)
        ask(lab, &request);
}

static void go(struct machine *machine)
{
    struct lab *lab = machine->lab;
    struct dbg_request request;
    dbg_api_continue2(&request, lab_arch(lab), 0, DBG_CONTINUE, &(struct dbg_control_set){.dr7 = 0x400});
    ask(lab, &request);
}

static void print(struct machine *machine)
{
    struct lab *lab = machine->lab;
    (void)!sim_vm_command(lab->vm,
                          &(struct mk_command){.kind = MK_COMMAND_PRINT, .count = 3, .text = "here is"});
}

static void (*const actions[ACTIONS])(struct machine *machine) = {stop, write, read, read, go, print};

static void act(void *context)
{
    struct machine *machine = context;
    actions[machine->next % ACTIONS](machine);
    machine->next++;
}

/* ---- four of them ----------------------------------------------------------------------------------------
 */

static void observe(struct machine *machine)
{
    sim_vm_observe(machine->lab->vm,
                   &(struct sim_vm_observer){
                       .context = machine, .exit = on_exit, .api = on_api, .life = on_life, .rpc = on_rpc});
    dbg_observe(machine->lab->dbg,
                &(struct dbg_observer){.context = machine, .message = on_message, .note = on_note});
}

static void start(struct machine *machine, struct sim_world *world, uint32_t number, enum sim_link link)
{
    struct lab_config config = lab_config_default(link, 7);
    char why[LAB_WHY_BYTES];
    config.world = world;
    config.vm.number = number;
    config.vm.boot.arch = number % 2 == 0 ? MK_X64 : MK_X86;
    *machine = (struct machine){.hash = 0xCBF29CE484222325u};
    if (lab_create(&config, &machine->lab, why) != KD_OK)
        fail_msg("%s", why);
    observe(machine);
    assert_int_equal(lab_attach(machine->lab), KD_OK);
    sim_vm_power_on(machine->lab->vm);
    uint64_t period_ns = link == SIM_LINK_SERIAL ? SERIAL_ACTION_NS : ACTION_NS;
    for (uint64_t i = 0; i < ROUNDS * ACTIONS; i++)
        sim_at(world, SIM_S(1) + i * period_ns, act, machine);
}

/* Everything that can go wrong, and a life that is hard. */
static void torment(struct lab *lab)
{
    static const enum sim_fault_layer layers[] = {SIM_FAULT_STREAM, SIM_FAULT_RPC, SIM_FAULT_EXIT};
    static const enum lab_fate fates[] = {
        LAB_FATE_RESET,  LAB_FATE_SUSPEND,  LAB_FATE_RESUME, LAB_FATE_RELAY_KILL, LAB_FATE_RELAY_RESTART,
        LAB_FATE_ATTACH, LAB_FATE_SNAPSHOT, LAB_FATE_REVERT, LAB_FATE_POWER_OFF,  LAB_FATE_POWER_ON};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        assert_int_equal(
            sim_faults_draw(lab->faults, &(struct sim_fault_rate){.layer = layers[i], .per_10000 = 500}),
            KD_OK);
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        lab_later(lab, SIM_MS(950) + i * SIM_MS(137), fates[i]);
}

static void run(struct machine machines[VMS], enum sim_link link, bool torments)
{
    struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(7, &cost);
    for (uint32_t i = 0; i < VMS; i++)
        start(&machines[i], world, i, i == VICTIM ? SIM_LINK_BACKDOOR : link);
    if (torments)
        torment(machines[VICTIM].lab);
    while (sim_step(world, SIM_S(2) + ROUNDS * ACTIONS * SERIAL_ACTION_NS))
        ;
}

static void end(struct machine machines[VMS])
{
    struct sim_world *world = machines[0].lab->world;
    for (unsigned i = 0; i < VMS; i++)
        lab_destroy(machines[i].lab);
    sim_world_destroy(world);
}

static void assert_untouched(const struct machine *machine, const struct machine *before)
{
    assert_int_equal(oracle_violation_count(machine->lab->oracle), 0);
    assert_true(machine->lab->seen.stops.count >= ROUNDS); /* it got through all that it was asked */
    assert_true(machine->lab->seen.replies >= 3 * ROUNDS);
    assert_true(machine->lab->seen.prints.count >= 3 * (ROUNDS_WITHOUT_BREAK - 1));
    assert_int_equal(machine->events, before->events);
    assert_true(machine->hash == before->hash);
}

static void others_are_untouched_on(enum sim_link link)
{
    struct machine quiet[VMS], hard[VMS];
    run(quiet, link, false);
    run(hard, link, true);
    for (unsigned i = 0; i < VMS; i++)
        if (i != VICTIM)
            assert_untouched(&hard[i], &quiet[i]);
    assert_true(hard[VICTIM].hash != quiet[VICTIM].hash);
    assert_true(sim_faults_struck(hard[VICTIM].lab->faults) > 20);
    assert_true(hard[VICTIM].lab->seen.life[SIM_LIFE_RESET] == 1 &&
                hard[VICTIM].lab->seen.life[SIM_LIFE_REVERT] == 1);
    for (unsigned i = 1; i + 1 < VMS; i++)
        assert_true(quiet[i].hash != quiet[i + 1].hash); /* four histories, not one */
    end(quiet);
    end(hard);
}

static void what_befalls_one_is_nothing_to_the_others(void **state)
{
    (void)state;
    others_are_untouched_on(SIM_LINK_BACKDOOR);
}

static void nor_to_neighbours_on_a_serial_line(void **state)
{
    (void)state;
    others_are_untouched_on(SIM_LINK_SERIAL);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_befalls_one_is_nothing_to_the_others),
        cmocka_unit_test(nor_to_neighbours_on_a_serial_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
