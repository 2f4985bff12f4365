#include "sim/machine/guest/guest_pe.h"
#include "transport/kd/kd_bytes.h"

/* Offsets and limits of the PE format. */
enum {
    DOS_BYTES = 64,
    DOS_NEW_HEADER = 60,
    FILE_HEADER = 4, /* behind "PE\0\0" */
    FILE_HEADER_BYTES = 20,
    FILE_MACHINE = 0,
    FILE_SECTIONS = 2,
    FILE_OPTIONAL_BYTES = 16,
    FILE_FLAGS = 18,
    FLAG_FIXED = 0x0001, /* relocations were taken away; without the flag there may be none to apply */
    SECTION_BYTES = 40,
    SECTIONS_MAX = 96,
    PAGE = 4096,

    OPTIONAL_ENTRY = 16,
    OPTIONAL_BASE_X86 = 28,
    OPTIONAL_BASE_X64 = 24,
    OPTIONAL_SECTION_ALIGNMENT = 32,
    OPTIONAL_IMAGE_BYTES = 56,
    OPTIONAL_HEADER_BYTES = 60,
    DIRECTORY_BYTES = 8,
    DIRECTORIES_MAX = 16,

    SECTION_VIRTUAL_BYTES = 8,
    SECTION_OFFSET = 12,
    SECTION_RAW_BYTES = 16,
    SECTION_RAW = 20,
    SECTION_FLAGS = 36,
};
#define SECTION_EXECUTE 0x20000000u
#define SECTION_READ    0x40000000u
#define SECTION_WRITE   0x80000000u

enum directory { EXPORTS = 0, IMPORTS = 1, RELOCATIONS = 5 };
struct span {
    uint32_t offset, bytes;
};

/* ---- saying why ---------------------------------------------------------------------------------------- */

static uint32_t append(char *to, uint32_t used, const char *text)
{
    while (*text != 0 && used + 1 < GUEST_PE_WHY_BYTES)
        to[used++] = *text++;
    to[used] = 0;
    return used;
}

static bool refuse(struct guest_pe *pe, const char *why)
{
    append(pe->why, 0, why);
    return false;
}

static bool refuse_import(struct guest_pe *pe, const char *library, const char *name)
{
    uint32_t used = append(pe->why, 0, "imports ");
    used = append(pe->why, used, name);
    used = append(pe->why, used, " from ");
    used = append(pe->why, used, library);
    append(pe->why, used, ", which the kernel does not export");
    return false;
}

/* ---- headers ------------------------------------------------------------------------------------------- */

static bool inside(uint32_t offset, uint64_t bytes, uint32_t limit)
{
    return offset <= limit && bytes <= limit - offset;
}

static bool is_64(const struct guest_pe *pe)
{
    return pe->machine == GUEST_PE_X64;
}

static uint32_t word_bytes(const struct guest_pe *pe)
{
    return is_64(pe) ? 8 : 4;
}

static bool find_headers(struct guest_pe *pe)
{
    const uint8_t *file = pe->file;
    if (pe->file_bytes < DOS_BYTES || kd_load_u16(file) != 0x5A4D)
        return refuse(pe, "no DOS header: this is no PE file");
    uint32_t new_header = kd_load_u32(file + DOS_NEW_HEADER);
    if (!inside(new_header, FILE_HEADER + FILE_HEADER_BYTES, pe->file_bytes))
        return refuse(pe, "the file ends before its PE header");
    if (kd_load_u32(file + new_header) != 0x00004550)
        return refuse(pe, "no PE signature");
    const uint8_t *header = file + new_header + FILE_HEADER;
    if (kd_load_u16(header + FILE_MACHINE) != pe->machine)
        return refuse(pe, is_64(pe) ? "not built for x64" : "not built for x86");
    pe->section_count = kd_load_u16(header + FILE_SECTIONS);
    pe->optional = new_header + FILE_HEADER + FILE_HEADER_BYTES;
    pe->sections = pe->optional + kd_load_u16(header + FILE_OPTIONAL_BYTES);
    if (pe->section_count == 0 || pe->section_count > SECTIONS_MAX)
        return refuse(pe, "the number of sections is not 1 to 96");
    if (!inside(pe->sections, (uint64_t)pe->section_count * SECTION_BYTES, pe->file_bytes))
        return refuse(pe, "the file ends before its section headers");
    return true;
}

