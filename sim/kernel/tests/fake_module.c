/* fake_module.c: see fake_module.h. */
#include "sim/kernel/tests/fake_module.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PACKETS = 512, STEPS = 512 };

struct fake fake;
static jmp_buf end;

/* ---- the module ---------------------------------------------------------------------------------------- */

uint32_t KD_API KdDebuggerInitialize0(void *loader_block)
{
    assert_true(fake.inside);
    fake.loader_block = loader_block;
    return fake.initialize0++ < fake.initialize_failures ? KD_STATUS_NO_SUCH_DEVICE : KD_STATUS_SUCCESS;
}

uint32_t KD_API KdDebuggerInitialize1(void *loader_block)
{
    assert_true(fake.inside);
    (void)loader_block;
    fake.initialize1++;
    return KD_STATUS_SUCCESS;
}

static uint32_t note_sleep(char word)
{
    size_t length = strlen(fake.sleep);
    assert_true(length < sizeof fake.sleep - 1);
    fake.sleep[length] = word;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdD3Transition(void)
{
    assert_true(fake.inside);
    return note_sleep('3');
}

uint32_t KD_API KdD0Transition(void)
{
    assert_true(fake.inside);
    return note_sleep('0');
}

uint32_t KD_API KdSave(uint8_t sleeping)
{
    assert_true(fake.inside);
    if (sleeping)
        return note_sleep('s');
    assert_int_equal(fake.saves, fake.restores);
    fake.saves++;
    return KD_STATUS_SUCCESS;
}

uint32_t KD_API KdRestore(uint8_t sleeping)
{
    assert_true(fake.inside);
    if (sleeping)
        return note_sleep('r');
    fake.restores++;
    return KD_STATUS_SUCCESS;
}

/* One byte, where the test says. */
static void stray(const struct kd_string *header, const struct kd_string *data, const uint32_t *length,
                  const struct kd_context *context)
{
    const void *const pieces[MK_PIECES] = {
        [MK_PIECE_HEADER_STRING] = header, [MK_PIECE_HEADER] = header->Buffer,
        [MK_PIECE_DATA_STRING] = data,     [MK_PIECE_DATA] = data ? data->Buffer : NULL,
        [MK_PIECE_LENGTH] = length,        [MK_PIECE_CONTEXT] = context,
    };
    uint8_t *at = (uint8_t *)(uintptr_t)pieces[fake.stray_piece] + fake.stray_offset;
    *at = (uint8_t)(*at + 1);
}

void KD_API KdSendPacket(uint32_t type, const struct kd_string *header, const struct kd_string *data,
                         struct kd_context *context)
{
    assert_true(fake.inside);
    assert_true(fake.packet_count < PACKETS);
    assert_int_equal(fake.saves, fake.restores + 1);
    assert_int_equal(context->KdpDefaultRetries, 20);
    struct packet *packet = &fake.packets[fake.packet_count++];
    packet->type = (uint16_t)type;
    packet->header_bytes = header->Length;
    memcpy(packet->header, header->Buffer, header->Length);
    packet->data_bytes = data ? data->Length : 0;
    if (packet->data_bytes > 0)
        memcpy(packet->data, data->Buffer, packet->data_bytes);
    if (fake.packet_count == fake.stray_send)
        stray(header, data, NULL, context);
    if (fake.packet_count == fake.control_c_at)
        context->KdpControlCPending = 1;
    if (fake.abandon_from != 0 && fake.packet_count >= fake.abandon_from)
        *mk_debugger_not_present(fake.state) = 1;
}

static uint32_t play(const struct step *step, struct kd_string *header, struct kd_string *data,
                     uint32_t *length)
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

uint32_t KD_API KdReceivePacket(uint32_t type, struct kd_string *header, struct kd_string *data,
                                uint32_t *length, struct kd_context *context)
{
    assert_true(fake.inside);
    if (type == 8) {
        assert_true(!header && !data && !length && !context);
        return ++fake.polls == fake.poll_wish ? KD_RECEIVED : KD_TIMEOUT;
    }
    assert_int_equal(fake.saves, fake.restores + 1);
    if (fake.step_next == fake.step_count)
        longjmp(end, END_SCRIPT);
    const struct step *step = &fake.steps[fake.step_next++];
    assert_int_equal(type, step->type);
    uint32_t status = play(step, header, data, length);
    if (fake.step_next == fake.stray_receive)
        stray(header, data, length, context);
    return status;
}

/* ---- the machine --------------------------------------------------------------------------------------- */

struct mk_state *mk_platform_state(void)
{
    return fake.state;
}

uint8_t *mk_platform_ram(void)
{
    return fake.ram;
}

const struct mk_boot *mk_platform_boot(void)
{
    return &fake.boot;
}

const struct mk_map *mk_platform_map(void)
{
    return &fake.map;
}

void mk_platform_trace(const struct mk_trace *trace)
{
    assert_true(fake.event_count < FAKE_EVENTS);
    fake.events[fake.event_count].event = trace->event;
    fake.events[fake.event_count++].status = trace->status;
}

void mk_platform_enters_module(void)
{
    assert_false(fake.inside);
    fake.inside = true;
}

void mk_platform_leaves_module(void)
{
    assert_true(fake.inside);
    fake.inside = false;
}

void mk_platform_stray_write(enum mk_piece piece, uint32_t offset)
{
    if (fake.stray_count < sizeof fake.strays / sizeof *fake.strays) {
        fake.strays[fake.stray_count].piece = piece;
        fake.strays[fake.stray_count].offset = (int32_t)offset;
    }
    fake.stray_count++;
}

void mk_platform_wait_tick(void)
{
    if (fake.sleep[0] != 0 && strchr(fake.sleep, '0') == NULL)
        (void)note_sleep('.');
    if (fake.ticks++ == fake.ticks_max)
        longjmp(end, END_TICKS);
}

void mk_platform_command(struct mk_command *command)
{
    if (fake.command_next < fake.command_count)
        *command = fake.commands[fake.command_next++];
}

_Noreturn void mk_platform_reset(void)
{
    longjmp(end, END_RESET);
}

_Noreturn void mk_platform_power_off(void)
{
    longjmp(end, END_POWER_OFF);
}

/* ---- helpers ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum mk_arch arch)
{
    *state = &fake;
    memset(&fake, 0, sizeof fake);
    fake.boot = (struct mk_boot){.arch = arch, .processors = 2, .steps_per_tick = 10, .initial_break = true};
    fake.ram = calloc(1, FAKE_RAM_BYTES);
    fake.state = calloc(1, mk_state_bytes());
    fake.packets = calloc(PACKETS, sizeof *fake.packets);
    fake.steps = calloc(STEPS, sizeof *fake.steps);
    return mk_image_build(fake.ram, FAKE_RAM_BYTES, arch, fake.boot.processors, &fake.map) == KD_OK ? 0 : -1;
}

int fake_setup(void **state)
{
    return setup(state, MK_X64);
}

int fake_setup_x86(void **state)
{
    return setup(state, MK_X86);
}

int fake_teardown(void **state)
{
    (void)state;
    free(fake.ram);
    free(fake.state);
    free(fake.packets);
    free(fake.steps);
    return 0;
}

enum ending fake_run(void)
{
    fake.inside = false; /* the run before may have ended in the module */
    volatile int ending = setjmp(end);
    if (ending == 0)
        mk_main();
    return (enum ending)ending;
}

