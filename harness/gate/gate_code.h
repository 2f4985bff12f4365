/* gate_code.h: every instruction of an image's code, classified once; what the rules about code look at.
 *
 * The code sections are decoded from their first byte to their last, so nothing can hide between functions,
 * and walked from every place where a call can begin, so the stack that any path takes is known. Addresses
 * are RVAs. Needs Capstone. Tests: tests/test_gate_code.c */
#ifndef GATE_CODE_H
#define GATE_CODE_H

#include "harness/gate/pe_image.h"

enum {
    GATE_CODE_BYTES_MAX = 64 * 1024, /* of all code sections together */
    GATE_TEXT_BYTES = 96,
    GATE_CHAIN_MAX = 16, /* calls shown of the deepest path */
    GATE_SLOT_ANY = -1,
};

enum gate_flow {
    GATE_NEXT,   /* goes on with the next instruction */
    GATE_BRANCH, /* with the next, or at target */
    GATE_JUMP,   /* at target */
    GATE_CALL,   /* at target, then with the next */
    GATE_RETURN,
    GATE_STOP, /* nowhere: ud2, hlt, int3 */
};

enum gate_stack_change {
    GATE_STACK_BY,         /* it grows by so many bytes */
    GATE_STACK_ALIGNED,    /* it is rounded down to so many */
    GATE_STACK_MARKED,     /* the frame pointer is set to it */
    GATE_STACK_FROM_FRAME, /* it is set to the frame pointer, and then grows by so many */
    GATE_STACK_UNKNOWN,    /* it takes a value that cannot be followed */
};

/* Why an instruction may not be in a KD module; the first that fits. */
enum gate_offence {
    GATE_FINE,
    GATE_VECTOR,     /* touches a floating-point, MMX, SSE, AVX or mask register, or their state */
    GATE_PRIVILEGED, /* privileged or of the system's, and not on the allow-list */
};

struct gate_instruction {
    uint32_t rva;
    uint8_t len_bytes;
    uint8_t flow;         /* enum gate_flow */
    uint8_t offence;      /* enum gate_offence */
    uint8_t stack_change; /* enum gate_stack_change */
    bool is_indirect;     /* jump or call through a register or memory */
    bool is_port_access;
    uint16_t pops;   /* GATE_RETURN: bytes of arguments */
    int32_t pushes;  /* bytes of the stack change; calls and returns apart */
    uint32_t target; /* direct jump or call, 0 if indirect */
    int32_t slot;    /* is_indirect: the pointer's place in its table, GATE_SLOT_ANY: not known */
};

/* Addresses that the image holds, each with the place that holds it (0: an instruction). */
struct gate_pointers {
    struct {
        uint32_t to, at;
    } * items;
    size_t count, room;
};

struct gate_code {
    struct gate_instruction *instructions; /* by address */
    size_t count;
    struct gate_pointers
        functions;               /* code addresses that are stored or loaded somewhere: where calls may go */
    struct gate_pointers tables; /* other addresses of that kind: where a table of functions may begin */
    uint32_t len_bytes;          /* of code */
    bool is_whole;               /* all of it could be decoded */
    uint32_t unreadable;         /* else: the first address that could not */
    size_t engine;               /* Capstone's handle */
    const struct pe_image *image;
};

/* Decodes all code sections. relocations tell which code addresses are stored. The image must outlive the
 * code. Returns  KD_OK, also when something was not decodable (is_whole); KD_ERR_NO_DEVICE: Capstone does not
 * start */
KD_MUST_USE enum kd_status gate_code_read(struct gate_code *code, const struct pe_image *image,
                                          const struct pe_relocations *relocations);
void gate_code_free(struct gate_code *code);

/* The instruction that begins at an address; NULL: none does. */
const struct gate_instruction *gate_code_at(const struct gate_code *code, uint32_t rva);

/* An instruction as a person reads it: "0x1c45: in eax, dx". */
void gate_code_text(const struct gate_code *code, const struct gate_instruction *instruction,
                    char text[GATE_TEXT_BYTES]);

/* What a call of one function may do to the stack. */
struct gate_stack {
    uint32_t bytes; /* the most below the return address, callees and their return addresses included */
    uint16_t pops;  /* arguments that every return takes off */
    uint32_t chain[GATE_CHAIN_MAX]; /* the deepest path: function, the function it calls, ... */
    unsigned chain_count;
};

/* Follows every path from a function's first instruction. A call through a pointer is followed to every
 * function that a table of the image holds at that place, but to none that is under way: no function is
 * entered again through a pointer. why      out  on an error Returns  KD_OK; KD_ERR_BAD_MESSAGE: no bound can
 * be given: recursion, two depths at one place, a return with something left, a path out of the code */
KD_MUST_USE enum kd_status gate_stack_of(const struct gate_code *code, uint32_t function,
                                         struct gate_stack *stack, char why[PE_WHY_BYTES]);

#endif
