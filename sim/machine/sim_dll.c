#include "sim/machine/sim_dll.h"
#include "sim/machine/guest/guest_layout.h"
#include "sim/world/sim_memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct sim_dll *dlls;

/* Returns NULL, or what is wrong. */
static const char *read_file(const char *path, struct sim_dll *dll)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return "no such file, or no way to it";
    if (!S_ISREG(about.st_mode))
        return "no regular file";
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return "cannot be opened";
    dll->bytes = sim_allocate(GUEST_FILE_BYTES_MAX + 1, 1);
    dll->len_bytes = fread(dll->bytes, 1, GUEST_FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        return "cannot be read";
    if (dll->len_bytes == 0)
        return "is empty";
    return dll->len_bytes > GUEST_FILE_BYTES_MAX ? "is larger than 2 MiB" : NULL;
}

enum kd_status sim_dll_get(const char *path, const struct sim_dll **dll, const char **why)
{
    for (*dll = dlls; *dll != NULL; *dll = (*dll)->next)
        if (strcmp((*dll)->path, path) == 0)
            return KD_OK;
    struct sim_dll fresh = {.next = dlls};
    *why = read_file(path, &fresh);
    if (*why != NULL) {
        free(fresh.bytes);
        return KD_ERR_ARGUMENT;
    }
    size_t path_bytes = strlen(path) + 1;
    fresh.path = memcpy(sim_allocate(path_bytes, 1), path, path_bytes);
    struct sim_dll *kept = sim_allocate(1, sizeof *kept);
    *kept = fresh;
    *dll = dlls = kept;
    return KD_OK;
}
