#include "harness/swarm/swarm_exhaust.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>

/* ---- the conversation ---------------------------------------------------------------------------------------- */

enum { SERIAL_EXIT_NS = 40000 };

void swarm_exhaust_plan(struct swarm_plan *plan, enum sim_link link, enum mk_arch arch)
{
    *plan = (struct swarm_plan){.seed = 1, .link = link, .arch = arch};
    swarm_plan_set(plan, "modules", 1);
    if (link == SIM_LINK_SERIAL) /* fewer looks at an idle line in the same time */
        swarm_plan_set(plan, "cost.exit_ns", SERIAL_EXIT_NS);
    swarm_plan_work(plan, LAB_WORK_BREAK_IN, 0);
    swarm_plan_work(plan, LAB_WORK_WRITE, 5);
    swarm_plan_work(plan, LAB_WORK_READ, 5);
    swarm_plan_work(plan, LAB_WORK_STEP, 0);
    swarm_plan_work(plan, LAB_WORK_GO, 0);
    swarm_plan_work(plan, LAB_WORK_PRINT, 1);
    swarm_plan_work(plan, LAB_WORK_WAIT, SIM_MS(20));
}

/* ---- what can happen at a place ------------------------------------------------------------------------------ */

enum use { LINE = 1, RPC = 2, EXIT = 4, SERIAL_IN = 8, WHOLE = 16 };

/* Bits and bytes: of the leader, type, count, id with its SYNC bit, checksum, and of the data. */
static const struct choice {
    enum sim_fault_kind kind;
    unsigned use;
    uint32_t bit, byte, len_bytes, value;
    uint64_t delay_ns;
} choices[] = {
#define WHOLE_UNIT(kind, use, ...) {SIM_FAULT_##kind, (use) | WHOLE, .byte = SIM_FAULT_NO_BYTE, .value = SIM_FAULT_NO_VALUE, __VA_ARGS__}
#define BIT_OF(number)             {SIM_FAULT_FLIP, LINE, .bit = (number), .byte = SIM_FAULT_NO_BYTE, .value = SIM_FAULT_NO_VALUE}
#define BYTE_OF(kind, use, number) {SIM_FAULT_##kind, use, .byte = (number), .len_bytes = 1, .value = SIM_FAULT_NO_VALUE, .delay_ns = SIM_MS(30)}
    WHOLE_UNIT(DROP, LINE, .bit = 0),
    WHOLE_UNIT(DUPLICATE, LINE | RPC, .bit = 0),
    WHOLE_UNIT(DELAY, LINE | RPC, .delay_ns = SIM_MS(700)),
    WHOLE_UNIT(LOSE, RPC, .bit = 0),
    WHOLE_UNIT(STALL, LINE, .delay_ns = SIM_MS(300)),
    WHOLE_UNIT(NOISE, LINE, .len_bytes = 5),
    WHOLE_UNIT(JOIN, LINE, .delay_ns = SIM_MS(20)),
    BIT_OF(0), BIT_OF(15), BIT_OF(32), BIT_OF(37), BIT_OF(48), BIT_OF(52), BIT_OF(64), BIT_OF(75), BIT_OF(95),
    BIT_OF(96), BIT_OF(121), BIT_OF(128), BIT_OF(191), BIT_OF(300),
    BYTE_OF(DROP, LINE, 0), BYTE_OF(DROP, LINE, 3), BYTE_OF(DROP, LINE, 6), BYTE_OF(DROP, LINE, 15),
    BYTE_OF(DROP, LINE, 20), BYTE_OF(INSERT, LINE, 0), BYTE_OF(INSERT, LINE, 9), BYTE_OF(INSERT, LINE, 18),
    BYTE_OF(SPLIT, LINE, 2), BYTE_OF(SPLIT, LINE, 16),
    BYTE_OF(FRAMING, SERIAL_IN, 0), BYTE_OF(FRAMING, SERIAL_IN, 8), BYTE_OF(OVERRUN, SERIAL_IN, 0),
    BYTE_OF(OVERRUN, SERIAL_IN, 12),
    {SIM_FAULT_TRUNCATE, RPC, .len_bytes = 0, .byte = SIM_FAULT_NO_BYTE, .value = SIM_FAULT_NO_VALUE},
    {SIM_FAULT_TRUNCATE, RPC, .len_bytes = 7, .byte = SIM_FAULT_NO_BYTE, .value = SIM_FAULT_NO_VALUE},
    {SIM_FAULT_TRUNCATE, RPC, .len_bytes = 30, .byte = SIM_FAULT_NO_BYTE, .value = SIM_FAULT_NO_VALUE},
    {SIM_FAULT_STATUS, EXIT, .value = 1, .byte = SIM_FAULT_NO_BYTE},
    {SIM_FAULT_STATUS, EXIT, .value = 0xFF, .byte = SIM_FAULT_NO_BYTE},
    WHOLE_UNIT(CHECKPOINT, EXIT, .bit = 0),
    WHOLE_UNIT(LOW_BANDWIDTH, EXIT, .bit = 0),
    WHOLE_UNIT(FORGET, EXIT, .bit = 0),
    WHOLE_UNIT(TABLE_FULL, EXIT, .bit = 0),
    WHOLE_UNIT(ABSENT, EXIT, .bit = 0),
#undef WHOLE_UNIT
#undef BIT_OF
#undef BYTE_OF
};
enum { CHOICES = sizeof choices / sizeof *choices };

