/* mk_builder.c: pages, tables and small stores for the image builder. */
#include "sim/kernel/mk_builder.h"
#include "transport/kd/kd_bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PA = 0x100000 }; /* behind the hole: low memory stays zero */

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "mk_image: %s\n", what);
    abort();
}

void mk_builder_init(struct mk_builder *builder, uint8_t *ram, uint64_t ram_bytes,
                     const struct mk_layout *layout)
{
    *builder = (struct mk_builder){.ram = ram, .ram_bytes = ram_bytes, .layout = layout, .free_pa = FIRST_PA};
    builder->directory_pa = mk_take(builder, MK_PAGE_BYTES, MK_PAGE_BYTES);
}

void mk_tell(const struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t bytes, const char *what)
{
    const struct mk_image_region region = {va, pa, bytes, builder->pid, what};
    if (builder->tell)
        builder->tell(builder->context, &region);
}

uint64_t mk_take(struct mk_builder *builder, uint64_t bytes, uint64_t align_bytes)
{
    uint64_t pa = (builder->free_pa + align_bytes - 1) & ~(align_bytes - 1);
    if (pa + bytes > builder->ram_bytes)
        broken("the image does not fit into RAM");
    builder->free_pa = pa + bytes;
    return pa;
}

/* ---- tables -------------------------------------------------------------------------------------------- */

static uint8_t *entry_at(const struct mk_builder *builder, uint64_t table_pa, uint64_t va, uint32_t level)
{
    const struct mk_paging_layout *paging = &builder->layout->paging;
    uint64_t index = (va >> paging->shift[level]) & ((1ull << paging->index_bits) - 1);
    return builder->ram + table_pa + index * paging->entry_bytes;
}

static uint64_t entry_load(const struct mk_builder *builder, const uint8_t *entry)
{
    return builder->layout->paging.entry_bytes == 8 ? kd_load_u64(entry) : kd_load_u32(entry);
}

static void entry_store(const struct mk_builder *builder, uint8_t *entry, uint64_t value)
{
    if (builder->layout->paging.entry_bytes == 8)
        kd_store_u64(entry, value);
    else
        kd_store_u32(entry, (uint32_t)value);
}

/* The table that an entry names; made, and open to everything below it, when it is not there yet. */
static uint64_t table_below(struct mk_builder *builder, uint8_t *entry, uint64_t flags)
{
    const uint64_t open = MK_PTE_PRESENT | MK_PTE_WRITE | MK_PTE_ACCESSED;
    uint64_t value = entry_load(builder, entry);
    if ((value & MK_PTE_PRESENT) == 0)
        value = mk_take(builder, MK_PAGE_BYTES, MK_PAGE_BYTES);
    entry_store(builder, entry, value | open | (flags & MK_PTE_USER));
    return value & builder->layout->paging.frame_mask;
}

static void map_at_level(struct mk_builder *builder, uint64_t va, uint64_t value, uint32_t last_level)
{
    uint64_t table = builder->directory_pa;
    for (uint32_t level = 0; level < last_level; level++)
        table = table_below(builder, entry_at(builder, table, va, level), value);
    entry_store(builder, entry_at(builder, table, va, last_level), value);
}

void mk_map_page(struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t flags)
{
    map_at_level(builder, va, pa | flags, builder->layout->paging.levels - 1u);
}

void mk_map_large_page(struct mk_builder *builder, uint64_t va, uint64_t pa, uint64_t flags)
{
    map_at_level(builder, va, pa | flags | MK_PTE_LARGE, builder->layout->paging.levels - 2u);
}

uint64_t mk_large_page_bytes(const struct mk_layout *layout)
{
    return 1ull << layout->paging.shift[layout->paging.levels - 2u];
}

/* Seen through that entry at every level but the last, the top-level table is a page like another. */
void mk_map_tables(struct mk_builder *builder, uint64_t va)
{
    const uint64_t flags = MK_PTE_PRESENT | MK_PTE_WRITE | MK_PTE_ACCESSED | MK_PTE_DIRTY;
    const struct mk_paging_layout *paging = &builder->layout->paging;
    const uint64_t index = (va >> paging->shift[0]) & ((1ull << paging->index_bits) - 1);
    uint64_t top = va;
    for (uint32_t level = 1; level < paging->levels; level++)
        top += index << paging->shift[level];
    entry_store(builder, entry_at(builder, builder->directory_pa, va, 0), builder->directory_pa | flags);
    mk_tell(builder, top, builder->directory_pa, MK_PAGE_BYTES, "top-level page table");
}

uint64_t mk_region(struct mk_builder *builder, uint64_t va, uint64_t bytes, uint64_t flags, const char *what)
{
    uint64_t pa = mk_take(builder, bytes, MK_PAGE_BYTES);
    for (uint64_t offset = 0; offset < bytes; offset += MK_PAGE_BYTES)
        mk_map_page(builder, va + offset, pa + offset, flags);
    mk_tell(builder, va, pa, bytes, what);
    return va;
}

