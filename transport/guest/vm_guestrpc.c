/* GuestRPC at register level. "Rule n" is vmware-backdoor.md. */
#include "transport/guest/vm_guestrpc.h"

#include "transport/guest/kd_platform.h"
#include "transport/kd/kd_bytes.h"

#define MAGIC       0x564D5868u
#define PORT        0x5658u
#define PORT_HB     0x5659u
#define RPCI        0x49435052u
#define TCLO        0x4F4C4354u
#define COOKIE_FLAG 0x80000000u

enum { COMMAND_GETVERSION = 10, COMMAND_MESSAGE = 30, HB_MESSAGE = 0 };

/* Sub-types of the MESSAGE command (3.1). */
enum message {
    MESSAGE_OPEN,
    MESSAGE_SEND_SIZE,
    MESSAGE_SEND_PAYLOAD,
    MESSAGE_RECEIVE_SIZE,
    MESSAGE_RECEIVE_PAYLOAD,
    MESSAGE_RECEIVE_STATUS,
    MESSAGE_CLOSE,
};

/* Status bits (3.2); CLOSED, UNSENT, POWEROFF and TIMEOUT all end in "not SUCCESS", and need no names. */
enum { STATUS_SUCCESS = 0x0001, STATUS_DORECV = 0x0002, STATUS_CHECKPOINT = 0x0010, STATUS_HB = 0x0080 };

/* What the guest says of the step before (EBX of the receiving calls). */
enum { STEP_FAILED = 0, STEP_GOOD = 1 };

/* The reply of one low-bandwidth call. */
struct answer {
    uint32_t status;
    uint32_t value; /* EBX */
    uint32_t type;  /* upper half of EDX */
};

/* How a whole direction of a message went. */
enum transfer { TRANSFER_DONE, TRANSFER_AGAIN, TRANSFER_BROKEN, TRANSFER_TOO_BIG, TRANSFER_NOTHING };

bool vm_guestrpc_detect(void)
{
    struct kd_backdoor_registers r = {
        .rax = MAGIC, .rbx = (uint32_t)~MAGIC, .rcx = 0xFFFF0000u | COMMAND_GETVERSION, .rdx = PORT};
    kd_backdoor_in(&r);
    return (uint32_t)r.rax != 0xFFFFFFFFu && (uint32_t)r.rbx == MAGIC;
}

static struct kd_backdoor_registers message_registers(const struct vm_guestrpc *rpc, enum message type,
                                                      uint32_t value)
{
    return (struct kd_backdoor_registers){
        .rax = MAGIC,
        .rbx = value,
        .rcx = (uint32_t)type << 16 | COMMAND_MESSAGE,
        .rdx = (uint32_t)rpc->channel << 16 | PORT,
        .rsi = rpc->cookie_high,
        .rdi = rpc->cookie_low,
    };
}

/* Only the low 32 bits of a register mean anything (rule 4), and an ECX that came back as it went means that
 * nobody answered, although it looks like success (rule 22). */
static struct answer answer_of(const struct kd_backdoor_registers *r, enum message type)
{
    uint32_t ecx = (uint32_t)r->rcx;
    bool echo = ecx == ((uint32_t)type << 16 | COMMAND_MESSAGE);
    return (struct answer){
        .status = echo ? 0 : ecx >> 16, .value = (uint32_t)r->rbx, .type = (uint32_t)r->rdx >> 16};
}

static struct answer message(const struct vm_guestrpc *rpc, enum message type, uint32_t value)
{
    struct kd_backdoor_registers r = message_registers(rpc, type, value);
    kd_backdoor_in(&r);
    return answer_of(&r, type);
}

/* A checkpoint is looked for only where SUCCESS is clear (rule 27). */
static enum transfer transfer_of(uint32_t status)
{
    if (status & STATUS_SUCCESS)
        return TRANSFER_DONE;
    return status & STATUS_CHECKPOINT ? TRANSFER_AGAIN : TRANSFER_BROKEN;
}

static bool open_protocol(struct vm_guestrpc *rpc, uint32_t protocol, bool cookies)
{
    *rpc = (struct vm_guestrpc){.is_open = false};
    struct kd_backdoor_registers r = message_registers(rpc, MESSAGE_OPEN, protocol);
    kd_backdoor_in(&r);
    struct answer answer = answer_of(&r, MESSAGE_OPEN);
    if (!(answer.status & STATUS_SUCCESS))
        return false;
    rpc->is_open = true;
    rpc->channel = (uint16_t)answer.type;
    rpc->cookie_high = cookies ? (uint32_t)r.rsi : 0;
    rpc->cookie_low = cookies ? (uint32_t)r.rdi : 0;
    return true;
}

