/* fake_doorbell.h: a VMM's doorbell for unit tests, as doorbell.md has it: don't-cares scrambled, faults at chosen
 * commands, the guest's conduct judged. */
#ifndef FAKE_DOORBELL_H
#define FAKE_DOORBELL_H

#include "transport/guest/tests/fake_vmware.h"

struct fake_doorbell {
    fake_rpc_fn *handler; /* gets and gives what GuestRPC would: command word in front, "1 " or "0 " */
    bool is_open;
    volatile uint32_t *attention; /* the guest's word, while open */
    bool level;

    /* From the fault_at-th RING from now on (1 is the next; 0: none), fault_count of them get fault_status and are not acted
     * on; fault_after_handler: acted on, but the reply is not written. */
    uint32_t fault_at, fault_count, fault_status;
    bool fault_after_handler;
    uint32_t eax_forced;          /* what EAX reads after every command, if not 0 */
    uint32_t version_forced;      /* what OPEN agrees on, if not 0 */
    uint32_t reply_bytes_forced;  /* what a good RING tells, if not 0 */

    uint32_t opens, rings, closes, violations;
    uint32_t scramble;
};

extern struct fake_doorbell doorbell;

/* A doorbell plugged into the fake platform, beside whatever else is. */
void fake_doorbell_reset(fake_rpc_fn *handler);

/* The level, written into the guest's word as rule 6 has it. */
void fake_doorbell_attention(bool level);

/* Reset or a VMM that lost its state: no session any more, and the word is not written. */
void fake_doorbell_forget(void);

#endif
