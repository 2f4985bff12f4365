#include "harness/gate/pe_image.h"

#include "transport/kd/kd_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DOS_BYTES = 64,
    DOS_NEW_HEADER = 60,
    /* From the signature on. */
    FILE_MACHINE = 4,
    FILE_SECTIONS = 6,
    FILE_OPTIONAL_BYTES = 20,
    FILE_CHARACTERISTICS = 22,
    FILE_BYTES = 24,
    /* From the optional header on; the same for both forms unless it says otherwise. */
    OPTIONAL_ENTRY = 16,
    OPTIONAL_BASE_64 = 24,
    OPTIONAL_BASE_32 = 28,
    OPTIONAL_SECTION_ALIGNMENT = 32,
    OPTIONAL_FILE_ALIGNMENT = 36,
    OPTIONAL_SUBSYSTEM_MAJOR = 48,
    OPTIONAL_SUBSYSTEM_MINOR = 50,
    OPTIONAL_IMAGE_BYTES = 56,
    OPTIONAL_HEADER_BYTES = 60,
    OPTIONAL_CHECKSUM = 64,
    OPTIONAL_SUBSYSTEM = 68,
    OPTIONAL_DLL_CHARACTERISTICS = 70,
    OPTIONAL_DIRECTORIES_32 = 96, /* the count is the u32 before */
    OPTIONAL_DIRECTORIES_64 = 112,
    DIRECTORY_BYTES = 8,
    SECTION_BYTES = 40,
};

#define SIGNATURE_DOS 0x5A4Du
#define SIGNATURE_PE  0x00004550u
#define MAGIC_32      0x010Bu
#define MAGIC_64      0x020Bu

