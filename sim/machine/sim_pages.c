#define _GNU_SOURCE
#include "sim/machine/sim_pages.h"
#include "sim/machine/sim_host.h"
#include "sim/world/sim_memory.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };

/* Pages that are still the image's own need not be compared: to touch them all costs as much as half of a short world.
 * The host's page tables say which they are (proc(5), pagemap: bit 61, a page of a file; 62 and 63, swapped and
 * present). Where the host does not say all are compared; what is kept is the same. */
enum { PAGEMAP_BATCH = 512 };

struct pagemap {
    int fd; /* negative: the host does not say */
    size_t first, count;
    uint64_t entries[PAGEMAP_BATCH];
};

static bool is_unwritten(uint64_t entry)
{
    return (entry >> 62 & 3) == 0 || (entry >> 61 & 1) != 0;
}

static bool may_differ(struct pagemap *map, const uint8_t *ram, size_t number)
{
    if (map->fd >= 0 && number >= map->first + map->count) {
        size_t at = ((uintptr_t)ram / PAGE_BYTES + number) * sizeof *map->entries;
        ssize_t got = pread(map->fd, map->entries, sizeof map->entries, (off_t)at);
        map->first = number;
        map->count = got > 0 ? (size_t)got / sizeof *map->entries : 0;
    }
    bool known = map->fd >= 0 && number - map->first < map->count;
    return !known || !is_unwritten(map->entries[number - map->first]);
}

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
    struct pagemap map = {.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
    uint8_t *was = mmap(NULL, image->ram_bytes, PROT_READ, MAP_SHARED, image->fd, 0);
    if (was == MAP_FAILED)
        sim_host_fail("no room to compare a guest's RAM with its image");
    for (size_t number = 0; number < image->ram_bytes / PAGE_BYTES; number++) {
        size_t at = number * PAGE_BYTES;
        if (may_differ(&map, ram, number) && memcmp(ram + at, was + at, PAGE_BYTES) != 0)
            keep(&pages, number, ram + at);
    }
    munmap(was, image->ram_bytes);
    if (map.fd >= 0)
        close(map.fd);
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
