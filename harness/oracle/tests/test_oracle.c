/* Goal: the oracle lets clean histories pass, names each planted violation by its rule, and excuses through a
 * hole exactly the message that the fault fell upon, never the next one, never rule 3. Method: no VM and no
 * debugger: the test tells the oracle what either end would tell it. Time moves by wait(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include "harness/oracle/oracle.h"
#include <stdlib.h>
#include <string.h>

enum { SENT = 0, ABANDONED = 1, RECEIVED = 0, NOTHING = 1 };

struct fixture {
    struct sim_world *world;
    struct sim_faults *faults;
    struct oracle *oracle;
    struct sim_vm_observer vm;
    struct dbg_observer dbg;
    unsigned judged; /* violations that a test has looked at */
};

/* One message of a test: tag tells it from others of its kind. */
struct body {
    uint16_t type;
    uint32_t bytes;
    uint8_t at[DBG_STATE_CHANGE_BYTES];
};

/* ---- fixture ------------------------------------------------------------------------------------------- */

static void create(struct fixture *f, enum sim_link link)
{
    struct sim_cost cost = sim_cost_default();
    struct oracle_config config = oracle_config_default(link, &cost);
    f->world = sim_world_create(1, &cost);
    f->faults = sim_faults_create(f->world);
    f->oracle = oracle_create(f->world, f->faults, &config);
    f->vm = oracle_vm_observer(f->oracle);
    f->dbg = oracle_dbg_observer(f->oracle);
    f->judged = 0;
}

static void destroy(struct fixture *f)
{
    oracle_destroy(f->oracle);
    sim_faults_destroy(f->faults);
    sim_world_destroy(f->world);
}

static void life(struct fixture *f, enum sim_life life_event)
{
    f->vm.life(f->vm.context, life_event);
}

static void note(struct fixture *f, enum dbg_note what, uint64_t a, uint64_t b, uint64_t c)
{
    f->dbg.note(f->dbg.context, what, a, b, c);
}

static void state(struct fixture *f, enum dbg_state dbg_state_now)
{
    note(f, DBG_NOTE_STATE, (uint64_t)dbg_state_now, 0, 0);
}

static void event(struct fixture *f, enum mk_trace_event what, uint32_t status)
{
    f->vm.api(f->vm.context, &(struct mk_trace){.event = what, .status = status});
}

static void attach(struct fixture *f)
{
    life(f, SIM_LIFE_ATTACH);
    note(f, DBG_NOTE_ATTACH, 0, 0, 0);
    state(f, DBG_RUNNING);
}

/* A guest that runs, a debugger that listens. */
static void start(struct fixture *f, enum sim_link link)
{
    create(f, link);
    life(f, SIM_LIFE_POWER_ON);
    attach(f);
    event(f, MK_TRACE_INITIALIZE, 0);
    event(f, MK_TRACE_BOOTED, 0);
}

static int set_up(void **context)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    start(f, SIM_LINK_BACKDOOR);
    *context = f;
    return 0;
}

static int tear_down(void **context)
{
    destroy(*context);
    free(*context);
    return 0;
}

static void restart(struct fixture *f, enum sim_link link)
{
    destroy(f);
    start(f, link);
}

/* ---- helpers: what the two ends do --------------------------------------------------------------------- */

static void wait(struct fixture *f, uint64_t for_ns)
{
    (void)sim_step(f->world, sim_now(f->world) + for_ns);
}

static struct body make(uint16_t type, uint32_t first, uint32_t bytes, uint8_t tag)
{
    struct body body = {.type = type, .bytes = bytes};
    dbg_put(body.at, 4, first);
    body.at[bytes - 1] = tag;
    return body;
}

static struct body print(uint8_t tag)
{
    return make(DBG_TYPE_DEBUG_IO, DBG_IO_PRINT, 24, tag);
}

static struct body stop(uint8_t tag)
{
    return make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_EXCEPTION, DBG_STATE_CHANGE_BYTES, tag);
}

static struct body read_message(uint8_t tag)
{
    return make(DBG_TYPE_MANIPULATE, DBG_API_READ_VIRTUAL, DBG_MANIPULATE_BYTES + 16, tag);
}

/* The kernel's report: header and data are apart there. */
static void kernel(struct fixture *f, enum mk_trace_event what, const struct body *body, uint32_t status)
{
    uint32_t header_bytes = body->bytes < 16 ? body->bytes : 16;
    f->vm.api(f->vm.context, &(struct mk_trace){.event = what,
                                                .type = body->type,
                                                .first = dbg_get32(body->at),
                                                .status = status,
                                                .header = body->at,
                                                .header_bytes = header_bytes,
                                                .data = body->at + header_bytes,
                                                .data_bytes = body->bytes - header_bytes});
}

static void accepted(struct fixture *f, const struct body *body)
{
    note(f, DBG_NOTE_ACCEPTED, body->type, DBG_ID_INITIAL, dbg_get32(body->at));
}

static void told(struct fixture *f, const struct body *body)
{
    f->dbg.message(f->dbg.context, body->type, body->at, body->bytes);
}

/* A packet as it should go. */
static void packet(struct fixture *f, struct body body)
{
    kernel(f, MK_TRACE_SEND, &body, 0);
    accepted(f, &body);
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
}

/* The first one of a guest has SYNC. */
static void packet_of_a_boot(struct fixture *f, struct body body)
{
    kernel(f, MK_TRACE_SEND, &body, 0);
    note(f, DBG_NOTE_ACCEPTED, body.type, DBG_ID_INITIAL | DBG_ID_SYNC, dbg_get32(body.at));
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    state(f, DBG_STOPPED);
}

static void asked(struct fixture *f, const struct body *body)
{
    state(f, DBG_WAIT_ACK);
    f->dbg.request(f->dbg.context, body->type, body->at, body->bytes);
    note(f, DBG_NOTE_SENT, body->type, DBG_ID_INITIAL, 1);
}

static void acked(struct fixture *f, const struct body *body)
{
    state(f, DBG_WAIT_REPLY);
    note(f, DBG_NOTE_ACKED, body->type, DBG_ID_INITIAL, 0);
}

/* A request as it should go, up to its reply. */
static void request(struct fixture *f, struct body body)
{
    asked(f, &body);
    kernel(f, MK_TRACE_RECEIVE, &body, RECEIVED);
    acked(f, &body);
}

static void reply(struct fixture *f, struct body body)
{
    packet(f, body);
    state(f, DBG_STOPPED);
}

static void stopped(struct fixture *f)
{
    event(f, MK_TRACE_STOP, 0);
    packet(f, stop(1));
    state(f, DBG_STOPPED);
}

static void wish(struct fixture *f)
{
    note(f, DBG_NOTE_BREAK_IN, 0, 0, 0);
}

static void poll(struct fixture *f, uint32_t status)
{
    wait(f, SIM_MS(16));
    event(f, MK_TRACE_POLL, status);
}

static void break_by_poll(struct fixture *f)
{
    poll(f, RECEIVED);
    event(f, MK_TRACE_BREAK, 0);
}

/* ---- helpers: what the oracle must have found ---------------------------------------------------------- */

static void assert_clean(struct fixture *f)
{
    if (oracle_violation_count(f->oracle) > f->judged)
        fail_msg("rule %u: %s", oracle_violation(f->oracle, f->judged)->rule,
                 oracle_violation(f->oracle, f->judged)->text);
}

/* The next violation is of this rule and says this. */
static void assert_violates(struct fixture *f, unsigned rule, const char *words)
{
    assert_true(oracle_violation_count(f->oracle) > f->judged);
    const struct oracle_violation *violation = oracle_violation(f->oracle, f->judged++);
    assert_int_equal(violation->time_ns, sim_now(f->world));
    if (violation->rule != rule || strstr(violation->text, words) == NULL)
        fail_msg("rule %u: %s; expected rule %u: %s", violation->rule, violation->text, rule, words);
}

static uint64_t excuses_of(const struct fixture *f, const char *hole)
{
    unsigned count = 0;
    const struct oracle_hole *holes = oracle_holes(&count);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(holes[i].name, hole) == 0)
            return oracle_excuses(f->oracle, i);
    fail_msg("no hole is called %s", hole);
    return 0;
}

static void finish_clean(struct fixture *f)
{
    oracle_finish(f->oracle);
    assert_clean(f);
}

/* ---- helpers: faults ----------------------------------------------------------------------------------- */

static void strike(struct fixture *f, enum sim_fault_direction direction, enum sim_fault_kind kind,
                   uint32_t bit, const uint8_t *frame, size_t frame_bytes)
{
    const struct sim_fault_rule rule = {
        .layer = SIM_FAULT_STREAM,
        .direction = direction,
        .kind = kind,
        .nth = 1,
        .count = 1,
        .bit = bit,
        .byte = kind == SIM_FAULT_DROP && bit != UINT32_MAX ? bit : SIM_FAULT_NO_BYTE,
        .delay_ns = SIM_S(1)};
    assert_int_equal(sim_faults_add(f->faults, &rule), KD_OK);
    assert_non_null(sim_faults_ask(f->faults, SIM_FAULT_STREAM, direction, DBG_TYPE_MANIPULATE, 0));
    oracle_fault(f->oracle, &rule, frame, frame_bytes);
}

static void flip_data(struct fixture *f, enum sim_fault_direction direction, uint32_t bit,
                      const struct body *body)
{
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    size_t frame_bytes = dbg_frame_data(frame, body->type, DBG_ID_INITIAL, body->at, body->bytes);
    strike(f, direction, SIM_FAULT_FLIP, bit, frame, frame_bytes);
}

static void flip_control(struct fixture *f, enum sim_fault_direction direction, uint32_t bit, uint16_t type)
{
    uint8_t frame[16];
    size_t frame_bytes = dbg_frame_control(frame, type, DBG_ID_INITIAL);
    strike(f, direction, SIM_FAULT_FLIP, bit, frame, frame_bytes);
}

/* A packet that the kernel believes sent, and that nobody took. */
static void lose_packet(struct fixture *f, const struct body *body)
{
    kernel(f, MK_TRACE_SENT, body, SENT);
}

/* ---- clean histories ----------------------------------------------------------------------------------- */

static void a_clean_conversation_passes_and_is_counted(void **context)
{
    struct fixture *f = *context;
    packet(f, print(1));
    packet(f, print(1));
    stopped(f);
    request(f, read_message(1));
    reply(f, read_message(2));
    event(f, MK_TRACE_RUN, 0);
    wait(f, SIM_S(100));
    finish_clean(f);
    struct oracle_counters counters = oracle_counters(f->oracle);
    assert_int_equal(counters.packets_sent, 4);
    assert_int_equal(counters.packets_delivered, 4);
    assert_int_equal(counters.requests_sent, 1);
    assert_int_equal(counters.requests_delivered, 1);
    assert_int_equal(counters.duplicates, 0);
    assert_int_equal(counters.epochs, 1);
}

