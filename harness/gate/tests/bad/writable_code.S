/* Code in a section of its own that may be written. */
    .section .patch, "xw"
    .globl bad_code
bad_code:
    ret
