/* sim_memory.h: host memory that cannot fail: out of memory ends the program with a line on stderr. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>

/* Zeroed memory; free() gives it back. */
void *sim_allocate(size_t count, size_t size_bytes);

/* Grows an array to hold at least `need` elements, doubling; *room is its present size in elements. */
void *sim_grow(void *array, size_t *room, size_t need, size_t size_bytes);

#endif
