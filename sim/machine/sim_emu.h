/* sim_emu.h: the emulated machine: a real DLL's own bytes, x64 or x86, on Unicorn.
 *
 * A block hook counts instructions, exactly, and looks at each piece of code once, with Capstone: where it
 * finds a port instruction or CPUID it plants a hook, at which the guest stops before the instruction is run.
 * The VM answers, the answer goes into registers, and the guest goes on behind the instruction. So no table
 * of addresses is needed, and anybody's module runs that keeps the ABI.
 *
 * What the machine watches: memory outside the guest's parts, rights of sections, exceptions, instructions
 * that have no business in a module, a guest that makes no exit (SIM_EMU_WATCHDOG): each ends the run
 * (SIM_GUEST_FAULT). Around every call of the module: registers that are its caller's, vector and x87
 * registers, the direction flag, the depth of its stack (SIM_GUEST_CONDUCT).
 *
 * Creating a processor takes some 15 ms, so one that is done with is kept for the next guest with the same
 * DLL and memory; the loader runs once for it, and every reset starts from what memory was when the loader
 * was done. What a guest sees does not depend on that. Tests: tests/test_sim_emu.c */
#ifndef SIM_EMU_H
#define SIM_EMU_H

#include "sim/machine/sim_dll.h"
#include "sim/machine/sim_image.h"
#include "sim/machine/sim_machine.h"

/* Instructions without an exit that costs time: a hundred times the longest stretch that a guest of ours
 * runs. */
enum { SIM_EMU_WATCHDOG = 50 * 1000 * 1000 };

/* image, dll  in  must outlive the process: a kept processor has them yet
 * boot        in  copied
 * Returns a machine that was reset; never NULL (no processor ends the program with a line on stderr) */
struct sim_machine *sim_emu_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll);

#endif
