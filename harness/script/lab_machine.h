/* lab_machine.h: which machine labs run their guest on, and which DLL that machine loads. One choice for a command and all
 * the labs it makes. */
#ifndef LAB_MACHINE_H
#define LAB_MACHINE_H

#include "sim/machine/sim_machines.h"
#include <stdio.h>

enum { LAB_ARCHS = 2, LAB_PATH_BYTES = 1024, LAB_MACHINE_WHY_BYTES = LAB_PATH_BYTES + 200 };

/* All zero: the native machine. */
struct lab_machine {
    enum sim_machine_kind kind;
    bool given[LAB_ARCHS];                /* dll was chosen with --dll */
    char dll[LAB_ARCHS][LAB_PATH_BYTES]; /* by enum mk_arch */
};

/* What --help says of the two options. */
#define LAB_MACHINE_HELP \
    "native (the module as a library), emu (its DLL's own bytes, emulated), kvm (the same on real VM exits); default native"
#define LAB_DLL_HELP                                                                                                  \
    "The module to run: any DLL with the ABI of kdfast.dll, on the architecture it is built for; once for each. Default: "  \
    "the build's own"

/* NULL is native too. The suffix is the machine's name, or nothing where it is native. */
bool lab_machine_is_native(const struct lab_machine *machine);
const char *lab_machine_suffix(const struct lab_machine *machine);

/* --machine NAME.
 * why      out  LAB_MACHINE_WHY_BYTES, on error: one line
 * Returns  KD_OK; KD_ERR_ARGUMENT: no machine has that name */
KD_MUST_USE enum kd_status lab_machine_set(struct lab_machine *machine, const char *name, char *why);

/* --dll FILE. The file's header says which architecture it is for.
 * Returns  KD_OK; KD_ERR_ARGUMENT: cannot be read, is no DLL for x64 or x86, or cannot be loaded */
KD_MUST_USE enum kd_status lab_machine_set_dll(struct lab_machine *machine, const char *path, char *why);

/* Once all options were read: fills in the build's own DLLs, which lie at ../guest beside the program's folder.
 * Returns  KD_OK; KD_ERR_ARGUMENT: no such machine on this host, a DLL for one that loads none, or no DLL to be found */
KD_MUST_USE enum kd_status lab_machine_ready(struct lab_machine *machine, char *why);

/* The two options as a command line takes them, each with a blank before it; nothing for the native machine. And any
 * argument, with a blank before it, as a shell takes it back. */
void lab_machine_print(const struct lab_machine *machine, enum mk_arch arch, FILE *to);
void lab_print_quoted(const char *argument, FILE *to);

/* Whether --dll leaves an architecture out: it was given, but not for this one. */
bool lab_machine_leaves_out(const struct lab_machine *machine, enum mk_arch arch);

#endif
