#include "sim/device/sim_doorbell.h"
#include "sim/device/sim_rpc.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/vm_message.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE 0x42444B46u
#define ANSWER    0xBDBBB4B9u
#define NOBODY    0xFFFFFFFFu

enum { VERSION = 1, WORD_BYTES = 4 };
enum status { STATUS_DONE, STATUS_CLOSED, STATUS_AGAIN, STATUS_NO_RELAY, STATUS_TOO_LONG, STATUS_REFUSED };

static_assert((int)SIM_DOORBELL_BYTES_MAX == (int)VM_REQUEST_BYTES_MAX &&
                  (int)SIM_DOORBELL_BYTES_MAX == (int)VM_REPLY_BYTES_MAX,
              "a whole message of either direction, and no more");

/* What a command came to: EBX and ECX. */
struct outcome {
    uint32_t status, value;
};

struct sim_doorbell {
    struct sim_world *world;
    struct sim_faults *faults;
    bool offered;
    struct sim_memory memory;
    sim_ring_fn *handler;
    void (*complete)(void *context);
    void *context;
    struct sim_prng prng; /* what don't-care registers hold */
    struct sim_doorbell_session session;
    bool level;

    bool is_ringing; /* a message is with the handler, or on its way there or back */
    bool in_access;  /* the guest's access is being played: nobody needs to be told that it is complete */
    struct outcome outcome;
    struct sim_registers registers; /* of the access */
    uint16_t kind;                  /* of the message */
    bool strikes;                   /* a fault of the exit layer strikes the access: */
    struct sim_fault_rule rule;
    sim_event_id delayed; /* a fault: the message, or the answer to it, comes later; 0: none */
    uint8_t message[SIM_DOORBELL_BYTES_MAX], reply[SIM_DOORBELL_BYTES_MAX];
    uint32_t message_bytes, reply_bytes;
    uint64_t rings, payload_bytes;
};

struct sim_doorbell *sim_doorbell_create(struct sim_world *world, struct sim_faults *faults, uint32_t vm,
                                         bool offered, const struct sim_memory *memory, sim_ring_fn *handler,
                                         void (*complete)(void *context), void *context)
{
    char purpose[32];
    snprintf(purpose, sizeof purpose, "doorbell %u", (unsigned)vm);
    struct sim_doorbell *doorbell = sim_allocate(1, sizeof *doorbell);
    doorbell->world = world;
    doorbell->faults = faults;
    doorbell->offered = offered;
    doorbell->memory = *memory;
    doorbell->handler = handler;
    doorbell->complete = complete;
    doorbell->context = context;
    doorbell->prng = sim_prng_for(world, purpose);
    return doorbell;
}

void sim_doorbell_destroy(struct sim_doorbell *doorbell)
{
    if (doorbell == NULL)
        return;
    sim_cancel(doorbell->world, doorbell->delayed);
    free(doorbell);
}

/* ---- the session ---- */

static bool write_word(struct sim_doorbell *doorbell)
{
    uint8_t word[WORD_BYTES];
    kd_store_u32(word, doorbell->level);
    return doorbell->memory.write(doorbell->memory.context, doorbell->session.word, word, sizeof word);
}

static struct outcome open_session(struct sim_doorbell *doorbell, const struct sim_registers *r)
{
    doorbell->session = (struct sim_doorbell_session){.is_open = true, .word = r->rsi};
    if ((uint32_t)r->rcx >= VERSION && r->rsi % WORD_BYTES == 0 && write_word(doorbell))
        return (struct outcome){STATUS_DONE, VERSION};
    doorbell->session.is_open = false;
    return (struct outcome){STATUS_REFUSED, 0};
}

static struct outcome close_session(struct sim_doorbell *doorbell)
{
    doorbell->session.is_open = false;
    return (struct outcome){STATUS_DONE, 0};
}

void sim_doorbell_attention(struct sim_doorbell *doorbell, bool raised)
{
    doorbell->level = raised;
    if (doorbell->session.is_open)
        (void)write_word(doorbell); /* it was the guest's at OPEN */
}

struct sim_doorbell_session sim_doorbell_save(const struct sim_doorbell *doorbell)
{
    return doorbell->session;
}

void sim_doorbell_load(struct sim_doorbell *doorbell, const struct sim_doorbell_session *session)
{
    doorbell->session = *session;
    sim_doorbell_attention(doorbell, doorbell->level);
}

/* ---- a message and its reply ---- */

/* The call has its outcome. */
static void finish(struct sim_doorbell *doorbell, enum status status, uint32_t value)
{
    doorbell->is_ringing = false;
    doorbell->outcome = (struct outcome){status, value};
    if (!doorbell->in_access)
        doorbell->complete(doorbell->context);
}

