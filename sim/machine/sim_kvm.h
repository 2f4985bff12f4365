/* sim_kvm.h: the kvm machine: a real DLL and the mini kernel in a real KVM guest, whose exits are real VM
 * exits.
 *
 * The guest is sim_guest.h's, the processor kvm_cpu.h's. String I/O at the high-bandwidth port is one exit,
 * answered from guest memory as a VMM does. A guest that faults, leaves its memory or makes no exit ends in
 * SIM_GUEST_FAULT, in words, with the place. Nothing of the guest reads a clock, so under the virtual clock
 * its history is the one of every other machine.
 *
 * Virtual machines are kept when a machine is destroyed, and taken again for the next guest with the same
 * DLL, with the memory that the loader left. Tests: tests/test_sim_kvm.c */
#ifndef SIM_KVM_H
#define SIM_KVM_H

#include "sim/machine/kvm_cpu.h"
#include "sim/machine/sim_guest.h"

/* Why the machine cannot be had here, in one sentence that lives as long as the process; NULL: it can. */
const char *sim_kvm_missing(void);

/* image, dll  in  must outlive the process's last kvm machine
 * boot        in  copied
 * mode        in  KVM_CPU_X86 for an x86 image, one of the others for x64
 * Returns a machine that was reset; never NULL (what the host does not have ends the program with a line on
 * stderr: ask sim_kvm_missing) */
struct sim_machine *sim_kvm_create(const struct sim_image *image, const struct mk_boot *boot,
                                   const struct sim_dll *dll, enum kvm_cpu_mode mode);

/* Real exits so far, those that the VM does not charge for (reports, ticks) among them.
 * machine  in  of sim_kvm_create */
uint64_t sim_kvm_exits(const struct sim_machine *machine);

#endif
