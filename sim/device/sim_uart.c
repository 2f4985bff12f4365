#include "sim/device/sim_uart.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

/* Registers, devices.md 2.1; offset from the base. */
enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, PORTS };

enum { IER_RX = 0x01, IER_THRE = 0x02, IER_LINE = 0x04, IER_BITS = 0x0F };
enum {
    IIR_NONE = 0x01,
    IIR_THRE = 0x02,
    IIR_RX = 0x04,
    IIR_LINE = 0x06,
    IIR_RX_TIMEOUT = 0x0C,
    IIR_FIFO_ON = 0xC0
};
enum { FCR_ENABLE = 0x01, FCR_RX_RESET = 0x02, FCR_TX_RESET = 0x04, FCR_KEPT = 0xC9 };
enum { LCR_DLAB = 0x80 };
enum { MCR_LOOP = 0x10, MCR_BITS = 0x1F, MCR_AFTER_RESET = 0x08 };
enum { LSR_DR = 0x01, LSR_OE = 0x02, LSR_FE = 0x08, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_IN_FIFO = 0x80 };
enum {
    MSR_IDLE_LINE = 0xB0
}; /* DCD, DSR and CTS on, RI off; they never change, so no delta bit ever shows */

enum { FIFO_BYTES = 16, DIVISOR_AFTER_RESET = 12, TIMEOUT_CHARS = 4, NOT_ASKED = -1 };

/* One character is ten bit times of divisor/115200 s: divisor * 781250/9 ns (devices.md 2.2). */
enum { CHAR_NS_NUMERATOR = 781250, CHAR_NS_DENOMINATOR = 9 };

/* A character is its byte, and how it arrived. */
enum { CHAR_BYTE = 0x00FF, CHAR_FRAMING = 0x0100, CHAR_OVERRUN = 0x0200 };

struct fifo {
    uint16_t chars[FIFO_BYTES];
    unsigned head, count;
};

/* Pace of one direction. A character that starts the moment the last one ended continues a busy period, and
 * ends are computed from the period's start: rounding never adds up. */
struct pace {
    uint64_t start_ns, chars, end_ns;
    uint32_t divisor;
};

struct sim_uart {
    struct sim_world *world;
    struct sim_uart_config config;
    void (*transmit)(void *context, uint8_t byte);
    void *context;

    uint8_t ier, fcr, lcr, mcr, scr;
    uint16_t divisor;
    bool overrun;      /* LSR.OE */
    bool thre_pending; /* the THRE interrupt cause, cleared by reading it in IIR */
    struct fifo rx, tx;

    uint8_t shift; /* the transmitter's shift register, busy while shift_done is scheduled */
    sim_event_id shift_done;
    struct pace tx_pace;

    /* Bytes on their way to the guest. The first is on the line and ends at arrives_ns; no event stands for
     * it: whoever looks at the receiver first lets in what has arrived (take_arrived). */
    uint16_t *held;
    size_t held_room, held_head, held_count;
    uint64_t arrives_ns;
    uint64_t room_ns; /* when the guest last made room in the receiver */
    struct pace rx_pace;

    uint64_t rx_moved_ns; /* last byte into or out of the receive FIFO */
    int asked;            /* LSR as the guest last asked, NOT_ASKED since a byte was moved */
    uint64_t overruns;
};

#define SIM_UART_TEXT(name, text) text,
static const char *const mode_names[] = {SIM_UART_MODE_LIST(SIM_UART_TEXT)};