struct step *add_status(uint32_t status)
{
    assert_true(fake.step_count < STEPS);
    struct step *step = &fake.steps[fake.step_count++];
    *step = (struct step){.type = KD_TYPE_MANIPULATE, .status = status, .header_bytes = KD_MANIPULATE_BYTES};
    return step;
}

struct step *add_request(uint32_t api)
{
    struct step *step = add_status(KD_RECEIVED);
    kd_store_u32(step->header, api);
    kd_store_u16(step->header + 4, 6);
    return step;
}

uint8_t *in_union(struct step *step, uint32_t offset)
{
    return step->header + 16 + offset;
}

struct step *add_range(uint32_t api, uint64_t address, uint32_t count)
{
    struct step *step = add_request(api);
    kd_store_u64(in_union(step, 0), address);
    kd_store_u32(in_union(step, 8), count);
    return step;
}

struct step *add_data(struct step *step, const void *bytes, uint32_t len_bytes)
{
    memcpy(step->data, bytes, len_bytes);
    step->data_bytes = len_bytes;
    return step;
}

struct step *add_write(uint32_t api, uint64_t address, const void *bytes, uint32_t len_bytes)
{
    return add_data(add_range(api, address, len_bytes), bytes, len_bytes);
}

void add_continue2(uint32_t status, bool trace)
{
    struct step *step = add_request(0x313C);
    kd_store_u32(in_union(step, 0), status);
    kd_store_u32(in_union(step, 4), trace);
    kd_store_u64(in_union(step, 8), 0x400); /* on x86 Dr7 and a symbol range from 0 */
}

