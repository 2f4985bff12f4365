/* guest_platform.c: mk.h's platform in the image, and the image's entry. What the kernel needs of the world
 * goes through the ports of guest_layout.h. */
#include "sim/machine/guest/guest_image.h"

void guest_tell(uint16_t port, const void *what)
{
    __asm__ volatile("outl %%eax, %%dx" : : "a"((uint32_t)(uintptr_t)what), "d"(port) : "memory");
}

/* The machine does not run this guest again; the loop says so to the compiler. */
static _Noreturn void leave(uint16_t port, const void *what)
{
    for (;;)
        guest_tell(port, what);
}

_Noreturn void guest_fail(const char *why)
{
    leave(GUEST_PORT_FAIL, why);
}

struct mk_state *mk_platform_state(void)
{
    return (struct mk_state *)(uintptr_t)GUEST_STATE;
}

uint8_t *mk_platform_ram(void)
{
    return (uint8_t *)(uintptr_t)GUEST_RAM;
}

const struct mk_boot *mk_platform_boot(void)
{
    return &guest_told()->boot;
}

const struct mk_map *mk_platform_map(void)
{
    return &guest_told()->map;
}

void mk_platform_trace(const struct mk_trace *trace)
{
    guest_tell(GUEST_PORT_TRACE, trace);
}

void mk_platform_wait_tick(void)
{
    guest_tell(GUEST_PORT_TICK, NULL);
}

void mk_platform_command(struct mk_command *command)
{
    guest_tell(GUEST_PORT_COMMAND, command);
}

void mk_platform_stray_write(enum mk_piece piece, uint32_t offset)
{
    const struct guest_stray stray = {(uint32_t)piece, offset};
    guest_tell(GUEST_PORT_STRAY, &stray);
}

/* The machine sees for itself when the module's code begins and ends. */
void mk_platform_enters_module(void)
{
}

void mk_platform_leaves_module(void)
{
}

_Noreturn void mk_platform_reset(void)
{
    leave(GUEST_PORT_RESET, NULL);
}

_Noreturn void mk_platform_power_off(void)
{
    leave(GUEST_PORT_POWER_OFF, NULL);
}

/* Where the machine starts the processor: flat segments, interrupts off, the stack aligned as after a call.
 */
_Noreturn void guest_start(void);
_Noreturn void guest_start(void)
{
    if (guest_told()->magic != GUEST_BOOT_MAGIC)
        guest_fail("the boot page is not of this image's making");
    if (mk_state_bytes() > GUEST_STATE_BYTES)
        guest_fail("the kernel's state is larger than its part");
    guest_load(&guest_exports);
    guest_tell(GUEST_PORT_LOADED, NULL);
    mk_main();
}
