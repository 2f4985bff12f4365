/* live_rpc.h: the VM's RPC endpoint: hands the guest's requests to a relay over its VM socket, as a monitor
 * would.
 *
 * Messages of vm_message.h, each behind a u32 length. One request is under way at a time: the guest stands in
 * it. When the guest is gone the connection is made anew, which tells the relay so, and no reply of before
 * can come any more. Context: the loop's thread. Tests: tests/test_live_target.c */
#ifndef LIVE_RPC_H
#define LIVE_RPC_H

#include "transport/kd/vm_message.h"

struct uv_loop_s;

struct live_rpc_events {
    void *context;
    void (*reply)(void *context, const uint8_t *bytes, size_t len_bytes);
    /* Whether the relay wants to be asked; true until it has told, and for ever of a relay that tells no such
     * thing. */
    void (*attention)(void *context, bool raised);
    void (*failed)(void *context,
                   const char *why); /* the relay cannot be reached: nothing will answer any more */
};

struct live_rpc;

/* path     in  of the relay's VM socket; it listens already
 * Returns  NULL with errno when it cannot be reached */
struct live_rpc *live_rpc_open(struct uv_loop_s *loop, const char *path,
                               const struct live_rpc_events *events);

/* bytes  in  a whole request, at most VM_REQUEST_BYTES_MAX; copied */
void live_rpc_request(struct live_rpc *rpc, const uint8_t *bytes, size_t len_bytes);

/* The guest is gone, and with it the request under way. The next one must ask until the relay has told otherwise. */
void live_rpc_lost(struct live_rpc *rpc);

/* NULL is ignored. */
void live_rpc_close(struct live_rpc *rpc);

#endif
