/* Goal: a processor on /dev/kvm does what devices.md 3 says of it, in each of its modes.
 * Method: guests of a few instructions, as bytes; the test plays the VMM. Without /dev/kvm every test is
 * skipped, with the reason on stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/kvm_flat.h"
#include "sim/machine/kvm_watchdog.h"
#include <stdio.h>
#include <string.h>

enum { PORT = 0x5658, PORT_HIGH_BANDWIDTH = 0x5659 };
static const enum kvm_cpu_mode modes[] = {KVM_CPU_X64, KVM_CPU_X64_RING0, KVM_CPU_X86};
enum { MODES = sizeof modes / sizeof modes[0] };

static void assert_port(struct kvm_flat *f, uint16_t port, uint8_t size_bytes, bool out)
{
    const enum kvm_cpu_exit exit = kvm_cpu_run(f->cpu);
    if (exit != KVM_CPU_PORT)
        fail_msg("no port access: %s", kvm_cpu_why(f->cpu));
    const struct kvm_cpu_port access = kvm_cpu_port(f->cpu);
    assert_int_equal(access.port, port);
    assert_int_equal(access.size_bytes, size_bytes);
    assert_int_equal(access.out, out);
}

static void assert_stopped(struct kvm_flat *f, const char *part)
{
    assert_int_equal(kvm_cpu_run(f->cpu), KVM_CPU_STOPPED);
    if (strstr(kvm_cpu_why(f->cpu), part) == NULL)
        fail_msg("\"%s\" has no \"%s\"", kvm_cpu_why(f->cpu), part);
}

/* mov edx,port; in eax,dx; in eax,dx; jmp to the first in */
static const uint8_t in_loop[] = {0xBA, 0x58, 0x56, 0, 0, 0xED, 0xED, 0xEB, 0xFC};

static void an_in_gives_and_takes_all_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rdx, PORT);
        struct kvm_regs *registers = kvm_cpu_registers(f.cpu);
        registers->rax = 0xCAFEF00D, registers->rbx = 2, registers->rcx = 3, registers->rsi = 4,
        registers->rdi = 5;
        registers->rbp = 0x89ABCDEF;
        registers->rdx = 0x10000 | PORT;
        memcpy(kvm_cpu_data(f.cpu), &(uint32_t){0xCAFEF00D}, 4);
        kvm_cpu_changed(f.cpu);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rip, KVM_FLAT_CODE + 6);
        registers = kvm_cpu_registers(f.cpu);
        assert_int_equal(registers->rax, 0xCAFEF00D);
        assert_int_equal(registers->rbx, 2);
        assert_int_equal(registers->rcx, 3);
        assert_int_equal(registers->rdx, 0x10000 | PORT);
        assert_int_equal(registers->rsi, 4);
        assert_int_equal(registers->rdi, 5);
        assert_int_equal(registers->rbp, 0x89ABCDEF);
        kvm_flat_destroy(&f);
    }
}

static void an_in_takes_its_data_when_no_register_is_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        for (uint32_t value = 1; value < 5; value++) {
            assert_port(&f, PORT, 4, false);
            assert_int_equal(kvm_cpu_registers(f.cpu)->rax, value - 1);
            memcpy(kvm_cpu_data(f.cpu), &value, sizeof value);
        }
        kvm_flat_destroy(&f);
    }
}

static void a_finished_access_leaves_everything_to_the_caller(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        assert_port(&f, PORT, 4, false);
        memcpy(kvm_cpu_data(f.cpu), &(uint32_t){77}, 4);
        kvm_cpu_finish(f.cpu);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rip, KVM_FLAT_CODE + 6);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rax, 77);
        kvm_cpu_registers(f.cpu)->rax = 78;
        kvm_cpu_changed(f.cpu);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rax, 78);
        assert_int_equal(kvm_cpu_exits(f.cpu), 2);
        kvm_flat_destroy(&f);
    }
}

enum { STRING_BYTES = 3944 };

/* mov edx,0x5659; mov esi,KVM_FLAT_BUFFER; mov edi,KVM_FLAT_BUFFER; mov ecx,3944; cld; rep outsb or insb; mov
 * edx,0x5658; in eax,dx; jmp to it */
