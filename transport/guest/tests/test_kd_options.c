/* Goal:   boot options are read as Windows users write them, and nonsense changes nothing.
 * Method: a table of option strings and what comes of them. */
#include "transport/guest/kd_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *text;
    uint32_t com, baud, polls;
};

static void assert_row(const struct row *row)
{
    struct kd_options options;
    kd_options_default(&options);
    kd_options_parse(&options, row->text);
    if (options.com != row->com || options.baud != row->baud || options.polls != row->polls)
        fail_msg("\"%s\" gave COM%u, %u baud, %u polls", row->text == NULL ? "NULL" : row->text, options.com,
                 options.baud, options.polls);
}

static void options_are_read_in_any_case_and_order(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NULL, 2, 115200, 204800},
        {"", 2, 115200, 204800},
        {"DEBUGPORT=COM1 BAUDRATE=57600 KDPOLLS=33333", 1, 57600, 33333},
        {"kdpolls=1 baudrate=2 debugport=com4", 4, 2, 1},
        {"/DEBUG /DebugPort=Com3/BaudRate=9600", 3, 9600, 204800},
        {"  NOEXECUTE=OPTIN\tKDPOLLS=4294967294", 2, 115200, 4294967294u},
        {"KDPOLLS=7 KDPOLLS=8", 2, 115200, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_row(&rows[i]);
}

static void nonsense_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "DEBUGPORT=COM0",
        "DEBUGPORT=COM5",
        "DEBUGPORT=COM",
        "DEBUGPORT=COM1x",
        "DEBUGPORT=1394",
        "DEBUGPORT=NET",
        "DEBUGPORT",
        "XDEBUGPORT=COM1",
        "BAUDRATE=0",
        "BAUDRATE=1",
        "BAUDRATE=115201",
        "BAUDRATE=-1",
        "BAUDRATE= 9600",
        "BAUDRATE=99999999999999999999999999",
        "KDPOLLS=0",
        "KDPOLLS=4294967295",
        "KDPOLLS=18446744073709551617",
        "KDPOLLS=0x10",
        "KDPOLLS=",
        "=",
        "COM1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_row(&(struct row){texts[i], 2, 115200, 204800});
}

static void what_is_not_given_stays(void **state)
{
    (void)state;
    struct kd_options options = {.com = 1, .baud = 9600, .polls = 5};
    kd_options_parse(&options, NULL);
    kd_options_parse(&options, "BAUDRATE=19200");
    assert_int_equal(options.com, 1);
    assert_int_equal(options.baud, 19200);
    assert_int_equal(options.polls, 5);
}

/* An exact-size heap copy: the sanitizer sees a read of one byte too many. */
static void nothing_behind_the_end_is_read(void **state)
{
    (void)state;
    static const char text[] = "KDPOLLS=12 DEBUGPORT=COM1";
    for (size_t bytes = 0; bytes < sizeof text; bytes++) {
        char *copy = malloc(bytes + 1);
        assert_non_null(copy);
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
        struct kd_options options;
        kd_options_default(&options);
        kd_options_parse(&options, copy);
        free(copy);
        assert_int_equal(options.com, bytes == sizeof text - 1 ? 1 : 2);
    }
}

static void an_endless_string_is_read_so_far_and_no_further(void **state)
{
    (void)state;
    static char text[KD_OPTIONS_BYTES_MAX + 64];
    memset(text, ' ', sizeof text - 1);
    memcpy(text + KD_OPTIONS_BYTES_MAX + 1, "KDPOLLS=9", 9);
    assert_row(&(struct row){text, 2, 115200, 204800});
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_in_any_case_and_order),
        cmocka_unit_test(nonsense_changes_nothing),
        cmocka_unit_test(what_is_not_given_stays),
        cmocka_unit_test(nothing_behind_the_end_is_read),
        cmocka_unit_test(an_endless_string_is_read_so_far_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
