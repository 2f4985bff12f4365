/* relay_server.h: a relay core on libuv: one VM's socket, one debugger's socket, one timer.
 *
 * VM side: messages of vm_message.h, each behind a u32 length. Debugger side: KDCOM bytes. At each socket one
 * peer is served at a time, others are closed again and named in the log. A VM that breaks the stream's
 * framing loses its connection; the debugger does not notice but that the target is silent. Context: the
 * loop's thread. Tests: tests/test_kdrelay.c */
#ifndef RELAY_SERVER_H
#define RELAY_SERVER_H

#include "transport/relay/relay_core.h"
#include "transport/relay/relay_listen.h"

struct uv_loop_s;

struct relay_server_config {
    struct relay_address vm;
    struct relay_address debugger;
    struct relay_config core;
    void (*log)(void *context, const char *line); /* one line without its end; called inside events */
    void *context;
};

struct relay_server;

/* Listens at both addresses.
 * why      out  on an error one sentence
 * Returns  KD_OK; what relay_listen returns: nothing is open, but the loop has handles to close: run it once
 */
KD_MUST_USE enum kd_status relay_server_open(struct uv_loop_s *loop, const struct relay_server_config *config,
                                             struct relay_server **server, char why[RELAY_WHY_BYTES]);

/* Where it listens, with the ports that the system chose. */
const struct relay_address *relay_server_vm_address(const struct relay_server *server);
const struct relay_address *relay_server_debugger_address(const struct relay_server *server);

/* Closes connections and sockets and removes the sockets' files. The memory is the loop's until it has run
 * out of handles, then it is gone: run the loop once more, and do not touch the server. */
void relay_server_close(struct relay_server *server);

#endif
