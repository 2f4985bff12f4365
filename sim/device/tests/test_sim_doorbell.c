/* Goal:   the host's side of transport/guest/doorbell.md: its vectors D1 to D9, lengths and addresses checked
 * before a byte is touched, the attention word, sessions and life, held calls, faults. Method: accesses at
 * register level on a memory of its own; the test is the handler. */
#include "sim/device/sim_doorbell.h"
#include "transport/kd/kd_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BASE = 0x401000, WORD = 0x401000, REQUEST = 0x402000, ROOM = 0x403000, MEMORY_BYTES = 0x4000 };
enum { DONE, CLOSED, AGAIN, NO_RELAY, TOO_LONG, REFUSED };
enum { HELLO_BYTES = 32, BYTES_MAX = SIM_DOORBELL_BYTES_MAX };
#define SIGNATURE 0x42444B46u
#define ANSWER    0xBDBBB4B9u

struct fix {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_doorbell *doorbell;
    uint8_t memory[MEMORY_BYTES];
    bool answers_later;
    uint8_t message[BYTES_MAX];
    size_t message_bytes;
    unsigned messages, completions;
};

static bool in_memory(uint64_t address, size_t len_bytes)
{
    return address >= BASE && address <= BASE + MEMORY_BYTES && len_bytes <= BASE + MEMORY_BYTES - address;
}

static bool read_memory(void *context, uint64_t address, void *to, size_t len_bytes)
{
    struct fix *f = context;
    if (!in_memory(address, len_bytes))
        return false;
    memcpy(to, f->memory + (address - BASE), len_bytes);
    return true;
}

static bool write_memory(void *context, uint64_t address, const void *from, size_t len_bytes)
{
    struct fix *f = context;
    if (!in_memory(address, len_bytes))
        return false;
    memcpy(f->memory + (address - BASE), from, len_bytes);
    return true;
}

static void answer_hello(struct fix *f)
{
    uint8_t reply[HELLO_BYTES];
    memset(reply, 0x77, sizeof reply);
    sim_doorbell_reply(f->doorbell, reply, sizeof reply);
}

static void on_message(void *context, const uint8_t *message, size_t len_bytes)
{
    struct fix *f = context;
    memcpy(f->message, message, len_bytes);
    f->message_bytes = len_bytes;
    f->messages++;
    if (!f->answers_later)
        answer_hello(f);
}

static void on_complete(void *context)
{
    struct fix *f = context;
    f->completions++;
}

static int build(void **state, bool offered)
{
    struct fix *f = calloc(1, sizeof *f);
    const struct sim_cost cost = sim_cost_default();
    if (f == NULL)
        return -1;
    f->world = sim_world_create(5, &cost);
    f->faults = sim_faults_create(f->world);
    const struct sim_memory memory = {f, read_memory, write_memory};
    f->doorbell = sim_doorbell_create(f->world, f->faults, 0, offered, &memory, on_message, on_complete, f);
    for (unsigned i = 0; i < BYTES_MAX; i++)
        f->memory[REQUEST - BASE + i] = (uint8_t)(i * 3 + 1);
    memset(f->memory + (ROOM - BASE), 0xEE, BYTES_MAX);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return build(state, true);
}

static int set_up_absent(void **state)
{
    return build(state, false);
}

static int tear_down(void **state)
{
    struct fix *f = *state;
    sim_doorbell_destroy(f->doorbell);
    sim_faults_destroy(f->faults);
    sim_world_destroy(f->world);
    free(f);
    return 0;
}

static struct sim_registers ring_registers(uint64_t request_bytes, uint64_t room)
{
    return (struct sim_registers){.rax = SIGNATURE,
                                  .rbx = SIM_DOORBELL_RING,
                                  .rcx = request_bytes,
                                  .rdx = SIM_PORT_DOORBELL,
                                  .rsi = REQUEST,
                                  .rdi = ROOM,
                                  .rbp = room};
}

static struct sim_registers command_registers(enum sim_doorbell_command command, uint32_t ecx, uint64_t rsi)
{
    return (struct sim_registers){
        .rax = SIGNATURE, .rbx = command, .rcx = ecx, .rdx = SIM_PORT_DOORBELL, .rsi = rsi};
}

