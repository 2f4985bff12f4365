/* sim_dll.h: a module under test, read once per path and kept for the life of the process. */
#ifndef SIM_DLL_H
#define SIM_DLL_H

#include "transport/kd/kd_status.h"
#include <stddef.h>
#include <stdint.h>

struct sim_dll {
    char *path;
    uint8_t *bytes;
    size_t len_bytes;
    const struct sim_dll *next;
};

/* Nothing is looked at but the length: what is in it is the loader's business.
 * Returns  KD_OK; KD_ERR_ARGUMENT: no such file, not readable, empty, or larger than the guest's room for it
 * (2 MiB); *why says so in words */
KD_MUST_USE enum kd_status sim_dll_get(const char *path, const struct sim_dll **dll, const char **why);

#endif
