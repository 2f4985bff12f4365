/* The serial channel: kd_link does the protocol, this file moves its bytes and is its clock.
 *
 * One tick of the link is one look for a byte that found none. Looks for space to send do not count: a frame
 * takes longer to write than a small poll budget lasts, and the wait for its ACK begins behind it. */
#include "transport/guest/kd_channel.h"
#include "transport/guest/kd_module.h"
#include "transport/guest/kd_platform.h"

static enum kd_status uart_open(struct kd_module_state *state)
{
    struct kd_uart *uart = &state->uart;
    if (kd_uart_open(&uart->device, state->options.com, state->options.baud) != KD_OK)
        return KD_ERR_NO_DEVICE;
    uart->polls = state->options.polls;
    uart->now = 0;
    /* A time-out is the first look and as many more as the budget says (devices.md 2.4: 204,800 x 2 + 2
     * accesses); the window for RESETs is a tenth of it, as 100 ms are of a second (kd-protocol.md 2.9). */
    const struct kd_link_config config = {.byte_wait = (uint64_t)uart->polls + 1,
                                          .reset_window = uart->polls / 10 + 1};
    kd_link_init(&uart->link, &config);
    kd_link_distrust(&uart->link); /* what is on the line may have been for the kernel before (2.15) */
    return KD_OK;
}

static bool write_bytes(struct kd_uart *uart, const uint8_t *bytes, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < len_bytes; i++)
        if (kd_uart_put(&uart->device, bytes[i], uart->polls) != KD_OK)
            return false;
    return true;
}

static bool write_packet(struct kd_uart *uart)
{
    struct kd_frame frame;
    kd_link_frame(&uart->link, &frame);
    return write_bytes(uart, frame.head, KD_FRAME_HEADER_BYTES) &&
           write_bytes(uart, frame.header.bytes, frame.header.len_bytes) &&
           write_bytes(uart, frame.data.bytes, frame.data.len_bytes) && write_bytes(uart, &frame.trailer, 1);
}

/* False: the line did not take a byte for a whole time-out; the rest of the frame is not written. */
static bool write_action(struct kd_uart *uart, const struct kd_action *action)
{
    return (!action->write_control || write_bytes(uart, action->control, KD_FRAME_HEADER_BYTES)) &&
           (!action->write_packet || write_packet(uart));
}

static void note_action(struct kd_module_state *state, const struct kd_action *action)
{
    if (action->break_in)
        state->control_c = true;
    if (action->leader_seen)
        kd_platform_set_present(true);
    if (action->outcome == KD_OUTCOME_ABANDONED)
        kd_platform_set_present(false);
}

/* Feeds the link with what the next look finds. A line error ends the wait for this byte at once, as it does
 * in kdcom (devices.md 2.4); so does a line that cannot send. */
static void listen(struct kd_uart *uart, bool line_stuck, struct kd_action *action)
{
    uint8_t byte = 0;
    enum kd_uart_byte got = line_stuck ? KD_UART_ERROR : kd_uart_get(&uart->device, &byte);
    if (got == KD_UART_BYTE) {
        (void)kd_link_input(&uart->link, &byte, 1, uart->now, action);
        return;
    }
    uart->now = got == KD_UART_ERROR ? kd_link_deadline(&uart->link) : uart->now + 1;
    kd_link_expire(&uart->link, uart->now, action);
}

/* Does what the link asks until it has an outcome. Every turn accesses a port. */
static enum kd_outcome run_link(struct kd_module_state *state, struct kd_action *action)
{
    for (;;) {
        note_action(state, action);
        bool line_stuck = !write_action(&state->uart, action);
        if (action->outcome != KD_OUTCOME_NONE)
            return action->outcome;
        listen(&state->uart, line_stuck, action);
    }
}

static void uart_send(struct kd_module_state *state, const struct kd_packet *packet, uint32_t retries)
{
    struct kd_action action;
    if (kd_link_send(&state->uart.link, packet, retries, state->uart.now, &action) == KD_OK)
        (void)run_link(state, &action);
}

static uint32_t uart_receive(struct kd_module_state *state, const struct kd_wanted *wanted,
                             struct kd_received *received)
{
    struct kd_action action;
    if (kd_link_receive(&state->uart.link, wanted, state->uart.now, &action) != KD_OK)
        return KD_TIMEOUT;
    enum kd_outcome outcome = run_link(state, &action);
    *received = state->uart.link.received;
    if (outcome == KD_OUTCOME_RECEIVED)
        return KD_RECEIVED;
    return outcome == KD_OUTCOME_RESEND ? KD_RESEND : KD_TIMEOUT;
}

/* 2.7: at most one byte, two looks; whatever it is, it is gone. */
static bool uart_poll(struct kd_module_state *state)
{
    uint8_t byte = 0;
    enum kd_uart_byte got = kd_uart_get(&state->uart.device, &byte);
    if (got == KD_UART_NONE)
        got = kd_uart_get(&state->uart.device, &byte);
    return got == KD_UART_BYTE && byte == KD_BREAK_IN_BYTE;
}

static void uart_save(struct kd_module_state *state, bool sleeping)
{
    if (!sleeping)
        kd_uart_save(&state->uart.device);
}

static void uart_power_up(struct kd_module_state *state)
{
    kd_uart_set_up(&state->uart.device);
}

/* Sleep loses the registers, so there is nothing to put back but the set-up itself. */
static void uart_restore(struct kd_module_state *state, bool sleeping)
{
    if (sleeping)
        uart_power_up(state);
    else
        kd_uart_restore(&state->uart.device);
}

const struct kd_channel kd_channel_uart = {
    .name = "uart",
    .open = uart_open,
    .send = uart_send,
    .receive = uart_receive,
    .poll = uart_poll,
    .save = uart_save,
    .restore = uart_restore,
    .power_up = uart_power_up,
};
