#include "harness/swarm/swarm_run.h"
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- the machine --------------------------------------------------------------------------------------------- */

static struct lab *build(const struct swarm_plan *plan, FILE *trace, struct timeline *timeline,
                         struct swarm_result *result)
{
    struct lab_config config = lab_config_default(plan->link, plan->seed);
    char value[24], why[LAB_WHY_BYTES] = "";
    config.vm.boot.arch = plan->arch;
    config.machine = plan->machine;
    config.trace = trace;
    config.timeline = timeline;
    if (plan->low_bandwidth)
        config.vm.backdoor = SIM_BACKDOOR_LB_ONLY;
    for (unsigned i = 0; i < plan->setting_count; i++) {
        snprintf(value, sizeof value, "%" PRIu64, plan->settings[i].value);
        enum kd_status status = lab_config_set(&config, plan->settings[i].name, value, why);
        assert(status == KD_OK);
        (void)status;
    }
    struct lab *lab = NULL;
    result->failed = lab_create(&config, &lab, why) != KD_OK;
    snprintf(result->text, sizeof result->text, "%s", why);
    return lab;
}

static void place(struct lab *lab, const struct swarm_plan *plan)
{
    for (unsigned i = 0; i < plan->fault_count; i++) {
        enum kd_status status = sim_faults_add(lab->faults, &plan->faults[i]);
        assert(status == KD_OK);
        (void)status;
    }
    for (unsigned i = 0; i < plan->fate_count; i++)
        lab_later(lab, plan->fates[i].time_ns, plan->fates[i].fate);
}

/* ---- the works ----------------------------------------------------------------------------------------------- */

struct play {
    struct lab *lab;
    struct lab_work work;
    bool done;
};

/* A play that costs more than a scenario may is a failure: nothing comes to its end in it. */
static bool costs_too_much(const struct lab *lab)
{
    return sim_vm_counters(lab->vm).exits > lab_exits_max(lab->config.vm.link);
}

static bool something_is_wrong(const struct lab *lab)
{
    return oracle_violation_count(lab->oracle) > 0 || costs_too_much(lab);
}

static bool over(void *context)
{
    struct play *play = context;
    if (something_is_wrong(play->lab))
        return true;
    play->done = lab_work_done(play->lab, &play->work);
    return play->done;
}

/* Returns true when the work was done in time, and nothing is wrong. */
static bool do_work(struct lab *lab, enum lab_work_kind kind, uint64_t amount)
{
    struct play play = {.lab = lab};
    uint64_t until_ns = lab_work_begin(lab, &play.work, kind, amount);
    lab_wait(lab, over, &play, until_ns);
    return play.done;
}

static void say(struct swarm_result *result, const struct lab *lab, bool finished)
{
    result->failed = true;
    if (oracle_violation_count(lab->oracle) > 0) {
        const struct oracle_violation *violation = oracle_violation(lab->oracle, 0);
        snprintf(result->text, sizeof result->text, "oracle: rule %u: %s", violation->rule, violation->text);
    } else if (something_is_wrong(lab)) {
        snprintf(result->text, sizeof result->text, "the scenario cost more than %" PRIu64 " VM exits",
                 lab_exits_max(lab->config.vm.link));
    } else if (!finished) {
        snprintf(result->text, sizeof result->text,
                 "work: the conversation did not finish in time; the debugger is in state %s",
                 dbg_state_name(dbg_state(lab->dbg)));
    } else {
        result->failed = false;
    }
}

static void keep_figures(struct swarm_result *result, const struct lab *lab)
{
    unsigned holes;
    oracle_holes(&holes);
    result->hash = sim_trace_hash(sim_trace(lab->world));
    result->time_ns = sim_now(lab->world);
    result->exits = sim_vm_counters(lab->vm).exits;
    result->replies = lab->seen.replies;
    result->struck = sim_faults_struck(lab->faults);
    for (unsigned i = 0; i < holes; i++)
        result->excused += oracle_excuses(lab->oracle, i);
}

static enum kd_status switch_on(struct lab *lab)
{
    enum kd_status status = lab_attach(lab);
    sim_vm_power_on(lab->vm);
    return status;
}

void swarm_run(const struct swarm_plan *plan, FILE *trace, struct timeline *timeline, struct swarm_result *result)
{
    *result = (struct swarm_result){0};
    struct lab *lab = build(plan, trace, timeline, result);
    if (lab == NULL)
        return;
    place(lab, plan);
    enum kd_status status = switch_on(lab);
    assert(status == KD_OK);
    (void)status;
    for (unsigned i = 0; i < plan->work_count && !something_is_wrong(lab); i++)
        (void)do_work(lab, plan->works[i].kind, plan->works[i].amount);
    bool finished = !something_is_wrong(lab) && do_work(lab, LAB_WORK_FINISH, 0);
    if (finished)
        oracle_finish(lab->oracle);
    say(result, lab, finished);
    keep_figures(result, lab);
    lab_destroy(lab);
}

void swarm_play(const struct swarm_plan *plan, struct swarm_result *result)
{
    swarm_run(plan, NULL, NULL, result);
}

/* ---- kinds of failure ---------------------------------------------------------------------------------------- */

/* The next character that is no part of a number. */
static const char *past_number(const char *text)
{
    while (isxdigit((unsigned char)*text) || *text == '.')
        text++;
    return text;
}

/* Words like "dead" are numbers here on both sides alike. */
bool swarm_same_failure(const struct swarm_result *a, const struct swarm_result *b)
{
    if (!a->failed || !b->failed)
        return false;
    const char *x = past_number(a->text), *y = past_number(b->text);
    while (*x != 0 && *x == *y) {
        x = past_number(x + 1);
        y = past_number(y + 1);
    }
    return *x == *y;
}
