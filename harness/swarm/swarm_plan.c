#include "harness/swarm/swarm_plan.h"
#include <assert.h>

void swarm_plan_set(struct swarm_plan *plan, const char *name, uint64_t value)
{
    assert(plan->setting_count < SWARM_SETTINGS_MAX);
    plan->settings[plan->setting_count++] = (struct swarm_setting){name, value};
}

void swarm_plan_fault(struct swarm_plan *plan, const struct sim_fault_rule *rule)
{
    assert(plan->fault_count < SWARM_FAULTS_MAX);
    plan->faults[plan->fault_count++] = *rule;
}

void swarm_plan_fate(struct swarm_plan *plan, uint64_t time_ns, enum lab_fate fate)
{
    assert(plan->fate_count < SWARM_FATES_MAX);
    plan->fates[plan->fate_count++] = (struct swarm_fate){time_ns, fate};
}

void swarm_plan_work(struct swarm_plan *plan, enum lab_work_kind kind, uint64_t amount)
{
    assert(plan->work_count < SWARM_WORKS_MAX);
    plan->works[plan->work_count++] = (struct swarm_work){kind, amount};
}

struct sim_fault_rule swarm_rule(enum sim_fault_layer layer, enum sim_fault_direction direction,
                                 enum sim_fault_kind kind, uint32_t nth)
{
    return (struct sim_fault_rule){.layer = layer,
                                   .direction = direction,
                                   .kind = kind,
                                   .nth = nth,
                                   .count = 1,
                                   .byte = SIM_FAULT_NO_BYTE,
                                   .value = SIM_FAULT_NO_VALUE};
}

/* ---- chance -------------------------------------------------------------------------------------------------- */

static uint64_t between(struct sim_prng *prng, uint64_t low, uint64_t high)
{
    return low + sim_prng_below(prng, high - low + 1);
}

static bool one_in(struct sim_prng *prng, uint64_t n)
{
    return sim_prng_below(prng, n) == 0;
}

/* Small numbers more often than large ones: each power of two is as likely as the next. */
static uint64_t skewed(struct sim_prng *prng, unsigned bits)
{
    return between(prng, 1, UINT64_C(1) << sim_prng_below(prng, bits + 1));
}

/* ---- what the machine is ------------------------------------------------------------------------------------- */

/* A guest on a serial line waits long enough for a full frame of the debugger to pass: a shorter time-out is a target
 * that never listens to the end, and no debugger gets hold of it. */
#define SERIAL_PATIENCE_MS_MIN 500

/* The cheaper an exit, the more of them a status poll makes in the same time: on serial cheap ones are drawn less
 * often, and so is a debugger that waits for a reply as long as a patient one does. */
#define SERIAL_EXIT_US_MIN 10

static bool spends_exits(const struct swarm_plan *plan, struct sim_prng *prng)
{
    return plan->link != SIM_LINK_SERIAL || one_in(prng, 8);
}

