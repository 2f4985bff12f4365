/* relay_core.c: one VM's requests on one side, one KDCOM line on the other.
 *
 * In the order of this file: replies; what the debugger is written; what the link says; what becomes of a
 * packet that nobody waits for; the target that is gone; the five requests; the debugger's events. The link
 * runs only while a VM call is held, as kdcom runs only while the kernel is in it: bytes that come in between
 * stay in `input`. */
#include "transport/relay/relay_core.h"

static void act(struct relay_core *core, const struct kd_action *action, uint64_t now);

/* ---- replies ---- */

/* splitmix64: a bijection of its counter, so no token comes twice in a relay's life. */
static uint64_t draw_token(struct relay_core *core)
{
    uint64_t token = 0;
    while (token == 0) {
        core->token_state += 0x9E3779B97F4A7C15u;
        token = core->token_state;
        token = (token ^ token >> 30) * 0xBF58476D1CE4E5B9u;
        token = (token ^ token >> 27) * 0x94D049BB133111EBu;
        token ^= token >> 31;
    }
    return token;
}

static uint16_t hold_ms(const struct relay_core *core)
{
    uint64_t ms = core->config.hold_ns / 1000000u;
    return ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
}

/* Gives the wish to the guest, once, and only where it breaks at once: told earlier, it would be one stop too
 * many when the target stops by itself before its next poll. */
static uint16_t take_wish(struct relay_core *core)
{
    if (!core->break_in_pending || core->target_stopped || core->request.kind != VM_POLL)
        return 0;
    core->break_in_pending = false;
    core->break_in_told = true;
    core->counters.break_ins++;
    return VM_REPLY_BREAK_IN;
}

/* Ends the request under way: its reply is ready, and a fresh token is what comes next. */
static void answer(struct relay_core *core, enum vm_result result, uint16_t flags)
{
    const struct kd_received *received = &core->link.received;
    struct vm_reply reply = {
        .version = VM_VERSION_MAX,
        .kind = core->request.kind,
        .result = (uint16_t)result,
        .flags = (uint16_t)(flags | take_wish(core)),
        .token = draw_token(core),
        .hold_ms = hold_ms(core),
        .epoch = core->epoch,
    };
    core->reply_len_bytes = VM_REPLY_BYTES;
    if (!core->debugger_present)
        reply.flags |= VM_REPLY_NOT_PRESENT;
    if (flags & VM_REPLY_PACKET) {
        reply.packet.type = received->type;
        reply.packet.header.len_bytes = received->header_bytes;
        reply.packet.data.len_bytes = received->data_bytes;
        uint32_t body_bytes = (uint32_t)received->header_bytes + received->data_bytes;
        kd_copy(core->reply + VM_REPLY_BYTES, received->body, body_bytes);
        core->reply_len_bytes += body_bytes;
    }
    vm_reply_store(core->reply, &reply);
    core->token_current = reply.token;
    core->state = RELAY_IDLE;
    core->ready = RELAY_READY_REPLY;
}

/* Answers without touching the call that is held or the reply that is cached. A stale guest gets its own
 * token back: it is worth nothing, and the next one is a hello's 0 anyway. */
static void refuse(struct relay_core *core, enum vm_result result, uint8_t kind, uint64_t token)
{
    const struct vm_reply reply = {
        .version = VM_VERSION_MAX,
        .kind = kind,
        .result = (uint16_t)result,
        .flags = core->debugger_present ? 0 : VM_REPLY_NOT_PRESENT,
        .token = token,
        .epoch = core->epoch,
    };
    vm_reply_store(core->refusal, &reply);
    core->ready = RELAY_READY_REFUSAL;
}

/* ---- what the debugger is written ---- */

static uint32_t frame_bytes(const uint8_t *head)
{
    struct kd_frame_header header;
    kd_frame_header_load(&header, head);
    return header.leader == KD_LEADER_DATA ? KD_FRAME_HEADER_BYTES + header.byte_count + 1u
                                           : KD_FRAME_HEADER_BYTES;
}

