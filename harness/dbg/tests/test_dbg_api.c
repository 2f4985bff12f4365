/* Goal: message bodies are built and read as kd-protocol.md 4 says, and no length of a target is believed.
 * Method: builders are compared with the vectors of section 6 (bodies written out here), readers fed the same
 * and then every shorter one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/dbg/dbg_api.h"
#include "harness/dbg/dbg_bytes.h"
#include <string.h>

#define KERNEL 0xFFFFF80255000000u

/* The sum of section 2.1: the vectors' checksums bind a whole body. */
static uint32_t sum(const uint8_t *body, uint32_t body_bytes)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < body_bytes; i++)
        total += body[i];
    return total;
}

static void assert_request(const struct dbg_request *request, uint32_t body_bytes, uint32_t checksum)
{
    assert_int_equal(request->body_bytes, body_bytes);
    assert_int_equal(sum(request->body, request->body_bytes), checksum);
}

/* A reply as the target makes it: the request's header with fields filled in, and data. */
static uint32_t make_reply(uint8_t *body, uint32_t api, uint32_t status, uint32_t field_offset,
                           uint32_t field, uint32_t data_bytes)
{
    memset(body, 0, DBG_MANIPULATE_BYTES);
    dbg_put(body, 4, api);
    dbg_put(body + 8, 4, status);
    dbg_put(body + 16 + field_offset, 4, field);
    memset(body + DBG_MANIPULATE_BYTES, 0x5A, data_bytes);
    return DBG_MANIPULATE_BYTES + data_bytes;
}

static void requests_have_the_checksums_of_the_vectors(void **state)
{
    (void)state;
    struct dbg_request r;
    const struct dbg_control_set go = {.dr7 = 0x400}, step = {.trace = true, .dr7 = 0x400, .symbol_start = 1};
    dbg_api_get_version(&r);
    assert_request(&r, 56, 0x7D); /* S02 */
    dbg_api_read_virtual(&r, 0, KERNEL, 16);
    assert_request(&r, 56, 0x3C4); /* S04 */
    assert_int_equal(dbg_api_write_virtual(&r, 0, KERNEL + 0x1000, (const uint8_t *)"\x90\x90\x90\x90", 4),
                     KD_OK);
    assert_request(&r, 60, 0x609); /* S08 */
    dbg_api_read_control_space(&r, 1, 1, 8);
    assert_request(&r, 56, 0x78); /* S10 */
    dbg_api_write_breakpoint(&r, KERNEL + 0x2000);
    assert_request(&r, 56, 0x3D8); /* S12 */
    dbg_api_restore_breakpoint(&r, 7);
    assert_request(&r, 56, 0x73); /* S14 */
    dbg_api_get_context_ex(&r, 1, 0x38, 16);
    assert_request(&r, 56, 0xDF); /* S16 */
    dbg_api_clear_internal_breakpoints(&r);
    assert_request(&r, 56, 0x91); /* S20 */
    dbg_api_continue2(&r, DBG_X64, 1, DBG_CONTINUE, &go);
    assert_request(&r, 56, 0x7B); /* S21 */
    dbg_api_continue2(&r, DBG_X64, 0, DBG_EXCEPTION_HANDLED, &step);
    assert_request(&r, 56, 0x7B); /* F01 */
    dbg_api_continue2(&r, DBG_X86, 0, DBG_EXCEPTION_HANDLED, &go);
    assert_request(&r, 56, 0x79); /* F02 */
    dbg_api_continue(&r, DBG_CONTINUE);
    assert_request(&r, 56, 0x70); /* F03 */
    dbg_api_switch_processor(&r, 1);
    assert_request(&r, 56, 0x88); /* F05 */
    dbg_api_reboot(&r);
    assert_request(&r, 56, 0x72); /* F06 */
    dbg_api_get_context(&r, 0);
    assert_request(&r, 56, 0x69); /* F10 */
    dbg_api_query_memory(&r, KERNEL);
    assert_request(&r, 56, 0x3E0); /* F12 */
}

