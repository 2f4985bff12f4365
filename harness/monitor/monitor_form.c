/* A frame by itself, wherever it stands: W2 to W4 and W14. */
#include "harness/monitor/monitor_private.h"
#include <inttypes.h>

static const char *const flaws[] = {
    [WIRE_TOO_LONG] = "its body is longer than 4000 bytes",
    [WIRE_TOO_SHORT] = "its body is shorter than its type's header",
    [WIRE_BAD_END] = "it does not end with 0xAA",
    [WIRE_BAD_SUM] = "its checksum is wrong",
};

static bool may_send(enum monitor_end end, uint16_t type)
{
    switch (type) {
    case WIRE_MANIPULATE:
    case WIRE_DEBUG_IO:
    case WIRE_CONTROL_REQUEST:
    case WIRE_FILE_IO:
        return true;
    case WIRE_STATE_CHANGE64:
    case WIRE_TRACE_IO:
        return end == MONITOR_TARGET;
    default:
        return false;
    }
}

static bool control_good(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    if (frame->type < WIRE_ACK || frame->type > WIRE_RESET) {
        monitor_blame(monitor, end, MONITOR_W2, MONITOR_NO_DEVIATION, frame, "a control frame of type %u",
                      frame->type);
        return false;
    }
    if (frame->count != 0)
        monitor_blame(monitor, end, MONITOR_W2, MONITOR_NO_DEVIATION, frame, "its ByteCount is %u",
                      frame->count);
    if (frame->sum != 0)
        monitor_blame(monitor, end, MONITOR_W2, MONITOR_CONTROL_SUM, frame, "its Checksum is 0x%" PRIx32,
                      frame->sum);
    return true;
}

/* The SYNC bit itself is judged by its place (W15). */
static bool id_good(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    if ((frame->id & ~(WIRE_SYNC | 1u)) != WIRE_FIRST_ID) {
        monitor_blame(monitor, end, MONITOR_W4, MONITOR_NO_DEVIATION, frame, "no end ever counts to this id");
        return false;
    }
    if (frame->id == (WIRE_FIRST_ID | WIRE_SYNC | 1u))
        monitor_blame(monitor, end, MONITOR_W4, MONITOR_SYNC_STAYS, frame, "who starts over starts at 0");
    return true;
}

static void judge_print(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    enum { LENGTH_AT = 8 };
    if (end != MONITOR_TARGET || frame->type != WIRE_DEBUG_IO || frame_api(frame) != API_PRINT)
        return;
    uint32_t said = wire_u32(frame->body + LENGTH_AT);
    uint32_t there = frame->body_bytes - wire_header_of(WIRE_DEBUG_IO);
    if (said != there)
        monitor_blame(monitor, end, MONITOR_W14, MONITOR_NO_DEVIATION, frame,
                      "LengthOfString is %" PRIu32 ", the text has %" PRIu32 " bytes", said, there);
}

static bool data_good(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    if (!may_send(end, frame->type)) {
        monitor_blame(monitor, end, MONITOR_W3, MONITOR_NO_DEVIATION, frame, "this end sends no type %u",
                      frame->type);
        return false;
    }
    if (frame->flaw != WIRE_GOOD) {
        monitor_blame(monitor, end, MONITOR_W3,
                      frame->flaw == WIRE_TOO_LONG && frame->count <= 4096 ? MONITOR_LONG_BODY
                                                                           : MONITOR_NO_DEVIATION,
                      frame, "%s", flaws[frame->flaw]);
        return false;
    }
    judge_print(monitor, end, frame);
    return id_good(monitor, end, frame);
}

bool form_good(struct monitor *monitor, enum monitor_end end, const struct wire_frame *frame)
{
    return frame->control ? control_good(monitor, end, frame) : data_good(monitor, end, frame);
}
