/* A snapshot of a native guest: the arena and the saved stack pointer. Of RAM only the pages are kept that
 * differ from the image; of the stack, under the address sanitizer, also its shadow, because the red zones of
 * the frames that stand on it must stand again with them. The guest is between two runs, so nothing of it is
 * in host registers. */
#include "sim/machine/native_private.h"
#include "sim/machine/sim_pages.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

#if NATIVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

struct sim_machine_state {
    void *guest_sp;
    struct sim_guest_exit *exit;
    struct native_watch watch;
    uint8_t *parts[NATIVE_RAM]; /* contents of all but RAM */
    struct sim_pages ram;
    uint8_t *shadow; /* of the stack, under the sanitizer */
};

/* ---- the stack ---- */

#if NATIVE_ASAN
/* Shadow has no shadow: neither instrumented code nor memcpy may touch it. */
__attribute__((no_sanitize("address"))) static void copy_shadow(volatile uint8_t *to,
                                                                const volatile uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = from[i];
}

static uint8_t *shadow_of(const struct native_part_bytes *stack, size_t *bytes)
{
    size_t scale, offset;
    __asan_get_shadow_mapping(&scale, &offset);
    *bytes = stack->len_bytes >> scale;
    return (uint8_t *)(((uintptr_t)stack->bytes >> scale) + offset);
}

static void save_stack(const struct native_part_bytes *stack, struct sim_machine_state *state)
{
    size_t bytes;
    uint8_t *shadow = shadow_of(stack, &bytes);
    state->shadow = sim_allocate(bytes, 1);
    copy_shadow(state->shadow, shadow, bytes);
    __asan_unpoison_memory_region(stack->bytes, stack->len_bytes);
    memcpy(state->parts[NATIVE_STACK], stack->bytes, stack->len_bytes);
    copy_shadow(shadow, state->shadow, bytes);
}

static void load_stack(const struct native_part_bytes *stack, const struct sim_machine_state *state)
{
    size_t bytes;
    uint8_t *shadow = shadow_of(stack, &bytes);
    __asan_unpoison_memory_region(stack->bytes, stack->len_bytes);
    memcpy(stack->bytes, state->parts[NATIVE_STACK], stack->len_bytes);
    copy_shadow(shadow, state->shadow, bytes);
}
#else
static void save_stack(const struct native_part_bytes *stack, struct sim_machine_state *state)
{
    memcpy(state->parts[NATIVE_STACK], stack->bytes, stack->len_bytes);
}

static void load_stack(const struct native_part_bytes *stack, const struct sim_machine_state *state)
{
    memcpy(stack->bytes, state->parts[NATIVE_STACK], stack->len_bytes);
}
#endif

/* ---- all of it ---- */

struct sim_machine_state *native_save(struct sim_machine *machine)
{
    const struct native *native = (const struct native *)machine;
    struct sim_machine_state *state = sim_allocate(1, sizeof *state);
    state->guest_sp = native->guest_sp;
    state->exit = native->exit;
    state->watch = native->watch;
    for (int i = 0; i < NATIVE_RAM; i++)
        state->parts[i] = sim_allocate(native->parts[i].len_bytes, 1);
    for (int i = 0; i < NATIVE_RAM; i++)
        if (i != NATIVE_STACK)
            memcpy(state->parts[i], native->parts[i].bytes, native->parts[i].len_bytes);
    save_stack(&native->parts[NATIVE_STACK], state);
    state->ram = sim_pages_save(native->image, native->parts[NATIVE_RAM].bytes);
    return state;
}

/* The reset makes RAM the image again, and takes away the pages that the guest has touched since. */
void native_load(struct sim_machine *machine, const struct sim_machine_state *state)
{
    struct native *native = (struct native *)machine;
    machine->ops->reset(machine);
    for (int i = 0; i < NATIVE_RAM; i++)
        if (i != NATIVE_STACK)
            memcpy(native->parts[i].bytes, state->parts[i], native->parts[i].len_bytes);
    load_stack(&native->parts[NATIVE_STACK], state);
    sim_pages_load(&state->ram, native->parts[NATIVE_RAM].bytes);
    native->guest_sp = state->guest_sp;
    native->exit = state->exit;
    native->watch = state->watch;
}

void native_forget(struct sim_machine_state *state)
{
    if (state == NULL)
        return;
    for (int i = 0; i < NATIVE_RAM; i++)
        free(state->parts[i]);
    sim_pages_free(&state->ram);
    free(state->shadow);
    free(state);
}
