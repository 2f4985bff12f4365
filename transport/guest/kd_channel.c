#include "transport/guest/kd_channel.h"

static const struct kd_channel *const channels[] = {
    &kd_channel_doorbell,
    &kd_channel_backdoor,
    &kd_channel_uart,
};

enum { CHANNELS = sizeof channels / sizeof channels[0] };

enum kd_status kd_channel_select(struct kd_module_state *state)
{
    for (state->channel = 1; state->channel <= CHANNELS; state->channel++)
        if (channels[state->channel - 1]->open(state) == KD_OK)
            return KD_OK;
    state->channel = 0;
    return KD_ERR_NO_DEVICE;
}

const struct kd_channel *kd_channel_current(const struct kd_module_state *state)
{
    if (state->channel < 1 || state->channel > CHANNELS)
        return NULL;
    return channels[state->channel - 1];
}
