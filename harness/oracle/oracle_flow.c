/* Rules 1 and 2: every message arrives once, in order, within its epoch, bit for bit. */
#include "harness/dbg/dbg_bytes.h"
#include "harness/oracle/oracle_private.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- entries ------------------------------------------------------------------------------------------- */

static struct oracle_entry make_entry(struct oracle *oracle, uint16_t type, const uint8_t *header,
                                      uint32_t header_bytes, const uint8_t *data, uint32_t data_bytes)
{
    struct oracle_entry entry = {
        .type = type, .time_ns = sim_now(oracle->world), .body_bytes = header_bytes + data_bytes};
    entry.body = sim_allocate(entry.body_bytes + 1, 1);
    if (header_bytes > 0)
        memcpy(entry.body, header, header_bytes);
    if (data_bytes > 0)
        memcpy(entry.body + header_bytes, data, data_bytes);
    entry.first = entry.body_bytes < 4 ? 0 : dbg_get32(entry.body);
    return entry;
}

static const char *describe(const struct oracle_entry *entry, char text[DBG_DESCRIBE_BYTES])
{
    return dbg_describe(entry->type, entry->body, entry->body_bytes, text, DBG_DESCRIBE_BYTES);
}

bool oracle_entry_is(const struct oracle_entry *entry, uint16_t type, const uint8_t *body, size_t body_bytes)
{
    return entry->type == type && entry->body_bytes == body_bytes &&
           memcmp(entry->body, body, body_bytes) == 0;
}

static bool same(const struct oracle_entry *a, const struct oracle_entry *b)
{
    return oracle_entry_is(a, b->type, b->body, b->body_bytes);
}

static bool same_body(const struct oracle_entry *a, const struct oracle_entry *b)
{
    return oracle_entry_is(a, a->type, b->body, b->body_bytes);
}

static bool same_kind(const struct oracle_entry *a, const struct oracle_entry *b)
{
    return a->type == b->type && a->first == b->first;
}

static void drop_entry(struct oracle_flow *flow, size_t index)
{
    free(flow->entries[index].body);
    flow->count--;
    memmove(&flow->entries[index], &flow->entries[index + 1], (flow->count - index) * sizeof *flow->entries);
}

struct oracle_entry *oracle_newest(struct oracle_flow *flow)
{
    return flow->count == 0 ? NULL : &flow->entries[flow->count - 1];
}

/* ---- strikes ------------------------------------------------------------------------------------------- */

static void drop_strike(struct oracle_flow *flow, size_t index)
{
    free(flow->strikes[index].on.body);
    flow->strike_count--;
    memmove(&flow->strikes[index], &flow->strikes[index + 1],
            (flow->strike_count - index) * sizeof *flow->strikes);
}

/* What it fell upon is still under way, and judged at the end alone: the fault explains it, however long ago.
 */
static bool explains_one_under_way(const struct oracle_strike *strike, const struct oracle_flow *flow)
{
    for (size_t i = 0; i < flow->count; i++)
        if (same(&flow->entries[i], &strike->on) && flow->entries[i].time_ns <= strike->on.time_ns)
            return true;
    return false;
}

static void drop_stale_strikes(const struct oracle *oracle, struct oracle_flow *flow)
{
    uint64_t now = sim_now(oracle->world);
    for (size_t i = flow->strike_count; i > 0; i--) {
        const struct oracle_strike *strike = &flow->strikes[i - 1];
        if (now - strike->on.time_ns > oracle->config.bound_ns && !explains_one_under_way(strike, flow))
            drop_strike(flow, i - 1);
    }
}

void oracle_strike(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *entry,
                   enum oracle_hole_index hole)
{
    drop_stale_strikes(oracle, flow);
    flow->strikes =
        sim_grow(flow->strikes, &flow->strike_room, flow->strike_count + 1, sizeof *flow->strikes);
    struct oracle_strike *strike = &flow->strikes[flow->strike_count++];
    *strike = (struct oracle_strike){.on = *entry, .hole = hole, .outcomes_left = oracle_outcomes(hole)};
    strike->on.time_ns = sim_now(oracle->world);
    strike->on.body = sim_allocate(entry->body_bytes + 1, 1);
    memcpy(strike->on.body, entry->body, entry->body_bytes);
}

