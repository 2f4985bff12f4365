/* The frame parser and the frame builders. */
#include "harness/dbg/dbg_wire.h"
#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>

enum { LEADER_DATA = 0x30, LEADER_CONTROL = 0x69, TRAILER = 0xAA };

/* The header that each data type begins with (1, table of families); a shorter body is as bad as a wrong sum.
 */
static uint32_t body_bytes_min(uint16_t type)
{
    static const struct {
        uint16_t type;
        uint32_t bytes;
    } headers[] = {
        {DBG_TYPE_MANIPULATE, DBG_MANIPULATE_BYTES},
        {DBG_TYPE_DEBUG_IO, DBG_DEBUG_IO_BYTES},
        {DBG_TYPE_STATE_CHANGE64, DBG_STATE_CHANGE_BYTES},
        {DBG_TYPE_TRACE_IO, 64},
        {DBG_TYPE_CONTROL_REQUEST, 12},
        {DBG_TYPE_FILE_IO, DBG_FILE_IO_BYTES},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].type == type)
            return headers[i].bytes;
    return 0;
}

static uint32_t sum(const uint8_t *body, uint32_t body_bytes)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < body_bytes; i++)
        total += body[i];
    return total;
}

void dbg_parser_init(struct dbg_parser *parser, void (*frame)(void *context, const struct dbg_frame *frame),
                     void *context)
{
    memset(parser, 0, sizeof *parser);
    parser->frame = frame;
    parser->context = context;
}

/* One byte of the scan: four equal leader bytes in a row begin a frame (2.4). */
static void scan(struct dbg_parser *parser, uint8_t byte)
{
    if (byte != LEADER_DATA && byte != LEADER_CONTROL) {
        parser->run = 0;
        if (parser->noise != NULL)
            parser->noise(parser->context, byte);
        return;
    }
    parser->run = parser->run > 0 && parser->run_byte == byte ? parser->run + 1 : 1;
    parser->run_byte = byte;
    if (parser->run < DBG_LEADER_BYTES)
        return;
    memset(parser->bytes, byte, DBG_LEADER_BYTES);
    parser->run = 0;
    parser->in_frame = true;
    parser->have = DBG_LEADER_BYTES;
    parser->need = DBG_HEADER_BYTES;
}

/* The frame in the buffer as far as it is there, body_bytes of body included. */
static struct dbg_frame look(const struct dbg_parser *parser, uint32_t body_bytes)
{
    return (struct dbg_frame){.control = parser->bytes[0] == LEADER_CONTROL,
                              .type = dbg_get16(parser->bytes + 4),
                              .id = dbg_get32(parser->bytes + 8),
                              .checksum = dbg_get32(parser->bytes + 12),
                              .body = parser->bytes + DBG_HEADER_BYTES,
                              .body_bytes = body_bytes};
}

/* The parser scans again before the frame is told, so that whoever is told may forget or feed. */
static void end_frame(struct dbg_parser *parser, const struct dbg_frame *frame)
{
    parser->in_frame = false;
    parser->frame(parser->context, frame);
}

/* The 16 bytes are there. A control frame has no body whatever its ByteCount says (2.5 R7), and of a body
 * that is too long nothing is read: it would be 4001 bytes of waiting for nothing (E04). Returns true when it
 * ended. */
static bool header_complete(struct dbg_parser *parser)
{
    uint32_t body_bytes = dbg_get16(parser->bytes + 6);
    struct dbg_frame frame = look(parser, 0);
    if (frame.control || body_bytes > DBG_BODY_BYTES_MAX) {
        frame.good = frame.control;
        end_frame(parser, &frame);
        return true;
    }
    parser->need = DBG_HEADER_BYTES + body_bytes + 1;
    return false;
}

static void frame_complete(struct dbg_parser *parser)
{
    struct dbg_frame frame = look(parser, parser->need - DBG_HEADER_BYTES - 1);
    frame.good = parser->bytes[parser->need - 1] == TRAILER &&
                 frame.checksum == sum(frame.body, frame.body_bytes) &&
                 frame.body_bytes >= body_bytes_min(frame.type);
    end_frame(parser, &frame);
}

size_t dbg_parser_take(struct dbg_parser *parser, const uint8_t *bytes, size_t len_bytes)
{
    size_t taken = 0;
    while (taken < len_bytes) {
        if (!parser->in_frame) {
            scan(parser, bytes[taken++]);
            continue;
        }
        size_t part = parser->need - parser->have;
        if (part > len_bytes - taken)
            part = len_bytes - taken;
        memcpy(parser->bytes + parser->have, bytes + taken, part);
        parser->have += (uint32_t)part;
        taken += part;
        if (parser->have < parser->need)
            break;
        if (parser->need > DBG_HEADER_BYTES) {
            frame_complete(parser);
            break;
        }
        if (header_complete(parser))
            break;
    }
    return taken;
}

bool dbg_parser_in_frame(const struct dbg_parser *parser)
{
    return parser->in_frame;
}

bool dbg_parser_in_body(const struct dbg_parser *parser, uint16_t *type, uint32_t *id)
{
    if (!parser->in_frame || parser->need == DBG_HEADER_BYTES)
        return false;
    *type = dbg_get16(parser->bytes + 4);
    *id = dbg_get32(parser->bytes + 8);
    return true;
}

bool dbg_parser_forget(struct dbg_parser *parser)
{
    bool had = parser->in_frame;
    parser->in_frame = false;
    parser->run = 0;
    return had;
}

struct dbg_parser *dbg_parser_create(void (*frame)(void *context, const struct dbg_frame *frame),
                                     void *context)
{
    struct dbg_parser *parser = sim_allocate(1, sizeof *parser);
    dbg_parser_init(parser, frame, context);
    return parser;
}

void dbg_parser_destroy(struct dbg_parser *parser)
{
    free(parser);
}

void dbg_parser_input(struct dbg_parser *parser, const uint8_t *bytes, size_t len_bytes)
{
    for (size_t at = 0; at < len_bytes;)
        at += dbg_parser_take(parser, bytes + at, len_bytes - at);
}

static void put_header(uint8_t *to, uint8_t leader, uint16_t type, uint32_t id)
{
    memset(to, 0, DBG_HEADER_BYTES);
    memset(to, leader, DBG_LEADER_BYTES);
    dbg_put(to + 4, 2, type);
    dbg_put(to + 8, 4, id);
}

size_t dbg_frame_data(uint8_t *to, uint16_t type, uint32_t id, const uint8_t *body, uint32_t body_bytes)
{
    put_header(to, LEADER_DATA, type, id);
    dbg_put(to + 6, 2, body_bytes);
    dbg_put(to + 12, 4, sum(body, body_bytes));
    if (body_bytes > 0)
        memcpy(to + DBG_HEADER_BYTES, body, body_bytes);
    to[DBG_HEADER_BYTES + body_bytes] = TRAILER;
    return DBG_HEADER_BYTES + body_bytes + 1;
}

size_t dbg_frame_control(uint8_t *to, uint16_t type, uint32_t id)
{
    put_header(to, LEADER_CONTROL, type, id);
    return DBG_HEADER_BYTES;
}
