/* Goal: the debugger behaves as kd-protocol.md 2.10 says, row by row, with its timers, ids and RESETs.
 * Method: a target played by hand. What the debugger writes and notes is a log of short words; every test
 * says the whole log it expects, so that anything unlisted fails. Time moves only by step(). Ids are relative
 * to the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include "harness/dbg/dbg_wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES = 4096, ID_SYNC = 0x800 };

struct fixture {
    struct sim_world *world;
    struct dbg *dbg;
    struct dbg_parser *written;
    size_t chunk; /* the target's bytes come in pieces of this; 0: as they are */
    char wire[LOG_BYTES];
    char told[LOG_BYTES];
    char notes[LOG_BYTES];
    uint32_t send_api_on_message; /* a request that the engine sends upon any message; 0: none */
};

/* ---- fixture ------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void note_word(char *log, const char *format, ...)
{
    size_t len = strlen(log);
    assert_true(len < LOG_BYTES - 64);
    va_list arguments;
    va_start(arguments, format);
    if (len > 0)
        log[len++] = ' ';
    vsnprintf(log + len, LOG_BYTES - len, format, arguments);
    va_end(arguments);
}

static void log_frame(void *context, const struct dbg_frame *frame)
{
    struct fixture *f = context;
    uint32_t id = frame->id - DBG_ID_INITIAL;
    if (frame->type == DBG_TYPE_ACK)
        note_word(f->wire, "ack:%x", id);
    else if (frame->control)
        note_word(f->wire, "%s", dbg_type_name(frame->type));
    else
        note_word(f->wire, "%x:%x", dbg_get32(frame->body), id);
}

static void log_noise(void *context, uint8_t byte)
{
    struct fixture *f = context;
    note_word(f->wire, "0x%02x", byte);
}

static void on_write(void *context, const uint8_t *bytes, size_t len_bytes)
{
    struct fixture *f = context;
    dbg_parser_input(f->written, bytes, len_bytes);
}

static void send_api(struct fixture *f, uint32_t api)
{
    struct dbg_request request;
    dbg_api_begin(&request, api, 0);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_MANIPULATE, request.body, request.body_bytes), KD_OK);
}

static void on_message(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct fixture *f = context;
    assert_true(body_bytes >= 4);
    note_word(f->told, "%u/%x", type, dbg_get32(body));
    if (f->send_api_on_message != 0 && dbg_state(f->dbg) == DBG_STOPPED)
        send_api(f, f->send_api_on_message);
}

static void on_note(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    struct fixture *f = context;
    (void)b;
    (void)c;
    if (note == DBG_NOTE_STATE)
        note_word(f->notes, "%s", dbg_state_name((enum dbg_state)a));
    else
        note_word(f->notes, "%s", dbg_note_name(note));
}

static void create(struct fixture *f, const struct dbg_config *config)
{
    struct sim_cost cost = sim_cost_default();
    f->wire[0] = f->told[0] = f->notes[0] = '\0';
    f->world = sim_world_create(1, &cost);
    f->dbg = dbg_create(f->world, config, on_write, f);
    f->written = dbg_parser_create(log_frame, f);
    f->written->noise = log_noise;
    dbg_observe(f->dbg, &(struct dbg_observer){.context = f, .message = on_message, .note = on_note});
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct dbg_config config = dbg_config_default();
    create(f, &config);
    dbg_attach(f->dbg);
    f->notes[0] = '\0';
    *state = f;
    return 0;
}

static void destroy(struct fixture *f)
{
    dbg_destroy(f->dbg);
    dbg_parser_destroy(f->written);
    sim_world_destroy(f->world);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    destroy(f);
    free(f);
    return 0;
}

/* ---- helpers: the target, time, and what must have been seen ------------------------------------------- */

static void input(struct fixture *f, const uint8_t *bytes, size_t len_bytes)
{
    size_t chunk = f->chunk == 0 ? len_bytes : f->chunk;
    for (size_t at = 0; at < len_bytes; at += chunk)
        dbg_input(f->dbg, bytes + at, len_bytes - at < chunk ? len_bytes - at : chunk);
}

/* A data frame of the least length for its type, with its first word. */
static size_t build_data(uint8_t *frame, uint16_t type, uint32_t id, uint32_t first)
{
    uint8_t body[DBG_STATE_CHANGE_BYTES] = {0};
    uint32_t body_bytes = type == DBG_TYPE_STATE_CHANGE64 ? DBG_STATE_CHANGE_BYTES
                          : type == DBG_TYPE_DEBUG_IO     ? DBG_DEBUG_IO_BYTES
                          : type == DBG_TYPE_FILE_IO      ? DBG_FILE_IO_BYTES
                                                          : DBG_MANIPULATE_BYTES;
    dbg_put(body, 4, first);
    return dbg_frame_data(frame, type, DBG_ID_INITIAL + id, body, body_bytes);
}

static void target_sends(struct fixture *f, uint16_t type, uint32_t id, uint32_t first)
{
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    input(f, frame, build_data(frame, type, id, first));
}

