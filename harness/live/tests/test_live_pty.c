/* Goal: a line that is raw, its owner's alone, and tells whether somebody holds it. Method: real ptys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/live/live_pty.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static int hold(const struct live_pty *pty)
{
    int slave = open(pty->name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(slave >= 0);
    return slave;
}

static void it_is_held_while_the_slave_is_open(void **state)
{
    (void)state;
    struct live_pty pty;
    assert_int_equal(live_pty_open(&pty), KD_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(live_pty_is_held(&pty));
        int slave = hold(&pty);
        assert_true(live_pty_is_held(&pty));
        close(slave);
    }
    assert_false(live_pty_is_held(&pty));
    live_pty_close(&pty);
}

static void every_byte_passes_as_it_is(void **state)
{
    (void)state;
    struct live_pty pty;
    assert_int_equal(live_pty_open(&pty), KD_OK);
    int slave = hold(&pty);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i, there = 1, back = 2;
        assert_int_equal(write(pty.master, &byte, 1), 1);
        assert_int_equal(read(slave, &there, 1), 1);
        assert_int_equal(there, byte);
        assert_int_equal(write(slave, &byte, 1), 1);
        assert_int_equal(read(pty.master, &back, 1), 1);
        assert_int_equal(back, byte);
    }
    close(slave);
    live_pty_close(&pty);
}

static void only_its_owner_may_open_it(void **state)
{
    (void)state;
    struct live_pty pty;
    struct stat file;
    assert_int_equal(live_pty_open(&pty), KD_OK);
    assert_int_equal(stat(pty.name, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    live_pty_close(&pty);
}

/* What the one before did not read, and how he had set the line, is not the next one's. */
static void a_renewed_line_is_as_at_first(void **state)
{
    (void)state;
    struct live_pty pty;
    struct termios line;
    char byte;
    assert_int_equal(live_pty_open(&pty), KD_OK);
    int slave = hold(&pty);
    assert_int_equal(tcgetattr(slave, &line), 0);
    line.c_lflag |= ICANON | ECHO;
    assert_int_equal(tcsetattr(slave, TCSANOW, &line), 0);
    assert_int_equal(write(pty.master, "unread\n", 7), 7);
    close(slave);
    live_pty_renew(&pty);
    slave = hold(&pty);
    assert_int_equal(tcgetattr(slave, &line), 0);
    assert_int_equal(line.c_lflag & (ICANON | ECHO), 0);
    assert_int_equal(read(slave, &byte, 1), -1);
    close(slave);
    live_pty_close(&pty);
}

static void a_line_in_use_is_not_renewed(void **state)
{
    (void)state;
    struct live_pty pty;
    char byte = 0;
    assert_int_equal(live_pty_open(&pty), KD_OK);
    int slave = hold(&pty);
    assert_int_equal(write(pty.master, "x", 1), 1);
    live_pty_renew(&pty);
    assert_int_equal(read(slave, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(slave);
    live_pty_close(&pty);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_held_while_the_slave_is_open), cmocka_unit_test(every_byte_passes_as_it_is),
        cmocka_unit_test(only_its_owner_may_open_it),         cmocka_unit_test(a_renewed_line_is_as_at_first),
        cmocka_unit_test(a_line_in_use_is_not_renewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
