/* sim_pages.h: what a guest has changed of its RAM, for snapshots: the pages that differ from the image. */
#ifndef SIM_PAGES_H
#define SIM_PAGES_H

#include "sim/machine/sim_image.h"

struct sim_pages {
    size_t count;
    size_t *numbers;
    uint8_t *bytes; /* a page for each number */
    /* private */
    size_t number_room, byte_room;
};

/* ram  in  image->ram_bytes that were mapped from the image and written since */
struct sim_pages sim_pages_save(const struct sim_image *image, const uint8_t *ram);

/* ram  in/out  equal to the image, but for pages that are in `pages` too */
void sim_pages_load(const struct sim_pages *pages, uint8_t *ram);

void sim_pages_free(struct sim_pages *pages);

#endif
