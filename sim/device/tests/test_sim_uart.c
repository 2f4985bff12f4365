/* Goal: the 16550A answers as devices.md 2.1 measured it, passes kdcom's probing (2.3), and keeps the line's pace to
 * the nanosecond; only wire mode loses bytes.
 * Method: a UART alone in a world; the test is the guest (an access costs no time), the host (bytes in, bytes out with
 * their times) and the clock. */
#include "sim/device/sim_uart.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { BASE = 0x2F8, DATA = 0, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };
enum { FIFO_BYTES = 16, FULL_READ_BYTES = 4122 /* on the wire, both packets of the largest virtual read */ };
enum { SENT_MAX = 8192 };

struct fix {
    struct sim_world *world;
    struct sim_uart *uart;
    uint8_t sent[SENT_MAX];
    uint64_t sent_ns[SENT_MAX];
    unsigned sent_count;
    unsigned accesses;
    bool idle_poll; /* of the last IN */
};

static void transmitted(void *context, uint8_t byte)
{
    struct fix *f = context;
    assert_true(f->sent_count < SENT_MAX);
    f->sent[f->sent_count] = byte;
    f->sent_ns[f->sent_count++] = sim_now(f->world);
}

static int set_up(void **state, enum sim_uart_mode mode)
{
    static struct fix fix;
    const struct sim_cost cost = sim_cost_default();
    const struct sim_uart_config config = {.mode = mode, .base = BASE};
    fix = (struct fix){.world = sim_world_create(1, &cost)};
    fix.uart = sim_uart_create(fix.world, &config, transmitted, &fix);
    *state = &fix;
    return 0;
}

static int vmm(void **state)
{
    return set_up(state, SIM_UART_VMM);
}

static int wire(void **state)
{
    return set_up(state, SIM_UART_WIRE);
}

static int absent(void **state)
{
    return set_up(state, SIM_UART_ABSENT);
}

static int unpaced(void **state)
{
    return set_up(state, SIM_UART_UNPACED);
}

static int tear_down(void **state)
{
    struct fix *f = *state;
    sim_uart_destroy(f->uart);
    assert_int_equal(sim_next_due(f->world), SIM_NEVER); /* no event outlives its device */
    sim_world_destroy(f->world);
    return 0;
}

static uint8_t in(struct fix *f, unsigned offset)
{
    f->accesses++;
    return sim_uart_in(f->uart, (uint16_t)(BASE + offset), &f->idle_poll);
}

static void out(struct fix *f, unsigned offset, unsigned value)
{
    f->accesses++;
    sim_uart_out(f->uart, (uint16_t)(BASE + offset), (uint8_t)value);
}

static void run_until(struct fix *f, uint64_t time_ns)
{
    while (sim_step(f->world, time_ns))
        ;
}

static void set_divisor(struct fix *f, unsigned divisor)
{
    out(f, LCR, 0x83);
    out(f, DATA, divisor & 0xFF);
    out(f, IER, divisor >> 8);
    out(f, LCR, 0x03);
}

/* 115200 with the FIFOs on, as kdcom sets the port up. */
static void set_fast(struct fix *f)
{
    set_divisor(f, 1);
    out(f, IIR_FCR, 0x07);
}

/* The end of the nth character, from 1, since the line went busy at time 0: ten bits each. */
static uint64_t character_end_ns(uint64_t nth, unsigned divisor)
{
    return nth * divisor * UINT64_C(10000000000) / 115200;
}

static void receive_counted(struct fix *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sim_uart_receive(f->uart, &(uint8_t){(uint8_t)i}, 1);
}

static void assert_reset_values(struct fix *f)
{
    assert_int_equal(in(f, IER), 0x00);
    assert_int_equal(in(f, IIR_FCR), 0x01);
    assert_int_equal(in(f, LCR), 0x00);
    assert_int_equal(in(f, MCR), 0x08);
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(in(f, MSR), 0xB0);
    assert_int_equal(in(f, SCR), 0x00);
    out(f, LCR, 0x80);
    assert_int_equal(in(f, DATA), 12);
    assert_int_equal(in(f, IER), 0);
    out(f, LCR, 0x00);
}

