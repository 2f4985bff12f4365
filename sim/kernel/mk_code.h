/* mk_code.h: the little machine code that the image's kernel runs, with its unwind data. Private to the
 * builder. */
#ifndef MK_CODE_H
#define MK_CODE_H

#include "sim/kernel/mk_builder.h"

enum { MK_UNWIND_CODES = 4, MK_FUNCTIONS = 16, MK_CODE_BYTES = 512, MK_LOOP_CALLERS = 3 };

/* One unwind code: offset behind the instruction it describes, operation and its argument. */
struct mk_unwind_code {
    uint8_t offset;
    uint8_t operation; /* operation | argument << 4 */
};

struct mk_function {
    const char *name;
    uint32_t first; /* offsets in the code */
    uint32_t end;
    uint8_t prolog_bytes;
    uint8_t code_count; /* 0: a leaf, which needs no unwind data */
    struct mk_unwind_code codes[MK_UNWIND_CODES];
};

struct mk_code {
    uint8_t bytes[MK_CODE_BYTES];
    uint32_t len_bytes;
    struct mk_function functions[MK_FUNCTIONS];
    uint32_t function_count;
    /* Places of interest, as offsets. */
    uint32_t debug_service, break_instruction, break_handler, bugcheck_handler, counter, loop, loop_end;
    uint32_t break_steps, bugcheck_steps;   /* as in struct mk_map */
    uint32_t loop_returns[MK_LOOP_CALLERS]; /* return addresses on the stack of the loop, innermost first */
    uint32_t frame_bytes; /* between two of them: what a function of the chain takes from the stack */
    bool frame_pointer;   /* and the word next to the return address is the caller's frame pointer */
};

void mk_code_kernel(struct mk_code *code, enum mk_arch arch);

/* A module's: one function that returns. */
void mk_code_module(struct mk_code *code, enum mk_arch arch, const char *name);

#endif
