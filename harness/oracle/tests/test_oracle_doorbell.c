/* Goal: rule 6 at the doorbell lets the three commands pass as doorbell.md 1 has them, and nothing else.
 * Method: one access at a time, good ones spoilt register by register. */
#include "harness/oracle/oracle_doorbell.h"
#include "sim/device/sim_doorbell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned breaches;

static void on_breach(void *context, const char *text)
{
    (void)context;
    assert_non_null(text);
    breaches++;
}

static unsigned judge(struct sim_registers registers)
{
    breaches = 0;
    oracle_doorbell_call(&registers, on_breach, NULL);
    return breaches;
}

static const struct sim_registers good[] = {
    {.rax = 0x42444B46, .rbx = SIM_DOORBELL_OPEN, .rcx = 1, .rdx = SIM_PORT_DOORBELL, .rsi = 0x401000},
    {.rax = 0x42444B46,
     .rbx = SIM_DOORBELL_RING,
     .rcx = 32,
     .rdx = SIM_PORT_DOORBELL,
     .rsi = 0xFFFFF80002801003,
     .rdi = 0x403000,
     .rbp = 4032},
    {.rax = 0x42444B46, .rbx = SIM_DOORBELL_CLOSE, .rdx = SIM_PORT_DOORBELL},
};

static void the_three_commands_are_legal(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(judge(good[i]), 0);
}

static void anything_else_is_a_breach(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct sim_registers bad = good[i];
        bad.rax = 0x564D5868;
        assert_int_equal(judge(bad), 1);
        bad = good[i];
        bad.rdx |= 0x30000;
        assert_int_equal(judge(bad), 1);
        bad = good[i];
        bad.rbx = 4;
        assert_int_equal(judge(bad), 1);
        bad = good[i];
        bad.rcx = UINT64_C(1) << 32;
        assert_int_equal(judge(bad), 1);
        bad = good[i];
        bad.rbp = 4033;
        assert_int_equal(judge(bad), 1);
    }
    struct sim_registers unaligned = good[0];
    unaligned.rsi += 2;
    assert_int_equal(judge(unaligned), 1);
    struct sim_registers nowhere = good[1];
    nowhere.rdi = 0;
    assert_int_equal(judge(nowhere), 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_commands_are_legal),
        cmocka_unit_test(anything_else_is_a_breach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
