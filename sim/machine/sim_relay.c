#include "sim/machine/sim_relay.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_relay {
    struct sim_world *world;
    uint32_t vm;
    struct sim_line *to_debugger;
    struct sim_relay_says says;
    bool attention; /* as told last */
    bool connected;
    bool frozen;
    struct sim_prng lives; /* seeds of the tokens of later lives */
    sim_event_id timer;
    uint64_t timer_ns;
    uint8_t *waiting; /* bytes of the debugger behind the core's input buffer */
    size_t waiting_bytes, waiting_room;
    struct relay_core core;
};

static struct relay_config core_config(struct sim_world *world, uint32_t vm)
{
    struct sim_prng prng = sim_prng_for(world, "relay");
    struct relay_config config = {.hold_ns = SIM_MS(250),
                                  .byte_wait_ns = SIM_S(1),
                                  .reset_window_ns = SIM_MS(100),
                                  .gone_wait_ns = SIM_S(2)};
    for (uint32_t i = 0; i <= vm; i++)
        config.token_seed = sim_prng_u64(&prng);
    return config;
}

static void has_room(void *context);

static void tell_attention(struct sim_relay *relay, bool raised)
{
    if (raised == relay->attention)
        return;
    relay->attention = raised;
    relay->says.attention(relay->says.context, raised);
}

static void begin_life(struct sim_relay *relay, const struct relay_config *config)
{
    relay_init(&relay->core, config);
    relay->attention = !relay_vm_attention(&relay->core); /* told in any case */
    tell_attention(relay, !relay->attention);
}

struct sim_relay *sim_relay_create(struct sim_world *world, uint32_t vm, struct sim_line *to_debugger,
                                   const struct sim_relay_says *says)
{
    struct sim_relay *relay = sim_allocate(1, sizeof *relay);
    relay->world = world;
    relay->vm = vm;
    relay->to_debugger = to_debugger;
    relay->says = *says;
    relay->timer_ns = KD_NEVER;
    sim_line_on_room(to_debugger, has_room, relay);
    char purpose[40];
    snprintf(purpose, sizeof purpose, "relay restart %u", (unsigned)vm);
    relay->lives = sim_prng_for(world, purpose);
    struct relay_config config = core_config(world, vm);
    begin_life(relay, &config);
    return relay;
}

void sim_relay_destroy(struct sim_relay *relay)
{
    if (relay == NULL)
        return;
    sim_cancel(relay->world, relay->timer);
    free(relay->waiting);
    free(relay);
}

static void note_reply(struct sim_relay *relay, struct kd_span bytes)
{
    struct vm_reply reply;
    struct sim_record record = {.time_ns = sim_now(relay->world), .kind = SIM_RECORD_RELAY, .vm = relay->vm};
    if (vm_reply_load(&reply, bytes.bytes, bytes.len_bytes) == KD_OK) {
        record.a = reply.kind;
        record.b = reply.result;
        record.c = reply.flags;
        record.d = reply.packet.type;
    }
    sim_trace_add(sim_trace(relay->world), &record, NULL, 0);
}

/* Each drain_ function does what the core has ready and returns whether there was something. */

static bool drain_output(struct sim_relay *relay)
{
    struct kd_span output = relay_debugger_output(&relay->core);
    if (output.len_bytes == 0 || (relay->connected && sim_line_full(relay->to_debugger)))
        return false;
    if (relay->connected)
        sim_line_write(relay->to_debugger, output.bytes, output.len_bytes);
    relay_debugger_written(&relay->core, output.len_bytes);
    return true;
}

static bool drain_reply(struct sim_relay *relay)
{
    struct kd_span reply;
    if (!relay_vm_reply(&relay->core, &reply))
        return false;
    note_reply(relay, reply);
    relay->says.reply(relay->says.context, reply.bytes, reply.len_bytes);
    return true;
}

