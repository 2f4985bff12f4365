/* fake_module.h: what the mini kernel's tests share: a module that records and plays back, a machine that
 * ends by longjmp, and helpers that write requests and read replies by the offsets of kd-protocol.md. */
#ifndef FAKE_MODULE_H
#define FAKE_MODULE_H

#include "sim/kernel/mk.h"
#include "sim/kernel/mk_image.h"
#include "transport/kd/kd_bytes.h"
#include "transport/kd/kd_packet.h"

enum { FAKE_EVENTS = 4096, FAKE_COMMANDS = 8, FAKE_RAM_BYTES = MK_RAM_BYTES_MIN };

/* How a run ended. */
enum ending { END_SCRIPT = 1, END_RESET, END_POWER_OFF, END_TICKS };

/* What KdSendPacket was given. */
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

/* Everything the kernel touches and the module does; one at a time. The script is steps: KdReceivePacket
 * plays them one by one, and the run ends when it is asked for more. */
extern struct fake {
    struct mk_boot boot;
    struct mk_map map;
    uint8_t *ram;
    struct mk_state *state;
    uint32_t initialize_failures;      /* so many calls of KdDebuggerInitialize0 find no channel */
    uint32_t initialize0, initialize1; /* calls */
    void *loader_block;                /* of the last of them */
    struct packet *packets;
    uint32_t packet_count;
    struct step *steps;
    uint32_t step_count, step_next;
    struct {
        enum mk_trace_event event;
        uint32_t status;
    } events[FAKE_EVENTS];
    uint32_t event_count;
    uint32_t polls;
    uint32_t poll_wish; /* the how-manyth poll finds a break-in; 0: none */
    uint32_t ticks, ticks_max;
    uint32_t saves, restores;
    char sleep[16]; /* what was said about sleep: s(ave) 3 0 r(estore), and a tick as . */
    uint32_t abandon_from; /* from the how-manyth send on nobody is there; 0: never */
    uint32_t control_c_at; /* the how-manyth send sees a break-in byte; 0: none */
    struct mk_command commands[FAKE_COMMANDS];
    uint32_t command_count, command_next;
    bool inside;             /* between mk_platform_enters_module and leaves */
    /* In the how-manyth send, or receive, the module writes one byte so far from the start of a piece. */
    uint32_t stray_send, stray_receive;
    enum mk_piece stray_piece;
    int32_t stray_offset;
    struct {
        enum mk_piece piece;
        int32_t offset;
    } strays[4]; /* as the kernel reported them */
    uint32_t stray_count;
} fake;

/* A VM of two processors that breaks in once after boot: the first packet is that stop. */
int fake_setup(void **state);
int fake_setup_x86(void **state);
int fake_teardown(void **state);

/* Boots and runs the kernel to the end of the script. */
enum ending fake_run(void);

/* ---- the script ---------------------------------------------------------------------------------------- */

/* One call of KdReceivePacket(manipulate) that brings no packet. */
struct step *add_status(uint32_t status);

/* A request; its union is the caller's to fill. */
struct step *add_request(uint32_t api);
uint8_t *in_union(struct step *step, uint32_t offset);
struct step *add_data(struct step *step, const void *bytes, uint32_t len_bytes);

/* A request that begins with u64 address, u32 count. */
struct step *add_range(uint32_t api, uint64_t address, uint32_t count);
struct step *add_write(uint32_t api, uint64_t address, const void *bytes, uint32_t len_bytes);
void add_continue2(uint32_t status, bool trace);

/* A debugger sets one register, by its offset in CONTEXT: GetContext and SetContextEx, two replies. */
void add_set_register(uint32_t offset, uint64_t value);

/* What a debugger does at a hard-coded int 3 before it lets go: the program counter moves over it. Two
 * replies. */
void add_skip_break(void);

/* The same, and lets go. */
void add_go(void);

/* A wish of the world for the next tick. */
void add_command(enum mk_command_kind kind, const char *text, uint32_t count, uint32_t code);

/* ---- what came of it ----------------------------------------------------------------------------------- */

const struct packet *packet(uint32_t index);

/* The index-th packet is a reply to api with this status and so many data bytes. Returns its union. */
const uint8_t *assert_reply(uint32_t index, uint32_t api, uint32_t status, uint32_t data_bytes);

/* The index-th packet is an exception at address. Returns its header. */
const uint8_t *assert_exception(uint32_t index, uint32_t code, uint64_t address);

/* The index-th packet is a print of this text. */
void assert_print(uint32_t index, const char *text);

/* How often an event was reported. */
uint32_t events_of(enum mk_trace_event event);

#endif
