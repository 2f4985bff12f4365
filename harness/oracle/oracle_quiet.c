#include "harness/oracle/oracle_quiet.h"
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_wire.h"
#include "harness/oracle/oracle_doorbell.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BREACH_BYTES 200

enum { STATUS_HIGH_BANDWIDTH = 0x80 }; /* vmware-backdoor.md 3.2 */

/* The message between module and relay (transport/guest/README.md 2): command word and header; prefix and
 * header. And the longest that is said on the hint's channel while nobody is there (5): "OK ATR fastkd",
 * "fastkd". */
enum { REQUEST_BYTES = 7 + 32, REPLY_BYTES = 2 + 32, HINT_ANSWER_BYTES = 13, HINT_BYTES = 6 };

static const struct {
    const char *name;
    uint64_t rpcs, rpcs_away, turns, beside;
} bounds[ORACLE_QUIET_CALLS] = {
#define ORACLE_QUIET_BOUND(call, name, rpcs, away, turns, beside) [call] = {name, rpcs, away, turns, beside},
    ORACLE_QUIET_LIST(ORACLE_QUIET_BOUND)
#undef ORACLE_QUIET_BOUND
};

/* What was seen since the kernel's last report. */
struct since {
    uint64_t backdoor; /* exits at the backdoor */
    uint64_t uart;     /* and at a uart */
    uint64_t written;  /* bytes given to its transmitter */
    uint64_t began_ns; /* the first exit */
    uint64_t cost_ns;  /* all of them, by the cost table */
    bool disturbed;
};

struct oracle_quiet {
    struct sim_world *world;
    const struct sim_faults *faults;
    void (*breach)(void *context, const char *text);
    void *context;
    bool attached;
    bool away;     /* the relay's process is dead */
    bool divisor;  /* the uart's first register is the divisor's, not the transmitter's */
    bool given_up; /* a packet was abandoned to nobody on serial: silence is due */
    bool high;     /* this guest's VMM takes strings, as it said at the last SENDSIZE */
    bool rings;    /* and has a doorbell */
    bool initialized;
    bool rewound;  /* by a revert, since a poll was cheap */
    unsigned dear; /* polls in a row that cost more than one which finds nothing */
    bool calm;     /* nothing disturbed the call before */
    uint64_t struck;
    struct since since;
    struct mk_trace sending; /* header and data are not kept */
};