static void target_stops(struct fixture *f, uint32_t id)
{
    target_sends(f, DBG_TYPE_STATE_CHANGE64, id, DBG_STATE_EXCEPTION);
}

static void target_prints(struct fixture *f, uint32_t id)
{
    target_sends(f, DBG_TYPE_DEBUG_IO, id, DBG_IO_PRINT);
}

static void target_replies(struct fixture *f, uint32_t id, uint32_t api)
{
    target_sends(f, DBG_TYPE_MANIPULATE, id, api);
}

static void target_control(struct fixture *f, uint16_t type, uint32_t id)
{
    uint8_t frame[DBG_HEADER_BYTES];
    input(f, frame, dbg_frame_control(frame, type, DBG_ID_INITIAL + id));
}

static void target_acks(struct fixture *f, uint32_t id)
{
    target_control(f, DBG_TYPE_ACK, id);
}

static void target_resets(struct fixture *f)
{
    target_control(f, DBG_TYPE_RESET, 0);
}

static void step(struct fixture *f, uint64_t for_ns)
{
    uint64_t until = sim_now(f->world) + for_ns;
    while (sim_step(f->world, until))
        continue;
}

static void assert_log(char *log, const char *expected)
{
    assert_string_equal(log, expected);
    log[0] = '\0';
}

static void assert_wire(struct fixture *f, const char *expected)
{
    assert_log(f->wire, expected);
}

static void assert_told(struct fixture *f, const char *expected)
{
    assert_log(f->told, expected);
}

static void assert_state(const struct fixture *f, enum dbg_state expected)
{
    assert_string_equal(dbg_state_name(dbg_state(f->dbg)), dbg_state_name(expected));
}

/* A stop that is acknowledged and forgotten by the logs. */
static void be_stopped(struct fixture *f)
{
    target_stops(f, ID_SYNC);
    assert_wire(f, "ack:0");
    assert_told(f, "7/3030");
    assert_state(f, DBG_STOPPED);
    f->notes[0] = '\0';
}

/* A request on the wire, unacknowledged. */
static void be_waiting_for_ack(struct fixture *f, uint32_t api)
{
    char expected[32];
    be_stopped(f);
    send_api(f, api);
    step(f, SIM_US(50));
    snprintf(expected, sizeof expected, "%x:0", api);
    assert_wire(f, expected);
    assert_state(f, DBG_WAIT_ACK);
    f->notes[0] = '\0';
}

/* ---- attaching and breaking in ------------------------------------------------------------------------- */

static void a_fresh_debugger_says_nothing_by_itself(void **state)
{
    struct fixture *f = *state;
    step(f, SIM_S(100));
    assert_wire(f, "");
    assert_state(f, DBG_RUNNING);
}

static void without_a_line_every_verb_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t body[DBG_MANIPULATE_BYTES] = {0};
    dbg_detach(f->dbg);
    assert_state(f, DBG_DETACHED);
    assert_int_equal(dbg_break_in(f->dbg), KD_ERR_CLOSED);
    assert_int_equal(dbg_resync(f->dbg), KD_ERR_CLOSED);
    assert_int_equal(dbg_send(f->dbg, 2, body, sizeof body), KD_ERR_CLOSED);
    assert_int_equal(dbg_write_raw(f->dbg, body, 1), KD_ERR_CLOSED);
    target_stops(f, ID_SYNC);
    assert_wire(f, "");
    assert_told(f, "");
}

static void a_break_in_is_one_byte(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_break_in(f->dbg), KD_OK);
    step(f, SIM_S(100));
    assert_wire(f, "0x62");
    assert_log(f->notes, "break_in");
}

/* ---- SYNC and RESET ------------------------------------------------------------------------------------ */

static void sync_alternates_reset_and_break_in(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    assert_wire(f, "reset");
    step(f, SIM_MS(499));
    assert_wire(f, "");
    step(f, SIM_MS(1));
    assert_wire(f, "0x62");
    step(f, SIM_MS(500));
    assert_wire(f, "reset");
    step(f, SIM_S(2));
    assert_wire(f, "0x62 reset 0x62 reset");
    assert_state(f, DBG_SYNC);
}

static void sync_without_breaks_repeats_reset_each_period(void **state)
{
    struct fixture *f = *state;
    struct dbg_config config = dbg_config_default();
    destroy(f);
    config.sync_breaks = false;
    create(f, &config);
    dbg_attach(f->dbg);
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    step(f, SIM_S(3));
    assert_wire(f, "reset reset reset reset");
}

static void the_answer_to_a_reset_is_not_answered(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    target_resets(f);
    assert_wire(f, "reset");
    assert_state(f, DBG_WAIT_STATE);
    target_stops(f, 0);
    assert_wire(f, "ack:0");
    assert_state(f, DBG_STOPPED);
    step(f, SIM_S(100));
    assert_wire(f, "");
}

static void a_state_change_that_does_not_come_leads_back_to_sync(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    target_resets(f);
    assert_wire(f, "reset");
    step(f, SIM_S(3) - 1);
    assert_state(f, DBG_WAIT_STATE);
    step(f, 1);
    assert_state(f, DBG_SYNC);
    assert_wire(f, "0x62 reset"); /* it runs, or it would have told */
}

