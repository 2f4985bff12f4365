/* The backdoor channel: messages as RPCI commands over GuestRPC. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_messages.h"

static bool guestrpc_open(struct kd_module_state *state)
{
    kd_copy(state->messages.request, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES);
    return vm_guestrpc_detect() && vm_guestrpc_open(&state->backdoor.rpc) == KD_OK;
}

static void guestrpc_close(struct kd_module_state *state)
{
    vm_attention_close(&state->backdoor.attention);
    vm_guestrpc_close(&state->backdoor.rpc);
}

static bool guestrpc_attention(struct kd_module_state *state)
{
    return vm_attention_raised(&state->backdoor.attention);
}

/* The message has its command word in front already, and the reply its prefix. */
static enum kd_status guestrpc_call(struct kd_module_state *state, uint32_t request_bytes, uint32_t room,
                                    uint32_t *len_bytes)
{
    struct kd_messages *messages = &state->messages;
    enum kd_status status =
        vm_guestrpc_call(&state->backdoor.rpc, messages->request, VM_COMMAND_WORD_BYTES + request_bytes,
                         messages->reply, VM_GUESTRPC_PREFIX_BYTES + room, len_bytes);
    if (status == KD_OK)
        *len_bytes -= VM_GUESTRPC_PREFIX_BYTES;
    return status;
}

const struct vm_carrier vm_carrier_guestrpc = {guestrpc_open, guestrpc_close, guestrpc_call,
                                               guestrpc_attention};

static enum kd_status backdoor_open(struct kd_module_state *state)
{
    return kd_messages_open(state, VM_CARRIER_GUESTRPC);
}

const struct kd_channel kd_channel_backdoor = {
    .name = "backdoor",
    .open = backdoor_open,
    .send = kd_messages_send,
    .receive = kd_messages_receive,
    .poll = kd_messages_poll,
};
