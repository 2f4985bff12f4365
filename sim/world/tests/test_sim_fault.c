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
    return sim_faults_ask(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, type, 0) != NULL;
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
    assert_int_equal(sim_faults_struck_on(fix->faults, SIM_FAULT_STREAM), 2);
    assert_int_equal(sim_faults_struck_on(fix->faults, SIM_FAULT_UART), 0);
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
    assert_null(sim_faults_ask(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, 2, 0));
    assert_null(sim_faults_ask(fix->faults, SIM_FAULT_UART, SIM_FAULT_TO_DEBUGGER, 2, 0));
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

/* ---- calls of the backdoor ---- */

static void a_kind_of_exit_strikes_only_the_calls_it_can(void **state)
{
    enum { OPEN, SEND_SIZE, SEND_PAYLOAD, RECV_SIZE, CLOSE = 6 };
    struct fix *fix = *state;
    const struct {
        enum sim_fault_kind kind;
        uint16_t type;
        bool struck;
    } table[] = {
        {SIM_FAULT_TABLE_FULL, OPEN, true},        {SIM_FAULT_TABLE_FULL, CLOSE, false},
        {SIM_FAULT_LOW_BANDWIDTH, RECV_SIZE, true}, {SIM_FAULT_LOW_BANDWIDTH, SEND_PAYLOAD, false},
        {SIM_FAULT_LENGTH, RECV_SIZE, true},       {SIM_FAULT_LENGTH, SEND_SIZE, false},
        {SIM_FAULT_FORGET, CLOSE, true},           {SIM_FAULT_FORGET, OPEN, false},
        {SIM_FAULT_ABSENT, SIM_FAULT_TYPE_GET_VERSION, true}, {SIM_FAULT_STATUS, SIM_FAULT_TYPE_GET_VERSION, false},
        {SIM_FAULT_ABSENT, SIM_FAULT_TYPE_RING, true}, {SIM_FAULT_TABLE_FULL, SIM_FAULT_TYPE_DOORBELL_OPEN, false},
        {SIM_FAULT_FORGET, SIM_FAULT_TYPE_RING, true}, {SIM_FAULT_FORGET, SIM_FAULT_TYPE_DOORBELL_OPEN, false},
        {SIM_FAULT_ABSENT, SIM_FAULT_TYPE_RING + 1, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct sim_fault_rule rule = drop(SIM_PACKET_ANY, 1, 1);
        rule.layer = SIM_FAULT_EXIT;
        rule.direction = SIM_FAULT_NO_DIRECTION;
        rule.kind = table[i].kind;
        sim_faults_clear(fix->faults);
        assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
        assert_int_equal(sim_faults_ask(fix->faults, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, table[i].type, 0) != NULL,
                         table[i].struck);
    }
}

static void a_line_status_error_is_the_guests_receivers(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rule rule = drop(SIM_PACKET_ANY, 1, 1);
    rule.kind = SIM_FAULT_FRAMING;
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_ERR_ARGUMENT); /* a stream has none */
    rule.layer = SIM_FAULT_UART;
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_ERR_ARGUMENT); /* the debugger's is not looked at */
    rule.direction = SIM_FAULT_TO_TARGET;
    assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
}

/* A byte or bit behind a unit's end is none of its: the strike leaves it as it is, whatever the kind. */
static void a_place_behind_the_end_is_missed(void **state)
{
    static const enum sim_fault_kind placed[] = {SIM_FAULT_DROP, SIM_FAULT_INSERT, SIM_FAULT_SPLIT, SIM_FAULT_FRAMING,
                                                 SIM_FAULT_OVERRUN};
    (void)state;
    for (size_t i = 0; i < sizeof placed / sizeof *placed; i++) {
        struct sim_fault_rule rule = {.kind = placed[i], .byte = 16};
        assert_true(sim_fault_misses(&rule, 16));
        assert_false(sim_fault_misses(&rule, 17));
        rule.byte = SIM_FAULT_NO_BYTE;
        assert_false(sim_fault_misses(&rule, 1));
    }
    const struct sim_fault_rule flip = {.kind = SIM_FAULT_FLIP, .bit = 8, .byte = 16};
    assert_true(sim_fault_misses(&flip, 1));
    assert_false(sim_fault_misses(&flip, 2));
    const struct sim_fault_rule whole = {.kind = SIM_FAULT_DUPLICATE, .byte = 16};
    assert_false(sim_fault_misses(&whole, 1));
}

/* ---- faults drawn from the seed ---- */

enum { UNITS = 20000, UNIT_BYTES = 40 };

static struct sim_fault_rate rate(uint32_t per_10000, uint32_t kinds)
{
    return (struct sim_fault_rate){.layer = SIM_FAULT_STREAM, .per_10000 = per_10000, .kinds = kinds};
}

static const struct sim_fault_rule *next_unit(struct fix *fix)
{
    return sim_faults_ask(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, 2, UNIT_BYTES);
}

