#include "harness/live/tests/live_program.h"
#include "harness/live/tests/live_client.h"
#include "transport/relay/tests/relay_folder.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int live_program_setup(void **state)
{
    struct live_program *program = calloc(1, sizeof *program);
    if (program == NULL || !relay_folder_make(program->folder))
        return -1;
    setenv("TMPDIR", program->folder, 1); /* the target's own folder shall be seen to go */
    snprintf(program->path, sizeof program->path, "%s/kd", program->folder);
    snprintf(program->address, sizeof program->address, "unix:%s", program->path);
    signal(SIGPIPE, SIG_IGN);
    *state = program;
    return 0;
}

static void close_pipes(struct live_program *program)
{
    if (program->out > 0)
        close(program->out);
    if (program->err > 0)
        close(program->err);
    program->out = program->err = 0;
    live_program_forget(program);
}

int live_program_teardown(void **state)
{
    struct live_program *program = *state;
    while (program->socket_count > 0)
        live_program_hang_up(program, program->sockets[0]);
    if (program->process > 0)
        (void)live_program_end(program, SIGTERM);
    close_pipes(program);
    unlink(program->path);
    int result = rmdir(program->folder); /* fails when the target left anything behind */
    unsetenv("TMPDIR");
    free(program);
    return result;
}

void live_program_run(struct live_program *program, const char *const *arguments)
{
    int out[2], err[2];
    char *argv[24] = {(char *)(uintptr_t)KDHARNESS, (char *)(uintptr_t) "target"};
    for (unsigned i = 0; arguments[i] != NULL; i++)
        argv[i + 2] = (char *)(uintptr_t)arguments[i];
    close_pipes(program);
    assert_int_equal(pipe(out) | pipe(err), 0);
    program->process = fork();
    assert_true(program->process >= 0);
    if (program->process == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execv(KDHARNESS, argv);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    program->out = out[0];
    program->err = err[0];
}

void live_program_start(struct live_program *program, const char *link, const char *const *more)
{
    program->link = link;
    const char *arguments[20] = {"--listen", program->address, "--link", link};
    for (unsigned i = 0; more != NULL && more[i] != NULL; i++)
        arguments[i + 4] = more[i];
    live_program_run(program, arguments);
    live_program_wait(program, "others: ");
}

/* Returns the number of bytes read, 0 at the end; fails when nothing comes. */
static size_t read_some(int fd, char *to, size_t len_bytes)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, LIVE_CLIENT_FAILURE_MS), 1);
    ssize_t n = read(fd, to, len_bytes);
    if (n < 0 && errno == ECONNRESET)
        return 0;
    assert_true(n >= 0);
    return (size_t)n;
}

const char *live_program_wait(struct live_program *program, const char *words)
{
    const char *found = strstr(program->log, words);
    while (found == NULL) {
        size_t room = sizeof program->log - 1 - program->log_bytes;
        size_t n = read_some(program->out, program->log + program->log_bytes, room);
        if (n == 0)
            fail_msg("the target ended without saying \"%s\": %s", words, program->log);
        program->log_bytes += n;
        program->log[program->log_bytes] = 0;
        found = strstr(program->log, words);
    }
    return found + strlen(words);
}

void live_program_forget(struct live_program *program)
{
    program->log_bytes = 0;
    program->log[0] = 0;
}

int live_program_exit_code(struct live_program *program)
{
    int status;
    assert_int_equal(waitpid(program->process, &status, 0), program->process);
    program->process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int live_program_end(struct live_program *program, int signal_number)
{
    kill(program->process, signal_number);
    return live_program_exit_code(program);
}

void live_program_errors(struct live_program *program, char text[LIVE_TEXT_BYTES])
{
    size_t n = 0, more = 1;
    while (more > 0) {
        more = read_some(program->err, text + n, LIVE_TEXT_BYTES - 1 - n);
        n += more;
    }
    text[n] = 0;
}

int live_program_keep(struct live_program *program, int fd)
{
    assert_true(fd >= 0 && program->socket_count < LIVE_SOCKETS_MAX);
    program->sockets[program->socket_count++] = fd;
    return fd;
}

void live_program_hang_up(struct live_program *program, int fd)
{
    for (unsigned i = 0; i < program->socket_count; i++)
        if (program->sockets[i] == fd)
            program->sockets[i] = program->sockets[--program->socket_count];
    close(fd);
}

int live_program_join(struct live_program *program)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = live_program_keep(program, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    strcpy(to.sun_path, program->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int live_program_join_tcp(struct live_program *program, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = live_program_keep(program, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    to.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

bool live_program_is_closed(int fd)
{
    char byte;
    return read_some(fd, &byte, 1) == 0;
}
