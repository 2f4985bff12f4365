/* What the oracle is told, from both ends, and what it remembers of it. */
#include "harness/dbg/dbg_bytes.h"
#include "harness/dbg/dbg_wire.h"
#include "harness/oracle/oracle_private.h"
#include "sim/world/sim_memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- findings ------------------------------------------------------------------------------------------ */

void oracle_violate(struct oracle *oracle, unsigned rule, const char *format, ...)
{
    oracle->violations = sim_grow(oracle->violations, &oracle->violation_room, oracle->violation_count + 1,
                                  sizeof *oracle->violations);
    struct oracle_violation *violation = &oracle->violations[oracle->violation_count++];
    violation->rule = rule;
    violation->time_ns = sim_now(oracle->world);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(violation->text, sizeof violation->text, format, arguments);
    va_end(arguments);
}

void oracle_excuse(struct oracle *oracle, enum oracle_hole_index hole)
{
    oracle->excuses[hole]++;
}

unsigned oracle_violation_count(const struct oracle *oracle)
{
    return (unsigned)oracle->violation_count;
}

const struct oracle_violation *oracle_violation(const struct oracle *oracle, unsigned index)
{
    return &oracle->violations[index];
}

uint64_t oracle_excuses(const struct oracle *oracle, unsigned hole)
{
    return hole < HOLES ? oracle->excuses[hole] : 0;
}

struct oracle_counters oracle_counters(const struct oracle *oracle)
{
    struct oracle_counters counters = oracle->counters;
    counters.packets_sent = oracle->packets.sent;
    counters.packets_delivered = oracle->packets.delivered;
    counters.requests_sent = oracle->requests.sent;
    counters.requests_delivered = oracle->requests.delivered;
    return counters;
}

/* ---- epochs -------------------------------------------------------------------------------------------- */

/* What is under way may be lost now. Several ends in a row with nothing in between are one. */
void oracle_end_epoch(struct oracle *oracle)
{
    oracle_flow_ends_epoch(&oracle->packets);
    oracle_flow_ends_epoch(&oracle->requests);
    oracle->ask_fair = false;
    oracle->counters.epochs += oracle->epoch_used;
    oracle->epoch_used = false;
}

/* A RESET: whoever has something under way begins it anew under the initial id, taken already or not. */
static void end_epoch_by_reset(struct oracle *oracle)
{
    oracle_end_epoch(oracle);
    oracle->packets.unsettled = true;
    oracle->packets.agreed = false;
    oracle_strike_ends(oracle, &oracle->packets, HOLE_RESET_REPEAT);
}

/* The guest is gone. */
static void end_guest(struct oracle *oracle)
{
    oracle_end_epoch(oracle);
    oracle->left_stopped = oracle->powered ? oracle->kernel_stopped : oracle->left_stopped;
    oracle->knows_guest = oracle->boots == 0; /* before the first one there was nobody to speak to */
    oracle_flow_set_stale(&oracle->requests, true);
    oracle->powered = oracle->standing = false;
    oracle->kernel_stopped = true; /* it polls not before it is up */
    oracle->send.active = false;
    oracle->bytes_ahead = 0;
    oracle->fulfils = oracle->resumes = false;
    oracle->settled_ns = sim_now(oracle->world);
    oracle_wishes_stay(oracle); /* the guest will be another one, and the relay is not */
}

static uint64_t faults_struck(const struct oracle *oracle)
{
    return oracle->faults == NULL ? 0 : sim_faults_struck(oracle->faults);
}

/* The request that is on the line when the guest ends reaches the next one from the middle on, if at all:
 * noise, to a relay as to a uart: both forget with the guest what they had read in half. What a uart's guest has not
 * got yet is on the line still, whatever the debugger took for its ACK. */
static bool request_is_cut(const struct oracle *oracle)
{
    bool on_line = oracle->config.link == SIM_LINK_SERIAL && oracle->requests.count > 0;
    return oracle->ask.active && (oracle->dbg_state == DBG_WAIT_ACK || on_line);
}

/* Bytes keep their order, and a guest that does not read holds them back: an ACK is on the line at least as
 * long as a request to this guest that was written before it. */