/* One access that is not held: status and ECX. */
static void assert_outcome(struct fix *f, struct sim_registers r, uint32_t status, uint32_t ecx)
{
    const uint64_t rbp = r.rbp;
    assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_DONE);
    assert_int_equal(r.rax, ANSWER);
    assert_int_equal((uint32_t)r.rbx, status);
    assert_int_equal((uint32_t)r.rcx, ecx);
    assert_int_equal(r.rbp, rbp);
}

static void open_bell(struct fix *f)
{
    assert_outcome(f, command_registers(SIM_DOORBELL_OPEN, 1, WORD), DONE, 1);
}

static uint32_t word(const struct fix *f)
{
    return kd_load_u32(f->memory + (WORD - BASE));
}

static void assert_room_untouched(const struct fix *f)
{
    for (unsigned i = 0; i < BYTES_MAX; i++)
        assert_int_equal(f->memory[ROOM - BASE + i], 0xEE);
}

static void run_until(struct fix *f, uint64_t time_ns)
{
    while (sim_step(f->world, time_ns))
        continue;
}

static void d1_open_writes_the_word_as_it_is(void **state)
{
    struct fix *f = *state;
    kd_store_u32(f->memory, 1);
    open_bell(f);
    assert_int_equal(word(f), 0);
    sim_doorbell_attention(f->doorbell, true);
    assert_int_equal(word(f), 1);
    kd_store_u32(f->memory, 0x12345678);
    open_bell(f); /* another session in place of the first */
    assert_int_equal(word(f), 1);
    sim_doorbell_attention(f->doorbell, false);
    assert_int_equal(word(f), 0);
}

static void d2_a_message_and_its_reply_in_one_access(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
    assert_int_equal(f->messages, 1);
    assert_int_equal(f->message_bytes, HELLO_BYTES);
    assert_memory_equal(f->message, f->memory + (REQUEST - BASE), HELLO_BYTES);
    assert_int_equal(f->memory[ROOM - BASE + HELLO_BYTES - 1], 0x77);
    assert_int_equal(f->memory[ROOM - BASE + HELLO_BYTES], 0xEE);
    assert_int_equal(sim_doorbell_rings(f->doorbell), 1);
    assert_int_equal(sim_doorbell_payload_bytes(f->doorbell), 2 * HELLO_BYTES);
    assert_int_equal(f->completions, 0);
}

static void d3_a_reply_that_does_not_fit_is_dropped(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES - 1), TOO_LONG, 0);
    assert_room_untouched(f);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
}

static void d4_lengths_out_of_range_reach_nobody(void **state)
{
    struct fix *f = *state;
    static const uint64_t bad[] = {0, BYTES_MAX + 1, 0x10000, 0x80000000u, 0xFFFFFFFFu, 0x100000020u};
    open_bell(f);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_outcome(f, ring_registers(bad[i], HELLO_BYTES), REFUSED, 0);
        assert_outcome(f, ring_registers(HELLO_BYTES, bad[i]), REFUSED, 0);
    }
    assert_int_equal(f->messages, 0);
    assert_outcome(f, ring_registers(BYTES_MAX, BYTES_MAX), DONE, HELLO_BYTES);
    assert_int_equal(f->message_bytes, BYTES_MAX);
}

static void addresses_outside_of_the_guest_are_refused(void **state)
{
    struct fix *f = *state;
    static const uint64_t bad[] = {0, BASE - 1, BASE + MEMORY_BYTES - 31, UINT64_MAX - 15};
    open_bell(f);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sim_registers r = ring_registers(HELLO_BYTES, HELLO_BYTES);
        r.rsi = bad[i];
        assert_outcome(f, r, REFUSED, 0);
        r = ring_registers(HELLO_BYTES, HELLO_BYTES);
        r.rdi = bad[i];
        assert_outcome(f, r, REFUSED, 0);
    }
    assert_room_untouched(f);
}

static void d5_a_machine_without_one_reads_ones(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = command_registers(SIM_DOORBELL_OPEN, 1, WORD), before = r;
    assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_DONE);
    before.rax = 0xFFFFFFFF;
    assert_memory_equal(&r, &before, sizeof r);
    sim_doorbell_attention(f->doorbell, true);
    assert_int_equal(word(f), 0);
}