static bool refuse(char why[PE_WHY_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char why[PE_WHY_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, PE_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* Does [at, at + len) lie in the file? */
static bool in_file(const struct pe_image *image, uint64_t at, uint64_t len_bytes)
{
    return at <= image->len_bytes && len_bytes <= image->len_bytes - at;
}

static bool find_headers(struct pe_image *image, size_t *pe, char why[PE_WHY_BYTES])
{
    if (image->len_bytes < DOS_BYTES)
        return refuse(why, "%zu bytes are no PE image: the DOS header alone has %d", image->len_bytes,
                      DOS_BYTES);
    if (kd_load_u16(image->bytes) != SIGNATURE_DOS)
        return refuse(why, "no PE image: it does not begin with MZ");
    *pe = kd_load_u32(image->bytes + DOS_NEW_HEADER);
    if (!in_file(image, *pe, FILE_BYTES))
        return refuse(why, "the PE header at 0x%zx lies outside the file", *pe);
    if (kd_load_u32(image->bytes + *pe) != SIGNATURE_PE)
        return refuse(why, "no PE signature at 0x%zx", *pe);
    return true;
}

static bool read_machine(struct pe_image *image, size_t pe, char why[PE_WHY_BYTES])
{
    const uint8_t *file = image->bytes + pe;
    size_t optional_bytes = kd_load_u16(file + FILE_OPTIONAL_BYTES);
    image->machine = kd_load_u16(file + FILE_MACHINE);
    image->characteristics = kd_load_u16(file + FILE_CHARACTERISTICS);
    image->is_64 = image->machine == PE_MACHINE_X64;
    if (!image->is_64 && image->machine != PE_MACHINE_X86)
        return refuse(why, "machine type 0x%04x: expected 0x8664 (x64) or 0x014c (x86)", image->machine);
    size_t fixed_bytes = image->is_64 ? OPTIONAL_DIRECTORIES_64 : OPTIONAL_DIRECTORIES_32;
    if (optional_bytes < fixed_bytes || !in_file(image, pe + FILE_BYTES, optional_bytes))
        return refuse(why, "the optional header, %zu bytes, is too short or cut off", optional_bytes);
    uint16_t magic = kd_load_u16(file + FILE_BYTES);
    if (magic != (image->is_64 ? MAGIC_64 : MAGIC_32))
        return refuse(why, "optional header 0x%04x does not fit machine type 0x%04x", magic, image->machine);
    return true;
}

static void read_optional(struct pe_image *image, size_t at)
{
    const uint8_t *optional = image->bytes + at;
    image->entry_rva = kd_load_u32(optional + OPTIONAL_ENTRY);
    image->base =
        image->is_64 ? kd_load_u64(optional + OPTIONAL_BASE_64) : kd_load_u32(optional + OPTIONAL_BASE_32);
    image->section_alignment = kd_load_u32(optional + OPTIONAL_SECTION_ALIGNMENT);
    image->file_alignment = kd_load_u32(optional + OPTIONAL_FILE_ALIGNMENT);
    image->subsystem_major = kd_load_u16(optional + OPTIONAL_SUBSYSTEM_MAJOR);
    image->subsystem_minor = kd_load_u16(optional + OPTIONAL_SUBSYSTEM_MINOR);
    image->image_bytes = kd_load_u32(optional + OPTIONAL_IMAGE_BYTES);
    image->header_bytes = kd_load_u32(optional + OPTIONAL_HEADER_BYTES);
    image->checksum_at = at + OPTIONAL_CHECKSUM;
    image->checksum = kd_load_u32(optional + OPTIONAL_CHECKSUM);
    image->subsystem = kd_load_u16(optional + OPTIONAL_SUBSYSTEM);
    image->dll_characteristics = kd_load_u16(optional + OPTIONAL_DLL_CHARACTERISTICS);
}

static bool read_directories(struct pe_image *image, size_t at, size_t optional_bytes, char why[PE_WHY_BYTES])
{
    size_t first = image->is_64 ? OPTIONAL_DIRECTORIES_64 : OPTIONAL_DIRECTORIES_32;
    uint32_t count = kd_load_u32(image->bytes + at + first - 4);
    if (count > PE_DIRECTORIES || count * DIRECTORY_BYTES > optional_bytes - first)
        return refuse(why, "%u data directories do not fit the optional header", count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *directory = image->bytes + at + first + i * DIRECTORY_BYTES;
        image->directories[i].rva = kd_load_u32(directory);
        image->directories[i].len_bytes = kd_load_u32(directory + 4);
    }
    return true;
}

/* A name from a file may hold anything; it is printed. */
static void copy_name(char to[9], const uint8_t from[8])
{
    for (int i = 0; i < 8; i++)
        to[i] = from[i] == 0 || (from[i] > ' ' && from[i] < 0x7F) ? (char)from[i] : '?';
    to[8] = 0;
}

static bool read_section(struct pe_image *image, struct pe_section *section, const uint8_t *from,
                         char why[PE_WHY_BYTES])
{
    copy_name(section->name, from);
    section->virtual_bytes = kd_load_u32(from + 8);
    section->rva = kd_load_u32(from + 12);
    section->file_bytes = kd_load_u32(from + 16);
    section->file_at = kd_load_u32(from + 20);
    section->flags = kd_load_u32(from + 36);
    if (!in_file(image, section->file_at, section->file_bytes))
        return refuse(why, "section %s: its bytes, 0x%x at 0x%x, lie outside the file", section->name,
                      section->file_bytes, section->file_at);
    uint64_t end = (uint64_t)section->rva + section->virtual_bytes;
    if (section->virtual_bytes == 0 || end > image->image_bytes)
        return refuse(why, "section %s: its addresses, 0x%x at 0x%x, lie outside the image", section->name,
                      section->virtual_bytes, section->rva);
    return true;
}

static bool read_sections(struct pe_image *image, size_t at, size_t count, char why[PE_WHY_BYTES])
{
    if (count == 0 || count > PE_SECTIONS_MAX)
        return refuse(why, "%zu sections: expected 1 to %d", count, PE_SECTIONS_MAX);
    if (!in_file(image, at, count * SECTION_BYTES))
        return refuse(why, "the table of %zu sections is cut off", count);
    for (size_t i = 0; i < count; i++)
        if (!read_section(image, &image->sections[i], image->bytes + at + i * SECTION_BYTES, why))
            return false;
    image->section_count = (unsigned)count;
    return true;
}

/* In order and apart, so that an address belongs to one section. */
static bool sections_apart(const struct pe_image *image, char why[PE_WHY_BYTES])
{
    uint64_t end = image->header_bytes;
    for (unsigned i = 0; i < image->section_count; i++) {
        const struct pe_section *section = &image->sections[i];
        if (section->rva < end)
            return refuse(why, "section %s at 0x%x overlaps what is before it", section->name, section->rva);
        end = (uint64_t)section->rva + section->virtual_bytes;
    }
    return true;
}

static bool read_all(struct pe_image *image, char why[PE_WHY_BYTES])
{
    size_t pe = 0;
    if (!find_headers(image, &pe, why) || !read_machine(image, pe, why))
        return false;
    size_t optional = pe + FILE_BYTES, optional_bytes = kd_load_u16(image->bytes + pe + FILE_OPTIONAL_BYTES);
    read_optional(image, optional);
    return read_directories(image, optional, optional_bytes, why) &&
           read_sections(image, optional + optional_bytes, kd_load_u16(image->bytes + pe + FILE_SECTIONS),
                         why) &&
           sections_apart(image, why);
}

enum kd_status pe_image_read(struct pe_image *image, const uint8_t *bytes, size_t len_bytes,
                             char why[PE_WHY_BYTES])
{
    *image = (struct pe_image){.bytes = bytes, .len_bytes = len_bytes};
    return read_all(image, why) ? KD_OK : KD_ERR_BAD_MESSAGE;
}

const struct pe_section *pe_image_section(const struct pe_image *image, uint32_t rva)
{
    for (unsigned i = 0; i < image->section_count; i++) {
        const struct pe_section *section = &image->sections[i];
        if (rva >= section->rva && rva - section->rva < section->virtual_bytes)
            return section;
    }
    return NULL;
}

const uint8_t *pe_image_at(const struct pe_image *image, uint32_t rva, uint32_t len_bytes)
{
    const struct pe_section *section = pe_image_section(image, rva);
    if (section == NULL)
        return NULL;
    uint32_t offset = rva - section->rva;
    uint32_t there =
        section->file_bytes < section->virtual_bytes ? section->file_bytes : section->virtual_bytes;
    if (offset > there || len_bytes > there - offset)
        return NULL;
    return image->bytes + section->file_at + offset;
}

/* 16-bit words added up with end-around carry, the field itself taken as zero, plus the file's length. */
uint32_t pe_image_checksum(const struct pe_image *image)
{
    uint32_t sum = 0;
    for (size_t at = 0; at < image->len_bytes; at += 2) {
        uint32_t word = image->bytes[at];
        if (at + 1 < image->len_bytes)
            word |= (uint32_t)image->bytes[at + 1] << 8;
        if (at >= image->checksum_at && at < image->checksum_at + 4)
            word = 0;
        sum += word;
        sum = (sum & 0xFFFFu) + (sum >> 16);
    }
    return sum + (uint32_t)image->len_bytes;
}
