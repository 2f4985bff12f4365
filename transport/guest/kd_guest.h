/* kd_guest.h: the module's one instance: all that it remembers between two calls of the kernel.
 *
 * Private to this folder and to machines, which allocate it (kd_platform_module) and look at nothing in it
 * but sizeof. It is all zero before the first call. It may be copied away and back at any moment between two
 * calls (snapshots): nothing in it points anywhere that matters across a call. */
#ifndef KD_GUEST_H
#define KD_GUEST_H

#include "transport/guest/kd_options.h"
#include "transport/guest/kd_uart16550.h"
#include "transport/guest/vm_attention.h"
#include "transport/guest/vm_doorbell.h"
#include "transport/kd/kd_link.h"
#include "transport/kd/vm_message.h"

/* What carries messages to the relay (kd_messages.h). */
enum vm_carrier_id { VM_CARRIER_NONE, VM_CARRIER_GUESTRPC, VM_CARRIER_DOORBELL, VM_CARRIERS };

/* The message layer: the protocol of README.md, over one carrier. */
struct kd_messages {
    uint8_t carrier;  /* enum vm_carrier_id of the one that is open */
    bool in_epoch;    /* hello was agreed and nothing has ended the epoch since */
    bool resend_next; /* the next KdReceivePacket is KD_RESEND */
    bool is_kept;     /* reply ends in a packet for the next KdReceivePacket */
    uint8_t version;  /* agreed in the hello */
    uint16_t kept_type;
    uint16_t kept_header_bytes;
    uint16_t kept_data_bytes;
    uint64_t token; /* what the next request must carry */
    uint8_t request[VM_COMMAND_WORD_BYTES + VM_REQUEST_BYTES_MAX];
    uint8_t reply[VM_GUESTRPC_PREFIX_BYTES + VM_REPLY_BYTES_MAX];
};

/* The backdoor channel. */
struct kd_backdoor {
    struct vm_guestrpc rpc;
    struct vm_attention attention;
};

/* The uart channel: the target's end of a KDCOM line. */
struct kd_uart {
    struct kd_uart16550 device;
    struct kd_link link;
    uint64_t now;   /* failed looks for a byte so far: the link's clock */
    uint32_t polls; /* that make one time-out */
};

struct kd_module_state {
    uint32_t channel;          /* place in the table of kd_channel.h counted from 1; 0: no channel */
    bool control_c;            /* a break-in was seen by a call that had no context to tell */
    struct kd_options options; /* polls 0: never read */
    struct kd_messages messages;
    struct kd_backdoor backdoor;
    struct vm_doorbell doorbell;
    struct kd_uart uart;
};

#endif
