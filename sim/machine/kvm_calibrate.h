/* kvm_calibrate.h: what exits, string I/O and sockets cost on this host, measured with the code that the kvm
 * machine runs on.
 *
 * Wall-clock time, so never the same twice: each figure is a median of many samples with the quartiles around
 * it. A busy host shows in the upper one. Tests: tests/test_kvm_calibrate.c Context: as kvm_cpu.h; takes
 * about a second of one core; one thread of its own for the sockets. */
#ifndef KVM_CALIBRATE_H
#define KVM_CALIBRATE_H

#include "sim/machine/kvm_cpu.h"
#include "sim/world/sim_cost.h"

/* A row: name, unit, what was measured. */
#define KVM_CALIBRATE_LIST(X)                                                                                \
    X(port_in, "ns", "IN AL,DX: out to this process and back, one byte given")                               \
    X(backdoor_in, "ns", "IN EAX,DX with seven registers read and written: a low-bandwidth call")            \
    X(string_out, "ns",                                                                                      \
      "rep outsb of 4,039 bytes, read from guest memory in one exit: a high-bandwidth send")                 \
    X(string_in, "ns", "rep insb of 4,039 bytes, written to guest memory in one exit")                       \
    X(string_byte, "ps", "each further byte of a string, both directions averaged")                          \
    X(unix_round_trip, "ns", "64 bytes there and back over a Unix socket to another thread")                 \
    X(tcp_round_trip, "ns", "64 bytes there and back over TCP to 127.0.0.1")

enum kvm_calibrate_figure {
#define KVM_CALIBRATE_ENUM(name, unit, what) KVM_CALIBRATE_##name,
    KVM_CALIBRATE_LIST(KVM_CALIBRATE_ENUM)
#undef KVM_CALIBRATE_ENUM
        KVM_CALIBRATE_FIGURES
};

struct kvm_calibrate_row {
    const char *name, *unit, *what;
};
const struct kvm_calibrate_row *kvm_calibrate_row(enum kvm_calibrate_figure figure);

struct kvm_figure {
    uint64_t lower, median, upper; /* quartiles */
    uint32_t samples;
};

/* mode     in   of the guest that makes the exits
 * figures  out
 * Ends the program, with a line on stderr, where kvm_cpu_here says no. */
void kvm_calibrate(enum kvm_cpu_mode mode, struct kvm_figure figures[KVM_CALIBRATE_FIGURES]);

/* The cost table of this host: exit_ns is the mean of the five exits of a high-bandwidth message, three calls
 * and a string each way, less the strings' bytes; payload_ps_per_byte as measured; stream_latency_ns half a
 * Unix round trip; the rest is the default. */
struct sim_cost kvm_calibrate_costs(const struct kvm_figure figures[KVM_CALIBRATE_FIGURES]);

#endif