static void reset_values_are_those_measured(void **state)
{
    assert_reset_values(*state);
}

static void it_owns_its_eight_ports(void **state)
{
    struct fix *f = *state;
    for (unsigned port = 0; port < 0x10000; port++)
        assert_int_equal(sim_uart_owns(f->uart, (uint16_t)port), port >= BASE && port < BASE + 8);
}

/* devices.md 2.3 item 7; returns whether the port is there. */
static bool exists_by_loopback(struct fix *f)
{
    const uint8_t mcr = in(f, MCR);
    bool ring = false;
    out(f, MCR, 0x10);
    out(f, MCR, 0x10);
    if (!(in(f, MSR) & 0xF0)) {
        out(f, MCR, 0x14);
        ring = in(f, MSR) & 0x40;
    }
    out(f, MCR, mcr);
    return ring;
}

/* Item 8. */
static bool exists_by_scratch(struct fix *f)
{
    for (unsigned value = 0; value < 256; value++) {
        out(f, SCR, value);
        if (in(f, SCR) != value)
            return false;
    }
    return true;
}

static void kdcom_finds_and_initialises_it(void **state)
{
    struct fix *f = *state;
    assert_true(exists_by_loopback(f));
    assert_int_equal(f->accesses, 7);
    assert_true(exists_by_scratch(f));
    assert_int_equal(f->accesses, 7 + 512);

    out(f, LCR, 0); /* item 9: 11 accesses */
    out(f, IER, 0);
    out(f, MCR, 0x0B);
    const uint8_t lcr = in(f, LCR);
    out(f, LCR, lcr | 0x80u);
    out(f, DATA, 1);
    out(f, IER, 0);
    out(f, LCR, lcr);
    out(f, LCR, 0x03);
    out(f, IIR_FCR, 0x07);
    in(f, DATA);
    assert_int_equal(f->accesses, 7 + 512 + 11);
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(in(f, IIR_FCR), 0xC1);
    assert_int_equal(in(f, MCR), 0x0B);
    assert_int_equal(in(f, MSR), 0xB0);
}

static void an_absent_port_reads_ones_and_is_not_found(void **state)
{
    struct fix *f = *state;
    for (unsigned offset = DATA; offset <= SCR; offset++) {
        out(f, offset, 0x5A);
        assert_int_equal(in(f, offset), 0xFF);
        assert_int_equal(f->idle_poll, offset == LSR || offset == MSR);
    }
    f->accesses = 0;
    assert_false(exists_by_loopback(f));
    assert_int_equal(f->accesses, 5);
    assert_false(exists_by_scratch(f));
    receive_counted(f, 3);
    out(f, DATA, 0x55);
    run_until(f, SIM_S(1));
    assert_int_equal(in(f, DATA), 0xFF);
    assert_int_equal(f->sent_count, 0);
}

static void loopback_turns_every_mcr_value_into_its_msr(void **state)
{
    struct fix *f = *state;
    for (unsigned mcr = 0; mcr < 16; mcr++) {
        static const uint8_t line_of_bit[] = {0x20, 0x10, 0x40, 0x80}; /* DSR, CTS, RI, DCD */
        unsigned msr = 0;
        for (unsigned bit = 0; bit < 4; bit++)
            msr |= mcr >> bit & 1 ? line_of_bit[bit] : 0u;
        out(f, MCR, 0x10 | mcr);
        assert_int_equal(in(f, MSR), msr);
        out(f, MCR, mcr);
        assert_int_equal(in(f, MSR), 0xB0);
    }
}

