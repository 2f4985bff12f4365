#include "transport/guest/tests/fake_vmware.h"

#include <stdio.h>
#include <string.h>

#define MAGIC       0x564D5868u
#define RPCI        0x49435052u
#define TCLO        0x4F4C4354u
#define COOKIE_FLAG 0x80000000u

enum { OPEN, SEND_SIZE, SEND_PAYLOAD, RECEIVE_SIZE, RECEIVE_PAYLOAD, RECEIVE_STATUS, CLOSE };
enum { SUCCESS = 0x01, DORECV = 0x02, CHECKPOINT = 0x10, HB = 0x80 };

struct fake_vmware vmware;

/* One call with what the host makes of it. */
struct request {
    uint32_t type;
    uint32_t value;
    uint32_t status;
    uint32_t value_out;
    uint32_t type_out;
    uint32_t cookie_high, cookie_low;
    uint16_t id;
};

static uint32_t junk(void)
{
    vmware.scramble = vmware.scramble * 1664525u + 1013904223u;
    return vmware.scramble;
}

/* The upper halves of the registers are nobody's promise (rule 4). */
static uintptr_t with_junk_above(uint32_t low)
{
    uint64_t wide = (uint64_t)junk() << 32 | low;
    return (uintptr_t)wide;
}

static struct fake_channel *find_channel(const struct request *r)
{
    for (unsigned i = 0; i < FAKE_CHANNELS; i++) {
        struct fake_channel *channel = &vmware.channels[i];
        if (channel->id == r->id && channel->was_open)
            vmware.violations++; /* I1: used after CLOSE */
        if (channel->is_open && channel->id == r->id && channel->cookie_high == r->cookie_high &&
            channel->cookie_low == r->cookie_low)
            return channel;
    }
    return NULL;
}

static bool refuses(uint32_t protocol)
{
    bool cookies = protocol & COOKIE_FLAG, tclo = (protocol & ~COOKIE_FLAG) == TCLO;
    if (vmware.refuses_open || (cookies && !vmware.has_cookies))
        return true;
    return (protocol & ~COOKIE_FLAG) != RPCI && !(tclo && vmware.has_tclo);
}

static void open_channel(struct request *r)
{
    for (unsigned i = 0; i < FAKE_CHANNELS && !refuses(r->value); i++) {
        struct fake_channel *channel = &vmware.channels[i];
        if (channel->is_open)
            continue;
        bool cookies = r->value & 0x80000000u;
        memset(channel, 0, sizeof *channel);
        channel->is_open = true;
        channel->is_tclo = channel->reset_due = (r->value & ~COOKIE_FLAG) == TCLO;
        vmware.tclo_opens += channel->is_tclo;
        channel->id = vmware.next_id;
        channel->cookie_high = cookies ? 0x9E3779B9u + vmware.opens : 0;
        channel->cookie_low = cookies ? 0x7F4A7C15u + vmware.opens : 0;
        vmware.next_id = (uint16_t)(vmware.next_id + 2);
        vmware.opens++;
        *r = (struct request){.type = OPEN,
                              .status = SUCCESS,
                              .type_out = channel->id,
                              .cookie_high = channel->cookie_high,
                              .cookie_low = channel->cookie_low};
        return;
    }
}

static void run_handler(struct fake_channel *channel)
{
    vmware.messages++;
    channel->reply_bytes = vmware.handler(channel->message, channel->announced, channel->reply);
    channel->state = FAKE_REPLIED;
}

static void hear_answer(struct fake_channel *channel)
{
    snprintf(vmware.tclo_heard, sizeof vmware.tclo_heard, "%.*s", (int)channel->announced, channel->message);
    channel->state = FAKE_IDLE;
    if (strcmp(vmware.tclo_heard, VM_TCLO_NAME) == 0)
        channel->is_ours = channel->call_due = !vmware.knows_no_calls;
}

/* What the host has to say on a TCLO channel, if anything. */
static void speak(struct fake_channel *channel)
{
    const char *says = NULL;
    if (channel->reset_due)
        says = "reset";
    else if (channel->is_ours && (vmware.attention || channel->call_due))
        says = vmware.tclo_says != NULL ? vmware.tclo_says : VM_TCLO_ATTENTION;
    if (says == NULL)
        return;
    channel->state = FAKE_REPLIED;
    channel->reply_bytes = (uint32_t)strlen(says);
    memcpy(channel->reply, says, channel->reply_bytes);
}

static uint32_t take_payload(struct fake_channel *channel, const uint8_t *bytes, uint32_t len_bytes)
{
    if (channel->state != FAKE_SENDING)
        return 0;
    uint32_t missing = channel->announced - channel->got;
    uint32_t taken = len_bytes < missing ? len_bytes : missing;
    memcpy(channel->message + channel->got, bytes, taken);
    channel->got += taken;
    if (channel->got == channel->announced)
        (channel->is_tclo ? hear_answer : run_handler)(channel);
    return SUCCESS;
}

