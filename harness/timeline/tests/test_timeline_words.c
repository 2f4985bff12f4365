/* Goal: a frame is told by its name, its id and what matters of it, an address by the target's own names.
 * Method: bodies from the builders of the fake debugger, an image from its builder; a table of each. */
#include "harness/timeline/timeline_words.h"
#include "sim/kernel/mk_image.h"
#include "transport/kd/vm_message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fix {
    uint8_t *ram;
    struct mk_map map;
    struct timeline_symbols *symbols;
};

static int set_up(void **state)
{
    static struct fix fix;
    fix.ram = calloc(MK_RAM_BYTES_MIN, 1);
    assert_int_equal(mk_image_build(fix.ram, MK_RAM_BYTES_MIN, MK_X64, 2, &fix.map), KD_OK);
    fix.symbols = timeline_symbols_create(MK_X64, &fix.map, fix.ram);
    *state = &fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *fix = *state;
    timeline_symbols_destroy(fix->symbols);
    free(fix->ram);
    return 0;
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

static void assert_symbol(const struct fix *fix, uint64_t address, const char *want)
{
    char text[TIMELINE_SYMBOL_BYTES];
    assert_string_equal(timeline_symbol(fix->symbols, address, text), want);
}

static void code_is_named_by_the_exports_of_the_image(void **state)
{
    const struct fix *fix = *state;
    assert_symbol(fix, fix->map.break_instruction, "nt!DbgBreakPointWithStatus");
    assert_symbol(fix, fix->map.break_instruction + 1, "nt!DbgBreakPointWithStatus+0x1");
    assert_symbol(fix, fix->map.function, "nt!KiCountIdle");
    assert_symbol(fix, fix->map.loop, "nt!KiIdleLoop+0x4");
}

static void data_is_named_by_its_place(void **state)
{
    const struct fix *fix = *state;
    assert_symbol(fix, fix->map.pool, "pool");
    assert_symbol(fix, fix->map.pool + 0x10, "pool+0x10");
    assert_symbol(fix, fix->map.hole, "hole");
    assert_symbol(fix, fix->map.module_list, "nt!PsLoadedModuleList");
    assert_symbol(fix, fix->map.kpcr[1] + 8, "kpcr1+0x8");
    assert_symbol(fix, fix->map.kernel_base, "nt");
    assert_symbol(fix, fix->map.kernel_base + 0x3C, "nt+0x3c");
    assert_symbol(fix, fix->map.modules[1].base + 0x2000, "hal+0x2000");
    assert_symbol(fix, fix->map.modules[1].base + fix->map.modules[1].size_bytes, "0xfffff80002e06000");
    assert_symbol(fix, 0, "0x0");
}

static void physical_addresses_say_so(void **state)
{
    const struct fix *fix = *state;
    char text[TIMELINE_SYMBOL_BYTES];
    assert_string_equal(timeline_symbol_physical(fix->symbols, fix->map.pool_pa + 4, text), "phys(pool)+0x4");
    assert_string_equal(timeline_symbol_physical(fix->symbols, 0x1000, text), "phys(0x1000)");
}

static void an_empty_memory_has_no_exports_and_does_no_harm(void **state)
{
    struct fix *fix = *state;
    char text[TIMELINE_SYMBOL_BYTES];
    memset(fix->ram, 0, MK_RAM_BYTES_MIN);
    struct timeline_symbols *symbols = timeline_symbols_create(MK_X64, &fix->map, fix->ram);
    assert_memory_equal(timeline_symbol(symbols, fix->map.function, text), "nt+0x", 5);
    timeline_symbols_destroy(symbols);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static struct timeline_event told(const struct fix *fix, bool to_target, uint16_t type, uint32_t id,
                                  const uint8_t *body, uint32_t body_bytes)
{
    struct timeline_event event = {0};
    struct dbg_frame frame = {.good = true, .type = type, .id = id, .body = body, .body_bytes = body_bytes};
    frame.control = type == DBG_TYPE_ACK || type == DBG_TYPE_RESEND || type == DBG_TYPE_RESET;
    timeline_words_frame(&event, fix->symbols, DBG_X64, to_target, &frame);
    return event;
}

static void assert_told(struct timeline_event event, const char *name, const char *id, const char *detail)
{
    assert_string_equal(event.name, name);
    assert_string_equal(event.id, id);
    assert_string_equal(event.detail, detail);
}

static struct timeline_event request_told(const struct fix *fix, const struct dbg_request *request)
{
    return told(fix, true, DBG_TYPE_MANIPULATE, DBG_ID_INITIAL, request->body, request->body_bytes);
}

static struct timeline_event reply_told(const struct fix *fix, const struct dbg_request *request)
{
    return told(fix, false, DBG_TYPE_MANIPULATE, DBG_ID_INITIAL, request->body, request->body_bytes);
}

static void ids_are_told_as_scenarios_write_them(void **state)
{
    const struct fix *fix = *state;
    const struct {
        uint16_t type;
        uint32_t id;
        const char *text;
    } rows[] = {{DBG_TYPE_ACK, 0x80800000, "id=0"},
                {DBG_TYPE_ACK, 0x80800001, "id=1"},
                {DBG_TYPE_ACK, 0x12345678, "id=12345678"},
                {DBG_TYPE_RESET, 0, ""},
                {DBG_TYPE_RESEND, 0, ""},
                {DBG_TYPE_FILE_IO, 0x80800800, "id=0+sync"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(told(fix, false, rows[i].type, rows[i].id, NULL, 0).id, rows[i].text);
}

static void requests_say_what_they_want(void **state)
{
    const struct fix *fix = *state;
    struct dbg_request request;
    dbg_api_read_virtual(&request, 1, fix->map.pool + 0x10, 12);
    assert_told(request_told(fix, &request), "manipulate read_virtual", "id=0",
                "addr=pool+0x10 count=12 cpu=1");
    dbg_api_read_physical(&request, fix->map.pool_pa, 3944, 0);
    assert_told(request_told(fix, &request), "manipulate read_physical", "id=0",
                "addr=phys(pool) count=3944");
    dbg_api_write_breakpoint(&request, fix->map.function);
    assert_told(request_told(fix, &request), "manipulate write_breakpoint", "id=0", "addr=nt!KiCountIdle");
    dbg_api_continue2(&request, DBG_X64, 0, DBG_CONTINUE, &(struct dbg_control_set){.trace = true});
    assert_told(request_told(fix, &request), "manipulate continue2", "id=0", "step");
    dbg_api_continue2(&request, DBG_X64, 0, DBG_CONTINUE, &(struct dbg_control_set){.trace = false});
    assert_told(request_told(fix, &request), "manipulate continue2", "id=0", "");
}

static void replies_say_how_it_went(void **state)
{
    const struct fix *fix = *state;
    struct dbg_request reply;
    dbg_api_begin(&reply, DBG_API_READ_VIRTUAL, 0);
    assert_int_equal(dbg_api_put(&reply, 12, 4, 7), KD_OK);
    assert_told(reply_told(fix, &reply), "manipulate read_virtual", "id=0", "-> ok actual=7");
    reply.body[8] = 0x01; /* ReturnStatus */
    reply.body[11] = 0xC0;
    assert_told(reply_told(fix, &reply), "manipulate read_virtual", "id=0", "-> C0000001");
}

static void state_changes_say_where_and_why(void **state)
{
    const struct fix *fix = *state;
    static const char path[] = "\\SystemRoot\\system32\\hal.dll";
    uint8_t body[DBG_STATE_CHANGE_BYTES + sizeof path] = {0x30, 0x30};
    body[8] = 1; /* processors */
    memcpy(body + 24, &fix->map.loop, 8);
    memcpy(body + 32, &(uint32_t){DBG_STATUS_SINGLE_STEP}, 4);
    assert_told(told(fix, false, DBG_TYPE_STATE_CHANGE64, DBG_ID_INITIAL + 1, body, DBG_STATE_CHANGE_BYTES),
                "state_change64 exception", "id=1", "single step pc=nt!KiIdleLoop+0x4");
    body[0] = 0x31;
    memset(body + 32, 0, 40);
    memcpy(body + 32, &(uint32_t){sizeof path}, 4);
    memcpy(body + DBG_STATE_CHANGE_BYTES, path, sizeof path);
    assert_told(told(fix, false, DBG_TYPE_STATE_CHANGE64, DBG_ID_INITIAL, body, sizeof body),
                "state_change64 load_symbols", "id=0", "hal.dll");
}

static void prints_are_quoted(void **state)
{
    const struct fix *fix = *state;
    uint8_t body[DBG_DEBUG_IO_BYTES + 6] = {0x30, 0x32};
    body[8] = 6;
    memcpy(body + DBG_DEBUG_IO_BYTES, "hello\n", 6);
    assert_told(told(fix, false, DBG_TYPE_DEBUG_IO, DBG_ID_INITIAL, body, sizeof body), "debug_io print",
                "id=0", "\"hello\\n\"");
}

static void a_body_that_is_too_short_is_told_by_its_type(void **state)
{
    const struct fix *fix = *state;
    const uint8_t body[4] = {0x30, 0x31};
    const uint16_t types[] = {DBG_TYPE_STATE_CHANGE64, DBG_TYPE_MANIPULATE, DBG_TYPE_DEBUG_IO,
                              DBG_TYPE_FILE_IO};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct timeline_event event = told(fix, true, types[i], DBG_ID_INITIAL, body, sizeof body);
        assert_told(event, dbg_type_name(types[i]), "id=0", "");
    }
}

static void a_bad_checksum_is_told(void **state)
{
    const struct fix *fix = *state;
    struct timeline_event event = {0};
    struct dbg_frame frame = {.type = DBG_TYPE_FILE_IO, .id = DBG_ID_INITIAL};
    timeline_words_frame(&event, fix->symbols, DBG_X64, true, &frame);
    assert_string_equal(event.detail, "bad checksum");
}

/* ---- RPC messages -------------------------------------------------------------------------------------- */

static void messages_are_told_by_kind_and_result(void **state)
{
    (void)state;
    uint8_t bytes[VM_REQUEST_BYTES];
    struct vm_request request = {.version = 1,
                                 .kind = VM_RECEIVE,
                                 .token = 7,
                                 .next = {.type = DBG_TYPE_MANIPULATE, .header_bytes = 56}};
    struct vm_reply reply = {.version = 1, .kind = VM_RECEIVE, .result = VM_TIMEOUT, .token = 8};
    struct timeline_event event = {0};
    vm_request_store(bytes, &request);
    timeline_words_rpc(&event, false, bytes, sizeof bytes);
    assert_told(event, "receive manipulate", "", "");
    vm_reply_store(bytes, &reply);
    timeline_words_rpc(&event, true, bytes, sizeof bytes);
    assert_told(event, "timeout", "", "");
    timeline_words_rpc(&event, true, bytes, 5);
    assert_told(event, "a bad message", "", "");
    assert_string_equal(timeline_words_request(VM_POLL), "poll");
    assert_string_equal(timeline_words_request(99), "a message");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(code_is_named_by_the_exports_of_the_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(data_is_named_by_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(physical_addresses_say_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_memory_has_no_exports_and_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_are_told_as_scenarios_write_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_say_what_they_want, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replies_say_how_it_went, set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_changes_say_where_and_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prints_are_quoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_is_too_short_is_told_by_its_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_checksum_is_told, set_up, tear_down),
        cmocka_unit_test(messages_are_told_by_kind_and_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