/* A target that runs answers RESETs from within its prints, each before a break-in would have its turn. */
static void a_target_that_answers_every_reset_by_printing_is_stopped(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    target_resets(f);
    target_sends(f, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PRINT);
    assert_wire(f, "reset ack:0");
    step(f, SIM_S(3));
    assert_wire(f, "0x62 reset");
    target_resets(f);
    target_sends(f, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PRINT);
    target_stops(f, 1);
    assert_wire(f, "ack:0 ack:1");
    assert_state(f, DBG_STOPPED);
}

static void an_unsolicited_reset_is_answered_once_and_ids_start_over(void **state)
{
    struct fixture *f = *state;
    be_stopped(f);
    target_resets(f);
    assert_wire(f, "reset");
    assert_state(f, DBG_WAIT_STATE);
    target_stops(f, 0);
    assert_wire(f, "ack:0");
    assert_log(f->notes, "reset_seen WAIT_STATE reset_sent accepted STOPPED");
}

/* The target that answers each of our RESETs, data between them, as an XP did (2.9). */
static void every_reset_of_ours_may_be_answered_and_none_bounces(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    step(f, SIM_S(2));
    assert_wire(f, "reset 0x62 reset 0x62 reset");
    for (int i = 0; i < 3; i++) {
        target_resets(f);
        target_stops(f, 0);
        assert_wire(f, "ack:0");
    }
    assert_state(f, DBG_STOPPED);
    step(f, SIM_S(100));
    assert_wire(f, "");
}

/* However many RESETs a peer sends, and though it answers every one of ours: the exchange ends. */
static void resets_cannot_bounce(void **state)
{
    struct fixture *f = *state;
    for (int burst = 0; burst < 10; burst++)
        target_resets(f);
    assert_wire(f, "reset");
    for (int answer = 0; answer < 10; answer++)
        target_resets(f);
    assert_wire(f, "");
}

/* The RESET was eaten by a running target, the break-in was not (5.3 rules 2, 3). */
static void a_stop_before_the_answer_to_our_reset_is_not_believed_yet(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    step(f, SIM_MS(500));
    target_stops(f, 0);
    assert_wire(f, "reset 0x62 ack:0");
    assert_told(f, "7/3030");
    assert_state(f, DBG_SYNC);
    step(f, SIM_MS(500));
    assert_wire(f, "reset");
    target_resets(f);
    target_stops(f, 0);
    assert_wire(f, "ack:0");
    assert_state(f, DBG_STOPPED);
}

/* Bytes keep their order: after our request was acknowledged no answer to an older RESET can come. */
static void an_acknowledged_request_settles_the_resets_before_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    target_stops(f, ID_SYNC);
    send_api(f, DBG_API_GET_VERSION);
    step(f, SIM_US(50));
    target_acks(f, 0);
    assert_wire(f, "reset ack:0 3146:0");
    target_resets(f);
    assert_wire(f, "reset");
}

static void an_orphan_reply_after_a_reset_is_dropped_and_reset_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_resync(f->dbg), KD_OK);
    target_resets(f);
    target_replies(f, 0, DBG_API_READ_VIRTUAL);
    assert_wire(f, "reset ack:0 reset");
    assert_told(f, "");
    target_resets(f);
    target_stops(f, 0);
    assert_wire(f, "ack:0");
    assert_state(f, DBG_STOPPED);
}

/* ---- ids ----------------------------------------------------------------------------------------------- */

static void the_expected_id_is_acknowledged_and_counted(void **state)
{
    struct fixture *f = *state;
    target_prints(f, 0);
    target_prints(f, 1);
    target_prints(f, 0);
    assert_wire(f, "ack:0 ack:1 ack:0");
    assert_told(f, "3/3230 3/3230 3/3230");
    assert_state(f, DBG_RUNNING);
}

static void another_id_is_acknowledged_as_it_is_and_dropped(void **state)
{
    struct fixture *f = *state;
    target_prints(f, 0);
    target_prints(f, 0);
    target_prints(f, 0x12345678);
    assert_wire(f, "ack:0 ack:0 ack:12345678");
    assert_told(f, "3/3230");
    assert_log(f->notes, "accepted repeat repeat");
}

static void a_sync_frame_is_accepted_whatever_was_expected_and_restarts_both_counters(void **state)
{
    struct fixture *f = *state;
    target_prints(f, 0);
    target_stops(f, ID_SYNC);
    assert_wire(f, "ack:0 ack:0");
    assert_told(f, "3/3230 7/3030");
    send_api(f, DBG_API_CONTINUE);
    step(f, SIM_US(50));
    target_acks(f, 0);
    target_prints(f, 1);
    assert_wire(f, "3136:0 ack:1");
    /* Its own count is at 1 now; a restarted target expects 0. */
    target_stops(f, ID_SYNC);
    send_api(f, DBG_API_CONTINUE);
    step(f, SIM_US(50));
    assert_wire(f, "ack:0 3136:0");
}