static void what_nobody_is_there_to_hear_may_be_lost(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    life(f, SIM_LIFE_DETACH);
    note(f, DBG_NOTE_DETACH, 0, 0, 0);
    kernel(f, MK_TRACE_SEND, &body, 0);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    attach(f);
    packet(f, print(2));
    wait(f, SIM_S(100));
    finish_clean(f);
}

static void an_abandoned_packet_may_be_lost_or_arrive(void **context)
{
    struct fixture *f = *context;
    for (uint8_t arrives = 0; arrives <= 1; arrives++) {
        struct body body = print(arrives);
        kernel(f, MK_TRACE_SEND, &body, 0);
        kernel(f, MK_TRACE_SENT, &body, ABANDONED);
        if (arrives)
            told(f, &body);
        packet(f, print(10));
    }
    finish_clean(f);
    assert_int_equal(oracle_counters(f->oracle).packets_sent, 2);
}

static void every_end_of_an_epoch_may_lose_what_is_under_way(void **context)
{
    static const enum sim_life ends[] = {SIM_LIFE_RESET, SIM_LIFE_REBOOT, SIM_LIFE_POWER_ON};
    struct fixture *f = *context;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct body question = read_message((uint8_t)i), half = print((uint8_t)i);
        stopped(f);
        asked(f, &question);
        acked(f, &question);
        kernel(f, MK_TRACE_SEND, &half, 0);
        life(f, ends[i]);
        event(f, MK_TRACE_INITIALIZE, 0);
        packet(f, print(100));
    }
    finish_clean(f);
    assert_int_equal(oracle_counters(f->oracle).epochs, 4);
}

/* Only a hello does: a poll, a hello's reply, or too few bytes to tell end nothing. */
static void a_hello_ends_the_epoch_and_no_other_message_does(void **context)
{
    static const uint8_t hello[] = {0x46, 0x4B, 1, 1}, poll_request[] = {0x46, 0x4B, 1, 4};
    struct fixture *f = *context;
    struct body lost = print(1), missed = print(2);
    packet(f, print(0));
    kernel(f, MK_TRACE_SEND, &lost, 0);
    f->vm.rpc(f->vm.context, false, hello, sizeof hello);
    lose_packet(f, &lost);
    packet(f, print(1));
    assert_clean(f);
    kernel(f, MK_TRACE_SEND, &missed, 0);
    f->vm.rpc(f->vm.context, false, poll_request, sizeof poll_request);
    f->vm.rpc(f->vm.context, true, hello, sizeof hello);
    f->vm.rpc(f->vm.context, false, hello, 3);
    lose_packet(f, &missed);
    assert_violates(f, 1, "the debugger has not accepted it");
}

static void the_same_packet_of_the_next_boot_is_a_new_one(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    life(f, SIM_LIFE_RESET);
    packet(f, print(1));
    packet(f, print(2));
    wait(f, SIM_S(100));
    finish_clean(f);
}

/* The line is slow: the first packet of the boot before arrives when the next boot has sent the same one, and
 * what the boot before said behind it comes behind it. */
static void a_late_packet_of_the_boot_before_is_not_taken_for_its_twin(void **context)
{
    struct fixture *f = *context;
    struct body first = print(1), between = print(2), next = print(3);
    kernel(f, MK_TRACE_SEND, &first, 0);
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &between, 0);
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &first, 0);
    note(f, DBG_NOTE_ACCEPTED, first.type, DBG_ID_INITIAL | DBG_ID_SYNC, DBG_IO_PRINT);
    told(f, &first);
    told(f, &between);
    told(f, &first);
    kernel(f, MK_TRACE_SENT, &first, SENT);
    packet(f, next);
    assert_clean(f);
    told(f, &first);
    assert_violates(f, 1, "never sent");
}

static void an_orphan_of_a_void_request_passes(void **context)
{
    struct fixture *f = *context;
    struct body late = read_message(2);
    stopped(f);
    request(f, read_message(1));
    kernel(f, MK_TRACE_SEND, &late, 0);
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 0);
    accepted(f, &late);
    note(f, DBG_NOTE_ORPHAN, DBG_API_READ_VIRTUAL, 0, 0);
    kernel(f, MK_TRACE_SENT, &late, SENT);
    finish_clean(f);
}

/* ---- rule 1 -------------------------------------------------------------------------------------------- */

/* The relay does not trouble a new debugger with it (kd-protocol.md 2.12 rule 6), whether the kernel got the
 * request before or after the change; what the new one asks is answered. */
static void a_reply_to_the_debugger_before_may_be_lost_and_no_other(void **context)
{
    struct fixture *f = *context;
    for (uint8_t after = 0; after < 2; after++) {
        struct body question = read_message(after), answer = read_message((uint8_t)(10 + after));
        stopped(f);
        asked(f, &question);
        if (!after)
            kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
        note(f, DBG_NOTE_DETACH, 0, 0, 0);
        note(f, DBG_NOTE_ATTACH, 0, 0, 0);
        if (after)
            kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
        kernel(f, MK_TRACE_SEND, &answer, 0);
        lose_packet(f, &answer);
        assert_clean(f);
    }
    struct body answer = read_message(20);
    stopped(f);
    request(f, read_message(3));
    kernel(f, MK_TRACE_SEND, &answer, 0);
    lose_packet(f, &answer);
    assert_violates(f, 1, "the debugger has not accepted it");
}

static void a_packet_told_sent_that_the_debugger_has_not_is_found_at_once(void **context)
{
    struct fixture *f = *context;
    struct body body = print(7);
    kernel(f, MK_TRACE_SEND, &body, 0);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    assert_violates(f, 1, "not accepted it: debug_io print");
    packet(f, print(8));
    assert_clean(f);
}

static void an_accepted_packet_that_the_engine_never_sees_is_lost(void **context)
{
    struct fixture *f = *context;
    struct body body = print(7);
    kernel(f, MK_TRACE_SEND, &body, 0);
    accepted(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 1, "packet lost, sent at 0 ns: debug_io print");
}

static void a_packet_overtaken_is_lost_and_comes_too_late(void **context)
{
    struct fixture *f = *context;
    struct body first = print(1), second = print(2);
    kernel(f, MK_TRACE_SEND, &first, 0);
    accepted(f, &first);
    kernel(f, MK_TRACE_SENT, &first, SENT);
    kernel(f, MK_TRACE_SEND, &second, 0);
    accepted(f, &second);
    told(f, &second);
    assert_violates(f, 1, "packet lost");
    told(f, &first);
    assert_violates(f, 1, "never sent");
}

static void a_packet_delivered_twice_is_found(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    packet(f, body);
    told(f, &body);
    assert_violates(f, 1, "packet delivered twice");
    assert_int_equal(oracle_counters(f->oracle).duplicates, 1);
}

static void a_packet_that_was_never_sent_is_found(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    told(f, &body);
    assert_violates(f, 1, "packet delivered that was never sent: debug_io print");
}

static void a_packet_of_an_old_boot_behind_one_of_the_new_is_found(void **context)
{
    struct fixture *f = *context;
    struct body old = print(1);
    kernel(f, MK_TRACE_SEND, &old, 0);
    life(f, SIM_LIFE_RESET);
    packet(f, print(2));
    told(f, &old);
    assert_violates(f, 1, "never sent");
}

static void an_acknowledged_request_that_the_kernel_never_gets_is_found(void **context)
{
    struct fixture *f = *context;
    struct body lost = read_message(1), next = read_message(2);
    stopped(f);
    asked(f, &lost);
    acked(f, &lost);
    asked(f, &next);
    kernel(f, MK_TRACE_RECEIVE, &next, RECEIVED);
    assert_violates(f, 1, "request lost, sent at 0 ns: manipulate read_virtual");
}

static void a_request_served_twice_is_found(void **context)
{
    struct fixture *f = *context;
    struct body body = read_message(1);
    stopped(f);
    request(f, body);
    kernel(f, MK_TRACE_RECEIVE, &body, RECEIVED);
    assert_violates(f, 1, "request delivered twice");
}

static void a_request_out_of_nowhere_is_found(void **context)
{
    struct fixture *f = *context;
    struct body body = read_message(1);
    stopped(f);
    kernel(f, MK_TRACE_RECEIVE, &body, RECEIVED);
    assert_violates(f, 1, "request delivered that was never sent");
    kernel(f, MK_TRACE_RECEIVE, &body, NOTHING);
    assert_clean(f);
}

static void a_reply_without_request_is_found(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    note(f, DBG_NOTE_ORPHAN, DBG_API_READ_VIRTUAL, 0, 0);
    assert_violates(f, 1, "no request: read_virtual");
}

/* ---- rule 2 -------------------------------------------------------------------------------------------- */

static void a_changed_byte_is_found_where_it_is(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    body.at[20] ^= 4;
    accepted(f, &body);
    told(f, &body);
    assert_violates(f, 2, "packet differs from what was sent, first at byte 20 of 24");
    body.at[20] ^= 4;
    kernel(f, MK_TRACE_SENT, &body, SENT);
    assert_clean(f);
}

static void a_request_cut_short_is_found(void **context)
{
    struct fixture *f = *context;
    struct body body = read_message(1);
    stopped(f);
    asked(f, &body);
    body.bytes--;
    kernel(f, MK_TRACE_RECEIVE, &body, RECEIVED);
    assert_violates(f, 2, "request differs from what was sent, first at byte 71 of 71");
}

/* ---- rule 3 -------------------------------------------------------------------------------------------- */

static void a_send_that_does_not_return_is_found_at_the_end(void **context)
{
    struct fixture *f = *context;
    struct body body = stop(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(30));
    finish_clean(f);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(30) + 1);
    oracle_finish(f->oracle);
    assert_violates(f, 3, "stuck in KdSendPacket for 30000 ms: state_change64 exception");
}

static void a_send_that_returns_late_is_found_then(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(31));
    accepted(f, &body);
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    assert_violates(f, 3, "was stuck in KdSendPacket for 31000 ms");
}

static void with_nobody_attached_a_stop_may_wait_for_ever(void **context)
{
    struct fixture *f = *context;
    struct body body = stop(1);
    note(f, DBG_NOTE_DETACH, 0, 0, 0);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(1000));
    finish_clean(f);
    kernel(f, MK_TRACE_SEND, &body, 0);
    attach(f);
    wait(f, SIM_S(1));
    accepted(f, &body);
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    finish_clean(f);
}

