/* gate_abi.h: the exports a kernel calls, for the rules that look at them (kd-protocol.md 3.1). */
#ifndef GATE_ABI_H
#define GATE_ABI_H

#include "harness/gate/gate.h"

struct gate_export {
    const char *name;
    uint16_t argument_bytes_x86; /* that the callee takes off the stack */
};

extern const struct gate_export gate_abi[];
extern const size_t gate_abi_count;

const struct pe_export *gate_export_find(const struct pe_exports *exports, const char *name);

#endif
