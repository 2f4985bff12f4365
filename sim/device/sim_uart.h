/* sim_uart.h: a 16550A as a guest sees it, paced at the divisor it programmed.
 *
 * Two modes. vmm (default): the host keeps bytes while the FIFO is full, as QEMU does, and hands them over at the
 * line's pace; nothing is lost. wire: a byte that arrives while the FIFO is full is lost and sets OE.
 * Register values after reset, loopback, IIR and modem bits as measured on QEMU (devices.md 2.1); line timing of 2.2.
 * Tests: tests/test_sim_uart.c */
#ifndef SIM_UART_H
#define SIM_UART_H

#include "sim/device/sim_exit.h"
#include "sim/world/sim_fault.h"
#include "transport/kd/kd_status.h"

#define SIM_UART_MODE_LIST(X)                                                                                \
    X(SIM_UART_VMM, "vmm") X(SIM_UART_WIRE, "wire") X(SIM_UART_ABSENT, "absent")                   \
    X(SIM_UART_UNPACED, "unpaced")
enum sim_uart_mode {
#define SIM_UART_ENUM(name, text) name,
    SIM_UART_MODE_LIST(SIM_UART_ENUM)
#undef SIM_UART_ENUM
    SIM_UART_MODES
};
KD_MUST_USE enum kd_status sim_uart_mode_find(const char *name, enum sim_uart_mode *mode);

struct sim_uart_config {
    uint32_t vm;
    enum sim_uart_mode mode;
    uint16_t base; /* 0x2F8: COM2, where kdcom looks first */
};

struct sim_uart;

/* transmit  in  called with each byte when its last bit is on the wire */
struct sim_uart *sim_uart_create(struct sim_world *world, const struct sim_uart_config *config,
                                 void (*transmit)(void *context, uint8_t byte), void *context);
void sim_uart_destroy(struct sim_uart *uart);

/* True for the eight ports of this UART. */
bool sim_uart_owns(const struct sim_uart *uart, uint16_t port);

/* One 8-bit access to a port this UART owns. *idle_poll is set when an LSR or MSR read found nothing to do, which
 * is: it shows what the last one showed, and no byte was read or written between them. The machine charges at least
 * cost.poll_floor_ns for it, so that a guest that waits cannot stop time. An absent UART reads 0xFF. */
uint8_t sim_uart_in(struct sim_uart *uart, uint16_t port, bool *idle_poll);
void sim_uart_out(struct sim_uart *uart, uint16_t port, uint8_t value);

/* Bytes that the host hands to the line towards the guest: they arrive one character time apart, at ten bits a
 * character and the divisor of that moment; bytes handed over while others are under way follow them. */
void sim_uart_receive(struct sim_uart *uart, const uint8_t *bytes, size_t len_bytes);

/* A fault of the line: of the bytes handed over last and not in the receiver yet, the one that is back bytes from their
 * end (1: the last) arrives with a framing error, or is lost in the receiver with OE set, as on a wire. Both modes. */
void sim_uart_spoil(struct sim_uart *uart, enum sim_fault_kind kind, size_t back);

/* Registers, FIFO and shift register as after power-on. What is under way to the guest still comes: in vmm mode the
 * host keeps it until there is room, in wire mode the far end does not know of the reset. What the guest wrote and the
 * line did not show yet is transmitted now in vmm mode, because the host has it already, and lost in wire mode. */
void sim_uart_reset(struct sim_uart *uart);

/* What a snapshot of a VM keeps of a UART: the registers that the guest wrote. */
struct sim_uart_registers {
    uint8_t ier, fcr, lcr, mcr, scr;
    uint16_t divisor;
};
struct sim_uart_registers sim_uart_save(const struct sim_uart *uart);

/* A reset, and then these registers again: what was in the FIFOs at the snapshot is gone, as when a line is cut. */
void sim_uart_load(struct sim_uart *uart, const struct sim_uart_registers *saved);

/* The debugger hung up: what the host still holds for the guest is dropped. */
void sim_uart_cut(struct sim_uart *uart);

/* Bytes that the host holds for the guest now: handed over by sim_uart_receive and not in the receiver yet. */
size_t sim_uart_held(struct sim_uart *uart);

/* Bytes lost to overrun (wire mode) until now. */
uint64_t sim_uart_overruns(struct sim_uart *uart);

#endif
