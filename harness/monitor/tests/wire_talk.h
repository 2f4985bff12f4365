/* wire_talk.h: two ends that say to each other what a test wants, and a monitor that listens. Bytes are made
 * here from kd-protocol.md, with no end's code. */
#ifndef WIRE_TALK_H
#define WIRE_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/monitor/monitor.h"
#include <stdio.h>
#include <string.h>

static const enum monitor_end T = MONITOR_TARGET, D = MONITOR_DEBUGGER;
enum { ID0 = 0, ID1 = 1, SYNC0 = 0x800, SYNC1 = 0x801 }; /* added to the initial id */
enum { MANIPULATE = 2, DEBUG_IO = 3, ACK = 4, RESEND = 5, RESET = 6, STATE_CHANGE = 7, FILE_IO = 11 };
enum {
    STOP = 0x3030,
    LOAD = 0x3031,
    READ = 0x3130,
    WRITE = 0x3131,
    CONTINUE = 0x3136,
    CONTINUE2 = 0x313C,
    VERSION = 0x3146,
    SWITCH = 0x3150,
    PRINT = 0x3230,
    PROMPT = 0x3231,
    CREATE = 0x3430,
};

struct talk {
    struct monitor_config config;
    struct monitor *monitor;
    uint64_t now_ns;
    unsigned judged; /* violations that a test has looked at */
};

struct bytes {
    size_t count;
    uint8_t at[4200];
};

static inline uint64_t ms(uint64_t count)
{
    return count * 1000000;
}