static void faults_delay_the_bound_of_liveness(void **context)
{
    struct fixture *f = *context;
    struct body body = stop(1);
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    size_t frame_bytes = dbg_frame_data(frame, body.type, DBG_ID_INITIAL, body.at, body.bytes);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(29));
    strike(f, SIM_FAULT_TO_DEBUGGER, SIM_FAULT_DELAY, UINT32_MAX, frame, frame_bytes);
    wait(f, SIM_S(31)); /* the delay is a second */
    finish_clean(f);
    kernel(f, MK_TRACE_SEND, &body, 0);
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "stuck in KdSendPacket");
}

static void an_unanswered_request_is_found_at_the_end(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    request(f, read_message(1));
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "a request is unanswered for 31000 ms: manipulate read_virtual");
}

static void a_request_given_up_in_calm_weather_is_found(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    request(f, read_message(1));
    wait(f, SIM_S(10));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
    assert_violates(f, 3, "given up though nothing was faulty");
}

static void a_request_given_up_after_a_fault_or_a_reboot_or_void_is_not(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    request(f, read_message(1));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 0);
    request(f, read_message(2));
    life(f, SIM_LIFE_RESET);
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
    stopped(f);
    flip_control(f, SIM_FAULT_TO_DEBUGGER, 0, DBG_TYPE_ACK);
    wait(f, SIM_S(5));
    request(f, read_message(3));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
    assert_clean(f);
}

/* It is acknowledged as the repeat of what the debugger before asked, and dropped (2.5 R12). */
static void given_up_after_its_ack(struct fixture *f, uint8_t tag)
{
    struct body lost = read_message(tag);
    asked(f, &lost);
    acked(f, &lost);
    wait(f, SIM_S(10));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
    state(f, DBG_STOPPED);
}

static void on_serial_a_new_debuggers_first_request_may_pass_for_a_repeat(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    given_up_after_its_ack(f, 1);
    assert_clean(f);
    request(f, read_message(2));
    reply(f, read_message(3));
    finish_clean(f);
    given_up_after_its_ack(f, 4);
    assert_violates(f, 3, "given up though nothing was faulty");
}

/* A request of the debugger before arrives only now: that one's ids are not this one's. */
static void on_serial_a_request_of_the_debugger_before_settles_nothing(void **context)
{
    struct fixture *f = *context;
    struct body old = read_message(9);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    request(f, read_message(8));
    reply(f, read_message(7));
    asked(f, &old);
    life(f, SIM_LIFE_DETACH);
    note(f, DBG_NOTE_DETACH, 0, 0, 0);
    attach(f);
    kernel(f, MK_TRACE_RECEIVE, &old, RECEIVED);
    stopped(f);
    given_up_after_its_ack(f, 1);
    assert_clean(f);
}

static void on_serial_a_sync_packet_shows_a_new_debugger_where_ids_are(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    event(f, MK_TRACE_STOP, 0);
    packet_of_a_boot(f, stop(1));
    given_up_after_its_ack(f, 1);
    assert_violates(f, 3, "given up though nothing was faulty");
}

static void nobody_is_blamed_for_a_machine_that_stands_still(void **context)
{
    static const enum sim_life ways[][2] = {{SIM_LIFE_SUSPEND, SIM_LIFE_RESUME},
                                            {SIM_LIFE_PAUSE, SIM_LIFE_GO_ON}};
    struct fixture *f = *context;
    for (unsigned i = 0; i < 2; i++) {
        stopped(f);
        request(f, read_message(1));
        life(f, ways[i][0]);
        wait(f, SIM_S(31));
        note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
        request(f, read_message(2));
        note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
        life(f, ways[i][1]);
        wait(f, SIM_S(29));
        finish_clean(f);
        wait(f, SIM_S(31));
    }
    request(f, read_message(3));
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "a request is unanswered");
}

static void a_machine_that_stood_still_has_lost_nothing(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    life(f, SIM_LIFE_SUSPEND);
    life(f, SIM_LIFE_RESUME);
    kernel(f, MK_TRACE_SENT, &body, 0);
    assert_violates(f, 1, "counts as sent, but the debugger has not accepted it");
}

static void a_revert_ends_an_epoch_and_what_was_delivered_stays_so(void **context)
{
    struct fixture *f = *context;
    struct body lost = print(1), old = print(2);
    kernel(f, MK_TRACE_SEND, &lost, 0);
    life(f, SIM_LIFE_REVERT);
    packet(f, old);
    finish_clean(f);
    life(f, SIM_LIFE_REVERT);
    told(f, &old);
    assert_violates(f, 1, "packet delivered twice");
}

/* The VM reports a packet again that was under way in the snapshot. */
static void a_packet_sent_again_after_a_revert_is_another_one(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    packet(f, body);
    kernel(f, MK_TRACE_SEND, &body, 0);
    life(f, SIM_LIFE_REVERT);
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, 0);
    finish_clean(f);
}

static struct body farewell(void)
{
    struct body body = {.type = DBG_TYPE_STATE_CHANGE64, .bytes = 240};
    dbg_put(body.at, 4, DBG_STATE_LOAD_SYMBOLS);
    dbg_put(body.at + 40, 8, UINT64_MAX);
    body.at[64] = 1;
    return body;
}

/* Said by the relay, not by the kernel; the next boot's first packet ends it. */
static void a_relay_may_speak_for_a_target_that_is_off(void **context)
{
    struct fixture *f = *context;
    struct body notice = farewell(), refusal = read_message(1), asked_of_nobody = read_message(2),
                load = print(1);
    dbg_put(refusal.at + 8, 4, 0xC0000001u);
    life(f, SIM_LIFE_POWER_OFF);
    told(f, &notice);
    asked(f, &asked_of_nobody);
    told(f, &refusal);
    told(f, &notice);
    wait(f, SIM_S(100));
    assert_clean(f);
    life(f, SIM_LIFE_POWER_ON);
    packet(f, load);
    told(f, &notice);
    assert_violates(f, 1, "never sent");
}

static void a_relay_may_say_nothing_else_for_it(void **context)
{
    struct fixture *f = *context;
    struct body answer = read_message(1);
    life(f, SIM_LIFE_POWER_OFF);
    told(f, &answer);
    assert_violates(f, 1, "never sent");
}

static void on_serial_nobody_speaks_for_a_target_that_is_off(void **context)
{
    struct fixture *f = *context;
    struct body notice = farewell();
    restart(f, SIM_LINK_SERIAL);
    life(f, SIM_LIFE_POWER_OFF);
    told(f, &notice);
    assert_violates(f, 1, "never sent");
}

static void what_is_under_way_when_a_relay_dies_may_be_lost(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    life(f, SIM_LIFE_RELAY_KILL);
    kernel(f, MK_TRACE_SENT, &body, 0);
    life(f, SIM_LIFE_RELAY_RESTART);
    finish_clean(f);
}

static void a_debugger_that_cannot_resynchronise_is_found(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    state(f, DBG_SYNC);
    wait(f, SIM_S(20));
    state(f, DBG_WAIT_STATE);
    wait(f, SIM_S(11));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "the debugger cannot resynchronise for 31000 ms");
}

static void a_running_target_need_not_hear_resets(void **context)
{
    struct fixture *f = *context;
    state(f, DBG_SYNC);
    wait(f, SIM_S(100));
    finish_clean(f);
    state(f, DBG_RUNNING);
    state(f, DBG_SYNC);
    note(f, DBG_NOTE_BREAK_IN, 1, 0, 0);
    poll(f, RECEIVED);
    event(f, MK_TRACE_BREAK, 0);
    wait(f, SIM_S(100));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "cannot resynchronise");
}

static void a_finding_of_another_judge_counts(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    oracle_report(f->oracle, 7, "W9 target: 100 % wrong");
    assert_violates(f, 7, "W9 target: 100 % wrong");
    assert_clean(f);
}

static void storms_are_found(void **context)
{
    struct fixture *f = *context;
    for (unsigned i = 0; i < 64; i++)
        note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    assert_clean(f);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    assert_violates(f, 3, "more than 64 RESETs within a second");
    for (unsigned i = 0; i < 65; i++)
        note(f, DBG_NOTE_REPEAT, DBG_TYPE_DEBUG_IO, 0, 0);
    assert_violates(f, 3, "more than 64 repeated frames within a second");
    for (unsigned i = 0; i < 100; i++) {
        note(f, DBG_NOTE_REPEAT, DBG_TYPE_DEBUG_IO, 0, 0);
        note(f, DBG_NOTE_RESET_SENT, 0, 0, 0); /* the debugger's own wish, however often */
        wait(f, SIM_MS(100));
    }
    assert_clean(f);
}

/* ---- rule 4 -------------------------------------------------------------------------------------------- */

static void a_wish_honoured_in_its_tick_passes(void **context)
{
    struct fixture *f = *context;
    wish(f);
    event(f, MK_TRACE_POLL, NOTHING); /* it has not arrived yet */
    poll(f, NOTHING);
    break_by_poll(f);
    stopped(f);
    wait(f, SIM_S(100));
    finish_clean(f);
    assert_int_equal(oracle_counters(f->oracle).breaks_wished, 1);
    assert_int_equal(oracle_counters(f->oracle).breaks_honoured, 1);
}

static void a_wish_not_honoured_within_two_ticks_is_found(void **context)
{
    struct fixture *f = *context;
    wish(f);
    poll(f, NOTHING);
    assert_clean(f);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured within two ticks");
    poll(f, NOTHING);
    assert_clean(f);
}

static void a_wish_that_no_poll_looks_for_is_found_at_the_end(void **context)
{
    struct fixture *f = *context;
    wish(f);
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 4, "not honoured");
}

static void any_stop_satisfies_a_wish(void **context)
{
    struct fixture *f = *context;
    wish(f);
    stopped(f);
    event(f, MK_TRACE_RUN, 0);
    poll(f, NOTHING);
    poll(f, NOTHING);
    finish_clean(f);
}

static struct body resume(void)
{
    return make(DBG_TYPE_MANIPULATE, DBG_API_CONTINUE2, DBG_MANIPULATE_BYTES, 0);
}

/* The relay has the continue by then, and lets the byte wait; the kernel hears of the continue a little
 * later. */
static void a_wish_behind_the_continue_may_be_honoured(void **context)
{
    struct fixture *f = *context;
    struct body go = resume();
    stopped(f);
    asked(f, &go);
    wish(f);
    wait(f, SIM_MS(2));
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_clean(f);
}

