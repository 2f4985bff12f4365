#include "harness/gate/gate.h"

#include <string.h>

const struct gate_rule gate_rules[] = {
    {"machine", "an executable DLL for x64 or x86", false, gate_machine},
    {"subsystem", "a kernel's image, for Windows XP and later", false, gate_subsystem},
    {"protection", "no section writable and executable", false, gate_protection},
    {"resident", "no section pageable or discardable", false, gate_resident},
    {"exports", "every function that a kernel calls, by its bare name", false, gate_exports},
    {"imports", "nothing that some kernel does not export", false, gate_imports},
    {"relocations", "can be loaded anywhere", false, gate_relocatable},
    {"entry", "entry point in the code, or none", false, gate_entry},
    {"checksum", "the header's checksum is right", false, gate_checksum},
    {"tls", "no thread-local storage", false, gate_tls},
    {"delay-imports", "no imports bound later", false, gate_delay_imports},
    {"alignment", "sections on pages", false, gate_alignment},
    {"size", "within its size budget", false, gate_size},
    {"version", "says what it is", false, gate_version},
    {"instructions", "code sections hold code and nothing else", false, gate_instructions},
    {"registers", "no floating-point or vector register", false, gate_registers},
    {"privileged", "no privileged instruction but port accesses", false, gate_privileged},
    {"calls", "arguments come off the stack as the ABI says", false, gate_calls},
    {"stack-bound", "no path uses more stack than allowed", false, gate_stack_bound},
    {"stack-usage", "no frame too large, by the compiler's word", false, gate_stack_usage},
    {"scenarios", "every scenario that applies passes, the oracle's nine rules on", true, gate_scenarios},
    {"stack-used", "no call used more stack than allowed", true, gate_stack_used},
    {"singles", "every single fault at every place is survived", true, gate_singles},
    {"swarm", "fixed seeds of the swarm are clean", true, gate_swarm},
};
const size_t gate_rule_count = sizeof gate_rules / sizeof *gate_rules;

const struct gate_rule *gate_rule_find(const char *name)
{
    for (size_t i = 0; i < gate_rule_count; i++)
        if (strcmp(gate_rules[i].name, name) == 0)
            return &gate_rules[i];
    return NULL;
}
