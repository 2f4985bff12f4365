#include "harness/live/live_peer.h"
#include "sim/world/sim_memory.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

enum { READ_BYTES = 16384 };

struct live_peer {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t local;
        uv_tcp_t tcp;
    } at;
    struct live_peer_events events;
    bool reading;
    uint8_t in[READ_BYTES];
};

/* A write under way and a copy of its bytes. */
struct pending {
    uv_write_t write;
    struct live_peer *peer;
    uint8_t bytes[];
};

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

void live_peer_close(struct live_peer *peer)
{
    if (peer != NULL)
        uv_close(&peer->at.handle, closed);
}

static void lose(struct live_peer *peer, int error)
{
    live_peer_close(peer);
    peer->events.gone(peer->events.context,
                      error == UV_EOF ? "it closed the connection" : uv_strerror(error));
}

static void room(uv_handle_t *handle, size_t suggested_bytes, uv_buf_t *buffer)
{
    struct live_peer *peer = handle->data;
    (void)suggested_bytes;
    *buffer = uv_buf_init((char *)peer->in, sizeof peer->in);
}

static void was_read(uv_stream_t *stream, ssize_t read_bytes, const uv_buf_t *buffer)
{
    struct live_peer *peer = stream->data;
    (void)buffer;
    if (read_bytes < 0)
        lose(peer, (int)read_bytes);
    else if (read_bytes > 0)
        peer->events.bytes(peer->events.context, peer->in, (size_t)read_bytes);
}

void live_peer_set_reading(struct live_peer *peer, bool reading)
{
    if (peer->reading == reading)
        return;
    peer->reading = reading;
    if (reading)
        (void)uv_read_start(&peer->at.stream, room, was_read); /* fails only on a handle that is not open */
    else
        (void)uv_read_stop(&peer->at.stream);
}

static struct live_peer *make(uv_loop_t *loop, enum relay_address_kind kind,
                              const struct live_peer_events *events)
{
    struct live_peer *peer = sim_allocate(1, sizeof *peer);
    peer->events = *events;
    /* Neither kind of init can fail without flags. */
    if (kind == RELAY_ADDRESS_UNIX)
        (void)uv_pipe_init(loop, &peer->at.local, 0);
    else
        (void)uv_tcp_init(loop, &peer->at.tcp);
    peer->at.handle.data = peer;
    return peer;
}

struct live_peer *live_peer_accept(uv_loop_t *loop, uv_stream_t *door, enum relay_address_kind kind,
                                   const struct live_peer_events *events)
{
    struct live_peer *peer = make(loop, kind, events);
    if (uv_accept(door, &peer->at.stream) != 0) {
        live_peer_close(peer);
        return NULL;
    }
    if (kind == RELAY_ADDRESS_TCP)
        (void)uv_tcp_nodelay(&peer->at.tcp, 1);
    live_peer_set_reading(peer, true);
    return peer;
}

struct live_peer *live_peer_open(uv_loop_t *loop, int fd, const struct live_peer_events *events)
{
    struct live_peer *peer = make(loop, RELAY_ADDRESS_UNIX, events);
    int error = uv_pipe_open(&peer->at.local, fd);
    if (error != 0) {
        close(fd);
        live_peer_close(peer);
        errno = -error;
        return NULL;
    }
    live_peer_set_reading(peer, true);
    return peer;
}

struct live_peer *live_peer_connect(uv_loop_t *loop, const char *path, const struct live_peer_events *events)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return live_peer_open(loop, fd, events);
    int error = errno;
    close(fd);
    errno = error;
    return NULL;
}

static void was_written(uv_write_t *write, int status)
{
    struct pending *pending = (struct pending *)write;
    struct live_peer *peer = pending->peer;
    free(pending);
    if (uv_is_closing(&peer->at.handle))
        return;
    if (status < 0)
        lose(peer, status);
    else if (peer->events.written != NULL)
        peer->events.written(peer->events.context);
}

void live_peer_write(struct live_peer *peer, const uint8_t *bytes, size_t len_bytes)
{
    struct pending *pending = sim_allocate(1, sizeof *pending + len_bytes);
    uv_buf_t buffer = uv_buf_init((char *)pending->bytes, (unsigned)len_bytes);
    pending->peer = peer;
    memcpy(pending->bytes, bytes, len_bytes);
    if (uv_write(&pending->write, &peer->at.stream, &buffer, 1, was_written) != 0)
        free(pending); /* the stream is not writable any more; reading tells why */
}

size_t live_peer_unwritten(const struct live_peer *peer)
{
    return uv_stream_get_write_queue_size(&peer->at.stream);
}

bool live_peer_has_left(const struct live_peer *peer)
{
    struct pollfd line = {.events = POLLRDHUP};
    return uv_fileno(&peer->at.handle, &line.fd) == 0 && poll(&line, 1, 0) > 0;
}
