/* fake_uart.h: a 16550 at COM2 for unit tests: registers and accesses, bytes that arrive after so many looks,
 * a transmitter that may be busy, and the debugger at the other end. */
#ifndef FAKE_UART_H
#define FAKE_UART_H

#include "transport/guest/tests/fake_platform.h"

enum { FAKE_UART_BYTES = 16384, FAKE_UART_LOG = 64 };

/* How the part behaves when it is probed. */
enum fake_part { FAKE_16550, FAKE_NO_LOOPBACK, FAKE_NO_UART, FAKE_READS_ZERO };

struct fake_uart_access {
    bool is_in;
    uint8_t offset;
    uint8_t value;
};

struct fake_uart {
    enum fake_part part;
    uint16_t base;
    uint8_t ier, lcr, mcr, scr, fcr, dll, dlm;
    uint8_t lsr_errors;   /* shown by the next LSR read that finds a byte, and then cleared */
    uint32_t errors_left; /* reads that show them again */
    uint32_t busy_looks;  /* LSR reads that find THRE clear, behind each byte sent */
    uint32_t busy_left;
    uint32_t silent_looks; /* LSR reads that find no byte, before each byte */
    uint32_t silent_left;
    void (*peer)(void); /* called behind each byte sent; may append to received; NULL: nobody there */

    uint8_t sent[FAKE_UART_BYTES];
    uint32_t sent_bytes;
    uint8_t received[FAKE_UART_BYTES]; /* on their way to the guest */
    uint32_t received_first, received_bytes;

    struct fake_uart_access log[FAKE_UART_LOG]; /* the first accesses since log_count was last 0 */
    uint32_t log_count;
};

extern struct fake_uart uart;

/* A quick UART with nobody at the other end, plugged into the fake platform. */
void fake_uart_reset(void);

/* Bytes from the debugger. */
void fake_uart_feed(const uint8_t *bytes, uint32_t len_bytes);

#endif