__attribute__((format(printf, 2, 3))) static void breach(struct oracle_quiet *quiet, const char *format, ...)
{
    char text[BREACH_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    quiet->breach(quiet->context, text);
}

/* ---- exits -----------------------------------------------------------------------------------------------
 */

static bool is_string(const struct sim_vm_exit *exit)
{
    return exit->kind == SIM_GUEST_OUTS || exit->kind == SIM_GUEST_INS;
}

/* SENDSIZE, sub-type 1 of the MESSAGE command (vmware-backdoor.md 3.1), whose answer alone says that the
 * string port may be used (rule 14). */
static bool is_send_size(const struct sim_vm_exit *exit)
{
    enum { SEND_SIZE = 1 << 16 | 30 };
    return exit->kind == SIM_GUEST_BACKDOOR && (uint32_t)exit->before->rcx == SEND_SIZE;
}

static bool is_doorbell(const struct sim_vm_exit *exit)
{
    return exit->kind == SIM_GUEST_BACKDOOR && (uint16_t)exit->before->rdx == ORACLE_DOORBELL_PORT;
}

static bool is_answered(const struct sim_vm_exit *exit)
{
    return (uint32_t)exit->after->rax == 0xBDBBB4B9u; /* doorbell.md 1 */
}

static bool is_ring(const struct sim_vm_exit *exit)
{
    return is_doorbell(exit) && is_answered(exit) && (uint32_t)exit->before->rbx == ORACLE_DOORBELL_RING;
}

static uint64_t copy_ns(const struct sim_cost *cost, uint64_t bytes)
{
    return (bytes * cost->payload_ps_per_byte + 999) / 1000;
}

static uint64_t cost_of(const struct oracle_quiet *quiet, const struct sim_vm_exit *exit)
{
    const struct sim_cost *cost = sim_cost(quiet->world);
    uint64_t bytes = is_string(exit) ? exit->before->rcx : 0;
    if (is_ring(exit)) /* each of the two copies is paid for by itself */
        return cost->exit_ns + copy_ns(cost, (uint32_t)exit->before->rcx) +
               copy_ns(cost, (uint32_t)exit->after->rcx);
    return cost->exit_ns + copy_ns(cost, bytes);
}

/* The ports of COM1 to COM4. */
static bool is_uart(uint16_t port)
{
    return (port & ~0x117u) == 0x2E8u;
}

/* What goes to the transmitter is offset 0 while the divisor's bit of offset 3 is clear (devices.md 2). */
static void see_uart(struct oracle_quiet *quiet, const struct sim_vm_exit *exit)
{
    enum { TRANSMITTER = 0, LINE_CONTROL = 3, DIVISOR_ACCESS = 0x80 };
    quiet->since.uart++;
    if (exit->kind != SIM_GUEST_OUT8)
        return;
    if ((exit->port & 7) == LINE_CONTROL)
        quiet->divisor = (exit->value & DIVISOR_ACCESS) != 0;
    if ((exit->port & 7) == TRANSMITTER && !quiet->divisor)
        quiet->since.written++;
}

void oracle_quiet_exit(struct oracle_quiet *quiet, const struct sim_vm_exit *exit)
{
    struct since *since = &quiet->since;
    if (since->backdoor + since->uart == 0)
        since->began_ns = exit->began_ns;
    since->cost_ns += cost_of(quiet, exit);
    if (is_send_size(exit))
        quiet->high = ((uint32_t)exit->after->rcx >> 16 & STATUS_HIGH_BANDWIDTH) != 0;
    quiet->rings = quiet->rings || is_ring(exit);
    if (exit->kind != SIM_GUEST_IN8 && exit->kind != SIM_GUEST_OUT8)
        since->backdoor++;
    else if (is_uart(exit->port))
        see_uart(quiet, exit);
}

/* ---- calls -----------------------------------------------------------------------------------------------
 */

/* vmware-backdoor.md 4. */
static uint64_t rpc_exits(bool high, uint64_t request_bytes, uint64_t reply_bytes)
{
    return high ? 5 : 3 + (request_bytes + 3) / 4 + (reply_bytes + 3) / 4;
}

static uint64_t allowed_exits(const struct oracle_quiet *quiet, enum oracle_quiet_call call,
                              uint64_t packet_bytes)
{
    bool high = quiet->high;
    uint64_t rpcs = quiet->away ? bounds[call].rpcs_away : bounds[call].rpcs;
    if (quiet->rings) /* doorbell.md 4: OPEN is what an initialisation has beside its message */
        return rpcs + (call == ORACLE_QUIET_INITIALIZE);
    return rpcs * rpc_exits(high, REQUEST_BYTES + packet_bytes, REPLY_BYTES) +
           bounds[call].turns * rpc_exits(high, HINT_ANSWER_BYTES, HINT_BYTES) + bounds[call].beside;
}

static void judge_exits(struct oracle_quiet *quiet, enum oracle_quiet_call call, uint64_t allowed)
{
    if (quiet->since.backdoor > allowed)
        breach(quiet, "%s with nobody there cost %" PRIu64 " exits, at most %" PRIu64, bounds[call].name,
               quiet->since.backdoor, allowed);
}

/* Whoever is held, or sleeps, pays for somebody who is not there. */
static void judge_time(struct oracle_quiet *quiet, enum oracle_quiet_call call)
{
    uint64_t took_ns = sim_now(quiet->world) - quiet->since.began_ns;
    if (took_ns > quiet->since.cost_ns)
        breach(quiet, "%s with nobody there took %" PRIu64 " ns, its exits only %" PRIu64, bounds[call].name,
               took_ns, quiet->since.cost_ns);
}

/* kd-protocol.md 2.6: load notices, prints, and the first word to a file may be given up. */
static bool may_be_given_up(const struct mk_trace *packet)
{
    enum { FILE_CREATE = 0x3430 };
    return (packet->type == DBG_TYPE_STATE_CHANGE64 && packet->first == DBG_STATE_LOAD_SYMBOLS) ||
           (packet->type == DBG_TYPE_DEBUG_IO && packet->first == DBG_IO_PRINT) ||
           (packet->type == DBG_TYPE_FILE_IO && packet->first == FILE_CREATE);
}

/* Nobody answers: the frame went out as often as a time-out allows, and that was that. */
static void judge_retries(struct oracle_quiet *quiet, uint64_t packet_bytes)
{
    uint64_t frame_bytes = DBG_HEADER_BYTES + packet_bytes + 1;
    uint64_t due = ORACLE_QUIET_RETRIES * frame_bytes;
    if (quiet->given_up)
        breach(quiet, "%" PRIu64 " bytes to nobody, who was given up before", quiet->since.written);
    else if (quiet->since.written != due)
        breach(quiet, "%" PRIu64 " bytes to nobody, a frame of %" PRIu64 " goes out %d times",
               quiet->since.written, frame_bytes, ORACLE_QUIET_RETRIES);
    quiet->given_up = true;
}

static void judge_send(struct oracle_quiet *quiet)
{
    uint64_t packet_bytes = quiet->sending.header_bytes + quiet->sending.data_bytes;
    if (!may_be_given_up(&quiet->sending))
        return;
    if (quiet->since.uart > 0) {
        judge_retries(quiet, packet_bytes);
        return;
    }
    judge_exits(quiet, ORACLE_QUIET_SEND, allowed_exits(quiet, ORACLE_QUIET_SEND, packet_bytes));
    judge_time(quiet, ORACLE_QUIET_SEND);
}

/* Most polls ask the relay nothing (transport/guest/README.md 5, Attention). */
static void judge_dear_polls(struct oracle_quiet *quiet)
{
    bool struck = quiet->faults != NULL && sim_faults_struck_on(quiet->faults, SIM_FAULT_EXIT) > 0;
    unsigned most = struck ? ORACLE_QUIET_DEAR_AFTER : ORACLE_QUIET_DEAR_POLLS + quiet->rewound;
    unsigned cheap = quiet->rings ? 0 : ORACLE_QUIET_CHEAP;
    quiet->dear = quiet->since.backdoor > cheap && !quiet->away ? quiet->dear + 1 : 0;
    quiet->rewound = quiet->rewound && quiet->since.backdoor > cheap;
    if (quiet->dear == most + 1)
        breach(quiet, "%u polls in a row with nobody there cost more than %u exits", most + 1, cheap);
}

static void judge_uart_poll(struct oracle_quiet *quiet)
{
    if (quiet->since.written > 0)
        breach(quiet, "a poll sent %" PRIu64 " bytes to nobody", quiet->since.written);
    if (quiet->since.uart > ORACLE_QUIET_UART_POLL)
        breach(quiet, "a poll with nobody there cost %" PRIu64 " exits, at most %d", quiet->since.uart,
               ORACLE_QUIET_UART_POLL);
}

static void judge_poll(struct oracle_quiet *quiet)
{
    if (quiet->since.uart > 0) {
        judge_uart_poll(quiet);
        return;
    }
    judge_exits(quiet, ORACLE_QUIET_POLL, allowed_exits(quiet, ORACLE_QUIET_POLL, 0));
    judge_time(quiet, ORACLE_QUIET_POLL);
    judge_dear_polls(quiet);
}

static void judge_initialize(struct oracle_quiet *quiet)
{
    bool closes = quiet->since.uart > 0 || quiet->initialized;
    judge_exits(quiet, ORACLE_QUIET_INITIALIZE,
                allowed_exits(quiet, ORACLE_QUIET_INITIALIZE, 0) + (closes ? ORACLE_QUIET_CLOSES : 0));
    if (quiet->since.uart == 0)
        judge_time(quiet, ORACLE_QUIET_INITIALIZE);
    if (quiet->since.uart > ORACLE_QUIET_UART_SETUP)
        breach(quiet, "a uart was set up with %" PRIu64 " exits, at most %d", quiet->since.uart,
               ORACLE_QUIET_UART_SETUP);
    if (quiet->since.written > 0)
        breach(quiet, "an initialisation sent %" PRIu64 " bytes to nobody", quiet->since.written);
}

static void judge(struct oracle_quiet *quiet, const struct mk_trace *trace)
{
    if (trace->event == MK_TRACE_INITIALIZE)
        judge_initialize(quiet);
    else if (trace->event == MK_TRACE_SENT)
        judge_send(quiet);
    else if (trace->event == MK_TRACE_POLL)
        judge_poll(quiet);
}

static uint64_t faults_struck(const struct oracle_quiet *quiet)
{
    return quiet->faults == NULL ? 0 : sim_faults_struck(quiet->faults);
}

/* One span ends, and the next begins. */
static void turn_over(struct oracle_quiet *quiet)
{
    quiet->calm = !quiet->since.disturbed;
    quiet->struck = faults_struck(quiet);
    quiet->since = (struct since){.disturbed = quiet->attached};
}

static bool ends_a_call(enum mk_trace_event event)
{
    return event == MK_TRACE_INITIALIZE || event == MK_TRACE_SENT || event == MK_TRACE_POLL ||
           event == MK_TRACE_RECEIVE;
}

void oracle_quiet_api(struct oracle_quiet *quiet, const struct mk_trace *trace)
{
    if (trace->event == MK_TRACE_SEND) {
        quiet->sending = *trace;
        if (quiet->since.uart == 0 || quiet->since.written > 0)
            return;
        bool disturbed = quiet->since.disturbed; /* KdSave's exits are not the packet's */
        quiet->since = (struct since){.disturbed = disturbed};
        return;
    }
    if (!ends_a_call(trace->event))
        return;
    if (quiet->since.backdoor + quiet->since.uart == 0)
        return; /* a packet that was kept: whatever there is to notice, the next call will */
    quiet->since.disturbed = quiet->since.disturbed || faults_struck(quiet) != quiet->struck;
    if (quiet->calm && !quiet->since.disturbed)
        judge(quiet, trace);
    else
        quiet->dear = 0;
    quiet->initialized = quiet->initialized || trace->event == MK_TRACE_INITIALIZE;
    turn_over(quiet);
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

/* A machine that begins is owed nothing by the one before, so its first call is judged already. */
static void boot(struct oracle_quiet *quiet)
{
    quiet->calm = true;
    quiet->dear = 0;
    quiet->initialized = quiet->high = quiet->rings = quiet->rewound = false;
    quiet->divisor = quiet->given_up = false;
    quiet->struck = faults_struck(quiet);
    quiet->since = (struct since){.disturbed = quiet->attached};
}

void oracle_quiet_life(struct oracle_quiet *quiet, enum sim_life life)
{
    if (life == SIM_LIFE_ATTACH || life == SIM_LIFE_DETACH)
        quiet->attached = life == SIM_LIFE_ATTACH;
    if (life == SIM_LIFE_RELAY_KILL || life == SIM_LIFE_RELAY_RESTART)
        quiet->away = life == SIM_LIFE_RELAY_KILL;
    quiet->since.disturbed = true;
    quiet->rewound = quiet->rewound || life == SIM_LIFE_REVERT;
    if (life == SIM_LIFE_ATTACH || life == SIM_LIFE_REVERT)
        quiet->given_up = false;
    if (life == SIM_LIFE_POWER_ON || life == SIM_LIFE_RESET || life == SIM_LIFE_REBOOT)
        boot(quiet);
}

struct oracle_quiet *oracle_quiet_create(struct sim_world *world, const struct sim_faults *faults,
                                         void (*on_breach)(void *context, const char *text), void *context)
{
    struct oracle_quiet *quiet = sim_allocate(1, sizeof *quiet);
    quiet->world = world;
    quiet->faults = faults;
    quiet->breach = on_breach;
    quiet->context = context;
    return quiet;
}

void oracle_quiet_destroy(struct oracle_quiet *quiet)
{
    free(quiet);
}
