#include "transport/guest/tests/fake_uart.h"

#include <string.h>

struct fake_uart uart;

enum { LSR_DATA = 0x01, LSR_THRE = 0x20, LSR_TEMT = 0x40, MCR_LOOP = 0x10, LCR_DLAB = 0x80 };

static void log_access(bool is_in, unsigned offset, uint8_t value)
{
    if (uart.log_count < FAKE_UART_LOG)
        uart.log[uart.log_count++] = (struct fake_uart_access){is_in, (uint8_t)offset, value};
}

static uint8_t read_lsr(void)
{
    uint8_t lsr = 0;
    if (uart.busy_left > 0)
        uart.busy_left--;
    else
        lsr |= LSR_THRE | LSR_TEMT;
    if (uart.received_first == uart.received_bytes)
        return lsr;
    if (uart.silent_left > 0) {
        uart.silent_left--;
        return lsr;
    }
    if (uart.errors_left > 0) {
        uart.errors_left--;
        lsr |= uart.lsr_errors;
    }
    return lsr | LSR_DATA;
}

/* OUT1 comes back as the ring indicator, the others as their partners (devices.md 2.1). */
static uint8_t read_msr(void)
{
    if (!(uart.mcr & MCR_LOOP) || uart.part == FAKE_NO_LOOPBACK)
        return 0xB0;
    return (uint8_t)((uart.mcr & 0x01) << 5 | (uart.mcr & 0x02) << 3 | (uart.mcr & 0x0C) << 4);
}

static uint8_t take_received(void)
{
    if (uart.received_first == uart.received_bytes)
        return 0;
    uart.silent_left = uart.silent_looks;
    return uart.received[uart.received_first++];
}

static uint8_t read_register(unsigned offset)
{
    bool dlab = uart.lcr & LCR_DLAB;
    switch (offset) {
    case 0:
        return dlab ? uart.dll : take_received();
    case 1:
        return dlab ? uart.dlm : uart.ier;
    case 2:
        return 0xC1;
    case 3:
        return uart.lcr;
    case 4:
        return uart.mcr;
    case 5:
        return read_lsr();
    case 6:
        return read_msr();
    default:
        return uart.scr;
    }
}

static void send_byte(uint8_t value)
{
    if (uart.sent_bytes < FAKE_UART_BYTES)
        uart.sent[uart.sent_bytes++] = value;
    uart.busy_left = uart.busy_looks;
    if (uart.peer != NULL)
        uart.peer();
}

static void write_register(unsigned offset, uint8_t value)
{
    bool dlab = uart.lcr & LCR_DLAB;
    uint8_t *const plain[8] = {
        [1] = &uart.ier, [2] = &uart.fcr, [3] = &uart.lcr, [4] = &uart.mcr, [7] = &uart.scr};
    if (offset == 0 && !dlab)
        send_byte(value);
    else if (offset <= 1 && dlab)
        *(offset == 0 ? &uart.dll : &uart.dlm) = value;
    else if (plain[offset] != NULL)
        *plain[offset] = value;
}

static bool is_ours(uint16_t port)
{
    return port >= uart.base && port < uart.base + 8;
}

static uint8_t in8(uint16_t port)
{
    unsigned offset = (unsigned)(port - uart.base);
    uint8_t value = 0xFF;
    if (uart.part == FAKE_READS_ZERO)
        value = 0;
    else if (is_ours(port) && uart.part != FAKE_NO_UART)
        value = read_register(offset);
    log_access(true, offset, value);
    return value;
}

static void out8(uint16_t port, uint8_t value)
{
    unsigned offset = (unsigned)(port - uart.base);
    if (is_ours(port) && uart.part <= FAKE_NO_LOOPBACK)
        write_register(offset, value);
    log_access(false, offset, value);
}

void fake_uart_reset(void)
{
    memset(&uart, 0, sizeof uart);
    uart.base = 0x2F8;
    uart.mcr = 0x08;
    uart.dll = 12;
    fake.in8 = in8;
    fake.out8 = out8;
}

void fake_uart_feed(const uint8_t *bytes, uint32_t len_bytes)
{
    if (uart.received_bytes + len_bytes > FAKE_UART_BYTES)
        return;
    memcpy(uart.received + uart.received_bytes, bytes, len_bytes);
    uart.received_bytes += len_bytes;
}
