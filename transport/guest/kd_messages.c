/* Whole KD packets as messages to the relay, over whatever carries messages. The protocol, with the reasons
 * for every rule here, is README.md; section numbers below are its own. */
#include "transport/guest/kd_messages.h"

#include "transport/guest/kd_module.h"
#include "transport/guest/kd_platform.h"

enum {
    FAILURES_MAX = 3,    /* unanswered requests after which a call that may give up does */
    RESUMES_MAX = 65536, /* VM_PENDING answers to an abandonable packet: more than any relay's own retries */
};

/* ---- carriers ------------------------------------------------------------------------------------------ */

static bool open_none(struct kd_module_state *state)
{
    (void)state;
    return false;
}

static void close_none(struct kd_module_state *state)
{
    (void)state;
}

static enum kd_status call_none(struct kd_module_state *state, uint32_t request_bytes, uint32_t room,
                                uint32_t *len_bytes)
{
    (void)state, (void)request_bytes, (void)room, (void)len_bytes;
    return KD_ERR_CLOSED;
}

static bool attention_none(struct kd_module_state *state)
{
    (void)state;
    return true;
}

static const struct vm_carrier no_carrier = {open_none, close_none, call_none, attention_none};

static const struct vm_carrier *const carriers[VM_CARRIERS] = {
    [VM_CARRIER_NONE] = &no_carrier,
    [VM_CARRIER_GUESTRPC] = &vm_carrier_guestrpc,
    [VM_CARRIER_DOORBELL] = &vm_carrier_doorbell,
};

static const struct vm_carrier *carrier_of(const struct kd_messages *messages)
{
    return carriers[messages->carrier < VM_CARRIERS ? messages->carrier : VM_CARRIER_NONE];
}

/* ---- epochs -------------------------------------------------------------------------------------------- */

/* What was kept belongs to the epoch; delivered after it, a packet could be doubled (4). */
static void end_epoch(struct kd_messages *messages)
{
    messages->in_epoch = false;
    messages->is_kept = false;
}

static bool packet_is_wanted(const struct kd_packet *packet, const struct kd_wanted *wanted)
{
    return packet->type == wanted->type && packet->header.len_bytes == wanted->header_bytes &&
           packet->data.len_bytes <= wanted->data_room;
}

/* What vm_reply_load cannot know: whether the reply fits this request (6). */
static bool reply_fits(const struct vm_request *request, const struct vm_reply *reply)
{
    if (reply->kind != request->kind || (request->kind != VM_HELLO && reply->version != request->version))
        return false;
    if (!(reply->flags & VM_REPLY_PACKET))
        return true;
    bool asked = request->kind == VM_RECEIVE || (request->flags & VM_FLAG_WANT_NEXT);
    return asked && packet_is_wanted(&reply->packet, &request->next);
}

/* A poll reports its break-in itself, and leaves the presence alone (kd-protocol.md 2.7 rule 4). */
static void apply_flags(struct kd_module_state *state, const struct vm_reply *reply)
{
    if (reply->kind == VM_POLL)
        return;
    if (reply->flags & VM_REPLY_BREAK_IN)
        state->control_c = true;
    kd_platform_set_present(reply->result != VM_ABANDONED && !(reply->flags & VM_REPLY_NOT_PRESENT));
}

/* While a packet is kept, no reply may bring another (3): what is longer than a header is refused unread, and
 * the kept bytes behind it stay. */
static uint32_t reply_room(const struct kd_messages *messages)
{
    return messages->is_kept ? VM_REPLY_BYTES : VM_REPLY_BYTES_MAX;
}

/* The staged message, to whatever relay there is, and its reply. */
static enum kd_status call_relay(struct kd_module_state *state, uint32_t packet_bytes, struct vm_reply *reply)
{
    struct kd_messages *messages = &state->messages;
    uint32_t len_bytes = 0;
    enum kd_status status =
        carrier_of(messages)->call(state, VM_REQUEST_BYTES + packet_bytes, reply_room(messages), &len_bytes);
    return status != KD_OK ? status : vm_reply_load(reply, kd_messages_reply(messages), len_bytes);
}

/* One request and its reply. The packet's bytes, packet_bytes of them, are staged already; request gets its
 * version and token here. Repeating it after an error sends the same bytes again, and is safe for that (4).
 * Returns  KD_OK; KD_ERR_STALE, KD_ERR_VERSION: the epoch is over;
 *          KD_ERR_CLOSED, KD_ERR_NO_DEVICE: nobody is there; KD_ERR_BAD_MESSAGE, KD_ERR_TOO_BIG: nonsense
 *          came back */
