/* The doorbell channel: messages as they are, an exit each. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_messages.h"

static bool carrier_open(struct kd_module_state *state)
{
    return vm_doorbell_open(&state->doorbell) == KD_OK;
}

static void carrier_close(struct kd_module_state *state)
{
    vm_doorbell_close(&state->doorbell);
}

static enum kd_status carrier_call(struct kd_module_state *state, uint32_t request_bytes, uint32_t room,
                                   uint32_t *len_bytes)
{
    struct kd_messages *messages = &state->messages;
    return vm_doorbell_call(&state->doorbell, kd_messages_request(messages), request_bytes,
                            kd_messages_reply(messages), room, len_bytes);
}

static bool carrier_attention(struct kd_module_state *state)
{
    return vm_doorbell_attention(&state->doorbell);
}

const struct vm_carrier vm_carrier_doorbell = {carrier_open, carrier_close, carrier_call, carrier_attention};

static enum kd_status doorbell_open(struct kd_module_state *state)
{
    return kd_messages_open(state, VM_CARRIER_DOORBELL);
}

const struct kd_channel kd_channel_doorbell = {
    .name = "doorbell",
    .open = doorbell_open,
    .send = kd_messages_send,
    .receive = kd_messages_receive,
    .poll = kd_messages_poll,
};
