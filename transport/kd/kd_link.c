/* kd_link.c: the target's end of a KDCOM line.
 *
 * Three layers, in the order of this file: what the link does (write, finish, start over), how a complete
 * frame is judged (kd-protocol.md 2.5, 2.6, 2.9), and how bytes become frames (2.1, 2.4). Rule numbers are
 * the document's. Every byte goes through the scanner alone, and the first one that gives the caller
 * something to do ends the call: that is why chunks cannot matter. */
#include "transport/kd/kd_link.h"

static uint64_t tick_after(uint64_t now, uint64_t wait)
{
    return wait > KD_NEVER - now ? KD_NEVER : now + wait;
}

static void wait_for_byte(struct kd_link *link, uint64_t now)
{
    link->deadline = tick_after(now, link->config.byte_wait);
}

static void start_scan(struct kd_link *link)
{
    link->scan = KD_SCAN_LEADER;
    link->run_length = 0;
    link->scan_break_in = false;
    link->have = 0;
}

static bool action_is_empty(const struct kd_action *action)
{
    return !action->write_control && !action->write_packet && !action->break_in && !action->leader_seen &&
           action->outcome == KD_OUTCOME_NONE;
}

static void write_control(struct kd_action *action, uint16_t type, uint32_t id)
{
    const struct kd_frame_header header = {.leader = KD_LEADER_CONTROL, .type = type, .id = id};
    action->write_control = true;
    kd_frame_header_store(action->control, &header);
}

static void ask_resend(struct kd_link *link, struct kd_action *action)
{
    link->counters.resends_sent++;
    write_control(action, KD_TYPE_RESEND, 0);
}

/* N1, again. Ids are read when the caller fetches the frame, so a RESET in between is honoured. */
static void repeat_packet(struct kd_link *link, struct kd_action *action)
{
    link->counters.frames_sent++;
    link->counters.frames_repeated++;
    action->write_packet = true;
}

static void finish(struct kd_link *link, struct kd_action *action, enum kd_outcome outcome)
{
    link->state = KD_LINK_IDLE;
    action->outcome = outcome;
}

/* Both ids begin anew (2.3). A kept frame is of the session that ends here and must not be delivered after
 * it; and the RESETs absorbed until now were absorbed on account of ids that no longer stand. */
static void restart_ids(struct kd_link *link, uint32_t next_id)
{
    link->next_id = next_id;
    link->expect_id = KD_ID_INITIAL;
    link->kept = false;
    link->reset_absorbed_until = 0;
}

static void advance_next_id(struct kd_link *link)
{
    link->next_id = (link->next_id ^ 1) & ~KD_ID_SYNC;
}

static void abandon(struct kd_link *link)
{
    link->counters.abandoned++;
    link->state = KD_LINK_IDLE;
    link->acks_due = link->acks_stale = 0; /* whoever was silent for so long is not counted on */
    restart_ids(link, KD_ID_INITIAL | KD_ID_SYNC);
}

/* A copy under the initial id was answered. Bytes keep their order, so those of what is over come first.
 * Returns  true when this was one of them */
static bool answers_what_is_over(struct kd_link *link)
{
    bool is_stale = link->acks_stale > 0;
    if (link->acks_due > 0)
        link->acks_due--;
    if (is_stale)
        link->acks_stale--;
    return is_stale;
}

static bool fits(const struct kd_wanted *wanted, uint32_t body_bytes)
{
    return body_bytes >= wanted->header_bytes &&
           body_bytes <= (uint32_t)wanted->header_bytes + wanted->data_room;
}

static void deliver(struct kd_link *link, uint16_t type, const uint8_t *body, uint32_t body_bytes,
                    struct kd_action *action)
{
    link->received = (struct kd_received){
        .type = type,
        .header_bytes = link->wanted.header_bytes,
        .data_bytes = (uint16_t)(body_bytes - link->wanted.header_bytes),
        .body = body,
    };
    finish(link, action, KD_OUTCOME_RECEIVED);
}

/* R9. A sender that waits for an ACK has no wish yet, so only the type can say what is too short (N6). */
static bool body_size_good(const struct kd_link *link)
{
    uint32_t body_bytes = link->header.byte_count;
    if (body_bytes > KD_BODY_BYTES_MAX)
        return false;
    if (link->state == KD_LINK_SENDING)
        return body_bytes >= kd_type_header_bytes(link->header.type);
    return fits(&link->wanted, body_bytes);
}

