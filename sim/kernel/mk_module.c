/* mk_module.c: calls of the module. It gets copies of what the kernel hands it, between red zones, and
 * nothing else: a byte written beside them, or in a piece that is the kernel's to keep, is reported to the
 * machine (README.md, "What the module is given"). */
#include "sim/kernel/mk_state.h"

#define ZONE_WORD UINT64_C(0xA5A5A5A5A5A5A5A5)
enum { ZONE_BYTE = 0xA5 };

struct given {
    struct mk_state *state;
    uint32_t used; /* of the guard */
    struct {
        uint8_t *at; /* NULL: this call has none */
        uint32_t len_bytes;
    } pieces[MK_PIECES];
};

static void paint(struct mk_state *state)
{
    for (uint32_t i = 0; i < MK_GUARD_WORDS; i++)
        state->guard[i] = ZONE_WORD;
}

static bool eight_are_zone(const uint64_t *at)
{
    return (((at[0] ^ ZONE_WORD) | (at[1] ^ ZONE_WORD) | (at[2] ^ ZONE_WORD) | (at[3] ^ ZONE_WORD)) |
            ((at[4] ^ ZONE_WORD) | (at[5] ^ ZONE_WORD) | (at[6] ^ ZONE_WORD) | (at[7] ^ ZONE_WORD))) == 0;
}

/* The first word from one on that is no zone; end when there is none. Eight at a time: where a processor is
 * emulated, this is most of what a call costs. */
static uint32_t written_word(const struct mk_state *state, uint32_t word, uint32_t end)
{
    while (end - word >= 8 && eight_are_zone(state->guard + word))
        word += 8;
    while (word < end && state->guard[word] == ZONE_WORD)
        word++;
    return word;
}

/* A piece becomes zone again: only what was written is stored, which an emulated processor finds dearer than
 * to look. */
static void repaint(struct mk_state *state, uint8_t *at, uint32_t len_bytes)
{
    uint32_t word = (uint32_t)(at - (uint8_t *)state->guard) / 8, end = word + len_bytes / 8;
    while ((word = written_word(state, word, end)) < end)
        state->guard[word++] = ZONE_WORD;
    kd_fill(at + len_bytes / 8 * 8, ZONE_BYTE, len_bytes % 8);
}

static void begin(struct given *given, struct mk_state *state)
{
    *given = (struct given){.state = state, .used = MK_ZONE_BYTES};
}

/* Returns where the piece lies: aligned as any, with room for len_bytes and a zone behind them. from may be
 * NULL. */
static void *give(struct given *given, enum mk_piece piece, const void *from, uint32_t len_bytes)
{
    uint8_t *at = (uint8_t *)given->state->guard + given->used;
    given->pieces[piece].at = at;
    given->pieces[piece].len_bytes = len_bytes;
    given->used = (given->used + len_bytes + MK_ZONE_BYTES + 7) & ~7u;
    if (from)
        kd_copy(at, from, len_bytes);
    return at;
}

/* The piece's bytes are the kernel's: they must be what they were. */
static void keep(const struct given *given, enum mk_piece piece, const void *bytes, uint32_t from,
                 uint32_t to)
{
    const uint8_t *at = given->pieces[piece].at, *kept = bytes;
    uint32_t i = from;
    while (to - i >= 8 && *(const kd_any_word *)(at + i) == *(const kd_any_word *)(kept + i))
        i += 8;
    while (i < to && at[i] == kept[i])
        i++;
    if (i < to)
        mk_platform_stray_write(piece, i);
}

static void tell_stray(const struct given *given, const uint8_t *byte)
{
    enum mk_piece nearest = MK_PIECE_HEADER_STRING;
    for (uint32_t i = 0; i < MK_PIECES; i++)
        if (given->pieces[i].at && given->pieces[i].at <= byte)
            nearest = (enum mk_piece)i;
    mk_platform_stray_write(nearest, (uint32_t)(byte - given->pieces[nearest].at));
}

/* Takes the pieces away: then all of the guard must be zone again. */
static void end(const struct given *given)
{
    struct mk_state *state = given->state;
    for (uint32_t i = 0; i < MK_PIECES; i++)
        if (given->pieces[i].at)
            repaint(state, given->pieces[i].at, given->pieces[i].len_bytes);
    uint32_t word = written_word(state, 0, MK_GUARD_WORDS);
    if (word == MK_GUARD_WORDS)
        return;
    const uint8_t *byte = (const uint8_t *)&state->guard[word];
    while (*byte == ZONE_BYTE)
        byte++;
    tell_stray(given, byte);
    paint(state);
}

/* ---- packets ------------------------------------------------------------------------------------------- */

/* Field by field over zeros: what a compiler leaves between them must not look like somebody's write. */
static void set_string(struct kd_string *to, const struct kd_string *from, uint8_t *buffer)
{
    kd_fill(to, 0, sizeof *to);
    to->Length = from->Length;
    to->MaximumLength = from->MaximumLength;
    to->Buffer = buffer;
}

