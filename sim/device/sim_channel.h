/* sim_channel.h: the host's GuestRPC channels, without registers: vmware-backdoor.md 3.4 M1 to M8, M10.
 *
 * sim_backdoor.c translates registers to a call and its outcome back. Only these two files use this header.
 * Tests: tests/test_sim_channel.c, and the vectors in tests/test_sim_backdoor.c */
#ifndef SIM_CHANNEL_H
#define SIM_CHANNEL_H

#include "sim/device/sim_backdoor.h"

/* Sub-types of command MESSAGE (3.1). */
enum sim_call_type {
    SIM_CALL_OPEN,
    SIM_CALL_SEND_SIZE,
    SIM_CALL_SEND_PAYLOAD, /* and a string from the guest, port 0x5659 */
    SIM_CALL_RECV_SIZE,
    SIM_CALL_RECV_PAYLOAD, /* and a string to the guest */
    SIM_CALL_RECV_STATUS,
    SIM_CALL_CLOSE,
    SIM_CALL_TYPES
};

/* Status bits (3.2). None of them is failure without a reason. */
enum {
    SIM_STATUS_SUCCESS = 0x0001,
    SIM_STATUS_DORECV = 0x0002,
    SIM_STATUS_CLOSED = 0x0004,
    SIM_STATUS_CPT = 0x0010,
    SIM_STATUS_HB = 0x0080,
    SIM_STATUS_HELD = 0x10000, /* not on the wire: the guest stands in the call, its outcome comes later */
};

struct sim_call {
    uint32_t type;                    /* in: enum sim_call_type, or what the guest put there */
    uint16_t id;                      /* in; out of OPEN */
    uint32_t cookie_high, cookie_low; /* in; out of OPEN with cookies */
    bool has_cookies;                 /* out of OPEN */
    uint32_t value;                   /* in: protocol, size, word or status. out: length or word */

    /* String calls: in. */
    bool is_string;
    uint64_t address, count;
};

struct sim_channels;

/* offers_string  in  high bandwidth is offered for every message
 * offers_tclo    in  channels on which the host calls are opened */
struct sim_channels *sim_channels_create(struct sim_world *world, struct sim_faults *faults, uint32_t vm,
                                         uint32_t count, bool offers_string, bool offers_tclo,
                                         const struct sim_memory *memory, sim_rpc_fn *handler, void *context);
void sim_channels_destroy(struct sim_channels *channels);

/* Plays one call. Returns status bits, or SIM_STATUS_HELD: the handler runs on, and ends with
 * sim_channels_reply. */
uint32_t sim_channels_call(struct sim_channels *channels, struct sim_call *call);

/* The handler's answer. Returns false when nothing happened: no message is under way, or a fault delays the answer;
 * then completed, set once after the creation, is called when it is there. */
bool sim_channels_reply(struct sim_channels *channels, const uint8_t *reply, size_t len_bytes);

void sim_channels_on_delayed(struct sim_channels *channels, void (*completed)(void *context), void *context);

/* A level: while it is raised, TCLO channels whose guest named itself VM_TCLO_NAME have VM_TCLO_ATTENTION to tell; once,
 * right after the name, they have it anyway. */
void sim_channels_attention(struct sim_channels *channels, bool raised);

/* The host has lost the channel that this id names: nobody knows it any more. */
void sim_channels_forget(struct sim_channels *channels, uint16_t id);

/* M5: all closed, a message under way is struck. */
void sim_channels_reset(struct sim_channels *channels);

/* The handler's answer will not be waited for: the message under way is given up, its channel is idle.
 * Returns false when none is under way. */
bool sim_channels_strike(struct sim_channels *channels);

/* M4: transfers start over. */
void sim_channels_checkpoint(struct sim_channels *channels);

uint32_t sim_channels_open(const struct sim_channels *channels);
uint64_t sim_channels_rpcs(const struct sim_channels *channels);
uint64_t sim_channels_string_bytes(const struct sim_channels *channels);

#endif
