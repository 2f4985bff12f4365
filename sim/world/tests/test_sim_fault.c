/* Goal: a rule strikes exactly the units it names. Method: tables of rules against a counted sequence of units. */
#include "sim/world/sim_fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct fix {
    struct sim_world *world;
    struct sim_faults *faults;
};

static int set_up(void **state)
{
    static struct fix fix;
    struct sim_cost cost = sim_cost_default();
    fix.world = sim_world_create(1, &cost);
    fix.faults = sim_faults_create(fix.world);
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    sim_faults_destroy(fix->faults);
    sim_world_destroy(fix->world);
    return 0;
}

static struct sim_fault_rule drop(enum sim_fault_packet packet, uint32_t nth, uint32_t count)
{
    return (struct sim_fault_rule){.layer = SIM_FAULT_STREAM,
                                   .direction = SIM_FAULT_TO_DEBUGGER,
                                   .kind = SIM_FAULT_DROP,
                                   .packet = packet,
                                   .nth = nth,
                                   .count = count,
                                   .byte = SIM_FAULT_NO_BYTE};
}

static bool strikes(struct fix *fix, uint16_t type)
{
    return sim_faults_ask(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, type) != NULL;
}

static void the_nth_unit_is_struck_count_times(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = drop(SIM_PACKET_MANIPULATE, 2, 2);
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
    const struct {
        uint16_t type;
        bool struck;
    } units[] = {{2, false}, {4, false}, {2, true}, {7, false}, {2, true}, {2, false}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        assert_int_equal(strikes(fix, units[i].type), units[i].struck);
    assert_int_equal(sim_faults_struck(fix->faults), 2);
    assert_false(sim_faults_armed(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER));
}

static void count_zero_strikes_for_ever(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = drop(SIM_PACKET_ANY, 3, 0);
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(strikes(fix, 2), i >= 3);
    assert_true(sim_faults_armed(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER));
    assert_false(sim_faults_armed(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET));
    sim_faults_clear(fix->faults);
    assert_false(strikes(fix, 2));
}

static void packet_classes_match_their_members(void **state)
{
    struct fix *fix = *state;
    const struct {
        enum sim_fault_packet packet;
        uint16_t type;
        bool struck;
    } table[] = {
        {SIM_PACKET_DATA, 2, true},     {SIM_PACKET_DATA, 4, false},
        {SIM_PACKET_CONTROL, 6, true},  {SIM_PACKET_CONTROL, 7, false},
        {SIM_PACKET_ANY, 6, true},      {SIM_PACKET_BREAK_IN, SIM_FAULT_TYPE_BREAK_IN, true},
        {SIM_PACKET_BREAK_IN, 2, false}, {SIM_PACKET_DATA, SIM_FAULT_TYPE_BREAK_IN, false},
        {SIM_PACKET_RESET, 6, true},    {SIM_PACKET_RESET, 5, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sim_faults_clear(fix->faults);
        struct sim_fault_rule rule = drop(table[i].packet, 1, 1);
        assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
        assert_int_equal(strikes(fix, table[i].type), table[i].struck);
    }
}

static void other_layers_and_directions_are_spared(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = drop(SIM_PACKET_ANY, 1, 0);
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
    assert_null(sim_faults_ask(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, 2));
    assert_null(sim_faults_ask(fix->faults, SIM_FAULT_UART, SIM_FAULT_TO_DEBUGGER, 2));
}

static void a_rule_waits_for_its_time(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = drop(SIM_PACKET_ANY, 1, 1);
    rule.after_ns = 100;
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
    assert_false(strikes(fix, 2));
    sim_advance(fix->world, 100);
    assert_true(strikes(fix, 2));
    assert_int_equal(sim_faults_last_ns(fix->faults), 100);
}

static void one_rule_strikes_but_all_count(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule first = drop(SIM_PACKET_ANY, 1, 1), second = drop(SIM_PACKET_ANY, 2, 1);
    assert_int_equal(sim_faults_add(fix->faults, &first), KD_OK);
    assert_int_equal(sim_faults_add(fix->faults, &second), KD_OK);
    assert_true(strikes(fix, 2));
    assert_true(strikes(fix, 2));
    assert_false(strikes(fix, 2));
}

static void add_type(void *context, const struct sim_fault_rule *rule, uint16_t type)
{
    assert_int_equal(rule->kind, SIM_FAULT_DROP);
    *(unsigned *)context += type;
}

static void every_strike_is_told_with_the_units_type(void **state)
{
    struct fix *fix = *state;
    unsigned types = 0;
    struct sim_fault_rule rule = drop(SIM_PACKET_CONTROL, 1, 2);
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
    sim_faults_on_strike(fix->faults, add_type, &types);
    for (uint16_t type = 2; type <= 6; type++)
        strikes(fix, type);
    assert_int_equal(types, 4 + 5);
}

static void impossible_rules_are_refused(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule zeroth = drop(SIM_PACKET_ANY, 0, 1), rpc = drop(SIM_PACKET_ANY, 1, 1);
    rpc.layer = SIM_FAULT_RPC;
    assert_int_equal(sim_faults_add(fix->faults, &zeroth), KD_ERR_ARGUMENT);
    assert_int_equal(sim_faults_add(fix->faults, &rpc), KD_ERR_ARGUMENT);
    rpc.direction = SIM_FAULT_REPLY;
    assert_int_equal(sim_faults_add(fix->faults, &rpc), KD_ERR_ARGUMENT);
    rpc.kind = SIM_FAULT_LOSE;
    assert_int_equal(sim_faults_add(fix->faults, &rpc), KD_OK);
}

static void names_go_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < SIM_FAULT_LAYERS; i++) {
        enum sim_fault_layer layer;
        assert_int_equal(sim_fault_layer_find(sim_fault_layer_name((enum sim_fault_layer)i), &layer), KD_OK);
        assert_int_equal(layer, i);
    }
    for (int i = 0; i < SIM_PACKETS; i++) {
        enum sim_fault_packet packet;
        assert_int_equal(sim_fault_packet_find(sim_fault_packet_name((enum sim_fault_packet)i), &packet), KD_OK);
        assert_int_equal(packet, i);
    }
    enum sim_fault_kind kind;
    assert_int_equal(sim_fault_kind_find("drip", &kind), KD_ERR_ARGUMENT);
    assert_int_equal(sim_fault_kind_find("flip", &kind), KD_OK);
    assert_int_equal(kind, SIM_FAULT_FLIP);
    enum sim_fault_direction direction;
    assert_int_equal(sim_fault_direction_find("reply", &direction), KD_OK);
    assert_string_equal(sim_fault_direction_name(direction), "reply");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nth_unit_is_struck_count_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(count_zero_strikes_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packet_classes_match_their_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_layers_and_directions_are_spared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rule_waits_for_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_rule_strikes_but_all_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_strike_is_told_with_the_units_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_rules_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_go_there_and_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
