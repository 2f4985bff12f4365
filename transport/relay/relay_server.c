/* relay_server.c: sockets and a timer around relay_core.
 *
 * A session is one VM: its core, its two doors (listening sockets) and the peer behind each. Every event ends
 * in session_run, which moves bytes until nobody can make progress: input to the core, the core's output and
 * replies to the sockets. One write per peer is under way at a time, from a buffer of its own; what the peer
 * does not read stays in the core, and what the core does not take stays in the peer's input, and is not read
 * for. */
#include "transport/relay/relay_server.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    VM_FRAME_BYTES_MAX = VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES_MAX,
    PEER_BUFFER_BYTES = 16384,
    LOG_LINE_BYTES = 512,
    BACKLOG = 8,
};
_Static_assert((int)PEER_BUFFER_BYTES >= (int)VM_FRAME_BYTES_MAX, "a whole request fits");
_Static_assert((int)PEER_BUFFER_BYTES >= (int)VM_STREAM_PREFIX_BYTES + (int)VM_REPLY_BYTES_MAX,
               "a reply too");
_Static_assert((int)PEER_BUFFER_BYTES >= (int)RELAY_OUTPUT_BYTES, "all output fits");

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t local;
    uv_tcp_t tcp;
};

struct session;
struct door;

/* One connection. It belongs to its door until it is closed, then to the loop, which frees it. */
struct peer {
    union stream at;
    uv_write_t write;
    struct door *door;
    bool writing;
    bool reading;
    size_t in_bytes;
    uint8_t in[PEER_BUFFER_BYTES];
    uint8_t out[PEER_BUFFER_BYTES];
};

/* What makes the VM's door and the debugger's different. */
struct role {
    const char *name;
    void (*connected)(struct session *session);
    void (*gone)(struct session *session);
};

/* One listening socket and the peer that came through it, if any. */
struct door {
    const struct role *role;
    struct session *session;
    union stream at;
    struct relay_listener listener;
    struct peer *peer;
};

/* One VM. */
struct session {
    struct relay_core core;
    struct door vm;
    struct door debugger;
    uv_timer_t timer;
    bool vm_greeted; /* a hello and a refusal are named in the log once per connection */
    bool vm_blamed;
    bool vm_takes_notices; /* it asked for them on this connection, */
    bool vm_notified;      /* has had one, */
    bool vm_attention;     /* and this is what it said */
    uint64_t epochs_seen;
    uint64_t refused_seen;
    struct relay_server *server;
};

struct relay_server {
    uv_loop_t *loop;
    struct relay_server_config config;
    struct session session;
    unsigned handles; /* that are not closed yet: while there is one, a callback may look in here */
};

