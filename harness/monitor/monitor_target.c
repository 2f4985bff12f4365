/* The target, or the relay that plays it, judged by what it had received when it began to write.
 *
 * What it received may still lie in a queue, and what a running target received was eaten byte by byte (2.7).
 * So a unit of the inbox is taken away only when something that the target wrote shows that it got that far,
 * and the oldest unit that can have caused a write is the one that did: that never blames a target that is
 * right. */
#include "harness/monitor/monitor_private.h"
#include <inttypes.h>
#include <string.h>

/* A copy that was begun so long after its ACK had arrived was not under way already. */
#define LATE_COPY_NS 500000000u

/* ---- its reading ---- */

/* Whether it read what came exactly as we did: since the last thing that it shows to have read, nothing came
 * that a target in another state, or in the middle of another frame, would have read differently. */
static bool in_step(const struct monitor *monitor)
{
    const struct target *target = &monitor->target;
    return !target->mishears && target->inbox.used_number >= target->astray_number;
}

/* True when what it wrote need not have a cause that we know of. In garbage it may have read frames that we
 * did not, as many as there is room for. */
static bool is_excused(struct monitor *monitor)
{
    if (!in_step(monitor))
        return true;
    bool hidden = monitor->target.hidden_frames > 0;
    monitor->target.hidden_frames -= hidden;
    return hidden;
}

/* What comes from now on may begin in the middle of something, for all that the target knows. */
void target_astray(struct monitor *monitor)
{
    struct inbox *inbox = &monitor->target.inbox;
    monitor->target.astray_number = inbox->next_number++;
}

/* The oldest unit that acknowledges the frame under way. An ACK from before the frame does so too, when it
 * was not read before. */
static int find_ack(const struct target *target, uint64_t before)
{
    return inbox_find_id(&target->inbox, UNIT_ACK, target->out.id & ~WIRE_SYNC, before);
}

static bool is_acked(const struct target *target, uint64_t before)
{
    return target->out_settled || target->out_may_be || find_ack(target, before) != NO_UNIT;
}

static void settle(struct target *target, bool settled)
{
    target->out_settled = target->out_may_be = settled;
}

/* The target shows that it read this unit, and so all before it: an ACK among them, too. */
static void use(struct target *target, int index)
{
    int ack = find_ack(target, target->inbox.units[index].number);
    if (ack != NO_UNIT) {
        target->out_may_be = true;
        if (target->inbox.units[ack].number >= target->out.begun_number)
            target->out_settled = true;
    }
    inbox_use(&target->inbox, index);
}

static bool waits_for_answer(const struct sent *out)
{
    return out->type == WIRE_FILE_IO || (out->type == WIRE_DEBUG_IO && out->api == API_PROMPT);
}

/* Scans its line (2.5, 2.6), rather than polling it (2.7). */
static bool listens(const struct target *target)
{
    if (target->state == TARGET_STOPPED)
        return true;
    return target->out.is_there && (waits_for_answer(&target->out) || !is_acked(target, UINT64_MAX));
}

/* A body of this size is refused at its header in one state of the target, and read in another (R9). */
static bool size_is_ambiguous(const struct wire_frame *frame)
{
    return frame->type != WIRE_MANIPULATE && frame->count < wire_header_of(WIRE_FILE_IO);
}

static void received_data(struct monitor *monitor, const struct wire_frame *frame)
{
    struct target *target = &monitor->target;
    bool unsure = !listens(target) || target->leader_unheard || size_is_ambiguous(frame);
    bool good = frame->flaw == WIRE_GOOD;
    const struct unit *unit = inbox_add(&target->inbox, good ? UNIT_DATA : UNIT_BAD, frame, monitor->now_ns);
    if (unsure && good)
        target->astray_number = unit->number; /* if it acknowledges this very frame, it read it whole */
    else if (unsure)
        target_astray(monitor);
    if (good && frame->type == WIRE_MANIPULATE && target->state == TARGET_STOPPED && !target->is_asked &&
        target->stop_holds && in_step(monitor)) {
        target->is_asked = true;
        target->quiet_since_ns = monitor->now_ns;
    }
}

