#define _GNU_SOURCE
#include "sim/machine/native_private.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include "transport/guest/kd_guest.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if NATIVE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* Arenas stand in slots far from where Linux and the sanitizers put anything by themselves. */
static const uintptr_t ARENA_FIRST = 0x200000000000u;
static const uintptr_t ARENA_STRIDE = (uintptr_t)1 << 36;
enum { ARENA_SLOTS = 256, PAGE_BYTES = NATIVE_PAGE_BYTES, SAVED_REGISTERS = 6 };

void native_switch(void **save, void *load);

/* The machine whose guest runs now. The guest's calls carry no context, as IN and OUT carry none. */
static _Thread_local struct native *current;

/* ---- the sanitizer's view of the two stacks ---- */

#if NATIVE_ASAN
/* A snapshot cannot take a stack whose variables the sanitizer moved to its own heap. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0";
}

static void leaving(void **fake, const void *to_stack, size_t to_bytes)
{
    __sanitizer_start_switch_fiber(fake, to_stack, to_bytes);
}

static void arrived(void *fake, const void **from_stack, size_t *from_bytes)
{
    __sanitizer_finish_switch_fiber(fake, from_stack, from_bytes);
}

/* An abandoned guest leaves the red zones of its frames behind. */
static void forget_frames(const struct native_part_bytes *stack)
{
    __asan_unpoison_memory_region(stack->bytes, stack->len_bytes);
}
#else
static void leaving(void **fake, const void *to_stack, size_t to_bytes)
{
    (void)fake, (void)to_stack, (void)to_bytes;
}

static void arrived(void *fake, const void **from_stack, size_t *from_bytes)
{
    (void)fake, (void)from_stack, (void)from_bytes;
}

static void forget_frames(const struct native_part_bytes *stack)
{
    (void)stack;
}
#endif

/* ---- the coroutine ---- */

struct native *native_running(void)
{
    return current;
}

void *native_part(enum native_part part)
{
    return current->parts[part].bytes;
}

struct native *native_current(void)
{
    return current;
}

void native_exit(struct sim_guest_exit *exit)
{
    struct native *native = current;
    native_watch_leaves(&native->watch);
    native->exit = exit;
    leaving(&native->guest_fake, native->host_stack, native->host_stack_bytes);
    native_switch(&native->guest_sp, native->host_sp);
    arrived(native->guest_fake, &native->host_stack, &native->host_stack_bytes);
    native_watch_is_back(&native->watch);
}

static void guest_start(void)
{
    struct native *native = current;
    arrived(NULL, &native->host_stack, &native->host_stack_bytes);
    native->entry();
    for (;;)
        native_exit(&(struct sim_guest_exit){.kind = SIM_GUEST_POWER_OFF});
}

/* A stack that native_switch can load: saved registers, zero, under the address it returns to, and above that
 * a zero where guest_start's own return address would be. */
static void *fresh_stack(const struct native_part_bytes *stack)
{
    void **top = (void **)(stack->bytes + stack->len_bytes);
    void **sp = top - 2 - SAVED_REGISTERS;
    void (*start)(void) = guest_start;
    memcpy(sp + SAVED_REGISTERS, &start, sizeof start);
    return sp;
}

static struct native *of(struct sim_machine *machine)
{
    return (struct native *)machine;
}

static struct sim_guest_exit *run(struct sim_machine *machine)
{
    struct native *native = of(machine);
    const struct native_part_bytes *stack = &native->parts[NATIVE_STACK];
    assert(current == NULL);
    current = native;
    leaving(&native->host_fake, stack->bytes, stack->len_bytes);
    native_switch(&native->host_sp, native->guest_sp);
    arrived(native->host_fake, NULL, NULL);
    current = NULL;
    return native->exit;
}

