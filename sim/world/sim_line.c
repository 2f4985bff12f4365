#include "sim/world/sim_line.h"
#include "sim/world/sim_memory.h"
#include "transport/kd/kd_wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_KNOWN_BYTES = 8, CHUNK_GAP_NS = 1000 };

/* Bytes that arrive together. */
struct chunk {
    uint64_t due_ns;
    size_t len_bytes;
};

/* A byte under way that will not arrive whole, counted from the line's first. */
struct spoilt {
    uint64_t at;
    enum sim_fault_kind kind;
};

/* Where the writer's clean stream stands within a frame. */
struct follower {
    uint8_t clean[KD_FRAME_BYTES_MAX]; /* the frame so far */
    size_t have;
    size_t total; /* 0 until the type is known */
    bool holding; /* the bytes so far are kept back until the type is known */
    bool struck;
    struct sim_fault_rule rule; /* what struck it: a copy, the table may be cleared in mid frame */
};

struct sim_line {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_line_config config;
    sim_line_fn *deliver;
    void *context;
    sim_line_fault_fn *on_fault;
    void *on_fault_context;
    sim_line_fault_fn *on_frame;
    void *on_frame_context;
    sim_line_spoilt_fn *on_spoilt;
    void *on_spoilt_context;
    void (*on_room)(void *context);
    void *on_room_context;
    struct sim_prng prng; /* what noise is made of */
    struct sim_line_tap tap;

    struct follower follower;
    uint8_t staged[KD_FRAME_BYTES_MAX]; /* of the write under way, faults applied */
    size_t staged_bytes;

    uint64_t last_due_ns;
    uint64_t join_due_ns;  /* whatever is due then comes in one piece */
    uint64_t stall_end_ns; /* the reader takes nothing until then */
    sim_event_id room_event;
    uint64_t staged_ever;
    struct spoilt *spoilt; /* oldest first */
    size_t spoilt_count, spoilt_room;
    uint64_t written;
    uint64_t delivered;

    sim_event_id event;
    struct chunk *chunks;
    size_t chunk_first, chunk_count, chunk_room;
    uint8_t *bytes;
    size_t byte_first, byte_count, byte_room;
};

struct sim_line *sim_line_create(struct sim_world *world, struct sim_faults *faults,
                                 const struct sim_line_config *config, sim_line_fn *deliver, void *context)
{
    char purpose[48];
    snprintf(purpose, sizeof purpose, "line %u %u", (unsigned)config->vm, (unsigned)config->direction);
    struct sim_line *line = sim_allocate(1, sizeof *line);
    line->prng = sim_prng_for(world, purpose);
    line->world = world;
    line->faults = faults;
    line->config = *config;
    line->join_due_ns = SIM_NEVER;
    line->deliver = deliver;
    line->context = context;
    return line;
}

void sim_line_destroy(struct sim_line *line)
{
    if (line == NULL)
        return;
    sim_cancel(line->world, line->event);
    sim_cancel(line->world, line->room_event);
    free(line->spoilt);
    free(line->chunks);
    free(line->bytes);
    free(line);
}

void sim_line_on_fault(struct sim_line *line, sim_line_fault_fn *fn, void *context)
{
    line->on_fault = fn;
    line->on_fault_context = context;
}

void sim_line_on_frame(struct sim_line *line, sim_line_fault_fn *fn, void *context)
{
    line->on_frame = fn;
    line->on_frame_context = context;
}

void sim_line_on_spoilt(struct sim_line *line, sim_line_spoilt_fn *fn, void *context)
{
    line->on_spoilt = fn;
    line->on_spoilt_context = context;
}

void sim_line_on_room(struct sim_line *line, void (*fn)(void *context), void *context)
{
    line->on_room = fn;
    line->on_room_context = context;
}

void sim_line_set_tap(struct sim_line *line, const struct sim_line_tap *tap)
{
    line->tap = *tap;
}

/* ---- bytes under way ------------------------------------------------------------------------------------------ */

static void deliver_first(void *context);

static void arm(struct sim_line *line)
{
    if (line->event == 0 && line->chunk_count > 0)
        line->event =
            sim_at(line->world, line->chunks[line->chunk_first].due_ns, deliver_first, line);
}

static void forget_taken(struct sim_line *line)
{
    if (line->chunk_count == 0)
        line->chunk_first = line->byte_first = 0;
}

