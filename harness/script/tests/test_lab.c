/* Goal: the lab wires world, VM, debugger and oracle so that a history is complete, repeatable and told in words;
 * its configuration takes what the README lists and refuses the rest.
 * Method: whole conversations driven from C, event by event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants the four above first. */
#include <cmocka.h>

#include "harness/script/lab.h"
#include <string.h>

static struct lab *make(enum sim_link link, uint64_t seed)
{
    struct lab_config config = lab_config_default(link, seed);
    struct lab *lab = NULL;
    char why[LAB_WHY_BYTES];
    if (lab_create(&config, &lab, why) != KD_OK)
        fail_msg("%s", why);
    return lab;
}

static void run_for(struct lab *lab, uint64_t time_ns)
{
    uint64_t until = sim_now(lab->world) + time_ns;
    while (sim_step(lab->world, until))
        ;
}

static struct lab *boot_attached(enum sim_link link, uint64_t seed)
{
    struct lab *lab = make(link, seed);
    assert_int_equal(lab_attach(lab), KD_OK);
    sim_vm_power_on(lab->vm);
    run_for(lab, SIM_MS(500));
    return lab;
}

static void boots_on(enum sim_link link)
{
    struct lab *lab = boot_attached(link, 1);
    assert_int_equal(lab->seen.api[MK_TRACE_BOOTED], 1);
    assert_int_equal(lab->seen.loads.count, lab->config.vm.boot.modules);
    assert_int_equal(lab->seen.stops.count, 0);
    assert_int_equal(lab->seen.life[SIM_LIFE_POWER_ON], 1);
    assert_int_equal(oracle_violation_count(lab->oracle), 0);
    lab_destroy(lab);
}

static void loads_are_continued_and_the_boot_completes_on_the_backdoor(void **state)
{
    (void)state;
    boots_on(SIM_LINK_BACKDOOR);
}

static void loads_are_continued_and_the_boot_completes_on_serial(void **state)
{
    (void)state;
    boots_on(SIM_LINK_SERIAL);
}

static void held_loads_wait_for_the_script(void **state)
{
    (void)state;
    struct lab *lab = make(SIM_LINK_BACKDOOR, 1);
    lab->hold_loads = true;
    assert_int_equal(lab_attach(lab), KD_OK);
    sim_vm_power_on(lab->vm);
    run_for(lab, SIM_MS(500));
    assert_int_equal(lab->seen.loads.count, 1);
    assert_int_equal(dbg_state(lab->dbg), DBG_STOPPED);
    lab_destroy(lab);
}

static void the_same_seed_is_the_same_history(void **state)
{
    (void)state;
    struct lab *first = boot_attached(SIM_LINK_BACKDOOR, 7), *second = boot_attached(SIM_LINK_BACKDOOR, 7);
    assert_int_equal(sim_trace_hash(sim_trace(first->world)), sim_trace_hash(sim_trace(second->world)));
    assert_int_equal(sim_trace_count(sim_trace(first->world)), sim_trace_count(sim_trace(second->world)));
    lab_destroy(first);
    lab_destroy(second);
}

static void another_seed_is_another_history(void **state)
{
    (void)state;
    struct lab *first = boot_attached(SIM_LINK_BACKDOOR, 7), *second = boot_attached(SIM_LINK_BACKDOOR, 8);
    assert_int_not_equal(sim_trace_hash(sim_trace(first->world)), sim_trace_hash(sim_trace(second->world)));
    lab_destroy(first);
    lab_destroy(second);
}

static void a_second_debugger_is_refused(void **state)
{
    (void)state;
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    assert_int_equal(lab_attach(lab), KD_ERR_BUSY);
    lab_detach(lab);
    lab_detach(lab);
    assert_int_equal(dbg_state(lab->dbg), DBG_DETACHED);
    assert_int_equal(lab_attach(lab), KD_OK);
    lab_destroy(lab);
}

static void fates_have_names(void **state)
{
    (void)state;
    enum lab_fate fate;
    assert_int_equal(lab_fate_find("suspend", &fate), KD_OK);
    assert_int_equal(fate, LAB_FATE_SUSPEND);
    assert_int_equal(lab_fate_find("explode", &fate), KD_ERR_ARGUMENT);
}