/* The relay forgets it, but may have answered a poll with it that is under way. */
static void a_wish_whose_debugger_left_may_be_honoured_by_the_poll_under_way_alone(void **context)
{
    struct fixture *f = *context;
    for (unsigned polls = 0; polls < 2; polls++) {
        wish(f);
        wait(f, SIM_MS(1));
        note(f, DBG_NOTE_DETACH, 0, 0, 0);
        if (polls > 0)
            poll(f, NOTHING);
        break_by_poll(f);
        if (polls > 0)
            assert_violates(f, 4, "nobody wished");
        event(f, MK_TRACE_STOP, 0);
        event(f, MK_TRACE_RUN, 0);
        attach(f);
    }
    assert_clean(f);
}

/* The relay is not reverted with the guest: it tells of the wish when it is polled next. */
static void a_wish_from_before_a_revert_may_be_honoured(void **context)
{
    struct fixture *f = *context;
    wish(f);
    wait(f, SIM_MS(7));
    life(f, SIM_LIFE_REVERT);
    break_by_poll(f);
    assert_clean(f);
    stopped(f);
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

/* Whether the guest runs that is again, only its polls tell: a wish before the first one may be dropped by a
 * relay that believed it stopped, or kept by one that knew better. */
static void a_wish_between_a_revert_and_its_first_poll_may_be_honoured_or_not(void **context)
{
    struct fixture *f = *context;
    for (unsigned honoured = 0; honoured < 2; honoured++) {
        life(f, SIM_LIFE_REVERT);
        wish(f);
        for (unsigned i = 0; i < 4; i++)
            poll(f, NOTHING);
        if (honoured)
            break_by_poll(f);
        stopped(f);
        event(f, MK_TRACE_RUN, 0);
    }
    assert_clean(f);
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured within two ticks");
}

/* The relay drops what comes while a prompt is open, and may have had a byte before it. */
static void a_wish_beside_a_prompt_may_be_dropped_on_the_backdoor(void **context)
{
    struct fixture *f = *context;
    struct body ask = make(DBG_TYPE_DEBUG_IO, DBG_IO_PROMPT, 24, 1),
                answer = make(DBG_TYPE_DEBUG_IO, DBG_IO_PROMPT, 24, 2);
    wish(f);
    packet(f, ask);
    wish(f);
    request(f, answer);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_clean(f);
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured within two ticks");
}

/* A stop for a module has no report of its own when it is over: the continue that the kernel received is one.
 */
static void a_wish_after_a_load_must_be_honoured(void **context)
{
    struct fixture *f = *context;
    struct body go = resume();
    packet(f, make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1));
    request(f, go);
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured within two ticks");
}

static void a_break_that_nobody_wished_is_found(void **context)
{
    struct fixture *f = *context;
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void the_relay_merges_two_wishes_into_one_break(void **context)
{
    struct fixture *f = *context;
    wish(f);
    wish(f);
    break_by_poll(f);
    stopped(f);
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void on_serial_two_bytes_are_two_breaks(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    wish(f);
    wish(f);
    break_by_poll(f);
    stopped(f);
    event(f, MK_TRACE_RUN, 0);
    event(f, MK_TRACE_BREAK, 1);
    stopped(f);
    assert_clean(f);
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void a_byte_to_a_stopped_target_breaks_on_serial_and_not_through_the_relay(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    wish(f);
    wait(f, SIM_MS(10));
    event(f, MK_TRACE_RUN, 0);
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    wish(f);
    wait(f, SIM_MS(10));
    event(f, MK_TRACE_RUN, 0);
    event(f, MK_TRACE_BREAK, 1);
    assert_clean(f);
}

/* 2.7 rule 3: sixteen bytes, sixteen ticks. */
static void on_serial_a_reset_before_the_byte_costs_a_poll_a_byte(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
    wish(f);
    for (unsigned i = 0; i < 17; i++)
        poll(f, NOTHING);
    assert_clean(f);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

/* Whether it had heard them already, nobody can tell: each may be honoured once more, and no other. */
static void a_revert_brings_back_the_wishes_of_its_snapshot(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    wish(f);
    life(f, SIM_LIFE_SNAPSHOT);
    break_by_poll(f);
    life(f, SIM_LIFE_REVERT);
    break_by_poll(f);
    assert_clean(f);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
    wish(f);
    break_by_poll(f);
    life(f, SIM_LIFE_SNAPSHOT); /* honoured before it */
    life(f, SIM_LIFE_REVERT);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

/* The next guest gets the rest of it: noise, in which 0x62 is a break-in (2.4). */
static void on_serial_a_request_that_a_reset_cuts_may_break_in(void **context)
{
    struct fixture *f = *context;
    struct body question = read_message(DBG_BREAK_IN_BYTE), quiet = read_message(2);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    asked(f, &question);
    life(f, SIM_LIFE_RESET);
    break_by_poll(f);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "noise-break-in"), 1);
    stopped(f);
    asked(f, &question);
    state(f, DBG_WAIT_REPLY); /* by an ACK of before */
    life(f, SIM_LIFE_RESET);
    break_by_poll(f);
    assert_clean(f);
    stopped(f);
    asked(f, &quiet); /* no such byte in it */
    life(f, SIM_LIFE_RESET);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
    stopped(f);
    question.at[20] = 1;
    request(f, question); /* arrived as a whole */
    life(f, SIM_LIFE_RESET);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

/* An ACK of before it passes for the packet's; the next one has an id that is not expected then. */
static void on_serial_a_packet_may_be_lost_while_a_reset_is_unread(void **context)
{
    struct fixture *f = *context;
    struct body first = print(1), second = print(2), third = print(3), fourth = print(4);
    restart(f, SIM_LINK_SERIAL);
    packet(f, first);
    note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
    packet(f, second);
    kernel(f, MK_TRACE_SEND, &third, 0);
    lose_packet(f, &third);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "late-reset-answer"), 1);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    packet(f, first);
    packet(f, second);
    kernel(f, MK_TRACE_SEND, &fourth, 0);
    lose_packet(f, &fourth);
    assert_violates(f, 1, "not accepted");
}

/* And the relay may make a break of its own beside it. */
static void on_the_backdoor_a_request_that_a_reset_cuts_may_break_in(void **context)
{
    struct fixture *f = *context;
    struct body question = read_message(DBG_BREAK_IN_BYTE);
    stopped(f);
    asked(f, &question);
    life(f, SIM_LIFE_RESET);
    event(f, MK_TRACE_BREAK, 1);
    assert_int_equal(excuses_of(f, "noise-break-in"), 1);
    event(f, MK_TRACE_BREAK, 1);
    assert_clean(f);
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
}

/* It cannot know that the target stands until that says so. */
static void a_relay_that_is_new_may_keep_what_comes_at_a_stop(void **context)
{
    static const uint8_t send_request[] = {0x46, 0x4B, 1, 2};
    struct fixture *f = *context;
    stopped(f);
    life(f, SIM_LIFE_RELAY_RESTART);
    wish(f);
    wait(f, SIM_MS(1));
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_clean(f);
    stopped(f);
    life(f, SIM_LIFE_RELAY_RESTART);
    f->vm.rpc(f->vm.context, false, send_request, sizeof send_request);
    wish(f);
    wait(f, SIM_MS(1));
    event(f, MK_TRACE_RUN, 0);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

/* Whoever ends before it was told leaves the break to the next. */
static void a_break_that_a_guest_was_not_told_of_is_the_next_ones(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    life(f, SIM_LIFE_RESET);
    event(f, MK_TRACE_INITIALIZE, 0);
    event(f, MK_TRACE_BOOTED, 0);
    life(f, SIM_LIFE_RESET);
    event(f, MK_TRACE_INITIALIZE, 0);
    event(f, MK_TRACE_BREAK, 1);
    assert_clean(f);
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
}

static void a_guest_reset_while_stopped_may_be_made_to_break_in_once(void **context)
{
    struct fixture *f = *context;
    stopped(f);
    life(f, SIM_LIFE_RESET);
    event(f, MK_TRACE_INITIALIZE, 0);
    event(f, MK_TRACE_BREAK, 1);
    assert_clean(f);
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
    stopped(f);
    life(f, SIM_LIFE_REBOOT); /* by the debugger's own request: it knows */
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
}

/* ---- holes --------------------------------------------------------------------------------------------- */

static void every_hole_has_a_name_of_its_own_and_words(void **context)
{
    (void)context;
    unsigned count = 0;
    const struct oracle_hole *holes = oracle_holes(&count);
    assert_true(count >= 9);
    for (unsigned i = 0; i < count; i++) {
        assert_true(strlen(holes[i].name) > 0 && strlen(holes[i].what) > 20 &&
                    strlen(holes[i].legal_outcome) > 5);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(holes[i].name, holes[j].name);
    }
}

/* A flip in the header of a packet after which it never arrives: excused or not, and the next one never. */
static void header_flips_excuse_a_lost_packet_as_the_table_says_and_only_that_one(void **context)
{
    static const struct {
        uint32_t bit;
        const char *hole;                 /* NULL: the protocol recovers, nothing is excused */
    } rows[] = {{3, NULL},                /* leader */
                {32, "header-type-flip"}, /* PacketType */
                {47, "header-type-flip"},
                {48, NULL},             /* ByteCount cuts, it does not lose */
                {64, "header-id-flip"}, /* PacketId */
                {75, "header-id-flip"}, /* its SYNC bit */
                {96, NULL},             /* Checksum */
                {130, NULL}};           /* body */
    struct fixture *f = *context;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        restart(f, SIM_LINK_BACKDOOR);
        struct body hit = print((uint8_t)i), next = print(100), third = print(101);
        kernel(f, MK_TRACE_SEND, &hit, 0);
        flip_data(f, SIM_FAULT_TO_DEBUGGER, rows[i].bit, &hit);
        lose_packet(f, &hit);
        if (rows[i].hole == NULL) {
            assert_violates(f, 1, "not accepted");
        } else {
            assert_clean(f);
            assert_int_equal(excuses_of(f, rows[i].hole), 1);
        }
        bool id = rows[i].bit >= 64 && rows[i].bit < 96;
        kernel(f, MK_TRACE_SEND, &next, 0);
        lose_packet(f, &next);
        if (!id) /* counters out of step cost one more */
            assert_violates(f, 1, "not accepted");
        kernel(f, MK_TRACE_SEND, &third, 0);
        lose_packet(f, &third);
        assert_violates(f, 1, "not accepted");
        assert_clean(f);
    }
}

static void a_type_flip_excuses_delivery_under_the_other_type(void **context)
{
    struct fixture *f = *context;
    struct body hit = print(1);
    kernel(f, MK_TRACE_SEND, &hit, 0);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 35, &hit);
    hit.type = DBG_TYPE_FILE_IO;
    told(f, &hit);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "header-type-flip"), 1);
    hit.type = DBG_TYPE_DEBUG_IO;
    kernel(f, MK_TRACE_SENT, &hit, SENT);
    told(f, &hit);
    assert_violates(f, 1, "delivered twice");
}

