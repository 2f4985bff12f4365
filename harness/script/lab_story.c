#include "harness/script/lab_story.h"
#include "sim/world/sim_memory.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum source { SOURCE_API, SOURCE_LIFE, SOURCE_NOTE, SOURCE_SENT, SOURCE_ACCEPTED, SOURCE_FAULT };

struct event {
    uint64_t time_ns;
    enum source source;
    uint32_t code; /* of the source: mk_trace_event, sim_life, dbg_note */
    uint32_t status;
    uint64_t a, b, c;
    struct sim_fault_rule rule;
    uint16_t type;
    uint32_t body_bytes; /* of the packet, 0: none */
    uint8_t body[DBG_BODY_BYTES_MAX];
};

struct lab_story {
    struct event ring[LAB_STORY_EVENTS];
    unsigned next;
    unsigned count;
};

struct lab_story *lab_story_create(void)
{
    return sim_allocate(1, sizeof(struct lab_story));
}

void lab_story_destroy(struct lab_story *story)
{
    free(story);
}

static struct event *begin(struct lab_story *story, uint64_t time_ns, enum source source, uint32_t code)
{
    struct event *event = &story->ring[story->next];
    story->next = (story->next + 1) % LAB_STORY_EVENTS;
    if (story->count < LAB_STORY_EVENTS)
        story->count++;
    event->time_ns = time_ns;
    event->source = source;
    event->code = code;
    event->body_bytes = 0;
    return event;
}

static void append_body(struct event *event, const uint8_t *bytes, uint32_t len_bytes)
{
    uint32_t room = DBG_BODY_BYTES_MAX - event->body_bytes;
    uint32_t kept = len_bytes < room ? len_bytes : room;
    if (kept > 0)
        memcpy(event->body + event->body_bytes, bytes, kept);
    event->body_bytes += kept;
}

/* Polls and time-outs are the guest's heartbeat: they would crowd out what matters. */
static bool worth_telling(const struct mk_trace *trace)
{
    if (trace->event == MK_TRACE_RECEIVE)
        return trace->status != KD_TIMEOUT;
    if (trace->event == MK_TRACE_SENT)
        return trace->status != 0;
    return trace->event != MK_TRACE_POLL;
}

void lab_story_api(struct lab_story *story, uint64_t time_ns, const struct mk_trace *trace)
{
    if (!worth_telling(trace))
        return;
    struct event *event = begin(story, time_ns, SOURCE_API, trace->event);
    event->status = trace->status;
    event->type = (uint16_t)trace->type;
    append_body(event, trace->header, trace->header_bytes);
    append_body(event, trace->data, trace->data_bytes);
}

void lab_story_life(struct lab_story *story, uint64_t time_ns, enum sim_life life)
{
    begin(story, time_ns, SOURCE_LIFE, life);
}

/* What goes without saying, and what the message callbacks tell with more detail, is left out. */
static bool note_worth_telling(enum dbg_note note, uint64_t a, uint64_t c)
{
    if (note == DBG_NOTE_STATE)
        return a == DBG_DETACHED || a == DBG_SYNC || a == DBG_WAIT_STATE;
    return note != DBG_NOTE_ACCEPTED && note != DBG_NOTE_ACKED && !(note == DBG_NOTE_SENT && c == 1);
}

void lab_story_note(struct lab_story *story, uint64_t time_ns, enum dbg_note note, uint64_t a, uint64_t b,
                    uint64_t c)
{
    if (!note_worth_telling(note, a, c))
        return;
    struct event *event = begin(story, time_ns, SOURCE_NOTE, note);
    event->a = a;
    event->b = b;
    event->c = c;
}

void lab_story_message(struct lab_story *story, uint64_t time_ns, bool sent, uint16_t type, const uint8_t *body,
                       uint32_t body_bytes)
{
    struct event *event = begin(story, time_ns, sent ? SOURCE_SENT : SOURCE_ACCEPTED, 0);
    event->type = type;
    append_body(event, body, body_bytes);
}

void lab_story_fault(struct lab_story *story, uint64_t time_ns, const struct sim_fault_rule *rule)
{
    begin(story, time_ns, SOURCE_FAULT, 0)->rule = *rule;
}

