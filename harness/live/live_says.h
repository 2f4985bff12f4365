/* live_says.h: what happens in a VM, in words for a person who watches a live target. */
#ifndef LIVE_SAYS_H
#define LIVE_SAYS_H

#include "sim/machine/sim_vm.h"

enum { LIVE_SAYS_BYTES = 160 };

/* Gives a line, without its end, for each report that a person wants to hear of. */
struct live_says {
    void *context;
    void (*line)(void *context, const char *line);
    const struct mk_map *map;
    bool stopping; /* private: the next exception state change is a new stop, not its repetition */
};

void live_says_api(struct live_says *says, const struct mk_trace *trace);
void live_says_life(struct live_says *says, enum sim_life life);

/* Writes an address as nt+0x123, pool+0x10, or as a number when nothing known is there. */
void live_says_address(const struct mk_map *map, uint64_t address, char text[LIVE_SAYS_BYTES]);

#endif
