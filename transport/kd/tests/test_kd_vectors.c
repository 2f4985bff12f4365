/* Goal: the link does what every test vector of kd-protocol.md section 6 says, and document and code cannot
 * drift apart.
 * Method: the vectors are read from the document itself. A valid data frame is bound by its direction: the
 * target's must leave the link byte for byte, the debugger's must be delivered and acknowledged. Everything
 * else (control frames, bad input, streams) needs a row of `rows`, a generated frame needs a row of `recipes`,
 * and a vector that has none is a failure. Session A is played in the order the document gives. */
#define _POSIX_C_SOURCE 200809L
#include "transport/kd/tests/kd_talk.h"

enum { VECTORS_MAX = 128, VECTOR_BYTES_MAX = 4200 };

struct vector {
    char name[4];
    char direction[5];
    char kind[8];
    size_t len_bytes;
    uint8_t bytes[VECTOR_BYTES_MAX];
};

static char document[256 * 1024];
static struct vector vectors[VECTORS_MAX];
static size_t vector_count;
static const size_t chunks[] = {0, 1, 2, 3, 5, 16, 17};

/* Reading the document */

static bool vector_name_good(const char *name)
{
    return strlen(name) == 3 && name[0] >= 'A' && name[0] <= 'Z' && strspn(name + 1, "0123456789") == 2;
}

static const struct vector *find_vector(const char *name)
{
    for (size_t i = 0; i < vector_count; i++)
        if (strcmp(vectors[i].name, name) == 0)
            return &vectors[i];
    fail_msg("the document has no vector %s", name);
    return NULL;
}

static struct vector *add_vector(const char *name)
{
    assert_true(vector_count < VECTORS_MAX);
    for (size_t i = 0; i < vector_count; i++)
        assert_string_not_equal(vectors[i].name, name);
    struct vector *vector = &vectors[vector_count++];
    strcpy(vector->name, name);
    return vector;
}

/* "NAME DIRECTION KIND LENGTH | text", then hex until LENGTH bytes. */
static void read_vector(const char *line)
{
    char name[4], direction[5], kind[8];
    size_t len_bytes;
    if (sscanf(line, "%3s %4s %7s %zu |", name, direction, kind, &len_bytes) != 4 || !vector_name_good(name))
        return;
    struct vector *vector = add_vector(name);
    strcpy(vector->direction, direction);
    strcpy(vector->kind, kind);
    vector->len_bytes = len_bytes;
    assert_in_range(len_bytes, 1, VECTOR_BYTES_MAX);
    const char *hex = strchr(line, '\n');
    for (size_t i = 0; i < len_bytes; i++, hex += 2) {
        unsigned value;
        hex += strspn(hex, " \n");
        if (sscanf(hex, "%2x", &value) != 1)
            fail_msg("%s: its hex ends after %zu of %zu bytes", name, i, len_bytes);
        vector->bytes[i] = (uint8_t)value;
    }
}

/* The generated frames of 6.6 */

static void body_of_x02(uint8_t *body)
{
    memcpy(body, find_vector("X01")->bytes + KD_FRAME_HEADER_BYTES, 271);
}

static void put_manipulate(uint8_t *body, uint32_t api)
{
    talk_put(body, api, 4);
    talk_put(body + 4, 6, 2);
}

static void put_transfer(uint8_t *body, uint32_t address_high, uint32_t address_low, uint32_t count,
                         uint32_t actual)
{
    talk_put(body + 16, address_low, 4);
    talk_put(body + 20, address_high, 4);
    talk_put(body + 24, count, 4);
    talk_put(body + 28, actual, 4);
}

static void body_of_g01(uint8_t *body)
{
    put_manipulate(body, 0x3130);
    put_transfer(body, 0xFFFFF802, 0x55000000, 4096, 3944);
    for (size_t i = 0; i < 3944; i++)
        body[56 + i] = (uint8_t)i;
}

static void body_of_g02(uint8_t *body)
{
    memset(body, 0xFF, 4000);
}

struct field {
    uint32_t at, value;
    int bytes;
};

static void put_fields(uint8_t *to, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        talk_put(to + fields[i].at, fields[i].value, fields[i].bytes);
}

