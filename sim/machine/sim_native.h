/* sim_native.h: the native machine: guest code is part of this process and runs as a coroutine on a stack of
 * its own.
 *
 * Everything of the guest lies in one arena at a fixed address: stack, kernel state, module instance, boot
 * block, RAM; guard pages between them. Nothing of it is in host variables, so a reset is one madvise over
 * the arena, and a snapshot (native_snapshot.c) the arena and the saved stack pointer. Every exit, the free ones too,
 * switches to the host's stack; a switch is a dozen instructions (native_switch.S). Under the address
 * sanitizer the switches are announced as fibres, so that it knows which stack it is on; a guest buffer
 * overflow after an exit is caught (tests/planted_overflow.c).
 *
 * The guest cannot be stopped while it makes no exit: the emulated machine has a watchdog for that.
 * Tests: tests/test_sim_native.c */
#ifndef SIM_NATIVE_H
#define SIM_NATIVE_H

#include "sim/machine/sim_image.h"
#include "sim/machine/sim_machine.h"

enum { SIM_NATIVE_STACK_BYTES = 256 * 1024 };

/* What runs as the guest; mk_main, or a test's own. Returning is a power-off. */
typedef void sim_native_entry(void);

/* image  in  must outlive the machine
 * boot   in  copied into the arena at every reset
 * Returns a machine that was reset; never NULL (no room for an arena ends the program with a line on stderr) */
struct sim_machine *sim_native_create(const struct sim_image *image, const struct mk_boot *boot,
                                      sim_native_entry *entry);

/* The most stack that a call of the module has used so far, in bytes; what it does not look below is its first 256. The
 * figure is the compiler's: no history may depend on it. */
uint32_t sim_native_stack_bytes(const struct sim_machine *machine);

#endif
