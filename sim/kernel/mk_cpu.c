/* mk_cpu.c: one processor: its registers, and an interpreter for the few instructions of the image's code. */
#include "sim/kernel/mk_state.h"

enum { OPCODE_BYTES_MAX = 3 };

uint64_t mk_register(const struct mk_state *state, uint32_t cpu, uint16_t offset)
{
    return mk_word_load(state->layout, state->cpus[cpu].context + offset);
}

void mk_register_set(struct mk_state *state, uint32_t cpu, uint16_t offset, uint64_t value)
{
    mk_word_store(state->layout, state->cpus[cpu].context + offset, value);
}

uint32_t mk_eflags(const struct mk_state *state, uint32_t cpu)
{
    return kd_load_u32(state->cpus[cpu].context + state->layout->context.eflags);
}

void mk_eflags_set(struct mk_state *state, uint32_t cpu, uint32_t value)
{
    kd_store_u32(state->cpus[cpu].context + state->layout->context.eflags, value | MK_FLAG_RESERVED);
}

/* ---- one instruction under way ------------------------------------------------------------------------- */

struct execution {
    struct mk_state *state;
    uint32_t cpu;
    const uint8_t *code; /* the instruction's bytes */
    uint64_t next;       /* where the program counter goes afterwards */
    uint8_t number;      /* of the register that the last opcode byte names */
    uint8_t operand;     /* where the immediate operand begins */
    struct mk_exception *exception;
};

static bool raise(struct execution *run, uint32_t code)
{
    run->exception->code = code;
    return false;
}

static bool fault(struct execution *run, bool write, uint64_t address)
{
    run->exception->parameters = 2;
    run->exception->information[0] = write;
    run->exception->information[1] = address;
    return raise(run, MK_ACCESS_VIOLATION);
}

static uint16_t register_offset(const struct execution *run, uint8_t number)
{
    return run->state->layout->context.gpr[number];
}

static bool push(struct execution *run, uint64_t value)
{
    uint16_t sp = run->state->layout->context.sp;
    uint8_t width = run->state->layout->pointer_bytes;
    uint64_t to = mk_address(run->state->layout, mk_register(run->state, run->cpu, sp) - width);
    uint8_t bytes[8];
    mk_word_store(run->state->layout, bytes, value);
    if (mk_write(run->state, to, bytes, width) != width)
        return fault(run, true, to);
    mk_register_set(run->state, run->cpu, sp, to);
    return true;
}

static bool pop(struct execution *run, uint64_t *value)
{
    uint16_t sp = run->state->layout->context.sp;
    uint8_t width = run->state->layout->pointer_bytes;
    uint64_t from = mk_register(run->state, run->cpu, sp);
    uint8_t bytes[8];
    if (mk_read(run->state, from, bytes, width) != width)
        return fault(run, false, from);
    *value = mk_word_load(run->state->layout, bytes);
    mk_register_set(run->state, run->cpu, sp, from + width);
    return true;
}

static bool even_parity(uint8_t byte)
{
    byte ^= (uint8_t)(byte >> 4);
    byte ^= (uint8_t)(byte >> 2);
    byte ^= (uint8_t)(byte >> 1);
    return (byte & 1) == 0;
}

/* A word's bits above the machine's width say nothing: they are the sign. */
static uint64_t in_width(const struct execution *run, uint64_t value)
{
    return value & (UINT64_MAX >> (64 - 8 * run->state->layout->pointer_bytes));
}

static bool is_negative(const struct execution *run, uint64_t value)
{
    return (value >> (8 * run->state->layout->pointer_bytes - 1) & 1) != 0;
}

/* What an addition or a subtraction leaves in the flags; those in kept stay as they were. All values in
 * width. */
static void set_flags(struct execution *run, uint64_t left, uint64_t right, uint64_t result,
                      uint32_t carry_overflow, uint32_t kept)
{
    const uint32_t changed =
        (MK_FLAG_CF | MK_FLAG_PF | MK_FLAG_AF | MK_FLAG_ZF | MK_FLAG_SF | MK_FLAG_OF) & ~kept;
    uint32_t flags = carry_overflow | (even_parity((uint8_t)result) ? MK_FLAG_PF : 0u) |
                     (((left ^ right ^ result) & 0x10) != 0 ? MK_FLAG_AF : 0u) |
                     (result == 0 ? MK_FLAG_ZF : 0u) | (is_negative(run, result) ? MK_FLAG_SF : 0u);
    mk_eflags_set(run->state, run->cpu, (mk_eflags(run->state, run->cpu) & ~changed) | (flags & changed));
}

