/* mk_image.h: builds on the host, before boot, what a debugger can see in the target's memory (nt-image.md).
 *
 * Deterministic: the same configuration gives the same bytes. Tests: tests/test_mk_image.c */
#ifndef MK_IMAGE_H
#define MK_IMAGE_H

#include "sim/kernel/mk.h"
#include "transport/kd/kd_status.h"

enum { MK_RAM_BYTES_MIN = 32 * 1024 * 1024 };

/* Fills guest RAM with page tables, kernel structures, modules, code loop, stacks and the pool.
 * ram        out  ram_bytes of zeroed memory, guest physical address 0 on
 * ram_bytes  in   a multiple of 4096, at least MK_RAM_BYTES_MIN
 * Returns    KD_OK; KD_ERR_ARGUMENT: a size or an architecture that is not supported, ram is unchanged */
KD_MUST_USE enum kd_status mk_image_build(uint8_t *ram, uint64_t ram_bytes, enum mk_arch arch, uint32_t processors,
                                          struct mk_map *map);

/* A piece of the image, told while it is built. */
struct mk_image_region {
    uint64_t va;
    uint64_t pa;
    uint64_t bytes;
    uint32_t pid;     /* whose page tables map it; 0: everybody's */
    const char *what; /* for people; valid during the call */
};
typedef void mk_image_region_fn(void *context, const struct mk_image_region *region);

/* The same, and tells of every region; some lie inside one that was told before. */
KD_MUST_USE enum kd_status mk_image_build_told(uint8_t *ram, uint64_t ram_bytes, enum mk_arch arch,
                                               uint32_t processors, struct mk_map *map, mk_image_region_fn *tell,
                                               void *context);

#endif
