/* Goal: every text is either the address that a person means or refused with the reason.
 * Method: tables of texts; what is accepted is printed again and must read the same. */
#include "transport/relay/relay_address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void good_addresses_are_read_and_printed(void **state)
{
    static const struct {
        const char *text;
        const char *printed;
    } rows[] = {
        {"unix:/run/vm.sock", "unix:/run/vm.sock"}, {"unix:relative", "unix:relative"},
        {"unix:with:colons", "unix:with:colons"},   {"tcp:127.0.0.1:5005", "tcp:127.0.0.1:5005"},
        {"tcp:127.8.9.10:1", "tcp:127.8.9.10:1"},   {"tcp:localhost:65535", "tcp:127.0.0.1:65535"},
        {"tcp:127.0.0.1:0", "tcp:127.0.0.1:0"},     {"tcp:[::1]:80", "tcp:[::1]:80"},
        {"tcp:[0:0::1]:80", "tcp:[::1]:80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct relay_address address;
        char text[RELAY_ADDRESS_TEXT_BYTES];
        const char *why = NULL;
        assert_int_equal(relay_address_parse(&address, rows[i].text, &why), KD_OK);
        relay_address_print(&address, text);
        assert_string_equal(text, rows[i].printed);
    }
}

static void bad_addresses_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *text;
        const char *why; /* a part of it */
    } rows[] = {
        {"", "unix:PATH or tcp:HOST:PORT"},
        {"/run/vm.sock", "unix:PATH or tcp:HOST:PORT"},
        {"udp:127.0.0.1:1", "unix:PATH or tcp:HOST:PORT"},
        {"unix:", "path is missing"},
        {"tcp:", "HOST:PORT"},
        {"tcp:5005", "HOST:PORT"},
        {"tcp::5005", "HOST:PORT"},
        {"tcp:127.0.0.1:", "port"},
        {"tcp:127.0.0.1:65536", "port"},
        {"tcp:127.0.0.1:99999999999999999999", "port"},
        {"tcp:127.0.0.1:-1", "port"},
        {"tcp:127.0.0.1: 1", "port"},
        {"tcp:127.0.0.1:1x", "port"},
        {"tcp:0.0.0.0:1", "loopback"},
        {"tcp:192.168.0.1:1", "loopback"},
        {"tcp:128.0.0.1:1", "loopback"},
        {"tcp:[::]:1", "loopback"},
        {"tcp:[::2]:1", "loopback"},
        {"tcp:[::ffff:127.0.0.1]:1", "loopback"},
        {"tcp:example.org:1", "neither localhost nor an IP address"},
        {"tcp:127.1:1", "neither localhost nor an IP address"},
        {"tcp:[]:1", "neither localhost nor an IP address"},
        {"tcp:[::1:1", "closing bracket"},
        {"tcp:[:1", "closing bracket"},
        {"tcp:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
         "HOST:PORT"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct relay_address address;
        const char *why = NULL;
        assert_int_equal(relay_address_parse(&address, rows[i].text, &why), KD_ERR_ARGUMENT);
        if (strstr(why, rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].text, why);
    }
}

static void a_path_may_be_as_long_as_the_socket_allows_and_no_longer(void **state)
{
    char text[5 + RELAY_PATH_BYTES + 1] = "unix:";
    struct relay_address address;
    const char *why = NULL;
    (void)state;
    memset(text + 5, 'p', RELAY_PATH_BYTES - 1);
    assert_int_equal(relay_address_parse(&address, text, &why), KD_OK);
    assert_string_equal(address.path, text + 5);
    text[5 + RELAY_PATH_BYTES - 1] = 'p';
    assert_int_equal(relay_address_parse(&address, text, &why), KD_ERR_ARGUMENT);
    assert_non_null(strstr(why, "longer"));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_read_and_printed),
        cmocka_unit_test(bad_addresses_are_refused_with_the_reason),
        cmocka_unit_test(a_path_may_be_as_long_as_the_socket_allows_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
