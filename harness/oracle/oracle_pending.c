/* Rule 3: with faults over, whatever is pending completes within the bound; nothing storms. */
#include "harness/oracle/oracle_private.h"
#include <inttypes.h>
#include <stdio.h>

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When the last disturbance was over: nobody may be blamed for what waited before. */
static uint64_t calm_since(const struct oracle *oracle)
{
    uint64_t fault_ns = oracle->faults == NULL ? 0 : sim_faults_last_ns(oracle->faults);
    return later(later(fault_ns, oracle->calm_ns), oracle->settled_ns);
}

void oracle_wait_begin(struct oracle *oracle, struct oracle_wait *wait, const char *text)
{
    wait->active = true;
    wait->since_ns = sim_now(oracle->world);
    snprintf(wait->text, sizeof wait->text, "%s", text);
}

void oracle_wait_end(struct oracle *oracle, struct oracle_wait *wait, const char *what)
{
    uint64_t now = sim_now(oracle->world);
    uint64_t since = later(wait->since_ns, calm_since(oracle));
    bool fair = wait->active && oracle->powered && !oracle->standing && oracle->attached && !oracle->manual &&
                !oracle->unreached;
    wait->active = false;
    if (fair && now > since && now - since > oracle->config.bound_ns)
        oracle_violate(oracle, 3, "%s for %" PRIu64 " ms: %s", what, (now - since) / SIM_MS(1), wait->text);
}

void oracle_pending_finish(struct oracle *oracle)
{
    oracle_wait_end(oracle, &oracle->send, "the kernel is stuck in KdSendPacket");
    oracle_wait_end(oracle, &oracle->ask, "a request is unanswered");
    /* A running target hears no RESET (2.7 rule 3): without break-ins there it may wait for ever. */
    if (oracle->kernel_stopped || oracle->sync_breaks)
        oracle_wait_end(oracle, &oracle->resync, "the debugger cannot resynchronise");
}

/* The debugger's patience ended: after a fault it may, else the target owed an answer to a request that no hole
 * has swallowed. */
void oracle_gave_up(struct oracle *oracle, bool late)
{
    bool calm = oracle->faults == NULL || sim_faults_struck(oracle->faults) == 0 ||
                oracle->ask.since_ns > calm_since(oracle) + oracle->config.bound_ns;
    if (late && calm && oracle->ask.active && oracle->ask_fair && !oracle_explains_silence(oracle))
        oracle_violate(oracle, 3,
                       "a request was given up though nothing was faulty, sent at %" PRIu64 " ns: %s",
                       oracle->ask.since_ns, oracle->ask.text);
    oracle->ask.active = false;
}

/* Counts within whole seconds from the first of a burst; the violation comes once for each second. */
static void count(struct oracle *oracle, struct oracle_window *window, const char *what)
{
    uint64_t now = sim_now(oracle->world);
    if (window->count == 0 || now - window->start_ns >= SIM_S(1)) {
        window->start_ns = now;
        window->count = 0;
    }
    window->count++;
    if (window->count == oracle->config.storm + 1)
        oracle_violate(oracle, 3, "more than %" PRIu32 " %s within a second", oracle->config.storm, what);
}

void oracle_count_reset(struct oracle *oracle)
{
    count(oracle, &oracle->resets, "RESETs");
}

void oracle_count_repeat(struct oracle *oracle)
{
    count(oracle, &oracle->repeats, "repeated frames");
}
