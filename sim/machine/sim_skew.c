/* Version skew: hello as an end of another age would send or answer it (transport/guest/README.md 5,
 * versions). And VirtualKD's way of talking, put on our own module (vmware-backdoor.md 4, 5.2). */
#include "sim/machine/sim_vm_private.h"
#include "transport/kd/kd_bytes.h"
#include <string.h>

/* vm_message.h. */
enum {
    OF_MAGIC = 0,
    OF_VERSION = 2,
    OF_KIND = 3,
    OF_RESULT = 4,
    OF_FLAGS = 4,
    OF_TOKEN = 8,
    OF_VERSION_MIN = 16,
    OF_NEXT = 20,
    NEXT_BYTES = 6,
    NEXT_VERSION = 2
};

static const char *const names[] = {
#define SIM_SKEW_TEXT(name, text) text,
    SIM_SKEW_LIST(SIM_SKEW_TEXT)
#undef SIM_SKEW_TEXT
};

enum kd_status sim_skew_find(const char *name, enum sim_skew *skew)
{
    for (unsigned i = 0; i < SIM_SKEWS; i++) {
        if (strcmp(names[i], name) == 0) {
            *skew = (enum sim_skew)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

/* A reply to hello; token 0 goes with a refusal. */
static size_t answer(uint8_t *reply, uint8_t version, uint16_t result, uint64_t token)
{
    memset(reply, 0, VM_REPLY_BYTES);
    kd_store_u16(reply + OF_MAGIC, VM_MESSAGE_MAGIC);
    reply[OF_VERSION] = version;
    reply[OF_KIND] = VM_HELLO;
    kd_store_u16(reply + OF_RESULT, result);
    kd_store_u64(reply + OF_TOKEN, token);
    return VM_REPLY_BYTES;
}

/* Any length, any bytes, often with a good beginning: that is how far a careless reader gets. */
static size_t garbage(struct sim_vm *vm, uint8_t *reply)
{
    size_t bytes = 1 + (size_t)sim_prng_below(&vm->garbage, 2 * VM_REPLY_BYTES);
    for (size_t i = 0; i < bytes; i++)
        reply[i] = (uint8_t)sim_prng_u64(&vm->garbage);
    if (sim_prng_below(&vm->garbage, 2) == 0 && bytes >= VM_REPLY_BYTES)
        kd_store_u16(reply + OF_MAGIC, VM_MESSAGE_MAGIC);
    return bytes;
}

/* It sends, and asks for what comes next with a call of its own. */
static void keep_calls_apart(uint8_t *request)
{
    if (request[OF_KIND] != VM_SEND && request[OF_KIND] != VM_RESUME)
        return;
    kd_store_u16(request + OF_FLAGS, (uint16_t)(kd_load_u16(request + OF_FLAGS) & ~VM_FLAG_WANT_NEXT));
    memset(request + OF_NEXT, 0, NEXT_BYTES);
}

uint32_t sim_skew_exits(const struct sim_vm *vm)
{
    enum {
        SEND_SIZE = 1 << 16 | 30,
        RECEIVE_STATUS = 5 << 16 | 30
    }; /* the first and the last call of an RPC */
    uint32_t call = (uint32_t)vm->before.rcx;
    return vm->config.skew == SIM_SKEW_VIRTUALKD && vm->exit->kind == SIM_GUEST_BACKDOOR &&
           (uint16_t)vm->before.rdx == SIM_PORT_BACKDOOR && (call == SEND_SIZE || call == RECEIVE_STATUS);
}

size_t sim_skew(struct sim_vm *vm, uint8_t *request, size_t len_bytes, uint8_t reply[VM_REPLY_BYTES_MAX])
{
    if (len_bytes >= VM_REQUEST_BYTES && vm->config.skew == SIM_SKEW_VIRTUALKD)
        keep_calls_apart(request);
    if (len_bytes < VM_REQUEST_BYTES || request[OF_KIND] != VM_HELLO)
        return 0;
    switch (vm->config.skew) {
    case SIM_SKEW_MODULE_TOO_NEW:
        kd_store_u16(request + OF_VERSION_MIN, NEXT_VERSION);
        request[OF_VERSION] = NEXT_VERSION;
        return 0;
    case SIM_SKEW_MODULE_NEWER:
        request[OF_VERSION] = NEXT_VERSION;
        return 0;
    case SIM_SKEW_RELAY_TOO_NEW:
        return answer(reply, NEXT_VERSION, VM_REFUSED, 0);
    case SIM_SKEW_RELAY_STRANGE:
        return answer(reply, NEXT_VERSION, VM_DONE, 1);
    case SIM_SKEW_RELAY_GARBAGE:
        return garbage(vm, reply);
    case SIM_SKEW_NONE:
    case SIM_SKEW_VIRTUALKD:
    case SIM_SKEWS:
        break;
    }
    return 0;
}
