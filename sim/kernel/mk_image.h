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

#endif