/* A copy under the initial id has its answer. */
static void count_answer(struct target *target, const struct wire_frame *frame)
{
    if (frame->type == WIRE_ACK && frame->id == WIRE_FIRST_ID && target->copies_open > 0)
        target->copies_open--;
}

static void received_control(struct monitor *monitor, const struct wire_frame *frame)
{
    static const enum unit_kind kinds[] = {
        [WIRE_ACK] = UNIT_ACK, [WIRE_RESEND] = UNIT_RESEND, [WIRE_RESET] = UNIT_RESET};
    if (frame->type < WIRE_ACK || frame->type > WIRE_RESET)
        target_astray(monitor); /* stray leader bytes in front of a frame look like this */
    else
        (void)inbox_add(&monitor->target.inbox, kinds[frame->type], frame, monitor->now_ns);
    count_answer(&monitor->target, frame);
}

/* A leader of which it may have eaten the first bytes is none to it. */
static void note_leader(struct monitor *monitor)
{
    const struct wire_scan *scan = &monitor->lines[MONITOR_TARGET].received;
    struct target *target = &monitor->target;
    if (scan->run > 0 && !listens(target))
        target->leader_unheard = true;
    else if (!wire_scan_busy(scan))
        target->leader_unheard = false;
}

static void count_hidden(struct monitor *monitor, const struct wire_piece *piece)
{
    bool noise = piece->kind == WIRE_NOISE && piece->noise != WIRE_BREAK_BYTE;
    bool unknown = piece->kind == WIRE_FRAME && wire_type_name(piece->frame.type)[0] == '?';
    if (noise || unknown)
        monitor->target.hidden_frames += 1 + (unknown ? piece->frame.body_bytes / WIRE_HEADER_BYTES : 0);
}

static void received_piece(struct monitor *monitor, const struct wire_piece *piece)
{
    if (piece->kind == WIRE_NOISE && piece->noise == WIRE_BREAK_BYTE)
        (void)inbox_add(&monitor->target.inbox, UNIT_BREAK_IN, NULL, monitor->now_ns);
    else if (piece->kind == WIRE_NOISE && !listens(&monitor->target))
        target_astray(monitor);
    else if (piece->kind == WIRE_FRAME && piece->frame.control)
        received_control(monitor, &piece->frame);
    else if (piece->kind == WIRE_FRAME)
        received_data(monitor, &piece->frame);
}

void target_received(struct monitor *monitor, const struct wire_piece *piece)
{
    count_hidden(monitor, piece);
    received_piece(monitor, piece);
    note_leader(monitor);
}

/* ---- requests that it acknowledged ---- */

static void forget_requests(struct target *target, unsigned count)
{
    target->request_count -= count;
    memmove(target->requests, target->requests + count, target->request_count * sizeof *target->requests);
}

static void push_request(struct target *target, uint32_t api)
{
    if (target->request_count == REQUESTS_MAX)
        forget_requests(target, 1);
    target->requests[target->request_count++] = api;
}

static void accept_request(struct target *target, uint32_t api)
{
    switch (request_end_of(api)) {
    case REQUEST_RUNS:
        target->request_count = 0;
        target->requests_unsure = false;
        target->word_is_kept = target->state != TARGET_STOPPED;
        if (target->state == TARGET_STOPPED)
            target->state = TARGET_CONTINUED;
        break;
    case REQUEST_STOPS_ANEW:
        target->word_is_kept = target->state != TARGET_STOPPED;
        target->may_stop_again = true;
        break;
    case REQUEST_ENDS:
        break;
    case REQUEST_HAS_REPLY:
        push_request(target, api);
        break;
    }
}

/* Some of these frames it read, and the others were dropped in a queue or eaten by polls: it may do what any
 * of them asks for. */
static void accept_one_of(struct target *target, uint32_t id, uint64_t before)
{
    const struct inbox *inbox = &target->inbox;
    for (size_t i = 0; i < inbox->count && inbox->units[i].number < before; i++) {
        const struct unit *unit = &inbox->units[i];
        if (unit->kind != UNIT_DATA || (unit->id & ~WIRE_SYNC) != id || unit->type != WIRE_MANIPULATE)
            continue;
        if (request_end_of(unit->api) == REQUEST_HAS_REPLY)
            push_request(target, unit->api);
        target->word_is_kept = true;
    }
    target->requests_unsure = true;
    target->state = TARGET_UNKNOWN;
}