static void twenty_looped_bytes_leave_sixteen_and_an_overrun(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    out(f, MCR, 0x10);
    for (unsigned i = 1; i <= 20; i++) {
        out(f, DATA, i);
        run_until(f, sim_now(f->world) + SIM_US(87));
    }
    assert_int_equal(in(f, LSR), 0x63);
    assert_int_equal(in(f, LSR), 0x61); /* reading cleared OE */
    for (unsigned i = 1; i <= FIFO_BYTES; i++)
        assert_int_equal(in(f, DATA), i);
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(f->sent_count, 0);
    assert_int_equal(sim_uart_overruns(f->uart), 0); /* of the line: it lost nothing */
}

static void divisor_latch_hides_data_and_ier(void **state)
{
    struct fix *f = *state;
    out(f, IER, 0x05);
    set_divisor(f, 0x1234);
    run_until(f, SIM_S(1));
    assert_int_equal(f->sent_count, 0);
    assert_int_equal(in(f, IER), 0x05);
    out(f, LCR, 0x83);
    assert_int_equal(in(f, DATA), 0x34);
    assert_int_equal(in(f, IER), 0x12);
    assert_int_equal(in(f, LCR), 0x83);
}

static void iir_shows_the_most_urgent_cause(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 1);
    out(f, IIR_FCR, 0x41); /* trigger level 4 */
    out(f, IER, 0x0F);
    assert_int_equal(in(f, IIR_FCR), 0xC2); /* enabling it with THR empty is a cause, once */
    assert_int_equal(in(f, IIR_FCR), 0xC1);
    receive_counted(f, 3);
    run_until(f, character_end_ns(3, 1));
    assert_int_equal(in(f, IIR_FCR), 0xC1); /* under the level */
    run_until(f, character_end_ns(3, 1) + character_end_ns(4, 1) - 1);
    assert_int_equal(in(f, IIR_FCR), 0xC1);
    run_until(f, character_end_ns(3, 1) + character_end_ns(4, 1));
    assert_int_equal(in(f, IIR_FCR), 0xCC); /* and nothing came for four characters */
    receive_counted(f, 14);
    run_until(f, SIM_MS(1));
    assert_int_equal(in(f, IIR_FCR), 0xC4);
    run_until(f, SIM_MS(3));
    assert_int_equal(in(f, IIR_FCR), 0xC6);
    in(f, LSR);
    assert_int_equal(in(f, IIR_FCR), 0xC4);
    out(f, IER, 0);
    assert_int_equal(in(f, IIR_FCR), 0xC1);
}

static void thre_cause_comes_when_thr_empties_and_goes_when_it_fills(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 1);
    out(f, IER, 0x02);
    assert_int_equal(in(f, IIR_FCR), 0x02);
    assert_int_equal(in(f, IIR_FCR), 0x01);
    out(f, DATA, 1); /* through THR into the shift register */
    assert_int_equal(in(f, IIR_FCR), 0x02);
    out(f, DATA, 2);
    assert_int_equal(in(f, IIR_FCR), 0x01);
    run_until(f, character_end_ns(1, 1));
    out(f, DATA, 3);
    assert_int_equal(in(f, IIR_FCR), 0x01);
    run_until(f, character_end_ns(2, 1));
    assert_int_equal(in(f, IIR_FCR), 0x02);
    run_until(f, SIM_MS(1));
}

static void first_byte_leaves_thr_at_once_and_shifts_one_character_time(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 1);
    out(f, DATA, 0xA1);
    assert_int_equal(in(f, LSR), 0x20); /* THR is free, the shift register is not */
    out(f, DATA, 0xA2);
    assert_int_equal(in(f, LSR), 0x00);
    run_until(f, 86804);
    assert_int_equal(f->sent_count, 0);
    run_until(f, 86805);
    assert_int_equal(f->sent_count, 1);
    assert_int_equal(in(f, LSR), 0x20);
    run_until(f, SIM_MS(1));
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(f->sent[0], 0xA1);
    assert_int_equal(f->sent[1], 0xA2);
    assert_int_equal(f->sent_ns[1], 173611);
}

