#include "bench/bench_live.h"
#include "bench/bench_measure.h"
#include "sim/world/sim_memory.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE_S = 10,
    STOP_TRIES = 30,
    WAIT_MS_MAX = 100,
    INPUT_BYTES = 65536,
    SMALL_BYTES = 64,
    VARIABLES = 12
};

struct bench_live {
    int fd;
    bool hung_up;
    uint64_t zero_ns; /* the wall's time when the world's is 0 */
    struct sim_world *world;
    struct dbg *dbg;
    enum dbg_arch arch;
    uint64_t base; /* of the kernel's image */
    struct dbg_state_change stop;
    unsigned stops, replies;
    struct dbg_reply reply; /* the last one; its data lies in body */
    uint8_t body[DBG_BODY_BYTES_MAX];
    uint8_t page[DBG_DATA_BYTES_MAX]; /* what the base of the kernel holds */
};

/* ---- the line ---------------------------------------------------------------------------------------- */

static int connect_unix(const struct relay_address *address)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%.*s", (int)sizeof to.sun_path - 1, address->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_tcp(const struct relay_address *address)
{
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&to4.sin_addr, address->ip, sizeof to4.sin_addr);
    memcpy(&to6.sin6_addr, address->ip, sizeof to6.sin6_addr);
    int fd = socket(address->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr *to = address->ipv6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4;
    socklen_t to_bytes = address->ipv6 ? sizeof to6 : sizeof to4;
    if (fd >= 0 && connect(fd, to, to_bytes) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void write_all(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct bench_live *live = context;
    while (len_bytes > 0 && !live->hung_up) {
        ssize_t written = send(live->fd, bytes, len_bytes, MSG_NOSIGNAL);
        live->hung_up = written < 0 && errno != EINTR;
        if (written > 0) {
            bytes += written;
            len_bytes -= (size_t)written;
        }
    }
}

static void read_some(struct bench_live *live)
{
    static uint8_t input[INPUT_BYTES];
    ssize_t got = read(live->fd, input, sizeof input);
    live->hung_up = got == 0 || (got < 0 && errno != EINTR);
    if (got > 0)
        dbg_input(live->dbg, input, (size_t)got);
}

/* The debugger's timers that have passed by the wall clock. Before anything is sent too: while another target was measured
 * the world stood still, and its timers would start in the past. */
static void run_timers(struct bench_live *live)
{
    uint64_t now_ns = bench_wall_ns() - live->zero_ns;
    while (sim_step(live->world, now_ns))
        continue;
}

/* Returns true as soon as condition holds; false when so much time has passed, or the target hung up. */
static bool wait_for(struct bench_live *live, uint64_t wait_ns,
                     bool (*condition)(const struct bench_live *live, unsigned than), unsigned than)
{
    uint64_t end_ns = bench_wall_ns() + wait_ns;
    for (;;) {
        run_timers(live);
        if (condition(live, than))
            return true;
        if (live->hung_up || bench_wall_ns() > end_ns)
            return false;
        struct pollfd line = {.fd = live->fd, .events = POLLIN};
        if (poll(&line, 1, WAIT_MS_MAX) == 1)
            read_some(live);
    }
}

static bool wait_until(struct bench_live *live,
                       bool (*condition)(const struct bench_live *live, unsigned than), unsigned than)
{
    return wait_for(live, PATIENCE_S * SIM_S(1), condition, than);
}

/* ---- what comes -------------------------------------------------------------------------------------- */

static void send_request(struct bench_live *live, const struct dbg_request *request)
{
    run_timers(live);
    if (dbg_send(live->dbg, DBG_TYPE_MANIPULATE, request->body, request->body_bytes) != KD_OK)
        live->hung_up = true; /* it is not stopped after all: nothing further can come of this session */
}

static void go_on(struct bench_live *live, bool trace)
{
    struct dbg_request request;
    const struct dbg_control_set control = {.trace = trace, .dr7 = live->arch == DBG_X64 ? 0x400 : 0};
    dbg_api_continue2(&request, live->arch, 0, DBG_CONTINUE, &control);
    send_request(live, &request);
}

static void on_state_change(struct bench_live *live, const uint8_t *body, uint32_t body_bytes)
{
    if (dbg_api_state_change(live->arch, body, body_bytes, &live->stop) != KD_OK)
        return;
    if (live->stop.state == DBG_STATE_EXCEPTION)
        live->stops++;
    else
        go_on(live, false);
}

static void on_message(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct bench_live *live = context;
    if (type == DBG_TYPE_STATE_CHANGE64)
        on_state_change(live, body, body_bytes);
    if (type != DBG_TYPE_MANIPULATE)
        return;
    memcpy(live->body, body, body_bytes);
    if (dbg_api_reply(live->body, body_bytes, &live->reply) == KD_OK)
        live->replies++;
}

static bool stopped_again(const struct bench_live *live, unsigned stops)
{
    return live->stops != stops && dbg_state(live->dbg) == DBG_STOPPED;
}

static bool replied_again(const struct bench_live *live, unsigned replies)
{
    return live->replies != replies && dbg_state(live->dbg) == DBG_STOPPED;
}

static bool acknowledged(const struct bench_live *live, unsigned unused)
{
    (void)unused;
    return dbg_state(live->dbg) == DBG_RUNNING;
}

/* ---- one thing at a time ----------------------------------------------------------------------------- */

static bool refuse(char why[BENCH_LIVE_WHY_BYTES], const char *what)
{
    snprintf(why, BENCH_LIVE_WHY_BYTES, "%s", what);
    return false;
}

/* The reply is in live->reply, and its status is success. */
static bool ask(struct bench_live *live, const struct dbg_request *request, const char *what,
                char why[BENCH_LIVE_WHY_BYTES])
{
    unsigned replies = live->replies;
    send_request(live, request);
    if (!wait_until(live, replied_again, replies) || live->reply.status != DBG_STATUS_SUCCESS)
        return refuse(why, what);
    return true;
}

static bool read_at(struct bench_live *live, uint64_t address, uint32_t bytes, char why[BENCH_LIVE_WHY_BYTES])
{
    struct dbg_request request;
    uint32_t actual = 0;
    dbg_api_read_virtual(&request, 0, address, bytes);
    if (!ask(live, &request, "a read was not answered", why))
        return false;
    if (dbg_api_transfer(&live->reply, &actual) != KD_OK || actual != bytes)
        return refuse(why, "a read came back short");
    return true;
}

static bool read_registers(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    struct dbg_request request;
    dbg_api_get_context(&request, 0);
    return ask(live, &request, "the registers did not come", why);
}

bool bench_live_bulk_read(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    return read_at(live, live->base, sizeof live->page, why);
}

bool bench_live_small_read(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    return read_at(live, live->base, SMALL_BYTES, why);
}

bool bench_live_bulk_write(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    struct dbg_request request;
    if (dbg_api_write_virtual(&request, 0, live->base, live->page, sizeof live->page) != KD_OK)
        return refuse(why, "a write cannot be built");
    return ask(live, &request, "a write was not answered", why);
}

bool bench_live_step(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    unsigned stops = live->stops;
    go_on(live, true);
    if (!wait_until(live, stopped_again, stops))
        return refuse(why, "a step did not stop");
    return live->stop.code == DBG_STATUS_SINGLE_STEP ? true : refuse(why, "a step stopped at something else");
}

bool bench_live_source_step(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    if (!bench_live_step(live, why) || !read_registers(live, why) || !bench_live_small_read(live, why))
        return false;
    for (unsigned i = 0; i < VARIABLES; i++)
        if (!read_at(live, live->base + 16 * i, 16, why))
            return false;
    return true;
}

/* ---- a session --------------------------------------------------------------------------------------- */

static bool identify(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    struct dbg_request request;
    struct dbg_version version;
    dbg_api_get_version(&request);
    if (!ask(live, &request, "it does not say who it is", why))
        return false;
    if (dbg_api_version(&live->reply, &version) != KD_OK)
        return refuse(why, "who it says it is makes no sense");
    live->arch = version.machine == 0x014C ? DBG_X86 : DBG_X64;
    live->base = version.kernel_base;
    if (!bench_live_bulk_read(live, why))
        return false;
    memcpy(live->page, live->reply.data, sizeof live->page);
    return true;
}

/* Past the int3 of a break-in, which the processor does not pass by itself (kd-protocol.md 5.5 rule 4). */
static bool skip_break(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    uint8_t context[DBG_CONTEXT_BYTES_X64];
    unsigned count;
    uint64_t flags = 0;
    struct dbg_request request;
    const struct dbg_field *fields = dbg_context_fields(live->arch, &count);
    const char *pc = live->arch == DBG_X64 ? "rip" : "eip";
    size_t bytes = dbg_context_bytes(live->arch);
    if (live->stop.code != DBG_STATUS_BREAKPOINT)
        return true;
    if (!read_at(live, live->stop.pc, 1, why))
        return false;
    if (live->reply.data[0] != 0xCC)
        return true;
    if (!read_registers(live, why) || live->reply.data_bytes != bytes)
        return refuse(why, "the registers did not come");
    memcpy(context, live->reply.data, bytes);
    if (dbg_field_set(fields, count, pc, context, bytes, live->stop.pc + 1) != KD_OK ||
        dbg_field_get(fields, count, "flags", context, bytes, &flags) != KD_OK ||
        dbg_api_set_context(&request, 0, (uint32_t)flags, context, bytes) != KD_OK)
        return refuse(why, "the registers cannot be set");
    return ask(live, &request, "the registers were not taken", why);
}

/* A target that boots says so, is told to go on, and runs: then a break-in is due again. */
static bool stop(struct bench_live *live)
{
    dbg_attach(live->dbg);
    if (dbg_resync(live->dbg) != KD_OK)
        return false;
    for (unsigned tries = 0; tries < STOP_TRIES && !live->hung_up; tries++) {
        if (wait_for(live, SIM_S(1), stopped_again, 0))
            return true;
        if (dbg_state(live->dbg) == DBG_RUNNING && dbg_break_in(live->dbg) != KD_OK)
            return false;
    }
    return false;
}

static bool begin(struct bench_live *live, char why[BENCH_LIVE_WHY_BYTES])
{
    if (!stop(live))
        return refuse(why, "the target does not stop");
    return identify(live, why) && skip_break(live, why) && bench_live_step(live, why);
}

static void hang_up(struct bench_live *live)
{
    close(live->fd);
    dbg_destroy(live->dbg);
    sim_world_destroy(live->world);
    free(live);
}

struct bench_live *bench_live_open(const struct relay_address *address, char why[BENCH_LIVE_WHY_BYTES])
{
    struct sim_cost cost = sim_cost_default();
    struct dbg_config config = dbg_config_default();
    int fd = address->kind == RELAY_ADDRESS_UNIX ? connect_unix(address) : connect_tcp(address);
    if (fd < 0) {
        snprintf(why, BENCH_LIVE_WHY_BYTES, "nobody listens: %s", strerror(errno));
        return NULL;
    }
    struct bench_live *live = sim_allocate(1, sizeof *live);
    cost.think_ns = 0;
    live->fd = fd;
    live->zero_ns = bench_wall_ns();
    live->world = sim_world_create(1, &cost);
    live->dbg = dbg_create(live->world, &config, write_all, live);
    dbg_observe(live->dbg, &(struct dbg_observer){.context = live, .message = on_message});
    if (begin(live, why))
        return live;
    hang_up(live);
    return NULL;
}

void bench_live_close(struct bench_live *live)
{
    if (dbg_state(live->dbg) == DBG_STOPPED) {
        go_on(live, false);
        (void)wait_until(live, acknowledged, 0);
    }
    hang_up(live);
}
