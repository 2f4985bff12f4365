/* Goal: bytes, frame header, checksum and status names, the ground under every module.
 * Method: known bytes and limits. */
#include "transport/kd/kd_status.h"
#include "transport/kd/kd_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_little_endian(void **state)
{
    static const uint8_t bytes[8] = {0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88};
    uint8_t stored[8];
    (void)state;
    assert_int_equal(kd_load_u16(bytes), 0x8201);
    assert_int_equal(kd_load_u32(bytes), 0x84038201u);
    assert_true(kd_load_u64(bytes) == 0x8807860584038201u);
    kd_store_u64(stored, 0x8807860584038201u);
    assert_memory_equal(stored, bytes, sizeof(bytes));
}

static void copy_fill_and_equal_keep_to_their_length(void **state)
{
    uint8_t left[4] = {1, 2, 3, 4}, right[4] = {9, 9, 9, 9};
    (void)state;
    kd_copy(right, left, 3);
    assert_memory_equal(right, ((const uint8_t[]){1, 2, 3, 9}), 4);
    assert_true(kd_equal(left, right, 3));
    assert_false(kd_equal(left, right, 4));
    assert_true(kd_equal(left, right, 0));
    kd_fill(left, 7, 2);
    assert_memory_equal(left, ((const uint8_t[]){7, 7, 3, 4}), 4);
}

/* A word at a time must look like a byte at a time: every short length, at every distance from a word's border. */
static void any_length_at_any_address_is_copied_whole(void **state)
{
    enum { LONGEST = 40, RED = 0xEE };
    uint8_t from[LONGEST + 8], to[LONGEST + 16];
    (void)state;
    for (size_t i = 0; i < sizeof(from); i++)
        from[i] = (uint8_t)(i * 37 + 1);
    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t len = 0; len <= LONGEST; len++) {
            memset(to, RED, sizeof(to));
            kd_copy(to + offset, from + 8 - offset, len);
            assert_memory_equal(to + offset, from + 8 - offset, len);
            for (size_t i = 0; i < sizeof(to); i++)
                if (i < offset || i >= offset + len)
                    assert_int_equal(to[i], RED);
        }
    }
}

static void a_frame_header_has_its_fields_in_place(void **state)
{
    static const uint8_t bytes[16] = {0x30, 0x30, 0x30, 0x30, 2,    0,    0xA0, 0x0F,
                                      0,    8,    0x80, 0x80, 0x60, 0x90, 0x0F, 0};
    const struct kd_frame_header header = {KD_LEADER_DATA, KD_TYPE_MANIPULATE, KD_BODY_BYTES_MAX,
                                           KD_ID_INITIAL | KD_ID_SYNC, 0xF9060};
    struct kd_frame_header loaded;
    uint8_t stored[16];
    (void)state;
    kd_frame_header_store(stored, &header);
    assert_memory_equal(stored, bytes, sizeof(bytes));
    kd_frame_header_load(&loaded, bytes);
    assert_memory_equal(&loaded, &header, sizeof(header));
}

static void the_checksum_adds_unsigned_bytes(void **state)
{
    uint8_t bytes[KD_BODY_BYTES_MAX];
    (void)state;
    memset(bytes, 0xFF, sizeof(bytes));
    assert_int_equal(kd_checksum(0, NULL, 0), 0);
    assert_int_equal(kd_checksum(0, bytes, 1), 0xFF);
    assert_int_equal(kd_checksum(0, bytes, sizeof(bytes)), 0xF9060);
    assert_int_equal(kd_checksum(kd_checksum(0, bytes, 1000), bytes + 1000, 3000), 0xF9060);
}

/* Against the definition, for every length there is; from an odd address, with bytes that fill the side-by-side sums. */
static void the_checksum_is_the_sum_at_every_length(void **state)
{
    uint8_t bytes[1 + KD_BODY_BYTES_MAX];
    uint32_t sum = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i % 3 == 0 ? 0xFF : 0xFF - i * 31 % 251);
    for (size_t len = 0; len <= KD_BODY_BYTES_MAX; len++) {
        assert_int_equal(kd_checksum(7, bytes + 1, len), 7 + sum);
        if (len < KD_BODY_BYTES_MAX)
            sum += bytes[1 + len];
    }
}

static void every_status_has_name_and_phrase(void **state)
{
    (void)state;
    assert_int_equal(KD_OK, 0);
    assert_string_equal(kd_status_name(KD_ERR_TIMEOUT), "KD_ERR_TIMEOUT");
    assert_string_equal(kd_status_phrase(KD_ERR_TIMEOUT), "nobody answered in time");
    for (int value = 0; value >= KD_ERR_CLOSED; value--) {
        assert_string_not_equal(kd_status_name((enum kd_status)value), "KD_ERR_UNKNOWN");
        assert_true(strlen(kd_status_phrase((enum kd_status)value)) > 0);
    }
}

static void a_status_out_of_the_list_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(kd_status_name((enum kd_status)(KD_ERR_CLOSED - 1)), "KD_ERR_UNKNOWN");
    assert_non_null(kd_status_phrase((enum kd_status)(KD_ERR_CLOSED - 1)));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(copy_fill_and_equal_keep_to_their_length),
        cmocka_unit_test(any_length_at_any_address_is_copied_whole),
        cmocka_unit_test(a_frame_header_has_its_fields_in_place),
        cmocka_unit_test(the_checksum_adds_unsigned_bytes),
        cmocka_unit_test(the_checksum_is_the_sum_at_every_length),
        cmocka_unit_test(every_status_has_name_and_phrase),
        cmocka_unit_test(a_status_out_of_the_list_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