/* True when all frames that came under this id ask for the same. */
static bool is_one_request(const struct inbox *inbox, uint32_t id, uint64_t before)
{
    const struct unit *first = NULL;
    for (size_t i = 0; i < inbox->count && inbox->units[i].number < before; i++) {
        const struct unit *unit = &inbox->units[i];
        if (unit->kind != UNIT_DATA || (unit->id & ~WIRE_SYNC) != id)
            continue;
        if (first != NULL && (unit->type != first->type || unit->api != first->api))
            return false;
        first = unit;
    }
    return true;
}

/* Takes the request that a reply is for, and whatever is older. */
static bool answer_request(struct target *target, uint32_t api)
{
    for (unsigned i = 0; i < target->request_count; i++) {
        if (target->requests[i] == api) {
            forget_requests(target, i + 1);
            target->requests_unsure = target->requests_unsure && target->request_count > 0;
            return true;
        }
    }
    return false;
}

/* ---- its control frames ---- */

/* A target echoes the id as it came (2.3 rule 4); one that clears the SYNC bit harms nobody. */
static int find_acknowledged(const struct inbox *inbox, uint32_t id, uint64_t before)
{
    int found = inbox_find_id(inbox, UNIT_DATA, id, before);
    return found != NO_UNIT ? found : inbox_find_id(inbox, UNIT_DATA, id | WIRE_SYNC, before);
}

static void blame_ack(struct monitor *monitor, const struct written *written)
{
    bool bad =
        inbox_find_id(&monitor->target.inbox, UNIT_BAD, written->frame->id, written->begun_number) != NO_UNIT;
    if (!is_excused(monitor))
        monitor_blame(monitor, MONITOR_TARGET, MONITOR_W9, MONITOR_ACKS_CONTROL, written->frame,
                      bad ? "the frame that came was bad"
                          : "no such frame came that it has not acknowledged");
}

/* An ACK of the expected id accepts the frame, and so settles our own that crossed with it (2.6 N6); any
 * other drops a repeat (R12, N7). */
static void wrote_ack(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    const uint32_t id = written->frame->id & ~WIRE_SYNC;
    const uint64_t before = written->begun_number;
    const bool accepts = !target->expect_known || id == target->expect;
    const int index = find_acknowledged(&target->inbox, written->frame->id, before);
    if (index == NO_UNIT)
        blame_ack(monitor, written);
    else if (accepts && !is_one_request(&target->inbox, id, before))
        accept_one_of(target, id, before);
    else if (accepts && target->inbox.units[index].type == WIRE_MANIPULATE)
        accept_request(target, target->inbox.units[index].api);
    if (index != NO_UNIT)
        use(target, index);
    if (!accepts)
        return;
    target->expect ^= 1;
    settle(target, true);
    if (!target->expect_known || index == NO_UNIT)
        target->state =
            TARGET_UNKNOWN; /* a repeat, or a frame that we have not seen: it may do anything now */
}

/* A good frame that its ACK of ours did not come before, so that it may have been taken for one (2.6 N6). */
static int find_crossing(const struct target *target, uint64_t before)
{
    int data = inbox_find(&target->inbox, UNIT_DATA, before);
    if (data == NO_UNIT || !target->out.is_there || target->out_settled)
        return NO_UNIT;
    const struct unit *unit = &target->inbox.units[data];
    int ack = find_ack(target, unit->number);
    bool heard = ack != NO_UNIT && target->inbox.units[ack].number >= target->out.begun_number;
    bool fresh = !target->expect_known || (unit->id & ~WIRE_SYNC) == target->expect;
    return fresh && !heard ? data : NO_UNIT;
}

