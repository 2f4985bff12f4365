/* vm_guestrpc.h: one GuestRPC channel to the VMM at register level: the client's side of vmware-backdoor.md 2
 * and 3.
 *
 * One call is one RPCI command and its reply; one turn on a TCLO channel is the other way round: what the
 * host has to say, and the guest's answer to what it said before. Nothing here waits but in VM exits, every
 * loop is bounded, and a reply of the VMM is believed only as far as it can be checked: lengths against the
 * caller's room, status bits one by one.
 *
 * Context: any IRQL, one caller at a time. Stack under 256 bytes. Tests: tests/test_vm_guestrpc.c */
#ifndef VM_GUESTRPC_H
#define VM_GUESTRPC_H

#include "transport/kd/kd_status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VM_GUESTRPC_RESTARTS_MAX = 3, /* checkpoints that one direction of one message survives (rule 28) */
    VM_GUESTRPC_WAITS_MAX = 8,    /* times a reply may be "not there yet" */
    VM_GUESTRPC_PREFIX_BYTES = 2, /* "1 " or "0 " in front of every reply (rule 30) */
};

/* The caller's memory, all zero before first use. Private. */
struct vm_guestrpc {
    bool is_open;
    uint16_t channel;
    uint32_t cookie_high; /* both 0 on a host without cookies */
    uint32_t cookie_low;
};

/* Asks for the backdoor's version: one exit, no state (rule 20). True does not prove that there is
 * GuestRPC. */
bool vm_guestrpc_detect(void);

/* Opens an RPCI channel, with cookies if the host has them: one or two exits. The old one, if any, is
 * forgotten.
 * Returns  KD_OK; KD_ERR_NO_DEVICE: refused, nothing is open */
KD_MUST_USE enum kd_status vm_guestrpc_open(struct vm_guestrpc *rpc);

/* The same for TCLO, on which the host speaks and the guest polls (3.4 M8). */
KD_MUST_USE enum kd_status vm_guestrpc_open_tclo(struct vm_guestrpc *rpc);

/* One CLOSE if a channel is open, whatever comes of it; else nothing. */
void vm_guestrpc_close(struct vm_guestrpc *rpc);

/* One RPC. Opens a channel when none is open; a channel that failed is closed, and the request is sent once
 * more on a new one (rule 31): the command may then have run twice, what it does about that is its own
 * affair.
 * request     in   with the command word; 1 .. 65536 bytes
 * reply       out  the whole RPCI reply with its prefix; undefined unless KD_OK
 * room        in   bytes at reply; not one more is written
 * len_bytes   out  of the reply, the prefix included, at least VM_GUESTRPC_PREFIX_BYTES
 * Returns  KD_OK: the command ran ("1 ");
 *          KD_ERR_NO_DEVICE: the VMM has no such command ("0 "); the channel is good;
 *          KD_ERR_TOO_BIG: longer than room, discarded; the channel is good;
 *          KD_ERR_BAD_MESSAGE: no RPCI reply; the channel is good;
 *          KD_ERR_CLOSED: no channel could carry it, none is open now */
KD_MUST_USE enum kd_status vm_guestrpc_call(struct vm_guestrpc *rpc, const uint8_t *request,
                                            uint32_t request_bytes, uint8_t *reply, uint32_t room,
                                            uint32_t *len_bytes);

/* One turn on an open TCLO channel: sends the answer to the host's last message, or the empty message that
 * says "still here", and takes the host's next. Two exits when neither has anything to say. answer_bytes  in
 * 0: nothing to say len_bytes     out  of the host's message, which may be empty Returns  KD_OK: the host
 * said something; KD_ERR_TIMEOUT: it did not; KD_ERR_TOO_BIG: more than room, discarded; KD_ERR_CLOSED: the
 * channel failed, and is closed */
KD_MUST_USE enum kd_status vm_guestrpc_turn(struct vm_guestrpc *rpc, const uint8_t *answer,
                                            uint32_t answer_bytes, uint8_t *message, uint32_t room,
                                            uint32_t *len_bytes);

#endif