static enum kd_status exchange(struct kd_module_state *state, struct vm_request *request,
                               uint32_t packet_bytes, struct vm_reply *reply)
{
    struct kd_messages *messages = &state->messages;
    bool hello = request->kind == VM_HELLO;
    request->version = hello ? VM_VERSION_MAX : messages->version;
    request->token = hello ? 0 : messages->token;
    vm_request_store(kd_messages_request(messages), request);
    enum kd_status status = call_relay(state, packet_bytes, reply);
    if (status == KD_OK && reply->result == VM_REFUSED && !hello)
        status = call_relay(state, packet_bytes, reply); /* other bytes may have come than went (4) */
    if (status != KD_OK)
        return status;
    if (reply->result == VM_REFUSED || reply->result == VM_STALE) {
        end_epoch(messages);
        return reply->result == VM_STALE ? KD_ERR_STALE : KD_ERR_VERSION;
    }
    if (!reply_fits(request, reply))
        return KD_ERR_BAD_MESSAGE;
    messages->token = reply->token;
    apply_flags(state, reply);
    return KD_OK;
}

/* Hello. In the new epoch nobody has seen a state change or a prompt, so whoever waits for an answer must ask
 * again: resend_next (4).
 * request, reply  out  scratch of the caller's, who has them anyway: stack is scarce here */
static enum kd_status begin_epoch(struct kd_module_state *state, struct vm_request *request,
                                  struct vm_reply *reply)
{
    *request = (struct vm_request){
        .kind = VM_HELLO, .version_min = VM_VERSION_MIN, .machine = kd_platform_machine()};
    end_epoch(&state->messages);
    enum kd_status status = exchange(state, request, 0, reply);
    if (status != KD_OK)
        return status;
    state->messages.version = reply->version;
    state->messages.in_epoch = true;
    state->messages.resend_next = true;
    return KD_OK;
}

enum kd_status kd_messages_open(struct kd_module_state *state, enum vm_carrier_id id)
{
    struct kd_messages *messages = &state->messages;
    kd_messages_close(state);
    if (!carriers[id]->open(state))
        return KD_ERR_NO_DEVICE;
    messages->carrier = (uint8_t)id;
    struct vm_request request;
    struct vm_reply reply;
    enum kd_status status = begin_epoch(state, &request, &reply);
    messages->resend_next = false; /* a kernel that initialises waits for no answer */
    if (status != KD_OK)
        kd_messages_close(state);
    return status;
}

void kd_messages_close(struct kd_module_state *state)
{
    end_epoch(&state->messages);
    carrier_of(&state->messages)->close(state);
    state->messages.carrier = VM_CARRIER_NONE;
}

/* ---- sending ------------------------------------------------------------------------------------------- */

/* One packet on its way: the request that is to be sent next, and what was learnt. */
struct sending {
    const struct kd_packet *packet;
    struct vm_request request;
    uint32_t packet_bytes; /* behind the request's header */
    uint32_t failures;
    uint32_t resumes;
    bool may_give_up;
    bool opens; /* a state change, a prompt, a file request: not the answer to anything */
};

/* The one copy that the guest makes: the kernel's buffers to the message. */
static void stage_packet(struct kd_messages *messages, const struct kd_packet *packet)
{
    uint8_t *to = kd_messages_request(messages) + VM_REQUEST_BYTES;
    kd_packet_copy(to, packet->header.bytes, packet->header.len_bytes);
    kd_packet_copy(to + packet->header.len_bytes, packet->data.bytes, packet->data.len_bytes);
}

/* A second packet could not be kept, so with one kept none is asked for. */
static void start_sending(struct sending *sending, const struct kd_messages *messages, uint32_t retries)
{
    const struct kd_packet *packet = sending->packet;
    sending->request = (struct vm_request){
        .kind = VM_SEND,
        .packet = *packet,
        .retries = (uint16_t)(retries < UINT16_MAX ? retries : UINT16_MAX),
    };
    bool next = kd_packet_next_wanted(packet, &sending->request.next);
    sending->request.flags = next && !messages->is_kept ? VM_FLAG_WANT_NEXT : 0;
    sending->packet_bytes = packet->header.len_bytes + packet->data.len_bytes;
    sending->opens = next && packet->type != KD_TYPE_MANIPULATE;
}

/* The relay has the packet; only its header was overwritten in the buffer, so a new epoch finds it still
 * staged. */
static void go_on_sending(struct sending *sending)
{
    sending->request.kind = VM_RESUME;
    sending->packet_bytes = 0;
    sending->resumes++;
}

static bool shall_give_up(const struct sending *sending)
{
    return sending->may_give_up && (sending->failures >= FAILURES_MAX || sending->resumes >= RESUMES_MAX);
}

/* What a send's last reply leaves for the next receive. */
static void keep_next(struct kd_messages *messages, const struct vm_reply *reply)
{
    if (reply->flags & VM_REPLY_RESEND_NEXT)
        messages->resend_next = true;
    if (!(reply->flags & VM_REPLY_PACKET))
        return;
    messages->is_kept = true;
    messages->kept_type = reply->packet.type;
    messages->kept_header_bytes = (uint16_t)reply->packet.header.len_bytes;
    messages->kept_data_bytes = (uint16_t)reply->packet.data.len_bytes;
}

/* Kept apart from the loop below, whose stack should stay small while an RPC is held.
 * Returns true when the packet is done with: acknowledged, abandoned, or not worth sending any more. */
