/* What a script plays by itself, read back from the bytes: manual mode follows its ACKs, requests and RESETs,
 * so that ids, state, notes and messages stay true; automatic mode only notes what the target will act upon.
 */
#include "harness/dbg/dbg_private.h"
#include <string.h>

void dbg_follow_noise(void *context, uint8_t byte)
{
    if (byte == DBG_BREAK_IN_BYTE)
        dbg_tell(context, DBG_NOTE_BREAK_IN, 0, 0, 0);
}

/* The script acknowledges the frame that came last: now it is accepted, or was a repeat. */
static void follow_ack(struct dbg *dbg, uint32_t id)
{
    if (!dbg->played_waits || (dbg->played.id & ~DBG_ID_SYNC) != id)
        return;
    dbg->played_waits = false;
    if (dbg_judge(dbg, &dbg->played))
        dbg_act(dbg, &dbg->played, false);
}

static void follow_reset(struct dbg *dbg)
{
    dbg_forget_half_a_frame(dbg);
    dbg->resets_owed++;
    dbg_void_outgoing(dbg);
    dbg_restart_ids(dbg);
    dbg_tell(dbg, DBG_NOTE_RESET_SENT, 0, 0, 0);
    if (dbg->state == DBG_WAIT_ACK || dbg->state == DBG_WAIT_REPLY)
        dbg_enter(dbg, DBG_WAIT_STATE);
}

static bool same_frame(const struct dbg_kept *kept, const struct dbg_frame *frame)
{
    return kept->type == frame->type && kept->id == frame->id && kept->body_bytes == frame->body_bytes &&
           memcmp(kept->body, frame->body, frame->body_bytes) == 0;
}

/* Equal to what is under way, it is its repeat; else a new one takes its place. */
static void follow_data(struct dbg *dbg, const struct dbg_frame *frame)
{
    struct dbg_outgoing *out = &dbg->out;
    if (dbg_wants_ack(dbg) && same_frame(&out->frame, frame)) {
        out->tries++;
        dbg_tell(dbg, DBG_NOTE_SENT, frame->type, frame->id, out->tries);
        return;
    }
    struct dbg_kept kept;
    dbg_keep(&kept, frame);
    if (dbg->manual) {
        if (!out->active)
            out->back = dbg->state;
        dbg_void_outgoing(dbg);
        out->active = true;
        out->tries = 1;
        out->api = dbg_first_word(kept.body, kept.body_bytes);
        out->answer = kept.type == DBG_TYPE_MANIPULATE ? dbg_api_answer(out->api) : DBG_ANSWER_NONE;
        out->frame = kept;
        /* A script may number its frames as it likes; the count goes on from what it used. */
        dbg->next = kept.id & ~DBG_ID_SYNC;
        dbg_enter(dbg, DBG_WAIT_ACK);
    }
    dbg_tell_request(dbg, &kept);
    dbg_tell(dbg, DBG_NOTE_SENT, kept.type, kept.id, 1);
}

void dbg_follow_written(void *context, const struct dbg_frame *frame)
{
    struct dbg *dbg = context;
    if (!frame->control) {
        if (frame->good)
            follow_data(dbg, frame);
        return;
    }
    switch (frame->type) {
    case DBG_TYPE_ACK:
        follow_ack(dbg, frame->id);
        break;
    case DBG_TYPE_RESEND:
        dbg_tell(dbg, DBG_NOTE_RESEND_SENT, 0, 0, 0);
        break;
    case DBG_TYPE_RESET:
        follow_reset(dbg);
        break;
    default:
        break;
    }
}
