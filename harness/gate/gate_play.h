/* gate_play.h: how a play of the catalogue over a DLL went, for the rules that look at it. */
#ifndef GATE_PLAY_H
#define GATE_PLAY_H

#include "harness/gate/gate.h"
#include "sim/machine/sim_conduct.h"

enum { GATE_PLAY_LINE_BYTES = 1000 };

struct gate_scenarios {
    bool is_played;
    int code; /* the play's exit code */
    unsigned passed, failed, skipped;
    uint64_t instructions;
    unsigned long stack_bytes; /* the most that any call of the module used; 0: not told */
    char first_bad[GATE_PLAY_LINE_BYTES];
};

#endif