static void draw_machine(struct swarm_plan *plan, struct sim_prng *prng)
{
    uint64_t exit_ns = between(prng, spends_exits(plan, prng) ? 2 : SERIAL_EXIT_US_MIN, 40) * 1000;
    swarm_plan_set(plan, "cost.exit_ns", exit_ns);
    if (plan->link == SIM_LINK_SERIAL)
        swarm_plan_set(plan, "polls", between(prng, SERIAL_PATIENCE_MS_MIN, 1000) * 1000000 / (2 * exit_ns));
    swarm_plan_set(plan, "cost.stream_latency_ns", between(prng, 0, 200) * 1000);
    swarm_plan_set(plan, "cost.think_ns", between(prng, 0, 100) * 1000);
    swarm_plan_set(plan, "cost.tick_ns", between(prng, 5, 16) * 1000000);
    swarm_plan_set(plan, "modules", between(prng, 1, 4));
    if (one_in(prng, 3))
        swarm_plan_set(plan, "prints", between(prng, 1, 3));
    if (one_in(prng, 3))
        swarm_plan_set(plan, "ticks_per_print", between(prng, 1, 9));
    if (one_in(prng, 2))
        swarm_plan_set(plan, "steps_per_tick", between(prng, 1, 40));
    if (one_in(prng, 3))
        swarm_plan_set(plan, "processors", between(prng, 2, MK_PROCESSORS_MAX));
    if (one_in(prng, 3))
        swarm_plan_set(plan, "chunk", skewed(prng, 8));
    if (!spends_exits(plan, prng))
        swarm_plan_set(plan, "debugger.reply_wait_ns", between(prng, 2000, 4000) * 1000000);
    plan->low_bandwidth = plan->link == SIM_LINK_BACKDOOR && one_in(prng, 4);
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

/* Which faults a layer of a swarm's world has, and in which directions. A flipped bit or a wrong length in a message
 * between module and relay is no fault of a VMM but a hostile one: the scenarios have these. */
struct layer_choice {
    enum sim_fault_layer layer;
    unsigned direction_count;
    enum sim_fault_direction directions[2];
    unsigned kind_count;
    enum sim_fault_kind kinds[12];
};

#define LINE_KINDS                                                                                           \
    SIM_FAULT_DROP, SIM_FAULT_FLIP, SIM_FAULT_DUPLICATE, SIM_FAULT_DELAY, SIM_FAULT_INSERT, SIM_FAULT_NOISE, \
        SIM_FAULT_SPLIT, SIM_FAULT_JOIN, SIM_FAULT_STALL
#define TO_BOTH {SIM_FAULT_TO_DEBUGGER, SIM_FAULT_TO_TARGET}

static const struct layer_choice relay_layers[] = {
    {SIM_FAULT_STREAM, 2, TO_BOTH, 9, {LINE_KINDS}},
    {SIM_FAULT_RPC,
     2,
     {SIM_FAULT_REQUEST, SIM_FAULT_REPLY},
     4,
     {SIM_FAULT_LOSE, SIM_FAULT_DUPLICATE, SIM_FAULT_DELAY, SIM_FAULT_TRUNCATE}},
    {SIM_FAULT_EXIT,
     1,
     {SIM_FAULT_NO_DIRECTION},
     6,
     {SIM_FAULT_STATUS, SIM_FAULT_CHECKPOINT, SIM_FAULT_LOW_BANDWIDTH, SIM_FAULT_FORGET, SIM_FAULT_TABLE_FULL,
      SIM_FAULT_ABSENT}},
};
static const struct layer_choice serial_layers[] = {
    {SIM_FAULT_UART, 2, TO_BOTH, 9, {LINE_KINDS}},
    {SIM_FAULT_UART, 1, {SIM_FAULT_TO_TARGET}, 2, {SIM_FAULT_FRAMING, SIM_FAULT_OVERRUN}},
};

static const struct layer_choice *draw_layer(const struct swarm_plan *plan, struct sim_prng *prng)
{
    if (sim_link_has_relay(plan->link))
        return &relay_layers[sim_prng_below(prng, sizeof relay_layers / sizeof *relay_layers)];
    return &serial_layers[one_in(prng, 6)];
}

/* Numbers that a kind does not know are drawn all the same: nothing depends on them. One draw in an expression: the order
 * in which arguments are evaluated is the compiler's. */
static void draw_fault(struct swarm_plan *plan, struct sim_prng *prng)
{
    const struct layer_choice *choice = draw_layer(plan, prng);
    uint32_t nth = (uint32_t)skewed(prng, 6);
    enum sim_fault_kind kind = choice->kinds[sim_prng_below(prng, choice->kind_count)];
    enum sim_fault_direction direction = choice->directions[sim_prng_below(prng, choice->direction_count)];
    struct sim_fault_rule rule = swarm_rule(choice->layer, direction, kind, nth);
    bool line = choice->layer == SIM_FAULT_STREAM || choice->layer == SIM_FAULT_UART;
    if (line && one_in(prng, 3))
        rule.packet = (enum sim_fault_packet)between(prng, SIM_PACKET_DATA, SIM_PACKETS - 1);
    rule.count = one_in(prng, 4) ? (uint32_t)between(prng, 2, 4) : 1;
    rule.bit = (uint32_t)sim_prng_below(prng, one_in(prng, 2) ? 128 : 600);
    if (line && one_in(prng, 2))
        rule.byte = (uint32_t)sim_prng_below(prng, one_in(prng, 2) ? 17 : 120);
    rule.delay_ns = skewed(prng, 20) * 2000;
    rule.len_bytes = rule.kind == SIM_FAULT_TRUNCATE ? (uint32_t)sim_prng_below(prng, 60) : (uint32_t)skewed(prng, 5);
    if (rule.kind == SIM_FAULT_STATUS)
        rule.value = (uint32_t)sim_prng_below(prng, 256);
    swarm_plan_fault(plan, &rule);
}

/* Most worlds have few: one fault at an odd moment finds more than a storm, in which nothing gets far. */
static void draw_faults(struct swarm_plan *plan, struct sim_prng *prng)
{
    static const unsigned most[] = {0, 1, 2, 2, 4, 8};
    unsigned count = (unsigned)sim_prng_below(prng, most[sim_prng_below(prng, 6)] + 1u);
    for (unsigned i = 0; i < count; i++)
        draw_fault(plan, prng);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

/* What befalls the machine, and what ends it. */
static const enum lab_fate fate_pairs[][2] = {
    {LAB_FATE_RESET, LAB_FATES},
    {LAB_FATE_POWER_OFF, LAB_FATE_POWER_ON},
    {LAB_FATE_SUSPEND, LAB_FATE_RESUME},
    {LAB_FATE_SNAPSHOT, LAB_FATE_REVERT},
    {LAB_FATE_RELAY_KILL, LAB_FATE_RELAY_RESTART},
    {LAB_FATE_DETACH, LAB_FATE_ATTACH},
};

static void draw_fates(struct swarm_plan *plan, struct sim_prng *prng)
{
    if (!one_in(prng, 3))
        return;
    uint64_t horizon_ns = sim_link_has_relay(plan->link) ? SIM_MS(200) : SIM_S(1);
    for (uint64_t i = between(prng, 1, 3); i > 0; i--) {
        const enum lab_fate *pair = fate_pairs[sim_prng_below(prng, sizeof fate_pairs / sizeof *fate_pairs)];
        uint64_t time_ns = sim_prng_below(prng, horizon_ns);
        if (pair[0] == LAB_FATE_RELAY_KILL && plan->link == SIM_LINK_SERIAL)
            continue;
        swarm_plan_fate(plan, time_ns, pair[0]);
        if (pair[1] != LAB_FATES)
            swarm_plan_fate(plan, time_ns + skewed(prng, 20) * 100, pair[1]);
    }
}

/* ---- work ---------------------------------------------------------------------------------------------------- */

/* How often each is drawn, and between what its amount lies; a read or write is a full one now and then. */
static const struct {
    enum lab_work_kind kind;
    unsigned weight;
    uint64_t low, high;
} work_choices[] = {
    {LAB_WORK_READ, 8, 0, 300},          {LAB_WORK_WRITE, 5, 1, 300},
    {LAB_WORK_READ_PHYSICAL, 2, 1, 200}, {LAB_WORK_WRITE_PHYSICAL, 2, 1, 200},
    {LAB_WORK_READ_HOLE, 1, 1, 16},      {LAB_WORK_VERSION, 2, 0, 0},
    {LAB_WORK_CONTEXT, 2, 0, 0},         {LAB_WORK_BREAKPOINT, 2, 0, 0},
    {LAB_WORK_REMOVE_BREAKPOINT, 2, 0, 3}, {LAB_WORK_GO, 6, 0, 0},
    {LAB_WORK_STEP, 4, 0, 0},            {LAB_WORK_REBOOT, 1, 0, 0},
    {LAB_WORK_BREAK_IN, 6, 0, 0},        {LAB_WORK_RESYNC, 1, 0, 0},
    {LAB_WORK_PRINT, 3, 1, 5},           {LAB_WORK_PROMPT, 2, 1, 64},
    {LAB_WORK_LOAD, 2, 1, 3},            {LAB_WORK_EXCEPTION, 1, 0, 0},
    {LAB_WORK_DETACH, 1, 0, 0},          {LAB_WORK_ATTACH, 2, 0, 0},
    {LAB_WORK_WAIT, 4, 0, 40000000},
};
enum { WORK_CHOICES = sizeof work_choices / sizeof *work_choices };

static void draw_work(struct swarm_plan *plan, struct sim_prng *prng)
{
    unsigned all = 0, i = 0;
    for (unsigned k = 0; k < WORK_CHOICES; k++)
        all += work_choices[k].weight;
    for (uint64_t ticket = sim_prng_below(prng, all); ticket >= work_choices[i].weight; i++)
        ticket -= work_choices[i].weight;
    bool full = i < 2 && one_in(prng, sim_link_has_relay(plan->link) ? 8 : 40);
    swarm_plan_work(plan, work_choices[i].kind,
                    full ? DBG_DATA_BYTES_MAX : between(prng, work_choices[i].low, work_choices[i].high));
}

static void draw_works(struct swarm_plan *plan, struct sim_prng *prng)
{
    swarm_plan_work(plan, LAB_WORK_WAIT, sim_prng_below(prng, SIM_MS(40)));
    swarm_plan_work(plan, LAB_WORK_BREAK_IN, 0);
    for (uint64_t i = between(prng, 1, sim_link_has_relay(plan->link) ? 24 : 12); i > 0; i--)
        draw_work(plan, prng);
}

/* A stream of chance for each part: a part drawn in another way leaves the others as they are. */
void swarm_plan_draw(struct swarm_plan *plan, uint64_t seed, const struct swarm_scope *scope)
{
    struct sim_prng what = sim_prng_seed(seed, "swarm.what"), machine = sim_prng_seed(seed, "swarm.machine"),
                    faults = sim_prng_seed(seed, "swarm.faults"), fates = sim_prng_seed(seed, "swarm.fates"),
                    works = sim_prng_seed(seed, "swarm.works");
    *plan = (struct swarm_plan){.seed = seed};
    plan->link = one_in(&what, 3) ? SIM_LINK_SERIAL : SIM_LINK_BACKDOOR;
    plan->arch = one_in(&what, 2) ? MK_X86 : MK_X64;
    plan->machine = scope->machine;
    if (scope->one_link)
        plan->link = scope->link;
    if (scope->one_arch)
        plan->arch = scope->arch;
    draw_machine(plan, &machine);
    draw_faults(plan, &faults);
    draw_fates(plan, &fates);
    draw_works(plan, &works);
}