static void control_sets_lie_at_the_offsets_of_their_architecture(void **state)
{
    (void)state;
    struct dbg_request r;
    const struct dbg_control_set set = {true, 0x1122334455667788, 0x0102030405060708, 0x1112131415161718};
    dbg_api_continue2(&r, DBG_X64, 0, DBG_CONTINUE, &set);
    assert_int_equal(dbg_get(r.body + 16 + 8, 8), set.dr7);
    assert_int_equal(dbg_get(r.body + 16 + 16, 8), set.symbol_start);
    assert_int_equal(dbg_get(r.body + 16 + 24, 8), set.symbol_end);
    dbg_api_continue2(&r, DBG_X86, 0, DBG_CONTINUE, &set);
    assert_int_equal(dbg_get32(r.body + 16 + 8), 0x55667788);
    assert_int_equal(dbg_get32(r.body + 16 + 12), 0x05060708);
    assert_int_equal(dbg_get32(r.body + 16 + 16), 0x15161718);
    assert_int_equal(dbg_get(r.body + 16 + 20, 8), 0);
}

static void a_body_is_filled_to_the_brim_and_not_beyond(void **state)
{
    (void)state;
    static uint8_t data[DBG_DATA_BYTES_MAX + 1];
    struct dbg_request r;
    assert_int_equal(dbg_api_write_virtual(&r, 0, 0, data, DBG_DATA_BYTES_MAX), KD_OK);
    assert_int_equal(r.body_bytes, DBG_BODY_BYTES_MAX);
    assert_int_equal(dbg_api_append(&r, data, 1), KD_ERR_TOO_BIG);
    assert_int_equal(dbg_api_append(&r, data, 0), KD_OK);
    assert_int_equal(dbg_api_write_virtual(&r, 0, 0, data, DBG_DATA_BYTES_MAX + 1), KD_ERR_TOO_BIG);
    assert_int_equal(r.body_bytes, DBG_MANIPULATE_BYTES);
}

static void fields_outside_the_union_are_refused(void **state)
{
    (void)state;
    struct dbg_request r;
    dbg_api_begin(&r, 0x3199, 3);
    assert_int_equal(dbg_api_put(&r, 36, 4, 0xAABBCCDD), KD_OK);
    assert_int_equal(dbg_api_put(&r, 37, 4, 1), KD_ERR_ARGUMENT);
    assert_int_equal(dbg_api_put(&r, UINT32_MAX, 4, 1), KD_ERR_ARGUMENT);
    assert_int_equal(dbg_api_put(&r, 0, 9, 1), KD_ERR_ARGUMENT);
    struct dbg_reply reply;
    assert_int_equal(dbg_api_reply(r.body, r.body_bytes, &reply), KD_OK);
    assert_int_equal(reply.cpu, 3);
    assert_int_equal(dbg_api_field(&reply, 36, 4), 0xAABBCCDD);
    assert_int_equal(dbg_api_field(&reply, 37, 4), 0);
}

static void every_request_without_a_reply_is_known_as_such(void **state)
{
    (void)state;
    static const struct {
        uint32_t api;
        enum dbg_answer answer;
    } silent[] = {{0x3136, DBG_ANSWER_RUNS}, {0x313B, DBG_ANSWER_RUNS},         {0x313C, DBG_ANSWER_RUNS},
                  {0x3149, DBG_ANSWER_RUNS}, {0x3150, DBG_ANSWER_STATE_CHANGE}, {0x315A, DBG_ANSWER_NONE}};
    unsigned found = 0;
    for (uint32_t api = 0x3100; api < 0x3200; api++) {
        enum dbg_answer want = DBG_ANSWER_REPLY;
        for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
            if (silent[i].api == api)
                want = silent[i].answer;
        found += want != DBG_ANSWER_REPLY;
        assert_int_equal(dbg_api_answer(api), want);
    }
    assert_int_equal(found, 6);
}

