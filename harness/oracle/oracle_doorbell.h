/* oracle_doorbell.h: rule 6 at the doorbell: only legal commands, with all that transport/guest/doorbell.md 1 says of the
 * registers. Whether a session is open is the VMM's to say, and a guest that was rewound cannot know. Tests:
 * tests/test_oracle_doorbell.c */
#ifndef ORACLE_DOORBELL_H
#define ORACLE_DOORBELL_H

#include "sim/device/sim_exit.h"

/* Written from doorbell.md 1 and from nothing else: it shares no code with the guest's side or the device's
 * (ci/layers.sh). */
enum { ORACLE_DOORBELL_PORT = 0x565A, ORACLE_DOORBELL_BYTES_MAX = 4032 };
enum oracle_doorbell_command { ORACLE_DOORBELL_OPEN = 1, ORACLE_DOORBELL_RING, ORACLE_DOORBELL_CLOSE };

/* breach  in  called, with a sentence, for each thing that is wrong in one access */
void oracle_doorbell_call(const struct sim_registers *before, void (*breach)(void *context, const char *text),
                          void *context);

#endif