/* Writes whenever THRE is set, looking again at every event. */
static void send_counted(struct fix *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        while (!(in(f, LSR) & 0x20))
            assert_true(sim_step(f->world, SIM_NEVER));
        out(f, DATA, i);
    }
    while (sim_step(f->world, SIM_NEVER))
        ;
}

static void a_full_read_leaves_at_the_exact_pace(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    send_counted(f, FULL_READ_BYTES);
    assert_int_equal(f->sent_count, FULL_READ_BYTES);
    for (unsigned i = 0; i < FULL_READ_BYTES; i++) {
        assert_int_equal(f->sent[i], (uint8_t)i);
        assert_int_equal(f->sent_ns[i], character_end_ns(i + 1, 1));
    }
    assert_int_equal(sim_now(f->world), 357812500);
}

static void a_full_read_arrives_at_the_exact_pace(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, FULL_READ_BYTES);
    assert_int_equal(sim_next_due(f->world), SIM_NEVER); /* and needs no event for it */
    for (unsigned i = 0; i < FULL_READ_BYTES; i++) {
        run_until(f, character_end_ns(i + 1, 1) - 1);
        assert_int_equal(in(f, LSR), 0x60);
        run_until(f, character_end_ns(i + 1, 1));
        assert_int_equal(in(f, LSR), 0x61);
        assert_int_equal(in(f, DATA), (uint8_t)i);
    }
    assert_int_equal(sim_now(f->world), 357812500);
    assert_int_equal(in(f, DATA), 0);
}

static void bytes_handed_over_piecemeal_arrive_in_order(void **state)
{
    struct fix *f = *state;
    unsigned given = 0, taken = 0;
    set_fast(f);
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 1 + round % 7; i++, given++)
            sim_uart_receive(f->uart, &(uint8_t){(uint8_t)(given * 13)}, 1);
        run_until(f, SIM_US(350) * (round + 1));
        for (; in(f, LSR) & 1; taken++)
            assert_int_equal(in(f, DATA), (uint8_t)(taken * 13));
    }
    run_until(f, SIM_S(1));
    for (; in(f, LSR) & 1; taken++)
        assert_int_equal(in(f, DATA), (uint8_t)(taken * 13));
    assert_int_equal(taken, given);
}

static void the_divisor_is_the_speed(void **state)
{
    struct fix *f = *state;
    static const unsigned divisors[] = {12, 6, 3, 2, 1, 7, 96};
    for (unsigned i = 0; i < sizeof divisors / sizeof divisors[0]; i++) {
        const uint64_t start_ns = sim_now(f->world);
        f->sent_count = 0;
        set_divisor(f, divisors[i]);
        receive_counted(f, 1);
        send_counted(f, 10);
        assert_int_equal(f->sent_ns[9] - start_ns, character_end_ns(10, divisors[i]));
        assert_int_equal(in(f, LSR), 0x61);
        in(f, DATA);
    }
}

static void a_divisor_of_zero_counts_as_65536(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 0);
    send_counted(f, 1);
    assert_int_equal(f->sent_ns[0], character_end_ns(1, 0x10000));
}

static void transmit_fifo_takes_sixteen_behind_the_shift_register(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    for (unsigned i = 0; i < 1 + FIFO_BYTES; i++)
        out(f, DATA, i);
    out(f, DATA, 0xEE); /* one too many: the last is lost */
    run_until(f, SIM_S(1));
    assert_int_equal(f->sent_count, 1 + FIFO_BYTES);
    assert_int_equal(f->sent[FIFO_BYTES - 1], FIFO_BYTES - 1);
    assert_int_equal(f->sent[FIFO_BYTES], 0xEE);
    assert_int_equal(f->sent_ns[FIFO_BYTES], character_end_ns(1 + FIFO_BYTES, 1));
}

