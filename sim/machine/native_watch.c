/* What can be seen of the module's conduct from within its own process: how far down it goes on the stack,
 * and whether a vector register is as it was. The emulated machine sees every write and every register.
 *
 * Runs on the guest's stack. The stack below is painted when the module is entered and looked at when it
 * returns; the vector registers hold a pattern while it runs, but for the time that the host has, at an exit.
 * Built, like all guest code, without vector registers of its own; but code that is not optimised, or
 * sanitized, calls libraries that have them, and takes more stack than it would anywhere else. */
#include "sim/machine/native_private.h"

#if defined(__OPTIMIZE__) && !NATIVE_ASAN
enum { WATCHES_VECTORS = 1, LAVISHNESS = 1 };
#elif NATIVE_ASAN
enum { WATCHES_VECTORS = 0, LAVISHNESS = 3 };
#else
enum { WATCHES_VECTORS = 0, LAVISHNESS = 2 };
#endif

enum {
    UNSEEN_BYTES = 256, /* frames of the functions here, not painted */
    PLATFORM_BYTES =
        512, /* native_platform.c's own, below the module's: of an exit, and of what saves registers */
    ALLOWED_BYTES = SIM_CONDUCT_STACK_BYTES * LAVISHNESS + PLATFORM_BYTES * LAVISHNESS,
    PAINTED_WORDS = 2 * ALLOWED_BYTES / 8,
};
#define PAINT UINT64_C(0x5AFEC0DE5AFEC0DE)

void native_vectors_paint(void);
bool native_vectors_are_painted(void);

/* ---- registers ---- */

void native_watch_leaves(struct native_watch *watch)
{
    if (WATCHES_VECTORS && watch->inside && !native_vectors_are_painted())
        watch->vectors_used = true;
}

void native_watch_is_back(struct native_watch *watch)
{
    if (WATCHES_VECTORS && watch->inside)
        native_vectors_paint();
}

/* Its control bits. The exception flags stick, and the host that computes during an exit (a scenario's fractions)
 * sets them too. */
static uint32_t mxcsr(void)
{
    enum { EXCEPTION_FLAGS = 0x3F };
    uint32_t value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value & ~(uint32_t)EXCEPTION_FLAGS;
}

static uint16_t x87_control(void)
{
    uint16_t value;
    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}

/* ---- stack ---- */

#if NATIVE_ASAN
#define SEES_ALL __attribute__((no_sanitize("address", "undefined"), noinline))
#else
#define SEES_ALL __attribute__((noinline))
#endif

/* frame: of whoever is called from where the module is called from. */
static volatile uint64_t *painted(void *frame)
{
    return (volatile uint64_t *)(((uintptr_t)frame & ~(uintptr_t)7) - UNSEEN_BYTES) - PAINTED_WORDS;
}

SEES_ALL static void paint(volatile uint64_t *words)
{
    for (int i = 0; i < PAINTED_WORDS; i++)
        words[i] = PAINT;
}

/* Returns how many bytes below the frame were used. */
SEES_ALL static uint32_t depth(const volatile uint64_t *words)
{
    int i = 0;
    while (i < PAINTED_WORDS && words[i] == PAINT)
        i++;
    return (uint32_t)(UNSEEN_BYTES + (PAINTED_WORDS - i) * 8);
}

/* ---- mk.h ---- */

void mk_platform_enters_module(void)
{
    struct native *native = native_running();
    paint(painted(__builtin_frame_address(0)));
    native->watch = (struct native_watch){.inside = true, .mxcsr = mxcsr(), .x87_control = x87_control()};
    native_watch_is_back(&native->watch);
}

static void tell(enum sim_conduct_kind kind, uint32_t what, uint64_t value)
{
    native_exit(&(struct sim_guest_exit){.kind = SIM_GUEST_CONDUCT, .conduct = {kind, what, value}});
}

void mk_platform_leaves_module(void)
{
    struct native *native = native_running();
    native_watch_leaves(&native->watch);
    const struct native_watch was = native->watch;
    native->watch.inside = false;
    uint32_t used = depth(painted(__builtin_frame_address(0)));
    if (used > native->stack_most)
        native->stack_most = used;
    if (used > ALLOWED_BYTES)
        tell(SIM_CONDUCT_STACK, ALLOWED_BYTES, used);
    if (was.vectors_used)
        tell(SIM_CONDUCT_REGISTERS, SIM_CONDUCT_VECTOR, 0);
    if (was.mxcsr != mxcsr())
        tell(SIM_CONDUCT_REGISTERS, SIM_CONDUCT_MXCSR, 0);
    if (was.x87_control != x87_control())
        tell(SIM_CONDUCT_REGISTERS, SIM_CONDUCT_X87_CONTROL, 0);
}