static void body_of_g03(uint8_t *body)
{
    static const struct field context[] = {
        {0x30, 0x10001F, 4},   {0x38, 0x10, 2},       {0x3A, 0x2B, 2},       {0x3C, 0x2B, 2},
        {0x3E, 0x53, 2},       {0x40, 0x2B, 2},       {0x42, 0x18, 2},       {0x44, 0x86, 4},
        {0x98, 0xC54659E0, 4}, {0x9C, 0xFFFFF802, 4}, {0xF8, 0xC55E3380, 4}, {0xFC, 0xFFFFF802, 4},
    };
    put_manipulate(body, 0x3132);
    put_fields(body + 56, context, sizeof(context) / sizeof(context[0]));
}

static void body_of_g04(uint8_t *body)
{
    static const struct field context[] = {
        {0x00, 0x1003F, 4}, {0xB8, 0x80526DA8, 4}, {0xBC, 8, 4},
        {0xC0, 0x202, 4},   {0xC4, 0x80550000, 4}, {0xC8, 0x10, 4},
    };
    put_manipulate(body, 0x3132);
    put_fields(body + 56, context, sizeof(context) / sizeof(context[0]));
}

static void body_of_g05(uint8_t *body)
{
    static const struct field special[] = {
        {0x00, 0x80050033, 4}, {0x10, 0x1AD002, 4}, {0x18, 0x1506F8, 4}, {0x48, 0x400, 4}};
    put_manipulate(body, 0x3137);
    put_transfer(body, 0, 2, 224, 224);
    put_fields(body + 56, special, sizeof(special) / sizeof(special[0]));
}

static void body_of_g06(uint8_t *body)
{
    put_manipulate(body, 0x3230);
    talk_put(body + 8, 3984, 4);
    for (size_t i = 0; i < 3984; i++)
        body[16 + i] = (uint8_t)(7 * i + 3);
}

static const struct {
    const char *name;
    void (*body)(uint8_t *body);
} recipes[] = {
    {"X02", body_of_x02}, {"G01", body_of_g01}, {"G02", body_of_g02}, {"G03", body_of_g03},
    {"G04", body_of_g04}, {"G05", body_of_g05}, {"G06", body_of_g06},
};

/* "| NAME | type, id | body | ByteCount | Checksum |": the frame with the document's checksum, not ours. */
static void read_generated(const char *line)
{
    char name[4];
    unsigned type, id, byte_count, checksum;
    if (sscanf(line, "| %3s | %u, %x |", name, &type, &id) != 3 || !vector_name_good(name))
        return;
    const char *end = strchr(line, '\n');
    const char *column = end;
    for (int bars = 0; bars < 3; bars += *column == '|')
        column--;
    assert_int_equal(sscanf(column, "| %u | %x |", &byte_count, &checksum), 2);
    assert_in_range(byte_count, 0, KD_BODY_BYTES_MAX);
    struct vector *vector = add_vector(name);
    strcpy(vector->direction, "both");
    strcpy(vector->kind, "made");
    vector->len_bytes = byte_count + 17;
    talk_head(vector->bytes, 0x30, type, byte_count, id, checksum);
    vector->bytes[byte_count + 16] = 0xAA;
    for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
        if (strcmp(recipes[i].name, name) == 0) {
            recipes[i].body(vector->bytes + 16);
            return;
        }
    fail_msg("%s is bound by no recipe", name);
}

static int read_document(void **state)
{
    (void)state;
    FILE *file = fopen(KD_PROTOCOL_MD, "rb");
    assert_non_null(file);
    size_t length = fread(document, 1, sizeof(document) - 1, file);
    fclose(file);
    assert_in_range(length, 1, sizeof(document) - 2);
    const char *section = strstr(document, "\n## 6. Test vectors");
    assert_non_null(section);
    const char *section_end = strstr(section + 1, "\n## 7.");
    assert_non_null(section_end);
    for (const char *line = section + 1; line < section_end; line = strchr(line, '\n') + 1) {
        read_vector(line);
        read_generated(line);
    }
    return 0;
}

/* Helpers */

static uint32_t vector_id(const struct vector *vector)
{
    return kd_load_u32(vector->bytes + 8);
}

static uint16_t vector_type(const struct vector *vector)
{
    return kd_load_u16(vector->bytes + 4);
}