static void fifo_resets_empty_their_own_side(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, 4);
    run_until(f, SIM_MS(1));
    for (unsigned i = 0; i < 5; i++)
        out(f, DATA, i);
    out(f, IIR_FCR, 0x05);
    assert_int_equal(in(f, LSR), 0x21); /* the shift register goes on */
    out(f, IIR_FCR, 0x03);
    assert_int_equal(in(f, LSR), 0x20);
    run_until(f, SIM_MS(2));
    assert_int_equal(f->sent_count, 1);
    receive_counted(f, 4);
    run_until(f, SIM_MS(3));
    assert_int_equal(in(f, LSR), 0x61);
    out(f, IIR_FCR, 0x00); /* off: empties both */
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(in(f, IIR_FCR), 0x01);
}

static void vmm_holds_bytes_while_the_receiver_is_full(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, 100);
    run_until(f, SIM_S(1));
    for (unsigned i = 0; i < FIFO_BYTES; i++) {
        assert_int_equal(in(f, LSR), 0x61);
        assert_int_equal(in(f, DATA), i);
    }
    /* The byte that waited came in when the first was taken, and its successor started then: at the line's pace. */
    assert_int_equal(in(f, DATA), FIFO_BYTES);
    assert_int_equal(in(f, LSR), 0x60);
    for (unsigned i = FIFO_BYTES + 1; i < 100; i++) {
        run_until(f, SIM_S(1) + character_end_ns(i - FIFO_BYTES, 1) - 1);
        assert_int_equal(in(f, LSR), 0x60);
        run_until(f, SIM_S(1) + character_end_ns(i - FIFO_BYTES, 1));
        assert_int_equal(in(f, DATA), i);
    }
    assert_int_equal(sim_uart_overruns(f->uart), 0);
}

static void vmm_without_fifo_holds_all_but_one(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 1);
    receive_counted(f, 3);
    run_until(f, SIM_S(1));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(in(f, LSR), 0x61);
        assert_int_equal(in(f, DATA), i);
        run_until(f, sim_now(f->world) + SIM_US(87));
    }
    assert_int_equal(in(f, LSR), 0x60);
}

static void wire_keeps_sixteen_and_loses_the_rest(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, 100);
    run_until(f, character_end_ns(16, 1));
    assert_int_equal(sim_uart_overruns(f->uart), 0);
    run_until(f, character_end_ns(17, 1));
    assert_int_equal(sim_uart_overruns(f->uart), 1);
    run_until(f, SIM_S(1));
    assert_int_equal(sim_uart_overruns(f->uart), 100 - FIFO_BYTES);
    assert_int_equal(in(f, LSR), 0x63);
    assert_int_equal(in(f, LSR), 0x61);
    for (unsigned i = 0; i < FIFO_BYTES; i++)
        assert_int_equal(in(f, DATA), i);
    assert_int_equal(in(f, LSR), 0x60);
}

static void wire_without_fifo_keeps_the_last(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 1);
    receive_counted(f, 3);
    run_until(f, SIM_S(1));
    assert_int_equal(in(f, LSR), 0x63);
    assert_int_equal(in(f, DATA), 2);
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(sim_uart_overruns(f->uart), 2);
}

static void wire_loses_nothing_to_a_reader_in_time(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        run_until(f, character_end_ns(i + 1, 1));
        assert_int_equal(in(f, DATA), (uint8_t)i);
    }
    assert_int_equal(sim_uart_overruns(f->uart), 0);
}

/* Not even a clock divisor of 65536 keeps it: what is there is read, and what is written is gone, at the same
 * time. */
static void unpaced_bytes_take_no_time_and_none_is_lost(void **state)
{
    struct fix *f = *state;
    out(f, IIR_FCR, 0x07);
    set_divisor(f, 0);
    receive_counted(f, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(in(f, LSR) & 0x01, 0x01);
        assert_int_equal(in(f, DATA), (uint8_t)i);
        out(f, DATA, i);
        run_until(f, 0);
        assert_int_equal(in(f, LSR) & 0x60, 0x60);
    }
    assert_int_equal(in(f, LSR) & 0x01, 0);
    assert_int_equal(f->sent_count, 1000);
    assert_int_equal(sim_uart_overruns(f->uart), 0);
    assert_int_equal(sim_now(f->world), 0);
}