static bool read_optional(struct guest_pe *pe)
{
    uint32_t bytes = pe->sections - pe->optional, fixed = is_64(pe) ? 112 : 96;
    const uint8_t *header = pe->file + pe->optional;
    if (bytes < fixed || kd_load_u16(header) != (is_64(pe) ? 0x20B : 0x10B))
        return refuse(pe, "the optional header is none of this machine's");
    pe->directories = kd_load_u32(header + fixed - 4);
    if (pe->directories > DIRECTORIES_MAX || pe->directories * DIRECTORY_BYTES > bytes - fixed)
        return refuse(pe, "more data directories than the optional header has room for");
    pe->image_bytes = kd_load_u32(header + OPTIONAL_IMAGE_BYTES);
    pe->entry = kd_load_u32(header + OPTIONAL_ENTRY);
    if (kd_load_u32(header + OPTIONAL_SECTION_ALIGNMENT) < PAGE)
        return refuse(pe, "sections are not aligned to pages");
    if (pe->image_bytes > pe->image_room)
        return refuse(pe, "the image is larger than the room for it");
    if (pe->entry >= pe->image_bytes && pe->entry != 0)
        return refuse(pe, "the entry point lies outside the image");
    return true;
}

static struct span directory(const struct guest_pe *pe, enum directory which)
{
    uint32_t at = pe->optional + (is_64(pe) ? 112u : 96u) + (uint32_t)which * DIRECTORY_BYTES;
    if ((uint32_t)which >= pe->directories)
        return (struct span){0, 0};
    return (struct span){kd_load_u32(pe->file + at), kd_load_u32(pe->file + at + 4)};
}

/* ---- mapping ------------------------------------------------------------------------------------------- */

/* memset and memcpy: string instructions in the guest (guest_memory.c), the library's on the host. */
static bool copy_headers(struct guest_pe *pe)
{
    uint32_t bytes = kd_load_u32(pe->file + pe->optional + OPTIONAL_HEADER_BYTES);
    if (bytes > pe->file_bytes || bytes > pe->image_bytes ||
        pe->sections + pe->section_count * SECTION_BYTES > bytes)
        return refuse(pe, "the size of the headers is wrong");
    __builtin_memset(pe->image, 0, pe->image_bytes);
    __builtin_memcpy(pe->image, pe->file, bytes);
    return true;
}

static bool copy_section(struct guest_pe *pe, const uint8_t *section, uint32_t *end)
{
    uint32_t offset = kd_load_u32(section + SECTION_OFFSET);
    uint32_t bytes = kd_load_u32(section + SECTION_VIRTUAL_BYTES);
    uint32_t raw = kd_load_u32(section + SECTION_RAW);
    uint32_t raw_bytes = kd_load_u32(section + SECTION_RAW_BYTES);
    if (bytes == 0)
        bytes = raw_bytes;
    if (offset % PAGE != 0 || offset < *end || !inside(offset, bytes, pe->image_bytes))
        return refuse(pe, "a section lies outside the image or over another one");
    if (raw_bytes > bytes)
        raw_bytes = bytes;
    if (!inside(raw, raw_bytes, pe->file_bytes))
        return refuse(pe, "the file ends within a section");
    __builtin_memcpy(pe->image + offset, pe->file + raw, raw_bytes);
    *end = offset + bytes;
    return true;
}

static bool copy_sections(struct guest_pe *pe)
{
    uint32_t end = kd_load_u32(pe->file + pe->optional + OPTIONAL_HEADER_BYTES);
    for (uint32_t i = 0; i < pe->section_count; i++)
        if (!copy_section(pe, pe->file + pe->sections + i * SECTION_BYTES, &end))
            return false;
    return true;
}

/* ---- relocations --------------------------------------------------------------------------------------- */

static bool relocate(struct guest_pe *pe, uint32_t at, uint16_t type, uint64_t delta)
{
    enum { ABSOLUTE = 0, HIGHLOW = 3, DIR64 = 10 };
    if (type == ABSOLUTE)
        return true;
    if (type != (is_64(pe) ? DIR64 : HIGHLOW) && type != HIGHLOW)
        return refuse(pe, "a relocation of an unknown kind");
    if (!inside(at, type == DIR64 ? 8 : 4, pe->image_bytes))
        return refuse(pe, "a relocation outside the image");
    if (type == DIR64)
        kd_store_u64(pe->image + at, kd_load_u64(pe->image + at) + delta);
    else
        kd_store_u32(pe->image + at, kd_load_u32(pe->image + at) + (uint32_t)delta);
    return true;
}

