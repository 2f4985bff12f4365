/* Goal: the native machine runs a guest as a coroutine whose whole state lies in its arena.
 * Method: small guests of the test's own, which use the platform functions as the module would; the test
 * plays the VM: it takes each exit and writes the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/tests/native_guest.h"
#include "transport/guest/kd_platform.h"
#include <string.h>

enum { PORT_A = 0x10, PORT_SUM = 0x20, PORT_MARK = 0x30 };

static void assert_exit(const struct sim_guest_exit *exit, enum sim_guest_exit_kind kind, uint16_t port)
{
    assert_int_equal(exit->kind, kind);
    assert_int_equal(exit->port, port);
}

static void guest_adder(void)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t value = kd_port_in8((uint16_t)(PORT_A + i));
        sum = (uint8_t)(sum + value);
    }
    kd_port_out8(PORT_SUM, sum);
}

static void a_guest_sees_the_answer_to_each_exit(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_adder);
    for (uint16_t i = 0; i < 3; i++) {
        struct sim_guest_exit *exit = guest_run(machine);
        assert_exit(exit, SIM_GUEST_IN8, (uint16_t)(PORT_A + i));
        exit->value = (uint8_t)(10 + i);
    }
    struct sim_guest_exit *exit = guest_run(machine);
    assert_exit(exit, SIM_GUEST_OUT8, PORT_SUM);
    assert_int_equal(exit->value, 10 + 11 + 12);
    machine->ops->destroy(machine);
}

static void a_guest_that_returns_is_off_and_stays_so(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_adder);
    for (int i = 0; i < 4; i++)
        guest_run(machine);
    for (int i = 0; i < 3; i++)
        assert_int_equal(guest_run(machine)->kind, SIM_GUEST_POWER_OFF);
    machine->ops->destroy(machine);
}

static void guest_backdoor(void)
{
    struct kd_backdoor_registers registers = {1, 2, 3, 4, 5, 6, 7};
    kd_backdoor_in(&registers);
    kd_port_out8(PORT_MARK, (uint8_t)(registers.rax + registers.rbx + registers.rcx + registers.rdx +
                                      registers.rsi + registers.rdi + registers.rbp));
    registers.rcx = 0;
    kd_backdoor_outs(&registers);
    kd_backdoor_ins(&registers);
    registers.rcx = 1;
    kd_backdoor_ins(&registers);
}

static void registers_travel_both_ways(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_backdoor);
    struct sim_guest_exit *exit = guest_run(machine);
    assert_int_equal(exit->kind, SIM_GUEST_BACKDOOR);
    const struct sim_registers before = {1, 2, 3, 4, 5, 6, 7};
    assert_memory_equal(&exit->registers, &before, sizeof before);
    exit->registers = (struct sim_registers){1, 1, 2, 3, 5, 8, 13};
    exit = guest_run(machine);
    assert_exit(exit, SIM_GUEST_OUT8, PORT_MARK);
    assert_int_equal(exit->value, 1 + 1 + 2 + 3 + 5 + 8 + 13);
    machine->ops->destroy(machine);
}

static void a_rep_of_nothing_is_no_exit(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_backdoor);
    guest_run(machine);
    guest_run(machine);
    assert_int_equal(guest_run(machine)->kind, SIM_GUEST_INS); /* the third string call, with a count of 1 */
    machine->ops->destroy(machine);
}

static void guest_reads_its_boot_block(void)
{
    kd_port_out8(PORT_MARK, (uint8_t)kd_platform_options(NULL)[strlen("DEBUGPORT=COM")]);
    kd_port_out8(PORT_MARK, mk_platform_map()->ram_bytes == MK_RAM_BYTES_MIN);
    kd_port_out8(PORT_MARK, kd_platform_machine() == 0x8664);
}

static void a_guest_is_told_what_it_boots(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_reads_its_boot_block);
    assert_int_equal(guest_run(machine)->value, '3');
    assert_int_equal(guest_run(machine)->value, 1);
    assert_int_equal(guest_run(machine)->value, 1);
    machine->ops->destroy(machine);
}

/* Reports what it finds, then scribbles over all its state, then waits to be reset. */
static void guest_scribbler(void)
{
    uint8_t *module = (uint8_t *)kd_platform_module();
    uint8_t *kernel = (uint8_t *)mk_platform_state();
    uint8_t *ram = mk_platform_ram();
    volatile uint8_t stack[64];
    kd_port_out8(PORT_MARK, module[0]);
    kd_port_out8(PORT_MARK, kernel[0]);
    kd_port_out8(PORT_MARK, ram[0x1000]);
    module[0] = kernel[0] = 0xEE;
    ram[0x1000] = (uint8_t)~ram[0x1000];
    for (unsigned i = 0; i < sizeof stack; i++)
        stack[i] = 0xEE;
    kd_port_out8(PORT_MARK, stack[7]);
    mk_platform_reset();
}

