/* kd_packet.h: a KD packet as kernel and module see it, and the facts about its kind that a transport needs.
 *
 * Only what changes the transport's behaviour is looked at: the packet type and the first u32 of the header.
 * Source: kd-protocol.md 1, 2.6 (abandonable), 4.1, 4.3, 4.6, 4.7 (header sizes). Freestanding. */
#ifndef KD_PACKET_H
#define KD_PACKET_H

#include "transport/kd/kd_wire.h"

/* Header bytes of the message families (1). */
enum {
    KD_STATE_CHANGE_BYTES = 240,
    KD_MANIPULATE_BYTES = 56,
    KD_DEBUG_IO_BYTES = 16,
    KD_TRACE_IO_BYTES = 64,
    KD_CONTROL_REQUEST_BYTES = 12,
    KD_FILE_IO_BYTES = 64,
};

/* First u32 of a header, where the transport treats members of a family differently. */
#define KD_STATE_EXCEPTION      0x3030u
#define KD_STATE_LOAD_SYMBOLS   0x3031u
#define KD_STATE_COMMAND_STRING 0x3032u
#define KD_STATE_ALTERNATE      0x10000u
#define KD_DEBUG_IO_PRINT       0x3230u
#define KD_DEBUG_IO_GET_STRING  0x3231u
#define KD_FILE_IO_CREATE       0x3430u

/* Bytes that belong to somebody else; valid as long as the one who handed them out says. */
struct kd_span {
    const uint8_t *bytes; /* may be NULL when len_bytes is 0 */
    uint32_t len_bytes;
};

/* One packet to send: header and data together are the frame's body. */
struct kd_packet {
    uint16_t type; /* enum kd_type, a data type */
    struct kd_span header;
    struct kd_span data;
};

/* What KdReceivePacket asks for. */
struct kd_wanted {
    uint16_t type;
    uint16_t header_bytes; /* exactly: a shorter body is refused */
    uint16_t data_room;    /* at most: a longer body is refused */
};

/* The first u32 of the packet's header (ApiNumber, NewState); 0 when the header is shorter than that. */
uint32_t kd_packet_api(const struct kd_packet *packet);

/* True for the packets that a sender may give up after its retries: print, load symbols, file create (2.6). */
bool kd_packet_abandonable(const struct kd_packet *packet);

/* True while the debugger takes the target for running although the packet is unacknowledged: a break-in byte
 * that arrives now is a wish of its own (print, load symbols, file and trace I/O, control request), not noise of a stop. */
bool kd_packet_sent_while_running(const struct kd_packet *packet);

/* The packet that the kernel will ask for once this one is acknowledged (5.1, 5.6): a manipulate request after
 * a state change or a manipulate reply, the answer after a prompt, the reply after file I/O. A request that is
 * never answered needs no special case: the kernel sends nothing for it.
 * wanted   out  type, header size, and room for KD_BODY_BYTES_MAX minus that header; untouched when false
 * Returns  false for packets that are followed by no receive (print, trace, control request) */
bool kd_packet_next_wanted(const struct kd_packet *packet, struct kd_wanted *wanted);

/* Copies bytes of a packet, as kd_copy does. Every copy that module and link make of a packet's bytes is made here, in a
 * function of its own, so that a program can count them (the simulator does): each byte at most once. */
void kd_packet_copy(void *to, const void *from, size_t len_bytes);

/* The smallest body that a data frame of this type can have, 0 for a type that is not known (1). */
uint32_t kd_type_header_bytes(uint16_t type);

#endif