static bool relocate_block(struct guest_pe *pe, struct span block, uint64_t delta)
{
    uint32_t page = kd_load_u32(pe->image + block.offset);
    if (page >= pe->image_bytes)
        return refuse(pe, "a relocation outside the image");
    for (uint32_t i = 8; i + 2 <= block.bytes; i += 2) {
        uint16_t entry = kd_load_u16(pe->image + block.offset + i);
        if (!relocate(pe, page + (entry & 0xFFFu), entry >> 12, delta))
            return false;
    }
    return true;
}

static bool apply_relocations(struct guest_pe *pe)
{
    const uint8_t *header = pe->file + pe->optional;
    uint64_t wanted =
        is_64(pe) ? kd_load_u64(header + OPTIONAL_BASE_X64) : kd_load_u32(header + OPTIONAL_BASE_X86);
    uint64_t delta = pe->base - wanted;
    struct span left = directory(pe, RELOCATIONS);
    if (delta == 0)
        return true;
    uint16_t flags = kd_load_u16(pe->file + pe->optional - FILE_HEADER_BYTES + FILE_FLAGS);
    if (flags & FLAG_FIXED)
        return refuse(pe, "no relocations: it can only lie at its own base");
    if (!inside(left.offset, left.bytes, pe->image_bytes))
        return refuse(pe, "the relocations lie outside the image");
    while (left.bytes >= 8) {
        struct span block = {left.offset, kd_load_u32(pe->image + left.offset + 4)};
        if (block.bytes < 8 || block.bytes > left.bytes)
            return refuse(pe, "a relocation block has a wrong size");
        if (!relocate_block(pe, block, delta))
            return false;
        left.offset += block.bytes;
        left.bytes -= block.bytes;
    }
    return true;
}

/* ---- imports ------------------------------------------------------------------------------------------- */

/* A text that ends within the image, or NULL. */
static const char *text_at(const struct guest_pe *pe, uint32_t offset)
{
    for (uint32_t end = offset; end < pe->image_bytes; end++)
        if (pe->image[end] == 0)
            return (const char *)pe->image + offset;
    return NULL;
}

static uint64_t load_word(const struct guest_pe *pe, uint32_t offset)
{
    return is_64(pe) ? kd_load_u64(pe->image + offset) : kd_load_u32(pe->image + offset);
}

static void store_word(struct guest_pe *pe, uint32_t offset, uint64_t value)
{
    if (is_64(pe))
        kd_store_u64(pe->image + offset, value);
    else
        kd_store_u32(pe->image + offset, (uint32_t)value);
}

static bool bind(struct guest_pe *pe, const char *library, uint64_t wanted, uint32_t slot)
{
    enum { HINT_BYTES = 2 };
    if (wanted >> (is_64(pe) ? 63 : 31) != 0)
        return refuse(pe, "imports by number: the kernel exports names only");
    const char *name = wanted < pe->image_bytes ? text_at(pe, (uint32_t)wanted + HINT_BYTES) : NULL;
    if (name == NULL)
        return refuse(pe, "the name of an import lies outside the image");
    uint64_t address = pe->resolve == NULL ? 0 : pe->resolve(pe->context, library, name);
    if (address == 0)
        return refuse_import(pe, library, name);
    store_word(pe, slot, address);
    return true;
}

/* One library's imports: names are the table of names, or, where there is none, the slots themselves. */
static bool bind_library(struct guest_pe *pe, const char *library, uint32_t names, uint32_t slots)
{
    if (names == 0)
        names = slots;
    for (uint32_t i = 0;; i += word_bytes(pe)) {
        if (!inside(names, (uint64_t)i + word_bytes(pe), pe->image_bytes) ||
            !inside(slots, (uint64_t)i + word_bytes(pe), pe->image_bytes))
            return refuse(pe, "an import table lies outside the image");
        uint64_t wanted = load_word(pe, names + i);
        if (wanted == 0)
            return true;
        if (!bind(pe, library, wanted, slots + i))
            return false;
    }
}

