/* kd_uart16550.h: a 16550 driven by polling, as kdcom drives it: probe, set-up, save and restore, bytes.
 *
 * Exits are counted in devices.md 2.4, and the functions below make exactly those accesses: a status check
 * reads LSR, and, when the wanted bit is clear, MSR too. No interrupts, FIFO on, 8N1, no flow control.
 *
 * Context: any IRQL, one caller at a time. Source: devices.md 2.1 to 2.4. Tests: tests/test_kd_uart.c */
#ifndef KD_UART16550_H
#define KD_UART16550_H

#include "transport/kd/kd_status.h"

#include <stdbool.h>
#include <stdint.h>

/* What an OS driver may have set up otherwise. */
struct kd_uart_registers {
    uint8_t ier, lcr, mcr;
    uint16_t divisor;
};

/* The caller's memory, all zero before first use. Private. */
struct kd_uart16550 {
    uint16_t base;
    uint16_t divisor;
    bool is_saved; /* saved holds what to put back at the next restore */
    struct kd_uart_registers saved;
};

/* What one look for a byte found. */
enum kd_uart_byte { KD_UART_BYTE, KD_UART_NONE, KD_UART_ERROR };

/* Looks for the port and sets it up.
 * com      in   1 .. 4
 * baud     in   2 .. 115200
 * Returns  KD_OK; KD_ERR_NO_DEVICE: nothing answers at this port, MCR is as it was */
KD_MUST_USE enum kd_status kd_uart_open(struct kd_uart16550 *uart, uint32_t com, uint32_t baud);

/* Writes the set-up again: 11 accesses, one received byte is lost. After a power-down of the device. */
void kd_uart_set_up(struct kd_uart16550 *uart);

/* Keeps the registers that an OS driver has changed, and sets ours; the second of two saves keeps nothing.
 * Three accesses when nothing was changed. */
void kd_uart_save(struct kd_uart16550 *uart);

/* Puts back what the last save kept, if anything. */
void kd_uart_restore(struct kd_uart16550 *uart);

/* Looks once. KD_UART_ERROR: parity, framing or overrun; the byte stays in the UART (devices.md 2.4). */
enum kd_uart_byte kd_uart_get(struct kd_uart16550 *uart, uint8_t *byte);

/* Sends a byte when the UART can take it.
 * polls    in   failed looks after which to give up
 * Returns  KD_OK; KD_ERR_TIMEOUT: the line is stuck, the byte was not written */
KD_MUST_USE enum kd_status kd_uart_put(struct kd_uart16550 *uart, uint8_t byte, uint32_t polls);

#endif
