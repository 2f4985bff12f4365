/* live_serial.h: the debugger at the door is the far end of the VM's serial line: bytes, paced by the world.
 *
 * A debugger that does not read stalls the world, as a monitor stalls whose serial port is not read. One that
 * writes much faster than the line is loses bytes, as on any wire without flow control: a debugger that keeps
 * to the protocol never has so much under way. Context: the loop's thread. */
#ifndef LIVE_SERIAL_H
#define LIVE_SERIAL_H

#include "harness/live/live_door.h"
#include "harness/live/live_world.h"
#include "sim/machine/sim_vm.h"

enum {
    LIVE_SERIAL_UNREAD_MAX =
        16384, /* what the line takes of a debugger before bytes are lost: four largest frames */
    LIVE_SERIAL_UNWRITTEN_MAX = 65536, /* what a debugger may leave unread before the world stands still */
};

struct live_serial {
    struct sim_vm *vm;
    struct live_world *world;
    struct live_door *door;
    void *context;
    void (*log)(void *context, const char *line);
    /* private */
    bool overrun; /* told once per connection */
    uint8_t *out; /* what the VM sent in the turn under way */
    size_t out_bytes, out_room;
};

/* The door's events; context is the struct live_serial, whose fields are set before the loop runs. */
extern const struct live_door_events live_serial_events;

/* After each turn of the world: what the VM sent goes out. */
void live_serial_turned(struct live_serial *serial);

void live_serial_free(struct live_serial *serial);

#endif