/* To the debugger the repeat is another SYNC frame. Without the bit it is a repeat. */
static void a_type_flip_of_a_sync_frame_lets_it_come_twice(void **context)
{
    struct fixture *f = *context;
    for (uint32_t sync = 0; sync <= DBG_ID_SYNC; sync += DBG_ID_SYNC) {
        struct body load = stop((uint8_t)(9 + (sync != 0))), strange = load;
        uint8_t frame[DBG_FRAME_BYTES_MAX];
        size_t frame_bytes = dbg_frame_data(frame, load.type, DBG_ID_INITIAL | sync, load.at, load.bytes);
        strange.type = 0x407;
        kernel(f, MK_TRACE_SEND, &load, 0);
        strike(f, SIM_FAULT_TO_DEBUGGER, SIM_FAULT_FLIP, 42, frame, frame_bytes);
        told(f, &strange);
        assert_clean(f);
        told(f, &load);
        if (sync == 0)
            assert_violates(f, 1, "packet delivered twice");
        assert_clean(f);
    }
}

static void a_type_flip_excuses_a_lost_request_and_not_the_next(void **context)
{
    struct fixture *f = *context;
    struct body hit = read_message(1), next = read_message(2), third = read_message(3);
    stopped(f);
    asked(f, &hit);
    flip_data(f, SIM_FAULT_TO_TARGET, 32, &hit);
    acked(f, &hit);
    asked(f, &next);
    acked(f, &next);
    asked(f, &third);
    kernel(f, MK_TRACE_RECEIVE, &third, RECEIVED);
    assert_violates(f, 1, "request lost");
    assert_clean(f);
    assert_int_equal(excuses_of(f, "header-type-flip"), 1);
}

static void an_id_flip_of_a_repeat_excuses_a_second_delivery_and_no_third(void **context)
{
    struct fixture *f = *context;
    struct body hit = print(1);
    packet(f, hit);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 64, &hit);
    told(f, &hit);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "header-id-flip"), 1);
    packet(f, print(2));
    told(f, &hit);
    assert_violates(f, 1, "never sent");
}

static void a_count_flip_excuses_a_shorter_body_but_no_loss(void **context)
{
    struct fixture *f = *context;
    struct body hit = print(1), cut = hit;
    kernel(f, MK_TRACE_SEND, &hit, 0);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 51, &hit);
    cut.bytes -= 8;
    accepted(f, &cut);
    told(f, &cut);
    kernel(f, MK_TRACE_SENT, &hit, SENT);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "header-count-flip"), 1);
}

static void a_false_reset_ends_the_epoch_and_the_last_packet_comes_again(void **context)
{
    struct fixture *f = *context;
    struct body half = print(2), question = read_message(1);
    stopped(f);
    asked(f, &question);
    kernel(f, MK_TRACE_SEND, &half, 0);
    accepted(f, &half);
    told(f, &half);
    flip_control(f, SIM_FAULT_TO_TARGET, 33, DBG_TYPE_ACK); /* 4 becomes 6 */
    note(f, DBG_NOTE_RESET_SEEN, 0, 0, 0);
    told(f, &half);
    kernel(f, MK_TRACE_SENT, &half, SENT);
    acked(f, &question);
    request(f, read_message(2));
    assert_clean(f);
    assert_int_equal(excuses_of(f, "control-type-flip"), 1);
}

/* 4 becomes 5, or 12: a repeat, or nothing at all. */
static void a_false_resend_excuses_nothing(void **context)
{
    struct fixture *f = *context;
    for (uint32_t bit = 32; bit <= 35; bit += 3) {
        struct body body = print((uint8_t)bit);
        kernel(f, MK_TRACE_SEND, &body, 0);
        flip_control(f, SIM_FAULT_TO_TARGET, bit, DBG_TYPE_ACK);
        lose_packet(f, &body);
        assert_violates(f, 1, "not accepted");
    }
}

static void compensating_flips_excuse_changed_bytes_and_one_flip_does_not(void **context)
{
    struct fixture *f = *context;
    struct body hit = print(0x10), changed = hit;
    hit.at[20] = 0x00;
    hit.at[21] = 0x04;
    memcpy(changed.at, hit.at, sizeof hit.at);
    changed.at[20] = 0x04;
    changed.at[21] = 0x00;
    for (unsigned flips = 1; flips <= 2; flips++) {
        kernel(f, MK_TRACE_SEND, &hit, 0);
        flip_data(f, SIM_FAULT_TO_DEBUGGER, 8 * (16 + 20) + 2, &hit);
        if (flips == 2)
            flip_data(f, SIM_FAULT_TO_DEBUGGER, 8 * (16 + 21) + 2, &hit);
        accepted(f, &changed);
        told(f, &changed);
        if (flips == 1)
            assert_violates(f, 2, "differs");
        kernel(f, MK_TRACE_SENT, &hit, SENT);
        assert_clean(f);
        wait(f, SIM_MS(1));
    }
    assert_int_equal(excuses_of(f, "compensating-flips"), 1);
}

/* A rule may name a bit that a byte does not have: then nothing was changed, and the wish stands. */
static void a_break_in_byte_that_a_fault_misses_is_a_wish(void **context)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    static const struct {
        enum sim_fault_kind kind;
        uint32_t misses, hits;
    } faults[] = {{SIM_FAULT_FLIP, 8, 7}, {SIM_FAULT_DROP, 1, 0}};
    struct fixture *f = *context;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        wish(f);
        strike(f, SIM_FAULT_TO_TARGET, faults[i].kind, faults[i].misses, &byte, 1);
        break_by_poll(f);
        assert_clean(f);
        assert_int_equal(excuses_of(f, "break-in-hit"), i);
        wish(f);
        strike(f, SIM_FAULT_TO_TARGET, faults[i].kind, faults[i].hits, &byte, 1);
        break_by_poll(f);
        assert_violates(f, 4, "nobody wished");
    }
}

static void a_break_in_byte_that_was_hit_demands_nothing(void **context)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    struct fixture *f = *context;
    wish(f);
    strike(f, SIM_FAULT_TO_TARGET, SIM_FAULT_DROP, UINT32_MAX, &byte, 1);
    poll(f, NOTHING);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "break-in-hit"), 1);
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

static void a_delayed_break_in_byte_is_waited_for(void **context)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    struct fixture *f = *context;
    wish(f);
    strike(f, SIM_FAULT_TO_TARGET, SIM_FAULT_DELAY, UINT32_MAX, &byte, 1);
    for (unsigned i = 0; i < 60; i++)
        poll(f, NOTHING);
    assert_clean(f);
    for (unsigned i = 0; i < 4; i++)
        poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

/* The RPC of a poll failed: that poll says nothing, and only that one. */
static void a_poll_that_a_fault_spoilt_does_not_count(void **context)
{
    const struct sim_fault_rule lost = {
        .layer = SIM_FAULT_RPC, .direction = SIM_FAULT_REPLY, .kind = SIM_FAULT_LOSE, .nth = 1, .count = 1};
    struct fixture *f = *context;
    wish(f);
    assert_int_equal(sim_faults_add(f->faults, &lost), KD_OK);
    assert_non_null(sim_faults_ask(f->faults, SIM_FAULT_RPC, SIM_FAULT_REPLY, 4, 0));
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_clean(f);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

static void a_wish_behind_a_delayed_frame_is_waited_for(void **context)
{
    struct fixture *f = *context;
    uint8_t frame[16];
    size_t frame_bytes = dbg_frame_control(frame, DBG_TYPE_ACK, DBG_ID_INITIAL);
    strike(f, SIM_FAULT_TO_TARGET, SIM_FAULT_DELAY, UINT32_MAX, frame, frame_bytes);
    wish(f);
    for (unsigned i = 0; i < 60; i++)
        poll(f, NOTHING);
    assert_clean(f);
    for (unsigned i = 0; i < 4; i++)
        poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

static void a_misframed_request_may_swallow_a_wish_but_only_for_a_while(void **context)
{
    struct fixture *f = *context;
    struct body body = read_message(1);
    flip_data(f, SIM_FAULT_TO_TARGET, 50, &body);
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "misframe"), 1);
    wait(f, SIM_S(2));
    wish(f);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

/* The next debugger's byte stands where the rest of the old one's ACK should. Later the line is empty. */
static void a_line_that_goes_away_in_a_frame_may_swallow_a_wish(void **context)
{
    struct fixture *f = *context;
    restart(f, SIM_LINK_SERIAL);
    for (unsigned later = 0; later < 2; later++) {
        packet(f, print((uint8_t)later));
        wait(f, later ? SIM_S(3) : 0);
        life(f, SIM_LIFE_DETACH);
        note(f, DBG_NOTE_DETACH, 0, 0, 0);
        attach(f);
        wish(f);
        for (unsigned i = 0; i < 40 && oracle_violation_count(f->oracle) == 0; i++)
            poll(f, NOTHING);
        assert_int_equal(excuses_of(f, "misframe"), 1);
        if (!later)
            assert_clean(f);
    }
    assert_violates(f, 4, "not honoured");
}

/* A fault on a request whose body has one 0x62. */
static void spoil_request(struct fixture *f, enum sim_fault_kind kind, uint32_t byte, uint64_t delay_ns)
{
    const struct sim_fault_rule rule = {.layer = SIM_FAULT_UART,
                                        .direction = SIM_FAULT_TO_TARGET,
                                        .kind = kind,
                                        .byte = byte,
                                        .delay_ns = delay_ns,
                                        .len_bytes = 2,
                                        .value = kind == SIM_FAULT_INSERT ? 0x55 : SIM_FAULT_NO_VALUE};
    struct body body = read_message(DBG_BREAK_IN_BYTE);
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    size_t frame_bytes = dbg_frame_data(frame, body.type, DBG_ID_INITIAL, body.at, body.bytes);
    oracle_fault(f->oracle, &rule, frame, frame_bytes);
}

static void a_frame_that_is_torn_becomes_noise(void **context)
{
    struct fixture *f = *context;
    spoil_request(f, SIM_FAULT_SPLIT, 20, SIM_S(1));
    spoil_request(f, SIM_FAULT_INSERT, 20, 0);
    spoil_request(f, SIM_FAULT_FRAMING, 20, 0);
    spoil_request(f, SIM_FAULT_OVERRUN, 20, 0);
    for (unsigned i = 0; i < 4; i++)
        break_by_poll(f);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "noise-break-in"), 4);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void a_frame_that_stays_whole_excuses_no_break(void **context)
{
    struct fixture *f = *context;
    spoil_request(f, SIM_FAULT_SPLIT, 20, SIM_MS(5));
    spoil_request(f, SIM_FAULT_INSERT, 0, 0); /* in front of it, and no 0x62 */
    spoil_request(f, SIM_FAULT_JOIN, 0, SIM_MS(5));
    spoil_request(f, SIM_FAULT_STALL, 0, SIM_S(1));
    spoil_request(f, SIM_FAULT_DUPLICATE, 0, 0);
    spoil_request(f, SIM_FAULT_DISCONNECT, 0, 0);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void drawn_noise_may_break_in_once_for_each_byte(void **context)
{
    struct fixture *f = *context;
    spoil_request(f, SIM_FAULT_NOISE, 0, 0);
    break_by_poll(f);
    break_by_poll(f);
    assert_clean(f);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

/* The fault names a byte behind the only one: nothing befell it, and the wish stands. */
static void a_break_in_byte_that_the_fault_misses_is_still_a_wish(void **context)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    const struct sim_fault_rule overrun = {
        .layer = SIM_FAULT_UART, .direction = SIM_FAULT_TO_TARGET, .kind = SIM_FAULT_OVERRUN, .byte = 8};
    struct fixture *f = *context;
    wish(f);
    oracle_fault(f->oracle, &overrun, &byte, 1);
    break_by_poll(f);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "break-in-hit"), 0);
}