static enum kd_status open_either_way(struct vm_guestrpc *rpc, uint32_t protocol)
{
    if (open_protocol(rpc, protocol | COOKIE_FLAG, true) || open_protocol(rpc, protocol, false))
        return KD_OK;
    return KD_ERR_NO_DEVICE;
}

enum kd_status vm_guestrpc_open(struct vm_guestrpc *rpc)
{
    return open_either_way(rpc, RPCI);
}

enum kd_status vm_guestrpc_open_tclo(struct vm_guestrpc *rpc)
{
    return open_either_way(rpc, TCLO);
}

void vm_guestrpc_close(struct vm_guestrpc *rpc)
{
    if (rpc->is_open)
        (void)message(rpc, MESSAGE_CLOSE, 0);
    *rpc = (struct vm_guestrpc){.is_open = false};
}

/* High bandwidth. The cookies lie elsewhere in each direction, because one of their registers holds the
 * address (rule 8); the status is in EBX (rule 9). A count of 0 would reach nobody (rule 13) and must not
 * come here. */
static uint32_t send_string(const struct vm_guestrpc *rpc, const uint8_t *bytes,
                                                      uint32_t len_bytes)
{
    struct kd_backdoor_registers r = {
        .rax = MAGIC,
        .rbx = (uint32_t)STATUS_SUCCESS << 16 | HB_MESSAGE,
        .rcx = len_bytes,
        .rdx = (uint32_t)rpc->channel << 16 | PORT_HB,
        .rsi = (uintptr_t)bytes,
        .rdi = rpc->cookie_low,
        .rbp = rpc->cookie_high,
    };
    kd_backdoor_outs(&r);
    return (uint32_t)r.rbx >> 16;
}

static uint32_t receive_string(const struct vm_guestrpc *rpc, uint8_t *bytes,
                                                         uint32_t len_bytes)
{
    struct kd_backdoor_registers r = {
        .rax = MAGIC,
        .rbx = (uint32_t)STATUS_SUCCESS << 16 | HB_MESSAGE,
        .rcx = len_bytes,
        .rdx = (uint32_t)rpc->channel << 16 | PORT_HB,
        .rsi = rpc->cookie_high,
        .rdi = (uintptr_t)bytes,
        .rbp = rpc->cookie_low,
    };
    kd_backdoor_ins(&r);
    return (uint32_t)r.rbx >> 16;
}

/* Low bandwidth: four bytes a call, the last word padded; neither the padding nor anything else outside of
 * [bytes, bytes + len_bytes) is touched. */
static enum transfer send_words(const struct vm_guestrpc *rpc, const uint8_t *bytes, uint32_t len_bytes)
{
    for (uint32_t done = 0; done < len_bytes; done += 4) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4 && done + i < len_bytes; i++)
            word |= (uint32_t)bytes[done + i] << 8 * i;
        struct answer answer = message(rpc, MESSAGE_SEND_PAYLOAD, word);
        if (!(answer.status & STATUS_SUCCESS))
            return transfer_of(answer.status);
    }
    return TRANSFER_DONE;
}

static enum transfer receive_words(const struct vm_guestrpc *rpc, uint8_t *bytes, uint32_t len_bytes)
{
    for (uint32_t done = 0; done < len_bytes; done += 4) {
        struct answer answer = message(rpc, MESSAGE_RECEIVE_PAYLOAD, STEP_GOOD);
        if (!(answer.status & STATUS_SUCCESS))
            return transfer_of(answer.status);
        if (answer.type != MESSAGE_SEND_PAYLOAD)
            return TRANSFER_BROKEN;
        for (uint32_t i = 0; i < 4 && done + i < len_bytes; i++)
            bytes[done + i] = (uint8_t)(answer.value >> 8 * i);
    }
    return TRANSFER_DONE;
}

/* The HB bit of the size call right before is the only sign that the string port is there (rule 14). An empty
 * message is complete with its size. */
static enum transfer send_once(const struct vm_guestrpc *rpc, const uint8_t *bytes, uint32_t len_bytes)
{
    struct answer answer = message(rpc, MESSAGE_SEND_SIZE, len_bytes);
    if (!(answer.status & STATUS_SUCCESS))
        return TRANSFER_BROKEN;
    if (len_bytes > 0 && (answer.status & STATUS_HB))
        return transfer_of(send_string(rpc, bytes, len_bytes));
    return send_words(rpc, bytes, len_bytes);
}

/* RECVSIZE, again while the host says "no message yet", which a host that answers at leisure may. */
static struct answer receive_size(const struct vm_guestrpc *rpc, unsigned waits_max)
{
    struct answer answer = message(rpc, MESSAGE_RECEIVE_SIZE, 0);
    for (unsigned waits = 0; waits < waits_max; waits++) {
        if (!(answer.status & STATUS_SUCCESS) || (answer.status & STATUS_DORECV))
            break;
        answer = message(rpc, MESSAGE_RECEIVE_SIZE, 0);
    }
    return answer;
}

