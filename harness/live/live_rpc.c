#include "harness/live/live_rpc.h"
#include "harness/live/live_peer.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/kd_bytes.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    REQUEST_ROOM = VM_STREAM_PREFIX_BYTES + VM_REQUEST_BYTES_MAX,
    REPLY_ROOM = VM_STREAM_PREFIX_BYTES + VM_REPLY_BYTES_MAX,
};

struct live_rpc {
    struct uv_loop_s *loop;
    char path[RELAY_PATH_BYTES];
    struct live_rpc_events events;
    struct live_peer *relay; /* NULL once it has failed */
    uint8_t request[REQUEST_ROOM];
    size_t request_bytes; /* with its prefix; 0: none is under way */
    uint8_t reply[REPLY_ROOM];
    size_t reply_bytes; /* so far */
    bool notice_due;    /* notices were asked for, and nothing has come back yet */
};

static bool join(struct live_rpc *rpc);

static void fail(struct live_rpc *rpc, const char *why)
{
    rpc->relay = NULL;
    rpc->events.failed(rpc->events.context, why);
}

/* How much of the reply is still to come: first its length, then what that says. Larger than any can be:
 * nonsense. */
static size_t missing(const struct live_rpc *rpc)
{
    if (rpc->reply_bytes < VM_STREAM_PREFIX_BYTES)
        return VM_STREAM_PREFIX_BYTES - rpc->reply_bytes;
    return VM_STREAM_PREFIX_BYTES + (size_t)kd_load_u32(rpc->reply) - rpc->reply_bytes;
}

/* A relay that knows no notices refuses to be asked for them, like any request that it cannot read. */
static void take_message(struct live_rpc *rpc)
{
    size_t len_bytes = rpc->reply_bytes - VM_STREAM_PREFIX_BYTES;
    bool is_notice = len_bytes == VM_NOTICE_BYTES, is_refusal = rpc->notice_due && !is_notice;
    rpc->reply_bytes = 0;
    rpc->notice_due = false;
    if (is_notice)
        rpc->events.attention(rpc->events.context, rpc->reply[VM_STREAM_PREFIX_BYTES] != VM_NOTICE_QUIET);
    if (is_notice || is_refusal || rpc->request_bytes == 0)
        return;
    rpc->request_bytes = 0;
    rpc->events.reply(rpc->events.context, rpc->reply + VM_STREAM_PREFIX_BYTES, len_bytes);
}

static void on_bytes(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct live_rpc *rpc = context;
    const struct live_peer *from = rpc->relay;
    while (len_bytes > 0 && rpc->relay == from) { /* a reply may make the guest reboot */
        size_t part = missing(rpc);
        if (part > sizeof rpc->reply - rpc->reply_bytes) {
            live_peer_close(rpc->relay);
            fail(rpc, "it announced a reply longer than any can be");
            return;
        }
        part = part < len_bytes ? part : len_bytes;
        memcpy(rpc->reply + rpc->reply_bytes, bytes, part);
        rpc->reply_bytes += part;
        bytes += part;
        len_bytes -= part;
        if (rpc->reply_bytes >= VM_STREAM_PREFIX_BYTES && missing(rpc) == 0)
            take_message(rpc);
    }
}

/* The relay dropped us. It answers a request that it may have seen already as a repeat, or as stale; what it wanted to
 * be asked for is not known any more. */
static void on_gone(void *context, const char *why)
{
    struct live_rpc *rpc = context;
    rpc->events.attention(rpc->events.context, true);
    if (!join(rpc))
        fail(rpc, why);
    else if (rpc->request_bytes > 0)
        live_peer_write(rpc->relay, rpc->request, rpc->request_bytes);
}

static bool join(struct live_rpc *rpc)
{
    const struct live_peer_events events = {.context = rpc, .bytes = on_bytes, .gone = on_gone};
    rpc->reply_bytes = 0;
    rpc->relay = live_peer_connect(rpc->loop, rpc->path, &events);
    if (rpc->relay == NULL)
        return false;
    uint8_t subscribe[VM_STREAM_PREFIX_BYTES + VM_NOTICE_BYTES] = {[VM_STREAM_PREFIX_BYTES] =
                                                                       VM_NOTICE_SUBSCRIBE};
    kd_store_u32(subscribe, VM_NOTICE_BYTES);
    rpc->notice_due = true;
    live_peer_write(rpc->relay, subscribe, sizeof subscribe);
    return true;
}

struct live_rpc *live_rpc_open(struct uv_loop_s *loop, const char *path, const struct live_rpc_events *events)
{
    struct live_rpc *rpc = sim_allocate(1, sizeof *rpc);
    rpc->loop = loop;
    rpc->events = *events;
    strncpy(rpc->path, path, sizeof rpc->path - 1);
    if (join(rpc))
        return rpc;
    free(rpc);
    return NULL;
}

void live_rpc_request(struct live_rpc *rpc, const uint8_t *bytes, size_t len_bytes)
{
    assert(rpc->request_bytes == 0 && len_bytes <= VM_REQUEST_BYTES_MAX);
    kd_store_u32(rpc->request, (uint32_t)len_bytes);
    memcpy(rpc->request + VM_STREAM_PREFIX_BYTES, bytes, len_bytes);
    rpc->request_bytes = VM_STREAM_PREFIX_BYTES + len_bytes;
    if (rpc->relay != NULL)
        live_peer_write(rpc->relay, rpc->request, rpc->request_bytes);
}

void live_rpc_lost(struct live_rpc *rpc)
{
    rpc->request_bytes = 0;
    if (rpc->relay == NULL)
        return;
    live_peer_close(rpc->relay);
    if (!join(rpc))
        fail(rpc, strerror(errno));
}

void live_rpc_close(struct live_rpc *rpc)
{
    if (rpc == NULL)
        return;
    live_peer_close(rpc->relay);
    free(rpc);
}
