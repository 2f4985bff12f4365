#include "sim/device/sim_backdoor.h"
#include "sim/device/sim_channel.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC       0x564D5868u
#define UNSUPPORTED 0xFFFFFFFFu

enum { COMMAND_GET_VERSION = 0x0A, COMMAND_MESSAGE = 0x1E, VERSION = 6 };
enum { PRODUCT_ESX = 2, PRODUCT_WORKSTATION = 4 };

/* What RECVSIZE and RECVPAYLOAD say in EDX's upper half: the host's own sub-type (3.1). */
enum { HOST_SEND_SIZE = 1, HOST_SEND_PAYLOAD = 2 };

/* What a profile is made of. Where no device claims a port, an IN reads undriven bytes, unless the VMM leaves
 * the registers alone; rep insb always fills its buffer with them. */
struct profile {
    const char *name;
    bool has_device;
    bool has_channels;
    bool has_string_port;
    bool has_tclo;
    bool leaves_registers;
    uint8_t undriven;
    uint32_t product;
    uint32_t command_mask; /* QEMU looks at 8 bits only (1.4) */
};

#define SIM_BACKDOOR_TEXT(id, text, note) [id] = text,
static const char *const profile_names[] = {SIM_BACKDOOR_PROFILE_LIST(SIM_BACKDOOR_TEXT)};

static const struct profile profiles[SIM_BACKDOOR_PROFILES] = {
    [SIM_BACKDOOR_VMWARE] = {.has_device = true,
                             .has_channels = true,
                             .has_string_port = true,
                             .has_tclo = true,
                             .undriven = 0xFF,
                             .product = PRODUCT_WORKSTATION,
                             .command_mask = 0xFFFF},
    [SIM_BACKDOOR_LB_ONLY] = {.has_device = true,
                              .has_channels = true,
                              .has_tclo = true,
                              .undriven = 0xFF,
                              .product = PRODUCT_WORKSTATION,
                              .command_mask = 0xFFFF},
    [SIM_BACKDOOR_ABSENT_ONES] = {.undriven = 0xFF},
    [SIM_BACKDOOR_ABSENT_ZERO] = {.undriven = 0x00},
    [SIM_BACKDOOR_ABSENT_ECHO] = {.leaves_registers = true, .undriven = 0xFF},
    [SIM_BACKDOOR_QEMU] = {.has_device = true,
                           .undriven = 0xFF,
                           .product = PRODUCT_ESX,
                           .command_mask = 0xFF},
    [SIM_BACKDOOR_RPCI_ONLY] = {.has_device = true,
                                .has_channels = true,
                                .has_string_port = true,
                                .undriven = 0xFF,
                                .product = PRODUCT_WORKSTATION,
                                .command_mask = 0xFFFF},
};

/* The call the guest stands in. */
struct held_call {
    bool is_held;
    uint32_t status; /* its outcome */
    struct sim_call call;
    struct sim_registers registers;
};

struct sim_backdoor {
    struct sim_faults *faults;
    const struct profile *profile;
    struct sim_memory memory;
    struct sim_channels *channels;
    struct sim_prng prng; /* what don't-care registers hold */
    void (*complete)(void *context);
    void *context;
    struct held_call held;
    bool strikes; /* a fault strikes the access under way: */
    struct sim_fault_rule rule;
};

const char *sim_backdoor_profile_name(enum sim_backdoor_profile profile)
{
    return profile_names[profile];
}

enum kd_status sim_backdoor_profile_find(const char *name, enum sim_backdoor_profile *profile)
{
    for (unsigned i = 0; i < SIM_BACKDOOR_PROFILES; i++) {
        if (strcmp(name, profile_names[i]) == 0) {
            *profile = (enum sim_backdoor_profile)i;
            return KD_OK;
        }
    }
    return KD_ERR_ARGUMENT;
}

static void complete_held(void *context)
{
    struct sim_backdoor *backdoor = context;
    if (backdoor->held.is_held)
        backdoor->complete(backdoor->context);
}

