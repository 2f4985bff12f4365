#include "harness/script/lab_machine.h"
#include "harness/script/lab.h"
#include "sim/machine/guest/guest_layout.h"
#include "sim/machine/guest/guest_pe.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum kd_status refuse(char *why, const char *option, const char *value, const char *what)
{
    snprintf(why, LAB_MACHINE_WHY_BYTES, "%s %s: %s", option, value, what);
    return KD_ERR_ARGUMENT;
}

static void name_machines(char *to, size_t to_bytes)
{
    size_t used = (size_t)snprintf(to, to_bytes, "expected ");
    for (int i = 0; i < SIM_MACHINES && used < to_bytes; i++)
        used += (size_t)snprintf(to + used, to_bytes - used, "%s%s", i == 0 ? "" : " or ",
                                 sim_machine_name((enum sim_machine_kind)i));
}

enum kd_status lab_machine_set(struct lab_machine *machine, const char *name, char *why)
{
    char names[80];
    if (sim_machine_find(name, &machine->kind) == KD_OK)
        return KD_OK;
    name_machines(names, sizeof names);
    return refuse(why, "--machine", name, names);
}

bool lab_machine_is_native(const struct lab_machine *machine)
{
    return machine == NULL || machine->kind == SIM_MACHINE_NATIVE;
}

const char *lab_machine_suffix(const struct lab_machine *machine)
{
    return lab_machine_is_native(machine) ? "" : sim_machine_name(machine->kind);
}

/* The machine type in a PE file's header, 0 when it has none. */
static unsigned machine_type(const struct sim_dll *dll)
{
    const uint8_t *bytes = dll->bytes;
    if (dll->len_bytes < 64 || bytes[0] != 'M' || bytes[1] != 'Z')
        return 0;
    size_t header = (size_t)bytes[60] | (size_t)bytes[61] << 8 | (size_t)bytes[62] << 16 | (size_t)bytes[63] << 24;
    if (header > dll->len_bytes || dll->len_bytes - header < 6 || memcmp(bytes + header, "PE\0", 4) != 0)
        return 0;
    return bytes[header + 4] | (unsigned)bytes[header + 5] << 8;
}

static bool arch_of(const struct sim_dll *dll, enum mk_arch *arch)
{
    enum { TYPE_X64 = 0x8664, TYPE_X86 = 0x014C };
    unsigned type = machine_type(dll);
    *arch = type == TYPE_X86 ? MK_X86 : MK_X64;
    return type == TYPE_X64 || type == TYPE_X86;
}

/* Which of them the kernel exports is the machine's to say. */
static uint64_t any_import(void *context, const char *library, const char *name)
{
    (void)context, (void)library, (void)name;
    return GUEST_KERNEL;
}

/* Loads it once as the machines will. What none of them could load is bad input, and not a module that misbehaves. */
static bool can_be_loaded(const struct sim_dll *dll, enum mk_arch arch, char why[GUEST_PE_WHY_BYTES])
{
    struct guest_pe pe = {.file = dll->bytes,
                          .file_bytes = (uint32_t)dll->len_bytes,
                          .image = aligned_alloc(GUEST_PAGE_BYTES, GUEST_DLL_BYTES_MAX),
                          .image_room = GUEST_DLL_BYTES_MAX,
                          .base = GUEST_DLL,
                          .machine = arch == MK_X64 ? GUEST_PE_X64 : GUEST_PE_X86,
                          .resolve = any_import,
                          .why = "no memory"};
    bool loaded = pe.image != NULL && guest_pe_load(&pe);
    free(pe.image);
    snprintf(why, GUEST_PE_WHY_BYTES, "%s", pe.why);
    return loaded;
}

enum kd_status lab_machine_set_dll(struct lab_machine *machine, const char *path, char *why)
{
    const struct sim_dll *dll;
    const char *what;
    char unloadable[GUEST_PE_WHY_BYTES];
    enum mk_arch arch;
    if (strlen(path) >= LAB_PATH_BYTES)
        return refuse(why, "--dll", path, "the path is too long");
    if (sim_dll_get(path, &dll, &what) != KD_OK)
        return refuse(why, "--dll", path, what);
    if (!arch_of(dll, &arch))
        return refuse(why, "--dll", path, "no PE file for x64 or x86");
    if (!can_be_loaded(dll, arch, unloadable))
        return refuse(why, "--dll", path, unloadable);
    if (machine->given[arch])
        return refuse(why, "--dll", path, "a second DLL for the same architecture");
    machine->given[arch] = true;
    strcpy(machine->dll[arch], path);
    return KD_OK;
}

/* Of the build that this program is of. */
static bool default_dll(char to[LAB_PATH_BYTES], enum mk_arch arch)
{
    char program[PATH_MAX];
    ssize_t used = readlink("/proc/self/exe", program, sizeof program - 1);
    if (used < 0)
        return false;
    program[used] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL)
            return false;
        *slash = 0;
    }
    return snprintf(to, LAB_PATH_BYTES, "%.900s/guest/%s/kdfast.dll", program, lab_arch_name(arch)) < LAB_PATH_BYTES;
}

static enum kd_status find_dll(struct lab_machine *machine, enum mk_arch arch, char *why)
{
    const struct sim_dll *dll;
    const char *what = "the program does not know where it lies";
    if (machine->given[arch])
        return KD_OK;
    if (default_dll(machine->dll[arch], arch) && sim_dll_get(machine->dll[arch], &dll, &what) == KD_OK)
        return KD_OK;
    snprintf(why, LAB_MACHINE_WHY_BYTES, "--machine %s: %s: %s: expected the build's DLL there (make dll), or --dll FILE",
             sim_machine_name(machine->kind), machine->dll[arch], what);
    return KD_ERR_ARGUMENT;
}

enum kd_status lab_machine_ready(struct lab_machine *machine, char *why)
{
    bool given = machine->given[MK_X64] || machine->given[MK_X86];
    const char *missing = sim_machine_missing(machine->kind);
    if (missing != NULL)
        return refuse(why, "--machine", sim_machine_name(machine->kind), missing);
    if (!sim_machine_needs_dll(machine->kind))
        return given ? refuse(why, "--dll", machine->dll[machine->given[MK_X64] ? MK_X64 : MK_X86],
                              "the native machine loads no DLL: expected --machine emu or kvm")
                     : KD_OK;
    for (int arch = 0; arch < LAB_ARCHS; arch++)
        if (!lab_machine_leaves_out(machine, (enum mk_arch)arch) && find_dll(machine, (enum mk_arch)arch, why) != KD_OK)
            return KD_ERR_ARGUMENT;
    return KD_OK;
}

void lab_print_quoted(const char *argument, FILE *to)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%";
    if (argument[0] != 0 && argument[strspn(argument, plain)] == 0) {
        fprintf(to, " %s", argument);
        return;
    }
    fputs(" '", to);
    for (; *argument != 0; argument++)
        fputs(*argument == '\'' ? "'\\''" : (char[]){*argument, 0}, to);
    fputc('\'', to);
}

void lab_machine_print(const struct lab_machine *machine, enum mk_arch arch, FILE *to)
{
    if (lab_machine_is_native(machine))
        return;
    fprintf(to, " --machine %s", sim_machine_name(machine->kind));
    if (!machine->given[arch])
        return;
    fputs(" --dll", to);
    lab_print_quoted(machine->dll[arch], to);
}

bool lab_machine_leaves_out(const struct lab_machine *machine, enum mk_arch arch)
{
    return !machine->given[arch] && machine->given[arch == MK_X64 ? MK_X86 : MK_X64];
}