static void names_are_found_again(void **state)
{
    (void)state;
    uint32_t api = 0;
    uint16_t type = 0;
    assert_int_equal(dbg_api_find("write_physical", &api), KD_OK);
    assert_int_equal(api, 0x313E);
    assert_string_equal(dbg_api_name(0x3160), "set_context_ex");
    assert_string_equal(dbg_api_name(0x3161), "api_?");
    assert_int_equal(dbg_api_find("nonsense", &api), KD_ERR_ARGUMENT);
    assert_int_equal(dbg_type_find("file_io", &type), KD_OK);
    assert_int_equal(type, 11);
    assert_string_equal(dbg_type_name(8), "type_?");
    assert_int_equal(dbg_type_find("poll", &type), KD_ERR_ARGUMENT);
}

static void a_transfer_must_carry_what_it_says(void **state)
{
    (void)state;
    uint8_t body[DBG_MANIPULATE_BYTES + 16];
    struct dbg_reply reply;
    uint32_t actual = 0;
    uint32_t len =
        make_reply(body, DBG_API_READ_VIRTUAL, DBG_STATUS_UNSUCCESSFUL, 12, 16, 16); /* S07: short read */
    assert_int_equal(dbg_api_reply(body, len, &reply), KD_OK);
    assert_int_equal(dbg_api_transfer(&reply, &actual), KD_OK);
    assert_int_equal(actual, 16);
    assert_int_equal(dbg_api_reply(body, len - 1, &reply), KD_OK);
    assert_int_equal(dbg_api_transfer(&reply, &actual), KD_ERR_BAD_MESSAGE);
    len = make_reply(body, DBG_API_WRITE_VIRTUAL, 0, 12, 4, 0); /* S09: no data */
    assert_int_equal(dbg_api_reply(body, len, &reply), KD_OK);
    assert_int_equal(dbg_api_transfer(&reply, &actual), KD_OK);
    assert_int_equal(actual, 4);
    len = make_reply(body, DBG_API_GET_CONTEXT_EX, 0, 8, 16, 16); /* S17 */
    assert_int_equal(dbg_api_reply(body, len, &reply), KD_OK);
    assert_int_equal(dbg_api_transfer(&reply, &actual), KD_OK);
    len = make_reply(body, DBG_API_GET_VERSION, 0, 12, 0, 0);
    assert_int_equal(dbg_api_reply(body, len, &reply), KD_OK);
    assert_int_equal(dbg_api_transfer(&reply, &actual), KD_ERR_BAD_MESSAGE);
}

