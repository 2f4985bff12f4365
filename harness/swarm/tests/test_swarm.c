/* Goal:   a seed is one plan and one history; a plan is a scenario to the bit; what fails is made smaller and fails the
 *         same; shards and files add up to what one process says; a seed that kills its process is a failure.
 * Method: plans are drawn and played on the native machine; shrinking and the crew have players of the test's own. */
#include "harness/script/script.h"
#include "harness/swarm/swarm_crew.h"
#include "harness/swarm/swarm_exhaust.h"
#include "harness/swarm/swarm_shrink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct swarm_scope any_world;

enum { SOME_SEEDS = 12 };

/* ---- plans --------------------------------------------------------------------------------------------------- */

static char *text_of(const struct swarm_plan *plan)
{
    char *text = NULL;
    size_t text_bytes;
    FILE *file = open_memstream(&text, &text_bytes);
    assert_non_null(file);
    swarm_plan_write(plan, "a test", file);
    fclose(file);
    return text;
}

static void equal_seeds_draw_equal_plans(void **state)
{
    (void)state;
    unsigned different = 0;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        struct swarm_plan one, other, next;
        swarm_plan_draw(&one, seed, &any_world);
        swarm_plan_draw(&other, seed, &any_world);
        swarm_plan_draw(&next, seed + 1, &any_world);
        char *a = text_of(&one), *b = text_of(&other), *c = text_of(&next);
        assert_string_equal(a, b);
        different += strcmp(a, c) != 0;
        free(a);
        free(b);
        free(c);
    }
    assert_int_equal(different, SOME_SEEDS);
}

/* What a failure prints as its replay command names link and architecture: the plan must be the one that was free. */
static void the_scope_that_was_drawn_anyway_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        struct swarm_plan drawn, named;
        swarm_plan_draw(&drawn, seed, &any_world);
        swarm_plan_draw(&named, seed, &(struct swarm_scope){true, drawn.link, true, drawn.arch, NULL});
        char *a = text_of(&drawn), *b = text_of(&named);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
}

static void a_seed_is_one_history(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        struct swarm_plan plan;
        struct swarm_result once, again;
        swarm_plan_draw(&plan, seed, &any_world);
        swarm_play(&plan, &once);
        swarm_play(&plan, &again);
        assert_int_equal(once.hash, again.hash);
        assert_int_equal(once.exits, again.exits);
        assert_string_equal(once.text, again.text);
    }
}

static void play_as_scenario(const struct swarm_plan *plan, struct script_result *result)
{
    char path[] = "test_swarm_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    swarm_plan_write(plan, "a test", file);
    fclose(file);
    struct script_options options = script_options_default(path, plan->link);
    options.arch = plan->arch;
    options.seed = plan->seed;
    script_run(&options, result);
    unlink(path);
}

static void a_plan_is_a_scenario_to_the_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SOME_SEEDS; seed++) {
        struct swarm_plan plan;
        struct swarm_result played;
        struct script_result told = {0};
        swarm_plan_draw(&plan, seed, &any_world);
        swarm_play(&plan, &played);
        play_as_scenario(&plan, &told);
        assert_int_equal(told.outcome, played.failed ? SCRIPT_FAILED : SCRIPT_PASSED);
        assert_int_equal(told.hash, played.hash);
        assert_int_equal(told.exits, played.exits);
        script_result_free(&told);
    }
}

/* ---- shrinking ----------------------------------------------------------------------------------------------- */

static struct swarm_result failure_with(const char *text)
{
    struct swarm_result result = {.failed = true};
    snprintf(result.text, sizeof result.text, "%s", text);
    return result;
}

static void failures_of_one_kind_differ_in_numbers_only(void **state)
{
    (void)state;
    struct swarm_result a = failure_with("oracle: rule 4: due by 123 ns, at 0xf7"),
                        b = failure_with("oracle: rule 4: due by 9 ns, at 0x1"),
                        c = failure_with("oracle: rule 1: due by 9 ns, at 0x1 and lost"), fine = {0};
    assert_true(swarm_same_failure(&a, &b));
    assert_false(swarm_same_failure(&a, &c));
    assert_false(swarm_same_failure(&a, &fine));
    assert_false(swarm_same_failure(&fine, &fine));
}