static void add(struct execution *run, uint64_t right, uint32_t kept)
{
    uint16_t offset = register_offset(run, run->number);
    uint64_t left = in_width(run, mk_register(run->state, run->cpu, offset));
    right = in_width(run, right);
    uint64_t sum = in_width(run, left + right);
    uint32_t overflow = is_negative(run, ~(left ^ right) & (left ^ sum)) ? MK_FLAG_OF : 0u;
    set_flags(run, left, right, sum, overflow | (sum < left ? MK_FLAG_CF : 0u), kept);
    mk_register_set(run->state, run->cpu, offset, sum);
}

static void subtract(struct execution *run, uint64_t right)
{
    uint16_t offset = register_offset(run, run->number);
    uint64_t left = in_width(run, mk_register(run->state, run->cpu, offset));
    right = in_width(run, right);
    uint64_t difference = in_width(run, left - right);
    uint32_t overflow = is_negative(run, (left ^ right) & (left ^ difference)) ? MK_FLAG_OF : 0u;
    set_flags(run, left, right, difference, overflow | (left < right ? MK_FLAG_CF : 0u), 0);
    mk_register_set(run->state, run->cpu, offset, difference);
}

static int64_t immediate8(const struct execution *run)
{
    return (int8_t)run->code[run->operand];
}

static int64_t immediate32(const struct execution *run)
{
    return (int32_t)kd_load_u32(run->code + run->operand);
}

/* ---- the instructions: true when done, false with an exception ----------------------------------------- */

static bool do_nop(struct execution *run)
{
    (void)run;
    return true;
}

static bool do_inc(struct execution *run)
{
    add(run, 1, MK_FLAG_CF); /* which leaves the carry alone */
    return true;
}

static bool do_add(struct execution *run)
{
    add(run, (uint64_t)immediate8(run), 0);
    return true;
}

static bool do_sub(struct execution *run)
{
    subtract(run, (uint64_t)immediate8(run));
    return true;
}

static bool do_mov(struct execution *run)
{
    mk_register_set(run->state, run->cpu, register_offset(run, run->number),
                    kd_load_u32(run->code + run->operand));
    return true;
}

static bool do_mov_bp_sp(struct execution *run)
{
    enum { REGISTER_BP = 5 };
    uint64_t sp = mk_register(run->state, run->cpu, run->state->layout->context.sp);
    mk_register_set(run->state, run->cpu, register_offset(run, REGISTER_BP), sp);
    return true;
}

static bool do_push(struct execution *run)
{
    return push(run, mk_register(run->state, run->cpu, register_offset(run, run->number)));
}

static bool do_pop(struct execution *run)
{
    uint64_t value;
    if (!pop(run, &value))
        return false;
    mk_register_set(run->state, run->cpu, register_offset(run, run->number), value);
    return true;
}

static bool do_jmp_short(struct execution *run)
{
    run->next += (uint64_t)immediate8(run);
    return true;
}

static bool do_jmp(struct execution *run)
{
    run->next += (uint64_t)immediate32(run);
    return true;
}

static bool do_call(struct execution *run)
{
    if (!push(run, run->next))
        return false;
    run->next += (uint64_t)immediate32(run);
    return true;
}

static bool do_ret(struct execution *run)
{
    return pop(run, &run->next);
}

/* What the processor pushes on an interrupt, from the lowest address on. */
enum { FRAME_PC, FRAME_CS, FRAME_FLAGS, FRAME_SP, FRAME_SS, FRAME_WORDS_MAX };

static bool do_iret(struct execution *run)
{
    const struct mk_context_layout *context = &run->state->layout->context;
    const uint8_t words = run->state->layout->interrupt.words;
    uint64_t frame[FRAME_WORDS_MAX] = {0};
    for (uint32_t i = 0; i < words; i++)
        if (!pop(run, &frame[i]))
            return false;
    run->next = frame[FRAME_PC];
    mk_eflags_set(run->state, run->cpu, (uint32_t)frame[FRAME_FLAGS]);
    if (words > FRAME_SP)
        mk_register_set(run->state, run->cpu, context->sp, frame[FRAME_SP]);
    return true;
}

static bool do_hlt(struct execution *run)
{
    run->next -= 1; /* stays here: no interrupt of ours wakes a processor that halts */
    return true;
}

