/* dbg_wire.h: the frame parser from inside, for dbg.c: it takes one frame at a time and also tells of noise.
 *
 * Source: kd-protocol.md 2.1, 2.4, 2.8. Tests: tests/test_dbg_wire.c */
#ifndef DBG_WIRE_H
#define DBG_WIRE_H

#include "harness/dbg/dbg.h"

enum { DBG_HEADER_BYTES = 16, DBG_LEADER_BYTES = 4 };

struct dbg_parser {
    void (*frame)(void *context, const struct dbg_frame *frame);
    void (*noise)(void *context,
                  uint8_t byte); /* may be NULL: a byte outside frames that is no leader byte */
    void *context;
    uint8_t run_byte; /* the leader being counted, and how much of it is there */
    uint32_t run;
    bool in_frame;
    uint32_t have; /* bytes of bytes[] that are there */
    uint32_t need; /* read on until so many */
    uint8_t bytes[DBG_FRAME_BYTES_MAX];
};

void dbg_parser_init(struct dbg_parser *parser, void (*frame)(void *context, const struct dbg_frame *frame),
                     void *context);

/* Reads until a frame was reported or the bytes are used up; returns how many it took. */
size_t dbg_parser_take(struct dbg_parser *parser, const uint8_t *bytes, size_t len_bytes);

/* True between a leader and the end of its frame. */
bool dbg_parser_in_frame(const struct dbg_parser *parser);

/* True when the header is complete and its body is not; *type and *id are the header's. */
bool dbg_parser_in_body(const struct dbg_parser *parser, uint16_t *type, uint32_t *id);

#endif