struct sim_backdoor *sim_backdoor_create(struct sim_world *world, struct sim_faults *faults,
                                         const struct sim_backdoor_config *config,
                                         const struct sim_memory *memory, sim_rpc_fn *handler,
                                         void (*complete)(void *context), void *context)
{
    char purpose[32];
    snprintf(purpose, sizeof purpose, "backdoor %u", (unsigned)config->vm);
    struct sim_backdoor *backdoor = sim_allocate(1, sizeof *backdoor);
    backdoor->faults = faults;
    backdoor->profile = &profiles[config->profile];
    backdoor->memory = *memory;
    backdoor->channels =
        sim_channels_create(world, faults, config->vm, config->channels, backdoor->profile->has_string_port,
                            backdoor->profile->has_tclo, memory, handler, context);
    backdoor->prng = sim_prng_for(world, purpose);
    backdoor->complete = complete;
    backdoor->context = context;
    sim_channels_on_delayed(backdoor->channels, complete_held, backdoor);
    return backdoor;
}

void sim_backdoor_destroy(struct sim_backdoor *backdoor)
{
    if (backdoor == NULL)
        return;
    sim_channels_destroy(backdoor->channels);
    free(backdoor);
}

/* A register whose low half means something: the upper half is anything (rule 4). */
static uint64_t told(struct sim_backdoor *backdoor, uint32_t low)
{
    return sim_prng_u64(&backdoor->prng) << 32 | low;
}

/* A don't-care register (M9): the values a careless client would fall for are as likely as any other. */
static uint32_t anything(struct sim_backdoor *backdoor, uint64_t before)
{
    const uint32_t choices[] = {(uint32_t)before, 0, UNSUPPORTED, (uint32_t)sim_prng_u64(&backdoor->prng)};
    return choices[sim_prng_below(&backdoor->prng, sizeof choices / sizeof choices[0])];
}

static uint64_t untold(struct sim_backdoor *backdoor, uint64_t before)
{
    return told(backdoor, anything(backdoor, before));
}

static uint16_t upper_half(uint64_t value)
{
    return (uint16_t)(value >> 16);
}

/* RECVSIZE tells a length in EBX and RECVPAYLOAD a word, when they have one. */
static bool tells_value(const struct sim_call *call, uint32_t status)
{
    return (call->type == SIM_CALL_RECV_SIZE && status & SIM_STATUS_DORECV) ||
           (call->type == SIM_CALL_RECV_PAYLOAD && status & SIM_STATUS_SUCCESS);
}

static uint16_t upper_edx(struct sim_backdoor *backdoor, const struct sim_call *call, uint32_t status,
                          uint64_t before)
{
    if (call->type == SIM_CALL_OPEN && status & SIM_STATUS_SUCCESS)
        return call->id;
    if (tells_value(call, status))
        return call->type == SIM_CALL_RECV_SIZE ? HOST_SEND_SIZE : HOST_SEND_PAYLOAD;
    return upper_half(anything(backdoor, before));
}

/* Outcome of a MESSAGE call: table 3.1, the low halves of ECX and EDX zero (rule 3), EBP kept, the rest
 * anything. A 32-bit IN zero-extends RAX (rule 4). */
static void answer_message(struct sim_backdoor *backdoor, const struct sim_call *call, uint32_t status,
                           struct sim_registers *registers)
{
    const bool gives_cookies =
        call->type == SIM_CALL_OPEN && status & SIM_STATUS_SUCCESS && call->has_cookies;
    struct sim_registers *r = registers;
    r->rax = anything(backdoor, r->rax);
    r->rbx = tells_value(call, status) ? told(backdoor, call->value) : untold(backdoor, r->rbx);
    r->rcx = told(backdoor, status << 16);
    r->rdx = told(backdoor, (uint32_t)upper_edx(backdoor, call, status, r->rdx) << 16);
    r->rsi = gives_cookies ? told(backdoor, call->cookie_high) : untold(backdoor, r->rsi);
    r->rdi = gives_cookies ? told(backdoor, call->cookie_low) : untold(backdoor, r->rdi);
}

/* Outcome of a string call: status in EBX (rule 9), count and address as after a completed rep whatever the
 * status (Q2), EBP kept, the rest anything. */