void oracle_looks_like_last(struct oracle *oracle, const struct oracle_entry *packet)
{
    struct oracle_flow *packets = &oracle->packets, *requests = &oracle->requests;
    if (!packets->has_last || !same(packet, &packets->last))
        return;
    oracle_strike(oracle, packets, packet, HOLE_SAME_START);
    if (requests->has_last && requests->last.boots < oracle->boots)
        oracle_strike(oracle, requests, &requests->last, HOLE_SAME_START);
}

void oracle_strike_ends(struct oracle *oracle, struct oracle_flow *flow, enum oracle_hole_index hole)
{
    if (flow->count > 0)
        oracle_strike(oracle, flow, oracle_newest(flow), hole);
    if (flow->has_last)
        oracle_strike(oracle, flow, &flow->last, hole);
}

/* Lost and doubled are the message itself; a changed one is known by its body under another type, or by its
 * kind. */
static bool falls_on(const struct oracle_strike *strike, const struct oracle_entry *message, unsigned outcome)
{
    if (outcome == OUTCOME_CHANGED)
        return same_body(&strike->on, message) || same_kind(&strike->on, message);
    return same(&strike->on, message);
}

static bool excused(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *message,
                    enum oracle_outcome outcome)
{
    drop_stale_strikes(oracle, flow);
    for (size_t i = 0; i < flow->strike_count; i++) {
        struct oracle_strike *strike = &flow->strikes[i];
        if (!(strike->outcomes_left & outcome) || !falls_on(strike, message, outcome))
            continue;
        oracle_excuse(oracle, strike->hole);
        strike->outcomes_left &= ~(unsigned)outcome;
        return true;
    }
    return false;
}

bool oracle_explains_silence(struct oracle *oracle)
{
    const struct oracle_entry *request = oracle_newest(&oracle->requests);
    return request != NULL && excused(oracle, &oracle->requests, request, OUTCOME_LOST);
}

/* ---- what is under way --------------------------------------------------------------------------------- */

void oracle_line_changes(struct oracle *oracle)
{
    oracle->lines++;
    oracle->asked = false;
}

/* A relay does not trouble the new debugger with what the old one asked; a uart cannot know. */
static bool nobody_asked(const struct oracle *oracle, const struct oracle_flow *flow,
                         const struct oracle_entry *entry)
{
    return flow == &oracle->packets && entry->type == DBG_TYPE_MANIPULATE && !oracle->asked &&
           sim_link_has_relay(oracle->config.link);
}

static void note_asked(struct oracle *oracle, const struct oracle_flow *flow,
                       const struct oracle_entry *arrived, uint64_t lines)
{
    if (flow == &oracle->requests && arrived->type == DBG_TYPE_MANIPULATE)
        oracle->asked = lines == oracle->lines;
}

struct oracle_entry *oracle_push(struct oracle *oracle, struct oracle_flow *flow, uint16_t type,
                                 const uint8_t *header, uint32_t header_bytes, const uint8_t *data,
                                 uint32_t data_bytes)
{
    flow->entries = sim_grow(flow->entries, &flow->room, flow->count + 1, sizeof *flow->entries);
    struct oracle_entry *entry = &flow->entries[flow->count++];
    *entry = make_entry(oracle, type, header, header_bytes, data, data_bytes);
    entry->may_be_lost = !oracle->attached || !oracle->powered || (flow->unsettled && !flow->agreed) ||
                         oracle->manual; /* a script may acknowledge lies */
    if (flow->next_hole != HOLE_NONE)
        oracle_strike(oracle, flow, entry, flow->next_hole);
    flow->next_hole = HOLE_NONE;
    oracle->epoch_used = true;
    entry->boots = oracle->boots;
    entry->lines = oracle->lines;
    entry->may_be_lost = entry->may_be_lost || nobody_asked(oracle, flow, entry);
    entry->stale = flow == &oracle->requests && !oracle->knows_guest && !oracle->manual;
    entry->may_be_lost = entry->may_be_lost || entry->stale;
    return entry;
}

void oracle_flow_ends_epoch(struct oracle_flow *flow)
{
    for (size_t i = 0; i < flow->count; i++)
        flow->entries[i].may_be_lost = true;
}

void oracle_flow_set_stale(struct oracle_flow *flow, bool stale)
{
    for (size_t i = 0; i < flow->count; i++)
        flow->entries[i].stale = stale;
}

