/* native_guest.h: for tests of the native machine: an image, and a machine for a guest function of the test's
 * own. */
#ifndef NATIVE_GUEST_H
#define NATIVE_GUEST_H

#include "sim/machine/sim_native.h"
#include <stdio.h>
#include <stdlib.h>

static inline const struct sim_image *guest_image(void)
{
    const struct sim_image *image;
    if (sim_image_get(MK_X64, 1, MK_RAM_BYTES_MIN, &image) != KD_OK) {
        fputs("no image for the test\n", stderr);
        exit(EXIT_FAILURE);
    }
    return image;
}

static inline struct sim_machine *guest_machine(sim_native_entry *entry)
{
    static const struct mk_boot boot = {.arch = MK_X64, .processors = 1, .options = "DEBUGPORT=COM3"};
    return sim_native_create(guest_image(), &boot, entry);
}

static inline struct sim_guest_exit *guest_run(struct sim_machine *machine)
{
    return machine->ops->run(machine);
}

#endif