/* A bit flipped in the id of a SYNC frame's repeat: adopted, every frame behind it would pass for a repeat. */
static void an_impossible_id_with_the_sync_bit_is_dropped_like_any_other(void **state)
{
    struct fixture *f = *state;
    target_prints(f, ID_SYNC);
    target_prints(f, ID_SYNC | 0x08000000);
    target_stops(f, 1);
    assert_wire(f, "ack:0 ack:8000000 ack:1");
    assert_told(f, "3/3230 7/3030");
    assert_log(f->notes, "accepted repeat accepted STOPPED");
}

/* Its length is a lie, and the target repeats itself before the byte timer ends: only a fresh start ends it. */
static void a_fresh_start_forgets_a_frame_that_is_half_received(void **state)
{
    struct fixture *f = *state;
    static const uint8_t lie[] = {0x30, 0x30, 0x30, 0x30, 2, 0, 0x80, 0x0F, 0, 0, 0x80, 0x80, 1, 2, 3, 4};
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_acks(f, 0);
    input(f, lie, sizeof lie);
    for (unsigned i = 0; i < 12; i++) {
        step(f, SIM_MS(900));
        target_replies(f, 1, DBG_API_GET_VERSION);
    }
    assert_state(f, DBG_SYNC); /* ten seconds without a reply */
    f->wire[0] = '\0';
    target_resets(f);
    assert_state(f, DBG_WAIT_STATE);
    target_stops(f, 0);
    assert_wire(f, "ack:0");
    assert_state(f, DBG_STOPPED);
}

static void a_repeated_sync_frame_is_delivered_once(void **state)
{
    struct fixture *f = *state;
    target_stops(f, ID_SYNC);
    target_stops(f, ID_SYNC);
    assert_wire(f, "ack:0 ack:0");
    assert_told(f, "7/3030");
    target_prints(f, 1);
    assert_told(f, "3/3230");
}

/* The same bytes after a whole exchange are a target that booted again. */
static void an_equal_sync_frame_after_our_request_is_a_new_one(void **state)
{
    struct fixture *f = *state;
    be_stopped(f);
    send_api(f, DBG_API_REBOOT);
    step(f, SIM_US(50));
    target_acks(f, 0);
    assert_state(f, DBG_RUNNING);
    target_stops(f, ID_SYNC);
    assert_told(f, "7/3030");
    assert_state(f, DBG_STOPPED);
}

static void a_bad_frame_is_asked_for_again_and_then_accepted(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    size_t len_bytes = build_data(frame, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PRINT);
    frame[12] ^= 1;
    input(f, frame, len_bytes);
    frame[12] ^= 1;
    input(f, frame, len_bytes);
    assert_wire(f, "resend ack:0");
    assert_told(f, "3/3230");
}

static void a_message_shorter_than_its_header_is_bad(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[64], body[15] = {0x30, 0x32};
    input(f, frame, dbg_frame_data(frame, DBG_TYPE_DEBUG_IO, DBG_ID_INITIAL, body, sizeof body));
    assert_wire(f, "resend");
    assert_told(f, "");
}

/* ---- by type ------------------------------------------------------------------------------------------- */

static void prints_leave_the_state_alone_running_and_stopped(void **state)
{
    struct fixture *f = *state;
    target_prints(f, 0);
    assert_state(f, DBG_RUNNING);
    target_stops(f, 1);
    target_prints(f, 0);
    assert_state(f, DBG_STOPPED);
    assert_told(f, "3/3230 7/3030 3/3230");
}

static void a_prompt_is_answered_by_type_3_and_the_state_comes_back(void **state)
{
    struct fixture *f = *state;
    uint8_t answer[17] = {0x31, 0x32};
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_DEBUG_IO, answer, sizeof answer), KD_ERR_BUSY);
    target_sends(f, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PROMPT);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_DEBUG_IO, answer, sizeof answer), KD_OK);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_DEBUG_IO, answer, sizeof answer), KD_ERR_BUSY);
    step(f, SIM_US(50));
    assert_wire(f, "ack:0 3231:0");
    target_acks(f, 0);
    assert_state(f, DBG_RUNNING);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_DEBUG_IO, answer, sizeof answer), KD_ERR_BUSY);
}

static void a_file_request_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    target_sends(f, DBG_TYPE_FILE_IO, 0, DBG_FILE_CREATE);
    assert_wire(f, "ack:0 3430:0");
    assert_told(f, "11/3430");
    target_acks(f, 0);
    assert_state(f, DBG_RUNNING);
}

static void a_file_request_may_be_left_to_the_engine_which_answers_once(void **state)
{
    struct fixture *f = *state;
    uint8_t answer[DBG_FILE_IO_BYTES] = {0x30, 0x34};
    dbg_serve_files(f->dbg, true);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_FILE_IO, answer, sizeof answer), KD_ERR_BUSY);
    target_sends(f, DBG_TYPE_FILE_IO, 0, DBG_FILE_CREATE);
    assert_wire(f, "ack:0");
    assert_told(f, "11/3430");
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_FILE_IO, answer, sizeof answer), KD_OK);
    step(f, SIM_US(50));
    assert_wire(f, "3430:0");
    target_acks(f, 0);
    assert_state(f, DBG_RUNNING);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_FILE_IO, answer, sizeof answer), KD_ERR_BUSY);
}

