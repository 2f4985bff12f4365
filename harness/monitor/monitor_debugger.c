/* The debugger, judged frame by frame: it acts upon each at once (2.10), so what it received is what it
 * knows. */
#include "harness/monitor/monitor_private.h"
#include <inttypes.h>
#include <string.h>

static unsigned id_bit(uint32_t id)
{
    return 1u << (id & 1);
}

static void blame(struct monitor *monitor, const struct written *written, enum monitor_rule rule,
                  enum monitor_deviation deviation, const char *why)
{
    monitor_blame(monitor, MONITOR_DEBUGGER, rule, deviation, written->frame, "%s", why);
}

/* ---- what it receives ---- */

/* Ids of both sides begin anew, and nothing of before is waited for. */
static void start_over(struct debugger *debugger)
{
    debugger->out.is_there = false;
    debugger->next = id_bit(WIRE_FIRST_ID);
    debugger->expect = WIRE_FIRST_ID;
    debugger->last_may_repeat = false;
    debugger->owed_count = 0;
    debugger->stopped = false;
    debugger->continued = false;
    debugger->awaits_api = 0;
}

static void received_ack(struct debugger *debugger, const struct wire_frame *frame)
{
    struct sent *out = &debugger->out;
    if (!out->is_there || debugger->out_acked || frame->id != out->id)
        return;
    debugger->out_acked = true;
    debugger->last_may_repeat = false;
    debugger->reset_is_out =
        false;                /* bytes keep their order: a RESET that comes now it may take for a new one */
    if (debugger->out_void) { /* whoever gave a frame up may count its ACK, or not */
        debugger->next |= id_bit(out->id ^ 1);
        return;
    }
    debugger->next = id_bit(out->id ^ 1);
    if (out->type != WIRE_MANIPULATE)
        return;
    enum request_end end = request_end_of(out->api);
    if (end == REQUEST_HAS_REPLY && !debugger->has_reply)
        debugger->awaits_api = out->api;
    if (end == REQUEST_RUNS || end == REQUEST_STOPS_ANEW) {
        debugger->stopped = debugger->stopped_since_request;
        debugger->continued = end == REQUEST_RUNS && !debugger->stopped;
    }
}

/* The first RESET behind one of its own is the answer; any other asks for one (2.9). */
static void received_reset(struct monitor *monitor)
{
    struct debugger *debugger = &monitor->debugger;
    bool answer = debugger->reset_is_out;
    start_over(debugger);
    debugger->reset_is_out = false;
    /* Behind a script's bytes the debugger itself may not know whose RESET is answered. */
    debugger->reset = answer && !debugger->unjudged ? RESET_IS_ANSWER : RESET_UNASKED;
    debugger->reset_ns = monitor->now_ns;
    if (answer && !debugger->manual)
        debugger->unjudged = false;
}

static void owe_ack(struct monitor *monitor, uint32_t id)
{
    struct debugger *debugger = &monitor->debugger;
    if (debugger->unjudged || debugger->owed_count == OWED_MAX)
        return;
    debugger->owed[debugger->owed_count++] = (struct owed){id, monitor->now_ns};
}

/* A request under way is void: the target that does this serves none from before (2.10). */
static void void_request(struct debugger *debugger)
{
    debugger->out_void = true;
    debugger->awaits_api = 0;
}

static void accept(struct debugger *debugger, const struct wire_frame *frame)
{
    uint32_t api = frame_api(frame);
    switch (frame->type) {
    case WIRE_STATE_CHANGE64:
        void_request(debugger);
        debugger->stopped = true;
        debugger->continued = false;
        debugger->stopped_since_request = true;
        debugger->prompts = 0;
        break;
    case WIRE_MANIPULATE:
        if (api == debugger->awaits_api)
            debugger->awaits_api = 0;
        debugger->has_reply = debugger->has_reply || api == debugger->out.api;
        break;
    case WIRE_DEBUG_IO:
        debugger->prompts += api == API_PROMPT;
        break;
    case WIRE_FILE_IO:
        void_request(debugger);
        debugger->files++;
        break;
    default:
        break;
    }
}

/* A SYNC frame is always new to it (2.3 rule 1), unless it is the last one once more, to the bit: then a
 * debugger may take it for either. With any other bit out of place it is no id of anybody's (W4, E16). */
static bool is_new(struct debugger *debugger, const struct wire_frame *frame)
{
    if ((frame->id & ~1u) != (WIRE_FIRST_ID | WIRE_SYNC))
        return frame->id == debugger->expect;
    if (debugger->last_may_repeat && debugger->last.id == frame->id && sent_same(&debugger->last, frame)) {
        debugger->next |= id_bit(WIRE_FIRST_ID);
        return false;
    }
    void_request(debugger);
    debugger->next = id_bit(WIRE_FIRST_ID);
    debugger->expect = frame->id & ~WIRE_SYNC;
    return true;
}