/* ---- the arena ---- */

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* The kernel is asked for one slot after the other, so no list of them has to be kept here. */
static uint8_t *reserve(size_t bytes)
{
    for (uintptr_t slot = 0; slot < ARENA_SLOTS; slot++) {
        void *wanted = (void *)(ARENA_FIRST + slot * ARENA_STRIDE);
        void *arena = mmap(wanted, bytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (arena == wanted)
            return arena;
        if (arena != MAP_FAILED) /* a kernel that takes the address for a hint */
            munmap(arena, bytes);
    }
    sim_host_fail("no address range for a guest's arena");
}

static void map_parts(struct native *native)
{
    uint8_t *at = native->arena;
    for (int i = 0; i < NATIVE_PARTS; i++) {
        struct native_part_bytes *part = &native->parts[i];
        size_t bytes = whole_pages(part->len_bytes);
        at += PAGE_BYTES;
        part->bytes = at;
        at += bytes;
        if (i == NATIVE_RAM)
            continue;
        if (mprotect(part->bytes, bytes, PROT_READ | PROT_WRITE) != 0)
            sim_host_fail("no memory for a guest's arena");
    }
    struct native_part_bytes *ram = &native->parts[NATIVE_RAM];
    if (mmap(ram->bytes, ram->len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             native->image->fd, 0) != ram->bytes)
        sim_host_fail("no memory for a guest's RAM");
}

/* For anonymous memory MADV_DONTNEED means zero again, for a private file mapping the file's contents again.
 */
static void reset(struct sim_machine *machine)
{
    struct native *native = of(machine);
    assert(current == NULL);
    forget_frames(&native->parts[NATIVE_STACK]);
    if (madvise(native->arena, native->arena_bytes, MADV_DONTNEED) != 0)
        sim_host_fail("a guest's arena cannot be reset");
    struct native_boot *told = (struct native_boot *)native->parts[NATIVE_BOOT].bytes;
    told->boot = native->boot;
    told->map = native->image->map;
    native->guest_sp = fresh_stack(&native->parts[NATIVE_STACK]);
    native->exit = NULL;
    native->watch = (struct native_watch){0};
}

static void destroy(struct sim_machine *machine)
{
    struct native *native = of(machine);
    forget_frames(&native->parts[NATIVE_STACK]);
    munmap(native->arena, native->arena_bytes);
    free(native);
}

/* ---- guest memory as devices see it ---- */

static bool guests_own(const struct native *native, uint64_t address, size_t len_bytes)
{
    for (int i = 0; i < NATIVE_PARTS; i++) {
        const struct native_part_bytes *part = &native->parts[i];
        uint64_t first = (uintptr_t)part->bytes;
        if (address >= first && address - first <= part->len_bytes &&
            len_bytes <= part->len_bytes - (address - first))
            return true;
    }
    return false;
}

static bool memory_read(void *context, uint64_t address, void *to, size_t len_bytes)
{
    if (!guests_own(context, address, len_bytes))
        return false;
    memcpy(to, (const void *)(uintptr_t)address, len_bytes);
    return true;
}

static bool memory_write(void *context, uint64_t address, const void *from, size_t len_bytes)
{
    if (!guests_own(context, address, len_bytes))
        return false;
    memcpy((void *)(uintptr_t)address, from, len_bytes);
    return true;
}

static struct sim_memory memory(struct sim_machine *machine)
{
    return (struct sim_memory){machine, memory_read, memory_write};
}

static const uint8_t *ram(const struct sim_machine *machine)
{
    return ((const struct native *)machine)->parts[NATIVE_RAM].bytes;
}

static const struct sim_machine_ops native_ops = {"native", destroy,     reset,       run,          memory,
                                                  ram,      native_save, native_load, native_forget};

uint32_t sim_native_stack_bytes(const struct sim_machine *machine)
{
    return ((const struct native *)machine)->stack_most;
}

struct sim_machine *sim_native_create(const struct sim_image *image, const struct mk_boot *boot,
                                      sim_native_entry *entry)
{
    struct native *native = sim_allocate(1, sizeof *native);
    native->machine.ops = &native_ops;
    native->image = image;
    native->boot = *boot;
    native->entry = entry;
    native->parts[NATIVE_STACK].len_bytes = SIM_NATIVE_STACK_BYTES;
    native->parts[NATIVE_KERNEL].len_bytes = mk_state_bytes();
    native->parts[NATIVE_MODULE].len_bytes = sizeof(struct kd_module_state);
    native->parts[NATIVE_BOOT].len_bytes = sizeof(struct native_boot);
    native->parts[NATIVE_RAM].len_bytes = image->ram_bytes;
    for (int i = 0; i < NATIVE_PARTS; i++)
        native->arena_bytes += PAGE_BYTES + whole_pages(native->parts[i].len_bytes);
    native->arena_bytes += PAGE_BYTES;
    native->arena = reserve(native->arena_bytes);
    map_parts(native);
    reset(&native->machine);
    return &native->machine;
}
