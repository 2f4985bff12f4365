/* Goal: the option string is found where each version of the loader block has it, and nowhere else.
 * Method: blocks written byte by byte as the versions lay them out, for both pointer sizes. */
#include "transport/guest/dll/kd_loader_block.h"
#include "transport/kd/kd_bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BLOCK_BYTES = 0x200 };

/* A block that begins as XP's does, with a list's pointer; its pointer to the options is placed at offset. */
static void lists_first(uint8_t block[BLOCK_BYTES], unsigned offset, uint64_t options, unsigned pointer_bytes)
{
    kd_fill(block, 0xEE, BLOCK_BYTES);
    kd_store_u64(block, pointer_bytes == 4 ? 0x8003A0A08003A0A0u : 0xFFFFF8000003A0A0u);
    if (pointer_bytes == 4)
        kd_store_u32(block + offset, (uint32_t)options);
    else
        kd_store_u64(block + offset, options);
}

static void version_first(uint8_t block[BLOCK_BYTES], uint32_t major, uint32_t minor, unsigned offset,
                          uint64_t options, unsigned pointer_bytes)
{
    lists_first(block, offset, options, pointer_bytes);
    kd_store_u32(block, major);
    kd_store_u32(block + 4, minor);
}

static void each_known_version_has_its_place(void **state)
{
    (void)state;
    uint8_t block[BLOCK_BYTES];
    lists_first(block, 0x44, 0x80041234u, 4);
    assert_int_equal(kd_loader_block_options(block, 4), 0x80041234u);
    lists_first(block, 0x88, 0xFFFFF80000041234u, 8);
    assert_int_equal(kd_loader_block_options(block, 8), 0xFFFFF80000041234u);
    version_first(block, 6, 1, 0x54, 0x80041234u, 4);
    assert_int_equal(kd_loader_block_options(block, 4), 0x80041234u);
    version_first(block, 6, 1, 0x98, 0xFFFFF80000041234u, 8);
    assert_int_equal(kd_loader_block_options(block, 8), 0xFFFFF80000041234u);
    version_first(block, 10, 0, 0x78, 0x80041234u, 4);
    assert_int_equal(kd_loader_block_options(block, 4), 0x80041234u);
    version_first(block, 10, 0, 0xD8, 0xFFFFF80000041234u, 8);
    assert_int_equal(kd_loader_block_options(block, 8), 0xFFFFF80000041234u);
}

static void an_unknown_version_is_not_looked_into(void **state)
{
    (void)state;
    uint8_t block[BLOCK_BYTES];
    static const uint32_t unknown[][2] = {{0, 0}, {6, 2}, {6, 3}, {10, 1}, {11, 0}};
    for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        version_first(block, unknown[i][0], unknown[i][1], 0x44, 0x80041234u, 4);
        assert_int_equal(kd_loader_block_options(block, 4), 0);
        version_first(block, unknown[i][0], unknown[i][1], 0x88, 0xFFFFF80000041234u, 8);
        assert_int_equal(kd_loader_block_options(block, 8), 0);
    }
}

static void an_address_below_the_kernel_is_no_string(void **state)
{
    (void)state;
    uint8_t block[BLOCK_BYTES];
    lists_first(block, 0x44, 0, 4);
    assert_int_equal(kd_loader_block_options(block, 4), 0);
    lists_first(block, 0x44, 0x7FFFFFFFu, 4);
    assert_int_equal(kd_loader_block_options(block, 4), 0);
    lists_first(block, 0x88, 0x00007FFFFFFFFFFFu, 8);
    assert_int_equal(kd_loader_block_options(block, 8), 0);
    lists_first(block, 0x88, 0xFFFF7FFFFFFFFFFFu, 8);
    assert_int_equal(kd_loader_block_options(block, 8), 0);
}

static void no_block_has_no_options(void **state)
{
    (void)state;
    assert_int_equal(kd_loader_block_options(NULL, 4), 0);
    assert_int_equal(kd_loader_block_options(NULL, 8), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_known_version_has_its_place),
        cmocka_unit_test(an_unknown_version_is_not_looked_into),
        cmocka_unit_test(an_address_below_the_kernel_is_no_string),
        cmocka_unit_test(no_block_has_no_options),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
