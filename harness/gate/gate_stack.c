/* How deep the stack can get: every path of a function, and of all that it can call (gate_code.h). */
#include "harness/gate/gate_code.h"

#include "sim/world/sim_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_UNSEEN = -1, DEPTH_MAX = 1 << 20, NESTING_MAX = 64, WALKS_MAX = 20000 };

enum function_state { UNKNOWN, UNDER_WAY, KNOWN };

struct function {
    uint32_t rva;
    enum function_state state;
    bool returns;
    unsigned pointers;    /* calls through pointers under way when it was begun */
    bool through_pointer; /* it, or what it calls, calls through a pointer: its stack depends on who is under
                             way */
    struct gate_stack stack;
};

/* One question: the functions found on the way, each walked once. */
struct survey {
    const struct gate_code *code;
    struct function *functions;
    size_t count, room;
    unsigned nesting;  /* calls under way */
    unsigned pointers; /* of these, through pointers */
    unsigned walks;
    bool reentered; /* the walk ended because a pointer led back to what is under way: it cannot go there */
    char *why;
};

/* Bytes of stack below the return address, and how many there were when the frame pointer was set. */
struct depth {
    int32_t bytes, frame;
};

/* One function's walk: the depth at each instruction that was reached, and those still to go on from. */
struct walk {
    struct survey *survey;
    size_t function; /* place in the survey: the list moves as it grows */
    struct depth *depths;
    size_t *open;
    size_t open_count;
};

