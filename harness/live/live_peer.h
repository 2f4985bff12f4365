/* live_peer.h: one byte stream on a libuv loop: a debugger's connection, a pty, or our own way to the relay.
 *
 * Everything that is written is queued; a writer who cares looks at live_peer_unwritten. Context: the loop's
 * thread. */
#ifndef LIVE_PEER_H
#define LIVE_PEER_H

#include "transport/relay/relay_address.h"
#include <stddef.h>

struct uv_loop_s;
struct uv_stream_s;

struct live_peer_events {
    void *context;
    void (*bytes)(void *context, const uint8_t *bytes, size_t len_bytes);
    void (*written)(void *context); /* live_peer_unwritten has shrunk; may be NULL */
    /* It left or failed. The last event: the peer is not to be touched any more. */
    void (*gone)(void *context, const char *why);
};

struct live_peer;

/* Takes the connection that waits at a listening socket. NULL when it is gone again. */
struct live_peer *live_peer_accept(struct uv_loop_s *loop, struct uv_stream_s *door,
                                   enum relay_address_kind kind, const struct live_peer_events *events);

/* Takes over an open descriptor, closed in any case. NULL with errno when the loop cannot watch it. */
struct live_peer *live_peer_open(struct uv_loop_s *loop, int fd, const struct live_peer_events *events);

/* Connects to a Unix socket that listens in this very process, or at least has room in its queue. NULL with
 * errno. */
struct live_peer *live_peer_connect(struct uv_loop_s *loop, const char *path,
                                    const struct live_peer_events *events);

void live_peer_write(struct live_peer *peer, const uint8_t *bytes, size_t len_bytes);
size_t live_peer_unwritten(const struct live_peer *peer);

/* No bytes come while it is not read. A peer that leaves meanwhile is not noticed. */
void live_peer_set_reading(struct live_peer *peer, bool reading);

/* True when the other side has closed, even if what it said before is not read yet. */
bool live_peer_has_left(const struct live_peer *peer);

/* Closes at once; no event comes any more, and the memory is the loop's. NULL is ignored. */
void live_peer_close(struct live_peer *peer);

#endif
