/* The backdoor's three accesses (kd_platform.h), x64 Windows: void f(struct kd_backdoor_registers *rcx).
 *
 * A VMM may leave anything in the seven registers and the flags; whatever the ABI calls preserved is put back, the
 * direction flag is clear on return (vmware-backdoor.md 7.3 I6). Nothing below the stack pointer is used. */

/* Offsets in struct kd_backdoor_registers. */
#define RAX 0
#define RBX 8
#define RCX 16
#define RDX 24
#define RSI 32
#define RDI 40
#define RBP 48

.macro BACKDOOR name, access:vararg
    .section .text$\name, "xr"
    .globl \name
    .def \name; .scl 2; .type 32; .endef
    .seh_proc \name
\name:
    pushq %rbx
    .seh_pushreg %rbx
    pushq %rbp
    .seh_pushreg %rbp
    pushq %rsi
    .seh_pushreg %rsi
    pushq %rdi
    .seh_pushreg %rdi
    pushfq
    .seh_stackalloc 8
    pushq %rcx
    .seh_stackalloc 8
    .seh_endprologue
    movq %rcx, %rax
    movq RBX(%rax), %rbx
    movq RCX(%rax), %rcx
    movq RDX(%rax), %rdx
    movq RSI(%rax), %rsi
    movq RDI(%rax), %rdi
    movq RBP(%rax), %rbp
    movq RAX(%rax), %rax
    cld
    \access
    pushq %rax
    movq 8(%rsp), %rax
    movq %rbx, RBX(%rax)
    movq %rcx, RCX(%rax)
    movq %rdx, RDX(%rax)
    movq %rsi, RSI(%rax)
    movq %rdi, RDI(%rax)
    movq %rbp, RBP(%rax)
    popq RAX(%rax)
    popq %rcx
    popfq
    cld
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    ret
    .seh_endproc
.endm

BACKDOOR kd_backdoor_in, inl %dx, %eax
BACKDOOR kd_backdoor_outs, rep outsb
BACKDOOR kd_backdoor_ins, rep insb
