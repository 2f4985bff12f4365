/* Goal: the record of an exit holds every defined register, and no other one can change the history.
 * Method: record one exit, then the same exit with one register bit changed, and compare the trace's hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/device/sim_backdoor.h"
#include "sim/machine/sim_exit_record.h"

#define MAGIC      0x564D5868u
#define UPPER_HALF 0xABCD000000000000u
/* A bit of every register, EDX's upper half too; in ECX a status bit that decides nothing. */
#define BIT_OF_ALL 0x00200000u

/* One access: what the guest loaded and what it found afterwards. */
struct access {
    struct sim_registers before, after;
};

static struct sim_registers message(uint32_t type, uint32_t ebx, uint32_t channel)
{
    return (struct sim_registers){.rax = MAGIC,
                                  .rbx = ebx,
                                  .rcx = type << 16 | 0x1E,
                                  .rdx = (uint64_t)channel << 16 | 0x5658,
                                  .rsi = 0x9E3779B9,
                                  .rdi = 0x7F4A7C15};
}

static struct sim_registers answer(uint32_t ebx, uint32_t status, uint32_t edx_high)
{
    return (struct sim_registers){.rbx = ebx,
                                  .rcx = (uint64_t)status << 16,
                                  .rdx = (uint64_t)edx_high << 16,
                                  .rsi = 0x11111111,
                                  .rdi = 0x22222222};
}

static uint64_t hash_of(const struct access *access)
{
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(1, &cost);
    sim_record_backdoor(world, 0, &access->before, &access->after);
    uint64_t hash = sim_trace_hash(sim_trace(world));
    sim_world_destroy(world);
    return hash;
}

/* Registers as the letters A B C D S I: rax, rbx, rcx, rdx, rsi, rdi. */
static uint64_t *register_of(struct sim_registers *registers, char letter)
{
    switch (letter) {
    case 'A':
        return &registers->rax;
    case 'B':
        return &registers->rbx;
    case 'C':
        return &registers->rcx;
    case 'D':
        return &registers->rdx;
    case 'S':
        return &registers->rsi;
    default:
        return &registers->rdi;
    }
}

static bool in_set(const char *set, char letter)
{
    for (; *set != 0; set++)
        if (*set == letter)
            return true;
    return false;
}

/* Changes one register after the other: those of the set change the record, and no other does. `fixed` is
 * left as it is, because it says which set holds. */
static void assert_defined(const struct access *access, bool after, const char *set, char fixed)
{
    uint64_t plain = hash_of(access);
    for (const char *letter = "ABCDSI"; *letter != 0; letter++) {
        struct access changed = *access;
        uint64_t *value = register_of(after ? &changed.after : &changed.before, *letter);
        *value ^= UPPER_HALF;
        assert_int_equal(hash_of(&changed), plain);
        *value ^= UPPER_HALF | BIT_OF_ALL;
        if (*letter == fixed)
            continue;
        if (in_set(set, *letter))
            assert_int_not_equal(hash_of(&changed), plain);
        else
            assert_int_equal(hash_of(&changed), plain);
    }
}

