/* The debugger's verbs, timers and its own frame under way. */
#include "harness/dbg/dbg_bytes.h"
#include "harness/dbg/dbg_private.h"
#include "sim/world/sim_memory.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"DETACHED", "SYNC",     "WAIT_STATE", "RUNNING",
                                          "STOPPED",  "WAIT_ACK", "WAIT_REPLY"};

const char *dbg_state_name(enum dbg_state state)
{
    return state_names[state];
}

const char *dbg_note_name(enum dbg_note note)
{
    static const char *const names[] = {
#define DBG_NOTE_TEXT(name, text) text,
        DBG_NOTE_LIST(DBG_NOTE_TEXT)
#undef DBG_NOTE_TEXT
    };
    return (unsigned)note < DBG_NOTES ? names[note] : "note_?";
}

struct dbg_config dbg_config_default(void)
{
    return (struct dbg_config){.ack_wait_ns = SIM_S(1),
                               .ack_tries = 5,
                               .reply_wait_ns = SIM_S(10),
                               .sync_period_ns = SIM_S(1),
                               .state_wait_ns = SIM_S(3),
                               .byte_wait_ns = SIM_S(1),
                               .sync_breaks = true};
}

/* ---- telling ------------------------------------------------------------------------------------------- */

void dbg_tell(struct dbg *dbg, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    struct sim_record record = {.time_ns = sim_now(dbg->world),
                                .kind = SIM_RECORD_DEBUGGER,
                                .vm = dbg->config.vm,
                                .a = (uint64_t)note,
                                .b = a,
                                .c = b,
                                .d = c};
    sim_trace_add(sim_trace(dbg->world), &record, NULL, 0);
    for (unsigned i = 0; i < dbg->observer_count; i++)
        if (dbg->observers[i].note != NULL)
            dbg->observers[i].note(dbg->observers[i].context, note, a, b, c);
}

void dbg_tell_frame(struct dbg *dbg, const struct dbg_frame *frame)
{
    for (unsigned i = 0; i < dbg->observer_count; i++)
        if (dbg->observers[i].frame != NULL)
            dbg->observers[i].frame(dbg->observers[i].context, frame);
}

void dbg_tell_message(struct dbg *dbg, const struct dbg_kept *kept)
{
    for (unsigned i = 0; i < dbg->observer_count; i++)
        if (dbg->observers[i].message != NULL)
            dbg->observers[i].message(dbg->observers[i].context, kept->type, kept->body, kept->body_bytes);
}

void dbg_tell_request(struct dbg *dbg, const struct dbg_kept *kept)
{
    for (unsigned i = 0; i < dbg->observer_count; i++)
        if (dbg->observers[i].request != NULL)
            dbg->observers[i].request(dbg->observers[i].context, kept->type, kept->body, kept->body_bytes);
}

static void tell_raw(struct dbg *dbg)
{
    for (unsigned i = 0; i < dbg->observer_count; i++)
        if (dbg->observers[i].raw != NULL)
            dbg->observers[i].raw(dbg->observers[i].context);
}

void dbg_keep(struct dbg_kept *kept, const struct dbg_frame *frame)
{
    kept->type = frame->type;
    kept->id = frame->id;
    kept->body_bytes = frame->body_bytes;
    memcpy(kept->body, frame->body, frame->body_bytes);
}

uint32_t dbg_first_word(const uint8_t *body, uint32_t body_bytes)
{
    return body_bytes < 4 ? 0 : dbg_get32(body);
}

/* ---- timers -------------------------------------------------------------------------------------------- */

static void transmit(struct dbg *dbg);
static void sync_turn(struct dbg *dbg);
static void write_break_in(struct dbg *dbg, bool by_sync);

/* The RESET was answered, but no stop came: the target runs. While it prints it answers every RESET before
 * the break-in has its turn, so both go out together, as vector E10 has them. */
