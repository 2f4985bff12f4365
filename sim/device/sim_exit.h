/* sim_exit.h: what a device sees of a guest's exit, and how it answers. The vocabulary between machines and devices.
 *
 * A device decides at once, or says SIM_EXIT_HELD: the machine then leaves the guest stopped inside the access until
 * the device calls the completion it was created with, and asks again for the registers. */
#ifndef SIM_EXIT_H
#define SIM_EXIT_H

#include "sim/world/sim_world.h"
#include <stdbool.h>
#include <stddef.h>

/* Registers of a backdoor access, 64 bits wide whatever the guest is. */
struct sim_registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
};

enum sim_exit_result { SIM_EXIT_DONE, SIM_EXIT_HELD };

/* Guest memory by guest linear address. Returns false, having copied nothing, when any byte of the range is not
 * the guest's. */
struct sim_memory {
    void *context;
    bool (*read)(void *context, uint64_t address, void *to, size_t len_bytes);
    bool (*write)(void *context, uint64_t address, const void *from, size_t len_bytes);
};

#endif
