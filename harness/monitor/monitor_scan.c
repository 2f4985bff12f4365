#include "harness/monitor/monitor_scan.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_AT = 4, COUNT_AT = 6, ID_AT = 8, SUM_AT = 12 };

static uint16_t u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t wire_u32(const uint8_t *bytes)
{
    return u16(bytes) | (uint32_t)u16(bytes + 2) << 16;
}

static const struct {
    const char *name;
    uint32_t header_bytes; /* 0: not a data type */
} types[] = {
    [WIRE_STATE_CHANGE32] = {"state_change32", 1},
    [WIRE_MANIPULATE] = {"manipulate", 56},
    [WIRE_DEBUG_IO] = {"debug_io", 16},
    [WIRE_ACK] = {"ack", 0},
    [WIRE_RESEND] = {"resend", 0},
    [WIRE_RESET] = {"reset", 0},
    [WIRE_STATE_CHANGE64] = {"state_change64", 240},
    [WIRE_TRACE_IO] = {"trace_io", 64},
    [WIRE_CONTROL_REQUEST] = {"control_request", 12},
    [WIRE_FILE_IO] = {"file_io", 64},
};
enum { TYPES = sizeof types / sizeof *types };

uint32_t wire_header_of(uint16_t type)
{
    return type < TYPES ? types[type].header_bytes : 0;
}

const char *wire_type_name(uint16_t type)
{
    return type < TYPES && types[type].name != NULL ? types[type].name : "?";
}

const char *wire_frame_text(const struct wire_frame *frame, char *to)
{
    int used = snprintf(to, WIRE_TEXT_BYTES, "%s", wire_type_name(frame->type));
    if (!frame->control && frame->body_bytes >= 4)
        used += snprintf(to + used, WIRE_TEXT_BYTES - (size_t)used, " %" PRIx32, wire_u32(frame->body));
    snprintf(to + used, WIRE_TEXT_BYTES - (size_t)used, " id=%08" PRIx32, frame->id);
    return to;
}

bool wire_scan_busy(const struct wire_scan *scan)
{
    return scan->in_frame || scan->run > 0;
}

void wire_scan_forget(struct wire_scan *scan)
{
    scan->in_frame = false;
    scan->run = 0;
}

/* One byte of the leader scan (2.4): four equal leader bytes begin a frame, all that breaks a run is noise.
 */
static void scan_leader(struct wire_scan *scan, uint8_t byte, struct wire_piece *piece)
{
    bool leader = byte == WIRE_DATA_BYTE || byte == WIRE_CONTROL_BYTE;
    bool breaks = scan->run > 0 && byte != scan->run_byte;
    if (breaks || !leader)
        *piece = (struct wire_piece){.kind = WIRE_NOISE, .noise = leader ? scan->run_byte : byte};
    scan->run = !leader ? 0 : breaks ? 1 : scan->run + 1;
    scan->run_byte = byte;
    if (scan->run < WIRE_LEADER_BYTES)
        return;
    memset(scan->bytes, byte, WIRE_LEADER_BYTES);
    scan->run = 0;
    scan->in_frame = true;
    scan->have = WIRE_LEADER_BYTES;
    scan->need = WIRE_HEADER_BYTES;
}

static void end_frame(struct wire_scan *scan, uint32_t body_bytes, enum wire_flaw flaw,
                      struct wire_piece *piece)
{
    scan->in_frame = false;
    piece->kind = WIRE_FRAME;
    piece->frame = (struct wire_frame){
        .control = scan->bytes[0] == WIRE_CONTROL_BYTE,
        .flaw = flaw,
        .type = u16(scan->bytes + TYPE_AT),
        .count = u16(scan->bytes + COUNT_AT),
        .id = wire_u32(scan->bytes + ID_AT),
        .sum = wire_u32(scan->bytes + SUM_AT),
        .body = scan->bytes + WIRE_HEADER_BYTES,
        .body_bytes = body_bytes,
    };
}

/* A body that is too long is refused without waiting for it (E04). */
static void header_complete(struct wire_scan *scan, struct wire_piece *piece)
{
    uint32_t count = u16(scan->bytes + COUNT_AT);
    bool is_short = count < wire_header_of(u16(scan->bytes + TYPE_AT));
    if (scan->bytes[0] == WIRE_CONTROL_BYTE)
        end_frame(scan, 0, WIRE_GOOD, piece);
    else if (count > WIRE_BODY_MAX)
        end_frame(scan, 0, WIRE_TOO_LONG, piece);
    else if (is_short && scan->refuses_early)
        end_frame(scan, 0, WIRE_TOO_SHORT, piece);
    else
        scan->need = WIRE_HEADER_BYTES + count + 1;
}

static void frame_complete(struct wire_scan *scan, struct wire_piece *piece)
{
    uint32_t count = scan->need - WIRE_HEADER_BYTES - 1;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += scan->bytes[WIRE_HEADER_BYTES + i];
    enum wire_flaw flaw = scan->bytes[scan->need - 1] != WIRE_END_BYTE         ? WIRE_BAD_END
                          : sum != wire_u32(scan->bytes + SUM_AT)              ? WIRE_BAD_SUM
                          : count < wire_header_of(u16(scan->bytes + TYPE_AT)) ? WIRE_TOO_SHORT
                                                                               : WIRE_GOOD;
    end_frame(scan, count, flaw, piece);
}

size_t wire_scan_take(struct wire_scan *scan, const uint8_t *bytes, size_t len_bytes,
                      struct wire_piece *piece)
{
    size_t taken = 0;
    piece->kind = WIRE_NOTHING;
    while (taken < len_bytes && piece->kind == WIRE_NOTHING) {
        if (!scan->in_frame) {
            scan_leader(scan, bytes[taken++], piece);
            continue;
        }
        size_t part = scan->need - scan->have;
        if (part > len_bytes - taken)
            part = len_bytes - taken;
        memcpy(scan->bytes + scan->have, bytes + taken, part);
        scan->have += (uint32_t)part;
        taken += part;
        if (scan->have < scan->need)
            break;
        if (scan->need == WIRE_HEADER_BYTES)
            header_complete(scan, piece);
        else
            frame_complete(scan, piece);
    }
    return taken;
}