static void a_reset_restores_everything(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_scribbler);
    const uint8_t *ram = machine->ops->ram(machine);
    uint8_t first = ram[0x1000];
    for (int life = 0; life < 3; life++) {
        assert_int_equal(guest_run(machine)->value, 0);
        assert_int_equal(guest_run(machine)->value, 0);
        assert_int_equal(guest_run(machine)->value, first);
        guest_run(machine);
        assert_int_equal(guest_run(machine)->kind, SIM_GUEST_RESET);
        assert_int_equal(ram[0x1000], (uint8_t)~first);
        machine->ops->reset(machine);
        assert_int_equal(ram[0x1000], first);
    }
    machine->ops->destroy(machine);
}

static void ram_is_the_image_and_is_not_shared(void **state)
{
    (void)state;
    struct sim_machine *one = guest_machine(guest_scribbler);
    struct sim_machine *two = guest_machine(guest_scribbler);
    assert_ptr_not_equal(one->ops->ram(one), two->ops->ram(two));
    assert_memory_equal(one->ops->ram(one), two->ops->ram(two), MK_RAM_BYTES_MIN);
    for (int i = 0; i < 4; i++)
        guest_run(one);
    assert_memory_not_equal(one->ops->ram(one), two->ops->ram(two), MK_RAM_BYTES_MIN);
    struct sim_machine *three = guest_machine(guest_scribbler);
    assert_memory_equal(two->ops->ram(two), three->ops->ram(three), MK_RAM_BYTES_MIN);
    one->ops->destroy(one);
    two->ops->destroy(two);
    three->ops->destroy(three);
}

static void recurse(unsigned depth)
{
    volatile uint8_t frame[200];
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)depth;
    if (depth == 0)
        kd_port_out8(PORT_MARK, frame[3]);
    else
        recurse(depth - 1);
    kd_port_out8(PORT_SUM, frame[9]);
}

static void guest_deep(void)
{
    recurse(100);
}

/* Under the sanitizer the red zones of the abandoned frames must not strike the next life. */
static void a_guest_may_be_abandoned_at_any_depth(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_deep);
    for (int life = 0; life < 3; life++) {
        assert_exit(guest_run(machine), SIM_GUEST_OUT8, PORT_MARK);
        for (int i = 0; i < 10 * life; i++)
            assert_exit(guest_run(machine), SIM_GUEST_OUT8, PORT_SUM);
        machine->ops->reset(machine);
    }
    machine->ops->destroy(machine);
}

static void guest_counter(void)
{
    for (uint8_t *count = (uint8_t *)kd_platform_module();; ++*count)
        kd_port_out8(PORT_MARK, *count);
}

static void two_guests_interleave_without_touching_each_other(void **state)
{
    (void)state;
    struct sim_machine *one = guest_machine(guest_counter);
    struct sim_machine *two = guest_machine(guest_counter);
    for (uint8_t i = 0; i < 50; i++) {
        assert_int_equal(guest_run(one)->value, i);
        if (i % 3 == 0)
            assert_int_equal(guest_run(two)->value, i / 3);
    }
    one->ops->destroy(one);
    assert_int_equal(guest_run(two)->value, 17);
    two->ops->destroy(two);
}

static void an_arena_can_be_had_again(void **state)
{
    (void)state;
    struct sim_machine *first = guest_machine(guest_counter);
    const uint8_t *at = first->ops->ram(first);
    first->ops->destroy(first);
    struct sim_machine *second = guest_machine(guest_counter);
    assert_ptr_equal(second->ops->ram(second), at);
    assert_int_equal(guest_run(second)->value, 0);
    second->ops->destroy(second);
}

static void devices_reach_the_guests_memory_and_no_other(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_counter);
    struct sim_memory memory = machine->ops->memory(machine);
    uint64_t ram = (uintptr_t)machine->ops->ram(machine);
    uint8_t bytes[4] = {1, 2, 3, 4}, host = 9;
    assert_true(memory.write(memory.context, ram, bytes, 4));
    assert_true(memory.read(memory.context, ram + 1, &host, 1));
    assert_int_equal(host, 2);
    uint64_t end = ram + MK_RAM_BYTES_MIN;
    assert_true(memory.read(memory.context, end - 4, bytes, 4));
    assert_false(memory.read(memory.context, end - 3, bytes, 4));
    assert_false(memory.read(memory.context, end, bytes, 1));
    assert_false(memory.read(memory.context, ram - 1, bytes, 2));
    assert_false(memory.write(memory.context, (uintptr_t)&host, bytes, 1));
    assert_false(memory.read(memory.context, 0, bytes, 1));
    assert_false(memory.read(memory.context, UINT64_MAX, bytes, 4));
    assert_false(memory.read(memory.context, ram, bytes, SIZE_MAX));
    machine->ops->destroy(machine);
}

