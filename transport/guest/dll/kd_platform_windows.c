/* The machine under the module (kd_platform.h) when it is a Windows kernel: real ports, the kernel's exported
 * flag, its shared page, its loader block. The backdoor's accesses are in kd_backdoor_x64.S and
 * kd_backdoor_x86.S. */
#include "transport/guest/dll/kd_loader_block.h"
#include "transport/guest/kd_guest.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/kd_platform.h"
#include "transport/kd/vm_message.h"

#if defined(__x86_64__)
#define SHARED_DATA_ADDRESS 0xFFFFF78000000000u
#define MACHINE             VM_MACHINE_X64
#else
#define SHARED_DATA_ADDRESS 0xFFDF0000u
#define MACHINE             VM_MACHINE_X86
#endif

/* KUSER_SHARED_DATA (kd-protocol.md 2.12 rule 3, 3.4). */
enum {
    NT_MAJOR_VERSION = 0x26C, /* u32 */
    KD_DEBUGGER_ENABLED = 0x2D4,
    ENABLED_PRESENT = 0x02,
    /* The page may be written from Windows XP (5) to 8.1 (6); later it may be read-only. 0: the kernel has
     * not filled it yet. */
    MAJOR_WRITABLE_MIN = 5,
    MAJOR_WRITABLE_MAX = 6,
};

extern __declspec(dllimport) volatile uint8_t KdDebuggerNotPresent;

static struct kd_module_state module;

struct kd_module_state *kd_platform_module(void)
{
    return &module;
}

uint8_t kd_port_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

void kd_port_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

void kd_cpuid(uint32_t leaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}

/* Hides from the compiler that the address is a constant, which it would take for no object at all. */
static volatile uint8_t *shared_data(void)
{
    uintptr_t address = SHARED_DATA_ADDRESS;
    __asm__("" : "+r"(address));
    return (volatile uint8_t *)address;
}

static void tell_user_mode(bool present)
{
    volatile uint8_t *shared = shared_data();
    uint32_t major = *(volatile uint32_t *)(shared + NT_MAJOR_VERSION);
    if (major < MAJOR_WRITABLE_MIN || major > MAJOR_WRITABLE_MAX)
        return;
    uint8_t enabled = shared[KD_DEBUGGER_ENABLED];
    shared[KD_DEBUGGER_ENABLED] = (uint8_t)(present ? enabled | ENABLED_PRESENT : enabled & ~ENABLED_PRESENT);
}

void kd_platform_set_present(bool present)
{
    KdDebuggerNotPresent = !present;
    tell_user_mode(present);
}

const char *kd_platform_options(void *loader_block)
{
    return (const char *)kd_loader_block_options(loader_block, sizeof(void *));
}

uint16_t kd_platform_machine(void)
{
    return MACHINE;
}

/* The image's entry point. No kernel calls it; a loader that does is told that all is well. */
uint32_t KD_API kd_entry(void *driver, void *registry_path);
uint32_t KD_API kd_entry(void *driver, void *registry_path)
{
    (void)driver;
    (void)registry_path;
    return KD_STATUS_SUCCESS;
}
