/* fake_relay.h: the relay's side of the message protocol for unit tests: tokens, epochs and the cache as
 * README.md 4 has them, answers from a script, everything that came in written into a log. */
#ifndef FAKE_RELAY_H
#define FAKE_RELAY_H

#include "transport/guest/tests/fake_vmware.h"

/* One answer; without a packet header_bytes is 0. */
struct fake_answer {
    uint16_t result;
    uint16_t flags;
    uint16_t packet_type, header_bytes, data_bytes;
};

struct fake_relay {
    bool is_absent;         /* the VMM says "0 Unknown command" */
    uint32_t absent_for;    /* and for so many messages more */
    bool refuses;           /* every request */
    uint32_t refuses_for;   /* so many requests, and leaves no word of them in the log */
    bool always_stale;      /* every request but hello */
    uint32_t forgets_after; /* this many new requests, hello not counted: another life begins; 0: never */
    uint16_t hello_flags;   /* of every reply to a hello */
    const struct fake_answer *script; /* for new requests but hello; then the plain answer of each kind */
    uint32_t script_left;
    void (*tamper)(uint8_t *reply, uint32_t *len_bytes); /* the message behind the prefix; NULL: nothing */

    /* hello, send, resume, receive, poll, one word each; "-again" for a repeat, "-stale" for a stale one */
    char log[1024];
    struct vm_request last; /* the last request that was new; its packet's bytes are in packet */
    uint8_t packet[KD_BODY_BYTES_MAX];
    uint32_t packets; /* sends that were new */
    uint64_t token_current, token_previous, tokens_drawn, epoch;
    uint32_t cached_request_bytes, cached_reply_bytes;
    uint8_t cached_request[VM_REQUEST_BYTES_MAX];
    uint8_t cached_reply[VM_REPLY_BYTES_MAX];
};

extern struct fake_relay relay;

void fake_relay_reset(void);

/* The RPC handler for fake_vmware_reset. */
uint32_t fake_relay_rpc(const uint8_t *message, uint32_t len_bytes, uint8_t *reply);

/* Another life of the relay, or the guest was rewound: no token is known any more. The log begins anew. */
void fake_relay_forget(void);

/* Byte i of every packet that the relay delivers. */
uint8_t fake_relay_byte(uint32_t i);

#endif