static void vmm_holds_bytes_during_loopback(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    out(f, MCR, 0x10);
    receive_counted(f, 2);
    run_until(f, SIM_S(1));
    assert_int_equal(in(f, LSR), 0x60);
    out(f, MCR, 0x0B);
    assert_int_equal(in(f, DATA), 0);
    run_until(f, SIM_S(1) + character_end_ns(1, 1) - 1);
    assert_int_equal(in(f, LSR), 0x60); /* the line does not catch up */
    run_until(f, SIM_S(1) + character_end_ns(1, 1));
    assert_int_equal(in(f, DATA), 1);
}

static void wire_loses_bytes_during_loopback(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    out(f, MCR, 0x10);
    receive_counted(f, 2);
    run_until(f, SIM_S(1));
    out(f, MCR, 0x0B);
    assert_int_equal(in(f, LSR), 0x60);
}

static void cut_drops_what_the_host_holds(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    receive_counted(f, 40);
    run_until(f, character_end_ns(3, 1));
    sim_uart_cut(f->uart);
    run_until(f, SIM_S(1));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(in(f, DATA), i);
    assert_int_equal(in(f, LSR), 0x60);
    receive_counted(f, 1); /* a new debugger: the line works on */
    run_until(f, SIM_S(1) + character_end_ns(1, 1));
    assert_int_equal(in(f, LSR), 0x61);
}

static void reset_forgets_the_guests_side_and_keeps_the_hosts(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    out(f, IER, 0x0F);
    out(f, SCR, 0x77);
    receive_counted(f, FIFO_BYTES + 1);
    run_until(f, SIM_S(1));
    out(f, DATA, 1);
    out(f, DATA, 2);
    sim_uart_reset(f->uart);
    run_until(f, SIM_S(2));
    assert_int_equal(f->sent_count, 2);        /* the bytes being sent were the host's already */
    assert_int_equal(f->sent[1], 2);
    assert_int_equal(in(f, DATA), FIFO_BYTES); /* of the received ones those in the FIFO are gone */
    assert_reset_values(f);
}

static void a_snapshot_keeps_the_registers_and_no_bytes(void **state)
{
    struct fix *f = *state;
    set_divisor(f, 0x0102);
    out(f, IER, 0x05);
    out(f, MCR, 0x0B);
    out(f, SCR, 0x77);
    const struct sim_uart_registers saved = sim_uart_save(f->uart);
    sim_uart_reset(f->uart);
    set_fast(f);
    receive_counted(f, 2);
    run_until(f, SIM_S(1));
    sim_uart_load(f->uart, &saved);
    assert_int_equal(in(f, LSR), 0x60);
    assert_int_equal(in(f, IER), 0x05);
    assert_int_equal(in(f, MCR), 0x0B);
    assert_int_equal(in(f, SCR), 0x77);
    out(f, LCR, 0x80);
    assert_int_equal(in(f, DATA), 0x02);
    assert_int_equal(in(f, IER), 0x01);
}

static void reset_on_a_wire_loses_what_is_being_sent(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    out(f, DATA, 1);
    out(f, DATA, 2);
    sim_uart_reset(f->uart);
    run_until(f, SIM_S(2));
    assert_int_equal(f->sent_count, 0);
}