void add_set_register(uint32_t offset, uint64_t value)
{
    uint8_t bytes[8];
    const uint32_t width = fake.boot.arch == MK_X64 ? 8 : 4;
    kd_store_u64(bytes, value);
    add_request(0x3132);
    struct step *step = add_data(add_request(0x3160), bytes, width);
    kd_store_u32(in_union(step, 0), offset);
    kd_store_u32(in_union(step, 4), width);
    kd_store_u32(in_union(step, 8), offset + width); /* the whole ends here: take effect */
}

void add_skip_break(void)
{
    enum { RIP = 0xF8, EIP = 0xB8 };
    add_set_register(fake.boot.arch == MK_X64 ? RIP : EIP, fake.map.break_instruction + 1);
}

void add_go(void)
{
    add_skip_break();
    add_continue2(0x00010002, false);
}

void add_command(enum mk_command_kind kind, const char *text, uint32_t count, uint32_t code)
{
    assert_true(fake.command_count < FAKE_COMMANDS);
    struct mk_command *command = &fake.commands[fake.command_count++];
    *command = (struct mk_command){.kind = kind, .count = count, .code = code};
    strncpy(command->text, text, sizeof command->text - 1);
}

const struct packet *packet(uint32_t index)
{
    assert_true(index < fake.packet_count);
    return &fake.packets[index];
}

const uint8_t *assert_reply(uint32_t index, uint32_t api, uint32_t status, uint32_t data_bytes)
{
    const struct packet *reply = packet(index);
    assert_int_equal(reply->type, KD_TYPE_MANIPULATE);
    assert_int_equal(reply->header_bytes, KD_MANIPULATE_BYTES);
    assert_int_equal(kd_load_u32(reply->header), api);
    assert_int_equal(kd_load_u32(reply->header + 8), status);
    assert_int_equal(reply->data_bytes, data_bytes);
    return reply->header + 16;
}

const uint8_t *assert_exception(uint32_t index, uint32_t code, uint64_t address)
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

void assert_print(uint32_t index, const char *text)
{
    const struct packet *print = packet(index);
    assert_int_equal(print->type, KD_TYPE_DEBUG_IO);
    assert_int_equal(print->header_bytes, KD_DEBUG_IO_BYTES);
    assert_int_equal(kd_load_u32(print->header), KD_DEBUG_IO_PRINT);
    assert_int_equal(kd_load_u32(print->header + 8), print->data_bytes);
    assert_int_equal(print->data_bytes, strlen(text));
    assert_memory_equal(print->data, text, strlen(text));
}

uint32_t events_of(enum mk_trace_event event)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fake.event_count; i++)
        count += fake.events[i].event == event;
    return count;
}
