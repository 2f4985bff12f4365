/* kd_platform.h: everything the module needs from the machine under it. One implementation per machine: inline
 * assembly in the DLL, a call into the simulated devices in the native machine, a recorder in unit tests.
 *
 * Rule for every caller: one port access per full expression, because compilers order arguments differently.
 * Context: any IRQL. None of these can fail; a port where nothing answers reads as all ones. */
#ifndef KD_PLATFORM_H
#define KD_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

struct kd_module_state;

/* The one module instance of this guest (kd_guest.h). In the DLL it is a static; in the native machine it lies in
 * the guest's arena, so that reset and revert are true. */
struct kd_module_state *kd_platform_module(void);

/* One 8-bit IN or OUT. */
uint8_t kd_port_in8(uint16_t port);
void kd_port_out8(uint16_t port, uint8_t value);

/* The registers of a VMware backdoor access (vmware-backdoor.md 1.2, 1.3). Full width: in a high-bandwidth call
 * rcx, rsi and rdi are a byte count and guest linear addresses; elsewhere only the low 32 bits mean anything. */
struct kd_backdoor_registers {
    uintptr_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
};

/* One IN EAX,DX: a low-bandwidth call, or a command of the doorbell (doorbell.md), by the port in DX. All registers are loaded from and stored back to the structure. */
void kd_backdoor_in(struct kd_backdoor_registers *registers);

/* cld; rep outsb: a high-bandwidth send of rcx bytes at rsi. */
void kd_backdoor_outs(struct kd_backdoor_registers *registers);

/* cld; rep insb: a high-bandwidth receive of rcx bytes to rdi. */
void kd_backdoor_ins(struct kd_backdoor_registers *registers);

/* CPUID; out is EAX, EBX, ECX, EDX. The only CPUID the module runs. */
void kd_cpuid(uint32_t leaf, uint32_t out[4]);

/* The kernel's flags (kd-protocol.md 2.12 rule 3): writes KdDebuggerNotPresent, and bit 1 (debugger present) of
 * KUSER_SHARED_DATA's KdDebuggerEnabled where that can be written safely. */
void kd_platform_set_present(bool present);

/* The loader block's option string, NUL-terminated, or NULL: "DEBUGPORT=COM1 BAUDRATE=115200 KDPOLLS=204800". */
const char *kd_platform_options(void *loader_block);

/* The machine type the module was built for, 0x8664 or 0x014C, as GetVersion has it. */
uint16_t kd_platform_machine(void);

#endif