/* A message that is lost looks like a session that is gone (rule 8). */
static void lose(struct sim_doorbell *doorbell)
{
    doorbell->session.is_open = false;
    finish(doorbell, STATUS_CLOSED, 0);
}

static void write_reply(struct sim_doorbell *doorbell)
{
    const struct sim_registers *r = &doorbell->registers;
    if (doorbell->reply_bytes > (uint32_t)r->rbp) {
        finish(doorbell, STATUS_TOO_LONG, 0);
        return;
    }
    if (!doorbell->memory.write(doorbell->memory.context, r->rdi, doorbell->reply, doorbell->reply_bytes)) {
        finish(doorbell, STATUS_REFUSED, 0);
        return;
    }
    doorbell->payload_bytes += doorbell->reply_bytes;
    finish(doorbell, STATUS_DONE, doorbell->reply_bytes);
}

static void reply_late(void *context)
{
    struct sim_doorbell *doorbell = context;
    doorbell->delayed = 0;
    write_reply(doorbell);
}

static void put_off(struct sim_doorbell *doorbell, const struct sim_fault_rule *rule,
                    void (*then)(void *context))
{
    doorbell->delayed = sim_at(doorbell->world, sim_now(doorbell->world) + rule->delay_ns, then, doorbell);
}

/* A reply that comes twice is the same bytes in the same place: nothing to see. */
void sim_doorbell_reply(struct sim_doorbell *doorbell, const uint8_t *reply, size_t len_bytes)
{
    if (!doorbell->is_ringing || doorbell->delayed != 0)
        return;
    const struct sim_fault_rule *rule =
        sim_rpc_ask(doorbell->faults, SIM_FAULT_REPLY, doorbell->kind, len_bytes);
    assert(len_bytes <= sizeof doorbell->reply);
    memcpy(doorbell->reply, reply, len_bytes);
    doorbell->reply_bytes = (uint32_t)len_bytes;
    if (rule != NULL && rule->kind == SIM_FAULT_LOSE) {
        lose(doorbell);
        return;
    }
    if (rule != NULL)
        sim_rpc_spoil(rule, doorbell->reply, &doorbell->reply_bytes);
    if (rule != NULL && rule->kind == SIM_FAULT_DELAY)
        put_off(doorbell, rule, reply_late);
    else
        write_reply(doorbell);
}

void sim_doorbell_nobody(struct sim_doorbell *doorbell)
{
    if (doorbell->is_ringing && doorbell->delayed == 0)
        finish(doorbell, STATUS_NO_RELAY, 0);
}

static void hand_over(struct sim_doorbell *doorbell)
{
    doorbell->rings++;
    doorbell->handler(doorbell->context, doorbell->message, doorbell->message_bytes);
}

static void hand_over_late(void *context)
{
    struct sim_doorbell *doorbell = context;
    doorbell->delayed = 0;
    hand_over(doorbell);
}

static bool length_good(uint64_t len_bytes)
{
    return len_bytes >= 1 && len_bytes <= SIM_DOORBELL_BYTES_MAX;
}

/* The whole RCX and RBP count, as in a string access: a dirty upper half is a length out of range. */
static bool read_message(struct sim_doorbell *doorbell, const struct sim_registers *r)
{
    if (!length_good(r->rcx) || !length_good(r->rbp) ||
        !doorbell->memory.read(doorbell->memory.context, r->rsi, doorbell->message, (size_t)r->rcx))
        return false;
    doorbell->message_bytes = (uint32_t)r->rcx;
    doorbell->payload_bytes += r->rcx;
    doorbell->kind = sim_rpc_kind(doorbell->message, doorbell->message_bytes);
    return true;
}

static void ring(struct sim_doorbell *doorbell, const struct sim_registers *r)
{
    doorbell->is_ringing = true;
    if (!doorbell->session.is_open) {
        finish(doorbell, STATUS_CLOSED, 0);
        return;
    }
    if (!read_message(doorbell, r)) {
        finish(doorbell, STATUS_REFUSED, 0);
        return;
    }
    const struct sim_fault_rule *rule =
        sim_rpc_ask(doorbell->faults, SIM_FAULT_REQUEST, doorbell->kind, doorbell->message_bytes);
    const bool twice = rule != NULL && rule->kind == SIM_FAULT_DUPLICATE;
    if (rule != NULL && rule->kind == SIM_FAULT_LOSE) {
        lose(doorbell);
        return;
    }
    if (rule != NULL && rule->kind == SIM_FAULT_DELAY) {
        put_off(doorbell, rule, hand_over_late);
        return;
    }
    if (rule != NULL)
        sim_rpc_spoil(rule, doorbell->message, &doorbell->message_bytes);
    hand_over(doorbell);
    if (twice)
        hand_over(doorbell); /* whoever answered the first one is not heard again */
}

/* ---- the access ---- */

static uint64_t anything(struct sim_doorbell *doorbell)
{
    return sim_prng_u64(&doorbell->prng);
}