/* Asked for again: a bad frame, one that crossed with ours, or one that broke off, of which nothing came. */
static void wrote_resend(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    int bad = inbox_find(&target->inbox, UNIT_BAD, written->begun_number);
    int crossing = find_crossing(target, written->begun_number);
    int data = inbox_find(&target->inbox, UNIT_DATA, written->begun_number);
    if (crossing != NO_UNIT) {
        target->out_may_be = true;
        target->out_settled = bad == NO_UNIT;
        use(target, bad != NO_UNIT && bad < crossing ? bad : crossing);
    } else if (bad != NO_UNIT) {
        use(target, bad);
    } else if (data != NO_UNIT) {
        const struct unit unit = target->inbox.units[data];
        if (target->state == TARGET_STOPPED && unit.type == WIRE_MANIPULATE &&
            !monitor->lines[MONITOR_TARGET].received.in_frame && !is_excused(monitor))
            monitor_blame(monitor, MONITOR_TARGET, MONITOR_W8, MONITOR_NO_DEVIATION, written->frame,
                          "the frame %08" PRIx32 " that came was good, and crossed with none", unit.id);
        use(target, data);
    }
}

/* True when all RESETs that it may be answering lie in one row with the one that it answered last: no ACK and
 * no good data frame stands before any of them (2.9 c). */
static bool answers_same_row(const struct target *target, uint64_t before)
{
    const struct inbox *inbox = &target->inbox;
    bool row = inbox->word_number < target->reset_number;
    for (size_t i = 0; i < inbox->count && inbox->units[i].number < before; i++) {
        enum unit_kind kind = inbox->units[i].kind;
        if (kind == UNIT_RESET && !row)
            return false;
        if (kind == UNIT_ACK || kind == UNIT_DATA)
            row = false;
    }
    return true;
}

static void judge_reset(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    int index = inbox_find(&target->inbox, UNIT_RESET, written->begun_number);
    /* Half the window: its clock may count in polls, and began before the bytes were on the wire. */
    bool soon =
        target->reset_answered && written->begun_ns - target->reset_ns < monitor->config.reset_window_ns / 2;
    if (index == NO_UNIT) {
        if (!is_excused(monitor))
            monitor_blame(monitor, MONITOR_TARGET, MONITOR_W10, MONITOR_UNASKED_RESET, written->frame,
                          "no RESET came that it has not answered");
        return;
    }
    if (soon && answers_same_row(target, written->begun_number) && !is_excused(monitor))
        monitor_blame(monitor, MONITOR_TARGET, MONITOR_W10, MONITOR_EVERY_RESET, written->frame,
                      "RESETs in a row get one answer");
    use(target, index);
}

/* Both ids begin anew without SYNC, and the last packet is sent again (2.9). */
static void wrote_reset(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    judge_reset(monitor, written);
    target->ids_known = true;
    target->begins_anew = false;
    target->answered = true;
    target->expect = WIRE_FIRST_ID;
    target->expect_known = true;
    target->request_count = 0;
    target->requests_unsure = false;
    target->may_stop_again = true;
    target->word_is_kept = false;
    target->reset_answered = true;
    target->reset_ns = written->begun_ns;
    target->reset_number = target->inbox.used_number;
}

/* ---- its data frames: ids and repeats ---- */

/* Packets that it may give up when nobody acknowledges them (2.6 N9). */
static bool is_abandonable(const struct sent *out)
{
    return (out->type == WIRE_DEBUG_IO && out->api == API_PRINT) ||
           (out->type == WIRE_STATE_CHANGE64 && (out->api & 0xFFFF) == API_LOAD_SYMBOLS) ||
           (out->type == WIRE_FILE_IO && out->api == API_CREATE_FILE);
}

static void blame(struct monitor *monitor, const struct written *written, enum monitor_rule rule,
                  enum monitor_deviation deviation, const char *why)
{
    monitor_blame(monitor, MONITOR_TARGET, rule, deviation, written->frame, "%s", why);
}

/* The first frame of a boot or a session. */
static void judge_first(struct monitor *monitor, const struct written *written)
{
    if (!(written->frame->id & WIRE_SYNC))
        blame(monitor, written, MONITOR_W7, MONITOR_NO_DEVIATION, "ids start over, and SYNC does not say so");
}

static void judge_after_reset(struct monitor *monitor, const struct written *written)
{
    if (written->frame->id & WIRE_SYNC)
        blame(monitor, written, MONITOR_W15, MONITOR_SYNC_AT_STOPS, "behind a RESET there is no SYNC");
    else if (written->frame->id != WIRE_FIRST_ID)
        blame(monitor, written, MONITOR_W7, MONITOR_NO_DEVIATION, "ids did not start over with the RESET");
}

