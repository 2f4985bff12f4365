#include "sim/device/sim_channel.h"
#include "sim/device/sim_rpc.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/vm_message.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Protocols of OPEN (1.1). */
#define PROTOCOL_RPCI 0x49435052u
#define PROTOCOL_TCLO 0x4F4C4354u
#define COOKIE_FLAG   0x80000000u

/* What a TCLO channel first tells the guest (M8). */
static const char greeting[] = "reset";

enum { GREETING_BYTES = sizeof greeting - 1, WORD_BYTES = 4 };

enum state { STATE_FREE, STATE_IDLE, STATE_SENDING, STATE_CALLED, STATE_REPLIED, STATE_RECEIVING, STATES };

struct channel {
    enum state state;
    bool has_cookies;
    bool is_tclo;
    bool greeting_due;    /* TCLO: not fetched yet */
    bool is_ours;         /* TCLO: the guest named itself as one that wants our calls, */
    bool call_due;        /* and has not yet been shown that it will get them */
    bool is_checkpointed; /* the next multi-step call answers CPT */
    bool comes_again;     /* a fault: when the guest has fetched the reply, it is offered once more */
    uint32_t cookie_high, cookie_low;
    uint64_t used_ns; /* last call that found this channel */
    uint8_t *message; /* from the guest: size bytes, the first sent of which are here */
    size_t message_room;
    uint32_t size, sent;
    uint8_t *reply;
    size_t reply_room;
    uint32_t reply_bytes, fetched;
};

struct sim_channels {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_memory memory;
    sim_rpc_fn *handler;
    void *context;
    bool offers_string, offers_tclo;
    bool attention; /* what calls on our TCLO channels say */
    struct sim_prng prng;
    struct channel *slots; /* a channel's id is its index */
    uint32_t count;
    struct channel *called; /* its message is with the handler */
    sim_event_id delayed;   /* a fault: its message, or the answer to it, is on its way; 0: none */
    void (*completed)(void *context);
    void *completed_context;
    uint64_t rpcs;
    uint64_t string_bytes;
};

struct sim_channels *sim_channels_create(struct sim_world *world, struct sim_faults *faults, uint32_t vm,
                                         uint32_t count, bool offers_string, bool offers_tclo,
                                         const struct sim_memory *memory, sim_rpc_fn *handler, void *context)
{
    char purpose[32];
    snprintf(purpose, sizeof purpose, "channel %u", (unsigned)vm);
    struct sim_channels *channels = sim_allocate(1, sizeof *channels);
    *channels = (struct sim_channels){.world = world,
                                      .faults = faults,
                                      .memory = *memory,
                                      .handler = handler,
                                      .context = context,
                                      .offers_string = offers_string,
                                      .offers_tclo = offers_tclo,
                                      .prng = sim_prng_for(world, purpose),
                                      .slots = sim_allocate(count, sizeof *channels->slots),
                                      .count = count};
    return channels;
}

void sim_channels_on_delayed(struct sim_channels *channels, void (*completed)(void *context), void *context)
{
    channels->completed = completed;
    channels->completed_context = context;
}

void sim_channels_destroy(struct sim_channels *channels)
{
    sim_cancel(channels->world, channels->delayed);
    for (uint32_t i = 0; i < channels->count; i++) {
        free(channels->slots[i].message);
        free(channels->slots[i].reply);
    }
    free(channels->slots);
    free(channels);
}

/* M6, noticed when somebody looks: no event is needed for a channel that nobody uses. */
static bool is_open(const struct sim_channels *channels, const struct channel *channel)
{
    return channel->state == STATE_CALLED ||
           (channel->state != STATE_FREE &&
            sim_now(channels->world) - channel->used_ns <= SIM_BACKDOOR_IDLE_NS);
}

/* M1. */
static struct channel *find(struct sim_channels *channels, const struct sim_call *call)
{
    if (call->id >= channels->count)
        return NULL;
    struct channel *channel = &channels->slots[call->id];
    if (!is_open(channels, channel))
        return NULL;
    if (channel->has_cookies &&
        (channel->cookie_high != call->cookie_high || channel->cookie_low != call->cookie_low))
        return NULL;
    return channel;
}

static void put_reply(struct channel *channel, const void *bytes, size_t len_bytes)
{
    channel->reply = sim_grow(channel->reply, &channel->reply_room, len_bytes, 1);
    if (len_bytes > 0)
        memcpy(channel->reply, bytes, len_bytes);
    channel->reply_bytes = (uint32_t)len_bytes;
    channel->fetched = 0;
    channel->state = STATE_REPLIED;
}

/* A message of the guest is complete, or none is under way: what does the host have for it? */
static void go_idle(struct channel *channel)
{
    channel->state = STATE_IDLE;
    if (channel->greeting_due)
        put_reply(channel, greeting, GREETING_BYTES);
}

