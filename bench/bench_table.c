#include "bench/bench_table.h"
#include <string.h>

static const struct bench_link links[] = {
    {"serial-115200", "16550 UART at 115200 bps, KDCOM framing in the guest: the reference", SIM_LINK_SERIAL,
     SIM_BACKDOOR_ABSENT_ONES, false},
    {"backdoor-lb", "GuestRPC over the VMware backdoor, low bandwidth: four bytes an exit", SIM_LINK_BACKDOOR,
     SIM_BACKDOOR_LB_ONLY, false},
    {"backdoor-hb", "GuestRPC over the VMware backdoor, high bandwidth: a message an exit", SIM_LINK_BACKDOOR,
     SIM_BACKDOOR_VMWARE, false},
    {"ideal", "backdoor-hb whose exits and payload cost nothing: what latency and debugger leave", SIM_LINK_BACKDOOR,
     SIM_BACKDOOR_VMWARE, true},
};

static const struct bench_workload workloads[] = {
    {"bulk-read", "3,944-byte virtual reads, the largest that KD allows", 1000, 25, 4},
    {"bulk-write", "3,944-byte virtual writes", 1000, 25, 4},
    {"steps", "single steps", 1000, 100, 10},
    {"prints", "64-byte debug prints", 1000, 200, 10},
    {"break-in", "break-in to stop, past the break instruction, and go", 100, 50, 5},
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
