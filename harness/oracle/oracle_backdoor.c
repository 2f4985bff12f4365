#include "harness/oracle/oracle_backdoor.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BREACH_BYTES 200

/* BD 1.1 */
#define WORD_MAGIC   0x564D5868u
#define PORT_LOW     0x5658u
#define PORT_HIGH    0x5659u
#define ASKS_COOKIES 0x80000000u
#define HB_MESSAGE   0x00010000u /* status SUCCESS above command 0 */
enum { MESSAGE_MAX = 65536 };

/* BD 3.1 */
enum type { OPEN, SEND_SIZE, SEND_PAYLOAD, RECV_SIZE, RECV_PAYLOAD, RECV_STATUS, CLOSE, TYPES };
static const char *const type_names[TYPES] = {"OPEN",        "SENDSIZE",   "SENDPAYLOAD", "RECVSIZE",
                                              "RECVPAYLOAD", "RECVSTATUS", "CLOSE"};

/* BD 3.2 */
enum { SUCCESS = 0x01, DORECV = 0x02, CHECKPOINT = 0x10, HIGH_BANDWIDTH = 0x80 };

/* The two protocols, each with at most one channel: nobody needs more. */
static const struct protocol {
    uint32_t number;
    const char *name;
} protocols[] = {{0x49435052u, "RPCI"}, {0x4F4C4354u, "TCLO"}};
enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

/* BD 1.4: questions that change nothing on either side. */
enum { GETVERSION = 10, MESSAGE = 30 };
static const uint16_t questions[] = {1, GETVERSION, 17, 19, 20, 23, 45, 46, 55, 68, 100};

/* Where a channel stands: which types may come next. */
enum phase {
    IDLE,          /* no message under way */
    SENDING,       /* behind SENDSIZE, bytes are missing */
    SEND_AGAIN,    /* a checkpoint: the whole message once more */
    RECEIVING,     /* behind RECVSIZE with a message */
    RECEIVE_AGAIN, /* a checkpoint: the whole message once more */
    BROKEN,        /* it failed otherwise: nothing but CLOSE helps (BD rule 31) */
    PHASES
};
#define MAY(type) (1u << (type))
static const struct {
    const char *words;
    const char *rule; /* that a call breaks which is not one of these: */
    unsigned next;
} phases[PHASES] = {
    [IDLE] = {"with no message under way", "BD rules 24, 25", MAY(SEND_SIZE) | MAY(RECV_SIZE) | MAY(CLOSE)},
    [SENDING] = {"while a message is being sent", "I3", MAY(SEND_PAYLOAD) | MAY(CLOSE)},
    [SEND_AGAIN] = {"after a checkpoint in what was sent", "BD rule 27", MAY(SEND_SIZE) | MAY(CLOSE)},
    [RECEIVING] = {"while a message is being fetched", "I4",
                   MAY(RECV_PAYLOAD) | MAY(RECV_STATUS) | MAY(CLOSE)},
    [RECEIVE_AGAIN] = {"after a checkpoint in what was fetched", "BD rule 27", MAY(RECV_SIZE) | MAY(CLOSE)},
    [BROKEN] = {"on a channel that has failed", "BD rule 31", MAY(CLOSE)},
};

struct channel {
    bool is_open;
    uint16_t id;
    uint32_t cookie_high, cookie_low;
    enum phase phase;
    bool high; /* the size call offered the string port */
    uint32_t size, done;
    unsigned restarts; /* of the message under way */
};

/* What the guest believes; goes back with it. */
struct belief {
    struct channel channels[PROTOCOLS];
    uint32_t refused; /* the protocol number of the access right before, when that was a refused OPEN with
                         cookies */
    unsigned probes;  /* accesses since it began to look for a backdoor, none found yet */
    bool looks;       /* it does */
};

struct kept {
    struct kept *next;
    char *name;
    struct belief belief;
};

struct oracle_backdoor {
    void (*breach)(void *context, const char *text);
    void *context;
    struct belief belief;
    struct kept *kept;
};