static void free_channel(struct channel *channel)
{
    channel->state = STATE_FREE;
}

/* A whole message of the guest on a TCLO channel: only its name means something. */
static void take_name(struct channel *channel)
{
    static const char name[] = VM_TCLO_NAME;
    if (channel->size != sizeof name - 1 || memcmp(channel->message, name, channel->size) != 0)
        return;
    channel->is_ours = channel->call_due = true;
}

/* A free slot, searched from a random one: ids vary and need not start at 0 (M10). NULL when all are open. */
static struct channel *find_free(struct sim_channels *channels)
{
    const uint32_t start = (uint32_t)sim_prng_below(&channels->prng, channels->count);
    for (uint32_t i = 0; i < channels->count; i++) {
        struct channel *channel = &channels->slots[(start + i) % channels->count];
        if (!is_open(channels, channel))
            return channel;
    }
    return NULL;
}

static uint32_t open_channel(struct sim_channels *channels, struct sim_call *call)
{
    const uint32_t protocol = call->value & ~COOKIE_FLAG;
    if (protocol != PROTOCOL_RPCI && !(protocol == PROTOCOL_TCLO && channels->offers_tclo))
        return 0;
    struct channel *channel = find_free(channels);
    if (channel == NULL)
        return 0;
    channel->is_tclo = channel->greeting_due = protocol == PROTOCOL_TCLO;
    channel->is_ours = channel->call_due = false;
    channel->is_checkpointed = channel->comes_again = false;
    channel->has_cookies = call->has_cookies = call->value & COOKIE_FLAG;
    channel->used_ns = sim_now(channels->world);
    if (channel->has_cookies) {
        call->cookie_high = channel->cookie_high = (uint32_t)sim_prng_u64(&channels->prng);
        call->cookie_low = channel->cookie_low = (uint32_t)sim_prng_u64(&channels->prng);
    }
    call->id = (uint16_t)(channel - channels->slots);
    go_idle(channel);
    return SIM_STATUS_SUCCESS;
}

/* The fault table knows our own messages by their kind (vm_message.h); others are type 0. */
static uint16_t message_type(const struct channel *channel)
{
    if (channel->size < VM_COMMAND_WORD_BYTES ||
        memcmp(channel->message, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES) != 0)
        return 0;
    return sim_rpc_kind(channel->message + VM_COMMAND_WORD_BYTES, channel->size - VM_COMMAND_WORD_BYTES);
}

static void hand_over(struct sim_channels *channels, const struct channel *channel)
{
    channels->rpcs++;
    channels->handler(channels->context, channel->message, channel->size);
}

static void hand_over_late(void *context)
{
    struct sim_channels *channels = context;
    channels->delayed = 0;
    hand_over(channels, channels->called);
}

static void answer_late(void *context)
{
    struct sim_channels *channels = context;
    channels->delayed = 0;
    channels->called->used_ns = sim_now(channels->world);
    channels->called->state = STATE_REPLIED;
    channels->called = NULL;
    channels->completed(channels->completed_context);
}

/* Its message is given up, and with it whatever is on its way. */
static void forget_called(struct sim_channels *channels)
{
    sim_cancel(channels->world, channels->delayed);
    channels->delayed = 0;
    channels->called = NULL;
}

static void put_off(struct sim_channels *channels, const struct sim_fault_rule *rule,
                    void (*then)(void *context))
{
    channels->delayed = sim_at(channels->world, sim_now(channels->world) + rule->delay_ns, then, channels);
}

/* M3: the handler runs inside the access that brought the last byte. A lost request looks like a channel that
 * was closed meanwhile: the guest opens another and sends once more (rule 31). */
static uint32_t run_handler(struct sim_channels *channels, struct channel *channel)
{
    const struct sim_fault_rule *rule =
        sim_rpc_ask(channels->faults, SIM_FAULT_REQUEST, message_type(channel), channel->size);
    const bool twice = rule != NULL && rule->kind == SIM_FAULT_DUPLICATE;
    if (rule != NULL && rule->kind == SIM_FAULT_LOSE) {
        free_channel(channel);
        return SIM_STATUS_CLOSED;
    }
    forget_called(channels);
    channel->state = STATE_CALLED;
    channels->called = channel;
    if (rule != NULL && rule->kind == SIM_FAULT_DELAY) {
        put_off(channels, rule, hand_over_late);
        return SIM_STATUS_HELD;
    }
    if (rule != NULL)
        sim_rpc_spoil(rule, channel->message, &channel->size);
    hand_over(channels, channel);
    if (twice)
        hand_over(channels, channel); /* whoever answered the first one is not heard again */
    return channels->called == NULL ? SIM_STATUS_SUCCESS : SIM_STATUS_HELD;
}

