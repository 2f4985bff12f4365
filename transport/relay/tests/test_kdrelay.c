/* Goal: the daemon is the core on sockets: sessions, refusals, bad peers, clean ends, words for every
 * mistake. Method: the real binary, real sockets in a folder of the test's own. Nothing depends on time:
 * every step waits for bytes, for a log line or for the end of the process; poll's limit only bounds a
 * failure. */
#include "transport/relay/tests/relay_folder.h"
#include "transport/relay/tests/relay_lab.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FAILURE_MS = 20000, TEXT_BYTES = 4096, SOCKETS_MAX = 8 };

struct fix {
    char folder[RELAY_FOLDER_BYTES];
    char vm_path[RELAY_FOLDER_BYTES + 8];
    char debugger_path[RELAY_FOLDER_BYTES + 8];
    char vm_argument[RELAY_FOLDER_BYTES + 16];
    char debugger_argument[RELAY_FOLDER_BYTES + 16];
    pid_t process;
    int out;
    int err;
    char log[TEXT_BYTES]; /* stderr so far */
    size_t log_bytes;
    uint64_t token;
    int sockets[SOCKETS_MAX];
    unsigned socket_count;
};

/* ---- the process ---- */

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));
    if (f == NULL || !relay_folder_make(f->folder))
        return -1;
    snprintf(f->vm_path, sizeof(f->vm_path), "%s/vm", f->folder);
    snprintf(f->debugger_path, sizeof(f->debugger_path), "%s/dbg", f->folder);
    snprintf(f->vm_argument, sizeof(f->vm_argument), "unix:%s", f->vm_path);
    snprintf(f->debugger_argument, sizeof(f->debugger_argument), "unix:%s", f->debugger_path);
    *state = f;
    return 0;
}

static void close_pipes(struct fix *f)
{
    if (f->out > 0)
        close(f->out);
    if (f->err > 0)
        close(f->err);
    f->out = 0;
    f->err = 0;
}

static void start(struct fix *f, const char *const *arguments)
{
    int out[2], err[2];
    char *argv[16] = {(char *)(uintptr_t)KDRELAY};
    for (unsigned i = 0; arguments[i] != NULL; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    assert_int_equal(pipe(out) | pipe(err), 0);
    f->process = fork();
    assert_true(f->process >= 0);
    if (f->process == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execv(KDRELAY, argv);
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    f->out = out[0];
    f->err = err[0];
}

/* Returns the number of bytes read, 0 at the end; fails when nothing comes. */
static size_t read_some(int fd, void *to, size_t len_bytes)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, FAILURE_MS);
    assert_int_equal(ready, 1);
    ssize_t n = read(fd, to, len_bytes);
    if (n < 0 && errno == ECONNRESET)
        return 0;
    assert_true(n >= 0);
    return (size_t)n;
}

static void read_line(int fd, char *line, size_t len_bytes)
{
    size_t n = 0;
    do
        assert_true(n + 1 < len_bytes && read_some(fd, line + n, 1) == 1);
    while (line[n++] != '\n');
    line[n] = '\0';
}

static void read_to_end(int fd, char *text, size_t len_bytes)
{
    size_t n = 0, more = 1;
    while (more > 0) {
        more = read_some(fd, text + n, len_bytes - 1 - n);
        n += more;
        assert_true(n < len_bytes - 1);
    }
    text[n] = '\0';
}

static void start_ready(struct fix *f, const char *debugger, const char *hold_ms, char *line,
                        size_t len_bytes)
{
    const char *const arguments[] = {"--vm",      f->vm_argument, "--debugger", debugger,
                                     "--hold-ms", hold_ms,        NULL};
    start(f, arguments);
    read_line(f->out, line, len_bytes);
    assert_memory_equal(line, "ready: ", 7);
}

static void start_as_usual(struct fix *f)
{
    char line[TEXT_BYTES];
    start_ready(f, f->debugger_argument, "60000", line, sizeof(line));
}

/* Waits until the log has said so; what it says stays. */
static void wait_log(struct fix *f, const char *text)
{
    while (strstr(f->log, text) == NULL) {
        size_t n = read_some(f->err, f->log + f->log_bytes, sizeof(f->log) - 1 - f->log_bytes);
        assert_true(n > 0);
        f->log_bytes += n;
        f->log[f->log_bytes] = '\0';
    }
}

