#include "harness/gate/gate_code.h"

#include "sim/world/sim_memory.h"
#include "transport/kd/kd_bytes.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- which instructions may not be here --------------------------------------------------------------- */

struct range {
    unsigned first, last;
};

static bool in_ranges(const struct range *ranges, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++)
        if (value >= ranges[i].first && value <= ranges[i].last)
            return true;
    return false;
}
#define IN_RANGES(ranges, value) in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), value)

static const struct range vector_registers[] = {
    {X86_REG_FPSW, X86_REG_FPSW},  {X86_REG_FP0, X86_REG_FP7},    {X86_REG_K0, X86_REG_K7},
    {X86_REG_MM0, X86_REG_MM7},    {X86_REG_ST0, X86_REG_ST7},    {X86_REG_XMM0, X86_REG_XMM31},
    {X86_REG_YMM0, X86_REG_YMM31}, {X86_REG_ZMM0, X86_REG_ZMM31},
};

static const struct range system_registers[] = {
    {X86_REG_CR0, X86_REG_CR15}, {X86_REG_DR0, X86_REG_DR15}, {X86_REG_CS, X86_REG_CS},
    {X86_REG_DS, X86_REG_DS},    {X86_REG_ES, X86_REG_ES},    {X86_REG_FS, X86_REG_FS},
    {X86_REG_GS, X86_REG_GS},    {X86_REG_SS, X86_REG_SS},
};

static const struct range vector_groups[] = {
    {X86_GRP_3DNOW, X86_GRP_AES}, {X86_GRP_AVX, X86_GRP_AVX512}, {X86_GRP_F16C, X86_GRP_FMA4},
    {X86_GRP_MMX, X86_GRP_MMX},   {X86_GRP_SHA, X86_GRP_XOP},    {X86_GRP_FPU, X86_GRP_FPU},
};

/* Of these the groups know nothing, or not all. */
static const unsigned vector_instructions[] = {
    X86_INS_FXSAVE,  X86_INS_FXSAVE64, X86_INS_FXRSTOR, X86_INS_FXRSTOR64, X86_INS_XSAVE,    X86_INS_XSAVE64,
    X86_INS_XSAVEC,  X86_INS_XSAVEOPT, X86_INS_XSAVES,  X86_INS_XRSTOR,    X86_INS_XRSTOR64, X86_INS_XRSTORS,
    X86_INS_LDMXCSR, X86_INS_STMXCSR,  X86_INS_EMMS,    X86_INS_FEMMS,     X86_INS_WAIT,     X86_INS_FNINIT,
    X86_INS_FLDCW,   X86_INS_FNSTCW,   X86_INS_FNSAVE,  X86_INS_FRSTOR,    X86_INS_FNSTSW,   X86_INS_FNCLEX,
};

/* A module lives in port accesses; it may ask what the processor is, and must keep the flags. */
static const unsigned allowed_instructions[] = {
    X86_INS_IN,    X86_INS_OUT,    X86_INS_INSB,  X86_INS_INSD,   X86_INS_OUTSB, X86_INS_OUTSD,
    X86_INS_CPUID, X86_INS_PUSHFQ, X86_INS_POPFQ, X86_INS_PUSHFD, X86_INS_POPFD,
};

/* Privileged: Capstone's group knows only some of them. */
static const unsigned privileged_instructions[] = {
    X86_INS_RDMSR,    X86_INS_WRMSR,  X86_INS_CLTS,    X86_INS_LGDT,     X86_INS_LIDT,     X86_INS_LLDT,
    X86_INS_LTR,      X86_INS_LMSW,   X86_INS_INVD,    X86_INS_WBINVD,   X86_INS_INVLPG,   X86_INS_INVPCID,
    X86_INS_HLT,      X86_INS_CLI,    X86_INS_STI,     X86_INS_SWAPGS,   X86_INS_SYSRET,   X86_INS_SYSEXIT,
    X86_INS_IRET,     X86_INS_IRETD,  X86_INS_IRETQ,   X86_INS_MONITOR,  X86_INS_MWAIT,    X86_INS_RSM,
    X86_INS_CLAC,     X86_INS_STAC,   X86_INS_XSETBV,  X86_INS_VMXON,    X86_INS_VMXOFF,   X86_INS_VMLAUNCH,
    X86_INS_VMRESUME, X86_INS_VMRUN,  X86_INS_VMREAD,  X86_INS_VMWRITE,  X86_INS_VMPTRLD,  X86_INS_VMPTRST,
    X86_INS_VMCLEAR,  X86_INS_INVEPT, X86_INS_INVVPID, X86_INS_CLGI,     X86_INS_STGI,     X86_INS_VMLOAD,
    X86_INS_VMSAVE,   X86_INS_SKINIT, X86_INS_INVLPGA, X86_INS_WRFSBASE, X86_INS_WRGSBASE,
};