__attribute__((format(printf, 2, 3))) static void breach(struct oracle_backdoor *backdoor, const char *format,
                                                         ...)
{
    char text[BREACH_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    backdoor->breach(backdoor->context, text);
}

/* ---- registers -------------------------------------------------------------------------------------------
 */

static uint32_t low(uint64_t value)
{
    return (uint32_t)value;
}

static uint16_t upper(uint64_t value)
{
    return (uint16_t)(low(value) >> 16);
}

/* I5, what every call has: the magic, the port, and nothing above bit 31 but in the address of
 * a string; cookie: the half that stands where the other direction has its address. */
static void judge_common(struct oracle_backdoor *backdoor, const struct sim_registers *r, uint16_t port,
                         const char *what, uint64_t cookie)
{
    uint64_t all = r->rax | r->rbx | r->rcx | r->rdx;
    all |=
        port == PORT_LOW ? r->rsi | r->rdi : r->rbp | cookie; /* a low-bandwidth call has no EBP (BD 1.2) */
    if (low(r->rax) != WORD_MAGIC)
        breach(backdoor, "%s with EAX %08" PRIX32 " in place of the magic (I5)", what, low(r->rax));
    if ((r->rdx & 0xFFFF) != port)
        breach(backdoor, "%s with DX %04X in place of the port (I5)", what, (unsigned)(r->rdx & 0xFFFF));
    if (all >> 32 != 0)
        breach(backdoor, "%s with something in the upper half of a register (I5)", what);
}

/* The status of a call of this type; nobody answered when ECX is what it was (BD rule 22). */
static uint16_t status_of(const struct sim_registers *before, const struct sim_registers *after)
{
    return low(before->rcx) == low(after->rcx) ? 0 : upper(after->rcx);
}

/* ---- channels --------------------------------------------------------------------------------------------
 */

static bool has_cookies(const struct channel *channel, uint64_t high, uint64_t low_half)
{
    return low(high) == channel->cookie_high && low(low_half) == channel->cookie_low;
}

/* The channel that is meant. A host that forgot one, since the guest was reverted, may have given its number to the
 * guest's other one: then the cookies tell. */
static struct channel *find(struct oracle_backdoor *backdoor, uint16_t id, uint64_t high, uint64_t low_half)
{
    struct channel *found = NULL;
    for (unsigned i = 0; i < PROTOCOLS; i++) {
        struct channel *channel = &backdoor->belief.channels[i];
        if (channel->is_open && channel->id == id && (found == NULL || has_cookies(channel, high, low_half)))
            found = channel;
    }
    return found;
}

unsigned oracle_backdoor_open(const struct oracle_backdoor *backdoor)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PROTOCOLS; i++)
        count += backdoor->belief.channels[i].is_open;
    return count;
}

static void judge_cookies(struct oracle_backdoor *backdoor, const struct channel *channel, const char *what,
                          uint64_t high, uint64_t low_half)
{
    if (!has_cookies(channel, high, low_half))
        breach(backdoor, "%s on channel %u with the wrong cookies (I5)", what, channel->id);
}

/* A call that failed: a checkpoint is no end where a message was under way (BD rule 27). */
static void failed(struct channel *channel, uint16_t status, enum phase again)
{
    channel->phase = (status & CHECKPOINT) != 0 ? again : BROKEN;
}

static void message_is_over(struct channel *channel)
{
    channel->phase = IDLE;
    channel->restarts = 0;
}

static void count_restart(struct oracle_backdoor *backdoor, struct channel *channel)
{
    if (++channel->restarts == ORACLE_BACKDOOR_RESTARTS + 1)
        breach(backdoor, "a message on channel %u begun anew more than %d times (I8)", channel->id,
               ORACLE_BACKDOOR_RESTARTS);
}

/* ---- low bandwidth ---------------------------------------------------------------------------------------
 */

static void send_size(struct oracle_backdoor *backdoor, struct channel *channel,
                      const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t status = status_of(before, after);
    uint32_t size = low(before->rbx);
    if (size > MESSAGE_MAX)
        breach(backdoor, "SENDSIZE of %" PRIu32 " bytes, more than a message may have (BD 1.1)", size);
    if (channel->phase == SEND_AGAIN)
        count_restart(backdoor, channel);
    channel->size = size;
    channel->done = 0;
    channel->high = (status & HIGH_BANDWIDTH) != 0;
    if ((status & SUCCESS) == 0)
        channel->phase = BROKEN; /* a single step: a checkpoint is not looked for here (BD rule 27) */
    else if (size == 0)
        message_is_over(channel);
    else
        channel->phase = SENDING;
}

/* The word's bytes behind the end are zero (BD 3.1). */
static void judge_padding(struct oracle_backdoor *backdoor, const struct channel *channel, uint32_t word)
{
    uint32_t left = channel->size - channel->done;
    if (left < 4 && word >> (8 * left) != 0)
        breach(backdoor,
               "SENDPAYLOAD with %08" PRIX32 ", padded with something behind byte %" PRIu32 " (BD 3.1)", word,
               channel->size);
}

