#include "transport/guest/tests/fake_doorbell.h"

#include "transport/kd/vm_message.h"

#include <string.h>

#define SIGNATURE 0x42444B46u
#define ANSWER    0xBDBBB4B9u

enum { OPEN = 1, RING = 2, CLOSE = 3, PORT = 0x565A };
enum { DONE, CLOSED, AGAIN, NO_RELAY, TOO_LONG, REFUSED };
enum { PREFIX_BYTES = 2 };

struct fake_doorbell doorbell;

static uintptr_t junk(void)
{
    doorbell.scramble = doorbell.scramble * 1664525u + 1013904223u;
    return (uintptr_t)(((uint64_t)doorbell.scramble << 32) ^ doorbell.scramble);
}

static uintptr_t with_junk_above(uint32_t low)
{
    return (uintptr_t)((uint64_t)junk() << 32 | low);
}

static void write_word(void)
{
    if (doorbell.is_open)
        *doorbell.attention = doorbell.level ? 0x80000000u : 0;
}

static uint32_t open_session(const struct kd_backdoor_registers *r, uint32_t *value)
{
    doorbell.opens++;
    if ((uint32_t)r->rcx == 0 || r->rsi == 0 || r->rsi % 4 != 0)
        return REFUSED;
    doorbell.is_open = true;
    doorbell.attention = (volatile uint32_t *)r->rsi;
    if (*doorbell.attention != 1)
        doorbell.violations++; /* rule 6 */
    write_word();
    *value = doorbell.version_forced ? doorbell.version_forced : 1;
    return DONE;
}

/* True when the armed fault strikes this RING. */
static bool fault_strikes(void)
{
    if (doorbell.fault_at == 0 || --doorbell.fault_at > 0)
        return false;
    if (--doorbell.fault_count > 0)
        doorbell.fault_at = 1;
    return true;
}

static uint32_t ring(const struct kd_backdoor_registers *r, uint32_t *value)
{
    uint8_t message[VM_COMMAND_WORD_BYTES + VM_REQUEST_BYTES_MAX], reply[FAKE_MESSAGE_BYTES];
    uint32_t request_bytes = (uint32_t)r->rcx, room = (uint32_t)r->rbp;
    bool struck = fault_strikes();
    doorbell.rings++;
    if (request_bytes == 0 || request_bytes > VM_REQUEST_BYTES_MAX || room == 0 ||
        room > VM_REPLY_BYTES_MAX || r->rcx != request_bytes || r->rbp != room)
        doorbell.violations++; /* the whole registers are what counts */
    if (struck && !doorbell.fault_after_handler)
        return doorbell.fault_status;
    if (!doorbell.is_open)
        return CLOSED;
    memcpy(message, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES);
    memcpy(message + VM_COMMAND_WORD_BYTES, (const void *)r->rsi, request_bytes);
    uint32_t reply_bytes = doorbell.handler(message, VM_COMMAND_WORD_BYTES + request_bytes, reply);
    if (struck)
        return doorbell.fault_status;
    if (reply[0] != '1')
        return NO_RELAY;
    reply_bytes -= PREFIX_BYTES;
    if (reply_bytes > room)
        return TOO_LONG;
    memcpy((void *)r->rdi, reply + PREFIX_BYTES, reply_bytes);
    *value = doorbell.reply_bytes_forced ? doorbell.reply_bytes_forced : reply_bytes;
    return DONE;
}

static void command(struct kd_backdoor_registers *r)
{
    uint32_t value = 0, status = REFUSED;
    if (r->rax != SIGNATURE || r->rdx != PORT)
        doorbell.violations++;
    if ((uint32_t)r->rbx == OPEN) {
        status = open_session(r, &value);
    } else if ((uint32_t)r->rbx == RING) {
        status = ring(r, &value);
    } else if ((uint32_t)r->rbx == CLOSE) {
        doorbell.closes++;
        doorbell.is_open = false;
        status = DONE;
    }
    r->rax = with_junk_above(doorbell.eax_forced ? doorbell.eax_forced : ANSWER);
    r->rbx = with_junk_above(status);
    r->rcx = with_junk_above(value);
    r->rdx = junk(), r->rsi = junk(), r->rdi = junk();
}

void fake_doorbell_reset(fake_rpc_fn *handler)
{
    memset(&doorbell, 0, sizeof doorbell);
    doorbell.handler = handler;
    doorbell.scramble = 1;
    fake.doorbell = command;
}

void fake_doorbell_attention(bool level)
{
    doorbell.level = level;
    write_word();
}

void fake_doorbell_forget(void)
{
    doorbell.is_open = false;
}