static void answer_string(struct sim_backdoor *backdoor, const struct sim_call *call, uint32_t status,
                          struct sim_registers *registers)
{
    const bool to_guest = call->type == SIM_CALL_RECV_PAYLOAD;
    struct sim_registers *r = registers;
    r->rax = anything(backdoor, r->rax);
    r->rbx = told(backdoor, status << 16);
    r->rcx = 0;
    r->rdx = untold(backdoor, r->rdx);
    r->rsi = to_guest ? untold(backdoor, r->rsi) : r->rsi + call->count;
    r->rdi = to_guest ? r->rdi + call->count : untold(backdoor, r->rdi);
}

static void answer(struct sim_backdoor *backdoor, const struct sim_call *call, uint32_t status,
                   struct sim_registers *registers)
{
    (call->is_string ? answer_string : answer_message)(backdoor, call, status, registers);
}

static const struct sim_fault_rule *ask_faults(struct sim_backdoor *backdoor, uint32_t type)
{
    return backdoor->faults == NULL
               ? NULL
               : sim_faults_ask(backdoor->faults, SIM_FAULT_EXIT, SIM_FAULT_NO_DIRECTION, (uint16_t)type, 0);
}

/* What a fault does to the host before it looks at the call. */
static void strike_host(struct sim_backdoor *backdoor, const struct sim_fault_rule *rule,
                        const struct sim_call *call)
{
    if (rule->kind == SIM_FAULT_CHECKPOINT)
        sim_channels_checkpoint(backdoor->channels);
    if (rule->kind == SIM_FAULT_FORGET)
        sim_channels_forget(backdoor->channels, call->id);
}

/* What the guest is told instead of the call's true outcome. */
static uint32_t strike_outcome(const struct sim_fault_rule *rule, struct sim_call *call, uint32_t status)
{
    if (rule->kind == SIM_FAULT_STATUS)
        return status ^ (rule->value & 0xFFFF);
    if (rule->kind == SIM_FAULT_LOW_BANDWIDTH)
        return status & ~(uint32_t)SIM_STATUS_HB;
    if (rule->kind == SIM_FAULT_LENGTH && status & SIM_STATUS_DORECV)
        call->value = rule->value;
    return status;
}

/* A call as the channels play it, and as a fault changes it; ABSENT is not among these. */
static uint32_t play_call(struct sim_backdoor *backdoor, const struct sim_fault_rule *rule,
                          struct sim_call *call)
{
    if (rule == NULL)
        return sim_channels_call(backdoor->channels, call);
    if (rule->kind == SIM_FAULT_TABLE_FULL)
        return 0;
    strike_host(backdoor, rule, call);
    return strike_outcome(rule, call, sim_channels_call(backdoor->channels, call));
}

static enum sim_exit_result play(struct sim_backdoor *backdoor, struct sim_call *call,
                                 struct sim_registers *registers)
{
    const uint32_t status = play_call(backdoor, backdoor->strikes ? &backdoor->rule : NULL, call);
    if (status & SIM_STATUS_HELD) {
        backdoor->held = (struct held_call){.is_held = true,
                                            .status = SIM_STATUS_SUCCESS ^ (status & 0xFFFF),
                                            .call = *call,
                                            .registers = *registers};
        return SIM_EXIT_HELD;
    }
    answer(backdoor, call, status, registers);
    return SIM_EXIT_DONE;
}

/* GETVERSION (rule 20). QEMU leaves the other registers as they were (V2); VMware may do as it likes (rule
 * 6). */
static enum sim_exit_result get_version(struct sim_backdoor *backdoor, struct sim_registers *registers)
{
    struct sim_registers *r = registers;
    r->rax = VERSION;
    if (!backdoor->profile->has_channels) {
        r->rbx = MAGIC;
        r->rcx = backdoor->profile->product;
        return SIM_EXIT_DONE;
    }
    r->rbx = told(backdoor, MAGIC);
    r->rcx = told(backdoor, backdoor->profile->product);
    r->rdx = untold(backdoor, r->rdx);
    r->rsi = untold(backdoor, r->rsi);
    r->rdi = untold(backdoor, r->rdi);
    return SIM_EXIT_DONE;
}

