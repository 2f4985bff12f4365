/* void native_switch(void **save, void *load): leaves the running stack and goes on where another one was left.
 *
 * save  out  rdi: the left stack's pointer
 * load  in   rsi: a pointer saved here before, or made by native.c for a fresh stack
 *
 * Only what the System V ABI calls callee-saved is kept, on the stack that is left. The floating-point control words
 * are not: neither side changes them. */
#if !defined(__x86_64__)
#error "the native machine is written for x86-64 hosts"
#endif
        .text
        .globl  native_switch
        .type   native_switch, @function
native_switch:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .size   native_switch, . - native_switch
        .section .note.GNU-stack, "", @progbits
