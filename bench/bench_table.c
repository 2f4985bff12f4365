#include "bench/bench_table.h"
#include <string.h>

static const struct bench_link links[] = {
    {"serial-115200", "16550 UART at 115200 bps, KDCOM framing in the guest: the reference", BENCH_LINK_REAL,
     SIM_LINK_SERIAL, {NULL}},
    {"uart-unthrottled", "the same UART in a VMM that does not keep its speed: every byte still costs its exits",
     BENCH_LINK_REAL, SIM_LINK_SERIAL, {"uart=unpaced"}},
    {"backdoor-lb", "GuestRPC over the VMware backdoor, low bandwidth: four bytes an exit", BENCH_LINK_REAL,
     SIM_LINK_BACKDOOR, {"backdoor=vmware-LB-only"}},
    {"backdoor-vkd",
     "modelled: backdoor-hb with VirtualKD's calls, a packet each, a channel opened and closed around each, every poll sent",
     BENCH_LINK_MODELLED, SIM_LINK_BACKDOOR, {"backdoor=vmware-rpci-only", "skew=virtualkd"}},
    {"backdoor-hb", "GuestRPC over the VMware backdoor, high bandwidth: a message an exit", BENCH_LINK_REAL,
     SIM_LINK_BACKDOOR, {"backdoor=vmware"}},
    {"doorbell", "a VMM that copies a whole message out of guest memory in one exit; a flag in memory for polls",
     BENCH_LINK_REAL, SIM_LINK_DOORBELL, {NULL}},
    {"relay-reads", "the relay answers memory reads itself, out of the guest's memory: comes later, no figures yet",
     BENCH_LINK_RESERVED, SIM_LINK_BACKDOOR, {NULL}},
    {"ideal", "backdoor-hb whose exits and payload cost nothing: what latency and debugger leave", BENCH_LINK_LIMIT,
     SIM_LINK_BACKDOOR, {"backdoor=vmware", "cost.exit_ns=0", "cost.payload_ps_per_byte=0"}},
};

static const struct bench_workload workloads[] = {
    {"bulk-read", "a virtual read of 3,944 bytes, the largest that KD allows", 1000, 25, 4, false, 0},
    {"small-read", "a virtual read of 64 bytes", 1000, 100, 4, false, 0},
    {"bulk-write", "a virtual write of 3,944 bytes", 1000, 25, 4, false, 0},
    {"dump", "16 MiB of physical memory, read in the largest pieces", 256, 4, 1, false, 256},
    {"steps", "a single step", 1000, 100, 10, false, 0},
    {"source-step", "one line in a source window: step, registers, stack and twelve small reads", 200, 20, 2, false, 0},
    {"attach", "a debugger's first conversation: some 280 requests, many of them in vain", 20, 2, 1, false, 0},
    {"prints", "a debug print of 64 bytes", 10000, 200, 10, false, 0},
    {"boot", "a boot with a debugger attached and 200 modules that it is told of", 1, 1, 1, false, 0},
    {"break-in", "a break-in, from the debugger's byte to the stop; the time is the median", 1000, 250, 5, false, 0},
    {"idle", "a second in which nothing happens, a debugger attached", 10, 10, 1, true, 0},
    {"lost-frame", "a read of 64 bytes whose reply is lost once", 10, 5, 1, false, 0},
    {"relay-restart", "the relay dies and starts again; until the debugger knows the stop and has read 64 bytes", 100, 1,
     1, false, 0},
};

enum { LINKS = sizeof links / sizeof links[0], WORKLOADS = sizeof workloads / sizeof workloads[0] };

const struct bench_link *bench_links(unsigned *count)
{
    *count = LINKS;
    return links;
}

const struct bench_workload *bench_workloads(unsigned *count)
{
    *count = WORKLOADS;
    return workloads;
}

const char *bench_kind_name(enum bench_kind kind)
{
    static const char *const names[] = {"real", "modelled", "limit", "reserved"};
    return names[kind];
}

const struct bench_link *bench_link_find(const char *name)
{
    for (unsigned i = 0; i < LINKS; i++)
        if (strcmp(links[i].name, name) == 0)
            return &links[i];
    return NULL;
}

const struct bench_workload *bench_workload_find(const char *name)
{
    for (unsigned i = 0; i < WORKLOADS; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}