static void a_breakpoint_handle_is_1_to_32(void **state)
{
    (void)state;
    uint8_t body[DBG_MANIPULATE_BYTES];
    struct dbg_reply reply;
    uint32_t handle = 0;
    static const struct {
        uint32_t status, handle;
        enum kd_status result;
    } rows[] = {{0, 1, KD_OK},
                {0, 32, KD_OK},
                {0, 0, KD_ERR_BAD_MESSAGE},
                {0, 33, KD_ERR_BAD_MESSAGE},
                {DBG_STATUS_UNSUCCESSFUL, 0, KD_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t len = make_reply(body, DBG_API_WRITE_BREAKPOINT, rows[i].status, 8, rows[i].handle, 0);
        assert_int_equal(dbg_api_reply(body, len, &reply), KD_OK);
        assert_int_equal(dbg_api_breakpoint(&reply, &handle), rows[i].result);
    }
    assert_int_equal(dbg_api_reply(body, DBG_MANIPULATE_BYTES - 1, &reply), KD_ERR_BAD_MESSAGE);
}

static void the_version_of_the_vector_is_read(void **state)
{
    (void)state;
    /* S03 */
    static const uint8_t body[] = {0x46, 0x31, 0,    0,    6,    0,    0,    0,    0, 0,    0,    0,
                                   0,    0,    0,    0,    0x0F, 0,    0x61, 0x4A, 6, 2,    7,    0,
                                   0x64, 0x86, 0x0C, 3,    0x31, 0,    0,    0,    0, 0,    0,    0x55,
                                   2,    0xF8, 0xFF, 0xFF, 0x10, 0x67, 0xC2, 0x55, 2, 0xF8, 0xFF, 0xFF,
                                   0xF0, 0xA2, 0xC4, 0x55, 2,    0xF8, 0xFF, 0xFF};
    struct dbg_reply reply;
    struct dbg_version version;
    assert_int_equal(sum(body, sizeof body), 0xFE6);
    assert_int_equal(dbg_api_reply(body, sizeof body, &reply), KD_OK);
    assert_int_equal(dbg_api_version(&reply, &version), KD_OK);
    assert_int_equal(version.minor, 19041);
    assert_int_equal(version.protocol, 6);
    assert_int_equal(version.machine, 0x8664);
    assert_int_equal(version.max_manipulate, 0x31);
    assert_int_equal(version.kernel_base, KERNEL);
    assert_int_equal(version.module_list, 0xFFFFF80255C26710);
    assert_int_equal(version.debugger_data_list, 0xFFFFF80255C4A2F0);
}

/* G03 and G04: a CONTEXT filled by name has the document's checksum, so every offset used is right. */
static void contexts_filled_by_name_have_the_checksums_of_the_vectors(void **state)
{
    (void)state;
    static const struct {
        enum dbg_arch arch;
        uint32_t checksum;
        struct {
            const char *name;
            uint64_t value;
        } registers[11];
    } rows[] = {
        {DBG_X64,
         0xC24,
         {{"flags", 0x10001F},
          {"cs", 0x10},
          {"ds", 0x2B},
          {"es", 0x2B},
          {"fs", 0x53},
          {"gs", 0x2B},
          {"ss", 0x18},
          {"eflags", 0x86},
          {"rsp", 0xFFFFF802C54659E0},
          {"rip", 0xFFFFF802C55E3380}}},
        {DBG_X86,
         0x381,
         {{"flags", 0x1003F},
          {"eip", 0x80526DA8},
          {"cs", 8},
          {"eflags", 0x202},
          {"esp", 0x80550000},
          {"ss", 0x10}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t context[DBG_CONTEXT_BYTES_X64] = {0};
        unsigned count = 0;
        const struct dbg_field *fields = dbg_context_fields(rows[i].arch, &count);
        for (unsigned r = 0; rows[i].registers[r].name != NULL; r++) {
            uint64_t back = 0;
            const char *name = rows[i].registers[r].name;
            assert_int_equal(dbg_field_set(fields, count, name, context, dbg_context_bytes(rows[i].arch),
                                           rows[i].registers[r].value),
                             KD_OK);
            assert_int_equal(dbg_field_get(fields, count, name, context, sizeof context, &back), KD_OK);
            assert_int_equal(back, rows[i].registers[r].value);
        }
        struct dbg_request reply;
        dbg_api_begin(&reply, DBG_API_GET_CONTEXT, 0);
        assert_int_equal(dbg_api_append(&reply, context, dbg_context_bytes(rows[i].arch)), KD_OK);
        assert_request(&reply, DBG_MANIPULATE_BYTES + dbg_context_bytes(rows[i].arch), rows[i].checksum);
    }
}

static void special_registers_filled_by_name_have_the_checksum_of_the_vector(void **state)
{
    (void)state;
    enum { SPECIAL_BYTES = 0xE0 };
    static const struct {
        const char *name;
        uint64_t value;
    } registers[] = {{"cr0", 0x80050033}, {"cr3", 0x1AD002}, {"cr4", 0x1506F8}, {"dr7", 0x400}};
    struct dbg_request reply;
    dbg_api_read_control_space(&reply, 0, 2, SPECIAL_BYTES);
    assert_int_equal(dbg_api_put(&reply, 12, 4, SPECIAL_BYTES), KD_OK);
    uint8_t special[SPECIAL_BYTES] = {0};
    unsigned count = 0;
    const struct dbg_field *fields = dbg_special_fields(DBG_X64, &count);
    for (size_t i = 0; i < sizeof registers / sizeof *registers; i++)
        assert_int_equal(
            dbg_field_set(fields, count, registers[i].name, special, SPECIAL_BYTES, registers[i].value),
            KD_OK);
    assert_int_equal(dbg_api_append(&reply, special, SPECIAL_BYTES), KD_OK);
    assert_request(&reply, 280, 0x4EB); /* G05 */
}

static void fields_ascend_and_stay_inside_their_block(void **state)
{
    (void)state;
    for (unsigned arch = DBG_X64; arch <= DBG_X86; arch++) {
        unsigned count = 0;
        const struct dbg_field *fields = dbg_context_fields((enum dbg_arch)arch, &count);
        for (unsigned i = 1; i < count; i++)
            assert_true(fields[i].offset >= fields[i - 1].offset + fields[i - 1].bytes);
        assert_true(fields[count - 1].offset + fields[count - 1].bytes <=
                    dbg_context_bytes((enum dbg_arch)arch));
        fields = dbg_special_fields((enum dbg_arch)arch, &count);
        for (unsigned i = 1; i < count; i++)
            assert_true(fields[i].offset >= fields[i - 1].offset + fields[i - 1].bytes);
    }
}

static void a_register_outside_a_short_block_is_an_error(void **state)
{
    (void)state;
    uint8_t block[0x100] = {0};
    uint64_t value = 77;
    unsigned count = 0;
    const struct dbg_field *fields = dbg_context_fields(DBG_X64, &count);
    assert_int_equal(dbg_field_get(fields, count, "rip", block, 0x100, &value), KD_OK);
    assert_int_equal(dbg_field_get(fields, count, "rip", block, 0xFF, &value), KD_ERR_BAD_MESSAGE);
    assert_int_equal(dbg_field_set(fields, count, "rip", block, 0, 1), KD_ERR_BAD_MESSAGE);
    assert_int_equal(dbg_field_get(fields, count, "eip", block, 0x100, &value), KD_ERR_ARGUMENT);
}

/* The fields of S01 and F07 at their offsets. */
static void make_exception(uint8_t body[DBG_STATE_CHANGE_BYTES], enum dbg_arch arch)
{
    memset(body, 0, DBG_STATE_CHANGE_BYTES);
    dbg_put(body, 4, 0x3030);
    dbg_put(body + 6, 2, 1);
    dbg_put(body + 8, 4, 2);
    dbg_put(body + 16, 8, 0xFFFF8C85BC229800);
    dbg_put(body + 24, 8, 0xFFFFF802C55E3380);
    dbg_put(body + 32, 4, DBG_STATUS_BREAKPOINT);
    dbg_put(body + 48, 8, 0xFFFFF802C55E3380);
    dbg_put(body + 56, 4, 1);
    dbg_put(body + 64, 8, 0x40);
    dbg_put(body + 184, 4, 1);
    dbg_put(body + 192, arch == DBG_X64 ? 8 : 4, 0xFFFE0FF0);
    dbg_put(body + (arch == DBG_X64 ? 200 : 196), 4, 0x400);
    dbg_put(body + (arch == DBG_X64 ? 208 : 228), 4, 0x86);
    dbg_put(body + (arch == DBG_X64 ? 212 : 200), 2, 16);
    dbg_put(body + (arch == DBG_X64 ? 214 : 202), 2, 3);
    body[arch == DBG_X64 ? 216 : 204] = 0xCC;
    dbg_put(body + (arch == DBG_X64 ? 232 : 220), 2, 0x10);
    dbg_put(body + (arch == DBG_X64 ? 238 : 226), 2, 0x53);
}

static void an_exception_is_read_on_both_architectures(void **state)
{
    (void)state;
    for (unsigned arch = DBG_X64; arch <= DBG_X86; arch++) {
        uint8_t body[DBG_STATE_CHANGE_BYTES];
        struct dbg_state_change change;
        make_exception(body, (enum dbg_arch)arch);
        assert_int_equal(dbg_api_state_change((enum dbg_arch)arch, body, sizeof body, &change), KD_OK);
        assert_int_equal(change.state, DBG_STATE_EXCEPTION);
        assert_int_equal(change.cpu, 1);
        assert_int_equal(change.processors, 2);
        assert_int_equal(change.pc, 0xFFFFF802C55E3380);
        assert_int_equal(change.code, DBG_STATUS_BREAKPOINT);
        assert_int_equal(change.parameter[0], 0x40);
        assert_true(change.first_chance);
        assert_int_equal(change.control.dr6, 0xFFFE0FF0);
        assert_int_equal(change.control.dr7, 0x400);
        assert_int_equal(change.control.eflags, 0x86);
        assert_int_equal(change.control.instruction_bytes, 16);
        assert_int_equal(change.control.instructions[0], 0xCC);
        assert_int_equal(change.control.cs, 0x10);
        assert_int_equal(change.control.fs, 0x53);
        dbg_put(body + 2, 2, 1); /* from an alternate source */
        assert_int_equal(dbg_api_state_change((enum dbg_arch)arch, body, sizeof body, &change), KD_OK);
        assert_true(change.alternate);
        assert_int_equal(change.state, DBG_STATE_EXCEPTION);
    }
}

static void lying_state_changes_are_refused(void **state)
{
    (void)state;
    uint8_t body[DBG_STATE_CHANGE_BYTES];
    struct dbg_state_change change;
    make_exception(body, DBG_X64);
    for (uint32_t len = 0; len < DBG_STATE_CHANGE_BYTES; len++)
        assert_int_equal(dbg_api_state_change(DBG_X64, body, len, &change), KD_ERR_BAD_MESSAGE);
    dbg_put(body + 56, 4, 16);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_ERR_BAD_MESSAGE);
    make_exception(body, DBG_X64);
    dbg_put(body + 212, 2, 17);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_ERR_BAD_MESSAGE);
    make_exception(body, DBG_X64);
    dbg_put(body, 4, 0x3033);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_ERR_BAD_MESSAGE);
}

