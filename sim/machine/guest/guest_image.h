/* guest_image.h: between the files of the guest image: what guest_load.c finds and guest_exports.c calls. */
#ifndef GUEST_IMAGE_H
#define GUEST_IMAGE_H

#include "sim/machine/guest/guest_layout.h"

/* The module's exports as the loader has bound them. */
#define GUEST_EXPORT_LIST(X)                                                                                 \
    X(KdDebuggerInitialize0, uint32_t, (void *loader_block))                                                 \
    X(KdDebuggerInitialize1, uint32_t, (void *loader_block))                                                 \
    X(KdD0Transition, uint32_t, (void))                                                                      \
    X(KdD3Transition, uint32_t, (void))                                                                      \
    X(KdSave, uint32_t, (uint8_t sleeping))                                                                  \
    X(KdRestore, uint32_t, (uint8_t sleeping))                                                               \
    X(KdSendPacket, void,                                                                                    \
      (uint32_t type, const struct kd_string *header, const struct kd_string *data,                          \
       struct kd_context *context))                                                                          \
    X(KdReceivePacket, uint32_t,                                                                             \
      (uint32_t type, struct kd_string * header, struct kd_string * data, uint32_t * length,                 \
       struct kd_context * context))

struct guest_exports {
#define GUEST_EXPORT_FIELD(name, result, arguments) result(KD_API *name) arguments;
    GUEST_EXPORT_LIST(GUEST_EXPORT_FIELD)
#undef GUEST_EXPORT_FIELD
};

/* Maps the DLL at GUEST_DLL and binds its exports; a DLL that cannot be loaded ends in guest_fail. */
void guest_load(struct guest_exports *exports);

/* The one instance, which guest_exports.c calls through. */
extern struct guest_exports guest_exports;

/* Tells the machine a linear address. */
void guest_tell(uint16_t port, const void *what);

_Noreturn void guest_fail(const char *why);

/* What the host wrote. */
static inline const struct guest_boot *guest_told(void)
{
    return (const struct guest_boot *)(uintptr_t)GUEST_BOOT;
}

/* The boot page as it is seen in NT's half. */
static inline void *guest_loader_block(void)
{
#if defined(__i386__)
    const uintptr_t alias = GUEST_ALIAS_X86;
#else
    const uintptr_t alias = GUEST_ALIAS_X64;
#endif
    return (void *)(alias + GUEST_PAGE_BYTES + __builtin_offsetof(struct guest_boot, loader_block));
}

#endif