static bool do_int3(struct execution *run)
{
    run->exception->parameters = 1; /* service code 0: a break (kd-protocol.md 5.1 rule 6) */
    return raise(run, MK_BREAKPOINT);
}

struct opcode {
    uint8_t bytes[OPCODE_BYTES_MAX];
    uint8_t opcode_bytes;
    uint8_t register_mask; /* of the last opcode byte: the bits that name a register */
    uint8_t length;        /* of the whole instruction */
    bool (*run)(struct execution *run);
};

static const struct opcode x64_opcodes[] = {
    {{0x90}, 1, 0, 1, do_nop},
    {{0x48, 0xFF, 0xC0}, 3, 7, 3, do_inc},
    {{0x48, 0x83, 0xC0}, 3, 7, 4, do_add},
    {{0x48, 0x83, 0xE8}, 3, 7, 4, do_sub},
    {{0xB8}, 1, 7, 5, do_mov},
    {{0x50}, 1, 7, 1, do_push},
    {{0x58}, 1, 7, 1, do_pop},
    {{0xEB}, 1, 0, 2, do_jmp_short},
    {{0xE9}, 1, 0, 5, do_jmp},
    {{0xE8}, 1, 0, 5, do_call},
    {{0xC3}, 1, 0, 1, do_ret},
    {{0x48, 0xCF}, 2, 0, 2, do_iret},
    {{0xF4}, 1, 0, 1, do_hlt},
    {{0xCC}, 1, 0, 1, do_int3},
};

static const struct opcode x86_opcodes[] = {
    {{0x90}, 1, 0, 1, do_nop},       {{0x40}, 1, 7, 1, do_inc},  {{0x83, 0xC0}, 2, 7, 3, do_add},
    {{0x83, 0xE8}, 2, 7, 3, do_sub}, {{0xB8}, 1, 7, 5, do_mov},  {{0x8B, 0xEC}, 2, 0, 2, do_mov_bp_sp},
    {{0x50}, 1, 7, 1, do_push},      {{0x58}, 1, 7, 1, do_pop},  {{0xEB}, 1, 0, 2, do_jmp_short},
    {{0xE9}, 1, 0, 5, do_jmp},       {{0xE8}, 1, 0, 5, do_call}, {{0xC3}, 1, 0, 1, do_ret},
    {{0xCF}, 1, 0, 1, do_iret},      {{0xF4}, 1, 0, 1, do_hlt},  {{0xCC}, 1, 0, 1, do_int3},
};

static bool matches(const struct opcode *opcode, const uint8_t *code, uint32_t code_bytes)
{
    if (code_bytes < opcode->length)
        return false;
    for (uint32_t i = 0; i < opcode->opcode_bytes; i++) {
        uint8_t mask = i + 1u == opcode->opcode_bytes ? (uint8_t)~opcode->register_mask : 0xFF;
        if ((code[i] & mask) != opcode->bytes[i])
            return false;
    }
    return true;
}

static const struct {
    const struct opcode *rows;
    uint32_t count;
} opcodes[] = {
    [MK_X64] = {x64_opcodes, sizeof x64_opcodes / sizeof x64_opcodes[0]},
    [MK_X86] = {x86_opcodes, sizeof x86_opcodes / sizeof x86_opcodes[0]},
};

static bool execute(struct execution *run, uint32_t code_bytes)
{
    enum mk_arch arch = run->state->boot->arch;
    for (uint32_t i = 0; i < opcodes[arch].count; i++) {
        const struct opcode *opcode = &opcodes[arch].rows[i];
        if (!matches(opcode, run->code, code_bytes))
            continue;
        run->number = run->code[opcode->opcode_bytes - 1] & opcode->register_mask;
        run->operand = opcode->opcode_bytes;
        run->next += opcode->length;
        return opcode->run(run);
    }
    return raise(run, MK_ILLEGAL_INSTRUCTION);
}

/* TF was set when the instruction began: the trap comes after it (kd-protocol.md 5.5 rule 2). TF is taken
 * away, so that a plain Continue, which carries no control set, runs. */
static bool trap_step(struct mk_state *state, uint32_t cpu, struct mk_exception *exception)
{
    mk_eflags_set(state, cpu, mk_eflags(state, cpu) & ~(uint32_t)MK_FLAG_TF);
    mk_word_store(state->layout, state->cpus[cpu].special + state->layout->special.dr[6],
                  MK_DR6_FIXED | MK_DR6_STEP);
    exception->code = MK_SINGLE_STEP;
    exception->address = mk_register(state, cpu, state->layout->context.pc);
    return true;
}