/* Behind a RESET a reader counts anew: a copy in front of it is none for these ids (2.6 N4). */
static void queue_control(struct relay_core *core, const uint8_t *control)
{
    if (core->debugger_connected && relay_queue_room(&core->output) >= KD_FRAME_HEADER_BYTES)
        relay_queue_put(&core->output, control, KD_FRAME_HEADER_BYTES);
    if (kd_load_u16(control + KD_FRAME_TYPE) == KD_TYPE_RESET)
        core->packet_copy_end = 0;
}

/* Queues the frame that is owed, whole or not at all. While a copy under the same id is not written out,
 * another one would only tell a slow reader the same thing twice (2.12 rule 8). */
static void queue_packet(struct relay_core *core)
{
    if (!core->packet_owed)
        return;
    core->packet_owed = core->debugger_connected && core->link.state == KD_LINK_SENDING;
    if (!core->packet_owed)
        return;
    struct kd_frame frame;
    kd_link_frame(&core->link, &frame);
    uint32_t id = kd_load_u32(frame.head + KD_FRAME_ID);
    if (core->packet_copy_end == 0 || core->packet_copy_id != id) {
        if (relay_queue_room(&core->output) < frame_bytes(frame.head))
            return;
        relay_queue_put(&core->output, frame.head, sizeof(frame.head));
        relay_queue_put(&core->output, frame.header.bytes, frame.header.len_bytes);
        relay_queue_put(&core->output, frame.data.bytes, frame.data.len_bytes);
        relay_queue_put(&core->output, &frame.trailer, 1);
        core->packet_copy_id = id;
        core->packet_copy_end = core->output.len_bytes;
    }
    core->packet_owed = false;
}

/* What was said in an epoch that is over, and not begun to be written, is not said any more. */
static void forget_unwritten(struct relay_core *core)
{
    relay_queue_cut(&core->output, core->output_torn);
    core->packet_owed = false;
    core->packet_copy_end = 0;
}

/* ---- what the link says ---- */

static void note_wish(struct relay_core *core)
{
    if (core->target_stopped || (core->break_in_pending && !core->break_in_is_ours)) {
        core->counters.break_ins_dropped++;
        return;
    }
    core->break_in_pending = true;
    core->break_in_is_ours = false;
}

static bool is_state_change(const struct kd_packet *packet)
{
    return packet->type == KD_TYPE_STATE_CHANGE64 || packet->type == KD_TYPE_STATE_CHANGE32;
}

/* Waits on for what the link waits for, or anew. The link's own time-out means nothing here: it ends
 * half-read frames (R2, R10), the hold ends the wait. */
static void begin_receive(struct relay_core *core, const struct kd_wanted *wanted, uint64_t now)
{
    bool goes_on = core->link.state == KD_LINK_RECEIVING && core->wanted.type == wanted->type &&
                   core->wanted.header_bytes == wanted->header_bytes &&
                   core->wanted.data_room == wanted->data_room;
    if (goes_on)
        return;
    struct kd_action action;
    core->wanted = *wanted;
    kd_link_cancel(&core->link);
    if (kd_link_receive(&core->link, &core->wanted, now, &action) == KD_OK)
        act(core, &action, now);
}

static void drop_wish(struct relay_core *core)
{
    if (core->break_in_pending)
        core->counters.break_ins_dropped++;
    core->break_in_pending = core->break_in_is_ours = false;
}

/* A guest that says once more what its debugger waits at has not forgotten it (a lost reply made it say
 * hello). */
static void note_stop(struct relay_core *core)
{
    if (core->break_in_is_ours && core->stop_sum == core->link.packet_sum)
        drop_wish(core);
    core->stop_sum = core->link.packet_sum;
}