static void a_break_in_byte_with_a_framing_error_needs_one_poll_more(void **context)
{
    static const uint8_t byte = DBG_BREAK_IN_BYTE;
    struct fixture *f = *context;
    const struct sim_fault_rule rule = {
        .layer = SIM_FAULT_UART, .direction = SIM_FAULT_TO_TARGET, .kind = SIM_FAULT_FRAMING};
    wish(f);
    oracle_fault(f->oracle, &rule, &byte, 1);
    poll(f, NOTHING);
    poll(f, NOTHING);
    assert_clean(f);
    poll(f, NOTHING);
    assert_violates(f, 4, "not honoured");
}

static void noise_with_0x62_in_it_may_break_in_as_often(void **context)
{
    struct fixture *f = *context;
    struct body body = read_message(DBG_BREAK_IN_BYTE);
    flip_data(f, SIM_FAULT_TO_TARGET, 0, &body); /* its leader is none any more */
    break_by_poll(f);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "noise-break-in"), 1);
    break_by_poll(f);
    assert_violates(f, 4, "nobody wished");
}

static void a_packet_may_come_again_after_a_reset_and_only_once_it_was_the_last(void **context)
{
    struct fixture *f = *context;
    struct body last = print(1);
    packet(f, last);
    note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    told(f, &last);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "reset-repeat"), 1);
    packet(f, print(2));
    packet(f, print(3));
    told(f, &last);
    assert_violates(f, 1, "never sent");
}

/* Both count anew from the answer on: what is sent behind it arrives. */
static void a_packet_behind_an_answered_reset_may_not_be_lost(void **context)
{
    struct fixture *f = *context;
    struct body line = print(2);
    packet(f, print(1));
    note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    kernel(f, MK_TRACE_SEND, &line, 0);
    kernel(f, MK_TRACE_SENT, &line, SENT);
    assert_violates(f, 1, "has not accepted it");
}

/* Another RESET is on its way, or one that answers nothing has come, or a copy may have been hit. */
static void a_packet_behind_an_open_reset_may_be_lost(void **context)
{
    struct fixture *f = *context;
    struct body line = print(2);
    for (unsigned way = 0; way < 3; way++) {
        packet(f, print(1));
        note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
        note(f, DBG_NOTE_RESET_SEEN, way != 1, 0, 0);
        if (way == 0)
            note(f, DBG_NOTE_RESET_SENT, 0, 0, 0);
        if (way == 2)
            flip_data(f, SIM_FAULT_TO_DEBUGGER, 8 * 20, &line); /* recovered, by an ACK that was another's */
        kernel(f, MK_TRACE_SEND, &line, 0);
        kernel(f, MK_TRACE_SENT, &line, SENT);
        assert_clean(f);
        note(f, DBG_NOTE_ACKED, DBG_TYPE_MANIPULATE, DBG_ID_INITIAL, 0);
        line.at[20]++;
    }
}

/* 2.6 N6: the request's arrival is taken for the packet's ACK. */
static void a_request_that_crosses_a_packet_may_acknowledge_it_unseen(void **context)
{
    struct fixture *f = *context;
    struct body again = stop(1), question = read_message(1);
    stopped(f);
    asked(f, &question);
    kernel(f, MK_TRACE_SEND, &again, 0);
    kernel(f, MK_TRACE_SENT, &again, SENT);
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    acked(f, &question);
    reply(f, read_message(2));
    assert_clean(f);
    assert_int_equal(excuses_of(f, "implicit-ack"), 1);
    kernel(f, MK_TRACE_SEND, &again, 0);
    kernel(f, MK_TRACE_SENT, &again, SENT);
    assert_violates(f, 1, "not accepted");
}

/* A request to a kernel that is gone: written before the reset, or after it by a debugger that cannot know.
 */
static void a_request_to_the_kernel_before_must_not_reach_the_next_one(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    for (uint8_t after = 0; after < 2; after++) {
        struct body question = read_message(after);
        stopped(f);
        wait(f, SIM_MS(1));
        if (!after)
            asked(f, &question);
        life(f, SIM_LIFE_RESET);
        if (after)
            asked(f, &question);
        packet_of_a_boot(f, load);
        kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
        assert_violates(f, 1, "delivered to the kernel after its own was gone");
        request(f, read_message(2)); /* the debugger has seen the new one */
        reply(f, read_message(3));
        assert_clean(f);
    }
}

/* Then the debugger takes what the new one says for a repeat, and repeats what it has asked. */
static void a_guest_that_begins_as_the_one_before_gets_what_that_one_was_asked(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body question = read_message(1);
    packet_of_a_boot(f, load);
    asked(f, &question);
    wait(f, SIM_MS(1));
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    note(f, DBG_NOTE_REPEAT, load.type, DBG_ID_INITIAL | DBG_ID_SYNC, 0);
    note(f, DBG_NOTE_SENT, question.type, DBG_ID_INITIAL, 2);
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    assert_clean(f);
}

/* And when its ACK of what it asked was lost, the new kernel is asked it too. Neither holds for another
 * packet. */
static void a_guest_that_begins_as_the_one_before_may_lose_its_first_packet(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body other = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 2);
    struct body question = read_message(1);
    restart(f, SIM_LINK_SERIAL);
    packet_of_a_boot(f, load);
    asked(f, &question);
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    wait(f, SIM_S(1));
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    note(f, DBG_NOTE_REPEAT, load.type, DBG_ID_INITIAL | DBG_ID_SYNC, 0);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "same-start"), 2);
    wait(f, SIM_S(1));
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &other, 0);
    note(f, DBG_NOTE_REPEAT, other.type, DBG_ID_INITIAL | DBG_ID_SYNC, 0);
    kernel(f, MK_TRACE_SENT, &other, SENT);
    assert_violates(f, 1, "the debugger has not accepted it");
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    assert_violates(f, 1, "request delivered twice");
}

/* It lay in the debugger's queue when the next boot began with an equal one. */
static void a_packet_that_was_accepted_is_told_before_an_equal_one_of_the_next_boot(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    kernel(f, MK_TRACE_SEND, &load, 0);
    accepted(f, &load);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    told(f, &load); /* the debugger starts over, and tells what it had kept */
    note(f, DBG_NOTE_ACCEPTED, load.type, DBG_ID_INITIAL | DBG_ID_SYNC, DBG_STATE_LOAD_SYMBOLS);
    told(f, &load);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    finish_clean(f);
    told(f, &load);
    assert_violates(f, 1, "packet delivered twice");
}

/* It was in the guest's hands at the snapshot; what was sent since is under way all the same. */
static void on_serial_a_revert_brings_back_the_request_of_its_snapshot(void **context)
{
    struct fixture *f = *context;
    struct body kept = read_message(1), since = read_message(2);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    asked(f, &kept);
    life(f, SIM_LIFE_SNAPSHOT);
    kernel(f, MK_TRACE_RECEIVE, &kept, RECEIVED);
    acked(f, &kept);
    reply(f, read_message(3));
    request(f, read_message(4));
    reply(f, read_message(5));
    asked(f, &since);
    life(f, SIM_LIFE_REVERT);
    kernel(f, MK_TRACE_RECEIVE, &kept, RECEIVED);
    kernel(f, MK_TRACE_RECEIVE, &since, RECEIVED);
    assert_clean(f);
    kernel(f, MK_TRACE_RECEIVE, &kept, RECEIVED);
    assert_violates(f, 1, "request delivered that was never sent");
}

/* What a guest was sending at its snapshot is told right before the revert, and is its own. */
static void a_guest_that_is_again_may_be_asked_once_it_was_heard(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body question = read_message(1);
    kernel(f, MK_TRACE_SEND, &load, 0);
    life(f, SIM_LIFE_REVERT);
    note(f, DBG_NOTE_ACCEPTED, load.type, DBG_ID_INITIAL | DBG_ID_SYNC, DBG_STATE_LOAD_SYMBOLS);
    told(f, &load);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    request(f, question);
    assert_clean(f);
    assert_int_equal(excuses_of(f, "late-ack"), 0);
}

/* It is no ACK of the SYNC packet, through a relay or not (2.15). */
static void on_serial_a_request_to_the_kernel_before_is_no_ack_either(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body question = read_message(1);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    wait(f, SIM_S(1));
    asked(f, &question);
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    assert_violates(f, 1, "the debugger has not accepted it");
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
    assert_violates(f, 1, "delivered to the kernel after its own was gone");
}

/* Two ACKs are on the line, and the older one is for the guest before: that the debugger has the SYNC packet
 * does not take it back. The stale request that it lets pass has the id of the first one meant for this
 * kernel. */
