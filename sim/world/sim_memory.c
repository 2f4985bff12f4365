#define _DEFAULT_SOURCE /* reallocarray */
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>

static void *or_end(void *memory)
{
    if (memory == NULL) {
        fputs("fastkd: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *sim_allocate(size_t count, size_t size_bytes)
{
    return or_end(calloc(count, size_bytes));
}

void *sim_grow(void *array, size_t *room, size_t need, size_t size_bytes)
{
    if (need <= *room)
        return array;
    size_t wider = *room == 0 ? 16 : *room;
    while (wider < need)
        wider *= 2;
    *room = wider;
    return or_end(reallocarray(array, wider, size_bytes));
}