/* The packet counts as acknowledged. */
static void note_sent(struct relay_core *core)
{
    if (core->packet.type == KD_TYPE_MANIPULATE)
        core->request_delivered = false;
    else if (is_state_change(&core->packet) || !kd_packet_sent_while_running(&core->packet))
        note_stop(core);
    if (!is_state_change(&core->packet))
        return;
    if (core->packet.header.len_bytes >= RELAY_STATE_HEAD_BYTES)
        kd_copy(core->state_head, core->packet.header.bytes, RELAY_STATE_HEAD_BYTES);
    core->shutdown_told = relay_is_notice(&core->packet);
    core->request_delivered = false;
    core->target_stopped = true; /* load symbols too: the debugger's word is waited for now */
    if (!kd_packet_sent_while_running(&core->packet))
        drop_wish(core); /* this stop is what was wished for */
}

static void farewell_said(struct relay_core *core, enum kd_outcome outcome, uint64_t now);

static void finish_send(struct relay_core *core, enum kd_outcome outcome, uint64_t now)
{
    core->send_pending = false;
    core->packet_owed = false;
    if (core->state == RELAY_TELLING) {
        farewell_said(core, outcome, now);
        return;
    }
    if (outcome == KD_OUTCOME_ABANDONED) {
        core->debugger_present = false;
        forget_unwritten(core);
        answer(core, VM_ABANDONED, 0);
        return;
    }
    note_sent(core);
    if (core->request.flags & VM_FLAG_WANT_NEXT) {
        core->state = RELAY_NEXT;
        begin_receive(core, &core->request.next, now);
    } else {
        answer(core, VM_DONE, 0);
    }
}

static void answer_for_the_gone(struct relay_core *core, uint64_t now);

static void deliver(struct relay_core *core, uint64_t now)
{
    if (core->state == RELAY_GONE) {
        answer_for_the_gone(core, now);
        return;
    }
    const struct kd_received *received = &core->link.received;
    const uint32_t body_bytes = (uint32_t)received->header_bytes + received->data_bytes;
    const struct kd_packet packet = {.type = received->type, .header = {received->body, body_bytes}};
    if (packet.type == KD_TYPE_MANIPULATE) {
        core->request_delivered = true;
        if (relay_lets_target_run(kd_packet_api(&packet)))
            core->target_stopped = false;
        if (kd_packet_api(&packet) == RELAY_API_REBOOT && core->break_in_is_ours)
            drop_wish(core);
    } else if (packet.type == KD_TYPE_DEBUG_IO) {
        core->target_stopped = false; /* the prompt is answered */
    }
    answer(core, VM_DONE, VM_REPLY_PACKET);
}

/* A receive of the link ended without a packet. Ended by silence it just goes on, after a break-in too (R1):
 * its repetition of the state change is what a relay spares the debugger (5.7). */
static void say_notice(struct relay_core *core, uint64_t now);

static void receive_ended(struct relay_core *core, const struct kd_action *action, uint64_t now)
{
    bool silence = action->outcome == KD_OUTCOME_TIMEOUT || (action->break_in && !action->leader_seen);
    if (silence)
        begin_receive(core, &core->wanted, now);
    else if (core->state == RELAY_GONE)
        say_notice(core, now);
    else if (core->state == RELAY_NEXT)
        answer(core, VM_DONE, VM_REPLY_RESEND_NEXT);
    else
        answer(core, VM_RESEND, 0);
}

/* Does what the link asks for, in the order that kd_link.h gives. */
static void act(struct relay_core *core, const struct kd_action *action, uint64_t now)
{
    if (action->leader_seen)
        core->debugger_present = true;
    if (action->break_in)
        note_wish(core);
    if (action->write_control)
        queue_control(core, action->control);
    if (action->write_packet)
        core->packet_owed = true;
    queue_packet(core);
    switch (action->outcome) {
    case KD_OUTCOME_NONE:
        break;
    case KD_OUTCOME_SENT:
    case KD_OUTCOME_ABANDONED:
        finish_send(core, action->outcome, now);
        break;
    case KD_OUTCOME_RECEIVED:
        deliver(core, now);
        break;
    case KD_OUTCOME_TIMEOUT:
    case KD_OUTCOME_RESEND:
        receive_ended(core, action, now);
        break;
    }
}

/* Feeds the link while a call is held and there is room for what it may have to answer.
 * Returns  how many bytes were taken */
