/* kd_talk.h: conversations with a kd_link as lines of text, for the tests of this folder.
 *
 * A script is words parted by spaces. Some are bytes from the debugger, the others are what the caller does;
 * what the link does comes back as a log of words. Ids are written 0 (80800000), 1 (80800001), S (80800800)
 * and x (12345678, never right).
 *
 *   bytes    ack0 reset resend control11 b noise lead ilead hex:69FF
 *            q0c    manipulate, id 0, contents named c
 *            p0c    the same with type debug I/O
 *            !...   behind these two, in this order: !bytes=55 (body length, 60 if not told), !sum (one too
 *                   high), !trailer=AB, !cut=40 (only the frame's first 40 bytes), !from=40 (only the rest)
 *   caller   send (a reply)  print (abandonable)  recv (manipulate)  recv:3:16+80 (type, header, data room)
 *            wait (the deadline passes)  early (one tick before it)  +100 (time passes)
 *            cancel  forget  restart  abandon  distrust  cut
 *            copyS (a copy is begun to be written)  skip (what came and was not taken is thrown away)
 *   log      break  >ack0  >resend  >reset  >S (the packet goes out under id S)
 *            SENT  ABANDONED  GOT2c  TIMEOUT  RESEND  leader (where show_leaders is set)
 *
 * Frames are made here byte by byte, not with the code under test. Bytes that an idle link does not take wait
 * for the next send or recv, as they would in a socket. */
#ifndef KD_TALK_H
#define KD_TALK_H

#include "transport/kd/kd_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TALK_BYTE_WAIT = 1000, TALK_RESET_WINDOW = 100, TALK_RETRIES = 3, TALK_BODY_BYTES = 60 };

struct talk {
    struct kd_link link;
    uint64_t now;
    size_t chunk; /* bytes offered at once, 0 for all */
    bool show_leaders;
    size_t pending_bytes;
    uint8_t pending[65536];
    char log[8192];
};

static inline void talk_init(struct talk *talk, size_t chunk)
{
    const struct kd_link_config config = {TALK_BYTE_WAIT, TALK_RESET_WINDOW};
    memset(talk, 0, sizeof(*talk));
    talk->chunk = chunk;
    kd_link_init(&talk->link, &config);
}

static inline void talk_say(struct talk *talk, const char *format, ...)
{
    size_t used = strlen(talk->log);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(talk->log + used, sizeof(talk->log) - used, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < sizeof(talk->log) - used);
}

static const struct {
    char letter;
    uint32_t id;
} talk_ids[] = {{'0', 0x80800000u}, {'1', 0x80800001u}, {'S', 0x80800800u}, {'x', 0x12345678u}};

static inline uint32_t talk_id(char letter)
{
    for (size_t i = 0; i < sizeof(talk_ids) / sizeof(talk_ids[0]); i++)
        if (talk_ids[i].letter == letter)
            return talk_ids[i].id;
    fail_msg("no id is called %c", letter);
    return 0;
}

static inline const char *talk_id_name(uint32_t id)
{
    static char name[12];
    snprintf(name, sizeof(name), "%08X", id);
    for (size_t i = 0; i < sizeof(talk_ids) / sizeof(talk_ids[0]); i++)
        if (talk_ids[i].id == id)
            snprintf(name, sizeof(name), "%c", talk_ids[i].letter);
    return name;
}

