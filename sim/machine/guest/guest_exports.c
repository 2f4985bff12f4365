/* guest_exports.c: what mk's sources call as the module, each a jump into the DLL. */
#include "sim/machine/guest/guest_image.h"

struct guest_exports guest_exports;

/* The mini kernel hands out its boot block; a DLL gets the structure that Windows has. */
static void *loader_block_for(const void *given)
{
    return given == NULL ? NULL : guest_loader_block();
}

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    return guest_exports.KdDebuggerInitialize0(loader_block_for(loader_block));
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    return guest_exports.KdDebuggerInitialize1(loader_block_for(loader_block));
}

uint32_t KD_API KdD0Transition(void)
{
    return guest_exports.KdD0Transition();
}

uint32_t KD_API KdD3Transition(void)
{
    return guest_exports.KdD3Transition();
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    return guest_exports.KdSave(sleeping);
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    return guest_exports.KdRestore(sleeping);
}

void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context)
{
    guest_exports.KdSendPacket(type, header, data, context);
}

uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data,
                                uint32_t *length, struct kd_context *context)
{
    return guest_exports.KdReceivePacket(type, header, data, length, context);
}