void oracle_request_kept(struct oracle *oracle)
{
    const struct oracle_entry *request = oracle_newest(&oracle->requests);
    free(oracle->kept_request.body);
    oracle->kept_request = (struct oracle_entry){0};
    if (request != NULL)
        oracle->kept_request = make_entry(oracle, request->type, request->body, request->body_bytes, NULL, 0);
}

void oracle_request_comes_back(struct oracle *oracle)
{
    const struct oracle_entry *kept = &oracle->kept_request;
    struct oracle_flow *flow = &oracle->requests;
    if (kept->body == NULL)
        return;
    oracle_push(oracle, flow, kept->type, kept->body, kept->body_bytes, NULL, 0)->may_be_lost = true;
    struct oracle_entry back = *oracle_newest(flow); /* before all that was sent since */
    memmove(flow->entries + 1, flow->entries, (flow->count - 1) * sizeof *flow->entries);
    flow->entries[0] = back;
}

void oracle_flow_free(struct oracle_flow *flow)
{
    while (flow->count > 0)
        drop_entry(flow, flow->count - 1);
    while (flow->strike_count > 0)
        drop_strike(flow, flow->strike_count - 1);
    free(flow->entries);
    free(flow->strikes);
    free(flow->last.body);
}

/* ---- judging ------------------------------------------------------------------------------------------- */

/* It did not arrive, though its sender was told so, and something behind it did, or the run is over. */
static void judge_lost(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *entry)
{
    char text[DBG_DESCRIBE_BYTES];
    if (!entry->told || entry->may_be_lost || excused(oracle, flow, entry, OUTCOME_LOST))
        return;
    oracle_violate(oracle, 1, "%s lost, sent at %" PRIu64 " ns: %s", flow->what, entry->time_ns,
                   describe(entry, text));
}

/* What the debugger's link took comes before what it did not, what must arrive before what may, and what is meant for
 * this kernel before what was for another. */
static unsigned claim(const struct oracle_entry *entry)
{
    return 1u + 4u * entry->accepted + 2u * !entry->may_be_lost + !entry->stale;
}

/* The equal one with the best claim, the first among equals. */
static size_t find_equal(const struct oracle_flow *flow, const struct oracle_entry *arrived)
{
    size_t found = flow->count;
    unsigned best = 0;
    for (size_t i = 0; i < flow->count; i++) {
        if (!same(&flow->entries[i], arrived) || claim(&flow->entries[i]) <= best)
            continue;
        found = i;
        best = claim(&flow->entries[i]);
    }
    return found;
}

/* Of two equal packets the older one may be what arrived, late, and what lies between them be still to come: then the
 * newer one counts as accepted, and may come or not. */
static size_t older_twin(struct oracle_flow *flow, size_t index)
{
    size_t first = 0;
    while (!same(&flow->entries[first], &flow->entries[index]))
        first++;
    if (first < index)
        flow->entries[index].accepted = flow->entries[index].may_be_lost = true;
    return first;
}

/* What is left behind by one that arrived: it must not come any more. */
static void take_through(struct oracle *oracle, struct oracle_flow *flow, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        judge_lost(oracle, flow, &flow->entries[0]);
        drop_entry(flow, 0);
    }
    drop_entry(flow, 0);
}

static void remember(struct oracle_flow *flow, struct oracle_entry *arrived)
{
    free(flow->last.body);
    flow->last = *arrived;
    arrived->body = NULL;
    flow->has_last = true;
}

/* The entry itself is what arrived, whatever it looked like. */
static void arrive(struct oracle *oracle, struct oracle_flow *flow, size_t index)
{
    const struct oracle_entry *entry = &flow->entries[index];
    struct oracle_entry copy = make_entry(oracle, entry->type, entry->body, entry->body_bytes, NULL, 0);
    copy.boots = entry->boots;
    /* A request of the debugger before says nothing about the ids of this one. */
    bool settles = flow == &oracle->packets || entry->lines == oracle->lines;
    flow->unsettled = flow->unsettled && !settles;
    take_through(oracle, flow, index);
    remember(flow, &copy);
}

/* A stale request has used up the id of the first one that is meant for this kernel, be it under way already or not. */
static void strike_first_meant(struct oracle *oracle)
{
    struct oracle_entry *newest = oracle_newest(&oracle->requests);
    if (newest->stale)
        oracle->requests.next_hole = oracle->stale_hole;
    else
        oracle_strike(oracle, &oracle->requests, newest, oracle->stale_hole);
}

