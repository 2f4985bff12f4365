/* kdbench micro: the codec and the relay core, in bytes a second of one core's time. */
#include "bench/bench_command.h"
#include "bench/bench_files.h"
#include "bench/bench_measure.h"
#include "harness/script/command.h"
#include "transport/relay/relay_core.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = '?', KEY_OUT = 256, KEY_QUICK };
enum { BODY_BYTES = KD_BODY_BYTES_MAX, DATA_BYTES = BODY_BYTES - KD_MANIPULATE_BYTES };
enum { SAMPLES = 21, SAMPLES_QUICK = 3 };
#define SAMPLE_NS       UINT64_C(10000000)
#define SAMPLE_NS_QUICK UINT64_C(1000000)

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "kdbench: micro: %s does not do what it should\n", what);
    exit(EXIT_FAILURE);
}

/* ---- what is measured: each does its thing once and returns the bytes that went through -------------- */

struct bench {
    uint8_t body[BODY_BYTES];
    uint8_t frame[2][KD_FRAME_BYTES_MAX]; /* a full reply, under either id */
    uint8_t out[KD_FRAME_BYTES_MAX];
    uint8_t noise[KD_FRAME_BYTES_MAX];
    struct kd_link sender, receiver, listener;
    unsigned turn;
    struct relay_core relay;
    uint64_t token;
    uint8_t request[VM_REQUEST_BYTES_MAX];
    uint8_t next[2][KD_FRAME_HEADER_BYTES + KD_MANIPULATE_BYTES + 1];
    uint8_t ack[2][KD_FRAME_HEADER_BYTES];
    uint32_t sum;
};

static struct kd_packet full_packet(const struct bench *bench)
{
    return (struct kd_packet){.type = KD_TYPE_MANIPULATE,
                              .header = {bench->body, KD_MANIPULATE_BYTES},
                              .data = {bench->body + KD_MANIPULATE_BYTES, DATA_BYTES}};
}

static size_t sum_body(struct bench *bench)
{
    bench->sum += kd_checksum(0, bench->body, BODY_BYTES);
    return BODY_BYTES;
}

/* Body to frame: checksum, header, and the copy into what would be written. */
static size_t encode(struct bench *bench)
{
    struct kd_packet packet = full_packet(bench);
    struct kd_action action;
    struct kd_frame frame;
    if (kd_link_send(&bench->sender, &packet, 1, 0, &action) != KD_OK || !action.write_packet)
        broken("kd_link_send");
    kd_link_frame(&bench->sender, &frame);
    uint8_t *to = bench->out;
    memcpy(to, frame.head, sizeof frame.head);
    memcpy(to + sizeof frame.head, frame.header.bytes, frame.header.len_bytes);
    memcpy(to + sizeof frame.head + frame.header.len_bytes, frame.data.bytes, frame.data.len_bytes);
    to[KD_FRAME_BYTES_MAX - 1] = frame.trailer;
    kd_link_cancel(&bench->sender);
    return KD_FRAME_BYTES_MAX;
}

/* Frame to body: scanner, copy, checksum, acknowledgement. */
static size_t decode(struct bench *bench)
{
    const struct kd_wanted wanted = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, DATA_BYTES};
    struct kd_action action;
    size_t taken = 0;
    if (kd_link_receive(&bench->receiver, &wanted, 0, &action) != KD_OK)
        broken("kd_link_receive");
    const uint8_t *frame = bench->frame[bench->turn++ % 2];
    while (taken < KD_FRAME_BYTES_MAX && action.outcome == KD_OUTCOME_NONE)
        taken += kd_link_input(&bench->receiver, frame + taken, KD_FRAME_BYTES_MAX - taken, 0, &action);
    if (action.outcome != KD_OUTCOME_RECEIVED || taken != KD_FRAME_BYTES_MAX)
        broken("kd_link_input");
    return taken;
}

/* Bytes between frames: every one has to be looked at. */
static size_t skip_noise(struct bench *bench)
{
    struct kd_action action;
    if (kd_link_input(&bench->listener, bench->noise, sizeof bench->noise, 0, &action) != sizeof bench->noise)
        broken("kd_link_input");
    return sizeof bench->noise;
}

static uint64_t take_reply(struct bench *bench, const char *what)
{
    struct kd_span span;
    struct vm_reply reply;
    if (!relay_vm_reply(&bench->relay, &span) || vm_reply_load(&reply, span.bytes, span.len_bytes) != KD_OK ||
        reply.result != VM_DONE)
        broken(what);
    return reply.token;
}

