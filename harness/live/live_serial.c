#include "harness/live/live_serial.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_line(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_serial *serial = context;
    serial->out = sim_grow(serial->out, &serial->out_room, serial->out_bytes + len_bytes, 1);
    memcpy(serial->out + serial->out_bytes, bytes, len_bytes);
    serial->out_bytes += len_bytes;
}

/* The door lets nobody in while one is inside, so the VM cannot be busy. */
static void on_came(void *context)
{
    struct live_serial *serial = context;
    const struct sim_vm_peer peer = {.context = serial, .bytes = on_line};
    live_world_turn(serial->world);
    serial->overrun = false;
    (void)!sim_vm_attach(serial->vm, &peer);
    live_world_turn(serial->world);
}

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_serial *serial = context;
    live_world_turn(serial->world);
    if (sim_vm_unread(serial->vm) + len_bytes <= LIVE_SERIAL_UNREAD_MAX) {
        sim_vm_write(serial->vm, bytes, len_bytes);
    } else if (!serial->overrun) {
        serial->overrun = true;
        serial->log(serial->context, "debugger sends faster than the line is; bytes are lost");
    }
    live_world_turn(serial->world);
}

static void on_written(void *context)
{
    struct live_serial *serial = context;
    live_world_set_stalled(serial->world, live_door_unwritten(serial->door) > LIVE_SERIAL_UNWRITTEN_MAX);
}

static void on_gone(void *context, const char *why)
{
    struct live_serial *serial = context;
    char line[128];
    snprintf(line, sizeof line, "debugger gone: %s", why);
    serial->log(serial->context, line);
    serial->out_bytes = 0;
    sim_vm_detach(serial->vm);
    live_world_set_stalled(serial->world, false);
}

static void on_log(void *context, const char *line)
{
    struct live_serial *serial = context;
    serial->log(serial->context, line);
}

const struct live_door_events live_serial_events = {
    .came = on_came, .bytes = on_bytes, .written = on_written, .gone = on_gone, .log = on_log};

void live_serial_turned(struct live_serial *serial)
{
    if (serial->out_bytes == 0)
        return;
    live_door_write(serial->door, serial->out, serial->out_bytes);
    serial->out_bytes = 0;
    on_written(serial);
}

void live_serial_free(struct live_serial *serial)
{
    free(serial->out);
}
