/* Goal: the kvm machine boots the real DLL with the mini kernel, forgets everything at a reset, stands again
 * where a snapshot was taken, and says in words what a guest did that no guest may do. Method: the test plays
 * a VMM without a backdoor and with a dead UART. A history is every exit of a while: what it was, its port,
 * value and registers. Guests that do wrong are the DLL with other bytes at an export. Without /dev/kvm all
 * is skipped. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/kvm_watchdog.h"
#include "sim/machine/sim_kvm.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    enum mk_arch arch;
    enum kvm_cpu_mode mode;
    const char *dll;
} ways[] = {
    {MK_X64, KVM_CPU_X64, GUEST_DIR "/x64/kdfast.dll"},
    {MK_X64, KVM_CPU_X64_RING0, GUEST_DIR "/x64/kdfast.dll"},
    {MK_X86, KVM_CPU_X86, GUEST_DIR "/x86/kdfast.dll"},
};
enum { WAYS = sizeof ways / sizeof ways[0], FAST_WAY = 0 };

static const struct sim_dll *dll_at(const char *path)
{
    const struct sim_dll *dll;
    const char *why;
    if (sim_dll_get(path, &dll, &why) != KD_OK)
        fail_msg("%s: %s", path, why);
    return dll;
}

static struct sim_machine *boot_dll(size_t way, const struct sim_dll *dll)
{
    const struct sim_image *image;
    const struct mk_boot boot = {.arch = ways[way].arch,
                                 .processors = 1,
                                 .modules = 2,
                                 .steps_per_tick = 4,
                                 .options = "DEBUGPORT=COM2 BAUDRATE=115200 KDPOLLS=5"};
    assert_int_equal(sim_image_get(ways[way].arch, 1, MK_RAM_BYTES_MIN, &image), KD_OK);
    return sim_kvm_create(image, &boot, dll, ways[way].mode);
}

static struct sim_machine *boot(size_t way)
{
    return boot_dll(way, dll_at(ways[way].dll));
}

/* A guest of the native machine, in the same thread, must not find a signal's frame on its stack. */
static void the_watchdog_strikes_on_a_stack_of_its_own(void **state)
{
    (void)state;
    struct sigaction action;
    stack_t stack;
    kvm_watchdog_watch();
    assert_int_equal(sigaction(SIGRTMIN + 5, NULL, &action), 0);
    assert_true(action.sa_flags & SA_ONSTACK);
    assert_int_equal(sigaltstack(NULL, &stack), 0);
    assert_false(stack.ss_flags & SS_DISABLE);
    assert_true(stack.ss_size >= 0x8000);
}

/* ---- histories ---- */

enum { HISTORY_EXITS = 40 };

struct history {
    struct {
        enum sim_guest_exit_kind kind;
        uint16_t port;
        uint8_t value;
        uint32_t eax, ecx;
    } exits[HISTORY_EXITS];
};

/* Nothing answers: ports read as all ones, and registers stay. */
static void answer(struct sim_guest_exit *exit)
{
    if (exit->kind == SIM_GUEST_IN8)
        exit->value = 0xFF;
    if (exit->kind == SIM_GUEST_COMMAND)
        exit->command->kind = MK_COMMAND_NONE;
}

static struct sim_guest_exit *next(struct sim_machine *machine)
{
    struct sim_guest_exit *exit = machine->ops->run(machine);
    if (exit->kind == SIM_GUEST_FAULT)
        fail_msg("%s", exit->fault);
    return exit;
}

static struct history play(struct sim_machine *machine)
{
    struct history history = {0};
    for (size_t i = 0; i < HISTORY_EXITS; i++) {
        struct sim_guest_exit *exit = next(machine);
        history.exits[i].kind = exit->kind;
        history.exits[i].port = exit->port;
        history.exits[i].value = exit->kind == SIM_GUEST_OUT8 ? exit->value : 0;
        history.exits[i].eax = (uint32_t)exit->registers.rax;
        history.exits[i].ecx = (uint32_t)exit->registers.rcx;
        answer(exit);
    }
    return history;
}

static bool has(const struct history *history, enum sim_guest_exit_kind kind)
{
    for (size_t i = 0; i < HISTORY_EXITS; i++)
        if (history->exits[i].kind == kind)
            return true;
    return false;
}

/* ---- tests ---- */

