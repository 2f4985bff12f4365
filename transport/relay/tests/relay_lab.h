/* relay_lab.h: a relay core on a table: a hand-held clock, a VM that keeps its token, and a debugger whose
 * frames are built and read here from kd-protocol.md 2.1, without the code under test.
 *
 * What the relay wrote and answered is compared as text: "exception 80800800; reset" and "done get_version
 * break_in". */
#ifndef RELAY_LAB_H
#define RELAY_LAB_H

#include "transport/relay/relay_core.h"

enum { LAB_MS = 1000000, LAB_HOLD = 250 * LAB_MS, LAB_BYTE_WAIT = 1000 * LAB_MS, LAB_WIRE_BYTES = 1 << 20 };

/* Packets of the target, and what the debugger sends, by the names that the texts use. */
enum lab_packet { EXCEPTION, LOAD_SYMBOLS, PRINT, PROMPT, FILE_CREATE, FILE_READ, VERSION_REPLY, READ_REPLY };
enum lab_request { GET_VERSION, READ_MEMORY, CONTINUE, REBOOT, CAUSE_BUG_CHECK, PROMPT_ANSWER, FILE_ANSWER };

#define ID0      0x80800000u
#define ID1      0x80800001u
#define ID0_SYNC 0x80800800u

struct lab {
    struct relay_core core;
    uint64_t now;
    uint64_t token;   /* of the last reply: the VM's */
    uint16_t retries; /* of the VM's sends */
    uint8_t request[VM_REQUEST_BYTES_MAX];
    size_t request_bytes;

    bool reader_stalled; /* the debugger does not read */
    uint8_t wire[LAB_WIRE_BYTES];
    size_t wire_bytes;
    size_t chunk_bytes; /* the debugger's bytes arrive so many at a time; 0: as given */
    size_t refused;     /* bytes that the core did not take */

    unsigned replies;
    struct vm_reply reply; /* the last; spans into reply_copy */
    uint8_t reply_copy[VM_REPLY_BYTES_MAX];
    size_t reply_bytes;
};

/* CMocka fixture: *state is a lab with nothing said yet. */
int lab_setup(void **state);
int lab_teardown(void **state);

/* The VM. Each sends one request, with the token of the last reply, and drains. */
void lab_hello(struct lab *lab);
void lab_send(struct lab *lab, enum lab_packet packet);
void lab_send_want_next(struct lab *lab, enum lab_packet packet);
void lab_receive(struct lab *lab);
void lab_poll(struct lab *lab);
void lab_resume(struct lab *lab);
void lab_resume_want_next(struct lab *lab);
void lab_repeat(struct lab *lab); /* the last request's bytes once more */
void lab_bytes(struct lab *lab, const uint8_t *bytes, size_t len_bytes);
void lab_vm_lost(struct lab *lab);
void lab_vm_gone(struct lab *lab);

/* Hello by a debugged, running target; connect; then as the name says. */
void lab_boot(struct lab *lab);
void lab_boot_attached(struct lab *lab);
void lab_stop(struct lab *lab); /* ends in a lone receive that is held; wire and reply are read */

/* The debugger. */
void lab_connect(struct lab *lab);
void lab_disconnect(struct lab *lab);
void lab_input(struct lab *lab, const void *bytes, size_t len_bytes);
void lab_byte(struct lab *lab, uint8_t byte);
void lab_ack(struct lab *lab, uint32_t id);
void lab_reset(struct lab *lab);
void lab_ask_resend(struct lab *lab);
void lab_request(struct lab *lab, enum lab_request request, uint32_t id);
void lab_read_output(struct lab *lab, size_t len_bytes); /* a stalled reader reads so much */

/* The bytes of a debugger's frame, for tests that damage them. Returns its length. */
size_t lab_request_frame(uint8_t *frame, enum lab_request request, uint32_t id);
size_t lab_reset_frame(uint8_t *frame);

/* Moves the clock, stopping at each deadline on the way. */
void lab_wait(struct lab *lab, uint64_t ns);

/* Each compares and forgets: a text lists what came since the last look. */
#define assert_wire(lab, text)    lab_assert_wire(lab, text, __FILE__, __LINE__)
#define assert_reply(lab, text)   lab_assert_reply(lab, text, __FILE__, __LINE__)
#define assert_wire_is_whole(lab) lab_assert_wire_is_whole(lab, __FILE__, __LINE__) /* whatever it says */
/* Polls, and compares the reply. Replies before it are forgotten. */
#define assert_polled(lab, text) lab_assert_polled(lab, text, __FILE__, __LINE__)
void lab_assert_polled(struct lab *lab, const char *text, const char *file, int line);
void lab_assert_wire(struct lab *lab, const char *text, const char *file, int line);
void lab_assert_reply(struct lab *lab, const char *text, const char *file, int line);

void lab_assert_wire_is_whole(struct lab *lab, const char *file, int line);

#endif