static void session_run(struct session *session);

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fputs("kdrelay: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void __attribute__((format(printf, 2, 3))) say(struct session *session, const char *format, ...)
{
    const struct relay_server_config *config = &session->server->config;
    char line[LOG_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    config->log(config->context, line);
}

/* ---- peers ---- */

static void server_release(struct relay_server *server)
{
    if (--server->handles == 0)
        free(server);
}

static void peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    struct relay_server *server = peer->door->session->server;
    free(peer);
    server_release(server);
}

/* Ends a connection and tells the core. */
static void peer_drop(struct peer *peer, const char *why)
{
    struct door *door = peer->door;
    say(door->session, "%s gone: %s", door->role->name, why);
    uv_close(&peer->at.handle, peer_closed);
    door->peer = NULL;
    door->role->gone(door->session);
}

/* A callback of a peer that was dropped meanwhile comes to nothing. */
static bool peer_is_served(const struct peer *peer)
{
    return peer->door->peer == peer;
}

static void peer_room(uv_handle_t *handle, size_t suggested_bytes, uv_buf_t *buffer)
{
    struct peer *peer = handle->data;
    (void)suggested_bytes;
    *buffer = uv_buf_init((char *)peer->in + peer->in_bytes, (unsigned)(sizeof(peer->in) - peer->in_bytes));
}

static void peer_read(uv_stream_t *stream, ssize_t read_bytes, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;
    struct session *session = peer->door->session;
    (void)buffer;
    if (read_bytes < 0)
        peer_drop(peer, read_bytes == UV_EOF ? "it closed the connection" : uv_strerror((int)read_bytes));
    else
        peer->in_bytes += (size_t)read_bytes;
    session_run(session);
}

static void peer_written(uv_write_t *write, int status)
{
    struct peer *peer = write->data;
    if (!peer_is_served(peer))
        return;
    struct session *session = peer->door->session;
    peer->writing = false;
    if (status < 0)
        peer_drop(peer, uv_strerror(status));
    session_run(session);
}

/* Writes the first out_bytes of peer->out. */
static void peer_write(struct peer *peer, size_t out_bytes)
{
    uv_buf_t buffer = uv_buf_init((char *)peer->out, (unsigned)out_bytes);
    peer->writing = true;
    peer->write.data = peer;
    int error = uv_write(&peer->write, &peer->at.stream, &buffer, 1, peer_written);
    if (error != 0)
        peer_drop(peer, uv_strerror(error));
}

static void peer_consume(struct peer *peer, size_t len_bytes)
{
    peer->in_bytes -= len_bytes;
    memmove(peer->in, peer->in + len_bytes, peer->in_bytes);
}

/* Reads while there is room, so that back-pressure reaches the one who writes.
 * Returns  true when that cost the connection */
static bool peer_set_reading(struct peer *peer)
{
    bool wanted = peer != NULL && peer->in_bytes < sizeof(peer->in);
    if (peer == NULL || wanted == peer->reading)
        return false;
    peer->reading = wanted;
    int error =
        wanted ? uv_read_start(&peer->at.stream, peer_room, peer_read) : uv_read_stop(&peer->at.stream);
    if (error != 0)
        peer_drop(peer, uv_strerror(error));
    return error != 0;
}

/* ---- the session ---- */

static void vm_connected(struct session *session)
{
    session->vm_greeted = false;
    session->vm_blamed = false;
    session->vm_takes_notices = session->vm_notified = false;
}

static void vm_gone(struct session *session)
{
    relay_vm_gone(&session->core, uv_hrtime());
}

static void debugger_connected(struct session *session)
{
    relay_debugger_connected(&session->core, uv_hrtime());
}

static void debugger_gone(struct session *session)
{
    relay_debugger_disconnected(&session->core, uv_hrtime());
}

static const struct role vm_role = {"VM", vm_connected, vm_gone};
static const struct role debugger_role = {"debugger", debugger_connected, debugger_gone};

/* Tells once per connection that the VM speaks, and that it speaks nonsense: it can repeat both for ever. */
static void session_note_vm(struct session *session)
{
    const struct relay_counters *counters = &session->core.counters;
    if (counters->epochs != session->epochs_seen && !session->vm_greeted) {
        session->vm_greeted = true;
        say(session, "VM said hello, epoch %llu", (unsigned long long)session->core.epoch);
    }
    if (counters->requests_refused != session->refused_seen && !session->vm_blamed) {
        session->vm_blamed = true;
        say(session,
            "VM sent a request that breaks the protocol, or speaks no version of it that we do; refused");
    }
    session->epochs_seen = counters->epochs;
    session->refused_seen = counters->requests_refused;
}

/* Each of these does one step and returns whether it could. */

static bool take_debugger_input(struct session *session)
{
    struct peer *peer = session->debugger.peer;
    if (peer == NULL || peer->in_bytes == 0)
        return false;
    size_t taken = relay_debugger_input(&session->core, peer->in, peer->in_bytes, uv_hrtime());
    peer_consume(peer, taken);
    return taken > 0;
}

static void take_vm_message(struct session *session, const uint8_t *bytes, uint32_t len_bytes)
{
    if (len_bytes == VM_NOTICE_BYTES && bytes[0] == VM_NOTICE_SUBSCRIBE)
        session->vm_takes_notices = true;
    else
        relay_vm_request(&session->core, bytes, len_bytes, uv_hrtime());
}

/* A request waits until the reply before it is on its way, so that a VM which does not read is not served. */
static bool take_vm_request(struct session *session)
{
    struct peer *peer = session->vm.peer;
    if (peer == NULL || peer->writing || peer->in_bytes < VM_STREAM_PREFIX_BYTES)
        return false;
    uint32_t len_bytes = kd_load_u32(peer->in);
    if (len_bytes > VM_REQUEST_BYTES_MAX) {
        peer_drop(peer, "it announced a message longer than any can be");
        return true;
    }
    if (peer->in_bytes < VM_STREAM_PREFIX_BYTES + len_bytes)
        return false;
    take_vm_message(session, peer->in + VM_STREAM_PREFIX_BYTES, len_bytes);
    peer_consume(peer, VM_STREAM_PREFIX_BYTES + len_bytes);
    session_note_vm(session);
    return true;
}

static bool write_reply(struct session *session)
{
    struct peer *peer = session->vm.peer;
    struct kd_span reply;
    if (peer == NULL || peer->writing || !relay_vm_reply(&session->core, &reply))
        return false;
    kd_store_u32(peer->out, reply.len_bytes);
    memcpy(peer->out + VM_STREAM_PREFIX_BYTES, reply.bytes, reply.len_bytes);
    peer_write(peer, VM_STREAM_PREFIX_BYTES + reply.len_bytes);
    return true;
}

/* What changed while the VM did not read is told as it is now. */
static bool write_notice(struct session *session)
{
    struct peer *peer = session->vm.peer;
    bool attention = relay_vm_attention(&session->core);
    if (peer == NULL || peer->writing || !session->vm_takes_notices)
        return false;
    if (session->vm_notified && session->vm_attention == attention)
        return false;
    session->vm_notified = true;
    session->vm_attention = attention;
    kd_store_u32(peer->out, VM_NOTICE_BYTES);
    peer->out[VM_STREAM_PREFIX_BYTES] = attention ? VM_NOTICE_ATTENTION : VM_NOTICE_QUIET;
    peer_write(peer, VM_STREAM_PREFIX_BYTES + VM_NOTICE_BYTES);
    return true;
}

static bool write_output(struct session *session)
{
    struct peer *peer = session->debugger.peer;
    struct kd_span output = relay_debugger_output(&session->core);
    if (peer == NULL || peer->writing || output.len_bytes == 0)
        return false;
    size_t out_bytes = output.len_bytes;
    memcpy(peer->out, output.bytes, out_bytes);
    relay_debugger_written(&session->core, out_bytes);
    peer_write(peer, out_bytes);
    return true;
}

static void session_expired(uv_timer_t *timer)
{
    struct session *session = timer->data;
    relay_expire(&session->core, uv_hrtime());
    session_run(session);
}

/* The loop's timer counts milliseconds; rounded up, so that the deadline has passed when it fires. */
static void session_arm(struct session *session)
{
    uint64_t deadline = relay_deadline(&session->core), now = uv_hrtime();
    uint64_t wait_ns = deadline > now ? deadline - now : 0;
    uv_timer_stop(&session->timer);
    if (deadline == KD_NEVER)
        return;
    uv_update_time(session->server->loop);
    uv_timer_start(&session->timer, session_expired, wait_ns / 1000000u + 1, 0);
}

static void session_run(struct session *session)
{
    bool more = true;
    while (more) {
        more = take_debugger_input(session);
        more = write_output(session) || more;
        more = write_reply(session) || more; /* before the next request, which may overwrite it */
        more = write_notice(session) || more;
        more = take_vm_request(session) || more;
        more = peer_set_reading(session->vm.peer) || more;
        more = peer_set_reading(session->debugger.peer) || more;
    }
    session_arm(session);
}

/* ---- doors ---- */

/* Neither kind of init can fail without flags. */
static void stream_init(struct relay_server *server, union stream *at, enum relay_address_kind kind,
                        void *data)
{
    if (kind == RELAY_ADDRESS_UNIX)
        (void)uv_pipe_init(server->loop, &at->local, 0);
    else
        (void)uv_tcp_init(server->loop, &at->tcp);
    at->handle.data = data;
    server->handles++;
}

static int stream_open(union stream *at, enum relay_address_kind kind, int fd)
{
    return kind == RELAY_ADDRESS_UNIX ? uv_pipe_open(&at->local, fd) : uv_tcp_open(&at->tcp, fd);
}

/* A peer that left may be read to its end only after its successor has come: the loop promises no order. What
 * it said last is taken first, then it is gone. */
static void let_leaver_go(struct door *door)
{
    struct peer *peer = door->peer;
    struct pollfd line = {.events = POLLRDHUP};
    if (peer == NULL || uv_fileno(&peer->at.handle, &line.fd) != 0 || poll(&line, 1, 0) <= 0)
        return;
    ssize_t read_bytes = 1;
    while (read_bytes > 0 && door->peer == peer && peer->in_bytes < sizeof(peer->in)) {
        read_bytes =
            recv(line.fd, peer->in + peer->in_bytes, sizeof(peer->in) - peer->in_bytes, MSG_DONTWAIT);
        peer->in_bytes += read_bytes > 0 ? (size_t)read_bytes : 0;
        session_run(door->session);
    }
    if (door->peer == peer)
        peer_drop(peer, "it closed the connection");
}

static void somebody_came(uv_stream_t *stream, int status)
{
    struct door *door = stream->data;
    struct session *session = door->session;
    struct peer *peer = allocate(sizeof(*peer));
    peer->door = door;
    stream_init(session->server, &peer->at, door->listener.address.kind, peer);
    int error = status < 0 ? status : uv_accept(stream, &peer->at.stream);
    if (error != 0) {
        say(session, "a %s could not connect: %s", door->role->name, uv_strerror(error));
        uv_close(&peer->at.handle, peer_closed);
        return;
    }
    let_leaver_go(door);
    if (door->peer != NULL) {
        say(session, "another %s came and was refused: one is connected already", door->role->name);
        uv_close(&peer->at.handle, peer_closed);
        return;
    }
    if (door->listener.address.kind == RELAY_ADDRESS_TCP)
        (void)uv_tcp_nodelay(&peer->at.tcp, 1);
    door->peer = peer;
    say(session, "%s connected", door->role->name);
    door->role->connected(session);
    session_run(session);
}

static enum kd_status door_open(struct door *door, const struct relay_address *address,
                                char why[RELAY_WHY_BYTES])
{
    struct relay_server *server = door->session->server;
    enum kd_status status = relay_listen(&door->listener, address, why);
    if (status != KD_OK)
        return status;
    stream_init(server, &door->at, address->kind, door);
    int error = stream_open(&door->at, address->kind, door->listener.fd);
    if (error != 0)
        close(door->listener.fd);
    else
        error = uv_listen(&door->at.stream, BACKLOG, somebody_came);
    if (error == 0)
        return KD_OK;
    char text[RELAY_ADDRESS_TEXT_BYTES];
    relay_address_print(address, text);
    snprintf(why, RELAY_WHY_BYTES, "cannot listen at %s: %s", text, uv_strerror(error));
    return error == UV_EADDRINUSE ? KD_ERR_BUSY : KD_ERR_NO_DEVICE;
}

static void door_closed(uv_handle_t *handle)
{
    server_release(((struct door *)handle->data)->session->server);
}

static void timer_closed(uv_handle_t *handle)
{
    server_release(((struct session *)handle->data)->server);
}

static void door_close(struct door *door)
{
    if (door->peer != NULL) {
        uv_close(&door->peer->at.handle, peer_closed);
        door->peer = NULL;
    }
    relay_listen_remove(&door->listener);
    if (door->at.handle.data != NULL)
        uv_close(&door->at.handle, door_closed);
}

enum kd_status relay_server_open(uv_loop_t *loop, const struct relay_server_config *config,
                                 struct relay_server **server, char why[RELAY_WHY_BYTES])
{
    struct relay_server *made = allocate(sizeof(*made));
    struct session *session = &made->session;
    made->loop = loop;
    made->config = *config;
    session->server = made;
    session->vm = (struct door){.role = &vm_role, .session = session};
    session->debugger = (struct door){.role = &debugger_role, .session = session};
    relay_init(&session->core, &config->core);
    uv_timer_init(loop, &session->timer);
    session->timer.data = session;
    made->handles = 1;
    enum kd_status status = door_open(&session->vm, &config->vm, why);
    if (status == KD_OK)
        status = door_open(&session->debugger, &config->debugger, why);
    if (status == KD_OK)
        *server = made;
    else
        relay_server_close(made);
    return status;
}

const struct relay_address *relay_server_vm_address(const struct relay_server *server)
{
    return &server->session.vm.listener.address;
}

const struct relay_address *relay_server_debugger_address(const struct relay_server *server)
{
    return &server->session.debugger.listener.address;
}

void relay_server_close(struct relay_server *server)
{
    struct session *session = &server->session;
    door_close(&session->vm);
    door_close(&session->debugger);
    uv_close((uv_handle_t *)&session->timer, timer_closed);
}
