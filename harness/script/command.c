#include "harness/script/command.h"
#include "harness/script/lab.h"
#include "harness/script/runner.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void command_refuse(const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(RUNNER_BAD_INPUT);
}

void command_folder(const char *option, const char *folder)
{
    char inside[4096];
    snprintf(inside, sizeof inside, "%s/.", folder);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        command_refuse("%s %s: cannot be made: %s", option, folder, strerror(errno));
    if (access(inside, W_OK | X_OK) != 0)
        command_refuse("%s %s: expected a folder that can be written: %s", option, folder, strerror(errno));
}

void command_machine(struct lab_machine *machine, const char *name)
{
    char why[LAB_MACHINE_WHY_BYTES];
    if (lab_machine_set(machine, name, why) != KD_OK)
        command_refuse("%s", why);
}

void command_dll(struct lab_machine *machine, const char *path)
{
    char why[LAB_MACHINE_WHY_BYTES];
    if (lab_machine_set_dll(machine, path, why) != KD_OK)
        command_refuse("%s", why);
}

/* In words for a person, and for who counts tests. */
static _Noreturn void skip(const char *machine, const char *missing)
{
    printf("1..0 # SKIP no %s machine here: %s\n", machine, missing);
    fprintf(stderr, "%s: --machine %s: SKIPPED, it cannot be had here: %s\n", program_invocation_short_name, machine, missing);
    exit(RUNNER_SKIPPED);
}

void command_machine_ready(struct lab_machine *machine)
{
    char why[LAB_MACHINE_WHY_BYTES];
    const char *missing = sim_machine_missing(machine->kind);
    if (missing != NULL)
        skip(sim_machine_name(machine->kind), missing);
    if (lab_machine_ready(machine, why) != KD_OK)
        command_refuse("%s", why);
}

void command_machine_arch(const struct lab_machine *machine, bool *one_arch, enum mk_arch *arch)
{
    for (int left_out = 0; left_out < LAB_ARCHS; left_out++) {
        enum mk_arch there = left_out == MK_X64 ? MK_X86 : MK_X64;
        if (!lab_machine_leaves_out(machine, (enum mk_arch)left_out))
            continue;
        if (*one_arch && *arch != there)
            command_refuse("--dll %s: built for %s, and --arch %s was asked for", machine->dll[there],
                           lab_arch_name(there), lab_arch_name(*arch));
        *one_arch = true;
        *arch = there;
    }
}

uint64_t command_seed(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long seed = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0)
        command_refuse("--seed %s: expected a whole number from 0 to 18446744073709551615", text);
    return seed;
}