/* Not privileged, and yet no business of a module: clocks and chance (one seed, one history), system calls,
 * breakpoints (the debugger would meet itself), a direction flag that is set. */
static const unsigned forbidden_instructions[] = {
    X86_INS_RDTSC,    X86_INS_RDTSCP, X86_INS_RDPMC,   X86_INS_RDRAND, X86_INS_RDSEED, X86_INS_SYSCALL,
    X86_INS_SYSENTER, X86_INS_VMCALL, X86_INS_VMMCALL, X86_INS_XGETBV, X86_INS_STD,    X86_INS_INT,
    X86_INS_INT1,     X86_INS_INTO,   X86_INS_SGDT,    X86_INS_SIDT,   X86_INS_SLDT,   X86_INS_STR,
    X86_INS_SMSW,     X86_INS_UD2,    X86_INS_LDS,     X86_INS_LES,    X86_INS_LFS,    X86_INS_LGS,
    X86_INS_LSS,      X86_INS_LJMP,   X86_INS_LCALL,   X86_INS_RETF,   X86_INS_RETFQ,  X86_INS_BOUND,
};

static const unsigned port_instructions[] = {X86_INS_IN,   X86_INS_OUT,   X86_INS_INSB,  X86_INS_INSW,
                                             X86_INS_INSD, X86_INS_OUTSB, X86_INS_OUTSW, X86_INS_OUTSD};

static bool in_list(const unsigned *list, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}
#define IN_LIST(list, value) in_list(list, sizeof(list) / sizeof *(list), value)

static bool touches_vector(csh engine, const cs_insn *insn)
{
    cs_regs read, written;
    uint8_t read_count = 0, written_count = 0;
    if (IN_LIST(vector_instructions, insn->id))
        return true;
    for (uint8_t i = 0; i < insn->detail->groups_count; i++)
        if (IN_RANGES(vector_groups, insn->detail->groups[i]))
            return true;
    if (cs_regs_access(engine, insn, read, &read_count, written, &written_count) != CS_ERR_OK)
        return true;
    for (uint8_t i = 0; i < read_count; i++)
        if (IN_RANGES(vector_registers, read[i]))
            return true;
    for (uint8_t i = 0; i < written_count; i++)
        if (IN_RANGES(vector_registers, written[i]))
            return true;
    return false;
}

static bool touches_system(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    for (uint8_t i = 0; i < x86->op_count; i++) {
        bool named = x86->operands[i].type == X86_OP_REG && IN_RANGES(system_registers, x86->operands[i].reg);
        bool segment = x86->operands[i].type == X86_OP_MEM && (x86->operands[i].mem.segment == X86_REG_FS ||
                                                               x86->operands[i].mem.segment == X86_REG_GS);
        if (named || segment)
            return true;
    }
    return false;
}

static bool in_group(const cs_insn *insn, unsigned group)
{
    for (uint8_t i = 0; i < insn->detail->groups_count; i++)
        if (insn->detail->groups[i] == group)
            return true;
    return false;
}

static enum gate_offence offence_of(csh engine, const cs_insn *insn)
{
    if (touches_vector(engine, insn))
        return GATE_VECTOR;
    if (IN_LIST(allowed_instructions, insn->id))
        return GATE_FINE;
    if (IN_LIST(privileged_instructions, insn->id) || IN_LIST(forbidden_instructions, insn->id) ||
        in_group(insn, X86_GRP_PRIVILEGE) || in_group(insn, X86_GRP_IRET) || in_group(insn, X86_GRP_VM) ||
        touches_system(insn))
        return GATE_PRIVILEGED;
    return GATE_FINE;
}

/* ---- what an instruction does ------------------------------------------------------------------------- */

static enum gate_flow flow_of(const cs_insn *insn)
{
    switch (insn->id) {
    case X86_INS_JMP:
        return GATE_JUMP;
    case X86_INS_CALL:
        return GATE_CALL;
    case X86_INS_RET:
        return GATE_RETURN;
    case X86_INS_UD2:
    case X86_INS_HLT:
    case X86_INS_INT3:
        return GATE_STOP;
    case X86_INS_LOOP:
    case X86_INS_LOOPE:
    case X86_INS_LOOPNE:
        return GATE_BRANCH;
    default:
        return in_group(insn, X86_GRP_JUMP) ? GATE_BRANCH : GATE_NEXT;
    }
}