/* N6: the debugger has moved on, so it has our packet. Its frame is acknowledged and kept for the next
 * receive; with one kept already it is asked for again, as the rule has it, and nothing is lost. */
static void data_acknowledges(struct kd_link *link, struct kd_action *action)
{
    if ((link->next_id & ~KD_ID_SYNC) == KD_ID_INITIAL)
        (void)answers_what_is_over(link);
    advance_next_id(link);
    finish(link, action, KD_OUTCOME_SENT);
    if (link->kept) {
        ask_resend(link, action);
        return;
    }
    link->kept = true;
    link->kept_type = link->header.type;
    link->kept_bytes = link->header.byte_count;
    kd_packet_copy(link->kept_body, link->body, link->kept_bytes);
    link->counters.frames_accepted++;
    link->expect_id ^= 1;
    write_control(action, KD_TYPE_ACK, link->header.id);
}

static void data_received(struct kd_link *link, struct kd_action *action)
{
    link->counters.frames_accepted++;
    link->expect_id ^= 1; /* R13 too: the debugger saw our ACK and has toggled */
    write_control(action, KD_TYPE_ACK, link->header.id);
    if (link->header.type == link->wanted.type)
        deliver(link, link->header.type, link->body, link->header.byte_count, action);
}

/* A whole data frame is here: R10 to R14 while receiving, N6 and N7 while sending. The size is judged once
 * more, because a frame begun before kd_link_cancel may end under another wish. */
static void judge_data(struct kd_link *link, uint8_t trailer, struct kd_action *action)
{
    start_scan(link);
    if (trailer != KD_TRAILER_BYTE || !body_size_good(link) ||
        kd_checksum(0, link->body, link->header.byte_count) != link->header.checksum) {
        ask_resend(link, action);
        return;
    }
    if (link->distrusts && !(link->header.id & KD_ID_SYNC)) {
        link->counters.strangers_dropped++;
        return;
    }
    link->distrusts = false;
    link->reset_absorbed_until = 0;
    if ((link->header.id & ~KD_ID_SYNC) != link->expect_id) {
        link->counters.repeats_dropped++;
        write_control(action, KD_TYPE_ACK, link->header.id);
    } else if (link->state == KD_LINK_SENDING) {
        data_acknowledges(link, action);
    } else {
        data_received(link, action);
    }
}

/* R4, R5, N2. The ids compare with our SYNC bit cleared and theirs as it came (2.3 rule 2). */
static void judge_ack(struct kd_link *link, struct kd_action *action)
{
    link->reset_absorbed_until = 0;
    if (link->header.id == KD_ID_INITIAL && answers_what_is_over(link)) {
        link->counters.strangers_dropped++;
        return;
    }
    if (link->state != KD_LINK_SENDING || link->header.id != (link->next_id & ~KD_ID_SYNC))
        return;
    link->distrusts = false;
    if (link->header.id != KD_ID_INITIAL)
        link->acks_due = link->acks_stale = 0; /* what came before it is answered, or will not be */
    advance_next_id(link);
    finish(link, action, KD_OUTCOME_SENT);
}

/* R3, N3 */
static void judge_resend(struct kd_link *link, struct kd_action *action)
{
    if ((link->next_id & ~KD_ID_SYNC) == KD_ID_INITIAL)
        (void)answers_what_is_over(link);
    if (link->state == KD_LINK_SENDING)
        repeat_packet(link, action);
    else
        finish(link, action, KD_OUTCOME_RESEND);
}

/* R6, N4, 2.9: one RESET is answered; those behind it were sent before our answer could be seen, and answering
 * them too would bounce for ever. */
static void judge_reset(struct kd_link *link, uint64_t now, struct kd_action *action)
{
    link->distrusts = false;
    if (now < link->reset_absorbed_until) {
        link->counters.resets_absorbed++;
        return;
    }
    link->counters.resets_answered++;
    restart_ids(link, KD_ID_INITIAL);
    link->reset_absorbed_until = tick_after(now, link->config.reset_window);
    write_control(action, KD_TYPE_RESET, 0);
    if (link->state == KD_LINK_SENDING)
        repeat_packet(link, action);
    else
        finish(link, action, KD_OUTCOME_RESEND);
}

/* A control frame is its 16 bytes, whatever ByteCount and Checksum say; unknown types are ignored (R7). */
static void judge_control(struct kd_link *link, uint64_t now, struct kd_action *action)
{
    start_scan(link);
    if (link->header.type == KD_TYPE_ACK)
        judge_ack(link, action);
    else if (link->header.type == KD_TYPE_RESEND)
        judge_resend(link, action);
    else if (link->header.type == KD_TYPE_RESET)
        judge_reset(link, now, action);
}

