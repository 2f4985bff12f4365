/* mk_print.c: DbgPrint and DbgPrompt (kd-protocol.md 4.6, 5.6). */
#include "sim/kernel/mk_state.h"

enum { IO_LEVEL = 4, IO_PROCESSOR = 6, IO_LENGTH = 8, IO_ROOM = 12 };

static void begin_io(struct mk_state *state, uint32_t api, uint32_t length, uint32_t room)
{
    kd_store_u32(state->io, api);
    kd_store_u16(state->io + IO_LEVEL, state->layout->processor_level);
    kd_store_u16(state->io + IO_PROCESSOR, (uint16_t)state->cpu);
    kd_store_u32(state->io + IO_LENGTH, length);
    kd_store_u32(state->io + IO_ROOM, room);
}

static void send_io(struct mk_state *state, uint32_t data_bytes)
{
    struct kd_string header = {.Length = KD_DEBUG_IO_BYTES, .Buffer = state->io};
    struct kd_string data = {.Length = (uint16_t)data_bytes, .Buffer = state->data};
    mk_send(state, KD_TYPE_DEBUG_IO, &header, &data);
}

/* Skipped while no debugger is present (2.12 rule 1). After it was sent the kernel polls: a wish found here
 * breaks in at once (5.6 rule 1). */
void mk_print(struct mk_state *state, const char *text, uint32_t len_bytes)
{
    if (!state->enabled || state->not_present)
        return;
    len_bytes = mk_min(len_bytes, MK_PRINT_BYTES_MAX);
    mk_module_save(false);
    begin_io(state, KD_DEBUG_IO_PRINT, len_bytes, 0);
    kd_copy(state->data, text, len_bytes);
    send_io(state, len_bytes);
    bool wish = mk_poll(state);
    mk_module_restore(false);
    if (wish)
        mk_break(state);
}

static uint32_t text_bytes(const char *text)
{
    uint32_t length = 0;
    while (length < MK_TEXT_BYTES && text[length] != 0)
        length++;
    return length;
}

static uint32_t put_number(char *to, uint64_t number)
{
    uint32_t digits = 1;
    for (uint64_t rest = number; rest >= 10; rest /= 10)
        digits++;
    for (uint32_t i = digits; i > 0; i--, number /= 10)
        to[i - 1] = (char)('0' + number % 10);
    return digits;
}

uint32_t mk_text(char *to, const char *text)
{
    uint32_t length = 0;
    while (text[length] != 0) {
        to[length] = text[length];
        length++;
    }
    return length;
}

uint32_t mk_text_hex(char *to, uint64_t value, uint32_t digits)
{
    to[0] = '0';
    to[1] = 'x';
    for (uint32_t i = 0; i < digits; i++)
        to[2 + i] = "0123456789ABCDEF"[(value >> (4 * (digits - 1 - i))) & 15];
    return digits + 2;
}

/* "text 17\n" */
void mk_print_numbered(struct mk_state *state, const char *text, uint64_t number)
{
    char *line = mk_line(state);
    uint32_t length = text_bytes(text);
    kd_copy(line, text, length);
    line[length++] = ' ';
    length += put_number(line + length, number);
    line[length++] = '\n';
    mk_print(state, line, length);
}

/* What the caller of DbgPrompt got, so that whoever answered can see it: "answer: text\n". */
static void print_answer(struct mk_state *state, uint32_t answer_bytes)
{
    char *line = mk_line(state);
    uint32_t length = mk_text(line, "answer: ");
    answer_bytes = mk_min(answer_bytes, MK_PRINT_BYTES_MAX - length - 1);
    kd_copy(line + length, state->data, answer_bytes);
    length += answer_bytes;
    line[length++] = '\n';
    mk_print(state, line, length);
}

/* Sent again on RESEND, waited for without an end: the machine stands until somebody answers (5.6 rule 2).
 * The answer is cut to the room (4.6). tells: print it. */
void mk_prompt(struct mk_state *state, const char *text, uint32_t room_bytes, bool tells)
{
    uint32_t length = mk_min(text_bytes(text), MK_PRINT_BYTES_MAX);
    uint32_t status = KD_RESEND, answer_bytes = 0;
    if (!state->enabled)
        return;
    mk_module_save(false);
    while (status != KD_RECEIVED && (status == KD_TIMEOUT || !state->not_present)) {
        struct kd_string answer = {.MaximumLength = KD_DEBUG_IO_BYTES, .Buffer = state->io};
        if (status == KD_RESEND) {
            begin_io(state, KD_DEBUG_IO_GET_STRING, length, room_bytes);
            kd_copy(state->data, text, length);
            send_io(state, length);
        }
        if (state->not_present)
            break;
        status = mk_receive(state, KD_TYPE_DEBUG_IO, &answer, &answer_bytes);
    }
    mk_module_restore(false);
    if (tells && status == KD_RECEIVED)
        print_answer(state, mk_min(answer_bytes, room_bytes));
}