static bool ack_is_unread(const struct oracle *oracle)
{
    const struct oracle_flow *requests = &oracle->requests;
    for (size_t i = 0; i < requests->count; i++)
        if (requests->entries[i].boots == oracle->boots && requests->entries[i].time_ns < oracle->ack_wrote_ns)
            return oracle->config.link == SIM_LINK_SERIAL;
    return false;
}

/* Another one begins, and knows nothing of before. rebooted: by its own will, which the debugger knows of */
static void boot(struct oracle *oracle, bool rebooted)
{
    end_guest(oracle);
    if (request_is_cut(oracle))
        oracle->noise_breaks += oracle->request_0x62;
    oracle->old_ack_unread = oracle->old_ack_unread || ack_is_unread(oracle);
    oracle->powered = true;
    oracle->boots++;
    oracle->struck_before = faults_struck(oracle);
    oracle->starts = true;
    oracle->unreached = false;
    oracle->old_ack_lands_ns = oracle->ack_lands_ns > sim_now(oracle->world) ? oracle->ack_lands_ns : 0;
    oracle->stale_hole = HOLE_NONE;
    /* One that the guest before was never told of is due still, as any wish that no stop fulfilled. */
    oracle->forced_break = !rebooted && (oracle->left_stopped || oracle->forced_break) && oracle->attached &&
                           sim_link_has_relay(oracle->config.link);
}

/* ---- the kernel ---------------------------------------------------------------------------------------- */

static void kernel_runs(struct oracle *oracle)
{
    if (oracle->kernel_stopped)
        oracle_ran(oracle);
    oracle->kernel_stopped = oracle->stopped_quietly = oracle->fulfils = false;
}

/* A hello that is lost on both channels means that nobody is there (transport/guest/README.md 5). */
static void on_initialized(struct oracle *oracle)
{
    enum { CHANNELS = 2 };
    oracle_end_epoch(oracle);
    oracle->unreached = oracle->unreached || (oracle->starts && sim_link_has_relay(oracle->config.link) &&
                                              faults_struck(oracle) >= oracle->struck_before + CHANNELS);
    oracle->starts = false;
}

/* What is sent from now on finds the target stopped, until it is let go. */
static void stops(struct oracle *oracle)
{
    oracle->kernel_stopped = oracle->fulfils = true;
    oracle->resumes = false;
}

static void on_send(struct oracle *oracle, const struct mk_trace *trace)
{
    char text[DBG_DESCRIBE_BYTES];
    const struct oracle_entry *entry =
        oracle_push(oracle, &oracle->packets, (uint16_t)trace->type, trace->header, trace->header_bytes,
                    trace->data, trace->data_bytes);
    oracle->sending_type = entry->type;
    oracle->sent_anew = 0;
    oracle_wait_begin(oracle, &oracle->send,
                      dbg_describe(entry->type, entry->body, entry->body_bytes, text, sizeof text));
    bool prompt = trace->type == DBG_TYPE_DEBUG_IO && trace->first == DBG_IO_PROMPT;
    if (oracle->kernel_stopped)
        return;
    if (prompt && sim_link_has_relay(oracle->config.link)) {
        oracle_wishes_stay(oracle);
        stops(oracle); /* for a relay a prompt is one (transport/relay/README.md) */
    } else if (trace->type != DBG_TYPE_STATE_CHANGE64) {
        return;
    }
    oracle->stopped_quietly = true; /* neither has MK_TRACE_STOP, or MK_TRACE_RUN */
    oracle->kernel_stopped = true;
}

/* A break-in byte behind the continue is a wish already: the next poll owes the break. */
static void quiet_stop_is_over(struct oracle *oracle)
{
    if (oracle->stopped_quietly)
        kernel_runs(oracle);
}

static void on_sent(struct oracle *oracle, const struct mk_trace *trace)
{
    oracle_wait_end(oracle, &oracle->send, "the kernel was stuck in KdSendPacket");
    if (trace->status != 0) {
        oracle_end_epoch(
            oracle); /* abandoned (2.6 N9): it may have arrived, or not, and its ACK may come yet */
        quiet_stop_is_over(oracle);
        return;
    }
    oracle_told_sent(oracle, (uint16_t)trace->type, trace->first);
    oracle->bytes_ahead -= oracle->bytes_ahead < DBG_HEADER_BYTES ? oracle->bytes_ahead : DBG_HEADER_BYTES;
}

