/* image_walk.c: see image_walk.h. */
#include "sim/kernel/tests/image_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- memory -------------------------------------------------------------------------------------------- */

static uint64_t load(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

struct level {
    unsigned shift, index_bits;
    bool may_be_large;
};

static const struct level four_levels[] = {{39, 9, false}, {30, 9, true}, {21, 9, true}, {12, 9, false}};
static const struct level two_levels[] = {{22, 10, true}, {12, 10, false}};

bool image_translate(const struct image *image, uint64_t va, uint64_t *pa, uint64_t *entry,
                     uint64_t *page_bytes)
{
    const struct level *levels = image->width == 8 ? four_levels : two_levels;
    const unsigned count = image->width == 8 ? 4 : 2, address_bits = image->width == 8 ? 48 : 32;
    const uint64_t frame = image->width == 8 ? 0x000FFFFFFFFFF000 : 0xFFFFF000;
    uint64_t table = image->cr3;
    if ((int64_t)(va << (64 - address_bits)) >> (64 - address_bits) != (int64_t)va)
        return false;
    for (unsigned i = 0; i < count; i++) {
        uint64_t index = va >> levels[i].shift & ((1u << levels[i].index_bits) - 1);
        assert_true(table + 4096 <= image->ram_bytes);
        *entry = load(image->ram + table + image->width * index, image->width);
        *page_bytes = 1ull << levels[i].shift;
        if ((*entry & 1) == 0)
            return false;
        if (i + 1 == count || (levels[i].may_be_large && (*entry & 0x80) != 0)) {
            *pa = (*entry & frame & ~(*page_bytes - 1)) + (va & (*page_bytes - 1));
            assert_true(*pa < image->ram_bytes);
            return true;
        }
        table = *entry & frame;
    }
    return false;
}

bool image_read(const struct image *image, uint64_t va, void *to, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        uint64_t pa, entry, page_bytes;
        if (!image_translate(image, va + i, &pa, &entry, &page_bytes))
            return false;
        ((uint8_t *)to)[i] = image->ram[pa];
    }
    return true;
}

static uint64_t image_load(const struct image *image, uint64_t va, unsigned bytes)
{
    uint8_t raw[8];
    assert_true(image_read(image, va, raw, bytes));
    return load(raw, bytes);
}

uint64_t image_u64(const struct image *image, uint64_t va)
{
    return image_load(image, va, 8);
}

uint32_t image_u32(const struct image *image, uint64_t va)
{
    return (uint32_t)image_load(image, va, 4);
}

uint16_t image_u16(const struct image *image, uint64_t va)
{
    return (uint16_t)image_load(image, va, 2);
}

uint64_t image_pointer(const struct image *image, uint64_t va)
{
    return image->width == 8 ? image_u64(image, va) : (uint64_t)(int32_t)image_u32(image, va);
}

void image_string(const struct image *image, uint64_t va, char *to)
{
    for (unsigned i = 0; i < 128; i++)
        if ((to[i] = (char)image_load(image, va + i, 1)) == 0)
            return;
    fail();
}

void image_unicode(const struct image *image, uint64_t va, char *to)
{
    unsigned length = image_u16(image, va) / 2u;
    uint64_t buffer = image_pointer(image, va + image->width);
    assert_true(length < 128);
    assert_int_equal(image_u16(image, va + 2), 2 * length + 2);
    for (unsigned i = 0; i <= length; i++)
        to[i] = (char)image_u16(image, buffer + 2 * i);
    assert_int_equal(strlen(to), length);
}

/* ---- modules ------------------------------------------------------------------------------------------- */

uint64_t image_directory(const struct image *image, uint64_t base, uint32_t index, uint32_t *len_bytes)
{
    uint64_t pe = base + image_u32(image, base + 0x3C);
    uint64_t directory = pe + 4 + 20 + (image->width == 8 ? 112 : 96) + 8 * index;
    uint32_t rva = image_u32(image, directory);
    *len_bytes = image_u32(image, directory + 4);
    return rva == 0 ? 0 : base + rva;
}

uint64_t image_symbol(const struct image *image, uint64_t base, uint64_t address, char *to)
{
    uint32_t len_bytes;
    uint64_t best = UINT64_MAX, directory = image_directory(image, base, 0, &len_bytes);
    uint64_t functions = base + image_u32(image, directory + 28),
             names = base + image_u32(image, directory + 32);
    uint64_t ordinals = base + image_u32(image, directory + 36);
    for (uint32_t i = 0; i < image_u32(image, directory + 24); i++) {
        uint64_t at = base + image_u32(image, functions + 4 * image_u16(image, ordinals + 2 * i));
        if (at > address || address - at >= best)
            continue;
        best = address - at;
        image_string(image, base + image_u32(image, names + 4 * i), to);
    }
    return best;
}

/* ---- stacks -------------------------------------------------------------------------------------------- */

/* The unwind info for an address, 0 for a leaf. */
static uint64_t unwind_info(const struct image *image, uint64_t base, uint64_t pc)
{
    uint32_t len_bytes;
    uint64_t table = image_directory(image, base, 3, &len_bytes);
    for (uint64_t row = table; row < table + len_bytes; row += 12)
        if (pc - base >= image_u32(image, row) && pc - base < image_u32(image, row + 4))
            return base + image_u32(image, row + 8);
    return 0;
}

void image_unwind(const struct image *image, uint64_t base, uint64_t *pc, uint64_t *sp)
{
    enum { PUSH_NONVOL = 0, ALLOC_SMALL = 2, PUSH_MACHFRAME = 10 };
    uint64_t info = unwind_info(image, base, *pc);
    uint32_t count = info == 0 ? 0 : image_u32(image, info) >> 16 & 0xFF;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t code = image_u16(image, info + 4 + 2 * i);
        unsigned operation = code >> 8 & 15, argument = code >> 12;
        if (operation == PUSH_MACHFRAME) {
            *pc = image_u64(image, *sp);
            *sp = image_u64(image, *sp + 24);
            return;
        }
        assert_true(operation == PUSH_NONVOL || operation == ALLOC_SMALL);
        *sp += operation == PUSH_NONVOL ? 8 : 8 * argument + 8;
    }
    *pc = image_u64(image, *sp);
    *sp += 8;
}

void image_frame(const struct image *image, uint64_t *pc, uint64_t *frame)
{
    *pc = image_pointer(image, *frame + image->width);
    *frame = image_pointer(image, *frame);
}
