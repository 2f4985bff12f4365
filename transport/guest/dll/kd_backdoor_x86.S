/* The backdoor's three accesses (kd_platform.h), x86: void f(struct kd_backdoor_registers *), cdecl.
 *
 * A VMM may leave anything in the seven registers and the flags; whatever the ABI calls preserved is put back, the
 * direction flag is clear on return (vmware-backdoor.md 7.3 I6). Nothing below the stack pointer is used. */

/* Offsets in struct kd_backdoor_registers. */
#define EAX 0
#define EBX 4
#define ECX 8
#define EDX 12
#define ESI 16
#define EDI 20
#define EBP 24

.macro BACKDOOR name, access:vararg
    .section .text$_\name, "xr"
    .globl _\name
    .def _\name; .scl 2; .type 32; .endef
_\name:
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    pushfl
    movl 24(%esp), %eax
    movl EBX(%eax), %ebx
    movl ECX(%eax), %ecx
    movl EDX(%eax), %edx
    movl ESI(%eax), %esi
    movl EDI(%eax), %edi
    movl EBP(%eax), %ebp
    movl EAX(%eax), %eax
    cld
    \access
    pushl %eax
    movl 28(%esp), %eax
    movl %ebx, EBX(%eax)
    movl %ecx, ECX(%eax)
    movl %edx, EDX(%eax)
    movl %esi, ESI(%eax)
    movl %edi, EDI(%eax)
    movl %ebp, EBP(%eax)
    popl EAX(%eax)
    popfl
    cld
    popl %edi
    popl %esi
    popl %ebp
    popl %ebx
    ret
.endm

BACKDOOR kd_backdoor_in, inl %dx, %eax
BACKDOOR kd_backdoor_outs, rep outsb
BACKDOOR kd_backdoor_ins, rep insb