static void symbols_carry_a_whole_path(void **state)
{
    (void)state;
    uint8_t body[DBG_STATE_CHANGE_BYTES + 8] = {0};
    struct dbg_state_change change;
    memcpy(body + DBG_STATE_CHANGE_BYTES, "hal.dll", 8);
    dbg_put(body, 4, 0x3031);
    dbg_put(body + 32, 4, 8);
    dbg_put(body + 40, 8, KERNEL);
    dbg_put(body + 60, 4, 0x5000);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_OK);
    assert_int_equal(change.base, KERNEL);
    assert_int_equal(change.size_bytes, 0x5000);
    assert_int_equal(change.path_bytes, 7);
    assert_memory_equal(change.path, "hal.dll", 7);
    assert_false(change.unload);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body - 1, &change), KD_ERR_BAD_MESSAGE);
    body[sizeof body - 1] = 'x';
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_ERR_BAD_MESSAGE);
}

static void the_shutdown_notice_is_recognised(void **state)
{
    (void)state;
    uint8_t body[DBG_STATE_CHANGE_BYTES] = {0}; /* S25 */
    struct dbg_state_change change;
    dbg_put(body, 4, 0x3031);
    dbg_put(body + 40, 8, UINT64_MAX);
    body[64] = 1;
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_OK);
    assert_true(change.going_down);
    dbg_put(body + 40, 8, KERNEL);
    assert_int_equal(dbg_api_state_change(DBG_X64, body, sizeof body, &change), KD_OK);
    assert_true(change.unload);
    assert_false(change.going_down);
}