/* 2.4, the kdcom-RE column: a break-in is remembered for the whole scan, leader bytes or not. */
static void scan_leader(struct kd_link *link, uint8_t byte, struct kd_action *action)
{
    if (byte != KD_LEADER_BYTE_DATA && byte != KD_LEADER_BYTE_CONTROL) {
        link->run_length = 0;
        link->scan_break_in = link->scan_break_in || byte == KD_BREAK_IN_BYTE;
        return;
    }
    if (byte != link->run_byte)
        link->run_length = 0;
    link->run_byte = byte;
    link->head[link->run_length++] = byte;
    if (link->run_length < KD_LEADER_BYTES)
        return;
    action->leader_seen = true;
    action->break_in = link->scan_break_in;
    start_scan(link);
    link->scan = KD_SCAN_HEADER;
    link->have = KD_LEADER_BYTES;
}

static void scan_header(struct kd_link *link, uint8_t byte, uint64_t now, struct kd_action *action)
{
    link->head[link->have++] = byte;
    if (link->have < KD_FRAME_HEADER_BYTES)
        return;
    kd_frame_header_load(&link->header, link->head);
    if (link->header.leader == KD_LEADER_CONTROL) {
        judge_control(link, now, action);
        return;
    }
    start_scan(link);
    if (!body_size_good(link))
        ask_resend(link, action); /* at once: its body is noise to the next scan (R9) */
    else
        link->scan = link->header.byte_count > 0 ? KD_SCAN_BODY : KD_SCAN_TRAILER;
}

/* Takes as much of the body as is here; nothing can come of it before the trailer. */
static size_t scan_body(struct kd_link *link, const uint8_t *bytes, size_t len_bytes)
{
    size_t missing = link->header.byte_count - link->have;
    size_t taken = len_bytes < missing ? len_bytes : missing;
    kd_packet_copy(link->body + link->have, bytes, taken);
    link->have += (uint32_t)taken;
    if (taken == missing)
        link->scan = KD_SCAN_TRAILER;
    return taken;
}

/* Gives the scanner at least one byte, and returns how many it took. */
static size_t scan(struct kd_link *link, const uint8_t *bytes, size_t len_bytes, uint64_t now,
                   struct kd_action *action)
{
    switch (link->scan) {
    case KD_SCAN_LEADER:
        scan_leader(link, bytes[0], action);
        return 1;
    case KD_SCAN_HEADER:
        scan_header(link, bytes[0], now, action);
        return 1;
    case KD_SCAN_BODY:
        return scan_body(link, bytes, len_bytes);
    case KD_SCAN_TRAILER:
        judge_data(link, bytes[0], action);
        return 1;
    }
    return len_bytes;
}

void kd_link_init(struct kd_link *link, const struct kd_link_config *config)
{
    kd_fill(link, 0, sizeof(*link));
    link->config = *config;
    link->state = KD_LINK_IDLE;
    restart_ids(link, KD_ID_INITIAL | KD_ID_SYNC);
    start_scan(link);
}

void kd_link_restart(struct kd_link *link, uint64_t now, struct kd_action *action)
{
    *action = (struct kd_action){0};
    restart_ids(link, KD_ID_INITIAL | KD_ID_SYNC);
    link->distrusts = false;
    start_scan(link);
    wait_for_byte(link, now);
    if (link->state == KD_LINK_SENDING)
        repeat_packet(link, action);
}

void kd_link_forget_input(struct kd_link *link)
{
    start_scan(link);
}

bool kd_link_is_reading(const struct kd_link *link)
{
    return link->scan != KD_SCAN_LEADER || link->run_length > 0;
}

void kd_link_cut(struct kd_link *link)
{
    start_scan(link);
    link->acks_due = link->acks_stale = 0;
}

enum kd_status kd_link_send(struct kd_link *link, const struct kd_packet *packet, uint32_t retries,
                            uint64_t now, struct kd_action *action)
{
    *action = (struct kd_action){0};
    if (link->state != KD_LINK_IDLE)
        return KD_ERR_BUSY;
    if (kd_type_header_bytes(packet->type) == 0)
        return KD_ERR_ARGUMENT;
    if (packet->header.len_bytes > KD_BODY_BYTES_MAX ||
        packet->data.len_bytes > KD_BODY_BYTES_MAX - packet->header.len_bytes)
        return KD_ERR_TOO_BIG;
    link->packet = *packet;
    link->packet_sum = kd_checksum(kd_checksum(0, packet->header.bytes, packet->header.len_bytes),
                                   packet->data.bytes, packet->data.len_bytes);
    link->retries_left = retries;
    link->state = KD_LINK_SENDING;
    link->counters.frames_sent++;
    action->write_packet = true;
    wait_for_byte(link, now);
    return KD_OK;
}

