/* relay_farewell.h: what a relay says in place of a target that is gone (kd-protocol.md 2.12 rule 7).
 *
 * DbgEng hangs when its target vanishes at a stop. So it is told, by the notice with which a kernel says that
 * the system goes down, and whatever it asks until it lets go is answered: it cannot be done.
 *
 * Freestanding; context: any. Tests: tests/test_relay_farewell.c */
#ifndef RELAY_FAREWELL_H
#define RELAY_FAREWELL_H

#include "transport/kd/kd_packet.h"

enum {
    RELAY_STATE_HEAD_BYTES = 32, /* of a state change: NewState to ProgramCounter (4.1) */
    RELAY_NOTICES = 2,           /* to a debugger that waits at a stop: at once, and after its Continue */
    RELAY_API_REBOOT = 0x313B,
    RELAY_FAREWELL_RETRIES = 20, /* KdpDefaultRetries of a kernel (2.6 note 5) */
};

/* What a target that never stopped would have in the first bytes of a state change. */
void relay_state_head_default(uint8_t head[RELAY_STATE_HEAD_BYTES]);

/* The shutdown notice (5.9 rule 2, vector S25): unload symbols, base -1, no path. head says cpu, thread and
 * place of the last state change. Writes KD_STATE_CHANGE_BYTES. */
void relay_notice_store(uint8_t *to, const uint8_t head[RELAY_STATE_HEAD_BYTES]);

/* True for that notice, whoever sent it. */
bool relay_is_notice(const struct kd_packet *packet);

/* What becomes of a manipulate request to a target that is gone. */
enum relay_last_word {
    RELAY_WORD_REFUSED, /* a reply: UNSUCCESSFUL, nothing transferred */
    RELAY_WORD_GO,      /* the debugger lets go: Continue, Reboot, CauseBugCheck */
    RELAY_WORD_AGAIN,   /* a state change is the answer (SwitchProcessor): the notice again */
    RELAY_WORD_NONE,    /* acknowledged, and that is all (4.4) */
};

/* to    out  KD_MANIPULATE_BYTES, with RELAY_WORD_REFUSED
 * body  in   a manipulate request, at least KD_MANIPULATE_BYTES */
enum relay_last_word relay_last_word(uint8_t *to, const uint8_t *body);

/* Manipulate requests after which the target runs or is gone (4.4). */
bool relay_lets_target_run(uint32_t api);

#endif