static void a_status_read_is_an_idle_poll_when_asked_again_in_vain(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    in(f, LSR);
    assert_false(f->idle_poll);
    in(f, MSR); /* kdcom's second look of a failed check */
    assert_true(f->idle_poll);
    in(f, LSR);
    assert_true(f->idle_poll);
    out(f, DATA, 1);
    in(f, LSR);
    assert_false(f->idle_poll);
    receive_counted(f, 1);
    in(f, LSR);
    assert_true(f->idle_poll);
    run_until(f, SIM_MS(1));
    in(f, LSR); /* the byte is there */
    assert_false(f->idle_poll);
    in(f, DATA);
    assert_false(f->idle_poll);
    in(f, LSR);
    assert_false(f->idle_poll);
    in(f, SCR);
    assert_false(f->idle_poll);
    in(f, LSR);
    assert_true(f->idle_poll);
}

static void a_status_read_after_a_byte_is_no_idle_poll_though_it_shows_the_same(void **state)
{
    struct fix *f = *state;
    set_fast(f);
    for (unsigned i = 0; i < 4; i++) {
        out(f, DATA, i);
        in(f, LSR);
        assert_false(f->idle_poll);
    }
    receive_counted(f, 4);
    run_until(f, SIM_MS(1));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(in(f, LSR), 0x61);
        assert_false(f->idle_poll);
        in(f, DATA);
    }
}

static void modes_have_names(void **state)
{
    static const char *const names[SIM_UART_MODES] = {"vmm", "wire", "absent", "unpaced"};
    (void)state;
    enum sim_uart_mode found = SIM_UART_MODES;
    for (unsigned mode = 0; mode < SIM_UART_MODES; mode++) {
        assert_int_equal(sim_uart_mode_find(names[mode], &found), KD_OK);
        assert_int_equal(found, mode);
    }
    assert_int_equal(sim_uart_mode_find("vmmm", &found), KD_ERR_ARGUMENT);
}

/* ---- faults of the line ---- */

static void receive_spoilt(struct fix *f, enum sim_fault_kind kind, size_t back)
{
    const uint8_t bytes[] = {'a', 'b', 'c'};
    set_fast(f);
    sim_uart_receive(f->uart, bytes, sizeof bytes);
    sim_uart_spoil(f->uart, kind, back);
    run_until(f, character_end_ns(4, 1));
}

/* FE belongs to the character on top, bit 7 to any of the FIFO's; reading LSR clears it and takes no byte. */
static void a_framing_error_shows_on_its_own_character(void **state)
{
    struct fix *f = *state;
    receive_spoilt(f, SIM_FAULT_FRAMING, 2);
    assert_int_equal(in(f, LSR), 0xE1);
    assert_int_equal(in(f, DATA), 'a');
    out(f, IER, 0x04);
    assert_int_equal(in(f, IIR_FCR), 0xC6);
    assert_int_equal(in(f, LSR), 0xE9);
    assert_int_equal(in(f, LSR), 0x61);
    assert_int_equal(in(f, IIR_FCR), 0xC1);
    assert_int_equal(in(f, DATA), 'b');
    assert_int_equal(in(f, DATA), 'c');
}

static void an_overrun_loses_its_character_and_sets_oe(void **state)
{
    struct fix *f = *state;
    receive_spoilt(f, SIM_FAULT_OVERRUN, 3);
    assert_int_equal(in(f, LSR), 0x63);
    assert_int_equal(in(f, LSR), 0x61);
    assert_int_equal(in(f, DATA), 'b');
    assert_int_equal(in(f, DATA), 'c');
    assert_int_equal(sim_uart_overruns(f->uart), 1);
}

