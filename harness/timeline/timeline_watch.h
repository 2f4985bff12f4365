/* timeline_watch.h: hangs on to a machine and its debugger, and writes down what they do as a ladder.
 *
 * It listens to the VM (what the kernel reports, life, RPCs), to both lines to the debugger (every frame as
 * it was sent, and the fault that strikes it), to the table of faults (what is lost of RPCs) and to the
 * debugger's notes. It only listens: the history is the same with and without. */
#ifndef TIMELINE_WATCH_H
#define TIMELINE_WATCH_H

#include "harness/dbg/dbg.h"
#include "harness/timeline/timeline.h"
#include "sim/machine/sim_vm.h"

struct timeline_watch;

/* Begins a ladder, with the machine as it is now. The VM must not have run yet. The caller ends the watch
 * after vm, faults and dbg are gone. */
struct timeline_watch *timeline_watch_begin(struct timeline *timeline, struct sim_world *world,
                                            struct sim_faults *faults, struct sim_vm *vm, struct dbg *dbg);
void timeline_watch_end(struct timeline_watch *watch);

#endif
