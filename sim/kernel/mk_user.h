/* mk_user.h: the user half of a process: its modules, PEB, loader data, TEBs and stacks, in page tables of
 * its own. Private to the image builder. */
#ifndef MK_USER_H
#define MK_USER_H

#include "sim/kernel/mk_nt.h"

/* What the kernel's structures must know of it. */
struct mk_user {
    uint64_t directory_pa;
    uint64_t peb;
    uint64_t teb[MK_PLAN_THREADS];
    uint64_t start_address;
};

/* Makes the address space of the index-th process of the plan, thread ids first_tid, first_tid + 4, ... All
 * kernel memory must be mapped by now; kuser_pa is where KUSER_SHARED_DATA lies. */
struct mk_user mk_user_build(struct mk_nt *nt, enum mk_arch arch, uint32_t index, uint32_t first_tid,
                             uint64_t kuser_pa);

#endif
