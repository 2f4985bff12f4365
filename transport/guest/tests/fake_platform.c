#include "transport/guest/tests/fake_platform.h"

#include <string.h>

enum { DOORBELL_PORT = 0x565A };

struct fake_platform fake;

void fake_platform_reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.present = true;
}

static void count_exit(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    fake.exits++;
    if (fake.stack_low == 0 || here < fake.stack_low)
        fake.stack_low = here;
}

struct kd_module_state *kd_platform_module(void)
{
    return &fake.module;
}

uint8_t kd_port_in8(uint16_t port)
{
    count_exit();
    fake.exits_8bit++;
    return fake.in8 == NULL ? 0xFF : fake.in8(port);
}

void kd_port_out8(uint16_t port, uint8_t value)
{
    count_exit();
    fake.exits_8bit++;
    if (fake.out8 != NULL)
        fake.out8(port, value);
}

static void backdoor_access(enum fake_call call, struct kd_backdoor_registers *registers)
{
    count_exit();
    if (call == FAKE_LB && (uint16_t)registers->rdx == DOORBELL_PORT && fake.doorbell != NULL)
        fake.doorbell(registers);
    else if (call == FAKE_LB && (uint16_t)registers->rdx == DOORBELL_PORT)
        registers->rax = 0xFFFFFFFFu;
    else if (fake.backdoor != NULL)
        fake.backdoor(call, registers);
    else if (call == FAKE_LB)
        registers->rax = 0xFFFFFFFFu;
}

void kd_backdoor_in(struct kd_backdoor_registers *registers)
{
    backdoor_access(FAKE_LB, registers);
}

void kd_backdoor_outs(struct kd_backdoor_registers *registers)
{
    backdoor_access(FAKE_OUTS, registers);
}

void kd_backdoor_ins(struct kd_backdoor_registers *registers)
{
    backdoor_access(FAKE_INS, registers);
}

void kd_cpuid(uint32_t leaf, uint32_t out[4])
{
    (void)leaf;
    memset(out, 0, 4 * sizeof out[0]);
}

void kd_platform_set_present(bool present)
{
    fake.present = present;
    fake.present_calls++;
}

const char *kd_platform_options(void *loader_block)
{
    (void)loader_block;
    return fake.options;
}

uint16_t kd_platform_machine(void)
{
    return 0x8664;
}