static void a_prompt_is_read_and_answered_as_the_vector(void **state)
{
    (void)state;
    uint8_t prompt[36] = {0x31, 0x32, 0, 0, 6, 0, 0, 0, 0x14, 0, 0, 0, 2}; /* S23 */
    memcpy(prompt + 16, "Break, Ignore (bi)? ", 20);
    struct dbg_debug_io io;
    struct dbg_request answer;
    assert_int_equal(sum(prompt, sizeof prompt), 0x6AF);
    assert_int_equal(dbg_api_debug_io(prompt, sizeof prompt, &io), KD_OK);
    assert_int_equal(io.room, 2);
    assert_int_equal(io.text_bytes, 20);
    assert_int_equal(dbg_api_prompt_answer(&answer, prompt, sizeof prompt, "i", 1), KD_OK);
    assert_request(&answer, 17, 0xE7); /* S24 */
    assert_int_equal(dbg_api_prompt_answer(&answer, prompt, sizeof prompt, "too long", 8), KD_OK);
    assert_int_equal(dbg_api_debug_io(prompt, sizeof prompt - 1, &io), KD_ERR_BAD_MESSAGE);
    assert_int_equal(dbg_api_debug_io(prompt, 15, &io), KD_ERR_BAD_MESSAGE);
    prompt[0] = 0x30;
    assert_int_equal(dbg_api_debug_io(prompt, sizeof prompt, &io), KD_OK);
    assert_int_equal(io.room, 0);
    assert_int_equal(dbg_api_prompt_answer(&answer, prompt, sizeof prompt, "i", 1), KD_ERR_BAD_MESSAGE);
}

