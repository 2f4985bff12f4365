#include "harness/live/live_target.h"
#include "harness/live/live_bridge.h"
#include "harness/live/live_rpc.h"
#include "harness/live/live_says.h"
#include "harness/live/live_serial.h"
#include "sim/world/sim_memory.h"
#include "transport/relay/relay_server.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { FOLDER_BYTES = 96, LINE_BYTES = 512 };

struct live_target {
    uv_loop_t *loop;
    struct live_config config;
    struct sim_world *world;
    struct sim_vm *vm;
    struct live_world *live;
    struct live_says says;
    struct live_door *door; /* serial, and a pty on either link */
    struct live_serial serial;
    /* Backdoor link only. */
    char folder[FOLDER_BYTES]; /* private, for the relay's sockets; empty when there is none */
    struct relay_address vm_socket;
    struct relay_address debugger_socket;
    struct relay_server *relay;
    struct live_rpc *rpc;
    struct live_bridge bridge;
    char name[RELAY_ADDRESS_TEXT_BYTES];
};

enum kd_status live_address_parse(struct live_address *address, const char *text, const char **why)
{
    memset(address, 0, sizeof *address);
    address->is_pty = strcmp(text, "pty") == 0;
    if (address->is_pty)
        return KD_OK;
    enum kd_status status = relay_address_parse(&address->socket, text, why);
    if (status != KD_OK && strncmp(text, "unix:", 5) != 0 && strncmp(text, "tcp:", 4) != 0)
        *why = "expected unix:PATH, tcp:HOST:PORT or pty";
    return status;
}

/* ---- what it says ---- */

static void say(void *context, const char *line)
{
    struct live_target *target = context;
    target->config.log(target->config.context, line);
}

/* The relay's words about the debugger are the target's; those about the VM are told apart from the VM's own.
 */
static void relay_says(void *context, const char *line)
{
    char prefixed[LINE_BYTES];
    bool of_vm = strstr(line, "VM") != NULL;
    snprintf(prefixed, sizeof prefixed, "%s%s", of_vm ? "relay: " : "", line);
    say(context, prefixed);
}

static void on_api(void *context, const struct mk_trace *trace)
{
    live_says_api(&((struct live_target *)context)->says, trace);
}

static void on_life(void *context, enum sim_life life)
{
    live_says_life(&((struct live_target *)context)->says, life);
}

static void on_skipped(void *context, uint64_t skipped_ns)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "the host was away or too slow for %" PRIu64 " ms: the target skips them",
             skipped_ns / 1000000u);
    say(context, line);
}

static void on_turned(void *context)
{
    struct live_target *target = context;
    if (target->config.vm.link == SIM_LINK_SERIAL)
        live_serial_turned(&target->serial);
}

/* ---- the guest's RPCs ---- */

static void on_request(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_target *target = context;
    live_rpc_request(target->rpc, bytes, len_bytes);
}

static void on_lost(void *context)
{
    struct live_target *target = context;
    live_rpc_lost(target->rpc);
}

static void on_reply(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_target *target = context;
    live_world_turn(target->live);
    sim_vm_rpc_reply(target->vm, bytes, len_bytes);
    live_world_turn(target->live);
}

static void on_attention(void *context, bool raised)
{
    struct live_target *target = context;
    live_world_turn(target->live);
    sim_vm_attention(target->vm, raised);
}

static void on_rpc_failed(void *context, const char *why)
{
    struct live_target *target = context;
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "the VM cannot reach its relay: %s", why);
    say(target, line);
    target->config.failed(target->config.context);
}

/* ---- making it ---- */

/* Whether the guest's exits cost what they cost on this host, and not what a table says. */
static bool takes_time(const struct live_target *target)
{
    return target->config.vm.machine == SIM_MACHINE_KVM;
}

/* The guest counts polls, which take real time here: as many as make about a second at the exit cost of the table. */
static void set_real_costs(struct live_target *target, struct sim_vm_config *config)
{
    enum { ACCESSES_PER_POLL = 2 };
    struct sim_cost *cost = &target->config.cost;
    if (config->polls == 0)
        config->polls = (uint32_t)(SIM_S(1) / (ACCESSES_PER_POLL * sim_cost_default().exit_ns));
    cost->exit_ns = cost->payload_ps_per_byte = 0;
}

static uint64_t wall_clock_ns(void *context)
{
    const struct live_target *target = context;
    return live_world_now(target->live);
}

static enum kd_status make_vm(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    const char *what;
    struct sim_vm_config config = target->config.vm;
    if (sim_link_has_relay(config.link))
        config.endpoint = (struct sim_vm_endpoint){target, on_request, on_lost};
    if (takes_time(target)) {
        config.clock = (struct sim_vm_clock){target, wall_clock_ns};
        set_real_costs(target, &config);
    }
    target->world = sim_world_create(target->config.seed, &target->config.cost);
    enum kd_status status = sim_vm_create(target->world, NULL, &config, &target->vm, &what);
    if (status != KD_OK) {
        snprintf(why, RELAY_WHY_BYTES, "no such target can be built: %s", what);
        return status;
    }
    target->says = (struct live_says){.context = target, .line = say, .map = sim_vm_map(target->vm)};
    sim_vm_observe(target->vm, &(struct sim_vm_observer){.context = target, .api = on_api, .life = on_life});
    return KD_OK;
}