static bool refuse(struct survey *survey, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct survey *survey, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(survey->why, PE_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static size_t function_find(struct survey *survey, uint32_t rva)
{
    for (size_t i = 0; i < survey->count; i++)
        if (survey->functions[i].rva == rva)
            return i;
    survey->functions =
        sim_grow(survey->functions, &survey->room, survey->count + 1, sizeof *survey->functions);
    survey->functions[survey->count] = (struct function){.rva = rva, .state = UNKNOWN};
    return survey->count++;
}

/* Goes on at an address, at a depth. */
static bool reach(struct walk *walk, uint32_t from, uint32_t rva, struct depth depth)
{
    const struct gate_code *code = walk->survey->code;
    const struct gate_instruction *instruction = gate_code_at(code, rva);
    if (instruction == NULL)
        return refuse(walk->survey, "a path leads from 0x%x to 0x%x, where no instruction begins", from, rva);
    size_t at = (size_t)(instruction - code->instructions);
    if (depth.bytes < 0 || depth.bytes > DEPTH_MAX)
        return refuse(walk->survey, "the stack pointer leaves the function's frame at 0x%x", from);
    if (walk->depths[at].bytes == DEPTH_UNSEEN) {
        walk->depths[at] = depth;
        walk->open[walk->open_count++] = at;
        return true;
    }
    if (walk->depths[at].bytes != depth.bytes)
        return refuse(walk->survey, "0x%x is reached with %d and with %d bytes of stack", rva,
                      walk->depths[at].bytes, depth.bytes);
    return true;
}

static void deepest(struct walk *walk, int32_t depth, const struct function *callee)
{
    struct function *function = &walk->survey->functions[walk->function];
    uint32_t bytes = (uint32_t)depth;
    if (callee != NULL)
        bytes += callee->stack.bytes;
    if (bytes <= function->stack.bytes)
        return;
    function->stack.bytes = bytes;
    function->stack.chain_count = 1;
    if (callee == NULL)
        return;
    for (unsigned i = 0; i < callee->stack.chain_count && function->stack.chain_count < GATE_CHAIN_MAX; i++)
        function->stack.chain[function->stack.chain_count++] = callee->stack.chain[i];
}

static bool walk_function(struct survey *survey, size_t function);

/* A call of one function. pops  out  what it takes off. */
static bool call_one(struct walk *walk, uint32_t rva, int32_t depth, uint16_t *pops)
{
    size_t callee = function_find(walk->survey, rva);
    if (!walk_function(walk->survey, callee))
        return false;
    deepest(walk, depth, &walk->survey->functions[callee]);
    *pops = walk->survey->functions[callee].stack.pops;
    if (walk->survey->functions[callee].through_pointer)
        walk->survey->functions[walk->function].through_pointer = true;
    return true;
}

/* May a call through the pointer in that place of a table be of this function? */
static bool may_call(const struct gate_code *code, int32_t slot, size_t function)
{
    uint32_t at = code->functions.items[function].at;
    if (slot == GATE_SLOT_ANY || at == 0)
        return true;
    for (size_t i = 0; i < code->tables.count; i++)
        if (code->tables.items[i].to == at - (uint32_t)slot)
            return true;
    return false;
}

/* A function that a pointer may lead to. found, pops  in/out  of those before it. */
static bool call_candidate(struct walk *walk, const struct gate_instruction *from, uint32_t rva,
                           int32_t depth, bool *found, uint16_t *pops)
{
    struct survey *survey = walk->survey;
    uint16_t these;
    survey->pointers++;
    bool good = call_one(walk, rva, depth, &these);
    survey->pointers--;
    if (!good && survey->reentered) {
        survey->reentered = false;
        return true;
    }
    if (!good)
        return false;
    if (*found && these != *pops)
        return refuse(survey, "0x%x calls through a pointer, and its targets take off %u and %u bytes",
                      from->rva, *pops, these);
    *pops = these;
    *found = true;
    return true;
}

/* All functions that a pointer may lead to must take off the same. */
static bool call_any(struct walk *walk, const struct gate_instruction *from, int32_t depth, uint16_t *pops)
{
    struct survey *survey = walk->survey;
    const struct gate_code *code = survey->code;
    bool found = false;
    survey->functions[walk->function].through_pointer = true;
    for (size_t i = 0; i < code->functions.count; i++)
        if (may_call(code, from->slot, i) &&
            !call_candidate(walk, from, code->functions.items[i].to, depth, &found, pops))
            return false;
    survey->reentered = !found && survey->pointers > 0;
    return found || refuse(survey, "0x%x calls through a pointer to no function of the image", from->rva);
}

static bool call(struct walk *walk, const struct gate_instruction *from, int32_t depth, uint16_t *pops)
{
    return from->is_indirect ? call_any(walk, from, depth, pops) : call_one(walk, from->target, depth, pops);
}

static bool returned(struct walk *walk, const struct gate_instruction *from, uint16_t pops)
{
    struct function *function = &walk->survey->functions[walk->function];
    if (function->returns && function->stack.pops != pops)
        return refuse(walk->survey, "0x%x takes off %u bytes of arguments, another return %u", from->rva,
                      pops, function->stack.pops);
    function->returns = true;
    function->stack.pops = pops;
    return true;
}

/* The depth behind an instruction that is no jump, call or return. */
static bool change(struct walk *walk, const struct gate_instruction *from, struct depth *depth)
{
    switch ((enum gate_stack_change)from->stack_change) {
    case GATE_STACK_BY:
        depth->bytes += from->pushes;
        return true;
    case GATE_STACK_ALIGNED:
        depth->bytes += from->pushes - 1;
        return true;
    case GATE_STACK_MARKED:
        depth->frame = depth->bytes;
        return true;
    case GATE_STACK_FROM_FRAME:
        depth->bytes = depth->frame + from->pushes;
        return depth->frame != DEPTH_UNSEEN ||
               refuse(walk->survey, "0x%x uses a frame pointer that was never set", from->rva);
    case GATE_STACK_UNKNOWN:
        break;
    }
    return refuse(walk->survey, "0x%x sets the stack pointer to what cannot be known", from->rva);
}

static bool step(struct walk *walk, const struct gate_instruction *from, struct depth depth)
{
    const int32_t word = walk->survey->code->image->is_64 ? 8 : 4;
    const uint32_t next = from->rva + from->len_bytes;
    struct depth behind = depth;
    uint16_t pops = 0;
    switch ((enum gate_flow)from->flow) {
    case GATE_NEXT:
        if (!change(walk, from, &behind))
            return false;
        deepest(walk, behind.bytes, NULL);
        return reach(walk, from->rva, next, behind);
    case GATE_BRANCH:
        return reach(walk, from->rva, next, depth) && reach(walk, from->rva, from->target, depth);
    case GATE_JUMP:
        if (!from->is_indirect)
            return reach(walk, from->rva, from->target, depth);
        if (depth.bytes != 0)
            return refuse(walk->survey, "0x%x jumps through a pointer inside a function", from->rva);
        return call_any(walk, from, 0, &pops) && returned(walk, from, pops);
    case GATE_CALL:
        if (!call(walk, from, depth.bytes + word, &pops))
            return false;
        behind.bytes -= pops;
        return reach(walk, from->rva, next, behind);
    case GATE_RETURN:
        if (depth.bytes != 0)
            return refuse(walk->survey, "0x%x returns with %d bytes left on the stack", from->rva,
                          depth.bytes);
        return returned(walk, from, from->pops);
    case GATE_STOP:
        break;
    }
    return true;
}

static bool walk_paths(struct walk *walk, uint32_t rva)
{
    const struct gate_code *code = walk->survey->code;
    for (size_t i = 0; i < code->count; i++)
        walk->depths[i].bytes = DEPTH_UNSEEN;
    if (!reach(walk, rva, rva, (struct depth){.bytes = 0, .frame = DEPTH_UNSEEN}))
        return false;
    while (walk->open_count > 0) {
        size_t at = walk->open[--walk->open_count];
        if (!step(walk, &code->instructions[at], walk->depths[at]))
            return false;
    }
    return true;
}

static void begin(struct survey *survey, size_t function)
{
    struct function *of = &survey->functions[function];
    of->state = UNDER_WAY;
    of->pointers = survey->pointers;
    of->returns = false;
    of->stack = (struct gate_stack){.chain = {of->rva}, .chain_count = 1};
}

static bool walk_function(struct survey *survey, size_t function)
{
    uint32_t rva = survey->functions[function].rva;
    if (survey->functions[function].state == KNOWN)
        return true;
    if (survey->functions[function].state == UNDER_WAY) {
        survey->reentered = survey->pointers > survey->functions[function].pointers;
        return refuse(survey, "0x%x calls itself, by whatever way", rva);
    }
    if (survey->nesting == NESTING_MAX || ++survey->walks > WALKS_MAX)
        return refuse(survey, "calls nest too deep, or in too many ways, to be followed");
    survey->nesting++;
    begin(survey, function);
    struct walk walk = {.survey = survey, .function = function};
    walk.depths = sim_allocate(survey->code->count, sizeof *walk.depths);
    walk.open = sim_allocate(survey->code->count, sizeof *walk.open);
    bool good = walk_paths(&walk, rva);
    free(walk.depths);
    free(walk.open);
    survey->nesting--;
    struct function *of = &survey->functions[function];
    of->state = good && !of->through_pointer ? KNOWN : UNKNOWN;
    return good;
}

enum kd_status gate_stack_of(const struct gate_code *code, uint32_t function, struct gate_stack *stack,
                             char why[PE_WHY_BYTES])
{
    struct survey survey = {.code = code, .why = why};
    *stack = (struct gate_stack){0};
    bool good = walk_function(&survey, function_find(&survey, function));
    if (good)
        *stack = survey.functions[0].stack;
    free(survey.functions);
    return good ? KD_OK : KD_ERR_BAD_MESSAGE;
}
