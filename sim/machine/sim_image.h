/* sim_image.h: guest RAM as it is at power-on, built once per configuration and shared copy-on-write.
 *
 * Building an image takes milliseconds and a swarm boots thousands of VMs, so images are kept for the life of
 * the process. They are never written after they were built. */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include "sim/kernel/mk_image.h"

struct sim_image {
    enum mk_arch arch;
    uint32_t processors;
    uint64_t ram_bytes;
    struct mk_map map;
    int fd; /* a memory file of ram_bytes, to be mapped MAP_PRIVATE */
    const struct sim_image *next;
};

/* Finds or builds an image.
 * Returns  KD_OK; KD_ERR_ARGUMENT: mk_image_build cannot build such a one */
KD_MUST_USE enum kd_status sim_image_get(enum mk_arch arch, uint32_t processors, uint64_t ram_bytes,
                                         const struct sim_image **image);

#endif