static bool send_turn(struct kd_module_state *state, struct sending *sending, uint32_t retries)
{
    struct kd_messages *messages = &state->messages;
    struct vm_reply reply;
    if (!messages->in_epoch) {
        if (begin_epoch(state, &sending->request, &reply) != KD_OK) {
            sending->failures++;
            return false;
        }
        start_sending(sending, messages, retries);
    }
    if (sending->packet->type == KD_TYPE_MANIPULATE && messages->resend_next)
        return true; /* its request is of an epoch that is over (4) */
    if (sending->opens)
        messages->resend_next = false;
    if (exchange(state, &sending->request, sending->packet_bytes, &reply) != KD_OK) {
        sending->failures++;
        return false;
    }
    if (reply.result == VM_PENDING) {
        go_on_sending(sending);
        return false;
    }
    keep_next(messages, &reply);
    return true;
}

/* A packet that must not be given up is tried for ever (kd-protocol.md 2.6 N10); every turn holds exits. */
void kd_messages_send(struct kd_module_state *state, const struct kd_packet *packet, uint32_t retries)
{
    struct sending sending = {.packet = packet, .may_give_up = kd_packet_abandonable(packet)};
    stage_packet(&state->messages, packet);
    start_sending(&sending, &state->messages, retries);
    while (!send_turn(state, &sending, retries)) {
        if (!shall_give_up(&sending))
            continue;
        end_epoch(&state->messages); /* the relay may still have it: nothing may be built on this epoch (4) */
        kd_platform_set_present(false);
        return;
    }
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

/* The kept packet is for this receive and no other: one that does not fit is dropped, like a frame of another
 * type on the wire (kd-protocol.md 2.5 R13). */
static bool take_kept(struct kd_messages *messages, const struct kd_wanted *wanted,
                      struct kd_received *received)
{
    if (!messages->is_kept)
        return false;
    messages->is_kept = false;
    *received = (struct kd_received){
        .type = messages->kept_type,
        .header_bytes = messages->kept_header_bytes,
        .data_bytes = messages->kept_data_bytes,
        .body = kd_messages_reply(messages) + VM_REPLY_BYTES,
    };
    return received->type == wanted->type && received->header_bytes == wanted->header_bytes &&
           received->data_bytes <= wanted->data_room;
}

static bool take_resend(struct kd_messages *messages)
{
    bool resend = messages->resend_next;
    messages->resend_next = false;
    return resend;
}

/* Nobody there: a caller that may come again need not insist. */
static bool is_silence(enum kd_status status)
{
    return status == KD_ERR_CLOSED || status == KD_ERR_NO_DEVICE;
}

static uint32_t received_status(const struct vm_reply *reply, struct kd_received *received)
{
    if (reply->result != VM_DONE)
        return reply->result == VM_RESEND ? KD_RESEND : KD_TIMEOUT;
    *received = (struct kd_received){
        .type = reply->packet.type,
        .header_bytes = (uint16_t)reply->packet.header.len_bytes,
        .data_bytes = (uint16_t)reply->packet.data.len_bytes,
        .body = reply->packet.header.bytes,
    };
    return KD_RECEIVED;
}

/* Asks for a packet (wanted) or a break-in (NULL). In a new epoch the receive is not repeated but ends in KD_RESEND (4).
 * Returns  what exchange does, the last of at most FAILURES_MAX times */
static enum kd_status ask(struct kd_module_state *state, const struct kd_wanted *wanted,
                          struct vm_reply *reply)
{
    struct vm_request request;
    enum kd_status status = KD_ERR_STALE;
    for (uint32_t tries = 0; tries < FAILURES_MAX && status != KD_OK && !is_silence(status); tries++) {
        if (!state->messages.in_epoch) {
            status = begin_epoch(state, &request, reply);
            if (status != KD_OK)
                continue;
            if (wanted != NULL)
                return KD_ERR_STALE;
        }
        request = (struct vm_request){.kind = wanted != NULL ? VM_RECEIVE : VM_POLL};
        if (wanted != NULL)
            request.next = *wanted;
        status = exchange(state, &request, 0, reply);
    }
    return status;
}

uint32_t kd_messages_receive(struct kd_module_state *state, const struct kd_wanted *wanted,
                             struct kd_received *received)
{
    if (take_kept(&state->messages, wanted, received))
        return KD_RECEIVED;
    if (take_resend(&state->messages))
        return KD_RESEND;
    struct vm_reply reply;
    enum kd_status status = ask(state, wanted, &reply);
    if (status == KD_OK)
        return received_status(&reply, received);
    return take_resend(&state->messages) ? KD_RESEND : KD_TIMEOUT;
}

/* The VMM's hint spares the request, never a request that tells of a new epoch (5). */
bool kd_messages_poll(struct kd_module_state *state)
{
    struct kd_messages *messages = &state->messages;
    if (messages->in_epoch && !carrier_of(messages)->attention(state))
        return false;
    struct vm_reply reply;
    return ask(state, NULL, &reply) == KD_OK && (reply.flags & VM_REPLY_BREAK_IN);
}