static void the_dll_boots_and_asks_for_its_devices(void **state)
{
    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        struct sim_machine *machine = boot(way);
        const struct history history = play(machine);
        assert_true(has(&history, SIM_GUEST_BACKDOOR));
        assert_true(has(&history, SIM_GUEST_IN8));
        assert_true(has(&history, SIM_GUEST_OUT8));
        assert_true(has(&history, SIM_GUEST_TICK));
        assert_true(has(&history, SIM_GUEST_TRACE));
        machine->ops->destroy(machine);
    }
}

static void every_mode_has_the_same_history(void **state)
{
    (void)state;
    struct history histories[WAYS];
    for (size_t way = 0; way < WAYS; way++) {
        struct sim_machine *machine = boot(way);
        histories[way] = play(machine);
        machine->ops->destroy(machine);
    }
    for (size_t way = 1; way < WAYS; way++)
        assert_memory_equal(&histories[way], &histories[0], sizeof histories[0]);
}

static void a_reset_and_a_machine_used_again_are_like_new(void **state)
{
    (void)state;
    struct sim_machine *machine = boot(FAST_WAY);
    const struct history first = play(machine);
    machine->ops->reset(machine);
    const struct history second = play(machine);
    assert_memory_equal(&second, &first, sizeof first);
    machine->ops->destroy(machine);
    struct sim_machine *again = boot(FAST_WAY);
    assert_ptr_equal(again, machine);
    const struct history third = play(again);
    assert_memory_equal(&third, &first, sizeof first);
    again->ops->destroy(again);
}

static void two_machines_do_not_share_anything(void **state)
{
    (void)state;
    struct sim_machine *one = boot(FAST_WAY), *other = boot(FAST_WAY);
    assert_ptr_not_equal(one, other);
    const struct history first = play(one);
    const struct history second = play(other);
    assert_memory_equal(&second, &first, sizeof first);
    one->ops->destroy(one);
    other->ops->destroy(other);
}

/* Runs to an exit, which is not answered yet. */
static struct sim_guest_exit *run_to(struct sim_machine *machine, unsigned exits)
{
    struct sim_guest_exit *exit = NULL;
    for (unsigned i = 0; i < exits; i++) {
        if (exit != NULL)
            answer(exit);
        exit = next(machine);
    }
    return exit;
}

static struct history go_on(struct sim_machine *machine, struct sim_guest_exit *from)
{
    if (from != NULL)
        answer(from);
    return play(machine);
}

/* At each exit of a boot: saved, gone on, put back, the answer given then, and both times as if nothing had
 * been saved. */
static void a_snapshot_of_any_exit_goes_on_as_it_did(void **state)
{
    (void)state;
    enum { BOOT_EXITS = 14 };
    for (unsigned at = 0; at < BOOT_EXITS; at++) {
        struct sim_machine *machine = boot(FAST_WAY);
        const struct history expected = go_on(machine, run_to(machine, at));
        machine->ops->reset(machine);
        struct sim_guest_exit *exit = run_to(machine, at);
        struct sim_machine_state *saved = machine->ops->save(machine);
        const struct history first = go_on(machine, exit);
        assert_memory_equal(&first, &expected, sizeof expected);
        machine->ops->load(machine, saved);
        const struct history second = go_on(machine, exit);
        assert_memory_equal(&second, &expected, sizeof expected);
        machine->ops->forget(saved);
        machine->ops->destroy(machine);
    }
}

/* ---- guests that do wrong ---- */

/* The DLL with other code where an export begins; its file is removed when it was read. */
static const struct sim_dll *broken_dll(size_t way, const void *code, size_t code_bytes)
{
    enum { ROOM = 0x100000, SEEN = 16 };
    const struct sim_dll *good = dll_at(ways[way].dll);
    static uint8_t image[ROOM];
    struct guest_pe pe = {.file = good->bytes,
                          .file_bytes = (uint32_t)good->len_bytes,
                          .image = image,
                          .image_room = ROOM,
                          .base = GUEST_DLL,
                          .machine = ways[way].arch == MK_X86 ? GUEST_PE_X86 : GUEST_PE_X64};
    (void)guest_pe_load(&pe); /* imports stay unbound, which the headers do not mind */
    const uint32_t export = guest_pe_export(&pe, "KdDebuggerInitialize0");
    assert_int_not_equal(export, 0);
    uint8_t *bytes = malloc(good->len_bytes);
    memcpy(bytes, good->bytes, good->len_bytes);
    uint8_t *function = memmem(bytes, good->len_bytes, image + export, SEEN);
    assert_non_null(function);
    memcpy(function, code, code_bytes);
    char path[] = "/tmp/fastkd-broken-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, good->len_bytes), good->len_bytes);
    close(fd);
    free(bytes);
    const struct sim_dll *broken = dll_at(path);
    unlink(path);
    return broken;
}

