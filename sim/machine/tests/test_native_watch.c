/* Goal: what a module does to the stack and the vector registers is seen by the native machine, and told in
 * words. Method: guests that behave, and guests that do not, between the two calls that bracket a call of the
 * module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/tests/native_guest.h"
#include "transport/guest/kd_platform.h"
#include <string.h>

enum { PORT = 0x10 };

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
enum { PLAIN_BUILD = 1 };
#else
enum { PLAIN_BUILD = 0 };
#endif

/* Runs the guest to its end. Returns how often its conduct was reported, and the last report. */
static unsigned run(sim_native_entry *entry, struct sim_conduct *last, uint32_t *stack_bytes)
{
    unsigned reports = 0;
    struct sim_machine *machine = guest_machine(entry);
    const struct sim_guest_exit *exit;
    while ((exit = guest_run(machine))->kind != SIM_GUEST_POWER_OFF) {
        if (exit->kind != SIM_GUEST_CONDUCT)
            continue;
        reports++;
        *last = exit->conduct;
    }
    *stack_bytes = sim_native_stack_bytes(machine);
    machine->ops->destroy(machine);
    return reports;
}

__attribute__((noinline)) static uint32_t deep(volatile uint8_t *bytes, unsigned count)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(i + 1);
    for (unsigned i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

static void guest_that_behaves(void)
{
    for (int i = 0; i < 3; i++) {
        volatile uint8_t some[256];
        mk_platform_enters_module();
        (void)deep(some, sizeof some);
        (void)kd_port_in8(PORT);
        mk_platform_leaves_module();
    }
}

static void a_module_that_behaves_is_not_reported(void **state)
{
    (void)state;
    struct sim_conduct conduct;
    uint32_t stack_bytes;
    assert_int_equal(run(guest_that_behaves, &conduct, &stack_bytes), 0);
    assert_in_range(stack_bytes, 256, 16384);
}

__attribute__((noinline)) static void hoard(void)
{
    volatile uint8_t much[8 * 1024 + 4 * 1024 + 1024];
    (void)deep(much, sizeof much);
}

static void guest_that_hoards(void)
{
    mk_platform_enters_module();
    hoard();
    mk_platform_leaves_module();
}

/* What was painted is all gone, so the figure is the least that it can have been. */
static void more_stack_than_allowed_is_seen(void **state)
{
    (void)state;
    struct sim_conduct conduct;
    uint32_t stack_bytes;
    char text[120];
    assert_int_equal(run(guest_that_hoards, &conduct, &stack_bytes), 1);
    assert_int_equal(conduct.kind, SIM_CONDUCT_STACK);
    assert_true(conduct.value > conduct.what);
    assert_int_equal(conduct.value, stack_bytes);
    sim_conduct_text(&conduct, text, sizeof text);
    assert_non_null(strstr(text, "bytes of stack, "));
}

__attribute__((noinline)) static void dirty_a_vector_register(void)
{
    __asm__ volatile("pcmpeqd %xmm9, %xmm9");
}

static void guest_with_vectors(void)
{
    mk_platform_enters_module();
    dirty_a_vector_register();
    mk_platform_leaves_module();
}

/* Between two exits as well: the host may use what it likes, so the pattern is looked at when the guest
 * leaves. */
static void guest_with_vectors_between_exits(void)
{
    mk_platform_enters_module();
    (void)kd_port_in8(PORT);
    dirty_a_vector_register();
    (void)kd_port_in8(PORT);
    mk_platform_leaves_module();
}

static void guest_with_vectors_outside(void)
{
    dirty_a_vector_register();
    mk_platform_enters_module();
    (void)kd_port_in8(PORT);
    mk_platform_leaves_module();
    dirty_a_vector_register();
}

static void a_vector_register_is_seen(void **state)
{
    (void)state;
    struct sim_conduct conduct = {.kind = SIM_CONDUCT_KINDS};
    uint32_t stack_bytes;
    if (!PLAIN_BUILD) {
        print_message("skipped: only an optimised build without sanitizers watches vector registers\n");
        skip();
    }
    assert_int_equal(run(guest_with_vectors, &conduct, &stack_bytes), 1);
    assert_int_equal(conduct.kind, SIM_CONDUCT_REGISTERS);
    assert_int_equal(conduct.what, SIM_CONDUCT_VECTOR);
    assert_int_equal(run(guest_with_vectors_between_exits, &conduct, &stack_bytes), 1);
    assert_int_equal(run(guest_with_vectors_outside, &conduct, &stack_bytes), 0);
}

static void guest_with_another_mxcsr(void)
{
    uint32_t mxcsr, other;
    mk_platform_enters_module();
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    other = mxcsr ^ 0x8000; /* flush to zero */
    __asm__ volatile("ldmxcsr %0" ::"m"(other));
    mk_platform_leaves_module();
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

static void guest_with_another_x87_control(void)
{
    uint16_t control, other;
    mk_platform_enters_module();
    __asm__ volatile("fnstcw %0" : "=m"(control));
    other = control ^ 0x0C00; /* rounding */
    __asm__ volatile("fldcw %0" ::"m"(other));
    mk_platform_leaves_module();
    __asm__ volatile("fldcw %0" ::"m"(control));
}

static void control_words_are_seen(void **state)
{
    (void)state;
    struct sim_conduct conduct;
    uint32_t stack_bytes;
    assert_int_equal(run(guest_with_another_mxcsr, &conduct, &stack_bytes), 1);
    assert_int_equal(conduct.what, SIM_CONDUCT_MXCSR);
    assert_int_equal(run(guest_with_another_x87_control, &conduct, &stack_bytes), 1);
    assert_int_equal(conduct.what, SIM_CONDUCT_X87_CONTROL);
}

static void guest_that_strays(void)
{
    mk_platform_stray_write(MK_PIECE_DATA, 3944);
    mk_platform_stray_write(MK_PIECE_HEADER_STRING, (uint32_t)-3);
}

static void each_kind_has_its_words(void **state)
{
    (void)state;
    static const struct {
        struct sim_conduct conduct;
        const char *text;
    } kinds[] = {
        {{SIM_CONDUCT_WRITES, MK_PIECE_DATA, 3944},
         "the module wrote outside of what it was given: byte 3944 of the data"},
        {{SIM_CONDUCT_WRITES, MK_PIECE_HEADER_STRING, (uint32_t)-3},
         "the module wrote outside of what it was given: byte -3 of the header's STRING"},
        {{SIM_CONDUCT_STACK, 1024, 2000}, "the module used 2000 bytes of stack, 1024 are allowed"},
        {{SIM_CONDUCT_REGISTERS, SIM_CONDUCT_VECTOR, 0},
         "the module used a floating-point or vector register"},
        {{SIM_CONDUCT_REGISTERS, 99, 0}, "the module something unknown"},
        {{SIM_CONDUCT_MEMORY, 0, 0xFFFF800000001000u},
         "the module wrote memory that was never its own, at 0xffff800000001000"},
    };
    char text[120];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_string_equal(sim_conduct_text(&kinds[i].conduct, text, sizeof text), kinds[i].text);
    struct sim_conduct last;
    uint32_t stack_bytes;
    assert_int_equal(run(guest_that_strays, &last, &stack_bytes), 2);
    assert_string_equal(sim_conduct_text(&last, text, sizeof text), kinds[1].text);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_that_behaves_is_not_reported),
        cmocka_unit_test(more_stack_than_allowed_is_seen),
        cmocka_unit_test(a_vector_register_is_seen),
        cmocka_unit_test(control_words_are_seen),
        cmocka_unit_test(each_kind_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