/* Tells of the spoilt bytes among those delivered last, and forgets them. */
static void tell_spoilt(struct sim_line *line, size_t len_bytes)
{
    uint64_t end = line->staged_ever - line->staged_bytes - line->byte_count; /* of what was delivered */
    size_t told = 0;
    while (told < line->spoilt_count && line->spoilt[told].at < end) {
        const struct spoilt *spoilt = &line->spoilt[told++];
        if (line->on_spoilt != NULL && end - spoilt->at <= len_bytes)
            line->on_spoilt(line->on_spoilt_context, spoilt->kind, (size_t)(end - spoilt->at));
    }
    if (told == 0) /* perhaps there is no list yet, and memmove takes no NULL */
        return;
    line->spoilt_count -= told;
    memmove(line->spoilt, line->spoilt + told, line->spoilt_count * sizeof *line->spoilt);
}

static void deliver_first(void *context)
{
    struct sim_line *line = context;
    struct chunk chunk = line->chunks[line->chunk_first];
    uint8_t *bytes = sim_allocate(chunk.len_bytes, 1);
    memcpy(bytes, line->bytes + line->byte_first, chunk.len_bytes);
    line->chunk_first++;
    line->chunk_count--;
    line->byte_first += chunk.len_bytes;
    line->byte_count -= chunk.len_bytes;
    forget_taken(line);
    line->event = 0;
    arm(line);
    line->delivered += chunk.len_bytes;
    sim_trace_add(sim_trace(line->world),
                  &(struct sim_record){.time_ns = sim_now(line->world),
                                       .kind = SIM_RECORD_STREAM,
                                       .vm = line->config.vm,
                                       .a = line->config.direction,
                                       .b = chunk.len_bytes},
                  bytes, chunk.len_bytes);
    if (line->tap.delivered != NULL)
        line->tap.delivered(line->tap.context, bytes, chunk.len_bytes);
    line->deliver(line->context, bytes, chunk.len_bytes);
    tell_spoilt(line, chunk.len_bytes);
    free(bytes);
}

static void put_chunk(struct sim_line *line, const uint8_t *bytes, size_t len_bytes, uint64_t due_ns)
{
    size_t chunks_end = line->chunk_first + line->chunk_count;
    size_t bytes_end = line->byte_first + line->byte_count;
    line->bytes = sim_grow(line->bytes, &line->byte_room, bytes_end + len_bytes, 1);
    memcpy(line->bytes + bytes_end, bytes, len_bytes);
    if (line->chunk_count > 0 && due_ns == line->join_due_ns) {
        line->chunks[chunks_end - 1].len_bytes += len_bytes;
    } else {
        line->chunks = sim_grow(line->chunks, &line->chunk_room, chunks_end + 1, sizeof *line->chunks);
        line->chunks[chunks_end] = (struct chunk){due_ns, len_bytes};
        line->chunk_count++;
    }
    line->byte_count += len_bytes;
    line->last_due_ns = due_ns;
    arm(line);
}

/* Puts what is staged on the line; never arriving before what is under way already. */
static void flush(struct sim_line *line)
{
    size_t most = line->config.chunk_bytes == 0 ? line->staged_bytes : line->config.chunk_bytes;
    uint64_t due_ns = sim_now(line->world) + line->config.latency_ns;
    if (due_ns < line->last_due_ns)
        due_ns = line->last_due_ns;
    for (size_t at = 0; at < line->staged_bytes; at += most) {
        size_t left = line->staged_bytes - at;
        put_chunk(line, line->staged + at, left < most ? left : most, due_ns);
        due_ns += CHUNK_GAP_NS;
    }
    line->staged_bytes = 0;
}

static void stage(struct sim_line *line, uint8_t byte)
{
    if (line->staged_bytes == sizeof line->staged)
        flush(line);
    line->staged[line->staged_bytes++] = byte;
    line->staged_ever++;
}

/* ---- frames of the clean stream, and what strikes them --------------------------------------------------------- */

static bool strikes(const struct follower *follower, enum sim_fault_kind kind)
{
    return follower->struck && follower->rule.kind == kind;
}

static size_t place_of(const struct follower *follower)
{
    return follower->rule.byte == SIM_FAULT_NO_BYTE ? 0 : follower->rule.byte;
}

/* A frame that passed before any rule was armed is not struck in its middle. */
static void ask(struct sim_line *line, uint16_t type, size_t frame_bytes)
{
    struct follower *follower = &line->follower;
    if (!follower->holding)
        return;
    const struct sim_fault_rule *rule =
        sim_faults_ask(line->faults, line->config.layer, line->config.direction, type, frame_bytes);
    follower->struck = rule != NULL;
    if (!follower->struck)
        return;
    follower->rule = *rule;
    if (rule->kind == SIM_FAULT_SPLIT && rule->byte == SIM_FAULT_NO_BYTE)
        follower->rule.byte = (uint32_t)(frame_bytes / 2);
}