/* The streams of units that a link has, and what can happen in each. */
static const struct stream {
    enum sim_link link;
    enum sim_fault_layer layer;
    enum sim_fault_direction direction;
    unsigned use;
} streams[] = {
    {SIM_LINK_BACKDOOR, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, LINE},
    {SIM_LINK_BACKDOOR, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, LINE},
    {SIM_LINK_BACKDOOR, SIM_FAULT_RPC, SIM_FAULT_REQUEST, RPC},
    {SIM_LINK_BACKDOOR, SIM_FAULT_RPC, SIM_FAULT_REPLY, RPC},
    {SIM_LINK_BACKDOOR, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, EXIT},
    {SIM_LINK_DOORBELL, SIM_FAULT_STREAM, SIM_FAULT_TO_DEBUGGER, LINE},
    {SIM_LINK_DOORBELL, SIM_FAULT_STREAM, SIM_FAULT_TO_TARGET, LINE},
    {SIM_LINK_DOORBELL, SIM_FAULT_RPC, SIM_FAULT_REQUEST, RPC},
    {SIM_LINK_DOORBELL, SIM_FAULT_RPC, SIM_FAULT_REPLY, RPC},
    {SIM_LINK_DOORBELL, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, EXIT},
    {SIM_LINK_SERIAL, SIM_FAULT_UART, SIM_FAULT_TO_DEBUGGER, LINE},
    {SIM_LINK_SERIAL, SIM_FAULT_UART, SIM_FAULT_TO_TARGET, LINE | SERIAL_IN},
};
enum { STREAMS = sizeof streams / sizeof *streams };

static struct sim_fault_rule rule_of(const struct stream *stream, const struct choice *choice, uint32_t nth)
{
    struct sim_fault_rule rule = swarm_rule(stream->layer, stream->direction, choice->kind, nth);
    rule.bit = choice->bit;
    rule.byte = choice->byte;
    rule.len_bytes = choice->len_bytes;
    rule.value = choice->value;
    rule.delay_ns = choice->delay_ns;
    return rule;
}

/* ---- playing ------------------------------------------------------------------------------------------------- */

/* Returns how many of the plan's faults struck. */
static uint64_t play(struct swarm_exhaust *exhaust, const struct swarm_plan *plan)
{
    struct swarm_result result;
    swarm_play(plan, &result);
    if (result.struck < plan->fault_count)
        return result.struck;
    exhaust->histories++;
    exhaust->failed += result.failed;
    if (result.failed)
        exhaust->failure(exhaust->context, plan, &result);
    return result.struck;
}

