/* mk_plan.h: the plan of the image: where everything goes and what it is called, one row per architecture
 * (nt-image.md, "What the builder lays out"). Between any two places lies something that is not mapped.
 * Private to the image builder. */
#ifndef MK_PLAN_H
#define MK_PLAN_H

#include "sim/kernel/mk.h"

enum { MK_PLAN_MODULES = 6, MK_PLAN_PROCESSES = 3, MK_PLAN_USER_MODULES = 3, MK_PLAN_THREADS = 2 };

struct mk_plan_module {
    const char *name, *path, *pdb_name;
    uint64_t base;
    uint32_t size_bytes;
};

/* A process with user code. Its own image is the first of its modules. */
struct mk_plan_process {
    uint32_t pid, parent;
    const char *name, *path, *pdb_name;
    uint64_t base;
};

struct mk_plan {
    struct mk_plan_module modules[MK_PLAN_MODULES]; /* kernel, HAL, kdfast.dll, drivers */
    uint64_t tables;                                /* where the page tables map themselves */
    uint64_t nonpaged;
    uint64_t pool; /* one large page */
    uint64_t not_present;
    uint64_t stacks; /* of the kernel */
    uint32_t stack_bytes, stack_spacing;
    uint64_t processors[MK_PROCESSORS_MAX]; /* KPCR with KPRCB; behind it, by offset: */
    uint32_t processor_bytes, gdt, tss, idt;

    struct mk_plan_process processes[MK_PLAN_PROCESSES];
    struct mk_plan_module libraries[MK_PLAN_USER_MODULES - 1]; /* in every process with user code */
    uint64_t user_heap;                                        /* loader data, parameters, strings */
    uint64_t user_stacks;
    uint64_t teb, teb_spacing; /* one under the other */
    uint64_t peb;
    uint64_t user_shared; /* KUSER_SHARED_DATA as user code sees it */
    uint64_t user_end, system_start;

    uint32_t timestamp; /* of the kernel; the other modules follow it */
    uint32_t service_pack;
    const char *system_root, *build_lab;
};

const struct mk_plan *mk_plan(enum mk_arch arch);

#endif
