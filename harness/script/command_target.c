/* command_target.c: kdharness target: the command line, signals and log of a live target. */
#include "harness/live/live_target.h"
#include "harness/script/command.h"
#include "harness/script/lab.h"
#include "harness/script/runner.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    KEY_HELP = '?',
    KEY_LISTEN = 256,
    KEY_ARCH,
    KEY_LINK,
    KEY_BAUD,
    KEY_SEED,
    KEY_SET,
    KEY_MODULES,
    KEY_MACHINE,
    KEY_DLL
};
enum { EXIT_WHILE_RUNNING = 1, BAUD_MIN = 300, BAUD_MAX = 115200, NAME_BYTES = 64 };

/* The lab's configuration is the one that has names for --set; the lab itself is not used. */
struct arguments {
    struct lab_config lab;
    struct lab_machine machine;
    bool one_arch; /* --arch says which */
    struct live_address address;
    bool has_address;
};

static char program_name[] = "kdharness target"; /* argp_help wants it writable */

/* ---- the command line ---- */

static void set_field(struct arguments *arguments, const char *option, const char *name, const char *value)
{
    char why[LAB_WHY_BYTES];
    if (lab_config_set(&arguments->lab, name, value, why) != KD_OK)
        command_refuse("target: %s: %s", option, why);
}

static void set_named(struct arguments *arguments, const char *value)
{
    char name[NAME_BYTES];
    const char *equals = strchr(value, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - value);
    if (length == 0 || length >= sizeof name)
        command_refuse("target: --set %s: expected NAME=VALUE", value);
    memcpy(name, value, length);
    name[length] = 0;
    set_field(arguments, "--set", name, equals + 1);
}

static void set_baud(struct arguments *arguments, const char *value)
{
    char *end;
    errno = 0;
    unsigned long baud = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != 0 || errno != 0 || baud < BAUD_MIN || baud > BAUD_MAX)
        command_refuse("target: --baud %s: expected a number from %d to %d", value, BAUD_MIN, BAUD_MAX);
    arguments->lab.cost.baud = baud;
}

/* A link's defaults, but what was set before stays. */
static void set_link(struct arguments *arguments, const char *value)
{
    enum sim_link link;
    if (lab_link_find(value, &link) != KD_OK)
        command_refuse("target: --link %s: expected backdoor, doorbell or serial", value);
    arguments->lab.vm.link = link;
    arguments->lab.vm.backdoor = sim_vm_config_default(link).backdoor;
    arguments->lab.vm.doorbell = sim_vm_config_default(link).doorbell;
}

static void set_address(struct arguments *arguments, const char *value)
{
    const char *why;
    if (live_address_parse(&arguments->address, value, &why) != KD_OK)
        command_refuse("target: --listen %s: %s", value, why);
    arguments->has_address = true;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_LISTEN:
        set_address(arguments, value);
        return 0;
    case KEY_ARCH:
        set_field(arguments, "--arch", "arch", value);
        arguments->one_arch = true;
        return 0;
    case KEY_LINK:
        set_link(arguments, value);
        return 0;
    case KEY_BAUD:
        set_baud(arguments, value);
        return 0;
    case KEY_SEED:
        arguments->lab.seed = command_seed(value);
        return 0;
    case KEY_SET:
        set_named(arguments, value);
        return 0;
    case KEY_MODULES:
        set_field(arguments, "--modules", "modules", value);
        return 0;
    case KEY_MACHINE:
        command_machine(&arguments->machine, value);
        return 0;
    case KEY_DLL:
        command_dll(&arguments->machine, value);
        return 0;
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, program_name);
        exit(RUNNER_OK);
    case ARGP_KEY_ARG:
        command_refuse("target: %s: no arguments are expected, only options (kdharness target --help)",
                       value);
    case ARGP_KEY_ERROR:
        command_refuse(
            "target: %s: unknown option, or its value is missing (kdharness target --help lists them)",
            state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"listen", KEY_LISTEN, "ADDRESS", 0, "unix:PATH, tcp:127.0.0.1:PORT or pty: where a debugger attaches",
     0},
    {"arch", KEY_ARCH, "ARCH", 0, "x64 (default) or x86", 0},
    {"link", KEY_LINK, "LINK", 0, "backdoor (default), doorbell or serial", 0},
    {"baud", KEY_BAUD, "N", 0, "of the serial line, 300 to 115200 (default 115200)", 0},
    {"seed", KEY_SEED, "N", 0, "Seed of the world (default 1)", 0},
    {"set", KEY_SET, "NAME=VALUE", 0, "Override a cost (cost.exit_ns) or a field of vm{}; may be repeated",
     0},
    {"modules", KEY_MODULES, "N", 0, "Load-symbols notifications at boot (default 2)", 0},
    {"machine", KEY_MACHINE, "MACHINE", 0, LAB_MACHINE_HELP, 0},
    {"dll", KEY_DLL, "FILE", 0, LAB_DLL_HELP, 0},
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {0},
};