static void what_is_not_held_any_more_is_not_spoilt(void **state)
{
    struct fix *f = *state;
    receive_spoilt(f, SIM_FAULT_FRAMING, 4);
    sim_uart_spoil(f->uart, SIM_FAULT_FRAMING, 0);
    assert_int_equal(in(f, LSR), 0x61);
    assert_int_equal(in(f, DATA), 'a');
    assert_int_equal(sim_uart_overruns(f->uart), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_values_are_those_measured, vmm, tear_down),
        cmocka_unit_test_setup_teardown(it_owns_its_eight_ports, vmm, tear_down),
        cmocka_unit_test_setup_teardown(kdcom_finds_and_initialises_it, vmm, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_port_reads_ones_and_is_not_found, absent, tear_down),
        cmocka_unit_test_setup_teardown(loopback_turns_every_mcr_value_into_its_msr, vmm, tear_down),
        cmocka_unit_test_setup_teardown(twenty_looped_bytes_leave_sixteen_and_an_overrun, vmm, tear_down),
        cmocka_unit_test_setup_teardown(divisor_latch_hides_data_and_ier, vmm, tear_down),
        cmocka_unit_test_setup_teardown(iir_shows_the_most_urgent_cause, wire, tear_down),
        cmocka_unit_test_setup_teardown(thre_cause_comes_when_thr_empties_and_goes_when_it_fills, vmm, tear_down),
        cmocka_unit_test_setup_teardown(first_byte_leaves_thr_at_once_and_shifts_one_character_time, vmm, tear_down),
        cmocka_unit_test_setup_teardown(a_full_read_leaves_at_the_exact_pace, vmm, tear_down),
        cmocka_unit_test_setup_teardown(a_full_read_arrives_at_the_exact_pace, vmm, tear_down),
        cmocka_unit_test_setup_teardown(bytes_handed_over_piecemeal_arrive_in_order, vmm, tear_down),
        cmocka_unit_test_setup_teardown(the_divisor_is_the_speed, vmm, tear_down),
        cmocka_unit_test_setup_teardown(a_divisor_of_zero_counts_as_65536, vmm, tear_down),
        cmocka_unit_test_setup_teardown(transmit_fifo_takes_sixteen_behind_the_shift_register, vmm, tear_down),
        cmocka_unit_test_setup_teardown(fifo_resets_empty_their_own_side, vmm, tear_down),
        cmocka_unit_test_setup_teardown(vmm_holds_bytes_while_the_receiver_is_full, vmm, tear_down),
        cmocka_unit_test_setup_teardown(vmm_without_fifo_holds_all_but_one, vmm, tear_down),
        cmocka_unit_test_setup_teardown(wire_keeps_sixteen_and_loses_the_rest, wire, tear_down),
        cmocka_unit_test_setup_teardown(wire_without_fifo_keeps_the_last, wire, tear_down),
        cmocka_unit_test_setup_teardown(wire_loses_nothing_to_a_reader_in_time, wire, tear_down),
        cmocka_unit_test_setup_teardown(unpaced_bytes_take_no_time_and_none_is_lost, unpaced, tear_down),
        cmocka_unit_test_setup_teardown(vmm_holds_bytes_during_loopback, vmm, tear_down),
        cmocka_unit_test_setup_teardown(wire_loses_bytes_during_loopback, wire, tear_down),
        cmocka_unit_test_setup_teardown(cut_drops_what_the_host_holds, vmm, tear_down),
        cmocka_unit_test_setup_teardown(reset_forgets_the_guests_side_and_keeps_the_hosts, vmm, tear_down),
        cmocka_unit_test_setup_teardown(a_snapshot_keeps_the_registers_and_no_bytes, vmm, tear_down),
        cmocka_unit_test_setup_teardown(reset_on_a_wire_loses_what_is_being_sent, wire, tear_down),
        cmocka_unit_test_setup_teardown(a_status_read_is_an_idle_poll_when_asked_again_in_vain, vmm, tear_down),
        cmocka_unit_test_setup_teardown(a_status_read_after_a_byte_is_no_idle_poll_though_it_shows_the_same, vmm,
                                        tear_down),
        cmocka_unit_test(modes_have_names),
        cmocka_unit_test_setup_teardown(a_framing_error_shows_on_its_own_character, vmm, tear_down),
        cmocka_unit_test_setup_teardown(an_overrun_loses_its_character_and_sets_oe, vmm, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_held_any_more_is_not_spoilt, vmm, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
