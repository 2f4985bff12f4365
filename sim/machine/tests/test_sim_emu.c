/* Goal: the emulated machine runs a DLL's own bytes, hands out each of its port accesses, counts its
 * instructions, and sees whatever a module must not do. Method: the machine alone, driven by hand: exits are
 * answered as by a machine without any device. The good module is the build's kdfast.dll; the bad ones are
 * tests/bad_module.c, one misdeed each, on both architectures. */
#include "sim/machine/sim_emu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RAM_BYTES = 32 * 1024 * 1024, EXITS_MAX = 200000, ARCHS = 2 };
static const char *const archs[ARCHS] = {"x64", "x86"};

static struct sim_machine *make(const char *name, int arch)
{
    const struct sim_image *image;
    const struct sim_dll *dll;
    const char *why;
    char path[512];
    struct mk_boot boot = {
        .arch = (enum mk_arch)arch, .processors = 1, .options = "DEBUGPORT=COM2 KDPOLLS=3"};
    const char *folder = strncmp(name, "bad_", 4) == 0 ? "/test" : "";
    snprintf(path, sizeof path, FASTKD_GUEST "%s/%s/%s.dll", folder, archs[arch], name);
    assert_int_equal(sim_image_get(boot.arch, 1, RAM_BYTES, &image), KD_OK);
    assert_int_equal(sim_dll_get(path, &dll, &why), KD_OK);
    return sim_emu_create(image, &boot, dll);
}

/* Answers as nobody would: ones in, registers unchanged. */
static void answer(struct sim_guest_exit *exit)
{
    exit->value = 0xFF;
    exit->wide = UINT32_MAX;
    if (exit->kind == SIM_GUEST_COMMAND)
        exit->command->kind = MK_COMMAND_NONE;
}

static struct sim_guest_exit *next(struct sim_machine *machine)
{
    return machine->ops->run(machine);
}

/* Runs to the next exit of a kind, which is not answered yet. */
static struct sim_guest_exit *next_of(struct sim_machine *machine, enum sim_guest_exit_kind kind)
{
    for (int i = 0; i < EXITS_MAX; i++) {
        struct sim_guest_exit *exit = next(machine);
        if (exit->kind == kind)
            return exit;
        assert_int_not_equal(exit->kind, SIM_GUEST_FAULT);
        answer(exit);
    }
    fail_msg("no exit of kind %d came", kind);
    return NULL;
}

static void end(struct sim_machine *machine)
{
    machine->ops->destroy(machine);
}

/* ---- a good module ------------------------------------------------------------------------------------- */

/* The module's first questions, one exit each: a doorbell (doorbell's signature,
 * transport/guest/vm_doorbell.h), and when nobody answers the backdoor's version, with its magic
 * (vmware-backdoor.md 1.2). Returns the second, which is not answered yet. */
static struct sim_guest_exit *version_question(struct sim_machine *machine)
{
    struct sim_guest_exit *exit = next_of(machine, SIM_GUEST_BACKDOOR);
    assert_int_equal(exit->registers.rax, 0x42444B46);
    return next_of(machine, SIM_GUEST_BACKDOOR);
}

static void the_module_asks_for_a_doorbell_then_for_a_backdoor(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch);
        struct sim_guest_exit *exit = version_question(machine);
        assert_int_equal(exit->registers.rax, 0x564D5868);
        assert_int_equal(exit->registers.rdx & 0xFFFF, 0x5658);
        end(machine);
    }
}

/* With no device at all initialising fails in words of NT's. */
static void without_devices_the_module_finds_no_channel(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch);
        const struct mk_trace *trace = next_of(machine, SIM_GUEST_TRACE)->trace;
        assert_int_equal(trace->event, MK_TRACE_INITIALIZE);
        assert_int_equal(trace->status, 0xC000000E);
        end(machine);
    }
}

/* A backdoor's register answers reach the guest: what the version question gives back decides the next exit.
 */
static void answers_reach_the_guest(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch);
        struct sim_guest_exit *exit = version_question(machine);
        exit->registers.rax = 6;
        exit->registers.rbx = 0x564D5868;
        exit->registers.rcx = 4;
        exit = next_of(machine, SIM_GUEST_BACKDOOR);
        assert_int_equal(exit->registers.rcx & 0xFFFF, 0x1E); /* a message: a channel is to be opened */
        end(machine);
    }
}

