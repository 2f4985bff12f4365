/* kd_channel.h: what the exports need from a way to the debugger, and the ways in order of preference.
 *
 * A new channel is one file that defines a struct kd_channel, and one line in kd_channel.c.
 * Context of every operation: any IRQL, one caller at a time. State that must outlive a call lies in the
 * instance. */
#ifndef KD_CHANNEL_H
#define KD_CHANNEL_H

#include "transport/guest/kd_guest.h"

/* Operations marked "may be NULL" have nothing to do on some channels. A break-in that a send or a receive
 * meets is left in state->control_c; whether the debugger is present goes to kd_platform_set_present at
 * once. */
struct kd_channel {
    const char *name;

    /* Probes the device and starts over: ids, epoch, everything kept. state->options is set.
     * Returns  KD_OK; an error: it does not answer, is left as it was found, and nothing of it is kept */
    enum kd_status (*open)(struct kd_module_state *state);

    /* Sends a packet and returns when it was acknowledged or abandoned (kd-protocol.md 2.6).
     * packet   in  a data type, at most KD_BODY_BYTES_MAX bytes; its bytes are not changed */
    void (*send)(struct kd_module_state *state, const struct kd_packet *packet, uint32_t retries);

    /* Waits for a packet (2.5).
     * received  out  on KD_RECEIVED what fits wanted, valid until the next operation
     * Returns   KD_RECEIVED, KD_TIMEOUT or KD_RESEND */
    uint32_t (*receive)(struct kd_module_state *state, const struct kd_wanted *wanted,
                        struct kd_received *received);

    /* Asks for a break-in without waiting (2.7). True: break in. */
    bool (*poll)(struct kd_module_state *state);

    void (*save)(struct kd_module_state *state, bool sleeping);    /* may be NULL */
    void (*restore)(struct kd_module_state *state, bool sleeping); /* may be NULL */
    void (*power_up)(struct kd_module_state *state);               /* may be NULL */
};

extern const struct kd_channel kd_channel_doorbell;
extern const struct kd_channel kd_channel_backdoor;
extern const struct kd_channel kd_channel_uart;

/* Opens the first channel of the list that answers.
 * Returns  KD_OK; KD_ERR_NO_DEVICE: none does, and state->channel is 0 */
KD_MUST_USE enum kd_status kd_channel_select(struct kd_module_state *state);

/* The channel in use, NULL when there is none. */
const struct kd_channel *kd_channel_current(const struct kd_module_state *state);

#endif
