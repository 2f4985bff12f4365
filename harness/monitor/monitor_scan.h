/* monitor_scan.h: bytes to frames, as 2.1 and 2.4 have it: the monitor's own constants and parser. */
#ifndef MONITOR_SCAN_H
#define MONITOR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_LEADER_BYTES = 4,
    WIRE_HEADER_BYTES = 16,
    WIRE_BODY_MAX = 4000,
    WIRE_FRAME_MAX = WIRE_HEADER_BYTES + WIRE_BODY_MAX + 1,
    WIRE_DATA_BYTE = 0x30,
    WIRE_CONTROL_BYTE = 0x69,
    WIRE_END_BYTE = 0xAA,
    WIRE_BREAK_BYTE = 0x62,
    WIRE_PRINT_TEXT_MAX = 3984,
};
#define WIRE_FIRST_ID 0x80800000u
#define WIRE_SYNC     0x00000800u

enum wire_type {
    WIRE_STATE_CHANGE32 = 1,
    WIRE_MANIPULATE = 2,
    WIRE_DEBUG_IO = 3,
    WIRE_ACK = 4,
    WIRE_RESEND = 5,
    WIRE_RESET = 6,
    WIRE_STATE_CHANGE64 = 7,
    WIRE_TRACE_IO = 9,
    WIRE_CONTROL_REQUEST = 10,
    WIRE_FILE_IO = 11,
};

/* What a receiver finds wrong with a data frame. */
enum wire_flaw { WIRE_GOOD, WIRE_TOO_LONG, WIRE_TOO_SHORT, WIRE_BAD_END, WIRE_BAD_SUM };

struct wire_frame {
    bool control;
    enum wire_flaw flaw; /* of a data frame; a control frame is its 16 bytes (2.5 R7) */
    uint16_t type;
    uint16_t count; /* ByteCount as it stands there */
    uint32_t id;
    uint32_t sum;
    const uint8_t *body; /* valid until the scan goes on */
    uint32_t body_bytes;
};

enum wire_piece_kind { WIRE_NOTHING, WIRE_NOISE, WIRE_FRAME };
struct wire_piece {
    enum wire_piece_kind kind;
    uint8_t noise;
    struct wire_frame frame;
};

struct wire_scan {
    bool refuses_early; /* a body too short for its type is refused at the header, as a target does (R9) */
    uint8_t run_byte;
    uint32_t run; /* leader bytes so far */
    bool in_frame;
    uint32_t have;
    uint32_t need;
    uint8_t bytes[WIRE_FRAME_MAX];
};

/* Reads up to the end of one piece. Returns how many bytes were taken, at least 1 when there are any. */
size_t wire_scan_take(struct wire_scan *scan, const uint8_t *bytes, size_t len_bytes,
                      struct wire_piece *piece);

/* True within a frame or its leader. */
bool wire_scan_busy(const struct wire_scan *scan);
void wire_scan_forget(struct wire_scan *scan);

/* The header that a data type begins with (table of section 1), 0 for a type that is none. */
uint32_t wire_header_of(uint16_t type);
const char *wire_type_name(uint16_t type);
uint32_t wire_u32(const uint8_t *bytes);

/* "manipulate 3146 id=80800000", "ack id=80800000"; to has WIRE_TEXT_BYTES. */
enum { WIRE_TEXT_BYTES = 64 };
const char *wire_frame_text(const struct wire_frame *frame, char *to);

#endif