struct figures {
    uint64_t instructions, module_instructions, exits;
};

static struct figures until_first_tick(struct sim_machine *machine)
{
    struct figures before = {machine->instructions, machine->module_instructions, 0};
    for (;;) {
        struct sim_guest_exit *exit = next(machine);
        before.exits += exit->kind < SIM_GUEST_TICK;
        if (exit->kind == SIM_GUEST_TICK)
            return (struct figures){machine->instructions - before.instructions,
                                    machine->module_instructions - before.module_instructions, before.exits};
        answer(exit);
    }
}

static void assert_same(struct figures a, struct figures b)
{
    assert_int_equal(a.exits, b.exits);
    assert_int_equal(a.instructions, b.instructions);
    assert_int_equal(a.module_instructions, b.module_instructions);
}

/* Instructions are counted exactly: the same boot costs the same on a fresh processor, after a reset, and on
 * a used one. */
static void the_same_boot_costs_the_same(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch), *beside = make("kdfast", arch);
        struct figures first = until_first_tick(machine);
        assert_in_range(first.module_instructions, 100, first.instructions);
        assert_same(until_first_tick(beside), first);
        machine->ops->reset(machine);
        assert_same(until_first_tick(machine), first);
        end(machine);
        machine = make("kdfast", arch);
        assert_int_equal(machine->instructions, 0);
        assert_same(until_first_tick(machine), first);
        end(machine);
        end(beside);
    }
}

static void a_snapshot_brings_the_guest_back(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch);
        struct sim_guest_exit *exit = next_of(machine, SIM_GUEST_BACKDOOR);
        struct sim_machine_state *saved = machine->ops->save(machine);
        uint64_t rcx = exit->registers.rcx;
        struct figures first = until_first_tick(machine);
        machine->ops->load(machine, saved);
        assert_int_equal(exit->kind, SIM_GUEST_BACKDOOR); /* it stands there again, unanswered */
        assert_int_equal(exit->registers.rcx, rcx);
        assert_same(until_first_tick(machine), first);
        machine->ops->forget(saved);
        end(machine);
    }
}

static void the_module_keeps_to_its_stack(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("kdfast", arch);
        until_first_tick(machine);
        assert_in_range(machine->stack_bytes, 32, SIM_CONDUCT_STACK_BYTES);
        end(machine);
    }
}

/* ---- what a module may do although ours does not ------------------------------------------------------- */

static void wide_accesses_are_handed_out(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("bad_wide_ports", arch);
        struct sim_guest_exit *exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_OUT_WIDE);
        assert_int_equal(exit->port, 0x1234);
        assert_int_equal(exit->width, 4);
        assert_int_equal(exit->wide, 0x11223344);
        exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_IN_WIDE);
        assert_int_equal(exit->port, 0x60);
        assert_int_equal(exit->width, 2);
        exit->wide = 0xBEEF;
        exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_OUT_WIDE);
        assert_int_equal(exit->wide, 0xBEEF);
        end(machine);
    }
}

/* String output to any port but the high-bandwidth one is an exit for each byte. */
static void string_output_is_an_exit_a_byte(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("bad_string_ports", arch);
        for (uint8_t i = 0; i < 3; i++) {
            struct sim_guest_exit *exit = next(machine);
            assert_int_equal(exit->kind, SIM_GUEST_OUT8);
            assert_int_equal(exit->port, 0x2F8);
            assert_int_equal(exit->value, 0x41 + i);
        }
        struct sim_guest_exit *exit = next(machine); /* pointer and count were right behind it */
        assert_int_equal(exit->kind, SIM_GUEST_OUT8);
        assert_int_equal(exit->port, 0x80);
        end(machine);
    }
}

static void cpuid_is_the_worlds_to_answer(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("bad_cpuid", arch);
        struct sim_guest_exit *exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_CPUID);
        assert_int_equal(exit->leaf, 0x40000000);
        exit->cpuid[1] = 0x5A;
        exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_OUT8);
        assert_int_equal(exit->value, 0x5A);
        end(machine);
    }
}

