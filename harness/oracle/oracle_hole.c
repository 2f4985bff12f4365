/* The holes of KDCOM: what a fault can do that the protocol cannot see, and upon which message it falls.
 *
 * A fault on a frame is classified by the field that it hit. Most are no holes: the checksum, the trailing
 * byte, the ids and the timers recover them, and then nothing is excused. */
#include "harness/dbg/dbg_bytes.h"
#include "harness/dbg/dbg_wire.h"
#include "harness/oracle/oracle_private.h"
#include <string.h>

static const struct oracle_hole holes[HOLES] = {
    [HOLE_TYPE_FLIP] = {"header-type-flip",
                        "a bit of PacketType flips in a data frame; the checksum spares the header",
                        "acknowledged and dropped, or delivered under the other type"},
    [HOLE_ID_FLIP] =
        {"header-id-flip",
         "a bit of PacketId flips: a new frame looks like a repeat, a repeat like a new one, SYNC appears "
         "or goes, an ACK names another frame",
         "this message may be lost or come twice; counters out of step cost one more, either way"},
    [HOLE_COUNT_FLIP] = {"header-count-flip",
                         "a bit of ByteCount flips, and 0xAA and the sum happen to fit the shorter body",
                         "delivered cut short; else recovered by RESEND"},
    [HOLE_CONTROL_FLIP] = {"control-type-flip",
                           "a bit of PacketType flips in a control frame: an ACK becomes RESEND or RESET",
                           "as if that had been sent: a false RESET ends the epoch of both directions"},
    [HOLE_COMPENSATED] = {"compensating-flips", "several bits of one frame flip and the sum stays",
                          "delivered with these bits flipped"},
    [HOLE_BREAK_IN_HIT] = {"break-in-hit", "a break-in byte is dropped or changed; it has no acknowledgement",
                           "no break; the user asks again"},
    [HOLE_MISFRAME] =
        {"misframe",
         "a frame to the target loses a byte, its leader or its true length, or its second half with the line, and "
         "swallows what follows",
         "frames are repeated; a break-in byte inside is lost"},
    [HOLE_NOISE_BREAK_IN] = {"noise-break-in", "a faulted frame to the target becomes noise, with 0x62 in it",
                             "one break for each such byte, at most"},
    [HOLE_RESET_REPEAT] =
        {"reset-repeat",
         "no fault: a RESET crosses a message that is accepted already; its sender begins it anew",
         "the last message before a RESET may come once more"},
    [HOLE_IMPLICIT_ACK] =
        {"implicit-ack", "no fault: a request crosses a packet, and its arrival counts as the packet's ACK",
         "this packet may be lost although it counts as sent, and then the next one too"},
    [HOLE_LATE_RESET] =
        {"late-reset-answer",
         "no fault: the answer to a RESET comes when a request is under way already; ids start over "
         "for the debugger, not for the target; on serial also: a packet counts as sent while a RESET is unread",
         "the next request, or that packet and the next, may pass for a repeat"},
    [HOLE_LATE_ACK] =
        {"late-ack",
         "no fault: an ACK of the epoch before the boot comes when the SYNC packet is out; its id is "
         "that packet's too",
         "this packet and the next may be lost although they count as sent, and a request to the "
         "kernel before may reach the new one in place of its first"},
    [HOLE_SAME_START] =
        {"same-start",
         "no fault: a guest begins with the very packet with which the one before began, and the debugger has "
         "answered nothing in between",
         "it passes for a repeat, and is acknowledged and dropped; a request whose ACK was lost reaches both"},
};

const struct oracle_hole *oracle_holes(unsigned *count)
{
    *count = HOLES;
    return holes;
}

