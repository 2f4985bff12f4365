#define _GNU_SOURCE
#include "sim/machine/sim_image.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A cache and nothing else: what it holds is decided by its key alone, so no world can see another through
 * it. */
static const struct sim_image *images;

static const struct sim_image *find(enum mk_arch arch, uint32_t processors, uint64_t ram_bytes)
{
    for (const struct sim_image *image = images; image != NULL; image = image->next)
        if (image->arch == arch && image->processors == processors && image->ram_bytes == ram_bytes)
            return image;
    return NULL;
}

static int zeroed_file(uint64_t bytes)
{
    int fd = memfd_create("fastkd-image", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        sim_host_fail("no memory file for a guest image");
    return fd;
}

static enum kd_status build(struct sim_image *image)
{
    image->fd = zeroed_file(image->ram_bytes);
    void *ram = mmap(NULL, image->ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
    if (ram == MAP_FAILED)
        sim_host_fail("no room for a guest image");
    enum kd_status status =
        mk_image_build(ram, image->ram_bytes, image->arch, image->processors, &image->map);
    munmap(ram, image->ram_bytes);
    return status;
}

enum kd_status sim_image_get(enum mk_arch arch, uint32_t processors, uint64_t ram_bytes,
                             const struct sim_image **image)
{
    *image = find(arch, processors, ram_bytes);
    if (*image != NULL)
        return KD_OK;
    struct sim_image *fresh = sim_allocate(1, sizeof *fresh);
    fresh->arch = arch;
    fresh->processors = processors;
    fresh->ram_bytes = ram_bytes;
    enum kd_status status = build(fresh);
    if (status != KD_OK) {
        close(fresh->fd);
        free(fresh);
        return status;
    }
    fresh->next = images;
    images = fresh;
    *image = fresh;
    return KD_OK;
}