enum kd_status sim_uart_mode_find(const char *name, enum sim_uart_mode *mode)
{
    for (unsigned i = 0; i < SIM_UART_MODES; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *mode = (enum sim_uart_mode)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

static void fifo_push(struct fifo *fifo, uint16_t character)
{
    fifo->chars[(fifo->head + fifo->count++) % FIFO_BYTES] = character;
}

static uint8_t fifo_pop(struct fifo *fifo)
{
    uint8_t byte = (uint8_t)(fifo->chars[fifo->head] & CHAR_BYTE);
    fifo->head = (fifo->head + 1) % FIFO_BYTES;
    fifo->count--;
    return byte;
}

static void fifo_replace_last(struct fifo *fifo, uint16_t character)
{
    fifo->chars[(fifo->head + fifo->count - 1) % FIFO_BYTES] = character;
}

/* The character that is read next; there must be one. */
static uint16_t *fifo_top(struct fifo *fifo)
{
    return &fifo->chars[fifo->head];
}

static bool fifo_has(const struct fifo *fifo, uint16_t error)
{
    for (unsigned i = 0; i < fifo->count; i++)
        if (fifo->chars[(fifo->head + i) % FIFO_BYTES] & error)
            return true;
    return false;
}

/* What receiver and transmitter hold: RBR and THR alone, or the FIFOs. */
static unsigned depth(const struct sim_uart *uart)
{
    return uart->fcr & FCR_ENABLE ? FIFO_BYTES : 1;
}

/* The divisor is a 16-bit down-counter: 0 counts as 65536. */
static uint32_t clock_divisor(const struct sim_uart *uart)
{
    return uart->divisor == 0 ? 0x10000u : uart->divisor;
}

/* What characters are paced by; an unpaced host takes and gives them at once. */
static uint32_t pace_divisor(const struct sim_uart *uart)
{
    return uart->config.mode == SIM_UART_UNPACED ? 0 : clock_divisor(uart);
}

/* A host has the byte as soon as the guest wrote it, and keeps one for which the guest has no room. */
static bool is_hosted(const struct sim_uart *uart)
{
    return uart->config.mode == SIM_UART_VMM || uart->config.mode == SIM_UART_UNPACED;
}

/* When the last bit of a character that starts at start_ns is on the wire. */
static uint64_t pace_character(struct pace *pace, uint64_t start_ns, uint32_t divisor)
{
    if (start_ns != pace->end_ns || divisor != pace->divisor)
        *pace = (struct pace){.start_ns = start_ns, .divisor = divisor};
    pace->chars++;
    pace->end_ns = pace->start_ns + pace->chars * divisor * CHAR_NS_NUMERATOR / CHAR_NS_DENOMINATOR;
    return pace->end_ns;
}

/* A byte reaches the receiver at a time, from the line or looped back. */
static void receiver_put(struct sim_uart *uart, uint16_t character, uint64_t time_ns)
{
    uart->rx_moved_ns = time_ns;
    if (character & CHAR_OVERRUN) {
        uart->overrun = true;
        return;
    }
    if (uart->rx.count < depth(uart)) {
        fifo_push(&uart->rx, character);
        return;
    }
    uart->overrun = true;
    if (depth(uart) == 1)
        fifo_replace_last(&uart->rx,
                          character); /* RBR is overwritten, a FIFO keeps its 16 (devices.md 2.2 item 2) */
}

/* True when the first held byte can enter now: a wire never waits, a host does. */
static bool line_open(const struct sim_uart *uart)
{
    return uart->config.mode == SIM_UART_WIRE || (!(uart->mcr & MCR_LOOP) && uart->rx.count < depth(uart));
}

static void line_deliver(struct sim_uart *uart, uint16_t character, uint64_t time_ns)
{
    if (uart->mcr & MCR_LOOP)
        return; /* the receiver is cut from the line */
    if (uart->rx.count == depth(uart) || character & CHAR_OVERRUN)
        uart->overruns++;
    receiver_put(uart, character, time_ns);
}

/* Lets in what has arrived by now. A byte that had to wait enters when room was made, and the next one starts
 * then. */
static void take_arrived(struct sim_uart *uart)
{
    const uint64_t now = sim_now(uart->world);
    while (uart->held_count > 0 && uart->arrives_ns <= now && line_open(uart)) {
        uint64_t enters_ns = uart->arrives_ns;
        if (is_hosted(uart) && enters_ns < uart->room_ns)
            enters_ns = uart->room_ns;
        line_deliver(uart, uart->held[uart->held_head++], enters_ns);
        if (--uart->held_count > 0)
            uart->arrives_ns = pace_character(&uart->rx_pace, enters_ns, pace_divisor(uart));
    }
}

static void receiver_made_room(struct sim_uart *uart)
{
    uart->room_ns = sim_now(uart->world);
}

static void shift_next(struct sim_uart *uart);

/* Event: the last bit of the shift register is out. */
static void shift_is_done(void *context)
{
    struct sim_uart *uart = context;
    const uint8_t byte = uart->shift;
    uart->shift_done = 0;
    shift_next(uart);
    if (uart->mcr & MCR_LOOP)
        receiver_put(uart, byte, sim_now(uart->world));
    else
        uart->transmit(uart->context, byte);
}

static void shift_next(struct sim_uart *uart)
{
    if (uart->tx.count == 0 || uart->shift_done != 0)
        return;
    uart->shift = fifo_pop(&uart->tx);
    uart->thre_pending = uart->tx.count == 0;
    const uint64_t end_ns = pace_character(&uart->tx_pace, sim_now(uart->world), pace_divisor(uart));
    uart->shift_done = sim_at(uart->world, end_ns, shift_is_done, uart);
}

static bool divisor_latch(const struct sim_uart *uart)
{
    return uart->lcr & LCR_DLAB;
}

static uint8_t lsr_value(const struct sim_uart *uart)
{
    unsigned lsr = 0;
    if (uart->rx.count > 0)
        lsr |= LSR_DR;
    if (uart->overrun)
        lsr |= LSR_OE;
    if (uart->rx.count > 0 && uart->rx.chars[uart->rx.head] & CHAR_FRAMING)
        lsr |= LSR_FE;
    if (uart->fcr & FCR_ENABLE && fifo_has(&uart->rx, CHAR_FRAMING))
        lsr |= LSR_IN_FIFO;
    if (uart->tx.count == 0)
        lsr |= LSR_THRE;
    if (uart->tx.count == 0 && uart->shift_done == 0)
        lsr |= LSR_TEMT;
    return (uint8_t)lsr;
}

/* Shows with the FIFO on only: off, a single byte is at the trigger level. */
static bool rx_timed_out(const struct sim_uart *uart)
{
    const uint64_t silence_ns =
        TIMEOUT_CHARS * (uint64_t)clock_divisor(uart) * CHAR_NS_NUMERATOR / CHAR_NS_DENOMINATOR;
    return uart->rx.count > 0 &&
           sim_now(uart->world) - uart->rx_moved_ns >= silence_ns;
}

/* The most urgent cause that IER lets through. Modem status is never one: the lines do not change. */
static unsigned interrupt_cause(const struct sim_uart *uart)
{
    static const uint8_t trigger_levels[] = {1, 4, 8, 14};
    const unsigned level = uart->fcr & FCR_ENABLE ? trigger_levels[uart->fcr >> 6] : 1;
    if (uart->ier & IER_LINE && lsr_value(uart) & (LSR_OE | LSR_FE))
        return IIR_LINE;
    if (uart->ier & IER_RX && uart->rx.count >= level)
        return IIR_RX;
    if (uart->ier & IER_RX && rx_timed_out(uart))
        return IIR_RX_TIMEOUT;
    if (uart->ier & IER_THRE && uart->thre_pending)
        return IIR_THRE;
    return IIR_NONE;
}

static uint8_t read_data(struct sim_uart *uart)
{
    if (divisor_latch(uart))
        return (uint8_t)uart->divisor;
    uart->asked = NOT_ASKED;
    if (uart->rx.count == 0)
        return 0;
    uart->rx_moved_ns = sim_now(uart->world);
    receiver_made_room(uart);
    return fifo_pop(&uart->rx);
}

static uint8_t read_ier(struct sim_uart *uart)
{
    return divisor_latch(uart) ? (uint8_t)(uart->divisor >> 8) : uart->ier;
}

static uint8_t read_iir(struct sim_uart *uart)
{
    const unsigned cause = interrupt_cause(uart);
    if (cause == IIR_THRE)
        uart->thre_pending = false;
    return (uint8_t)(cause | (uart->fcr & FCR_ENABLE ? IIR_FIFO_ON : 0u));
}

static uint8_t read_lcr(struct sim_uart *uart)
{
    return uart->lcr;
}

static uint8_t read_mcr(struct sim_uart *uart)
{
    return uart->mcr;
}

static uint8_t read_lsr(struct sim_uart *uart)
{
    const uint8_t lsr = lsr_value(uart);
    uart->overrun = false;
    if (uart->rx.count > 0)
        *fifo_top(&uart->rx) &= (uint16_t)~CHAR_FRAMING;
    return lsr;
}

/* Loopback: DTR to DSR, RTS to CTS, OUT1 to RI, OUT2 to DCD. */
static uint8_t read_msr(struct sim_uart *uart)
{
    if (!(uart->mcr & MCR_LOOP))
        return MSR_IDLE_LINE;
    return (uint8_t)((uart->mcr & 0x0C) << 4 | (uart->mcr & 0x02) << 3 | (uart->mcr & 0x01) << 5);
}

static uint8_t read_scr(struct sim_uart *uart)
{
    return uart->scr;
}

static void write_data(struct sim_uart *uart, uint8_t value)
{
    if (divisor_latch(uart)) {
        uart->divisor = (uint16_t)((uart->divisor & 0xFF00) | value);
        return;
    }
    uart->asked = NOT_ASKED;
    uart->thre_pending = false;
    if (uart->tx.count < depth(uart))
        fifo_push(&uart->tx, value);
    else
        fifo_replace_last(&uart->tx, value); /* the guest did not wait for THRE: a byte is lost */
    shift_next(uart);
}

static void write_ier(struct sim_uart *uart, uint8_t value)
{
    if (divisor_latch(uart)) {
        uart->divisor = (uint16_t)((uart->divisor & 0x00FF) | value << 8);
        return;
    }
    if (value & ~uart->ier & IER_THRE && uart->tx.count == 0)
        uart->thre_pending = true;
    uart->ier = value & IER_BITS;
}

static void write_fcr(struct sim_uart *uart, uint8_t value)
{
    const bool switched = (value ^ uart->fcr) & FCR_ENABLE; /* switching the FIFOs empties both */
    if (switched || value & FCR_RX_RESET) {
        uart->rx.count = 0;
        receiver_made_room(uart);
    }
    if (switched || value & FCR_TX_RESET) {
        uart->tx.count = 0;
        uart->thre_pending = true;
    }
    uart->fcr = value & FCR_KEPT;
}

static void write_lcr(struct sim_uart *uart, uint8_t value)
{
    uart->lcr = value;
}

static void write_mcr(struct sim_uart *uart, uint8_t value)
{
    if (uart->mcr & ~value & MCR_LOOP)
        receiver_made_room(uart);
    uart->mcr = value & MCR_BITS;
}

static void write_scr(struct sim_uart *uart, uint8_t value)
{
    uart->scr = value;
}

static void write_nothing(struct sim_uart *uart, uint8_t value)
{
    (void)uart, (void)value;
}

static const struct {
    uint8_t (*read)(struct sim_uart *uart);
    void (*write)(struct sim_uart *uart, uint8_t value);
} registers[PORTS] = {
    [DATA] = {read_data, write_data},  [IER] = {read_ier, write_ier}, [IIR_FCR] = {read_iir, write_fcr},
    [LCR] = {read_lcr, write_lcr},     [MCR] = {read_mcr, write_mcr}, [LSR] = {read_lsr, write_nothing},
    [MSR] = {read_msr, write_nothing}, [SCR] = {read_scr, write_scr},
};

struct sim_uart *sim_uart_create(struct sim_world *world, const struct sim_uart_config *config,
                                 void (*transmit)(void *context, uint8_t byte), void *context)
{
    struct sim_uart *uart = sim_allocate(1, sizeof *uart);
    uart->world = world;
    uart->config = *config;
    uart->transmit = transmit;
    uart->context = context;
    sim_uart_reset(uart);
    return uart;
}

void sim_uart_destroy(struct sim_uart *uart)
{
    if (uart == NULL)
        return;
    sim_cancel(uart->world, uart->shift_done);
    free(uart->held);
    free(uart);
}

bool sim_uart_owns(const struct sim_uart *uart, uint16_t port)
{
    return port >= uart->config.base && port - uart->config.base < PORTS;
}

/* A status read is an idle poll when it shows what the last one showed and no byte was moved between them. */
static bool asked_again(struct sim_uart *uart)
{
    const int shown = lsr_value(uart);
    const bool again = shown == uart->asked;
    uart->asked = shown;
    return again;
}

uint8_t sim_uart_in(struct sim_uart *uart, uint16_t port, bool *idle_poll)
{
    const unsigned offset = (unsigned)(port - uart->config.base);
    const bool status = offset == LSR || offset == MSR;
    if (uart->config.mode == SIM_UART_ABSENT) {
        *idle_poll = status;
        return 0xFF;
    }
    take_arrived(uart);
    *idle_poll = status && asked_again(uart);
    return registers[offset].read(uart);
}

void sim_uart_out(struct sim_uart *uart, uint16_t port, uint8_t value)
{
    if (uart->config.mode == SIM_UART_ABSENT)
        return;
    take_arrived(uart);
    registers[port - uart->config.base].write(uart, value);
}

/* Makes len_bytes of room behind what is held: moves it to the front when that frees more than it moves. */
static void held_reserve(struct sim_uart *uart, size_t len_bytes)
{
    if (uart->held_head > uart->held_count) {
        memcpy(uart->held, uart->held + uart->held_head, uart->held_count * sizeof *uart->held);
        uart->held_head = 0;
    }
    uart->held = sim_grow(uart->held, &uart->held_room, uart->held_head + uart->held_count + len_bytes,
                          sizeof *uart->held);
}

void sim_uart_receive(struct sim_uart *uart, const uint8_t *bytes, size_t len_bytes)
{
    if (uart->config.mode == SIM_UART_ABSENT || len_bytes == 0)
        return;
    take_arrived(uart);
    if (uart->held_count == 0)
        uart->arrives_ns = pace_character(&uart->rx_pace, sim_now(uart->world), pace_divisor(uart));
    held_reserve(uart, len_bytes);
    for (size_t i = 0; i < len_bytes; i++)
        uart->held[uart->held_head + uart->held_count++] = bytes[i];
}

void sim_uart_spoil(struct sim_uart *uart, enum sim_fault_kind kind, size_t back)
{
    if (back == 0 || back > uart->held_count)
        return;
    uint16_t *character = &uart->held[uart->held_head + uart->held_count - back];
    *character |= kind == SIM_FAULT_FRAMING ? CHAR_FRAMING : CHAR_OVERRUN;
}

/* In vmm mode a byte is the host's from the moment the guest wrote it (devices.md 2.2 item 5): the pace is only
 * shown, and a reset takes nothing back. */
static void hand_over_written(struct sim_uart *uart)
{
    if (!is_hosted(uart) || uart->mcr & MCR_LOOP)
        return;
    if (uart->shift_done != 0)
        uart->transmit(uart->context, uart->shift);
    while (uart->tx.count > 0)
        uart->transmit(uart->context, fifo_pop(&uart->tx));
}

void sim_uart_reset(struct sim_uart *uart)
{
    take_arrived(uart);
    hand_over_written(uart);
    sim_cancel(uart->world, uart->shift_done);
    uart->shift_done = 0;
    uart->ier = uart->fcr = uart->lcr = uart->scr = 0;
    uart->mcr = MCR_AFTER_RESET;
    uart->divisor = DIVISOR_AFTER_RESET;
    uart->overrun = uart->thre_pending = false;
    uart->rx.count = uart->tx.count = 0;
    uart->asked = NOT_ASKED;
    receiver_made_room(uart);
}

struct sim_uart_registers sim_uart_save(const struct sim_uart *uart)
{
    return (struct sim_uart_registers){uart->ier, uart->fcr, uart->lcr, uart->mcr, uart->scr, uart->divisor};
}

void sim_uart_load(struct sim_uart *uart, const struct sim_uart_registers *saved)
{
    sim_uart_reset(uart);
    uart->ier = saved->ier;
    uart->fcr = saved->fcr;
    uart->lcr = saved->lcr;
    uart->mcr = saved->mcr;
    uart->scr = saved->scr;
    uart->divisor = saved->divisor;
}

void sim_uart_cut(struct sim_uart *uart)
{
    take_arrived(uart);
    uart->held_count = 0;
}

size_t sim_uart_held(struct sim_uart *uart)
{
    take_arrived(uart);
    return uart->held_count;
}

uint64_t sim_uart_overruns(struct sim_uart *uart)
{
    take_arrived(uart);
    return uart->overruns;
}
