/* mk_builder.h: the image under construction: physical pages are taken, mapped, and written by virtual
 * address. Private to the image builder; host code. */
#ifndef MK_BUILDER_H
#define MK_BUILDER_H

#include "sim/kernel/mk_image.h"
#include "sim/kernel/mk_layout.h"

struct mk_builder {
    uint8_t *ram;
    uint64_t ram_bytes;
    const struct mk_layout *layout;
    uint64_t free_pa;         /* everything from here on is free */
    uint64_t directory_pa;    /* of the address space that is being written */
    uint32_t pid;             /* whose that is; 0: the kernel's own */
    mk_image_region_fn *tell; /* about each region; NULL: nobody wants to know */
    void *context;
};

enum {
    MK_KERNEL_PAGE = MK_PTE_PRESENT | MK_PTE_WRITE | MK_PTE_ACCESSED | MK_PTE_DIRTY | MK_PTE_GLOBAL,
    MK_USER_PAGE = MK_PTE_PRESENT | MK_PTE_USER | MK_PTE_ACCESSED,
    MK_USER_DATA = MK_USER_PAGE | MK_PTE_WRITE | MK_PTE_DIRTY,
};

/* Starts with an empty top-level table. */
void mk_builder_init(struct mk_builder *builder, uint8_t *ram, uint64_t ram_bytes,
                     const struct mk_layout *layout);

/* Takes zeroed physical memory; bytes and align are multiples of the page. The image is far smaller than the
 * least RAM: running out is a mistake in the builder, and ends the program. */
uint64_t mk_take(struct mk_builder *builder, uint64_t bytes, uint64_t align_bytes);

/* Writes the entry that maps va; tables above it are made as needed. flags without PRESENT make an entry that
 * is not present and has the frame number all the same. */
void mk_map_page(struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t flags);
void mk_map_large_page(struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t flags);
uint64_t mk_large_page_bytes(const struct mk_layout *layout);

/* The top-level entry that maps the tables themselves. */
void mk_map_tables(struct mk_builder *builder, uint64_t va);

/* Takes and maps fresh pages at va, and tells of them; returns va. */
uint64_t mk_region(struct mk_builder *builder, uint64_t va, uint64_t bytes, uint64_t flags, const char *what);
void mk_tell(const struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t bytes, const char *what);

/* The top-level table of a process: the kernel's half is shared, so all of it must have its entries by now,
 * but for the one that maps the tables themselves. Written is what mk_space_enter was last given. */
uint64_t mk_space_create(struct mk_builder *builder);
void mk_space_enter(struct mk_builder *builder, uint64_t directory_pa, uint32_t pid);

/* Where the host finds the bytes at va, of which bytes must lie in one region. */
uint8_t *mk_at(const struct mk_builder *builder, uint64_t va, uint64_t bytes);

uint64_t mk_pa(const struct mk_builder *builder, uint64_t va);

void mk_put_16(const struct mk_builder *builder, uint64_t va, uint16_t value);
void mk_put_32(const struct mk_builder *builder, uint64_t va, uint32_t value);
void mk_put_64(const struct mk_builder *builder, uint64_t va, uint64_t value);
void mk_put_pointer(const struct mk_builder *builder, uint64_t va, uint64_t value);
void mk_put_bytes(const struct mk_builder *builder, uint64_t va, const void *bytes, size_t len_bytes);

/* Memory inside a region, given out piece by piece. */
struct mk_area {
    uint64_t next;
    uint64_t end;
};
uint64_t mk_area_take(struct mk_area *area, uint64_t bytes, uint64_t align_bytes);

/* A LIST_ENTRY: an empty list at head, and an entry added at its end. */
void mk_list_init(const struct mk_builder *builder, uint64_t head);
void mk_list_append(const struct mk_builder *builder, uint64_t head, uint64_t entry);

/* A UNICODE_STRING at va whose characters, with a terminator, are taken from area. */
void mk_unicode_string(const struct mk_builder *builder, struct mk_area *area, uint64_t va, const char *text);

#endif
