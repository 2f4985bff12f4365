/* A module that keeps the ABI and does one thing, MISDEED, that no module may: for the tests of the emulated
 * machine. Compiled once for each misdeed; it is done in KdDebuggerInitialize0, which is the first call of
 * the kernel's. */
#include "transport/guest/kd_module.h"

#define NONE         0
#define VECTOR       1
#define X87          2
#define SAVED        3
#define DIRECTION    4
#define STACK        5
#define WILD_WRITE   6
#define CODE_WRITE   7
#define SPIN         8
#define HALT         9
#define TRAP         10
#define WIDE_PORTS   11
#define STRING_PORTS 12
#define CPUID        13

uint8_t bytes[8] = {0x41, 0x42, 0x43, 0x44};

static void use_stack(void)
{
    volatile uint8_t much[2048];
    for (unsigned i = 0; i < sizeof much; i++)
        much[i] = (uint8_t)i;
}

static void misbehave(void)
{
#if MISDEED == VECTOR
    __asm__ volatile("pxor %xmm3, %xmm3");
#elif MISDEED == X87
    __asm__ volatile("fld1");
#elif MISDEED == SAVED
    __asm__ volatile("incl %ebx");
#elif MISDEED == DIRECTION
    __asm__ volatile("std");
#elif MISDEED == STACK
    use_stack();
#elif MISDEED == WILD_WRITE
    *(volatile uint8_t *)(uintptr_t)0x00700000 = 1;
#elif MISDEED == CODE_WRITE
    *(volatile uint8_t *)(uintptr_t)KdDebuggerInitialize0 = 1;
#elif MISDEED == SPIN
    for (;;)
        __asm__ volatile("pause");
#elif MISDEED == HALT
    __asm__ volatile("hlt");
#elif MISDEED == TRAP
    __asm__ volatile("int3");
#elif MISDEED == WIDE_PORTS
    uint32_t value = 0x11223344;
    uint16_t word;
    __asm__ volatile("outl %%eax, %%dx" : : "a"(value), "d"((uint16_t)0x1234));
    __asm__ volatile("inw $0x60, %%ax" : "=a"(word));
    __asm__ volatile("outw %%ax, %%dx" : : "a"(word), "d"((uint16_t)0x1234));
#elif MISDEED == STRING_PORTS
    const uint8_t *from = bytes;
    uint32_t count = 3;
    __asm__ volatile("cld; rep outsb" : "+S"(from), "+c"(count) : "d"((uint16_t)0x2F8) : "memory");
    if (from == bytes + 3 && count == 0)
        __asm__ volatile("outb %%al, $0x80" : : "a"((uint8_t)1));
#elif MISDEED == CPUID
    uint32_t a = 0x40000000, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    __asm__ volatile("outb %%al, $0x80" : : "a"((uint8_t)b));
#endif
    (void)use_stack;
}

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    (void)loader_block;
    misbehave();
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    (void)loader_block;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdD0Transition(void)
{
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdD3Transition(void)
{
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    (void)sleeping;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    (void)sleeping;
    return KD_STATUS_SUCCESS;
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

uint32_t KD_API bad_entry(void *driver, void *registry_path);
uint32_t KD_API bad_entry(void *driver, void *registry_path)
{
    (void)driver, (void)registry_path;
    return KD_STATUS_SUCCESS;
}
