/* Bytes among the code that are no instruction. */
    .section .text$data, "xr"
    .globl bad_data
bad_data:
    .byte 0xFF, 0xFF, 0xFF, 0xFF