static void a_rate_strikes_about_so_many(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rate two_percent = rate(200, SIM_FAULT_BIT(SIM_FAULT_DROP) | SIM_FAULT_BIT(SIM_FAULT_FLIP));
    assert_int_equal(sim_faults_draw(fix->faults, &two_percent), KD_OK);
    unsigned drops = 0, flips = 0, bytes = 0;
    for (int i = 0; i < UNITS; i++) {
        const struct sim_fault_rule *rule = next_unit(fix);
        if (rule == NULL)
            continue;
        assert_true(rule->bit < UNIT_BYTES * 8);
        assert_true(rule->byte < UNIT_BYTES || rule->byte == SIM_FAULT_NO_BYTE);
        assert_true(rule->kind == SIM_FAULT_DROP || rule->kind == SIM_FAULT_FLIP);
        drops += rule->kind == SIM_FAULT_DROP;
        flips += rule->kind == SIM_FAULT_FLIP;
        bytes += rule->kind == SIM_FAULT_DROP && rule->byte != SIM_FAULT_NO_BYTE;
    }
    assert_in_range(drops + flips, 350, 450);
    assert_in_range(flips, 150, 250);
    assert_in_range(bytes, drops / 3, drops * 2 / 3);
    assert_int_equal(sim_faults_struck(fix->faults), drops + flips);
}

static void a_rate_ends_at_its_bound_and_when_faults_are_over(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rate always = rate(10000, 0);
    always.most = 3;
    assert_int_equal(sim_faults_draw(fix->faults, &always), KD_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sim_faults_armed(fix->faults, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET), i < 3);
        assert_int_equal(next_unit(fix) != NULL, i < 3);
    }
    always.most = 0;
    always.directions = SIM_FAULT_BIT(SIM_FAULT_TO_DEBUGGER);
    assert_int_equal(sim_faults_draw(fix->faults, &always), KD_OK);
    assert_null(next_unit(fix)); /* the other direction */
    assert_true(strikes(fix, 2));
    sim_faults_clear(fix->faults);
    assert_false(strikes(fix, 2));
}

/* Every kind of every layer is drawn at last, fits where it is drawn for, and is one that a script could place. */
static void whatever_is_drawn_could_have_been_placed(void **state)
{
    struct fix *fix = *state;
    const struct {
        enum sim_fault_layer layer;
        enum sim_fault_direction direction;
        uint32_t kinds;
    } ways[] = {
        {SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, 9}, {SIM_FAULT_UART, SIM_FAULT_TO_DEBUGGER, 9},
        {SIM_FAULT_UART, SIM_FAULT_TO_TARGET, 11},    {SIM_FAULT_RPC, SIM_FAULT_REQUEST, 4},
        {SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, 6},
    };
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        struct sim_fault_rate always = {.layer = ways[way].layer, .per_10000 = 10000};
        uint32_t seen = 0;
        assert_int_equal(sim_faults_draw(fix->faults, &always), KD_OK);
        for (int i = 0; i < 400; i++) {
            const uint16_t recv_size = 3;
            const struct sim_fault_rule *rule =
                sim_faults_ask(fix->faults, ways[way].layer, ways[way].direction, recv_size, UNIT_BYTES);
            assert_non_null(rule);
            seen |= SIM_FAULT_BIT(rule->kind);
        }
        sim_faults_clear(fix->faults);
        for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++) {
            struct sim_fault_rule rule = {.layer = ways[way].layer, .direction = ways[way].direction, .nth = 1};
            rule.kind = (enum sim_fault_kind)kind;
            if (seen & SIM_FAULT_BIT(kind))
                assert_int_equal(sim_faults_add(fix->faults, &rule), KD_OK);
        }
        assert_int_equal(__builtin_popcount(seen), ways[way].kinds);
        assert_false(seen & SIM_FAULT_BIT(SIM_FAULT_DISCONNECT)); /* only when asked for by name */
        assert_false(ways[way].layer == SIM_FAULT_RPC && seen & SIM_FAULT_BIT(SIM_FAULT_FLIP));
        sim_faults_clear(fix->faults);
    }
}

static void impossible_rates_are_refused(void **state)
{
    struct fix *fix = *state;
    struct sim_fault_rate too_many = rate(10001, 0), no_kind = rate(1, SIM_FAULT_BIT(SIM_FAULT_LOSE));
    struct sim_fault_rate no_direction = rate(1, 0);
    no_direction.directions = SIM_FAULT_BIT(SIM_FAULT_REPLY);
    assert_int_equal(sim_faults_draw(fix->faults, &too_many), KD_ERR_ARGUMENT);
    assert_int_equal(sim_faults_draw(fix->faults, &no_kind), KD_ERR_ARGUMENT);
    assert_int_equal(sim_faults_draw(fix->faults, &no_direction), KD_ERR_ARGUMENT);
}

static uint64_t drawn_with(uint64_t seed)
{
    struct sim_cost cost = sim_cost_default();
    struct fix fix = {.world = sim_world_create(seed, &cost)};
    fix.faults = sim_faults_create(fix.world);
    struct sim_fault_rate some = rate(1000, 0);
    assert_int_equal(sim_faults_draw(fix.faults, &some), KD_OK);
    uint64_t sum = 0;
    for (int i = 0; i < 1000; i++) {
        const struct sim_fault_rule *rule = next_unit(&fix);
        sum = sum * 31 + (rule == NULL ? 0 : rule->kind + rule->byte + rule->delay_ns + rule->len_bytes);
    }
    sim_faults_destroy(fix.faults);
    sim_world_destroy(fix.world);
    return sum;
}

static void the_seed_decides_what_is_drawn(void **state)
{
    (void)state;
    assert_int_equal(drawn_with(7), drawn_with(7));
    assert_int_not_equal(drawn_with(7), drawn_with(8));
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
        cmocka_unit_test_setup_teardown(a_kind_of_exit_strikes_only_the_calls_it_can, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_status_error_is_the_guests_receivers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_strikes_about_so_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_behind_the_end_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_ends_at_its_bound_and_when_faults_are_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_is_drawn_could_have_been_placed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_rates_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_seed_decides_what_is_drawn, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