static void on_received(struct oracle *oracle, const struct mk_trace *trace)
{
    enum { RECEIVED = 0 };
    if (trace->status != RECEIVED)
        return;
    oracle_deliver(oracle, &oracle->requests, (uint16_t)trace->type, trace->header, trace->header_bytes,
                   trace->data, trace->data_bytes);
    if (trace->type != DBG_TYPE_DEBUG_IO &&
        !(trace->type == DBG_TYPE_MANIPULATE && dbg_api_answer(trace->first) == DBG_ANSWER_RUNS))
        return;
    oracle->debugger_waits = false;
    quiet_stop_is_over(oracle);
}

/* A poll whose RPC failed looks like one that found nothing: a fault struck since the last poll. */
static bool struck_since_last_poll(struct oracle *oracle)
{
    uint64_t struck = oracle->faults == NULL ? 0
                                             : sim_faults_struck_on(oracle->faults, SIM_FAULT_RPC) +
                                                   sim_faults_struck_on(oracle->faults, SIM_FAULT_EXIT);
    bool more = struck != oracle->struck_at_poll;
    oracle->struck_at_poll = struck;
    return more;
}

static void on_poll(struct oracle *oracle, const struct mk_trace *trace)
{
    kernel_runs(oracle);
    if (trace->status == 0)
        return;
    if (!struck_since_last_poll(oracle))
        oracle_polled_nothing(oracle);
    oracle->bytes_ahead -= oracle->bytes_ahead > 0;
}

static void on_api(void *context, const struct mk_trace *trace)
{
    struct oracle *oracle = context;
    oracle_quiet_api(oracle->quiet, trace);
    switch (trace->event) {
    case MK_TRACE_INITIALIZE:
        (void)struck_since_last_poll(oracle);
        on_initialized(oracle);
        break;
    case MK_TRACE_SEND:
        on_send(oracle, trace);
        break;
    case MK_TRACE_SENT:
        on_sent(oracle, trace);
        break;
    case MK_TRACE_RECEIVE:
        on_received(oracle, trace);
        break;
    case MK_TRACE_POLL:
        on_poll(oracle, trace);
        break;
    case MK_TRACE_BREAK:
        oracle_broke(oracle);
        break;
    case MK_TRACE_STOP:
        stops(oracle);
        oracle->forced_break = false;
        oracle->bytes_ahead = 0; /* a stopped kernel scans its line, and eats nothing byte by byte */
        oracle_wishes_satisfied(oracle);
        break;
    case MK_TRACE_RUN:
    case MK_TRACE_BOOTED:
        kernel_runs(oracle);
        break;
    case MK_TRACE_EVENTS:
        break;
    }
}

/* The guest that was is again; the other end goes on. A relay knows; a serial target counts on from where it
 * was, and its debugger takes what comes for repeats until ids agree again (5.10 rule 4). */
static void revert(struct oracle *oracle)
{
    uint64_t ahead =
        oracle->bytes_ahead + oracle->request_bytes; /* still on the wire, to a guest that may run */
    struct oracle_entry *sends = oracle_newest(&oracle->packets);
    boot(oracle, false);
    oracle_wishes_come_back(oracle);
    if (sends != NULL && sends->time_ns == sim_now(oracle->world))
        sends->boots = oracle->boots; /* told right before: what the guest was sending at the snapshot */
    if (sim_link_has_relay(oracle->config.link))
        return;
    oracle_flow_set_stale(&oracle->requests, false); /* it may be the very one that this guest waits for */
    oracle->knows_guest = true;
    oracle->bytes_ahead = ahead;
    if (!request_is_cut(oracle))
        oracle->noise_breaks += oracle->request_0x62;
    oracle->packets.unsettled = oracle->requests.unsettled = true;
    oracle->packets.agreed = oracle->requests.agreed = false;
    oracle_strike_ends(oracle, &oracle->packets, HOLE_RESET_REPEAT);
    oracle_strike_ends(oracle, &oracle->requests, HOLE_RESET_REPEAT);
    oracle_request_comes_back(oracle);
}