static void ask_for_a_stop(struct dbg *dbg)
{
    if (dbg->config.sync_breaks)
        write_break_in(dbg, true);
    dbg_start_sync(dbg, true);
}

static void on_timer(void *context)
{
    struct dbg *dbg = context;
    dbg->timer = 0;
    switch (dbg->state) {
    case DBG_WAIT_ACK:
        dbg_retry(dbg);
        break;
    case DBG_WAIT_REPLY:
        dbg_start_sync(dbg, true);
        break;
    case DBG_WAIT_STATE:
        ask_for_a_stop(dbg);
        break;
    case DBG_SYNC:
        sync_turn(dbg);
        break;
    case DBG_DETACHED:
    case DBG_RUNNING:
    case DBG_STOPPED:
        break;
    }
}

static void disarm(struct dbg *dbg)
{
    sim_cancel(dbg->world, dbg->timer);
    dbg->timer = 0;
}

static void arm(struct dbg *dbg, uint64_t wait_ns)
{
    disarm(dbg);
    if (!dbg->manual)
        dbg->timer = sim_at(dbg->world, sim_now(dbg->world) + wait_ns, on_timer, dbg);
}

/* RESET and break-in alternate, RESETs a period apart. */
static uint64_t sync_wait_ns(const struct dbg *dbg)
{
    return dbg->config.sync_breaks ? dbg->config.sync_period_ns / 2 : dbg->config.sync_period_ns;
}

static void arm_for_state(struct dbg *dbg)
{
    switch (dbg->state) {
    case DBG_WAIT_ACK:
        arm(dbg, dbg->config.ack_wait_ns);
        break;
    case DBG_WAIT_REPLY:
        arm(dbg, dbg->config.reply_wait_ns);
        break;
    case DBG_WAIT_STATE:
        arm(dbg, dbg->config.state_wait_ns);
        break;
    case DBG_SYNC:
        arm(dbg, sync_wait_ns(dbg));
        break;
    case DBG_DETACHED:
    case DBG_RUNNING:
    case DBG_STOPPED:
        disarm(dbg);
        break;
    }
}

void dbg_enter(struct dbg *dbg, enum dbg_state state)
{
    bool changes = dbg->state != state;
    dbg->state = state;
    arm_for_state(dbg);
    if (changes)
        dbg_tell(dbg, DBG_NOTE_STATE, (uint64_t)state, 0, 0);
}

void dbg_restart_ids(struct dbg *dbg)
{
    dbg->next = DBG_ID_INITIAL;
    dbg->expect = DBG_ID_INITIAL;
    dbg->last_fresh = false;
}

void dbg_forget_half_a_frame(struct dbg *dbg)
{
    if (dbg_parser_in_frame(&dbg->input))
        (void)dbg_parser_forget(&dbg->input);
}

/* ---- what we write ------------------------------------------------------------------------------------- */

void dbg_write_control(struct dbg *dbg, uint16_t type, uint32_t id)
{
    uint8_t frame[DBG_HEADER_BYTES];
    size_t frame_bytes = dbg_frame_control(frame, type, id);
    dbg->write(dbg->write_context, frame, frame_bytes);
}

/* Who wants a fresh start does not wait for the rest of an old frame: its length may be a lie, and as long as the
 * target repeats itself within the byte timer it would swallow every answer (2.9). */
void dbg_write_reset(struct dbg *dbg, bool answers)
{
    dbg_forget_half_a_frame(dbg);
    dbg->resets_owed++;
    dbg_tell(dbg, DBG_NOTE_RESET_SENT, answers, 0, 0);
    dbg_write_control(dbg, DBG_TYPE_RESET, 0);
}

static void write_break_in(struct dbg *dbg, bool by_sync)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    dbg_tell(dbg, DBG_NOTE_BREAK_IN, by_sync, 0, 0);
    dbg->write(dbg->write_context, &byte, 1);
}

