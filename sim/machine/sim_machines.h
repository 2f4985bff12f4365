/* sim_machines.h: the machines there are, by name. */
#ifndef SIM_MACHINES_H
#define SIM_MACHINES_H

#include "sim/machine/sim_dll.h"
#include "sim/machine/sim_image.h"
#include "sim/machine/sim_machine.h"

enum sim_machine_kind {
    SIM_MACHINE_NATIVE, /* the module as a static library */
    SIM_MACHINE_EMU,    /* a DLL's bytes on Unicorn */
    SIM_MACHINE_KVM,    /* a DLL's bytes on /dev/kvm; not on every host */
    SIM_MACHINES
};

const char *sim_machine_name(enum sim_machine_kind kind);

/* Returns KD_OK; KD_ERR_ARGUMENT: no machine has the name */
KD_MUST_USE enum kd_status sim_machine_find(const char *name, enum sim_machine_kind *kind);

/* Why this host has no such machine, in words; NULL: it has. */
const char *sim_machine_missing(enum sim_machine_kind kind);

/* Whether it runs a DLL, and has its guest in an address space of its own. */
bool sim_machine_needs_dll(enum sim_machine_kind kind);

/* image, dll  in  must outlive the process; dll is for those that need one
 * Returns a machine that was reset; never NULL */
struct sim_machine *sim_machine_create(enum sim_machine_kind kind, const struct sim_image *image,
                                       const struct mk_boot *boot, const struct sim_dll *dll);

#endif