/* One more copy. Its ACK may have come while it was being written, but not long before; and a frame that it
 * accepted meanwhile has settled it. */
static void judge_copy(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    const struct inbox *inbox = &target->inbox;
    if (target->out_settled) {
        if (target->expect_known && in_step(monitor))
            blame(monitor, written, MONITOR_W7, MONITOR_NO_DEVIATION,
                  "it has read since what says that this one had arrived");
        return;
    }
    int ack = find_ack(target, written->begun_number);
    int resend = inbox_find(inbox, UNIT_RESEND, written->begun_number);
    if (ack == NO_UNIT || (resend != NO_UNIT && resend < ack) || !in_step(monitor))
        return;
    if (inbox->units[ack].number < target->out.begun_number ||
        written->begun_ns - inbox->units[ack].time_ns <= LATE_COPY_NS)
        return;
    if (target->acks_open > 0) /* taken for one of the epoch before */
        target->acks_open--;
    else
        blame(monitor, written, MONITOR_W7, MONITOR_NO_DEVIATION, "it was acknowledged");
}

static void judge_unacknowledged(struct monitor *monitor, const struct written *written, bool same)
{
    const struct sent *out = &monitor->target.out;
    if (is_excused(monitor))
        return;
    if (same)
        blame(monitor, written, MONITOR_W6, MONITOR_NO_DEVIATION, "it is repeated under another id");
    else if (written->frame->id == (out->id & ~WIRE_SYNC))
        blame(monitor, written, MONITOR_W6, MONITOR_NO_DEVIATION, "it is not the frame that has this id");
    else
        monitor_blame(monitor, MONITOR_TARGET, MONITOR_W5,
                      out->type == WIRE_STATE_CHANGE64 ? MONITOR_DOES_NOT_WAIT : MONITOR_REPEATS_SERVED,
                      written->frame, "%s id=%08" PRIx32 " is not acknowledged", wire_type_name(out->type),
                      out->id);
}

/* Nobody acknowledged it, or so late that it may have been given up before (2.6 N9). */
static bool may_have_abandoned(const struct monitor *monitor, int ack)
{
    const struct target *target = &monitor->target;
    if (!is_abandonable(&target->out) || (target->out_settled && target->expect_known))
        return false;
    if (ack == NO_UNIT || target->out.copies > 1 || !in_step(monitor))
        return true;
    uint64_t acked_ns = target->inbox.units[ack].time_ns;
    return acked_ns > target->out.ended_ns + monitor->config.target_wait_ns / 2;
}

/* Another frame, or another id. */
static void judge_next(struct monitor *monitor, const struct written *written, bool same)
{
    struct target *target = &monitor->target;
    uint32_t id = written->frame->id;
    int ack = find_ack(target, written->begun_number);
    bool acked = is_acked(target, written->begun_number);
    if (id & WIRE_SYNC) {
        if (!may_have_abandoned(monitor, ack))
            blame(monitor, written, MONITOR_W15,
                  written->frame->type == WIRE_STATE_CHANGE64 ? MONITOR_SYNC_AT_STOPS : MONITOR_SYNC_STAYS,
                  "it did not boot, and did not abandon the frame before");
        target->state = TARGET_UNKNOWN;
        return;
    }
    if (!acked)
        judge_unacknowledged(monitor, written, same);
    else if (id != ((target->out.id ^ 1) & ~WIRE_SYNC))
        blame(monitor, written, MONITOR_W7,
              written->frame->type == WIRE_MANIPULATE ? MONITOR_ID_FROM_REQUEST : MONITOR_NO_DEVIATION,
              "the frame before had this id, and was acknowledged");
    if (!target->out_may_be && ack != NO_UNIT)
        use(target, ack);
}

/* Returns true when it is a copy of the frame before, under whatever id. */
static bool judge_id(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    bool same = sent_same(&target->out, written->frame);
    if (!target->ids_known)
        return same;
    if (target->begins_anew) {
        judge_first(monitor, written);
        return same;
    }
    if (target->answered) {
        judge_after_reset(monitor, written);
        return same;
    }
    if (same && written->frame->id == target->out.id) {
        judge_copy(monitor, written);
        return true;
    }
    if (target->out.is_there)
        judge_next(monitor, written, same);
    return same && (written->frame->id & WIRE_SYNC) != 0;
}