/* ---- what it may not ----------------------------------------------------------------------------------- */

static void assert_fault(const char *name, const char *text)
{
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make(name, arch);
        struct sim_guest_exit *exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_FAULT);
        if (strstr(exit->fault, text) == NULL)
            fail_msg("'%s' does not say '%s'", exit->fault, text);
        end(machine);
    }
}

static void a_write_to_nowhere_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_wild_write", "writes to unmapped 700000");
}

static void a_write_to_code_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_code_write", "writes to dll .text+");
}

static void a_guest_that_runs_for_ever_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_spin", "50 million instructions without an exit");
}

static void hlt_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_halt", "hlt has no place in a module");
}

static void an_exception_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_trap", "raises exception 3");
}

static void a_dll_that_lacks_an_export_is_a_fault(void **state)
{
    (void)state;
    assert_fault("bad_lacking", "does not export KdSendPacket");
}

static void assert_conduct(const char *name, enum sim_conduct_kind kind, uint32_t what)
{
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make(name, arch);
        const struct sim_guest_exit *exit = next(machine);
        assert_int_equal(exit->kind, SIM_GUEST_CONDUCT);
        assert_int_equal(exit->conduct.kind, kind);
        assert_int_equal(exit->conduct.what, what);
        exit = next(machine); /* told once; then the kernel reports */
        assert_int_equal(exit->kind, SIM_GUEST_TRACE);
        end(machine);
    }
}

static void a_vector_register_is_seen(void **state)
{
    (void)state;
    assert_conduct("bad_vector", SIM_CONDUCT_REGISTERS, SIM_CONDUCT_VECTOR);
}

static void an_x87_register_is_seen(void **state)
{
    (void)state;
    assert_conduct("bad_x87", SIM_CONDUCT_REGISTERS, SIM_CONDUCT_VECTOR);
}

static void a_callers_register_is_seen(void **state)
{
    (void)state;
    assert_conduct("bad_saved", SIM_CONDUCT_REGISTERS, SIM_CONDUCT_SAVED);
}

static void the_direction_flag_is_seen(void **state)
{
    (void)state;
    assert_conduct("bad_direction", SIM_CONDUCT_REGISTERS, SIM_CONDUCT_DIRECTION);
}

static void a_deep_stack_is_seen(void **state)
{
    (void)state;
    assert_conduct("bad_stack", SIM_CONDUCT_STACK, SIM_CONDUCT_STACK_BYTES);
}

static void a_module_that_does_nothing_wrong_is_not_blamed(void **state)
{
    (void)state;
    for (int arch = 0; arch < ARCHS; arch++) {
        struct sim_machine *machine = make("bad_none", arch);
        assert_int_equal(next(machine)->kind, SIM_GUEST_TRACE);
        end(machine);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_module_asks_for_a_doorbell_then_for_a_backdoor),
        cmocka_unit_test(without_devices_the_module_finds_no_channel),
        cmocka_unit_test(answers_reach_the_guest),
        cmocka_unit_test(the_same_boot_costs_the_same),
        cmocka_unit_test(a_snapshot_brings_the_guest_back),
        cmocka_unit_test(the_module_keeps_to_its_stack),
        cmocka_unit_test(wide_accesses_are_handed_out),
        cmocka_unit_test(string_output_is_an_exit_a_byte),
        cmocka_unit_test(cpuid_is_the_worlds_to_answer),
        cmocka_unit_test(a_write_to_nowhere_is_a_fault),
        cmocka_unit_test(a_write_to_code_is_a_fault),
        cmocka_unit_test(a_guest_that_runs_for_ever_is_a_fault),
        cmocka_unit_test(hlt_is_a_fault),
        cmocka_unit_test(an_exception_is_a_fault),
        cmocka_unit_test(a_dll_that_lacks_an_export_is_a_fault),
        cmocka_unit_test(a_vector_register_is_seen),
        cmocka_unit_test(an_x87_register_is_seen),
        cmocka_unit_test(a_callers_register_is_seen),
        cmocka_unit_test(the_direction_flag_is_seen),
        cmocka_unit_test(a_deep_stack_is_seen),
        cmocka_unit_test(a_module_that_does_nothing_wrong_is_not_blamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
