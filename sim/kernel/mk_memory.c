/* mk_memory.c: guest memory, walked through the image's own page tables. */
#include "sim/kernel/mk_state.h"

/* How many bytes of RAM lie at pa and behind it without a gap. */
static uint64_t ram_run_bytes(const struct mk_state *state, uint64_t pa)
{
    if (pa < MK_RAM_HOLE_FIRST)
        return MK_RAM_HOLE_FIRST - pa;
    if (pa < MK_RAM_HOLE_END || pa >= state->map->ram_bytes)
        return 0;
    return state->map->ram_bytes - pa;
}

static bool load_entry(const struct mk_state *state, uint64_t pa, uint64_t *entry)
{
    uint32_t entry_bytes = state->layout->paging.entry_bytes;
    if (ram_run_bytes(state, pa) < entry_bytes)
        return false;
    *entry = entry_bytes == 8 ? kd_load_u64(state->ram + pa) : kd_load_u32(state->ram + pa);
    return (*entry & MK_PTE_PRESENT) != 0;
}

/* Bits above address_bits must repeat the highest one; the gap between the two halves is one span. */
static bool canonical(const struct mk_paging_layout *paging, uint64_t address, uint64_t *gap_bytes)
{
    uint64_t half = 1ull << (paging->address_bits - 1);
    *gap_bytes = (0 - half) - address;
    return address < half || address >= 0 - half;
}

bool mk_translate(const struct mk_state *state, uint64_t address, struct mk_translation *translation)
{
    const struct mk_paging_layout *paging = &state->layout->paging;
    const uint8_t *special = state->cpus[state->cpu].special;
    if (!canonical(paging, address, &translation->span_bytes))
        return false;
    uint64_t table = mk_word_load(state->layout, special + state->layout->special.cr3) & paging->frame_mask;
    for (uint32_t level = 0; level < paging->levels; level++) {
        uint64_t page_bytes = 1ull << paging->shift[level];
        uint64_t index = (address >> paging->shift[level]) & ((1ull << paging->index_bits) - 1);
        uint64_t entry;
        translation->span_bytes = page_bytes - (address & (page_bytes - 1));
        if (!load_entry(state, table + index * paging->entry_bytes, &entry))
            return false;
        bool last = level + 1u == paging->levels;
        if (last || (paging->large[level] && (entry & MK_PTE_LARGE) != 0)) {
            translation->pa = (entry & paging->frame_mask & ~(page_bytes - 1)) + (address & (page_bytes - 1));
            return true;
        }
        table = entry & paging->frame_mask;
    }
    return false;
}

/* The RAM at an address, and how much of the transfer it serves: 0 when nothing is there. */
static uint32_t window(const struct mk_state *state, bool physical, uint64_t address, uint32_t left_bytes,
                       uint8_t **at)
{
    struct mk_translation found = {.pa = address, .span_bytes = left_bytes};
    if (!physical && !mk_translate(state, address, &found))
        return 0;
    uint64_t run = ram_run_bytes(state, found.pa);
    if (run == 0)
        return 0;
    if (run > found.span_bytes)
        run = found.span_bytes;
    *at = state->ram + found.pa;
    return run < left_bytes ? (uint32_t)run : left_bytes;
}

/* Exactly one of to and from is given. */
static uint32_t transfer(const struct mk_state *state, bool physical, uint64_t address, uint8_t *to,
                         const uint8_t *from, uint32_t len_bytes)
{
    uint32_t done = 0;
    while (done < len_bytes) {
        uint8_t *at;
        uint32_t part = window(state, physical, address + done, len_bytes - done, &at);
        if (part == 0)
            break;
        if (to)
            kd_copy(to + done, at, part);
        else
            kd_copy(at, from + done, part);
        done += part;
    }
    return done;
}

uint32_t mk_read(const struct mk_state *state, uint64_t address, uint8_t *to, uint32_t len_bytes)
{
    return transfer(state, false, address, to, NULL, len_bytes);
}

uint32_t mk_write(struct mk_state *state, uint64_t address, const uint8_t *from, uint32_t len_bytes)
{
    return transfer(state, false, address, NULL, from, len_bytes);
}

uint32_t mk_read_physical(const struct mk_state *state, uint64_t pa, uint8_t *to, uint32_t len_bytes)
{
    return transfer(state, true, pa, to, NULL, len_bytes);
}

uint32_t mk_write_physical(struct mk_state *state, uint64_t pa, const uint8_t *from, uint32_t len_bytes)
{
    return transfer(state, true, pa, NULL, from, len_bytes);
}