static void another_signature_is_not_answered(void **state)
{
    struct fix *f = *state;
    struct sim_registers r = command_registers(SIM_DOORBELL_OPEN, 1, WORD);
    r.rax = 0x564D5868;
    assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_DONE);
    assert_int_equal(r.rax, 0xFFFFFFFF);
    assert_false(sim_doorbell_is_open(f->doorbell));
}

static void d6_d7_without_a_session_it_is_closed_and_writes_nothing(void **state)
{
    struct fix *f = *state;
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    open_bell(f);
    assert_outcome(f, command_registers(SIM_DOORBELL_CLOSE, 0, 0), DONE, 0);
    sim_doorbell_attention(f->doorbell, true);
    assert_int_equal(word(f), 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    open_bell(f);
    sim_doorbell_reset(f->doorbell);
    kd_store_u32(f->memory, 0x55);
    sim_doorbell_attention(f->doorbell, false);
    assert_int_equal(word(f), 0x55); /* somebody else's by now */
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    assert_int_equal(f->messages, 0);
}

static void d8_d9_what_cannot_be_opened_is_refused(void **state)
{
    struct fix *f = *state;
    assert_outcome(f, command_registers(SIM_DOORBELL_OPEN, 0, WORD), REFUSED, 0);
    assert_outcome(f, command_registers(SIM_DOORBELL_OPEN, 1, WORD + 2), REFUSED, 0);
    assert_outcome(f, command_registers(SIM_DOORBELL_OPEN, 1, BASE - 4), REFUSED, 0);
    assert_outcome(f, command_registers((enum sim_doorbell_command)9, 1, WORD), REFUSED, 0);
    assert_false(sim_doorbell_is_open(f->doorbell));
    assert_outcome(f, command_registers(SIM_DOORBELL_OPEN, 7, WORD), DONE, 1); /* the highest in common */
}

static struct sim_registers hold(struct fix *f)
{
    struct sim_registers r = ring_registers(HELLO_BYTES, HELLO_BYTES);
    f->answers_later = true;
    assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_HELD);
    return r;
}

static void a_held_call_completes_when_the_answer_comes(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    struct sim_registers r = hold(f);
    assert_int_equal(f->completions, 0);
    answer_hello(f);
    assert_int_equal(f->completions, 1);
    sim_doorbell_resume(f->doorbell, &r);
    assert_int_equal((uint32_t)r.rbx, DONE);
    assert_int_equal((uint32_t)r.rcx, HELLO_BYTES);
    assert_int_equal(f->memory[ROOM - BASE], 0x77);
    answer_hello(f); /* to nobody */
    assert_int_equal(f->completions, 1);
}

static void a_struck_call_ends_with_again_and_nothing_written(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    struct sim_registers r = hold(f);
    sim_doorbell_strike(f->doorbell);
    assert_int_equal(f->completions, 1);
    sim_doorbell_resume(f->doorbell, &r);
    assert_int_equal((uint32_t)r.rbx, AGAIN);
    answer_hello(f);
    assert_room_untouched(f);
    sim_doorbell_strike(f->doorbell);
    assert_int_equal(f->completions, 1);
}

static void a_reset_strikes_a_held_call_without_a_word(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    (void)hold(f);
    sim_doorbell_reset(f->doorbell);
    answer_hello(f);
    assert_int_equal(f->completions, 0);
    assert_room_untouched(f);
}

static void nobody_behind_it_is_said_in_a_call_too(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    struct sim_registers r = hold(f);
    sim_doorbell_nobody(f->doorbell);
    assert_int_equal(f->completions, 1);
    sim_doorbell_resume(f->doorbell, &r);
    assert_int_equal((uint32_t)r.rbx, NO_RELAY);
    assert_true(sim_doorbell_is_open(f->doorbell));
}

/* Rule 11: the word is in memory that went back, and the level did not. */
static void a_restore_writes_the_word_as_the_level_is_now(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    const struct sim_doorbell_session kept = sim_doorbell_save(f->doorbell);
    sim_doorbell_attention(f->doorbell, true);
    sim_doorbell_reset(f->doorbell);
    kd_store_u32(f->memory, 0);
    sim_doorbell_load(f->doorbell, &kept);
    assert_int_equal(word(f), 1);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
}

