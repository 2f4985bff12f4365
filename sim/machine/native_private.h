/* native_private.h: between native.c (arena, coroutine), native_snapshot.c, and native_platform.c (what the
 * guest calls). */
#ifndef NATIVE_PRIVATE_H
#define NATIVE_PRIVATE_H

#include "sim/machine/sim_native.h"

#if defined(__SANITIZE_ADDRESS__)
#define NATIVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NATIVE_ASAN 1
#endif
#endif
#if !defined(NATIVE_ASAN)
#define NATIVE_ASAN 0
#endif

/* The parts of the arena, each with a guard page in front. */
enum { NATIVE_PAGE_BYTES = 4096 };
enum native_part { NATIVE_STACK, NATIVE_KERNEL, NATIVE_MODULE, NATIVE_BOOT, NATIVE_RAM, NATIVE_PARTS };

/* What the host tells the guest before it boots. */
struct native_boot {
    struct mk_boot boot;
    struct mk_map map;
};

/* A part of one machine's arena. */
struct native_part_bytes {
    uint8_t *bytes;
    size_t len_bytes; /* as the guest was given, not rounded to pages */
};

/* What is watched while the module runs (native_watch.c). */
struct native_watch {
    bool inside;         /* the guest is in the module */
    bool vectors_used;   /* since it went in */
    uint32_t mxcsr;      /* as they were then */
    uint16_t x87_control;
};

struct native {
    struct sim_machine machine;
    const struct sim_image *image;
    struct mk_boot boot;
    sim_native_entry *entry;
    uint8_t *arena;
    size_t arena_bytes;
    struct native_part_bytes parts[NATIVE_PARTS];
    void *guest_sp;
    void *host_sp;
    struct sim_guest_exit *exit;  /* of the run that ended last, on the guest's stack */
    struct native_watch watch;
    uint32_t stack_most; /* bytes of stack in any call of the module so far */
    void *host_fake, *guest_fake; /* the sanitizer's, per stack */
    const void *host_stack;
    size_t host_stack_bytes;
};

/* native_snapshot.c: sim_machine.h's save, load and forget. */
struct sim_machine_state *native_save(struct sim_machine *machine);
void native_load(struct sim_machine *machine, const struct sim_machine_state *state);
void native_forget(struct sim_machine_state *state);

/* The machine whose guest runs now, NULL when none does. */
struct native *native_running(void);

/* For guest code only: the part of the arena of the guest that runs now. */
void *native_part(enum native_part part);

/* native_watch.c: the guest leaves for the host, which may use any register, and is back. */
void native_watch_leaves(struct native_watch *watch);
void native_watch_is_back(struct native_watch *watch);

/* For guest code only: stops until the host has answered. */
void native_exit(struct sim_guest_exit *exit);

#endif
