/* guest_load.c: the boot loader's part: brings the DLL from its file's bytes to life. */
#include "sim/machine/guest/guest_image.h"
#include "sim/machine/guest/guest_pe.h"

static bool same(const char *left, const char *right)
{
    while (*left != 0 && *left == *right)
        left++, right++;
    return *left == *right;
}

/* HAL's ports, for a module that uses them instead of the instructions. */
static uint8_t KD_API read_port_uchar(uint8_t *port)
{
    uint8_t value;
    __asm__ volatile("inb %%dx, %%al" : "=a"(value) : "d"((uint16_t)(uintptr_t)port) : "memory");
    return value;
}

static void KD_API write_port_uchar(uint8_t *port, uint8_t value)
{
    __asm__ volatile("outb %%al, %%dx" : : "a"(value), "d"((uint16_t)(uintptr_t)port) : "memory");
}

/* No processor here needs one, and XP's own is never called by a module that imports it for its sake
 * (kd-protocol.md 3.4). */
static uint8_t KD_API hal_init_system(uint32_t phase, void *loader_block)
{
    (void)phase, (void)loader_block;
    return 1;
}

/* All that the kernel and its HAL export to a module (kd-protocol.md 3.4). */
static uint64_t resolve(void *context, const char *library, const char *name)
{
    struct mk_state *state = mk_platform_state();
    const struct {
        const char *name;
        uintptr_t address;
    } rows[] = {
        {"KdDebuggerNotPresent", (uintptr_t)mk_debugger_not_present(state)},
        {"KdDebuggerEnabled", (uintptr_t)mk_debugger_enabled(state)},
        {"HalInitSystem", (uintptr_t)hal_init_system},
        {"READ_PORT_UCHAR", (uintptr_t)read_port_uchar},
        {"WRITE_PORT_UCHAR", (uintptr_t)write_port_uchar},
    };
    (void)context, (void)library;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (same(rows[i].name, name))
            return rows[i].address;
    return 0;
}

static uintptr_t exported(struct guest_pe *pe, const char *name)
{
    static char why[GUEST_PE_WHY_BYTES];
    uint32_t offset = guest_pe_export(pe, name);
    if (offset != 0)
        return (uintptr_t)GUEST_DLL + offset;
    uint32_t used = 0;
    for (const char *part = "does not export "; *part != 0; part++)
        why[used++] = *part;
    for (; *name != 0; name++)
        why[used++] = *name;
    guest_fail(why);
}

void guest_load(struct guest_exports *exports)
{
    static struct guest_pe pe;
    pe.file = (const uint8_t *)(uintptr_t)GUEST_FILE;
    pe.file_bytes = guest_told()->file_bytes;
    pe.image = (uint8_t *)(uintptr_t)GUEST_DLL;
    pe.image_room = GUEST_DLL_BYTES_MAX;
    pe.base = GUEST_DLL;
    pe.machine = sizeof(void *) == 8 ? GUEST_PE_X64 : GUEST_PE_X86;
    pe.resolve = resolve;
    if (!guest_pe_load(&pe))
        guest_fail(pe.why);
#define GUEST_EXPORT_BIND(name, result, arguments)                                                           \
    exports->name = (result(KD_API *) arguments)exported(&pe, #name);
    GUEST_EXPORT_LIST(GUEST_EXPORT_BIND)
#undef GUEST_EXPORT_BIND
}