static void send_payload(struct oracle_backdoor *backdoor, struct channel *channel,
                         const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t status = status_of(before, after);
    judge_padding(backdoor, channel, low(before->rbx));
    if ((status & SUCCESS) == 0) {
        failed(channel, status, SEND_AGAIN);
        return;
    }
    channel->done += channel->size - channel->done < 4 ? channel->size - channel->done : 4;
    if (channel->done == channel->size)
        message_is_over(channel);
}

/* EDX says which of the host's own sub-types this is: 1, a size (BD rule 25). */
static void recv_size(struct oracle_backdoor *backdoor, struct channel *channel,
                      const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t status = status_of(before, after);
    if (channel->phase == RECEIVE_AGAIN)
        count_restart(backdoor, channel);
    channel->size = low(after->rbx);
    channel->done = 0;
    channel->high = (status & HIGH_BANDWIDTH) != 0;
    if ((status & SUCCESS) == 0)
        channel->phase = BROKEN;
    else if ((status & DORECV) == 0)
        message_is_over(channel);
    else
        channel->phase = upper(after->rdx) == 1 ? RECEIVING : BROKEN;
}

static void judge_step(struct oracle_backdoor *backdoor, const struct sim_registers *before, const char *what)
{
    if (low(before->rbx) > 1)
        breach(backdoor, "%s with EBX %08" PRIX32 ", neither 0 nor 1 (BD 3.1)", what, low(before->rbx));
}

/* EBX 0 gives the message up, whatever the host says to that (BD rule 25). */
static void recv_payload(struct oracle_backdoor *backdoor, struct channel *channel,
                         const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t status = status_of(before, after);
    judge_step(backdoor, before, "RECVPAYLOAD");
    if (channel->done == channel->size)
        breach(backdoor, "RECVPAYLOAD behind the end of a message of %" PRIu32 " bytes (I3)", channel->size);
    else if (low(before->rbx) == 0)
        message_is_over(channel);
    else if ((status & SUCCESS) == 0)
        failed(channel, status, RECEIVE_AGAIN);
    else if (upper(after->rdx) != 2)
        channel->phase = BROKEN;
    else
        channel->done += channel->size - channel->done < 4 ? channel->size - channel->done : 4;
}

static void recv_status(struct oracle_backdoor *backdoor, struct channel *channel,
                        const struct sim_registers *before, const struct sim_registers *after)
{
    uint16_t status = status_of(before, after);
    judge_step(backdoor, before, "RECVSTATUS");
    if (channel->done < channel->size && low(before->rbx) != 0)
        breach(backdoor, "RECVSTATUS says that all is well after %" PRIu32 " of %" PRIu32 " bytes (I3)",
               channel->done, channel->size);
    if ((status & SUCCESS) == 0)
        failed(channel, status, RECEIVE_AGAIN);
    else
        message_is_over(channel);
}

static void close_channel(struct oracle_backdoor *backdoor, struct channel *channel,
                          const struct sim_registers *before, const struct sim_registers *after)
{
    (void)backdoor;
    (void)before;
    (void)after;
    *channel = (struct channel){.is_open = false};
}

static void (*const calls[TYPES])(struct oracle_backdoor *, struct channel *, const struct sim_registers *,
                                  const struct sim_registers *) = {
    [SEND_SIZE] = send_size,       [SEND_PAYLOAD] = send_payload, [RECV_SIZE] = recv_size,
    [RECV_PAYLOAD] = recv_payload, [RECV_STATUS] = recv_status,   [CLOSE] = close_channel,
};

/* After a breach the channel is idle, so that one is not told of again by all that follows. */
static void on_channel(struct oracle_backdoor *backdoor, enum type type, const struct sim_registers *before,
                       const struct sim_registers *after)
{
    struct channel *channel = find(backdoor, upper(before->rdx), before->rsi, before->rdi);
    if (channel == NULL) {
        breach(backdoor, "%s on channel %u, which is not open (I1)", type_names[type], upper(before->rdx));
        return;
    }
    judge_cookies(backdoor, channel, type_names[type], before->rsi, before->rdi);
    if ((phases[channel->phase].next & MAY(type)) == 0) {
        breach(backdoor, "%s %s, at byte %" PRIu32 " of %" PRIu32 " (%s)", type_names[type],
               phases[channel->phase].words, channel->done, channel->size, phases[channel->phase].rule);
        message_is_over(channel);
    }
    if (type == SEND_PAYLOAD || type == RECV_PAYLOAD || type == RECV_STATUS)
        if (channel->phase == IDLE)
            return;
    calls[type](backdoor, channel, before, after);
}

