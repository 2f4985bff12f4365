#include "harness/swarm/swarm_shrink.h"
#include <string.h>

struct shrinking {
    struct swarm_plan plan;
    struct swarm_result failure;
    swarm_play_fn *play;
    unsigned plays;
};

/* Keeps a smaller plan when it fails in the same way. */
static bool try_plan(struct shrinking *shrinking, const struct swarm_plan *smaller)
{
    struct swarm_result result;
    shrinking->play(smaller, &result);
    shrinking->plays++;
    if (!swarm_same_failure(&result, &shrinking->failure))
        return false;
    shrinking->plan = *smaller;
    shrinking->failure = result;
    return true;
}

/* ---- leaving items out --------------------------------------------------------------------------------------- */

/* The lists of a plan, each as an array of items with its count. */
static const struct list {
    size_t items, count, item_bytes;
} lists[] = {
    {offsetof(struct swarm_plan, works), offsetof(struct swarm_plan, work_count), sizeof(struct swarm_work)},
    {offsetof(struct swarm_plan, fates), offsetof(struct swarm_plan, fate_count), sizeof(struct swarm_fate)},
    {offsetof(struct swarm_plan, faults), offsetof(struct swarm_plan, fault_count), sizeof(struct sim_fault_rule)},
    {offsetof(struct swarm_plan, settings), offsetof(struct swarm_plan, setting_count), sizeof(struct swarm_setting)},
};
enum { LISTS = sizeof lists / sizeof *lists };

static unsigned *count_of(struct swarm_plan *plan, const struct list *list)
{
    return (unsigned *)(void *)((char *)plan + list->count);
}

static void leave_out(struct swarm_plan *plan, const struct list *list, unsigned first, unsigned number)
{
    unsigned *count = count_of(plan, list);
    char *items = (char *)plan + list->items;
    memmove(items + first * list->item_bytes, items + (first + number) * list->item_bytes,
            (*count - first - number) * list->item_bytes);
    *count -= number;
}

/* Tries every run of `number` items, from the end: what comes late is less often the cause. */
static bool leave_out_runs(struct shrinking *shrinking, const struct list *list, unsigned number)
{
    bool any = false;
    for (unsigned end = *count_of(&shrinking->plan, list); end >= number; end--) {
        struct swarm_plan smaller = shrinking->plan;
        leave_out(&smaller, list, end - number, number);
        if (!try_plan(shrinking, &smaller))
            continue;
        any = true;
        end = end - number + 1 < number ? number : end - number + 1;
    }
    return any;
}

static bool shorten_list(struct shrinking *shrinking, const struct list *list)
{
    bool any = false;
    for (unsigned number = *count_of(&shrinking->plan, list); number > 0; number /= 2)
        any = leave_out_runs(shrinking, list, number) || any;
    return any;
}

static bool prefer_high_bandwidth(struct shrinking *shrinking)
{
    struct swarm_plan smaller = shrinking->plan;
    smaller.low_bandwidth = false;
    return shrinking->plan.low_bandwidth && try_plan(shrinking, &smaller);
}

/* ---- rounder numbers ----------------------------------------------------------------------------------------- */

static bool try_u32(struct shrinking *shrinking, unsigned fault, size_t offset, uint32_t value)
{
    struct swarm_plan smaller = shrinking->plan;
    uint32_t *number = (uint32_t *)(void *)((char *)&smaller.faults[fault] + offset);
    if (*number == value)
        return false;
    *number = value;
    return try_plan(shrinking, &smaller);
}

/* What a fault's kind has no use for goes first; each field has a value that is not written. */
static void plain_fault(struct shrinking *shrinking, unsigned fault)
{
    static const struct {
        size_t offset;
        uint32_t plain;
    } fields[] = {{offsetof(struct sim_fault_rule, bit), 0},
                  {offsetof(struct sim_fault_rule, byte), SIM_FAULT_NO_BYTE},
                  {offsetof(struct sim_fault_rule, len_bytes), 0},
                  {offsetof(struct sim_fault_rule, value), SIM_FAULT_NO_VALUE},
                  {offsetof(struct sim_fault_rule, count), 1},
                  {offsetof(struct sim_fault_rule, packet), SIM_PACKET_ANY}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        try_u32(shrinking, fault, fields[i].offset, fields[i].plain);
    struct swarm_plan smaller = shrinking->plan;
    struct sim_fault_rule *rule = &smaller.faults[fault];
    bool waits =
        rule->kind == SIM_FAULT_DELAY || rule->kind == SIM_FAULT_STALL; /* then 0 is no delay at all */
    rule->delay_ns = waits ? 1 : 0;
    if (shrinking->plan.faults[fault].delay_ns > rule->delay_ns)
        try_plan(shrinking, &smaller);
}

/* 0, then half of it as long as that goes. */
static void plain_amount(struct shrinking *shrinking, unsigned work)
{
    struct swarm_plan smaller = shrinking->plan;
    uint64_t amount = smaller.works[work].amount;
    if (amount == 0)
        return;
    smaller.works[work].amount = 0;
    if (try_plan(shrinking, &smaller))
        return;
    do {
        amount /= 2;
        smaller.works[work].amount = amount;
    } while (amount > 0 && try_plan(shrinking, &smaller));
}

static void plain_numbers(struct shrinking *shrinking)
{
    for (unsigned i = 0; i < shrinking->plan.fault_count; i++)
        plain_fault(shrinking, i);
    for (unsigned i = 0; i < shrinking->plan.work_count; i++)
        plain_amount(shrinking, i);
}

unsigned swarm_shrink(struct swarm_plan *plan, struct swarm_result *failure, swarm_play_fn *play)
{
    struct shrinking shrinking = {*plan, *failure, play, 0};
    bool any;
    do {
        any = prefer_high_bandwidth(&shrinking);
        for (size_t i = 0; i < LISTS; i++)
            any = shorten_list(&shrinking, &lists[i]) || any;
    } while (any);
    plain_numbers(&shrinking);
    *plan = shrinking.plan;
    *failure = shrinking.failure;
    return shrinking.plays;
}
