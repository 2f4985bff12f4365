/* mk_code.c: the code of the image, assembled by hand: only what mk_cpu.c interprets. */
#include "sim/kernel/mk_code.h"
#include "transport/kd/kd_bytes.h"
#include <assert.h>
#include <string.h>

enum { INT3 = 0xCC, RET = 0xC3, NOP = 0x90 };

/* Operations of unwind codes, and a code: the argument stands in the high half. */
enum { PUSH_NONVOL = 0, ALLOC_SMALL = 2, PUSH_MACHFRAME = 10 };
#define UNWIND(operation, argument) ((operation) | (argument) << 4)
#define UNWIND_ALLOC(bytes)         UNWIND(ALLOC_SMALL, ((bytes)-8) / 8)

/* ---- where the architectures differ -------------------------------------------------------------------- */

struct instruction {
    uint8_t bytes[4];
    uint8_t len_bytes;
    bool unwinds; /* it changes what unwinding must know: */
    uint8_t unwind;
};

struct sequence {
    struct instruction rows[4];
    uint8_t count;
};

enum { X64_FRAME_BYTES = 0x28, X64_HANDLER_FRAME_BYTES = 0x20, X64_REGISTER_CX = 1 };

struct dialect {
    struct sequence enter, leave; /* a function's frame */
    /* An interrupt handler's, which saves the register of the break status; to leave is to return. */
    struct sequence handler_enter, handler_leave;
    struct instruction increment; /* of the first register: the others follow in the last byte */
    uint8_t status_register;      /* as mk_layout's break_register */
    uint8_t frame_bytes;
    bool frame_pointer;
    bool unwind_table;
};

/* clang-format off */
static const struct dialect dialects[] = {
    [MK_X64] = {
        .enter = {{{{0x48, 0x83, 0xEC, X64_FRAME_BYTES}, 4, true, UNWIND_ALLOC(X64_FRAME_BYTES)}}, 1}, /* sub rsp */
        .leave = {{{{0x48, 0x83, 0xC4, X64_FRAME_BYTES}, 4, false, 0}}, 1},                            /* add rsp */
        .handler_enter = {{
            {{0x51}, 1, true, UNWIND(PUSH_NONVOL, X64_REGISTER_CX)},                                   /* push rcx */
            {{0x48, 0x83, 0xEC, X64_HANDLER_FRAME_BYTES}, 4, true, UNWIND_ALLOC(X64_HANDLER_FRAME_BYTES)}}, 2},
        .handler_leave = {{
            {{0x48, 0x83, 0xC4, X64_HANDLER_FRAME_BYTES}, 4, false, 0},
            {{0x59}, 1, false, 0},                                                                     /* pop rcx */
            {{0x48, 0xCF}, 2, false, 0}}, 3},                                                          /* iretq */
        .increment = {{0x48, 0xFF, 0xC0}, 3, false, 0},
        .status_register = X64_REGISTER_CX, .frame_bytes = X64_FRAME_BYTES, .unwind_table = true,
    },
    [MK_X86] = {
        .enter = {{{{0x55}, 1, false, 0}, {{0x8B, 0xEC}, 2, false, 0}}, 2},                 /* push ebp; mov ebp,esp */
        .leave = {{{{0x5D}, 1, false, 0}}, 1},                                              /* pop ebp */
        .handler_enter = {{{{0x55}, 1, false, 0}, {{0x8B, 0xEC}, 2, false, 0}, {{0x50}, 1, false, 0}}, 3}, /* eax */
        .handler_leave = {{{{0x58}, 1, false, 0}, {{0x5D}, 1, false, 0}, {{0xCF}, 1, false, 0}}, 3},       /* iretd */
        .increment = {{0x40}, 1, false, 0},
        .status_register = 0, .frame_bytes = 4, .frame_pointer = true,
    },
};
/* clang-format on */

/* ---- emitting ------------------------------------------------------------------------------------------ */

struct assembler {
    struct mk_code *code;
    const struct dialect *dialect;
};

static struct mk_function *current(const struct assembler *to)
{
    return &to->code->functions[to->code->function_count - 1];
}

static void emit(const struct assembler *to, const uint8_t *bytes, uint32_t len_bytes)
{
    struct mk_code *code = to->code;
    assert(code->len_bytes + len_bytes <= MK_CODE_BYTES);
    memcpy(code->bytes + code->len_bytes, bytes, len_bytes);
    code->len_bytes += len_bytes;
}

#define EMIT(to, ...) emit(to, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void call(const struct assembler *to, uint32_t target)
{
    uint8_t bytes[5] = {0xE8};
    kd_store_u32(bytes + 1, target - (to->code->len_bytes + 5));
    emit(to, bytes, sizeof bytes);
}

static void increment(const struct assembler *to, uint8_t number)
{
    struct instruction instruction = to->dialect->increment;
    instruction.bytes[instruction.len_bytes - 1] |= number;
    emit(to, instruction.bytes, instruction.len_bytes);
}

/* Says what the instruction just emitted did. Unwinding goes backwards, so the newest code stands first. */
static void unwind(const struct assembler *to, uint8_t operation)
{
    struct mk_function *function = current(to);
    if (!to->dialect->unwind_table)
        return;
    assert(function->code_count < MK_UNWIND_CODES);
    memmove(function->codes + 1, function->codes, function->code_count * sizeof function->codes[0]);
    function->prolog_bytes = (uint8_t)(to->code->len_bytes - function->first);
    function->codes[0] = (struct mk_unwind_code){function->prolog_bytes, operation};
    function->code_count++;
}

