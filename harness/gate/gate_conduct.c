/* Rules about the code itself: kd-protocol.md 3.1 and 3.4. */
#include "harness/gate/gate_abi.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_BUDGET_BYTES = 2048 };

void gate_instructions(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct gate_code *code = &subject->code;
    if (!code->is_whole) {
        gate_fail(verdict, "no instruction can be decoded at 0x%x", code->unreadable);
        return;
    }
    for (size_t i = 0; i < code->count; i++) {
        const struct gate_instruction *from = &code->instructions[i];
        if (from->target != 0 && gate_code_at(code, from->target) == NULL) {
            char text[GATE_TEXT_BYTES];
            gate_code_text(code, from, text);
            gate_fail(verdict, "%s leads to no instruction of the code", text);
            return;
        }
    }
    if (code->count == 0)
        gate_fail(verdict, "there is no code");
    else
        gate_pass(verdict, "%zu in %u bytes, every byte decoded, every direct jump and call lands on one",
                  code->count, code->len_bytes);
}

/* The first instruction with that offence; NULL: none. */
static const struct gate_instruction *offender(const struct gate_code *code, enum gate_offence offence)
{
    for (size_t i = 0; i < code->count; i++)
        if (code->instructions[i].offence == offence)
            return &code->instructions[i];
    return NULL;
}

void gate_registers(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct gate_instruction *bad = offender(&subject->code, GATE_VECTOR);
    char text[GATE_TEXT_BYTES];
    if (bad == NULL) {
        gate_pass(verdict, "%zu instructions, general registers only", subject->code.count);
        return;
    }
    gate_code_text(&subject->code, bad, text);
    gate_fail(verdict, "%s", text);
}

/* int3 between functions is padding. One that the code before it runs into is a breakpoint, at which the
 * debugger would meet itself. NULL: none. */
static const struct gate_instruction *breakpoint(const struct gate_code *code)
{
    for (size_t i = 1; i < code->count; i++) {
        const struct gate_instruction *before = &code->instructions[i - 1], *at = &code->instructions[i];
        bool runs_into = before->flow == GATE_NEXT || before->flow == GATE_BRANCH;
        if (at->flow == GATE_STOP && runs_into && before->rva + before->len_bytes == at->rva)
            return at;
    }
    return NULL;
}

void gate_privileged(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    const struct gate_instruction *bad = offender(&subject->code, GATE_PRIVILEGED);
    char text[GATE_TEXT_BYTES];
    unsigned ports = 0;
    if (bad == NULL)
        bad = breakpoint(&subject->code);
    if (bad != NULL) {
        gate_code_text(&subject->code, bad, text);
        gate_fail(verdict, "%s", text);
        return;
    }
    for (size_t i = 0; i < subject->code.count; i++)
        ports += subject->code.instructions[i].is_port_access;
    gate_pass(verdict, "none but %u port accesses", ports);
}

/* ---- calls and stack ---------------------------------------------------------------------------------- */

/* Follows one export; false: the verdict is told. */
static bool follow(const struct gate_subject *subject, const struct pe_exports *exports,
                   const struct gate_export *abi, struct gate_stack *stack, struct gate_verdict *verdict)
{
    char why[PE_WHY_BYTES];
    const struct pe_export *export = gate_export_find(exports, abi->name);
    *stack = (struct gate_stack){0};
    if (export == NULL)
        return true; /* the exports' rule says so */
    if (gate_stack_of(&subject->code, export->rva, stack, why) == KD_OK)
        return true;
    gate_fail(verdict, "%s: %s", abi->name, why);
    return false;
}

static bool pops_right(const struct gate_subject *subject, const struct gate_export *abi,
                       const struct gate_stack *stack, struct gate_verdict *verdict)
{
    uint16_t right = subject->image.is_64 ? 0 : abi->argument_bytes_x86;
    if (stack->chain_count == 0 || stack->pops == right)
        return true;
    gate_fail(verdict, "%s takes %u bytes of arguments off the stack: expected %u", abi->name, stack->pops,
              right);
    return false;
}

/* What gate_stack_of() cannot follow is the stack's own rule's to tell: here it counts as nothing wrong. */
void gate_calls(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_exports exports;
    char why[PE_WHY_BYTES];
    unsigned followed = 0;
    if (pe_exports_read(&subject->image, &exports, why) != KD_OK)
        exports.count = 0;
    for (size_t i = 0; i < gate_abi_count; i++) {
        struct gate_stack stack;
        struct gate_verdict ignored;
        if (!follow(subject, &exports, &gate_abi[i], &stack, &ignored))
            continue;
        if (!pops_right(subject, &gate_abi[i], &stack, verdict))
            return;
        followed += stack.chain_count > 0;
    }
    gate_pass(verdict, "%u exports return with the stack as the ABI says", followed);
}

static void tell_stack(const struct gate_stack *deepest, const char *name, struct gate_verdict *verdict)
{
    char chain[GATE_EVIDENCE_BYTES / 2] = "";
    for (unsigned i = 0; i < deepest->chain_count; i++) {
        size_t used = strlen(chain);
        snprintf(chain + used, sizeof chain - used, "%s0x%x", i > 0 ? " > " : "", deepest->chain[i]);
    }
    if (deepest->bytes > STACK_BUDGET_BYTES)
        gate_fail(verdict, "%s may use %u bytes, the budget is %d: %s", name, deepest->bytes,
                  STACK_BUDGET_BYTES, chain);
    else
        gate_pass(verdict, "at most %u of %d bytes, in %s: %s", deepest->bytes, STACK_BUDGET_BYTES, name,
                  chain);
}

void gate_stack_bound(const struct gate_subject *subject, struct gate_verdict *verdict)
{
    struct pe_exports exports;
    struct gate_stack deepest = {0};
    const char *name = "no export";
    char why[PE_WHY_BYTES];
    if (pe_exports_read(&subject->image, &exports, why) != KD_OK)
        exports.count = 0;
    for (size_t i = 0; i < gate_abi_count; i++) {
        struct gate_stack stack;
        if (!follow(subject, &exports, &gate_abi[i], &stack, verdict))
            return;
        if (stack.bytes > deepest.bytes) {
            deepest = stack;
            name = gate_abi[i].name;
        }
    }
    tell_stack(&deepest, name, verdict);
}