/* A whole read through the relay: the guest's reply in, its frame out, the acknowledgement and the next
 * request in, and the guest's call answered with it. */
static size_t relay_transaction(struct bench *bench)
{
    struct relay_core *relay = &bench->relay;
    unsigned id = bench->turn++ % 2;
    struct vm_request send = {.version = VM_VERSION_MAX,
                              .kind = VM_SEND,
                              .flags = VM_FLAG_WANT_NEXT,
                              .token = bench->token,
                              .packet = full_packet(bench),
                              .retries = 1,
                              .next = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, DATA_BYTES}};
    vm_request_store(bench->request, &send);
    relay_vm_request(relay, bench->request, sizeof bench->request, 0);
    size_t written = relay_debugger_output(relay).len_bytes;
    relay_debugger_written(relay, written);
    relay_debugger_input(relay, bench->ack[id], sizeof bench->ack[id], 0);
    relay_debugger_input(relay, bench->next[id], sizeof bench->next[id], 0);
    bench->token = take_reply(bench, "the relay core");
    size_t acknowledged = relay_debugger_output(relay).len_bytes;
    relay_debugger_written(relay, acknowledged);
    return written + acknowledged + sizeof bench->ack[id] + sizeof bench->next[id];
}

/* ---- setting up -------------------------------------------------------------------------------------- */

static void make_frame(uint8_t *to, const uint8_t *body, uint16_t body_bytes, uint32_t id)
{
    const struct kd_frame_header header = {KD_LEADER_DATA, KD_TYPE_MANIPULATE, body_bytes, id,
                                           kd_checksum(0, body, body_bytes)};
    kd_frame_header_store(to, &header);
    memcpy(to + KD_FRAME_HEADER_BYTES, body, body_bytes);
    to[KD_FRAME_HEADER_BYTES + body_bytes] = KD_TRAILER_BYTE;
}

static void make_ack(uint8_t *to, uint32_t id)
{
    kd_frame_header_store(to, &(struct kd_frame_header){KD_LEADER_CONTROL, KD_TYPE_ACK, 0, id, 0});
}

static void start_links(struct bench *bench)
{
    const struct kd_link_config config = {.byte_wait = 1000, .reset_window = 1000};
    const struct kd_wanted wanted = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, DATA_BYTES};
    struct kd_action action;
    kd_link_init(&bench->sender, &config);
    kd_link_init(&bench->receiver, &config);
    kd_link_init(&bench->listener, &config);
    if (kd_link_receive(&bench->listener, &wanted, 0, &action) != KD_OK)
        broken("kd_link_receive");
}

/* A state change first, as every conversation begins; its request is answered by the first transaction. */
static void start_relay(struct bench *bench)
{
    const struct relay_config config = {1000, 1000, 1000, 1000, 1};
    static uint8_t message[VM_REQUEST_BYTES + KD_STATE_CHANGE_BYTES];
    static uint8_t state_change[KD_STATE_CHANGE_BYTES];
    struct relay_core *relay = &bench->relay;
    uint8_t ack[KD_FRAME_HEADER_BYTES];
    kd_store_u32(state_change, KD_STATE_EXCEPTION);
    relay_init(relay, &config);
    relay_debugger_connected(relay, 0);
    vm_request_store(message, &(struct vm_request){.version = VM_VERSION_MAX,
                                                   .kind = VM_HELLO,
                                                   .version_min = VM_VERSION_MIN,
                                                   .machine = VM_MACHINE_X64});
    relay_vm_request(relay, message, VM_REQUEST_BYTES, 0);
    bench->token = take_reply(bench, "hello");
    vm_request_store(
        message,
        &(struct vm_request){.version = VM_VERSION_MAX,
                             .kind = VM_SEND,
                             .flags = VM_FLAG_WANT_NEXT,
                             .token = bench->token,
                             .packet = {KD_TYPE_STATE_CHANGE64, {state_change, sizeof state_change}, {0}},
                             .retries = 1,
                             .next = {KD_TYPE_MANIPULATE, KD_MANIPULATE_BYTES, DATA_BYTES}});
    memcpy(message + VM_REQUEST_BYTES, state_change, sizeof state_change);
    relay_vm_request(relay, message, sizeof message, 0);
    relay_debugger_written(relay, relay_debugger_output(relay).len_bytes);
    make_ack(ack, KD_ID_INITIAL | KD_ID_SYNC);
    relay_debugger_input(relay, ack, sizeof ack, 0);
    relay_debugger_input(relay, bench->next[1], sizeof bench->next[1], 0);
    bench->token = take_reply(bench, "the first request");
    relay_debugger_written(relay, relay_debugger_output(relay).len_bytes);
}