static void emit_sequence(const struct assembler *to, const struct sequence *sequence)
{
    for (uint32_t i = 0; i < sequence->count; i++) {
        const struct instruction *row = &sequence->rows[i];
        emit(to, row->bytes, row->len_bytes);
        if (row->unwinds)
            unwind(to, row->unwind);
    }
}

/* Starts a function on a boundary of 16, with int 3 in between. Returns its offset. */
static uint32_t begin(const struct assembler *to, const char *name)
{
    struct mk_code *code = to->code;
    while (code->len_bytes % 16 != 0)
        EMIT(to, INT3);
    assert(code->function_count < MK_FUNCTIONS);
    code->functions[code->function_count++] = (struct mk_function){.name = name, .first = code->len_bytes};
    return code->len_bytes;
}

static void end(const struct assembler *to)
{
    current(to)->end = to->code->len_bytes;
}

/* ---- the break path: interrupt handler, its check, the break helper ------------------------------------ */

static uint32_t break_path(const struct assembler *to)
{
    struct mk_code *code = to->code;
    const struct dialect *dialect = to->dialect;
    uint32_t helper = code->break_instruction = begin(to, "DbgBreakPointWithStatus");
    EMIT(to, INT3, RET);
    end(to);

    uint32_t check = begin(to, "KdCheckForDebugBreak");
    emit_sequence(to, &dialect->enter);
    call(to, helper);
    emit_sequence(to, &dialect->leave);
    EMIT(to, RET);
    end(to);

    code->break_handler = begin(to, "KiClockInterrupt");
    unwind(to, UNWIND(PUSH_MACHFRAME, 0));
    emit_sequence(to, &dialect->handler_enter);
    EMIT(to, (uint8_t)(0xB8 | dialect->status_register), 1, 0, 0,
         0); /* mov: control-C is the status (5.9 rule 5) */
    call(to, check);
    emit_sequence(to, &dialect->handler_leave);
    end(to);

    const uint32_t there =
        dialect->handler_enter.count + 2u /* mov, call */ + dialect->enter.count + 2u; /* call, int3 */
    const uint32_t back = 1u /* ret */ + dialect->leave.count + 1u /* ret */ + dialect->handler_leave.count;
    code->break_steps = there + back;
    return helper;
}

static void bugcheck_path(const struct assembler *to, uint32_t helper)
{
    to->code->bugcheck_handler = begin(to, "KiBugCheckDebugBreak");
    unwind(to, UNWIND(PUSH_MACHFRAME, 0));
    emit_sequence(to, &to->dialect->enter);
    call(to, helper);           /* the status is in its register already */
    EMIT(to, 0xF4, 0xEB, 0xFD); /* hlt; jmp back to it */
    end(to);
    to->code->bugcheck_steps = to->dialect->enter.count + 2u; /* call, int3 */
}

/* ---- the loop and those who called it ------------------------------------------------------------------ */

static void idle_loop(const struct assembler *to)
{
    enum { REGISTER_AX = 0, REGISTER_CX = 1, REGISTER_BX = 3 };
    static const char *const callers[MK_LOOP_CALLERS] = {"KiEnterIdle", "KiInitializeKernel",
                                                         "KiSystemStartup"};
    struct mk_code *code = to->code;
    code->counter = begin(to, "KiCountIdle");
    increment(to, REGISTER_CX);
    EMIT(to, NOP, RET);
    end(to);

    uint32_t callee = begin(to, "KiIdleLoop");
    emit_sequence(to, &to->dialect->enter);
    code->loop = code->len_bytes;
    EMIT(to, NOP);
    increment(to, REGISTER_AX);
    call(to, code->counter);
    increment(to, REGISTER_BX);
    EMIT(to, NOP, 0xEB); /* jmp short back to the first nop */
    EMIT(to, (uint8_t)(code->loop - (code->len_bytes + 1)));
    code->loop_end = code->len_bytes;
    end(to);

    for (uint32_t i = 0; i < MK_LOOP_CALLERS; i++) {
        uint32_t caller = begin(to, callers[i]);
        emit_sequence(to, &to->dialect->enter);
        call(to, callee);
        code->loop_returns[i] = code->len_bytes;
        EMIT(to, INT3); /* it never comes back */
        end(to);
        callee = caller;
    }
    code->frame_bytes = to->dialect->frame_bytes;
    code->frame_pointer = to->dialect->frame_pointer;
}

void mk_code_kernel(struct mk_code *code, enum mk_arch arch)
{
    const struct assembler to = {code, &dialects[arch]};
    *code = (struct mk_code){0};
    begin(&to, "DebugService");
    EMIT(&to, 0xCD, 0x2D); /* int 2Dh */
    code->debug_service = code->len_bytes;
    EMIT(&to, INT3, RET);
    end(&to);
    uint32_t helper = break_path(&to);
    bugcheck_path(&to, helper);
    idle_loop(&to);
}

void mk_code_module(struct mk_code *code, enum mk_arch arch, const char *name)
{
    const struct assembler to = {code, &dialects[arch]};
    *code = (struct mk_code){0};
    begin(&to, name);
    emit_sequence(&to, &to.dialect->enter);
    emit_sequence(&to, &to.dialect->leave);
    EMIT(&to, RET);
    end(&to);
}
