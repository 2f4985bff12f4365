/* kd_loader_block.h: where the boot options lie in a LOADER_PARAMETER_BLOCK, which differs by Windows
 * version.
 *
 * Nothing but the block itself is read, and of the block only what its version has. Context: any.
 * Source: README.md 4. Tests: tests/test_kd_loader_block.c */
#ifndef KD_LOADER_BLOCK_H
#define KD_LOADER_BLOCK_H

#include <stdint.h>

/* The option string's address as the block has it.
 * block          in  a LOADER_PARAMETER_BLOCK, or NULL
 * pointer_bytes  in  4 or 8: the machine's
 * Returns  0: no block, a version whose layout is not known, or an address that is not the kernel's */
uintptr_t kd_loader_block_options(const void *block, unsigned pointer_bytes);

#endif