static void a_late_ack_stays_late_and_costs_the_first_request_that_is_meant(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body stale = read_message(1), meant = read_message(2), next = read_message(3);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    asked(f, &stale);
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    note(f, DBG_NOTE_ACCEPTED, load.type, DBG_ID_INITIAL | DBG_ID_SYNC, DBG_STATE_LOAD_SYMBOLS);
    told(f, &load);
    state(f, DBG_STOPPED);
    asked(f, &meant);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    kernel(f, MK_TRACE_RECEIVE, &stale, RECEIVED);
    acked(f, &meant);
    wait(f, SIM_S(10));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1); /* it passed for a repeat */
    assert_clean(f);
    state(f, DBG_STOPPED);
    asked(f, &next);
    acked(f, &next);
    wait(f, SIM_S(10));
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
    assert_violates(f, 3, "given up though nothing was faulty");
}

/* The fault is known only when the ACK is written. */
static void a_delayed_ack_is_late_for_the_boots_until_it_comes(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body stale = read_message(1);
    uint8_t frame[16];
    size_t frame_bytes = dbg_frame_control(frame, DBG_TYPE_ACK, DBG_ID_INITIAL);
    restart(f, SIM_LINK_SERIAL);
    stopped(f);
    strike(f, SIM_FAULT_TO_TARGET, SIM_FAULT_DELAY, UINT32_MAX, frame, frame_bytes); /* by a second */
    asked(f, &stale);
    for (unsigned boots = 0; boots < 2; boots++) {
        wait(f, SIM_MS(400));
        life(f, SIM_LIFE_RESET);
        kernel(f, MK_TRACE_SEND, &load, 0);
        kernel(f, MK_TRACE_SENT, &load, SENT);
        assert_clean(f);
    }
    wait(f, SIM_MS(400));
    life(f, SIM_LIFE_RESET);
    packet_of_a_boot(f, load); /* it has come */
    life(f, SIM_LIFE_RESET);
    wait(f, SIM_MS(400));
    load.at[20]++;
    kernel(f, MK_TRACE_SEND, &load, 0);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    assert_violates(f, 1, "the debugger has not accepted it");
    kernel(f, MK_TRACE_RECEIVE, &stale, RECEIVED);
    assert_violates(f, 1, "delivered to the kernel after its own was gone");
}

/* A guest is reset that has not read a request, and maybe the ACK of a print behind it; load is what the next
 * one begins with, which the debugger never gets. */
static void reset_in_front_of_an_unread_request(struct fixture *f, bool ack_is_behind, struct body *load)
{
    struct body unread = read_message(load->at[20]);
    stopped(f);
    wait(f, SIM_MS(1));
    asked(f, &unread);
    wait(f, SIM_MS(1));
    if (ack_is_behind)
        packet(f, print(2));
    wait(f, SIM_S(1));
    life(f, SIM_LIFE_RESET);
    load->at[20]++;
    kernel(f, MK_TRACE_SEND, load, 0);
    kernel(f, MK_TRACE_SENT, load, SENT);
}

/* However long ago it was written: bytes keep their order, and nobody has read them. One in front of the
 * request may have been read. */
static void on_serial_an_ack_behind_an_unread_request_is_late(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    restart(f, SIM_LINK_SERIAL);
    reset_in_front_of_an_unread_request(f, true, &load);
    packet_of_a_boot(f, stop(3)); /* load was lost */
    assert_clean(f);
    assert_int_equal(excuses_of(f, "late-ack"), 1);
    reset_in_front_of_an_unread_request(f, false, &load);
    assert_violates(f, 1, "the debugger has not accepted it");
}

static void of_two_equal_requests_the_one_that_is_meant_arrives(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body question = read_message(1);
    stopped(f);
    asked(f, &question);
    wait(f, SIM_S(1));
    life(f, SIM_LIFE_RESET);
    packet_of_a_boot(f, load);
    request(f, question);
    assert_clean(f);
    kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED); /* and the other one never */
    assert_violates(f, 1, "request delivered twice");
}

/* An ACK comes twice: whoever counts them counts one too many. */
static void strike_ack(struct fixture *f)
{
    uint8_t frame[16];
    size_t frame_bytes = dbg_frame_control(frame, DBG_TYPE_ACK, DBG_ID_INITIAL);
    strike(f, SIM_FAULT_TO_TARGET, SIM_FAULT_DUPLICATE, UINT32_MAX, frame, frame_bytes);
}

/* The ACK of the last packet before, whose id is that of the SYNC packet too, is on its way at the reset, or
 * is written behind it for a packet that came late. */
static void a_late_ack_may_acknowledge_the_first_packet_of_a_boot(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body question = read_message(1), old = print(1);
    strike_ack(f);
    for (unsigned behind = 0; behind < 2; behind++) {
        old.at[20]++;
        load.at[20]++;
        question.at[20]++;
        kernel(f, MK_TRACE_SEND, &old, 0);
        if (!behind)
            accepted(f, &old);
        life(f, SIM_LIFE_RESET);
        kernel(f, MK_TRACE_SEND, &load, 0);
        if (behind)
            accepted(f, &old);
        told(f, &old);
        asked(f, &question);
        kernel(f, MK_TRACE_SENT, &load, SENT);
        kernel(f, MK_TRACE_RECEIVE, &question, RECEIVED);
        packet_of_a_boot(f, stop(1)); /* load was lost */
        assert_clean(f);
        assert_int_equal(excuses_of(f, "late-ack"), 2 * (behind + 1));
    }
}

/* A relay counts the ACKs that are still to come for what was said before (2.15), and is wrong only when a
 * fault loses or doubles one. */
static void on_the_backdoor_a_late_ack_may_acknowledge_only_after_a_fault(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    for (unsigned faulty = 0; faulty < 2; faulty++) {
        if (faulty)
            strike_ack(f);
        packet(f, print((uint8_t)faulty));
        life(f, SIM_LIFE_RESET);
        load.at[20]++;
        kernel(f, MK_TRACE_SEND, &load, 0);
        kernel(f, MK_TRACE_SENT, &load, SENT);
        if (!faulty)
            assert_violates(f, 1, "not accepted");
    }
    packet_of_a_boot(f, stop(1)); /* load was lost */
    assert_clean(f);
    assert_int_equal(excuses_of(f, "late-ack"), 1);
}

/* A reply was lost, and the module says hello: it sends once more what it was sending, but for a reply to a
 * request that nobody has made in this epoch. */
static void what_is_sent_at_a_hello_may_come_once_more_and_a_reply_may_not(void **context)
{
    static const uint8_t hello[] = {0x46, 0x4B, 1, 1};
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body answer = read_message(9);
    kernel(f, MK_TRACE_SEND, &load, 0);
    accepted(f, &load);
    told(f, &load);
    f->vm.rpc(f->vm.context, false, hello, sizeof hello);
    accepted(f, &load);
    told(f, &load);
    assert_clean(f);
    told(f, &load);
    assert_violates(f, 1, "delivered twice");
    kernel(f, MK_TRACE_SENT, &load, SENT);
    request(f, read_message(1));
    kernel(f, MK_TRACE_SEND, &answer, 0);
    accepted(f, &answer);
    told(f, &answer);
    f->vm.rpc(f->vm.context, false, hello, sizeof hello);
    told(f, &answer);
    assert_violates(f, 1, "delivered twice");
}

/* A stop that the guest gave up because nobody answered it, while its debugger waits at it. */
static void a_guest_that_says_hello_while_its_debugger_waits_may_be_made_to_break_in_once(void **context)
{
    static const uint8_t hello[] = {0x46, 0x4B, 1, 1};
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    struct body go = make(DBG_TYPE_MANIPULATE, DBG_API_CONTINUE2, DBG_MANIPULATE_BYTES, 1);
    for (unsigned waits = 0; waits < 2; waits++) {
        kernel(f, MK_TRACE_SEND, &load, 0);
        accepted(f, &load);
        told(f, &load);
        if (!waits)
            request(f, go);
        kernel(f, MK_TRACE_SENT, &load, waits ? ABANDONED : SENT);
        f->vm.rpc(f->vm.context, false, hello, sizeof hello);
        event(f, MK_TRACE_BREAK, 1);
        if (!waits)
            assert_violates(f, 4, "nobody wished");
        event(f, MK_TRACE_STOP, 0);
        event(f, MK_TRACE_RUN, 0);
    }
    assert_clean(f);
    event(f, MK_TRACE_BREAK, 1);
    assert_violates(f, 4, "nobody wished");
}

static void an_ack_that_came_before_the_boot_acknowledges_nothing_of_it(void **context)
{
    struct fixture *f = *context;
    struct body load = make(DBG_TYPE_STATE_CHANGE64, DBG_STATE_LOAD_SYMBOLS, DBG_STATE_CHANGE_BYTES, 1);
    packet(f, print(1));
    wait(f, SIM_MS(1));
    life(f, SIM_LIFE_RESET);
    kernel(f, MK_TRACE_SEND, &load, 0);
    kernel(f, MK_TRACE_SENT, &load, SENT);
    assert_violates(f, 1, "not accepted");
}

/* What the lost RESET was to begin anew comes under the initial id, which the debugger may expect by chance.
 */
static void behind_a_lost_reset_a_packet_may_come_again_once(void **context)
{
    struct fixture *f = *context;
    struct body body = stop(1);
    uint8_t frame[16];
    size_t frame_bytes = dbg_frame_control(frame, DBG_TYPE_RESET, 0);
    kernel(f, MK_TRACE_SEND, &body, 0);
    strike(f, SIM_FAULT_TO_DEBUGGER, SIM_FAULT_DROP, UINT32_MAX, frame, frame_bytes);
    for (unsigned copy = 0; copy < 2; copy++) {
        accepted(f, &body);
        told(f, &body);
    }
    assert_clean(f);
    assert_int_equal(excuses_of(f, "reset-repeat"), 1);
    told(f, &body);
    assert_violates(f, 1, "delivered twice");
}

/* The debugger believes that the target runs, and asks nothing any more. */
static void a_hole_explains_what_is_judged_only_at_the_end(void **context)
{
    struct fixture *f = *context;
    struct body question = read_message(1);
    stopped(f);
    asked(f, &question);
    flip_data(f, SIM_FAULT_TO_TARGET, 44, &question);
    note(f, DBG_NOTE_ACKED, DBG_TYPE_MANIPULATE, DBG_ID_INITIAL, 0);
    state(f, DBG_RUNNING);
    wait(f, SIM_S(70));
    finish_clean(f);
    assert_int_equal(excuses_of(f, "header-type-flip"), 1);
}