/* What cannot happen then does not: a resume of a machine that runs, a revert to nothing. */
static void what_is_planned_happens_at_its_time(void **state)
{
    (void)state;
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    static const enum lab_fate fates[] = {LAB_FATE_RESUME,     LAB_FATE_REVERT,        LAB_FATE_SUSPEND, LAB_FATE_RESUME,
                                          LAB_FATE_SNAPSHOT,   LAB_FATE_RESET,         LAB_FATE_REVERT,  LAB_FATE_DETACH,
                                          LAB_FATE_RELAY_KILL, LAB_FATE_RELAY_RESTART, LAB_FATE_ATTACH,  LAB_FATE_POWER_OFF,
                                          LAB_FATE_POWER_ON};
    enum { COUNT = sizeof fates / sizeof *fates };
    uint64_t start = sim_now(lab->world);
    for (unsigned i = 0; i < COUNT; i++)
        lab_later(lab, start + SIM_MS(100) * (i + 1), fates[i]);
    run_for(lab, SIM_MS(99));
    assert_int_equal(lab->seen.life[SIM_LIFE_SUSPEND], 0);
    run_for(lab, SIM_MS(100) * (COUNT + 1));
    static const enum sim_life once[] = {SIM_LIFE_SUSPEND,    SIM_LIFE_RESUME,        SIM_LIFE_SNAPSHOT, SIM_LIFE_RESET,
                                         SIM_LIFE_REVERT,     SIM_LIFE_DETACH,        SIM_LIFE_RELAY_KILL,
                                         SIM_LIFE_RELAY_RESTART, SIM_LIFE_POWER_OFF};
    for (unsigned i = 0; i < sizeof once / sizeof *once; i++)
        assert_int_equal(lab->seen.life[once[i]], 1);
    assert_int_equal(lab->seen.life[SIM_LIFE_ATTACH], 2);
    assert_int_equal(lab->seen.life[SIM_LIFE_POWER_ON], 2);
    oracle_finish(lab->oracle);
    assert_int_equal(oracle_violation_count(lab->oracle), 0);
    lab_destroy(lab);
}

static void moments_ascend_and_are_those_of_the_history(void **state)
{
    (void)state;
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    size_t count;
    const uint64_t *moments = lab_moments(lab, &count);
    assert_true(count > 20);
    assert_int_equal(moments[0], 0);
    for (size_t i = 1; i < count; i++)
        assert_true(moments[i] > moments[i - 1]);
    assert_true(moments[count - 1] <= sim_now(lab->world));
    lab_destroy(lab);
}

static void frames_are_kept_when_asked_for(void **state)
{
    (void)state;
    struct lab *lab = make(SIM_LINK_BACKDOOR, 1);
    lab->keep_frames = true;
    assert_int_equal(lab_attach(lab), KD_OK);
    sim_vm_power_on(lab->vm);
    run_for(lab, SIM_MS(100));
    assert_true(lab->frame_count >= 4);
    assert_int_equal(lab->frames[0].body.type, DBG_TYPE_STATE_CHANGE64);
    assert_int_equal(lab->frames[0].id, DBG_ID_INITIAL | DBG_ID_SYNC);
    lab_frames_clear(lab);
    assert_int_equal(lab->frame_count, 0);
    lab_destroy(lab);
}

/* Plants a lie about the next print and returns the rule that the oracle saw broken, 0 for none. */
static unsigned rule_broken_by(enum lab_plant plant)
{
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    lab_set_plant(lab, plant);
    struct mk_command print = {.kind = MK_COMMAND_PRINT, .count = 2, .text = "text"};
    assert_int_equal(sim_vm_command(lab->vm, &print), KD_OK);
    run_for(lab, SIM_MS(100));
    assert_int_equal(lab->seen.prints.count, 2);
    oracle_finish(lab->oracle);
    unsigned rule = oracle_violation_count(lab->oracle) > 0 ? oracle_violation(lab->oracle, 0)->rule : 0;
    lab_destroy(lab);
    return rule;
}

static void the_oracle_sees_every_planted_lie(void **state)
{
    (void)state;
    assert_int_equal(rule_broken_by(LAB_PLANT_NONE), 0);
    assert_int_equal(rule_broken_by(LAB_PLANT_TWICE), 1);
    assert_int_equal(rule_broken_by(LAB_PLANT_LOST), 1);
    assert_in_range(rule_broken_by(LAB_PLANT_CHANGED), 1, 2);
    assert_int_equal(rule_broken_by(LAB_PLANT_UNHEARD), 7);
    assert_int_equal(rule_broken_by(LAB_PLANT_UNWISHED), 0); /* nobody breaks in */
}

/* The lie waits for a break-in, whatever messages come before it. */
static void the_oracle_sees_a_break_that_it_was_not_told_of(void **state)
{
    (void)state;
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    lab_set_plant(lab, LAB_PLANT_UNWISHED);
    struct mk_command print = {.kind = MK_COMMAND_PRINT, .count = 1, .text = "text"};
    assert_int_equal(sim_vm_command(lab->vm, &print), KD_OK);
    run_for(lab, SIM_MS(100));
    assert_int_equal(oracle_violation_count(lab->oracle), 0);
    assert_int_equal(dbg_break_in(lab->dbg), KD_OK);
    run_for(lab, SIM_MS(100));
    assert_int_equal(lab->seen.stops.count, 1);
    assert_int_equal(oracle_violation_count(lab->oracle), 1);
    assert_int_equal(oracle_violation(lab->oracle, 0)->rule, 4);
    lab_destroy(lab);
}