/* What is staged goes out now, and what comes behind it not before delay_ns are over. */
static void put_off(struct sim_line *line, uint64_t delay_ns)
{
    flush(line);
    uint64_t due_ns = sim_now(line->world) + line->config.latency_ns + delay_ns;
    if (due_ns > line->last_due_ns)
        line->last_due_ns = due_ns;
}

static void join(struct sim_line *line, uint64_t delay_ns)
{
    put_off(line, delay_ns);
    line->join_due_ns = line->last_due_ns;
}

static void has_room(void *context)
{
    struct sim_line *line = context;
    line->room_event = 0;
    if (line->on_room != NULL)
        line->on_room(line->on_room_context);
}

static void stall(struct sim_line *line, uint64_t delay_ns)
{
    join(line, delay_ns);
    line->stall_end_ns = line->last_due_ns;
    sim_cancel(line->world, line->room_event);
    line->room_event = sim_at(line->world, line->stall_end_ns, has_room, line);
}

bool sim_line_full(const struct sim_line *line)
{
    return sim_now(line->world) < line->stall_end_ns && line->byte_count >= SIM_LINE_ROOM_BYTES;
}

static void insert(struct sim_line *line, const struct sim_fault_rule *rule)
{
    bool drawn = rule->kind == SIM_FAULT_NOISE || rule->value == SIM_FAULT_NO_VALUE;
    uint32_t count = rule->len_bytes == 0 ? 1 : rule->len_bytes;
    for (uint32_t i = 0; i < count; i++)
        stage(line, (uint8_t)(drawn ? sim_prng_u64(&line->prng) : rule->value));
}

static void spoil_next(struct sim_line *line, enum sim_fault_kind kind)
{
    line->spoilt = sim_grow(line->spoilt, &line->spoilt_room, line->spoilt_count + 1, sizeof *line->spoilt);
    line->spoilt[line->spoilt_count++] = (struct spoilt){line->staged_ever, kind};
}

/* What a fault does in front of the frame's byte. */
static void strike_before(struct sim_line *line, size_t byte)
{
    const struct follower *follower = &line->follower;
    const struct sim_fault_rule *rule = &follower->rule;
    if (!follower->struck)
        return;
    if (byte == 0 && rule->kind == SIM_FAULT_DELAY)
        put_off(line, rule->delay_ns);
    else if (byte == 0 && rule->kind == SIM_FAULT_JOIN)
        join(line, rule->delay_ns);
    else if (byte == 0 && rule->kind == SIM_FAULT_STALL)
        stall(line, rule->delay_ns);
    else if (byte == 0 && rule->kind == SIM_FAULT_NOISE)
        insert(line, rule);
    else if (byte == place_of(follower) && rule->kind == SIM_FAULT_SPLIT)
        put_off(line, rule->delay_ns);
    else if (byte == place_of(follower) && rule->kind == SIM_FAULT_INSERT)
        insert(line, rule);
    else if (byte == place_of(follower) && (rule->kind == SIM_FAULT_FRAMING || rule->kind == SIM_FAULT_OVERRUN))
        spoil_next(line, rule->kind);
}

/* A broken connection loses the frame in which it breaks, whoever closes both ends then. */
static bool loses(const struct follower *follower, size_t byte)
{
    return strikes(follower, SIM_FAULT_DISCONNECT) ||
           (strikes(follower, SIM_FAULT_DROP) &&
            (follower->rule.byte == SIM_FAULT_NO_BYTE || follower->rule.byte == byte));
}

/* Stages the frame's bytes first .. first+count-1 as the fault leaves them. */
static void emit(struct sim_line *line, size_t first, size_t count)
{
    struct follower *follower = &line->follower;
    for (size_t i = first; i < first + count; i++) {
        uint8_t byte = follower->clean[i];
        strike_before(line, i);
        if (loses(follower, i))
            continue;
        if (strikes(follower, SIM_FAULT_FLIP) && follower->rule.bit / 8 == i)
            byte = (uint8_t)(byte ^ 1u << follower->rule.bit % 8);
        stage(line, byte);
    }
}

static void begin_frame(struct sim_line *line)
{
    struct follower *follower = &line->follower;
    follower->have = 0;
    follower->total = 0;
    follower->struck = false;
    follower->holding = line->faults != NULL &&
                        sim_faults_armed(line->faults, line->config.layer, line->config.direction);
}