/* A guest that stands still loses nothing, so no epoch ends; but nobody can be blamed for waiting. */
static void stand(struct oracle *oracle, bool still)
{
    oracle->standing = still;
    oracle->ask_fair = false;
    oracle->settled_ns = sim_now(oracle->world);
}

static void on_life(void *context, enum sim_life life)
{
    struct oracle *oracle = context;
    oracle_exit_life(oracle, life);
    switch (life) {
    case SIM_LIFE_POWER_ON:
    case SIM_LIFE_RESET:
    case SIM_LIFE_REBOOT:
        boot(oracle, life == SIM_LIFE_REBOOT);
        break;
    case SIM_LIFE_POWER_OFF:
        end_guest(oracle);
        oracle->farewell = sim_link_has_relay(oracle->config.link);
        break;
    case SIM_LIFE_REVERT:
        revert(oracle);
        break;
    case SIM_LIFE_SNAPSHOT: /* a checkpoint, which loses nothing */
        oracle_wishes_kept(oracle);
        oracle_request_kept(oracle);
        break;
    case SIM_LIFE_ATTACH:
    case SIM_LIFE_DETACH:
    case SIM_LIFE_RELAY_KILL:
    case SIM_LIFE_RELAY_RESTART:
        oracle->relay_is_new = oracle->relay_is_new || life == SIM_LIFE_RELAY_RESTART;
        oracle_end_epoch(oracle);
        oracle_line_changes(oracle);
        break;
    case SIM_LIFE_SUSPEND:
    case SIM_LIFE_PAUSE:
        stand(oracle, true);
        break;
    case SIM_LIFE_RESUME:
    case SIM_LIFE_GO_ON:
        stand(oracle, false);
        break;
    case SIM_LIFES:
        break;
    }
}

/* The module says hello: whatever made it do so, a new epoch begins, and what was under way may be lost
 * (transport/guest/README.md 4). A packet that it is sending it sends once more there, but for a reply. */
static void on_hello(struct oracle *oracle)
{
    oracle_end_epoch(oracle);
    oracle->sent_anew += oracle->send.active && oracle->sending_type != DBG_TYPE_MANIPULATE;
    if (oracle->debugger_waits && oracle->attached && sim_link_has_relay(oracle->config.link))
        oracle->forced_break = true;
}

static void on_rpc(void *context, bool is_reply, const uint8_t *bytes, size_t len_bytes)
{
    enum { KIND = 3, HELLO = 1, SEND = 2 }; /* 2: the message */
    struct oracle *oracle = context;
    if (is_reply || len_bytes <= KIND)
        return;
    if (bytes[KIND] == HELLO)
        on_hello(oracle);
    else if (bytes[KIND] == SEND)
        oracle->relay_is_new = false;
}

/* ---- the debugger -------------------------------------------------------------------------------------- */

/* Bytes that a running target's polls eat one by one; a frame is under way until it lands. */
static void wrote(struct oracle *oracle, uint32_t len_bytes)
{
    oracle->bytes_ahead += len_bytes;
    oracle->frame_lands_ns = oracle_lands_ns(oracle);
    oracle->frame_is_ack = false;
}

/* A line that goes away in the middle of a frame leaves a serial target in it: it takes the next debugger's
 * first bytes for the rest, until its timer ends that. */
static void leave_in_frame(struct oracle *oracle)
{
    uint64_t now = sim_now(oracle->world);
    if (oracle->config.link == SIM_LINK_SERIAL && oracle->frame_lands_ns > now)
        oracle_misframed(oracle);
}

/* A serial target knows nothing of a new debugger, whose ids are fresh: its next packet may pass for a
 * repeat, and so may the first request (5.3). A relay knows (2.12 rule 6). */
