/* sim_rpc.h: what the rpc layer's faults do to a message between guest and handler, whichever device carries it. Only devices
 * use this header. Tests: tests/test_sim_channel.c, tests/test_sim_doorbell.c */
#ifndef SIM_RPC_H
#define SIM_RPC_H

#include "sim/world/sim_fault.h"

/* The kind of one of our own messages, without command word (vm_message.h), as the fault table knows it; 0 for what is too
 * short to have one. */
uint16_t sim_rpc_kind(const uint8_t *message, size_t len_bytes);

/* Reports the message (SIM_FAULT_REQUEST) or the answer to it (SIM_FAULT_REPLY), and returns what strikes it, or NULL. faults
 * may be NULL. */
const struct sim_fault_rule *sim_rpc_ask(struct sim_faults *faults, enum sim_fault_direction direction, uint16_t kind,
                                         size_t len_bytes);

/* What a fault leaves of a message: TRUNCATE and FLIP. */
void sim_rpc_spoil(const struct sim_fault_rule *rule, uint8_t *bytes, uint32_t *len_bytes);

#endif
