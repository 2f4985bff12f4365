#include "sim/device/sim_rpc.h"

enum { KIND_OFFSET = 3 /* vm_message.h */ };

uint16_t sim_rpc_kind(const uint8_t *message, size_t len_bytes)
{
    return len_bytes > KIND_OFFSET ? message[KIND_OFFSET] : 0;
}

const struct sim_fault_rule *sim_rpc_ask(struct sim_faults *faults, enum sim_fault_direction direction,
                                         uint16_t kind, size_t len_bytes)
{
    return faults == NULL ? NULL : sim_faults_ask(faults, SIM_FAULT_RPC, direction, kind, len_bytes);
}

void sim_rpc_spoil(const struct sim_fault_rule *rule, uint8_t *bytes, uint32_t *len_bytes)
{
    if (rule->kind == SIM_FAULT_TRUNCATE && rule->len_bytes < *len_bytes)
        *len_bytes = rule->len_bytes;
    if (rule->kind == SIM_FAULT_FLIP && rule->bit / 8 < *len_bytes)
        bytes[rule->bit / 8] ^= (uint8_t)(1u << rule->bit % 8);
}