static void received_data(struct monitor *monitor, const struct wire_frame *frame)
{
    struct debugger *debugger = &monitor->debugger;
    if (frame->flaw != WIRE_GOOD)
        return;
    owe_ack(monitor, frame->id);
    if (!is_new(debugger, frame))
        return;
    debugger->expect ^= 1;
    sent_keep(&debugger->last, frame);
    debugger->last_may_repeat = true;
    accept(debugger, frame);
}

void debugger_received(struct monitor *monitor, const struct wire_piece *piece)
{
    if (piece->kind != WIRE_FRAME)
        return;
    const struct wire_frame *frame = &piece->frame;
    if (frame->control && frame->type == WIRE_RESET) {
        received_reset(monitor);
        return;
    }
    monitor->debugger.reset = RESET_NONE;
    if (!frame->control)
        received_data(monitor, frame);
    else if (frame->type == WIRE_ACK)
        received_ack(&monitor->debugger, frame);
}

/* ---- its control frames ---- */

static void forget_owed(struct debugger *debugger, unsigned index)
{
    debugger->owed_count--;
    memmove(debugger->owed + index, debugger->owed + index + 1,
            (debugger->owed_count - index) * sizeof *debugger->owed);
}

/* Returns the index of the oldest frame that this ACK can be for, or owed_count. */
static unsigned find_owed(const struct debugger *debugger, uint32_t id, uint32_t mask)
{
    unsigned index = 0;
    while (index < debugger->owed_count && (debugger->owed[index].id & mask) != id)
        index++;
    return index;
}

static void wrote_ack(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    uint32_t id = written->frame->id;
    unsigned index = find_owed(debugger, id, ~WIRE_SYNC);
    if (index == debugger->owed_count && (id & WIRE_SYNC)) {
        index = find_owed(debugger, id, UINT32_MAX);
        if (index < debugger->owed_count)
            blame(monitor, written, MONITOR_W8, MONITOR_ACK_WITH_SYNC, "an ACK has no SYNC bit (C08)");
    }
    if (index < debugger->owed_count)
        forget_owed(debugger, index);
    else
        blame(monitor, written, MONITOR_W9, MONITOR_ACKS_CONTROL,
              "no such frame came that it has not acknowledged");
}

static void wrote_resend(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    if (debugger->owed_count == 0)
        return;
    if (!debugger->out.is_there || debugger->out_acked)
        monitor_blame(monitor, MONITOR_DEBUGGER, MONITOR_W8, MONITOR_NO_DEVIATION, written->frame,
                      "the frame %08" PRIx32 " that came was good, and crossed with none",
                      debugger->owed[0].id);
    forget_owed(debugger, 0);
}

/* It may want a fresh start at any time; but a RESET in the very moment in which one came answers that one,
 * unless we were told otherwise. */
static void wrote_reset(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    bool at_once = debugger->reset_ns == monitor->now_ns;
    if (at_once && debugger->reset == RESET_IS_ANSWER)
        blame(monitor, written, MONITOR_W10, MONITOR_NO_DEVIATION, "it answers an answer");
    if (at_once && debugger->reset == RESET_RETURNED)
        blame(monitor, written, MONITOR_W10, MONITOR_NO_DEVIATION, "one RESET gets one answer");
    debugger->reset = at_once && debugger->reset == RESET_UNASKED ? RESET_RETURNED : RESET_NONE;
    start_over(debugger);
    debugger->reset_is_out = true;
}

/* Who wants a fresh start does not wait for the rest of an old frame, whose length may be a lie (2.9). */
static void forget_half_a_frame(struct monitor *monitor)
{
    struct wire_scan *received = &monitor->lines[MONITOR_DEBUGGER].received;
    if (received->in_frame)
        wire_scan_forget(received);
}

/* ---- its data frames ---- */

/* Returns true when it is one more copy of the frame under way. */
static bool judge_id(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    const struct sent *out = &debugger->out;
    uint32_t id = written->frame->id;
    bool same = sent_same(out, written->frame);
    if (same && id == out->id && !debugger->out_acked)
        return true;
    if (out->is_there && !debugger->out_acked && !debugger->out_void) {
        if (same || id == out->id)
            blame(monitor, written, MONITOR_W6, MONITOR_NO_DEVIATION,
                  same ? "it is repeated under another id" : "it is not the frame that has this id");
        else
            monitor_blame(monitor, MONITOR_DEBUGGER, MONITOR_W5, MONITOR_NO_DEVIATION, written->frame,
                          "%s id=%08" PRIx32 " is not acknowledged", wire_type_name(out->type), out->id);
    } else if (!(debugger->next & id_bit(id))) {
        blame(monitor, written, MONITOR_W7, MONITOR_ID_AS_RECEIVED, "it is the other id's turn");
    }
    return false;
}