static void start_string(struct kvm_flat *f, bool out)
{
    uint8_t code[] = {0xBA, 0x59, 0x56, 0, 0,    0xBE, 0,    0,    0,    0,    0xBF, 0, 0,    0,    0,   0xB9,
                      0,    0,    0,    0, 0xFC, 0xF3, 0x6C, 0xBA, 0x58, 0x56, 0,    0, 0xED, 0xEB, 0xFD};
    memcpy(code + 6, &(uint32_t){KVM_FLAT_BUFFER}, 4);
    memcpy(code + 11, &(uint32_t){KVM_FLAT_BUFFER}, 4);
    memcpy(code + 16, &(uint32_t){STRING_BYTES}, 4);
    code[22] = out ? 0x6E : 0x6C;
    kvm_flat_start(f, code, sizeof code);
}

static void assert_string(struct kvm_flat *f, bool out, struct kvm_regs *before)
{
    assert_port(f, PORT_HIGH_BANDWIDTH, 1, out);
    assert_true(kvm_cpu_string(f->cpu, before));
    assert_int_equal(before->rcx, STRING_BYTES);
    assert_int_equal(before->rsi, KVM_FLAT_BUFFER);
    assert_int_equal(before->rdi, KVM_FLAT_BUFFER);
}

static void a_string_is_one_exit_in_either_direction(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i / 2]);
        bool out = i % 2 == 0;
        struct kvm_regs registers;
        start_string(&f, out);
        assert_string(&f, out, &registers);
        registers.rcx = 0;
        registers.rbx = 0x10000;
        *(out ? &registers.rsi : &registers.rdi) += STRING_BYTES;
        if (!out)
            memset(kvm_flat_at(&f, KVM_FLAT_BUFFER), 0x5A, STRING_BYTES);
        kvm_cpu_end_string(f.cpu, &registers);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_exits(f.cpu), 2);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rbx, 0x10000);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rcx, 0);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rsi, KVM_FLAT_BUFFER + (out ? STRING_BYTES : 0));
        assert_int_equal(kvm_cpu_registers(f.cpu)->rdi, KVM_FLAT_BUFFER + (out ? 0 : STRING_BYTES));
        for (size_t byte = 0; !out && byte < STRING_BYTES; byte++)
            assert_int_equal(kvm_flat_at(&f, KVM_FLAT_BUFFER)[byte], 0x5A);
        kvm_flat_destroy(&f);
    }
}

/* As a device that refuses: nothing moved, and the instruction is over all the same. */
static void a_refused_string_is_over_and_moved_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i / 2]);
        struct kvm_regs registers;
        for (size_t byte = 0; byte < STRING_BYTES; byte++)
            kvm_flat_at(&f, KVM_FLAT_BUFFER)[byte] = (uint8_t)byte;
        start_string(&f, i % 2 == 0);
        assert_string(&f, i % 2 == 0, &registers);
        kvm_cpu_end_string(f.cpu, &registers);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rcx, STRING_BYTES);
        for (size_t byte = 0; byte < STRING_BYTES; byte++)
            assert_int_equal(kvm_flat_at(&f, KVM_FLAT_BUFFER)[byte], (uint8_t)byte);
        kvm_flat_destroy(&f);
    }
}

static void a_byte_at_the_string_port_is_no_string(void **state)
{
    (void)state;
    static const uint8_t out_byte[] = {0xBA, 0x59, 0x56, 0, 0, 0xEE};
    struct kvm_flat f = kvm_flat_create(KVM_CPU_X64);
    struct kvm_regs registers;
    kvm_flat_start(&f, out_byte, sizeof out_byte);
    assert_port(&f, PORT_HIGH_BANDWIDTH, 1, true);
    assert_false(kvm_cpu_string(f.cpu, &registers));
    kvm_flat_destroy(&f);
}

/* mov rsi,KVM_FLAT_HIGH_PAGE; mov ebx,[rsi+0x26C]; mov byte [rsi+1],5; mov edx,port; in eax,dx */
static void nt_half_has_the_page_that_it_was_given(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x48, 0xBE, 0, 0,    0,    0, 0x80, 0xF7, 0xFF, 0xFF, 0x8B, 0x9E, 0x6C,
                                   2,    0,    0, 0xC6, 0x46, 1, 5,    0xBA, 0x58, 0x56, 0,    0,    0xED};
    for (size_t i = 0; i < MODES && modes[i] != KVM_CPU_X86; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        memcpy(kvm_flat_at(&f, KVM_FLAT_HIGH + 0x26C), &(uint32_t){10}, 4);
        kvm_flat_start(&f, code, sizeof code);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rbx, 10);
        assert_int_equal(*kvm_flat_at(&f, KVM_FLAT_HIGH + 1), 5);
        kvm_flat_destroy(&f);
    }
}