static inline void put(uint8_t *to, unsigned count, uint32_t value)
{
    for (unsigned i = 0; i < count; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t sum_of(const uint8_t *bytes, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

static inline struct bytes header(uint8_t leader, uint16_t type, uint16_t count, uint32_t id, uint32_t sum)
{
    struct bytes bytes = {.count = 16};
    memset(bytes.at, leader, 4);
    put(bytes.at + 4, 2, type);
    put(bytes.at + 6, 2, count);
    put(bytes.at + 8, 4, id);
    put(bytes.at + 12, 4, sum);
    return bytes;
}

static inline struct bytes control(uint16_t type, unsigned id)
{
    return header(0x69, type, 0, type == ACK ? 0x80800000u + id : 0, 0);
}

static inline struct bytes frame(uint16_t type, unsigned id, const uint8_t *body, uint16_t count)
{
    struct bytes bytes = header(0x30, type, count, 0x80800000u + id, sum_of(body, count));
    memcpy(bytes.at + 16, body, count);
    bytes.at[16 + count] = 0xAA;
    bytes.count = 17 + (size_t)count;
    return bytes;
}

/* A frame whose body is its type's header with an api and one byte that tells it from others. */
static inline struct bytes data(uint16_t type, uint32_t api, unsigned id, uint8_t tag)
{
    static const uint16_t counts[] = {
        [MANIPULATE] = 56, [DEBUG_IO] = 16, [STATE_CHANGE] = 240, [9] = 64, [10] = 12, [FILE_IO] = 64};
    uint8_t body[240] = {0};
    put(body, 4, api);
    body[counts[type] - 1] = tag;
    return frame(type, id, body, counts[type]);
}

static inline struct bytes request(uint32_t api, unsigned id)
{
    return data(MANIPULATE, api, id, 1);
}

static inline struct bytes reply(uint32_t api, unsigned id)
{
    return data(MANIPULATE, api, id, 2);
}

static inline struct bytes stop(unsigned id)
{
    return data(STATE_CHANGE, STOP, id, 3);
}

static inline struct bytes print(const char *text, unsigned id)
{
    uint8_t body[64] = {0};
    put(body, 4, PRINT);
    put(body + 8, 4, (uint32_t)strlen(text));
    memcpy(body + 16, text, strlen(text));
    return frame(DEBUG_IO, id, body, (uint16_t)(16 + strlen(text)));
}

/* ---- what happens ---- */

static inline void passes(struct talk *talk, uint64_t ns)
{
    talk->now_ns += ns;
}

static inline void writes(struct talk *talk, enum monitor_end end, struct bytes bytes)
{
    monitor_wrote(talk->monitor, end, talk->now_ns, bytes.at, bytes.count);
}

static inline void hears(struct talk *talk, enum monitor_end end, struct bytes bytes)
{
    for (size_t at = 0; at < bytes.count;)
        at += monitor_received(talk->monitor, end, talk->now_ns, bytes.at + at, bytes.count - at);
}

/* Written by one end, and a moment later received by the other. */
static inline void says(struct talk *talk, enum monitor_end end, struct bytes bytes)
{
    writes(talk, end, bytes);
    passes(talk, 25000);
    hears(talk, end == T ? D : T, bytes);
}

static inline void note(struct talk *talk, enum monitor_event event)
{
    monitor_note(talk->monitor, event, talk->now_ns);
}

/* ---- a conversation ---- */

static inline void attached_and_booted(struct talk *talk)
{
    note(talk, MONITOR_ATTACHED);
    passes(talk, 1);
    note(talk, MONITOR_TARGET_BOOTS);
    passes(talk, ms(1));
}

/* The target has stopped; its next id is 1, the debugger's 0. */
static inline void stopped(struct talk *talk)
{
    attached_and_booted(talk);
    says(talk, T, stop(SYNC0));
    says(talk, D, control(ACK, ID0));
}

/* The debugger has asked for the version under id 0, and the target acknowledged. */
static inline void asked(struct talk *talk)
{
    stopped(talk);
    says(talk, D, request(VERSION, ID0));
    says(talk, T, control(ACK, ID0));
}

/* ... and answered under id 1. */
static inline void answered(struct talk *talk)
{
    asked(talk);
    says(talk, T, reply(VERSION, ID1));
    says(talk, D, control(ACK, ID1));
}

/* The target runs; its next id is 1, the debugger's 1. */
static inline void running(struct talk *talk)
{
    stopped(talk);
    says(talk, D, request(CONTINUE2, ID0));
    says(talk, T, control(ACK, ID0));
}

/* ---- what the monitor says ---- */

static inline void assert_clean(struct talk *talk)
{
    if (monitor_violation_count(talk->monitor) > talk->judged)
        fail_msg("unexpected: %s", monitor_violation(talk->monitor, talk->judged)->text);
}

/* The next violation is this one, and its text has these words. */
static inline void assert_named(struct talk *talk, enum monitor_rule rule, enum monitor_end end,
                                const char *words)
{
    if (monitor_violation_count(talk->monitor) == talk->judged)
        fail_msg("%s was not named", monitor_rule_name(rule));
    const struct monitor_violation *violation = monitor_violation(talk->monitor, talk->judged++);
    if (violation->rule != rule || violation->end != end || strstr(violation->text, words) == NULL)
        fail_msg("expected %s \"%s\", found: %s", monitor_rule_name(rule), words, violation->text);
    assert_int_equal(violation->time_ns, talk->now_ns);
}

/* ... and there is no other. */
static inline void assert_only(struct talk *talk, enum monitor_rule rule, enum monitor_end end,
                               const char *words)
{
    assert_named(talk, rule, end, words);
    assert_clean(talk);
}

/* ---- fixture ---- */

static inline void open_monitor(struct talk *talk)
{
    monitor_destroy(talk->monitor);
    talk->monitor = monitor_create(&talk->config);
    talk->now_ns = ms(1000);
    talk->judged = 0;
}

/* With a relay, which knows of sessions. */
static inline int set_up(void **state)
{
    static struct talk talk;
    memset(&talk, 0, sizeof talk);
    talk.config = monitor_config_default();
    talk.config.target_has_sessions = true;
    open_monitor(&talk);
    *state = &talk;
    return 0;
}

static inline int tear_down(void **state)
{
    struct talk *talk = *state;
    monitor_destroy(talk->monitor);
    return 0;
}

#endif
