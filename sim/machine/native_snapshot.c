/* A snapshot of a native guest: the arena and the saved stack pointer. Of RAM only the pages are kept that
 * differ from the image; of the stack, under the address sanitizer, also its shadow, because the red zones of
 * the frames that stand on it must stand again with them. The guest is between two runs, so nothing of it is
 * in host registers. */
#include "sim/machine/native_private.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if NATIVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

struct sim_machine_state {
    void *guest_sp;
    struct sim_guest_exit *exit;
    struct native_watch watch;
    uint8_t *parts[NATIVE_PARTS]; /* contents; of RAM the pages that differ */
    uint8_t *shadow;              /* of the stack, under the sanitizer */
    size_t *pages;                /* their numbers */
    size_t page_count;
    size_t page_room, page_bytes_room;
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

/* ---- RAM ---- */

static void keep_page(struct sim_machine_state *state, size_t number, const uint8_t *page)
{
    state->pages = sim_grow(state->pages, &state->page_room, state->page_count + 1, sizeof *state->pages);
    state->parts[NATIVE_RAM] =
        sim_grow(state->parts[NATIVE_RAM], &state->page_bytes_room, state->page_count + 1, NATIVE_PAGE_BYTES);
    state->pages[state->page_count] = number;
    memcpy(state->parts[NATIVE_RAM] + state->page_count * NATIVE_PAGE_BYTES, page, NATIVE_PAGE_BYTES);
    state->page_count++;
}

static void save_ram(const struct native *native, struct sim_machine_state *state)
{
    const struct native_part_bytes *ram = &native->parts[NATIVE_RAM];
    uint8_t *image = mmap(NULL, ram->len_bytes, PROT_READ, MAP_SHARED, native->image->fd, 0);
    if (image == MAP_FAILED)
        sim_host_fail("no room to compare a guest's RAM with its image");
    for (size_t page = 0; page < ram->len_bytes / NATIVE_PAGE_BYTES; page++) {
        size_t at = page * NATIVE_PAGE_BYTES;
        if (memcmp(ram->bytes + at, image + at, NATIVE_PAGE_BYTES) != 0)
            keep_page(state, page, ram->bytes + at);
    }
    munmap(image, ram->len_bytes);
}

static void load_ram(const struct native *native, const struct sim_machine_state *state)
{
    uint8_t *ram = native->parts[NATIVE_RAM].bytes;
    for (size_t i = 0; i < state->page_count; i++)
        memcpy(ram + state->pages[i] * NATIVE_PAGE_BYTES, state->parts[NATIVE_RAM] + i * NATIVE_PAGE_BYTES,
               NATIVE_PAGE_BYTES);
}

/* ---- all of it ---- */

static bool is_plain(int part)
{
    return part != NATIVE_STACK && part != NATIVE_RAM;
}

struct sim_machine_state *native_save(struct sim_machine *machine)
{
    const struct native *native = (const struct native *)machine;
    struct sim_machine_state *state = sim_allocate(1, sizeof *state);
    state->guest_sp = native->guest_sp;
    state->exit = native->exit;
    state->watch = native->watch;
    for (int i = 0; i < NATIVE_RAM; i++)
        state->parts[i] = sim_allocate(native->parts[i].len_bytes, 1);
    for (int i = 0; i < NATIVE_PARTS; i++)
        if (is_plain(i))
            memcpy(state->parts[i], native->parts[i].bytes, native->parts[i].len_bytes);
    save_stack(&native->parts[NATIVE_STACK], state);
    save_ram(native, state);
    return state;
}

/* The reset makes RAM the image again, and takes away the pages that the guest has touched since. */
void native_load(struct sim_machine *machine, const struct sim_machine_state *state)
{
    struct native *native = (struct native *)machine;
    machine->ops->reset(machine);
    for (int i = 0; i < NATIVE_PARTS; i++)
        if (is_plain(i))
            memcpy(native->parts[i].bytes, state->parts[i], native->parts[i].len_bytes);
    load_stack(&native->parts[NATIVE_STACK], state);
    load_ram(native, state);
    native->guest_sp = state->guest_sp;
    native->exit = state->exit;
    native->watch = state->watch;
}

void native_forget(struct sim_machine_state *state)
{
    if (state == NULL)
        return;
    for (int i = 0; i < NATIVE_PARTS; i++)
        free(state->parts[i]);
    free(state->shadow);
    free(state->pages);
    free(state);
}