static void note_line(struct oracle *oracle, bool attached)
{
    oracle_end_epoch(oracle);
    oracle_line_changes(oracle);
    if (!attached)
        leave_in_frame(oracle);
    oracle->attached = attached;
    oracle->resets_open = 0;
    oracle->old_ack_due = false;
    oracle->packets.agreed = false;
    oracle->packets.unsettled = oracle->requests.unsettled = oracle->config.link == SIM_LINK_SERIAL;
    oracle_strike_ends(oracle, &oracle->packets, HOLE_RESET_REPEAT);
    oracle->settled_ns = sim_now(oracle->world);
    oracle->manual = false;
    oracle->ask.active = false;
    oracle->resync.active = false;
    oracle_wishes_leave(oracle);
}

static void note_state(struct oracle *oracle, enum dbg_state state)
{
    bool resyncs = state == DBG_SYNC || state == DBG_WAIT_STATE;
    oracle->dbg_state = state;
    if (state != DBG_WAIT_ACK && state != DBG_WAIT_REPLY)
        oracle_wait_end(oracle, &oracle->ask, "a request was unanswered");
    if (resyncs && !oracle->resync.active) {
        oracle_wait_begin(oracle, &oracle->resync, dbg_state_name(state));
        oracle->sync_breaks = false;
    }
    if (!resyncs)
        oracle->resync.active = false;
}

static void note_acked(struct oracle *oracle)
{
    struct oracle_entry *entry = oracle_newest(&oracle->requests);
    if (!oracle->old_ack_due)
        oracle->resets_open = 0; /* bytes keep their order, but this one may be for what was given up before the RESET */
    oracle->old_ack_due = false;
    oracle->requests.sent++;
    if (entry != NULL)
        entry->told = true;
}

static void note_gave_up(struct oracle *oracle, bool late)
{
    struct oracle_entry *entry = oracle_newest(&oracle->requests);
    if (entry != NULL)
        entry->may_be_lost = true;
    oracle->old_ack_due = oracle->dbg_state == DBG_WAIT_ACK;
    oracle_gave_up(oracle, late);
}

static void note_manual(struct oracle *oracle, bool manual)
{
    oracle->manual = manual;
    oracle->settled_ns = sim_now(oracle->world);
    oracle_end_epoch(oracle);
}

/* A serial target that runs eats a frame byte by byte, and takes each 0x62 in it for a wish. So does one
 * whose scan was put out of step by the frame before. */
static void note_sent(struct oracle *oracle, uint64_t tries)
{
    bool eaten = !oracle->kernel_stopped && oracle->config.link == SIM_LINK_SERIAL;
    uint64_t lands_ns =
        oracle_lands_ns(oracle) + oracle->request_bytes * SIM_S(10) / sim_cost(oracle->world)->baud;
    if (tries > 1)
        oracle_count_repeat(oracle);
    oracle->frame_lands_ns = lands_ns;
    oracle->frame_is_ack = false;
    if (eaten)
        oracle->bytes_ahead += oracle->request_bytes;
    if (eaten || sim_now(oracle->world) < oracle->misframed_until)
        oracle->noise_breaks += oracle->request_0x62;
}

/* What is under way now was sent after the RESET that is answered only here: the target counts on from it,
 * the debugger anew. A RESET that answers nothing lets a repeat on the line pass for a new request. */
static void note_reset_seen(struct oracle *oracle, bool answers)
{
    if (oracle->ask.active)
        oracle->requests.next_hole = HOLE_LATE_RESET;
    if (!answers)
        oracle_strike_ends(oracle, &oracle->requests, HOLE_RESET_REPEAT);
    end_epoch_by_reset(oracle);
    if (answers && oracle->resets_open > 0)
        oracle->resets_open--;
    oracle->packets.agreed = answers && oracle->resets_open == 0 && faults_struck(oracle) == 0;
    oracle->requests.unsettled = oracle->requests.unsettled && !oracle->packets.agreed;
    oracle_count_reset(oracle);
}

