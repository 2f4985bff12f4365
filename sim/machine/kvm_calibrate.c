#define _GNU_SOURCE
#include "sim/machine/kvm_calibrate.h"
#include "sim/machine/kvm_flat.h"
#include "sim/machine/sim_host.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A sample is the mean of some operations in a row, so that reading the clock does not count. */
enum { SAMPLES = 300, PER_SAMPLE = 20, WARM_UP = 50 };
enum { STRING_BYTES = 4039, LONG_STRING_BYTES = 65536, SOCKET_BYTES = 64 };
_Static_assert(KVM_FLAT_BUFFER + LONG_STRING_BYTES < KVM_FLAT_STACK, "the buffer has room");

static const struct kvm_calibrate_row rows[] = {
#define KVM_CALIBRATE_ROW(name, unit, what) {#name, unit, what},
    KVM_CALIBRATE_LIST(KVM_CALIBRATE_ROW)
#undef KVM_CALIBRATE_ROW
};

const struct kvm_calibrate_row *kvm_calibrate_row(enum kvm_calibrate_figure figure)
{
    return &rows[figure];
}

/* ---- sampling ---- */

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static struct kvm_figure sample(void (*operation)(void *context), void *context)
{
    uint64_t took_ns[SAMPLES];
    for (int i = 0; i < WARM_UP; i++)
        operation(context);
    for (int i = 0; i < SAMPLES; i++) {
        const uint64_t start_ns = clock_ns();
        for (int j = 0; j < PER_SAMPLE; j++)
            operation(context);
        took_ns[i] = (clock_ns() - start_ns) / PER_SAMPLE;
    }
    qsort(took_ns, SAMPLES, sizeof took_ns[0], compare);
    return (struct kvm_figure){took_ns[SAMPLES / 4], took_ns[SAMPLES / 2], took_ns[SAMPLES * 3 / 4], SAMPLES};
}

/* ---- exits ---- */

struct string_call {
    struct kvm_flat *flat;
    bool out;
    uint32_t len_bytes;
    uint8_t *payload; /* the device's side of it */
};

static void run(struct kvm_cpu *cpu)
{
    if (kvm_cpu_run(cpu) == KVM_CPU_PORT)
        return;
    fprintf(stderr, "fastkd: the guest of the calibration stopped: %s\n", kvm_cpu_why(cpu));
    exit(EXIT_FAILURE);
}

static void port_in(void *context)
{
    struct kvm_flat *flat = context;
    *kvm_cpu_data(flat->cpu) = 0x60;
    run(flat->cpu);
}

static void backdoor_in(void *context)
{
    struct kvm_flat *flat = context;
    struct kvm_regs *registers = kvm_cpu_registers(flat->cpu);
    const uint32_t eax = (uint32_t)registers->rax + 1;
    registers->rax = eax;
    registers->rcx = registers->rbx + 1;
    registers->rbx = registers->rsi + 1;
    registers->rsi = registers->rdi + 1;
    registers->rdi = registers->rbp + 1;
    memcpy(kvm_cpu_data(flat->cpu), &eax, sizeof eax);
    kvm_cpu_changed(flat->cpu);
    run(flat->cpu);
}

static void string_call(void *context)
{
    const struct string_call *call = context;
    struct kvm_cpu *cpu = call->flat->cpu;
    struct kvm_regs registers;
    if (!kvm_cpu_string(cpu, &registers))
        sim_host_fail("the guest of the calibration went astray");
    uint8_t *bytes = kvm_cpu_bytes(cpu, call->out ? registers.rsi : registers.rdi, call->len_bytes);
    if (call->out)
        memcpy(call->payload, bytes, call->len_bytes);
    else
        memcpy(bytes, call->payload, call->len_bytes);
    registers.rcx = 0;
    kvm_cpu_end_string(cpu, &registers);
    run(cpu);
}

static struct kvm_figure measure_in(struct kvm_flat *flat, bool backdoor)
{
    /* mov edx,port; in; jmp to the in */
    uint8_t code[] = {0xBA, 0xFD, 0x03, 0, 0, 0xEC, 0xEB, 0xFD};
    if (backdoor)
        memcpy(code, (const uint8_t[]){0xBA, 0x58, 0x56, 0, 0, 0xED}, 6);
    kvm_flat_start(flat, code, sizeof code);
    run(flat->cpu);
    return sample(backdoor ? backdoor_in : port_in, flat);
}

static struct kvm_figure measure_string(struct kvm_flat *flat, bool out, uint32_t len_bytes)
{
    enum { SOURCE = 6, TARGET = 11, COUNT = 16, OPERATION = 22 };
    /* mov edx,port; mov esi,buffer; mov edi,buffer; mov ecx,len; cld; rep outsb or insb; jmp to the mov esi
     */
    uint8_t code[] = {0xBA, 0x59, 0x56, 0, 0, 0xBE, 0, 0,    0,    0,    0xBF, 0,   0,
                      0,    0,    0xB9, 0, 0, 0,    0, 0xFC, 0xF3, 0x6E, 0xEB, 0xEC};
    const uint32_t buffer = KVM_FLAT_BUFFER;
    struct string_call call = {flat, out, len_bytes, calloc(len_bytes, 1)};
    if (call.payload == NULL)
        sim_host_fail("no memory to calibrate with");
    memcpy(code + SOURCE, &buffer, sizeof buffer);
    memcpy(code + TARGET, &buffer, sizeof buffer);
    memcpy(code + COUNT, &len_bytes, sizeof len_bytes);
    code[OPERATION] = out ? 0x6E : 0x6C;
    kvm_flat_start(flat, code, sizeof code);
    run(flat->cpu);
    const struct kvm_figure figure = sample(string_call, &call);
    free(call.payload);
    return figure;
}

