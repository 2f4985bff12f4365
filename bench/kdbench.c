/* kdbench: plays the workloads over every link and compares them; measures what must be measured. */
#include "bench/bench_command.h"
#include "bench/bench_table.h"
#include "harness/script/command.h"
#include "sim/world/sim_cost.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void list_links(void)
{
    unsigned count;
    const struct bench_link *links = bench_links(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-16s %-9s %s\n", links[i].name, bench_kind_name(links[i].kind), links[i].what);
}

static void list_workloads(void)
{
    unsigned count;
    const struct bench_workload *workloads = bench_workloads(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-16s %s\n", workloads[i].name, workloads[i].what);
}

static void list_costs(void)
{
    unsigned count;
    const struct sim_cost_row *costs = sim_cost_rows(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%-20s %10" PRIu64 " %-8s %s\n", costs[i].name, costs[i].default_value, costs[i].unit,
               costs[i].note);
}

static int command_list(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*list)(void);
    } lists[] = {{"links", list_links}, {"workloads", list_workloads}, {"costs", list_costs}};
    bool known = false;
    if (argc > 2)
        command_refuse("list: unexpected '%s'", argv[2]);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (argc > 1 && strcmp(argv[1], lists[i].name) != 0)
            continue;
        if (argc == 1)
            printf("%s%s\n", i > 0 ? "\n" : "", lists[i].name);
        lists[i].list();
        known = true;
    }
    if (!known)
        command_refuse("list %s: expected links, workloads or costs", argv[1]);
    return 0;
}

static int command_help(int argc, char **argv);

static const struct {
    const char *name;
    const char *does;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "play workloads and compare the links, in simulated time", bench_command_run},
    {"sweep", "the same as the cost of an exit, or the size of a read, varies", bench_command_sweep},
    {"gate", "compare a run with the baseline: exact figures may not get worse", bench_command_gate},
    {"baseline", "show what changed, and make a run the baseline", bench_command_baseline},
    {"micro", "measure codec and relay core on this host, in bytes a second", bench_command_micro},
    {"live", "measure live targets, any that speaks KDCOM, on the wall clock", bench_command_live},
    {"calibrate", "measure what exits, string I/O and sockets cost on this host", bench_command_calibrate},
    {"list", "links, workloads and costs", command_list},
    {"help", "this text", command_help},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int command_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("usage: kdbench COMMAND [OPTION...]     (kdbench COMMAND --help says more)\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].does);
    puts("\nWhat run and sweep print is simulated: exact counts and the cost table printed with them. What "
         "micro,\n"
         "live and calibrate print is measured. make report does all of it; bench/README.md says how to add "
         "a link or a workload.");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        command_refuse(
            "no command: expected run, sweep, gate, baseline, micro, live, calibrate, list or help");
    if (strcmp(argv[1], "--help") == 0)
        return command_help(argc, argv);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    command_refuse("no command is called '%s' (kdbench help lists them)", argv[1]);
}