static void end_frame(struct sim_line *line)
{
    struct follower *follower = &line->follower;
    if (strikes(follower, SIM_FAULT_DUPLICATE))
        for (size_t i = 0; i < follower->have; i++)
            stage(line, follower->clean[i]);
    const struct sim_fault_rule *rule = follower->struck ? &follower->rule : NULL;
    if (line->on_frame != NULL)
        line->on_frame(line->on_frame_context, rule, follower->clean, follower->have);
    if (rule != NULL && line->on_fault != NULL)
        line->on_fault(line->on_fault_context, rule, follower->clean, follower->have);
    follower->have = 0;
}

static bool is_leader_byte(uint8_t byte)
{
    return byte == KD_LEADER_BYTE_DATA || byte == KD_LEADER_BYTE_CONTROL;
}

static size_t frame_bytes(const uint8_t *head)
{
    size_t body = kd_load_u16(head + KD_FRAME_BYTE_COUNT);
    if (head[0] == KD_LEADER_BYTE_CONTROL || body > KD_BODY_BYTES_MAX)
        return KD_FRAME_HEADER_BYTES;
    return KD_FRAME_HEADER_BYTES + body + 1;
}

/* What was held turned out to be no frame: it passes as it is. */
static void release(struct sim_line *line)
{
    if (line->follower.holding)
        emit(line, 0, line->follower.have);
    line->follower.have = 0;
}

static void pass_single(struct sim_line *line, uint8_t byte)
{
    begin_frame(line);
    line->follower.clean[0] = byte;
    line->follower.have = 1;
    if (byte == KD_BREAK_IN_BYTE)
        ask(line, SIM_FAULT_TYPE_BREAK_IN, 1);
    emit(line, 0, 1);
    end_frame(line);
}

/* Takes one byte of the leader and of the fields up to ByteCount. */
static void follow_head(struct sim_line *line, uint8_t byte)
{
    struct follower *follower = &line->follower;
    if (follower->have > 0 && follower->have < KD_LEADER_BYTES && byte != follower->clean[0])
        release(line);
    if (follower->have == 0) {
        if (!is_leader_byte(byte)) {
            pass_single(line, byte);
            return;
        }
        begin_frame(line);
    }
    follower->clean[follower->have++] = byte;
    if (!follower->holding)
        emit(line, follower->have - 1, 1);
    if (follower->have < TYPE_KNOWN_BYTES)
        return;
    follower->total = frame_bytes(follower->clean);
    ask(line, kd_load_u16(follower->clean + KD_FRAME_TYPE), follower->total);
    if (follower->holding)
        emit(line, 0, follower->have);
}

/* Takes what the write holds of the rest of the frame. Returns how many bytes. */
static size_t follow_rest(struct sim_line *line, const uint8_t *bytes, size_t len_bytes)
{
    struct follower *follower = &line->follower;
    size_t missing = follower->total - follower->have;
    size_t part = len_bytes < missing ? len_bytes : missing;
    memcpy(follower->clean + follower->have, bytes, part);
    follower->have += part;
    emit(line, follower->have - part, part);
    if (follower->have == follower->total)
        end_frame(line);
    return part;
}

static bool in_rest(const struct follower *follower)
{
    return follower->have >= TYPE_KNOWN_BYTES;
}

void sim_line_write(struct sim_line *line, const uint8_t *bytes, size_t len_bytes)
{
    line->written += len_bytes;
    if (line->tap.written != NULL)
        line->tap.written(line->tap.context, bytes, len_bytes);
    for (size_t at = 0; at < len_bytes;) {
        if (in_rest(&line->follower))
            at += follow_rest(line, bytes + at, len_bytes - at);
        else
            follow_head(line, bytes[at++]);
    }
    flush(line);
}

void sim_line_cut(struct sim_line *line)
{
    sim_cancel(line->world, line->event);
    line->event = 0;
    line->chunk_count = line->byte_count = 0;
    line->last_due_ns = line->stall_end_ns = 0;
    line->join_due_ns = SIM_NEVER;
    line->spoilt_count = 0;
    line->follower.have = 0;
    forget_taken(line);
}

bool sim_line_idle(const struct sim_line *line)
{
    return line->chunk_count == 0 && !(line->follower.holding && line->follower.have > 0);
}

uint64_t sim_line_written(const struct sim_line *line)
{
    return line->written;
}

uint64_t sim_line_delivered(const struct sim_line *line)
{
    return line->delivered;
}