/* ---- its data frames: by type ---- */

static void wrote_reply(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    if (target->state == TARGET_CONTINUED && !is_excused(monitor)) {
        blame(monitor, written, MONITOR_W13, MONITOR_REPEATS_SERVED, "it runs since the debugger's Continue");
        return;
    }
    if (answer_request(target, written->api) || !target->expect_known || is_excused(monitor))
        return;
    int asked = inbox_find(&target->inbox, UNIT_DATA, written->begun_number);
    bool unacknowledged = asked != NO_UNIT && target->inbox.units[asked].type == WIRE_MANIPULATE &&
                          target->inbox.units[asked].api == written->api;
    if (unacknowledged)
        blame(monitor, written, MONITOR_W8, MONITOR_NO_DEVIATION, "its request was not acknowledged before");
    else
        blame(monitor, written, MONITOR_W11, MONITOR_REPEATS_SERVED,
              "no request of this kind waits for a reply");
}

/* What makes a kernel that waits for requests send its state change again (2.5 R1, R3). */
static int stop_cause(const struct inbox *inbox, uint64_t before)
{
    int resend = inbox_find(inbox, UNIT_RESEND, before);
    int break_in = inbox_find(inbox, UNIT_BREAK_IN, before);
    if (resend == NO_UNIT || break_in == NO_UNIT)
        return resend == NO_UNIT ? break_in : resend;
    return resend < break_in ? resend : break_in;
}

static void judge_stop(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    if (target->state != TARGET_STOPPED || target->may_stop_again)
        return;
    int cause = stop_cause(&target->inbox, written->begun_number);
    if (target->request_count > 0 && target->expect_known && !target->requests_unsure)
        monitor_blame(monitor, MONITOR_TARGET, MONITOR_W12, MONITOR_NO_DEVIATION, written->frame,
                      "request %" PRIx32 " has no reply yet", target->requests[0]);
    else if (cause != NO_UNIT)
        use(target, cause);
    else if (!is_excused(monitor))
        blame(monitor, written, MONITOR_W12, MONITOR_NO_DEVIATION,
              "it is stopped already: no RESET, RESEND or break-in came, and no SwitchProcessor");
}

static void wrote_stop(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    judge_stop(monitor, written);
    target->state = target->word_is_kept ? TARGET_UNKNOWN : TARGET_STOPPED;
    target->stop_holds = (written->api & 0xFFFF) != API_LOAD_SYMBOLS;
    target->word_is_kept = false;
    target->may_stop_again = false;
}

static void wrote_data(struct monitor *monitor, const struct written *written)
{
    struct target *target = &monitor->target;
    const struct wire_frame *frame = written->frame;
    bool fresh = target->begins_anew || target->answered;
    bool copy = judge_id(monitor, written) || target->out_unseen;
    /* An abandoned send; at a boot and in a new session it had started over before. */
    if ((frame->id & WIRE_SYNC) && (!target->begins_anew || target->expect_lags)) {
        target->expect = WIRE_FIRST_ID;
        target->expect_known = true;
        target->reset_answered = false;
    }
    if (frame->type == WIRE_MANIPULATE && !copy)
        wrote_reply(monitor, written);
    else if (frame->type == WIRE_STATE_CHANGE64 && (!copy || fresh || target->state == TARGET_UNKNOWN))
        wrote_stop(monitor, written);
    target->ids_known = true;
    target->begins_anew = false;
    target->expect_lags = false;
    target->answered = false;
    target->out_unseen = false;
    target->copies_open++;
    if ((frame->id & ~WIRE_SYNC) != WIRE_FIRST_ID) /* the one before it was acknowledged, and so all were answered */
        target->copies_open = target->acks_open = 0;
    if (fresh || !copy || !target->out.is_there || frame->id != target->out.id) {
        sent_keep(&target->out, frame);
        target->out.begun_number = written->begun_number;
        settle(target, false);
    }
    target->out.copies++;
    target->out.ended_ns = monitor->now_ns;
}

