#include "transport/relay/relay_farewell.h"
#include "transport/kd/kd_bytes.h"

/* 4.1 and 4.3. */
enum {
    LEVEL = 4,
    PROCESSORS = 8,
    LOAD_BASE = 40,
    LOAD_UNLOAD = 64,
    MANIPULATE_STATUS = 8,
    TRANSFER_ACTUAL = 28,
    STATE_LOAD_SYMBOLS = 0x3031,
};

#define STATUS_UNSUCCESSFUL 0xC0000001u

/* Requests whose answer is not the usual one, and those that say how much was transferred. */
enum { TRANSFER = 1 };
static const struct {
    uint32_t api;
    enum relay_last_word word;
    uint32_t flags;
} apis[] = {
    {0x3130, RELAY_WORD_REFUSED, TRANSFER}, /* ReadVirtualMemory */
    {0x3131, RELAY_WORD_REFUSED, TRANSFER}, /* WriteVirtualMemory */
    {0x3137, RELAY_WORD_REFUSED, TRANSFER}, /* ReadControlSpace */
    {0x3138, RELAY_WORD_REFUSED, TRANSFER}, /* WriteControlSpace */
    {0x313D, RELAY_WORD_REFUSED, TRANSFER}, /* ReadPhysicalMemory */
    {0x313E, RELAY_WORD_REFUSED, TRANSFER}, /* WritePhysicalMemory */
    {0x3136, RELAY_WORD_GO, 0},             /* Continue */
    {RELAY_API_REBOOT, RELAY_WORD_GO, 0},
    {0x313C, RELAY_WORD_GO, 0},    /* Continue2 */
    {0x3149, RELAY_WORD_GO, 0},    /* CauseBugCheck */
    {0x3150, RELAY_WORD_AGAIN, 0}, /* SwitchProcessor */
    {0x315A, RELAY_WORD_NONE, 0},  /* ClearAllInternalBreakpoints */
};
enum { APIS = sizeof(apis) / sizeof(apis[0]) };

void relay_state_head_default(uint8_t head[RELAY_STATE_HEAD_BYTES])
{
    enum { PENTIUM_PRO_OR_LATER = 6 };
    kd_fill(head, 0, RELAY_STATE_HEAD_BYTES);
    kd_store_u16(head + LEVEL, PENTIUM_PRO_OR_LATER);
    kd_store_u32(head + PROCESSORS, 1);
}

void relay_notice_store(uint8_t *to, const uint8_t head[RELAY_STATE_HEAD_BYTES])
{
    kd_fill(to, 0, KD_STATE_CHANGE_BYTES);
    kd_copy(to, head, RELAY_STATE_HEAD_BYTES);
    kd_store_u32(to, STATE_LOAD_SYMBOLS);
    kd_store_u64(to + LOAD_BASE, UINT64_MAX);
    to[LOAD_UNLOAD] = 1;
}

bool relay_is_notice(const struct kd_packet *packet)
{
    const uint8_t *header = packet->header.bytes;
    return packet->type == KD_TYPE_STATE_CHANGE64 && packet->header.len_bytes > LOAD_UNLOAD &&
           kd_load_u32(header) == STATE_LOAD_SYMBOLS && header[LOAD_UNLOAD] != 0 &&
           kd_load_u64(header + LOAD_BASE) == UINT64_MAX;
}

enum relay_last_word relay_last_word(uint8_t *to, const uint8_t *body)
{
    uint32_t api = kd_load_u32(body);
    unsigned row = 0;
    while (row < APIS && apis[row].api != api)
        row++;
    if (row < APIS && apis[row].word != RELAY_WORD_REFUSED)
        return apis[row].word;
    kd_copy(to, body, KD_MANIPULATE_BYTES);
    kd_store_u32(to + MANIPULATE_STATUS, STATUS_UNSUCCESSFUL);
    if (row < APIS && apis[row].flags & TRANSFER)
        kd_store_u32(to + TRANSFER_ACTUAL, 0);
    return RELAY_WORD_REFUSED;
}

bool relay_lets_target_run(uint32_t api)
{
    for (unsigned row = 0; row < APIS; row++)
        if (apis[row].api == api)
            return apis[row].word == RELAY_WORD_GO;
    return false;
}