/* ---- in words ------------------------------------------------------------------------------------------------ */

void lab_time_text(uint64_t time_ns, char *to, size_t to_bytes)
{
    snprintf(to, to_bytes, "%" PRIu64 ".%09" PRIu64 " s", time_ns / SIM_S(1), time_ns % SIM_S(1));
}

static void api_text(const struct event *event, char *to, size_t to_bytes)
{
    static const char *const words[MK_TRACE_EVENTS] = {
        [MK_TRACE_INITIALIZE] = "initialised its KD module", [MK_TRACE_SEND] = "sends",
        [MK_TRACE_SENT] = "has sent",                        [MK_TRACE_RECEIVE] = "received",
        [MK_TRACE_POLL] = "polled",                          [MK_TRACE_BREAK] = "breaks in",
        [MK_TRACE_STOP] = "stops",                           [MK_TRACE_RUN] = "runs on",
        [MK_TRACE_BOOTED] = "has booted",
    };
    char packet[DBG_DESCRIBE_BYTES] = "";
    if (event->body_bytes > 0)
        dbg_describe(event->type, event->body, event->body_bytes, packet, sizeof packet);
    int used = snprintf(to, to_bytes, "kernel    %s %s", words[event->code], packet);
    if (event->status != 0 && used > 0 && (size_t)used < to_bytes)
        snprintf(to + used, to_bytes - (size_t)used, " (status %" PRIX32 ")", event->status);
}

static void note_text(const struct event *event, char *to, size_t to_bytes)
{
    const char *name = dbg_note_name((enum dbg_note)event->code);
    if (event->code == DBG_NOTE_STATE)
        snprintf(to, to_bytes, "debugger  is now %s", dbg_state_name((enum dbg_state)event->a));
    else if (event->code == DBG_NOTE_SENT)
        snprintf(to, to_bytes, "debugger  repeats %s id=%" PRIx64 ", try %" PRIu64, dbg_type_name((uint16_t)event->a),
                 event->b, event->c);
    else if (event->code == DBG_NOTE_GAVE_UP || event->code == DBG_NOTE_REPEAT ||
             event->code == DBG_NOTE_BAD)
        snprintf(to, to_bytes, "debugger  %s %s id=%" PRIx64, name, dbg_type_name((uint16_t)event->a), event->b);
    else
        snprintf(to, to_bytes, "debugger  %s", name);
}

static void message_text(const struct event *event, char *to, size_t to_bytes)
{
    char packet[DBG_DESCRIBE_BYTES];
    dbg_describe(event->type, event->body, event->body_bytes, packet, sizeof packet);
    snprintf(to, to_bytes, "debugger  %s %s", event->source == SOURCE_SENT ? "sends" : "accepted", packet);
}

static void fault_text(const struct event *event, char *to, size_t to_bytes)
{
    snprintf(to, to_bytes, "fault     %s %s %s %s", sim_fault_layer_name(event->rule.layer),
             sim_fault_direction_name(event->rule.direction), sim_fault_kind_name(event->rule.kind),
             sim_fault_packet_name(event->rule.packet));
}

unsigned lab_story_count(const struct lab *lab)
{
    return lab->story->count;
}

void lab_story_text(const struct lab *lab, unsigned index, char *to, size_t to_bytes)
{
    const struct lab_story *story = lab->story;
    unsigned first = story->next + LAB_STORY_EVENTS - story->count;
    const struct event *event = &story->ring[(first + index) % LAB_STORY_EVENTS];
    char words[LAB_STORY_BYTES] = "";
    switch (event->source) {
    case SOURCE_API:
        api_text(event, words, sizeof words);
        break;
    case SOURCE_LIFE:
        snprintf(words, sizeof words, "machine   %s", sim_life_name((enum sim_life)event->code));
        break;
    case SOURCE_NOTE:
        note_text(event, words, sizeof words);
        break;
    case SOURCE_SENT:
    case SOURCE_ACCEPTED:
        message_text(event, words, sizeof words);
        break;
    case SOURCE_FAULT:
        fault_text(event, words, sizeof words);
        break;
    }
    char time[40];
    lab_time_text(event->time_ns, time, sizeof time);
    snprintf(to, to_bytes, "%16s  %s", time, words);
}
