#include "sim/machine/sim_exit_record.h"
#include "sim/device/sim_backdoor.h"
#include "sim/device/sim_doorbell.h"
#include "transport/kd/kd_bytes.h"

enum { COMMAND_MESSAGE = 0x1E };
enum { STATUS_SUCCESS = 0x0001, STATUS_DORECV = 0x0002 };
enum { MESSAGE_OPEN = 0, MESSAGE_RECVSIZE = 3, MESSAGE_TYPES = 7 };
#define OPEN_WITH_COOKIE 0x80000000u
#define DOORBELL_ANSWER  0xBDBBB4B9u

/* Registers as a set. */
enum { A = 1, B = 2, C = 4, D = 8, S = 16, I = 32 };

struct defined {
    uint8_t before;
    uint8_t after; /* when the status says SUCCESS; else ECX alone */
};

/* vmware-backdoor.md 3.1, by message type. EDX before is the channel, which every type but OPEN has. */
static const struct defined messages[MESSAGE_TYPES] = {
    {B | C, C | D | S | I},         /* OPEN: channel and cookies come back */
    {B | C | D | S | I, C},         /* SENDSIZE */
    {B | C | D | S | I, C},         /* SENDPAYLOAD */
    {C | D | S | I, B | C | D},     /* RECVSIZE: length and type, with DORECV */
    {B | C | D | S | I, B | C | D}, /* RECVPAYLOAD: a word and its type */
    {B | C | D | S | I, C},         /* RECVSTATUS */
    {C | D | S | I, C},             /* CLOSE */
};

/* Every other command is a question with its answer in these (1.4). */
static const struct defined question = {A | B | C, A | B | C};

static uint32_t low(uint64_t value)
{
    return (uint32_t)value;
}

static uint16_t high_half(uint64_t value)
{
    return (uint16_t)(low(value) >> 16);
}

static struct defined what_is_defined(const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t type = high_half(before->rcx);
    uint16_t status = high_half(after->rcx);
    if ((low(before->rcx) & 0xFFFFu) != COMMAND_MESSAGE || type >= MESSAGE_TYPES)
        return question;
    struct defined set = messages[type];
    bool nothing_waits = type == MESSAGE_RECVSIZE && (status & STATUS_DORECV) == 0;
    if ((status & STATUS_SUCCESS) == 0 || nothing_waits)
        set.after = C;
    if (type == MESSAGE_OPEN && (low(before->rbx) & OPEN_WITH_COOKIE) == 0)
        set.after &= (uint8_t) ~(S | I);
    return set;
}

static uint32_t if_in(uint8_t set, uint8_t which, uint32_t value)
{
    return (set & which) != 0 ? value : 0;
}

static uint64_t ecx_ebx(uint8_t set, const struct sim_registers *registers)
{
    return if_in(set, C, low(registers->rcx)) | (uint64_t)if_in(set, B, low(registers->rbx)) << 32;
}

static void add(struct sim_world *world, uint32_t vm, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                const void *payload, size_t payload_bytes)
{
    sim_trace_add(
        sim_trace(world),
        &(struct sim_record){
            .time_ns = sim_now(world), .kind = SIM_RECORD_EXIT, .vm = vm, .a = a, .b = b, .c = c, .d = d},
        payload, payload_bytes);
}

void sim_record_port(struct sim_world *world, uint32_t vm, uint16_t port, uint8_t width_bits, bool out,
                     uint32_t value)
{
    add(world, vm, port, width_bits | (uint64_t)out << 8, out ? value : 0, out ? 0 : value, NULL, 0);
}

void sim_record_backdoor(struct sim_world *world, uint32_t vm, const struct sim_registers *before,
                         const struct sim_registers *after)
{
    struct defined set = what_is_defined(before, after);
    const uint32_t words[] = {
        if_in(set.before, A, low(before->rax)),     if_in(set.before, S, low(before->rsi)),
        if_in(set.before, I, low(before->rdi)),     if_in(set.after, A, low(after->rax)),
        if_in(set.after, D, high_half(after->rdx)), if_in(set.after, S, low(after->rsi)),
        if_in(set.after, I, low(after->rdi)),
    };
    enum { WORDS = sizeof words / sizeof words[0] };
    uint8_t payload[WORDS * 4];
    for (size_t i = 0; i < WORDS; i++)
        kd_store_u32(payload + i * 4, words[i]);
    add(world, vm, SIM_PORT_BACKDOOR, 32u | (uint64_t)if_in(set.before, D, high_half(before->rdx)) << 16,
        ecx_ebx(set.before, before), ecx_ebx(set.after, after), payload, sizeof payload);
}

void sim_record_doorbell(struct sim_world *world, uint32_t vm, const struct sim_registers *before,
                         const struct sim_registers *after, const uint8_t *payload, size_t payload_bytes)
{
    bool answered = low(after->rax) == DOORBELL_ANSWER;
    add(world, vm, SIM_PORT_DOORBELL,
        32u | (uint64_t)(low(before->rbx) & 0xFFFFu) << 16 | (uint64_t)low(before->rcx) << 32, answered,
        answered ? low(after->rcx) | (uint64_t)low(after->rbx) << 32 : 0, payload, payload_bytes);
}

void sim_record_string(struct sim_world *world, uint32_t vm, bool out, const struct sim_registers *before,
                       const struct sim_registers *after, const uint8_t *payload, size_t payload_bytes)
{
    /* The cookies stand elsewhere in either direction (1.3 rule 8). */
    uint32_t cookie_high = low(out ? before->rbp : before->rsi);
    uint32_t cookie_low = low(out ? before->rdi : before->rbp);
    add(world, vm, SIM_PORT_BACKDOOR_HB,
        8u | (uint64_t)out << 8 | (uint64_t)high_half(before->rdx) << 16 | (uint64_t)low(before->rcx) << 32,
        cookie_low | (uint64_t)cookie_high << 32, low(after->rbx), payload, payload_bytes);
}