void target_wrote(struct monitor *monitor, const struct written *written)
{
    monitor->target.is_asked = false;
    if (!written->frame->control)
        wrote_data(monitor, written);
    else if (written->frame->type == WIRE_ACK)
        wrote_ack(monitor, written);
    else if (written->frame->type == WIRE_RESEND)
        wrote_resend(monitor, written);
    else
        wrote_reset(monitor, written);
}

/* ---- what the wire does not show ---- */

static void forget_conversation(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    settle(target, false);
    target->answered = false;
    target->state = TARGET_UNKNOWN;
    target->may_stop_again = false;
    target->word_is_kept = false;
    target->request_count = 0;
    target->requests_unsure = false;
    target->reset_answered = false;
    target->is_asked = false;
    target->mishears = monitor->config.target_may_lose;
}

/* A relay counts the ACKs that its copies under the initial id still have to get: one that a fault made
 * superfluous may cost a frame of the next epoch an ACK (2.15). */
static void note_open_ack(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    bool initial = (target->out.id & ~WIRE_SYNC) == WIRE_FIRST_ID;
    if (!monitor->config.target_has_sessions || !target->out.is_there || !initial)
        return;
    target->acks_open = target->copies_open;
    if (!is_acked(target, UINT64_MAX))
        target_astray(monitor);
    target->out.is_there = false; /* of before */
}

/* It may have been anywhere, and may stop again to say where it is. What a UART still has to send is of
 * before. */
void target_starts_ids(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    note_open_ack(monitor);
    target->expect_lags = !monitor->config.target_has_sessions;
    if (!target->expect_lags) {
        target->expect = WIRE_FIRST_ID;
        target->expect_known = true;
    }
    target->ids_known = true;
    target->begins_anew = true;
    target->answered = false;
    target->out.is_there = false;
    target->out_unseen = false;
    target->may_stop_again = true;
    target->request_count = 0;
    target->requests_unsure = false;
    target->reset_answered = false;
}

void target_mishears(struct monitor *monitor)
{
    monitor->target.mishears = true;
}

/* What was received before may lie in a queue still, and be read from its middle on. */
void target_boots(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    note_open_ack(monitor);
    forget_conversation(monitor);
    target_starts_ids(monitor);
    target->state = TARGET_BOOTED;
    target->expect = WIRE_FIRST_ID;
    target->expect_known = true;
    if (inbox_find(&target->inbox, UNIT_DATA, UINT64_MAX) != NO_UNIT ||
        inbox_find(&target->inbox, UNIT_BAD, UINT64_MAX) != NO_UNIT ||
        wire_scan_busy(&monitor->lines[MONITOR_TARGET].received))
        target_astray(monitor);
}

void target_lost(struct monitor *monitor)
{
    note_open_ack(monitor);
    forget_conversation(monitor);
    monitor->target.ids_known = false;
    monitor->target.expect_known = false;
    monitor->target.out.is_there = false;
    monitor->target.out_unseen = true;
    target_astray(monitor);
}

/* A relay begins a session; a target on a serial line does not even know (5.3). */
void target_session(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    bool booted = target->state == TARGET_BOOTED && !target->out.is_there;
    target->inbox.count = 0;
    if (!monitor->config.target_has_sessions) {
        target_lost(monitor);
        return;
    }
    forget_conversation(monitor);
    if (booted)
        target->state = TARGET_BOOTED;
    target->ids_known = true;
    target->begins_anew = true;
    target->expect = WIRE_FIRST_ID;
    target->expect_known = true;
    target->astray_number = 0;
    target->hidden_frames = 0;
}

void target_time(struct monitor *monitor)
{
    struct target *target = &monitor->target;
    if (!target->is_asked || monitor->now_ns - target->quiet_since_ns <= monitor->config.silence_ns)
        return;
    target->is_asked = false;
    monitor_blame(monitor, MONITOR_TARGET, MONITOR_W8, MONITOR_NO_DEVIATION, NULL,
                  "it is stopped, a good request came, and it said nothing to it");
}

void target_excused(struct monitor *monitor)
{
    monitor->target.quiet_since_ns = monitor->now_ns;
}