/* It was meant for the kernel before, and the new one took it for its own. */
static void judge_stale(struct oracle *oracle, const struct oracle_flow *flow,
                        const struct oracle_entry *entry)
{
    char text[DBG_DESCRIBE_BYTES];
    if (!entry->stale)
        return;
    if (oracle->stale_hole != HOLE_NONE) {
        oracle_excuse(oracle, oracle->stale_hole);
        strike_first_meant(oracle);
        return;
    }
    oracle_violate(oracle, 1, "%s delivered to the kernel after its own was gone, sent at %" PRIu64 " ns: %s",
                   flow->what, entry->time_ns, describe(entry, text));
}

static void judge_twice(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *arrived)
{
    char text[DBG_DESCRIBE_BYTES];
    if (flow == &oracle->packets && oracle->sent_anew > 0 && arrived->type == oracle->sending_type) {
        oracle->sent_anew--;
        return;
    }
    oracle->counters.duplicates++;
    if (!excused(oracle, flow, arrived, OUTCOME_TWICE))
        oracle_violate(oracle, 1, "%s delivered twice: %s", flow->what, describe(arrived, text));
}

static uint32_t first_difference(const struct oracle_entry *a, const struct oracle_entry *b)
{
    uint32_t at = 0;
    while (at < a->body_bytes && at < b->body_bytes && a->body[at] == b->body[at])
        at++;
    return at;
}

/* Nothing equal is under way: something under way was changed, or it was never sent. */
static void judge_strange(struct oracle *oracle, struct oracle_flow *flow, const struct oracle_entry *arrived)
{
    char text[DBG_DESCRIBE_BYTES];
    bool legal = excused(oracle, flow, arrived, OUTCOME_CHANGED);
    for (size_t i = 0; i < flow->count; i++) {
        const struct oracle_entry *entry = &flow->entries[i];
        if (!same_kind(entry, arrived) && !(legal && same_body(entry, arrived)))
            continue;
        if (!legal)
            oracle_violate(
                oracle, 2, "%s differs from what was sent, first at byte %" PRIu32 " of %" PRIu32 ": %s",
                flow->what, first_difference(entry, arrived), arrived->body_bytes, describe(arrived, text));
        arrive(oracle, flow, i);
        return;
    }
    if (!legal)
        oracle_violate(oracle, 1, "%s delivered that was never sent: %s", flow->what,
                       describe(arrived, text));
}

void oracle_deliver(struct oracle *oracle, struct oracle_flow *flow, uint16_t type, const uint8_t *header,
                    uint32_t header_bytes, const uint8_t *data, uint32_t data_bytes)
{
    struct oracle_entry arrived = make_entry(oracle, type, header, header_bytes, data, data_bytes);
    size_t index = find_equal(flow, &arrived);
    oracle->epoch_used = true;
    note_asked(oracle, flow, &arrived, index < flow->count ? flow->entries[index].lines : oracle->lines);
    if (index < flow->count && flow == &oracle->packets)
        index = older_twin(flow, index);
    if (index < flow->count) {
        judge_stale(oracle, flow, &flow->entries[index]);
        arrive(oracle, flow, index);
        flow->delivered++;
    } else if (flow->has_last && same(&flow->last, &arrived)) {
        judge_twice(oracle, flow, &arrived);
    } else {
        judge_strange(oracle, flow, &arrived);
    }
    free(arrived.body);
}

/* One of the guest that runs shows the debugger which guest that is. */
static void accept(struct oracle *oracle, struct oracle_entry *entry)
{
    entry->accepted = true;
    if (entry->boots == oracle->boots)
        oracle->knows_guest = true;
}

/* Only the first packets of a guest have SYNC, and then both ends count anew (2.3 rule 1). What must arrive comes
 * before what may. */
void oracle_accepted(struct oracle *oracle, uint16_t type, uint32_t id, uint32_t first)
{
    struct oracle_flow *flow = &oracle->packets;
    struct oracle_entry *found = NULL;
    uint64_t least = id & DBG_ID_SYNC ? oracle->boots : 0;
    for (size_t i = flow->count; i > 0; i--) {
        struct oracle_entry *entry = &flow->entries[i - 1];
        if (entry->type != type || entry->first != first || entry->boots < least || entry->accepted)
            continue;
        if (found == NULL || found->may_be_lost || !entry->may_be_lost)
            found = entry;
    }
    if (found == NULL)
        return;
    accept(oracle, found);
    oracle->requests.unsettled = oracle->requests.unsettled && !(id & DBG_ID_SYNC);
}