static enum kd_status open_door(struct live_target *target, const struct live_door_events *events,
                                void *context, char why[RELAY_WHY_BYTES])
{
    struct live_door_events mine = *events;
    const struct live_address *address = &target->config.address;
    mine.context = context;
    enum kd_status status =
        live_door_open(target->loop, address->is_pty ? NULL : &address->socket, &mine, &target->door, why);
    if (status == KD_OK)
        snprintf(target->name, sizeof target->name, "%s", live_door_name(target->door));
    return status;
}

static enum kd_status open_serial(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    target->serial =
        (struct live_serial){.vm = target->vm, .world = target->live, .context = target, .log = say};
    enum kd_status status = open_door(target, &live_serial_events, &target->serial, why);
    target->serial.door = target->door;
    return status;
}

static enum kd_status no_folder(char why[RELAY_WHY_BYTES])
{
    snprintf(why, RELAY_WHY_BYTES, "cannot make a private folder for the relay's sockets: %s",
             strerror(errno));
    return KD_ERR_NO_DEVICE;
}

static void set_unix_address(struct relay_address *address, const char *folder, const char *file)
{
    *address = (struct relay_address){.kind = RELAY_ADDRESS_UNIX};
    snprintf(address->path, sizeof address->path, "%.*s/%s", (int)FOLDER_BYTES, folder, file);
}

static enum kd_status make_folder(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(target->folder, sizeof target->folder, "%s/kdharness-XXXXXX",
                          parent == NULL || parent[0] == 0 ? P_tmpdir : parent);
    if (length >= (int)sizeof target->folder)
        errno = ENAMETOOLONG;
    if (length >= (int)sizeof target->folder || mkdtemp(target->folder) == NULL) {
        target->folder[0] = 0;
        return no_folder(why);
    }
    set_unix_address(&target->vm_socket, target->folder, "vm");
    set_unix_address(&target->debugger_socket, target->folder, "debugger");
    return KD_OK;
}

static enum kd_status open_relay(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    struct relay_server_config config = {
        .vm = target->vm_socket,
        .debugger = target->config.address.is_pty ? target->debugger_socket : target->config.address.socket,
        .core = {.hold_ns = SIM_MS(250),
                 .byte_wait_ns = SIM_S(1),
                 .reset_window_ns = SIM_MS(100),
                 .gone_wait_ns = SIM_S(2)},
        .log = relay_says,
        .context = target,
    };
    /* No two lives of a relay may draw the same tokens, seed or no seed. */
    if (uv_random(NULL, NULL, &config.core.token_seed, sizeof config.core.token_seed, 0, NULL) != 0) {
        snprintf(why, RELAY_WHY_BYTES, "the system gives no random numbers");
        return KD_ERR_NO_DEVICE;
    }
    enum kd_status status = relay_server_open(target->loop, &config, &target->relay, why);
    if (status == KD_OK)
        relay_address_print(relay_server_debugger_address(target->relay), target->name);
    return status;
}

static enum kd_status open_rpc(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    const struct live_rpc_events events = {target, on_reply, on_attention, on_rpc_failed};
    target->rpc = live_rpc_open(target->loop, target->vm_socket.path, &events);
    if (target->rpc != NULL)
        return KD_OK;
    snprintf(why, RELAY_WHY_BYTES, "the VM cannot reach its relay: %s", strerror(errno));
    return KD_ERR_NO_DEVICE;
}

static enum kd_status open_pty_bridge(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    if (!target->config.address.is_pty)
        return KD_OK;
    target->bridge = (struct live_bridge){
        .loop = target->loop, .path = target->debugger_socket.path, .context = target, .log = say};
    enum kd_status status = open_door(target, &live_bridge_events, &target->bridge, why);
    target->bridge.door = target->door;
    return status;
}

static enum kd_status open_backdoor(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    static enum kd_status (*const steps[])(struct live_target * target, char why[RELAY_WHY_BYTES]) = {
        make_folder, open_relay, open_rpc, open_pty_bridge};
    enum kd_status status = KD_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == KD_OK; i++)
        status = steps[i](target, why);
    return status;
}

static enum kd_status open_all(struct live_target *target, char why[RELAY_WHY_BYTES])
{
    const struct live_world_events events = {target, on_turned, on_skipped};
    enum kd_status status = make_vm(target, why);
    if (status != KD_OK)
        return status;
    target->live = live_world_open(target->loop, target->world, takes_time(target), &events);
    return target->config.vm.link == SIM_LINK_SERIAL ? open_serial(target, why) : open_backdoor(target, why);
}

enum kd_status live_target_open(uv_loop_t *loop, const struct live_config *config,
                                struct live_target **target, char why[RELAY_WHY_BYTES])
{
    struct live_target *made = sim_allocate(1, sizeof *made);
    made->loop = loop;
    made->config = *config;
    enum kd_status status = open_all(made, why);
    if (status == KD_OK) {
        *target = made;
        return KD_OK;
    }
    live_target_close(made);
    uv_run(loop, UV_RUN_DEFAULT);
    live_target_free(made);
    return status;
}

void live_target_start(struct live_target *target)
{
    sim_vm_power_on(target->vm);
    live_world_turn(target->live);
}

const char *live_target_name(const struct live_target *target)
{
    return target->name;
}

void live_target_close(struct live_target *target)
{
    live_world_close(target->live);
    live_door_close(target->door);
    live_bridge_close(&target->bridge);
    live_rpc_close(target->rpc);
    if (target->relay != NULL)
        relay_server_close(target->relay);
    if (target->folder[0] != 0)
        (void)rmdir(target->folder); /* the relay has removed its sockets */
}

void live_target_free(struct live_target *target)
{
    sim_vm_destroy(target->vm);
    sim_world_destroy(target->world);
    live_serial_free(&target->serial);
    free(target);
}