static void sync_turn(struct dbg *dbg)
{
    bool breaks = dbg->sync_break_next;
    dbg->sync_break_next = !breaks && dbg->config.sync_breaks;
    arm_for_state(dbg);
    if (breaks)
        write_break_in(dbg, true);
    else
        dbg_write_reset(dbg, false);
}

/* What waits in the queue was acknowledged: it is told first. An observer may begin a request upon it, in
 * vain. */
void dbg_start_over(struct dbg *dbg, enum dbg_state state)
{
    dbg_void_outgoing(dbg);
    dbg_drain(dbg);
    dbg_void_outgoing(dbg);
    dbg_restart_ids(dbg);
    dbg_enter(dbg, state);
}

void dbg_start_sync(struct dbg *dbg, bool late)
{
    dbg_give_up(dbg, late);
    dbg_start_over(dbg, DBG_SYNC);
    dbg->sync_break_next = false;
    sync_turn(dbg);
}

/* ---- our frame under way ------------------------------------------------------------------------------- */

bool dbg_wants_ack(const struct dbg *dbg)
{
    return dbg->out.active && dbg->state == DBG_WAIT_ACK && dbg->out.tries > 0;
}

void dbg_begin(struct dbg *dbg, uint16_t type, const uint8_t *body, uint32_t body_bytes, uint64_t delay_ns)
{
    struct dbg_outgoing *out = &dbg->out;
    out->active = true;
    out->tries = 0;
    out->api = dbg_first_word(body, body_bytes);
    out->answer = type == DBG_TYPE_MANIPULATE ? dbg_api_answer(out->api) : DBG_ANSWER_NONE;
    out->back = type == DBG_TYPE_MANIPULATE ? DBG_STOPPED : dbg->state;
    out->frame.type = type;
    out->frame.body_bytes = body_bytes;
    if (body_bytes > 0)
        memcpy(out->frame.body, body, body_bytes);
    dbg_enter(dbg, DBG_WAIT_ACK);
    if (delay_ns == 0)
        transmit(dbg);
    else
        arm(dbg, delay_ns);
}

/* The id is read afresh only for the first copy; every repeat is identical (2.14 W6). */
static void transmit(struct dbg *dbg)
{
    struct dbg_outgoing *out = &dbg->out;
    if (out->tries++ == 0) {
        out->frame.id = dbg->next;
        dbg_tell_request(dbg, &out->frame);
    }
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    size_t frame_bytes =
        dbg_frame_data(frame, out->frame.type, out->frame.id, out->frame.body, out->frame.body_bytes);
    arm_for_state(dbg);
    dbg_tell(dbg, DBG_NOTE_SENT, out->frame.type, out->frame.id, out->tries);
    dbg->write(dbg->write_context, frame, frame_bytes);
}

void dbg_retry(struct dbg *dbg)
{
    if (dbg->out.tries < dbg->config.ack_tries)
        transmit(dbg);
    else
        dbg_start_sync(dbg, true);
}

void dbg_give_up(struct dbg *dbg, bool late)
{
    if (!dbg->out.active)
        return;
    dbg->out.active = false;
    dbg_tell(dbg, DBG_NOTE_GAVE_UP, dbg->out.frame.type, dbg->out.frame.id, late);
}

void dbg_void_outgoing(struct dbg *dbg)
{
    dbg_give_up(dbg, false);
}

/* Where an acknowledged frame leads: the reply or state change is waited for, or the frame is done. */
static enum dbg_state after_ack(const struct dbg_outgoing *out)
{
    if (out->frame.type != DBG_TYPE_MANIPULATE)
        return out->back;
    switch (out->answer) {
    case DBG_ANSWER_REPLY:
    case DBG_ANSWER_STATE_CHANGE:
        return DBG_WAIT_REPLY;
    case DBG_ANSWER_RUNS:
        return DBG_RUNNING;
    case DBG_ANSWER_NONE:
        break;
    }
    return DBG_STOPPED;
}

