/* Goal: the kernel needs nothing but a KD module and a machine. Method: this program gives it just these and
 * is linked without any library; it is never run. */
#include "sim/kernel/mk.h"

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    return loader_block ? KD_STATUS_SUCCESS : KD_STATUS_NO_SUCH_DEVICE;
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    return KdDebuggerInitialize0(loader_block);
}

uint32_t KD_API KdD0Transition(void)
{
    return 0;
}

uint32_t KD_API KdD3Transition(void)
{
    return 0;
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    return sleeping;
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    return sleeping;
}

void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context)
{
    (void)type, (void)header, (void)data, (void)context;
}

uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data,
                                uint32_t *length, struct kd_context *context)
{
    (void)type, (void)header, (void)data, (void)length, (void)context;
    return KD_TIMEOUT;
}

static union {
    uint64_t align;
    uint8_t bytes[65536];
} memory;

struct mk_state *mk_platform_state(void)
{
    return (struct mk_state *)(void *)memory.bytes;
}

uint8_t *mk_platform_ram(void)
{
    return memory.bytes;
}

const struct mk_boot *mk_platform_boot(void)
{
    return (const struct mk_boot *)(void *)memory.bytes;
}

const struct mk_map *mk_platform_map(void)
{
    return (const struct mk_map *)(void *)memory.bytes;
}

void mk_platform_trace(const struct mk_trace *trace)
{
    (void)trace;
}

void mk_platform_enters_module(void)
{
}

void mk_platform_leaves_module(void)
{
}

void mk_platform_stray_write(enum mk_piece piece, uint32_t offset)
{
    memory.align += (uint64_t)piece + offset;
}

void mk_platform_wait_tick(void)
{
}

void mk_platform_command(struct mk_command *command)
{
    (void)command;
}

static _Noreturn void stop(void)
{
    for (;;)
        memory.align++;
}

_Noreturn void mk_platform_reset(void)
{
    stop();
}

_Noreturn void mk_platform_power_off(void)
{
    stop();
}

_Noreturn void _start(void);
_Noreturn void _start(void)
{
    mk_main();
}
