/* The module's exports: they translate between the kernel's structures and a channel, and nothing else.
 * Windows gives them no context, so the one instance comes from the platform. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/kd_platform.h"

enum { RETRIES_DEFAULT = 20 }; /* kd-protocol.md 2.6 rule 5; for a caller without a context */

static struct kd_span span_of(const struct kd_string *string)
{
    if (string == NULL || string->Buffer == NULL)
        return (struct kd_span){.bytes = NULL, .len_bytes = 0};
    return (struct kd_span){.bytes = string->Buffer, .len_bytes = string->Length};
}

static uint16_t room_of(const struct kd_string *string)
{
    return string == NULL || string->Buffer == NULL ? 0 : string->MaximumLength;
}

static void store_in(struct kd_string *string, const uint8_t *bytes, uint16_t len_bytes)
{
    if (string == NULL)
        return;
    kd_packet_copy(string->Buffer, bytes, len_bytes);
    string->Length = len_bytes;
}

/* Hands a break-in to the kernel; without a context it waits for the next call that has one, or for a
 * poll. */
static void report_break_in(struct kd_module_state *state, struct kd_context *context)
{
    if (context == NULL || !state->control_c)
        return;
    context->KdpControlCPending = 1;
    state->control_c = false;
}

static bool type_good(uint32_t type)
{
    return type < KD_TYPE_MAX && kd_type_header_bytes((uint16_t)type) > 0;
}

static bool body_good(const struct kd_packet *packet)
{
    return packet->header.len_bytes + packet->data.len_bytes <= KD_BODY_BYTES_MAX;
}

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    struct kd_module_state *state = kd_platform_module();
    if (state->options.polls == 0)
        kd_options_default(&state->options);
    kd_options_parse(&state->options, kd_platform_options(loader_block));
    state->control_c = false;
    if (kd_channel_select(state) == KD_OK)
        return KD_STATUS_SUCCESS;
    kd_platform_set_present(false);
    return KD_STATUS_NO_SUCH_DEVICE;
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    (void)loader_block;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdInitialize(int32_t phase, void *loader_block, void *context)
{
    (void)context;
    return phase == 0 ? KdDebuggerInitialize0(loader_block) : KdDebuggerInitialize1(loader_block);
}

uint32_t KD_API KdD0Transition(void)
{
    struct kd_module_state *state = kd_platform_module();
    const struct kd_channel *channel = kd_channel_current(state);
    if (channel != NULL && channel->power_up != NULL)
        channel->power_up(state);
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdD3Transition(void)
{
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    struct kd_module_state *state = kd_platform_module();
    const struct kd_channel *channel = kd_channel_current(state);
    if (channel != NULL && channel->save != NULL)
        channel->save(state, sleeping != 0);
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    struct kd_module_state *state = kd_platform_module();
    const struct kd_channel *channel = kd_channel_current(state);
    if (channel != NULL && channel->restore != NULL)
        channel->restore(state, sleeping != 0);
    return KD_STATUS_SUCCESS;
}

void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context)
{
    struct kd_module_state *state = kd_platform_module();
    const struct kd_channel *channel = kd_channel_current(state);
    const struct kd_packet packet = {
        .type = (uint16_t)type, .header = span_of(header), .data = span_of(data)};
    if (channel == NULL || !type_good(type) || !body_good(&packet))
        return;
    channel->send(state, &packet, context == NULL ? RETRIES_DEFAULT : context->KdpDefaultRetries);
    report_break_in(state, context);
}

static uint32_t poll_break_in(struct kd_module_state *state, const struct kd_channel *channel)
{
    if (!state->control_c && channel->poll(state))
        state->control_c = true;
    bool break_in = state->control_c;
    state->control_c = false;
    return break_in ? KD_RECEIVED : KD_TIMEOUT;
}

uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data,
                                uint32_t *length, struct kd_context *context)
{
    struct kd_module_state *state = kd_platform_module();
    const struct kd_channel *channel = kd_channel_current(state);
    if (channel == NULL)
        return KD_TIMEOUT;
    if (type == KD_TYPE_POLL)
        return poll_break_in(state, channel);
    if (!type_good(type))
        return KD_TIMEOUT;
    const struct kd_wanted wanted = {
        .type = (uint16_t)type, .header_bytes = room_of(header), .data_room = room_of(data)};
    struct kd_received received = {.body = NULL};
    uint32_t status = channel->receive(state, &wanted, &received);
    report_break_in(state, context);
    if (status != KD_RECEIVED)
        return status;
    store_in(header, received.body, received.header_bytes);
    store_in(data, received.body + received.header_bytes, received.data_bytes);
    if (length != NULL)
        *length = received.data_bytes;
    return KD_RECEIVED;
}

uint32_t KD_API KdSetHiberRange(void *range)
{
    (void)range;
    return KD_STATUS_NOT_SUPPORTED;
}

uint32_t KD_API KdPower(void *first, void *second)
{
    (void)first;
    (void)second;
    return KD_STATUS_NOT_SUPPORTED;
}