static bool drain_waiting(struct sim_relay *relay)
{
    if (relay->waiting_bytes == 0)
        return false;
    size_t taken =
        relay_debugger_input(&relay->core, relay->waiting, relay->waiting_bytes, sim_now(relay->world));
    relay->waiting_bytes -= taken;
    memmove(relay->waiting, relay->waiting + taken, relay->waiting_bytes);
    return taken > 0;
}

static void expired(void *context);

static void arm(struct sim_relay *relay)
{
    uint64_t deadline = relay_deadline(&relay->core);
    if (deadline == relay->timer_ns)
        return;
    sim_cancel(relay->world, relay->timer);
    relay->timer = 0;
    relay->timer_ns = deadline;
    if (deadline == KD_NEVER)
        return;
    uint64_t now = sim_now(relay->world);
    relay->timer = sim_at(relay->world, deadline < now ? now : deadline, expired, relay);
}

static void drain(struct sim_relay *relay)
{
    bool more = !relay->frozen;
    while (more) {
        more = drain_output(relay);
        more = drain_reply(relay) || more;
        more = drain_waiting(relay) || more;
    }
    if (relay->frozen)
        return;
    arm(relay);
    tell_attention(relay, relay_vm_attention(&relay->core));
}

static void expired(void *context)
{
    struct sim_relay *relay = context;
    relay->timer = 0;
    relay->timer_ns = KD_NEVER;
    if (relay->frozen) /* armed again when the host wakes */
        return;
    relay_expire(&relay->core, sim_now(relay->world));
    drain(relay);
}

/* The debugger reads again. */
static void has_room(void *context)
{
    struct sim_relay *relay = context;
    if (relay->connected)
        drain(relay);
}

void sim_relay_request(struct sim_relay *relay, const uint8_t *bytes, size_t len_bytes)
{
    relay_vm_request(&relay->core, bytes, len_bytes, sim_now(relay->world));
    drain(relay);
}

void sim_relay_vm_lost(struct sim_relay *relay)
{
    relay_vm_lost(&relay->core, sim_now(relay->world));
    drain(relay);
}

void sim_relay_vm_gone(struct sim_relay *relay)
{
    relay_vm_gone(&relay->core, sim_now(relay->world));
    drain(relay);
}

static void forget_timer(struct sim_relay *relay)
{
    sim_cancel(relay->world, relay->timer);
    relay->timer = 0;
    relay->timer_ns = KD_NEVER;
}

void sim_relay_kill(struct sim_relay *relay)
{
    forget_timer(relay);
    relay->connected = relay->frozen = false;
    relay->waiting_bytes = 0;
    tell_attention(relay, false); /* whoever is not there has nothing to tell */
}

void sim_relay_restart(struct sim_relay *relay)
{
    struct relay_config config = relay->core.config;
    config.token_seed = sim_prng_u64(&relay->lives);
    begin_life(relay, &config);
}

void sim_relay_freeze(struct sim_relay *relay, bool frozen)
{
    if (relay->frozen == frozen)
        return;
    relay->frozen = frozen;
    drain(relay);
}

void sim_relay_connected(struct sim_relay *relay)
{
    relay->connected = true;
    relay_debugger_connected(&relay->core, sim_now(relay->world));
    drain(relay);
}

void sim_relay_disconnected(struct sim_relay *relay)
{
    relay->connected = false;
    relay->waiting_bytes = 0;
    relay_debugger_disconnected(&relay->core, sim_now(relay->world));
    drain(relay);
}

void sim_relay_input(struct sim_relay *relay, const uint8_t *bytes, size_t len_bytes)
{
    relay->waiting = sim_grow(relay->waiting, &relay->waiting_room, relay->waiting_bytes + len_bytes, 1);
    memcpy(relay->waiting + relay->waiting_bytes, bytes, len_bytes);
    relay->waiting_bytes += len_bytes;
    drain(relay);
}

const struct relay_core *sim_relay_core(const struct sim_relay *relay)
{
    return &relay->core;
}
