/* Goal: what the mini kernel sends, asks for and answers, byte by byte, and in which order it calls its module.
 * Method: mk_main runs on the test's own stack against a module that records every KdSendPacket and plays back a
 * script of KdReceivePacket results; the run ends by longjmp when the script is used up, or on reset or power-off.
 * Source: kd-protocol.md 4, 5. */
#include "sim/kernel/mk.h"
#include "sim/kernel/mk_image.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/kd_packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PACKETS = 512, STEPS = 512, EVENTS = 4096, RAM_BYTES = MK_RAM_BYTES_MIN };

enum ending { END_SCRIPT = 1, END_RESET, END_POWER_OFF, END_TICKS };

struct packet {
    uint16_t type;
    uint32_t header_bytes, data_bytes;
    uint8_t header[256], data[4096];
};

/* One result of KdReceivePacket. */
struct step {
    uint32_t type, status;
    uint32_t header_bytes, data_bytes;
    uint8_t header[64], data[4096];
};

/* Everything the kernel touches and the module does; one at a time. */
static struct fix {
    struct mk_boot boot;
    struct mk_map map;
    uint8_t *ram;
    struct mk_state *state;
    uint32_t initialize_status;
    struct packet *packets;
    uint32_t packet_count;
    struct step *steps;
    uint32_t step_count, step_next;
    enum mk_trace_event events[EVENTS];
    uint32_t event_status[EVENTS];
    uint32_t event_count;
    uint32_t polls, poll_wish; /* the how-manyth poll finds a break-in; 0: none */
    uint32_t ticks, ticks_max;
    uint32_t saves, restores, initialize1;
    uint32_t abandon_from;     /* the how-manyth send finds nobody; 0: none */
    uint32_t control_c_at;     /* the how-manyth send sees a break-in byte */
    void *loader_block;
    struct mk_command commands[8];
    uint32_t command_count, command_next;
    jmp_buf end;
} fix;

/* ---- the module ------------------------------------------------------------------------------------------------- */

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    fix.loader_block = loader_block;
    return fix.initialize_status;
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    (void)loader_block;
    fix.initialize1++;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    assert_int_equal(sleeping, 0);
    assert_int_equal(fix.saves, fix.restores);
    fix.saves++;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    assert_int_equal(sleeping, 0);
    fix.restores++;
    return KD_STATUS_SUCCESS;
}

void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context)
{
    assert_true(fix.packet_count < PACKETS);
    assert_int_equal(fix.saves, fix.restores + 1);
    assert_int_equal(context->KdpDefaultRetries, 20);
    struct packet *packet = &fix.packets[fix.packet_count++];
    packet->type = (uint16_t)type;
    packet->header_bytes = header->Length;
    memcpy(packet->header, header->Buffer, header->Length);
    packet->data_bytes = data ? data->Length : 0;
    if (packet->data_bytes > 0)
        memcpy(packet->data, data->Buffer, packet->data_bytes);
    if (fix.packet_count == fix.control_c_at)
        context->KdpControlCPending = 1;
    if (fix.abandon_from != 0 && fix.packet_count >= fix.abandon_from)
        *mk_debugger_not_present(fix.state) = 1;
}

static uint32_t play(const struct step *step, struct kd_string *header, struct kd_string *data, uint32_t *length)
{
    if (step->status != KD_RECEIVED)
        return step->status;
    assert_int_equal(step->header_bytes, header->MaximumLength);
    assert_true(step->data_bytes <= data->MaximumLength);
    memcpy(header->Buffer, step->header, step->header_bytes);
    memcpy(data->Buffer, step->data, step->data_bytes);
    header->Length = header->MaximumLength;
    data->Length = (uint16_t)step->data_bytes;
    *length = step->data_bytes;
    return KD_RECEIVED;
}

uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data, uint32_t *length,
                                struct kd_context *context)
{
    if (type == 8) {
        assert_true(!header && !data && !length && !context);
        return ++fix.polls == fix.poll_wish ? KD_RECEIVED : KD_TIMEOUT;
    }
    assert_int_equal(fix.saves, fix.restores + 1);
    if (fix.step_next == fix.step_count)
        longjmp(fix.end, END_SCRIPT);
    const struct step *step = &fix.steps[fix.step_next++];
    assert_int_equal(type, step->type);
    return play(step, header, data, length);
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

struct mk_state *mk_platform_state(void)
{
    return fix.state;
}

uint8_t *mk_platform_ram(void)
{
    return fix.ram;
}

const struct mk_boot *mk_platform_boot(void)
{
    return &fix.boot;
}

const struct mk_map *mk_platform_map(void)
{
    return &fix.map;
}

void mk_platform_trace(const struct mk_trace *trace)
{
    assert_true(fix.event_count < EVENTS);
    fix.event_status[fix.event_count] = trace->status;
    fix.events[fix.event_count++] = trace->event;
}

void mk_platform_wait_tick(void)
{
    if (fix.ticks++ == fix.ticks_max)
        longjmp(fix.end, END_TICKS);
}

void mk_platform_command(struct mk_command *command)
{
    if (fix.command_next < fix.command_count)
        *command = fix.commands[fix.command_next++];
}

_Noreturn void mk_platform_reset(void)
{
    longjmp(fix.end, END_RESET);
}

_Noreturn void mk_platform_power_off(void)
{
    longjmp(fix.end, END_POWER_OFF);
}

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    *state = &fix;
    memset(&fix, 0, sizeof fix);
    fix.boot = (struct mk_boot){.arch = MK_X64, .processors = 2, .steps_per_tick = 10, .initial_break = true};
    fix.ram = calloc(1, RAM_BYTES);
    fix.state = calloc(1, mk_state_bytes());
    fix.packets = calloc(PACKETS, sizeof *fix.packets);
    fix.steps = calloc(STEPS, sizeof *fix.steps);
    return mk_image_build(fix.ram, RAM_BYTES, MK_X64, fix.boot.processors, &fix.map) == KD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(fix.ram);
    free(fix.state);
    free(fix.packets);
    free(fix.steps);
    return 0;
}

static enum ending run(void)
{
    volatile int ending = setjmp(fix.end);
    if (ending == 0)
        mk_main();
    return (enum ending)ending;
}

static struct step *add_status(uint32_t status)
{
    assert_true(fix.step_count < STEPS);
    struct step *step = &fix.steps[fix.step_count++];
    *step = (struct step){.type = KD_TYPE_MANIPULATE, .status = status, .header_bytes = KD_MANIPULATE_BYTES};
    return step;
}

/* Adds a request; its union is the caller's to fill. */
static struct step *add_request(uint32_t api)
{
    struct step *step = add_status(KD_RECEIVED);
    kd_store_u32(step->header, api);
    kd_store_u16(step->header + 4, 6);
    return step;
}

static uint8_t *in_union(struct step *step, uint32_t offset)
{
    return step->header + 16 + offset;
}

static struct step *add_read(uint32_t api, uint64_t address, uint32_t count)
{
    struct step *step = add_request(api);
    kd_store_u64(in_union(step, 0), address);
    kd_store_u32(in_union(step, 8), count);
    return step;
}

static struct step *add_data(struct step *step, const void *bytes, uint32_t len_bytes)
{
    memcpy(step->data, bytes, len_bytes);
    step->data_bytes = len_bytes;
    return step;
}

static struct step *add_write(uint32_t api, uint64_t address, const void *bytes, uint32_t len_bytes)
{
    return add_data(add_read(api, address, len_bytes), bytes, len_bytes);
}

static void add_continue2(uint32_t status, bool trace)
{
    struct step *step = add_request(0x313C);
    kd_store_u32(in_union(step, 0), status);
    kd_store_u32(in_union(step, 4), trace);
    kd_store_u64(in_union(step, 8), 0x400);
}

/* What a debugger does at a hard-coded int 3 before it lets go: the program counter moves over it. */
static void add_skip_break(void)
{
    uint8_t pc[8];
    kd_store_u64(pc, fix.map.break_instruction + 1);
    add_request(0x3132);
    struct step *step = add_data(add_request(0x3160), pc, sizeof pc);
    kd_store_u32(in_union(step, 0), 0xF8);
    kd_store_u32(in_union(step, 4), sizeof pc);
    kd_store_u32(in_union(step, 8), 0x100); /* the whole ends here: take effect */
}

static const struct packet *packet(uint32_t index)
{
    assert_true(index < fix.packet_count);
    return &fix.packets[index];
}

