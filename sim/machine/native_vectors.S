/* The sixteen XMM registers as one canary (native_watch.c).
 *
 * void native_vectors_paint(void): every one of them holds the pattern.
 * bool native_vectors_are_painted(void): whether every one still does; they are undefined afterwards. */
#if !defined(__x86_64__)
#error "the native machine is written for x86-64 hosts"
#endif
        .set    pattern, 0x7C6D5E4F3B2A1908
        .text
        .globl  native_vectors_paint
        .type   native_vectors_paint, @function
native_vectors_paint:
        movabsq $pattern, %rax
        movq    %rax, %xmm0
        punpcklqdq %xmm0, %xmm0
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movdqa  %xmm0, %xmm\n
        .endr
        ret
        .size   native_vectors_paint, . - native_vectors_paint

        .globl  native_vectors_are_painted
        .type   native_vectors_are_painted, @function
native_vectors_are_painted:
        movdqu  %xmm15, -24(%rsp)
        movabsq $pattern, %rax
        cmpq    %rax, -24(%rsp)
        jne     .Lused
        cmpq    %rax, -16(%rsp)
        jne     .Lused
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
        pcmpeqb %xmm15, %xmm\n
        .endr
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
        pand    %xmm\n, %xmm0
        .endr
        pmovmskb %xmm0, %ecx
        xorl    %eax, %eax
        cmpl    $0xFFFF, %ecx
        sete    %al
        ret
.Lused:
        xorl    %eax, %eax
        ret
        .size   native_vectors_are_painted, . - native_vectors_are_painted
        .section .note.GNU-stack, "", @progbits