/* With cookies first, without them only when that was refused (BD rule 23). */
static void open_channel(struct oracle_backdoor *backdoor, uint32_t refused,
                         const struct sim_registers *before, const struct sim_registers *after)
{
    uint32_t number = low(before->rbx);
    bool asks = (number & ASKS_COOKIES) != 0;
    unsigned i = 0;
    while (i < PROTOCOLS && protocols[i].number != (number & ~ASKS_COOKIES))
        i++;
    if (i == PROTOCOLS) {
        breach(backdoor, "OPEN of an unknown protocol, %08" PRIX32 " (BD 1.1)", number);
        return;
    }
    if (upper(before->rdx) != 0)
        breach(backdoor, "OPEN with a channel in EDX (BD 1.2)");
    if (!asks && refused != number)
        breach(backdoor, "OPEN without cookies before it was refused with them (BD rule 23)");
    struct channel *channel = &backdoor->belief.channels[i];
    if (channel->is_open)
        breach(backdoor, "OPEN of %s while channel %u is open, which was never closed (I2)",
               protocols[i].name, channel->id);
    bool success = (status_of(before, after) & SUCCESS) != 0;
    *channel = (struct channel){.is_open = success, .id = upper(after->rdx)};
    channel->cookie_high = asks ? low(after->rsi) : 0;
    channel->cookie_low = asks ? low(after->rdi) : 0;
    if (!success && asks)
        backdoor->belief.refused = number & ~ASKS_COOKIES;
    if (success)
        backdoor->belief.looks = false;
}

/* ---- detection -------------------------------------------------------------------------------------------
 */

/* BD rule 20. An access beyond those that I12 allows, and still nothing found. */
static void judge_version(struct oracle_backdoor *backdoor, const struct sim_registers *r)
{
    if (low(r->rbx) != ~WORD_MAGIC || low(r->rcx) != 0xFFFF000Au)
        breach(backdoor, "GETVERSION with EBX %08" PRIX32 ", ECX %08" PRIX32 " (BD rule 20)", low(r->rbx),
               low(r->rcx));
    backdoor->belief.looks = true;
    backdoor->belief.probes = 0;
}

static void count_probe(struct oracle_backdoor *backdoor)
{
    if (backdoor->belief.looks && ++backdoor->belief.probes == ORACLE_BACKDOOR_PROBES + 1)
        breach(backdoor, "more than %d accesses to learn that there is no backdoor (I12)",
               ORACLE_BACKDOOR_PROBES);
}

static bool is_question(uint16_t command)
{
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (questions[i] == command)
            return true;
    return false;
}

void oracle_backdoor_call(struct oracle_backdoor *backdoor, const struct sim_registers *before,
                          const struct sim_registers *after)
{
    uint16_t command = (uint16_t)before->rcx, type = upper(before->rcx);
    uint32_t refused = backdoor->belief.refused;
    backdoor->belief.refused = 0;
    if (command == GETVERSION)
        judge_version(backdoor, before);
    if (command != MESSAGE) {
        judge_common(backdoor, before, PORT_LOW, "a command", 0);
        count_probe(backdoor);
        if (!is_question(command))
            breach(backdoor, "command %u, which is not one of a guest's (BD 1.4)", command);
        return;
    }
    judge_common(backdoor, before, PORT_LOW, type < TYPES ? type_names[type] : "MESSAGE", 0);
    if (type >= TYPES)
        breach(backdoor, "MESSAGE of sub-type %u, which there is none (BD 3.1)", type);
    else if (type == OPEN)
        open_channel(backdoor, refused, before, after);
    else
        on_channel(backdoor, (enum type)type, before, after);
    count_probe(backdoor);
}

/* ---- high bandwidth --------------------------------------------------------------------------------------
 */

/* The string carries a message, or the next piece of one that is fetched (BD rule 15). */
static void judge_string(struct oracle_backdoor *backdoor, const struct channel *channel, bool in,
                         uint64_t count)
{
    const char *what = in ? "rep insb" : "rep outsb";
    uint64_t left = channel->size - channel->done;
    if (!channel->high)
        breach(backdoor, "%s, which the size call did not offer (I3)", what);
    if (in ? count > left : channel->done != 0 || count != channel->size)
        breach(backdoor, "%s of %" PRIu64 " bytes, of a message that has %" PRIu64 " left (I3)", what, count,
               left);
}

