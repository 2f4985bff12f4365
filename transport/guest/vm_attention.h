/* vm_attention.h: does the relay want to be asked? A hint from the host on a TCLO channel, so that a poll
 * which finds nothing costs two exits in place of a whole RPC.
 *
 * It is a hint only, and errs on one side: whatever is not the plain answer of a host that is known to give
 * this hint is "yes". The protocol is README.md 5, "Attention". Context: any IRQL, one caller at a time;
 * bounded; stack under 400 bytes. Tests: tests/test_vm_attention.c */
#ifndef VM_ATTENTION_H
#define VM_ATTENTION_H

#include "transport/guest/vm_guestrpc.h"

enum {
    VM_ATTENTION_TRIALS_MAX = 4, /* turns within which a host must show that it gives the hint */
    VM_ATTENTION_PAUSE =
        255, /* questions without the channel, after which a host that had none is tried again */
};

/* The caller's memory, all zero before first use. Private. */
struct vm_attention {
    struct vm_guestrpc tclo;
    bool is_trusted; /* the host has said on this channel that it gives the hint: its silence means something
                      */
    uint8_t answer;  /* what its last message is answered with */
    uint8_t trials;  /* turns since trust was lost, or since its last reset */
    uint8_t pause;   /* questions to go until a channel is opened again */
};

/* Asks the host. Two exits when it is quiet; a channel is opened when none is; one turn on it, whatever
 * comes. Returns  false: the host says that there is nothing to ask for; true: ask the relay */
bool vm_attention_raised(struct vm_attention *attention);

/* Closes the channel, if one is open, and forgets everything. */
void vm_attention_close(struct vm_attention *attention);

#endif