static size_t feed(struct relay_core *core, const uint8_t *bytes, size_t len_bytes, uint64_t now)
{
    size_t taken = 0;
    while (taken < len_bytes && core->state != RELAY_IDLE && core->link.state != KD_LINK_IDLE &&
           relay_queue_room(&core->output) >= KD_FRAME_HEADER_BYTES) {
        struct kd_action action;
        taken += kd_link_input(&core->link, bytes + taken, len_bytes - taken, now, &action);
        act(core, &action, now);
    }
    return taken;
}

static void feed_queued(struct relay_core *core, uint64_t now)
{
    size_t taken = feed(core, relay_queue_front(&core->input), core->input.len_bytes, now);
    relay_queue_drop(&core->input, taken);
}

/* ---- packets that nobody waits for ---- */

/* What becomes of the packet without a word from the debugger, NONE when it takes one (2.11, 2.12 rule 6). */
static enum kd_outcome unwanted(const struct relay_core *core)
{
    if (core->packet.type == KD_TYPE_MANIPULATE && !core->request_delivered)
        return KD_OUTCOME_SENT;
    if (!core->debugger_connected && kd_packet_abandonable(&core->packet))
        return KD_OUTCOME_ABANDONED;
    return KD_OUTCOME_NONE;
}

/* The guest gave up a pending send, or it would have resumed it: that is N9. */
static void give_up_pending(struct relay_core *core)
{
    if (!core->send_pending)
        return;
    core->send_pending = false;
    if (core->link.state == KD_LINK_SENDING)
        kd_link_abandon(&core->link);
    forget_unwritten(core);
}

/* Whatever the guest waited for, it does not any more. */
static void strike(struct relay_core *core)
{
    kd_link_cancel(&core->link);
    core->state = RELAY_IDLE;
    core->ready = RELAY_READY_NONE;
    core->send_pending = false;
    core->request_delivered = false;
    core->token_current = 0;
    core->token_previous = 0;
    core->gone_at = KD_NEVER;
    forget_unwritten(core);
}

/* ---- the target that is gone (2.12 rule 7) ---- */

/* The relay's own packet; its header is in request_bytes, where no request is any more. A debugger that does
 * not take it within the retries of a kernel is not waited for, whatever the packet is. */
static void say(struct relay_core *core, uint16_t type, uint32_t header_bytes, uint64_t now)
{
    struct kd_action action;
    core->packet = (struct kd_packet){.type = type, .header = {core->request_bytes, header_bytes}};
    core->packet_copy_end = 0;
    core->state = RELAY_TELLING;
    core->hold_until = now + RELAY_FAREWELL_RETRIES * core->config.byte_wait_ns;
    kd_link_cancel(&core->link);
    if (kd_link_send(&core->link, &core->packet, RELAY_FAREWELL_RETRIES, now, &action) == KD_OK)
        act(core, &action, now);
}

static void say_notice(struct relay_core *core, uint64_t now)
{
    relay_notice_store(core->request_bytes, core->state_head);
    say(core, KD_TYPE_STATE_CHANGE64, KD_STATE_CHANGE_BYTES, now);
}

static void end_farewell(struct relay_core *core)
{
    kd_link_cancel(&core->link);
    core->state = RELAY_IDLE;
    core->notices_left = 0;
    core->target_stopped = false;
}

static void farewell_said(struct relay_core *core, enum kd_outcome outcome, uint64_t now)
{
    static const struct kd_wanted request = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES,
                                             KD_BODY_BYTES_MAX - KD_MANIPULATE_BYTES};
    if (outcome == KD_OUTCOME_ABANDONED) {
        forget_unwritten(core);
        end_farewell(core);
        return;
    }
    core->state = RELAY_GONE;
    core->target_stopped = true;
    core->hold_until = KD_NEVER;
    begin_receive(core, &request, now);
}

/* A Continue, and the debugger believes that the target runs: if it was stopped when the news came, it hears
 * them again in this state. */