/* The places of one choice are 1, 2, ... until nothing was struck. Returns how many there are. */
static uint32_t singles_of(struct swarm_exhaust *exhaust, const struct stream *stream, const struct choice *choice)
{
    for (uint32_t nth = 1;; nth++) {
        struct swarm_plan plan;
        struct sim_fault_rule rule = rule_of(stream, choice, nth);
        swarm_exhaust_plan(&plan, exhaust->link, exhaust->arch);
        plan.machine = exhaust->machine;
        swarm_plan_fault(&plan, &rule);
        if (play(exhaust, &plan) == 0)
            return nth - 1;
    }
}

void swarm_exhaust_singles(struct swarm_exhaust *exhaust)
{
    for (unsigned s = 0; s < STREAMS; s++)
        for (unsigned c = 0; c < CHOICES && streams[s].link == exhaust->link; c++)
            if (choices[c].use & streams[s].use)
                singles_of(exhaust, &streams[s], &choices[c]);
}

/* ---- pairs --------------------------------------------------------------------------------------------------- */

struct kinds_at {
    const struct stream *stream;
    const struct choice *choice;
};

static bool is_in_pairs(const struct stream *stream, const struct choice *choice)
{
    bool whole = (choice->use & stream->use) != 0 && (choice->use & WHOLE) != 0;
    return whole && (sim_link_has_relay(stream->link) || choice->kind == SIM_FAULT_DROP);
}

static unsigned list_kinds(enum sim_link link, struct kinds_at *kinds)
{
    unsigned count = 0;
    for (unsigned s = 0; s < STREAMS; s++)
        for (unsigned c = 0; c < CHOICES && streams[s].link == link; c++)
            if (is_in_pairs(&streams[s], &choices[c]))
                kinds[count++] = (struct kinds_at){&streams[s], &choices[c]};
    return count;
}

/* Of singles, when only their number counts. */
static void no_failure(void *context, const struct swarm_plan *plan, const struct swarm_result *result)
{
    (void)context, (void)plan, (void)result;
}

/* A unit is struck once: beside a fault a place can be missing, and the next one be there. */
#define MISSES_MAX 3

/* Places of the second beside one of the first. */
static void second_of(struct swarm_exhaust *exhaust, const struct sim_fault_rule *first, const struct kinds_at *second,
                      uint32_t from)
{
    unsigned misses = 0;
    for (uint32_t nth = from; misses < MISSES_MAX; nth++) {
        struct swarm_plan plan;
        struct sim_fault_rule rule = rule_of(second->stream, second->choice, nth);
        swarm_exhaust_plan(&plan, exhaust->link, exhaust->arch);
        plan.machine = exhaust->machine;
        swarm_plan_fault(&plan, first);
        swarm_plan_fault(&plan, &rule);
        misses = play(exhaust, &plan) < 2 ? misses + 1 : 0;
    }
}

void swarm_exhaust_pairs(struct swarm_exhaust *exhaust)
{
    struct swarm_exhaust quiet = *exhaust;
    struct kinds_at *kinds = sim_allocate(STREAMS * CHOICES, sizeof *kinds);
    unsigned count = list_kinds(exhaust->link, kinds);
    quiet.failure = no_failure;
    for (unsigned a = 0; a < count; a++) {
        uint32_t places = singles_of(&quiet, kinds[a].stream, kinds[a].choice);
        for (uint32_t nth = 1; nth <= places; nth++) {
            struct sim_fault_rule first = rule_of(kinds[a].stream, kinds[a].choice, nth);
            for (unsigned b = a; b < count; b++)
                second_of(exhaust, &first, &kinds[b], b == a ? nth + 1 : 1);
        }
    }
    free(kinds);
}
