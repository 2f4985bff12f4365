/* native_private.h: between native.c (arena, coroutine) and native_platform.c (what the guest calls). */
#ifndef NATIVE_PRIVATE_H
#define NATIVE_PRIVATE_H

#include "sim/machine/sim_native.h"

/* The parts of the arena, each with a guard page in front. */
enum native_part { NATIVE_STACK, NATIVE_KERNEL, NATIVE_MODULE, NATIVE_BOOT, NATIVE_RAM, NATIVE_PARTS };

/* What the host tells the guest before it boots. */
struct native_boot {
    struct mk_boot boot;
    struct mk_map map;
};

/* For guest code only: the part of the arena of the guest that runs now. */
void *native_part(enum native_part part);

/* For guest code only: stops until the host has answered. */
void native_exit(struct sim_guest_exit *exit);

#endif