static void a_stop_ends_the_wait_for_a_file(void **state)
{
    struct fixture *f = *state;
    uint8_t answer[DBG_FILE_IO_BYTES] = {0x30, 0x34};
    dbg_serve_files(f->dbg, true);
    target_sends(f, DBG_TYPE_FILE_IO, 0, DBG_FILE_CREATE);
    target_stops(f, 1);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_FILE_IO, answer, sizeof answer), KD_ERR_BUSY);
}

static void types_without_meaning_are_acknowledged_and_told(void **state)
{
    struct fixture *f = *state;
    target_sends(f, DBG_TYPE_CONTROL_REQUEST, 0, 0x4300);
    assert_wire(f, "ack:0");
    assert_told(f, "10/4300");
    assert_state(f, DBG_RUNNING);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void a_request_goes_out_after_the_think_time_and_is_replied_to(void **state)
{
    struct fixture *f = *state;
    be_stopped(f);
    send_api(f, DBG_API_GET_VERSION);
    step(f, SIM_US(50) - 1);
    assert_wire(f, "");
    step(f, 1);
    assert_wire(f, "3146:0");
    target_acks(f, 0);
    assert_state(f, DBG_WAIT_REPLY);
    target_replies(f, 1, DBG_API_GET_VERSION);
    assert_wire(f, "ack:1");
    assert_told(f, "2/3146");
    assert_state(f, DBG_STOPPED);
    send_api(f, DBG_API_GET_VERSION);
    step(f, SIM_US(50));
    assert_wire(f, "3146:1");
    assert_log(f->notes, "WAIT_ACK sent WAIT_REPLY acked accepted STOPPED WAIT_ACK sent");
}

static void requests_are_refused_unless_stopped_and_idle(void **state)
{
    struct fixture *f = *state;
    static uint8_t body[DBG_BODY_BYTES_MAX + 1];
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_MANIPULATE, body, DBG_MANIPULATE_BYTES), KD_ERR_BUSY);
    be_stopped(f);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_MANIPULATE, body, sizeof body), KD_ERR_TOO_BIG);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_FILE_IO, body, DBG_FILE_IO_BYTES), KD_ERR_BUSY);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_TRACE_IO, body, DBG_FILE_IO_BYTES), KD_ERR_ARGUMENT);
    send_api(f, DBG_API_GET_VERSION);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_MANIPULATE, body, DBG_MANIPULATE_BYTES), KD_ERR_BUSY);
    step(f, SIM_US(50));
    target_acks(f, 0);
    assert_int_equal(dbg_send(f->dbg, DBG_TYPE_MANIPULATE, body, DBG_MANIPULATE_BYTES), KD_ERR_BUSY);
    assert_wire(f, "3146:0");
}

/* 4.4 rule 1: waiting for a reply to these is a debugger's bug. */
static void requests_without_reply_end_with_their_ack(void **state)
{
    static const struct {
        uint32_t api;
        enum dbg_state after;
    } rows[] = {{DBG_API_CONTINUE, DBG_RUNNING},
                {DBG_API_CONTINUE2, DBG_RUNNING},
                {DBG_API_REBOOT, DBG_RUNNING},
                {DBG_API_CAUSE_BUGCHECK, DBG_RUNNING},
                {DBG_API_CLEAR_INTERNAL_BREAKPOINTS, DBG_STOPPED},
                {DBG_API_SWITCH_PROCESSOR, DBG_WAIT_REPLY}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dbg_detach(f->dbg);
        dbg_attach(f->dbg);
        be_waiting_for_ack(f, rows[i].api);
        target_acks(f, 0);
        assert_state(f, rows[i].after);
    }
}

static void switch_processor_is_answered_by_a_state_change(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_SWITCH_PROCESSOR);
    target_acks(f, 0);
    target_stops(f, 1);
    assert_state(f, DBG_STOPPED);
    assert_log(f->notes, "WAIT_REPLY acked accepted STOPPED");
}

static void a_reply_nobody_waits_for_is_dropped(void **state)
{
    struct fixture *f = *state;
    be_stopped(f);
    target_replies(f, 1, DBG_API_READ_VIRTUAL);
    assert_wire(f, "ack:1");
    assert_told(f, "");
    assert_log(f->notes, "accepted orphan");
    assert_state(f, DBG_STOPPED);
}

static void a_reply_to_another_request_is_not_taken_for_ours(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_acks(f, 0);
    target_replies(f, 1, DBG_API_READ_VIRTUAL);
    assert_state(f, DBG_WAIT_REPLY);
    assert_told(f, "");
}

/* ---- waiting for the ACK ------------------------------------------------------------------------------- */

static void another_ack_is_ignored(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_acks(f, 1);
    target_acks(f, ID_SYNC);
    assert_state(f, DBG_WAIT_ACK);
    assert_wire(f, "");
}

