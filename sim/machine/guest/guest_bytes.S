/* The guest images as bytes of the host program. */
    .section .rodata
    .macro IMAGE name, file
    .globl \name, \name\()_end
    .balign 16
\name:
    .incbin "\file"
\name\()_end:
    .endm

    IMAGE sim_guest_kernel_x64, KERNEL_X64
    IMAGE sim_guest_kernel_x86, KERNEL_X86

    .section .note.GNU-stack, "", %progbits
