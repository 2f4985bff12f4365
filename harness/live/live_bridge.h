/* live_bridge.h: joins the debugger at a door to the debugger's socket of a relay, byte for byte.
 *
 * For a pty, which the relay cannot listen at. Neither side is read for while the other does not take it.
 * Context: the loop's thread. */
#ifndef LIVE_BRIDGE_H
#define LIVE_BRIDGE_H

#include "harness/live/live_door.h"

struct live_peer;

struct live_bridge {
    struct uv_loop_s *loop;
    const char *path; /* of the relay's socket */
    struct live_door *door;
    void *context;
    void (*log)(void *context, const char *line);
    struct live_peer *relay; /* private: NULL while nobody is at the door */
};

/* The door's events; context is the struct live_bridge, whose fields are set before the loop runs. */
extern const struct live_door_events live_bridge_events;

void live_bridge_close(struct live_bridge *bridge);

#endif
