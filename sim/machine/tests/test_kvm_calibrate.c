/* Goal: a calibration measures what it says, and makes a cost table of it.
 * Method: it is run once, and held to what cannot be otherwise on any host; the table is computed from
 * figures of the test's own. Without /dev/kvm the run is skipped, with the reason on stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/machine/kvm_calibrate.h"
#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77 };

static void every_figure_is_measured_and_ordered(void **state)
{
    (void)state;
    char why[KVM_CPU_WHY_BYTES];
    struct kvm_figure figures[KVM_CALIBRATE_FIGURES];
    if (!kvm_cpu_here(why)) {
        fprintf(stderr, "test_kvm_calibrate: SKIPPED: no kvm machine here: %s\n", why);
        exit(SKIPPED);
    }
    kvm_calibrate(KVM_CPU_X64, figures);
    for (unsigned i = 0; i < KVM_CALIBRATE_FIGURES; i++) {
        const struct kvm_calibrate_row *row = kvm_calibrate_row((enum kvm_calibrate_figure)i);
        print_message("%-16s %8lu %8lu %8lu %s\n", row->name, (unsigned long)figures[i].lower,
                      (unsigned long)figures[i].median, (unsigned long)figures[i].upper, row->unit);
        assert_true(figures[i].samples > 0);
        if (i == KVM_CALIBRATE_string_byte) /* a difference, which may drown in the noise */
            continue;
        assert_in_range(figures[i].lower, 100, figures[i].median);
        assert_in_range(figures[i].upper, figures[i].median, 100000000);
    }
    /* Two turns of the kernel more than a call, and never less. */
    assert_true(figures[KVM_CALIBRATE_string_in].median > figures[KVM_CALIBRATE_port_in].lower);
}

static void a_cost_table_is_the_mean_exit_of_a_message(void **state)
{
    (void)state;
    struct kvm_figure figures[KVM_CALIBRATE_FIGURES] = {
        [KVM_CALIBRATE_backdoor_in] = {.median = 6000},     [KVM_CALIBRATE_string_out] = {.median = 10000},
        [KVM_CALIBRATE_string_in] = {.median = 14000},      [KVM_CALIBRATE_string_byte] = {.median = 250},
        [KVM_CALIBRATE_unix_round_trip] = {.median = 9000},
    };
    const struct sim_cost cost = kvm_calibrate_costs(figures), usual = sim_cost_default();
    assert_int_equal(cost.exit_ns, (3 * 6000 + 10000 + 14000 - 2 * 4039 * 250 / 1000) / 5);
    assert_int_equal(cost.payload_ps_per_byte, 250);
    assert_int_equal(cost.stream_latency_ns, 4500);
    assert_int_equal(cost.think_ns, usual.think_ns);
    assert_int_equal(cost.tick_ns, usual.tick_ns);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_is_measured_and_ordered),
        cmocka_unit_test(a_cost_table_is_the_mean_exit_of_a_message),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