static void memory_that_is_not_there_stops_it(void **state)
{
    (void)state;
    static const uint8_t code[] = {0xBE, 0, 0, 0, 0x40, 0x8B, 0x1E}; /* mov esi,0x40000000; mov ebx,[rsi] */
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, code, sizeof code);
        assert_stopped(&f, "0x40000000");
        assert_int_equal(kvm_cpu_registers(f.cpu)->rip, KVM_FLAT_CODE + 5);
        kvm_flat_destroy(&f);
    }
}

static void a_fault_stops_it_and_it_can_start_again(void **state)
{
    (void)state;
    static const uint8_t divide_by_zero[] = {0x31, 0xC9, 0x31,
                                             0xD2, 0xF7, 0xF1}; /* xor ecx,ecx; xor edx,edx; div ecx */
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, divide_by_zero, sizeof divide_by_zero);
        assert_int_equal(kvm_cpu_run(f.cpu), KVM_CPU_STOPPED);
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        assert_port(&f, PORT, 4, false);
        kvm_flat_destroy(&f);
    }
}

static void a_guest_without_an_exit_is_stuck(void **state)
{
    (void)state;
    static const uint8_t for_ever[] = {0xEB, 0xFE};
    kvm_watchdog_set_patience(2 * KVM_WATCHDOG_TICK_MS);
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        kvm_flat_start(&f, for_ever, sizeof for_ever);
        assert_int_equal(kvm_cpu_run(f.cpu), KVM_CPU_STUCK);
        assert_string_equal(kvm_cpu_why(f.cpu), "no exit in 500 ms of processor time");
        assert_int_equal(kvm_cpu_registers(f.cpu)->rip, KVM_FLAT_CODE);
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        assert_port(&f, PORT, 4, false);
        kvm_flat_destroy(&f);
    }
    kvm_watchdog_set_patience(KVM_WATCHDOG_PATIENCE_MS);
}

static void a_saved_processor_goes_on_where_it_stood(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        struct kvm_flat f = kvm_flat_create(modes[i]);
        struct kvm_cpu_state saved;
        kvm_flat_start(&f, in_loop, sizeof in_loop);
        assert_port(&f, PORT, 4, false);
        memcpy(kvm_cpu_data(f.cpu), &(uint32_t){41}, 4);
        kvm_cpu_finish(f.cpu);
        kvm_cpu_save(f.cpu, &saved);
        for (int turn = 0; turn < 3; turn++)
            assert_port(&f, PORT, 4, false);
        kvm_cpu_finish(f.cpu);
        kvm_cpu_load(f.cpu, &saved);
        assert_port(&f, PORT, 4, false);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rip, KVM_FLAT_CODE + 6);
        assert_int_equal(kvm_cpu_registers(f.cpu)->rax, 41);
        kvm_flat_destroy(&f);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_in_gives_and_takes_all_registers),
        cmocka_unit_test(an_in_takes_its_data_when_no_register_is_changed),
        cmocka_unit_test(a_finished_access_leaves_everything_to_the_caller),
        cmocka_unit_test(a_string_is_one_exit_in_either_direction),
        cmocka_unit_test(a_refused_string_is_over_and_moved_nothing),
        cmocka_unit_test(a_byte_at_the_string_port_is_no_string),
        cmocka_unit_test(nt_half_has_the_page_that_it_was_given),
        cmocka_unit_test(memory_that_is_not_there_stops_it),
        cmocka_unit_test(a_fault_stops_it_and_it_can_start_again),
        cmocka_unit_test(a_guest_without_an_exit_is_stuck),
        cmocka_unit_test(a_saved_processor_goes_on_where_it_stood),
    };
    enum { SKIPPED = 77 };
    char why[KVM_CPU_WHY_BYTES];
    if (!kvm_cpu_here(why)) {
        fprintf(stderr, "test_kvm_cpu: SKIPPED: no kvm machine here: %s\n", why);
        return SKIPPED;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