static const unsigned outcomes[HOLES] = {
    [HOLE_TYPE_FLIP] = OUTCOME_LOST | OUTCOME_CHANGED,
    [HOLE_ID_FLIP] = OUTCOME_LOST | OUTCOME_TWICE,
    [HOLE_COUNT_FLIP] = OUTCOME_CHANGED,
    [HOLE_CONTROL_FLIP] = OUTCOME_LOST | OUTCOME_TWICE,
    [HOLE_COMPENSATED] = OUTCOME_CHANGED,
    [HOLE_RESET_REPEAT] = OUTCOME_TWICE,
    [HOLE_IMPLICIT_ACK] = OUTCOME_LOST,
    [HOLE_LATE_RESET] = OUTCOME_LOST,
    [HOLE_LATE_ACK] = OUTCOME_LOST,
    [HOLE_SAME_START] = OUTCOME_LOST | OUTCOME_TWICE,
};

unsigned oracle_outcomes(enum oracle_hole_index hole)
{
    return outcomes[hole];
}

/* ---- the fault on one frame ---------------------------------------------------------------------------- */

enum field { FIELD_LEADER, FIELD_TYPE, FIELD_COUNT, FIELD_ID, FIELD_CHECKSUM, FIELD_BODY };

static enum field field_at(size_t byte)
{
    static const struct {
        size_t end;
        enum field field;
    } fields[] = {{4, FIELD_LEADER}, {6, FIELD_TYPE}, {8, FIELD_COUNT}, {12, FIELD_ID}, {16, FIELD_CHECKSUM}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (byte < fields[i].end)
            return fields[i].field;
    return FIELD_BODY;
}

static bool is_data(const uint8_t *frame, size_t frame_bytes)
{
    return frame_bytes > DBG_HEADER_BYTES && frame[0] == 0x30;
}

/* The frame as this flip, and those before it upon the same frame, leave it. */
static void apply_flip(struct oracle *oracle, const uint8_t *frame, size_t frame_bytes, uint32_t bit)
{
    uint64_t now = sim_now(oracle->world);
    bool again = oracle->flipped_ns == now && oracle->flipped_bytes == frame_bytes &&
                 memcmp(oracle->clean, frame, frame_bytes) == 0;
    if (!again) {
        oracle->flipped_ns = now;
        oracle->flipped_bytes = frame_bytes;
        memcpy(oracle->clean, frame, frame_bytes);
        memcpy(oracle->flipped, frame, frame_bytes);
    }
    oracle->flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* The body was changed, and sum and trailing byte do not show it. */
static bool compensated(const struct oracle *oracle)
{
    const uint8_t *frame = oracle->flipped;
    size_t frame_bytes = oracle->flipped_bytes;
    if (!is_data(frame, frame_bytes) || frame[frame_bytes - 1] != 0xAA)
        return false;
    uint32_t sum = 0;
    for (size_t i = DBG_HEADER_BYTES; i < frame_bytes - 1; i++)
        sum += frame[i];
    return sum == dbg_get32(frame + 12) && memcmp(oracle->clean + 16, frame + 16, frame_bytes - 17) != 0;
}

static enum oracle_hole_index classify_flip(const struct oracle *oracle, const uint8_t *frame,
                                            size_t frame_bytes, uint32_t bit)
{
    bool data = is_data(frame, frame_bytes);
    uint16_t type = dbg_get16(frame + 4), flipped_type = dbg_get16(oracle->flipped + 4);
    switch (field_at(bit / 8)) {
    case FIELD_TYPE:
        if (data)
            return HOLE_TYPE_FLIP;
        return flipped_type == DBG_TYPE_RESET || flipped_type == DBG_TYPE_ACK ? HOLE_CONTROL_FLIP : HOLE_NONE;
    case FIELD_ID:
        return data || type == DBG_TYPE_ACK ? HOLE_ID_FLIP : HOLE_NONE; /* the others' ids mean nothing */
    case FIELD_COUNT:
        return data ? HOLE_COUNT_FLIP : HOLE_NONE;
    case FIELD_CHECKSUM:
    case FIELD_BODY:
        return compensated(oracle) ? HOLE_COMPENSATED : HOLE_NONE;
    case FIELD_LEADER:
        break;
    }
    return HOLE_NONE;
}

/* ---- upon whom it falls -------------------------------------------------------------------------------- */

/* The debugger takes a SYNC frame for new unless it is the one before to the bit (2.3 rule 1): one that it took changed
 * comes once more when it is repeated as it should be. */
static void allow_again(struct oracle_flow *flow, const uint8_t *frame)
{
    struct oracle_strike *strike = &flow->strikes[flow->strike_count - 1];
    if ((dbg_get32(frame + 8) & DBG_ID_SYNC) && (strike->outcomes_left & OUTCOME_CHANGED))
        strike->outcomes_left |= OUTCOME_TWICE;
}

/* The message in a data frame: under way, or the last one that arrived, when the frame is its repeat. */
static void fall_on_message(struct oracle *oracle, struct oracle_flow *flow, const uint8_t *frame,
                            size_t frame_bytes, enum oracle_hole_index hole)
{
    uint16_t type = dbg_get16(frame + 4);
    const uint8_t *body = frame + DBG_HEADER_BYTES;
    size_t body_bytes = frame_bytes - DBG_HEADER_BYTES - 1;
    for (size_t i = 0; i < flow->count; i++) {
        if (oracle_entry_is(&flow->entries[i], type, body, body_bytes)) {
            oracle_strike(oracle, flow, &flow->entries[i], hole);
            allow_again(flow, frame);
            return;
        }
    }
    if (!flow->has_last || !oracle_entry_is(&flow->last, type, body, body_bytes))
        return;
    oracle_strike(oracle, flow, &flow->last, hole);
    allow_again(flow, frame);
}

/* A control frame speaks of the message that goes the other way. */
static void fall_on_newest(struct oracle *oracle, struct oracle_flow *flow, enum oracle_hole_index hole)
{
    const struct oracle_entry *entry = oracle_newest(flow);
    if (entry != NULL)
        oracle_strike(oracle, flow, entry, hole);
    else if (flow->has_last)
        oracle_strike(oracle, flow, &flow->last, hole);
}

static void false_reset(struct oracle *oracle)
{
    oracle_end_epoch(oracle);
    oracle->packets.unsettled = true;
    oracle_strike_ends(oracle, &oracle->packets, HOLE_CONTROL_FLIP);
    oracle_strike_ends(oracle, &oracle->requests, HOLE_CONTROL_FLIP);
}

static void fall(struct oracle *oracle, bool to_target, const uint8_t *frame, size_t frame_bytes,
                 enum oracle_hole_index hole)
{
    struct oracle_flow *along = to_target ? &oracle->requests : &oracle->packets;
    struct oracle_flow *against = to_target ? &oracle->packets : &oracle->requests;
    if (hole == HOLE_NONE)
        return;
    if (hole == HOLE_CONTROL_FLIP && dbg_get16(oracle->flipped + 4) == DBG_TYPE_RESET)
        false_reset(oracle);
    else if (is_data(frame, frame_bytes))
        fall_on_message(oracle, along, frame, frame_bytes, hole);
    else
        fall_on_newest(oracle, against, hole);
    if (hole == HOLE_ID_FLIP)
        along->next_hole = against->next_hole = HOLE_ID_FLIP;
}

static void raise_to(uint64_t *value, uint64_t least)
{
    if (*value < least)
        *value = least;
}

void oracle_misframed(struct oracle *oracle)
{
    raise_to(&oracle->misframed_until, sim_now(oracle->world) + 2 * SIM_S(1)); /* a byte timer, twice */
    for (size_t i = 0; i < oracle->wish_count; i++)
        oracle->wishes[i].hole = HOLE_MISFRAME;
}

/* What a target makes of a frame that is none any more: noise may hold 0x62, a false length eats what comes.
 */
static void misframe(struct oracle *oracle, const uint8_t *bytes, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++)
        oracle->noise_breaks += bytes[i] == DBG_BREAK_IN_BYTE;
    oracle_misframed(oracle);
}

static void flip(struct oracle *oracle, bool to_target, const uint8_t *frame, size_t frame_bytes,
                 uint32_t bit)
{
    apply_flip(oracle, frame, frame_bytes, bit);
    fall(oracle, to_target, frame, frame_bytes, classify_flip(oracle, frame, frame_bytes, bit));
    enum field field = field_at(bit / 8);
    if (to_target && (field == FIELD_LEADER || field == FIELD_COUNT))
        misframe(oracle, oracle->flipped, frame_bytes);
}

/* Everything behind comes later too, and what was repeated meanwhile has piled up. */
static void delay(struct oracle *oracle, bool to_target, uint64_t delay_ns)
{
    uint64_t until = sim_now(oracle->world) + delay_ns;
    raise_to(&oracle->calm_ns, until);
    if (!to_target)
        return;
    raise_to(&oracle->line_free_ns, until);
    raise_to(&oracle->piled_up_until, until + oracle->config.bound_ns);
    oracle_frame_is_late(oracle);
}

/* Bytes that nobody sent. Which ones the line drew is not known here: each may be a 0x62. */
static void noise(struct oracle *oracle, const struct sim_fault_rule *rule)
{
    uint64_t count = rule->len_bytes == 0 ? 1 : rule->len_bytes;
    bool drawn = rule->kind == SIM_FAULT_NOISE || rule->value == SIM_FAULT_NO_VALUE;
    oracle->bytes_ahead += count;
    misframe(oracle, NULL, 0);
    if (drawn || rule->value == DBG_BREAK_IN_BYTE)
        oracle->noise_breaks += count;
}

static bool is_late(const struct sim_fault_rule *rule)
{
    return rule->kind == SIM_FAULT_DELAY || rule->kind == SIM_FAULT_SPLIT || rule->kind == SIM_FAULT_JOIN ||
           rule->kind == SIM_FAULT_STALL;
}

/* True when a target may find less than the frame: a byte is gone or comes with an error, or one too many or
 * too late for the timer is in the middle. */
static bool tears(const struct sim_fault_rule *rule)
{
    switch (rule->kind) {
    case SIM_FAULT_DROP:
        return rule->byte != SIM_FAULT_NO_BYTE;
    case SIM_FAULT_INSERT:
        return rule->byte != SIM_FAULT_NO_BYTE && rule->byte != 0;
    case SIM_FAULT_SPLIT:
        return rule->delay_ns >= SIM_MS(100);
    default:
        return rule->kind == SIM_FAULT_FRAMING || rule->kind == SIM_FAULT_OVERRUN;
    }
}

void oracle_fault(struct oracle *oracle, const struct sim_fault_rule *rule, const uint8_t *frame,
                  size_t frame_bytes)
{
    bool to_target = rule->direction == SIM_FAULT_TO_TARGET;
    bool single = frame_bytes == 1;
    if (sim_fault_misses(rule, frame_bytes) || rule->layer == SIM_FAULT_RPC ||
        (!single && frame_bytes < DBG_HEADER_BYTES) || frame_bytes > DBG_FRAME_BYTES_MAX)
        return;
    oracle->packets.agreed = false; /* an ACK from before the RESET may count for a copy that is hit */
    if (is_late(rule))
        delay(oracle, to_target, rule->delay_ns);
    if (to_target && (rule->kind == SIM_FAULT_INSERT || rule->kind == SIM_FAULT_NOISE))
        noise(oracle, rule);
    /* What it was to begin anew comes under the initial id all the same, and may look new. */
    if (!to_target && !single && !is_data(frame, frame_bytes) && dbg_get16(frame + 4) == DBG_TYPE_RESET)
        oracle_strike_ends(oracle, &oracle->packets, HOLE_RESET_REPEAT);
    if (single) {
        if (to_target && frame[0] == DBG_BREAK_IN_BYTE)
            oracle_wish_hit(oracle, rule);
        return;
    }
    /* A frame that was spoilt or doubled may find nobody who takes it, but the polls of a running target. */
    if (to_target && !is_late(rule))
        oracle->bytes_ahead += frame_bytes;
    if (rule->kind == SIM_FAULT_FLIP)
        flip(oracle, to_target, frame, frame_bytes, rule->bit);
    else if (tears(rule) && to_target)
        misframe(oracle, frame, frame_bytes);
}