static void debugger_lets_go(struct relay_core *core, uint64_t now)
{
    core->notices_left--;
    if (core->notices_left > 0)
        say_notice(core, now);
    else
        end_farewell(core);
}

static void answer_for_the_gone(struct relay_core *core, uint64_t now)
{
    switch (relay_last_word(core->request_bytes, core->link.received.body)) {
    case RELAY_WORD_REFUSED:
        say(core, KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, now);
        break;
    case RELAY_WORD_GO:
        debugger_lets_go(core, now);
        break;
    case RELAY_WORD_AGAIN:
        say_notice(core, now);
        break;
    case RELAY_WORD_NONE:
        begin_receive(core, &core->wanted, now);
        break;
    }
}

static bool speaks_for_the_gone(const struct relay_core *core)
{
    return core->state == RELAY_TELLING || core->state == RELAY_GONE;
}

/* ---- input that no call waits for (2.7) ---- */

static bool begins_control(uint8_t type, const uint8_t *bytes, uint32_t len_bytes)
{
    const uint8_t begin[] = {0x69, 0x69, 0x69, 0x69, type, 0};
    return kd_equal(bytes, begin, len_bytes < sizeof(begin) ? len_bytes : sizeof(begin));
}

/* How much of the input's end to keep for the stop that will read it: the last RESET, or what may become one,
 * or an ACK, of which no half is thrown away. It is shorter than two frames, so a debugger that sends RESETs
 * all night fills nothing. */
static uint32_t kept_tail_bytes(const struct relay_queue *input)
{
    uint32_t keep = 2 * KD_FRAME_HEADER_BYTES - 1;
    if (keep > input->len_bytes)
        keep = input->len_bytes;
    for (; keep > 0; keep--) {
        const uint8_t *tail = relay_queue_front(input) + input->len_bytes - keep;
        if (begins_control(KD_TYPE_RESET, tail, keep) ||
            (keep < KD_FRAME_HEADER_BYTES && begins_control(KD_TYPE_ACK, tail, keep)))
            break;
    }
    return keep;
}

/* Where the first 0x62 lies, the input's length when there is none. */
static uint32_t find_wish(const struct relay_queue *input)
{
    const uint8_t *bytes = relay_queue_front(input);
    uint32_t at = 0;
    while (at < input->len_bytes && bytes[at] != KD_BREAK_IN_BYTE)
        at++;
    return at;
}

static void throw_away(struct relay_core *core, uint32_t len_bytes)
{
    kd_link_thrown_away(&core->link, relay_queue_front(&core->input), len_bytes);
    relay_queue_drop(&core->input, len_bytes);
}

/* Reads the input of a running target: only a break-in byte means something there, and a RESET for the stop
 * that may follow. What comes before the first 0x62 is dropped, 0x62s in a row are one wish, the rest stays
 * (rule 5). */
static void read_wish(struct relay_core *core)
{
    struct relay_queue *input = &core->input;
    const uint8_t *bytes = relay_queue_front(input);
    uint32_t at = find_wish(input);
    if (at == input->len_bytes) {
        throw_away(core, input->len_bytes - kept_tail_bytes(input));
        return;
    }
    for (; at < input->len_bytes && bytes[at] == KD_BREAK_IN_BYTE; at++)
        note_wish(core);
    throw_away(core, at);
}

/* ---- requests ---- */

static void hello(struct relay_core *core, const struct vm_request *request, uint64_t now)
{
    if (request->version < VM_VERSION_MIN || request->version_min > VM_VERSION_MAX) {
        core->counters.requests_refused++;
        refuse(core, VM_REFUSED, VM_HELLO, 0);
        return;
    }
    struct kd_action action;
    strike(core);
    kd_link_restart(&core->link, now, &action);
    act(core, &action, now);
    if (core->debugger_connected && core->epoch > 0)
        kd_link_distrust(&core->link); /* it may have spoken to the kernel that is gone */
    core->request = *request;
    core->epoch++;
    core->vm_is_known = true;
    core->shutdown_told = false;
    core->counters.epochs++;
    core->debugger_present = true; /* as a kernel believes that has not sent yet */
    /* The debugger waits at a stop that the guest has forgotten: a new one tells it so (design: a SYNC state
     * change resynchronises it). After a delivered Reboot it does not wait, and target_stopped is false. */
    if (core->debugger_connected && core->target_stopped && !core->break_in_pending)
        core->break_in_pending = core->break_in_is_ours = true;
    /* A wish in a reply that was lost is one still. Where the guest has taken it, its stop is what comes next. */
    if (core->break_in_told)
        core->break_in_pending = true;
    core->break_in_told = false;
    core->target_stopped = false;
    read_wish(core);
    answer(core, VM_DONE, 0);
}