/* A lost reply: the host acted and the channel is gone when the guest asks for the answer. */
bool sim_channels_reply(struct sim_channels *channels, const uint8_t *reply, size_t len_bytes)
{
    struct channel *channel = channels->called;
    if (channel == NULL || channels->delayed != 0)
        return false;
    const struct sim_fault_rule *rule =
        sim_rpc_ask(channels->faults, SIM_FAULT_REPLY, message_type(channel), len_bytes);
    const bool late = rule != NULL && rule->kind == SIM_FAULT_DELAY;
    channel->used_ns = sim_now(channels->world);
    put_reply(channel, reply, len_bytes);
    channel->comes_again = rule != NULL && rule->kind == SIM_FAULT_DUPLICATE;
    if (rule != NULL && rule->kind == SIM_FAULT_LOSE)
        free_channel(channel);
    else if (rule != NULL)
        sim_rpc_spoil(rule, channel->reply, &channel->reply_bytes);
    if (late) {
        channel->state = STATE_CALLED;
        put_off(channels, rule, answer_late);
        return false;
    }
    channels->called = NULL;
    return true;
}

typedef uint32_t step_fn(struct sim_channels *channels, struct channel *channel, struct sim_call *call);

static uint32_t offer(const struct sim_channels *channels)
{
    return SIM_STATUS_SUCCESS | (channels->offers_string ? (uint32_t)SIM_STATUS_HB : 0u);
}

static uint32_t refuse(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    (void)channels, (void)channel, (void)call;
    return 0;
}

static uint32_t accept(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    (void)channels, (void)channel, (void)call;
    return SIM_STATUS_SUCCESS;
}

/* SENDSIZE: drops an unfetched reply; too long is refused and leaves the channel idle (M2); an empty message
 * calls nobody (M7). */
static uint32_t begin_message(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    go_idle(channel);
    if (call->value > SIM_RPC_BYTES_MAX)
        return 0;
    channel->size = call->value;
    channel->sent = 0;
    if (channel->size > 0) {
        channel->message = sim_grow(channel->message, &channel->message_room, channel->size, 1);
        channel->state = STATE_SENDING;
    }
    return offer(channels);
}

static bool copy_from_guest(struct sim_channels *channels, const struct sim_call *call, uint8_t *to,
                            uint32_t room)
{
    if (call->count > room ||
        !channels->memory.read(channels->memory.context, call->address, to, (size_t)call->count))
        return false;
    channels->string_bytes += call->count;
    return true;
}

static bool copy_to_guest(struct sim_channels *channels, const struct sim_call *call, const uint8_t *from,
                          uint32_t there)
{
    if (call->count > there ||
        !channels->memory.write(channels->memory.context, call->address, from, (size_t)call->count))
        return false;
    channels->string_bytes += call->count;
    return true;
}

/* SENDPAYLOAD takes as much of its word as the message still lacks; a string may be split, but not run past
 * the announced size (rule 15). */
static uint32_t store(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    uint8_t *to = channel->message + channel->sent;
    const uint32_t lacks = channel->size - channel->sent;
    if (call->is_string) {
        if (!copy_from_guest(channels, call, to, lacks))
            return 0;
        channel->sent += (uint32_t)call->count;
    } else {
        for (uint32_t i = 0; i < WORD_BYTES && i < lacks; i++, channel->sent++)
            to[i] = (uint8_t)(call->value >> 8 * i);
    }
    if (channel->sent < channel->size)
        return SIM_STATUS_SUCCESS;
    if (!channel->is_tclo)
        return run_handler(channels, channel);
    take_name(channel);
    go_idle(channel);
    return SIM_STATUS_SUCCESS;
}

static uint32_t announce(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    channel->state = STATE_RECEIVING;
    channel->fetched = 0;
    call->value = channel->reply_bytes;
    return offer(channels) | SIM_STATUS_DORECV;
}

/* RECVSIZE with nothing to fetch, unless the guest is to be called: that is looked at now, and again next
 * time. */
static uint32_t announce_call(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    if (!channel->is_ours || !(channels->attention || channel->call_due))
        return offer(channels);
    put_reply(channel, VM_TCLO_ATTENTION, sizeof VM_TCLO_ATTENTION - 1);
    return announce(channels, channel, call);
}

static uint32_t announce_nothing(struct sim_channels *channels, struct channel *channel,
                                 struct sim_call *call)
{
    (void)channel, (void)call;
    return offer(channels);
}

/* RECVSTATUS: the message is gone, whatever the guest says of it. */
static uint32_t drop_reply(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    (void)channels, (void)call;
    channel->greeting_due = channel->call_due = false;
    go_idle(channel);
    if (channel->comes_again)
        channel->state = STATE_REPLIED;
    channel->comes_again = false;
    return SIM_STATUS_SUCCESS;
}

