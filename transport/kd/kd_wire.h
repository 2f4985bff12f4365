/* kd_wire.h: the KDCOM frame on the wire, and every limit of it, on one page.
 *
 * Source: kd-protocol.md 2.1 to 2.3. Freestanding; context: any. */
#ifndef KD_WIRE_H
#define KD_WIRE_H

#include "transport/kd/kd_bytes.h"

#define KD_LEADER_BYTE_DATA    0x30u
#define KD_LEADER_BYTE_CONTROL 0x69u
#define KD_LEADER_DATA         0x30303030u
#define KD_LEADER_CONTROL      0x69696969u
#define KD_BREAK_IN_BYTE       0x62u
#define KD_TRAILER_BYTE        0xAAu

#define KD_ID_INITIAL 0x80800000u
#define KD_ID_SYNC    0x00000800u

enum {
    KD_LEADER_BYTES = 4,
    KD_FRAME_HEADER_BYTES = 16,
    KD_BODY_BYTES_MAX = 4000,
    KD_FRAME_BYTES_MAX = KD_FRAME_HEADER_BYTES + KD_BODY_BYTES_MAX + 1,
};

/* Packet types (2.2). KD_TYPE_POLL is an argument of KdReceivePacket only and never on the wire. */
enum kd_type {
    KD_TYPE_STATE_CHANGE32 = 1,
    KD_TYPE_MANIPULATE = 2,
    KD_TYPE_DEBUG_IO = 3,
    KD_TYPE_ACK = 4,
    KD_TYPE_RESEND = 5,
    KD_TYPE_RESET = 6,
    KD_TYPE_STATE_CHANGE64 = 7,
    KD_TYPE_POLL = 8,
    KD_TYPE_TRACE_IO = 9,
    KD_TYPE_CONTROL_REQUEST = 10,
    KD_TYPE_FILE_IO = 11,
    KD_TYPE_MAX = 12,
};

/* The 16 bytes in front of every frame, in the machine's order; on the wire only through store and load. */
struct kd_frame_header {
    uint32_t leader;
    uint16_t type;
    uint16_t byte_count;
    uint32_t id;
    uint32_t checksum;
};

/* Offsets of the fields on the wire. */
enum {
    KD_FRAME_LEADER = 0,
    KD_FRAME_TYPE = 4,
    KD_FRAME_BYTE_COUNT = 6,
    KD_FRAME_ID = 8,
    KD_FRAME_CHECKSUM = 12,
};
_Static_assert(sizeof(struct kd_frame_header) == KD_FRAME_HEADER_BYTES, "frame header is 16 bytes");
_Static_assert(offsetof(struct kd_frame_header, type) == KD_FRAME_TYPE, "PacketType at 4");
_Static_assert(offsetof(struct kd_frame_header, byte_count) == KD_FRAME_BYTE_COUNT, "ByteCount at 6");
_Static_assert(offsetof(struct kd_frame_header, id) == KD_FRAME_ID, "PacketId at 8");
_Static_assert(offsetof(struct kd_frame_header, checksum) == KD_FRAME_CHECKSUM, "Checksum at 12");

static inline void kd_frame_header_store(uint8_t to[KD_FRAME_HEADER_BYTES], const struct kd_frame_header *header)
{
    kd_store_u32(to + KD_FRAME_LEADER, header->leader);
    kd_store_u16(to + KD_FRAME_TYPE, header->type);
    kd_store_u16(to + KD_FRAME_BYTE_COUNT, header->byte_count);
    kd_store_u32(to + KD_FRAME_ID, header->id);
    kd_store_u32(to + KD_FRAME_CHECKSUM, header->checksum);
}

static inline void kd_frame_header_load(struct kd_frame_header *header, const uint8_t from[KD_FRAME_HEADER_BYTES])
{
    header->leader = kd_load_u32(from + KD_FRAME_LEADER);
    header->type = kd_load_u16(from + KD_FRAME_TYPE);
    header->byte_count = kd_load_u16(from + KD_FRAME_BYTE_COUNT);
    header->id = kd_load_u32(from + KD_FRAME_ID);
    header->checksum = kd_load_u32(from + KD_FRAME_CHECKSUM);
}

/* A checksum a word at a time: four sums of 16 bits side by side in one general register. A word adds at most 510 to
 * each, so 128 words fit before the sums must be taken out. */
enum { KD_SUM_WORD_BYTES = 8, KD_SUM_WORDS_MAX = 128 };

static inline uint32_t kd_checksum_words(const uint8_t *bytes, size_t words)
{
    const uint64_t even = 0x00FF00FF00FF00FF;
    uint64_t sums = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = kd_load_u64(bytes + i * KD_SUM_WORD_BYTES);
        sums += (word & even) + (word >> 8 & even);
    }
    return (uint32_t)(sums & 0xFFFF) + (uint32_t)(sums >> 16 & 0xFFFF) + (uint32_t)(sums >> 32 & 0xFFFF) +
           (uint32_t)(sums >> 48);
}

/* The sum of unsigned bytes (2.1). Up to KD_BODY_BYTES_MAX bytes it cannot overflow.
 * sum        in   what earlier parts of the same body added up to, 0 for the first
 * bytes      in   may be NULL when len_bytes is 0 */
static inline uint32_t kd_checksum(uint32_t sum, const uint8_t *bytes, size_t len_bytes)
{
    size_t done = 0;
    while (len_bytes - done >= KD_SUM_WORD_BYTES) {
        size_t words = (len_bytes - done) / KD_SUM_WORD_BYTES;
        if (words > KD_SUM_WORDS_MAX)
            words = KD_SUM_WORDS_MAX;
        sum += kd_checksum_words(bytes + done, words);
        done += words * KD_SUM_WORD_BYTES;
    }
    for (; done < len_bytes; done++)
        sum += bytes[done];
    return sum;
}

#endif