static void a_file_request_is_refused_as_the_vector(void **state)
{
    (void)state;
    uint8_t create[98] = {0x30, 0x34, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x10, 0x80, 0,
                          0,    0,    0, 1, 0, 0, 0, 1, 0,    0, 0,    0x60};
    struct dbg_request refusal;
    assert_int_equal(dbg_api_file_refusal(&refusal, create, sizeof create, DBG_STATUS_UNSUCCESSFUL), KD_OK);
    assert_request(&refusal, 64, 0x297); /* F09 */
    assert_int_equal(dbg_api_file_refusal(&refusal, create, 63, DBG_STATUS_UNSUCCESSFUL), KD_ERR_BAD_MESSAGE);
}

/* F08 again, and what an engine answers to it and to the requests that follow. */
static void a_file_request_is_read_and_answered(void **state)
{
    (void)state;
    uint8_t body[98] = {0x30, 0x34, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x10, 0x80, 0,
                        0,    0,    0, 1, 0, 0, 0, 1, 0,    0, 0,    0x60};
    struct dbg_file file;
    struct dbg_request answer;
    assert_int_equal(dbg_api_file(body, sizeof body, &file), KD_OK);
    assert_int_equal(file.api, DBG_FILE_CREATE);
    assert_int_equal(file.access, 0x80100080);
    assert_int_equal(file.disposition, 1);
    assert_ptr_equal(file.data, body + 64);
    assert_int_equal(file.data_bytes, 34);
    assert_int_equal(dbg_api_file_opened(&answer, body, sizeof body, 0x1122334455667788, 5000), KD_OK);
    assert_int_equal(answer.body_bytes, 64);
    assert_int_equal(dbg_get(answer.body + 32, 8), 0x1122334455667788);
    assert_int_equal(dbg_get(answer.body + 40, 8), 5000);
    body[0] = 0x31;
    body[24] = 0x10;
    assert_int_equal(dbg_api_file(body, 64, &file), KD_OK);
    assert_int_equal(file.handle, 0x80100080);
    assert_int_equal(file.offset, 0x100000001);
    assert_int_equal(file.length, 0x10);
    assert_int_equal(dbg_api_file_done(&answer, body, 64, 9), KD_OK);
    assert_int_equal(dbg_get32(answer.body + 24), 9);
    assert_int_equal(dbg_api_file(body, 63, &file), KD_ERR_BAD_MESSAGE);
    assert_int_equal(dbg_api_file_opened(&answer, body, 63, 0, 0), KD_ERR_BAD_MESSAGE);
    assert_int_equal(dbg_api_file_done(&answer, body, 63, 0), KD_ERR_BAD_MESSAGE);
    body[0] = 0x34;
    assert_int_equal(dbg_api_file(body, sizeof body, &file), KD_ERR_BAD_MESSAGE);
}