static void string_sent(struct channel *channel, uint16_t status)
{
    if ((status & SUCCESS) == 0)
        failed(channel, status, SEND_AGAIN);
    else
        message_is_over(channel);
}

static void string_received(struct channel *channel, uint16_t status, uint64_t count)
{
    uint32_t left = channel->size - channel->done;
    if ((status & SUCCESS) == 0)
        failed(channel, status, RECEIVE_AGAIN);
    else
        channel->done += count < left ? (uint32_t)count : left;
}

void oracle_backdoor_string(struct oracle_backdoor *backdoor, bool in, const struct sim_registers *before,
                            const struct sim_registers *after)
{
    const char *what = in ? "rep insb" : "rep outsb";
    enum phase phase = in ? RECEIVING : SENDING;
    /* The cookies stand elsewhere in either direction (BD rule 8). */
    const uint64_t high = in ? before->rsi : before->rbp, low_half = in ? before->rbp : before->rdi;
    struct channel *channel = find(backdoor, upper(before->rdx), high, low_half);
    uint16_t status = upper(after->rbx); /* not in ECX (BD rule 9) */
    backdoor->belief.refused = 0;
    judge_common(backdoor, before, PORT_HIGH, what, in ? before->rsi : before->rdi);
    if (low(before->rbx) != HB_MESSAGE)
        breach(backdoor, "%s with EBX %08" PRIX32 " (BD 1.3)", what, low(before->rbx));
    if (channel == NULL) {
        breach(backdoor, "%s on channel %u, which is not open (I1)", what, upper(before->rdx));
        return;
    }
    judge_cookies(backdoor, channel, what, high, low_half);
    if (channel->phase != phase) {
        breach(backdoor, "%s %s (I3)", what, phases[channel->phase].words);
        return;
    }
    judge_string(backdoor, channel, in, before->rcx);
    if (in)
        string_received(channel, status, before->rcx);
    else
        string_sent(channel, status);
}

void oracle_backdoor_narrow(struct oracle_backdoor *backdoor, uint16_t port)
{
    if (port == PORT_LOW || port == PORT_HIGH)
        breach(backdoor, "an access of 8 bits at %04X (BD rule 2)", (unsigned)port);
    else if (oracle_backdoor_open(backdoor) > 0)
        breach(backdoor, "port %04X is used although a channel is open, which was never closed (I2)",
               (unsigned)port);
    backdoor->belief.looks = false;
    backdoor->belief.refused = 0;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

struct oracle_backdoor *oracle_backdoor_create(void (*on_breach)(void *context, const char *text),
                                               void *context)
{
    struct oracle_backdoor *backdoor = sim_allocate(1, sizeof *backdoor);
    backdoor->breach = on_breach;
    backdoor->context = context;
    return backdoor;
}

void oracle_backdoor_destroy(struct oracle_backdoor *backdoor)
{
    if (backdoor == NULL)
        return;
    while (backdoor->kept != NULL) {
        struct kept *first = backdoor->kept;
        backdoor->kept = first->next;
        free(first->name);
        free(first);
    }
    free(backdoor);
}

void oracle_backdoor_reset(struct oracle_backdoor *backdoor)
{
    backdoor->belief = (struct belief){0};
}

static struct kept *find_kept(const struct oracle_backdoor *backdoor, const char *name)
{
    struct kept *kept = backdoor->kept;
    while (kept != NULL && strcmp(kept->name, name) != 0)
        kept = kept->next;
    return kept;
}

void oracle_backdoor_keep(struct oracle_backdoor *backdoor, const char *name)
{
    struct kept *kept = find_kept(backdoor, name);
    if (kept == NULL) {
        size_t bytes = strlen(name) + 1;
        kept = sim_allocate(1, sizeof *kept);
        kept->name = memcpy(sim_allocate(bytes, 1), name, bytes);
        kept->next = backdoor->kept;
        backdoor->kept = kept;
    }
    kept->belief = backdoor->belief;
}

void oracle_backdoor_revert(struct oracle_backdoor *backdoor, const char *name)
{
    const struct kept *kept = find_kept(backdoor, name);
    if (kept != NULL)
        backdoor->belief = kept->belief;
}
