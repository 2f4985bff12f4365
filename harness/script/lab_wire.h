/* lab_wire.h: how the wire monitor hangs on to a lab (oracle rule 7). Private to lab.c and its parts. */
#ifndef LAB_WIRE_H
#define LAB_WIRE_H

#include "harness/script/lab.h"

/* Makes the lab's monitor and hooks up both lines, the VM and the debugger. The VM must not have run yet. */
void lab_wire_watch(struct lab *lab);

/* Bytes from the target, for the monitor and then for the debugger, frame by frame. */
void lab_wire_input(struct lab *lab, const uint8_t *bytes, size_t len_bytes);

/* A fault struck a frame on one of the lines. */
void lab_wire_fault(struct lab *lab, const struct sim_fault_rule *rule);

#endif
