/* vm_doorbell.h: the doorbell at register level: one exit carries a whole message to the VMM and its reply back.
 *
 * The guest's side of doorbell.md, whose rules (R1 ..) this header cites. Nothing here waits but in VM exits, every loop is
 * bounded, and what the VMM says is believed only as far as it can be checked.
 *
 * Context: any IRQL, one caller at a time. Stack under 256 bytes. Tests: tests/test_vm_doorbell.c */
#ifndef VM_DOORBELL_H
#define VM_DOORBELL_H

#include "transport/kd/kd_status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VM_DOORBELL_VERSION = 1,
    VM_DOORBELL_RESTARTS_MAX = 3, /* suspensions that one call survives (R9) */
};

/* The caller's memory, all zero before first use, and it must not move while the doorbell is open. Private. */
struct vm_doorbell {
    volatile uint32_t attention; /* the VMM writes here: 0, or the relay wants to be asked (R6) */
    bool is_open;
};

/* Looks for a doorbell, and opens it: one exit (R3). An open one starts over.
 * Returns  KD_OK; KD_ERR_NO_DEVICE: there is none, nothing is open */
KD_MUST_USE enum kd_status vm_doorbell_open(struct vm_doorbell *doorbell);

/* One CLOSE if it is open, whatever comes of it: the VMM writes no more (R5). Else nothing. */
void vm_doorbell_close(struct vm_doorbell *doorbell);

/* One message and its reply: one exit (R4). A doorbell that is not open is opened, and one that failed is opened anew and
 * rung once more with the same bytes: the message may then have arrived twice, what it does about that is its own affair.
 * reply      out  undefined unless KD_OK
 * room       in   bytes at reply; the VMM is told not to write more
 * len_bytes  out  of the reply
 * Returns  KD_OK; KD_ERR_NO_DEVICE: the VMM has no relay, KD_ERR_TOO_BIG: the reply was longer than room: the doorbell is
 *          good; KD_ERR_CLOSED: it could not be rung, and is not open now */
KD_MUST_USE enum kd_status vm_doorbell_call(struct vm_doorbell *doorbell, const uint8_t *request, uint32_t request_bytes,
                                            uint8_t *reply, uint32_t room, uint32_t *len_bytes);

/* Does the relay want to be asked? No exit: the word is read once. True when the doorbell is not open. */
bool vm_doorbell_attention(const struct vm_doorbell *doorbell);

#endif