static bool bind_imports(struct guest_pe *pe)
{
    enum { DESCRIPTOR_BYTES = 20, NAMES = 0, LIBRARY = 12, SLOTS = 16 };
    struct span imports = directory(pe, IMPORTS);
    if (imports.bytes == 0)
        return true;
    for (uint32_t at = imports.offset;; at += DESCRIPTOR_BYTES) {
        if (!inside(at, DESCRIPTOR_BYTES, pe->image_bytes))
            return refuse(pe, "the import directory lies outside the image");
        uint32_t library = kd_load_u32(pe->image + at + LIBRARY), slots = kd_load_u32(pe->image + at + SLOTS);
        if (library == 0 || slots == 0)
            return true;
        const char *name = text_at(pe, library);
        if (name == NULL)
            return refuse(pe, "the name of an imported library lies outside the image");
        if (!bind_library(pe, name, kd_load_u32(pe->image + at + NAMES), slots))
            return false;
    }
}

bool guest_pe_read(struct guest_pe *pe)
{
    pe->why[0] = 0;
    return find_headers(pe) && read_optional(pe);
}

bool guest_pe_load(struct guest_pe *pe)
{
    return guest_pe_read(pe) && copy_headers(pe) && copy_sections(pe) && apply_relocations(pe) &&
           bind_imports(pe);
}

/* ---- what was mapped ----------------------------------------------------------------------------------- */

static bool same(const char *left, const char *right)
{
    while (*left != 0 && *left == *right)
        left++, right++;
    return *left == *right;
}

uint32_t guest_pe_export(const struct guest_pe *pe, const char *name)
{
    enum {
        EXPORT_BYTES = 40,
        FUNCTION_COUNT = 20,
        NAME_COUNT = 24,
        FUNCTIONS = 28,
        NAMES = 32,
        NUMBERS = 36
    };
    struct span exports = directory(pe, EXPORTS);
    if (exports.bytes < EXPORT_BYTES || !inside(exports.offset, exports.bytes, pe->image_bytes))
        return 0;
    const uint8_t *table = pe->image + exports.offset;
    uint32_t functions = kd_load_u32(table + FUNCTIONS), function_count = kd_load_u32(table + FUNCTION_COUNT);
    uint32_t names = kd_load_u32(table + NAMES), name_count = kd_load_u32(table + NAME_COUNT);
    uint32_t numbers = kd_load_u32(table + NUMBERS);
    if (!inside(functions, (uint64_t)function_count * 4, pe->image_bytes) ||
        !inside(names, (uint64_t)name_count * 4, pe->image_bytes) ||
        !inside(numbers, (uint64_t)name_count * 2, pe->image_bytes))
        return 0;
    for (uint32_t i = 0; i < name_count; i++) {
        const char *text = text_at(pe, kd_load_u32(pe->image + names + i * 4));
        uint32_t number = kd_load_u16(pe->image + numbers + i * 2);
        if (text == NULL || number >= function_count || !same(text, name))
            continue;
        uint32_t offset = kd_load_u32(pe->image + functions + number * 4);
        bool is_forwarded = offset >= exports.offset && offset - exports.offset < exports.bytes;
        return is_forwarded || offset >= pe->image_bytes ? 0 : offset;
    }
    return 0;
}

bool guest_pe_section(const struct guest_pe *pe, uint32_t index, struct guest_pe_section *section)
{
    if (index >= pe->section_count)
        return false;
    const uint8_t *header = pe->file + pe->sections + index * SECTION_BYTES;
    uint32_t flags = kd_load_u32(header + SECTION_FLAGS);
    uint32_t bytes = kd_load_u32(header + SECTION_VIRTUAL_BYTES);
    kd_copy(section->name, header, 8);
    section->name[8] = 0;
    section->offset = kd_load_u32(header + SECTION_OFFSET);
    section->bytes = bytes == 0 ? kd_load_u32(header + SECTION_RAW_BYTES) : bytes;
    section->read = (flags & SECTION_READ) != 0;
    section->write = (flags & SECTION_WRITE) != 0;
    section->execute = (flags & SECTION_EXECUTE) != 0;
    return true;
}
