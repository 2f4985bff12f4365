#include "sim/machine/sim_pages.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };

static void keep(struct sim_pages *pages, size_t number, const uint8_t *page)
{
    pages->numbers = sim_grow(pages->numbers, &pages->number_room, pages->count + 1, sizeof *pages->numbers);
    pages->bytes = sim_grow(pages->bytes, &pages->byte_room, pages->count + 1, PAGE_BYTES);
    pages->numbers[pages->count] = number;
    memcpy(pages->bytes + pages->count * PAGE_BYTES, page, PAGE_BYTES);
    pages->count++;
}

struct sim_pages sim_pages_save(const struct sim_image *image, const uint8_t *ram)
{
    struct sim_pages pages = {.count = 0};
    uint8_t *was = mmap(NULL, image->ram_bytes, PROT_READ, MAP_SHARED, image->fd, 0);
    if (was == MAP_FAILED)
        sim_host_fail("no room to compare a guest's RAM with its image");
    for (size_t number = 0; number < image->ram_bytes / PAGE_BYTES; number++) {
        size_t at = number * PAGE_BYTES;
        if (memcmp(ram + at, was + at, PAGE_BYTES) != 0)
            keep(&pages, number, ram + at);
    }
    munmap(was, image->ram_bytes);
    return pages;
}

void sim_pages_load(const struct sim_pages *pages, uint8_t *ram)
{
    for (size_t i = 0; i < pages->count; i++)
        memcpy(ram + pages->numbers[i] * PAGE_BYTES, pages->bytes + i * PAGE_BYTES, PAGE_BYTES);
}

void sim_pages_free(struct sim_pages *pages)
{
    free(pages->numbers);
    free(pages->bytes);
    *pages = (struct sim_pages){.count = 0};
}