static void the_story_tells_the_last_events_in_words(void **state)
{
    (void)state;
    struct lab *lab = boot_attached(SIM_LINK_BACKDOOR, 1);
    char text[LAB_STORY_BYTES];
    unsigned count = lab_story_count(lab);
    assert_int_equal(count, LAB_STORY_EVENTS);
    lab_story_text(lab, count - 1, text, sizeof text);
    assert_non_null(strstr(text, "kernel    has booted"));
    lab_story_text(lab, 0, text, sizeof text);
    assert_non_null(strstr(text, "s  "));
    lab_destroy(lab);
}

/* ---- configuration ------------------------------------------------------------------------------------------- */

static void fields_land_where_they_belong(void **state)
{
    (void)state;
    struct lab_config config = lab_config_default(SIM_LINK_BACKDOOR, 1);
    char why[LAB_WHY_BYTES];
    assert_int_equal(lab_config_set(&config, "polls", "1500", why), KD_OK);
    assert_int_equal(lab_config_set(&config, "backdoor", "vmware-LB-only", why), KD_OK);
    assert_int_equal(lab_config_set(&config, "relay", "false", why), KD_OK);
    assert_int_equal(lab_config_set(&config, "cost.exit_ns", "0", why), KD_OK);
    assert_int_equal(lab_config_set(&config, "debugger.ack_wait_ns", "0x10", why), KD_OK);
    assert_int_equal(config.vm.polls, 1500);
    assert_int_equal(config.vm.backdoor, SIM_BACKDOOR_LB_ONLY);
    assert_false(config.vm.relay_present);
    assert_int_equal(config.cost.exit_ns, 0);
    assert_int_equal(config.dbg.ack_wait_ns, 16);
}

static void wrong_names_and_values_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *words;
    } bad[] = {
        {"nonsense", "1", "no field is called 'nonsense'"},
        {"polls", "many", "expected a whole number"},
        {"polls", "-1", "expected a whole number"},
        {"polls", "4294967296", "up to 4294967295"},
        {"processors", "5", "up to 4"},
        {"relay", "yes", "expected true or false"},
        {"backdoor", "vmwar", "expected one of: vmware"},
        {"uart", "x", "expected one of: vmm"},
        {"arch", "arm", "expected x64"},
        {"cost.nothing", "1", "expected one of cost.exit_ns"},
        {"cost.exit_ns", "fast", "expected a whole number"},
        {"cost.exit_ns", "18446744073709551615", "expected a whole number from 0 to 3600000000000"},
        {"cost.tick_ns", "0", "expected a whole number from 1 to 3600000000000"},
        {"cost.baud", "0", "expected a whole number from 2 to 115200"},
        {"cost.baud", "115201", "expected a whole number from 2 to 115200"},
        {"debugger.nothing", "1", "no field is called"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lab_config config = lab_config_default(SIM_LINK_BACKDOOR, 1);
        char why[LAB_WHY_BYTES];
        assert_int_equal(lab_config_set(&config, bad[i].name, bad[i].value, why), KD_ERR_ARGUMENT);
        if (strstr(why, bad[i].words) == NULL)
            fail_msg("%s=%s: '%s' does not say '%s'", bad[i].name, bad[i].value, why, bad[i].words);
    }
}

static void a_machine_that_cannot_be_built_says_why(void **state)
{
    (void)state;
    struct lab_config config = lab_config_default(SIM_LINK_BACKDOOR, 1);
    struct lab *lab = NULL;
    char why[LAB_WHY_BYTES];
    config.vm.ram_mib = 1;
    assert_int_equal(lab_create(&config, &lab, why), KD_ERR_ARGUMENT);
    assert_non_null(strstr(why, "this VM cannot be built: "));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_are_continued_and_the_boot_completes_on_the_backdoor),
        cmocka_unit_test(loads_are_continued_and_the_boot_completes_on_serial),
        cmocka_unit_test(held_loads_wait_for_the_script),
        cmocka_unit_test(the_same_seed_is_the_same_history),
        cmocka_unit_test(another_seed_is_another_history),
        cmocka_unit_test(a_second_debugger_is_refused),
        cmocka_unit_test(fates_have_names),
        cmocka_unit_test(what_is_planned_happens_at_its_time),
        cmocka_unit_test(moments_ascend_and_are_those_of_the_history),
        cmocka_unit_test(frames_are_kept_when_asked_for),
        cmocka_unit_test(the_oracle_sees_every_planted_lie),
        cmocka_unit_test(the_oracle_sees_a_break_that_it_was_not_told_of),
        cmocka_unit_test(the_story_tells_the_last_events_in_words),
        cmocka_unit_test(fields_land_where_they_belong),
        cmocka_unit_test(wrong_names_and_values_are_refused_in_words),
        cmocka_unit_test(a_machine_that_cannot_be_built_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
