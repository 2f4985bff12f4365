/* kd_messages.h: the message layer: whole KD packets as messages to the relay. What the channels of
 * messages (doorbell, backdoor) have in common; what each has of its own is a carrier, which takes one message to
 * the relay and brings one back.
 *
 * The layer knows tokens, epochs, the kept packet and when to give up (README.md 3, 4); a carrier knows how
 * to pass bytes. Context: any IRQL, one caller at a time. Tests: tests/test_kd_channel_backdoor.c */
#ifndef KD_MESSAGES_H
#define KD_MESSAGES_H

#include "transport/guest/kd_guest.h"

/* A new carrier is one file that defines one of these, its number in kd_guest.h and its line in
 * kd_messages.c. */
struct vm_carrier {
    /* Finds and opens whatever carries messages. False: nothing answers, nothing is open, and all is as it
     * was found. */
    bool (*open)(struct kd_module_state *state);

    /* Gives it back; nothing when it is not open. */
    void (*close)(struct kd_module_state *state);

    /* One message and its reply, in kd_messages_request and kd_messages_reply. After a failure it may have
     * arrived; the carrier itself tries a second way, if it has one, with the same bytes. request_bytes  in
     * VM_REQUEST_BYTES .. VM_REQUEST_BYTES_MAX room           in   not a byte more of the reply is taken:
     * VM_REPLY_BYTES or VM_REPLY_BYTES_MAX Returns  KD_OK: *len_bytes of reply are there, whatever they say;
     *          KD_ERR_CLOSED, KD_ERR_NO_DEVICE: nobody is there; KD_ERR_BAD_MESSAGE, KD_ERR_TOO_BIG: nonsense
     * came back */
    enum kd_status (*call)(struct kd_module_state *state, uint32_t request_bytes, uint32_t room,
                           uint32_t *len_bytes);

    /* Does the relay want to be asked? False only if the VMM says so and is known to know; true costs nothing
     * but a request. */
    bool (*attention)(struct kd_module_state *state);
};

extern const struct vm_carrier vm_carrier_guestrpc; /* kd_channel_backdoor.c */
extern const struct vm_carrier vm_carrier_doorbell; /* kd_channel_doorbell.c */

/* Where the message that goes out, and the one that came back, lie. */
static inline uint8_t *kd_messages_request(struct kd_messages *messages)
{
    return messages->request + VM_COMMAND_WORD_BYTES;
}

static inline uint8_t *kd_messages_reply(struct kd_messages *messages)
{
    return messages->reply + VM_GUESTRPC_PREFIX_BYTES;
}

/* struct kd_channel's operations, over the carrier that was opened. */
KD_MUST_USE enum kd_status kd_messages_open(struct kd_module_state *state, enum vm_carrier_id id);
void kd_messages_close(struct kd_module_state *state);
void kd_messages_send(struct kd_module_state *state, const struct kd_packet *packet, uint32_t retries);
uint32_t kd_messages_receive(struct kd_module_state *state, const struct kd_wanted *wanted,
                             struct kd_received *received);
bool kd_messages_poll(struct kd_module_state *state);

#endif