void dbg_acked(struct dbg *dbg)
{
    enum dbg_state after = after_ack(&dbg->out);
    dbg->out.active = after == DBG_WAIT_REPLY;
    dbg->next ^= 1;
    dbg->last_fresh = false;
    dbg->reset_answered = false;
    /* Bytes keep their order: who acknowledges this frame has answered every RESET before it. */
    dbg->resets_owed = 0;
    dbg_enter(dbg, after);
    dbg_tell(dbg, DBG_NOTE_ACKED, dbg->out.frame.type, dbg->out.frame.id, 0);
    dbg_drain(dbg);
}

/* ---- bytes of the target ------------------------------------------------------------------------------- */

static void on_frame(void *context, const struct dbg_frame *frame)
{
    struct dbg *dbg = context;
    dbg_tell_frame(dbg, frame);
    if (dbg->manual)
        dbg_follow_received(dbg, frame);
    else
        dbg_receive(dbg, frame);
}

/* Silence inside a frame: a header is forgotten, a body asked for again (2.8). */
static void on_silence(void *context)
{
    struct dbg *dbg = context;
    dbg->byte_timer = 0;
    uint16_t type = 0;
    uint32_t id = 0;
    bool in_body = dbg_parser_in_body(&dbg->input, &type, &id);
    (void)dbg_parser_forget(&dbg->input);
    if (!in_body)
        return;
    dbg_tell(dbg, DBG_NOTE_BAD, type, id, 0);
    if (!dbg->manual) {
        dbg_tell(dbg, DBG_NOTE_RESEND_SENT, 0, 0, 0);
        dbg_write_control(dbg, DBG_TYPE_RESEND, 0);
    }
}

static void arm_byte_timer(struct dbg *dbg)
{
    sim_cancel(dbg->world, dbg->byte_timer);
    dbg->byte_timer = 0;
    if (dbg_parser_in_frame(&dbg->input))
        dbg->byte_timer = sim_at(dbg->world, sim_now(dbg->world) + dbg->config.byte_wait_ns, on_silence, dbg);
}

void dbg_input(struct dbg *dbg, const uint8_t *bytes, size_t len_bytes)
{
    if (dbg->state == DBG_DETACHED)
        return;
    uint64_t session = dbg->sessions;
    for (size_t at = 0; at < len_bytes && dbg->sessions == session;)
        at += dbg_parser_take(&dbg->input, bytes + at, len_bytes - at);
    arm_byte_timer(dbg);
}

/* ---- verbs --------------------------------------------------------------------------------------------- */

struct dbg *dbg_create(struct sim_world *world, const struct dbg_config *config,
                       void (*write)(void *context, const uint8_t *bytes, size_t len_bytes), void *context)
{
    struct dbg *dbg = sim_allocate(1, sizeof *dbg);
    dbg->world = world;
    dbg->config = *config;
    dbg->write = write;
    dbg->write_context = context;
    dbg->state = DBG_DETACHED;
    dbg_restart_ids(dbg);
    dbg_parser_init(&dbg->input, on_frame, dbg);
    dbg_parser_init(&dbg->raw, dbg_follow_written, dbg);
    dbg->raw.noise = dbg_follow_noise;
    return dbg;
}

void dbg_destroy(struct dbg *dbg)
{
    if (dbg == NULL)
        return;
    sim_cancel(dbg->world, dbg->timer);
    sim_cancel(dbg->world, dbg->byte_timer);
    free(dbg);
}

void dbg_observe(struct dbg *dbg, const struct dbg_observer *observer)
{
    assert(dbg->observer_count < DBG_OBSERVERS_MAX);
    dbg->observers[dbg->observer_count++] = *observer;
}

