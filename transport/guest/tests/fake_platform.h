/* fake_platform.h: kd_platform.h for unit tests: every access is counted and handed to what the test plugged
 * in. */
#ifndef FAKE_PLATFORM_H
#define FAKE_PLATFORM_H

#include "transport/guest/kd_guest.h"
#include "transport/guest/kd_platform.h"

#include <stddef.h>

enum fake_call { FAKE_LB, FAKE_OUTS, FAKE_INS };

struct fake_platform {
    struct kd_module_state module;
    const char *options; /* what kd_platform_options gives, whatever the loader block */

    /* The backdoor's ports; NULL: no device, EAX reads as ones. */
    void (*backdoor)(enum fake_call call, struct kd_backdoor_registers *registers);
    /* IN EAX,DX at 0x565A; NULL: no device, EAX reads as ones. */
    void (*doorbell)(struct kd_backdoor_registers *registers);
    /* All other ports; NULL: no device. */
    uint8_t (*in8)(uint16_t port);
    void (*out8)(uint16_t port, uint8_t value);

    uint32_t exits; /* of any kind */
    uint32_t exits_8bit;
    bool present; /* as last set */
    uint32_t present_calls;
    uintptr_t stack_low; /* the deepest stack address seen at an exit; 0: none yet */
};

extern struct fake_platform fake;

/* All zero, nothing plugged in, present. */
void fake_platform_reset(void);

#endif