static bool is_stack_pointer(const cs_x86_op *op)
{
    return op->type == X86_OP_REG && (op->reg == X86_REG_RSP || op->reg == X86_REG_ESP ||
                                      op->reg == X86_REG_SP || op->reg == X86_REG_SPL);
}

static bool is_frame_pointer(unsigned reg)
{
    return reg == X86_REG_RBP || reg == X86_REG_EBP;
}

/* lea rsp, [base + n]; n goes to *bytes. */
static bool is_stack_lea(const cs_insn *insn, int64_t *bytes)
{
    const cs_x86_op *from = &insn->detail->x86.operands[1];
    *bytes = -from->mem.disp;
    return insn->id == X86_INS_LEA && from->mem.index == X86_REG_INVALID;
}

/* What an instruction that names the stack pointer as its target does to it. */
static enum gate_stack_change change_of(const cs_insn *insn, int64_t *bytes)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *from = &x86->operands[1];
    bool by_number = x86->op_count == 2 && from->type == X86_OP_IMM;
    *bytes = !by_number ? 0 : x86->operands[0].size == 4 ? (int32_t)from->imm : from->imm;
    if (insn->id == X86_INS_SUB && by_number)
        return GATE_STACK_BY;
    if (insn->id == X86_INS_ADD && by_number) {
        *bytes = -*bytes;
        return GATE_STACK_BY;
    }
    if (insn->id == X86_INS_AND && by_number) {
        *bytes = -*bytes;
        return *bytes > 0 && (*bytes & (*bytes - 1)) == 0 ? GATE_STACK_ALIGNED : GATE_STACK_UNKNOWN;
    }
    if (insn->id == X86_INS_MOV && from->type == X86_OP_REG && is_frame_pointer(from->reg))
        return GATE_STACK_FROM_FRAME;
    if (!is_stack_lea(insn, bytes))
        return GATE_STACK_UNKNOWN;
    if (is_frame_pointer(from->mem.base))
        return GATE_STACK_FROM_FRAME;
    return from->mem.base == X86_REG_RSP || from->mem.base == X86_REG_ESP ? GATE_STACK_BY
                                                                          : GATE_STACK_UNKNOWN;
}

static void explicit_change(struct gate_instruction *to, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    int64_t bytes;
    if (x86->op_count == 2 && insn->id == X86_INS_MOV && is_stack_pointer(&x86->operands[1]) &&
        x86->operands[0].type == X86_OP_REG && is_frame_pointer(x86->operands[0].reg))
        to->stack_change = GATE_STACK_MARKED;
    if (x86->op_count == 0 || !is_stack_pointer(&x86->operands[0]) || insn->id == X86_INS_CMP ||
        insn->id == X86_INS_TEST)
        return;
    enum gate_stack_change change = change_of(insn, &bytes);
    bool sane = bytes >= -GATE_CODE_BYTES_MAX && bytes <= GATE_CODE_BYTES_MAX;
    to->stack_change = (uint8_t)(sane ? change : GATE_STACK_UNKNOWN);
    to->pushes = sane ? (int32_t)bytes : 0;
}

enum { OPERAND_SIZE_PREFIX = 0x66 };

static void stack_change(struct gate_instruction *to, const cs_insn *insn, bool is_64)
{
    const int32_t word = is_64 ? 8 : 4;
    const bool is_short = insn->detail->x86.prefix[2] == OPERAND_SIZE_PREFIX;
    switch (insn->id) {
    case X86_INS_PUSH:
    case X86_INS_PUSHFQ:
    case X86_INS_PUSHFD:
        to->pushes = word;
        to->stack_change = is_short ? GATE_STACK_UNKNOWN : GATE_STACK_BY;
        return;
    case X86_INS_POP:
    case X86_INS_POPFQ:
    case X86_INS_POPFD:
        to->pushes = -word;
        if (is_short || (insn->id == X86_INS_POP && is_stack_pointer(&insn->detail->x86.operands[0])))
            to->stack_change = GATE_STACK_UNKNOWN;
        return;
    case X86_INS_LEAVE:
        to->stack_change = GATE_STACK_FROM_FRAME;
        to->pushes = -word;
        return;
    case X86_INS_ENTER:
    case X86_INS_PUSHAW:
    case X86_INS_PUSHAL:
    case X86_INS_POPAW:
    case X86_INS_POPAL:
    case X86_INS_PUSHF:
    case X86_INS_POPF:
        to->stack_change = GATE_STACK_UNKNOWN;
        return;
    default:
        explicit_change(to, insn);
    }
}