static bool is_data_frame(const struct vector *vector)
{
    return vector->len_bytes > 16 && kd_load_u32(vector->bytes) == 0x30303030;
}

static bool is_made(const struct vector *vector)
{
    return strcmp(vector->kind, "made") == 0;
}

static bool bound_by_direction(const struct vector *vector, const char *direction)
{
    return is_data_frame(vector) && (is_made(vector) || (strcmp(vector->kind, "valid") == 0 &&
                                                         strcmp(vector->direction, direction) == 0));
}

static const char *expect_log(struct talk *talk, const char *name, const char *script, const char *expected)
{
    const char *log = talk_play(talk, script);
    if (strcmp(log, expected) != 0)
        fail_msg("%s\n  script   %s\n  expected %s\n  actual   %s", name, script, expected, log);
    return log;
}

/* Sends a vector's body as kernel and module would, and compares every byte of the frame. */
static void send_vector(struct talk *talk, const struct vector *vector)
{
    struct kd_frame frame;
    uint32_t body_bytes = (uint32_t)vector->len_bytes - 17;
    uint32_t header_bytes = kd_type_header_bytes(vector_type(vector));
    const uint8_t *body = vector->bytes + 16;
    const struct kd_packet packet = {
        vector_type(vector), {body, header_bytes}, {body + header_bytes, body_bytes - header_bytes}};
    talk_send(talk, &packet);
    kd_link_frame(&talk->link, &frame);
    assert_memory_equal(frame.head, vector->bytes, sizeof(frame.head));
    assert_ptr_equal(frame.header.bytes, packet.header.bytes);
    assert_ptr_equal(frame.data.bytes, packet.data.bytes);
    assert_int_equal(frame.header.len_bytes + frame.data.len_bytes, body_bytes);
    assert_int_equal(frame.trailer, vector->bytes[vector->len_bytes - 1]);
}

/* The vector's bytes arrive at a link that waits for a packet of its type. */
static void offer_vector(struct talk *talk, const struct vector *vector)
{
    uint16_t header_bytes = (uint16_t)kd_type_header_bytes(vector_type(vector));
    talk_receive(talk, vector_type(vector), header_bytes, (uint16_t)(KD_BODY_BYTES_MAX - header_bytes));
    talk_bytes(talk, vector->bytes, vector->len_bytes);
    talk_pump(talk);
}

static void receive_vector(struct talk *talk, const struct vector *vector)
{
    uint16_t header_bytes = (uint16_t)kd_type_header_bytes(vector_type(vector));
    offer_vector(talk, vector);
    const struct kd_received *got = &talk->link.received;
    assert_int_equal(talk->link.state, KD_LINK_IDLE);
    assert_int_equal(got->type, vector_type(vector));
    assert_int_equal(got->header_bytes, header_bytes);
    assert_int_equal(got->header_bytes + got->data_bytes, vector->len_bytes - 17);
    assert_memory_equal(got->body, vector->bytes + 16, vector->len_bytes - 17);
}

/* Tests */

static void every_data_frame_is_sound(void **state)
{
    (void)state;
    size_t frames = 0;
    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *vector = &vectors[i];
        if (!bound_by_direction(vector, "T>D") && !bound_by_direction(vector, "D>T"))
            continue;
        uint32_t sum = 0;
        for (size_t at = 16; at < vector->len_bytes - 1; at++)
            sum += vector->bytes[at];
        assert_int_equal(kd_load_u16(vector->bytes + 6), vector->len_bytes - 17);
        if (kd_load_u32(vector->bytes + 12) != sum)
            fail_msg("%s: the body adds up to %08X", vector->name, sum);
        assert_int_equal(vector->bytes[vector->len_bytes - 1], 0xAA);
        frames++;
    }
    assert_true(frames >= 47);
}

