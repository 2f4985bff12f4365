#include "transport/guest/vm_attention.h"

#include "transport/kd/kd_bytes.h"
#include "transport/kd/vm_message.h"

enum { ROOM = 64 }; /* the longest message that is worth reading */

/* What a message of the host is answered with (vmware-backdoor.md 3.4 M8). */
enum answer { ANSWER_NONE, ANSWER_NAME, ANSWER_OK, ANSWER_ERROR, ANSWERS };

#define TEXT(text)                                                                                           \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static const struct text {
    const uint8_t *bytes;
    uint32_t len_bytes;
} answers[ANSWERS] = {
    [ANSWER_NONE] = {NULL, 0},
    [ANSWER_NAME] = TEXT(VM_TCLO_NAME),
    [ANSWER_OK] = TEXT("OK "),
    [ANSWER_ERROR] = TEXT("ERROR Unknown command"),
};

static const struct text reset = TEXT("reset");
static const struct text call = TEXT(VM_TCLO_ATTENTION);

static bool is(const struct text *text, const uint8_t *bytes, uint32_t len_bytes)
{
    return len_bytes == text->len_bytes && kd_equal(bytes, text->bytes, len_bytes);
}

static bool open_channel(struct vm_attention *attention)
{
    if (attention->pause > 0) {
        attention->pause--;
        return false;
    }
    attention->is_trusted = false;
    attention->answer = ANSWER_NONE;
    if (vm_guestrpc_open_tclo(&attention->tclo) == KD_OK)
        return true;
    attention->pause = VM_ATTENTION_PAUSE;
    return false;
}

/* A host that starts over must show again what it can. */
static void take_message(struct vm_attention *attention, const uint8_t *bytes, uint32_t len_bytes)
{
    attention->answer = ANSWER_ERROR;
    if (is(&reset, bytes, len_bytes)) {
        attention->answer = ANSWER_NAME;
        attention->is_trusted = false;
        attention->trials = 0;
    } else if (is(&call, bytes, len_bytes)) {
        attention->answer = ANSWER_OK;
        attention->is_trusted = true;
        attention->trials = 0;
    }
}

/* The answer goes out from the memory into which the next message comes: a VMM may look at stack and data only.
 * True when the host has nothing to say. */
static bool take_turn(struct vm_attention *attention)
{
    uint8_t message[ROOM];
    uint32_t len_bytes = 0;
    const struct text *answer = &answers[attention->answer < ANSWERS ? attention->answer : ANSWER_NONE];
    kd_copy(message, answer->bytes, answer->len_bytes);
    enum kd_status status = vm_guestrpc_turn(&attention->tclo, message, answer->len_bytes, message,
                                             sizeof message, &len_bytes);
    attention->answer = ANSWER_NONE;
    if (status == KD_OK)
        take_message(attention, message, len_bytes);
    else if (status == KD_ERR_TOO_BIG)
        attention->answer = ANSWER_ERROR;
    return status == KD_ERR_TIMEOUT;
}

/* A TCLO channel of a VMM that knows nothing of us is always quiet: it must not be believed. */
static void doubt(struct vm_attention *attention)
{
    if (++attention->trials < VM_ATTENTION_TRIALS_MAX)
        return;
    vm_attention_close(attention);
    attention->pause = VM_ATTENTION_PAUSE;
}

bool vm_attention_raised(struct vm_attention *attention)
{
    if (!attention->tclo.is_open && !open_channel(attention))
        return true;
    bool quiet = take_turn(attention);
    if (attention->is_trusted)
        return !quiet;
    doubt(attention);
    return true;
}

void vm_attention_close(struct vm_attention *attention)
{
    vm_guestrpc_close(&attention->tclo);
    *attention = (struct vm_attention){.answer = ANSWER_NONE};
}