static bool is_code(const struct pe_image *image, uint64_t rva)
{
    const struct pe_section *section = rva > UINT32_MAX ? NULL : pe_image_section(image, (uint32_t)rva);
    return section != NULL && (section->flags & PE_FLAG_EXECUTE) != 0;
}

static struct gate_instruction classify(const struct gate_code *code, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    struct gate_instruction to = {
        .rva = (uint32_t)insn->address,
        .len_bytes = (uint8_t)insn->size,
        .flow = (uint8_t)flow_of(insn),
        .offence = (uint8_t)offence_of(code->engine, insn),
        .is_port_access = IN_LIST(port_instructions, insn->id),
        .slot = GATE_SLOT_ANY,
    };
    bool by_number = x86->op_count > 0 && x86->operands[0].type == X86_OP_IMM;
    if (to.flow == GATE_RETURN)
        to.pops = by_number ? (uint16_t)x86->operands[0].imm : 0;
    else if (to.flow == GATE_NEXT)
        stack_change(&to, insn, code->image->is_64);
    else if (to.flow != GATE_STOP && by_number)
        to.target = (uint32_t)x86->operands[0].imm;
    else if (to.flow != GATE_STOP)
        to.is_indirect = true;
    return to;
}

/* ---- pointers ----------------------------------------------------------------------------------------- */

static void add_pointer(struct gate_code *code, uint64_t to, uint32_t at)
{
    struct gate_pointers *pointers = is_code(code->image, to) ? &code->functions : &code->tables;
    if (to == 0 || to > UINT32_MAX || pe_image_section(code->image, (uint32_t)to) == NULL)
        return;
    pointers->items =
        sim_grow(pointers->items, &pointers->room, pointers->count + 1, sizeof *pointers->items);
    pointers->items[pointers->count].to = (uint32_t)to;
    pointers->items[pointers->count++].at = at;
}

/* [rip + address]: the instruction takes an address, or reads what is there. */
static void add_operands(struct gate_code *code, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    for (uint8_t i = 0; i < x86->op_count; i++)
        if (x86->operands[i].type == X86_OP_MEM && x86->operands[i].mem.base == X86_REG_RIP)
            add_pointer(code, insn->address + insn->size + (uint64_t)x86->operands[i].mem.disp, 0);
}

/* What a relocated place holds, as an RVA; 0 if it is not in the file. */
static uint64_t pointer_at(const struct pe_image *image, uint32_t rva)
{
    const uint8_t *at = pe_image_at(image, rva, image->is_64 ? 8 : 4);
    if (at == NULL)
        return 0;
    return (image->is_64 ? kd_load_u64(at) : kd_load_u32(at)) - image->base;
}

static void add_relocated(struct gate_code *code, const struct pe_relocations *relocations)
{
    for (unsigned i = 0; i < relocations->count; i++)
        add_pointer(code, pointer_at(code->image, relocations->items[i].rva), relocations->items[i].rva);
}

/* The last loads of each register, as far back as is sure: for `mov rax, [rbx + 24]; call rax`. */
struct loads {
    int32_t slot[X86_REG_ENDING];
};

static void forget(struct loads *loads)
{
    for (size_t i = 0; i < X86_REG_ENDING; i++)
        loads->slot[i] = GATE_SLOT_ANY;
}

enum { SLOT_MAX = 256 };

static int32_t slot_of(const cs_x86_op *memory)
{
    bool plain =
        memory->mem.index == X86_REG_INVALID && memory->mem.disp >= 0 && memory->mem.disp <= SLOT_MAX;
    return plain ? (int32_t)memory->mem.disp : GATE_SLOT_ANY;
}

/* Sets the slot of an indirect call or jump, or takes note of a load. A branch over loads keeps what was
 * loaded before it: a pointer is tested and then called. A call forgets all. */