static void every_frame_of_the_target_goes_out_byte_for_byte(void **state)
{
    /* How a link comes to number its next frame so. */
    static const struct {
        char id;
        const char *script;
    } before[] = {{'S', ""}, {'0', "recv reset"}, {'1', "send ack0"}};
    static struct talk talk;
    char log[16];
    (void)state;
    for (size_t i = 0; i < vector_count; i++)
        for (size_t b = 0; bound_by_direction(&vectors[i], "T>D") && b < 3; b++) {
            if (talk_id(before[b].id) != vector_id(&vectors[i]))
                continue;
            talk_init(&talk, 0);
            talk_play(&talk, before[b].script);
            talk.log[0] = '\0';
            send_vector(&talk, &vectors[i]);
            snprintf(log, sizeof(log), ">%c SENT", before[b].id);
            expect_log(&talk, vectors[i].name, before[b].id == '1' ? "ack1" : "ack0", log);
        }
}

static void every_frame_of_the_debugger_is_delivered_once(void **state)
{
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < vector_count; i++)
        for (size_t c = 0; bound_by_direction(&vectors[i], "D>T") && c < sizeof(chunks) / sizeof(chunks[0]);
             c++) {
            bool second = vector_id(&vectors[i]) == 0x80800001;
            talk_init(&talk, chunks[c]);
            talk_play(&talk, second ? "recv q0c" : "");
            talk.log[0] = '\0';
            receive_vector(&talk, &vectors[i]);
            talk.log[0] = '\0';
            offer_vector(&talk, &vectors[i]);
            expect_log(&talk, vectors[i].name, "wait", second ? ">ack1 TIMEOUT" : ">ack0 TIMEOUT");
        }
}

/* What a target does with everything else; @ stands for the vector's bytes, @S02 for another's. */
static const struct row {
    const char *name;
    const char *script;
    const char *log;
} rows[] = {
    {"C01", "recv @ send @C04", ">reset RESEND >0 SENT"},
    {"C02", "recv @ send @C04", ">reset RESEND >0 SENT"},
    {"C03", "recv @ send @C04", ">reset RESEND >0 SENT"},
    {"C04", "send @ send @ wait", ">S SENT >1 >1"},
    {"C05", "send @C04 send @", ">S SENT >1 SENT"},
    {"C06", "send @ @C04", ">S >S SENT"},
    {"C06", "recv @", "RESEND"},
    {"C07", "recv @ wait", "break RESEND"},
    {"C08", "send @ wait @C04", ">S >S SENT"},
    {"C09", "send @ @C04", ">S SENT"},
    {"C09", "recv @ @S02", ">ack0 GOT2"},
    {"E01", "recv:3:16+3984 @ @E15", ">resend >ackS GOT3"},
    {"E02", "recv @ wait recv @S02", "TIMEOUT >ack0 GOT2"},
    {"E02", "send @ wait @C04", ">S >S SENT"},
    {"E03", "recv @ wait @S02", ">resend >ack0 GOT2"},
    {"E04", "recv @ @S02", ">resend >ack0 GOT2"},
    {"E05", "recv @ @S02", ">resend >ack0 GOT2"},
    {"E06", "recv @ wait recv @S02", ">resend TIMEOUT >ack0 GOT2"},
    {"E07", "recv @ recv wait", ">ack0 GOT2 >ack0 TIMEOUT"},
    {"E08", "send @", ">S break SENT"},
    {"E09", "recv @ wait @S02", ">resend >ack0 GOT2"},
    {"E10", "recv @", "break >reset RESEND"},
    {"E11", "recv @ @S02", ">resend >ack0 GOT2"},
    {"E12", "recv @ @S04", ">ack0 >ack1 GOT2"},
    {"E13", "recv @ @S02", ">resend >ack0 GOT2"},
    {"E14", "recv @ @S02", ">ack1 >ack0 GOT2"},
    {"E16", "recv @ @S02", ">ackx >ack0 GOT2"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Puts hex in the place of @ and @NAME. */
static void expand(char *to, size_t size, const struct row *row)
{
    size_t used = 0;
    for (const char *from = row->script; *from; from++) {
        assert_true(used + 2 < size);
        if (*from != '@') {
            to[used++] = *from;
            continue;
        }
        char name[4] = "";
        if (sscanf(from + 1, "%3[A-Z0-9]", name) == 1)
            from += 3;
        const struct vector *vector = find_vector(name[0] ? name : row->name);
        used += (size_t)snprintf(to + used, size - used, "hex:");
        for (size_t i = 0; i < vector->len_bytes && used < size; i++)
            used += (size_t)snprintf(to + used, size - used, "%02X", vector->bytes[i]);
        assert_true(used < size);
    }
    to[used] = '\0';
}

static void control_frames_faults_and_streams_do_what_they_say(void **state)
{
    static struct talk talk;
    char script[4096];
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
            talk_init(&talk, chunks[c]);
            expand(script, sizeof(script), &rows[i]);
            expect_log(&talk, rows[i].name, script, rows[i].log);
        }
}

static void every_vector_is_bound(void **state)
{
    size_t made = 0;
    (void)state;
    for (size_t i = 0; i < vector_count; i++) {
        bool bound = bound_by_direction(&vectors[i], "T>D") || bound_by_direction(&vectors[i], "D>T");
        for (size_t r = 0; r < ROWS; r++)
            bound = bound || strcmp(rows[r].name, vectors[i].name) == 0;
        if (!bound)
            fail_msg("%s is bound by no test", vectors[i].name);
        made += is_made(&vectors[i]);
    }
    assert_int_equal(made, sizeof(recipes) / sizeof(recipes[0]));
    assert_int_equal(vector_count, 71);
}

static void what_the_link_writes_is_in_the_document(void **state)
{
    static const struct {
        const char *name;
        const char *script;
        const char *end;
    } writes[] = {
        {"C01", "recv", "reset"},
        {"C04", "recv", "q0c"},
        {"C05", "recv q0c recv", "q1c"},
        {"C06", "recv", "q0c!sum"},
    };
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        struct kd_action action;
        talk_init(&talk, 0);
        talk_play(&talk, writes[i].script);
        assert_true(talk_byte_word(&talk, writes[i].end));
        size_t leader = kd_link_input(&talk.link, talk.pending, talk.pending_bytes, 0, &action);
        assert_true(action.leader_seen);
        kd_link_input(&talk.link, talk.pending + leader, talk.pending_bytes - leader, 0, &action);
        assert_true(action.write_control);
        assert_memory_equal(action.control, find_vector(writes[i].name)->bytes, 16);
    }
}