/* The debugger acknowledges a packet. A SYNC packet is acknowledged by the initial id (2.3 rule 2). */
static void note_ack(struct oracle *oracle, uint32_t id)
{
    if ((id & ~DBG_ID_SYNC) != DBG_ID_INITIAL)
        return;
    oracle->ack_wrote_ns = sim_now(oracle->world);
    oracle->ack_lands_ns = oracle_lands_ns(oracle);
    oracle->frame_is_ack = true;
    if (!oracle->knows_guest)
        oracle->old_ack_lands_ns = oracle->ack_lands_ns;
}

void oracle_frame_is_late(struct oracle *oracle)
{
    oracle->frame_lands_ns = oracle_lands_ns(oracle);
    if (oracle->frame_is_ack)
        note_ack(oracle, DBG_ID_INITIAL);
}

/* A guest that begins as the one before began is not told from it: its first packet passes for a repeat of
 * the other's, and what the debugger says to the one it means for the other. */
static void note_repeat(struct oracle *oracle, uint32_t id)
{
    struct oracle_entry *newest = oracle_newest(&oracle->packets);
    if ((id & DBG_ID_SYNC) && newest != NULL && newest->boots == oracle->boots) {
        oracle->knows_guest = true;
        oracle_flow_set_stale(&oracle->requests, false);
        oracle_looks_like_last(oracle, newest);
    }
    note_ack(oracle, id);
}

static void on_note(void *context, enum dbg_note note, uint64_t a, uint64_t b, uint64_t c)
{
    struct oracle *oracle = context;
    switch (note) {
    case DBG_NOTE_ATTACH:
    case DBG_NOTE_DETACH:
        note_line(oracle, note == DBG_NOTE_ATTACH);
        break;
    case DBG_NOTE_STATE:
        note_state(oracle, (enum dbg_state)a);
        break;
    case DBG_NOTE_BREAK_IN:
        oracle->sync_breaks = oracle->sync_breaks || a != 0;
        oracle_wished(oracle);
        break;
    case DBG_NOTE_RESET_SENT:
        oracle->resets_open++;
        end_epoch_by_reset(oracle);
        wrote(oracle, DBG_HEADER_BYTES);
        if (a != 0)
            oracle_count_reset(oracle);
        break;
    case DBG_NOTE_RESET_SEEN:
        note_reset_seen(oracle, a != 0);
        break;
    case DBG_NOTE_SENT:
        note_sent(oracle, c);
        break;
    case DBG_NOTE_ACKED:
        note_acked(oracle);
        break;
    case DBG_NOTE_GAVE_UP:
        note_gave_up(oracle, c != 0);
        break;
    case DBG_NOTE_ACCEPTED:
        wrote(oracle, DBG_HEADER_BYTES); /* its ACK, until somebody takes it */
        oracle_accepted(oracle, (uint16_t)a, (uint32_t)b, (uint32_t)c);
        oracle->debugger_waits = oracle->debugger_waits || a == DBG_TYPE_STATE_CHANGE64 ||
                                 (a == DBG_TYPE_DEBUG_IO && c == DBG_IO_PROMPT);
        note_ack(oracle, (uint32_t)b);
        break;
    case DBG_NOTE_REPEAT:
        note_repeat(oracle, (uint32_t)b);
        wrote(oracle, DBG_HEADER_BYTES);
        oracle_count_repeat(oracle);
        break;
    case DBG_NOTE_RESEND_SENT:
        wrote(oracle, DBG_HEADER_BYTES);
        break;
    case DBG_NOTE_ORPHAN:
        oracle_orphaned(oracle, (uint32_t)a);
        break;
    case DBG_NOTE_MANUAL:
        note_manual(oracle, a != 0);
        break;
    case DBG_NOTE_RESEND_SEEN:
    case DBG_NOTE_BAD:
    case DBG_NOTES:
        break;
    }
}

/* What a relay says in place of a target that is gone: that it is, and that nothing can be done. Anything
 * else that the debugger accepts is of a new boot. */