void oracle_orphaned(struct oracle *oracle, uint32_t api)
{
    struct oracle_flow *flow = &oracle->packets;
    for (size_t i = 0; i < flow->count; i++) {
        if (flow->entries[i].type == DBG_TYPE_MANIPULATE && flow->entries[i].first == api) {
            arrive(oracle, flow, i);
            return;
        }
    }
    struct oracle_entry orphan = {.type = DBG_TYPE_MANIPULATE, .first = api};
    if (flow->has_last && same_kind(&flow->last, &orphan) &&
        excused(oracle, flow, &flow->last, OUTCOME_TWICE))
        return;
    oracle_violate(oracle, 1, "a reply came for which there was no request: %s", dbg_api_name(api));
}

/* A request that the kernel has not got yet: its arrival counts as the ACK of what crosses it (2.6 N6). One to the
 * kernel before counts as nothing (2.15). */
static bool request_under_way(const struct oracle_flow *flow)
{
    for (size_t i = 0; i < flow->count; i++)
        if (!flow->entries[i].stale)
            return true;
    return false;
}

/* A relay knows how many ACKs are still to come for what it said before, as long as the line loses and
 * doubles nothing (2.15). */
static bool acks_can_be_told_apart(const struct oracle *oracle)
{
    return sim_link_has_relay(oracle->config.link) &&
           (oracle->faults == NULL || sim_faults_struck_on(oracle->faults, SIM_FAULT_STREAM) == 0);
}

/* The SYNC packet was acknowledged by an ACK for the kernel before that was still under way: its id is the same.
 * Then stale requests pass for new ones. */
static enum oracle_hole_index old_words_count(struct oracle *oracle)
{
    bool in_time = oracle->old_ack_lands_ns != 0 && oracle->send.since_ns <= oracle->old_ack_lands_ns;
    bool by_ack = (in_time || oracle->old_ack_unread) && !acks_can_be_told_apart(oracle);
    oracle->old_ack_lands_ns = 0;
    oracle->old_ack_unread = false;
    return by_ack ? HOLE_LATE_ACK : HOLE_NONE;
}

/* A RESET of the debugger is on its way to a uart's guest, which starts over only when it has read it: until then an ACK of
 * before passes for one of what it begins anew. */
static bool reset_is_unread(const struct oracle *oracle)
{
    return oracle->config.link == SIM_LINK_SERIAL && oracle->resets_open > 0;
}

/* If it was lost, the next one has an id that the debugger does not expect. */
static void strike_unseen(struct oracle *oracle, const struct oracle_entry *packet,
                          enum oracle_hole_index hole)
{
    oracle_strike(oracle, &oracle->packets, packet, hole);
    oracle->packets.next_hole = hole;
}

void oracle_told_sent(struct oracle *oracle, uint16_t type, uint32_t first)
{
    struct oracle_entry *entry = oracle_newest(&oracle->packets);
    char text[DBG_DESCRIBE_BYTES];
    enum oracle_hole_index hole = old_words_count(oracle);
    oracle->packets.sent++;
    if (hole != HOLE_NONE)
        oracle->stale_hole = hole;
    if (entry == NULL || entry->type != type || entry->first != first || entry->told)
        return;
    entry->told = true;
    if (entry->accepted || entry->may_be_lost)
        return;
    if (hole != HOLE_NONE || request_under_way(&oracle->requests)) {
        strike_unseen(oracle, entry, hole != HOLE_NONE ? hole : HOLE_IMPLICIT_ACK);
        return;
    }
    if (reset_is_unread(oracle))
        strike_unseen(oracle, entry, HOLE_LATE_RESET);
    if (!excused(oracle, &oracle->packets, entry, OUTCOME_LOST))
        oracle_violate(oracle, 1, "a packet counts as sent, but the debugger has not accepted it: %s",
                       describe(entry, text));
    entry->may_be_lost = true; /* said once */
}

void oracle_flow_finish(struct oracle *oracle, struct oracle_flow *flow)
{
    uint64_t now = sim_now(oracle->world);
    for (size_t i = 0; i < flow->count; i++)
        if (flow->entries[i].told && now - flow->entries[i].time_ns > oracle->config.bound_ns)
            judge_lost(oracle, flow, &flow->entries[i]);
}