/* Two lost RPCs before the module is up: its hello, on either channel. */
static void a_guest_that_went_to_its_uart_owes_no_break(void **context)
{
    const struct sim_fault_rule lost = {
        .layer = SIM_FAULT_RPC, .direction = SIM_FAULT_REPLY, .kind = SIM_FAULT_LOSE, .nth = 1, .count = 0};
    struct fixture *f = *context;
    assert_int_equal(sim_faults_add(f->faults, &lost), KD_OK);
    for (unsigned losses = 2; losses >= 1; losses--) {
        life(f, SIM_LIFE_RESET);
        for (unsigned i = 0; i < losses; i++)
            assert_non_null(sim_faults_ask(f->faults, SIM_FAULT_RPC, SIM_FAULT_REPLY, 1, 0));
        event(f, MK_TRACE_INITIALIZE, 0);
        event(f, MK_TRACE_BOOTED, 0);
        wish(f);
        poll(f, NOTHING);
        poll(f, NOTHING);
        if (losses == 2)
            assert_clean(f);
    }
    assert_violates(f, 4, "not honoured");
}

/* A struck frame that was recovered excuses nothing for ever: the same words much later are another message.
 */
static void an_old_fault_excuses_nothing_new(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 32, &body);
    accepted(f, &body);
    told(f, &body);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    wait(f, SIM_S(31));
    kernel(f, MK_TRACE_SEND, &body, 0);
    kernel(f, MK_TRACE_SENT, &body, SENT);
    assert_violates(f, 1, "not accepted");
}

/* The repeat of a delivered packet, struck and delayed, with others behind it. */
static void a_type_flip_of_a_repeat_excuses_the_stranger(void **context)
{
    struct fixture *f = *context;
    struct body hit = print(1);
    packet(f, hit);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 45, &hit);
    packet(f, print(2));
    hit.type ^= 0x2000;
    told(f, &hit);
    assert_clean(f);
    told(f, &hit);
    assert_violates(f, 1, "never sent");
}

/* The answer to an older RESET comes when a request is out: the next request has the same id. */
static void a_late_answer_to_a_reset_may_cost_the_next_request(void **context)
{
    struct fixture *f = *context;
    struct body first = read_message(1), second = read_message(2);
    stopped(f);
    asked(f, &first);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 0);
    state(f, DBG_WAIT_STATE);
    for (uint8_t i = 0; i < 2; i++) {
        asked(f, &second);
        acked(f, &second);
        second.at[20]++;
    }
    asked(f, &first);
    kernel(f, MK_TRACE_RECEIVE, &first, RECEIVED);
    assert_int_equal(excuses_of(f, "late-reset-answer"), 1);
    assert_violates(f, 1, "request lost");
    assert_clean(f);
}

/* Then nobody answers it, and its sender waits in vain; the one behind is answered. */
static void a_request_lost_to_a_late_answer_may_be_given_up_and_not_the_next(void **context)
{
    struct fixture *f = *context;
    struct body first = read_message(1), second = read_message(2);
    stopped(f);
    asked(f, &first);
    note(f, DBG_NOTE_RESET_SEEN, 1, 0, 0);
    note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_clean(f);
        asked(f, &second);
        acked(f, &second);
        wait(f, SIM_S(10));
        note(f, DBG_NOTE_GAVE_UP, DBG_TYPE_MANIPULATE, 0, 1);
        second.at[20]++;
    }
    assert_int_equal(excuses_of(f, "late-reset-answer"), 1);
    assert_violates(f, 3, "given up though nothing was faulty");
}

static void no_hole_excuses_rule_3(void **context)
{
    struct fixture *f = *context;
    struct body body = print(1);
    kernel(f, MK_TRACE_SEND, &body, 0);
    flip_data(f, SIM_FAULT_TO_DEBUGGER, 32, &body);
    wait(f, SIM_S(31));
    oracle_finish(f->oracle);
    assert_violates(f, 3, "stuck in KdSendPacket");
}

static void faults_of_rpcs_and_torn_frames_are_no_holes(void **context)
{
    struct fixture *f = *context;
    const struct sim_fault_rule lost = {
        .layer = SIM_FAULT_RPC, .direction = SIM_FAULT_REPLY, .kind = SIM_FAULT_LOSE};
    const struct sim_fault_rule torn = {
        .layer = SIM_FAULT_STREAM, .direction = SIM_FAULT_TO_TARGET, .kind = SIM_FAULT_FLIP, .bit = 1000};
    uint8_t bytes[20] = {0x30, 0x30, 0x30, 0x30};
    oracle_fault(f->oracle, &lost, bytes, sizeof bytes);
    oracle_fault(f->oracle, &torn, bytes, sizeof bytes);
    oracle_fault(f->oracle, &torn, bytes, 7);
    oracle_fault(f->oracle, &torn, bytes, 0);
    unsigned count = 0;
    (void)oracle_holes(&count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(oracle_excuses(f->oracle, i), 0);
    finish_clean(f);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clean_conversation_passes_and_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_is_there_to_hear_may_be_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_packet_may_be_lost_or_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_end_of_an_epoch_may_lose_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hello_ends_the_epoch_and_no_other_message_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_packet_of_the_next_boot_is_a_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_orphan_of_a_void_request_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_told_sent_that_the_debugger_has_not_is_found_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_accepted_packet_that_the_engine_never_sees_is_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_packet_overtaken_is_lost_and_comes_too_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_delivered_twice_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_that_was_never_sent_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_of_an_old_boot_behind_one_of_the_new_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_acknowledged_request_that_the_kernel_never_gets_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_served_twice_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_out_of_nowhere_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_without_request_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_found_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_cut_short_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_send_that_does_not_return_is_found_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_send_that_returns_late_is_found_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_nobody_attached_a_stop_may_wait_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_delay_the_bound_of_liveness, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unanswered_request_is_found_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_given_up_in_calm_weather_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_given_up_after_a_fault_or_a_reboot_or_void_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_blamed_for_a_machine_that_stands_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_sync_packet_shows_a_new_debugger_where_ids_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_request_of_the_debugger_before_settles_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_new_debuggers_first_request_may_pass_for_a_repeat, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_machine_that_stood_still_has_lost_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relay_may_speak_for_a_target_that_is_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relay_may_say_nothing_else_for_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_serial_nobody_speaks_for_a_target_that_is_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_when_a_relay_dies_may_be_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revert_ends_an_epoch_and_what_was_delivered_stays_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_packet_sent_again_after_a_revert_is_another_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_debugger_that_cannot_resynchronise_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_running_target_need_not_hear_resets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_finding_of_another_judge_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(storms_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_honoured_in_its_tick_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_not_honoured_within_two_ticks_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_that_no_poll_looks_for_is_found_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_stop_satisfies_a_wish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_behind_the_continue_may_be_honoured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_from_before_a_revert_may_be_honoured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_beside_a_prompt_may_be_dropped_on_the_backdoor, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wish_after_a_load_must_be_honoured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_that_nobody_wished_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_relay_merges_two_wishes_into_one_break, set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_serial_two_bytes_are_two_breaks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_byte_to_a_stopped_target_breaks_on_serial_and_not_through_the_relay,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_reset_before_the_byte_costs_a_poll_a_byte, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_guest_reset_while_stopped_may_be_made_to_break_in_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_the_backdoor_a_request_that_a_reset_cuts_may_break_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_packet_may_be_lost_while_a_reset_is_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relay_that_is_new_may_keep_what_comes_at_a_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_that_a_guest_was_not_told_of_is_the_next_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_request_that_a_reset_cuts_may_break_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revert_brings_back_the_wishes_of_its_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_hole_has_a_name_of_its_own_and_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(header_flips_excuse_a_lost_packet_as_the_table_says_and_only_that_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_type_flip_excuses_delivery_under_the_other_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_type_flip_excuses_a_lost_request_and_not_the_next, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_type_flip_of_a_sync_frame_lets_it_come_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_flip_of_a_repeat_excuses_a_second_delivery_and_no_third, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_count_flip_excuses_a_shorter_body_but_no_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_false_reset_ends_the_epoch_and_the_last_packet_comes_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_false_resend_excuses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compensating_flips_excuse_changed_bytes_and_one_flip_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_byte_that_was_hit_demands_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_byte_that_a_fault_misses_is_a_wish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_break_in_byte_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_poll_that_a_fault_spoilt_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_behind_a_delayed_frame_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_misframed_request_may_swallow_a_wish_but_only_for_a_while, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_goes_away_in_a_frame_may_swallow_a_wish, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_is_torn_becomes_noise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_stays_whole_excuses_no_break, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drawn_noise_may_break_in_once_for_each_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_byte_with_a_framing_error_needs_one_poll_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_in_byte_that_the_fault_misses_is_still_a_wish, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(noise_with_0x62_in_it_may_break_in_as_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_behind_an_answered_reset_may_not_be_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_behind_an_open_reset_may_be_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_packet_may_come_again_after_a_reset_and_only_once_it_was_the_last,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_crosses_a_packet_may_acknowledge_it_unseen, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_to_the_kernel_before_must_not_reach_the_next_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_begins_as_the_one_before_gets_what_that_one_was_asked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_packet_that_was_accepted_is_told_before_an_equal_one_of_the_next_boot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_begins_as_the_one_before_may_lose_its_first_packet,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_is_again_may_be_asked_once_it_was_heard, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_revert_brings_back_the_request_of_its_snapshot, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_a_request_to_the_kernel_before_is_no_ack_either, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_late_ack_may_acknowledge_the_first_packet_of_a_boot, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_serial_an_ack_behind_an_unread_request_is_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_two_equal_requests_the_one_that_is_meant_arrives, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_ack_is_late_for_the_boots_until_it_comes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_late_ack_stays_late_and_costs_the_first_request_that_is_meant,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_that_came_before_the_boot_acknowledges_nothing_of_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(behind_a_lost_reset_a_packet_may_come_again_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_explains_what_is_judged_only_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_went_to_its_uart_owes_no_break, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_fault_excuses_nothing_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_type_flip_of_a_repeat_excuses_the_stranger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_answer_to_a_reset_may_cost_the_next_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_hole_excuses_rule_3, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_rpcs_and_torn_frames_are_no_holes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wish_between_a_revert_and_its_first_poll_may_be_honoured_or_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_lost_to_a_late_answer_may_be_given_up_and_not_the_next,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_to_the_debugger_before_may_be_lost_and_no_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(on_the_backdoor_a_late_ack_may_acknowledge_only_after_a_fault, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_sent_at_a_hello_may_come_once_more_and_a_reply_may_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_guest_that_says_hello_while_its_debugger_waits_may_be_made_to_break_in_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_wish_whose_debugger_left_may_be_honoured_by_the_poll_under_way_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_packet_of_the_boot_before_is_not_taken_for_its_twin, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