static void resend_brings_the_same_frame_with_the_same_id(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_control(f, DBG_TYPE_RESEND, 0);
    assert_wire(f, "3146:0");
    target_acks(f, 0);
    target_control(f, DBG_TYPE_RESEND, 0);
    assert_wire(f, "");
    assert_state(f, DBG_WAIT_REPLY);
}

static void without_an_ack_it_is_sent_five_times_then_sync(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    step(f, SIM_S(1) - 1);
    assert_wire(f, "");
    step(f, 1);
    assert_wire(f, "3146:0");
    step(f, SIM_S(3));
    assert_wire(f, "3146:0 3146:0 3146:0");
    assert_state(f, DBG_WAIT_ACK);
    f->notes[0] = '\0';
    step(f, SIM_S(1));
    assert_wire(f, "reset");
    assert_log(f->notes, "gave_up SYNC reset_sent");
}

static void resends_count_as_tries(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    for (int i = 0; i < 5; i++)
        target_control(f, DBG_TYPE_RESEND, 0);
    assert_wire(f, "3146:0 3146:0 3146:0 3146:0 reset");
}

/* The ACK was lost, the reply was not: acknowledged at once, acted upon when our repeat is acknowledged. */
static void a_reply_before_its_ack_is_queued(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_replies(f, 1, DBG_API_GET_VERSION);
    assert_wire(f, "ack:1");
    assert_told(f, "");
    assert_state(f, DBG_WAIT_ACK);
    step(f, SIM_S(1));
    assert_wire(f, "3146:0");
    target_acks(f, 0);
    assert_told(f, "2/3146");
    assert_state(f, DBG_STOPPED);
}

static void a_stop_before_the_ack_of_continue_is_queued(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_CONTINUE2);
    target_prints(f, 1);
    assert_told(f, "3/3230");
    target_stops(f, 0);
    assert_wire(f, "ack:1 ack:0");
    assert_told(f, "");
    target_acks(f, 0);
    assert_told(f, "7/3030");
    assert_state(f, DBG_STOPPED);
}

/* The target sent its state change again before it took the request: the reply is still to come. */
static void a_stop_before_the_ack_leaves_an_acknowledged_request_alone(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_stops(f, 1);
    target_acks(f, 0);
    assert_state(f, DBG_WAIT_REPLY);
    target_replies(f, 0, DBG_API_GET_VERSION);
    assert_told(f, "7/3030 2/3146");
    assert_state(f, DBG_STOPPED);
}

static void a_full_queue_is_silent_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    for (uint32_t i = 1; i <= 8; i++)
        target_stops(f, i & 1);
    assert_wire(f, "ack:1 ack:0 ack:1 ack:0 ack:1 ack:0 ack:1 ack:0");
    target_stops(f, 1);
    assert_wire(f, "");
    target_acks(f, 0);
    assert_told(f, "7/3030 7/3030 7/3030 7/3030 7/3030 7/3030 7/3030 7/3030");
    target_replies(f, 1, DBG_API_GET_VERSION);
    assert_told(f, "2/3146");
}

static void what_was_acknowledged_is_told_even_when_the_request_is_given_up(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_CONTINUE2);
    target_stops(f, 1);
    assert_told(f, "");
    target_resets(f);
    assert_told(f, "7/3030");
    assert_state(f, DBG_WAIT_STATE);
}

static void a_restarted_target_voids_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_CONTINUE);
    target_sends(f, DBG_TYPE_STATE_CHANGE64, ID_SYNC, DBG_STATE_LOAD_SYMBOLS);
    assert_state(f, DBG_STOPPED);
    assert_log(f->notes, "gave_up RUNNING accepted STOPPED");
    step(f, SIM_S(100));
    assert_wire(f, "ack:0");
}

/* ---- waiting for the reply ----------------------------------------------------------------------------- */

static void long_silence_instead_of_a_reply_leads_to_sync(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_acks(f, 0);
    step(f, SIM_S(10) - 1);
    assert_state(f, DBG_WAIT_REPLY);
    step(f, 1);
    assert_state(f, DBG_SYNC);
    assert_log(f->notes, "WAIT_REPLY acked gave_up SYNC reset_sent");
}

static void a_state_change_voids_an_unanswered_request(void **state)
{
    struct fixture *f = *state;
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    target_acks(f, 0);
    target_stops(f, 1);
    assert_state(f, DBG_STOPPED);
    assert_log(f->notes, "WAIT_REPLY acked accepted gave_up STOPPED");
}

static void a_state_change_voids_a_request_still_thought_about(void **state)
{
    struct fixture *f = *state;
    be_stopped(f);
    send_api(f, DBG_API_GET_VERSION);
    target_stops(f, 1);
    assert_state(f, DBG_STOPPED);
    step(f, SIM_S(1));
    assert_wire(f, "ack:1");
    assert_log(f->notes, "WAIT_ACK accepted gave_up STOPPED");
}

static void an_engine_may_send_from_inside_a_message(void **state)
{
    struct fixture *f = *state;
    f->send_api_on_message = DBG_API_GET_VERSION;
    target_stops(f, ID_SYNC);
    assert_state(f, DBG_WAIT_ACK);
    step(f, SIM_US(50));
    assert_wire(f, "ack:0 3146:0");
}

