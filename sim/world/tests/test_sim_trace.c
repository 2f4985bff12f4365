/* Goal: the hash is a function of the records alone, and the ring and file show what was recorded.
 * Method: small histories that differ in one thing. */
#include "sim/world/sim_trace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct sim_record record_at(uint64_t time_ns)
{
    return (struct sim_record){.time_ns = time_ns, .kind = SIM_RECORD_EXIT, .a = 0x5658, .b = 4, .c = 1, .d = 2};
}

static uint64_t hash_of(const struct sim_record *record, const char *payload)
{
    struct sim_trace *trace = sim_trace_create();
    sim_trace_add(trace, record, payload, strlen(payload));
    uint64_t hash = sim_trace_hash(trace);
    sim_trace_destroy(trace);
    return hash;
}

static void equal_records_give_equal_hashes(void **state)
{
    (void)state;
    struct sim_record record = record_at(5);
    assert_int_equal(hash_of(&record, "body"), hash_of(&record, "body"));
}

static void every_field_and_the_payload_change_the_hash(void **state)
{
    (void)state;
    const struct sim_record base = record_at(5);
    uint64_t hash = hash_of(&base, "body");
    struct sim_record other[] = {base, base, base, base, base, base, base};
    other[0].time_ns++;
    other[1].kind = SIM_RECORD_API;
    other[2].vm++;
    other[3].a++;
    other[4].b++;
    other[5].c++;
    other[6].d++;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_int_not_equal(hash_of(&other[i], "body"), hash);
    assert_int_not_equal(hash_of(&base, "bodz"), hash);
    assert_int_not_equal(hash_of(&base, ""), hash);
}

static void the_hash_is_the_same_on_every_machine(void **state)
{
    (void)state;
    /* The 56 packed bytes, written by hand, through xxh64sum. */
    struct sim_record record = record_at(5);
    assert_int_equal(hash_of(&record, ""), 0x51fdf0a88c9571b4u);
}

static void the_ring_keeps_the_last_records(void **state)
{
    (void)state;
    struct sim_trace *trace = sim_trace_create();
    assert_int_equal(sim_trace_ring_count(trace), 0);
    for (uint64_t i = 0; i < SIM_TRACE_RING + 3; i++) {
        struct sim_record record = record_at(i);
        sim_trace_add(trace, &record, NULL, 0);
    }
    assert_int_equal(sim_trace_count(trace), SIM_TRACE_RING + 3);
    assert_int_equal(sim_trace_ring_count(trace), SIM_TRACE_RING);
    assert_int_equal(sim_trace_ring(trace, 0)->time_ns, 3);
    assert_int_equal(sim_trace_ring(trace, SIM_TRACE_RING - 1)->time_ns, SIM_TRACE_RING + 2);
    sim_trace_destroy(trace);
}

static void writing_does_not_change_the_hash(void **state)
{
    (void)state;
    struct sim_record record = record_at(5);
    struct sim_trace *trace = sim_trace_create();
    FILE *file = tmpfile();
    assert_non_null(file);
    sim_trace_write_to(trace, file);
    sim_trace_add(trace, &record, NULL, 0);
    assert_int_equal(sim_trace_hash(trace), hash_of(&record, ""));
    sim_trace_destroy(trace);
    char line[256];
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "vm0 exit     5658 4 1 2"));
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_records_give_equal_hashes),
        cmocka_unit_test(every_field_and_the_payload_change_the_hash),
        cmocka_unit_test(the_hash_is_the_same_on_every_machine),
        cmocka_unit_test(the_ring_keeps_the_last_records),
        cmocka_unit_test(writing_does_not_change_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
