/* script_wire.h: frames written as text, one a line, for scripts in which the bytes are the point.
 *
 *     +0       > state_change64 exception id=0+sync      # expected from the target, now
 *     +1s      > state_change64 id=0+sync                # the same again one second later
 *     +0..5ms  > ack id=0                                # at any time from 0 to 5 ms later
 *     *        > debug_io print "Hello"                  # whenever it comes
 *     ...                                                # frames that nobody cares about
 *     +0       < ack id=0                                # played by the debugger
 *     +10ms    < manipulate read_virtual id=0 address=0x1000 count=16
 *     +0       < break_in
 *     +0       < raw 62 30 30
 *
 * Times are relative to the line before (the first: to the block's start). id=0 and id=1 are 0x80800000 and
 * 0x80800001, +sync adds the SYNC bit. Every further word of a `>` line must occur in the frame's description
 * (dbg_describe), a "quoted text" in its body; `bad` expects a frame that fails its checks. `<` data frames take
 * bad_checksum and data=HEX. Comments begin with # or --.
 *
 * No Lua in here. Tests: tests/test_script_wire.c */
#ifndef SCRIPT_WIRE_H
#define SCRIPT_WIRE_H

#include "harness/script/lab.h"

enum { WIRE_TEXT_BYTES = 256, WIRE_WORDS_MAX = 16 };

enum wire_kind { WIRE_EXPECT, WIRE_PLAY, WIRE_ANY };

struct wire_step {
    enum wire_kind kind;
    unsigned line;     /* of the block, 0 for its first */
    bool any_time;
    uint64_t from_ns;  /* after the step before */
    uint64_t to_ns;
    char text[WIRE_TEXT_BYTES]; /* the packet as it was written, words separated by one space */
    char words[WIRE_TEXT_BYTES];
    uint16_t word[WIRE_WORDS_MAX]; /* where each word begins in words */
    unsigned word_count;
};

struct wire {
    struct wire_step *steps;
    size_t count;
    size_t room;
    bool plays; /* has a `<` line */
};

/* why   out  LAB_WHY_BYTES, on error, and *line of the block
 * Returns    the parsed block, NULL on error. Free with script_wire_free (NULL is fine) */
struct wire *script_wire_parse(const char *text, char *why, unsigned *line);
void script_wire_free(struct wire *wire);

/* True when the frame is what a WIRE_EXPECT step asks for. */
bool script_wire_matches(const struct wire_step *step, const struct lab_frame *frame);

/* The frame in the notation: "state_change64 exception 80000003 ... id=0+sync". */
const char *script_wire_text(const struct lab_frame *frame, char *text, size_t text_bytes);

/* The bytes of a WIRE_PLAY step; to has room for DBG_FRAME_BYTES_MAX.
 * Returns  KD_OK; KD_ERR_ARGUMENT: why (LAB_WHY_BYTES) */
KD_MUST_USE enum kd_status script_wire_bytes(const struct wire_step *step, enum dbg_arch arch, uint8_t *to,
                                             size_t *len_bytes, char *why);

#endif