/* The index-th packet is a reply to api with this status and so many data bytes. Returns its union. */
static const uint8_t *assert_reply(uint32_t index, uint32_t api, uint32_t status, uint32_t data_bytes)
{
    const struct packet *reply = packet(index);
    assert_int_equal(reply->type, KD_TYPE_MANIPULATE);
    assert_int_equal(reply->header_bytes, KD_MANIPULATE_BYTES);
    assert_int_equal(kd_load_u32(reply->header), api);
    assert_int_equal(kd_load_u32(reply->header + 8), status);
    assert_int_equal(reply->data_bytes, data_bytes);
    return reply->header + 16;
}

static const uint8_t *assert_exception(uint32_t index, uint32_t code, uint64_t address)
{
    const struct packet *change = packet(index);
    assert_int_equal(change->type, KD_TYPE_STATE_CHANGE64);
    assert_int_equal(change->header_bytes, KD_STATE_CHANGE_BYTES);
    assert_int_equal(change->data_bytes, 0);
    assert_int_equal(kd_load_u32(change->header), KD_STATE_EXCEPTION);
    assert_int_equal(kd_load_u32(change->header + 32), code);
    assert_int_equal(kd_load_u64(change->header + 48), address);
    assert_int_equal(kd_load_u64(change->header + 24), address);
    return change->header;
}

/* ---- a first conversation --------------------------------------------------------------------------------------- */

static void initial_break_is_a_breakpoint_at_the_break_helper(void **state)
{
    (void)state;
    assert_int_equal(run(), END_SCRIPT);
    assert_int_equal(fix.packet_count, 1);
    const uint8_t *change = assert_exception(0, 0x80000003, fix.map.break_instruction);
    assert_int_equal(kd_load_u32(change + 8), 2);
    assert_int_equal(kd_load_u64(change + 16), fix.map.thread[0]);
}

static void get_version_names_the_kernel(void **state)
{
    (void)state;
    static const uint8_t fixed[16] = {0x0F, 0, 0xB1, 0x1D, 6, 2, 7, 0, 0x64, 0x86, 12, 3, 0x31, 0, 0, 0};
    add_request(0x3146);
    assert_int_equal(run(), END_SCRIPT);
    const uint8_t *version = assert_reply(1, 0x3146, 0, 0);
    assert_memory_equal(version, fixed, sizeof fixed);
    assert_int_equal(kd_load_u64(version + 16), fix.map.kernel_base);
    assert_int_equal(kd_load_u64(version + 24), fix.map.module_list);
    assert_int_equal(kd_load_u64(version + 32), fix.map.debugger_data_list);
}

static void read_virtual_gives_the_kernel_header(void **state)
{
    (void)state;
    add_read(0x3130, fix.map.kernel_base, 16);
    assert_int_equal(run(), END_SCRIPT);
    const uint8_t *reply = assert_reply(1, 0x3130, 0, 16);
    assert_int_equal(kd_load_u32(reply + 12), 16);
    assert_memory_equal(packet(1)->data, "MZ\x90\0\3\0\0\0\4\0\0\0\xFF\xFF\0\0", 16);
}

static void write_virtual_is_read_back(void **state)
{
    (void)state;
    add_write(0x3131, fix.map.pool + 4094, "abcd", 4);
    add_read(0x3130, fix.map.pool + 4094, 4);
    assert_int_equal(run(), END_SCRIPT);
    assert_int_equal(kd_load_u32(assert_reply(1, 0x3131, 0, 0) + 12), 4);
    assert_reply(2, 0x3130, 0, 4);
    assert_memory_equal(packet(2)->data, "abcd", 4);
}

static void continue_lets_the_tick_run(void **state)
{
    (void)state;
    fix.ticks_max = 3;
    add_skip_break();
    add_continue2(0x00010002, false);
    assert_int_equal(run(), END_TICKS);
    assert_int_equal(fix.packet_count, 3);
    assert_int_equal(fix.saves, 1);
    assert_int_equal(fix.restores, 1);
    assert_int_equal(fix.polls, 4);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(initial_break_is_a_breakpoint_at_the_break_helper, setup, teardown),
        cmocka_unit_test_setup_teardown(get_version_names_the_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(read_virtual_gives_the_kernel_header, setup, teardown),
        cmocka_unit_test_setup_teardown(write_virtual_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(continue_lets_the_tick_run, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