static void send(struct relay_core *core, uint64_t now)
{
    give_up_pending(core);
    kd_link_cancel(&core->link);
    core->packet = core->request.packet;
    core->state = RELAY_SENDING;
    core->packet_copy_end = 0;
    if (!kd_packet_sent_while_running(&core->packet))
        core->target_stopped = true;
    struct kd_action action;
    enum kd_outcome outcome = unwanted(core);
    if (outcome != KD_OUTCOME_NONE)
        finish_send(core, outcome, now);
    else if (kd_link_send(&core->link, &core->packet, core->request.retries, now, &action) == KD_OK)
        act(core, &action, now);
}

static void resume(struct relay_core *core, uint64_t now)
{
    core->state = RELAY_SENDING;
    if (core->link.state != KD_LINK_SENDING) /* the debugger left meanwhile, and that settled it */
        finish_send(core, kd_packet_abandonable(&core->packet) ? KD_OUTCOME_ABANDONED : KD_OUTCOME_SENT, now);
}

static void receive(struct relay_core *core, uint64_t now)
{
    give_up_pending(core);
    core->state = RELAY_RECEIVING;
    begin_receive(core, &core->request.next, now);
}

/* A poll is proof that the target runs, and that no frame begun before it will be finished. */
static void poll(struct relay_core *core)
{
    if (!core->send_pending) {
        kd_link_forget_input(&core->link);
        core->target_stopped = false;
        read_wish(core);
    }
    answer(core, VM_DONE, 0);
}

/* Takes a new request for the one under way. Its packet goes with it into the core's memory; a request
 * without one leaves the packet of a pending send where it is. */
static void accept(struct relay_core *core, const struct vm_request *request, const uint8_t *bytes,
                   size_t len_bytes)
{
    kd_copy(core->request_bytes, bytes, len_bytes);
    core->request_len_bytes = (uint32_t)len_bytes;
    core->request = *request;
    core->request.packet.header.bytes = core->request_bytes + VM_REQUEST_BYTES;
    core->request.packet.data.bytes =
        core->request.packet.header.bytes + core->request.packet.header.len_bytes;
    core->token_previous = request->token;
    core->token_current = 0;
    core->break_in_told = false;
}

static void begin_request(struct relay_core *core, uint64_t now)
{
    core->hold_until = core->config.hold_ns > KD_NEVER - now ? KD_NEVER : now + core->config.hold_ns;
    switch (core->request.kind) {
    case VM_SEND:
        send(core, now);
        break;
    case VM_RESUME:
        resume(core, now);
        break;
    case VM_RECEIVE:
        receive(core, now);
        break;
    case VM_POLL:
        poll(core);
        break;
    default: /* vm_request_load knows no other, and hello is not held */
        break;
    }
    feed_queued(core, now);
}

static bool repeats_last(const struct relay_core *core, const struct vm_request *request,
                         const uint8_t *bytes, size_t len_bytes)
{
    return request->token == core->token_previous && len_bytes == core->request_len_bytes &&
           kd_equal(bytes, core->request_bytes, len_bytes);
}

/* The previous token with equal bytes: the reply was lost, or the call is held and the guest asks again. */
static void repeat(struct relay_core *core)
{
    core->counters.requests_repeated++;
    if (core->state == RELAY_IDLE)
        core->ready = RELAY_READY_REPLY;
}

