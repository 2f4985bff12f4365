/* image_walk.h: looks into an image as a client would that trusts nobody: its own page walk, its own PE
 * reader, its own unwinder, written from nt-image.md and the public formats and sharing no code with the
 * builder. */
#ifndef IMAGE_WALK_H
#define IMAGE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
    const uint8_t *ram;
    uint64_t ram_bytes;
    uint64_t cr3;
    unsigned width; /* 8: amd64, four levels; 4: x86, two levels */
};

/* Returns false when the address is not mapped; *entry is the last entry looked at, *page_bytes
 * the page's size. */
bool image_translate(const struct image *image, uint64_t va, uint64_t *pa, uint64_t *entry,
                     uint64_t *page_bytes);

/* All or nothing. */
bool image_read(const struct image *image, uint64_t va, void *to, size_t len_bytes);

/* These fail the test when the address is not mapped. */
uint64_t image_u64(const struct image *image, uint64_t va);
uint32_t image_u32(const struct image *image, uint64_t va);
uint16_t image_u16(const struct image *image, uint64_t va);

/* A pointer of the machine's width; x86 ones sign-extended. */
uint64_t image_pointer(const struct image *image, uint64_t va);

/* A NUL-terminated string, and the low bytes of a UNICODE_STRING. to has room for 128. */
void image_string(const struct image *image, uint64_t va, char *to);
void image_unicode(const struct image *image, uint64_t va, char *to);

/* The address of data directory number index of the module at base, and its length; 0: it has none. */
uint64_t image_directory(const struct image *image, uint64_t base, uint32_t index, uint32_t *len_bytes);

/* The exported name nearest below address in the module at base; to has room for 128. Returns the distance.
 */
uint64_t image_symbol(const struct image *image, uint64_t base, uint64_t address, char *to);

/* One frame up, by the unwind table of the module at base; what the table has no entry for is a leaf. */
void image_unwind(const struct image *image, uint64_t base, uint64_t *pc, uint64_t *sp);

/* One frame up by frame pointers. */
void image_frame(const struct image *image, uint64_t *pc, uint64_t *frame);

#endif
