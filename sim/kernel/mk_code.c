/* mk_code.c: the code of the image, assembled by hand: only what mk_cpu.c interprets. */
#include "sim/kernel/mk_code.h"
#include "transport/kd/kd_bytes.h"
#include <assert.h>
#include <string.h>

enum { INT3 = 0xCC, FRAME_BYTES = 0x28, REGISTER_CX = 1, HANDLER_FRAME_BYTES = 0x20 };

/* Operations of unwind codes. */
enum { PUSH_NONVOL = 0, ALLOC_SMALL = 2, PUSH_MACHFRAME = 10 };

static void emit(struct mk_code *code, const uint8_t *bytes, uint32_t len_bytes)
{
    assert(code->len_bytes + len_bytes <= MK_CODE_BYTES);
    memcpy(code->bytes + code->len_bytes, bytes, len_bytes);
    code->len_bytes += len_bytes;
}

#define EMIT(code, ...) emit(code, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void emit_call(struct mk_code *code, uint32_t target)
{
    uint8_t bytes[5] = {0xE8};
    kd_store_u32(bytes + 1, target - (code->len_bytes + 5));
    emit(code, bytes, sizeof bytes);
}

/* ---- functions and what they say about their stack ----------------------------------------------------- */

static struct mk_function *current(struct mk_code *code)
{
    return &code->functions[code->function_count - 1];
}

/* Starts a function on a boundary of 16, with int 3 in between. Returns its offset. */
static uint32_t begin(struct mk_code *code, const char *name)
{
    while (code->len_bytes % 16 != 0)
        EMIT(code, INT3);
    assert(code->function_count < MK_FUNCTIONS);
    code->functions[code->function_count++] = (struct mk_function){.name = name, .first = code->len_bytes};
    return code->len_bytes;
}

static void end(struct mk_code *code)
{
    current(code)->end = code->len_bytes;
}

/* Says what the instruction just emitted did. Unwinding goes backwards, so the newest code stands first. */
static void unwind(struct mk_code *code, uint8_t operation, uint8_t argument)
{
    struct mk_function *function = current(code);
    assert(function->code_count < MK_UNWIND_CODES);
    memmove(function->codes + 1, function->codes, function->code_count * sizeof function->codes[0]);
    function->prolog_bytes = (uint8_t)(code->len_bytes - function->first);
    function->codes[0] =
        (struct mk_unwind_code){function->prolog_bytes, (uint8_t)(operation | argument << 4)};
    function->code_count++;
}

static void enter_frame(struct mk_code *code, uint8_t frame_bytes)
{
    EMIT(code, 0x48, 0x83, 0xEC, frame_bytes); /* sub rsp, frame_bytes */
    unwind(code, ALLOC_SMALL, (uint8_t)((frame_bytes - 8) / 8));
}

static void leave_frame(struct mk_code *code, uint8_t frame_bytes)
{
    EMIT(code, 0x48, 0x83, 0xC4, frame_bytes); /* add rsp, frame_bytes */
}

/* ---- the break path: interrupt handler, its check, the break helper ------------------------------------ */

static uint32_t break_path(struct mk_code *code)
{
    uint32_t helper = code->break_instruction = begin(code, "DbgBreakPointWithStatus");
    EMIT(code, INT3, 0xC3);
    end(code);

    uint32_t check = begin(code, "KdCheckForDebugBreak");
    enter_frame(code, FRAME_BYTES);
    emit_call(code, helper);
    leave_frame(code, FRAME_BYTES);
    EMIT(code, 0xC3);
    end(code);

    code->break_handler = begin(code, "KiClockInterrupt");
    unwind(code, PUSH_MACHFRAME, 0);
    EMIT(code, 0x51); /* push rcx */
    unwind(code, PUSH_NONVOL, REGISTER_CX);
    enter_frame(code, HANDLER_FRAME_BYTES);
    EMIT(code, 0xB9, 1, 0, 0, 0); /* mov ecx, control-C: the status of the break (5.9 rule 5) */
    emit_call(code, check);
    leave_frame(code, HANDLER_FRAME_BYTES);
    EMIT(code, 0x59, 0x48, 0xCF); /* pop rcx; iretq */
    end(code);
    return helper;
}

static void bugcheck_path(struct mk_code *code, uint32_t helper)
{
    code->bugcheck_handler = begin(code, "KiBugCheckDebugBreak");
    unwind(code, PUSH_MACHFRAME, 0);
    enter_frame(code, FRAME_BYTES);
    emit_call(code, helper);      /* the status is in ecx already */
    EMIT(code, 0xF4, 0xEB, 0xFD); /* hlt; jmp back to it */
    end(code);
}

/* ---- the loop and those who called it ------------------------------------------------------------------ */

static void idle_loop(struct mk_code *code)
{
    code->counter = begin(code, "KiCountIdle");
    EMIT(code, 0x48, 0xFF, 0xC1, 0x90, 0xC3); /* inc rcx; nop; ret */
    end(code);

    uint32_t callee = begin(code, "KiIdleLoop");
    enter_frame(code, FRAME_BYTES);
    code->loop = code->len_bytes;
    EMIT(code, 0x90, 0x48, 0xFF, 0xC0); /* nop; inc rax */
    emit_call(code, code->counter);
    EMIT(code, 0x48, 0xFF, 0xC3, 0x90, 0xEB); /* inc rbx; nop; jmp short back to the first nop */
    EMIT(code, (uint8_t)(code->loop - (code->len_bytes + 1)));
    code->loop_end = code->len_bytes;
    end(code);

    static const char *const callers[2] = {"KiInitializeKernel", "KiSystemStartup"};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t caller = begin(code, callers[i]);
        enter_frame(code, FRAME_BYTES);
        emit_call(code, callee);
        code->loop_returns[i] = code->len_bytes;
        EMIT(code, INT3); /* it never comes back */
        end(code);
        callee = caller;
    }
    code->frame_bytes = FRAME_BYTES;
}

void mk_code_kernel(struct mk_code *code)
{
    *code = (struct mk_code){0};
    begin(code, "DebugService");
    EMIT(code, 0xCD, 0x2D); /* int 2Dh */
    code->debug_service = code->len_bytes;
    EMIT(code, INT3, 0xC3);
    end(code);
    uint32_t helper = break_path(code);
    bugcheck_path(code, helper);
    idle_loop(code);
}

void mk_code_driver(struct mk_code *code)
{
    *code = (struct mk_code){0};
    begin(code, "DriverEntry");
    enter_frame(code, FRAME_BYTES);
    leave_frame(code, FRAME_BYTES);
    EMIT(code, 0xC3);
    end(code);
}