/* What the bytes of a long string add; 0 where that drowns in the noise of an exit. */
static uint64_t per_byte_ps(uint64_t long_ns, uint64_t short_ns)
{
    return long_ns > short_ns ? (long_ns - short_ns) * 1000 / (LONG_STRING_BYTES - STRING_BYTES) : 0;
}

/* A difference of two figures: the quartiles' differences need not be in order. */
static struct kvm_figure in_order(uint64_t a, uint64_t median, uint64_t b)
{
    const uint64_t lower = a < b ? a : b, upper = a < b ? b : a;
    return (struct kvm_figure){lower < median ? lower : median, median, upper > median ? upper : median,
                               SAMPLES};
}

static struct kvm_figure measure_string_byte(struct kvm_flat *flat, const struct kvm_figure *out,
                                             const struct kvm_figure *in)
{
    const struct kvm_figure long_out = measure_string(flat, true, LONG_STRING_BYTES);
    const struct kvm_figure long_in = measure_string(flat, false, LONG_STRING_BYTES);
    return in_order((per_byte_ps(long_out.lower, out->lower) + per_byte_ps(long_in.lower, in->lower)) / 2,
                    (per_byte_ps(long_out.median, out->median) + per_byte_ps(long_in.median, in->median)) / 2,
                    (per_byte_ps(long_out.upper, out->upper) + per_byte_ps(long_in.upper, in->upper)) / 2);
}

/* ---- sockets ---- */

static void *echo(void *context)
{
    uint8_t bytes[SOCKET_BYTES];
    const int fd = *(const int *)context;
    for (;;) {
        const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_WAITALL);
        if (got != SOCKET_BYTES || send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) != got)
            return NULL;
    }
}

static void round_trip(void *context)
{
    uint8_t bytes[SOCKET_BYTES] = {0};
    const int fd = *(const int *)context;
    if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) != SOCKET_BYTES ||
        recv(fd, bytes, sizeof bytes, MSG_WAITALL) != SOCKET_BYTES)
        sim_host_fail("a socket to calibrate with failed");
}

static void tcp_pair(int pair[2])
{
    const struct sockaddr_in any_port = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in at;
    socklen_t at_bytes = sizeof at;
    const int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || pair[0] < 0 ||
        bind(listener, (const struct sockaddr *)&any_port, sizeof any_port) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&at, &at_bytes) != 0 ||
        connect(pair[0], (const struct sockaddr *)&at, at_bytes) != 0 ||
        (pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
        sim_host_fail("no TCP connection to calibrate with");
    for (int i = 0; i < 2; i++)
        (void)setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listener);
}

static void unix_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        sim_host_fail("no Unix socket to calibrate with");
}

static struct kvm_figure measure_socket(void (*make_pair)(int pair[2]))
{
    int pair[2];
    pthread_t other;
    make_pair(pair);
    if (pthread_create(&other, NULL, echo, &pair[1]) != 0)
        sim_host_fail("no thread to calibrate with");
    const struct kvm_figure figure = sample(round_trip, &pair[0]);
    close(pair[0]);
    pthread_join(other, NULL);
    close(pair[1]);
    return figure;
}

/* ---- all of it ---- */

void kvm_calibrate(enum kvm_cpu_mode mode, struct kvm_figure figures[KVM_CALIBRATE_FIGURES])
{
    struct kvm_flat flat = kvm_flat_create(mode);
    struct kvm_figure *out = &figures[KVM_CALIBRATE_string_out], *in = &figures[KVM_CALIBRATE_string_in];
    figures[KVM_CALIBRATE_port_in] = measure_in(&flat, false);
    figures[KVM_CALIBRATE_backdoor_in] = measure_in(&flat, true);
    *out = measure_string(&flat, true, STRING_BYTES);
    *in = measure_string(&flat, false, STRING_BYTES);
    figures[KVM_CALIBRATE_string_byte] = measure_string_byte(&flat, out, in);
    kvm_flat_destroy(&flat);
    figures[KVM_CALIBRATE_unix_round_trip] = measure_socket(unix_pair);
    figures[KVM_CALIBRATE_tcp_round_trip] = measure_socket(tcp_pair);
}

struct sim_cost kvm_calibrate_costs(const struct kvm_figure figures[KVM_CALIBRATE_FIGURES])
{
    enum { CALLS = 3, EXITS = 5, STRINGS = 2 };
    struct sim_cost cost = sim_cost_default();
    const uint64_t bytes_ns = STRINGS * STRING_BYTES * figures[KVM_CALIBRATE_string_byte].median / 1000;
    const uint64_t message_ns = CALLS * figures[KVM_CALIBRATE_backdoor_in].median +
                                figures[KVM_CALIBRATE_string_out].median +
                                figures[KVM_CALIBRATE_string_in].median;
    cost.exit_ns = message_ns > bytes_ns ? (message_ns - bytes_ns) / EXITS : 0;
    cost.payload_ps_per_byte = figures[KVM_CALIBRATE_string_byte].median;
    cost.stream_latency_ns = figures[KVM_CALIBRATE_unix_round_trip].median / 2;
    return cost;
}