/* ---- silence and pieces -------------------------------------------------------------------------------- */

static void silence_inside_a_header_forgets_it(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    (void)build_data(frame, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PRINT);
    dbg_input(f->dbg, frame, 10); /* E02 */
    step(f, SIM_S(1));
    target_prints(f, 0);
    assert_wire(f, "ack:0");
}

static void silence_inside_a_body_asks_again(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    (void)build_data(frame, DBG_TYPE_DEBUG_IO, 0, DBG_IO_PRINT);
    dbg_input(f->dbg, frame, 16);
    step(f, SIM_MS(999));
    dbg_input(f->dbg, frame + 16, 1); /* each byte restarts the wait */
    step(f, SIM_MS(999));
    assert_wire(f, "");
    step(f, SIM_MS(1));
    assert_wire(f, "resend");
    target_prints(f, 0);
    assert_wire(f, "ack:0");
}

static void play_a_conversation(struct fixture *f)
{
    target_stops(f, ID_SYNC);
    send_api(f, DBG_API_GET_VERSION);
    step(f, SIM_US(50));
    target_acks(f, 0);
    target_replies(f, 1, DBG_API_GET_VERSION);
    send_api(f, DBG_API_CONTINUE2);
    step(f, SIM_US(50));
    target_control(f, DBG_TYPE_RESEND, 0);
    target_acks(f, 1);
    target_prints(f, 0);
    target_prints(f, 0);
    target_resets(f);
    target_stops(f, 0);
    step(f, SIM_S(30));
}

static void any_split_of_the_stream_gives_the_same_conversation_and_trace(void **state)
{
    struct fixture *f = *state;
    static const char wire[] = "ack:0 3146:0 ack:1 313c:1 313c:1 ack:0 ack:0 reset ack:0";
    uint64_t hash = 0;
    for (size_t chunk = 0; chunk < 40; chunk++) {
        struct dbg_config config = dbg_config_default();
        destroy(f);
        create(f, &config);
        f->chunk = chunk;
        dbg_attach(f->dbg);
        play_a_conversation(f);
        assert_wire(f, wire);
        assert_told(f, "7/3030 2/3146 3/3230 7/3030");
        if (chunk == 0)
            hash = sim_trace_hash(sim_trace(f->world));
        assert_int_equal(sim_trace_hash(sim_trace(f->world)), hash);
    }
}

/* ---- the line's life ----------------------------------------------------------------------------------- */

static void a_new_line_starts_with_fresh_ids_and_nothing_under_way(void **state)
{
    struct fixture *f = *state;
    uint8_t half[8] = {0x30, 0x30, 0x30, 0x30, 2};
    be_waiting_for_ack(f, DBG_API_GET_VERSION);
    dbg_input(f->dbg, half, sizeof half);
    dbg_detach(f->dbg);
    assert_log(f->notes, "detach gave_up DETACHED");
    step(f, SIM_S(100));
    dbg_attach(f->dbg);
    target_prints(f, 0);
    assert_wire(f, "ack:0");
    assert_told(f, "3/3230");
}

/* ---- scripts that play bytes --------------------------------------------------------------------------- */

static void write_control_raw(struct fixture *f, uint16_t type, uint32_t id)
{
    uint8_t frame[DBG_HEADER_BYTES];
    size_t len_bytes = dbg_frame_control(frame, type, DBG_ID_INITIAL + id);
    assert_int_equal(dbg_write_raw(f->dbg, frame, len_bytes), KD_OK);
}

static void manual_mode_answers_nothing(void **state)
{
    struct fixture *f = *state;
    dbg_set_manual(f->dbg, true);
    target_stops(f, ID_SYNC);
    target_resets(f);
    target_control(f, DBG_TYPE_RESEND, 0);
    step(f, SIM_S(100));
    assert_wire(f, "");
    assert_told(f, "");
    assert_int_equal(dbg_resync(f->dbg), KD_ERR_BUSY);
}

static void manual_mode_follows_the_script_so_that_verbs_work_afterwards(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    dbg_set_manual(f->dbg, true);
    target_stops(f, ID_SYNC);
    target_stops(f, ID_SYNC);
    write_control_raw(f, DBG_TYPE_ACK, 0);
    assert_told(f, "7/3030");
    assert_state(f, DBG_STOPPED);
    assert_int_equal(
        dbg_write_raw(f->dbg, frame, build_data(frame, DBG_TYPE_MANIPULATE, 0, DBG_API_GET_VERSION)), KD_OK);
    target_acks(f, 0);
    target_replies(f, 1, DBG_API_GET_VERSION);
    write_control_raw(f, DBG_TYPE_ACK, 1);
    assert_told(f, "2/3146");
    assert_wire(f, "ack:0 3146:0 ack:1");
    dbg_set_manual(f->dbg, false);
    send_api(f, DBG_API_CONTINUE2);
    step(f, SIM_US(50));
    assert_wire(f, "313c:1");
    target_acks(f, 1);
    target_prints(f, 0);
    assert_wire(f, "ack:0");
    assert_state(f, DBG_RUNNING);
}