static struct bench *start(void)
{
    static struct bench bench;
    for (size_t i = 0; i < sizeof bench.body; i++)
        bench.body[i] = (uint8_t)(i * 131 >> 3);
    kd_store_u32(bench.body, 0x3130); /* a read of virtual memory */
    for (size_t i = 0; i < sizeof bench.noise; i++)
        bench.noise[i] = (uint8_t)(0x80 | i * 37);
    memcpy(bench.request + VM_REQUEST_BYTES, bench.body, sizeof bench.body);
    for (unsigned id = 0; id < 2; id++) {
        make_frame(bench.frame[id], bench.body, BODY_BYTES, KD_ID_INITIAL | id);
        make_ack(bench.ack[id], KD_ID_INITIAL | (id ^ 1)); /* the state change had id 0 */
        make_frame(bench.next[id], bench.body, KD_MANIPULATE_BYTES, KD_ID_INITIAL | (id ^ 1));
    }
    start_links(&bench);
    start_relay(&bench);
    bench.turn = 0;
    return &bench;
}

/* ---- measuring --------------------------------------------------------------------------------------- */

static double gigabytes_per_second(struct bench *bench, size_t (*once)(struct bench *bench),
                                   uint64_t sample_ns)
{
    uint64_t bytes = 0, from = bench_cpu_ns(), now = from;
    while (now - from < sample_ns) {
        for (unsigned i = 0; i < 64; i++)
            bytes += once(bench);
        now = bench_cpu_ns();
    }
    return (double)bytes / (double)(now - from);
}

static const struct item {
    const char *name, *what;
    size_t (*once)(struct bench *bench);
    double aim;
} items[] = {
    {"checksum", "the sum of 4,000 bytes", sum_body, 0},
    {"encode", "a body of 4,000 bytes made a frame, checksum and one copy", encode, 1},
    {"decode", "a frame of 4,017 bytes scanned, copied, checked and acknowledged", decode, 1},
    {"noise", "bytes between frames, looked at one by one", skip_noise, 0},
    {"relay", "a full read through the relay core: bytes on the debugger's line", relay_transaction, 0},
};
enum { ITEMS = sizeof items / sizeof items[0] };

static void measure_item(const struct item *item, bool quick, struct bench_measured *measured)
{
    struct bench *bench = start();
    uint64_t sample_ns = quick ? SAMPLE_NS_QUICK : SAMPLE_NS;
    *measured = (struct bench_measured){.name = item->name,
                                        .what = item->what,
                                        .unit = "GB/s",
                                        .higher_is_better = true,
                                        .aim = item->aim,
                                        .count = quick ? SAMPLES_QUICK : SAMPLES};
    (void)gigabytes_per_second(bench, item->once, sample_ns); /* warm */
    for (unsigned i = 0; i < measured->count; i++)
        measured->samples[i] = gigabytes_per_second(bench, item->once, sample_ns);
}

/* ---- the command ------------------------------------------------------------------------------------- */

struct arguments {
    const char *out;
    bool quick;
};

static const struct argp_option options[] = {
    {"help", KEY_HELP, NULL, 0, "Show this text", -1},
    {"out", KEY_OUT, "DIR", 0, "Also write DIR/measured.json", 0},
    {"quick", KEY_QUICK, NULL, 0, "Few and short samples: to see that it works", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, "kdbench micro");
        exit(0);
    case KEY_OUT:
        arguments->out = value;
        return 0;
    case KEY_QUICK:
        arguments->quick = true;
        return 0;
    case ARGP_KEY_ARG:
        command_refuse("micro: unexpected '%s'", value);
    case ARGP_KEY_ERROR:
        command_refuse("%s: unknown option, or its value is missing (kdbench micro --help lists them)",
                       state->argv[state->next - 1]);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int bench_command_micro(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "",
        "Measures codec and relay core: billions of bytes a second of one core's CPU time, "
        "the median of 21 samples with the least and the most.",
        NULL,
        NULL,
        NULL};
    static struct bench_measured measured[ITEMS];
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.out != NULL)
        command_folder("--out", arguments.out);
    for (unsigned i = 0; i < ITEMS; i++)
        measure_item(&items[i], arguments.quick, &measured[i]);
    const struct bench_measured_list list = {measured, ITEMS};
    if (arguments.out != NULL)
        bench_write(arguments.out, "measured.json", bench_measured_print_json, &list);
    bench_measured_print(&list, stdout);
    return 0;
}