/* No such command here: EAX says so, the rest is unchanged. */
static enum sim_exit_result unsupported(struct sim_registers *registers)
{
    registers->rax = UNSUPPORTED;
    return SIM_EXIT_DONE;
}

static enum sim_exit_result message(struct sim_backdoor *backdoor, struct sim_registers *registers)
{
    struct sim_call call = {.type = upper_half(registers->rcx),
                            .id = upper_half(registers->rdx),
                            .cookie_high = (uint32_t)registers->rsi,
                            .cookie_low = (uint32_t)registers->rdi,
                            .value = (uint32_t)registers->rbx};
    if (!backdoor->profile->has_channels)
        return unsupported(registers);
    return play(backdoor, &call, registers);
}

static const struct {
    uint32_t number;
    enum sim_exit_result (*run)(struct sim_backdoor *backdoor, struct sim_registers *registers);
} commands[] = {
    {COMMAND_GET_VERSION, get_version},
    {COMMAND_MESSAGE, message},
};

static enum sim_exit_result command(struct sim_backdoor *backdoor, struct sim_registers *registers)
{
    const uint32_t number = (uint32_t)registers->rcx & backdoor->profile->command_mask;
    if ((uint32_t)registers->rax == MAGIC)
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            if (commands[i].number == number)
                return commands[i].run(backdoor, registers);
    return unsupported(registers);
}

/* The low width_bytes of RAX after an IN that nobody answers; a 32-bit one clears the upper half. */
static void read_undriven(const struct profile *profile, unsigned width_bytes,
                          struct sim_registers *registers)
{
    const uint64_t bits = (UINT64_C(1) << 8 * width_bytes) - 1;
    const uint64_t kept = width_bytes == 4 ? 0 : registers->rax & ~bits;
    if (!profile->leaves_registers)
        registers->rax = kept | (profile->undriven * UINT64_C(0x01010101) & bits);
}

/* A string on a port where nobody listens: what goes out is lost, what comes in are undriven bytes, and EBX
 * still says what the guest put there (rule 14, V18). */
static enum sim_exit_result string_undriven(struct sim_backdoor *backdoor, bool is_in,
                                            struct sim_registers *registers)
{
    uint8_t bytes[256];
    uint64_t *address = is_in ? &registers->rdi : &registers->rsi;
    memset(bytes, backdoor->profile->undriven, sizeof bytes);
    for (uint64_t left = is_in ? registers->rcx : 0; left > 0;) {
        const size_t some = left < sizeof bytes ? (size_t)left : sizeof bytes;
        if (!backdoor->memory.write(backdoor->memory.context, registers->rdi + (registers->rcx - left), bytes,
                                    some))
            break;
        left -= some;
    }
    *address += registers->rcx;
    registers->rcx = 0;
    return SIM_EXIT_DONE;
}

/* rep outsb carries the cookies in EBP:EDI, rep insb in ESI:EBP (rule 8). */
static enum sim_exit_result string(struct sim_backdoor *backdoor, bool is_in, struct sim_registers *registers)
{
    const struct sim_registers *r = registers;
    struct sim_call call = {.type = is_in ? SIM_CALL_RECV_PAYLOAD : SIM_CALL_SEND_PAYLOAD,
                            .id = upper_half(r->rdx),
                            .cookie_high = (uint32_t)(is_in ? r->rsi : r->rbp),
                            .cookie_low = (uint32_t)(is_in ? r->rbp : r->rdi),
                            .value = upper_half(r->rbx),
                            .is_string = true,
                            .address = is_in ? r->rdi : r->rsi,
                            .count = r->rcx};
    if (r->rcx == 0) /* no element, no exit (rule 13) */
        return SIM_EXIT_DONE;
    if (!backdoor->profile->has_string_port || (uint32_t)r->rax != MAGIC)
        return string_undriven(backdoor, is_in, registers);
    if ((uint16_t)r->rbx != 0) { /* of the port's commands only 0, MESSAGE, is ours */
        answer_string(backdoor, &call, 0, registers);
        return SIM_EXIT_DONE;
    }
    return play(backdoor, &call, registers);
}