static bool is_farewell(const struct oracle *oracle, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    enum { STATUS = 8, LOAD_BASE = 40, LOAD_UNLOAD = 64 };
    if (!oracle->farewell)
        return false;
    if (type == DBG_TYPE_MANIPULATE)
        return body_bytes > STATUS + 4 && dbg_get32(body + STATUS) == 0xC0000001u;
    return type == DBG_TYPE_STATE_CHANGE64 && body_bytes > LOAD_UNLOAD && body[LOAD_UNLOAD] != 0 &&
           dbg_get32(body) == DBG_STATE_LOAD_SYMBOLS && dbg_get32(body + LOAD_BASE) == UINT32_MAX &&
           dbg_get32(body + LOAD_BASE + 4) == UINT32_MAX;
}

static void on_message(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct oracle *oracle = context;
    if (is_farewell(oracle, type, body, body_bytes))
        return;
    oracle->farewell = false;
    oracle_deliver(oracle, &oracle->packets, type, body, body_bytes, NULL, 0);
}

static void on_request(void *context, uint16_t type, const uint8_t *body, uint32_t body_bytes)
{
    struct oracle *oracle = context;
    char text[DBG_DESCRIBE_BYTES];
    uint8_t frame[DBG_FRAME_BYTES_MAX];
    const struct oracle_entry *entry =
        oracle_push(oracle, &oracle->requests, type, body, body_bytes, NULL, 0);
    oracle->resumes = type == DBG_TYPE_DEBUG_IO || dbg_api_answer(dbg_get32(entry->body)) == DBG_ANSWER_RUNS;
    oracle->request_bytes = (uint32_t)dbg_frame_data(frame, type, DBG_ID_INITIAL, body, body_bytes);
    oracle->request_0x62 = 0;
    for (uint32_t i = 0; i < oracle->request_bytes; i++)
        oracle->request_0x62 += frame[i] == DBG_BREAK_IN_BYTE;
    /* A frame that a script wrote raw, beside the debugger's own, is waited for by nobody. */
    if (oracle->dbg_state != DBG_WAIT_ACK)
        return;
    oracle_wait_begin(oracle, &oracle->ask, dbg_describe(type, body, body_bytes, text, sizeof text));
    oracle->ask_fair = oracle->powered && !oracle->standing && oracle->kernel_stopped && !oracle->manual &&
                       !oracle->unreached && !oracle->requests.unsettled;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

struct oracle_config oracle_config_default(enum sim_link link, const struct sim_cost *cost)
{
    return (struct oracle_config){.link = link, .tick_ns = cost->tick_ns, .bound_ns = SIM_S(30), .storm = 64};
}

struct oracle *oracle_create(struct sim_world *world, struct sim_faults *faults,
                             const struct oracle_config *config)
{
    struct oracle *oracle = sim_allocate(1, sizeof *oracle);
    oracle->world = world;
    oracle->faults = faults;
    oracle->config = *config;
    oracle->packets = (struct oracle_flow){.what = "packet", .next_hole = HOLE_NONE};
    oracle->requests = (struct oracle_flow){.what = "request", .next_hole = HOLE_NONE};
    oracle->stale_hole = HOLE_NONE;
    oracle->knows_guest = oracle->asked = true;
    oracle->counters.epochs = 1;
    oracle_exit_begin(oracle);
    return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
    if (oracle == NULL)
        return;
    oracle_exit_end(oracle);
    oracle_flow_free(&oracle->packets);
    oracle_flow_free(&oracle->requests);
    free(oracle->kept_request.body);
    free(oracle->wishes);
    free(oracle->violations);
    free(oracle);
}

struct sim_vm_observer oracle_vm_observer(struct oracle *oracle)
{
    return (struct sim_vm_observer){.context = oracle,
                                    .exit = oracle_exit,
                                    .conduct = oracle_conduct,
                                    .fault = oracle_machine_fault,
                                    .snapshot = oracle_exit_snapshot,
                                    .rpc = on_rpc,
                                    .api = on_api,
                                    .life = on_life};
}

struct dbg_observer oracle_dbg_observer(struct oracle *oracle)
{
    return (struct dbg_observer){
        .context = oracle, .message = on_message, .request = on_request, .note = on_note};
}

void oracle_finish(struct oracle *oracle)
{
    oracle_flow_finish(oracle, &oracle->packets);
    oracle_flow_finish(oracle, &oracle->requests);
    oracle_pending_finish(oracle);
    oracle_wishes_finish(oracle);
}
