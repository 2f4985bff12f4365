/* One frame of the target: the table of kd-protocol.md 2.10, row by row. */
#include "harness/dbg/dbg_private.h"
#include <string.h>

static void acknowledge(struct dbg *dbg, uint32_t id)
{
    dbg_write_control(dbg, DBG_TYPE_ACK, id & ~DBG_ID_SYNC);
}

/* ---- by type ------------------------------------------------------------------------------------------- */

/* A running target hears no RESET (2.7 rule 3): the stop that comes before the answer is numbered by counters
 * that we have dropped, and a request now would pass for a repeat. The next RESET finds the target listening
 * (5.3 rule 3), and needs no break-in before it. */
static bool stops_before_its_reset(const struct dbg *dbg, const struct dbg_kept *kept)
{
    return dbg->resets_owed > 0 && !(kept->id & DBG_ID_SYNC) && !dbg->manual;
}

/* The target stopped. What was under way is void, but for a request that the target has acknowledged *after*
 * it sent this state change: that one it serves now. SwitchProcessor is answered by exactly this. */
static void act_state_change(struct dbg *dbg, const struct dbg_kept *kept, bool early)
{
    dbg->prompt_open = false;
    dbg->file_open = false;
    if (dbg->state == DBG_SYNC && stops_before_its_reset(dbg, kept)) {
        dbg->sync_break_next = false;
        dbg_tell_message(dbg, kept);
        return;
    }
    if (dbg->state == DBG_WAIT_REPLY && dbg->out.answer == DBG_ANSWER_STATE_CHANGE) {
        dbg->out.active = false;
    } else if (early && dbg->state == DBG_WAIT_REPLY) {
        dbg_tell_message(dbg, kept);
        return;
    }
    dbg_void_outgoing(dbg);
    dbg_enter(dbg, DBG_STOPPED);
    dbg_tell_message(dbg, kept);
}

/* A reply that nobody waits for is dropped. One that comes where a RESET should have brought a state change
 * shows that the RESET hit the target in the middle of sending it: the next RESET finds it ready (2.9, trap).
 */
static void act_manipulate(struct dbg *dbg, const struct dbg_kept *kept, bool early)
{
    (void)early;
    uint32_t api = dbg_first_word(kept->body, kept->body_bytes);
    if (dbg->state == DBG_WAIT_REPLY && api == dbg->out.api) {
        dbg->out.active = false;
        dbg_enter(dbg, DBG_STOPPED);
        dbg_tell_message(dbg, kept);
        return;
    }
    dbg_tell(dbg, DBG_NOTE_ORPHAN, api, 0, 0);
    if (dbg->state == DBG_WAIT_STATE && !dbg->manual)
        dbg_start_sync(dbg, false);
}

static void act_debug_io(struct dbg *dbg, const struct dbg_kept *kept, bool early)
{
    (void)early;
    if (dbg_first_word(kept->body, kept->body_bytes) == DBG_IO_PROMPT)
        dbg->prompt_open = true;
    dbg_tell_message(dbg, kept);
}

static void refuse_file(struct dbg *dbg, const struct dbg_kept *kept)
{
    struct dbg_request refusal;
    dbg->file_open = false;
    if (dbg_api_file_refusal(&refusal, kept->body, kept->body_bytes, DBG_STATUS_UNSUCCESSFUL) == KD_OK)
        dbg_begin(dbg, DBG_TYPE_FILE_IO, refusal.body, refusal.body_bytes, 0);
}

/* A target that asks for a file serves no request, so one that waits for its reply is void. */
static void act_file_io(struct dbg *dbg, const struct dbg_kept *kept, bool early)
{
    (void)early;
    if (!dbg->manual) {
        dbg_void_outgoing(dbg);
        if (dbg->state == DBG_WAIT_ACK || dbg->state == DBG_WAIT_REPLY)
            dbg_enter(dbg, DBG_RUNNING);
    }
    dbg->file_open = true;
    dbg_tell_message(dbg, kept);
    if (!dbg->serves_files && !dbg->manual && dbg->state != DBG_DETACHED)
        refuse_file(dbg, kept);
}
void dbg_act(struct dbg *dbg, const struct dbg_kept *kept, bool early)
{
    static const struct {
        uint16_t type;
        void (*act)(struct dbg *dbg, const struct dbg_kept *kept, bool early);
    } by_type[] = {
        {DBG_TYPE_STATE_CHANGE64, act_state_change},
        {DBG_TYPE_MANIPULATE, act_manipulate},
        {DBG_TYPE_DEBUG_IO, act_debug_io},
        {DBG_TYPE_FILE_IO, act_file_io},
    };
    for (size_t i = 0; i < sizeof by_type / sizeof *by_type; i++) {
        if (by_type[i].type == kept->type) {
            by_type[i].act(dbg, kept, early);
            return;
        }
    }
    dbg_tell_message(dbg, kept);
}

void dbg_drain(struct dbg *dbg)
{
    while (dbg->queue_count > 0 && !dbg_wants_ack(dbg)) {
        struct dbg_kept first = dbg->queue[0];
        dbg->queue_count--;
        memmove(dbg->queue, dbg->queue + 1, dbg->queue_count * sizeof *dbg->queue);
        dbg_act(dbg, &first, true);
    }
}

/* ---- data frames --------------------------------------------------------------------------------------- */

/* A target repeats a SYNC frame with its SYNC bit when our ACK was lost. Byte for byte the frame before, with
 * nothing of ours acknowledged in between, is that repeat (2.14 W6), and not a second message. */
