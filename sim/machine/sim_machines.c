#include "sim/machine/sim_machines.h"
#include "sim/machine/sim_emu.h"
#include "sim/machine/sim_kvm.h"
#include "sim/machine/sim_native.h"
#include <string.h>

static struct sim_machine *create_native(const struct sim_image *image, const struct mk_boot *boot,
                                         const struct sim_dll *dll)
{
    (void)dll;
    return sim_native_create(image, boot, mk_main);
}

static struct sim_machine *create_kvm(const struct sim_image *image, const struct mk_boot *boot,
                                      const struct sim_dll *dll)
{
    return sim_kvm_create(image, boot, dll, image->arch == MK_X86 ? KVM_CPU_X86 : KVM_CPU_X64);
}

static const struct {
    const char *name;
    bool needs_dll;
    const char *(*missing)(void); /* NULL: every host has it */
    struct sim_machine *(*create)(const struct sim_image *image, const struct mk_boot *boot,
                                  const struct sim_dll *dll);
} machines[SIM_MACHINES] = {
    [SIM_MACHINE_NATIVE] = {"native", false, NULL, create_native},
    [SIM_MACHINE_EMU] = {"emu", true, NULL, sim_emu_create},
    [SIM_MACHINE_KVM] = {"kvm", true, sim_kvm_missing, create_kvm},
};

const char *sim_machine_name(enum sim_machine_kind kind)
{
    return machines[kind].name;
}

enum kd_status sim_machine_find(const char *name, enum sim_machine_kind *kind)
{
    for (int i = 0; i < SIM_MACHINES; i++) {
        if (strcmp(machines[i].name, name) != 0)
            continue;
        *kind = (enum sim_machine_kind)i;
        return KD_OK;
    }
    return KD_ERR_ARGUMENT;
}

const char *sim_machine_missing(enum sim_machine_kind kind)
{
    return machines[kind].missing == NULL ? NULL : machines[kind].missing();
}

bool sim_machine_needs_dll(enum sim_machine_kind kind)
{
    return machines[kind].needs_dll;
}

struct sim_machine *sim_machine_create(enum sim_machine_kind kind, const struct sim_image *image,
                                       const struct mk_boot *boot, const struct sim_dll *dll)
{
    return machines[kind].create(image, boot, dll);
}