static void strike_next(struct fix *f, enum sim_fault_layer layer, enum sim_fault_direction direction,
                        enum sim_fault_kind kind, uint32_t value)
{
    const struct sim_fault_rule rule = {.layer = layer,
                                        .direction = direction,
                                        .kind = kind,
                                        .packet = SIM_PACKET_ANY,
                                        .nth = 1,
                                        .count = 1,
                                        .delay_ns = SIM_MS(1),
                                        .len_bytes = value,
                                        .value = value,
                                        .bit = value};
    assert_int_equal(sim_faults_add(f->faults, &rule), KD_OK);
}

static void a_lost_message_looks_like_a_session_that_is_gone(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_LOSE, 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    assert_int_equal(f->messages, 0);
    open_bell(f);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_LOSE, 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    assert_int_equal(f->messages, 1);
    assert_room_untouched(f);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
}

static void doubled_cut_flipped_and_delayed_messages(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_DUPLICATE, 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
    assert_int_equal(f->messages, 2);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REQUEST, SIM_FAULT_TRUNCATE, 5);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
    assert_int_equal(f->message_bytes, 5);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_TRUNCATE, 7);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, 7);
    strike_next(f, SIM_FAULT_RPC, SIM_FAULT_REPLY, SIM_FAULT_FLIP, 8);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, HELLO_BYTES);
    assert_int_equal(f->memory[ROOM - BASE + 1], 0x76);
    static const enum sim_fault_direction directions[] = {SIM_FAULT_REQUEST, SIM_FAULT_REPLY};
    for (unsigned i = 0; i < 2; i++) {
        struct sim_registers r = ring_registers(HELLO_BYTES, HELLO_BYTES);
        const unsigned before = f->completions;
        strike_next(f, SIM_FAULT_RPC, directions[i], SIM_FAULT_DELAY, 0);
        assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_HELD);
        run_until(f, sim_now(f->world) + SIM_MS(2));
        assert_int_equal(f->completions, before + 1);
        sim_doorbell_resume(f->doorbell, &r);
        assert_int_equal((uint32_t)r.rbx, DONE);
    }
}

static void an_access_may_be_lied_about(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    strike_next(f, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_STATUS, 0x12);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), 0x12, HELLO_BYTES);
    strike_next(f, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_LENGTH, 0xFFFFFFF0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), DONE, 0xFFFFFFF0);
    strike_next(f, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_CHECKPOINT, 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), AGAIN, 0);
    strike_next(f, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_FORGET, 0);
    assert_outcome(f, ring_registers(HELLO_BYTES, HELLO_BYTES), CLOSED, 0);
    assert_int_equal(f->messages, 2);
    strike_next(f, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, SIM_FAULT_ABSENT, 0);
    struct sim_registers r = command_registers(SIM_DOORBELL_OPEN, 1, WORD);
    assert_int_equal(sim_doorbell_access(f->doorbell, &r), SIM_EXIT_DONE);
    assert_int_equal(r.rax, 0xFFFFFFFF);
}

/* A careless client must not come to rely on what happens to be there. */
static void what_means_nothing_is_anything(void **state)
{
    struct fix *f = *state;
    open_bell(f);
    struct sim_registers first = ring_registers(HELLO_BYTES, HELLO_BYTES), second = first;
    assert_int_equal(sim_doorbell_access(f->doorbell, &first), SIM_EXIT_DONE);
    assert_int_equal(sim_doorbell_access(f->doorbell, &second), SIM_EXIT_DONE);
    assert_true(first.rsi != second.rsi && first.rdi != second.rdi && first.rdx != second.rdx);
    assert_true(first.rbx >> 32 != second.rbx >> 32 && first.rcx >> 32 != second.rcx >> 32);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(d1_open_writes_the_word_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d2_a_message_and_its_reply_in_one_access, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d3_a_reply_that_does_not_fit_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d4_lengths_out_of_range_reach_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_outside_of_the_guest_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d5_a_machine_without_one_reads_ones, set_up_absent, tear_down),
        cmocka_unit_test_setup_teardown(another_signature_is_not_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d6_d7_without_a_session_it_is_closed_and_writes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(d8_d9_what_cannot_be_opened_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_call_completes_when_the_answer_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_struck_call_ends_with_again_and_nothing_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_strikes_a_held_call_without_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_behind_it_is_said_in_a_call_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restore_writes_the_word_as_the_level_is_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_message_looks_like_a_session_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubled_cut_flipped_and_delayed_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_access_may_be_lied_about, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_means_nothing_is_anything, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