/* A bug that needs a step after a write of 100 bytes at least, and one flip. */
static void play_planted(const struct swarm_plan *plan, struct swarm_result *result)
{
    bool wrote = false, stepped = false, flipped = false;
    for (unsigned i = 0; i < plan->work_count; i++) {
        wrote = wrote || (plan->works[i].kind == LAB_WORK_WRITE && plan->works[i].amount >= 100);
        stepped = stepped || (wrote && plan->works[i].kind == LAB_WORK_STEP);
    }
    for (unsigned i = 0; i < plan->fault_count; i++)
        flipped = flipped || plan->faults[i].kind == SIM_FAULT_FLIP;
    *result = stepped && flipped ? failure_with("planted") : (struct swarm_result){0};
}

static struct swarm_plan plan_with_planted_bug(void)
{
    struct swarm_plan plan;
    struct sim_fault_rule flip = swarm_rule(SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, SIM_FAULT_FLIP, 3);
    struct sim_fault_rule drop = swarm_rule(SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, SIM_FAULT_DROP, 2);
    swarm_plan_draw(&plan, 1, &(struct swarm_scope){.one_link = true});
    plan.fault_count = plan.work_count = 0;
    plan.low_bandwidth = true;
    swarm_plan_fault(&plan, &drop);
    swarm_plan_fault(&plan, &flip);
    swarm_plan_fault(&plan, &drop);
    for (unsigned i = 0; i < 9; i++) {
        swarm_plan_work(&plan, LAB_WORK_READ, i);
        swarm_plan_work(&plan, LAB_WORK_WRITE, 190 + i);
        swarm_plan_work(&plan, LAB_WORK_STEP, 0);
    }
    return plan;
}

static void what_a_failure_does_not_need_is_left_out(void **state)
{
    (void)state;
    struct swarm_plan plan = plan_with_planted_bug();
    struct swarm_result failure;
    play_planted(&plan, &failure);
    assert_true(failure.failed);
    assert_true(swarm_shrink(&plan, &failure, play_planted) < 200);
    assert_true(failure.failed);
    assert_int_equal(plan.work_count, 2);
    assert_int_equal(plan.works[0].kind, LAB_WORK_WRITE);
    assert_int_equal(plan.works[1].kind, LAB_WORK_STEP);
    assert_int_equal(plan.fault_count, 1);
    assert_int_equal(plan.faults[0].kind, SIM_FAULT_FLIP);
    assert_int_equal(plan.setting_count, 0);
    assert_int_equal(plan.fate_count, 0);
    assert_false(plan.low_bandwidth);
}

static void a_shrunk_plan_has_less_than_fifteen_lines(void **state)
{
    (void)state;
    struct swarm_plan plan = plan_with_planted_bug();
    struct swarm_result failure;
    play_planted(&plan, &failure);
    (void)swarm_shrink(&plan, &failure, play_planted);
    char *text = text_of(&plan);
    unsigned lines = 0;
    for (const char *at = text; *at != 0; at++)
        lines += *at == '\n';
    assert_in_range(lines, 4, 14);
    free(text);
}

/* ---- crews and reports --------------------------------------------------------------------------------------- */

static void on_row(void *context, const struct swarm_row *row)
{
    swarm_report_add(context, row);
}

static void on_progress(void *context)
{
    (void)context;
}

/* Cheap worlds: a history's hash is its seed, and every tenth fails. */
static void play_cheaply(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row)
{
    (void)scope;
    *row = (struct swarm_row){.seed = seed, .link = seed % 2 == 0 ? SIM_LINK_BACKDOOR : SIM_LINK_SERIAL};
    row->result.hash = seed * 77;
    if (seed % 10 == 0)
        row->result = failure_with("a tenth");
}

static void die_of_seven(uint64_t seed, const struct swarm_scope *scope, struct swarm_row *row)
{
    if (seed == 7)
        _exit(42);
    play_cheaply(seed, scope, row);
}

static struct swarm_report run_crew(uint64_t shard, uint64_t shards, unsigned jobs,
                                    void (*play)(uint64_t, const struct swarm_scope *, struct swarm_row *))
{
    struct swarm_report report = swarm_report_empty();
    struct swarm_crew crew = {.first = 1, .last = 45, .shard = shard, .shards = shards, .jobs = jobs, .play = play,
                              .context = &report, .row = on_row, .progress = on_progress};
    assert_int_equal(swarm_crew_run(&crew), KD_OK);
    swarm_report_sort(&report);
    return report;
}