/* What the log said until now is not what is waited for next. */
static void forget_log(struct fix *f)
{
    f->log_bytes = 0;
    f->log[0] = '\0';
}

static int exit_code(struct fix *f)
{
    int status;
    assert_int_equal(waitpid(f->process, &status, 0), f->process);
    f->process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int teardown(void **state)
{
    struct fix *f = *state;
    for (unsigned i = 0; i < f->socket_count; i++)
        close(f->sockets[i]);
    if (f->process > 0) {
        kill(f->process, SIGKILL);
        waitpid(f->process, NULL, 0);
    }
    close_pipes(f);
    unlink(f->vm_path);
    unlink(f->debugger_path);
    rmdir(f->folder);
    free(f);
    return 0;
}

/* ---- peers ---- */

static int keep(struct fix *f, int fd)
{
    assert_true(fd >= 0 && f->socket_count < SOCKETS_MAX);
    f->sockets[f->socket_count++] = fd;
    return fd;
}

static int join(struct fix *f, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = keep(f, socket(AF_UNIX, SOCK_STREAM, 0));
    strcpy(to.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static int join_vm(struct fix *f)
{
    int fd = join(f, f->vm_path);
    wait_log(f, "VM connected");
    return fd;
}

static int join_debugger(struct fix *f)
{
    int fd = join(f, f->debugger_path);
    wait_log(f, "debugger connected");
    return fd;
}

static void write_all(int fd, const void *bytes, size_t len_bytes)
{
    assert_int_equal(send(fd, bytes, len_bytes, MSG_NOSIGNAL), len_bytes);
}

static void read_all(int fd, uint8_t *to, size_t len_bytes)
{
    for (size_t n = 0; n < len_bytes;) {
        size_t more = read_some(fd, to + n, len_bytes - n);
        assert_true(more > 0);
        n += more;
    }
}

static void assert_closed(int fd)
{
    uint8_t byte;
    assert_int_equal(read_some(fd, &byte, 1), 0);
}

static void vm_ask(struct fix *f, int fd, struct vm_request *request)
{
    uint8_t bytes[VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES_MAX] = {0};
    uint8_t *message = bytes + VM_STREAM_PREFIX_BYTES;
    uint32_t body_bytes = request->packet.header.len_bytes + request->packet.data.len_bytes;
    request->version = 1;
    request->token = request->kind == VM_HELLO ? 0 : f->token;
    kd_store_u32(bytes, VM_REQUEST_BYTES + body_bytes);
    vm_request_store(message, request);
    if (body_bytes > 0)
        kd_copy(message + VM_REQUEST_BYTES, request->packet.header.bytes, body_bytes);
    write_all(fd, bytes, VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES + body_bytes);
}

/* The bytes that the reply's spans point into are valid until the next call. */
static struct vm_reply vm_answer(struct fix *f, int fd)
{
    static uint8_t bytes[VM_REPLY_BYTES_MAX];
    uint8_t prefix[VM_STREAM_PREFIX_BYTES];
    struct vm_reply reply;
    read_all(fd, prefix, sizeof(prefix));
    uint32_t len_bytes = kd_load_u32(prefix);
    assert_in_range(len_bytes, VM_REPLY_BYTES, VM_REPLY_BYTES_MAX);
    read_all(fd, bytes, len_bytes);
    assert_int_equal(vm_reply_load(&reply, bytes, len_bytes), KD_OK);
    if (reply.result < VM_STALE)
        f->token = reply.token;
    return reply;
}

static void hello(struct fix *f, int fd)
{
    vm_ask(f, fd, &(struct vm_request){.kind = VM_HELLO, .version_min = 1, .machine = VM_MACHINE_X64});
    assert_int_equal(vm_answer(f, fd).result, VM_DONE);
}

static void ask_receive(struct fix *f, int fd)
{
    vm_ask(f, fd, &(struct vm_request){.kind = VM_RECEIVE, .next = {2, 56, 3944}});
}

static void ask_poll(struct fix *f, int fd)
{
    vm_ask(f, fd, &(struct vm_request){.kind = VM_POLL});
}

/* An exception of 240 zero bytes but its NewState; on the wire 257 bytes. */
enum { EXCEPTION_FRAME_BYTES = 257 };

static void ask_send_exception(struct fix *f, int fd)
{
    static const uint8_t header[240] = {0x30, 0x30};
    struct vm_request request = {.kind = VM_SEND, .packet = {7, {header, 240}, {NULL, 0}}};
    vm_ask(f, fd, &request);
}

static void read_exception(int fd, uint32_t id)
{
    uint8_t frame[EXCEPTION_FRAME_BYTES];
    read_all(fd, frame, sizeof(frame));
    assert_memory_equal(frame, "0000\x07\x00\xF0\x00", 8);
    assert_int_equal(kd_load_u32(frame + 8), id);
    assert_int_equal(frame[EXCEPTION_FRAME_BYTES - 1], 0xAA);
}

static void write_ack(int fd)
{
    static const uint8_t ack[] = {'i', 'i', 'i', 'i', 4, 0, 0, 0, 0, 0, 0x80, 0x80, 0, 0, 0, 0};
    write_all(fd, ack, sizeof(ack));
}

/* ---- sessions ---- */

static void hello_send_acknowledge_receive(void **state)
{
    struct fix *f = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX], ack[16];
    start_as_usual(f);
    int vm = join_vm(f), debugger = join_debugger(f);
    hello(f, vm);
    ask_send_exception(f, vm);
    read_exception(debugger, ID0_SYNC);
    write_ack(debugger);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
    ask_receive(f, vm);
    write_all(debugger, frame, lab_request_frame(frame, GET_VERSION, ID0));
    struct vm_reply reply = vm_answer(f, vm);
    assert_int_equal(reply.flags, VM_REPLY_PACKET);
    assert_memory_equal(reply.packet.header.bytes, frame + 16, 56);
    read_all(debugger, ack, sizeof(ack));
    assert_memory_equal(ack, "iiii\x04\x00\x00\x00\x00\x00\x80\x80", 12);
}

static void subscribe(int vm)
{
    static const uint8_t bytes[] = {1, 0, 0, 0, VM_NOTICE_SUBSCRIBE};
    write_all(vm, bytes, sizeof(bytes));
}

static void read_notice(int vm, uint8_t level)
{
    const uint8_t wanted[] = {1, 0, 0, 0, level};
    uint8_t bytes[sizeof(wanted)];
    read_all(vm, bytes, sizeof(bytes));
    assert_memory_equal(bytes, wanted, sizeof(wanted));
}

static void a_vm_that_asks_for_notices_gets_them_unasked(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int vm = join_vm(f), debugger = join_debugger(f);
    subscribe(vm);
    read_notice(vm, VM_NOTICE_ATTENTION); /* no epoch yet */
    hello(f, vm);
    read_notice(vm, VM_NOTICE_QUIET);
    write_all(debugger, "b", 1);
    read_notice(vm, VM_NOTICE_ATTENTION);
    ask_poll(f, vm);
    assert_int_equal(vm_answer(f, vm).flags, VM_REPLY_BREAK_IN);
    ask_poll(f, vm);
    assert_int_equal(vm_answer(f, vm).flags, 0);
    read_notice(vm, VM_NOTICE_QUIET);
}

static void a_vm_that_does_not_ask_for_notices_gets_none(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int vm = join_vm(f), debugger = join_debugger(f);
    hello(f, vm);
    write_all(debugger, "b", 1);
    for (unsigned polls = 0; polls < 1000; polls++) {
        ask_poll(f, vm);
        if (vm_answer(f, vm).flags == VM_REPLY_BREAK_IN)
            return;
    }
    fail_msg("the break-in never came");
}

static void pieces_do_not_matter(void **state)
{
    struct fix *f = *state;
    uint8_t bytes[VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES];
    struct vm_request request = {.version = 1, .kind = VM_HELLO, .version_min = 1, .machine = VM_MACHINE_X86};
    start_as_usual(f);
    int vm = join_vm(f);
    kd_store_u32(bytes, VM_REQUEST_BYTES);
    vm_request_store(bytes + VM_STREAM_PREFIX_BYTES, &request);
    for (size_t i = 0; i < sizeof(bytes); i++)
        write_all(vm, bytes + i, 1);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
}

static void the_daemons_clock_ends_a_hold(void **state)
{
    struct fix *f = *state;
    char line[TEXT_BYTES];
    start_ready(f, f->debugger_argument, "1", line, sizeof(line));
    int vm = join_vm(f);
    hello(f, vm);
    ask_receive(f, vm);
    assert_int_equal(vm_answer(f, vm).result, VM_TIMEOUT);
    ask_send_exception(f, vm);
    assert_int_equal(vm_answer(f, vm).result, VM_PENDING);
}

static void a_debugger_over_tcp_is_served(void **state)
{
    struct fix *f = *state;
    char line[TEXT_BYTES];
    start_ready(f, "tcp:127.0.0.1:0", "60000", line, sizeof(line));
    int vm = join_vm(f);
    hello(f, vm);
    ask_send_exception(f, vm);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    to.sin_port = htons((uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10));
    int debugger = keep(f, socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(connect(debugger, (struct sockaddr *)&to, sizeof(to)), 0);
    read_exception(debugger, ID0_SYNC);
    write_ack(debugger);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
}

static void a_debugger_may_leave_and_another_come(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int vm = join_vm(f), debugger = join_debugger(f);
    hello(f, vm);
    ask_send_exception(f, vm);
    read_exception(debugger, ID0_SYNC);
    shutdown(debugger, SHUT_RDWR);
    wait_log(f, "debugger gone");
    forget_log(f);
    debugger = join_debugger(f);
    read_exception(debugger, ID0_SYNC);
    write_ack(debugger);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
}

static void a_debugger_that_comes_before_the_first_is_seen_to_leave_is_served(void **state)
{
    struct fix *f = *state;
    uint8_t frame[KD_FRAME_BYTES_MAX];
    start_as_usual(f);
    int vm = join_vm(f), first = join_debugger(f);
    hello(f, vm);
    ask_send_exception(f, vm);
    read_exception(first, ID0_SYNC);
    write_ack(first);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
    ask_receive(f, vm);
    write_all(vm, "\0\0\0\0", 4); /* its refusal says that the receive before it is held */
    assert_int_equal(vm_answer(f, vm).result, VM_REFUSED);
    kill(f->process, SIGSTOP);
    assert_int_equal(waitpid(f->process, NULL, WUNTRACED), f->process);
    int second = join(f, f->debugger_path); /* the daemon will see both at once, this one first */
    write_all(first, frame, lab_request_frame(frame, CONTINUE, ID0));
    shutdown(first, SHUT_RDWR);
    kill(f->process, SIGCONT);
    assert_int_equal(vm_answer(f, vm).flags, VM_REPLY_PACKET); /* what it said last was heard */
    ask_send_exception(f, vm);
    read_exception(second, ID0_SYNC);
}

static void a_vm_that_comes_back_must_say_hello(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int vm = join_vm(f);
    hello(f, vm);
    shutdown(vm, SHUT_RDWR);
    wait_log(f, "VM gone");
    forget_log(f);
    vm = join_vm(f);
    ask_poll(f, vm);
    assert_int_equal(vm_answer(f, vm).result, VM_STALE);
    hello(f, vm);
    ask_poll(f, vm);
    assert_int_equal(vm_answer(f, vm).result, VM_DONE);
}

/* ---- peers that are one too many, or bad ---- */

static void a_second_debugger_is_refused_and_the_first_undisturbed(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int vm = join_vm(f), first = join_debugger(f);
    assert_closed(join(f, f->debugger_path));
    wait_log(f, "another debugger came and was refused: one is connected already");
    hello(f, vm);
    ask_send_exception(f, vm);
    read_exception(first, ID0_SYNC);
}

static void a_second_vm_is_refused_and_the_first_undisturbed(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    int first = join_vm(f);
    hello(f, first);
    assert_closed(join(f, f->vm_path));
    wait_log(f, "another VM came and was refused");
    ask_poll(f, first);
    assert_int_equal(vm_answer(f, first).result, VM_DONE);
}

static void an_oversized_length_costs_the_vm_its_session_only(void **state)
{
    struct fix *f = *state;
    uint8_t prefix[VM_STREAM_PREFIX_BYTES];
    const uint32_t sizes[] = {VM_REQUEST_BYTES_MAX + 1, UINT32_MAX};
    start_as_usual(f);
    int debugger = join_debugger(f);
    for (size_t i = 0; i < 2; i++) {
        forget_log(f);
        int vm = join_vm(f);
        kd_store_u32(prefix, sizes[i]);
        write_all(vm, prefix, sizeof(prefix));
        assert_closed(vm);
        wait_log(f, "longer than any can be");
    }
    forget_log(f);
    int vm = join_vm(f);
    hello(f, vm);
    ask_send_exception(f, vm);
    read_exception(debugger, ID0_SYNC);
}

static void garbage_is_refused_and_named_once(void **state)
{
    struct fix *f = *state;
    uint8_t garbage[VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES_MAX] = {0};
    start_as_usual(f);
    int vm = join_vm(f);
    for (uint32_t size = 0; size <= VM_REQUEST_BYTES_MAX; size += 124) {
        kd_store_u32(garbage, size);
        write_all(vm, garbage, VM_STREAM_PREFIX_BYTES + size);
        assert_int_equal(vm_answer(f, vm).result, VM_REFUSED);
    }
    hello(f, vm);
    wait_log(f, "hello");
    const char *said = strstr(f->log, "breaks the protocol");
    assert_non_null(said);
    assert_null(strstr(said + 1, "breaks the protocol"));
}

static void a_vm_that_does_not_read_loses_no_reply(void **state)
{
    struct fix *f = *state;
    enum { MESSAGES = 2000 };
    static uint8_t empty[MESSAGES * VM_STREAM_PREFIX_BYTES];
    start_as_usual(f);
    int vm = join_vm(f);
    write_all(vm, empty, sizeof(empty));
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(vm_answer(f, vm).result, VM_REFUSED);
    hello(f, vm);
}

static void a_debugger_that_floods_is_held_off(void **state)
{
    struct fix *f = *state;
    uint8_t noise[4096];
    struct pollfd wait = {.events = POLLOUT};
    start_as_usual(f);
    int vm = join_vm(f), debugger = join_debugger(f);
    hello(f, vm);
    memset(noise, 'z', sizeof(noise));
    assert_int_equal(fcntl(debugger, F_SETFL, O_NONBLOCK), 0);
    size_t written = 0;
    for (ssize_t n = 0; n >= 0; written += n > 0 ? (size_t)n : 0) {
        n = send(debugger, noise, sizeof(noise), MSG_NOSIGNAL);
        assert_true(written < (64u << 20)); /* a daemon that swallows everything would never hold off */
    }
    wait.fd = debugger;
    while (poll(&wait, 1, 0) == 0) { /* polls drain it again */
        ask_poll(f, vm);
        assert_int_equal(vm_answer(f, vm).result, VM_DONE);
    }
    assert_true(wait.revents & POLLOUT);
}

/* ---- beginning and end ---- */

static void sockets_are_the_owners_alone(void **state)
{
    struct fix *f = *state;
    struct stat file;
    start_as_usual(f);
    assert_int_equal(stat(f->vm_path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(f->debugger_path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
}

static void a_signal_ends_it_cleanly(void **state)
{
    struct fix *f = *state;
    const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        start_as_usual(f);
        int vm = join_vm(f), debugger = join_debugger(f);
        hello(f, vm);
        ask_send_exception(f, vm); /* in the middle of things */
        read_exception(debugger, ID0_SYNC);
        kill(f->process, signals[i]);
        assert_int_equal(exit_code(f), 0);
        assert_closed(vm);
        assert_closed(debugger);
        assert_int_not_equal(access(f->vm_path, F_OK), 0);
        assert_int_not_equal(access(f->debugger_path, F_OK), 0);
        close_pipes(f);
        forget_log(f);
    }
}

static void a_killed_ones_sockets_are_taken_over(void **state)
{
    struct fix *f = *state;
    start_as_usual(f);
    kill(f->process, SIGKILL);
    assert_int_equal(exit_code(f), 1000 + SIGKILL);
    assert_int_equal(access(f->vm_path, F_OK), 0);
    close_pipes(f);
    start_as_usual(f);
    hello(f, join_vm(f));
}

static void a_live_ones_socket_is_refused_in_one_line(void **state)
{
    struct fix *f = *state, second = {0};
    char text[TEXT_BYTES], free_argument[RELAY_FOLDER_BYTES + 16];
    start_as_usual(f);
    snprintf(free_argument, sizeof(free_argument), "unix:%s/other", f->folder);
    const char *const arguments[] = {"--vm", free_argument, "--debugger", f->debugger_argument, NULL};
    start(&second, arguments);
    read_to_end(second.err, text, sizeof(text));
    assert_int_equal(exit_code(&second), 1);
    assert_non_null(strstr(text, "a live process listens there already"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_int_not_equal(access(free_argument + 5, F_OK), 0); /* what it had made itself is removed */
    close_pipes(&second);
    hello(f, join_vm(f));
}

static void a_log_file_takes_what_stderr_would(void **state)
{
    struct fix *f = *state;
    char path[RELAY_FOLDER_BYTES + 8], text[TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/log", f->folder);
    const char *const arguments[] = {"--vm",  f->vm_argument, "--debugger", f->debugger_argument,
                                     "--log", path,           NULL};
    start(f, arguments);
    read_line(f->out, text, sizeof(text));
    hello(f, join(f, f->vm_path));
    kill(f->process, SIGTERM);
    assert_int_equal(exit_code(f), 0);
    int file = open(path, O_RDONLY);
    read_to_end(file, text, sizeof(text));
    close(file);
    unlink(path);
    assert_non_null(strstr(text, "kdrelay: VM connected\n"));
    read_to_end(f->err, text, sizeof(text));
    assert_string_equal(text, "");
}

static void every_bad_argument_is_one_clear_line(void **state)
{
    struct fix *f = *state;
    static const struct {
        const char *arguments[7];
        const char *word;
        int code;
    } rows[] = {
        {{NULL}, "--vm: it is needed", 2},
        {{"--vm", "unix:v", NULL}, "--debugger: it is needed", 2},
        {{"--vm", NULL}, "argument --vm", 2},
        {{"--nonsense", NULL}, "argument --nonsense", 2},
        {{"-x", NULL}, "argument -x", 2},
        {{"--vm", "unix:v", "stray", NULL}, "argument stray", 2},
        {{"--vm", "v", NULL}, "--vm v: an address is unix:PATH or tcp:HOST:PORT", 2},
        {{"--vm", "unix:v", "--debugger", "tcp:0.0.0.0:1", NULL}, "only loopback", 2},
        {{"--vm", "unix:v", "--debugger", "tcp:127.0.0.1:x", NULL}, "port", 2},
        {{"--vm", "unix:v", "--debugger", "unix:d", "--hold-ms", "0", NULL}, "--hold-ms 0", 2},
        {{"--vm", "unix:v", "--debugger", "unix:d", "--hold-ms", "1x", NULL}, "--hold-ms 1x", 2},
        {{"--vm", "unix:v", "--debugger", "unix:d", "--log", "no/such/folder/log", NULL},
         "no/such/folder/log",
         1},
        {{"--vm", "unix:no/such/folder/v", "--debugger", "unix:d", NULL}, "unix:no/such/folder/v", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TEXT_BYTES];
        start(f, rows[i].arguments);
        read_to_end(f->err, text, sizeof(text));
        assert_int_equal(exit_code(f), rows[i].code);
        if (strstr(text, rows[i].word) == NULL || strchr(text, '\n') != text + strlen(text) - 1 ||
            strncmp(text, "kdrelay: ", 9) != 0)
            fail_msg("row %zu says: %s", i, text);
        close_pipes(f);
    }
}

static void help_teaches_and_succeeds(void **state)
{
    struct fix *f = *state;
    char text[TEXT_BYTES];
    const char *const arguments[] = {"--help", NULL};
    start(f, arguments);
    read_to_end(f->out, text, sizeof(text));
    assert_int_equal(exit_code(f), 0);
    assert_non_null(strstr(text, "--hold-ms"));
    assert_non_null(strstr(text, "Example:"));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hello_send_acknowledge_receive, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vm_that_asks_for_notices_gets_them_unasked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vm_that_does_not_ask_for_notices_gets_none, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(the_daemons_clock_ends_a_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_over_tcp_is_served, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_may_leave_and_another_come, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_comes_before_the_first_is_seen_to_leave_is_served,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_vm_that_comes_back_must_say_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_debugger_is_refused_and_the_first_undisturbed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_vm_is_refused_and_the_first_undisturbed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_oversized_length_costs_the_vm_its_session_only, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_is_refused_and_named_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vm_that_does_not_read_loses_no_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(a_debugger_that_floods_is_held_off, setup, teardown),
        cmocka_unit_test_setup_teardown(sockets_are_the_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_ends_it_cleanly, setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_ones_sockets_are_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_ones_socket_is_refused_in_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_file_takes_what_stderr_would, setup, teardown),
        cmocka_unit_test_setup_teardown(every_bad_argument_is_one_clear_line, setup, teardown),
        cmocka_unit_test_setup_teardown(help_teaches_and_succeeds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