void relay_vm_request(struct relay_core *core, const uint8_t *bytes, size_t len_bytes, uint64_t now)
{
    struct vm_request request;
    core->now = now;
    bool good = vm_request_load(&request, bytes, len_bytes) == KD_OK;
    if (!good || (request.token == 0 && request.kind != VM_HELLO)) {
        core->counters.requests_refused++;
        refuse(core, VM_REFUSED, len_bytes > 3 && bytes[3] <= VM_RESUME ? bytes[3] : 0, 0);
        return;
    }
    core->counters.requests[request.kind]++;
    if (request.kind == VM_HELLO) {
        hello(core, &request, now);
    } else if (repeats_last(core, &request, bytes, len_bytes)) {
        repeat(core);
    } else if (request.token != core->token_current) {
        core->counters.requests_stale++;
        refuse(core, VM_STALE, request.kind, request.token);
    } else if (request.kind == VM_RESUME && !core->send_pending) {
        core->counters.requests_refused++;
        refuse(core, VM_REFUSED, request.kind, 0);
    } else {
        accept(core, &request, bytes, len_bytes);
        begin_request(core, now);
    }
}

void relay_vm_lost(struct relay_core *core, uint64_t now)
{
    core->now = now;
    core->vm_is_known = core->break_in_told = false;
    strike(core);
}

static void speak_for_the_gone(struct relay_core *core, uint64_t now)
{
    struct kd_action action;
    core->gone_at = KD_NEVER;
    read_wish(core);
    core->break_in_pending = false;
    kd_link_restart(&core->link, now, &action);
    act(core, &action, now);
    kd_link_distrust(&core->link); /* a request that crosses the notice was for the target */
    core->notices_left = core->target_stopped ? RELAY_NOTICES : 1;
    say_notice(core, now);
}

void relay_vm_gone(struct relay_core *core, uint64_t now)
{
    if (speaks_for_the_gone(core))
        return;
    bool is_news =
        core->debugger_connected && (core->target_stopped || (core->vm_is_known && !core->shutdown_told));
    relay_vm_lost(core, now);
    if (!is_news)
        core->target_stopped = false;
    else if (core->config.gone_wait_ns == 0)
        speak_for_the_gone(core, now);
    else
        core->gone_at = now + core->config.gone_wait_ns;
}

bool relay_vm_reply(struct relay_core *core, struct kd_span *reply)
{
    if (core->ready == RELAY_READY_NONE)
        return false;
    if (core->ready == RELAY_READY_REPLY)
        *reply = (struct kd_span){core->reply, core->reply_len_bytes};
    else
        *reply = (struct kd_span){core->refusal, sizeof(core->refusal)};
    core->ready = RELAY_READY_NONE;
    return true;
}

/* Whether read_wish would find or drop anything. */
static bool input_waits(const struct relay_core *core)
{
    const struct relay_queue *input = &core->input;
    return find_wish(input) < input->len_bytes || kept_tail_bytes(input) < input->len_bytes;
}

bool relay_vm_attention(const struct relay_core *core)
{
    if (!core->vm_is_known || core->break_in_pending || core->break_in_told)
        return true;
    return !core->send_pending &&
           (core->target_stopped || kd_link_is_reading(&core->link) || input_waits(core));
}

/* ---- the debugger and time ---- */

void relay_init(struct relay_core *core, const struct relay_config *config)
{
    const struct kd_link_config link = {.byte_wait = config->byte_wait_ns,
                                        .reset_window = config->reset_window_ns};
    kd_fill(core, 0, sizeof(*core));
    core->config = *config;
    core->token_state = config->token_seed;
    core->debugger_present = true;
    core->gone_at = KD_NEVER;
    relay_state_head_default(core->state_head);
    kd_link_init(&core->link, &link);
}

/* New client, new session: whatever is outstanding goes out again under a SYNC id (2.12 rule 6). */
void relay_debugger_connected(struct relay_core *core, uint64_t now)
{
    struct kd_action action;
    if (core->debugger_connected)
        relay_debugger_disconnected(core, now);
    core->now = now;
    core->debugger_connected = true;
    kd_link_restart(&core->link, now, &action);
    act(core, &action, now);
}