static inline void talk_put(uint8_t *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* Contents by which a body is known again. Only a tag of b means anything to a leader scan. */
static inline uint8_t talk_body_byte(char tag, size_t at)
{
    return at == 0 ? (uint8_t)tag : (uint8_t)(0x80 | at % 61);
}

static inline void talk_bytes(struct talk *talk, const uint8_t *bytes, size_t len_bytes)
{
    assert_true(talk->pending_bytes + len_bytes <= sizeof(talk->pending));
    if (len_bytes > 0)
        memcpy(talk->pending + talk->pending_bytes, bytes, len_bytes);
    talk->pending_bytes += len_bytes;
}

static inline void talk_head(uint8_t head[16], uint8_t leader, uint32_t type, uint32_t byte_count,
                             uint32_t id, uint32_t checksum)
{
    memset(head, leader, 4);
    talk_put(head + 4, type, 2);
    talk_put(head + 6, byte_count, 2);
    talk_put(head + 8, id, 4);
    talk_put(head + 12, checksum, 4);
}

static inline void talk_control(struct talk *talk, uint32_t type, uint32_t id)
{
    uint8_t head[16];
    talk_head(head, 0x69, type, 0, id, 0);
    talk_bytes(talk, head, sizeof(head));
}

/* A data frame of the given type; spec is what follows the first letter of its word: id, tag, changes. */
static inline void talk_data(struct talk *talk, uint32_t type, const char *spec)
{
    uint8_t frame[8192];
    size_t body_bytes = TALK_BODY_BYTES, from = 0, cut = sizeof(frame);
    unsigned trailer = 0xAA, sum_error = 0;
    for (const char *change = strchr(spec, '!'); change; change = strchr(change + 1, '!')) {
        if (strncmp(change, "!sum", 4) == 0)
            sum_error = 1;
        else if (!sscanf(change, "!bytes=%zu", &body_bytes) && !sscanf(change, "!cut=%zu", &cut) &&
                 !sscanf(change, "!from=%zu", &from) && !sscanf(change, "!trailer=%x", &trailer))
            fail_msg("no change of a frame is called %s", change);
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < body_bytes; i++)
        sum += frame[16 + i] = talk_body_byte(spec[1], i);
    talk_head(frame, 0x30, type, (uint32_t)body_bytes, talk_id(spec[0]), sum + sum_error);
    frame[16 + body_bytes] = (uint8_t)trailer;
    size_t end = cut < body_bytes + 17 ? cut : body_bytes + 17;
    talk_bytes(talk, frame + from, end - from);
}

static inline void talk_hex(struct talk *talk, const char *hex)
{
    unsigned value;
    for (; sscanf(hex, "%2x", &value) == 1; hex += 2)
        talk_bytes(talk, &(uint8_t){(uint8_t)value}, 1);
}

static inline void talk_log_control(struct talk *talk, const uint8_t control[16])
{
    static const char *const names[] = {
        [KD_TYPE_ACK] = "ack", [KD_TYPE_RESEND] = "resend", [KD_TYPE_RESET] = "reset"};
    uint8_t expected[16];
    uint32_t type = control[4];
    assert_in_range(type, KD_TYPE_ACK, KD_TYPE_RESET);
    talk_head(expected, 0x69, type, 0, kd_load_u32(control + 8), 0);
    assert_memory_equal(control, expected, sizeof(expected));
    talk_say(talk, " >%s%s", names[type], type == KD_TYPE_ACK ? talk_id_name(kd_load_u32(control + 8)) : "");
}

static inline void talk_log_received(struct talk *talk)
{
    const struct kd_received *got = &talk->link.received;
    assert_int_equal(got->header_bytes, talk->link.wanted.header_bytes);
    assert_true(got->data_bytes <= talk->link.wanted.data_room);
    talk_say(talk, " GOT%u", got->type);
    if (got->header_bytes == 0)
        return;
    for (size_t i = 1; i < (size_t)got->header_bytes + got->data_bytes; i++)
        if (got->body[i] != talk_body_byte(0, i))
            return; /* not a body of talk_data */
    talk_say(talk, "%c", got->body[0]);
}

static inline void talk_act(struct talk *talk, const struct kd_action *action)
{
    static const char *const outcomes[] = {"", " SENT", " ABANDONED", "", " TIMEOUT", " RESEND"};
    struct kd_frame frame;
    if (action->break_in)
        talk_say(talk, " break");
    if (action->leader_seen && talk->show_leaders)
        talk_say(talk, " leader");
    if (action->write_control)
        talk_log_control(talk, action->control);
    if (action->write_packet) {
        kd_link_frame(&talk->link, &frame);
        talk_say(talk, " >%s", talk_id_name(kd_load_u32(frame.head + 8)));
    }
    talk_say(talk, "%s", outcomes[action->outcome]);
    if (action->outcome == KD_OUTCOME_RECEIVED)
        talk_log_received(talk);
}

static inline bool talk_nothing(const struct kd_action *action)
{
    return !action->write_control && !action->write_packet && !action->break_in && !action->leader_seen &&
           action->outcome == KD_OUTCOME_NONE;
}

/* Gives the link what is pending until it is idle or has it all. */
static inline void talk_pump(struct talk *talk)
{
    size_t done = 0;
    while (done < talk->pending_bytes && talk->link.state != KD_LINK_IDLE) {
        struct kd_action action;
        size_t offered = talk->pending_bytes - done;
        if (talk->chunk != 0 && talk->chunk < offered)
            offered = talk->chunk;
        /* Memory of exactly that size, gone afterwards: the sanitizer sees a read beyond it or a late one. */
        uint8_t *bytes = malloc(offered);
        assert_non_null(bytes);
        memcpy(bytes, talk->pending + done, offered);
        size_t taken = kd_link_input(&talk->link, bytes, offered, talk->now, &action);
        free(bytes);
        assert_in_range(taken, 1, offered);
        assert_true(taken == offered || !talk_nothing(&action));
        talk_act(talk, &action);
        done += taken;
    }
    talk->pending_bytes -= done;
    memmove(talk->pending, talk->pending + done, talk->pending_bytes);
}

static inline void talk_send(struct talk *talk, const struct kd_packet *packet)
{
    struct kd_action action;
    assert_int_equal(kd_link_send(&talk->link, packet, TALK_RETRIES, talk->now, &action), KD_OK);
    talk_act(talk, &action);
}

static inline void talk_receive(struct talk *talk, uint16_t type, uint16_t header_bytes, uint16_t data_room)
{
    struct kd_action action;
    const struct kd_wanted wanted = {type, header_bytes, data_room};
    assert_int_equal(kd_link_receive(&talk->link, &wanted, talk->now, &action), KD_OK);
    talk_act(talk, &action);
}

static inline void talk_expire(struct talk *talk)
{
    struct kd_action action;
    kd_link_expire(&talk->link, talk->now, &action);
    talk_act(talk, &action);
}

static inline void talk_do_send(struct talk *talk)
{
    static const uint8_t reply[KD_MANIPULATE_BYTES] = {0x30, 0x31};
    static const struct kd_packet packet = {KD_TYPE_MANIPULATE, {reply, sizeof(reply)}, {NULL, 0}};
    talk_send(talk, &packet);
}

static inline void talk_do_print(struct talk *talk)
{
    static const uint8_t header[KD_DEBUG_IO_BYTES] = {0x30, 0x32}, text[] = "hello";
    static const struct kd_packet packet = {KD_TYPE_DEBUG_IO, {header, sizeof(header)}, {text, 5}};
    talk_send(talk, &packet);
}

static inline void talk_do_recv(struct talk *talk)
{
    talk_receive(talk, KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, KD_BODY_BYTES_MAX - KD_MANIPULATE_BYTES);
}

static inline void talk_do_wait(struct talk *talk)
{
    talk->now = kd_link_deadline(&talk->link);
    talk_expire(talk);
}

static inline void talk_do_early(struct talk *talk)
{
    talk->now = kd_link_deadline(&talk->link) - 1;
    talk_expire(talk);
}

static inline void talk_do_restart(struct talk *talk)
{
    struct kd_action action;
    kd_link_restart(&talk->link, talk->now, &action);
    talk_act(talk, &action);
}

static inline void talk_do_cancel(struct talk *talk)
{
    kd_link_cancel(&talk->link);
}

static inline void talk_do_forget(struct talk *talk)
{
    kd_link_forget_input(&talk->link);
}

static inline void talk_do_abandon(struct talk *talk)
{
    kd_link_abandon(&talk->link);
}

static inline void talk_do_cut(struct talk *talk)
{
    kd_link_cut(&talk->link);
}

static inline void talk_do_skip(struct talk *talk)
{
    kd_link_thrown_away(&talk->link, talk->pending, talk->pending_bytes);
    talk->pending_bytes = 0;
}

static inline void talk_do_distrust(struct talk *talk)
{
    kd_link_distrust(&talk->link);
}

/* Words that are bytes. */
static inline bool talk_byte_word(struct talk *talk, const char *word)
{
    static const struct {
        const char *word;
        const char *hex;
    } fixed[] = {{"b", "62"}, {"noise", "FF"}, {"lead", "30"}, {"ilead", "69"}};
    unsigned type;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (strcmp(word, fixed[i].word) == 0)
            return talk_hex(talk, fixed[i].hex), true;
    if (strcmp(word, "reset") == 0)
        return talk_control(talk, KD_TYPE_RESET, 0), true;
    if (strcmp(word, "resend") == 0)
        return talk_control(talk, KD_TYPE_RESEND, 0), true;
    if (strncmp(word, "ack", 3) == 0)
        return talk_control(talk, KD_TYPE_ACK, talk_id(word[3])), true;
    if (sscanf(word, "control%u", &type) == 1)
        return talk_control(talk, type, 0), true;
    if (strncmp(word, "hex:", 4) == 0)
        return talk_hex(talk, word + 4), true;
    if (word[0] == 'q')
        return talk_data(talk, KD_TYPE_MANIPULATE, word + 1), true;
    if (word[0] == 'p' && strchr("01Sx", word[1]))
        return talk_data(talk, KD_TYPE_DEBUG_IO, word + 1), true;
    return false;
}

static inline void talk_caller_word(struct talk *talk, const char *word)
{
    static const struct {
        const char *word;
        void (*act)(struct talk *talk);
    } acts[] = {
        {"send", talk_do_send},         {"print", talk_do_print},     {"recv", talk_do_recv},
        {"wait", talk_do_wait},         {"early", talk_do_early},     {"cancel", talk_do_cancel},
        {"forget", talk_do_forget},     {"restart", talk_do_restart}, {"abandon", talk_do_abandon},
        {"distrust", talk_do_distrust}, {"cut", talk_do_cut},         {"skip", talk_do_skip},
    };
    unsigned type, header_bytes, data_room, ticks;
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (strcmp(word, acts[i].word) == 0) {
            acts[i].act(talk);
            return;
        }
    if (sscanf(word, "recv:%u:%u+%u", &type, &header_bytes, &data_room) == 3)
        talk_receive(talk, (uint16_t)type, (uint16_t)header_bytes, (uint16_t)data_room);
    else if (sscanf(word, "+%u", &ticks) == 1)
        talk->now += ticks;
    else if (strncmp(word, "copy", 4) == 0)
        kd_link_copy_begun(&talk->link, talk_id(word[4]));
    else
        fail_msg("no word of a script is called %s", word);
}

/* Plays a script; returns the log without its first space. */
static inline const char *talk_play(struct talk *talk, const char *script)
{
    char words[4096], *rest = words;
    assert_true(strlen(script) < sizeof(words));
    strcpy(words, script);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (talk_byte_word(talk, word))
            continue;
        talk_pump(talk); /* what came before the caller acts */
        talk_caller_word(talk, word);
    }
    talk_pump(talk);
    return talk->log[0] ? talk->log + 1 : talk->log;
}

#endif