/* A string and its bytes; room is what of them the module may touch. Returns NULL without a string. */
static struct kd_string *give_string(struct given *given, enum mk_piece string_piece,
                                     const struct kd_string *string, uint32_t room, const uint8_t *bytes)
{
    if (!string)
        return NULL;
    struct kd_string *copy = give(given, string_piece, NULL, sizeof *string);
    set_string(copy, string, give(given, (enum mk_piece)(string_piece + 1), bytes, room));
    return copy;
}

/* The string that the module was given, with its own Buffer: for what must not have changed in it. */
static void keep_string(const struct given *given, enum mk_piece piece, const struct kd_string *string,
                        uint32_t from)
{
    if (!string)
        return;
    struct kd_string was;
    set_string(&was, string, given->pieces[piece + 1].at);
    keep(given, piece, &was, from, sizeof was);
}

static struct kd_context *give_context(struct given *given)
{
    return give(given, MK_PIECE_CONTEXT, &given->state->kd, sizeof given->state->kd);
}

/* Of the context one byte is the module's to set. */
static void take_context(const struct given *given)
{
    enum { RETRIES_END = 4, PENDING_END = 5 };
    struct kd_context *context = &given->state->kd;
    keep(given, MK_PIECE_CONTEXT, context, 0, RETRIES_END);
    keep(given, MK_PIECE_CONTEXT, context, PENDING_END, sizeof *context);
    context->KdpControlCPending = given->pieces[MK_PIECE_CONTEXT].at[RETRIES_END];
}

void mk_module_send(struct mk_state *state, uint16_t type, const struct kd_string *header,
                    const struct kd_string *data)
{
    struct given given;
    begin(&given, state);
    struct kd_string *header_given =
        give_string(&given, MK_PIECE_HEADER_STRING, header, header->Length, header->Buffer);
    struct kd_string *data_given =
        give_string(&given, MK_PIECE_DATA_STRING, data, data ? data->Length : 0, data ? data->Buffer : NULL);
    struct kd_context *context = give_context(&given);
    mk_platform_enters_module();
    KdSendPacket(type, header_given, data_given, context);
    mk_platform_leaves_module();
    keep_string(&given, MK_PIECE_HEADER_STRING, header, 0);
    keep(&given, MK_PIECE_HEADER, header->Buffer, 0, header->Length);
    keep_string(&given, MK_PIECE_DATA_STRING, data, 0);
    if (data)
        keep(&given, MK_PIECE_DATA, data->Buffer, 0, data->Length);
    take_context(&given);
    end(&given);
}

uint32_t mk_module_receive(struct mk_state *state, uint16_t type, struct kd_string *header,
                           struct kd_string *data, uint32_t *length)
{
    enum { MAXIMUM = 2 }; /* a receive sets Length, the rest of the string is the kernel's */
    struct given given;
    begin(&given, state);
    struct kd_string *header_given =
        give_string(&given, MK_PIECE_HEADER_STRING, header, header->MaximumLength, NULL);
    struct kd_string *data_given = give_string(&given, MK_PIECE_DATA_STRING, data, data->MaximumLength, NULL);
    uint32_t *length_given = give(&given, MK_PIECE_LENGTH, length, sizeof *length);
    struct kd_context *context = give_context(&given);
    mk_platform_enters_module();
    uint32_t status = KdReceivePacket(type, header_given, data_given, length_given, context);
    mk_platform_leaves_module();
    keep_string(&given, MK_PIECE_HEADER_STRING, header, MAXIMUM);
    keep_string(&given, MK_PIECE_DATA_STRING, data, MAXIMUM);
    take_context(&given);
    if (status == KD_RECEIVED) {
        *length = *length_given;
        header->Length = header_given->Length;
        data->Length = data_given->Length;
        kd_copy(header->Buffer, header_given->Buffer, header->MaximumLength);
        kd_copy(data->Buffer, data_given->Buffer, mk_min(*length, data->MaximumLength));
    }
    end(&given);
    return status;
}

/* ---- what has no packet -------------------------------------------------------------------------------- */

uint32_t mk_module_poll(void)
{
    mk_platform_enters_module();
    uint32_t status = KdReceivePacket(KD_TYPE_POLL, NULL, NULL, NULL, NULL);
    mk_platform_leaves_module();
    return status;
}

uint32_t mk_module_initialize(struct mk_state *state, const struct mk_boot *loader_block)
{
    paint(state);
    mk_platform_enters_module();
    uint32_t status = KdDebuggerInitialize0((void *)(uintptr_t)loader_block);
    mk_platform_leaves_module();
    return status;
}

void mk_module_initialize_late(const struct mk_boot *loader_block)
{
    mk_platform_enters_module();
    (void)KdDebuggerInitialize1((void *)(uintptr_t)loader_block);
    mk_platform_leaves_module();
}

void mk_module_save(bool sleeping)
{
    mk_platform_enters_module();
    (void)KdSave(sleeping);
    mk_platform_leaves_module();
}

void mk_module_restore(bool sleeping)
{
    mk_platform_enters_module();
    (void)KdRestore(sleeping);
    mk_platform_leaves_module();
}

void mk_module_power(bool up)
{
    mk_platform_enters_module();
    (void)(up ? KdD0Transition() : KdD3Transition());
    mk_platform_leaves_module();
}