static void assert_all_45(const struct swarm_report *report)
{
    assert_int_equal(swarm_report_seeds(report), 45);
    assert_int_equal(report->first_seed, 1);
    assert_int_equal(report->last_seed, 45);
    assert_int_equal(report->failure_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(report->failures[i].seed, 10 * (i + 1));
}

static void jobs_and_shards_add_up(void **state)
{
    (void)state;
    char one[] = "test_swarm_XXXXXX", two[] = "test_swarm_XXXXXX", why[SWARM_WHY_BYTES];
    close(mkstemp(one));
    close(mkstemp(two));
    struct swarm_report alone = run_crew(0, 1, 1, play_cheaply), first = run_crew(0, 2, 3, play_cheaply),
                        second = run_crew(1, 2, 2, play_cheaply), both = swarm_report_empty();
    assert_all_45(&alone);
    assert_int_equal(swarm_report_write(&first, one, why), KD_OK);
    assert_int_equal(swarm_report_write(&second, two, why), KD_OK);
    assert_int_equal(swarm_report_join(&both, two, why), KD_OK);
    assert_int_equal(swarm_report_join(&both, one, why), KD_OK);
    swarm_report_sort(&both);
    assert_all_45(&both);
    assert_int_equal(both.hash, alone.hash);
    unlink(one);
    unlink(two);
    swarm_report_free(&alone);
    swarm_report_free(&first);
    swarm_report_free(&second);
    swarm_report_free(&both);
}

static void more_jobs_than_seeds_is_fine(void **state)
{
    (void)state;
    struct swarm_report report = run_crew(0, 1, 60, play_cheaply);
    assert_all_45(&report);
    swarm_report_free(&report);
}

static void a_seed_that_kills_its_process_is_a_failure(void **state)
{
    (void)state;
    struct swarm_report report = run_crew(0, 1, 2, die_of_seven);
    assert_int_equal(swarm_report_seeds(&report), 45);
    assert_int_equal(report.failure_count, 5);
    assert_int_equal(report.failures[0].seed, 7);
    assert_string_equal(report.failures[0].text, "the process ended with exit code 42");
    swarm_report_free(&report);
}

static void files_that_are_no_results_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{", "{\"first_seed\": \"1\"}",
                                        "{\"first_seed\": 1, \"last_seed\": 2, \"hash\": \"0\"}"};
    char path[] = "test_swarm_XXXXXX", why[SWARM_WHY_BYTES];
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct swarm_report report = swarm_report_empty();
        FILE *file = fopen(path, "w");
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(swarm_report_join(&report, path, why), KD_ERR_ARGUMENT);
        assert_non_null(strstr(why, path));
        assert_int_equal(swarm_report_seeds(&report), 0);
    }
    unlink(path);
}

/* ---- the conversation of exhaust ----------------------------------------------------------------------------- */

static void the_conversation_without_a_fault_is_clean(void **state)
{
    (void)state;
    for (unsigned link = SIM_LINK_BACKDOOR; link <= SIM_LINK_SERIAL; link++) {
        struct swarm_plan plan;
        struct swarm_result result;
        swarm_exhaust_plan(&plan, (enum sim_link)link, MK_X64);
        swarm_play(&plan, &result);
        assert_string_equal(result.text, "");
        assert_false(result.failed);
        assert_true(result.replies >= 4);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_seeds_draw_equal_plans),
        cmocka_unit_test(the_scope_that_was_drawn_anyway_changes_nothing),
        cmocka_unit_test(a_seed_is_one_history),
        cmocka_unit_test(a_plan_is_a_scenario_to_the_bit),
        cmocka_unit_test(failures_of_one_kind_differ_in_numbers_only),
        cmocka_unit_test(what_a_failure_does_not_need_is_left_out),
        cmocka_unit_test(a_shrunk_plan_has_less_than_fifteen_lines),
        cmocka_unit_test(jobs_and_shards_add_up),
        cmocka_unit_test(more_jobs_than_seeds_is_fine),
        cmocka_unit_test(a_seed_that_kills_its_process_is_a_failure),
        cmocka_unit_test(files_that_are_no_results_are_refused),
        cmocka_unit_test(the_conversation_without_a_fault_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