static void ids_go_on_from_what_the_script_used(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    be_stopped(f);
    dbg_set_manual(f->dbg, true);
    size_t len_bytes = build_data(frame, DBG_TYPE_MANIPULATE, 1, DBG_API_CLEAR_INTERNAL_BREAKPOINTS);
    assert_int_equal(dbg_write_raw(f->dbg, frame, len_bytes), KD_OK);
    assert_int_equal(dbg_write_raw(f->dbg, frame, len_bytes), KD_OK);
    target_acks(f, 1);
    assert_state(f, DBG_STOPPED);
    assert_log(f->notes, "manual WAIT_ACK sent sent STOPPED acked");
    dbg_set_manual(f->dbg, false);
    send_api(f, DBG_API_CONTINUE2);
    step(f, SIM_US(50));
    assert_wire(f, "315a:1 315a:1 313c:0");
}

static void an_ack_of_nothing_accepts_nothing(void **state)
{
    struct fixture *f = *state;
    dbg_set_manual(f->dbg, true);
    write_control_raw(f, DBG_TYPE_ACK, 0);
    target_prints(f, 0);
    write_control_raw(f, DBG_TYPE_ACK, 1);
    assert_told(f, "");
    write_control_raw(f, DBG_TYPE_ACK, 0);
    write_control_raw(f, DBG_TYPE_ACK, 0);
    assert_told(f, "3/3230");
}

static void on_raw(void *context)
{
    note_word(((struct fixture *)context)->notes, "raw");
}

static void raw_bytes_are_told_before_they_leave(void **state)
{
    struct fixture *f = *state;
    dbg_observe(f->dbg, &(struct dbg_observer){.context = f, .raw = on_raw});
    assert_int_equal(dbg_write_raw(f->dbg, (const uint8_t *)"b", 1), KD_OK);
    assert_int_equal(dbg_break_in(f->dbg), KD_OK);
    assert_log(f->notes, "raw break_in break_in");
}

static void raw_bytes_are_noted_for_what_they_do(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dbg_write_raw(f->dbg, (const uint8_t *)"ab", 2), KD_OK);
    write_control_raw(f, DBG_TYPE_RESET, 0);
    write_control_raw(f, DBG_TYPE_RESET, 0);
    assert_log(f->notes, "break_in reset_sent reset_sent");
    target_resets(f);
    target_resets(f);
    assert_wire(f, "0x61 0x62 reset reset");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_debugger_says_nothing_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_line_every_verb_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_is_one_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sync_alternates_reset_and_break_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sync_without_breaks_repeats_reset_each_period, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_answer_to_a_reset_is_not_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_that_answers_every_reset_by_printing_is_stopped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_that_does_not_come_leads_back_to_sync, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unsolicited_reset_is_answered_once_and_ids_start_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_reset_of_ours_may_be_answered_and_none_bounces, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(resets_cannot_bounce, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_before_the_answer_to_our_reset_is_not_believed_yet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_acknowledged_request_settles_the_resets_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_orphan_reply_after_a_reset_is_dropped_and_reset_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_expected_id_is_acknowledged_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_id_is_acknowledged_as_it_is_and_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_sync_frame_is_accepted_whatever_was_expected_and_restarts_both_counters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeated_sync_frame_is_delivered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fresh_start_forgets_a_frame_that_is_half_received, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_impossible_id_with_the_sync_bit_is_dropped_like_any_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_equal_sync_frame_after_our_request_is_a_new_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bad_frame_is_asked_for_again_and_then_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_shorter_than_its_header_is_bad, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prints_leave_the_state_alone_running_and_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_prompt_is_answered_by_type_3_and_the_state_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_request_is_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_request_may_be_left_to_the_engine_which_answers_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_ends_the_wait_for_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_without_meaning_are_acknowledged_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_goes_out_after_the_think_time_and_is_replied_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(requests_are_refused_unless_stopped_and_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_without_reply_end_with_their_ack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(switch_processor_is_answered_by_a_state_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_nobody_waits_for_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_to_another_request_is_not_taken_for_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_ack_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resend_brings_the_same_frame_with_the_same_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_ack_it_is_sent_five_times_then_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resends_count_as_tries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_before_its_ack_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_before_the_ack_of_continue_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_before_the_ack_leaves_an_acknowledged_request_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_is_silent_and_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_told_even_when_the_request_is_given_up,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restarted_target_voids_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_silence_instead_of_a_reply_leads_to_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_voids_an_unanswered_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_change_voids_a_request_still_thought_about, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_engine_may_send_from_inside_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_inside_a_header_forgets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_inside_a_body_asks_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_split_of_the_stream_gives_the_same_conversation_and_trace, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_line_starts_with_fresh_ids_and_nothing_under_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(manual_mode_answers_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(manual_mode_follows_the_script_so_that_verbs_work_afterwards, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ids_go_on_from_what_the_script_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_of_nothing_accepts_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(raw_bytes_are_told_before_they_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(raw_bytes_are_noted_for_what_they_do, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