static void judge_request(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    if (debugger->awaits_api != 0)
        monitor_blame(monitor, MONITOR_DEBUGGER, MONITOR_W16, MONITOR_NO_DEVIATION, written->frame,
                      "request %" PRIx32 " has no reply yet", debugger->awaits_api);
    else if (!debugger->stopped && debugger->continued)
        blame(monitor, written, MONITOR_W13, MONITOR_NO_DEVIATION, "the target runs since the last Continue");
    else if (!debugger->stopped)
        blame(monitor, written, MONITOR_W16, MONITOR_NO_DEVIATION, "no state change came: the target runs");
}

static void judge_answer(struct monitor *monitor, const struct written *written, unsigned *asked)
{
    if (*asked == 0)
        blame(monitor, written, MONITOR_W16, MONITOR_NO_DEVIATION, "the target did not ask for it");
    *asked -= *asked > 0;
}

static void judge_by_type(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    if (written->frame->type == WIRE_MANIPULATE)
        judge_request(monitor, written);
    else if (written->frame->type == WIRE_DEBUG_IO)
        judge_answer(monitor, written, &debugger->prompts);
    else if (written->frame->type == WIRE_FILE_IO)
        judge_answer(monitor, written, &debugger->files);
}

static void wrote_data(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    if (written->frame->id & WIRE_SYNC)
        blame(monitor, written, MONITOR_W15, MONITOR_ID_AS_RECEIVED, "a debugger's frame has no SYNC bit");
    if (debugger->owed_count > 0)
        monitor_blame(monitor, MONITOR_DEBUGGER, MONITOR_W8, MONITOR_NO_DEVIATION, written->frame,
                      "the frame %08" PRIx32 " that came before is not acknowledged", debugger->owed[0].id);
    debugger->owed_count = 0;
    if (judge_id(monitor, written))
        return;
    judge_by_type(monitor, written);
    sent_keep(&debugger->out, written->frame);
    debugger->out_acked = false;
    debugger->out_void = false;
    debugger->stopped_since_request = false;
    debugger->has_reply = false;
    debugger->next = id_bit(written->frame->id);
}

/* What a script plays is not judged; but its RESET, once answered, ends that. */
void debugger_wrote(struct monitor *monitor, const struct written *written)
{
    struct debugger *debugger = &monitor->debugger;
    bool reset = written->frame->control && written->frame->type == WIRE_RESET;
    if (reset)
        forget_half_a_frame(monitor);
    if (reset && !debugger->unjudged) {
        wrote_reset(monitor, written);
    } else if (reset) {
        debugger->reset_is_out = true;
    } else if (!debugger->unjudged) {
        debugger->reset = RESET_NONE;
        if (!written->frame->control)
            wrote_data(monitor, written);
        else if (written->frame->type == WIRE_ACK)
            wrote_ack(monitor, written);
        else
            wrote_resend(monitor, written);
    }
}

/* ---- what the wire does not show ---- */

void debugger_session(struct monitor *monitor)
{
    bool manual = monitor->debugger.manual;
    memset(&monitor->debugger, 0, sizeof monitor->debugger);
    start_over(&monitor->debugger);
    monitor->debugger.manual = manual;
    monitor->debugger.unjudged = manual;
}

void debugger_wants_reset(struct monitor *monitor)
{
    monitor->debugger.reset = RESET_NONE;
}

void debugger_time(struct monitor *monitor)
{
    struct debugger *debugger = &monitor->debugger;
    if (debugger->unjudged || debugger->owed_count == 0 ||
        monitor->now_ns - debugger->owed[0].time_ns <= monitor->config.answer_ns)
        return;
    monitor_blame(monitor, MONITOR_DEBUGGER, MONITOR_W8, MONITOR_NO_DEVIATION, NULL,
                  "the frame %08" PRIx32 " came, and was not acknowledged", debugger->owed[0].id);
    debugger->owed_count = 0;
}

void debugger_excused(struct monitor *monitor)
{
    struct debugger *debugger = &monitor->debugger;
    for (unsigned i = 0; i < debugger->owed_count; i++)
        debugger->owed[i].time_ns = monitor->now_ns;
}