enum kd_status kd_link_receive(struct kd_link *link, const struct kd_wanted *wanted, uint64_t now,
                               struct kd_action *action)
{
    *action = (struct kd_action){0};
    if (link->state != KD_LINK_IDLE)
        return KD_ERR_BUSY;
    link->wanted = *wanted;
    link->state = KD_LINK_RECEIVING;
    wait_for_byte(link, now);
    if (link->kept && link->kept_type == wanted->type && fits(wanted, link->kept_bytes))
        deliver(link, link->kept_type, link->kept_body, link->kept_bytes, action);
    link->kept = false;
    return KD_OK;
}

size_t kd_link_input(struct kd_link *link, const uint8_t *bytes, size_t len_bytes, uint64_t now,
                     struct kd_action *action)
{
    *action = (struct kd_action){0};
    size_t taken = 0;
    while (link->state != KD_LINK_IDLE && taken < len_bytes && action_is_empty(action)) {
        wait_for_byte(link, now);
        taken += scan(link, bytes + taken, len_bytes - taken, now, action);
    }
    return taken;
}

uint64_t kd_link_deadline(const struct kd_link *link)
{
    return link->state == KD_LINK_IDLE ? KD_NEVER : link->deadline;
}

/* N8 to N10. The time-out that uses up the last retry gives an abandonable packet up. */
static void send_timed_out(struct kd_link *link, struct kd_action *action)
{
    if (link->retries_left > 0)
        link->retries_left--;
    if (link->retries_left > 0 || !kd_packet_abandonable(&link->packet)) {
        repeat_packet(link, action);
        return;
    }
    abandon(link);
    action->outcome = KD_OUTCOME_ABANDONED;
}

void kd_link_expire(struct kd_link *link, uint64_t now, struct kd_action *action)
{
    *action = (struct kd_action){0};
    if (link->state == KD_LINK_IDLE || now < link->deadline)
        return;
    bool in_body = link->scan == KD_SCAN_BODY || link->scan == KD_SCAN_TRAILER;
    action->break_in = link->scan_break_in;
    start_scan(link);
    wait_for_byte(link, now);
    if (in_body)
        ask_resend(link, action); /* R10 */
    else if (link->state == KD_LINK_RECEIVING)
        finish(link, action, action->break_in ? KD_OUTCOME_RESEND : KD_OUTCOME_TIMEOUT); /* R1, R2 */
    else if (action->break_in)
        repeat_packet(link, action); /* N5 */
    else
        send_timed_out(link, action);
}

void kd_link_cancel(struct kd_link *link)
{
    link->state = KD_LINK_IDLE;
}

void kd_link_distrust(struct kd_link *link)
{
    link->distrusts = true;
    link->acks_stale = link->acks_due;
}

void kd_link_copy_begun(struct kd_link *link, uint32_t id)
{
    if ((id & ~KD_ID_SYNC) == KD_ID_INITIAL)
        link->acks_due++;
}

void kd_link_thrown_away(struct kd_link *link, const uint8_t *bytes, size_t len_bytes)
{
    struct kd_frame_header header;
    for (size_t at = 0; at + KD_FRAME_HEADER_BYTES <= len_bytes; at++) {
        kd_frame_header_load(&header, bytes + at);
        if (header.leader == KD_LEADER_CONTROL && header.type == KD_TYPE_ACK && header.id == KD_ID_INITIAL)
            (void)answers_what_is_over(link);
    }
}

void kd_link_abandon(struct kd_link *link)
{
    abandon(link);
}

void kd_link_frame(const struct kd_link *link, struct kd_frame *frame)
{
    const struct kd_packet *packet = &link->packet;
    const struct kd_frame_header header = {
        .leader = KD_LEADER_DATA,
        .type = packet->type,
        .byte_count = (uint16_t)(packet->header.len_bytes + packet->data.len_bytes),
        .id = link->next_id,
        .checksum = link->packet_sum,
    };
    kd_frame_header_store(frame->head, &header);
    frame->header = packet->header;
    frame->data = packet->data;
    frame->trailer = KD_TRAILER_BYTE;
}
