/* Goal: nobody else can reach a relay's socket, and a relay takes nobody else's away.
 * Method: real sockets in a directory of the test's own. */
#include "transport/relay/relay_listen.h"
#include "transport/relay/tests/relay_folder.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fix {
    char folder[RELAY_FOLDER_BYTES];
    struct relay_address address;
    struct relay_listener listener;
    char why[RELAY_WHY_BYTES];
};

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));
    if (f == NULL || !relay_folder_make(f->folder))
        return -1;
    f->address.kind = RELAY_ADDRESS_UNIX;
    snprintf(f->address.path, sizeof(f->address.path), "%s/s", f->folder);
    f->listener.fd = -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;
    if (f->listener.fd >= 0)
        close(f->listener.fd);
    unlink(f->address.path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static bool exists(const char *path)
{
    struct stat file;
    return lstat(path, &file) == 0;
}

static void a_unix_socket_is_its_owners_alone(void **state)
{
    struct fix *f = *state;
    struct stat file;
    mode_t before = umask(0);
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_OK);
    assert_int_equal(umask(before), 0); /* and the process's umask is what it was */
    assert_int_equal(lstat(f->address.path, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 0777, 0600);
}

static void a_dead_processes_socket_is_replaced(void **state)
{
    struct fix *f = *state;
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_OK);
    close(f->listener.fd); /* as if killed: the file stays */
    assert_true(exists(f->address.path));
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_OK);
}

static void a_live_socket_is_refused_and_stays(void **state)
{
    struct fix *f = *state;
    struct relay_listener second;
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_OK);
    assert_int_equal(listen(f->listener.fd, 1), 0);
    assert_int_equal(relay_listen(&second, &f->address, f->why), KD_ERR_BUSY);
    assert_non_null(strstr(f->why, "live process"));
    assert_non_null(strstr(f->why, f->address.path));
    relay_listen_remove(&second);
    assert_true(exists(f->address.path));
}

static void a_file_that_is_no_socket_is_refused_and_stays(void **state)
{
    struct fix *f = *state;
    int fd = open(f->address.path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_ERR_ARGUMENT);
    assert_non_null(strstr(f->why, "no socket"));
    assert_true(exists(f->address.path));
}

static void a_missing_folder_is_named(void **state)
{
    struct fix *f = *state;
    struct relay_address address = f->address;
    strcat(address.path, "/below/s");
    assert_int_equal(relay_listen(&f->listener, &address, f->why), KD_ERR_NO_DEVICE);
    assert_non_null(strstr(f->why, address.path));
}

static void removing_removes_only_the_own_file(void **state)
{
    struct fix *f = *state;
    struct relay_listener other;
    assert_int_equal(relay_listen(&f->listener, &f->address, f->why), KD_OK);
    char moved[RELAY_PATH_BYTES + 8];
    snprintf(moved, sizeof(moved), "%s-old", f->address.path); /* so that its inode is not given out again */
    assert_int_equal(rename(f->address.path, moved), 0);
    assert_int_equal(relay_listen(&other, &f->address, f->why), KD_OK);
    relay_listen_remove(&f->listener);
    assert_true(exists(f->address.path));
    relay_listen_remove(&other);
    assert_false(exists(f->address.path));
    close(other.fd);
    unlink(moved);
}

static void port_zero_becomes_the_port_that_was_chosen(void **state)
{
    struct fix *f = *state;
    struct relay_listener second;
    const struct relay_address any = {.kind = RELAY_ADDRESS_TCP, .ip = {127, 0, 0, 1}};
    assert_int_equal(relay_listen(&f->listener, &any, f->why), KD_OK);
    assert_int_not_equal(f->listener.address.port, 0);
    assert_int_equal(listen(f->listener.fd, 1), 0);
    assert_int_equal(relay_listen(&second, &f->listener.address, f->why), KD_ERR_BUSY);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unix_socket_is_its_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_processes_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_socket_is_refused_and_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_socket_is_refused_and_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_removes_only_the_own_file, setup, teardown),
        cmocka_unit_test_setup_teardown(port_zero_becomes_the_port_that_was_chosen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