static bool repeats_last(const struct dbg *dbg, const struct dbg_kept *kept)
{
    return dbg->last_fresh && dbg->last.type == kept->type && dbg->last.id == kept->id &&
           dbg->last.body_bytes == kept->body_bytes &&
           memcmp(dbg->last.body, kept->body, kept->body_bytes) == 0;
}

static bool told_repeat(struct dbg *dbg, const struct dbg_kept *kept)
{
    dbg_tell(dbg, DBG_NOTE_REPEAT, kept->type, kept->id, 0);
    return false;
}

/* A flipped bit can put SYNC beside an id that no target counts to (2.14 W4): adopted, it would make everything
 * that comes after it look like a repeat. It is dropped like any impossible id (E16). */
static bool starts_over(uint32_t id)
{
    return (id & ~1u) == (DBG_ID_INITIAL | DBG_ID_SYNC);
}

bool dbg_judge(struct dbg *dbg, const struct dbg_kept *kept)
{
    if (starts_over(kept->id)) {
        if (repeats_last(dbg, kept))
            return told_repeat(dbg, kept);
        /* The target started over (2.3 rule 1): what it had of ours is gone. */
        dbg_void_outgoing(dbg);
        if (dbg->state == DBG_WAIT_ACK || dbg->state == DBG_WAIT_REPLY)
            dbg_enter(dbg, DBG_RUNNING);
        dbg_drain(dbg);
        dbg->next = DBG_ID_INITIAL;
        dbg->expect = kept->id & ~DBG_ID_SYNC;
    } else if (kept->id != dbg->expect) {
        return told_repeat(dbg, kept);
    }
    dbg->expect ^= 1;
    dbg->last = *kept;
    dbg->last_fresh = true;
    dbg->reset_answered = false;
    dbg_tell(dbg, DBG_NOTE_ACCEPTED, kept->type, kept->id, dbg_first_word(kept->body, kept->body_bytes));
    return true;
}

static bool must_queue(const struct dbg *dbg, const struct dbg_kept *kept)
{
    if (!dbg_wants_ack(dbg))
        return false;
    bool print =
        kept->type == DBG_TYPE_DEBUG_IO && dbg_first_word(kept->body, kept->body_bytes) == DBG_IO_PRINT;
    return !print || dbg->queue_count > 0;
}

static void on_data(struct dbg *dbg, const struct dbg_frame *frame)
{
    struct dbg_kept kept;
    dbg_keep(&kept, frame);
    bool sync = kept.id & DBG_ID_SYNC;
    /* A full queue is silent: the target repeats the frame when there may be room again. */
    if (!sync && must_queue(dbg, &kept) && dbg->queue_count == DBG_QUEUE_MAX)
        return;
    bool accepted = dbg_judge(dbg, &kept);
    acknowledge(dbg, kept.id);
    if (!accepted)
        return;
    if (must_queue(dbg, &kept))
        dbg->queue[dbg->queue_count++] = kept;
    else
        dbg_act(dbg, &kept, false);
}

static void on_bad(struct dbg *dbg, const struct dbg_frame *frame)
{
    dbg_tell(dbg, DBG_NOTE_BAD, frame->type, frame->id, 0);
    dbg_tell(dbg, DBG_NOTE_RESEND_SENT, 0, 0, 0);
    dbg_write_control(dbg, DBG_TYPE_RESEND, 0);
}

/* ---- control frames ------------------------------------------------------------------------------------ */

static void on_ack(struct dbg *dbg, const struct dbg_frame *frame)
{
    if (dbg_wants_ack(dbg) && frame->id == dbg->out.frame.id)
        dbg_acked(dbg);
}

static void on_resend(struct dbg *dbg, const struct dbg_frame *frame)
{
    (void)frame;
    dbg_tell(dbg, DBG_NOTE_RESEND_SEEN, 0, 0, 0);
    if (!dbg->manual && dbg_wants_ack(dbg))
        dbg_retry(dbg);
}

/* An answer is never answered, and between two data frames only one unsolicited RESET is (2.9 b, c): no
 * bounce. */
static void on_reset(struct dbg *dbg, const struct dbg_frame *frame)
{
    (void)frame;
    bool is_answer = dbg->resets_owed > 0;
    if (is_answer)
        dbg->resets_owed--;
    dbg_tell(dbg, DBG_NOTE_RESET_SEEN, is_answer, 0, 0);
    dbg_start_over(dbg, DBG_WAIT_STATE);
    if (!is_answer && !dbg->reset_answered && !dbg->manual) {
        dbg->reset_answered = true;
        dbg_write_reset(dbg, true);
    }
}

static void on_control(struct dbg *dbg, const struct dbg_frame *frame)
{
    switch (frame->type) {
    case DBG_TYPE_ACK:
        on_ack(dbg, frame);
        break;
    case DBG_TYPE_RESEND:
        on_resend(dbg, frame);
        break;
    case DBG_TYPE_RESET:
        on_reset(dbg, frame);
        break;
    default:
        break;
    }
}

void dbg_receive(struct dbg *dbg, const struct dbg_frame *frame)
{
    if (frame->control)
        on_control(dbg, frame);
    else if (frame->good)
        on_data(dbg, frame);
    else
        on_bad(dbg, frame);
}

void dbg_follow_received(struct dbg *dbg, const struct dbg_frame *frame)
{
    if (frame->control) {
        on_control(dbg, frame);
    } else if (frame->good) {
        dbg_keep(&dbg->played, frame);
        dbg->played_waits = true;
    } else {
        dbg_tell(dbg, DBG_NOTE_BAD, frame->type, frame->id, 0);
    }
}