static void messages_are_described_in_a_line(void **state)
{
    (void)state;
    char text[DBG_DESCRIBE_BYTES];
    uint8_t body[DBG_STATE_CHANGE_BYTES];
    struct dbg_request r;
    make_exception(body, DBG_X64);
    assert_string_equal(dbg_describe(7, body, sizeof body, text, sizeof text),
                        "state_change64 exception 80000003 cpu=1 pc=fffff802c55e3380");
    dbg_api_read_virtual(&r, 0, KERNEL, 16);
    assert_string_equal(
        dbg_describe(2, r.body, r.body_bytes, text, sizeof text),
        "manipulate read_virtual addr=fffff80255000000 count=10 actual=0 cpu=0 status=00000000");
    dbg_api_begin(&r, 0x3199, 0);
    assert_string_equal(dbg_describe(2, r.body, r.body_bytes, text, sizeof text),
                        "manipulate api_? 3199 cpu=0 status=00000000");
    static const uint8_t print[] = {0x30, 0x32, 0, 0, 6, 0,   0,   0,   5,    0, 0,
                                    0,    0,    0, 0, 0, 'H', '"', 'i', '\n', 1};
    assert_string_equal(dbg_describe(3, print, sizeof print, text, sizeof text),
                        "debug_io print \"H\\x22i\\n\\x01\"");
    assert_string_equal(dbg_describe(7, body, 17, text, sizeof text), "state_change64 too short: 17 bytes");
    assert_string_equal(dbg_describe(99, body, 17, text, sizeof text), "type_? 17 bytes");
}

static void a_description_never_outgrows_its_room(void **state)
{
    (void)state;
    struct dbg_request r;
    dbg_api_read_virtual(&r, 0, KERNEL, 16);
    for (size_t room = 1; room < 60; room++) {
        char text[64];
        memset(text, '!', sizeof text);
        dbg_describe(2, r.body, r.body_bytes, text, room);
        assert_true(strlen(text) < room);
        assert_int_equal(text[room], '!');
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_the_checksums_of_the_vectors),
        cmocka_unit_test(control_sets_lie_at_the_offsets_of_their_architecture),
        cmocka_unit_test(a_body_is_filled_to_the_brim_and_not_beyond),
        cmocka_unit_test(fields_outside_the_union_are_refused),
        cmocka_unit_test(every_request_without_a_reply_is_known_as_such),
        cmocka_unit_test(names_are_found_again),
        cmocka_unit_test(a_transfer_must_carry_what_it_says),
        cmocka_unit_test(a_breakpoint_handle_is_1_to_32),
        cmocka_unit_test(the_version_of_the_vector_is_read),
        cmocka_unit_test(contexts_filled_by_name_have_the_checksums_of_the_vectors),
        cmocka_unit_test(special_registers_filled_by_name_have_the_checksum_of_the_vector),
        cmocka_unit_test(fields_ascend_and_stay_inside_their_block),
        cmocka_unit_test(a_register_outside_a_short_block_is_an_error),
        cmocka_unit_test(an_exception_is_read_on_both_architectures),
        cmocka_unit_test(lying_state_changes_are_refused),
        cmocka_unit_test(symbols_carry_a_whole_path),
        cmocka_unit_test(the_shutdown_notice_is_recognised),
        cmocka_unit_test(a_prompt_is_read_and_answered_as_the_vector),
        cmocka_unit_test(a_file_request_is_refused_as_the_vector),
        cmocka_unit_test(a_file_request_is_read_and_answered),
        cmocka_unit_test(messages_are_described_in_a_line),
        cmocka_unit_test(a_description_never_outgrows_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
