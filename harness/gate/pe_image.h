/* pe_image.h: a PE image as it lies in a file, read without trusting a byte of it.
 *
 * Every offset, length and count of the file is checked against the file before it is followed; nothing of
 * the file is executed, mapped or written. What cannot be read is told in one line. The structures point into
 * the caller's bytes. Source: the public PE format specification. Tests: tests/test_gate_hostile.c */
#ifndef PE_IMAGE_H
#define PE_IMAGE_H

#include "transport/kd/kd_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PE_SECTIONS_MAX = 32,
    PE_DIRECTORIES = 16,
    PE_NAMES_MAX = 256,        /* exports, and imports, of an image */
    PE_RELOCATIONS_MAX = 4096, /* base relocations of an image */
    PE_NAME_BYTES_MAX = 128,   /* an export's, import's or library's name, its NUL included */
    PE_WHY_BYTES = 160,
};

/* Machine types, section and image flags, directories: the format's own numbers. */
#define PE_MACHINE_X86           0x014Cu
#define PE_MACHINE_X64           0x8664u
#define PE_FLAG_SHARED           0x10000000u
#define PE_FLAG_EXECUTE          0x20000000u
#define PE_FLAG_WRITE            0x80000000u
#define PE_FLAG_DISCARDABLE      0x02000000u
#define PE_FLAG_NOT_PAGED        0x08000000u
#define PE_IMAGE_RELOCS_STRIPPED 0x0001u
#define PE_IMAGE_EXECUTABLE      0x0002u
#define PE_IMAGE_DLL             0x2000u
#define PE_DLL_DYNAMIC_BASE      0x0040u
#define PE_SUBSYSTEM_NATIVE      1u
enum pe_directory_index {
    PE_EXPORTS = 0,
    PE_IMPORTS = 1,
    PE_RESOURCES = 2,
    PE_CERTIFICATE = 4, /* a file offset, not an RVA */
    PE_RELOCATIONS = 5,
    PE_TLS = 9,
    PE_BOUND_IMPORTS = 11,
    PE_DELAY_IMPORTS = 13,
    PE_CLR = 14,
};
enum { PE_RELOCATION_NONE = 0, PE_RELOCATION_32 = 3, PE_RELOCATION_64 = 10 };

struct pe_section {
    char name[9];
    uint32_t rva, virtual_bytes, file_at, file_bytes, flags;
};

struct pe_directory {
    uint32_t rva, len_bytes;
};

struct pe_image {
    const uint8_t *bytes;
    size_t len_bytes;
    size_t checksum_at; /* where the field lies in the file */
    bool is_64;
    uint16_t machine, characteristics, dll_characteristics, subsystem;
    uint16_t subsystem_major, subsystem_minor;
    uint32_t entry_rva, section_alignment, file_alignment, image_bytes, header_bytes, checksum;
    uint64_t base;
    struct pe_directory directories[PE_DIRECTORIES]; /* zero where the file has none */
    struct pe_section sections[PE_SECTIONS_MAX];
    unsigned section_count;
};

struct pe_export {
    const char *name;
    uint32_t rva;
    bool is_forwarder;
};

struct pe_exports {
    struct pe_export items[PE_NAMES_MAX];
    unsigned count;
};

struct pe_import {
    const char *library;
    const char *name; /* NULL: by ordinal */
    uint32_t slot_rva;
};

struct pe_imports {
    struct pe_import items[PE_NAMES_MAX];
    unsigned count;
};

struct pe_relocations {
    struct {
        uint32_t rva;
        uint8_t type;
    } items[PE_RELOCATIONS_MAX];
    unsigned count; /* without those of type NONE */
};

struct pe_version {
    uint16_t file[4];
    uint32_t type; /* VFT_DRV is 3 */
};

/* Reads headers and sections. bytes stay the caller's and must outlive the image.
 * why      out  on an error: what is wrong and where, without a newline
 * Returns  KD_OK; KD_ERR_BAD_MESSAGE: no image of x86 or x64 that can be read */
KD_MUST_USE enum kd_status pe_image_read(struct pe_image *image, const uint8_t *bytes, size_t len_bytes,
                                         char why[PE_WHY_BYTES]);

/* The file's bytes of an address in the image.
 * Returns  NULL: not all len_bytes of them lie in one section's part of the file */
const uint8_t *pe_image_at(const struct pe_image *image, uint32_t rva, uint32_t len_bytes);

/* The section that an address belongs to, in the file or not; NULL: none. */
const struct pe_section *pe_image_section(const struct pe_image *image, uint32_t rva);

/* What the checksum field should be. */
uint32_t pe_image_checksum(const struct pe_image *image);

/* The tables. An image without one has none of its entries, but a version must be there.
 * Returns  KD_OK; KD_ERR_BAD_MESSAGE: damaged, see why; KD_ERR_TOO_BIG: more than there is room for */
KD_MUST_USE enum kd_status pe_exports_read(const struct pe_image *image, struct pe_exports *exports,
                                           char why[PE_WHY_BYTES]);
KD_MUST_USE enum kd_status pe_imports_read(const struct pe_image *image, struct pe_imports *imports,
                                           char why[PE_WHY_BYTES]);
KD_MUST_USE enum kd_status pe_relocations_read(const struct pe_image *image,
                                               struct pe_relocations *relocations, char why[PE_WHY_BYTES]);
KD_MUST_USE enum kd_status pe_version_read(const struct pe_image *image, struct pe_version *version,
                                           char why[PE_WHY_BYTES]);

#endif