/* One step of session A: "S01 ←a0" is a frame of the target and its ACK, "S02 →a0" one of the debugger and
 * ours. */
static void play_step(struct talk *talk, const char *name, bool target_acks, char ack)
{
    char expected[32];
    const struct vector *vector = find_vector(name);
    talk->log[0] = '\0';
    if (target_acks) {
        receive_vector(talk, vector);
        snprintf(expected, sizeof(expected), " >ack%c GOT%u", ack, vector_type(vector));
    } else {
        send_vector(talk, vector);
        const char *id = talk_id_name(vector_id(vector));
        snprintf(expected, sizeof(expected), " >%s SENT", id);
        talk_play(talk, ack == '1' ? "ack1" : "ack0");
    }
    if (strcmp(talk->log, expected) != 0)
        fail_msg("%s: expected%s, actual%s", name, expected, talk->log);
}

static void session_a_plays_in_order(void **state)
{
    static struct talk talk;
    (void)state;
    const char *order = strstr(document, "### 6.3 Session A");
    assert_non_null(order);
    order = strstr(order, "consistent.");
    assert_non_null(order);
    for (size_t c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
        size_t steps = 0;
        talk_init(&talk, chunks[c]);
        for (const char *at = order; (at = strpbrk(at, "S`")) && *at == 'S'; at++) {
            char name[4], arrow[4], ack;
            assert_int_equal(sscanf(at, "%3s %3s a%c", name, arrow, &ack), 3);
            play_step(&talk, name, strcmp(arrow, "\xE2\x86\x92") == 0, ack);
            steps++;
        }
        assert_int_equal(steps, 25);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_data_frame_is_sound),
        cmocka_unit_test(every_frame_of_the_target_goes_out_byte_for_byte),
        cmocka_unit_test(every_frame_of_the_debugger_is_delivered_once),
        cmocka_unit_test(control_frames_faults_and_streams_do_what_they_say),
        cmocka_unit_test(every_vector_is_bound),
        cmocka_unit_test(what_the_link_writes_is_in_the_document),
        cmocka_unit_test(session_a_plays_in_order),
    };
    return cmocka_run_group_tests(tests, read_document, NULL);
}