static void guest_asks_for_free(void)
{
    uint32_t cpuid[4];
    kd_cpuid(1, cpuid);
    kd_port_out8(PORT_MARK, (uint8_t)(cpuid[0] + cpuid[1] + cpuid[2] + cpuid[3]));
    struct mk_command command;
    mk_platform_command(&command);
    kd_port_out8(PORT_MARK, (uint8_t)command.count);
    mk_platform_trace(&(struct mk_trace){.event = MK_TRACE_BOOTED});
    mk_platform_wait_tick();
    kd_platform_set_present(false);
    kd_port_out8(PORT_MARK, *mk_debugger_not_present(mk_platform_state()));
    kd_platform_set_present(true);
    kd_port_out8(PORT_MARK, *mk_debugger_not_present(mk_platform_state()));
    mk_platform_power_off();
}

static void every_platform_call_is_an_exit_of_its_kind(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_asks_for_free);
    struct sim_guest_exit *exit = guest_run(machine);
    assert_int_equal(exit->kind, SIM_GUEST_CPUID);
    assert_int_equal(exit->leaf, 1);
    for (uint32_t i = 0; i < 4; i++)
        exit->cpuid[i] = i + 1;
    assert_int_equal(guest_run(machine)->value, 1 + 2 + 3 + 4);
    exit = guest_run(machine);
    assert_int_equal(exit->kind, SIM_GUEST_COMMAND);
    *exit->command = (struct mk_command){.kind = MK_COMMAND_LOAD, .count = 42};
    assert_int_equal(guest_run(machine)->value, 42);
    exit = guest_run(machine);
    assert_int_equal(exit->kind, SIM_GUEST_TRACE);
    assert_int_equal(exit->trace->event, MK_TRACE_BOOTED);
    assert_int_equal(guest_run(machine)->kind, SIM_GUEST_TICK);
    assert_int_equal(guest_run(machine)->value, 1);
    assert_int_equal(guest_run(machine)->value, 0);
    assert_int_equal(guest_run(machine)->kind, SIM_GUEST_POWER_OFF);
    machine->ops->destroy(machine);
}

/* Counts on its stack, in its module state and in a page of RAM; says the sum at each step. */
static void guest_adding_up(void)
{
    uint8_t frame[16] = {0};
    uint8_t *module = (uint8_t *)kd_platform_module();
    uint8_t *page = mk_platform_ram() + MK_RAM_BYTES_MIN - 1;
    uint8_t first = *page;
    for (;;) {
        frame[15]++;
        module[3]++;
        (*page)++;
        kd_port_out8(PORT_MARK, (uint8_t)(frame[15] + module[3] + (uint8_t)(*page - first)));
    }
}

static void a_snapshot_brings_a_guest_back_as_often_as_wanted(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_adding_up);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(guest_run(machine)->value, 3 * i);
    struct sim_machine_state *fifth = machine->ops->save(machine);
    assert_int_equal(guest_run(machine)->value, 18); /* saving disturbs nothing */
    struct sim_machine_state *sixth = machine->ops->save(machine);
    for (int again = 0; again < 3; again++) {
        machine->ops->load(machine, fifth);
        for (int i = 6; i < 20; i++)
            assert_int_equal(guest_run(machine)->value, 3 * i);
        machine->ops->load(machine, sixth);
        assert_int_equal(guest_run(machine)->value, 21);
        machine->ops->reset(machine);
        assert_int_equal(guest_run(machine)->value, 3);
    }
    machine->ops->forget(sixth);
    machine->ops->forget(fifth);
    machine->ops->forget(NULL);
    machine->ops->destroy(machine);
}

/* The exit of the run before a save waits for its answer again. */
static void an_exit_that_was_open_in_a_snapshot_can_be_answered_otherwise(void **state)
{
    (void)state;
    struct sim_machine *machine = guest_machine(guest_adder);
    guest_run(machine)->value = 1;
    guest_run(machine)->value = 2;
    struct sim_guest_exit *exit = guest_run(machine);
    struct sim_machine_state *saved = machine->ops->save(machine);
    for (uint8_t answer = 10; answer < 13; answer++) {
        machine->ops->load(machine, saved);
        assert_exit(exit, SIM_GUEST_IN8, PORT_A + 2);
        exit->value = answer;
        assert_int_equal(guest_run(machine)->value, 3 + answer);
    }
    machine->ops->forget(saved);
    machine->ops->destroy(machine);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_sees_the_answer_to_each_exit),
        cmocka_unit_test(a_snapshot_brings_a_guest_back_as_often_as_wanted),
        cmocka_unit_test(an_exit_that_was_open_in_a_snapshot_can_be_answered_otherwise),
        cmocka_unit_test(a_guest_that_returns_is_off_and_stays_so),
        cmocka_unit_test(registers_travel_both_ways),
        cmocka_unit_test(a_rep_of_nothing_is_no_exit),
        cmocka_unit_test(a_guest_is_told_what_it_boots),
        cmocka_unit_test(a_reset_restores_everything),
        cmocka_unit_test(ram_is_the_image_and_is_not_shared),
        cmocka_unit_test(a_guest_may_be_abandoned_at_any_depth),
        cmocka_unit_test(two_guests_interleave_without_touching_each_other),
        cmocka_unit_test(an_arena_can_be_had_again),
        cmocka_unit_test(devices_reach_the_guests_memory_and_no_other),
        cmocka_unit_test(every_platform_call_is_an_exit_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