/* Dr7 enables a breakpoint on execution and one of Dr0 to Dr3 says where. The stop comes before the instruction, with RF
 * in the flags that the debugger sees, so that the instruction runs when it lets go. Accesses to data are not watched. */
static bool hits_debug_register(struct mk_state *state, uint32_t cpu, uint64_t at)
{
    enum { REGISTERS = 4 };
    const struct mk_layout *layout = state->layout;
    uint8_t *special = state->cpus[cpu].special;
    uint64_t dr7 = mk_word_load(layout, special + layout->special.dr[7]);
    uint32_t eflags = mk_eflags(state, cpu);
    for (uint32_t i = 0; (eflags & MK_FLAG_RF) == 0 && i < REGISTERS; i++) {
        bool enabled = (dr7 >> (2 * i) & 3) != 0;
        bool on_execution = (dr7 >> (16 + 4 * i) & 3) == 0;
        if (!enabled || !on_execution || mk_word_load(layout, special + layout->special.dr[i]) != at)
            continue;
        mk_word_store(layout, special + layout->special.dr[6], MK_DR6_FIXED | 1u << i);
        mk_eflags_set(state, cpu, eflags | MK_FLAG_RF);
        return true;
    }
    return false;
}

bool mk_step(struct mk_state *state, uint32_t cpu, struct mk_exception *exception)
{
    enum { CODE_BYTES_MAX = 5 };
    uint16_t pc = state->layout->context.pc;
    uint8_t code[CODE_BYTES_MAX];
    uint64_t at = mk_register(state, cpu, pc);
    bool traced = (mk_eflags(state, cpu) & MK_FLAG_TF) != 0;
    uint32_t code_bytes = mk_read(state, at, code, sizeof code);
    struct execution run = {.state = state, .cpu = cpu, .code = code, .next = at, .exception = exception};
    *exception = (struct mk_exception){.address = at};
    if (hits_debug_register(state, cpu, at)) {
        exception->code = MK_SINGLE_STEP;
        return true;
    }
    mk_eflags_set(state, cpu, mk_eflags(state, cpu) & ~(uint32_t)MK_FLAG_RF);
    if (code_bytes == 0 ? !fault(&run, false, at) : !execute(&run, code_bytes))
        return true;
    mk_register_set(state, cpu, pc, run.next);
    return traced && trap_step(state, cpu, exception);
}

/* A push of the processor itself: onto a stack that is not there nothing is written; the way back faults. */
static void push_quietly(struct mk_state *state, uint32_t cpu, uint64_t value)
{
    struct mk_exception ignored;
    struct execution run = {.state = state, .cpu = cpu, .exception = &ignored};
    if (!push(&run, value))
        mk_register_set(state, cpu, state->layout->context.sp,
                        mk_register(state, cpu, state->layout->context.sp) - state->layout->pointer_bytes);
}

void mk_interrupt(struct mk_state *state, uint32_t cpu, uint64_t handler)
{
    const struct mk_context_layout *context = &state->layout->context;
    const uint8_t *registers = state->cpus[cpu].context;
    uint64_t sp = mk_register(state, cpu, context->sp);
    uint32_t eflags = mk_eflags(state, cpu);
    const uint64_t frame[FRAME_WORDS_MAX] = {[FRAME_PC] = mk_register(state, cpu, context->pc),
                                             [FRAME_CS] = kd_load_u16(registers + context->cs),
                                             [FRAME_FLAGS] = eflags,
                                             [FRAME_SP] = sp,
                                             [FRAME_SS] = kd_load_u16(registers + context->ss)};
    mk_register_set(state, cpu, context->sp, sp & ~(uint64_t)(state->layout->interrupt.align_bytes - 1));
    for (uint32_t i = state->layout->interrupt.words; i > 0; i--)
        push_quietly(state, cpu, frame[i - 1]);
    mk_eflags_set(state, cpu, eflags & ~(uint32_t)(MK_FLAG_TF | MK_FLAG_IF));
    mk_register_set(state, cpu, context->pc, handler);
}

void mk_call(struct mk_state *state, uint32_t cpu, uint64_t function)
{
    uint16_t pc = state->layout->context.pc;
    push_quietly(state, cpu, mk_register(state, cpu, pc));
    mk_register_set(state, cpu, pc, function);
}
