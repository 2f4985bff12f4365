#include "harness/live/live_door.h"
#include "harness/live/live_peer.h"
#include "harness/live/live_pty.h"
#include "sim/world/sim_memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { BACKLOG = 8, PTY_LOOK_MS = 20 };

struct live_door {
    uv_loop_t *loop;
    struct live_door_events events;
    struct live_peer *inside;
    char name[RELAY_ADDRESS_TEXT_BYTES];
    bool is_pty;
    union { /* what keeps the loop's attention: the listening socket, or the clock that looks after the pty */
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t local;
        uv_tcp_t tcp;
        uv_timer_t timer;
    } at;
    struct relay_listener listener;
    struct live_pty pty;
};

/* ---- the one inside ---- */

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_door *door = context;
    door->events.bytes(door->events.context, bytes, len_bytes);
}

static void on_written(void *context)
{
    struct live_door *door = context;
    door->events.written(door->events.context);
}

static void left(struct live_door *door, const char *why)
{
    door->inside = NULL;
    if (door->is_pty)
        live_pty_renew(&door->pty);
    door->events.gone(door->events.context, why);
}

static void on_gone(void *context, const char *why)
{
    struct live_door *door = context;
    left(door, door->is_pty ? "it closed the line" : why);
}

static struct live_peer_events peer_events(struct live_door *door)
{
    return (struct live_peer_events){door, on_bytes, on_written, on_gone};
}

static void let_in(struct live_door *door, struct live_peer *peer)
{
    door->inside = peer;
    if (peer != NULL)
        door->events.came(door->events.context);
}

void live_door_write(struct live_door *door, const uint8_t *bytes, size_t len_bytes)
{
    if (door->inside != NULL)
        live_peer_write(door->inside, bytes, len_bytes);
}

size_t live_door_unwritten(const struct live_door *door)
{
    return door->inside == NULL ? 0 : live_peer_unwritten(door->inside);
}

void live_door_set_reading(struct live_door *door, bool reading)
{
    if (door->inside != NULL)
        live_peer_set_reading(door->inside, reading);
}

void live_door_show_out(struct live_door *door)
{
    live_peer_close(door->inside);
    door->inside = NULL;
    if (door->is_pty)
        live_pty_renew(&door->pty);
}

/* ---- sockets ---- */

/* The loop promises no order: a newcomer may be seen before it is seen that the one inside has left. */
static void let_leaver_go(struct live_door *door)
{
    if (door->inside == NULL || !live_peer_has_left(door->inside))
        return;
    live_peer_close(door->inside);
    left(door, "it closed the connection");
}

static void somebody_came(uv_stream_t *stream, int status)
{
    struct live_door *door = stream->data;
    const struct live_peer_events events = peer_events(door);
    if (status < 0)
        return;
    let_leaver_go(door);
    struct live_peer *peer = live_peer_accept(door->loop, stream, door->listener.address.kind, &events);
    if (door->inside == NULL) {
        let_in(door, peer);
        return;
    }
    live_peer_close(peer);
    door->events.log(door->events.context, "another debugger came and was refused: one is connected already");
}

static int open_stream(struct live_door *door)
{
    int fd = door->listener.fd;
    if (door->listener.address.kind == RELAY_ADDRESS_UNIX) {
        (void)uv_pipe_init(door->loop, &door->at.local, 0);
        return uv_pipe_open(&door->at.local, fd);
    }
    (void)uv_tcp_init(door->loop, &door->at.tcp);
    return uv_tcp_open(&door->at.tcp, fd);
}

static enum kd_status open_socket(struct live_door *door, const struct relay_address *address,
                                  char why[RELAY_WHY_BYTES])
{
    enum kd_status status = relay_listen(&door->listener, address, why);
    if (status != KD_OK)
        return status;
    relay_address_print(&door->listener.address, door->name);
    int error = open_stream(door);
    door->at.handle.data = door;
    if (error != 0)
        close(door->listener.fd);
    else
        error = uv_listen(&door->at.stream, BACKLOG, somebody_came);
    if (error == 0)
        return KD_OK;
    snprintf(why, RELAY_WHY_BYTES, "cannot listen at %s: %s", door->name, uv_strerror(error));
    return KD_ERR_NO_DEVICE;
}

/* ---- the pty ---- */

static void look_at_pty(uv_timer_t *timer)
{
    struct live_door *door = timer->data;
    if (door->inside != NULL || !live_pty_is_held(&door->pty))
        return;
    const struct live_peer_events events = peer_events(door);
    int fd = fcntl(door->pty.master, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        let_in(door, live_peer_open(door->loop, fd, &events));
}

static enum kd_status open_pty(struct live_door *door, char why[RELAY_WHY_BYTES])
{
    if (live_pty_open(&door->pty) != KD_OK) {
        snprintf(why, RELAY_WHY_BYTES, "cannot make a pty: %s", strerror(errno));
        return KD_ERR_NO_DEVICE;
    }
    snprintf(door->name, sizeof door->name, "%s", door->pty.name);
    (void)uv_timer_init(door->loop, &door->at.timer);
    door->at.handle.data = door;
    (void)uv_timer_start(&door->at.timer, look_at_pty, PTY_LOOK_MS, PTY_LOOK_MS);
    return KD_OK;
}

/* ---- both ---- */

enum kd_status live_door_open(uv_loop_t *loop, const struct relay_address *address,
                              const struct live_door_events *events, struct live_door **door,
                              char why[RELAY_WHY_BYTES])
{
    struct live_door *made = sim_allocate(1, sizeof *made);
    made->loop = loop;
    made->events = *events;
    made->is_pty = address == NULL;
    enum kd_status status = made->is_pty ? open_pty(made, why) : open_socket(made, address, why);
    if (status == KD_OK)
        *door = made;
    else
        live_door_close(made);
    return status;
}

const char *live_door_name(const struct live_door *door)
{
    return door->name;
}

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

void live_door_close(struct live_door *door)
{
    if (door == NULL)
        return;
    live_peer_close(door->inside);
    if (door->at.handle.data == NULL) { /* nothing was opened */
        free(door);
        return;
    }
    if (door->is_pty)
        live_pty_close(&door->pty);
    else
        relay_listen_remove(&door->listener);
    uv_close(&door->at.handle, closed);
}