/* The wish goes with the one who had it: a break nobody waits for would freeze the machine. */
void relay_debugger_disconnected(struct relay_core *core, uint64_t now)
{
    struct kd_action action;
    core->now = now;
    core->debugger_connected = false;
    core->break_in_pending = core->break_in_told = false;
    core->request_delivered = false;
    core->output_torn = 0;
    core->gone_at = KD_NEVER;
    if (speaks_for_the_gone(core))
        end_farewell(core);
    forget_unwritten(core);
    relay_queue_clear(&core->input);
    kd_link_cut(&core->link);
    kd_link_restart(&core->link, now, &action);
    act(core, &action, now);
    if (core->link.state != KD_LINK_SENDING)
        return;
    enum kd_outcome outcome = unwanted(core);
    if (outcome == KD_OUTCOME_NONE)
        return;
    kd_link_cancel(&core->link);
    if (core->state == RELAY_SENDING)
        finish_send(core, outcome, now);
}

size_t relay_debugger_input(struct relay_core *core, const uint8_t *bytes, size_t len_bytes, uint64_t now)
{
    core->now = now;
    if (!core->debugger_connected)
        return len_bytes;
    feed_queued(core, now); /* as far as the link takes any, so what comes now is next */
    size_t taken = feed(core, bytes, len_bytes, now);
    taken += relay_queue_put(&core->input, bytes + taken, len_bytes - taken);
    return taken;
}

struct kd_span relay_debugger_output(const struct relay_core *core)
{
    return (struct kd_span){relay_queue_front(&core->output), core->output.len_bytes};
}

static void begin_frame(struct relay_core *core)
{
    const uint8_t *head = relay_queue_front(&core->output);
    core->output_torn = frame_bytes(head);
    if (core->output_torn > KD_FRAME_HEADER_BYTES)
        kd_link_copy_begun(&core->link, kd_load_u32(head + KD_FRAME_ID));
}

void relay_debugger_written(struct relay_core *core, size_t len_bytes)
{
    uint32_t left = len_bytes < core->output.len_bytes ? (uint32_t)len_bytes : core->output.len_bytes;
    core->packet_copy_end -= left < core->packet_copy_end ? left : core->packet_copy_end;
    while (left > 0) {
        if (core->output_torn == 0)
            begin_frame(core);
        uint32_t step = left < core->output_torn ? left : core->output_torn;
        relay_queue_drop(&core->output, step);
        core->output_torn -= step;
        left -= step;
    }
    queue_packet(core);
    feed_queued(core, core->now);
}

uint64_t relay_deadline(const struct relay_core *core)
{
    if (core->state == RELAY_IDLE)
        return core->gone_at;
    uint64_t line = core->debugger_connected ? kd_link_deadline(&core->link) : KD_NEVER;
    return line < core->hold_until ? line : core->hold_until;
}

static void hold_is_over(struct relay_core *core)
{
    if (speaks_for_the_gone(core)) {
        forget_unwritten(core);
        end_farewell(core);
    } else if (core->state == RELAY_NEXT) {
        answer(core, VM_DONE, 0);
    } else if (core->state == RELAY_RECEIVING) {
        answer(core, VM_TIMEOUT, 0);
    } else {
        core->send_pending = true;
        answer(core, VM_PENDING, 0);
    }
}

/* The link's time-outs run only against a debugger that is there (2.11): without one there is nobody to
 * retry. */
void relay_expire(struct relay_core *core, uint64_t now)
{
    core->now = now;
    feed_queued(core, now);
    if (core->state != RELAY_IDLE && core->debugger_connected) {
        struct kd_action action;
        kd_link_expire(&core->link, now, &action);
        act(core, &action, now);
    }
    if (core->state != RELAY_IDLE && now >= core->hold_until)
        hold_is_over(core);
    else if (now >= core->gone_at)
        speak_for_the_gone(core, now);
}
