/* Goal:   the worked example of README.md is what the module and the relay's message code really say.
 * Method: the lines of the example are read from README.md itself; the module's exports are called in its
 * order, and
 *         every request must be the next ">" line, whose "<" line it is answered with. An empty reply is one
 *         that is lost on its way. */
#include "transport/guest/kd_module.h"
#include "transport/guest/tests/fake_vmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINES_MAX = 32, LINE_CHARS = 1024 };

struct line {
    char direction;
    uint8_t bytes[256];
    uint32_t len_bytes;
};

static struct line lines[LINES_MAX];
static uint32_t line_count, lines_played;
static bool lose_reply;

/* "> 464B 01 ... | comment": direction, hex digits with blanks anywhere, up to a bar. */
static void read_line(const char *text)
{
    struct line *line = &lines[line_count++];
    line->direction = text[0];
    for (text++; *text != '\0' && *text != '|' && line->len_bytes < sizeof line->bytes;) {
        char digits[3] = {text[0], text[1], '\0'};
        if (*text == ' ' || *text == '\n') {
            text++;
            continue;
        }
        line->bytes[line->len_bytes++] = (uint8_t)strtoul(digits, NULL, 16);
        text += 2;
    }
}

static int read_example(void **state)
{
    (void)state;
    char text[LINE_CHARS];
    FILE *readme = fopen(FASTKD_GUEST_README, "r");
    if (readme == NULL)
        return 1;
    while (fgets(text, sizeof text, readme) != NULL && line_count < LINES_MAX)
        if ((text[0] == '>' || text[0] == '<') && text[1] == ' ')
            read_line(text);
    return fclose(readme);
}

/* A run of the message code that a reply line must survive: it is well formed. */
static void assert_reply_good(const struct line *line)
{
    struct vm_reply reply;
    assert_int_equal(line->direction, '<');
    assert_int_equal(vm_reply_load(&reply, line->bytes, line->len_bytes), KD_OK);
}

static uint32_t play(const uint8_t *message, uint32_t len_bytes, uint8_t *reply)
{
    assert_true(lines_played + 1 < line_count);
    const struct line *request = &lines[lines_played++];
    const struct line *answer = &lines[lines_played++];
    assert_int_equal(request->direction, '>');
    assert_int_equal(len_bytes, VM_COMMAND_WORD_BYTES + request->len_bytes);
    assert_memory_equal(message, VM_COMMAND_WORD, VM_COMMAND_WORD_BYTES);
    assert_memory_equal(message + VM_COMMAND_WORD_BYTES, request->bytes, request->len_bytes);
    assert_reply_good(answer);
    if (lose_reply)
        fake_vmware_fault(1, 0); /* the RECVSIZE that would fetch it */
    lose_reply = false;
    memcpy(reply, "1 ", 2);
    memcpy(reply + 2, answer->bytes, answer->len_bytes);
    return 2 + answer->len_bytes;
}

static void send(uint32_t type, uint8_t *header, uint16_t header_bytes, const char *data)
{
    struct kd_context context = {.KdpDefaultRetries = 20};
    uint8_t text[16];
    uint16_t text_bytes = (uint16_t)strlen(data);
    memcpy(text, data, text_bytes);
    const struct kd_string header_string = {.Length = header_bytes, .Buffer = header};
    const struct kd_string data_string = {.Length = text_bytes, .Buffer = text};
    KdSendPacket(type, &header_string, &data_string, &context);
}

static void print(const char *text)
{
    uint8_t header[KD_DEBUG_IO_BYTES] = {0x30, 0x32, 0, 0, 6, 0, 0, 0, (uint8_t)strlen(text)};
    send(KD_TYPE_DEBUG_IO, header, sizeof header, text);
}

static void the_example_is_true(void **state)
{
    (void)state;
    uint8_t header[KD_MANIPULATE_BYTES] = {0x34, 0x31, 0, 0, 6};
    struct kd_string request = {.MaximumLength = sizeof header, .Buffer = header};
    fake_platform_reset();
    fake_vmware_reset(play);
    assert_int_equal(KdDebuggerInitialize0(NULL), KD_STATUS_SUCCESS);
    print("Hi\n");
    header[24] = 1; /* the handle of the breakpoint */
    send(KD_TYPE_MANIPULATE, header, sizeof header, "");
    assert_int_equal(KdReceivePacket(KD_TYPE_MANIPULATE, &request, NULL, NULL, NULL), KD_RECEIVED);
    assert_int_equal(kd_load_u32(header), 0x3137);
    lose_reply = true;
    print("Ho\n");
    assert_int_equal(KdReceivePacket(KD_TYPE_POLL, NULL, NULL, NULL, NULL), KD_RECEIVED);
    assert_int_equal(lines_played, line_count);
    assert_int_equal(vmware.violations, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_example_is_true, read_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
