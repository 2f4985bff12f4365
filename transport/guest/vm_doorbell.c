/* The doorbell at register level. "Rule n" is doorbell.md. */
#include "transport/guest/vm_doorbell.h"

#include "transport/guest/kd_platform.h"

#define SIGNATURE 0x42444B46u /* the bytes FKDB */
#define ANSWER    (~SIGNATURE)
#define PORT      0x565Au

enum command { COMMAND_OPEN = 1, COMMAND_RING = 2, COMMAND_CLOSE = 3 };

/* What the VMM says of a command; whatever is not listed is failure. */
enum status {
    STATUS_DONE = 0,
    STATUS_AGAIN = 2,
    STATUS_NO_RELAY = 3,
    STATUS_TOO_LONG = 4,
    STATUS_NOBODY = 0xFFFF
};

/* One access. Returns the status, STATUS_NOBODY when nobody answered; *value is ECX (rules 1, 2). */
static uint32_t command(struct kd_backdoor_registers *r, enum command number, uint32_t *value)
{
    r->rax = SIGNATURE;
    r->rbx = (uintptr_t)number;
    r->rdx = PORT;
    kd_backdoor_in(r);
    *value = (uint32_t)r->rcx;
    return (uint32_t)r->rax == ANSWER ? (uint32_t)r->rbx : STATUS_NOBODY;
}

enum kd_status vm_doorbell_open(struct vm_doorbell *doorbell)
{
    uint32_t version;
    struct kd_backdoor_registers r = {.rcx = VM_DOORBELL_VERSION, .rsi = (uintptr_t)&doorbell->attention};
    doorbell->attention = 1; /* until the VMM has written */
    doorbell->is_open = command(&r, COMMAND_OPEN, &version) == STATUS_DONE && version == VM_DOORBELL_VERSION;
    return doorbell->is_open ? KD_OK : KD_ERR_NO_DEVICE;
}

void vm_doorbell_close(struct vm_doorbell *doorbell)
{
    uint32_t value;
    struct kd_backdoor_registers r = {.rcx = 0};
    if (doorbell->is_open)
        (void)command(&r, COMMAND_CLOSE, &value);
    doorbell->is_open = false;
}

/* A suspension makes the call start over, so many times (rule 9). */
static uint32_t ring(const uint8_t *request, uint32_t request_bytes, uint8_t *reply, uint32_t room,
                     uint32_t *len_bytes)
{
    uint32_t status = STATUS_AGAIN;
    for (unsigned tries = 0; tries <= VM_DOORBELL_RESTARTS_MAX && status == STATUS_AGAIN; tries++) {
        struct kd_backdoor_registers r = {
            .rcx = request_bytes, .rsi = (uintptr_t)request, .rdi = (uintptr_t)reply, .rbp = room};
        status = command(&r, COMMAND_RING, len_bytes);
    }
    return status;
}

enum kd_status vm_doorbell_call(struct vm_doorbell *doorbell, const uint8_t *request, uint32_t request_bytes,
                                uint8_t *reply, uint32_t room, uint32_t *len_bytes)
{
    for (unsigned tries = 0; tries < 2; tries++) { /* as it is, then opened anew (rule 8) */
        if (!doorbell->is_open && vm_doorbell_open(doorbell) != KD_OK)
            return KD_ERR_CLOSED;
        uint32_t status = ring(request, request_bytes, reply, room, len_bytes);
        if (status == STATUS_DONE && *len_bytes <= room)
            return KD_OK;
        if (status == STATUS_NO_RELAY)
            return KD_ERR_NO_DEVICE;
        if (status == STATUS_TOO_LONG)
            return KD_ERR_TOO_BIG;
        doorbell->is_open = false;
    }
    return KD_ERR_CLOSED;
}

bool vm_doorbell_attention(const struct vm_doorbell *doorbell)
{
    return !doorbell->is_open || doorbell->attention != 0;
}
