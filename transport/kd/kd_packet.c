/* kd_packet.c: one table says what a transport must know about each kind of packet. */
#include "transport/kd/kd_packet.h"

enum { ABANDONABLE = 1, WHILE_RUNNING = 2 };

/* api 0 stands for every member of the family that has no row of its own above. next is the type that the
 * kernel receives afterwards, 0 for none. Sources: kd-protocol.md 2.6 (abandonable), 5.1, 5.6 and 1 (answered
 * by). A control request is acknowledged and dropped (4.8): to wait for an answer that nobody has seen would
 * hold the whole machine, deaf to break-ins, for as long as a held call lasts. A kernel that wants one asks
 * for it. */
static const struct {
    uint16_t type;
    uint16_t api;
    uint8_t traits;
    uint8_t next;
} packet_kinds[] = {
    {KD_TYPE_STATE_CHANGE64, KD_STATE_LOAD_SYMBOLS, ABANDONABLE | WHILE_RUNNING, KD_TYPE_MANIPULATE},
    {KD_TYPE_STATE_CHANGE64, 0, 0, KD_TYPE_MANIPULATE},
    {KD_TYPE_STATE_CHANGE32, 0, 0, KD_TYPE_MANIPULATE},
    {KD_TYPE_MANIPULATE, 0, 0, KD_TYPE_MANIPULATE},
    {KD_TYPE_DEBUG_IO, KD_DEBUG_IO_PRINT, ABANDONABLE | WHILE_RUNNING, 0},
    {KD_TYPE_DEBUG_IO, KD_DEBUG_IO_GET_STRING, 0, KD_TYPE_DEBUG_IO},
    {KD_TYPE_TRACE_IO, 0, WHILE_RUNNING, 0},
    {KD_TYPE_CONTROL_REQUEST, 0, WHILE_RUNNING, 0},
    {KD_TYPE_FILE_IO, KD_FILE_IO_CREATE, ABANDONABLE | WHILE_RUNNING, KD_TYPE_FILE_IO},
    {KD_TYPE_FILE_IO, 0, WHILE_RUNNING, KD_TYPE_FILE_IO},
};

enum { PACKET_KINDS = sizeof(packet_kinds) / sizeof(packet_kinds[0]) };

uint32_t kd_packet_api(const struct kd_packet *packet)
{
    return packet->header.len_bytes < 4 ? 0 : kd_load_u32(packet->header.bytes);
}

/* The packet's row of packet_kinds, PACKET_KINDS when it has none. */
static size_t packet_kind(const struct kd_packet *packet)
{
    uint32_t api = kd_packet_api(packet);
    if (packet->type == KD_TYPE_STATE_CHANGE64)
        api &= ~KD_STATE_ALTERNATE;
    for (size_t i = 0; i < PACKET_KINDS; i++)
        if (packet_kinds[i].type == packet->type && (packet_kinds[i].api == 0 || packet_kinds[i].api == api))
            return i;
    return PACKET_KINDS;
}

static bool packet_has(const struct kd_packet *packet, uint8_t trait)
{
    size_t kind = packet_kind(packet);
    return kind < PACKET_KINDS && (packet_kinds[kind].traits & trait) != 0;
}

bool kd_packet_abandonable(const struct kd_packet *packet)
{
    return packet_has(packet, ABANDONABLE);
}

bool kd_packet_sent_while_running(const struct kd_packet *packet)
{
    return packet_has(packet, WHILE_RUNNING);
}

bool kd_packet_next_wanted(const struct kd_packet *packet, struct kd_wanted *wanted)
{
    size_t kind = packet_kind(packet);
    if (kind == PACKET_KINDS || packet_kinds[kind].next == 0)
        return false;
    wanted->type = packet_kinds[kind].next;
    wanted->header_bytes = (uint16_t)kd_type_header_bytes(wanted->type);
    wanted->data_room = (uint16_t)(KD_BODY_BYTES_MAX - wanted->header_bytes);
    return true;
}

void kd_packet_copy(void *to, const void *from, size_t len_bytes)
{
    kd_copy(to, from, len_bytes);
}

uint32_t kd_type_header_bytes(uint16_t type)
{
    static const uint8_t header_bytes[KD_TYPE_MAX] = {
        [KD_TYPE_STATE_CHANGE32] = KD_STATE_CHANGE_BYTES,
        [KD_TYPE_MANIPULATE] = KD_MANIPULATE_BYTES,
        [KD_TYPE_DEBUG_IO] = KD_DEBUG_IO_BYTES,
        [KD_TYPE_STATE_CHANGE64] = KD_STATE_CHANGE_BYTES,
        [KD_TYPE_TRACE_IO] = KD_TRACE_IO_BYTES,
        [KD_TYPE_CONTROL_REQUEST] = KD_CONTROL_REQUEST_BYTES,
        [KD_TYPE_FILE_IO] = KD_FILE_IO_BYTES,
    };
    return type < KD_TYPE_MAX ? header_bytes[type] : 0;
}