static void note_slot(struct loads *loads, struct gate_instruction *to, csh engine, const cs_insn *insn)
{
    const cs_x86_op *first = &insn->detail->x86.operands[0], *second = &insn->detail->x86.operands[1];
    cs_regs read, written;
    uint8_t read_count = 0, written_count = 0;
    if (to->is_indirect)
        to->slot = first->type == X86_OP_REG ? loads->slot[first->reg] : slot_of(first);
    if (to->flow != GATE_NEXT && to->flow != GATE_BRANCH) {
        forget(loads);
        return;
    }
    if (cs_regs_access(engine, insn, read, &read_count, written, &written_count) != CS_ERR_OK)
        forget(loads);
    for (uint8_t i = 0; i < written_count; i++)
        loads->slot[written[i]] = GATE_SLOT_ANY;
    if (insn->id == X86_INS_MOV && first->type == X86_OP_REG && second->type == X86_OP_MEM)
        loads->slot[first->reg] = slot_of(second);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static void stop_at(struct gate_code *code, uint32_t rva)
{
    if (code->is_whole)
        code->unreadable = rva;
    code->is_whole = false;
}

/* What is no instruction is told once, and passed over a byte at a time: what follows is judged all the same.
 */
static void skip_byte(struct gate_code *code, const uint8_t **at, size_t *left, uint64_t *address)
{
    stop_at(code, (uint32_t)*address);
    ++*at;
    --*left;
    ++*address;
}

static void read_section(struct gate_code *code, size_t *room, const struct pe_section *section,
                         cs_insn *insn)
{
    size_t left = section->file_bytes < section->virtual_bytes ? section->file_bytes : section->virtual_bytes;
    if (left > GATE_CODE_BYTES_MAX - code->len_bytes) {
        stop_at(code, section->rva);
        return;
    }
    struct loads loads;
    forget(&loads);
    const uint8_t *at = code->image->bytes + section->file_at;
    uint64_t address = section->rva;
    code->len_bytes += (uint32_t)left;
    while (left > 0) {
        if (!cs_disasm_iter(code->engine, &at, &left, &address, insn)) {
            skip_byte(code, &at, &left, &address);
            continue;
        }
        code->instructions = sim_grow(code->instructions, room, code->count + 1, sizeof *code->instructions);
        struct gate_instruction *instruction = &code->instructions[code->count++];
        *instruction = classify(code, insn);
        note_slot(&loads, instruction, code->engine, insn);
        add_operands(code, insn);
    }
}

enum kd_status gate_code_read(struct gate_code *code, const struct pe_image *image,
                              const struct pe_relocations *relocations)
{
    csh engine;
    size_t room = 0;
    *code = (struct gate_code){.image = image, .is_whole = true};
    if (cs_open(CS_ARCH_X86, image->is_64 ? CS_MODE_64 : CS_MODE_32, &engine) != CS_ERR_OK)
        return KD_ERR_NO_DEVICE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    code->engine = engine;
    cs_insn *insn = cs_malloc(engine);
    for (unsigned i = 0; i < image->section_count; i++)
        if ((image->sections[i].flags & PE_FLAG_EXECUTE) != 0)
            read_section(code, &room, &image->sections[i], insn);
    cs_free(insn, 1);
    add_relocated(code, relocations);
    return KD_OK;
}

void gate_code_free(struct gate_code *code)
{
    csh engine = code->engine;
    if (engine != 0)
        cs_close(&engine);
    free(code->instructions);
    free(code->functions.items);
    free(code->tables.items);
    *code = (struct gate_code){0};
}

const struct gate_instruction *gate_code_at(const struct gate_code *code, uint32_t rva)
{
    size_t low = 0, high = code->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code->instructions[middle].rva < rva)
            low = middle + 1;
        else
            high = middle;
    }
    return low < code->count && code->instructions[low].rva == rva ? &code->instructions[low] : NULL;
}

void gate_code_text(const struct gate_code *code, const struct gate_instruction *instruction,
                    char text[GATE_TEXT_BYTES])
{
    cs_insn *insn;
    const uint8_t *bytes = pe_image_at(code->image, instruction->rva, instruction->len_bytes);
    size_t count = bytes == NULL
                       ? 0
                       : cs_disasm(code->engine, bytes, instruction->len_bytes, instruction->rva, 1, &insn);
    if (count == 0) {
        snprintf(text, GATE_TEXT_BYTES, "0x%x", instruction->rva);
        return;
    }
    snprintf(text, GATE_TEXT_BYTES, "0x%x: %.16s %.60s", instruction->rva, insn->mnemonic, insn->op_str);
    cs_free(insn, count);
}