uint64_t mk_space_create(struct mk_builder *builder)
{
    const uint64_t half = MK_PAGE_BYTES / 2;
    uint64_t kernel = builder->directory_pa, space = mk_take(builder, MK_PAGE_BYTES, MK_PAGE_BYTES);
    memcpy(builder->ram + space + half, builder->ram + kernel + half, half);
    return space;
}

void mk_space_enter(struct mk_builder *builder, uint64_t directory_pa, uint32_t pid)
{
    builder->directory_pa = directory_pa;
    builder->pid = pid;
}

/* ---- by virtual address -------------------------------------------------------------------------------- */

static uint64_t translate(const struct mk_builder *builder, uint64_t va)
{
    const struct mk_paging_layout *paging = &builder->layout->paging;
    uint64_t table = builder->directory_pa;
    for (uint32_t level = 0;; level++) {
        uint64_t value = entry_load(builder, entry_at(builder, table, va, level));
        uint64_t page_bytes = 1ull << paging->shift[level];
        if ((value & MK_PTE_PRESENT) == 0)
            broken("a store to a page that is not mapped");
        if (level + 1u == paging->levels || (value & MK_PTE_LARGE) != 0)
            return (value & paging->frame_mask & ~(page_bytes - 1)) + (va & (page_bytes - 1));
        table = value & paging->frame_mask;
    }
}

uint64_t mk_pa(const struct mk_builder *builder, uint64_t va)
{
    return translate(builder, va);
}

uint8_t *mk_at(const struct mk_builder *builder, uint64_t va, uint64_t bytes)
{
    uint64_t first = translate(builder, va);
    if (bytes > 0 && translate(builder, va + bytes - 1) != first + bytes - 1)
        broken("a store across regions");
    return builder->ram + first;
}

void mk_put_16(const struct mk_builder *builder, uint64_t va, uint16_t value)
{
    kd_store_u16(mk_at(builder, va, 2), value);
}

void mk_put_32(const struct mk_builder *builder, uint64_t va, uint32_t value)
{
    kd_store_u32(mk_at(builder, va, 4), value);
}

void mk_put_64(const struct mk_builder *builder, uint64_t va, uint64_t value)
{
    kd_store_u64(mk_at(builder, va, 8), value);
}

void mk_put_pointer(const struct mk_builder *builder, uint64_t va, uint64_t value)
{
    if (builder->layout->pointer_bytes == 8)
        mk_put_64(builder, va, value);
    else
        mk_put_32(builder, va, (uint32_t)value);
}

void mk_put_bytes(const struct mk_builder *builder, uint64_t va, const void *bytes, size_t len_bytes)
{
    memcpy(mk_at(builder, va, len_bytes), bytes, len_bytes);
}

uint64_t mk_area_take(struct mk_area *area, uint64_t bytes, uint64_t align_bytes)
{
    uint64_t va = (area->next + align_bytes - 1) & ~(align_bytes - 1);
    if (va + bytes > area->end)
        broken("an area is full");
    area->next = va + bytes;
    return va;
}

/* ---- lists and strings --------------------------------------------------------------------------------- */

static uint64_t load_pointer(const struct mk_builder *builder, uint64_t va)
{
    uint8_t width = builder->layout->pointer_bytes;
    const uint8_t *at = mk_at(builder, va, width);
    return width == 8 ? kd_load_u64(at) : kd_load_u32(at);
}

void mk_list_init(const struct mk_builder *builder, uint64_t head)
{
    mk_put_pointer(builder, head, head);
    mk_put_pointer(builder, head + builder->layout->pointer_bytes, head);
}

void mk_list_append(const struct mk_builder *builder, uint64_t head, uint64_t entry)
{
    uint8_t width = builder->layout->pointer_bytes;
    uint64_t last = load_pointer(builder, head + width);
    mk_put_pointer(builder, entry, head);
    mk_put_pointer(builder, entry + width, last);
    mk_put_pointer(builder, last, entry);
    mk_put_pointer(builder, head + width, entry);
}

void mk_unicode_string(const struct mk_builder *builder, struct mk_area *area, uint64_t va, const char *text)
{
    uint64_t length = 2 * strlen(text);
    uint64_t buffer = mk_area_take(area, length + 2, 2);
    for (uint64_t i = 0; text[i] != 0; i++)
        mk_put_16(builder, buffer + 2 * i, (uint8_t)text[i]);
    mk_put_16(builder, va, (uint16_t)length);
    mk_put_16(builder, va + 2, (uint16_t)(length + 2));
    mk_put_pointer(builder, va + builder->layout->pointer_bytes, buffer);
}