static uint64_t with_anything_above(struct sim_doorbell *doorbell, uint32_t low)
{
    return anything(doorbell) << 32 | low;
}

/* What the exit layer's fault makes of the outcome that the guest is told. */
static struct outcome as_told(const struct sim_doorbell *doorbell)
{
    struct outcome told = doorbell->outcome;
    if (doorbell->strikes && doorbell->rule.kind == SIM_FAULT_STATUS)
        told.status ^= doorbell->rule.value & 0xFFFF;
    if (doorbell->strikes && doorbell->rule.kind == SIM_FAULT_LENGTH && told.status == STATUS_DONE)
        told.value = doorbell->rule.value;
    return told;
}

/* Rule 2; EBP is kept. A 32-bit IN zero-extends RAX. */
void sim_doorbell_resume(struct sim_doorbell *doorbell, struct sim_registers *registers)
{
    const struct outcome told = as_told(doorbell);
    *registers = doorbell->registers;
    registers->rax = ANSWER;
    registers->rbx = with_anything_above(doorbell, told.status);
    registers->rcx = with_anything_above(doorbell, told.value);
    registers->rdx = anything(doorbell);
    registers->rsi = anything(doorbell);
    registers->rdi = anything(doorbell);
}

static void play(struct sim_doorbell *doorbell, const struct sim_registers *r)
{
    doorbell->outcome = (struct outcome){STATUS_REFUSED, 0};
    if ((uint32_t)r->rbx == SIM_DOORBELL_OPEN)
        doorbell->outcome = open_session(doorbell, r);
    else if ((uint32_t)r->rbx == SIM_DOORBELL_RING)
        ring(doorbell, r);
    else if ((uint32_t)r->rbx == SIM_DOORBELL_CLOSE)
        doorbell->outcome = close_session(doorbell);
}

static uint16_t fault_type(const struct sim_registers *r)
{
    return (uint32_t)r->rbx == SIM_DOORBELL_RING ? SIM_FAULT_TYPE_RING : SIM_FAULT_TYPE_DOORBELL_OPEN;
}

static void ask_exit_faults(struct sim_doorbell *doorbell, const struct sim_registers *r)
{
    const struct sim_fault_rule *rule =
        doorbell->faults == NULL || (uint32_t)r->rbx == SIM_DOORBELL_CLOSE
            ? NULL
            : sim_faults_ask(doorbell->faults, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, fault_type(r), 0);
    doorbell->strikes = rule != NULL;
    if (rule != NULL)
        doorbell->rule = *rule;
}

static bool struck_by(const struct sim_doorbell *doorbell, enum sim_fault_kind kind)
{
    return doorbell->strikes && doorbell->rule.kind == kind;
}

enum sim_exit_result sim_doorbell_access(struct sim_doorbell *doorbell, struct sim_registers *registers)
{
    doorbell->strikes = false;
    const bool is_ours = doorbell->offered && (uint32_t)registers->rax == SIGNATURE;
    if (is_ours)
        ask_exit_faults(doorbell, registers);
    if (!is_ours || struck_by(doorbell, SIM_FAULT_ABSENT)) {
        registers->rax = NOBODY;
        return SIM_EXIT_DONE;
    }
    if (struck_by(doorbell, SIM_FAULT_FORGET))
        doorbell->session.is_open = false;
    doorbell->registers = *registers;
    doorbell->in_access = true;
    if (struck_by(doorbell, SIM_FAULT_CHECKPOINT))
        doorbell->outcome = (struct outcome){STATUS_AGAIN, 0};
    else
        play(doorbell, registers);
    doorbell->in_access = false;
    if (doorbell->is_ringing)
        return SIM_EXIT_HELD;
    sim_doorbell_resume(doorbell, registers);
    return SIM_EXIT_DONE;
}

/* ---- life ---- */

static void forget_message(struct sim_doorbell *doorbell)
{
    sim_cancel(doorbell->world, doorbell->delayed);
    doorbell->delayed = 0;
    doorbell->is_ringing = false;
}

void sim_doorbell_reset(struct sim_doorbell *doorbell)
{
    forget_message(doorbell);
    doorbell->session.is_open = false;
}

void sim_doorbell_strike(struct sim_doorbell *doorbell)
{
    if (!doorbell->is_ringing)
        return;
    forget_message(doorbell);
    finish(doorbell, STATUS_AGAIN, 0);
}

bool sim_doorbell_is_open(const struct sim_doorbell *doorbell)
{
    return doorbell->session.is_open;
}

uint64_t sim_doorbell_rings(const struct sim_doorbell *doorbell)
{
    return doorbell->rings;
}

uint64_t sim_doorbell_payload_bytes(const struct sim_doorbell *doorbell)
{
    return doorbell->payload_bytes;
}
