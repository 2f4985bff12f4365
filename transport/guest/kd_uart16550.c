#include "transport/guest/kd_uart16550.h"

#include "transport/guest/kd_platform.h"

/* Registers as offsets from the base (devices.md 2.1); with DLAB set the first two are the divisor. */
enum { RBR = 0, THR = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7, DLL = 0, DLM = 1 };

enum { LCR_8N1 = 0x03, LCR_DLAB = 0x80, FCR_ON_AND_CLEAR = 0x07 };
enum { MCR_LOOP = 0x10, MCR_OUT1 = 0x04, MCR_OURS = 0x0B };   /* ours: DTR, RTS, OUT2 */
enum { LSR_DATA = 0x01, LSR_ERROR = 0x0E, LSR_SPACE = 0x20 }; /* error: overrun, parity, framing */
enum { MSR_LINES = 0xF0, MSR_RING = 0x40 };

static const uint16_t com_base[] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};

static uint8_t in(const struct kd_uart16550 *uart, unsigned offset)
{
    return kd_port_in8((uint16_t)(uart->base + offset));
}

static void out(const struct kd_uart16550 *uart, unsigned offset, unsigned value)
{
    kd_port_out8((uint16_t)(uart->base + offset), (uint8_t)value);
}

/* Loops the modem outputs back to the modem inputs (2.3 rule 7). MCR is put back in any case. */
static bool loops_back(const struct kd_uart16550 *uart)
{
    uint8_t mcr = in(uart, MCR);
    out(uart, MCR, MCR_LOOP);
    out(uart, MCR, MCR_LOOP);
    uint8_t lines = in(uart, MSR);
    bool answers = (lines & MSR_LINES) == 0;
    if (answers) {
        out(uart, MCR, MCR_LOOP | MCR_OUT1);
        lines = in(uart, MSR);
        answers = (lines & MSR_RING) != 0;
    }
    out(uart, MCR, mcr);
    return answers;
}

/* For parts that do not loop back: the scratch register keeps every byte (2.3 rule 8). */
static bool has_scratch(const struct kd_uart16550 *uart)
{
    for (unsigned value = 0; value <= 0xFF; value++) {
        out(uart, SCR, value);
        uint8_t kept = in(uart, SCR);
        if (kept != value)
            return false;
    }
    return true;
}

/* 2.3 rule 9, to the access. */
void kd_uart_set_up(struct kd_uart16550 *uart)
{
    out(uart, LCR, 0);
    out(uart, IER, 0);
    out(uart, MCR, MCR_OURS);
    uint8_t lcr = in(uart, LCR);
    out(uart, LCR, lcr | LCR_DLAB);
    out(uart, DLL, uart->divisor & 0xFFu);
    out(uart, DLM, uart->divisor >> 8u);
    out(uart, LCR, lcr);
    out(uart, LCR, LCR_8N1);
    out(uart, FCR, FCR_ON_AND_CLEAR);
    (void)in(uart, RBR);
}

enum kd_status kd_uart_open(struct kd_uart16550 *uart, uint32_t com, uint32_t baud)
{
    *uart = (struct kd_uart16550){.base = com_base[com - 1], .divisor = (uint16_t)(115200u / baud)};
    if (!loops_back(uart) && !has_scratch(uart))
        return KD_ERR_NO_DEVICE;
    kd_uart_set_up(uart);
    return KD_OK;
}

/* DLAB must be clear. Returns the divisor that was there, LCR is left as given. */
static uint16_t exchange_divisor(const struct kd_uart16550 *uart, uint16_t divisor, uint8_t lcr)
{
    out(uart, LCR, LCR_8N1 | LCR_DLAB);
    uint8_t low = in(uart, DLL);
    uint8_t high = in(uart, DLM);
    out(uart, DLL, divisor & 0xFFu);
    out(uart, DLM, divisor >> 8u);
    out(uart, LCR, lcr);
    return (uint16_t)(low | high << 8);
}

/* An OS driver that took the port over has at least its interrupts on; so untouched IER, LCR and MCR stand
 * for an untouched divisor, which would cost four more exits at every stop. */
void kd_uart_save(struct kd_uart16550 *uart)
{
    if (uart->is_saved)
        return;
    uart->saved.lcr = in(uart, LCR);
    if (uart->saved.lcr & LCR_DLAB)
        out(uart, LCR, LCR_8N1);
    uart->saved.ier = in(uart, IER);
    uart->saved.mcr = in(uart, MCR);
    if (uart->saved.lcr == LCR_8N1 && uart->saved.ier == 0 && uart->saved.mcr == MCR_OURS)
        return;
    uart->is_saved = true;
    out(uart, IER, 0);
    out(uart, MCR, MCR_OURS);
    uart->saved.divisor = exchange_divisor(uart, uart->divisor, LCR_8N1);
}

void kd_uart_restore(struct kd_uart16550 *uart)
{
    if (!uart->is_saved)
        return;
    uart->is_saved = false;
    out(uart, MCR, uart->saved.mcr);
    out(uart, IER, uart->saved.ier);
    (void)exchange_divisor(uart, uart->saved.divisor, uart->saved.lcr);
}

/* The modem status is read as kdcom does, to watch the ring indicator, and not acted on: modem control would
 * let the carrier gate the traffic (2.4 rule 12). */
static void look_failed(const struct kd_uart16550 *uart)
{
    (void)in(uart, MSR);
}

enum kd_uart_byte kd_uart_get(struct kd_uart16550 *uart, uint8_t *byte)
{
    uint8_t lsr = in(uart, LSR);
    if (!(lsr & LSR_DATA)) {
        look_failed(uart);
        return KD_UART_NONE;
    }
    if (lsr & LSR_ERROR)
        return KD_UART_ERROR;
    *byte = in(uart, RBR);
    return KD_UART_BYTE;
}

enum kd_status kd_uart_put(struct kd_uart16550 *uart, uint8_t byte, uint32_t polls)
{
    uint8_t lsr = in(uart, LSR);
    for (uint32_t failed = 0; !(lsr & LSR_SPACE); failed++) {
        if (failed == polls)
            return KD_ERR_TIMEOUT;
        look_failed(uart);
        lsr = in(uart, LSR);
    }
    out(uart, THR, byte);
    return KD_OK;
}