static const char *run_to_fault(struct sim_machine *machine)
{
    struct sim_guest_exit *exit;
    for (unsigned exits = 0; (exit = machine->ops->run(machine))->kind != SIM_GUEST_FAULT; exits++) {
        assert_in_range(exits, 0, 100);
        answer(exit);
    }
    return exit->fault;
}

/* And again after a reset. */
static void assert_fault(size_t way, const void *code, size_t code_bytes, const char *what)
{
    struct sim_machine *machine = boot_dll(way, broken_dll(way, code, code_bytes));
    char first[SIM_GUEST_FAULT_BYTES];
    snprintf(first, sizeof first, "%s", run_to_fault(machine));
    if (strstr(first, what) == NULL || strstr(first, "dll .text+") == NULL)
        fail_msg("\"%s\" lacks \"%s\" or the place", first, what);
    machine->ops->reset(machine);
    assert_string_equal(run_to_fault(machine), first);
    machine->ops->destroy(machine);
}

static void a_fault_is_told_with_its_place(void **state)
{
    (void)state;
    static const uint8_t undefined[] = {0x0F, 0x0B}, halt[] = {0xF4};
    static const uint8_t stray_read[] = {0xA1, 0x00, 0x00, 0x00, 0x40,
                                         0x00, 0x00, 0x00, 0x00};                 /* mov eax,[0x40000000] */
    /* mov edx,0x80; mov edi,0x500000; mov ecx,4; rep insb */
    static const uint8_t string_in[] = {0xBA, 0x80, 0, 0, 0, 0xBF, 0, 0, 0x50, 0, 0xB9, 4, 0, 0, 0, 0xF3, 0x6C};
    for (size_t way = 0; way < WAYS; way++) {
        assert_fault(way, undefined, sizeof undefined, "");
        assert_fault(way, halt, sizeof halt, "");
        assert_fault(way, stray_read, sizeof stray_read, "0x40000000");
        assert_fault(way, string_in, sizeof string_in, "a string of 4 x 1 bytes at port 80");
    }
}

/* x64 alone: x86 has no page tables here. */
static void code_that_writes_into_itself_is_a_fault(void **state)
{
    (void)state;
    static const uint8_t self_writing[] = {0xC6, 0x05, 0, 0, 0, 0, 0x90}; /* mov byte [rip],0x90 */
    assert_fault(0, self_writing, sizeof self_writing, "triple fault (CR2 0xa0");
}

static void a_dll_that_makes_no_exit_is_stuck(void **state)
{
    (void)state;
    static const uint8_t for_ever[] = {0xEB, 0xFE};
    kvm_watchdog_set_patience(2 * KVM_WATCHDOG_TICK_MS);
    for (size_t way = 0; way < WAYS; way++)
        assert_fault(way, for_ever, sizeof for_ever, "no exit in 500 ms of processor time at dll .text+");
    kvm_watchdog_set_patience(KVM_WATCHDOG_PATIENCE_MS);
}

static void a_dll_that_is_none_is_refused_in_words(void **state)
{
    (void)state;
    struct sim_machine *machine = boot_dll(FAST_WAY, dll_at(GUEST_DIR "/x86/kdfast.dll"));
    struct sim_guest_exit *exit = machine->ops->run(machine);
    assert_int_equal(exit->kind, SIM_GUEST_FAULT);
    assert_non_null(strstr(exit->fault, "cannot be loaded"));
    machine->ops->destroy(machine);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watchdog_strikes_on_a_stack_of_its_own),
        cmocka_unit_test(the_dll_boots_and_asks_for_its_devices),
        cmocka_unit_test(every_mode_has_the_same_history),
        cmocka_unit_test(a_reset_and_a_machine_used_again_are_like_new),
        cmocka_unit_test(two_machines_do_not_share_anything),
        cmocka_unit_test(a_snapshot_of_any_exit_goes_on_as_it_did),
        cmocka_unit_test(a_fault_is_told_with_its_place),
        cmocka_unit_test(code_that_writes_into_itself_is_a_fault),
        cmocka_unit_test(a_dll_that_makes_no_exit_is_stuck),
        cmocka_unit_test(a_dll_that_is_none_is_refused_in_words),
    };
    enum { SKIPPED = 77 };
    const char *why = sim_kvm_missing();
    if (why != NULL) {
        fprintf(stderr, "test_sim_kvm: SKIPPED: no kvm machine here: %s\n", why);
        return SKIPPED;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