static void send_size(struct fake_channel *channel, struct request *r)
{
    if (channel->fetched)
        vmware.violations++; /* I4 */
    channel->state = FAKE_IDLE;
    if (r->value > FAKE_MESSAGE_BYTES)
        return;
    vmware.tclo_turns += channel->is_tclo;
    channel->state = channel->is_tclo && r->value == 0 ? FAKE_IDLE : FAKE_SENDING;
    channel->announced = r->value;
    channel->got = 0;
    r->status = SUCCESS;
}

static void send_word(struct fake_channel *channel, struct request *r)
{
    uint8_t bytes[4];
    kd_store_u32(bytes, r->value);
    if (channel->offers_hb)
        vmware.violations++; /* I3: one way or the other */
    r->status = take_payload(channel, bytes, 4);
}

static void receive_size(struct fake_channel *channel, struct request *r)
{
    r->status = SUCCESS;
    if (channel->is_tclo && channel->state == FAKE_IDLE)
        speak(channel);
    if (channel->state != FAKE_REPLIED)
        return;
    if (vmware.reply_waits > 0) {
        vmware.reply_waits--;
        return;
    }
    channel->fetched = true;
    channel->cursor = 0;
    r->status = SUCCESS | DORECV;
    r->value_out = vmware.reply_bytes_forced ? vmware.reply_bytes_forced : channel->reply_bytes;
    r->type_out = SEND_SIZE;
}

static void drop_reply(struct fake_channel *channel)
{
    channel->state = FAKE_IDLE;
    channel->fetched = channel->reset_due = channel->call_due = false;
}

static void receive_word(struct fake_channel *channel, struct request *r)
{
    if (channel->state != FAKE_REPLIED)
        return;
    if (r->value != 1) {
        drop_reply(channel);
        return;
    }
    r->value_out = junk();
    for (uint32_t i = 0; i < 4 && channel->cursor < channel->reply_bytes; i++, channel->cursor++) {
        r->value_out &= ~(0xFFu << 8 * i);
        r->value_out |= (uint32_t)channel->reply[channel->cursor] << 8 * i;
    }
    r->type_out = SEND_PAYLOAD;
    r->status = SUCCESS;
}

static void act(struct fake_channel *channel, struct request *r)
{
    switch (r->type) {
    case SEND_SIZE:
        send_size(channel, r);
        break;
    case SEND_PAYLOAD:
        send_word(channel, r);
        break;
    case RECEIVE_SIZE:
        receive_size(channel, r);
        break;
    case RECEIVE_PAYLOAD:
        receive_word(channel, r);
        break;
    case RECEIVE_STATUS:
        drop_reply(channel);
        r->status = SUCCESS;
        break;
    case CLOSE:
        channel->is_open = false;
        channel->was_open = true;
        vmware.closes++;
        r->status = SUCCESS;
        break;
    default:
        vmware.violations++;
        break;
    }
    bool size_call = r->type == SEND_SIZE || r->type == RECEIVE_SIZE;
    channel->offers_hb = size_call && vmware.has_hb && (r->status & SUCCESS);
    if (channel->offers_hb)
        r->status |= HB;
}

/* True when the armed fault strikes this call; *status is then what the client gets. */
static bool fault_strikes(bool may_checkpoint, uint32_t *status)
{
    vmware.calls++;
    if (vmware.hostile_status != 0) {
        *status = vmware.hostile_status;
        return true;
    }
    if (vmware.fault_at == 0 || --vmware.fault_at > 0)
        return false;
    if (vmware.fault_status == CHECKPOINT && !may_checkpoint) {
        vmware.fault_at = vmware.fault_count > 1; /* one of many waits for the next call */
        return false;
    }
    *status = vmware.fault_status;
    if (--vmware.fault_count > 0)
        vmware.fault_at = 1;
    return true;
}

/* A checkpoint drops the transfer's progress; a reply survives it (M4). */
static void lose_progress(struct fake_channel *channel)
{
    if (channel != NULL) {
        channel->fetched = false;
        channel->cursor = 0;
        channel->state = channel->state == FAKE_REPLIED ? FAKE_REPLIED : FAKE_IDLE;
    }
}

