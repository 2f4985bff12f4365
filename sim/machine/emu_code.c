/* emu_code.c: what code is, read with Capstone: how many instructions a block has, and which of them the
 * machine must run itself. Each block is looked at once, when it is about to run for the first time. */
#define _GNU_SOURCE
#include "sim/machine/emu_private.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <sys/mman.h>

static struct emu_block *blocks(size_t count)
{
    void *memory = mmap(NULL, count * sizeof(struct emu_block), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        sim_host_fail("no memory for what is known of a guest's code");
    return memory;
}

void emu_code_init(struct emu_code *code, enum mk_arch arch)
{
    if (cs_open(CS_ARCH_X86, arch == MK_X86 ? CS_MODE_32 : CS_MODE_64, &code->capstone) != CS_ERR_OK)
        sim_host_fail("no disassembler");
    cs_option(code->capstone, CS_OPT_DETAIL, CS_OPT_ON);
    code->scratch = cs_malloc(code->capstone);
    code->kernel = blocks(GUEST_KERNEL_BYTES_MAX);
    code->dll = blocks(GUEST_DLL_BYTES_MAX);
    code->stops = sim_allocate(EMU_STOPS_MAX, sizeof *code->stops);
}

struct emu_block *emu_code_block(struct emu_code *code, uint64_t address)
{
    if (address - GUEST_DLL < GUEST_DLL_BYTES_MAX)
        return &code->dll[address - GUEST_DLL];
    return address - GUEST_KERNEL < GUEST_KERNEL_BYTES_MAX ? &code->kernel[address - GUEST_KERNEL] : NULL;
}

/* What a module has no business with: a clock would make histories differ, the rest needs what no machine
 * here has. */
static enum emu_action action_of(unsigned id, uint8_t *width)
{
    static const struct {
        unsigned id;
        enum emu_action action;
        uint8_t width; /* 0: the accumulator's */
    } rows[] = {
        {X86_INS_IN, EMU_IN, 0},
        {X86_INS_OUT, EMU_OUT, 0},
        {X86_INS_INSB, EMU_INS, 1},
        {X86_INS_INSW, EMU_INS, 2},
        {X86_INS_INSD, EMU_INS, 4},
        {X86_INS_OUTSB, EMU_OUTS, 1},
        {X86_INS_OUTSW, EMU_OUTS, 2},
        {X86_INS_OUTSD, EMU_OUTS, 4},
        {X86_INS_CPUID, EMU_CPUID, 0},
        {X86_INS_HLT, EMU_FORBIDDEN, 0},
        {X86_INS_RDTSC, EMU_FORBIDDEN, 0},
        {X86_INS_RDTSCP, EMU_FORBIDDEN, 0},
        {X86_INS_RDMSR, EMU_FORBIDDEN, 0},
        {X86_INS_WRMSR, EMU_FORBIDDEN, 0},
        {X86_INS_RDRAND, EMU_FORBIDDEN, 0},
        {X86_INS_RDSEED, EMU_FORBIDDEN, 0},
        {X86_INS_SYSCALL, EMU_FORBIDDEN, 0},
        {X86_INS_SYSENTER, EMU_FORBIDDEN, 0},
        {X86_INS_VMCALL, EMU_FORBIDDEN, 0},
        {X86_INS_VMMCALL, EMU_FORBIDDEN, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].id != id)
            continue;
        *width = rows[i].width;
        return rows[i].action;
    }
    return EMU_RUN;
}

/* The operand that is not the port says how wide IN and OUT are. */
static void read_port_operands(const cs_x86 *x86, struct emu_instruction *instruction)
{
    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *operand = &x86->operands[i];
        if (operand->type == X86_OP_IMM) {
            instruction->has_port = true;
            instruction->port = (uint8_t)operand->imm;
        } else if (operand->type == X86_OP_REG && operand->reg != X86_REG_DX) {
            instruction->width = operand->reg == X86_REG_AL ? 1 : operand->reg == X86_REG_AX ? 2 : 4;
        }
    }
}

static bool next(struct emu_code *code, uint64_t *address, const uint8_t **bytes, size_t *left)
{
    return cs_disasm_iter(code->capstone, bytes, left, address, code->scratch);
}

static bool repeats(const cs_insn *insn)
{
    return insn->detail->x86.prefix[0] == X86_PREFIX_REP || insn->detail->x86.prefix[0] == X86_PREFIX_REPNE;
}

static void describe(const cs_insn *insn, struct emu_instruction *instruction)
{
    *instruction = (struct emu_instruction){.address = insn->address, .len_bytes = (uint8_t)insn->size};
    instruction->action = action_of(insn->id, &instruction->width);
    instruction->repeats = repeats(insn);
    if (instruction->action == EMU_IN || instruction->action == EMU_OUT)
        read_port_operands(&insn->detail->x86, instruction);
    snprintf(instruction->name, sizeof instruction->name, "%.15s", insn->mnemonic);
}

/* A module with more of them than the table has room for is not hooked there: its accesses reach nobody. */
static const struct emu_instruction *keep_stop(struct emu_code *code, const struct emu_instruction *stop)
{
    struct emu_block *here = emu_code_block(code, stop->address);
    if (here->stop == 0 && code->stop_count < EMU_STOPS_MAX) {
        code->stops[code->stop_count] = *stop;
        here->stop = ++code->stop_count;
    }
    return emu_code_stop(code, stop->address);
}

const struct emu_instruction *emu_code_stop(struct emu_code *code, uint64_t address)
{
    const struct emu_block *here = emu_code_block(code, address);
    return here->stop == 0 ? NULL : &code->stops[here->stop - 1];
}

const struct emu_instruction *emu_code_look(struct emu_code *code, struct emu_block *block, uint64_t address,
                                            const uint8_t *bytes, size_t len_bytes)
{
    struct emu_instruction instruction;
    block->known = true;
    while (len_bytes > 0 && next(code, &address, &bytes, &len_bytes)) {
        describe(code->scratch, &instruction);
        if (instruction.action != EMU_RUN) {
            block->stops = true;
            return keep_stop(code, &instruction);
        }
        block->repeats = block->count == 0 && instruction.repeats;
        block->count++;
        block->len_bytes = (uint16_t)(block->len_bytes + instruction.len_bytes);
    }
    return NULL;
}
