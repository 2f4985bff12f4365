#include "harness/live/live_bridge.h"
#include "harness/live/live_peer.h"
#include <stdio.h>

enum { UNWRITTEN_MAX = 65536 };

/* ---- from the relay ---- */

static void relay_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_bridge *bridge = context;
    live_door_write(bridge->door, bytes, len_bytes);
    live_peer_set_reading(bridge->relay, live_door_unwritten(bridge->door) <= UNWRITTEN_MAX);
}

static void relay_written(void *context)
{
    struct live_bridge *bridge = context;
    live_door_set_reading(bridge->door, live_peer_unwritten(bridge->relay) <= UNWRITTEN_MAX);
}

/* The one at the door is shown out; if he keeps the line open he comes in again at once. */
static void relay_gone(void *context, const char *why)
{
    struct live_bridge *bridge = context;
    (void)why;
    bridge->relay = NULL;
    live_door_show_out(bridge->door);
}

/* ---- from the door ---- */

static void on_came(void *context)
{
    struct live_bridge *bridge = context;
    const struct live_peer_events events = {bridge, relay_bytes, relay_written, relay_gone};
    bridge->relay = live_peer_connect(bridge->loop, bridge->path, &events);
    if (bridge->relay == NULL)
        live_door_show_out(bridge->door);
}

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_bridge *bridge = context;
    live_peer_write(bridge->relay, bytes, len_bytes);
    relay_written(bridge);
}

static void on_written(void *context)
{
    struct live_bridge *bridge = context;
    live_peer_set_reading(bridge->relay, live_door_unwritten(bridge->door) <= UNWRITTEN_MAX);
}

static void on_gone(void *context, const char *why)
{
    struct live_bridge *bridge = context;
    (void)why; /* the relay tells */
    live_bridge_close(bridge);
}

static void on_log(void *context, const char *line)
{
    struct live_bridge *bridge = context;
    bridge->log(bridge->context, line);
}

const struct live_door_events live_bridge_events = {
    .came = on_came, .bytes = on_bytes, .written = on_written, .gone = on_gone, .log = on_log};

void live_bridge_close(struct live_bridge *bridge)
{
    live_peer_close(bridge->relay);
    bridge->relay = NULL;
}