/* ---- how to attach ---- */

static void say_unix(const char *path, enum mk_arch arch)
{
    printf("WinDbg: windbg -k com:pipe,port=\\\\.\\pipe\\fastkd,resets=0,reconnect  (with that pipe bridged "
           "to %s)\n",
           path);
    printf("others: KDCOM frames over unix:%s, for instance r2 -a x86 -b %d -D winkd %s\n", path,
           arch == MK_X86 ? 32 : 64, path);
}

static void say_tcp(const char *host_and_port)
{
    const char *colon = strrchr(host_and_port, ':');
    printf("WinDbg: windbg -k com:ipport=%s,port=%.*s\n", colon + 1, (int)(colon - host_and_port),
           host_and_port);
    printf("others: KDCOM frames over tcp:%s\n", host_and_port);
}

static void say_pty(const char *path, uint64_t baud)
{
    printf("WinDbg: windbg -k com:port=COM1,baud=%" PRIu64 "  (in a VM whose COM1 is %s)\n", baud, path);
    printf("others: KDCOM frames over %s\n", path);
}

static void say_how_to_attach(const struct arguments *arguments, const char *name)
{
    if (strncmp(name, "unix:", 5) == 0)
        say_unix(name + 5, arguments->lab.vm.boot.arch);
    else if (strncmp(name, "tcp:", 4) == 0)
        say_tcp(name + 4);
    else
        say_pty(name, arguments->lab.cost.baud);
    fflush(stdout);
}

/* ---- running ---- */

struct program {
    uv_loop_t loop;
    uv_signal_t terminate, interrupt;
    uint64_t start_ns;
    int code;
};

static void log_line(void *context, const char *line)
{
    const struct program *program = context;
    uint64_t ms = (uv_hrtime() - program->start_ns) / 1000000u;
    printf("%6" PRIu64 ".%03u %s\n", ms / 1000, (unsigned)(ms % 1000), line);
    fflush(stdout);
}

static void failed(void *context)
{
    struct program *program = context;
    program->code = EXIT_WHILE_RUNNING;
    uv_stop(&program->loop);
}

static void signalled(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void watch(uv_loop_t *loop, uv_signal_t *handle, int number)
{
    (void)uv_signal_init(loop, handle);
    (void)uv_signal_start(handle, signalled, number);
}

static void finish(struct program *program, struct live_target *target)
{
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    live_target_close(target);
    uv_run(&program->loop, UV_RUN_DEFAULT);
    live_target_free(target);
    uv_loop_close(&program->loop);
}

/* On kvm exits cost what they cost: a table has no say. */
static void set_machine(struct arguments *arguments)
{
    const struct sim_cost usual = sim_cost_default();
    struct sim_vm_config *vm = &arguments->lab.vm;
    bool one_arch = arguments->one_arch || vm->boot.arch != MK_X64;
    command_machine_ready(&arguments->machine);
    command_machine_arch(&arguments->machine, &one_arch, &vm->boot.arch);
    if (arguments->machine.kind == SIM_MACHINE_KVM &&
        (arguments->lab.cost.exit_ns != usual.exit_ns ||
         arguments->lab.cost.payload_ps_per_byte != usual.payload_ps_per_byte))
        command_refuse("target: --set cost.exit_ns or cost.payload_ps_per_byte: on --machine kvm they are "
                       "what they are");
    vm->machine = arguments->machine.kind;
    vm->dll = arguments->machine.dll[vm->boot.arch];
}

int command_target(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Runs a simulated target on the wall clock until SIGINT or SIGTERM, for any KD "
        "client to attach to. Exit code 0: ended by a signal; 1: a failure while running; "
        "2: bad input.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.lab = lab_config_default(SIM_LINK_BACKDOOR, 1)};
    struct program program = {.start_ns = uv_hrtime()};
    struct live_target *target;
    char why[RELAY_WHY_BYTES];
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    set_machine(&arguments);
    if (!arguments.has_address)
        command_refuse("target: --listen is needed: unix:PATH, tcp:127.0.0.1:PORT or pty");
    const struct live_config config = {arguments.address,
                                       arguments.lab.seed,
                                       arguments.lab.cost,
                                       arguments.lab.vm,
                                       &program,
                                       log_line,
                                       failed};
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of its write */
    uv_loop_init(&program.loop);
    if (live_target_open(&program.loop, &config, &target, why) != KD_OK)
        command_refuse("target: %s", why);
    watch(&program.loop, &program.terminate, SIGTERM); /* before anybody can know that it runs */
    watch(&program.loop, &program.interrupt, SIGINT);
    say_how_to_attach(&arguments, live_target_name(target));
    live_target_start(target);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    finish(&program, target);
    return program.code;
}