static void each_message_records_what_its_type_defines(void **state)
{
    (void)state;
    static const struct {
        uint32_t type, status;
        uint32_t ebx;
        const char *before, *after;
    } rows[] = {
        {0, 0x0001, 0xC9435052, "BC", "CDSI"}, {0, 0x0001, 0x49435052, "BC", "CD"},
        {0, 0x0000, 0xC9435052, "BC", "C"},    {1, 0x0081, 20, "BCDSI", "C"},
        {1, 0x0000, 20, "BCDSI", "C"},         {2, 0x0001, 0x6F666E69, "BCDSI", "C"},
        {3, 0x0083, 0, "CDSI", "BCD"},         {3, 0x0081, 0, "CDSI", "C"},
        {4, 0x0001, 1, "BCDSI", "BCD"},        {4, 0x0010, 1, "BCDSI", "C"},
        {5, 0x0001, 1, "BCDSI", "C"},          {6, 0x0001, 0, "CDSI", "C"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct access access = {message(rows[i].type, rows[i].ebx, 3), answer(7, rows[i].status, 1)};
        assert_defined(&access, false, rows[i].before, 'C');
        assert_defined(&access, true, rows[i].after, 0);
    }
}

static void a_version_question_records_its_three_registers(void **state)
{
    (void)state;
    struct access access = {
        .before = {.rax = MAGIC, .rbx = 0xA9B2A797, .rcx = 0xFFFF000A, .rdx = 0x5658},
        .after = {.rax = 6, .rbx = MAGIC, .rcx = 4, .rdx = 0x5658},
    };
    assert_defined(&access, false, "ABC", 'C');
    assert_defined(&access, true, "ABC", 0);
}

static uint64_t hash_of_string(bool out, const struct sim_registers *before,
                               const struct sim_registers *after, const char *payload, size_t payload_bytes)
{
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(1, &cost);
    sim_record_string(world, 0, out, before, after, (const uint8_t *)payload, payload_bytes);
    uint64_t hash = sim_trace_hash(sim_trace(world));
    sim_world_destroy(world);
    return hash;
}

/* The address registers of V5, out: RSI; in: RDI. */
static void a_string_call_records_payload_and_cookies_and_no_address(void **state)
{
    (void)state;
    for (int out = 0; out < 2; out++) {
        struct sim_registers before = {.rax = MAGIC,
                                       .rbx = 0x00010000,
                                       .rcx = 4,
                                       .rdx = 0x00035659,
                                       .rsi = 0x402000,
                                       .rdi = 0x403000,
                                       .rbp = 0x7F4A7C15};
        struct sim_registers after = {.rbx = 0x00010000};
        uint64_t plain = hash_of_string(out, &before, &after, "abcd", 4);
        assert_int_not_equal(hash_of_string(out, &before, &after, "abce", 4), plain);
        assert_int_not_equal(hash_of_string(!out, &before, &after, "abcd", 4), plain);

        struct sim_registers changed = before;
        *(out ? &changed.rsi : &changed.rdi) += 0x1000;
        changed.rax = 0;
        assert_int_equal(hash_of_string(out, &changed, &after, "abcd", 4), plain);
        changed = before;
        changed.rbp ^= 1;
        assert_int_not_equal(hash_of_string(out, &changed, &after, "abcd", 4), plain);
        changed = before;
        *(out ? &changed.rdi : &changed.rsi) ^= 1;
        assert_int_not_equal(hash_of_string(out, &changed, &after, "abcd", 4), plain);
        changed = before;
        changed.rcx++;
        assert_int_not_equal(hash_of_string(out, &changed, &after, "abcd", 4), plain);

        struct sim_registers failed = {.rbx = 0x00100000, .rcx = 9, .rsi = 8, .rdi = 7};
        assert_int_not_equal(hash_of_string(out, &before, &failed, "abcd", 4), plain);
        failed.rbx = 0x00010000 | UPPER_HALF;
        assert_int_equal(hash_of_string(out, &before, &failed, "abcd", 4), plain);
    }
}

static void a_port_access_has_its_value_on_its_side(void **state)
{
    (void)state;
    const struct sim_cost cost = sim_cost_default();
    struct sim_world *world = sim_world_create(1, &cost);
    sim_record_port(world, 5, 0x2FD, 8, false, 0x60);
    sim_record_port(world, 5, 0x2F8, 8, true, 0x30);
    const struct sim_record *in = sim_trace_ring(sim_trace(world), 0);
    const struct sim_record *out = sim_trace_ring(sim_trace(world), 1);
    assert_int_equal(in->kind, SIM_RECORD_EXIT);
    assert_int_equal(in->vm, 5);
    assert_int_equal(in->a, 0x2FD);
    assert_int_equal(in->b, 8);
    assert_int_equal(in->c, 0);
    assert_int_equal(in->d, 0x60);
    assert_int_equal(out->b, 8 | 1 << 8);
    assert_int_equal(out->c, 0x30);
    assert_int_equal(out->d, 0);
    sim_world_destroy(world);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_access_has_its_value_on_its_side),
        cmocka_unit_test(a_version_question_records_its_three_registers),
        cmocka_unit_test(each_message_records_what_its_type_defines),
        cmocka_unit_test(a_string_call_records_payload_and_cookies_and_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
