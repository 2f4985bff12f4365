/* Rule 4: one break for each wish, and none without. */
#include "harness/oracle/oracle_private.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <string.h>

enum { PILED_UP_BYTES = 1024 };

/* What a byte needs at the most from the debugger to the place where polls find it. */
static uint64_t link_ns(const struct oracle *oracle)
{
    enum { EXITS = 32, CHARACTERS = 64 };
    const struct sim_cost *cost = sim_cost(oracle->world);
    uint64_t ns = cost->stream_latency_ns + EXITS * cost->exit_ns;
    if (oracle->config.link == SIM_LINK_SERIAL)
        ns += (CHARACTERS + oracle->bytes_ahead) * SIM_S(10) / cost->baud;
    return ns;
}

uint64_t oracle_lands_ns(const struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    return (now > oracle->line_free_ns ? now : oracle->line_free_ns) + link_ns(oracle);
}

static void drop_wish(struct oracle *oracle, size_t index)
{
    oracle->wish_count--;
    memmove(&oracle->wishes[index], &oracle->wishes[index + 1],
            (oracle->wish_count - index) * sizeof *oracle->wishes);
}

static void add_wish(struct oracle *oracle, const struct oracle_wish *wish)
{
    oracle->wishes =
        sim_grow(oracle->wishes, &oracle->wish_room, oracle->wish_count + 1, sizeof *oracle->wishes);
    oracle->wishes[oracle->wish_count++] = *wish;
}

/* A running target owes a break for it: the first poll after the byte came may just miss it, and on serial a
 * poll takes one byte, so everything in front of it costs a poll each (2.7 rules 2, 3). */
void oracle_wished(struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    bool runs = oracle->powered && oracle->attached && !oracle->kernel_stopped && !oracle->unreached;
    struct oracle_wish wish = {.arrives_ns = oracle_lands_ns(oracle),
                               .demands = runs,
                               .satisfied = oracle->fulfils && !oracle->resumes && !oracle->relay_is_new,
                               .polls_left = 1,
                               .hole = now < oracle->misframed_until ? HOLE_MISFRAME : HOLE_NONE};
    if (oracle->config.link == SIM_LINK_SERIAL)
        wish.polls_left += oracle->bytes_ahead + (now < oracle->piled_up_until ? PILED_UP_BYTES : 0);
    oracle->counters.breaks_wished++;
    add_wish(oracle, &wish);
    oracle->bytes_ahead++;
}

/* A fault struck the byte that was written last. A byte has no acknowledgement: nobody can know that it is
 * gone. */
void oracle_wish_hit(struct oracle *oracle, const struct sim_fault_rule *rule)
{
    if (oracle->wish_count == 0)
        return;
    struct oracle_wish *wish = &oracle->wishes[oracle->wish_count - 1];
    switch (rule->kind) {
    case SIM_FAULT_DROP:
    case SIM_FAULT_FLIP:
    case SIM_FAULT_OVERRUN:
    case SIM_FAULT_DISCONNECT:
        oracle_excuse(oracle, HOLE_BREAK_IN_HIT);
        drop_wish(oracle, oracle->wish_count - 1);
        break;
    case SIM_FAULT_DUPLICATE:
        oracle->noise_breaks++;
        break;
    case SIM_FAULT_DELAY:
    case SIM_FAULT_SPLIT:
    case SIM_FAULT_JOIN:
    case SIM_FAULT_STALL:
        wish->arrives_ns += rule->delay_ns;
        break;
    case SIM_FAULT_FRAMING: /* the poll that sees the error does not take the byte (devices.md 2.4) */
        wish->polls_left++;
        break;
    default: /* of another layer, or in front of the byte */
        break;
    }
}

void oracle_broke(struct oracle *oracle)
{
    oracle->counters.breaks_honoured++;
    oracle->bytes_ahead = 0;
    if (oracle->wish_count > 0) {
        drop_wish(oracle, 0);
    } else if (oracle->noise_breaks > 0) {
        oracle->noise_breaks--;
        oracle_excuse(oracle, HOLE_NOISE_BREAK_IN);
    } else if (oracle->forced_break) {
        oracle->forced_break = false;
    } else {
        oracle_violate(oracle, 4, "the kernel broke in though nobody wished it");
    }
}

static void judge_unheard(struct oracle *oracle, struct oracle_wish *wish)
{
    wish->demands = false;
    if (wish->hole != HOLE_NONE)
        oracle_excuse(oracle, wish->hole);
    else
        oracle_violate(oracle, 4, "a break-in byte, due by %" PRIu64 " ns, was not honoured within two ticks",
                       wish->arrives_ns);
}

static void drop_left(struct oracle *oracle)
{
    for (size_t i = oracle->wish_count; i > 0; i--)
        if (oracle->wishes[i - 1].leaves)
            drop_wish(oracle, i - 1);
}

void oracle_polled_nothing(struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    drop_left(oracle);
    for (size_t i = 0; i < oracle->wish_count; i++) {
        struct oracle_wish *wish = &oracle->wishes[i];
        if (!wish->demands || wish->arrives_ns > now)
            continue;
        if (wish->polls_left == 0)
            judge_unheard(oracle, wish);
        else
            wish->polls_left--;
    }
}

void oracle_wishes_satisfied(struct oracle *oracle)
{
    oracle_wishes_stay(oracle);
    for (size_t i = 0; i < oracle->wish_count; i++)
        oracle->wishes[i].satisfied = true;
}

void oracle_wishes_leave(struct oracle *oracle)
{
    oracle_wishes_stay(oracle);
    for (size_t i = 0; i < oracle->wish_count; i++)
        oracle->wishes[i].leaves = sim_link_has_relay(oracle->config.link);
}

void oracle_wishes_stay(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->wish_count; i++)
        oracle->wishes[i].demands = false;
}

void oracle_wishes_kept(struct oracle *oracle)
{
    oracle->kept_wishes = oracle->wish_count + oracle->noise_breaks;
    oracle->kept_honoured = oracle->counters.breaks_honoured;
}

void oracle_wishes_come_back(struct oracle *oracle)
{
    uint64_t honoured = oracle->counters.breaks_honoured - oracle->kept_honoured;
    for (uint64_t i = 0; i < honoured && i < oracle->kept_wishes; i++)
        add_wish(oracle, &(struct oracle_wish){.arrives_ns = sim_now(oracle->world)});
}

/* The relay merges what came before one tick and drops what comes while the target is stopped (2.7 rule 5);
 * on serial each further byte is one more stop now (5.7 rules 2, 4). */
void oracle_ran(struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    if (oracle->config.link == SIM_LINK_SERIAL)
        return;
    for (size_t i = oracle->wish_count; i > 0; i--)
        if (oracle->wishes[i - 1].satisfied && oracle->wishes[i - 1].arrives_ns <= now)
            drop_wish(oracle, i - 1);
}

void oracle_wishes_finish(struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    for (size_t i = 0; i < oracle->wish_count; i++) {
        struct oracle_wish *wish = &oracle->wishes[i];
        if (wish->demands && now > wish->arrives_ns && now - wish->arrives_ns > oracle->config.bound_ns)
            judge_unheard(oracle, wish);
    }
}