/* The next word; what pads the last one is nobody's business, and random. */
static uint32_t next_word(struct sim_channels *channels, struct channel *channel)
{
    uint32_t word = (uint32_t)sim_prng_u64(&channels->prng);
    for (uint32_t i = 0; i < WORD_BYTES && channel->fetched < channel->reply_bytes; i++, channel->fetched++) {
        word &= ~(UINT32_C(0xFF) << 8 * i);
        word |= (uint32_t)channel->reply[channel->fetched] << 8 * i;
    }
    return word;
}

static uint32_t fetch(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    const uint32_t there = channel->reply_bytes - channel->fetched;
    if (!(call->value & SIM_STATUS_SUCCESS)) { /* the guest has no room for it (rule 25) */
        drop_reply(channels, channel, call);
        return 0;
    }
    if (there == 0)
        return 0;
    if (call->is_string) {
        if (!copy_to_guest(channels, call, channel->reply + channel->fetched, there))
            return 0;
        channel->fetched += (uint32_t)call->count;
    } else {
        call->value = next_word(channels, channel);
    }
    channel->state = STATE_RECEIVING;
    return SIM_STATUS_SUCCESS;
}

static uint32_t close_channel(struct sim_channels *channels, struct channel *channel, struct sim_call *call)
{
    (void)channels, (void)call;
    free_channel(channel);
    return SIM_STATUS_SUCCESS;
}

/* 3.4. While the handler has the message the guest stands still, so whoever calls then breaks rule 33. */
static step_fn *const steps[STATES][SIM_CALL_TYPES] = {
    /* clang-format off */
    /*                    OPEN    SENDSIZE       SENDPAYLOAD RECVSIZE          RECVPAYLOAD RECVSTATUS  CLOSE */
    [STATE_FREE] =      { refuse, refuse,        refuse,     refuse,           refuse,     refuse,     refuse },
    [STATE_IDLE] =      { refuse, begin_message, refuse,     announce_call,    refuse,     accept,     close_channel },
    [STATE_SENDING] =   { refuse, begin_message, store,      announce_nothing, refuse,     accept,     close_channel },
    [STATE_CALLED] =    { refuse, refuse,        refuse,     refuse,           refuse,     refuse,     refuse },
    [STATE_REPLIED] =   { refuse, begin_message, refuse,     announce,         fetch,      drop_reply, close_channel },
    [STATE_RECEIVING] = { refuse, begin_message, refuse,     announce,         fetch,      drop_reply, close_channel },
    /* clang-format on */
};

/* A checkpoint shows in these alone; the others are single steps (rule 27). */
static bool is_multi_step(uint32_t type)
{
    return type == SIM_CALL_SEND_PAYLOAD || type == SIM_CALL_RECV_PAYLOAD || type == SIM_CALL_RECV_STATUS;
}

uint32_t sim_channels_call(struct sim_channels *channels, struct sim_call *call)
{
    if (call->type >= SIM_CALL_TYPES)
        return 0;
    if (call->type == SIM_CALL_OPEN)
        return open_channel(channels, call);
    struct channel *channel = find(channels, call);
    if (channel == NULL)
        return 0;
    channel->used_ns = sim_now(channels->world);
    if (channel->is_checkpointed && is_multi_step(call->type)) {
        channel->is_checkpointed = false;
        return SIM_STATUS_CPT;
    }
    return steps[channel->state][call->type](channels, channel, call);
}

void sim_channels_reset(struct sim_channels *channels)
{
    forget_called(channels);
    for (uint32_t i = 0; i < channels->count; i++)
        free_channel(&channels->slots[i]);
}

bool sim_channels_strike(struct sim_channels *channels)
{
    if (channels->called == NULL)
        return false;
    channels->called->state = STATE_IDLE;
    forget_called(channels);
    return true;
}

void sim_channels_attention(struct sim_channels *channels, bool raised)
{
    channels->attention = raised;
}

void sim_channels_forget(struct sim_channels *channels, uint16_t id)
{
    if (id < channels->count)
        free_channel(&channels->slots[id]);
}

void sim_channels_checkpoint(struct sim_channels *channels)
{
    for (uint32_t i = 0; i < channels->count; i++) {
        struct channel *channel = &channels->slots[i];
        if (channel->state != STATE_SENDING && channel->state != STATE_RECEIVING)
            continue;
        channel->is_checkpointed = true;
        channel->state = channel->state == STATE_SENDING ? STATE_IDLE : STATE_REPLIED;
        channel->fetched = 0;
    }
}

uint32_t sim_channels_open(const struct sim_channels *channels)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < channels->count; i++)
        open += is_open(channels, &channels->slots[i]);
    return open;
}

uint64_t sim_channels_rpcs(const struct sim_channels *channels)
{
    return channels->rpcs;
}

uint64_t sim_channels_string_bytes(const struct sim_channels *channels)
{
    return channels->string_bytes;
}
