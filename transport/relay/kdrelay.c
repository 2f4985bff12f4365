/* kdrelay.c: the command line, signals and log of the relay daemon. */
#include "transport/relay/relay_server.h"
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2, HOLD_MS_MAX = 60000 };

static char program_name[] = "kdrelay"; /* argp_help wants it writable */

static const char arguments_text[] = "--vm ADDRESS --debugger ADDRESS";

static const char documentation[] =
    "Joins one virtual machine and one kernel debugger: takes whole KD packets from the VM's monitor, and "
    "speaks the "
    "KDCOM framing that WinDbg and its kin expect.\v"
    "ADDRESS is unix:PATH or tcp:HOST:PORT. A Unix socket is made with mode 0600; TCP is for loopback alone "
    "(127.0.0.1, [::1], localhost), and port 0 lets the system choose. When it listens at both, kdrelay "
    "prints one "
    "line that begins with \"ready\" and names them.\n\n"
    "Example:\n"
    "  kdrelay --vm unix:/run/user/1000/vm1.sock --debugger tcp:127.0.0.1:5005\n"
    "and in WinDbg: kd -k com:ipport=5005,port=127.0.0.1\n\n"
    "It serves one VM and one debugger at a time and refuses others; either may leave and come back. SIGTERM "
    "and "
    "SIGINT end it. Exit codes: 0 ended by a signal, 1 a failure while running, 2 bad usage.";

static const struct argp_option options[] = {
    {"vm", 'v', "ADDRESS", 0, "where the VM's monitor connects", 0},
    {"debugger", 'd', "ADDRESS", 0, "where the debugger connects", 0},
    {"hold-ms", 'm', "N", 0, "hold a VM's call for up to N milliseconds (default 250)", 0},
    {"log", 'l', "FILE", 0, "append what happens to FILE instead of telling it on stderr", 0},
    {"help", '?', NULL, 0, "print this and leave", -1},
    {0},
};

struct arguments {
    const char *vm;
    const char *debugger;
    const char *hold_ms;
    const char *log;
    const char *wrong; /* what is no option, or lacks its value */
    bool help;
};

static error_t take_argument(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'v':
        arguments->vm = value;
        return 0;
    case 'd':
        arguments->debugger = value;
        return 0;
    case 'm':
        arguments->hold_ms = value;
        return 0;
    case 'l':
        arguments->log = value;
        return 0;
    case '?':
        arguments->help = true;
        return 0;
    case ARGP_KEY_ARG:
        arguments->wrong = value;
        return EINVAL;
    case ARGP_KEY_ERROR:
        if (arguments->wrong == NULL)
            arguments->wrong = state->argv[state->next - 1];
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static _Noreturn void bad_usage(const char *what, const char *value, const char *why)
{
    fprintf(stderr, "kdrelay: %s%s%s: %s; kdrelay --help explains\n", what, value[0] == '\0' ? "" : " ",
            value, why);
    exit(EXIT_USAGE);
}

static void read_address(struct relay_address *address, const char *option, const char *value)
{
    const char *why = "it is needed";
    if (value == NULL)
        bad_usage(option, "", why);
    if (relay_address_parse(address, value, &why) != KD_OK)
        bad_usage(option, value, why);
}

static uint64_t read_hold_ns(const char *value)
{
    char *end;
    if (value == NULL)
        return 250000000;
    errno = 0;
    unsigned long ms = strtoul(value, &end, 10);
    if (errno != 0 || value[0] < '0' || value[0] > '9' || *end != '\0' || ms < 1 || ms > HOLD_MS_MAX)
        bad_usage("--hold-ms", value, "it takes a number from 1 to 60000");
    return (uint64_t)ms * 1000000;
}

static FILE *open_log(const char *path)
{
    if (path == NULL)
        return stderr;
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        fprintf(stderr, "kdrelay: cannot append to the log %s: %s\n", path, strerror(errno));
        exit(EXIT_RUNTIME);
    }
    return file;
}

static void log_line(void *context, const char *line)
{
    FILE *file = context;
    fprintf(file, "kdrelay: %s\n", line);
    fflush(file);
}

/* ---- running ---- */

struct program {
    struct relay_server *server;
    uv_signal_t terminate;
    uv_signal_t interrupt;
};

static void signalled(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    (void)number;
    relay_server_close(program->server);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
}

static void watch_signal(uv_loop_t *loop, uv_signal_t *handle, int number, struct program *program)
{
    uv_signal_init(loop, handle);
    handle->data = program;
    uv_signal_start(handle, signalled, number);
}

/* One line on stdout, for people and for scripts that wait for it. */
static void say_ready(const struct relay_server *server)
{
    char vm[RELAY_ADDRESS_TEXT_BYTES], debugger[RELAY_ADDRESS_TEXT_BYTES];
    relay_address_print(relay_server_vm_address(server), vm);
    relay_address_print(relay_server_debugger_address(server), debugger);
    printf("ready: VM at %s, debugger at %s\n", vm, debugger);
    fflush(stdout);
}

static int run(const struct relay_server_config *config)
{
    struct program program;
    char why[RELAY_WHY_BYTES];
    uv_loop_t loop;
    int result = EXIT_SUCCESS;
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of its write */
    int error = uv_loop_init(&loop);
    if (error != 0) {
        fprintf(stderr, "kdrelay: cannot start: %s\n", uv_strerror(error));
        return EXIT_RUNTIME;
    }
    if (relay_server_open(&loop, config, &program.server, why) == KD_OK) {
        watch_signal(&loop, &program.terminate, SIGTERM, &program);
        watch_signal(&loop, &program.interrupt, SIGINT, &program);
        say_ready(program.server);
    } else {
        fprintf(stderr, "kdrelay: %s\n", why);
        result = EXIT_RUNTIME;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return result;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {options, take_argument, arguments_text, documentation, NULL,
                                       NULL,    NULL};
    struct arguments arguments = {0};
    struct relay_server_config config = {
        .core = {.byte_wait_ns = 1000000000, .reset_window_ns = 100000000, .gone_wait_ns = 2000000000},
        .log = log_line};
    /* argp's own messages take two lines, and its own help goes with them. */
    if (argp_parse(&parser, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments) != 0)
        bad_usage("argument", arguments.wrong, "it is unknown or lacks its value");
    if (arguments.help) {
        argp_help(&parser, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, program_name);
        return EXIT_SUCCESS;
    }
    read_address(&config.vm, "--vm", arguments.vm);
    read_address(&config.debugger, "--debugger", arguments.debugger);
    config.core.hold_ns = read_hold_ns(arguments.hold_ms);
    config.context = open_log(arguments.log);
    /* No two lives of a relay may draw the same tokens, or a guest would not notice that it talks to another.
     */
    if (uv_random(NULL, NULL, &config.core.token_seed, sizeof(config.core.token_seed), 0, NULL) != 0) {
        fputs("kdrelay: the system gives no random numbers\n", stderr);
        return EXIT_RUNTIME;
    }
    return run(&config);
}