/* Nothing of one line's life may be seen in the next. */
static void forget_session(struct dbg *dbg)
{
    dbg->sessions++;
    dbg->queue_count = 0;
    dbg->resets_owed = 0;
    dbg->reset_answered = false;
    dbg->prompt_open = false;
    dbg->file_open = false;
    dbg->played_waits = false;
    (void)dbg_parser_forget(&dbg->input);
    (void)dbg_parser_forget(&dbg->raw);
    arm_byte_timer(dbg);
    dbg_restart_ids(dbg);
}

void dbg_attach(struct dbg *dbg)
{
    if (dbg->state != DBG_DETACHED)
        return;
    forget_session(dbg);
    dbg_tell(dbg, DBG_NOTE_ATTACH, 0, 0, 0);
    dbg_enter(dbg, DBG_RUNNING);
}

void dbg_detach(struct dbg *dbg)
{
    if (dbg->state == DBG_DETACHED)
        return;
    forget_session(dbg);
    dbg_tell(dbg, DBG_NOTE_DETACH, 0, 0, 0);
    dbg_void_outgoing(dbg);
    dbg_enter(dbg, DBG_DETACHED);
}

enum dbg_state dbg_state(const struct dbg *dbg)
{
    return dbg->state;
}

enum kd_status dbg_break_in(struct dbg *dbg)
{
    if (dbg->state == DBG_DETACHED)
        return KD_ERR_CLOSED;
    write_break_in(dbg, false);
    return KD_OK;
}

enum kd_status dbg_resync(struct dbg *dbg)
{
    if (dbg->state == DBG_DETACHED)
        return KD_ERR_CLOSED;
    if (dbg->manual)
        return KD_ERR_BUSY;
    dbg_start_sync(dbg, false);
    return KD_OK;
}

/* Where it stands whether a message of this type may be sent now; NULL: a debugger never sends one. */
static bool *may_send(struct dbg *dbg, uint16_t type, bool *stopped)
{
    *stopped = dbg->state == DBG_STOPPED;
    switch (type) {
    case DBG_TYPE_MANIPULATE:
        return stopped;
    case DBG_TYPE_DEBUG_IO:
        return &dbg->prompt_open;
    case DBG_TYPE_FILE_IO:
        return &dbg->file_open;
    default:
        return NULL;
    }
}

void dbg_serve_files(struct dbg *dbg, bool serves)
{
    dbg->serves_files = serves;
}

enum kd_status dbg_send(struct dbg *dbg, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    if (dbg->state == DBG_DETACHED)
        return KD_ERR_CLOSED;
    bool stopped;
    bool *may = may_send(dbg, type, &stopped);
    if (may == NULL)
        return KD_ERR_ARGUMENT;
    if (body_bytes > DBG_BODY_BYTES_MAX)
        return KD_ERR_TOO_BIG;
    if (!*may || dbg->out.active || dbg->manual)
        return KD_ERR_BUSY;
    *may = false; /* a question is answered once */
    dbg_begin(dbg, type, body, body_bytes, sim_cost(dbg->world)->think_ns);
    return KD_OK;
}

void dbg_set_manual(struct dbg *dbg, bool manual)
{
    if (dbg->manual == manual)
        return;
    dbg->manual = manual;
    dbg->played_waits = false;
    dbg_tell(dbg, DBG_NOTE_MANUAL, manual, 0, 0);
    if (!manual) {
        arm_for_state(dbg);
        return;
    }
    dbg_void_outgoing(dbg);
    if (dbg->state == DBG_WAIT_ACK || dbg->state == DBG_WAIT_REPLY)
        dbg_enter(dbg, DBG_STOPPED);
    disarm(dbg);
    dbg_drain(dbg);
}

enum kd_status dbg_write_raw(struct dbg *dbg, const uint8_t *bytes, size_t len_bytes)
{
    if (dbg->state == DBG_DETACHED)
        return KD_ERR_CLOSED;
    tell_raw(dbg);
    dbg_parser_input(&dbg->raw, bytes, len_bytes);
    dbg->write(dbg->write_context, bytes, len_bytes);
    return KD_OK;
}