static void handle_message(struct kd_backdoor_registers *registers)
{
    struct request r = {.type = (uint32_t)registers->rcx >> 16,
                        .value = (uint32_t)registers->rbx,
                        .id = (uint16_t)(registers->rdx >> 16),
                        .type_out = (uint32_t)registers->rdx >> 16,
                        .cookie_high = (uint32_t)registers->rsi,
                        .cookie_low = (uint32_t)registers->rdi};
    uint32_t type = r.type;
    bool multi_step = type == SEND_PAYLOAD || type == RECEIVE_PAYLOAD || type == RECEIVE_STATUS;
    struct fake_channel *channel = type == OPEN ? NULL : find_channel(&r);
    uint32_t fault_status = 0;
    bool struck = fault_strikes(multi_step, &fault_status);
    if (!struck || vmware.fault_after_handler) {
        if (type == OPEN)
            open_channel(&r);
        else if (channel != NULL)
            act(channel, &r);
    } else {
        lose_progress(channel);
    }
    if (struck)
        r.status = fault_status;
    if (vmware.receive_type_forced != 0 && (type == RECEIVE_SIZE || type == RECEIVE_PAYLOAD))
        r.type_out = vmware.receive_type_forced;
    registers->rcx = with_junk_above(r.status << 16);
    registers->rbx = with_junk_above(type == RECEIVE_SIZE || type == RECEIVE_PAYLOAD ? r.value_out : junk());
    registers->rdx = with_junk_above(r.type_out << 16);
    registers->rsi = with_junk_above(type == OPEN ? r.cookie_high : junk());
    registers->rdi = with_junk_above(type == OPEN ? r.cookie_low : junk());
    registers->rax = with_junk_above(junk());
}

/* The string port: one call moves everything. Where it is not offered, it is dead and looks successful (rule
 * 14). */
static void handle_string(enum fake_call call, struct kd_backdoor_registers *registers)
{
    bool out = call == FAKE_OUTS;
    uint32_t len_bytes = (uint32_t)registers->rcx;
    uint8_t *memory = (uint8_t *)(out ? registers->rsi : registers->rdi);
    struct request r = {.id = (uint16_t)(registers->rdx >> 16),
                        .cookie_high = (uint32_t)(out ? registers->rbp : registers->rsi),
                        .cookie_low = (uint32_t)(out ? registers->rdi : registers->rbp)};
    struct fake_channel *channel = find_channel(&r);
    uint32_t status = 0;
    bool struck = fault_strikes(true, &status);
    if (len_bytes == 0 || (uintptr_t)registers->rcx != len_bytes || registers->rbx != 0x00010000u ||
        channel == NULL || !channel->offers_hb)
        vmware.violations++;
    else if (struck && !vmware.fault_after_handler)
        lose_progress(channel);
    else if (out)
        status = struck ? (take_payload(channel, memory, len_bytes), status)
                        : take_payload(channel, memory, len_bytes);
    else {
        memcpy(memory, channel->reply, len_bytes < channel->reply_bytes ? len_bytes : channel->reply_bytes);
        status = struck ? status : SUCCESS;
    }
    if (channel != NULL)
        channel->offers_hb = false;
    registers->rbx = with_junk_above(status << 16);
    registers->rcx = 0;
}

static void handle_version(struct kd_backdoor_registers *registers)
{
    registers->rax = with_junk_above(6);
    registers->rbx = with_junk_above(MAGIC);
    registers->rcx = with_junk_above(4);
}

static void handle_absent(struct kd_backdoor_registers *registers)
{
    if (vmware.profile == FAKE_ABSENT_ZERO)
        registers->rax = 0;
    else if (vmware.profile != FAKE_ABSENT_ECHO)
        registers->rax = 0xFFFFFFFFu;
}

static void backdoor(enum fake_call call, struct kd_backdoor_registers *registers)
{
    uint16_t command = (uint16_t)registers->rcx;
    uint16_t port = (uint16_t)registers->rdx;
    if (registers->rax != MAGIC || port != (call == FAKE_LB ? 0x5658 : 0x5659))
        vmware.violations++; /* I5 */
    bool answers = vmware.profile == FAKE_VMWARE || (vmware.profile == FAKE_QEMU && command == 10);
    if (call != FAKE_LB)
        handle_string(call, registers);
    else if (!answers)
        handle_absent(registers);
    else if (command == 10)
        handle_version(registers);
    else
        handle_message(registers);
}

void fake_vmware_reset(fake_rpc_fn *handler)
{
    memset(&vmware, 0, sizeof vmware);
    vmware.has_cookies = true;
    vmware.has_hb = true;
    vmware.handler = handler;
    vmware.next_id = 3;
    vmware.scramble = 1;
    fake.backdoor = backdoor;
}

void fake_vmware_fault(uint32_t nth, uint32_t status)
{
    vmware.fault_at = nth;
    vmware.fault_count = 1;
    vmware.fault_status = status;
}

void fake_vmware_forget_channels(void)
{
    for (unsigned i = 0; i < FAKE_CHANNELS; i++)
        vmware.channels[i].is_open = false;
}

uint32_t fake_vmware_open_channels(void)
{
    uint32_t open = 0;
    for (unsigned i = 0; i < FAKE_CHANNELS; i++)
        open += vmware.channels[i].is_open;
    return open;
}