static enum transfer receive_once(const struct vm_guestrpc *rpc, unsigned waits_max, uint8_t *bytes,
                                  uint32_t room, uint32_t *len_bytes)
{
    struct answer size = receive_size(rpc, waits_max);
    if (!(size.status & STATUS_SUCCESS))
        return TRANSFER_BROKEN;
    if (!(size.status & STATUS_DORECV))
        return TRANSFER_NOTHING;
    if (size.type != MESSAGE_SEND_SIZE)
        return TRANSFER_BROKEN;
    if (size.value > room) {
        (void)message(rpc, MESSAGE_RECEIVE_PAYLOAD, STEP_FAILED);
        return TRANSFER_TOO_BIG;
    }
    *len_bytes = size.value;
    enum transfer payload = TRANSFER_DONE;
    if (size.value > 0 && (size.status & STATUS_HB))
        payload = transfer_of(receive_string(rpc, bytes, size.value));
    else
        payload = receive_words(rpc, bytes, size.value);
    if (payload != TRANSFER_DONE)
        return payload;
    return transfer_of(message(rpc, MESSAGE_RECEIVE_STATUS, STEP_GOOD).status);
}

/* A checkpoint makes either direction start over from its size call, so many times (rules 27, 28). */
static enum transfer send_message(const struct vm_guestrpc *rpc, const uint8_t *bytes, uint32_t len_bytes)
{
    enum transfer transfer = TRANSFER_AGAIN;
    for (unsigned tries = 0; tries <= VM_GUESTRPC_RESTARTS_MAX && transfer == TRANSFER_AGAIN; tries++)
        transfer = send_once(rpc, bytes, len_bytes);
    return transfer;
}

static enum transfer receive_message(const struct vm_guestrpc *rpc, unsigned waits_max, uint8_t *bytes,
                                     uint32_t room, uint32_t *len_bytes)
{
    enum transfer transfer = TRANSFER_AGAIN;
    for (unsigned tries = 0; tries <= VM_GUESTRPC_RESTARTS_MAX && transfer == TRANSFER_AGAIN; tries++)
        transfer = receive_once(rpc, waits_max, bytes, room, len_bytes);
    return transfer;
}

static enum kd_status reply_status(const uint8_t *reply, uint32_t len_bytes)
{
    if (len_bytes < VM_GUESTRPC_PREFIX_BYTES || reply[1] != ' ')
        return KD_ERR_BAD_MESSAGE;
    if (reply[0] == '1')
        return KD_OK;
    return reply[0] == '0' ? KD_ERR_NO_DEVICE : KD_ERR_BAD_MESSAGE;
}

enum kd_status vm_guestrpc_call(struct vm_guestrpc *rpc, const uint8_t *request, uint32_t request_bytes,
                                uint8_t *reply, uint32_t room, uint32_t *len_bytes)
{
    for (unsigned channels = 0; channels < 2; channels++) { /* the old one, then a new one (rule 31) */
        if (!rpc->is_open && vm_guestrpc_open(rpc) != KD_OK)
            return KD_ERR_CLOSED;
        *len_bytes = 0;
        enum transfer transfer = send_message(rpc, request, request_bytes);
        if (transfer == TRANSFER_DONE)
            transfer = receive_message(rpc, VM_GUESTRPC_WAITS_MAX, reply, room, len_bytes);
        if (transfer == TRANSFER_DONE)
            return reply_status(reply, *len_bytes);
        if (transfer == TRANSFER_TOO_BIG)
            return KD_ERR_TOO_BIG;
        vm_guestrpc_close(rpc);
    }
    return KD_ERR_CLOSED;
}

enum kd_status vm_guestrpc_turn(struct vm_guestrpc *rpc, const uint8_t *answer, uint32_t answer_bytes,
                                uint8_t *message, uint32_t room, uint32_t *len_bytes)
{
    *len_bytes = 0;
    enum transfer transfer = send_message(rpc, answer, answer_bytes);
    if (transfer == TRANSFER_DONE)
        transfer = receive_message(rpc, 0, message, room, len_bytes);
    if (transfer == TRANSFER_DONE)
        return KD_OK;
    if (transfer == TRANSFER_NOTHING)
        return KD_ERR_TIMEOUT;
    if (transfer == TRANSFER_TOO_BIG)
        return KD_ERR_TOO_BIG;
    vm_guestrpc_close(rpc);
    return KD_ERR_CLOSED;
}