/* The call that an access to a port makes, as the fault table knows it. */
static uint32_t call_type(uint16_t port, bool is_in, const struct sim_registers *registers)
{
    if (port == SIM_PORT_BACKDOOR_HB)
        return is_in ? SIM_CALL_RECV_PAYLOAD : SIM_CALL_SEND_PAYLOAD;
    return (uint16_t)registers->rcx == COMMAND_MESSAGE ? upper_half(registers->rcx)
                                                       : SIM_FAULT_TYPE_GET_VERSION;
}

/* True when a fault makes this access one that nobody answers. */
static bool is_absent(struct sim_backdoor *backdoor, uint16_t port, bool is_in,
                      const struct sim_registers *registers)
{
    backdoor->strikes = false;
    if (!backdoor->profile->has_channels)
        return false;
    const struct sim_fault_rule *rule = ask_faults(backdoor, call_type(port, is_in, registers));
    backdoor->strikes = rule != NULL;
    if (rule != NULL)
        backdoor->rule = *rule;
    return rule != NULL && rule->kind == SIM_FAULT_ABSENT;
}

static enum sim_exit_result access_nobody(struct sim_backdoor *backdoor, uint16_t port, bool is_in,
                                          struct sim_registers *registers)
{
    if (port == SIM_PORT_BACKDOOR_HB)
        return string_undriven(backdoor, is_in, registers);
    if (is_in)
        read_undriven(backdoor->profile, 4, registers);
    return SIM_EXIT_DONE;
}

enum sim_exit_result sim_backdoor_access(struct sim_backdoor *backdoor, uint16_t port, bool is_in,
                                         struct sim_registers *registers)
{
    if (is_absent(backdoor, port, is_in, registers))
        return access_nobody(backdoor, port, is_in, registers);
    if (port == SIM_PORT_BACKDOOR_HB)
        return string(backdoor, is_in, registers);
    if (backdoor->profile->has_device) /* IN and OUT alike (rule 1) */
        return command(backdoor, registers);
    return access_nobody(backdoor, port, is_in, registers);
}

void sim_backdoor_access_narrow(struct sim_backdoor *backdoor, bool is_in, unsigned width_bytes,
                                struct sim_registers *registers)
{
    if (is_in)
        read_undriven(backdoor->profile, width_bytes, registers);
}

void sim_backdoor_reply(struct sim_backdoor *backdoor, const uint8_t *reply, size_t len_bytes)
{
    if (sim_channels_reply(backdoor->channels, reply, len_bytes))
        complete_held(backdoor);
}

void sim_backdoor_resume(struct sim_backdoor *backdoor, struct sim_registers *registers)
{
    *registers = backdoor->held.registers;
    answer(backdoor, &backdoor->held.call, backdoor->held.status, registers);
    backdoor->held.is_held = false;
}

void sim_backdoor_attention(struct sim_backdoor *backdoor, bool raised)
{
    sim_channels_attention(backdoor->channels, raised);
}

void sim_backdoor_reset(struct sim_backdoor *backdoor)
{
    backdoor->held.is_held = false;
    sim_channels_reset(backdoor->channels);
}

void sim_backdoor_checkpoint(struct sim_backdoor *backdoor)
{
    sim_channels_checkpoint(backdoor->channels);
}

void sim_backdoor_strike(struct sim_backdoor *backdoor)
{
    if (!backdoor->held.is_held || !sim_channels_strike(backdoor->channels))
        return;
    backdoor->held.status = SIM_STATUS_CPT;
    backdoor->complete(backdoor->context);
}

uint64_t sim_backdoor_rpcs(const struct sim_backdoor *backdoor)
{
    return sim_channels_rpcs(backdoor->channels);
}

uint64_t sim_backdoor_payload_bytes(const struct sim_backdoor *backdoor)
{
    return sim_channels_string_bytes(backdoor->channels);
}

uint32_t sim_backdoor_channels_open(const struct sim_backdoor *backdoor)
{
    return sim_channels_open(backdoor->channels);
}
