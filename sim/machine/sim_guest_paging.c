/* sim_guest_paging.c: page tables of the guest's address space: linear is physical, but for the alias.
 *
 * x64 has four levels, x86 two without PAE, where nothing can be kept from being executed. RAM is in large
 * pages; of a last one that is longer than RAM the rest is no memory. */
#include "sim/machine/sim_guest_private.h"
#include "transport/kd/kd_bytes.h"
#include <string.h>

/* User: a machine may run the guest in ring 3, where all of it is the guest's as well. */
enum { PRESENT = 0x01, WRITE = 0x02, USER = 0x04, ACCESSED = 0x20, DIRTY = 0x40, LARGE = 0x80 };
#define NO_EXECUTE ((uint64_t)1 << 63)

struct paging {
    uint8_t *region;
    uint32_t next; /* the first page of the part that is no table yet */
    unsigned levels, index_bits, entry_bytes;
};

static uint8_t *entry_at(const struct paging *paging, uint32_t table, unsigned level, uint64_t address)
{
    unsigned shift = 12 + (level - 1) * paging->index_bits;
    uint64_t index = address >> shift & ((1u << paging->index_bits) - 1u);
    return paging->region + (table - GUEST_REGION) + index * paging->entry_bytes;
}

static uint64_t load(const struct paging *paging, const uint8_t *entry)
{
    return paging->entry_bytes == 8 ? kd_load_u64(entry) : kd_load_u32(entry);
}

static void store(const struct paging *paging, uint8_t *entry, uint64_t value)
{
    if (paging->entry_bytes == 8)
        kd_store_u64(entry, value);
    else
        kd_store_u32(entry, (uint32_t)value);
}

static uint32_t take_table(struct paging *paging)
{
    uint32_t table = paging->next;
    paging->next += GUEST_PAGE_BYTES;
    return table;
}

/* Level 1 is a page, level 2 a large one. */
static void map(struct paging *paging, uint32_t root, uint64_t linear, uint64_t entry_value,
                unsigned at_level)
{
    uint32_t table = root;
    for (unsigned level = paging->levels; level > at_level; level--) {
        uint8_t *entry = entry_at(paging, table, level, linear);
        if (load(paging, entry) == 0)
            store(paging, entry, take_table(paging) | PRESENT | WRITE | USER | ACCESSED);
        table = (uint32_t)load(paging, entry) & ~(uint32_t)(GUEST_PAGE_BYTES - 1);
    }
    store(paging, entry_at(paging, table, at_level, linear), entry_value | PRESENT | USER | ACCESSED | DIRTY);
}

static void map_part(struct paging *paging, uint32_t root, const struct sim_guest_part *part)
{
    uint64_t rights = (part->write ? WRITE : 0) | (part->execute ? 0 : NO_EXECUTE);
    for (uint32_t at = 0; at < part->bytes; at += GUEST_PAGE_BYTES)
        map(paging, root, part->address + at, (part->address + at) | rights, 1);
}

static void map_ram(struct paging *paging, uint32_t root, uint64_t ram_bytes)
{
    uint64_t large_bytes = (uint64_t)GUEST_PAGE_BYTES << paging->index_bits;
    for (uint64_t at = 0; at < ram_bytes; at += large_bytes)
        map(paging, root, GUEST_RAM + at, (GUEST_RAM + at) | WRITE | LARGE | NO_EXECUTE, 2);
}

void sim_guest_build_paging(struct sim_guest *guest)
{
    bool x64 = guest->image->arch == MK_X64;
    struct paging paging = {.region = guest->region,
                            .next = GUEST_PAGING,
                            .levels = x64 ? 4 : 2,
                            .index_bits = x64 ? 9 : 10,
                            .entry_bytes = x64 ? 8 : 4};
    uint64_t alias = sim_guest_alias(guest);
    memset(guest->region + (GUEST_PAGING - GUEST_REGION), 0, GUEST_PAGING_BYTES);
    guest->page_table = take_table(&paging);
    for (unsigned i = 0; i < guest->part_count; i++)
        map_part(&paging, guest->page_table, &guest->parts[i]);
    map_ram(&paging, guest->page_table, guest->image->ram_bytes);
    map(&paging, guest->page_table, alias,
        (GUEST_RAM + guest->image->map.shared_data_pa) | WRITE | NO_EXECUTE, 1);
    map(&paging, guest->page_table, alias + GUEST_PAGE_BYTES, GUEST_BOOT | NO_EXECUTE, 1);
}
